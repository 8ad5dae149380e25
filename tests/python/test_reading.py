"""Reading without a group: all, a part by time or offset, the tail, what comes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import dohle
import pytest


@pytest.fixture(scope="module")
def days(db: dohle.Broker) -> dohle.Topic:
    """1,000 records in three partitions, one a minute from 2026-11-01T00:00Z on."""
    topic = db.topic("days", partitions=3)
    with topic.producer() as out:
        for i in range(1000):
            out.send(str(i), key=f"k{i % 11}", timestamp=1793491200 + i * 60)
    return topic


def test_read_goes_to_the_present_end_and_stops(topic: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(100))
    replay = topic.read()
    topic.send("later").result()
    assert [r.text() for r in replay] == [str(i) for i in range(100)]
    assert [r.text() for r in replay] == [str(i) for i in range(100)]  # each iteration starts anew
    assert len(replay) == 100
    assert replay[0].text() == "0"
    assert replay[-1].text() == "99"
    with pytest.raises(IndexError):
        replay[100]
    assert list(topic.read(start="latest")) == []
    assert "100 records" in repr(replay)
    assert "80 more" in replay._repr_html_()


def test_an_empty_topic_reads_as_nothing(topic: dohle.Topic) -> None:
    assert list(topic) == []
    assert len(topic) == 0
    assert not topic.tail(5)
    assert not topic.poll(timeout=0)


def test_order_within_each_partition(days: dohle.Topic) -> None:
    by_partition: dict[int, list[dohle.Record]] = {}
    for record in days:
        by_partition.setdefault(record.partition, []).append(record)
    assert sum(map(len, by_partition.values())) == 1000
    for records in by_partition.values():
        assert [r.offset for r in records] == list(range(len(records)))
        assert [int(r.text() or "") for r in records] == sorted(int(r.text() or "") for r in records)


def test_by_time(days: dohle.Topic) -> None:
    hour = days.read(since="2026-11-01T01:00Z", until="2026-11-01T02:00Z")
    assert len(hour) == 60
    assert sorted(int(r.text() or "") for r in hour) == list(range(60, 120))
    assert len(days.read(since="2030-01-01")) == 0
    assert len(days.read(until="2000-01-01")) == 0
    assert len(days.read(since="2000-01-01", until="2030-01-01")) == 1000
    assert len(days.read(since="2026-11-01T02:00Z", until="2026-11-01T01:00Z")) == 0


def test_a_progress_bar_knows_the_length(days: dohle.Topic) -> None:
    from tqdm import tqdm

    bar = tqdm(days.read(since="2026-11-01T01:00Z", until="2026-11-01T02:00Z"), disable=True)
    assert len(bar) == 60


def test_by_offset(topic: dohle.Topic, days: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(10))
    assert [r.text() for r in topic.read(start=3, end=5)] == ["3", "4"]
    assert [r.text() for r in topic.read(start={0: 8})] == ["8", "9"]
    for wrong in (-1, 11):
        with pytest.raises(dohle.OffsetOutOfRange, match=r"outside of 0\.\.10.*try"):
            topic.read(start=wrong)
    with pytest.raises(dohle.InvalidRequest, match="partitions"):
        days.read(start=3)
    assert len(days.read(start=3, end=5, partitions=[1])) == 2
    with pytest.raises(dohle.NotFound, match="no partition 7"):
        days.read(partitions=[7])
    with pytest.raises(dohle.InvalidRequest, match="not both"):
        days.read(start=3, since="-1d")


def test_tail(days: dohle.Topic, topic: dohle.Topic) -> None:
    assert [r.text() for r in days.tail(5)] == ["995", "996", "997", "998", "999"]
    topic.send_many(["a", "b"])
    assert [r.text() for r in topic.tail(10)] == ["a", "b"]
    # Stamps that fall: the partition keeps its order.
    for i, at in enumerate(["2026-01-03", "2026-01-01", "2026-01-02"]):
        topic.send(str(i), timestamp=at).result()
    assert [r.text() for r in topic.tail(3)] == ["0", "1", "2"]


def test_in_time_order_and_paced(days: dohle.Topic) -> None:
    hour = days.read(since="2026-11-01T01:00Z", until="2026-11-01T02:00Z")
    assert [int(r.text() or "") for r in hour.by_time()] == list(range(60, 120))
    assert [int(r.text() or "") for r in hour.paced(speed=1e9)] == list(range(60, 120))
    with pytest.raises(ValueError, match="above 0"):
        next(hour.paced(speed=0))


def test_follow_gives_what_comes_after_the_call(topic: dohle.Topic) -> None:
    topic.send("before").result()
    following = topic.follow()
    topic.send_many(["one", "two"])
    assert [next(following).text(), next(following).text()] == ["one", "two"]
    topic.send("three")
    assert next(following).text() == "three"
    assert [r.text() for r in topic.follow(start="earliest", timeout="300ms")] == ["before", "one", "two", "three"]


def test_follow_waits_for_another_thread(topic: dohle.Topic) -> None:
    started = threading.Event()

    def send() -> None:
        started.wait()
        topic.send("from a thread").result()

    thread = threading.Thread(target=send)
    thread.start()
    following = topic.follow()
    started.set()
    assert next(following).text() == "from a thread"
    thread.join()


def test_poll(topic: dohle.Topic) -> None:
    assert not topic.poll(timeout="10ms")
    topic.send_many(str(i) for i in range(10))
    first = topic.poll(max_records=4, timeout="10s")
    assert 0 < len(first) <= 4
    seen = [r.text() for r in first]
    while len(seen) < 10:
        seen += [r.text() for r in topic.poll(max_records=4, timeout="10s")]
    assert seen == [str(i) for i in range(10)]
    topic.seek(9)
    assert [r.text() for r in topic.poll(timeout="10s")] == ["9"]


def test_a_batch_is_a_sequence(topic: dohle.Topic) -> None:
    topic.send_many((f"k{i}", f"v{i}") for i in range(100))
    batch = topic.tail(100)
    assert len(batch) == 100
    assert batch[3].text() == "v3"
    assert batch[-1].text() == "v99"
    assert [r.text() for r in batch[10:20:3]] == ["v10", "v13", "v16", "v19"]
    assert [r.text() for r in batch[::-1]][:2] == ["v99", "v98"]
    assert len(batch[2:2]) == 0
    assert batch[5] in batch
    assert next(r.offset for r in reversed(batch)) == 99
    assert batch.offsets == {topic.name: {0: (0, 99)}}
    assert batch.nbytes == sum(len(f"v{i}") for i in range(100))
    assert repr(batch) == f"Batch(100 records: {topic.name}[0]@0..99)"
    assert "80 more" in batch._repr_html_()
    with pytest.raises(IndexError):
        batch[100]
    assert not dohle.Batch()
    assert repr(dohle.Batch()) == "Batch(empty)"
    match batch[0]:
        case dohle.Record(_, 0, offset, _, key):
            assert (offset, key) == (0, b"k0")
        case _:
            pytest.fail("a record matches its fields")


def test_two_iterations_do_not_disturb_each_other(topic: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(50))
    replay = topic.read()
    pairs: Iterator[tuple[dohle.Record, dohle.Record]] = zip(replay, replay, strict=True)
    assert all(a == b for a, b in pairs)


def test_headers_and_compression_survive(topic: dohle.Topic) -> None:
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    for codec in codecs:
        with topic.producer(compression=codec) as out:
            for i in range(50):
                out.send("x" * 100, key=codec, headers={"i": str(i)})
    records = list(topic)
    assert [r.key for r in records] == [
        c.encode() for c in ("none", "gzip", "snappy", "lz4", "zstd") for _ in range(50)
    ]
    assert [r.headers["i"] for r in records] == [str(i).encode() for i in range(50)] * 5
