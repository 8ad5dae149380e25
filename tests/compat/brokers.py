"""The two brokers that a suite runs against: a fresh Dohle and a fresh Kafka, each on free loopback ports, with its
data in a temporary folder, ended by its process id."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import maven
from kit import Target, must

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
PARTITIONS = 4  # of topics that are made when they are named


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_at_once:
        held = [open_at_once.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [s.getsockname()[1] for s in held]


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"a broker did not come up on port {port}: {process.args!r}")


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running(name: str, words: list[str], port: int, log: Path) -> Iterator[Target]:
    log.mkdir(parents=True, exist_ok=True)
    with (log / "broker.log").open("wb") as out:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    try:
        wait_for_port(port, process)
        yield Target(name, f"127.0.0.1:{port}", log)
        if process.poll() is not None:
            print(f"{name} ended by itself with {process.returncode}: {log / 'broker.log'}", flush=True)
    finally:
        end(process)


@contextlib.contextmanager
def dohle(log: Path) -> Iterator[Target]:
    program = os.environ.get("DOHLE_BIN") or str(ROOT / "build" / "bin" / "dohle")
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="compat-dohle-") as data:
        words = [program, "serve", "--data", data, "--listen", "127.0.0.1:0", "--kafka", f"127.0.0.1:{port}"]
        words += ["--default-partitions", str(PARTITIONS)]
        with running("dohle", words, port, log) as target:
            yield target


# One node that is broker and controller; what one node cannot have three of is one, and groups begin at once.
KAFKA_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}/logs
num.partitions={partitions}
auto.create.topics.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=100
group.consumer.min.heartbeat.interval.ms=500
group.consumer.min.session.timeout.ms=500
"""


@contextlib.contextmanager
def kafka(jars: Path, log: Path) -> Iterator[Target]:
    maven.fetch(jars)
    port, controller = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="compat-kafka-") as data:
        properties = Path(data) / "server.properties"
        properties.write_text(
            KAFKA_PROPERTIES.format(port=port, controller=controller, data=data, partitions=PARTITIONS)
        )
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        format_words = ["format", "--standalone", "-t", cluster, "-c", str(properties)]
        must(maven.java(jars, "kafka.tools.StorageTool", *format_words), START_SECONDS)
        words = maven.java(jars, "kafka.Kafka", str(properties))
        words[1] = "-Xmx768m"
        words.remove("-XX:TieredStopAtLevel=1")
        with running("kafka", words, port, log) as target:
            yield target
