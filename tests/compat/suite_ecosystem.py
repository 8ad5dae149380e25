"""What people build on Kafka: Streams with exactly_once_v2, Connect distributed, consoles, clients of each language."""

from __future__ import annotations

import contextlib
import itertools
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
import confluent_kafka
import confluent_kafka.admin
import maven
from kit import FAIL, PASS, Results, Suite, Target, command

import kafka

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


def check_what_consoles_ask(folder: Path, target: Target) -> None:
    program = HERE / "ecosystem" / "Console.java"
    done = command(maven.java(folder, str(program), target.bootstrap), SECONDS, log=target.log / "console.log")
    assert done.code == 0, "a page would be wrong: see console.log"


def check_a_key_lies_where_others_look_for_it(folder: Path, target: Target) -> None:
    """Java, librdkafka and kafka-python agree on the partition of a key, and each reads what the others wrote."""
    topic = "keys"
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": target.bootstrap})
    admin.create_topics([confluent_kafka.admin.NewTopic(topic, 7)])[topic].result()
    done = command(maven.java(folder, str(HERE / "ecosystem" / "Keys.java"), target.bootstrap, topic), SECONDS)
    java = {int(key): int(partition) for key, partition in re.findall(r"^at (\d+) (\d+)$", done.text, re.MULTILINE)}
    assert len(java) == 200
    rdkafka: dict[int, int] = {}
    producer = confluent_kafka.Producer({"bootstrap.servers": target.bootstrap, "partitioner": "murmur2_random"})
    for key in java:
        producer.produce(
            topic, "of librdkafka", str(key), on_delivery=lambda _, m: rdkafka.update({int(m.key()): m.partition()})
        )
    assert producer.flush(60) == 0
    python = kafka.KafkaProducer(bootstrap_servers=target.bootstrap)
    sent = {key: python.send(topic, b"of kafka-python", str(key).encode()).get(60).partition for key in java}
    python.close()
    assert java == rdkafka == sent
    reader = kafka.KafkaConsumer(
        topic, bootstrap_servers=target.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=10_000
    )
    seen = [(int(r.key), r.partition) for r in itertools.islice(reader, 600)]
    reader.close()
    assert sorted(seen) == sorted(3 * list(java.items()))


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
            for name, config in (("come", source), ("go", sink)):  # 409 while the worker rebalances
                posted = {"name": name, "config": config}
                until(f"taking {name}", lambda body=posted: rest(port, "/connectors", body) is not None)
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


SUITE = Suite(
    "ecosystem",
    f"Kafka Streams and Connect {maven.KAFKA}, what consoles ask, keys of several clients",
    prepare,
    run,
    wants=("java", "mvn"),
)
