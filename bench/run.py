#!/usr/bin/env python3
"""Runs the benchmarks and prints a table; `./dev bench` is its front door.

    run.py quick            one round, small: a look, not a figure (about a minute)
    run.py all              five rounds of everything: what docs/performance.md quotes
    run.py consume idle     some of: limits produce consume partitions latency idle python

The JSON lines go to build/bench/last.jsonl; --save also appends them to bench/results/<date>.jsonl. Standard library
only: the Python figures are made by python_bench.py in the interpreter that --python names.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CPP = ["limits", "latency", "produce", "consume", "partitions", "open", "stored", "idle"]
QUICK = {"rounds": 1, "events": 500_000, "latencies": 1_000, "seconds": 3}
ALL = {"rounds": 5, "events": 5_000_000, "latencies": 5_000, "seconds": 10}

# What the figures must reach: name -> (key, at least). A quick run is too noisy to judge.
REQUIRED = {
    "produce, embedded, 100 B, 256 KiB / flat log, 100 B, 256 KiB": ("ratio", 0.5),
    "consume, TCP, segments, 100 B": ("mb_per_s", 1_000),
    "consume, TCP, tail, 100 B": ("mb_per_s", 1_000),
    "python, table() to Arrow, embedded": ("events_per_s", 3_000_000),
    "quiet broker": ("cpu_percent", -0.5),
}


def commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    short = git("rev-parse", "--short", "HEAD")
    return short + ("+" if short and git("status", "--porcelain", "--untracked-files=no") else "")


def measure(command: list[str]) -> list[dict[str, object]]:
    """Runs one program and collects its JSON lines; they appear as they come, as rows of the table."""
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            line = json.loads(text)
            line["commit"] = commit()
            lines.append(line)
            print(row(line), flush=True)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    return lines


def number(value: object) -> str:
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


SHOWN = {
    "ratio": "{} of it",
    "events_per_s": "{} events/s",
    "mb_per_s": "{} MB/s",
    "p50_us": "p50 {} us",
    "p99_us": "p99 {} us",
    "p999_us": "p99.9 {} us",
    "server_cpu_s_per_million": "server {} CPU s/M",
    "client_cpu_s_per_million": "client {} CPU s/M",
    "cpu_s_per_million": "{} CPU s/M in all",
    "group_bytes": "{} B a flush",
    "cpu_percent": "{} % of a core",
    "ms": "{} ms",
    "server_rss_mb": "{} MB resident",
}


def row(line: dict[str, object]) -> str:
    parts = [text.format(number(line[key])) for key, text in SHOWN.items() if key in line]
    spread = f"[{number(line['low'])} .. {number(line['high'])}]" if line.get("rounds", 1) != 1 else ""
    return f"{line['figure']!s:64} {', '.join(parts)} {spread}".rstrip()


def judge(lines: list[dict[str, object]]) -> None:
    found = {str(line["figure"]): line for line in lines}
    for figure, (key, bound) in REQUIRED.items():
        if figure not in found:
            continue
        value = float(found[figure][key])  # type: ignore[arg-type]
        reached = value >= bound if bound > 0 else value <= -bound
        aim = f"at least {bound:,g}" if bound > 0 else f"at most {-bound:g}"
        print(f"{'reached ' if reached else 'MISSED  '} {figure}: {key} {number(value)}, wanted {aim}")


def save(lines: list[dict[str, object]], to: Path, mode: str) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open(mode) as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)
    print(f"JSON lines: {to}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["quick"], help="quick, all, or figures by name")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="build folder (default: build)")
    parser.add_argument("--folder", type=Path, help="folder on the disk to be measured")
    parser.add_argument("--python", default=sys.executable, help="interpreter that can import dohle")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--events", type=int)
    parser.add_argument("--save", action="store_true", help="append to bench/results/<date>.jsonl")
    chosen = parser.parse_args()
    unknown = set(chosen.what) - {"quick", "all", "python", *CPP}
    if unknown:
        parser.error(
            f"there is no benchmark {', '.join(sorted(unknown))}; there are quick, all, python, {', '.join(CPP)}"
        )
    return chosen


def main() -> int:
    chosen = arguments()
    program = chosen.build / "bin" / "dohle-bench"
    if not program.exists():
        print(f"{program} is not built (try: ./dev build)", file=sys.stderr)
        return 1
    sizes = dict(QUICK if chosen.what == ["quick"] else ALL)
    sizes.update({key: value for key in ("rounds", "events") if (value := getattr(chosen, key)) is not None})
    everything = set(chosen.what) <= {"quick", "all"}
    folder = chosen.folder or Path(tempfile.gettempdir())
    common = ["--folder", str(folder), "--rounds", str(sizes["rounds"]), "--events", str(sizes["events"])]
    more = ["--latencies", str(sizes["latencies"]), "--seconds", str(sizes["seconds"])]
    lines: list[dict[str, object]] = []
    for name in [n for n in CPP if everything or n in chosen.what]:
        lines += measure([str(program), *common, *more, name])
    if everything or "python" in chosen.what:
        lines += measure([chosen.python, str(ROOT / "bench" / "python_bench.py"), *common])
    judge(lines)
    save(lines, chosen.build / "bench" / "last.jsonl", "w")
    if chosen.save:
        save(lines, ROOT / "bench" / "results" / f"{lines[0]['date']}.jsonl", "a")
    return 0


if __name__ == "__main__":
    sys.exit(main())
