"""Runs other projects' test suites against a fresh Dohle and a fresh Kafka, and compares.

    ./dev compat [SUITE...]            or: python tests/compat/run.py [--only-dohle] [--record] [SUITE...]

What a suite passes on Kafka and fails here is a difference. Those that are known stand in expected/SUITE.txt, each
with its reason; a difference that is not there makes the exit status 1, and so does a known one that is gone. With
--only-dohle no Kafka is started: expected/SUITE.txt says what passes there. --record writes these files anew.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import brokers
import maven
import suite_ecosystem
import suite_kafka_python
import suite_kgo
import suite_librdkafka
import suite_tools
from kit import FAIL, PASS, SKIP, Results, Suite

HERE = Path(__file__).resolve().parent
ALL = (suite_kgo, suite_kafka_python, suite_tools, suite_librdkafka, suite_ecosystem)
SUITES = {module.SUITE.name: module.SUITE for module in ALL}
DIFFERENT = "- "  # before a test that Kafka passes and Dohle does not; its reason follows a colon


@dataclass
class Expected:
    """Tests that pass on Kafka, and why some of them do not here."""

    passing: set[str]
    reasons: dict[str, str]

    @classmethod
    def load(cls, suite: Suite) -> Expected:
        file = HERE / "expected" / f"{suite.name}.txt"
        passing, reasons = set(), {}
        for line in file.read_text().splitlines() if file.exists() else []:
            if not line or line.startswith("#"):
                continue
            name, _, reason = line.removeprefix(DIFFERENT).partition(": ")
            passing.add(name)
            if line.startswith(DIFFERENT):
                reasons[name] = reason
        return cls(passing, reasons)

    def save(self, suite: Suite) -> None:
        file = HERE / "expected" / f"{suite.name}.txt"
        lines = [f"# {suite.what}: what passes on Kafka {maven.KAFKA}; with - and a reason, what does not on Dohle."]
        known = self.reasons
        lines += [f"{DIFFERENT}{name}: {known[name]}" if name in known else name for name in sorted(self.passing)]
        file.write_text("\n".join(lines) + "\n")


@dataclass
class Verdict:
    suite: Suite
    there: set[str]  # passes on Kafka
    here: set[str]  # of these, passes on Dohle
    fresh: list[str]  # differences that nobody explained
    gone: list[str]  # explained, and passing
    reasons: dict[str, str]


def run_on(suite: Suite, name: str, cache: Path) -> Results:
    log = cache / "logs" / suite.name / name
    shutil.rmtree(log, ignore_errors=True)
    broker = brokers.dohle(log) if name == "dohle" else brokers.kafka(cache / "kafka", log)
    started = time.monotonic()
    with broker as target:
        results = suite.run(cache / suite.name, target)
    counts = ", ".join(f"{sum(r == what for r in results.values())} {what}" for what in (PASS, FAIL, SKIP))
    print(f"  {suite.name} on {name}: {counts}, {time.monotonic() - started:.0f} s ({log})", flush=True)
    return results


def judge(suite: Suite, cache: Path, only_dohle: bool, record: bool) -> Verdict:
    print(suite.what, flush=True)
    suite.prepare(cache / suite.name)
    expected = Expected.load(suite)
    part = bool(os.environ.get("COMPAT_TESTS"))
    if only_dohle:
        there = expected.passing
    else:
        there = {name for name, result in run_on(suite, "kafka", cache).items() if result == PASS}
    results = run_on(suite, "dohle", cache)
    if part:
        there &= results.keys()
    here = {name for name in there if results.get(name) == PASS}
    known = expected.reasons
    fresh = sorted(there - here - known.keys())
    gone = sorted(known.keys() & here)
    if record and not part:
        kept = {name: known.get(name, "not explained yet") for name in there - here}
        Expected(there, kept).save(suite)
    return Verdict(suite, there, here, fresh, gone, known)


def show(verdicts: list[Verdict]) -> bool:
    """Prints the table and what stands out; tells whether all is as it was known."""
    print(f"\n{'suite':<14} {'passes on Kafka':>16} {'passes here':>12}")
    for v in verdicts:
        print(f"{v.suite.name:<14} {len(v.there):>16} {len(v.here):>12}")
    for v in verdicts:
        for name in sorted(v.there - v.here):
            print(f"  {v.suite.name}: passes there, fails here: {name}: {v.reasons.get(name, 'NOT KNOWN')}")
        for name in v.gone:
            print(f"  {v.suite.name}: a known difference that is gone: {name}")
    return not any(v.fresh or v.gone for v in verdicts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; all when none is named")
    parser.add_argument("--only-dohle", action="store_true", help="start no Kafka: compare with the stored results")
    parser.add_argument("--record", action="store_true", help="write the results down in expected/")
    chosen = parser.parse_args()
    for name in chosen.suites:
        if name not in SUITES:
            parser.error(f"no suite '{name}': there are {', '.join(SUITES)}")
    suites = [SUITES[name] for name in chosen.suites or SUITES]
    needed = {program for s in suites for program in s.wants} | (set() if chosen.only_dohle else {"java", "mvn"})
    missing = sorted(program for program in needed if not shutil.which(program))
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}")
    cache = Path(os.environ.get("DOHLE_COMPAT_CACHE") or brokers.ROOT / "build" / "compat").resolve()
    verdicts = [judge(s, cache, chosen.only_dohle, chosen.record) for s in suites]
    return 0 if show(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
