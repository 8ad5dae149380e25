"""Disks that fail and disks that are full, for programs that know nothing of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli_support import DOHLE

SHIM = str(Path(DOHLE).resolve().parents[1] / "lib" / "libdisk_shim.so")


def failing(plan: str) -> dict[str, str]:
    """Settings of a process whose disk does what `plan` says (tests/crash/disk_shim.hpp)."""
    return {"LD_PRELOAD": SHIM, "DOHLE_DISK_PLAN": plan}


@contextmanager
def small_disk(folder: Path, kind: str, megabytes: int) -> Iterator[Path | None]:
    """A disk of its own, `tmpfs` or `ext4` in a file; None where mounting is not permitted."""
    place = folder / "disk"
    place.mkdir()
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "dohle-test", str(place)]
    else:
        image = folder / "disk.img"
        with image.open("wb") as file:
            file.truncate(megabytes << 20)
        made = subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], capture_output=True, check=False)
        if made.returncode != 0:
            yield None
            return
        command = ["mount", "-o", "loop", str(image), str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield place if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def free_bytes(folder: Path) -> int:
    info = os.statvfs(folder)
    return info.f_bavail * info.f_frsize


@contextmanager
def filled(folder: Path, but: int) -> Iterator[None]:
    """The disk has only `but` bytes left meanwhile."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        while (left := free_bytes(folder) - but) > 0:
            file.write(b"b" * min(left, 1 << 20))
            file.flush()
    try:
        yield
    finally:
        ballast.unlink()
