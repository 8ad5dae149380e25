"""Processes that import the same package as the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dohle


def environment() -> dict[str, str]:
    package = str(Path(dohle.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": package, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Runs the code; its output is text in pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
