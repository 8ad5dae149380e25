"""Kafka's own clients, unchanged, against a broker of this process: librdkafka (confluent-kafka), kafka-python (pure
Python, the newest versions of everything) and aiokafka (old versions)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import aiokafka
import confluent_kafka
import dohle
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

import kafka

_numbers = itertools.count()


@pytest.fixture(scope="module")
def broker() -> Iterator[dohle.Broker]:
    with dohle.Broker(kafka=0, default_partitions=2) as opened:
        yield opened


@pytest.fixture
def topic(broker: dohle.Broker) -> dohle.Topic:
    return broker.topic(f"k{next(_numbers)}", partitions=3)


def consumer(broker: dohle.Broker, group: str, **more: object) -> confluent_kafka.Consumer:
    return confluent_kafka.Consumer(
        {"bootstrap.servers": broker.kafka, "group.id": group, "auto.offset.reset": "earliest", **more}
    )


def read(source: confluent_kafka.Consumer, count: int) -> list[confluent_kafka.Message]:
    got: list[confluent_kafka.Message] = []
    for _ in range(200):
        got += source.consume(count - len(got), 0.5)
        if len(got) >= count:
            break
    assert not [m.error() for m in got if m.error()]
    return got


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_what_librdkafka_sends_dohle_reads_and_the_other_way(
    broker: dohle.Broker, topic: dohle.Topic, codec: str
) -> None:
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": broker.kafka, "compression.type": codec, "enable.idempotence": True}
    )
    for i in range(500):
        producer.produce(topic.name, key=str(i), value=f"value {i}" * 5, headers={"n": str(i)})
    assert producer.flush(30) == 0
    records = list(topic.read())
    assert sorted(int(r.key) for r in records) == list(range(500))
    assert all(dict(r.headers)["n"] == r.key for r in records)
    topic.send("from python", key="dohle")
    broker.flush()
    source = consumer(broker, f"group of {topic.name}")
    source.subscribe([topic.name])
    got = read(source, 501)
    assert {m.key() for m in got} == {str(i).encode() for i in range(500)} | {b"dohle"}
    source.close()


def test_the_same_key_goes_to_the_same_partition_with_either_client(broker: dohle.Broker, topic: dohle.Topic) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.kafka, "partitioner": "murmur2_random"})
    for i in range(50):
        producer.produce(topic.name, key=f"key {i}", value="kafka")
        topic.send("dohle", key=f"key {i}")
    producer.flush(30)
    broker.flush()
    where: dict[str, set[int]] = {}
    for record in topic.read():
        where.setdefault(record.key, set()).add(record.partition)
    assert len(where) == 50
    assert all(len(partitions) == 1 for partitions in where.values())


def test_a_group_shares_commits_and_goes_on_where_it_ended(broker: dohle.Broker, topic: dohle.Topic) -> None:
    for i in range(300):
        topic.send(str(i), key=str(i))
    broker.flush()
    group = f"share {topic.name}"
    first = consumer(broker, group, **{"enable.auto.commit": False})
    first.subscribe([topic.name])
    assert len(read(first, 300)) == 300
    first.commit(asynchronous=False)
    first.close()
    topic.send("later")
    broker.flush()
    second = consumer(broker, group)
    second.subscribe([topic.name])
    assert [m.value() for m in read(second, 1)] == [b"later"]
    assert set(broker.group(group).lag()) == {topic.name}
    second.close()


def test_topics_are_made_described_altered_grown_and_deleted(broker: dohle.Broker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.kafka})
    name = f"admin{next(_numbers)}"
    admin.create_topics([NewTopic(name, 2, 1, config={"retention.ms": "3600000"})])[name].result(30)
    assert len(admin.list_topics(timeout=30).topics[name].partitions) == 2
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    (described,) = admin.describe_configs([resource]).values()
    configs = described.result(30)
    assert configs["retention.ms"].value == "3600000"
    assert not configs["retention.ms"].is_default
    assert configs["segment.bytes"].is_default
    changed = ConfigResource(ConfigResource.Type.TOPIC, name, set_config={"retention.ms": "7200000"})
    (altered,) = admin.alter_configs([changed]).values()
    altered.result(30)
    assert broker.topics[name].config["retention.ms"] == "7200000"
    admin.create_partitions([NewPartitions(name, 5)])[name].result(30)
    assert len(admin.list_topics(timeout=30).topics[name].partitions) == 5
    admin.delete_topics([name])[name].result(30)
    assert name not in admin.list_topics(timeout=30).topics


def test_errors_are_kafkas(broker: dohle.Broker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.kafka})
    name = f"twice{next(_numbers)}"
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(30)
    with pytest.raises(confluent_kafka.KafkaException) as raised:
        admin.create_topics([NewTopic(name, 1, 1)])[name].result(30)
    assert raised.value.args[0].code() == confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS
    with pytest.raises(confluent_kafka.KafkaException) as raised:
        admin.create_topics([NewTopic("bad name", 1, 1)])["bad name"].result(30)
    assert raised.value.args[0].code() == confluent_kafka.KafkaError.TOPIC_EXCEPTION


def test_offsets_by_time_and_by_end(broker: dohle.Broker, topic: dohle.Topic) -> None:
    for i in range(10):
        topic.send(str(i), partition=0, timestamp=1_700_000_000 + i)
    broker.flush()
    source = consumer(broker, f"times {topic.name}")
    here = confluent_kafka.TopicPartition(topic.name, 0, 1_700_000_004_500)
    (found,) = source.offsets_for_times([here], timeout=30)
    assert found.offset == 5
    assert source.get_watermark_offsets(confluent_kafka.TopicPartition(topic.name, 0), timeout=30) == (0, 10)
    source.close()


def test_kafka_python_speaks_the_newest_versions(broker: dohle.Broker, topic: dohle.Topic) -> None:
    producer = kafka.KafkaProducer(bootstrap_servers=broker.kafka, compression_type="gzip")
    sent = [producer.send(topic.name, f"v{i}".encode(), key=str(i).encode()) for i in range(200)]
    producer.flush(30)
    assert all(f.get(30).offset >= 0 for f in sent)
    source = kafka.KafkaConsumer(
        topic.name,
        bootstrap_servers=broker.kafka,
        group_id=f"kp {topic.name}",
        auto_offset_reset="earliest",
        consumer_timeout_ms=30_000,
    )
    got = {m.value for m in itertools.islice(source, 200)}
    assert got == {f"v{i}".encode() for i in range(200)}
    source.commit()
    source.close()
    producer.close()


def test_aiokafka_speaks_old_ones(broker: dohle.Broker, topic: dohle.Topic) -> None:
    async def run() -> set[bytes]:
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=broker.kafka, enable_idempotence=True)
        await producer.start()
        for i in range(200):
            await producer.send(topic.name, f"v{i}".encode())
        await producer.stop()
        source = aiokafka.AIOKafkaConsumer(
            topic.name, bootstrap_servers=broker.kafka, group_id=f"aio {topic.name}", auto_offset_reset="earliest"
        )
        await source.start()
        got = set()
        async for message in source:
            got.add(message.value)
            if len(got) == 200:
                break
        await source.stop()
        return got

    assert len(asyncio.run(asyncio.wait_for(run(), 60))) == 200


def test_topics_are_made_when_they_are_named(broker: dohle.Broker) -> None:
    name = f"fresh{next(_numbers)}"
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.kafka})
    producer.produce(name, b"first")
    assert producer.flush(30) == 0
    assert len(broker.topics[name].describe().partitions) == 2


def test_topics_are_not_made_where_the_broker_says_so() -> None:
    with dohle.Broker(kafka=0, kafka_auto_create=False) as broker:
        producer = confluent_kafka.Producer({"bootstrap.servers": broker.kafka, "message.timeout.ms": 1_000})
        outcomes: list[object] = []
        producer.produce("nowhere", b"lost", on_delivery=lambda error, _: outcomes.append(error))
        producer.flush(30)
        assert outcomes[0] is not None
        assert "nowhere" not in broker.topics


def test_a_group_that_the_broker_assigns_shares_hands_over_and_survives_a_restart(tmp_path: Path) -> None:
    settings = {"group.protocol": "consumer", "enable.auto.commit": False}
    with dohle.Broker(tmp_path / "data", kafka=0) as broker:
        topic = broker.topic("shared", partitions=4)
        for i in range(200):
            topic.send(str(i), partition=i % 4)
        broker.flush()
        pair = [consumer(broker, "assigned", **settings) for _ in range(2)]
        for one in pair:
            one.subscribe([topic.name])
        seen: set[bytes] = set()
        for _ in range(300):
            seen |= {m.value() for one in pair for m in one.consume(100, 0.1) if not m.error()}
            if len(seen) == 200 and all(len(one.assignment()) == 2 for one in pair):
                break
        assert len(seen) == 200
        assert [len(one.assignment()) for one in pair] == [2, 2]
        for one in pair:
            one.commit(asynchronous=False)
        pair[0].close()
        for _ in range(300):
            pair[1].poll(0.1)
            if len(pair[1].assignment()) == 4:
                break
        assert len(pair[1].assignment()) == 4
        described = broker.groups["assigned"].describe()
        assert (described.state, described.protocol) == ("Stable", "uniform")
        assert [m.assignment for m in described.members] == [{"shared": [0, 1, 2, 3]}]
        admin = AdminClient({"bootstrap.servers": broker.kafka})
        listed = admin.list_consumer_groups().result(30)
        assert [g.group_id for g in listed.valid] == ["assigned"]
        pair[1].close()
    with dohle.Broker(tmp_path / "data", kafka=0) as broker:
        broker.topics["shared"].send("later")
        broker.flush()
        again = consumer(broker, "assigned", **settings)
        again.subscribe(["shared"])
        assert [m.value() for m in read(again, 1)] == [b"later"]
        again.close()
