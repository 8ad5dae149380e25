"""fork, and the end of a process in the middle of its work."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dohle
import pytest

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


def in_child(work: Callable[[], str]) -> str:
    """Runs it in a forked child and returns what it returned, or the exception's type and text."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = work()
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(write, answer.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    assert os.waitpid(pid, 0)[1] == 0
    return answer


def test_what_was_opened_before_a_fork_says_so(db: dohle.Broker, topic: dohle.Topic) -> None:
    topic.send("x").result()
    out = topic.producer()
    batch = topic.tail(1)
    with db.group("fork").consume(topic.name) as consumer, out:
        uses: list[Callable[[], object]] = [
            lambda: topic.send("y"),
            lambda: topic.read(),
            lambda: out.send("y"),
            lambda: consumer.poll(timeout=0),
            lambda: db.topics.create("z"),
            lambda: db.group("g").describe(),
        ]
        for use in uses:
            answer = in_child(lambda use=use: str(use()))  # type: ignore[misc]
            assert answer.startswith("ForkError: this "), answer
            assert "try: open it after the fork" in answer
        # Records and batches are plain memory.
        assert in_child(lambda: batch[0].text() or "") == "x"
    assert [r.text() for r in topic] == ["x"]


def test_a_child_may_open_its_own(db: dohle.Broker, topic: dohle.Topic) -> None:
    def work() -> str:
        with dohle.connect(db.address) as own:
            own.topic(topic.name).send("from the child").result()
        return "done"

    assert in_child(work) == "done"
    assert [r.text() for r in topic] == ["from the child"]


def test_a_child_that_ends_normally_does_not_hang(script: Callable[..., subprocess.Popen[str]]) -> None:
    code = """
import os, sys, dohle
db = dohle.Broker()
t = db.topic("t")
t.send("x").result()
c = db.group("g").consume("t")
p = t.producer()
pid = os.fork()
if pid == 0:
    sys.exit(7)  # destructors and atexit run
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
c.close(); p.close(); db.close()
"""
    process = script(code)
    out, err = process.communicate(timeout=60)
    assert (out, err) == ("7\n", "")


def _square(n: int) -> int:
    return n * n


def test_multiprocessing_by_spawn_and_fork(db: dohle.Broker) -> None:
    for method in ("spawn", "fork"):
        if method == "spawn" and "__main__" in sys.modules and not hasattr(sys.modules["__main__"], "__file__"):
            continue
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.map(abs, [-1, -2]) == [1, 2]


CRASH = """
import sys, dohle
db = dohle.Broker(sys.argv[1])
topic = db.topic("t", partitions=1)
i = len(topic)
with topic.producer(linger="1ms") as out:
    waiting = []
    while True:
        waiting.append((i, out.send(str(i))))
        i += 1
        while len(waiting) > 200:
            n, ack = waiting.pop(0)
            assert ack.result().offset == n
            print(n, flush=True)
"""


def test_a_kill_in_the_middle_loses_nothing_acknowledged(
    tmp_path: Path, script: Callable[..., subprocess.Popen[str]]
) -> None:
    folder = str(tmp_path / "data")
    acknowledged = -1
    for round_ in range(3):
        process = script(CRASH, folder)
        assert process.stdout is not None
        for line in process.stdout:
            acknowledged = int(line)
            if acknowledged >= 500 * (round_ + 1):
                break
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=60)
        complete = [part for part in rest.splitlines(keepends=True) if part.endswith("\n")]
        if complete:
            acknowledged = int(complete[-1])
        with dohle.Broker(folder) as db:
            values = [r.text() for r in db.topic("t")]
        assert values == [str(i) for i in range(len(values))]  # in order, once, no gap
        assert len(values) > acknowledged


def test_an_embedded_broker_opens_no_listening_socket(script: Callable[..., subprocess.Popen[str]]) -> None:
    code = """
import os, dohle
with dohle.Broker() as db:
    db.topic("t").send("x").result()
    fds = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    inodes = {os.readlink(fd) for fd in fds if os.path.islink(fd)}
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in open(f"/proc/self/net/{table}").readlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                listening.add(f"socket:[{fields[9]}]")
    print(len(inodes & listening))
"""
    out, err = script(code).communicate(timeout=60)
    assert (out, err) == ("0\n", "")
