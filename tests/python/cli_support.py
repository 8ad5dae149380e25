"""Runs the program as a person's shell would: real processes, real sockets on 127.0.0.1, temporary folders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DOHLE = os.environ.get("DOHLE_BIN") or str(Path(__file__).resolve().parents[2] / "build" / "bin" / "dohle")
PATIENCE = 60.0  # seconds until a command that hangs fails its test


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings of Dohle, so that a developer's own never decide a test."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("DOHLE_")}
    return {**clean, **(extra or {})}


class Done:
    """What a finished command left: exit code, stdout, stderr; all bytes of both."""

    def __init__(self, finished: subprocess.CompletedProcess[bytes]) -> None:
        self.code = finished.returncode
        self.raw = finished.stdout
        self.talk = finished.stderr.decode("utf-8", "replace")

    @property
    def out(self) -> str:
        return self.raw.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def error(self) -> Any:
        """The error of a command with --json: the last line on stderr."""
        return json.loads(self.talk.strip().splitlines()[-1])["error"]

    @property
    def json_lines(self) -> list[Any]:
        return [json.loads(line) for line in self.raw.splitlines()]


def run(*args: str, stdin: bytes | str = b"", env: dict[str, str] | None = None, cwd: Path | None = None) -> Done:
    text = stdin.encode() if isinstance(stdin, str) else stdin
    return Done(
        subprocess.run(
            [DOHLE, *args],
            input=text,
            capture_output=True,
            timeout=PATIENCE,
            env=environment(env),
            cwd=cwd,
            check=False,
        )
    )


class Server:
    """`dohle serve` on a free port; usable as soon as the constructor returns."""

    def __init__(self, data: Path, *flags: str, env: dict[str, str] | None = None) -> None:
        readable, writable = os.pipe()
        self.process = subprocess.Popen(
            [DOHLE, "serve", "--data", str(data), "--listen", "127.0.0.1:0", "--ready-fd", str(writable), *flags],
            pass_fds=[writable],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(env),
        )
        os.close(writable)
        with os.fdopen(readable) as ready:  # ends at its line, or when the program does
            self.address = ready.readline().strip()
        if not self.address:
            raise AssertionError(f"dohle serve ended at once: {self.process.communicate(timeout=PATIENCE)[1]!r}")
        self.url = f"dohle://{self.address}"

    def run(self, *args: str, stdin: bytes | str = b"") -> Done:
        return run(*args, stdin=stdin, env={"DOHLE_URL": self.url})

    def ok(self, *args: str, stdin: bytes | str = b"") -> Done:
        done = self.run(*args, stdin=stdin)
        assert done.code == 0, f"dohle {' '.join(args)}: {done.code}: {done.talk}"
        return done

    def produce(self, topic: str, lines: Iterable[str], *flags: str) -> None:
        self.ok("produce", topic, *flags, stdin="".join(f"{line}\n" for line in lines))

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """A command that runs beside the test."""
        return subprocess.Popen(
            [DOHLE, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment({"DOHLE_URL": self.url}),
        )

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and everything it said on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        talk = self.process.communicate(timeout=PATIENCE)[1]
        return self.process.returncode, talk.decode("utf-8", "replace")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end()
