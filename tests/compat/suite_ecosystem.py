"""What people build on Kafka: Streams with exactly_once_v2, and Connect distributed, with a source and a sink."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brokers
import maven
from kit import FAIL, PASS, Results, Suite, Target, command

HERE = Path(__file__).resolve().parent
SECONDS = 180
KAFKA = "org.apache.kafka"
ARTIFACTS = (
    (KAFKA, "connect-runtime", maven.KAFKA),
    (KAFKA, "connect-file", maven.KAFKA),
    (KAFKA, "connect-json", maven.KAFKA),
    (KAFKA, "kafka-streams", maven.KAFKA),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5"),
)
LINES = ("the quick brown fox", "jumps over the lazy dog", "the end") * 40


def check_streams_word_count_exactly_once(folder: Path, target: Target) -> None:
    with tempfile.TemporaryDirectory() as state:
        text = Path(state) / "lines.txt"
        text.write_text("\n".join(LINES) + "\n")
        program = HERE / "ecosystem" / "WordCount.java"
        words = maven.java(folder, str(program), target.bootstrap, str(text), str(Path(state) / "state"))
        done = command(words, SECONDS, log=target.log / "streams.log")
        assert done.code == 0, "the counts are not as expected"
        assert "the 120" in done.text


# --- Connect ---------------------------------------------------------------------------------------------------------

WORKER = """
bootstrap.servers={bootstrap}
group.id=connect
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
config.storage.topic=connect-configs
offset.storage.topic=connect-offsets
status.storage.topic=connect-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=5
offset.flush.interval.ms=1000
listeners=http://127.0.0.1:{port}
exactly.once.source.support={exactly}
"""


def rest(port: int, path: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.loads(answer.read())


def until(what: str, condition: Any) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, FileNotFoundError, TimeoutError):
            if condition():
                return
        time.sleep(0.3)
    raise AssertionError(f"{what} did not happen")


@contextlib.contextmanager
def worker(folder: Path, target: Target, home: Path, exactly: str) -> Iterator[int]:
    (port,) = brokers.free_ports(1)
    properties = home / "worker.properties"
    properties.write_text(WORKER.format(bootstrap=target.bootstrap, port=port, exactly=exactly))
    main = "org.apache.kafka.connect.cli.ConnectDistributed"
    with (target.log / f"connect-{exactly}.log").open("wb") as log:
        process = subprocess.Popen(
            maven.java(folder, main, str(properties)), stdout=log, stderr=log, start_new_session=True
        )
    try:
        until("the worker's start", lambda: rest(port, "/connectors") is not None)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        brokers.end(process)


def connect(folder: Path, target: Target, exactly: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        come, go = Path(home) / "come.txt", Path(home) / "go.txt"
        come.write_text("".join(f"line {i}\n" for i in range(100)))
        topic = f"through-{exactly}"
        source = {"connector.class": "FileStreamSource", "file": str(come), "topic": topic, "tasks.max": "1"}
        if exactly == "enabled":
            source["exactly.once.support"] = "requested"
        sink = {"connector.class": "FileStreamSink", "file": str(go), "topics": topic, "tasks.max": "1"}
        with worker(folder, target, Path(home), exactly) as port:
            rest(port, "/connectors", {"name": "come", "config": source})
            rest(port, "/connectors", {"name": "go", "config": sink})
            until("100 lines", lambda: go.read_text() == come.read_text())
        with come.open("a") as more:
            more.write("after a restart\n")
        with worker(folder, target, Path(home), exactly):  # it goes on where the last one ended
            until("the last line", lambda: go.read_text() == come.read_text())


def check_connect_file_source_and_sink(folder: Path, target: Target) -> None:
    connect(folder, target, "disabled")


def check_connect_exactly_once_source(folder: Path, target: Target) -> None:
    connect(folder, target, "enabled")


def run(folder: Path, target: Target) -> Results:
    results: Results = {}
    chosen = re.compile(os.environ.get("COMPAT_TESTS", ""))
    for name, check in list(globals().items()):
        if not name.startswith("check_") or not chosen.search(name):
            continue
        try:
            check(folder, target)
            results[name.removeprefix("check_")] = PASS
        except Exception as problem:  # whatever is wrong with one says nothing of the next
            (target.log / f"{name}.failed").write_text(f"{type(problem).__name__}: {problem}\n")
            results[name.removeprefix("check_")] = FAIL
    return results


def prepare(folder: Path) -> None:
    maven.fetch(folder, ARTIFACTS)


SUITE = Suite("ecosystem", f"Kafka Streams and Connect {maven.KAFKA}", prepare, run, wants=("java", "mvn"))
