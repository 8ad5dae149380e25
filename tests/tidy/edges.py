"""Who may include whom, and who may name which foreigner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch

from tree import Tree, code_only, cpp, folder, includes, matches, rule

# schema -> {rules, store, kafka} -> actors -> bindings -> python, and actors -> tools, bench.
MAY_INCLUDE = {
    "schema": {"schema"},
    "rules": {"schema", "rules"},
    "store": {"schema", "store"},
    "kafka": {"schema", "kafka"},
    "actors": {"schema", "rules", "store", "kafka", "actors"},
    "bindings": {"schema", "actors", "bindings"},
    "tools": {"schema", "rules", "store", "actors", "tools"},
    "bench": {"schema", "rules", "store", "actors", "bench"},
    "tests": {"schema", "rules", "store", "kafka", "actors", "tools", "tests"},
}

# Headers of schema/ that speak of the wire: the rules and the store have no business with them.
WIRE = {"schema/frame.hpp", "schema/codec.hpp"}
MAY_NOT = {"rules": WIRE | {"schema/compression.hpp"}, "store": WIRE}

# A foreign header -> the files that may name it. Tests and benchmarks of a folder may also name what it stands on.
FOREIGN = [
    (r"lmdb\.h", ["store/lmdb.*"], ["tests/store/*", "bench/*"]),
    (r"capnp/.*|kj/.*", ["schema/codec*.cpp", "schema/stored*.cpp"], ["tests/schema/*", "tests/fuzz/*"]),
    (r"caf/.*", ["actors/*"], ["tests/actors/*", "tests/cluster/*", "tests/install/*", "bench/*"]),
    (
        r"sys/socket\.h|sys/epoll\.h|sys/un\.h|netinet/.*|arpa/.*|netdb\.h",
        ["actors/link*", "actors/listen.cpp", "actors/sockets.cpp", "actors/connect.cpp"],
        ["tests/*", "bench/*"],
    ),
    (r"pybind11/.*|Python\.h", ["bindings/*"], []),
    (r"zlib\.h|lz4.*\.h|zstd.*\.h|snappy.*\.h", ["schema/compression*"], ["tests/schema/*"]),
    (r"isa-l.*|crc\.h", ["schema/*"], ["bench/*"]),
    (r"re2/.*", ["actors/name_pattern.cpp"], []),
    (r"CLI/.*|toml\+\+/.*|toml\.hpp", ["tools/*", "bench/*"], []),
    (r"nlohmann/.*", ["tools/*", "bench/*"], ["tests/*"]),
    (r"gtest/.*|gmock/.*", [], ["tests/*"]),
    (r"benchmark/.*", [], ["bench/*"]),
]


@rule(
    "includes follow the direction of the house",
    bad=[
        {"rules/a.cpp": '#include "store/log.hpp"\n'},
        {"schema/a.hpp": '#include "actors/client.hpp"\n'},
        {"store/a.cpp": '#include "schema/codec.hpp"\n'},
        {"actors/a.cpp": '#include "client.hpp"\n'},
        {"bindings/a.cpp": '#include "store/log.hpp"\n'},
        {"store/a.cpp": '#include "tests/store/a.hpp"\n'},
    ],
    good={
        "actors/a.cpp": '#include <vector>\n#include "store/log.hpp"\n',
        "rules/a.cpp": '#include "schema/types.hpp"\n',
    },
)
def direction(tree: Tree) -> Iterator[str]:
    for path, text in cpp(tree):
        home = folder(path)
        if home not in MAY_INCLUDE:
            continue
        for line, quoted, name in includes(text):
            if quoted and folder(name) not in MAY_INCLUDE[home]:
                yield f'{path}:{line}: {home} may not include "{name}" (includes start at the root of the tree)'
            elif quoted and name in MAY_NOT.get(home, ()):
                yield f'{path}:{line}: {home} knows nothing of the wire: "{name}"'


@rule(
    "foreign headers stay in the files made for them",
    bad=[
        {"store/log.cpp": "#include <lmdb.h>\n"},
        {"schema/frame.cpp": "#include <capnp/message.h>\n"},
        {"schema/frame.cpp": '#include "schema/rpc.capnp.h"\n'},
        {"rules/a.cpp": "#include <caf/actor.hpp>\n"},
        {"actors/leader.cpp": "#include <sys/socket.h>\n"},
        {"tools/main.cpp": "#include <pybind11/pybind11.h>\n"},
        {"store/a.cpp": "#include <gtest/gtest.h>\n"},
    ],
    good={"store/lmdb.cpp": "#include <lmdb.h>\n", "schema/codec.cpp": '#include "schema/rpc.capnp.h"\n'},
)
def foreigners(tree: Tree) -> Iterator[str]:
    for path, text in cpp(tree):
        if folder(path) not in MAY_INCLUDE:
            continue
        for line, _, name in includes(text):
            foreign = "capnp/generated" if name.endswith(".capnp.h") else name
            for pattern, product, tests in FOREIGN:
                if re.fullmatch(pattern, foreign) and not any(fnmatch(path, p) for p in product + tests):
                    yield f"{path}:{line}: <{name}> belongs in {', '.join(product) or 'tests'} only"


def banned(
    names: str, why: str, where: list[str], allowed: list[str]
) -> tuple[re.Pattern[str], str, list[str], list[str]]:
    return re.compile(names), why, where, allowed


PRODUCT = ["schema/*", "rules/*", "store/*", "actors/*", "kafka/*", "bindings/*"]

# Files where time and chance enter, each with its reason.
CLOCKS = [
    "actors/wall_clock.hpp",  # what hands the time of day to the actors, and to records without a time
    "actors/producer_core.cpp",  # ends of calls that block a foreign thread
    "actors/consumer_core.cpp",  # ends of calls that block a foreign thread
    "store/journal_file.cpp",  # a file says when it was made, for people
    "store/data_folder.cpp",  # how often a note is rewritten
]
CHANCE = [
    "actors/embedded.cpp",  # hands a seed to the actors
    "actors/client.cpp",  # a seed for each producer
]

BANNED = [
    banned(r"\busing\s+namespace\s+caf\b", "never import CAF's names: some are also ours", ["*"], []),
    banned(
        r"\bsleep_(for|until)\b|\bu?sleep\s*\(|\bnanosleep\b",
        "wait for a condition, do not sleep",
        [*PRODUCT, "tests/schema/*", "tests/rules/*", "tests/store/*", "tests/actors/*"],
        [],
    ),
    banned(
        r"\b(system|steady|high_resolution)_clock::now\b|(?<![\w.:>])time\s*\(\s*(nullptr|NULL|0|&)"
        r"|\bclock_gettime\b|\bgettimeofday\b",
        "time comes in as a value",
        PRODUCT,
        CLOCKS,
    ),
    banned(
        r"\brandom_device\b|\bmt19937(_64)?\b|\bminstd_rand\b|(?<![\w.:>])s?rand\s*\("
        r"|\bstd::shuffle\b|_distribution\s*<",
        "chance comes in as a value; the standard's generators differ by library",
        [*PRODUCT, "tests/*"],
        CHANCE,
    ),
    banned(r"\b(std::)?(cout|cerr|printf)\b(?!\s*:)", "a library prints nothing", PRODUCT, ["schema/error.cpp"]),
]


@rule(
    "clocks, chance, sleeping and CAF's names stay where they belong",
    bad=[
        {"actors/a.cpp": "using namespace caf;\n"},
        {"rules/a.cpp": "auto t = std::chrono::steady_clock::now();\n"},
        {"store/a.cpp": "auto t = time(nullptr);\n"},
        {"rules/a.cpp": "std::mt19937 g;\n"},
        {"tests/actors/a_test.cpp": "std::this_thread::sleep_for(1s);\n"},
        {"store/a.cpp": "std::cerr << 1;\n"},
        {"actors/a.cpp": "#include <caf/all.hpp>\n"},
    ],
    good={
        "rules/a.cpp": "// never steady_clock::now() here\nauto t = now.time(0);\n",
        "actors/wall_clock.hpp": "system_clock::now();\n",
    },
)
def names(tree: Tree) -> Iterator[str]:
    for path, text in cpp(tree):
        for line, _, name in includes(text):
            if name == "caf/all.hpp":
                yield f"{path}:{line}: <caf/all.hpp> costs seconds for each file: include what is used"
        code = code_only(text)
        for pattern, why, where, allowed in BANNED:
            if any(fnmatch(path, p) for p in where) and not any(fnmatch(path, p) for p in allowed):
                for line, found in matches(pattern, code):
                    yield f"{path}:{line}: {found.strip()}: {why}"
