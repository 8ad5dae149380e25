"""Topics and groups through the program: what it prints, the fields of its JSON, its exit codes and its messages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cli_support import Server, run


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("commands") / "data") as running:
        yield running


# --- topics


def test_topic_create_list_describe_delete(server: Server) -> None:
    created = server.ok("topic", "create", "t-life", "--partitions", "3", "--json").json
    assert [t["name"] for t in created] == ["t-life"]
    assert {"name": "t-life", "partitions": 3, "internal": False} in server.ok("topic", "list", "--json").json
    server.produce("t-life", ["a", "b", "c"], "--partition", "1")
    (topic,) = server.ok("topic", "describe", "t-life", "--json").json
    assert list(topic) == ["name", "internal", "created", "records", "bytes", "partitions", "configs"]
    assert topic["records"] == 3
    assert topic["bytes"] > 0
    assert list(topic["partitions"][1]) == [
        "partition", "leader", "epoch", "replicas", "start", "end", "records", "bytes", "max_timestamp",
        "cleaned_until", "dirty_bytes", "damaged_places",
    ]  # fmt: skip
    assert [p["end"] for p in topic["partitions"]] == [0, 3, 0]
    assert set(topic["configs"][0]) == {"name", "value", "default"}
    assert server.ok("topic", "delete", "t-life", "--json").json == [{"name": "t-life", "deleted": True}]
    assert "t-life" not in [t["name"] for t in server.ok("topic", "list", "--json").json]


def test_topic_tables_are_for_people(server: Server) -> None:
    server.ok("topic", "create", "t-table", "-p", "2")
    listed = server.ok("topic", "ls").out
    assert listed.splitlines()[0].split() == ["TOPIC", "PARTITIONS"]
    assert ["t-table", "2"] in [line.split() for line in listed.splitlines()]
    described = server.ok("topic", "show", "t-table").out
    assert "2 partitions" in described
    assert "\x1b" not in listed + described, "no colours when stdout is not a terminal"


def test_topic_settings(server: Server) -> None:
    server.ok("topic", "create", "t-set", "--set", "retention.ms=1000", "--set", "cleanup.policy=delete")

    def setting(name: str) -> tuple[str, bool]:
        (topic,) = server.ok("topic", "describe", "t-set", "--json").json
        return next((c["value"], c["default"]) for c in topic["configs"] if c["name"] == name)

    assert setting("retention.ms") == ("1000", False)
    server.ok("topic", "alter", "t-set", "--set", "retention.ms=2000", "--partitions", "4")
    assert setting("retention.ms") == ("2000", False)
    server.ok("topic", "alter", "t-set", "--reset", "retention.ms")
    assert setting("retention.ms")[1] is True
    assert len(server.ok("topic", "describe", "t-set", "--json").json[0]["partitions"]) == 4


def test_delete_records_is_dry_until_told(server: Server) -> None:
    server.ok("topic", "create", "t-cut", "-p", "2")
    server.ok("produce", "t-cut", "-j", stdin="".join(f'{{"value":"{i}","partition":{i % 2}}}\n' for i in range(20)))
    plan = server.ok("topic", "delete-records", "t-cut", "-p", "1", "--before", "4", "--json").json
    row = {"partition": 1, "from": 0, "to": 4, "records": 4}
    assert plan == {"topic": "t-cut", "executed": False, "partitions": [row]}
    assert "--execute" in server.ok("topic", "delete-records", "t-cut", "--before", "4").talk
    assert len(server.ok("consume", "t-cut").out.split()) == 20
    done = server.ok("topic", "delete-records", "t-cut", "-p", "1", "--before", "4", "--execute", "--json").json
    assert done == {"topic": "t-cut", "executed": True, "partitions": [row]}
    assert server.ok("consume", "t-cut", "-p", "1").out.split() == ["9", "11", "13", "15", "17", "19"]
    beyond = server.run("topic", "delete-records", "t-cut", "--before", "11", "--execute", "--json")
    assert (beyond.code, beyond.error["code"]) == (3, "offset_out_of_range")
    assert server.run("topic", "delete-records", "t-cut").code == 2
    server.ok("topic", "delete-records", "t-cut", "--before", "end", "--execute")
    assert server.ok("consume", "t-cut").out == ""


def test_topic_errors(server: Server) -> None:
    server.ok("topic", "create", "t-twice")
    again = server.run("topic", "create", "t-twice", "--json")
    assert (again.code, again.error["code"], again.error["exit"]) == (4, "topic_exists", 4)
    assert server.run("topic", "create", "t-twice", "--if-not-exists").code == 0
    unknown = server.run("topic", "describe", "nosuch", "--json")
    assert (unknown.code, unknown.error["code"]) == (3, "unknown_topic")
    assert list(unknown.error) == ["code", "message", "hint", "retriable", "exit"]
    assert server.run("topic", "delete", "nosuch").code == 3
    assert server.run("topic", "delete", "nosuch", "--if-exists").code == 0
    assert server.run("topic", "create", "no/such/name").code == 2
    assert server.run("topic", "create", "t-bad", "--set", "retention.msx=1").code == 2
    assert server.run("topic", "create", "t-bad", "--set", "retention.ms").code == 2
    assert server.run("topic", "alter", "t-twice").code == 2


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["topic", "describe", "nosuch"], 3),
        (["produce", "nosuch"], 3),
        (["consume", "nosuch"], 3),
        (["consume", "nosuch", "--group", "g"], 3),
        (["group", "describe", "nosuch"], 3),
        (["group", "delete", "nosuch"], 3),
        (["group", "reset-offsets", "nosuch", "--to", "start"], 3),
        (["topic"], 2),
        (["tpic"], 2),
        (["consume", "t", "--from", "yesterday-ish"], 3),
        (["topic", "list", "--jsn"], 2),
        (["topic", "list", "--timeout", "5"], 2),
    ],
)
def test_every_failure_says_what_to_try(server: Server, args: list[str], code: int) -> None:
    failed = server.run(*args)
    assert failed.code == code, failed.talk
    said = failed.talk.splitlines()
    assert said[-2].startswith("dohle: ")
    assert said[-1].startswith("  try: ")
    assert len(said[-1]) > len("  try: ")
    assert failed.raw == b"", "failures are talk, not data"


def test_mistyped_words_are_recognised(server: Server) -> None:
    assert "did you mean 'topic'?" in server.run("tpic", "list").talk
    assert "did you mean 'list'?" in server.run("topic", "lst").talk
    assert "did you mean '--json'?" in server.run("topic", "list", "--jsn").talk


def test_no_broker_is_unreachable() -> None:
    nobody = run("topic", "list", "--broker", "127.0.0.1:1", "--json")
    assert nobody.code == 6
    assert nobody.error["code"] == "connection_failed"
    assert "127.0.0.1:1" in nobody.error["message"]


def test_broker_flag_beats_environment(server: Server) -> None:
    assert run("topic", "list", "--broker", server.url, env={"DOHLE_URL": "dohle://127.0.0.1:1"}).code == 0
    assert run("topic", "list", env={"DOHLE_URL": "dohle://127.0.0.1:1"}).code == 6


# --- groups


def test_group_list_describe_delete(server: Server) -> None:
    server.ok("topic", "create", "g-topic", "--partitions", "2")
    server.produce("g-topic", [f"k{i}:v{i}" for i in range(20)], "--key-separator", ":")
    assert len(server.ok("consume", "g-topic", "--group", "g-life", "-n", "15").out.splitlines()) == 15
    assert "g-life" in [g["group"] for g in server.ok("group", "list", "--json").json]
    (group,) = server.ok("group", "describe", "g-life", "--json").json
    assert list(group) == [
        "group", "state", "protocol_type", "protocol", "generation", "lag", "members", "offsets",
    ]  # fmt: skip
    assert group["state"] == "Empty"
    assert group["members"] == []
    assert group["lag"] == 5
    assert sum(o["committed"] for o in group["offsets"]) == 15
    assert list(group["offsets"][0]) == ["topic", "partition", "committed", "end", "lag"]
    assert "COMMITTED" in server.ok("group", "show", "g-life").out
    assert server.ok("group", "delete", "g-life", "--json").json == [{"group": "g-life", "deleted": True}]
    assert server.run("group", "describe", "g-life").code == 3
    assert server.run("group", "delete", "g-life", "--if-exists").code == 0


def test_group_reads_on_where_it_was(server: Server) -> None:
    server.ok("topic", "create", "g-on")
    server.produce("g-on", [str(i) for i in range(10)])
    first = server.ok("consume", "g-on", "--group", "on", "-n", "4").out.split()
    rest = server.ok("consume", "g-on", "--group", "on").out.split()
    assert first + rest == [str(i) for i in range(10)]
    assert server.ok("consume", "g-on", "--group", "on").out == ""
    refused = server.run("consume", "g-on", "--group", "on", "--from", "3")
    assert refused.code == 2
    assert "reset-offsets" in refused.talk


def test_a_member_without_a_share_ends_and_takes_nothing(server: Server) -> None:
    server.ok("topic", "create", "g-share")
    server.produce("g-share", ["x"])
    member = server.start("consume", "g-share", "--group", "share", "--follow")
    try:
        assert member.stdout is not None
        assert member.stdout.readline() == b"x\n"
        spare = server.ok("consume", "g-share", "--group", "share")
        assert spare.out == "", "the one partition stays with the member that has it"
        server.produce("g-share", ["y"])
        assert member.stdout.readline() == b"y\n"
    finally:
        member.terminate()
        member.communicate(timeout=60)


def test_reset_offsets_is_dry_until_told(server: Server) -> None:
    server.ok("topic", "create", "g-reset")
    server.produce("g-reset", [str(i) for i in range(10)])
    server.ok("consume", "g-reset", "--group", "reset")

    def committed() -> list[int]:
        return [o["committed"] for o in server.ok("group", "describe", "reset", "--json").json[0]["offsets"]]

    plan = server.ok("group", "reset-offsets", "reset", "--to", "3", "--json").json
    expected = [{"topic": "g-reset", "partition": 0, "from": 10, "to": 3}]
    assert plan == {"group": "reset", "executed": False, "offsets": expected}
    assert committed() == [10]
    assert "--execute" in server.ok("group", "reset-offsets", "reset", "--to", "3").talk
    assert committed() == [10]
    done = server.ok("group", "reset-offsets", "reset", "--to", "3", "--execute", "--json").json
    assert done["executed"] is True
    assert committed() == [3]
    assert server.ok("consume", "g-reset", "--group", "reset").out.split() == [str(i) for i in range(3, 10)]
    server.ok("group", "seek", "reset", "--to", "start", "--topic", "g-reset", "--execute")
    assert committed() == [0]
    server.ok("group", "reset-offsets", "reset", "--to", "-1h", "--execute")
    assert committed() == [0], "an hour ago there was nothing: the first record since then is the first"
    beyond = server.run("group", "reset-offsets", "reset", "--to", "11", "--execute", "--json")
    assert (beyond.code, beyond.error["code"]) == (3, "offset_out_of_range")
    assert committed() == [0]


def test_reset_offsets_of_a_running_group_is_refused(server: Server) -> None:
    server.ok("topic", "create", "g-busy")
    server.produce("g-busy", ["x"])
    member = server.start("consume", "g-busy", "--group", "busy", "--follow")
    try:
        assert member.stdout is not None
        assert member.stdout.readline() == b"x\n"
        refused = server.run(
            "group", "reset-offsets", "busy", "--to", "start", "--topic", "g-busy", "--execute", "--json"
        )
        assert (refused.code, refused.error["code"]) == (4, "group_not_empty")
        (group,) = server.ok("group", "describe", "busy", "--json").json
        assert [list(m) for m in group["members"]] == [["id", "instance", "client", "partitions"]]
        assert group["members"][0]["partitions"] == [{"topic": "g-busy", "partition": 0}]
    finally:
        member.terminate()
        member.communicate(timeout=60)


# --- without a broker


def test_a_data_folder_needs_no_broker(tmp_path: object) -> None:
    folder = f"{tmp_path}/own"
    assert run("topic", "list", "--data", folder).code == 3, "reading makes no folder"
    assert run("topic", "create", "t", "--data", folder).code == 0
    assert run("produce", "t", "--data", folder, stdin="one\ntwo\n").code == 0
    assert run("consume", "t", "--data", folder).out == "one\ntwo\n"
    both = run("topic", "list", "--data", folder, "--broker", "127.0.0.1:1")
    assert both.code == 2
