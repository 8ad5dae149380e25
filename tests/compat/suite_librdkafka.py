"""librdkafka's own test runner with the tests that need a plain broker. The sources, tests among them, come with the
package of its JavaScript client."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from kit import FAIL, PASS, SKIP, Results, Suite, Target, command, must, once

PACKAGE, VERSION = "@confluentinc/kafka-javascript", "1.10.1"  # with librdkafka 2.15.1
SECONDS = 900
# The tests know from it which parts of the protocol they may ask for; share groups would be 4.2.
KAFKA_VERSION = "4.1.0"
# They call Kafka's scripts, want an authorizer, or measure this machine.
LEFT_OUT = "0052,0077,0081,0109,0115,0119,0038,0055"
LINE = re.compile(r"^\|\s*(\d{4}_\w+)\s*\|\s*(\w+)\s*\|", re.MULTILINE)
OUTCOMES = {"PASSED": PASS, "SKIPPED": SKIP}


def prepare(folder: Path) -> None:
    def make() -> None:
        must(["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], 300, cwd=folder)
        must(["tar", "xzf", next(folder.glob("*.tgz")), "package/deps/librdkafka"], 60, cwd=folder)
        shutil.rmtree(folder / "librdkafka", ignore_errors=True)
        (folder / "package/deps/librdkafka").rename(folder / "librdkafka")
        for script in ("configure", "configure.self", "lds-gen.py"):
            (folder / "librdkafka" / script).chmod(0o755)
        jobs = os.environ.get("DOHLE_JOBS", "2")
        must(["./configure", "--disable-gssapi", "--disable-ssl"], 300, cwd=folder / "librdkafka")
        must(["make", f"-j{jobs}", "libs"], 1800, cwd=folder / "librdkafka")
        must(["make", f"-j{jobs}", "build"], 1800, cwd=folder / "librdkafka" / "tests")

    once(folder, VERSION, make)


def run(folder: Path, target: Target) -> Results:
    tests = folder / "librdkafka" / "tests"
    (tests / "test.conf").write_text(
        f"bootstrap.servers={target.bootstrap}\ntest.topic.random=true\ntest.timeout.multiplier=4\n"
    )
    env = {"LD_LIBRARY_PATH": "../src:../src-cpp", "TEST_KAFKA_VERSION": KAFKA_VERSION, "TESTS_SKIP": LEFT_OUT}
    if os.environ.get("COMPAT_TESTS"):
        env["TESTS"] = os.environ["COMPAT_TESTS"]
    # -Q quick, without those that need no broker (-L) or break sockets (-E) or are known to fail (-K).
    words = ["./test-runner", "-Q", "-L", "-E", "-K", "-p3"]
    done = command(words, SECONDS, cwd=tests, env=env, log=target.log / "librdkafka.log")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.text)
    results = {name: OUTCOMES.get(outcome, FAIL) for name, outcome in LINE.findall(plain)}
    return results or {"the suite": FAIL}


SUITE = Suite("librdkafka", "librdkafka 2.15.1, test-runner -Q", prepare, run, wants=("npm", "make", "gcc"))
