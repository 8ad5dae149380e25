"""An executable model of Dohle's replication rules: Raft, pulled, with zero-width epoch marks. It is their
specification: rules/ agrees with it step for step, which tests/rules/replay_test.cpp and
tests/python/test_replication_model.py watch.

    replication_model.py --seeds 2000       random schedules of 3 and 5 replicas; 0 violations
    replication_model.py --mutants          each planted bug must be found
    replication_model.py --trace --seed 7   one schedule, a line a step: action | messages sent | state of each replica

All of Raft is here in terms of positions (replication_log.py): votes compare them, a fetch carries one, divergence is
answered with one, and the high watermark is the largest offset that a majority has flushed at a position *of the
leader's own epoch*. Standard library only.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass, field

from replication_log import (
    Diverged,
    Entries,
    Fetch,
    Log,
    Message,
    Position,
    Vote,
    VoteRequest,
    common_point,
    index_after,
    position,
    text,
    truncate,
)

MUTANTS = {
    "no-mark": "a new leader writes no mark and counts whatever followers have",
    "count-old-epochs": "the watermark counts positions of earlier epochs (Raft's figure 8)",
    "ack-before-flush": "a follower fetches from (so acknowledges) entries it has not flushed",
    "leader-counts-unflushed": "a leader counts its own unflushed entries",
    "forget-vote": "a crash forgets the vote",
    "vote-ignores-position": "a vote is granted to any candidate",
    "truncate-to-watermark": "a follower truncates to its watermark when the epoch changes",
    "no-divergence-check": "a leader compares offsets only",
    "stale-reply": "a follower applies a reply to an earlier fetch of its own",
    "watermark-past-end": "a follower believes the leader's watermark beyond what it holds",
}


class Violation(Exception):
    pass


# --- the rules -------------------------------------------------------------------------------------------------------


class Replica:
    def __init__(self, me: int) -> None:
        self.me = me
        # flushed: survives a crash
        self.epoch = 0
        self.vote: int | None = None
        self.log: Log = []
        self.flushed = 0  # entries of the log that are on disk
        self.reset()

    def reset(self) -> None:
        self.role = "follower"
        self.high_watermark = 0
        self.votes: set[int] = set()
        self.seen: dict[int, Position] = {}
        self.fetch_number = 0

    def flushed_position(self) -> Position:
        return position(self.log[: self.flushed])

    def __str__(self) -> str:
        vote = "-" if self.vote is None else str(self.vote)
        ends = f"{text(position(self.log))},{text(self.flushed_position())}"
        return f"{self.epoch},{vote},{self.role},{ends},{self.high_watermark}"


@dataclass
class World:
    """Replicas and their network, which delays, reorders, duplicates and loses."""

    n: int
    rng: random.Random
    mutant: str | None = None
    net: list[tuple[int, Message]] = field(default_factory=list)
    leaders: dict[int, int] = field(default_factory=dict)
    committed: list[int] = field(default_factory=list)
    next_value: int = 1
    action: str = ""  # of this step; empty when nothing happened
    sent: list[tuple[int, Message]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.replicas = [Replica(i) for i in range(self.n)]
        self.stats = {"committed": 0, "elections": 0, "truncations": 0, "crashes": 0}

    def send(self, to: int, message: Message) -> None:
        self.net.append((to, message))
        self.sent.append((to, message))

    def others(self, r: Replica) -> list[int]:
        return [o for o in range(self.n) if o != r.me]

    def new_epoch(self, r: Replica, epoch: int) -> None:
        if epoch > r.epoch:
            r.epoch, r.vote, r.role = epoch, None, "follower"
            if self.mutant == "truncate-to-watermark":
                r.log = truncate(r.log, (10**9, r.high_watermark))
                r.flushed = min(r.flushed, len(r.log))

    # -- elections

    def campaign(self, r: Replica) -> None:
        self.new_epoch(r, r.epoch + 1)
        r.role, r.vote, r.votes = "candidate", r.me, {r.me}
        for o in self.others(r):
            self.send(o, VoteRequest(r.epoch, r.me, position(r.log)))

    def on_vote_request(self, r: Replica, m: VoteRequest) -> None:
        self.new_epoch(r, m.epoch)
        up_to_date = m.at >= position(r.log) or self.mutant == "vote-ignores-position"
        if m.epoch == r.epoch and r.vote in (None, m.candidate) and r.role != "leader" and up_to_date:
            r.vote = m.candidate
            self.send(m.candidate, Vote(m.epoch, r.me))

    def on_vote(self, r: Replica, m: Vote) -> None:
        self.new_epoch(r, m.epoch)
        if r.role != "candidate" or m.epoch != r.epoch:
            return
        r.votes.add(m.voter)
        if 2 * len(r.votes) > self.n:
            if self.leaders.setdefault(m.epoch, r.me) != r.me:
                raise Violation(f"two leaders in epoch {m.epoch}")
            r.role, r.seen = "leader", {}
            self.stats["elections"] += 1
            if self.mutant != "no-mark":
                r.log.append((m.epoch, None))

    # -- replication: a fetch is a position is an acknowledgement

    def fetch(self, r: Replica, leader: int) -> None:
        if self.mutant == "ack-before-flush":
            at = position(r.log)
        else:
            r.flushed = len(r.log)  # a follower flushes what it has before it asks for more
            at = r.flushed_position()
        r.fetch_number += 1
        self.send(leader, Fetch(r.epoch, r.me, at, r.fetch_number))

    def on_fetch(self, r: Replica, m: Fetch) -> None:
        self.new_epoch(r, m.epoch)
        if r.role != "leader":
            return
        point = common_point(r.log, m.at)
        if self.mutant == "no-divergence-check":
            point = (m.at[0], min(m.at[1], position(r.log)[1]))
        if point != m.at:
            self.send(m.who, Diverged(r.epoch, m.at, m.number, point))
            return
        r.seen[m.who] = max(r.seen.get(m.who, (0, 0)), m.at)
        self.advance(r)
        first = index_after(r.log, m.at)
        count = self.rng.randint(0, 3)
        entries = tuple(r.log[first : first + count])
        self.send(m.who, Entries(r.epoch, m.at, m.number, entries, r.high_watermark))

    def advance(self, r: Replica) -> None:
        own = position(r.log) if self.mutant == "leader-counts-unflushed" else r.flushed_position()
        positions = sorted([own] + [r.seen.get(o, (0, 0)) for o in self.others(r)], reverse=True)
        majority = positions[self.n // 2]
        if majority[0] == r.epoch or self.mutant in ("count-old-epochs", "no-mark"):
            self.commit(r, majority[1])

    def commit(self, r: Replica, high_watermark: int) -> None:
        if high_watermark <= r.high_watermark:
            return
        r.high_watermark = high_watermark
        values = [value for _, value in r.log if value is not None][:high_watermark]
        known = self.committed[: len(values)]
        if values[: len(known)] != known or len(values) < high_watermark:
            raise Violation(f"replica {r.me} commits {values}, but {self.committed} was committed")
        self.committed += values[len(self.committed) :]

    def on_entries(self, r: Replica, m: Entries) -> None:
        self.new_epoch(r, m.epoch)
        fresh = m.number == r.fetch_number and m.asked == position(r.log)
        if m.epoch < r.epoch or r.role == "leader" or not (fresh or self.mutant == "stale-reply"):
            return
        r.role = "follower"
        r.log = r.log + list(m.entries)
        r.fetch_number += 1  # this fetch is answered
        end = position(r.log)[1]
        believed = m.high_watermark if self.mutant == "watermark-past-end" else min(m.high_watermark, end)
        self.commit(r, believed)

    def on_diverged(self, r: Replica, m: Diverged) -> None:
        self.new_epoch(r, m.epoch)
        if m.epoch < r.epoch or r.role == "leader" or m.number != r.fetch_number or m.asked != position(r.log):
            return
        if m.point[1] < r.high_watermark:
            raise Violation(f"replica {r.me} would truncate to {m.point}, below its watermark {r.high_watermark}")
        r.log = truncate(r.log, m.point)
        r.flushed = min(r.flushed, len(r.log))
        r.fetch_number += 1
        self.stats["truncations"] += 1

    # -- what happens, by chance

    def crash(self, r: Replica) -> None:
        keep = self.rng.randint(r.flushed, len(r.log))  # unflushed entries may or may not have reached the disk
        r.log, r.flushed = r.log[:keep], keep
        if self.mutant == "forget-vote":
            r.vote = None
        r.reset()
        self.stats["crashes"] += 1

    def deliver(self, to: int, m: Message) -> None:
        self.action = f"deliver {to} {m}"
        r = self.replicas[to]
        match m:
            case VoteRequest():
                self.on_vote_request(r, m)
            case Vote():
                self.on_vote(r, m)
            case Fetch():
                self.on_fetch(r, m)
            case Entries():
                self.on_entries(r, m)
            case Diverged():
                self.on_diverged(r, m)

    def deliver_some(self) -> None:
        i = self.rng.randrange(len(self.net))
        to, m = self.net[i] if self.rng.random() < 0.05 else self.net.pop(i)  # sometimes twice
        if self.rng.random() >= 0.05:  # sometimes never
            self.deliver(to, m)

    def step(self) -> None:
        """The order in which chance is asked is part of a seed's meaning."""
        self.action, self.sent = "", []
        r = self.rng.choice(self.replicas)
        x = self.rng.random()
        if x < 0.50 and self.net:
            self.deliver_some()
        elif x < 0.75:
            if r.role != "leader":
                self.action = f"fetch {r.me}"
                self.fetch(r, self.rng.choice(self.others(r)))
        elif x < 0.90:
            if r.role == "leader":
                self.action = f"append {r.me} {self.next_value}"
                r.log.append((r.epoch, self.next_value))
                self.next_value += 1
        elif x < 0.955:
            self.action = f"flush {r.me}"
            r.flushed = len(r.log)
            if r.role == "leader":
                self.advance(r)
        elif x < 0.985:
            if r.role != "leader":
                self.action = f"campaign {r.me}"
                self.campaign(r)
        else:
            self.crash(r)
            self.action = f"crash {r.me} {text(position(r.log))}"
        if len(self.net) > 60:
            del self.net[self.rng.randrange(len(self.net))]

    def check(self) -> None:
        for r in self.replicas:
            if r.role == "leader" and self.leaders.get(r.epoch) == r.me and r.epoch == max(self.leaders):
                values = [value for _, value in r.log if value is not None]
                if values[: len(self.committed)] != self.committed:
                    raise Violation(f"leader of epoch {r.epoch} lacks committed events")
        self.stats["committed"] = len(self.committed)

    def trace_line(self) -> str:
        sent = "; ".join(f"{to} {m}" for to, m in self.sent)
        return f"{self.action} | {sent} | {' '.join(map(str, self.replicas))}"


