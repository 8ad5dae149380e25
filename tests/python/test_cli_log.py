"""`dohle log`: a data folder looked at without a broker; every damaged byte is found and named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli_support import Server, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("log") / "data"
    with Server(data) as server:
        server.ok("topic", "create", "t", "--partitions", "2")
        server.produce("t", [f"event {i}" for i in range(1000)])
    return data


def test_verify_a_good_folder(folder: Path) -> None:
    done = run("log", "verify", str(folder), "--json")
    assert done.code == 0, done.talk
    report = done.json
    assert list(report) == [
        "folder", "identity", "good", "journal_files", "frames", "records", "unrecovered_frames", "segments", "chunks",
        "batches", "bytes", "faults",
    ]  # fmt: skip
    assert (report["good"], report["faults"]) == (True, [])
    assert report["journal_files"] >= 1
    assert report["bytes"] > 1000 * len("event 999")
    assert "every checksum holds" in run("log", "verify", str(folder)).talk


def test_verify_changes_nothing(folder: Path) -> None:
    before = {f: (f.stat().st_size, f.stat().st_mtime_ns) for f in folder.rglob("*") if f.name != "LOCK"}
    run("log", "verify", str(folder))
    run("log", "dump", str(folder))
    assert {f: (f.stat().st_size, f.stat().st_mtime_ns) for f in folder.rglob("*") if f.name != "LOCK"} == before


def test_dump_shows_every_record_once(folder: Path) -> None:
    done = run("log", "dump", str(folder), "--json")
    assert done.code == 0
    items = done.json_lines
    assert list(items[0]) == [
        "kind", "file", "byte", "sequence", "group", "partition", "base", "end", "epoch", "bytes", "records",
        "max_timestamp", "text",
    ]  # fmt: skip
    assert {"journal_file", "frame", "record"} <= {i["kind"] for i in items}
    assert len(run("log", "dump", str(folder)).out.splitlines()) == len(items)


def test_damage_is_named(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    holder = next(f for f in sorted(copy.rglob("*")) if f.is_file() and b"event 500" in f.read_bytes())
    content = bytearray(holder.read_bytes())
    at = content.index(b"event 500")
    content[at] ^= 0xFF
    holder.write_bytes(content)
    done = run("log", "verify", str(copy), "--json")
    assert done.code == 1
    assert done.json["good"] is False
    assert str(holder.relative_to(copy)) in [f["file"] for f in done.json["faults"]]
    assert done.error["code"] == "corrupt_data"
    dumped = run("log", "dump", str(copy))
    assert dumped.code == 1
    assert any(line.startswith("fault") for line in dumped.out.splitlines())


def test_folders_that_cannot_be_looked_at(folder: Path, tmp_path: Path) -> None:
    assert run("log", "verify", str(tmp_path / "nosuch")).code == 3
    assert run("log", "verify", str(tmp_path)).code == 3
    with Server(folder):
        busy = run("log", "verify", str(folder), "--json")
        assert (busy.code, busy.error["code"]) == (4, "folder_locked")
