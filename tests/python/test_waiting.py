"""Whatever waits gives the GIL away and answers Ctrl-C."""

from __future__ import annotations

import functools
import itertools
import signal
import subprocess
import threading
import time
from collections.abc import Callable

import dohle
import pytest

PREAMBLE = """
import sys, threading, socket
import dohle
db = dohle.Broker()
topic = db.topic("t", partitions=2)
topic.send("x").result()
empty = db.topic("empty", partitions=1)
silent = socket.create_server(("127.0.0.1", 0))  # takes connections and never says a word

def full_producer():
    out = topic.producer(linger="1h", buffer_bytes=64 * 1024, batch_bytes=32 * 1024)
    return out

print("ready", flush=True)
"""

# Each waits for ever, or for much longer than the test.
WAITS = {
    "poll": "empty.poll(timeout=None)",
    "poll with a time-out": "empty.poll(timeout='1h')",
    "follow": "next(topic.follow())",
    "group": "next(db.group('g').consume('empty').batches())",
    "group by record": "next(iter(db.group('g').consume('empty')))",
    "group poll": "db.group('g').consume('empty').poll(timeout=None)",
    "connect": "dohle.connect(f'dohle://127.0.0.1:{silent.getsockname()[1]}', connect_timeout='1h')",
    "send_many": "topic.send_many('x' for _ in iter(int, 1))",
    "send": "[topic.send('x') for _ in iter(int, 1)]",
    "send_frame": (
        "import itertools, pyarrow as pa; b = pa.record_batch({'v': ['x'] * 1000}); "
        "topic.send_frame(pa.RecordBatchReader.from_batches(b.schema, itertools.repeat(b)), value='v')"
    ),
    "paced": "topic.send('y', timestamp='+1h').result(); list(topic.read().paced())",
}


@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c_ends_it(name: str, script: Callable[..., subprocess.Popen[str]]) -> None:
    process = script(PREAMBLE + WAITS[name])
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)  # into the wait; a signal before it shows as much
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    took = time.monotonic() - began
    assert err.rstrip().endswith("KeyboardInterrupt"), err
    assert process.returncode in (1, 130, -signal.SIGINT)
    assert took < 15  # generous: the wait itself has no end, and closing the broker takes its part of this


def test_an_interrupt_arrives_at_once() -> None:
    """In this process, so that only the wait is measured; the bound is generous against a busy machine."""
    with dohle.Broker() as db:
        empty = db.topic("empty", partitions=1)
        empty.poll(timeout=0)
        main = threading.main_thread().ident
        assert main is not None
        sent: list[float] = []

        def interrupt() -> None:
            sent.append(time.monotonic())
            signal.pthread_kill(main, signal.SIGINT)

        timer = threading.Timer(0.3, interrupt)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            empty.poll(timeout=None)
        assert time.monotonic() - sent[0] < 10
        timer.join()
        assert not empty.poll(timeout="10ms")  # and everything goes on


class Counter:
    """Counts in a thread that needs the GIL."""

    def __init__(self, counted: Callable[[Counter], None] = lambda _: None) -> None:
        self._counted = counted

    def __enter__(self) -> Counter:
        self.count = 0
        self._stop = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop:
            self.count += 1
            self._counted(self)
            time.sleep(0)

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join()


def member_poll(db: dohle.Broker, t: dohle.Topic) -> Callable[[], object]:
    consumer = db.group("gil").consume(t.name)
    consumer.poll(timeout=0)

    def wait() -> None:
        consumer.poll(timeout="500ms")
        consumer.close()

    return wait


@pytest.mark.parametrize(
    "prepare",
    [
        lambda db, t: lambda: t.poll(timeout="500ms"),
        member_poll,
        lambda db, t: lambda: list(t.follow(timeout="500ms")),
    ],
    ids=["poll", "group", "follow"],
)
def test_other_threads_run_meanwhile(
    db: dohle.Broker, topic: dohle.Topic, prepare: Callable[[dohle.Broker, dohle.Topic], Callable[[], object]]
) -> None:
    topic.poll(timeout=0)
    wait = prepare(db, topic)
    with Counter() as counter:
        before = counter.count
        wait()
        assert counter.count - before > 10


def test_other_threads_run_while_many_are_sent(topic: dohle.Topic) -> None:
    """The items come from C code, so that only the loop itself can give the GIL away, as often as Python does."""
    box: list[str | None] = ["x" * 100]
    items = iter(functools.partial(box.__getitem__, 0), None)  # until another thread empties the box

    def stop(counter: Counter) -> None:
        if counter.count > 10:
            box[0] = None

    with Counter(stop), topic.producer() as out:
        out.send_many(itertools.islice(items, 10_000_000))
    assert box[0] is None


def test_reads_that_find_nothing_are_no_error(topic: dohle.Topic, db: dohle.Broker) -> None:
    assert not topic.poll(timeout=0)
    assert not topic.poll(timeout="50ms")
    assert list(topic.follow(timeout="50ms")) == []
    with db.group(f"g-{topic.name}").consume(topic.name) as consumer:
        assert not consumer.poll(timeout="50ms")
        assert list(consumer.batches(timeout="50ms")) == []


def test_an_ack_that_is_not_there_yet_times_out() -> None:
    """The broker goes away, so that no answer comes: writing says so."""
    broker = dohle.Broker(listen=True)
    db = dohle.connect(broker.address)
    try:
        out = db.topic("t", partitions=1).producer(delivery_timeout="1h")
        out.send("x").result()
        broker.close()
        ack = out.send("y")
        with pytest.raises(TimeoutError) as late:
            ack.result(timeout="200ms")
        assert isinstance(late.value, dohle.TimeoutError)
        assert late.value.retriable
        assert not ack.done()
        with pytest.raises(dohle.TimeoutError, match="no outcome"):
            out.flush(timeout="200ms")
        with pytest.raises(dohle.Error):
            out.close(timeout="200ms")
    finally:
        try:
            db.close()
        except (dohle.Error, dohle.DeliveryErrors):
            pass
