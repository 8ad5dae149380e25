#!/usr/bin/env python3
"""The figures of the Python package, one JSON line each: python_bench.py [--rounds N] [--events N] [--folder DIR].

Every count is checked; a count that is off ends the run. An embedded broker does the work unless a figure says TCP,
then it is one in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dohle
import polars as pl
import pyarrow as pa

EVENT = b"x" * 100
SERVER = (
    "import dohle, sys; db = dohle.Broker(listen=True); print(db.address, flush=True); sys.stdin.read(); db.close()"
)


class Rounds:
    """Figures by name, a value a round; medians at the end."""

    def __init__(self) -> None:
        self._found: dict[str, list[tuple[float, float, int]]] = {}

    def time(self, figure: str, events: int, event_bytes: int, work: Callable[[], int]) -> None:
        began, cpu = time.perf_counter(), time.process_time()
        done = work()
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
        if done != events:
            raise SystemExit(f"{figure}: {done:,} of {events:,} events")
        self._found.setdefault(figure, []).append((events / seconds, used / events * 1e6, event_bytes))

    def print(self) -> None:
        for figure, values in self._found.items():
            rates = [rate for rate, _, _ in values]
            median = statistics.median(rates)
            line = {
                "figure": f"python, {figure}",
                "events_per_s": round(median),
                "low": round(min(rates)),
                "high": round(max(rates)),
                "mb_per_s": round(median * values[0][2] / 1e6, 1),
                "cpu_s_per_million": round(statistics.median(used for _, used, _ in values), 3),
                "rounds": len(rates),
                "dohle": dohle.__version__,
                "machine": f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, "
                f"Python {platform.python_version()}",
                "date": datetime.now(UTC).date().isoformat(),
            }
            print(json.dumps(line), flush=True)


@contextmanager
def server() -> Iterator[dohle.Connection]:
    """A connection to a broker in a process of its own, which ends when its standard input does."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with dohle.connect(process.stdout.readline().strip()) as db:
            yield db
        process.communicate()


def send_one_by_one(topic: dohle.Topic, n: int) -> int:
    with topic.producer() as out:
        for _ in range(n):
            out.send(EVENT)
        return out.flush()


def send_dicts(topic: dohle.Topic, n: int) -> int:
    with topic.producer() as out:
        for i in range(n):
            out.send({"page": "/checkout", "user": i, "ms": 12}, key="user")
        return out.flush()


def loop(topic: dohle.Topic) -> int:
    """As with other clients: one record at a time, its value looked at."""
    n = 0
    for record in topic.read():
        n += record.value is not None
    return n


def poll_one_by_one(db: dohle.Connection, topic: str, group: str, n: int) -> int:
    """The loop of confluent-kafka users: poll() for one record, until all came."""
    read = 0
    with db.group(group).consume(topic) as consumer:
        while read < n and (batch := consumer.poll(max_records=1, timeout="10s")):
            read += batch[0].value is not None
    return read


def one_round(rounds: Rounds, db: dohle.Connection, where: str, n: int, number: int) -> None:
    few = n // 5
    name = f"many-{number}"
    many = db.topic(name, partitions=1)
    frame = pl.DataFrame({"at": pl.datetime_range(pl.datetime(2026, 1, 1), pl.datetime(2026, 1, 2), "1s", eager=True)})
    frame = pl.concat([frame] * (n // len(frame) + 1)).head(n).with_columns(value=pl.lit(EVENT), key=pl.lit("user"))

    rounds.time(f"send_many(), {where}", n, 100, lambda: many.send_many(EVENT for _ in range(n)))
    one, dicts = db.topic(f"one-{number}", partitions=1), db.topic(f"dicts-{number}", partitions=1)
    rounds.time(f"send(bytes), {where}", few, 100, lambda: send_one_by_one(one, few))
    rounds.time(f"send(dict) with a key, {where}", few, 45, lambda: send_dicts(dicts, few))
    framed = db.topic(f"frame-{number}", partitions=1)
    rounds.time(
        f"send_frame(), {where}", n, 100, lambda: framed.send_frame(frame, key="key", value="value", timestamp="at")
    )
    rounds.time(f"table() to Arrow, {where}", n, 100, lambda: pa.table(many.table()).num_rows)
    rounds.time(f"table() to polars, {where}", n, 100, lambda: many.table().to_polars().height)
    rounds.time(f"for record in read(), {where}", n, 100, lambda: loop(many))
    rounds.time(f"batches of read(), {where}", n, 100, lambda: sum(map(len, many.read().batches(100_000))))
    rounds.time(f"poll() one by one, {where}", few, 100, lambda: poll_one_by_one(db, name, f"group-{number}", few))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on the disk to be measured")
    chosen = parser.parse_args()
    rounds = Rounds()
    for number in range(chosen.rounds):
        with tempfile.TemporaryDirectory(dir=chosen.folder) as folder, dohle.Broker(folder) as db:
            one_round(rounds, db, "embedded", chosen.events, number)
        with server() as db:
            one_round(rounds, db, "TCP", chosen.events, number)
    rounds.print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
