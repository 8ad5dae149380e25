"""Consumer groups: members share the partitions of topics; the group remembers how far it has read.

>>> import dohle
>>> with dohle.Broker() as db:
...     _ = db.topic("orders").send_many(["a", "b", "c"])
...     with db.group("billing").consume("orders") as consumer:
...         for batch in consumer.batches(timeout="2s"):
...             with batch:                # commits on success, rewinds when the block raises
...                 print([r.text() for r in batch])
...             break
...     db.group("billing").lag()
['a', 'b', 'c']
{'orders': {0: 0}}
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from . import _core, _support, reading
from ._support import html_table, logger, suggests, text_table
from .errors import Error, GroupNotEmpty, InvalidRequest, NotFound, Rebalanced
from .records import Batch, Record
from .times import Duration, Moment, optional_seconds, seconds

if TYPE_CHECKING:
    from .connection import Connection

_RECORDS = 500
ByPartition = dict[str, dict[int, int]]


def _nested(rows: Iterable[tuple[str, int, int]]) -> ByPartition:
    found: ByPartition = {}
    for topic, partition, value in rows:
        found.setdefault(topic, {})[partition] = value
    return found


class Consumer:
    """A member of a group. Made by ``Group.consume``; best used in a ``with`` block, which leaves the group at its end.

    ``for batch in consumer.batches()`` with ``with batch:`` inside commits each batch when its block succeeded and
    rewinds when it raised. Without ``with batch``, and in ``for record in consumer``, a batch is committed when the
    loop asks for what comes after it; a loop that is left early (break, exception) rewinds to the start of the
    unfinished batch, so nothing is lost and some records may come twice. ``auto_commit=False`` leaves the commits of
    such loops to ``commit()``.

    Heartbeats and fetching happen in the engine: slow Python code costs the membership only after ``max_processing``.
    """

    def __init__(self, core: _core.Consumer, group: str, auto_commit: bool, timeout: float) -> None:
        self._core = core
        self._group = group
        self._auto_commit = auto_commit
        self._timeout = timeout
        self._where = _support.where_opened()

    # --- reading

    def poll(self, max_records: int = _RECORDS, timeout: Duration | None = "1s") -> Batch:
        """The next records, at least one as soon as there is one; empty after `timeout` (None: waits for ever).

        Nothing is committed: use ``with batch:`` or ``commit``.
        """
        return Batch(self._core.poll(max_records, optional_seconds(timeout)), self)

    def batches(self, max_records: int = _RECORDS, timeout: Duration | None = None) -> Iterator[Batch]:
        """Batches for ever, or until nothing came for `timeout`; see the class for when they are committed."""
        while batch := self.poll(max_records, timeout):
            finished = False
            try:
                yield batch
                finished = True
            finally:
                if batch._owner is not None and not finished:
                    self._batch_failed(batch)
            if batch._owner is not None and self._auto_commit:
                self._batch_done(batch)

    def __iter__(self) -> Iterator[Record]:
        for batch in self.batches():
            yield from batch

    # --- what became of a batch

    def _batch_done(self, batch: Batch) -> None:
        batch._owner = None
        try:
            self.commit(batch)
        except Rebalanced as error:
            logger.warning("%r: a batch will be delivered again: %s", self, error)

    def _batch_failed(self, batch: Batch) -> None:
        batch._owner = None
        for topic, partition, first, _, _ in batch._core.ranges():
            try:
                self._core.seek(topic, partition, first)
            except Error as error:  # given to another member meanwhile, which begins at the commit
                logger.info("%r: %s[%d] is not rewound: %s", self, topic, partition, error)

    @suggests
    def commit(self, what: Batch | None = None, *, timeout: Duration | None = None) -> None:
        """Commits a batch, or everything delivered so far, and waits until that is durable.

        Raises Rebalanced when the partitions were given to another member: their records are delivered again there.
        """
        if what is None:
            offsets = self._core.positions
        else:
            offsets = [(topic, partition, last + 1) for topic, partition, _, last, _ in what._core.ranges()]
        # A partition that another member has now is its to commit: ours would undo its progress.
        mine = set(self._core.assignment)
        kept = [o for o in offsets if o[:2] in mine]
        if kept:
            self._core.commit(kept, self._timeout if timeout is None else seconds(timeout))
        if len(kept) < len(offsets):
            lost = ", ".join(f"{t}[{p}]" for t, p, _ in offsets if (t, p) not in mine)
            raise Rebalanced(
                f"{lost} of group {self._group!r} went to another member", code="rebalancing", retriable=True
            )

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """The next poll of this partition begins there. NotFound when it is not assigned to this member."""
        self._core.seek(topic, partition, offset)

    # --- state

    @property
    def assignment(self) -> dict[str, list[int]]:
        """Partitions of this member, by topic; empty while the group is sharing them out."""
        found: dict[str, list[int]] = {}
        for topic, partition in self._core.assignment:
            found.setdefault(topic, []).append(partition)
        return found

    @property
    def positions(self) -> ByPartition:
        """The next offset that ``poll`` gives, by topic and partition."""
        return _nested(self._core.positions)

    @property
    def lag(self) -> ByPartition:
        """Records between position and end, by topic and partition: ``{'orders': {0: 12, 1: 0}}``."""
        return _nested(self._core.lag)

    @property
    def committed(self) -> ByPartition:
        """What the group has committed, of this member's partitions."""
        return _nested(self._core.committed(self._timeout))

    @property
    def member(self) -> str:
        """The name that the group gave it."""
        return self._core.member

    @property
    def closed(self) -> bool:
        return not self._core.open

    def close(self) -> None:
        """Leaves the group; others take its partitions at once. Commits nothing."""
        self._core.close(self._timeout)

    def __enter__(self) -> Consumer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Error as also:
            if kind is None:
                raise
            logger.warning("closing %r: %s", self, also)

    def __del__(self) -> None:
        core = getattr(self, "_core", None)
        if core is not None and core.open:
            _support.warn_unclosed(self, self._where)

    def __repr__(self) -> str:
        if self.closed:
            return f"Consumer(group {self._group!r}, closed)"
        parts = ", ".join(f"{t}{ps}" for t, ps in self.assignment.items()) or "no partitions yet"
        return f"Consumer(group {self._group!r}, {parts})"

    def _repr_html_(self) -> str:
        lag = {} if self.closed else self.lag
        rows = [(t, p, at, lag.get(t, {}).get(p, "?")) for t, ps in self.positions.items() for p, at in ps.items()]
        return html_table(repr(self), ("topic", "partition", "position", "lag"), rows)


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a group and its partitions by topic."""

    id: str
    instance: str
    client: str
    assignment: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """What ``Group.describe`` tells. ``state`` is one of Kafka's names: Empty, Stable, PreparingRebalance, ..."""

    name: str
    state: str
    protocol: str
    generation: int
    members: tuple[Member, ...]

    def __str__(self) -> str:
        head = f"{self.name}: {self.state}, generation {self.generation}, {len(self.members)} members"
        rows = [(m.id, m.client, m.assignment) for m in self.members]
        return head + ("\n" + text_table(("member", "client", "partitions"), rows) if rows else "")

    def _repr_html_(self) -> str:
        rows = [(m.id, m.client, m.assignment) for m in self.members]
        return html_table(f"{self.name}: {self.state}", ("member", "client", "partitions"), rows)


