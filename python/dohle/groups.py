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
from typing import TYPE_CHECKING, Literal

from . import reading
from ._support import html_table, suggests, text_table
from .consuming import ByPartition, Consumer, nested
from .errors import Error, GroupNotEmpty, InvalidRequest, NotFound
from .times import Duration, Moment, seconds

if TYPE_CHECKING:
    from .connection import Connection


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
        isolation: str = "read_committed",
    ) -> Consumer:
        """Joins the group and reads this member's share of the topics; see :class:`Consumer`.

        start: where a partition begins of which the group has committed nothing. max_processing: the longest time
        between two polls; a member that takes longer loses its partitions. session_timeout: a member that is not heard
        of for so long is given up. instance: a fixed name, so that a restart takes the same partitions without a
        rebalance. isolation: with "read_uncommitted" records of open and aborted transactions come, too. NotFound when
        a topic is not there.
        """
        if start not in ("earliest", "latest"):
            raise ValueError(f'start is "earliest" or "latest", not {start!r}')
        if isolation not in ("read_committed", "read_uncommitted"):
            raise ValueError(f'isolation is "read_committed" or "read_uncommitted", not {isolation!r}')
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
            isolation == "read_committed",
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
        return nested(c._core.fetch_offsets(self.name, c._timeout))

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
