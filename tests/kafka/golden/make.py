"""Makes vectors.txt: every message of kafka/protocol.txt in every version, as Kafka's own Java client writes it.

    make.py FOLDER CLASSPATH > vectors.txt

FOLDER holds the message descriptions (`common/message/*.json` of kafka-clients-*.jar), CLASSPATH that jar and Jackson.
The values are chosen so that neighbours differ: a field in the wrong place shows. Standard library only.
"""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from published import Versions, load, read, snake  # noqa: E402

Json = dict[str, Any]
_numbers = itertools.count(1)
RANGES = {"int8": 100, "int16": 30_000, "uint16": 60_000, "int32": 2_000_000_000, "int64": 9_000_000_000_000_000}


def scalar(type_: str) -> Any:
    n = next(_numbers)
    if type_ == "bool":
        return n % 2 == 1
    if type_ in RANGES:
        return n * 7_919 % RANGES[type_]
    if type_ == "float64":
        return n + 0.5
    if type_ == "string":
        return f"text {n}"
    if type_ == "uuid":
        return base64.urlsafe_b64encode(n.to_bytes(16, "big")).decode().rstrip("=")
    return base64.b64encode(f"bytes {n}".encode()).decode()


def has(described: Json, version: int, key: str = "versions") -> bool:
    text = described.get(key, "none")
    if text == "none":
        return False
    versions = Versions.parse(text)
    return versions.first <= version <= versions.last


def value(described: Json, version: int, common: dict[str, list[Json]], sparse: bool) -> Any:
    if sparse and has(described, version, "nullableVersions"):
        return None
    type_ = described["type"]
    if type_.startswith("[]"):
        one = described | {"type": type_[2:], "nullableVersions": "none"}
        return [value(one, version, common, sparse) for _ in range(0 if sparse else 2)]
    inner = described.get("fields") or common.get(type_)
    if inner is None:
        return scalar(type_)
    return body(inner, version, common, sparse)


def body(fields: list[Json], version: int, common: dict[str, list[Json]], sparse: bool) -> Json:
    out = {}
    for described in fields:
        if has(described, version):
            name = described["name"][0].lower() + described["name"][1:]
            out[name] = value(described, version, common, sparse)
    return out


def main() -> None:
    folder, classpath = Path(sys.argv[1]), sys.argv[2]
    ours = {m.name for m in load()}
    lines = []
    for path in sorted(folder.glob("*.json")):
        described = read(path)
        if snake(described["name"]) not in ours:
            continue
        versions = Versions.parse(described["validVersions"])
        common = {c["name"]: c["fields"] for c in described.get("commonStructs", [])}
        for version in range(versions.first, versions.last + 1):
            for sparse in (False, True):
                content = json.dumps(body(described["fields"], version, common, sparse))
                lines.append(f"{described['name']} {version} {content}")
    command = ["java", "-cp", classpath, str(HERE / "Golden.java")]
    made = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True).stdout
    for line in made.splitlines():
        name, version, written = line.split(" ")
        print(snake(name), version, written or "-")


if __name__ == "__main__":
    main()
