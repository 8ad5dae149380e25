"""Transactions of Kafka's clients: librdkafka (the older protocol) and kafka-python, and exactly once over kill -9."""

from __future__ import annotations

import itertools
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import confluent_kafka
import dohle
import pytest
from cli_support import Server
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

_numbers = itertools.count()

# librdkafka 2.16 waits for ever for a coordinator that it gave up when all brokers, which is one here, were down.
_SAME = {"metadata.recovery.strategy": "none"}


@pytest.fixture(scope="module")
def broker() -> Iterator[dohle.Broker]:
    with dohle.Broker(kafka=0) as opened:
        yield opened


@pytest.fixture
def topic(broker: dohle.Broker) -> dohle.Topic:
    return broker.topic(f"t{next(_numbers)}", partitions=2)


def producer(address: str, name: str) -> confluent_kafka.Producer:
    made = confluent_kafka.Producer({**_SAME, "bootstrap.servers": address, "transactional.id": name, "linger.ms": 1})
    made.init_transactions(30)
    return made


def consumer(address: str, group: str, isolation: str = "read_committed") -> confluent_kafka.Consumer:
    return confluent_kafka.Consumer(
        {
            **_SAME,
            "bootstrap.servers": address,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
        }
    )


def read_all(address: str, topic: str, partitions: int, isolation: str = "read_committed") -> list[str]:
    source = consumer(address, f"r{next(_numbers)}", isolation)
    source.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    got: list[str] = []
    ends = 0
    while ends < partitions:
        message = source.poll(30)
        assert message is not None
        error = message.error()
        if error is None:
            got.append((message.value() or b"").decode())
        else:
            assert error.code() == confluent_kafka.KafkaError._PARTITION_EOF, error
            ends += 1
    source.close()
    return got


def test_committed_is_read_and_aborted_is_not(broker: dohle.Broker, topic: dohle.Topic) -> None:
    writer = producer(broker.kafka, f"x {topic.name}")
    for n, commits in enumerate([True, False, True]):
        writer.begin_transaction()
        for i in range(50):
            writer.produce(topic.name, key=str(i), value=f"{n}-{i}")
        if commits:
            writer.commit_transaction(30)
        else:
            assert writer.flush(30) == 0
            writer.abort_transaction(30)
    kept = sorted(f"{n}-{i}" for n in (0, 2) for i in range(50))
    assert sorted(read_all(broker.kafka, topic.name, 2)) == kept
    assert len(read_all(broker.kafka, topic.name, 2, "read_uncommitted")) == 150
    assert sorted(r.text() or "" for r in topic) == kept


def test_an_open_transaction_holds_back_who_reads_committed(broker: dohle.Broker, topic: dohle.Topic) -> None:
    writer = producer(broker.kafka, f"x {topic.name}")
    writer.begin_transaction()
    writer.produce(topic.name, value="open", partition=0)
    assert writer.flush(30) == 0
    topic.send("plain", partition=0).result()
    assert read_all(broker.kafka, topic.name, 2) == []
    assert read_all(broker.kafka, topic.name, 2, "read_uncommitted") == ["open", "plain"]
    writer.commit_transaction(30)
    assert read_all(broker.kafka, topic.name, 2) == ["open", "plain"]


def test_a_second_producer_of_a_name_fences_the_first(broker: dohle.Broker, topic: dohle.Topic) -> None:
    first = producer(broker.kafka, f"x {topic.name}")
    first.begin_transaction()
    first.produce(topic.name, value="lost")
    assert first.flush(30) == 0
    second = producer(broker.kafka, f"x {topic.name}")
    with pytest.raises(KafkaException) as refused:
        first.commit_transaction(30)
    assert refused.value.args[0].fatal()
    second.begin_transaction()
    second.produce(topic.name, value="kept")
    second.commit_transaction(30)
    assert read_all(broker.kafka, topic.name, 2) == ["kept"]


def test_offsets_count_when_the_transaction_does(broker: dohle.Broker, topic: dohle.Topic) -> None:
    source = consumer(broker.kafka, f"g {topic.name}")
    writer = producer(broker.kafka, f"x {topic.name}")
    here = [TopicPartition(topic.name, 0, 7)]

    def committed() -> int:
        return source.committed([TopicPartition(topic.name, 0)], 30)[0].offset

    for commits in (False, True):
        writer.begin_transaction()
        writer.produce(topic.name, value="with offsets")
        writer.send_offsets_to_transaction(here, source.consumer_group_metadata(), 30)
        if commits:
            writer.commit_transaction(30)
        else:
            writer.abort_transaction(30)
        assert (committed() == 7) == commits
    source.close()


# --- exactly once, the broker killed -------------------------------------------------------------------------------


class Copier:
    """Copies a topic into another one, each batch a transaction; the broker is killed around its commits."""

    batch = 40

    def __init__(self, data: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.kafka = f"127.0.0.1:{free.getsockname()[1]}"
        self.data = data
        self.server = self.start()
        self.kills = 0

    def start(self) -> Server:
        return Server(self.data, "--kafka", self.kafka)

    def restart(self) -> None:
        self.server.end(signal.SIGKILL)
        self.kills += 1
        self.server = self.start()

    def open(self) -> None:
        self.source = consumer(self.kafka, "copy")
        self.source.subscribe(["in"])
        self.writer = producer(self.kafka, "copy")

    def gather(self, count: int) -> list[confluent_kafka.Message]:
        got: list[confluent_kafka.Message] = []
        while len(got) < count:
            got += [m for m in self.source.consume(count - len(got), 1) if m.error() is None]
        return got

    def copy(self, messages: list[confluent_kafka.Message], kill_when: str) -> None:
        self.writer.begin_transaction()
        for m in messages:
            self.writer.produce("out", key=m.key(), value=m.value())
        positions = self.source.position(self.source.assignment())
        self.writer.send_offsets_to_transaction(
            [p for p in positions if p.offset >= 0], self.source.consumer_group_metadata(), 30
        )
        if kill_when == "before":
            assert self.writer.flush(30) == 0
            self.restart()
        killer = threading.Thread(target=self.restart)
        if kill_when == "during":
            killer.start()
        try:
            self.writer.commit_transaction(60)
        finally:
            if kill_when == "during":
                killer.join()
            if kill_when == "after":
                self.restart()


def test_a_copy_is_exact_whenever_the_broker_is_killed(tmp_path: Path) -> None:
    total = 280
    copier = Copier(tmp_path / "data")
    try:
        admin = AdminClient({"bootstrap.servers": copier.kafka})
        for made in admin.create_topics([NewTopic("in", 2, 1), NewTopic("out", 2, 1)]).values():
            made.result(30)
        feed = confluent_kafka.Producer({"bootstrap.servers": copier.kafka})
        for i in range(total):
            feed.produce("in", key=str(i), value=str(i))
        assert feed.flush(30) == 0
        copier.open()
        done = 0
        for when in itertools.cycle(["before", "no", "during", "after"]):
            if done >= total:
                break
            messages = copier.gather(min(copier.batch, total - done))
            try:
                copier.copy(messages, when)
            except KafkaException as error:
                # Not known whether it was committed: a new instance decides, and reads on where the group stands.
                print("begins anew after", error)
                copier.source.close()
                copier.open()
                progress = copier.source.committed([TopicPartition("in", p) for p in range(2)], 30)
                done = sum(max(p.offset, 0) for p in progress)
            else:
                done += len(messages)
        assert copier.kills >= 4
        copier.source.close()
        assert Counter(read_all(copier.kafka, "out", 2)) == Counter(str(i) for i in range(total))
    finally:
        copier.server.end()
