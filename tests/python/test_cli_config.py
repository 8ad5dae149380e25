"""Configuration: flag > environment > file > default, and every mistake named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from cli_support import Server, run


def test_the_default_file_says_nothing_new(tmp_path: Path) -> None:
    text = run("config", "default").out
    file = tmp_path / "dohle.toml"
    file.write_text(text)
    assert run("config", "check", str(file)).code == 0
    shown = run("config", "show", "--config", str(file), "--json").json
    assert (
        shown == tomllib.loads(text) == run("config", "show", "--json").json == run("config", "default", "--json").json
    )
    assert list(shown) == ["node", "listen", "storage", "topics", "log"]


def test_precedence_and_origin(tmp_path: Path) -> None:
    file = tmp_path / "dohle.toml"
    file.write_text('[log]\nlevel = "debug"\n[storage]\nsegment = "64MiB"\n')
    env = {"DOHLE_LOG__LEVEL": "error", "DOHLE_TOPICS__AUTO_CREATE": "true"}
    shown = run("config", "show", "-c", str(file), "--origin", "--json", env=env).json
    assert shown["log"]["level"] == {"value": "error", "origin": "environment DOHLE_LOG__LEVEL"}
    assert shown["storage"]["segment"] == {"value": "64MiB", "origin": f"file {file}"}
    assert shown["topics"]["auto_create"] == {"value": True, "origin": "environment DOHLE_TOPICS__AUTO_CREATE"}
    assert shown["listen"]["address"] == {"value": "127.0.0.1:7420", "origin": "default"}
    by_variable = run("config", "show", "--json", env={"DOHLE_CONFIG": str(file)}).json
    assert by_variable["log"]["level"] == "debug"


def test_flags_beat_all(tmp_path: Path) -> None:
    file = tmp_path / "dohle.toml"
    file.write_text('[log]\nlevel = "nonsense"\n')
    refused = run("serve", "--config", str(file), "--data", str(tmp_path / "d"), "--listen", "127.0.0.1:0")
    assert refused.code == 2, "a file is checked even where a flag overrides it"
    file.write_text("[topics]\nauto_create = true\n[log]\nlevel = 'error'\n")
    env = {"DOHLE_TOPICS__DEFAULT_PARTITIONS": "3", "DOHLE_LOG__LEVEL": "error"}
    with Server(tmp_path / "d", "--config", str(file), "--log-level", "info", env=env) as server:
        server.produce("made-by-use", ["x"])
        assert len(server.ok("topic", "describe", "made-by-use", "--json").json[0]["partitions"]) == 3
        code, talk = server.end()
    assert code == 0
    assert "ending" in talk, "the flag's level shows what file and environment would hide"
    with Server(tmp_path / "d", "--config", str(file), "--no-auto-create-topics") as server:
        assert server.run("produce", "other", stdin="x\n").code == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[log]\nlevle = 'info'\n", "did you mean 'log.level'?"),
        ("[lgo]\nlevel = 'info'\n", "did you mean 'log.level'?"),
        ("data = 'x'\n", "did you mean 'storage.data'?"),
        ("[log]\nlevel = 'loud'\n", "not one of the choices"),
        ("[storage]\nsegment = 'big'\n", "not a size"),
        ("[storage]\nsegment = '1B'\n", "out of range"),
        ("[node]\nclose_timeout = 5\n", "not a duration"),
        ("[node]\nworker_threads = 'many'\n", "not a whole number"),
        ("[topics]\nauto_create = 'perhaps'\n", "neither true nor false"),
        ("[storage]\ndata = ['a', 'b']\n", "not a single value"),
        ("[storage\n", "line 1"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "dohle.toml"
    file.write_text(text)
    failed = run("config", "check", str(file))
    assert failed.code == 2
    assert says in failed.talk
    assert str(file) in failed.talk


def test_mistakes_in_the_environment() -> None:
    failed = run("config", "check", env={"DOHLE_LOG__LEVL": "info"})
    assert failed.code == 2
    assert "did you mean 'DOHLE_LOG__LEVEL'?" in failed.talk
    assert run("config", "check", "/no/such/file.toml").code == 2
