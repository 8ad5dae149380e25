"""Reading without a group: bounded replays, tables for DataFrames, and following what comes."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal, TypeAlias

from . import _core
from ._support import html_table, logger
from .errors import Error, InvalidRequest, OffsetOutOfRange, error_for
from .records import ArrowExport, Batch, Record, row_of
from .times import Moment, to_ms

if TYPE_CHECKING:
    from .topic import Topic

Where: TypeAlias = Literal["earliest", "latest"] | int | Mapping[int, int]
Ranges: TypeAlias = dict[int, tuple[int, int]]

_EARLIEST, _LATEST, _AT_TIME = 0, 1, 2
_POLL_RECORDS = 4096
_TABLE_PREFETCH = 64 << 20
_TAIL_PREFETCH = 4 << 20
_SHOWN = 20
_END_TIMEOUT = 5.0


def bounds(topic: Topic, partitions: Sequence[int] | None) -> Ranges:
    """First offset and end of each wanted partition now. NotFound for what is not there.

    What this connection sent before is waited for, so that whoever reads sees what they wrote.
    """
    topic._connection._settle(topic.name)
    client, timeout = topic._client, topic._timeout
    count = client.metadata([topic.name], False, timeout)["topics"].get(topic.name)
    if count is None:
        client.describe_topic(topic.name, timeout)  # raises, and names topics that are near
        count = 0
    # Asked of the leaders, not of a description: a leader that has just begun answers when it knows its end.
    starts, ends = (client.list_offsets(topic.name, list(range(count)), q, -1, timeout) for q in (_EARLIEST, _LATEST))
    there = {p: (start or 0, end or 0) for p, ((start, _), (end, _)) in enumerate(zip(starts, ends, strict=True))}
    if partitions is None:
        return there
    for p in partitions:
        if p not in there:
            raise error_for(
                "unknown_partition", f"{topic.name!r} has no partition {p}", f"0 to {len(there) - 1}", False
            )
    return {p: there[p] for p in partitions}


def at_time(topic: Topic, limits: Ranges, moment: Moment) -> dict[int, int]:
    """By partition, the first offset at or after a moment; the end where there is none."""
    found = topic._client.list_offsets(topic.name, list(limits), _AT_TIME, to_ms(moment), topic._timeout)
    # What arrived since the ends were asked for is not part of it.
    return {
        p: limits[p][1] if offset is None else min(offset, limits[p][1])
        for p, (offset, _) in zip(limits, found, strict=True)
    }


def at_place(topic: Topic, limits: Ranges, where: Where) -> dict[int, int]:
    """By partition, the offset that `where` means. OffsetOutOfRange outside of what is there."""
    if where == "earliest":
        return {p: start for p, (start, _) in limits.items()}
    if where == "latest":
        return {p: end for p, (_, end) in limits.items()}
    if isinstance(where, str):
        raise ValueError(f'a place is "earliest", "latest", an offset or a dict of them, not {where!r}')
    if isinstance(where, int):
        if len(limits) > 1:
            raise InvalidRequest(
                f"{topic.name!r} has {len(limits)} partitions, so one offset is not enough",
                code="invalid_request",
                hint="a dict of offsets by partition, or partitions=[0]",
            )
        where = {next(iter(limits)): where}
    places = {}
    for p, (start, end) in limits.items():
        places[p] = where.get(p, start)
        if not start <= places[p] <= end:
            raise OffsetOutOfRange(
                f"offset {places[p]} of {topic.name}[{p}] is outside of {start}..{end}",
                code="offset_out_of_range",
                hint='start="earliest" or "latest"',
            )
    return places


def reader(
    topic: Topic, ranges: Mapping[int, tuple[int, int | None]], prefetch: int | None = None, reverse: bool = False
) -> _core.Consumer:
    """A consumer without a group that reads these ranges, in reverse each from its end to its first record."""
    consumer = topic._client.consumer("", "", False, None, None, None, None, prefetch, True)
    topic._connection._track(consumer)
    consumer.assign([(topic.name, p, start, end) for p, (start, end) in ranges.items()], reverse)
    return consumer


def close_reader(consumer: _core.Consumer) -> None:
    """Closes a reader. It holds nothing that others wait for, so a slow end is nobody's error."""
    try:
        consumer.close(_END_TIMEOUT)
    except Error as error:
        logger.info("closing a reader: %s", error)


def newest(topic: Topic, n: int) -> Batch:
    """The last `n` records over all partitions by timestamp, the oldest first.

    Read in reverse, for where compaction left holes offsets do not say how many records there are.
    """
    unread = {p: r for p, r in bounds(topic, None).items() if r[0] < r[1]}
    core = _core.Batch()
    if not unread or n < 1:
        return Batch(core)
    consumer = reader(topic, unread, _TAIL_PREFETCH, reverse=True)
    try:
        have = dict.fromkeys(unread, 0)
        while not consumer.finished and any(have[p] < n and at > unread[p][0] for _, p, at in consumer.positions):
            got = consumer.poll(n, None)
            core = core.joined(got)
            for _, p, _, _, count in got.ranges():
                have[p] += count
    finally:
        close_reader(consumer)
    return Batch(core.newest(n))


