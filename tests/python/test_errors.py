"""Each error: its exception, its builtin, its hint."""

from __future__ import annotations

import builtins
import pickle
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import dohle
import pytest
from dohle import errors


@pytest.mark.parametrize(("code", "kind"), sorted(errors._BY_CODE.items()))
def test_every_code_has_its_exception(code: str, kind: type[dohle.Error]) -> None:
    error = errors.error_for(code, "what", "this", True)
    assert type(error) is kind
    assert str(error) == "what (try: this)"
    assert (error.code, error.hint, error.retriable) == (code, "this", True)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.code) == (kind, str(error), code)


def test_the_builtins_catch_them() -> None:
    assert issubclass(dohle.ConnectionError, builtins.ConnectionError)
    assert issubclass(dohle.TimeoutError, builtins.TimeoutError)
    assert issubclass(dohle.NotFound, LookupError)
    assert issubclass(dohle.InvalidRequest, ValueError)
    assert issubclass(dohle.NotAuthorized, PermissionError)
    assert issubclass(dohle.UnknownOutcome, dohle.TimeoutError)
    assert issubclass(dohle.FolderLocked, dohle.StorageError)


def test_every_code_of_the_engine_is_known() -> None:
    header = Path(__file__).parents[2] / "schema" / "error.hpp"
    text = header.read_text()
    body = text[text.index("enum class errc") : text.index("};", text.index("enum class errc"))]
    lines = [line.split("//")[0] for line in body.splitlines()[1:]]
    codes = {line.split("=")[0].strip() for line in lines if "=" in line}
    assert codes - {"ok", "internal"} == set(errors._BY_CODE) - {"forked"}


def test_nobody_listens() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port}") as refused:
        dohle.connect(f"dohle://127.0.0.1:{port}")
    assert isinstance(refused.value, dohle.ConnectionError)
    assert refused.value.hint


@pytest.mark.parametrize("url", ["kafka://127.0.0.1:1", "dohle://", "dohle://host:port"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(dohle.Error) as wrong:
        dohle.connect(url, connect_timeout="2s")
    assert wrong.value.code in ("invalid_request", "connection_failed")


def test_a_locked_folder(tmp_path: Path, script: Callable[..., subprocess.Popen[str]]) -> None:
    with dohle.Broker(tmp_path / "data") as db:
        with pytest.raises(dohle.FolderLocked) as twice:
            dohle.Broker(tmp_path / "data")
        assert twice.value.hint
        process = script("import dohle, sys; dohle.Broker(sys.argv[1])", str(tmp_path / "data"))
        _, err = process.communicate(timeout=60)
        assert "FolderLocked" in err
        db.topic("t").send("x").result()


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("words")
    with pytest.raises(dohle.StorageError) as wrong:
        dohle.Broker(tmp_path)
    assert str(tmp_path) in str(wrong.value)
    assert wrong.value.hint
    assert (tmp_path / "thesis.txt").read_text() == "words"


@pytest.mark.parametrize("name", ["", "a b", "x" * 300, "..", "ü"])
def test_names_that_are_none(db: dohle.Broker, name: str) -> None:
    with pytest.raises(ValueError) as wrong:
        db.topics.create(name)
    assert isinstance(wrong.value, dohle.InvalidRequest)


@pytest.mark.parametrize("partitions", [0, -1, 1_000_000])
def test_numbers_of_partitions_that_cannot_be(db: dohle.Broker, partitions: int) -> None:
    with pytest.raises(dohle.InvalidRequest):
        db.topics.create("x", partitions=partitions)


def test_the_broker_goes_away() -> None:
    broker = dohle.Broker(listen=True)
    with dohle.connect(broker.address, request_timeout="2s") as other:
        topic = other.topic("t", partitions=1)
        topic.send("x").result()
        broker.close()
        with pytest.raises(dohle.Error) as gone:
            topic.read()
        assert gone.value.code in ("closed", "connection_failed", "timeout")


def test_delivery_errors_split_as_groups_do() -> None:
    inner = [errors.error_for("timeout", "a", "", True), errors.error_for("record_too_large", "b", "", False)]
    group = dohle.DeliveryErrors("2 of 9 records", inner, 2, 7)
    part = group.subgroup(dohle.TimeoutError)
    assert isinstance(part, dohle.DeliveryErrors)
    assert (part.failed, part.acknowledged, len(part.exceptions)) == (2, 7, 1)
