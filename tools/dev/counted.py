"""Runs test programs of one kind and ends with one line `N passed, N failed[, N skipped]`.

    counted.py gtest PROGRAM...   GoogleTest programs, counted by their cases
    counted.py pytest ARGUMENT... pytest, counted by its cases
    counted.py fuzz PROGRAM...    libFuzzer programs, a few seconds each, counted by program
    counted.py plain PROGRAM...   programs that end with 0 when all was well, counted by program

A program that dies or hangs counts as one failure more than it told. Standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

PROGRAM_SECONDS = 900  # a hung program must not hold up the rest
FUZZ_SECONDS = 5
ROOT = Path(__file__).resolve().parents[2]


def run(command: list[str], **kwargs) -> int:
    print("$", *command, flush=True)
    try:
        return subprocess.run(command, timeout=PROGRAM_SECONDS, stdin=subprocess.DEVNULL, **kwargs).returncode
    except subprocess.TimeoutExpired:
        print(f"{command[0]}: still running after {PROGRAM_SECONDS} s, ended", flush=True)
        return -1


def gtest(programs: list[str]) -> list[int]:
    total = [0, 0, 0]
    for program in programs:
        with tempfile.TemporaryDirectory() as folder:
            told = Path(folder) / "told.json"
            status = run([program, "--gtest_brief=1", f"--gtest_output=json:{told}"])
            counts = gtest_counts(told)
        if status != 0 and counts[1] == 0:
            print(f"{program}: ended with status {status}", flush=True)
            counts[1] = 1
        print(f"{program}: {counts}", flush=True)
        total = [a + b for a, b in zip(total, counts, strict=True)]
    return total


def gtest_counts(told: Path) -> list[int]:
    if not told.exists():
        return [0, 0, 0]
    counts = [0, 0, 0]
    for suite in json.loads(told.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            if case.get("failures"):
                counts[1] += 1
            elif case.get("result") == "SKIPPED" or case.get("status") == "NOTRUN":
                counts[2] += 1
            else:
                counts[0] += 1
    return counts


def pytest(arguments: list[str]) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.xml"
        status = run([sys.executable, "-m", "pytest", "-q", f"--junitxml={told}", *arguments], cwd=ROOT)
        counts = [0, 0, 0]
        if told.exists():
            for suite in ElementTree.parse(told).getroot().iter("testsuite"):
                bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
                skipped = int(suite.get("skipped", 0))
                counts = [int(suite.get("tests", 0)) - bad - skipped, bad, skipped]
    if status != 0 and counts[1] == 0:
        counts[1] = 1
    return counts


def fuzz(programs: list[str]) -> list[int]:
    counts = [0, 0, 0]
    with tempfile.TemporaryDirectory() as corpus:
        maker = Path(programs[0]).parent / "fuzz_seeds"  # writes valid inputs, a folder for each fuzzer
        if run([str(maker), corpus]) != 0:
            return [0, 1, 0]
        for program in programs:
            seeds = Path(corpus) / Path(program).name.removesuffix("_fuzz")
            assert any(seeds.iterdir()), f"no seeds for {program}"
            command = [program, f"-max_total_time={FUZZ_SECONDS}", "-seed=1", "-print_final_stats=1", "-verbosity=0"]
            # No input may cost more than the bounds of schema/limits.hpp, whatever it says of its sizes.
            command += ["-malloc_limit_mb=200", "-rss_limit_mb=1500"]
            command += [f"-artifact_prefix={Path(program).parent}/", str(seeds)]
            counts[0 if run(command) == 0 else 1] += 1
    return counts


def plain(programs: list[str]) -> list[int]:
    bad = sum(run([program]) != 0 for program in programs)
    return [len(programs) - bad, bad, 0]


def main() -> int:
    kinds = {"gtest": gtest, "pytest": pytest, "fuzz": fuzz, "plain": plain}
    if len(sys.argv) < 3 or sys.argv[1] not in kinds:
        print(__doc__, file=sys.stderr)
        return 2
    arguments = sys.argv[2:]
    if sys.argv[1] != "pytest":
        missing = [a for a in arguments if not os.access(a, os.X_OK)]
        if missing:
            print("not there:", *missing, file=sys.stderr)
            return 1
    passed, failed, skipped = kinds[sys.argv[1]](arguments)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
