"""kcat of Debian 12, whose librdkafka (2.0) is the oldest that people have: it speaks old versions of many APIs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import dohle
import pytest

pytestmark = pytest.mark.skipif(shutil.which("kcat") is None, reason="./dev setup installs kcat")


@pytest.fixture(scope="module")
def broker() -> Iterator[dohle.Broker]:
    with dohle.Broker(kafka=0) as db:
        yield db


def kcat(broker: dohle.Broker, *words: str, stdin: str = "") -> str:
    assert broker.kafka is not None
    command = ["kcat", "-b", broker.kafka, *words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_records_go_in_and_come_out(broker: dohle.Broker, codec: str) -> None:
    topic = broker.topic(f"in-{codec}", partitions=2)
    lines = [f"key {i}:value {i}" for i in range(200)]
    kcat(broker, "-P", "-t", topic.name, "-K:", "-z", codec, "-H", "from=kcat", stdin="\n".join(lines) + "\n")
    seen = kcat(broker, "-C", "-t", topic.name, "-e", "-q", "-f", "%k:%s %h\n").splitlines()
    assert sorted(seen) == sorted(f"{line} from=kcat" for line in lines)
    native = {(r.key.decode(), r.value.decode(), dict(r.headers)["from"]) for r in topic.read()}
    assert native == {(f"key {i}", f"value {i}", b"kcat") for i in range(200)}


def test_what_a_producer_of_ours_wrote_is_read_from_an_offset_and_from_a_time(broker: dohle.Broker) -> None:
    topic = broker.topic("out", partitions=1)
    with topic.producer(compression="zstd") as out:
        for i in range(10):
            out.send(str(i), timestamp=1_000 + i)  # seconds; kcat says milliseconds
    assert kcat(broker, "-C", "-t", "out", "-o", "7", "-e", "-q").split() == ["7", "8", "9"]
    assert kcat(broker, "-C", "-t", "out", "-o", "-2", "-e", "-q").split() == ["8", "9"]
    assert kcat(broker, "-C", "-t", "out", "-o", "s@1004000", "-e", "-q").split() == [str(i) for i in range(4, 10)]
    assert kcat(broker, "-Q", "-t", "out:0:1006000").split() == ["out", "[0]", "offset", "6"]


def test_a_group_reads_everything_once(broker: dohle.Broker) -> None:
    topic = broker.topic("shared-by-kcat", partitions=3)
    topic.send_many(str(i) for i in range(300))
    broker.flush()
    seen = kcat(broker, "-G", "kcats", "-c", "300", "-q", "-X", "auto.offset.reset=earliest", "shared-by-kcat").split()
    assert sorted(map(int, seen)) == list(range(300))
    assert sum(broker.groups["kcats"].offsets()["shared-by-kcat"].values()) == 300


def test_metadata_tells_brokers_and_topics(broker: dohle.Broker) -> None:
    broker.topic("listed", partitions=4)
    told = json.loads(kcat(broker, "-L", "-J"))
    assert [b["name"] for b in told["brokers"]] == [broker.kafka]
    assert [len(t["partitions"]) for t in told["topics"] if t["topic"] == "listed"] == [4]