@dataclass(frozen=True, slots=True)
class Move:
    """Where a group's offset in a partition is (None: nowhere) and where it goes."""

    topic: str
    partition: int
    before: int | None
    after: int


class SeekPlan(tuple[Move, ...]):
    """The moves of ``Group.seek``, as a table."""

    _header = ("topic", "partition", "from", "to")

    def _rows(self) -> list[tuple[object, ...]]:
        return [(m.topic, m.partition, "-" if m.before is None else m.before, m.after) for m in self]

    def __repr__(self) -> str:
        return text_table(self._header, self._rows())

    def _repr_html_(self) -> str:
        return html_table("moves", self._header, self._rows())


class Group:
    """A consumer group by name. Cheap to make; it asks the broker when it is used."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self.name = name

    @suggests
    def consume(
        self,
        topics: str | Iterable[str],
        *,
        start: Literal["earliest", "latest"] = "earliest",
        max_processing: Duration = "5m",
        auto_commit: bool = True,
        instance: str = "",
        session_timeout: Duration = "45s",
        heartbeat_interval: Duration = "3s",
        fetch_bytes: int | None = None,
        prefetch_bytes: int | None = None,
    ) -> Consumer:
        """Joins the group and reads this member's share of the topics; see :class:`Consumer`.

        start: where a partition begins of which the group has committed nothing. max_processing: the longest time
        between two polls; a member that takes longer loses its partitions. session_timeout: a member that is not heard
        of for so long is given up. instance: a fixed name, so that a restart takes the same partitions without a
        rebalance. NotFound when a topic is not there.
        """
        if start not in ("earliest", "latest"):
            raise ValueError(f'start is "earliest" or "latest", not {start!r}')
        names = [topics] if isinstance(topics, str) else list(topics)
        c = self._connection
        for name in names:
            c.topics[name]
        core = c._core.consumer(
            self.name,
            instance,
            start == "latest",
            seconds(session_timeout),
            seconds(heartbeat_interval),
            seconds(max_processing),
            fetch_bytes,
            prefetch_bytes,
        )
        core.subscribe(names)
        c._track(core)
        return Consumer(core, self.name, auto_commit, c._timeout)

    def describe(self) -> GroupInfo:
        """State and members. NotFound when nobody ever used the group."""
        c = self._connection
        g = c._core.describe_group(self.name, c._timeout)
        members = tuple(
            Member(m["id"], m["instance"], m["client"], decode_assignment(m["assignment"])) for m in g["members"]
        )
        return GroupInfo(g["group"], g["state"], g["protocol"], g["generation"], members)

    @property
    def members(self) -> tuple[Member, ...]:
        return self.describe().members

    def offsets(self) -> ByPartition:
        """What the group has committed: the next offset to read, by topic and partition."""
        c = self._connection
        return _nested(c._core.fetch_offsets(self.name, c._timeout))

    def lag(self) -> ByPartition:
        """Records between what is committed and the end, by topic and partition, of what the group has committed."""
        behind: ByPartition = {}
        for topic, offsets in self.offsets().items():
            try:
                limits = reading.bounds(self._connection.topic(topic), None)
            except NotFound:  # deleted meanwhile
                continue
            behind[topic] = {p: limits[p][1] - at for p, at in offsets.items() if p in limits}
        return behind

    @suggests
    def seek(
        self,
        *,
        time: Moment | None = None,
        to: reading.Where | None = None,
        topics: str | Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> SeekPlan:
        """Moves the group's offsets to a time, or to "earliest", "latest", an offset; returns the moves as a table.

        With ``dry_run=True`` it only shows them. `topics`: which; without, those the group has committed in.
        GroupNotEmpty while members are there: they would go on from where they are.
        """
        if (time is None) == (to is None):
            raise InvalidRequest("seek takes either time= or to=", code="invalid_request", hint='to="earliest"')
        now = self.offsets()
        names = list(now) if topics is None else [topics] if isinstance(topics, str) else list(topics)
        if not names:
            raise InvalidRequest(
                f"group {self.name!r} has committed nothing yet", code="invalid_request", hint="name the topics="
            )
        moves = []
        for name in names:
            topic = self._connection.topic(name)
            limits = reading.bounds(topic, None)
            targets = (
                reading.at_place(topic, limits, to) if to is not None else reading.at_time(topic, limits, time or 0)
            )
            moves += [Move(name, p, now.get(name, {}).get(p), at) for p, at in targets.items()]
        if not dry_run:
            self._apply(moves)
        return SeekPlan(moves)

    def _apply(self, moves: Sequence[Move]) -> None:
        try:
            members = self.members
        except NotFound:  # the first commit makes the group
            members = ()
        if members:
            raise GroupNotEmpty(
                f"group {self.name!r} has {len(members)} members, which would go on from where they are",
                code="group_not_empty",
                hint="close them first",
            )
        c = self._connection
        c._core.commit_offsets(self.name, [(m.topic, m.partition, m.after) for m in moves], c._timeout)

    def delete(self) -> None:
        """Forgets the group and its offsets. GroupNotEmpty while members are there."""
        c = self._connection
        c._core.delete_group(self.name, c._timeout)

    def __repr__(self) -> str:
        try:
            info = self.describe()
        except Error as error:
            return f"Group({self.name!r}, {'not there yet' if isinstance(error, NotFound) else error.code})"
        return f"Group({self.name!r}, {info.state}, {len(info.members)} members)"

    def _repr_html_(self) -> str:
        lag = self.lag()
        rows = [(t, p, at, lag.get(t, {}).get(p, "?")) for t, ps in self.offsets().items() for p, at in ps.items()]
        return html_table(repr(self), ("topic", "partition", "committed", "lag"), rows)


class Groups(Mapping[str, Group]):
    """The groups of a connection by name."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _states(self) -> dict[str, str]:
        return dict(self._connection._core.list_groups(self._connection._timeout))

    def __getitem__(self, name: str) -> Group:
        group = Group(self._connection, name)
        group.describe()  # NotFound
        return group

    def __contains__(self, name: object) -> bool:
        return name in self._states()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._states()))

    def __len__(self) -> int:
        return len(self._states())

    def __repr__(self) -> str:
        return f"Groups({', '.join(f'{n}: {s}' for n, s in sorted(self._states().items())) or 'none'})"

    def _repr_html_(self) -> str:
        return html_table("groups", ("group", "state"), sorted(self._states().items()))


def decode_assignment(data: bytes) -> dict[str, list[int]]:
    """Reads a member's share in Kafka's form: i16 version | i32 n, n x (i16 length, topic | i32 m, m x i32). Empty when
    there is none or it is in another form."""
    found: dict[str, list[int]] = {}
    try:
        (topics,), at = struct.unpack_from(">i", data, 2), 6
        for _ in range(topics):
            (size,) = struct.unpack_from(">h", data, at)
            name = data[at + 2 : at + 2 + size].decode()
            at += 2 + size
            (count,) = struct.unpack_from(">i", data, at)
            found[name] = list(struct.unpack_from(f">{count}i", data, at + 4))
            at += 4 + 4 * count
    except (struct.error, UnicodeDecodeError):
        return {}
    return found
