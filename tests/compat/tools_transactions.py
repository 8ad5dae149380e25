"""The tools that work with transactions."""

from __future__ import annotations

from tools_kit import Tools, produced

COPIER = "org.apache.kafka.tools.TransactionalMessageCopier"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
TRANSACTIONS = "org.apache.kafka.tools.TransactionsCommand"


def copy(t: Tools, name: str, *more: str) -> None:
    """Copies 60 records in transactions of 10; what is committed must be each of them, once and in order."""
    t.topic(f"{name}.in", 1)
    t.topic(f"{name}.out", 1)
    t.produce(f"{name}.in", 60)
    words = ["--broker-list", t.target.bootstrap, "--transactional-id", name, "--consumer-group", name]
    words += ["--input-topic", f"{name}.in", "--input-partition", "0", "--output-topic", f"{name}.out"]
    t.plain(COPIER, *words, "--transaction-size", "10", *more)
    words = ["--topic", f"{name}.out", "--from-beginning", "--isolation-level", "read_committed"]
    out = t.run(CONSUMER, *words, "--max-messages", "60")
    assert produced(out, r"\d+") == [str(i) for i in range(60)]


def check_transactional_copier(t: Tools) -> None:
    copy(t, "copied")


def check_transactional_copier_with_aborts(t: Tools) -> None:
    copy(t, "aborted", "--enable-random-aborts")


def check_transactional_copier_with_group_metadata(t: Tools) -> None:
    copy(t, "metadata", "--group-mode", "--use-group-metadata")


def check_transactions_list(t: Tools) -> None:
    t.topic("listed", 1)
    words = ("--topic", "listed", "--num-records", "500", "--record-size", "10", "--throughput", "-1")
    t.run("org.apache.kafka.tools.ProducerPerformance", *words, "--transactional-id", "lister")
    assert "lister" in t.run(TRANSACTIONS, "list")
    assert "lister" in t.run(TRANSACTIONS, "describe", "--transactional-id", "lister")
    t.run(TRANSACTIONS, "describe-producers", "--topic", "listed", "--partition", "0")
    t.run(TRANSACTIONS, "find-hanging", "--topic", "listed")
