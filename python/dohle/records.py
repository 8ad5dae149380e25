"""Records and batches: what reading gives.

>>> from dohle import Record
>>> r = Record("clicks", 0, 17, 1357017000000, b"user-7", b'{"page": "/a"}', (("src", b"web"),))
>>> r
Record(clicks[0]@17 2013-01-01T05:10:00.000Z key=b'user-7' value=b'{"page": "/a"}')
>>> r.json()["page"], r.headers["src"], r.timestamp.year
('/a', b'web', 2013)
>>> match r:
...     case Record("clicks", partition, offset):
...         print(partition, offset)
0 17
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, final, overload

from . import _core
from ._support import html_table, missing_package, shorten
from .times import from_ms, iso

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

_SHOWN: Final = 20


@final
class Record:
    """One event as it was read. Immutable and independent of its batch.

    ``topic``, ``partition``, ``offset`` name its place; ``key`` and ``value`` are bytes or None (a tombstone);
    ``timestamp`` is an aware UTC datetime (stored in milliseconds), None when the producer gave none.
    """

    __slots__ = ("header_pairs", "key", "offset", "partition", "timestamp_ms", "topic", "value")
    __match_args__ = ("topic", "partition", "offset", "timestamp", "key", "value")

    topic: str
    partition: int
    offset: int
    timestamp_ms: int  #: milliseconds since 1970-01-01 UTC; -1 = none
    key: bytes | None
    value: bytes | None
    header_pairs: tuple[tuple[str, bytes | None], ...]  #: all headers in order, repeated names too

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        timestamp_ms: int = -1,
        key: bytes | None = None,
        value: bytes | None = None,
        header_pairs: tuple[tuple[str, bytes | None], ...] = (),
    ) -> None:
        values = (topic, partition, offset, timestamp_ms, key, value, header_pairs)
        for name, value_ in zip(_FIELDS, values, strict=True):
            object.__setattr__(self, name, value_)

    @property
    def timestamp(self) -> datetime | None:
        return from_ms(self.timestamp_ms) if self.timestamp_ms >= 0 else None

    @property
    def timestamp_ns(self) -> int | None:
        """Nanoseconds since 1970-01-01 UTC."""
        return self.timestamp_ms * 1_000_000 if self.timestamp_ms >= 0 else None

    @property
    def headers(self) -> dict[str, bytes | None]:
        """Headers by name; of a repeated name the last one (``header_pairs`` has all)."""
        return dict(self.header_pairs)

    @property
    def view(self) -> memoryview:
        """The value as a read-only memoryview, without a copy; empty for a tombstone."""
        return memoryview(self.value or b"")

    def json(self) -> Any:
        """The value read as JSON; None for a tombstone. ValueError when it is not JSON."""
        return None if self.value is None else json.loads(self.value)

    def text(self, encoding: str = "utf-8") -> str | None:
        """The value as text; None for a tombstone."""
        return None if self.value is None else self.value.decode(encoding)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a record is immutable: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a record is immutable: {name} cannot be deleted")

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Record) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.topic, self.partition, self.offset))

    def __reduce__(self) -> tuple[object, ...]:
        return Record, self._values()

    def __repr__(self) -> str:
        time = iso(self.timestamp_ms).replace(" ", "T")
        place = f"{self.topic}[{self.partition}]@{self.offset}"
        return f"Record({place} {time} key={shorten(self.key)} value={shorten(self.value)})"

    def _repr_html_(self) -> str:
        return html_table(f"{self.topic}[{self.partition}]", _HEADER, [row_of(self)])


_FIELDS: Final = ("topic", "partition", "offset", "timestamp_ms", "key", "value", "header_pairs")
_HEADER: Final = ("partition", "offset", "timestamp", "key", "value")


def row_of(record: Record) -> tuple[object, ...]:
    """A record as a row of a table for people."""
    time, key, value = iso(record.timestamp_ms), shorten(record.key), shorten(record.value)
    return record.partition, record.offset, time, key, value


class ArrowExport:
    """What everything that can be a DataFrame offers. pandas >= 3, polars and pyarrow also read it by themselves:
    ``polars.DataFrame(x)``, ``pandas.DataFrame.from_arrow(x)``, ``pyarrow.table(x)``."""

    __slots__ = ()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        raise NotImplementedError

    def to_arrow(self) -> pyarrow.Table:
        """A ``pyarrow.Table``. ImportError says how to get pyarrow when it is missing."""
        try:
            import pyarrow
        except ImportError:
            raise missing_package("pyarrow", "to_arrow()") from None
        return pyarrow.table(self)

    def to_pandas(self) -> pandas.DataFrame:
        """A ``pandas.DataFrame``; needs pandas and pyarrow."""
        try:
            import pandas  # noqa: F401  pyarrow would fail later and say less
        except ImportError:
            raise missing_package("pandas", "to_pandas()") from None
        return self.to_arrow().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """A ``polars.DataFrame``; needs polars only."""
        try:
            import polars
        except ImportError:
            raise missing_package("polars", "to_polars()") from None
        return polars.DataFrame(self)

    def to_parquet(self, path: str | os.PathLike[str]) -> int:
        """Writes a Parquet file, a part at a time, and returns the number of rows; needs pyarrow."""
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise missing_package("pyarrow", "to_parquet()") from None
        rows = 0
        with pyarrow.RecordBatchReader.from_stream(self) as reader:
            with pyarrow.parquet.ParquetWriter(path, reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch)
                    rows += batch.num_rows
        return rows


class Committer(Protocol):
    """What a batch of a group tells what became of it."""

    def _batch_done(self, batch: Batch) -> None: ...
    def _batch_failed(self, batch: Batch) -> None: ...


@final
class Batch(ArrowExport):
    """Records that were read together, in order per partition: works like a sequence, falsy when empty.

    It is not registered as one, because polars would then read records as Python objects instead of columns. Records
    are made when they are looked at, from memory that all slices of the batch share. As a context manager a batch of a
    group commits its offsets when the block succeeded, and rewinds to its first record when it raised.
    """

    __slots__ = ("_core", "_owner")
    _block: ClassVar[int] = 1024

    def __init__(self, core: _core.Batch | None = None, owner: Committer | None = None) -> None:
        self._core = core if core is not None else _core.Batch()
        self._owner = owner

    def __len__(self) -> int:
        return len(self._core)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...
    def __getitem__(self, index: int | slice) -> Record | Batch:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return Batch(self._core.slice(start, step, len(range(start, stop, step))))
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"record {index} of a batch of {len(self)}")
        return self._core.records(at, at + 1)[0]  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Record]:
        blocks = range(0, len(self), self._block)
        return chain.from_iterable(self._core.records(at, at + self._block) for at in blocks)

    def __reversed__(self) -> Iterator[Record]:
        return iter(self[::-1])

    def __contains__(self, record: object) -> bool:
        return any(r == record for r in self)

    @property
    def offsets(self) -> dict[str, dict[int, tuple[int, int]]]:
        """First and last offset by topic and partition."""
        found: dict[str, dict[int, tuple[int, int]]] = {}
        for topic, partition, first, last, _ in self._core.ranges():
            found.setdefault(topic, {})[partition] = (first, last)
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return self._core.value_bytes

    def table(self, columns: Sequence[str] | None = None) -> BatchTable:
        """Some columns of it, for a DataFrame; ``"topic"`` may be one of them."""
        return BatchTable(self, list(columns) if columns is not None else None)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._core.arrow_stream(None)

    def __arrow_c_schema__(self) -> object:
        return _core.arrow_schema(None)

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owner is None:
            return
        if kind is None:
            self._owner._batch_done(self)
        else:
            self._owner._batch_failed(self)

    def __repr__(self) -> str:
        if not self:
            return "Batch(empty)"
        places = [f"{t}[{p}]@{first}..{last}" for t, p, first, last, _ in self._core.ranges()]
        shown = ", ".join(places[:4]) + (f", ... {len(places) - 4} more partitions" if len(places) > 4 else "")
        return f"Batch({len(self):,} records: {shown})"

    def _repr_html_(self) -> str:
        return html_table(repr(self), _HEADER, map(row_of, self[:_SHOWN]), len(self) - _SHOWN)


class BatchTable(ArrowExport):
    """Chosen columns of a batch."""

    def __init__(self, batch: Batch, columns: list[str] | None) -> None:
        _core.arrow_schema(columns)  # says now what is wrong with them
        self._batch = batch
        self._columns = columns

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._batch._core.arrow_stream(self._columns)

    def __arrow_c_schema__(self) -> object:
        return _core.arrow_schema(self._columns)
