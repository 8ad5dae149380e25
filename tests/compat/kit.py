"""What every suite needs: bounded commands, things fetched once into the cache, names of results."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PASS, FAIL, SKIP = "pass", "fail", "skip"
Results = dict[str, str]  # the name of a test -> one of these


@dataclass
class Target:
    """A running broker that a suite is pointed at."""

    name: str  # "kafka" or "dohle"
    bootstrap: str  # host:port
    log: Path  # a folder for what suites print

    @property
    def port(self) -> int:
        return int(self.bootstrap.rpartition(":")[2])


@dataclass
class Suite:
    name: str
    what: str  # with its version
    prepare: Callable[[Path], None]  # fetches and builds into its folder; does nothing when that is done
    run: Callable[[Path, Target], Results]
    wants: Sequence[str] = field(default_factory=tuple)  # programs that must be there


@dataclass
class Done:
    code: int | None  # None: it did not end in time
    text: str


def command(
    words: Sequence[str | Path],
    seconds: float,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    log: Path | None = None,
) -> Done:
    """Runs to its end, or until its time is over: then it and what it started, a group of their own, are killed."""
    process = subprocess.Popen(
        [str(w) for w in words],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    code: int | None = None
    try:
        out, _ = process.communicate(stdin.encode(), timeout=seconds)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
    text = out.decode("utf-8", "replace")
    if log:
        log.write_text(text)
    return Done(code, text)


def must(words: Sequence[str | Path], seconds: float, **more: object) -> str:
    done = command(words, seconds, **more)  # type: ignore[arg-type]
    if done.code != 0:
        how = "did not end in time" if done.code is None else f"ended with {done.code}"
        raise SystemExit(f"{' '.join(map(str, words))} {how}:\n{done.text[-3000:]}")
    return done.text


def once(folder: Path, key: str, make: Callable[[], None]) -> None:
    """Makes what a folder holds unless it was made with the same key before."""
    stamp = folder / "made"
    if stamp.exists() and stamp.read_text() == key:
        return
    folder.mkdir(parents=True, exist_ok=True)
    make()
    stamp.write_text(key)
