"""One tool after the other against one broker, with all that they print in one log."""

from __future__ import annotations

import re
from pathlib import Path

import maven
from kit import Target, command

SECONDS = 90


def produced(text: str, line: str) -> list[str]:
    """The lines of that form: records among what a tool says besides."""
    return re.findall(rf"^(?:{line})$", text, re.MULTILINE)


class Tools:
    def __init__(self, jars: Path, target: Target, log: Path) -> None:
        self.jars, self.target, self.log = jars, target, log

    def say(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(text + "\n")

    def run(self, main: str, *words: str, stdin: str = "", code: int = 0, first: bool = True) -> str:
        """What a main class prints; it must end with `code`. `first`: --bootstrap-server comes before the words."""
        where = ("--bootstrap-server", self.target.bootstrap)
        all_words = (*where, *words) if first else (*words, *where)
        return self.plain(main, *all_words, stdin=stdin, code=code)

    def plain(self, main: str, *words: str, stdin: str = "", code: int = 0) -> str:
        done = command(maven.java(self.jars, main, *words), SECONDS, stdin=stdin)
        self.say(f"$ {main} {' '.join(words)}\n{done.text}\n-> {done.code}")
        assert done.code == code, f"{main} ended with {done.code}"
        return done.text

    def topic(self, name: str, partitions: int) -> None:
        words = ("--create", "--topic", name, "--partitions", str(partitions))
        self.run("org.apache.kafka.tools.TopicCommand", *words)

    def produce(self, topic: str, count: int) -> None:
        lines = "".join(f"{i}\n" for i in range(count))
        self.run("org.apache.kafka.tools.ConsoleProducer", "--topic", topic, stdin=lines)
