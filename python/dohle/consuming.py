"""A member of a group: reading its share, committing, rewinding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeAlias

from . import _core, _support
from ._support import html_table, logger, suggests
from .errors import Error, Rebalanced
from .records import Batch, Record
from .times import Duration, optional_seconds, seconds

_RECORDS = 500
ByPartition: TypeAlias = dict[str, dict[int, int]]


def nested(rows: Iterable[tuple[str, int, int]]) -> ByPartition:
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

    def _progress(self, what: Batch | None) -> tuple[str, list[tuple[str, int, int]]]:
        """The group, and the next record to read of each partition: behind a batch, or behind all delivered."""
        if what is None:
            return self._group, self._core.positions
        return self._group, [(topic, partition, last + 1) for topic, partition, _, last, _ in what._core.ranges()]

    @suggests
    def commit(self, what: Batch | None = None, *, timeout: Duration | None = None) -> None:
        """Commits a batch, or everything delivered so far, and waits until that is durable.

        Raises Rebalanced when the partitions were given to another member: their records are delivered again there.
        """
        offsets = self._progress(what)[1]
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
        return nested(self._core.positions)

    @property
    def lag(self) -> ByPartition:
        """Records between position and end, by topic and partition: ``{'orders': {0: 12, 1: 0}}``."""
        return nested(self._core.lag)

    @property
    def committed(self) -> ByPartition:
        """What the group has committed, of this member's partitions."""
        return nested(self._core.committed(self._timeout))

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