class Replay(ArrowExport):
    """A fixed range of a topic, from its first record to an end that was there when it was made.

    Iterating reads the records, in order within each partition, and stops at the end; each iteration starts anew.
    ``reversed(replay)`` gives the same records the other way: within each partition the newest first. ``len()`` is
    known beforehand, so ``tqdm(replay)`` shows the share that is done. ``replay[0]`` reads one record.
    """

    def __init__(self, topic: Topic, ranges: Ranges, reverse: bool = False) -> None:
        self._topic = topic
        self.reverse = reverse
        self.ranges: Ranges = {p: (start, max(start, end)) for p, (start, end) in ranges.items()}

    def __len__(self) -> int:
        return sum(end - start for start, end in self.ranges.values())

    def __iter__(self) -> Iterator[Record]:
        return chain.from_iterable(self.batches(_POLL_RECORDS))

    def __reversed__(self) -> Iterator[Record]:
        return iter(Replay(self._topic, self.ranges, not self.reverse))

    def __getitem__(self, index: int) -> Record:
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"record {index} of {len(self):,}")
        if len(self.ranges) > 1:
            return next(islice(self, at, None))
        ((partition, (start, end)),) = self.ranges.items()
        offset = end - 1 - at if self.reverse else start + at
        return next(iter(Replay(self._topic, {partition: (offset, offset + 1)})))

    def batches(self, max_records: int = _POLL_RECORDS) -> Iterator[Batch]:
        """The same in batches of at most `max_records`."""
        unread = {p: r for p, r in self.ranges.items() if r[0] < r[1]}
        if not unread:
            return
        consumer = reader(self._topic, unread, reverse=self.reverse)
        try:
            while not consumer.finished:
                if batch := Batch(consumer.poll(max_records, None)):
                    yield batch
        finally:
            close_reader(consumer)

    def table(self, columns: Sequence[str] | None = None) -> Table:
        """The range as columns for a DataFrame; see :class:`Table`."""
        return Table(self, columns)

    def by_time(self) -> Iterator[Record]:
        """The records of all partitions in the order of their timestamps, as far as partitions are in that order.

        In reverse the newest first, also over the partitions.
        """
        parts = [iter(Replay(self._topic, {p: r}, self.reverse)) for p, r in self.ranges.items()]
        if len(parts) == 1:
            return parts[0]
        if self.reverse:
            parts.reverse()  # of equal timestamps the one that comes last comes first
        return heapq.merge(*parts, key=lambda r: r.timestamp_ms, reverse=self.reverse)

    def paced(self, speed: float = 1.0) -> Iterator[Record]:
        """The records at the pace they were recorded, `speed` times quicker: 60 = a recorded minute a second.

        A reversed replay runs like a film in reverse.
        """
        if not speed > 0:
            raise ValueError(f"speed is above 0, not {speed}")
        first_ms: int | None = None
        began = time.monotonic()
        for record in self.by_time():
            first_ms = record.timestamp_ms if first_ms is None else first_ms
            passed = first_ms - record.timestamp_ms if self.reverse else record.timestamp_ms - first_ms
            ahead = passed / 1000 / speed - (time.monotonic() - began)
            if ahead > 0:
                time.sleep(ahead)
            yield record

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table().__arrow_c_stream__()

    def __arrow_c_schema__(self) -> object:
        return _core.arrow_schema(None)

    def __repr__(self) -> str:
        ranges = ", ".join(f"{p}@{start}..{end}" for p, (start, end) in list(self.ranges.items())[:8])
        more = f", ... {len(self.ranges) - 8} more" if len(self.ranges) > 8 else ""
        order = ", newest first" if self.reverse else ""
        return f"Replay({self._topic.name}: {len(self):,} records, partitions {ranges}{more}{order})"

    def _repr_html_(self) -> str:
        rows = [row_of(r) for r in islice(self, _SHOWN)]
        return html_table(repr(self), ("partition", "offset", "timestamp", "key", "value"), rows, len(self) - _SHOWN)


class Table(ArrowExport):
    """A range of a topic as columns: ``partition`` int32, ``offset`` int64, ``timestamp`` timestamp[ms, UTC], ``key``
    and ``value`` binary (null for none), ``headers`` list of (key, value); also ``topic`` when asked for.

    Nothing is read before somebody asks for the data: ``polars.DataFrame(table)``, ``pyarrow.table(table)``,
    ``pandas.DataFrame.from_arrow(table)``, or the ``to_...`` methods.
    """

    def __init__(self, replay: Replay, columns: Sequence[str] | None = None) -> None:
        self._replay = replay
        self._columns = list(columns) if columns is not None else None
        _core.arrow_schema(self._columns)  # says now what is wrong with them

    def __len__(self) -> int:
        return len(self._replay)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        unread = {p: r for p, r in self._replay.ranges.items() if r[0] < r[1]}
        if not unread:
            return _core.Batch().arrow_stream(self._columns)
        consumer = reader(self._replay._topic, unread, _TABLE_PREFETCH, self._replay.reverse)
        return consumer.arrow_stream(self._columns)

    def __arrow_c_schema__(self) -> object:
        return _core.arrow_schema(self._columns)

    def __repr__(self) -> str:
        columns = ", ".join(self._columns) if self._columns is not None else "all columns"
        return f"Table({self._replay!r}, {columns})"

    def _repr_html_(self) -> str:
        return self._replay._repr_html_()


def follow(consumer: _core.Consumer, idle: float | None) -> Iterator[Record]:
    """What comes, for ever, or until nothing came for `idle` seconds."""
    try:
        while batch := Batch(consumer.poll(_POLL_RECORDS, idle)):
            yield from batch
    finally:
        close_reader(consumer)
