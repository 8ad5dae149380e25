"""Reading newest first, and deleting records from the front."""

from __future__ import annotations

from collections.abc import Iterator

import dohle
import pytest

MINUTES = 300


@pytest.fixture(scope="module")
def hours(db: dohle.Broker) -> dohle.Topic:
    """300 records in three partitions, one a minute from 2026-11-01T00:00Z on, in batches of all sizes and codecs."""
    topic = db.topic("hours", partitions=3)
    for first, codec in ((0, "none"), (100, "zstd"), (200, "lz4")):
        with topic.producer(compression=codec) as out:
            for i in range(first, first + 100):
                out.send(str(i), key=f"k{i % 11}", timestamp=1793491200 + i * 60)
    return topic


def numbers(records: Iterator[dohle.Record]) -> list[int]:
    return [int(r.text() or "") for r in records]


def by_partition(records: Iterator[dohle.Record]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for record in records:
        found.setdefault(record.partition, []).append(record.offset)
    return found


def test_the_same_records_the_other_way(topic: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(10_000))
    forward = [(r.offset, r.value) for r in topic]
    assert [(r.offset, r.value) for r in topic.read(reverse=True)] == forward[::-1]
    assert [(r.offset, r.value) for r in reversed(topic)] == forward[::-1]
    part = topic.read(start=17, end=4711)
    assert [r.offset for r in reversed(part)] == list(range(4710, 16, -1))
    assert [r.offset for r in reversed(topic.read(start=17, end=4711, reverse=True))] == list(range(17, 4711))
    replay = topic.read(reverse=True)
    assert len(replay) == 10_000
    assert (replay[0].text(), replay[1].text(), replay[-1].text()) == ("9999", "9998", "0")
    assert "newest first" in repr(replay)
    assert list(topic.read(start=5, end=5, reverse=True)) == []


def test_each_partition_newest_first_and_merged_by_time(hours: dohle.Topic) -> None:
    forward = by_partition(iter(hours.read()))
    assert by_partition(iter(hours.read(reverse=True))) == {p: offsets[::-1] for p, offsets in forward.items()}
    assert numbers(hours.read(reverse=True).by_time()) == list(range(MINUTES))[::-1]
    assert numbers(hours.read(reverse=True).paced(speed=1e9)) == list(range(MINUTES))[::-1]


def test_between_times(hours: dohle.Topic) -> None:
    hour = hours.read(since="2026-11-01T01:00Z", until="2026-11-01T02:00Z", reverse=True)
    assert numbers(hour.by_time()) == list(range(119, 59, -1))
    exact = hours.read(since="2026-11-01T01:00:00.001Z", until="2026-11-01T02:00:00.001Z")
    assert numbers(exact.by_time()) == list(range(61, 121)), "since is inclusive, until is not, to the millisecond"


def test_as_columns(hours: dohle.Topic) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(hours.table(partitions=[1], reverse=True))
    assert frame["offset"].to_list() == list(range(frame.height))[::-1]


def test_records_before_an_offset_go_for_good(topic: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(100))
    assert topic.delete_records(40) == {0: 40}
    assert numbers(iter(topic)) == list(range(40, 100))
    assert numbers(reversed(topic)) == list(range(99, 39, -1))
    assert topic.tail(1000)[0].text() == "40"
    assert topic.describe().partitions[0].start == 40
    with pytest.raises(dohle.OffsetOutOfRange):
        topic.delete_records(101)
    assert topic.delete_records("latest") == {0: 100}
    assert list(topic) == []
    topic.send("next").result()
    assert [r.offset for r in topic] == [100]


def test_records_before_a_time_or_of_some_partitions_go(wide: dohle.Topic) -> None:
    for i in range(30):
        wide.send(str(i), partition=i % 3, timestamp=1793491200 + i * 60)
    assert wide.delete_records(until="2026-11-01T00:15Z") == {0: 5, 1: 5, 2: 5}
    assert wide.delete_records({1: 9}) == {0: 5, 1: 9, 2: 5}
    assert wide.delete_records("latest", partitions=[2]) == {2: 10}
    assert sorted(numbers(iter(wide))) == [15, 18, 21, 24, 27, 28]
    with pytest.raises(dohle.InvalidRequest, match="offset or by a time"):
        wide.delete_records()
    with pytest.raises(dohle.InvalidRequest, match="offset or by a time"):
        wide.delete_records({0: 3}, until="-1d")


def test_a_brokers_own_time_counts_where_the_topic_says_so(db: dohle.Broker) -> None:
    topic = db.topics.create("stamped", config={"message.timestamp.type": "LogAppendTime"})
    topic.send("old news", timestamp="2001-01-01").result()
    (record,) = topic.read(since="-1h")
    assert record.timestamp_ms > 1_700_000_000_000
    assert len(topic.read(until="2002-01-01")) == 0
