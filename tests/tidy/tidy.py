"""The house rules as a test: reads the source tree, prints each rule with what breaks it, ends with the counts.

    tidy.py              check the tree this file lies in
    tidy.py --self-test  first show that each rule finds the violations planted for it

Standard library only. A rule is a function in edges.py, shape.py or words.py beside the trees that break it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import edges  # noqa: F401  the rules register themselves
import shape  # noqa: F401
import words  # noqa: F401
from tree import RULES, read_tree


def self_test() -> tuple[int, int]:
    passed = failed = 0
    for rule in RULES:
        missed = [planted for planted in rule.bad if not list(rule.check(planted))]
        accused = list(rule.check(rule.good))
        for planted in missed:
            print(f"FAIL  self-test of '{rule.name}': did not see {planted}")
        for line in accused:
            print(f"FAIL  self-test of '{rule.name}': accuses what is right: {line}")
        passed += len(rule.bad) + 1 - len(missed) - bool(accused)
        failed += len(missed) + bool(accused)
    print(f"ok    self-test: {passed} planted trees judged rightly" if not failed else "FAIL  self-test")
    return passed, failed


def check_tree() -> tuple[int, int]:
    tree = read_tree(Path(__file__).resolve().parents[2])
    passed = failed = 0
    for rule in RULES:
        found = sorted(set(rule.check(tree)))
        verdict = "ok   " if not found else "warn " if rule.warns else "FAIL "
        print(f"{verdict} {rule.name}" + (f" ({len(found)})" if found else ""))
        for line in found:
            print(f"        {line}")
        failed += bool(found) and not rule.warns
        passed += not found or rule.warns
    return passed, failed


def main() -> int:
    unknown = set(sys.argv[1:]) - {"--self-test"}
    if unknown:
        print(__doc__, file=sys.stderr)
        return 2
    passed, failed = self_test() if "--self-test" in sys.argv else (0, 0)
    more_passed, more_failed = check_tree()
    print(f"{passed + more_passed} passed, {failed + more_failed} failed")
    return 1 if failed + more_failed else 0


if __name__ == "__main__":
    sys.exit(main())
