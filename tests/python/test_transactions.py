"""Transactions as Python programs use them: all of it or nothing, also over kill -9."""

from __future__ import annotations

import dohle
import pytest


def values(db: dohle.Connection, topic: str) -> list[str]:
    return [r.text() for r in db.topic(topic)]


def test_a_block_commits_all_of_it(db: dohle.Broker) -> None:
    with db.transaction("transfer") as t:
        t.send("accounts", "-10", key="anna").result()
        t.send("audit", {"amount": 10})
        assert values(db, "accounts") == []
    assert values(db, "accounts") == ["-10"]
    assert [r.json() for r in db.topic("audit")] == [{"amount": 10}]


def test_an_exception_leaves_nothing(db: dohle.Broker) -> None:
    def fails() -> None:
        with db.transaction("transfer") as t:
            t.send("ledger", "wrong").result()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with db.transaction("transfer") as t:
        t.send("ledger", "right")
    assert values(db, "ledger") == ["right"]


def test_progress_counts_with_the_records(db: dohle.Broker) -> None:
    db.topic("in", partitions=1)
    for n in range(20):
        db.topic("in").send(str(n))
    db.flush()
    seen = 0
    with db.group("copy").consume("in", auto_commit=False) as consumer:
        while seen < 20:
            batch = consumer.poll(5, timeout="10s")
            seen += len(batch)
            try:
                with db.transaction("copy") as t:
                    for record in batch:
                        t.send("out", record.text() or "", key=record.key)
                    t.commit(consumer)
                    if seen % 3 == 0:
                        raise RuntimeError("a mishap")
            except RuntimeError:
                with db.transaction("copy") as t:
                    for record in batch:
                        t.send("out", record.text() or "", key=record.key)
                    t.commit(consumer)
        assert consumer.committed == {"in": {0: 20}}
    assert sorted(values(db, "out"), key=int) == [str(n) for n in range(20)]


def test_a_second_instance_fences_the_first(tmp_path: object) -> None:
    with dohle.Broker(listen=True) as db, dohle.connect(db.address) as other:
        first = db.transaction("name")
        first.__enter__()
        first.send("t", "lost").result()
        with other.transaction("name") as t:
            t.send("t", "kept")
        with pytest.raises(dohle.Fenced):
            first.__exit__(None, None, None)
        assert values(db, "t") == ["kept"]


def test_uncommitted_records_are_read_where_they_are_asked_for(db: dohle.Broker) -> None:
    db.topic("dirty-read", partitions=1)
    with db.transaction("open") as t:
        t.send("dirty-read", "early").result()
        with db.group("g").consume("dirty-read", isolation="read_uncommitted") as consumer:
            assert [r.text() for r in consumer.poll(10, timeout="10s")] == ["early"]


def test_what_is_out_of_turn_says_so(db: dohle.Broker) -> None:
    t = db.transaction("name")
    with pytest.raises(dohle.InvalidRequest, match="no transaction"):
        t.send("dirty-read", "too early")
    with t, pytest.raises(dohle.InvalidRequest, match="open already"):
        db.transaction("name").__enter__()
    with pytest.raises(ValueError, match="isolation"):
        db.group("g").consume("dirty-read", isolation="dirty")
