"""A disk that fails ends the broker at once; a disk that is full only refuses, until there is space again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import PATIENCE, Server, environment
from disk_support import failing, filled, small_disk

DISK_FAILED = 74
MESSAGE = "dohle: the disk failed under a flush, ending at once: storage_failed"

SMALL, LARGE = 2_000, 150_000  # bytes of a record; the large ones make the journal roll


def lines(server: Server, topic: str = "t") -> list[str]:
    return server.ok("consume", topic).out.split()


def numbered(first: int, count: int, size: int = SMALL) -> list[str]:
    return [f"{i}-{'r' * size}" for i in range(first, first + count)]


def produce_until_it_ends(server: Server, size: int) -> int:
    """How many records a broker acknowledged whose disk is about to fail."""
    acknowledged = 0
    while True:
        producing = server.start("produce", "t", "--timeout", "5s")
        assert producing.stdin is not None
        try:
            producing.stdin.write("".join(f"{line}\n" for line in numbered(acknowledged, 20, size)).encode())
            producing.stdin.close()
        except BrokenPipeError:
            pass
        producing.stdin = None
        while producing.poll() is None:
            try:
                producing.wait(0.2)
            except subprocess.TimeoutExpired:
                if server.process.poll() is not None:  # nobody will answer any more
                    producing.kill()
        producing.communicate(timeout=PATIENCE)
        if producing.returncode != 0:
            return acknowledged
        acknowledged += 20


@pytest.mark.parametrize(
    ("plan", "size"),
    [
        ("eio flush 12 journal/j-", SMALL),
        ("eio write 30 journal/j-", SMALL),
        ("short write 31 journal/j-", SMALL),
        ("eio create 2 new.tmp", LARGE),  # the first one was made when the folder was opened
        ("eio rename 2 new.tmp", LARGE),
        ("eio flush 3 new.tmp", LARGE),
    ],
)
def test_a_failing_disk_ends_the_broker(tmp_path: Path, plan: str, size: int) -> None:
    server = Server(tmp_path / "data", "--journal-file", "32MiB", env=failing(plan))
    server.ok("topic", "create", "t")
    acknowledged = produce_until_it_ends(server, size)
    code, talk = server.end()
    assert code == DISK_FAILED, talk
    assert MESSAGE in talk
    assert "check the disk and the system's log" in talk
    with Server(tmp_path / "data") as again:
        found = lines(again)
    assert found == numbered(0, len(found), size)
    assert len(found) >= acknowledged


EMBEDDED = """
import sys, dohle
db = dohle.Broker(sys.argv[1])
topic = db.topic("t", partitions=1)
with topic.producer(linger="0ms") as out:
    for i in range(100_000):
        assert out.send(str(i)).result().offset == i
        print(i, flush=True)
"""


def test_a_failing_disk_ends_an_embedding_process(tmp_path: Path) -> None:
    import dohle

    folder = str(tmp_path / "data")
    ended = subprocess.run(
        [sys.executable, "-c", EMBEDDED, folder],
        env=environment(failing("eio flush 40 journal/j-")),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == DISK_FAILED, ended.stderr
    assert MESSAGE in ended.stderr
    acknowledged = len(ended.stdout.split())
    assert acknowledged > 0
    with dohle.Broker(folder) as db:
        values = [r.text() for r in db.topic("t")]
    assert values == [str(i) for i in range(len(values))]
    assert len(values) >= acknowledged


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_full_disk_refuses_and_resumes(tmp_path: Path, kind: str) -> None:
    with small_disk(tmp_path, kind, 96) as disk:
        if disk is None:
            pytest.skip(f"mounting a small {kind} is not permitted here")
        reserve = 16 << 20
        server = Server(disk / "data")
        server.ok("topic", "create", "t")
        server.produce("t", numbered(0, 500))
        with filled(disk, reserve - (1 << 20)):
            refused = server.run("produce", "t", "--timeout", "1s", "--json", stdin="never\n")
            assert refused.code != 0
            assert refused.error["retriable"]
            assert "storage_full" in refused.error["message"]
            assert "free some space" in refused.error["hint"]
            assert lines(server) == numbered(0, 500), "reading goes on"
            assert server.process.poll() is None
        server.produce("t", numbered(500, 500))  # resumes by itself
        assert lines(server) == numbered(0, 1000)
        with filled(disk, reserve - (1 << 20)):
            assert server.run("produce", "t", "--timeout", "1s", stdin="never\n").code != 0
            server.end(signal.SIGKILL)
            with Server(disk / "data") as full:
                assert lines(full) == numbered(0, 1000), "a full disk can still be read"
        with Server(disk / "data") as again:
            again.produce("t", numbered(1000, 10))
            assert lines(again) == numbered(0, 1010)


def test_too_many_open_files_refuse_and_resume(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--journal-file", "32MiB", env=failing("emfile create 2 new.tmp")) as server:
        server.ok("topic", "create", "t")
        for first in range(0, 300, 20):
            server.produce("t", numbered(first, 20, LARGE))
        assert lines(server) == numbered(0, 300, LARGE)
        server.end(signal.SIGKILL)
    journal = [p.name for p in (tmp_path / "data" / "journal").glob("j-*.l0")]
    assert journal != [f"j-{1:016x}.l0"], "the journal rolled; the first file may be retired already"
    with Server(tmp_path / "data") as again:
        assert lines(again) == numbered(0, 300, LARGE)
