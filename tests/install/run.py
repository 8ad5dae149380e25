"""Installs a build into a folder of its own and uses it as an embedder would, from outside the tree.

    run.py BUILD_FOLDER

Shows that every installed header compiles alone, that `find_package(dohle)` and pkg-config both build the example, and
that it runs. Ends with `N passed, N failed`. Standard library only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECONDS = 600


class Checks:
    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def run(self, name: str, step: Callable[[], None]) -> bool:
        """Counts one check; what a failing command printed is shown."""
        try:
            step()
        except (subprocess.SubprocessError, AssertionError, OSError) as problem:
            print(f"FAIL  {name}: {problem}\n{getattr(problem, 'output', None) or ''}", flush=True)
            self.failed += 1
            return False
        print(f"ok    {name}", flush=True)
        self.passed += 1
        return True


def command(*words: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(w) for w in words],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    return done.stdout


def install(build: Path, prefix: Path) -> None:
    command("cmake", "--install", build, "--prefix", prefix)
    for needed in ("include/dohle/dohle.hpp", "include/dohle/schema/types.hpp", "bin/dohle"):
        assert (prefix / needed).exists(), f"{needed} was not installed"
    for header in (prefix / "include").rglob("*.hpp"):
        for line in header.read_text().splitlines():
            assert not line.startswith('#include "') or line.startswith('#include "dohle/'), f"{header}: {line}"


def headers_alone(prefix: Path, work: Path) -> None:
    """All headers in one file each would cost minutes of CAF: those without it alone, the umbrella with it."""
    include = prefix / "include"
    for header in sorted(include.rglob("*.hpp")):
        if "caf/" not in header.read_text():
            source = work / "alone.cpp"
            source.write_text(f'#include "{header.relative_to(include)}"\n')
            command(compiler(), "-std=c++20", "-fsyntax-only", "-Wall", "-Werror", f"-I{include}", source)


def find_package(prefix: Path, work: Path) -> None:
    build = work / "cmake"
    command("cmake", "-S", HERE / "example", "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    command("cmake", "--build", build)


def package_config(prefix: Path, work: Path) -> None:
    pc = next(prefix.rglob("dohle.pc")).parent
    flags = command("pkg-config", "--cflags", "--libs", "dohle", PKG_CONFIG_PATH=str(pc)).split()
    library = next(prefix.rglob("libdohle.so")).parent
    program = work / "by_pkg_config"
    command(compiler(), HERE / "example" / "main.cpp", "-o", program, *flags, f"-Wl,-rpath,{library}")
    runs(program, work / "data-pc")


def runs(program: Path, data: Path) -> None:
    told = command(program, data)
    assert told == "1000 written, 1000 read\n", told


def compiler() -> str:
    return os.environ.get("CXX", "c++")


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    build = Path(sys.argv[1]).resolve()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="dohle-install-") as folder:
        work, prefix = Path(folder), Path(folder) / "prefix"
        if checks.run("it installs, with its includes rewritten", lambda: install(build, prefix)):
            checks.run("every header compiles alone", lambda: headers_alone(prefix, work))
            if checks.run("find_package(dohle) builds the example", lambda: find_package(prefix, work)):
                for program in sorted(p for p in (work / "cmake").iterdir() if p.is_file() and os.access(p, os.X_OK)):
                    checks.run(f"{program.name} runs", lambda p=program: runs(p, work / f"data-{p.name}"))
            checks.run("pkg-config builds it too, and it runs", lambda: package_config(prefix, work))
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 0 if checks.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
