"""For all tests of this folder: helpers importable by name (`from cli_support import run`), one broker for each module
of the package's tests, topics with names of their own. The program's tests need no module, so nothing imports it here
before a fixture asks."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    import dohle

_numbers = itertools.count()


@pytest.fixture(scope="module")
def db() -> Iterator[dohle.Broker]:
    """A broker that listens, shared by the tests of a module."""
    import dohle

    with dohle.Broker(listen=True) as broker:
        yield broker


@pytest.fixture
def topic(db: dohle.Broker) -> dohle.Topic:
    """A topic of one partition that no other test knows."""
    return db.topic(f"t{next(_numbers)}", partitions=1)


@pytest.fixture
def wide(db: dohle.Broker) -> dohle.Topic:
    """A topic of three partitions that no other test knows."""
    return db.topic(f"w{next(_numbers)}", partitions=3)


@pytest.fixture
def script() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python code in a process of its own; what is still running at the end of the test is killed."""
    from package_support import start

    started: list[subprocess.Popen[str]] = []

    def begin(code: str, *arguments: str) -> subprocess.Popen[str]:
        started.append(start(code, *arguments))
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
