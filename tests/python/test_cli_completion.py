"""Completion scripts: the shells read them, and they offer what the program really takes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cli_support import PATIENCE, run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_parse(shell: str, tmp_path: Path) -> None:
    script = run("completion", shell)
    assert script.code == 0
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / "script"
    file.write_bytes(script.raw)
    subprocess.run([shell, "-n", str(file)], check=True, timeout=PATIENCE)


def offers(tmp_path: Path, *words: str) -> list[str]:
    """What bash would offer for the last word."""
    (tmp_path / "dohle.bash").write_bytes(run("completion", "bash").raw)
    quoted = " ".join(f"'{w}'" for w in words)
    code = f'source "$1"; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _dohle; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "-c", code, "bash", str(tmp_path / "dohle.bash")], capture_output=True, text=True, timeout=PATIENCE,
        check=True,
    )  # fmt: skip
    return done.stdout.split()


def test_bash_offers_commands_and_options(tmp_path: Path) -> None:
    assert offers(tmp_path, "dohle", "to") == ["topic"]
    assert offers(tmp_path, "dohle", "topic", "") >= ["alter"]
    assert {"create", "list", "describe", "alter", "delete"} <= set(offers(tmp_path, "dohle", "topic", ""))
    assert offers(tmp_path, "dohle", "consume", "t", "--fol") == ["--follow"]
    assert offers(tmp_path, "dohle", "read", "t", "--fol") == ["--follow"], "aliases, too"
    assert offers(tmp_path, "dohle", "completion", "f") == ["fish"]


def test_every_offered_command_has_help(tmp_path: Path) -> None:
    groups = [w for w in offers(tmp_path, "dohle", "") if not w.startswith("-")]
    assert {"serve", "topic", "produce", "consume", "group", "log", "config", "completion", "version"} == set(groups)
    for group in groups:
        assert run(group, "--help").code == 0
        for command in offers(tmp_path, "dohle", group, ""):
            if not command.startswith("-") and group != "completion":
                helped = run(group, command, "--help")
                assert helped.code == 0
                assert command in helped.out


def test_unknown_shell() -> None:
    failed = run("completion", "cmd.exe")
    assert failed.code == 2
    assert "try:" in failed.talk


def test_version_is_said_everywhere_alike() -> None:
    version = run("version", "--json").json
    assert list(version) == ["name", "version", "compiler"]
    assert run("version").out == run("--version").out == f"dohle {version['version']}\n"
