"""Producers: blocks, back-pressure, failures, many at once."""

from __future__ import annotations

import logging
import threading

import dohle
import pytest


def test_leaving_the_block_flushes(topic: dohle.Topic) -> None:
    with topic.producer(linger="10s") as out:
        for i in range(1000):
            out.send(str(i))
        assert out.buffered_bytes > 0
    assert len(topic) == 1000
    assert repr(out) == f"Producer({topic.name!r}, closed)"
    with pytest.raises(dohle.Closed):
        out.send("x")
    out.close()


def test_an_exception_in_the_block_passes_and_what_was_sent_is_stored(topic: dohle.Topic) -> None:
    def work() -> None:
        with topic.producer(linger="10s") as out:
            out.send("before")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert [r.text() for r in topic] == ["before"]


def test_flush(topic: dohle.Topic) -> None:
    with topic.producer(linger="10s") as out:
        acks = [out.send(str(i)) for i in range(10)]
        assert out.flush() == 10
        assert all(a.done() for a in acks)
        assert [a.result().offset for a in acks] == list(range(10))
        assert "done" in repr(acks[0])


def test_result_does_not_wait_for_the_linger(topic: dohle.Topic) -> None:
    with topic.producer(linger="1h") as out:
        assert out.send("x").result(timeout="60s").offset == 0


@pytest.mark.parametrize("acks", ["all", "leader", "none"])
def test_levels(topic: dohle.Topic, acks: str) -> None:
    with topic.producer(acks=acks) as out:
        receipt = out.send("x").result()
    # One replica is a majority too: a receipt names the level that was reached.
    assert receipt.acks == ("none" if acks == "none" else "majority")
    assert receipt.offset == (-1 if acks == "none" else 0)
    assert next(iter(topic.follow(start="earliest"))).text() == "x"  # "none" does not wait for the disk


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [({"acks": "some"}, "acks is"), ({"compression": "rar"}, "rar"), ({"linger": "-1s"}, "duration")],
)
def test_settings_that_cannot_be(topic: dohle.Topic, settings: dict[str, str], wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        topic.producer(**settings)  # type: ignore[arg-type]


def test_send_many(wide: dohle.Topic) -> None:
    items = [None, b"raw", "text", {"a": 1}, ("key", "value"), (b"key", None), [1, 2]]
    assert wide.send_many(iter(items)) == 7
    assert sorted((r.key or b"", r.value or b"") for r in wide) == [
        (b"", b""),
        (b"", b"[1,2]"),
        (b"", b"raw"),
        (b"", b"text"),
        (b"", b'{"a":1}'),
        (b"key", b""),
        (b"key", b"value"),
    ]
    with pytest.raises(TypeError, match="not int"):
        wide.send_many(["fine", 5])  # type: ignore[list-item]
    assert len(wide) == 8
    with wide.producer() as out:
        assert out.send_many(str(i) for i in range(5000)) == 5000
    assert len(wide) == 5008


def test_an_iterable_that_raises(topic: dohle.Topic) -> None:
    def items():  # type: ignore[no-untyped-def]
        yield "one"
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        topic.send_many(items())
    assert [r.text() for r in topic] == ["one"]


def test_back_pressure_waits_and_loses_nothing(topic: dohle.Topic) -> None:
    """Twenty times the buffer: the old answer was an error that the caller had to poll away."""
    value = b"x" * 10_000
    with topic.producer(buffer_bytes=512 * 1024, batch_bytes=64 * 1024) as out:
        for _ in range(1000):
            out.send(value)
            assert out.buffered_bytes <= 600 * 1024
    assert len(topic) == 1000


def test_not_blocking_says_full(topic: dohle.Topic) -> None:
    """A buffer of one batch that only time or need sends: the next batch finds no room."""
    with topic.producer(buffer_bytes=64 * 1024, batch_bytes=32 * 1024, linger="1h") as out:

        def fill() -> None:
            for _ in range(1_000_000):
                out.send(b"x" * 30_000, block=False)

        with pytest.raises(dohle.BufferFull) as full:
            fill()
        assert full.value.retriable
        assert full.value.hint


def test_a_record_that_is_too_large(topic: dohle.Topic) -> None:
    topic.config.set(max_message_bytes=100_000)
    ack = topic.send(b"x" * 200_000)
    with pytest.raises(dohle.RecordTooLarge) as refused:
        ack.result()
    assert refused.value.hint
    assert refused.value.code == "record_too_large"
    assert not refused.value.retriable
    with pytest.raises(ValueError):  # far beyond any topic: refused at once
        topic.send(b"x" * 20_000_000)
    topic.send("small").result()
    assert [r.text() for r in topic] == ["small"]


def test_records_that_failed_raise_at_the_end(topic: dohle.Topic) -> None:
    topic.config.set(max_message_bytes=100_000)

    def send() -> None:
        with topic.producer() as out:
            out.send("one").result()
            out.send(b"x" * 200_000)

    with pytest.raises(dohle.DeliveryErrors, match="1 of 2 records were not stored") as failed:
        send()
    assert failed.value.failed == 1
    assert failed.value.subgroup(dohle.RecordTooLarge) is not None
    caught: list[BaseException] = []
    try:
        send()
    except* dohle.RecordTooLarge as group:
        caught += group.exceptions
    assert len(caught) == 1
    with topic.producer() as out:  # seen through its ack: not raised again
        with pytest.raises(dohle.RecordTooLarge):
            out.send(b"x" * 200_000).result()
        assert out.flush() == 0


def test_failures_nobody_asked_about_raise_when_the_connection_closes() -> None:
    def work() -> None:
        with dohle.Broker() as db:
            db.topic("t", max_message_bytes=100_000).send(b"x" * 200_000)

    with pytest.raises(dohle.DeliveryErrors, match="not stored"):
        work()


def test_a_partition_that_is_not_there(topic: dohle.Topic) -> None:
    with pytest.raises(dohle.NotFound, match="5"):
        topic.send("x", partition=5)


def test_threads_share_a_topic(topic: dohle.Topic) -> None:
    def work(name: str) -> None:
        for i in range(500):
            topic.send(str(i), key=name)

    threads = [threading.Thread(target=work, args=(f"k{n}",)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    topic._connection.flush()
    by_key: dict[bytes | None, list[str | None]] = {}
    for r in topic:
        by_key.setdefault(r.key, []).append(r.text())
    assert by_key == {f"k{n}".encode(): [str(i) for i in range(500)] for n in range(4)}


def test_an_encoder_of_ones_own(topic: dohle.Topic) -> None:
    with topic.producer(encode=repr) as out:
        out.send({1, 2})  # type: ignore[arg-type]
    assert topic.read()[0].text() == "{1, 2}"
    with pytest.raises(TypeError, match="must return bytes or str"):
        topic.producer(encode=lambda v: 5).send({})  # type: ignore[arg-type,return-value]


def test_wrong_headers(topic: dohle.Topic) -> None:
    with pytest.raises(TypeError, match="header"):
        topic.send("x", headers={"n": 5})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="header"):
        topic.send("x", headers=["n"])  # type: ignore[list-item]


def test_the_error_on_its_way_is_the_one_that_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    def work() -> None:
        with dohle.Broker() as db:
            db.topic("t", max_message_bytes=100_000).send(b"x" * 200_000)
            raise ZeroDivisionError

    with caplog.at_level(logging.WARNING, "dohle"), pytest.raises(ZeroDivisionError):
        work()
    assert "not stored" in caplog.text
