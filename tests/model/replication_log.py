"""Logs, their positions, and the messages about them, for replication_model.py.

A log is a list of entries (epoch, value). A batch has a value and takes one offset; an epoch mark has value None and
takes none, so user offsets stay dense. A *position* is (epoch of the last entry, number of batches): it names a prefix
of a log uniquely, because one leader alone writes in an epoch and it writes the mark first. Positions are compared
lexicographically.
"""

from __future__ import annotations

from dataclasses import dataclass

Entry = tuple[int, int | None]
Log = list[Entry]
Position = tuple[int, int]


def position(log: Log) -> Position:
    return (log[-1][0] if log else 0, sum(value is not None for _, value in log))


def index_after(log: Log, at: Position) -> int:
    """Index of the first entry of `log` that lies beyond `at`, where `at` names a prefix of `log`."""
    epoch, offset = at
    seen = 0
    for i, (e, value) in enumerate(log):
        if value is None:
            if e > epoch:
                return i
        else:
            if seen == offset:
                return i
            seen += 1
    return len(log)


def common_point(log: Log, at: Position) -> Position:
    """The largest position of `log` that can also be in a log that ends at `at`; equal to `at` when it is a prefix."""
    epoch, offset = at
    best = end = 0
    for e, value in log:
        if e > epoch:
            break
        best, end = e, end + (value is not None)
    return (best, min(offset, end) if best == epoch else end)


def truncate(log: Log, at: Position) -> Log:
    epoch, offset = at
    kept: Log = []
    seen = 0
    for e, value in log:
        if e > epoch or (value is not None and seen == offset):
            break
        kept.append((e, value))
        seen += value is not None
    return kept


# --- messages; as text they are the words of a trace -----------------------------------------------------------------


def text(at: Position) -> str:
    return f"{at[0]}.{at[1]}"


@dataclass(frozen=True)
class VoteRequest:
    epoch: int
    candidate: int
    at: Position

    def __str__(self) -> str:
        return f"vote? {self.epoch} {self.candidate} {text(self.at)}"


@dataclass(frozen=True)
class Vote:
    epoch: int
    voter: int

    def __str__(self) -> str:
        return f"vote! {self.epoch} {self.voter}"


@dataclass(frozen=True)
class Fetch:
    epoch: int
    who: int
    at: Position
    number: int

    def __str__(self) -> str:
        return f"fetch {self.epoch} {self.who} {text(self.at)} {self.number}"


@dataclass(frozen=True)
class Entries:
    epoch: int
    asked: Position
    number: int
    entries: tuple[Entry, ...]
    high_watermark: int

    def __str__(self) -> str:
        entries = "".join(f" {e}:{'*' if value is None else value}" for e, value in self.entries)
        return f"entries {self.epoch} {text(self.asked)} {self.number} {self.high_watermark}{entries}"


@dataclass(frozen=True)
class Diverged:
    epoch: int
    asked: Position
    number: int
    point: Position

    def __str__(self) -> str:
        return f"diverged {self.epoch} {text(self.asked)} {self.number} {text(self.point)}"


Message = VoteRequest | Vote | Fetch | Entries | Diverged
