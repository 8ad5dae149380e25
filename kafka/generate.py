"""Makes the C++ structures and codecs of kafka/protocol.txt: generate.py FOLDER writes FOLDER/messages.{hpp,cpp}.

A structure in a message becomes `<message>_<structure>`; its fields keep their names. Standard library only.
"""

from __future__ import annotations

import sys
from pathlib import Path

from definition import LAST, SCALARS, Field, Message, Versions, load

CPP = {
    "bool": "bool",
    "int8": "std::int8_t",
    "int16": "std::int16_t",
    "int32": "std::int32_t",
    "int64": "std::int64_t",
    "uint16": "std::uint16_t",
    "float64": "double",
    "string": "std::string",
    "bytes": "bytes",
    "uuid": "uuid",
    "records": "record_pieces",
}
NUMBERS = {"int8", "int16", "int32", "int64", "uint16", "float64"}
WARNING = "// Made by kafka/generate.py from kafka/protocol.txt. Do not edit.\n"


def type_name(message: Message, name: str) -> str:
    return CPP.get(name) or f"{message.name}_{name}"


def member_type(message: Message, made: Field) -> str:
    type_ = type_name(message, made.type)
    if made.is_list:
        type_ = f"std::vector<{type_}>"
    return f"std::optional<{type_}>" if made.nullable and made.type != "records" else type_


def initial(message: Message, made: Field) -> str:
    if made.nullable:
        if made.default == "null" or made.type == "records":
            return ""
        inner = member_type(message, made).removeprefix("std::optional<").removesuffix(">")
        return f"{{{inner}{{}}}}"
    if made.is_list or made.type not in SCALARS:
        return ""
    if made.type in NUMBERS:
        value = made.default or "0"
        return " = std::numeric_limits<std::int32_t>::min()" if value == "-2147483648" else f" = {value}"
    if made.type == "bool":
        return f" = {made.default or 'false'}"
    if made.type == "string" and made.default:
        return f' = "{made.default}"'
    return ""


def structure(message: Message, name: str, fields: list[Field], extra: str = "") -> str:
    lines = "".join(f"  {member_type(message, f)} {f.name}{initial(message, f)};\n" for f in fields)
    return f"struct {name} {{\n{extra}{lines}  friend bool operator==(const {name}&, const {name}&) = default;\n}};\n"


def ordered(message: Message) -> list[str]:
    """Structures, those that others hold first."""
    done: list[str] = []

    def visit(fields: list[Field]) -> None:
        for made in fields:
            if made.type in message.structures and made.type not in done:
                visit(message.structures[made.type])
                if made.type not in done:
                    done.append(made.type)

    visit(message.fields)
    return done


def traits(message: Message) -> str:
    flexible = LAST if message.flexible is None else message.flexible
    out = f"  static constexpr int first_version = {message.versions.first}, last_version = {message.versions.last};\n"
    out += f"  static constexpr int flexible_from = {flexible};\n"
    if message.key is not None:
        out = f"  static constexpr std::int16_t api_key = {message.key};\n" + out
        if message.name.endswith("_request"):
            out += f"  using response = {message.name.removesuffix('_request')}_response;\n"
    return out


def condition(versions: Versions | None, valid: Versions) -> str:
    """True in these of the valid versions; empty when that is all of them."""
    if versions is None:
        return "false"
    tests = []
    if versions.first > valid.first:
        tests.append(f"v >= {versions.first}")
    if versions.last < valid.last:
        tests.append(f"v <= {versions.last}")
    return " && ".join(tests)


def is_tagged(made: Field, valid: Versions) -> bool:
    """Tagged in all versions that have it, as all but a few are; those few are not among ours."""
    if made.tagged is None:
        return False
    if condition(made.tagged, made.versions.within(valid)):
        raise SystemExit(f"{made.name}: tagged in some of its versions only")
    return True


def reading(message: Message, name: str, fields: list[Field]) -> str:
    valid, body, cases = message.versions, "", ""
    for made in fields:
        test = condition(made.versions, valid)
        if is_tagged(made, valid):
            cases += f"      case {made.tag}: return r.get(m.{made.name});\n"
        else:
            body += f"  {f'if ({test}) ' if test else ''}r.get(m.{made.name});\n"
    if cases:
        body += f"  r.tags([&]([[maybe_unused]] std::uint32_t tag) {{\n    switch (tag) {{\n{cases}    }}\n  }});\n"
    elif message.flexible is not None:
        body += "  r.tags([](std::uint32_t) {});\n"
    start = "  [[maybe_unused]] const int v = r.version();\n"
    return f"void read([[maybe_unused]] reader& r, [[maybe_unused]] {name}& m) {{\n{start}{body}}}\n"


def writing(message: Message, name: str, fields: list[Field]) -> str:
    valid, body, tags = message.versions, "", ""
    for made in fields:
        test = condition(made.versions, valid)
        nullable = ""
        if made.nullable and made.type != "records":
            nullable = f", {condition(made.nullable, made.versions.within(valid)) or 'true'}"
        put = f"w.put(m.{made.name}{nullable});"
        if is_tagged(made, valid):
            differs = f"!(m.{made.name} == {name}{{}}.{made.name})"
            both = f"{test} && {differs}" if test else differs
            tags += f"  if ({both}) tags.put({made.tag}, [&](writer& inner) {{ {put.replace('w.', 'inner.', 1)} }});\n"
        else:
            body += f"  {f'if ({test}) ' if test else ''}{put}\n"
    if tags:
        body += f"  tag_section tags(w);\n{tags}  tags.end();\n"
    elif message.flexible is not None:
        body += "  w.no_tags();\n"
    start = "  [[maybe_unused]] const int v = w.version();\n"
    return f"void write([[maybe_unused]] writer& w, [[maybe_unused]] const {name}& m) {{\n{start}{body}}}\n"


def header(messages: list[Message]) -> str:
    out = WARNING + "#pragma once\n\n#include <cstdint>\n#include <limits>\n#include <optional>\n#include <string>\n"
    out += '#include <vector>\n\n#include "kafka/wire.hpp"\n\nnamespace dohle::kafka {\n\n'
    for message in messages:
        for name in ordered(message):
            out += structure(message, f"{message.name}_{name}", message.structures[name]) + "\n"
    for message in sorted(messages, key=lambda m: m.name.endswith("_request")):
        out += structure(message, message.name, message.fields, traits(message)) + "\n"
    for message in messages:
        out += f"void read(reader& r, {message.name}& m);\nvoid write(writer& w, const {message.name}& m);\n"
    out += "\n/// `visit.template operator()<message>(name)` for each of them.\n"
    out += "template <class Visit>\nvoid for_each_message(Visit visit) {\n"
    out += "".join(f'  visit.template operator()<{m.name}>("{m.name}");\n' for m in messages)
    return out + "}\n\n}  // namespace dohle::kafka\n"


def source(messages: list[Message]) -> str:
    out = WARNING + '#include "kafka/messages.hpp"\n\nnamespace dohle::kafka {\n\n'
    for message in messages:
        for name in ordered(message):
            fields = message.structures[name]
            for made in (reading, writing):
                out += "static " + made(message, f"{message.name}_{name}", fields) + "\n"
        out += reading(message, message.name, message.fields) + "\n"
        out += writing(message, message.name, message.fields) + "\n"
    return out + "}  // namespace dohle::kafka\n"


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    messages = load()
    (folder / "messages.hpp").write_text(header(messages))
    (folder / "messages.cpp").write_text(source(messages))


if __name__ == "__main__":
    main()
