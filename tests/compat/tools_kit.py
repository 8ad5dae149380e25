"""One tool after the other against one broker, in one JVM, with all that they print in one log."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import maven
from kit import Target, command

SECONDS = 90
DRIVER = Path(__file__).resolve().parent / "ecosystem" / "ToolDriver.java"


def produced(text: str, line: str) -> list[str]:
    """The lines of that form: records among what a tool says besides."""
    return re.findall(rf"^(?:{line})$", text, re.MULTILINE)


class Driver:
    """A JVM that runs tools; killed, and started anew for the next one, when a tool does not end in time."""

    def __init__(self, jars: Path) -> None:
        self.jars = jars
        self.words = maven.java(jars, str(DRIVER), str(jars / "jars" / f"kafka-tools-{maven.KAFKA}.jar"))
        self.process: subprocess.Popen[bytes] | None = None

    def call(self, *words: str) -> tuple[int | None, str]:
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
        process = self.process
        late = threading.Timer(SECONDS, self.kill)
        late.start()
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(b" ".join(base64.b64encode(w.encode()) for w in words) + b"\n")
            process.stdin.flush()
            head = process.stdout.readline().split()
            if len(head) != 2:
                return None, ""
            return int(head[0]), process.stdout.read(int(head[1])).decode("utf-8", "replace")
        finally:
            late.cancel()

    def kill(self) -> None:
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextlib.contextmanager
def driver(jars: Path) -> Iterator[Driver]:
    started = Driver(jars)
    try:
        yield started
    finally:
        started.kill()


class Tools:
    def __init__(self, driver: Driver, target: Target, log: Path) -> None:
        self.driver, self.target, self.log = driver, target, log

    def say(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(text + "\n")

    def run(self, main: str, *words: str, stdin: str = "", code: int = 0, first: bool = True) -> str:
        """What a main class prints; it must end with `code`. `first`: --bootstrap-server comes before the words."""
        where = ("--bootstrap-server", self.target.bootstrap)
        all_words = (*where, *words) if first else (*words, *where)
        return self.plain(main, *all_words, stdin=stdin, code=code)

    def plain(self, main: str, *words: str, stdin: str = "", code: int = 0) -> str:
        ended, text = self.driver.call(main, stdin, *words)
        text = re.sub(
            r"^(?:.*ToolDriver\$Ended: )?exit \d+\n", "", text, flags=re.MULTILINE
        )  # how the driver ends a tool
        self.say(f"$ {main} {' '.join(words)}\n{text}\n-> {ended}")
        assert ended == code, f"{main} ended with {ended}"
        return text

    def alone(self, main: str, *words: str) -> str:
        """A tool whose work is done by what happens when its JVM ends."""
        all_words = ("--bootstrap-server", self.target.bootstrap, *words)
        done = command(maven.java(self.driver.jars, main, *all_words), SECONDS)
        self.say(f"$ {main} {' '.join(words)}\n{done.text}\n-> {done.code}")
        assert done.code == 0, f"{main} ended with {done.code}"
        return done.text

    def topic(self, name: str, partitions: int) -> None:
        words = ("--create", "--topic", name, "--partitions", str(partitions))
        self.run("org.apache.kafka.tools.TopicCommand", *words)

    def produce(self, topic: str, count: int) -> None:
        lines = "".join(f"{i}\n" for i in range(count))
        self.run("org.apache.kafka.tools.ConsoleProducer", "--topic", topic, stdin=lines)
