"""The package as a package: types, stubs, examples in its documentation."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dohle
import pytest
from package_support import environment

PACKAGE = Path(dohle.__file__).parent
MODULES = sorted(m.name for m in pkgutil.iter_modules([str(PACKAGE)]) if not m.name.startswith("_core"))


@pytest.mark.parametrize("name", ["__init__", *MODULES])
def test_examples_in_the_documentation(name: str) -> None:
    module = importlib.import_module("dohle" if name == "__init__" else f"dohle.{name}")
    failed, _ = doctest.testmod(module)
    assert failed == 0


@pytest.fixture(scope="module")
def mypy(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs mypy with the project's settings; what one run learns the next one knows."""
    cache = tmp_path_factory.mktemp("mypy")
    settings = str(PACKAGE.parents[1] / "pyproject.toml")
    env = {**environment(), "MYPYPATH": str(PACKAGE.parent)}

    def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mypy", "--config-file", settings, "--cache-dir", str(cache), *arguments]
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=250)

    return run


def test_the_stub_of_the_compiled_module_is_current(tmp_path: Path) -> None:
    script = PACKAGE.parents[1] / "bindings" / "stubs.py"
    done = subprocess.run([sys.executable, script, tmp_path], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    fresh = (tmp_path / "dohle" / "_core.pyi").read_text()
    assert (PACKAGE / "_core.pyi").read_text() == fresh, "try: python bindings/stubs.py"


def test_types(mypy: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    done = mypy("-p", "dohle", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_typo_is_found_by_a_type_checker(
    mypy: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    code = tmp_path / "user.py"
    code.write_text(
        "import dohle\n"
        "with dohle.Broker() as db:\n"
        "    t = db.topic('x')\n"
        "    offset: int = t.send('v', key='k').result().offset\n"
        "    t.send('v', ky='k')\n"
        "    t.read(since=[])\n"
    )
    done = mypy(str(code), cwd=tmp_path)
    wrong = [line.split(":")[1] for line in done.stdout.splitlines() if line.startswith("user.py") and "error:" in line]
    assert wrong == ["5", "6"], done.stdout


def test_it_is_marked_as_typed() -> None:
    assert (PACKAGE / "py.typed").exists()


def test_all_names_are_there_and_documented() -> None:
    for name in dohle.__all__:
        thing = getattr(dohle, name)
        assert thing.__doc__, name


def test_the_version() -> None:
    assert f"VERSION {dohle.__version__} " in (PACKAGE.parents[1] / "CMakeLists.txt").read_text()
