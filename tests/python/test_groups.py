"""Consumer groups: sharing, commit on success, rewind on an exception, lag, moving."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import dohle
import pytest
from dohle.groups import decode_assignment

PATIENCE = 60.0


def until(true: Callable[[], bool]) -> None:
    """Waits for a condition; polls, because what it asks is in other threads."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "the condition never came true"
        time.sleep(0.01)


def read_all(consumer: dohle.Consumer, count: int) -> list[str | None]:
    """The next `count` records, committed batch by batch."""
    seen: list[str | None] = []
    for batch in consumer.batches(max_records=50, timeout=PATIENCE):
        with batch:
            seen += [r.text() for r in batch]
        if len(seen) >= count:
            return seen
    return seen


def test_commit_on_success(db: dohle.Broker, topic: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(100))
    group = db.group(f"g-{topic.name}")
    with group.consume(topic.name) as consumer:
        assert read_all(consumer, 100) == [str(i) for i in range(100)]
        assert consumer.committed == {topic.name: {0: 100}}
        assert consumer.positions == {topic.name: {0: 100}}
    assert group.offsets() == {topic.name: {0: 100}}
    assert group.lag() == {topic.name: {0: 0}}
    topic.send_many(["a", "b"])
    assert group.lag() == {topic.name: {0: 2}}
    with group.consume(topic.name) as consumer:  # goes on where the group is
        assert read_all(consumer, 2) == ["a", "b"]


def test_rewind_on_an_exception(db: dohle.Broker, topic: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(10))
    group = db.group(f"g-{topic.name}")
    with group.consume(topic.name) as consumer:
        attempts = 0
        done: list[str | None] = []
        while len(done) < 10:
            try:
                for batch in consumer.batches(max_records=4, timeout=PATIENCE):
                    with batch:
                        attempts += 1
                        if attempts == 2:
                            raise RuntimeError("charging failed")
                        done += [r.text() for r in batch]
                    if len(done) >= 10:
                        break
            except RuntimeError:
                assert group.offsets()[topic.name][0] == len(done)
        assert done == [str(i) for i in range(10)]
        assert attempts > 2


def test_iteration_by_record_commits_finished_batches(db: dohle.Broker, topic: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(10))
    group = db.group(f"g-{topic.name}")
    with group.consume(topic.name) as consumer:
        seen: list[str | None] = []
        for batch in consumer.batches(max_records=5, timeout=PATIENCE):
            seen += [r.text() for r in batch]
            if len(seen) >= 10:
                break  # left early: this batch is not committed
    assert group.offsets()[topic.name][0] < 10
    with group.consume(topic.name) as consumer:
        for record in consumer:
            if record.text() == "9":
                break
    with group.consume(topic.name) as consumer:  # what was not committed comes again: nothing is lost
        assert consumer.poll(timeout=PATIENCE)[-1].text() == "9"


def test_leaving_a_loop_rewinds_for_the_next_one(db: dohle.Broker, topic: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(10))
    with db.group(f"g-{topic.name}").consume(topic.name) as consumer:
        for record in consumer:
            if record.text() == "3":
                break
        assert next(iter(consumer)).text() == "0"


def test_commit_by_hand(db: dohle.Broker, topic: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(10))
    group = db.group(f"g-{topic.name}")
    with group.consume(topic.name, auto_commit=False) as consumer:
        batch = consumer.poll(max_records=3, timeout=PATIENCE)
        read = len(batch)
        assert group.offsets() == {}
        consumer.commit(batch)
        assert group.offsets() == {topic.name: {0: read}}
        more = consumer.poll(max_records=3, timeout=PATIENCE)
        consumer.commit()
        assert group.offsets() == {topic.name: {0: read + len(more)}}
        consumer.seek(topic.name, 0, 1)
        assert consumer.poll(timeout=PATIENCE)[0].text() == "1"
        with pytest.raises(dohle.Error):
            consumer.seek("another", 0, 1)


def test_starting_at_the_end(db: dohle.Broker, topic: dohle.Topic) -> None:
    topic.send("before").result()
    with db.group(f"g-{topic.name}").consume(topic.name, start="latest") as consumer:
        assert not consumer.poll(timeout="300ms")
        until(lambda: consumer.assignment == {topic.name: [0]})
        assert not consumer.poll(timeout="300ms")
        topic.send("after").result()
        assert consumer.poll(timeout=PATIENCE)[0].text() == "after"
    with pytest.raises(ValueError, match="earliest"):
        db.group("x").consume(topic.name, start="first")  # type: ignore[arg-type]


def test_two_consumers_share_the_partitions(db: dohle.Broker) -> None:
    topic = db.topic("shared", partitions=6)
    group = db.group("sharing")
    seen: list[tuple[int, int]] = []
    lock = threading.Lock()
    stop = threading.Event()
    with ExitStack() as stack:
        consumers = [stack.enter_context(group.consume("shared")) for _ in range(2)]

        def work(consumer: dohle.Consumer) -> None:
            while not stop.is_set():
                with consumer.poll(timeout="100ms") as batch, lock:
                    seen.extend((r.partition, r.offset) for r in batch)

        threads = [threading.Thread(target=work, args=(c,)) for c in consumers]
        for t in threads:
            t.start()
        try:
            until(lambda: all(len(c.assignment.get("shared", [])) == 3 for c in consumers))
            owned = [set(c.assignment["shared"]) for c in consumers]
            assert owned[0] | owned[1] == set(range(6))
            assert len(group.members) == 2
            assert {p for m in group.members for p in m.assignment["shared"]} == set(range(6))
            topic.send_many((f"k{i}", str(i)) for i in range(600))
            until(lambda: len(seen) >= 600)
            until(lambda: group.lag() == {"shared": dict.fromkeys(range(6), 0)})
        finally:
            stop.set()
            for t in threads:
                t.join()
    assert len(seen) == len(set(seen)) == 600
    assert group.describe().state == "Empty"


