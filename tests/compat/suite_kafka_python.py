"""kafka-python's integration tests, from its source package, with the client of the same version."""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from kit import FAIL, PASS, SKIP, Results, Suite, Target, command, must, once

VERSION = "3.0.12"
SECONDS = 600
PACKAGES = (
    f"kafka-python=={VERSION}",
    "pytest==9.2.0",
    "pytest-timeout==2.4.0",
    "py",
    "lz4",
    "python-snappy",
    "pytest-rerunfailures",
)
# The source package leaves out the module that starts brokers. With a broker that is there already, this is all of it.
SERVICE = '''"""Stands for the module that starts brokers."""


class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self): ...

    def close(self): ...

    def dump_logs(self): ...


class SpawnedService:
    def __init__(self, *_, **__):
        raise RuntimeError("this test starts a broker of its own")
'''


def prepare(folder: Path) -> None:
    def make() -> None:
        must([sys.executable, "-m", "venv", "--clear", folder / "venv"], 120)
        pip = [folder / "venv/bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
        must([*pip, "install", *PACKAGES, "zstandard", "crc32c"], 300)
        must([*pip, "download", "--no-deps", "--no-binary", ":all:", f"kafka-python=={VERSION}", "-d", folder], 300)
        must(["tar", "xzf", next(folder.glob("kafka_python-*.tar.gz"))], 60, cwd=folder)
        tests = folder / f"kafka_python-{VERSION}"
        (tests / "test" / "__init__.py").touch()
        (tests / "test" / "service.py").write_text(SERVICE)
        (tests / "servers" / "4.2.0" / "kafka-bin").mkdir(parents=True, exist_ok=True)

    once(folder, f"{VERSION} {PACKAGES}", make)


def outcome(case: ElementTree.Element) -> str:
    kinds = {child.tag for child in case}
    return FAIL if kinds & {"failure", "error"} else SKIP if "skipped" in kinds else PASS


def run(folder: Path, target: Target) -> Results:
    report = target.log / "kafka-python.xml"
    report.unlink(missing_ok=True)
    words = [folder / "venv/bin/python", "-m", "pytest", "test/integration", "-o", "addopts=", "--timeout=60"]
    # A subscription that comes while the client's own first metadata request is under way is forgotten (cluster.py,
    # "handle future when old metadata request is currently in-flight"): such a test is tried again.
    words += ["-q", "--reruns=4", "--only-rerun=AssertionError", "-p", "no:cacheprovider", f"--junitxml={report}"]
    if os.environ.get("COMPAT_TESTS"):
        words += ["-k", os.environ["COMPAT_TESTS"]]
    env = {"KAFKA_URI": f"kafka://{target.bootstrap}", "KAFKA_VERSION": "4.2.0"}
    tests = folder / f"kafka_python-{VERSION}"
    command(words, SECONDS, cwd=tests, env=env, log=target.log / "kafka-python.log")
    if not report.exists():
        return {"the suite": FAIL}
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return {f"{c.get('classname', '').rpartition('.')[2]}.{c.get('name')}": outcome(c) for c in cases}


SUITE = Suite("kafka-python", f"kafka-python {VERSION}, its integration tests", prepare, run)
