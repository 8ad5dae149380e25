"""Reads kafka/protocol.txt, the description of every Kafka message that Dohle speaks, into plain objects.

The grammar, one line a thing, depth by two blanks:

    api KEY NAME VERSIONS flexible FROM      the messages of one API; `flexible none` when no version is
    request | response                       what follows describes its body
    data NAME VERSIONS flexible FROM         a structure that travels inside others' bytes
      NAME TYPE [VERSIONS] [nullable VERSIONS] [tag N VERSIONS] [= DEFAULT]

TYPE is bool, int8 to int64, uint16, float64, string, bytes, uuid, records, a structure's name, or one of these in
brackets for a list. The fields of a structure stand below the first field that uses it, one level deeper. VERSIONS is
`3`, `3+` or `3-7`; a field without them is in all versions. Standard library only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

SCALARS = {"bool", "int8", "int16", "int32", "int64", "uint16", "float64", "string", "bytes", "uuid", "records"}
LAST = 32767


@dataclass(frozen=True)
class Versions:
    first: int
    last: int

    @staticmethod
    def parse(text: str) -> Versions:
        found = re.fullmatch(r"(\d+)(\+|-(\d+))?", text)
        if not found:
            raise ValueError(f"{text!r} is no range of versions")
        first = int(found[1])
        return Versions(first, LAST if found[2] == "+" else int(found[3] or first))

    def __str__(self) -> str:
        return f"{self.first}+" if self.last == LAST else f"{self.first}-{self.last}"

    def within(self, other: Versions) -> Versions:
        return Versions(max(self.first, other.first), min(self.last, other.last))


ALL = Versions(0, LAST)


@dataclass
class Field:
    name: str
    type: str  # without brackets
    is_list: bool = False
    versions: Versions = ALL
    nullable: Versions | None = None
    tag: int | None = None
    tagged: Versions | None = None
    default: str | None = None


@dataclass
class Message:
    name: str
    key: int | None
    versions: Versions
    flexible: int | None  # the first flexible version
    fields: list[Field] = field(default_factory=list)
    structures: dict[str, list[Field]] = field(default_factory=dict)


def parse_field(text: str) -> Field:
    text, _, default = text.partition(" = ")
    words = text.split()
    name, type_ = words[0], words[1]
    made = Field(name, type_.strip("[]"), type_.startswith("["), default=default or None)
    rest = words[2:]
    if rest and rest[0][0].isdigit():
        made.versions = Versions.parse(rest.pop(0))
    while rest:
        word = rest.pop(0)
        if word == "nullable":
            made.nullable = Versions.parse(rest.pop(0))
        elif word == "tag":
            made.tag, made.tagged = int(rest.pop(0)), Versions.parse(rest.pop(0))
        else:
            raise ValueError(f"{word!r} is not known")
    return made


def parse_heading(words: list[str], name: str, key: int | None) -> Message:
    if words[-2] != "flexible":
        raise ValueError("`flexible` is missing")
    return Message(name, key, Versions.parse(words[-3]), None if words[-1] == "none" else int(words[-1]))


def parse(text: str) -> list[Message]:
    messages: list[Message] = []
    heading: list[str] = []
    open_lists: list[list[Field]] = []
    for number, line in enumerate(text.splitlines(), 1):
        body = line.split("#")[0].rstrip()
        if not body:
            continue
        try:
            words = body.split()
            depth = (len(body) - len(body.lstrip())) // 2
            if depth == 0 and words[0] == "api":
                heading = words
            elif depth == 0 and words[0] in ("request", "response"):
                messages.append(parse_heading(heading, f"{heading[2]}_{words[0]}", int(heading[1])))
                open_lists = [messages[-1].fields]
            elif depth == 0 and words[0] == "data":
                messages.append(parse_heading(words, words[1], None))
                open_lists = [messages[-1].fields]
            else:
                del open_lists[depth:]
                made = parse_field(body.strip())
                open_lists[-1].append(made)
                if made.type not in SCALARS:
                    fresh = messages[-1].structures.setdefault(made.type, [])
                    open_lists.append(fresh if not fresh else [])
        except (ValueError, IndexError) as problem:
            raise SystemExit(f"protocol.txt:{number}: {problem}: {line.strip()}") from problem
    return messages


def load(path: Path | None = None) -> list[Message]:
    return parse((path or Path(__file__).with_name("protocol.txt")).read_text())


def field_text(made: Field) -> str:
    parts = [made.name, f"[{made.type}]" if made.is_list else made.type]
    if made.versions != ALL:
        parts.append(str(made.versions))
    if made.nullable:
        parts.append(f"nullable {made.nullable}")
    if made.tag is not None:
        parts.append(f"tag {made.tag} {made.tagged}")
    if made.default is not None:
        parts.append(f"= {made.default}")
    return " ".join(parts)


def body_text(message: Message, fields: list[Field], depth: int = 1, shown: set[str] | None = None) -> str:
    shown = set() if shown is None else shown
    out = ""
    for made in fields:
        out += "  " * depth + field_text(made) + "\n"
        if made.type in message.structures and made.type not in shown:
            shown.add(made.type)
            out += body_text(message, message.structures[made.type], depth + 1, shown)
    return out