def test_a_member_that_leaves_hands_over(db: dohle.Broker) -> None:
    topic = db.topic("handed-over", partitions=2)
    group = db.group("handing")
    topic.send_many(("a" if i % 2 else "b", str(i)) for i in range(10))
    with group.consume("handed-over") as first:
        first.poll(timeout=PATIENCE)
        until(lambda: first.assignment == {"handed-over": [0, 1]})
    with group.consume("handed-over") as second:
        assert sorted(int(t or "") for t in read_all(second, 10)) == list(range(10))


def test_lag(db: dohle.Broker, topic: dohle.Topic) -> None:
    topic.send_many(str(i) for i in range(20))
    with db.group(f"g-{topic.name}").consume(topic.name) as consumer:
        first = consumer.poll(max_records=5, timeout=PATIENCE)
        until(lambda: consumer.lag == {topic.name: {0: 20 - len(first)}})
        assert topic.name in consumer._repr_html_()
        assert topic.name in repr(consumer)
    assert "closed" in repr(consumer)


def test_moving_a_group(db: dohle.Broker, topic: dohle.Topic) -> None:
    with topic.producer() as out:
        for i in range(10):
            out.send(str(i), timestamp=1793491200 + i * 60)
    group = db.group(f"g-{topic.name}")
    with group.consume(topic.name) as consumer:
        read_all(consumer, 10)
        with pytest.raises(dohle.GroupNotEmpty, match="try: close them"):
            group.seek(to="earliest")
    plan = group.seek(time="2026-11-01T00:04Z", dry_run=True)
    assert plan == (dohle.Move(topic.name, 0, 10, 4),)
    assert repr(plan).splitlines() == ["topic  partition  from  to", f"{topic.name:7}0          10    4"]
    assert "<table>" in plan._repr_html_()
    assert group.offsets() == {topic.name: {0: 10}}
    group.seek(time="2026-11-01T00:04Z")
    assert group.lag() == {topic.name: {0: 6}}
    with group.consume(topic.name) as consumer:
        assert read_all(consumer, 6)[0] == "4"
    assert group.seek(to="earliest")[0].after == 0
    fresh = db.group("never-used")
    with pytest.raises(dohle.InvalidRequest, match="topics="):
        fresh.seek(to="latest")
    assert fresh.seek(to=3, topics=topic.name)[0] == dohle.Move(topic.name, 0, None, 3)
    assert fresh.offsets() == {topic.name: {0: 3}}
    with pytest.raises(dohle.InvalidRequest):
        group.seek()


def test_groups_are_a_mapping(db: dohle.Broker, topic: dohle.Topic) -> None:
    name = f"g-{topic.name}"
    topic.send("x").result()
    with db.group(name).consume(topic.name) as consumer:
        read_all(consumer, 1)
        assert db.groups[name].describe().state == "Stable"
        assert db.groups[name].members[0].assignment == {topic.name: [0]}
        assert "Stable, 1 members" in repr(db.groups[name])
        with pytest.raises(dohle.GroupNotEmpty):
            db.groups[name].delete()
    assert name in db.groups
    assert name in list(db.groups)
    assert name in db.groups._repr_html_()
    assert topic.name in db.groups[name]._repr_html_()
    db.groups[name].delete()
    assert name not in db.groups
    with pytest.raises(dohle.NotFound):
        db.groups[name]
    assert repr(db.group(name)) == f"Group({name!r}, not there yet)"


def test_an_unknown_topic(db: dohle.Broker) -> None:
    with pytest.raises(dohle.NotFound, match="nowhere"):
        db.group("g").consume("nowhere")


def test_slow_code_keeps_its_membership(db: dohle.Broker, topic: dohle.Topic) -> None:
    """Heartbeats are in the engine: code longer than the session time-out changes nothing."""
    topic.send_many(["a", "b"])
    group = db.group(f"g-{topic.name}")
    with group.consume(topic.name, session_timeout="1s", heartbeat_interval="200ms") as consumer:
        batches: Iterator[dohle.Batch] = consumer.batches(max_records=1, timeout=PATIENCE)
        next(batches)
        generation = group.describe().generation
        threading.Event().wait(2.5)  # the slow code
        assert group.describe().state == "Stable"
        assert group.describe().generation == generation
        next(batches)


def test_assignments_in_a_form_that_is_not_ours() -> None:
    assert decode_assignment(b"") == {}
    assert decode_assignment(b"\x00\x01\x00\x00\x00\x05garbage") == {}
    data = b"\x00\x01\x00\x00\x00\x01\x00\x01t\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x05"
    assert decode_assignment(data) == {"t": [0, 5]}
