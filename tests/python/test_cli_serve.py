"""`dohle serve`: starts, says where, ends cleanly, and finds everything acknowledged again however it ended."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

from cli_support import DOHLE, PATIENCE, Server, environment, run


def numbers(server: Server) -> list[int]:
    return [int(v) for v in server.ok("consume", "numbers").out.split()]


def test_banner(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    code, talk = server.end()
    assert code == 0
    before_end = [line for line in talk.splitlines() if not re.match(r"\d{4}-", line)]
    assert len(before_end) <= 5
    assert f"listening on {server.address}" in before_end
    assert f"data in {tmp_path / 'data'}" in before_end
    assert before_end[0] == run("version").out.strip()


def test_json_log_is_one_object_a_line(tmp_path: Path) -> None:
    import json

    code, talk = Server(tmp_path / "data", "--log-format", "json").end()
    assert code == 0
    events = [json.loads(line) for line in talk.splitlines()]
    assert [list(e) for e in events] == [["time", "level", "message"]] * len(events)
    assert "listening on" in events[0]["message"]


def test_sigterm_and_sigint_end_it_cleanly(tmp_path: Path) -> None:
    for how in (signal.SIGTERM, signal.SIGINT):
        with Server(tmp_path / "data") as server:
            server.ok("topic", "create", "numbers", "--if-not-exists")
            start = len(numbers(server))
            server.produce("numbers", [str(i) for i in range(start, start + 500)])
            assert server.end(how)[0] == 0
    with Server(tmp_path / "data") as server:
        assert numbers(server) == list(range(1000))


def test_kill_9_loses_nothing_acknowledged(tmp_path: Path) -> None:
    for life in range(3):
        with Server(tmp_path / "data") as server:
            server.ok("topic", "create", "numbers", "--if-not-exists")
            assert numbers(server) == list(range(life * 300))
            server.produce("numbers", [str(i) for i in range(life * 300, life * 300 + 300)])
            server.ok("consume", "numbers", "--group", "readers", "-n", "100")
            server.end(signal.SIGKILL)
    with Server(tmp_path / "data") as server:
        assert numbers(server) == list(range(900))
        (group,) = server.ok("group", "describe", "readers", "--json").json
        assert [o["committed"] for o in group["offsets"]] == [300]


def test_a_follower_survives_its_broker_ending(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    server.ok("topic", "create", "t")
    server.produce("t", ["seen"])
    reader = server.start("consume", "t", "--follow")
    assert reader.stdout is not None
    assert reader.stdout.readline() == b"seen\n"
    assert server.end()[0] == 0, "a reader that waits does not hold up the end"
    reader.send_signal(signal.SIGINT)
    reader.communicate(timeout=PATIENCE)
    assert reader.returncode == 130


def serve(data: Path, *flags: str) -> tuple[int, str]:
    failed = run("serve", "--data", str(data), *flags)
    return failed.code, failed.talk


def test_a_locked_folder(tmp_path: Path) -> None:
    with Server(tmp_path / "data"):
        code, talk = serve(tmp_path / "data", "--listen", "127.0.0.1:0")
        assert code == 4
        assert str(tmp_path / "data") in talk
        embedded = run("topic", "list", "--data", str(tmp_path / "data"), "--json")
        assert (embedded.code, embedded.error["code"]) == (4, "folder_locked")


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, talk = serve(tmp_path / "data", "--listen", f"127.0.0.1:{port}")
    assert code == 6
    assert f"127.0.0.1:{port}" in talk
    assert "in use" in talk


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    code, talk = serve(tmp_path, "--listen", "127.0.0.1:0")
    assert code == 3
    assert str(tmp_path) in talk
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_newer_format(tmp_path: Path) -> None:
    Server(tmp_path / "data").end()
    identity = tmp_path / "data" / "IDENTITY"
    newer = re.sub(r"\d+", lambda m: str(int(m[0]) + 100), identity.read_text(), count=1)
    identity.write_text(newer)
    code, talk = serve(tmp_path / "data", "--listen", "127.0.0.1:0")
    assert code in (1, 4), talk
    assert identity.read_text() == newer


def test_addresses_that_are_none(tmp_path: Path) -> None:
    for bad in ["nonsense", "127.0.0.1:99999", "127.0.0.1:", ":7420", "127.0.0.1:http"]:
        code, talk = serve(tmp_path / "data", "--listen", bad)
        assert code == 2, bad
        assert bad in talk


def test_every_file_descriptor_the_system_allows(tmp_path: Path) -> None:
    process = subprocess.Popen(
        ["bash", "-c", f"ulimit -Sn 256; exec {DOHLE} serve --data {tmp_path}/data --listen 127.0.0.1:0"],
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stderr is not None
    try:
        while b"listening on" not in process.stderr.readline():
            assert process.poll() is None
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        soft, hard = re.search(r"Max open files\s+(\d+)\s+(\d+)", limits).groups()  # type: ignore[union-attr]
        assert soft == hard
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
