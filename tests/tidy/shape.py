"""Sizes: files, lines, functions; and the pairs of code and test. Ratchets: what is too large may only shrink."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator

from tree import Tree, code_only, cpp, folder, includes, line_of, rule

SOURCE = (".cpp", ".hpp", ".capnp", ".py", ".sh", ".cmake")
FILE_WARN, FILE_MAX, LINE_MAX, FUNCTION_MAX = 400, 600, 120, 70
RATCHET = "tests/tidy/ratchet.json"


def is_source(path: str) -> bool:
    return path.endswith(SOURCE) or path == "dev"


@rule(f"files have at most {FILE_MAX} lines", bad=[{"store/a.cpp": "\n" * 601}], good={"store/a.cpp": "\n" * 600})
def file_size(tree: Tree) -> Iterator[str]:
    for path, text in tree.items():
        if is_source(path) and text.count("\n") > FILE_MAX:
            yield f"{path}: {text.count(chr(10))} lines: split it by what changes together"


@rule(
    f"files stay near {FILE_WARN} lines",
    bad=[{"store/a.cpp": "\n" * 401}],
    good={"store/a.cpp": "\n" * 400},
    warns=True,
)
def file_comfort(tree: Tree) -> Iterator[str]:
    for path, text in tree.items():
        if is_source(path) and FILE_WARN < text.count("\n") <= FILE_MAX:
            yield f"{path}: {text.count(chr(10))} lines"


@rule(
    f"lines have at most {LINE_MAX} columns",
    bad=[{"store/a.cpp": "x" * 121 + "\n"}, {"python/a.py": "#" * 121 + "\n"}],
    good={"store/a.cpp": "x" * 120 + "\n"},
)
def line_size(tree: Tree) -> Iterator[str]:
    for path, text in tree.items():
        if is_source(path):
            for number, line in enumerate(text.split("\n"), 1):
                if len(line) > LINE_MAX:
                    yield f"{path}:{number}: {len(line)} columns"


# --- functions -------------------------------------------------------------------------------------------------------

TYPE_SCOPE = re.compile(
    r"^\s*(?:template\s*<.*?>\s*)?(?:typedef\s+)?(?:inline\s+)?(namespace|class|struct|union|enum|extern)\b"
)
PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def cpp_functions(text: str) -> Iterator[tuple[str, int, int]]:
    """(name, line, lines) of each function body, by braces: good enough for formatted code, and tested below."""
    code = PREPROCESSOR.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), code_only(text))
    stack: list[tuple[str, str, int]] = []  # kind, name, first line
    head_start, pending = 0, None
    for m in re.finditer(r"[{};]", code):
        at, char = m.start(), m.group()
        if char == "{":
            head = code[head_start:at]
            inside = any(kind == "function" for kind, _, _ in stack)
            if inside or TYPE_SCOPE.match(head):
                stack.append(("scope", "", 0))
            elif pending and "(" not in head:
                stack.append(("function", *pending))
            elif "(" in head:
                begin = head_start + len(head) - len(head.lstrip())
                stack.append(("function", function_name(text[begin:at]), line_of(code, begin)))
            else:
                stack.append(("scope", "", 0))
            pending = None
        elif char == "}" and stack:
            kind, name, first = stack.pop()
            if kind == "function":
                # `x() : a_{1}, b_{2} {`: the brace of an initialiser is no body; the body is still to come.
                if re.match(r"\s*[,{]", code[at + 1 :]):
                    pending = (name, first)
                else:
                    yield name, first, line_of(code, at) - first + 1
        if not (char == ";" and code.count("(", head_start, at) > code.count(")", head_start, at)):
            head_start = at + 1


def function_name(head: str) -> str:
    test = re.search(r"\bTEST(?:_[FP])?\s*\([^)]*\)", head)
    if test:
        return " ".join(test.group().split())
    called = re.search(r"([~\w:]+|operator\S+)\s*\(", head)
    return called.group(1) if called else " ".join(head.split())[:40]


def python_functions(text: str) -> Iterator[tuple[str, int, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def long_functions(tree: Tree) -> Iterator[tuple[str, str, int, int]]:
    for path, text in tree.items():
        found: Iterator[tuple[str, int, int]] = iter(())
        if path.endswith((".cpp", ".hpp")):
            found = cpp_functions(text)
        elif path.endswith(".py"):
            found = python_functions(text)
        for name, line, lines in found:
            if lines > FUNCTION_MAX:
                yield path, name, line, lines


def ratchet(tree: Tree, part: str) -> dict[str, int]:
    return json.loads(tree.get(RATCHET) or "{}").get(part, {})


BODY = "int f(int a) {\n" + "  a++;\n" * 69 + "}\n"
INITIALISED = "x::x() : a_{1}, b_{2} {\n" + "  a++;\n" * 69 + "}\n"


@rule(
    f"functions have at most {FUNCTION_MAX} lines",
    bad=[
        {"store/a.cpp": "namespace a {\nclass b {\n" + BODY + "};\n}\n"},
        {"store/a.cpp": INITIALISED},
        {"tests/store/a_test.cpp": BODY.replace("int f(int a)", "TEST(a, b)")},
        {"python/a.py": "def f():\n" + "    x = 1\n" * 70},
        {"store/a.cpp": BODY, RATCHET: '{"functions": {"store/a.cpp f": 70}}'},
        {"store/a.cpp": BODY, RATCHET: '{"functions": {"store/a.cpp f": 72}}'},
        {"store/a.cpp": "int f() {}\n", RATCHET: '{"functions": {"store/a.cpp f": 72}}'},
    ],
    good={
        "store/a.cpp": BODY.replace("  a++;\n", "", 1) * 3,
        "store/b.cpp": "namespace {\n" + "int x = 1;\n" * 90 + "}\n",
        "store/c.cpp": BODY,
        RATCHET: '{"functions": {"store/c.cpp f": 71}}',
    },
)
def function_size(tree: Tree) -> Iterator[str]:
    tolerated = dict(ratchet(tree, "functions"))
    for path, name, line, lines in long_functions(tree):
        before = tolerated.pop(f"{path} {name}", None)
        if before is None:
            yield f"{path}:{line}: {name} has {lines} lines"
        elif lines > before:
            yield f"{path}:{line}: {name} has {lines} lines and had {before}: it may only shrink"
        elif lines < before:
            yield f'{path}:{line}: {name} shrank to {lines} lines: write that number in {RATCHET}, "{path} {name}"'
    for key in tolerated:
        yield f"{RATCHET}: {key} is not too long any more: remove its line"


# --- pairs -----------------------------------------------------------------------------------------------------------

PAIRED = ("schema", "rules", "store", "kafka", "actors")


@rule(
    "x.cpp is shown by tests/<folder>/x_test.cpp, or by a test that includes its header",
    bad=[
        {"rules/a.cpp": ""},
        {"rules/a_b.cpp": "", "tests/rules/b_test.cpp": ""},
        {"rules/a.cpp": '#include "rules/c.hpp"\n', "tests/rules/b_test.cpp": '#include "rules/a.hpp"\n'},
        {"rules/a.cpp": "", "tests/rules/a_test.cpp": "", RATCHET: '{"untested": {"rules/a.cpp": 1}}'},
        {RATCHET: '{"untested": {"rules/a.cpp": 1}}'},
    ],
    good={
        "rules/a.cpp": "",
        "rules/a_encode.cpp": "",
        "tests/rules/a_test.cpp": '#include "rules/c.hpp"\n',
        "rules/b.cpp": "",
        "rules/c_d.cpp": '#include "rules/c.hpp"\n',
        RATCHET: '{"untested": {"rules/b.cpp": 1}}',
    },
)
def pairs(tree: Tree) -> Iterator[str]:
    """Parts of one thing (codec_encode.cpp, codec_decode.cpp) share the test of the thing (codec_test.cpp)."""
    tolerated = set(ratchet(tree, "untested"))
    included = {name for path, text in cpp(tree) if path.startswith("tests/") for _, _, name in includes(text)}
    for path, text in tree.items():
        found = re.fullmatch(r"(\w+)/(\w+)\.cpp", path)
        if not found or found[1] not in PAIRED:
            continue
        words = found[2].split("_")
        tests = [f"tests/{found[1]}/{'_'.join(words[:n])}_test.cpp" for n in range(len(words), 0, -1)]
        own = next((name for _, _, name in includes(text) if folder(name) == found[1]), None)
        shown = own in included or any(test in tree for test in tests)
        if not shown and path not in tolerated:
            yield f"{path}: no {tests[0]}, and no test includes {own or 'a header of it'}"
        elif shown and path in tolerated:
            yield f"{RATCHET}: {path} has its test now: remove its line"
    for path in tolerated - set(tree):
        yield f"{RATCHET}: {path} is gone: remove its line"


@rule(
    "headers open with their contract",
    bad=[
        {"store/a.hpp": "#pragma once\n"},
        {"store/a.hpp": "// What it is.\n#include <a>\n"},
        {"store/a.hpp": "// a\n#pragma once\n"},
    ],
    good={"store/a.hpp": "// What it is, who owns it, what holds.\n#pragma once\n"},
)
def contracts(tree: Tree) -> Iterator[str]:
    for path, text in cpp(tree):
        if path.endswith(".hpp"):
            comment, once, _ = text.partition("#pragma once\n")
            if not once:
                yield f"{path}: no #pragma once"
            elif len(comment.split()) < 5 or not comment.startswith("//"):
                yield f"{path}: opens without a sentence on what it is, who owns it and what holds"


PUBLIC = {"actors/dohle.hpp", "actors/embed.hpp"}  # for embedders; tests/install includes them


@rule(
    "no header is dead",
    bad=[{"store/a.hpp": ""}],
    good={"store/a.hpp": "", "store/a.cpp": '#include "store/a.hpp"\n', "actors/dohle.hpp": ""},
)
def dead(tree: Tree) -> Iterator[str]:
    included = {line.split('"')[1] for _, t in cpp(tree) for line in re.findall(r'#\s*include\s*"[^"]+"', t)}
    for path, _ in cpp(tree):
        if path.endswith(".hpp") and folder(path) in PAIRED and path not in included | PUBLIC:
            yield f"{path}: nobody includes it"
