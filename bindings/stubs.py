"""Writes python/dohle/_core.pyi, the types of the compiled module, in the form that ruff leaves alone.

    python bindings/stubs.py [FOLDER]   into FOLDER/dohle, by default the source tree

Run it after a change of the bindings, with the module built and importable.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(folder: Path) -> None:
    stub = folder / "dohle" / "_core.pyi"
    config = ["--config", str(ROOT / "pyproject.toml"), "--quiet"]
    for command in (
        ["pybind11_stubgen", "dohle._core", "--output-dir", str(folder)],
        ["ruff", "check", *config, "--select", "I", "--fix", str(stub)],
        ["ruff", "format", *config, str(stub)],
    ):
        subprocess.run([sys.executable, "-m", *command], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "python")
