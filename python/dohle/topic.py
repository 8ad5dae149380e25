"""A topic: sending, reading, its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import _core, reading
from ._support import html_table, suggests
from .errors import InvalidRequest, NotFound
from .producing import Ack, Headers, Key, Producer, Value, encode_value, make_producer
from .reading import Replay, Table, Where
from .records import ArrowExport, Batch, Record
from .settings import TopicConfig, TopicInfo, topic_info
from .times import Duration, Moment, iso, optional_seconds

if TYPE_CHECKING:
    from .connection import Connection


class Topic(ArrowExport):
    """A topic of a connection. Cheap to make and to keep; it asks the broker when it is used.

    Iterating reads from the first record to the present end and stops. Without ``create=False`` sending creates a
    topic that is not there, with the broker's default settings; reading one that is not there raises NotFound.
    """

    def __init__(self, connection: Connection, name: str, *, create: bool | None = None) -> None:
        self._connection = connection
        self.name = name
        self._create = create
        self._cursor: _core.Consumer | None = None

    @property
    def _client(self) -> _core.Client:
        return self._connection._core

    @property
    def _timeout(self) -> float:
        return self._connection._timeout

    # --- sending

    @suggests
    def send(
        self,
        value: Value,
        *,
        key: Key = None,
        timestamp: Moment | None = None,
        headers: Headers | None = None,
        partition: int | None = None,
        block: bool = True,
        timeout: Duration | None = None,
    ) -> Ack:
        """Sends one record and returns its :class:`Ack` at once; ``ack.result()`` waits until it is stored.

        dict, list and tuple are sent as JSON, str as UTF-8, bytes as they are, None is a tombstone. All sends of a
        connection to a topic share one producer, which is flushed when the connection is closed. See
        ``Producer.send`` for back-pressure and errors.
        """
        producer = self._connection._producer(self)
        return producer._send(value, key, timestamp, headers, partition, block, timeout)

    def send_many(self, items: Iterable[Value | tuple[Key, Value]]) -> int:
        """Sends values, or pairs (tuples) of key and value, waits until all are stored and returns how many.

        Raises DeliveryErrors when some were not.
        """
        with self.producer() as out:
            return out.send_many(items)

    @suggests
    def send_frame(
        self,
        frame: object,
        *,
        key: str | None = None,
        value: str | None = None,
        timestamp: str | None = None,
        headers: str | None = None,
    ) -> int:
        """Sends each row of a DataFrame, waits until all are stored and returns how many.

        `frame` is anything with ``__arrow_c_stream__``: polars, pandas >= 3, pyarrow, another topic's ``table()``.
        `key`, `value`, `timestamp` and `headers` name columns: text or binary (also categories), text or binary, any
        timestamp or date (without a zone it is UTC), list<struct<key, value>>. Without `value` each row becomes a
        JSON object of the other columns. TypeError names a column that does not fit and what to cast it to.
        """
        self._connection._settle(self.name)  # what was sent before comes before
        with self.producer() as out:
            return out.send_frame(frame, key=key, value=value, timestamp=timestamp, headers=headers)

    @suggests
    def producer(
        self,
        *,
        acks: str = "all",
        compression: str = "none",
        linger: Duration | None = None,
        batch_bytes: int | None = None,
        buffer_bytes: int | None = None,
        delivery_timeout: Duration | None = None,
        idempotent: bool = True,
        encode: Callable[[Any], bytes | str] = encode_value,
    ) -> Producer:
        """A producer of its own for this topic, best used in a ``with`` block.

        acks: "all" (flushed to disk on a majority of the replicas), "leader", "none". compression: "none", "gzip",
        "snappy", "lz4", "zstd". linger: how long a batch waits for more records ("5ms"). buffer_bytes: bytes not yet
        stored, beyond which ``send`` waits. delivery_timeout: until a record fails for good. idempotent: retries
        never duplicate and never reorder. encode: makes bytes or str of values that are neither.
        """
        return self._or_create(
            lambda: make_producer(
                self._client,
                self.name,
                acks=acks,
                compression=compression,
                linger=linger,
                batch_bytes=batch_bytes,
                buffer_bytes=buffer_bytes,
                delivery_timeout=delivery_timeout,
                idempotent=idempotent,
                encode=encode,
            )
        )

    def _or_create(self, make: Callable[[], Producer]) -> Producer:
        try:
            return make()
        except NotFound:
            if self._create is False:
                raise
        self._connection.topics.create(self.name, exist_ok=True)
        return make()

    # --- reading

    @suggests
    def read(
        self,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        start: Where | None = None,
        end: Where | None = None,
        partitions: Sequence[int] | None = None,
        reverse: bool = False,
    ) -> Replay:
        """A bounded range: from the first record to the present end, or what the arguments say. Iterate it.

        `since` (inclusive) and `until` (exclusive) are moments: in each partition the range goes from the first record
        stamped at or after `since` to the first one stamped at or after `until`, by the log's time index. Where
        producers stamp out of order, records between those two may lie outside the times. `start` and `end` are
        "earliest", "latest", an offset, or offsets by partition. With `reverse` the same records come newest first
        within each partition; ``.by_time()`` merges partitions in either direction.
        """
        if (since is not None and start is not None) or (until is not None and end is not None):
            raise InvalidRequest(
                "a read begins and ends at a time or at an offset, not both", code="invalid_request", hint="drop one"
            )
        limits = reading.bounds(self, partitions)
        first = (
            reading.at_place(self, limits, start if start is not None else "earliest")
            if since is None
            else reading.at_time(self, limits, since)
        )
        last = (
            reading.at_place(self, limits, end if end is not None else "latest")
            if until is None
            else reading.at_time(self, limits, until)
        )
        return Replay(self, {p: (first[p], last[p]) for p in limits}, reverse)

    @suggests
    def table(
        self,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        start: Where | None = None,
        end: Where | None = None,
        partitions: Sequence[int] | None = None,
        reverse: bool = False,
        columns: Sequence[str] | None = None,
    ) -> Table:
        """The same range as ``read`` gives, as columns for pandas, polars or pyarrow; see :class:`Table`."""
        replay = self.read(since=since, until=until, start=start, end=end, partitions=partitions, reverse=reverse)
        return replay.table(columns)

    def tail(self, n: int = 10) -> Batch:
        """The last `n` records, over all partitions by timestamp, the oldest of them first."""
        return reading.newest(self, n)

    @suggests
    def follow(
        self, *, start: Where = "latest", since: Moment | None = None, timeout: Duration | None = None
    ) -> Iterator[Record]:
        """New records for ever, from the moment of this call on; Ctrl-C ends it with KeyboardInterrupt.

        `start` or `since` begin earlier. With `timeout` it ends when nothing came for that long.
        """
        limits = reading.bounds(self, None)
        first = reading.at_place(self, limits, start) if since is None else reading.at_time(self, limits, since)
        consumer = reading.reader(self, {p: (at, None) for p, at in first.items()})
        return reading.follow(consumer, optional_seconds(timeout))

    def poll(self, max_records: int = 1000, timeout: Duration | None = "1s") -> Batch:
        """The next records of this Topic object, at least one as soon as there is one; empty after `timeout`.

        The first poll begins at the first record; ``seek`` begins elsewhere.
        """
        if self._cursor is None:
            self.seek("earliest")
        assert self._cursor is not None
        return Batch(self._cursor.poll(max_records, optional_seconds(timeout)))

    def seek(self, start: Where | None = None, *, since: Moment | None = None) -> None:
        """The next ``poll`` of this object begins there."""
        limits = reading.bounds(self, None)
        first = (
            reading.at_place(self, limits, start if start is not None else "earliest")
            if since is None
            else reading.at_time(self, limits, since)
        )
        old, self._cursor = self._cursor, reading.reader(self, {p: (at, None) for p, at in first.items()})
        if old is not None:
            reading.close_reader(old)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.read())

    def __reversed__(self) -> Iterator[Record]:
        return iter(self.read(reverse=True))

    def __len__(self) -> int:
        """Records that are there now."""
        return sum(end - start for start, end in reading.bounds(self, None).values())

    def __bool__(self) -> bool:
        return True

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table().__arrow_c_stream__()

    def __arrow_c_schema__(self) -> object:
        return _core.arrow_schema(None)

    # --- settings

    def describe(self) -> TopicInfo:
        """Partitions with offsets and sizes, and settings. NotFound when the topic is not there."""
        self._connection._settle(self.name)
        return topic_info(self._client.describe_topic(self.name, self._timeout))

    @property
    def partitions(self) -> int:
        """Number of partitions."""
        return len(self.describe().partitions)

    @property
    def config(self) -> TopicConfig:
        return TopicConfig(self)

    def add_partitions(self, count: int) -> TopicInfo:
        """The topic has `count` partitions from now on, never fewer. New records of a key may go to another one."""
        return topic_info(self._client.alter_topic(self.name, {}, [], count, self._timeout))

    def _alter(self, configs: dict[str, str], reset: list[str]) -> TopicInfo:
        return topic_info(self._client.alter_topic(self.name, configs, reset, 0, self._timeout))

    @suggests
    def delete_records(
        self,
        before: Where | None = None,
        *,
        until: Moment | None = None,
        partitions: Sequence[int] | None = None,
    ) -> dict[int, int]:
        """Deletes the records before a place, for ever, and returns each partition's first offset from now on.

        `before` is "latest" (everything that is there), an offset, or offsets by partition, where partitions that are
        not named stay as they are; `until` is a moment: in each partition the first record stamped at or after it is
        the first that stays.
        """
        if (before is None) == (until is None):
            raise InvalidRequest(
                "what to delete is said by an offset or by a time", code="invalid_request", hint="before= or until="
            )
        limits = reading.bounds(self, partitions)
        ends = (
            reading.at_time(self, limits, until)
            if until is not None
            else reading.at_place(self, limits, before if before is not None else "earliest")
        )
        return {
            p: self._client.delete_records(self.name, p, ends[p], self._timeout) if ends[p] > start else start
            for p, (start, _) in limits.items()
        }

    def delete(self) -> None:
        """Deletes the topic and all its records, at once and for ever."""
        self._connection.topics.delete(self.name)

    def __repr__(self) -> str:
        try:
            info = self.describe()
        except NotFound:
            return f"Topic({self.name!r}, not there yet)"
        except Exception as error:  # a repr that raises hides the object it should show
            return f"Topic({self.name!r}, {type(error).__name__})"
        newest = max((p.max_timestamp for p in info.partitions if p.max_timestamp), default=None)
        shown = f", newest {iso(round(newest.timestamp() * 1000))}" if newest else ""
        return f"Topic({self.name!r}, {len(info.partitions)} partitions, {info.records:,} records{shown})"

    def _repr_html_(self) -> str:
        try:
            return self.describe()._repr_html_()
        except NotFound:
            return html_table(self.name, ("",), [("not there yet",)])
