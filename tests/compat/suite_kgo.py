"""franz-go's own tests of its client kgo, those of them that talk to a broker: producing, consuming, groups of every
balancer, transactions, and what its users once reported."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from kit import FAIL, PASS, SKIP, Results, Suite, Target, command, must, once

VERSION = "1.22.2"
SECONDS = 420
# Share groups are a protocol of their own (KIP-932), which Dohle does not serve; SCRAM needs a listener with SASL.
LEFT_OUT = re.compile(r"Share|SCRAM")
TALKS = re.compile(r"\b(?:newTestClient|tmpTopic\w*|tmpNamedTopic\w*|adm)\(")
LINE = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+)", re.MULTILINE)
OUTCOMES = {"PASS": PASS, "FAIL": FAIL, "SKIP": SKIP}
SETTINGS = {
    "KGO_TEST_RF": "1",
    "KGO_TEST_RECORDS": "20000",
    "KGO_TEST_MAX_TOPIC_PARTS": "7",
    "KGO_LOG_LEVEL": "none",
    "GOMAXPROCS": "1",
}


def prepare(folder: Path) -> None:
    def make() -> None:
        (folder / "go.mod").write_text(f"module compat\n\ngo 1.26\n\nrequire github.com/twmb/franz-go v{VERSION}\n")
        (folder / "needs.go").write_text('package compat\n\nimport _ "github.com/twmb/franz-go/pkg/kgo"\n')
        must(["go", "mod", "tidy"], 300, cwd=folder)
        must(["go", "test", "-c", "-p", "1", "-o", "kgo.test", "github.com/twmb/franz-go/pkg/kgo"], 900, cwd=folder)
        where = must(["go", "list", "-f", "{{.Dir}}", "github.com/twmb/franz-go/pkg/kgo"], 60, cwd=folder).strip()
        (folder / "tests").write_text("\n".join(sorted(talking_tests(Path(where)))))

    once(folder, VERSION, make)


def talking_tests(sources: Path) -> Iterator[str]:
    for file in sources.glob("*_test.go"):
        for body in re.split(r"^(?=func )", file.read_text(), flags=re.MULTILINE):
            named = re.match(r"func (Test\w+)\(", body)
            if named and TALKS.search(body) and not LEFT_OUT.search(named.group(1)):
                yield named.group(1)


def run(folder: Path, target: Target) -> Results:
    wanted = (folder / "tests").read_text().split()
    if os.environ.get("COMPAT_TESTS"):
        wanted = [name for name in wanted if re.search(os.environ["COMPAT_TESTS"], name)]
    # A failing test of transactions panics, and takes with it what runs beside it.
    parts = {"kgo": [n for n in wanted if "Txn" not in n], "kgo-transactions": [n for n in wanted if "Txn" in n]}
    results: Results = {}
    for part, names in parts.items():
        if names:
            results |= run_part(folder, target, part, names)
    return results


def run_part(folder: Path, target: Target, part: str, names: list[str]) -> Results:
    words = ["./kgo.test", "-test.v", f"-test.timeout={SECONDS - 10}s", "-test.parallel=3"]
    words.append(f"-test.run=^({'|'.join(names)})$")
    env = {**SETTINGS, "KGO_SEEDS": target.bootstrap}
    return results_of(command(words, SECONDS, cwd=folder, env=env, log=target.log / f"{part}.log").text)


def results_of(text: str) -> Results:
    results = {name: OUTCOMES[outcome] for outcome, name in LINE.findall(text)}
    for name in re.findall(r"^=== RUN\s+(\S+)", text, re.MULTILINE):
        results.setdefault(name, FAIL)  # it never ended
    # A test is counted by its parts, and by itself only when it failed beside them.
    for name in list(results):
        parts = [outcome for other, outcome in results.items() if other.startswith(name + "/")]
        if parts and (results[name] != FAIL or FAIL in parts):
            del results[name]
    return results


SUITE = Suite("kgo", f"franz-go {VERSION}, kgo's tests that talk to a broker", prepare, run, wants=("go",))