# --- running it ------------------------------------------------------------------------------------------------------


@dataclass
class Run:
    violation: str | None
    stats: dict[str, int]
    trace: list[str]  # empty unless asked for; ends with the step that broke a promise


def size_of(seed: int) -> int:
    return 3 if seed % 3 else 5


def run(seed: int, n: int, steps: int, mutant: str | None = None, *, traced: bool = False) -> Run:
    w = World(n, random.Random(seed), mutant)
    trace = [f"replicas {n}"] if traced else []
    violation = None
    for i in range(steps):
        try:
            w.step()
            w.check()
        except Violation as v:
            violation = f"seed {seed}, {n} replicas, step {i}: {v}"
        if traced and w.action:
            trace.append(w.trace_line())
        if violation:
            break
    return Run(violation, w.stats, trace)


def search(first: int, seeds: int, steps: int, mutant: str | None = None) -> tuple[str | None, dict[str, int]]:
    """The first violation, if there is one, and what happened on the way to it."""
    total: dict[str, int] = {}
    for seed in range(first, first + seeds):
        ran = run(seed, size_of(seed), steps, mutant)
        for key, value in ran.stats.items():
            total[key] = total.get(key, 0) + value
        if ran.violation:
            return ran.violation, total
    return None, total


def main() -> int:
    p = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    p.add_argument("--seed", type=int, default=1, help="the first one")
    p.add_argument("--seeds", type=int, default=500)
    p.add_argument("--steps", type=int, default=1500)
    p.add_argument("--mutants", action="store_true", help="look for each planted bug")
    p.add_argument("--trace", action="store_true", help="print the schedule of --seed")
    p.add_argument("--mutant", choices=MUTANTS, help="plant this bug")
    a = p.parse_args()
    if a.trace:
        ran = run(a.seed, size_of(a.seed), a.steps, a.mutant, traced=True)
        print(*ran.trace, sep="\n")
        return 0
    if a.mutants:
        missed = 0
        for mutant in MUTANTS:
            found, _ = search(a.seed, a.seeds, a.steps, mutant)
            missed += not found
            print(f"{mutant:26} {'found: ' + found[:90] if found else 'NOT FOUND'}")
        return 1 if missed else 0
    found, total = search(a.seed, a.seeds, a.steps, a.mutant)
    print(found or f"{a.seeds} seeds, 0 violations, {total}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
