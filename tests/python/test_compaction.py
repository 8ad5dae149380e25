"""Compacted topics: keys are needed, and a reader finds the newest value of each."""

from __future__ import annotations

import time

import dohle
import pyarrow as pa
import pytest


def test_a_compacted_topic_takes_records_with_keys_only(db: dohle.Broker) -> None:
    topic = db.topic("prices", partitions=1, **{"cleanup.policy": "compact"})
    assert topic.describe().configs["cleanup.policy"] == "compact"
    assert topic.send("1.50", key="apple").result().offset == 0
    with pytest.raises(dohle.InvalidRequest, match="key"):
        topic.send("no key").result()
    assert [(r.key, r.value) for r in topic] == [(b"apple", b"1.50")]


def test_the_newest_value_of_each_key_stays(db: dohle.Broker) -> None:
    """With the broker's own clocks: a pass begins within a quarter of a minute."""
    topic = db.topic("states", partitions=1, **{"cleanup.policy": "compact"})
    topic.send_many((f"k{i % 50}", f"{i}:" + "v" * 1000) for i in range(3000))
    end = time.monotonic() + 120
    while pa.table(topic).num_rows > 50 and time.monotonic() < end:
        db.topic("states").poll(timeout="500ms")  # nothing comes: half a second passes
    expected = {f"k{i % 50}".encode(): str(i).encode() for i in range(2950, 3000)}
    found = [(r.key, r.value.split(b":")[0]) for r in topic]
    assert dict(found) == expected
    assert len(found) == 50
    assert [r.offset for r in topic] == list(range(2950, 3000))
    assert pa.table(topic).num_rows == 50
