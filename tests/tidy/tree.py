"""The source tree as the checks see it: the text files git knows, by path; and the register of checks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

TEXT = {
    ".cpp",
    ".hpp",
    ".capnp",
    ".py",
    ".pyi",
    ".sh",
    ".cmake",
    ".txt",
    ".md",
    ".toml",
    ".json",
    ".in",
    ".ipynb",
    ".yml",
}
TEXT_NAMES = {"dev", "run", ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore"}

Tree = dict[str, str]
Check = Callable[[Tree], Iterator[str]]


@dataclass
class Rule:
    """A check with, for its own test, trees that break it (each must be found) and one that does not."""

    name: str
    check: Check
    bad: list[Tree]
    good: Tree = field(default_factory=dict)
    warns: bool = False  # told, never failed


RULES: list[Rule] = []


def rule(name: str, bad: list[Tree], good: Tree, warns: bool = False) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        RULES.append(Rule(name, check, bad, good, warns))
        return check

    return register


def read_tree(root: Path) -> Tree:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout.decode()
    tree = {}
    for name in sorted(set(filter(None, listed.split("\0")))):
        path = root / name
        if path.is_file() and (path.suffix in TEXT or path.name in TEXT_NAMES):
            tree[name] = path.read_text(encoding="utf-8")
        elif path.is_file():
            tree[name] = ""  # there, but not text for us: links may point at it
    return tree


def folder(path: str) -> str:
    return path.split("/", 1)[0] if "/" in path else ""


def cpp(tree: Tree) -> Iterator[tuple[str, str]]:
    return ((p, t) for p, t in tree.items() if p.endswith((".cpp", ".hpp")))


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(text: str) -> Iterator[tuple[int, bool, str]]:
    """(line, quoted, name) of each include."""
    for m in INCLUDE.finditer(text):
        yield line_of(text, m.start()), m.group(1) == '"', m.group(2)


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


BLANKED = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^\s()\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL,
)


def code_only(text: str) -> str:
    """C++ with comments and literals blanked; lines and columns stay where they are."""
    return BLANKED.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    return ((line_of(text, m.start()), m.group()) for m in pattern.finditer(text))
