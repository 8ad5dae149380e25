"""What the text may not say, and what it says that must be true."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator

from tree import Tree, folder, line_of, matches, rule

SELF = "tests/tidy/"  # speaks of what it forbids
FOLDERS = "schema|rules|store|kafka|actors|bindings|python|tools|tests|bench|notebooks|docs|cmake"

LEFTOVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")


@rule(
    "nothing is left for later",
    bad=[{"store/a.cpp": "// TODO: later\n"}, {"docs/a.md": "FIXME\n"}],
    good={"store/a.cpp": "// to do this, ...\n"},
)
def leftovers(tree: Tree) -> Iterator[str]:
    for path, text in tree.items():
        if not path.startswith(SELF):
            for line, word in matches(LEFTOVER, text):
                yield f"{path}:{line}: {word}"


# What ties the text to one machine, one registry or one conversation.
PRIVATE = re.compile(
    r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/|/tmp/b-|(?i:\bissue\s+#?\d+)|shared/reference|"
    r"\bdeb\.debian\.org|\bpypi\.org|pythonhosted|registry\.npmjs|proxy\.golang|\bcrates\.io|\bmaven\.org"
)


@rule(
    "no machine's paths, no registry's hosts, no tracker's numbers",
    bad=[
        {"docs/a.md": "see /work/main/x\n"},
        {"store/a.cpp": "// issue 3 asks for it\n"},
        {"README.md": "https://pypi.org/project/x\n"},
    ],
    good={"docs/a.md": "the issue is 3 bytes; http://www.apache.org; build/work/x\n"},
)
def private(tree: Tree) -> Iterator[str]:
    for path, text in tree.items():
        if not path.startswith(SELF) and path != "LICENSE":
            for line, found in matches(PRIVATE, text):
                yield f"{path}:{line}: {found}"


LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
MENTION = re.compile(rf"`((?:{FOLDERS})/[\w./-]+\.\w+)`")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@rule(
    "documents link and name files that are there",
    bad=[
        {"README.md": "[a](docs/b.md)\n"},
        {"docs/a.md": "[a](b.md#c)\n"},
        {"ARCHITECTURE.md": "`store/gone.cpp`\n"},
        {"docs/a.md": "# One\n[a](#two)\n"},
    ],
    good={
        "README.md": "[a](docs/b.md) [b](https://example.org) [c](#x-y)\n# X, y\n",
        "docs/b.md": "`docs/b.md` [a](../README.md)\n",
    },
)
def documents(tree: Tree) -> Iterator[str]:
    folders = {posixpath.dirname(p) for p in tree}
    folders |= {f[:i] for f in folders for i, c in enumerate(f) if c == "/"}
    for path, text in tree.items():
        if not path.endswith(".md"):
            continue
        prose = FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
        for m in LINK.finditer(prose):
            target, _, anchor = m.group(1).partition("#")
            if re.match(r"\w+:", target):
                continue
            full = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) if target else path
            if full not in tree and full not in folders:
                yield f"{path}:{line_of(text, m.start())}: links to {m.group(1)}, which is not there"
            elif anchor and full.endswith(".md") and anchor not in anchors(tree[full]):
                yield f"{path}:{line_of(text, m.start())}: {full} has no heading #{anchor}"
        for m in MENTION.finditer(prose):
            if m.group(1) not in tree:
                yield f"{path}:{line_of(text, m.start())}: names {m.group(1)}, which is not there"


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+\s+(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@rule(
    "text is clean: no tabs, no trailing blanks, one newline at the end",
    bad=[
        {"store/a.cpp": "\tx\n"},
        {"store/a.cpp": "x \n"},
        {"store/a.cpp": "x"},
        {"store/a.cpp": "x\r\n"},
        {"a.md": "x\n\n"},
    ],
    good={"store/a.cpp": "x\n", "store/b.cpp": ""},
)
def clean(tree: Tree) -> Iterator[str]:
    for path, text in tree.items():
        if path.endswith(".ipynb") or not text or path == "LICENSE":
            continue
        if not text.endswith("\n") or text.endswith("\n\n"):
            yield f"{path}: does not end with one newline"
        for line, _ in matches(re.compile(r"\t|\r|[ ]+$", re.MULTILINE), text):
            yield f"{path}:{line}: a tab or a blank at the end"


@rule(
    "files are named in snake_case",
    bad=[{"store/LogFile.cpp": ""}, {"tests/python/test-a.py": ""}],
    good={"store/log_file.cpp": "", "tests/python/__init__.py": ""},
)
def file_names(tree: Tree) -> Iterator[str]:
    for path in tree:
        name = posixpath.basename(path)
        if name.endswith((".cpp", ".hpp", ".py", ".capnp")) and not re.fullmatch(r"[a-z0-9_]+\.\w+", name):
            yield f"{path}: not snake_case"


# Words with one meaning each (ARCHITECTURE.md); what people say instead.
SYNONYMS = re.compile(r"\b(?:master|slave|whitelist|blacklist|zookeeper)\b", re.IGNORECASE)


@rule(
    "the house's words are used",
    bad=[{"actors/a.hpp": "// the master of the partition\n"}],
    good={"actors/a.hpp": "// the leader of the partition\n"},
)
def vocabulary(tree: Tree) -> Iterator[str]:
    for path, text in tree.items():
        if folder(path) in ("schema", "rules", "store", "actors", "bindings", "python", "tools"):
            for line, word in matches(SYNONYMS, text):
                yield f"{path}:{line}: {word}: say leader, follower, allowed, refused"


@rule(
    "notebooks are committed without their outputs",
    bad=[{"notebooks/a.ipynb": '{"cells": [{"cell_type": "code", "outputs": [1], "execution_count": null}]}'}],
    good={"notebooks/a.ipynb": '{"cells": [{"cell_type": "code", "outputs": [], "execution_count": null}]}'},
    warns=True,
)
def notebooks(tree: Tree) -> Iterator[str]:
    for path, text in tree.items():
        if path.endswith(".ipynb") and any(c.get("outputs") for c in json.loads(text)["cells"]):
            yield f"{path}: carries outputs"
