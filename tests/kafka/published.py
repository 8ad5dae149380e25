"""Kafka's own message descriptions (the JSON files inside the Java client's jar) as objects of kafka/definition.py.

    published.py FOLDER KEY...      prints these APIs in the language of kafka/protocol.txt, to add or renew them
    published.py FOLDER --compare   tells where kafka/protocol.txt differs from them; exit 1 when it does

FOLDER holds the files of `common/message/` in kafka-clients-*.jar. Standard library only.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "kafka"))
from definition import SCALARS, Field, Message, Versions, body_text, load

Json = dict[str, Any]
NUMBERS = {"int8", "int16", "int32", "int64", "uint16", "float64"}


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def read(path: Path) -> Json:
    text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("//"))
    read_json: Json = json.loads(text)
    return read_json


def short(structure: str, message: str) -> str:
    """MetadataResponseTopic in MetadataResponse is `topic`."""
    for prefix in (message, message.removesuffix("Request").removesuffix("Response")):
        if structure.startswith(prefix) and structure[len(prefix) : len(prefix) + 1].isupper():
            return snake(structure[len(prefix) :])
    return snake(structure)


def default_of(described: Json) -> str | None:
    value = described.get("default")
    if value is None or value == "":
        return None
    text = str(value).lower() if described["type"] == "bool" else str(value)
    if described["type"] in NUMBERS and text.startswith("0x"):
        text = str(int(text, 16))
    return None if text in ("0", "false") else text


def convert(fields: list[Json], message: Message, whole: str, common: dict[str, list[Json]]) -> list[Field]:
    made_fields = []
    for described in fields:
        type_ = described["type"].removeprefix("[]")
        is_list = described["type"].startswith("[]")
        made = Field(snake(described["name"]), type_ if type_ in SCALARS else short(type_, whole), is_list)
        valid = message.versions
        versions = Versions.parse(described.get("versions", "0+")) if described.get("versions") != "none" else None
        if versions is None or versions.first > valid.last or versions.last < valid.first:
            continue
        if versions.first > valid.first or versions.last < valid.last:
            made.versions = versions
        if "nullableVersions" in described:
            made.nullable = Versions.parse(described["nullableVersions"])
        if "tag" in described:
            made.tag, made.tagged = described["tag"], Versions.parse(described["taggedVersions"])
        made.default = default_of(described)
        made_fields.append(made)
        inner = described.get("fields") or common.get(type_)
        if inner and made.type not in message.structures:
            message.structures[made.type] = []
            message.structures[made.type] = convert(inner, message, whole, common)
    return made_fields


def message_of(described: Json) -> Message:
    flexible = described["flexibleVersions"]
    valid = Versions.parse(described["validVersions"])
    kind = described["type"]
    name = snake(described["name"])
    first_flexible = None if flexible == "none" else Versions.parse(flexible).first
    made = Message(name, described.get("apiKey") if kind in ("request", "response") else None, valid, first_flexible)
    common = {c["name"]: c["fields"] for c in described.get("commonStructs", [])}
    made.fields = convert(described["fields"], made, described["name"], common)
    return made


def published(folder: Path) -> dict[str, Message]:
    found = {}
    for path in sorted(folder.glob("*.json")):
        described = read(path)
        if described.get("validVersions", "none") != "none":
            made = message_of(described)
            found[made.name] = made
    return found


def text_of(found: dict[str, Message], key: int) -> str:
    request = next(m for m in found.values() if m.key == key and m.name.endswith("_request"))
    response = found[request.name.removesuffix("_request") + "_response"]
    flexible = "none" if request.flexible is None else request.flexible
    heading = f"api {key} {request.name.removesuffix('_request')} {request.versions} flexible {flexible}\n"
    return heading + f"request\n{body_text(request, request.fields)}response\n{body_text(response, response.fields)}"


def normalized(message: Message) -> str:
    """Only what is on the wire in the versions both know."""
    flexible = f"flexible {message.flexible}\n"
    return flexible + body_text(message, message.fields)


def compare(found: dict[str, Message]) -> int:
    differences = 0
    for ours in load():
        theirs = found.get(ours.name)
        if theirs is None:
            print(f"{ours.name} is not among the published ones")
            differences += 1
            continue
        if normalized(ours) != normalized(theirs):
            differences += 1
            print(f"--- {ours.name}: here\n{normalized(ours)}--- published\n{normalized(theirs)}")
    return differences


def main() -> int:
    found = published(Path(sys.argv[1]))
    if "--compare" in sys.argv:
        return 1 if compare(found) else 0
    for key in sys.argv[2:]:
        print(text_of(found, int(key)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
