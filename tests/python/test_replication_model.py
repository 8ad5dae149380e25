"""The model of replication against the rules in C++: fresh schedules are replayed step for step, and each bug that can
be planted in the model is told apart. More: build/bin/replay_trace, tests/model/replication_model.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPLAY = ROOT / "build" / "bin" / "replay_trace"
sys.path.insert(0, str(ROOT / "tests" / "model"))

import replication_model as model  # noqa: E402

STEPS = 1500


def replay(*traces: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([REPLAY, *traces], capture_output=True, text=True, timeout=60, check=False)


def traced(folder: Path, seed: int, mutant: str | None = None) -> tuple[Path, str | None]:
    """The trace of a schedule, and what the model's own checker says of it."""
    ran = model.run(seed, model.size_of(seed), STEPS, mutant, traced=True)
    path = folder / f"{mutant or 'trace'}-{seed}.txt"
    path.write_text("\n".join(ran.trace) + "\n")
    return path, ran.violation


def test_the_model_keeps_its_promises() -> None:
    violation, total = model.search(1000, 40, STEPS)
    assert violation is None
    assert min(total.values()) > 100, f"too little happens: {total}"


def test_the_rules_do_what_the_model_does(tmp_path: Path) -> None:
    traces = [traced(tmp_path, seed)[0] for seed in range(1, 31)]
    replayed = replay(*traces)
    assert replayed.returncode == 0, replayed.stdout
    assert replayed.stdout.count("steps agree") == len(traces)


@pytest.mark.parametrize("mutant", model.MUTANTS)
def test_a_planted_bug_is_told_apart(tmp_path: Path, mutant: str) -> None:
    """Twice: the model's checker finds a schedule where it breaks a promise, and by then the rules in C++ have refused
    to follow."""
    for seed in range(1, 101):
        trace, violation = traced(tmp_path, seed, mutant)
        if violation:
            break
        trace.unlink()
    else:
        pytest.fail(f"the model's checker did not find {mutant} ({model.MUTANTS[mutant]})")
    replayed = replay(trace)
    assert replayed.returncode == 1, f"seed {seed}: {violation}; the replay saw nothing in {replayed.stdout}"
    assert "the rules" in replayed.stdout


def test_stored_traces_are_the_models(tmp_path: Path) -> None:
    """What tests/rules/replay_test.cpp replays is what the model says today."""
    stored = sorted((ROOT / "tests" / "rules" / "traces").glob("*.txt"))
    assert stored
    for path in stored:
        seed, steps = (int(word) for word in path.stem.removeprefix("seed_").split("_steps_"))
        ran = model.run(seed, model.size_of(seed), steps, traced=True)
        assert path.read_text() == "\n".join(ran.trace) + "\n", f"{path}: replication_model.py --trace ..."
