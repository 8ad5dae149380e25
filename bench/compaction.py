#!/usr/bin/env python3
"""Shows compaction at work: many updates over few keys end as one record a key, also when the broker is killed.

    compaction.py --dohle build/bin/dohle [--updates 10000000] [--keys 100000] [--kill] [--folder DIR]

Run it in the interpreter that has the package `dohle`. With --kill the broker is killed with signal 9 in the middle of
its first pass and started again. A fresh reader's last value of each key must equal a dictionary's; one JSON line says
what came out, and the exit code is 1 when it does not.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BROKER = """
import sys, dohle
folder, updates, keys = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with dohle.Broker(folder, listen=True) as db:
    topic = db.topic("updates", partitions=1, **{"cleanup.policy": "compact"})
    if len(topic) == 0:
        topic.send_many((f"key-{i * 7919 % keys}", str(i)) for i in range(updates))
    print(db.address, flush=True)
    sys.stdin.read()
"""


def start(folder: Path, updates: int, keys: int) -> tuple[subprocess.Popen[str], str]:
    broker = subprocess.Popen(
        [sys.executable, "-c", BROKER, str(folder), str(updates), str(keys)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert broker.stdout is not None
    return broker, broker.stdout.readline().strip()


def partition(dohle: str, address: str) -> dict[str, int]:
    told = subprocess.run(
        [dohle, "topic", "describe", "updates", "--broker", address, "--json"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    shown: dict[str, int] = json.loads(told)[0]["partitions"][0]
    return shown


def main() -> int:
    options = argparse.ArgumentParser(description="Many updates over few keys end as one record a key.")
    options.add_argument("--dohle", default="build/bin/dohle")
    options.add_argument("--updates", type=int, default=10_000_000)
    options.add_argument("--keys", type=int, default=100_000)
    options.add_argument("--kill", action="store_true")
    options.add_argument("--folder", type=Path)
    given = options.parse_args()

    import dohle

    with tempfile.TemporaryDirectory() as scratch:
        folder = (given.folder or Path(scratch)) / "data"
        begun = time.monotonic()
        broker, address = start(folder, given.updates, given.keys)
        fed = time.monotonic() - begun
        before = partition(given.dohle, address)
        if given.kill:
            while not list(folder.glob("*/*.seg.tmp")):
                time.sleep(0.01)
            broker.send_signal(signal.SIGKILL)
            broker.wait()
            broker, address = start(folder, given.updates, given.keys)
        begun = time.monotonic()
        while (now := partition(given.dohle, address))["cleaned_until"] < now["end"]:
            time.sleep(0.1)
        cleaned = time.monotonic() - begun
        with dohle.connect(address) as db:
            begun = time.monotonic()
            read = {}
            records = 0
            for record in db.topic("updates"):
                read[record.key] = record.value
                records += 1
            reading = time.monotonic() - begun
        assert broker.stdin is not None
        broker.stdin.close()
        broker.wait()
        verified = subprocess.run([given.dohle, "log", "verify", str(folder)], capture_output=True, check=False)
    latest = range(max(0, given.updates - given.keys), given.updates)
    expected = {f"key-{i * 7919 % given.keys}".encode(): str(i).encode() for i in latest}
    good = read == expected and verified.returncode == 0
    print(
        json.dumps(
            {
                "name": "compaction",
                "updates": given.updates,
                "keys": given.keys,
                "killed": given.kill,
                "equals_the_dictionary": read == expected,
                "verified": verified.returncode == 0,
                "records_left": records,
                "bytes_before": before["bytes"],
                "bytes_after": now["bytes"],
                "feed_s": round(fed, 1),
                "until_clean_s": round(cleaned, 1),
                "read_back_s": round(reading, 2),
            }
        )
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
