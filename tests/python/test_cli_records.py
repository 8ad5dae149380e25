"""Records through `produce` and `consume`: every byte in comes out, in order, in the form that was asked for."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_support import DOHLE, PATIENCE, Server, environment


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("records") / "data") as running:
        yield running


@pytest.fixture
def topic(server: Server, request: pytest.FixtureRequest) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[:200]
    server.ok("topic", "create", name)
    return str(name)


def lines_of(*records: object) -> str:
    return "".join(json.dumps(r) + "\n" for r in records)


def test_lines_in_lines_out(server: Server, topic: str) -> None:
    text = "first\n\n  spaces kept \nlast without a line end"
    done = server.ok("produce", topic, stdin=text)
    assert "4 records written" in done.talk
    assert done.raw == b""
    assert server.ok("consume", topic).out == text + "\n"


def test_ten_thousand_lines_keep_their_order(server: Server, topic: str, tmp_path: Path) -> None:
    source = tmp_path / "lines.txt"
    source.write_text("".join(f"line {i}\n" for i in range(10_000)))
    done = server.ok("produce", topic, "--file", str(source), "--compression", "zstd", "--json").json
    assert done == {"topic": topic, "acknowledged": 10_000, "failed": 0, "acks": "majority", "errors": []}
    assert server.ok("consume", topic).out == source.read_text()


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_compressions(server: Server, topic: str, codec: str) -> None:
    server.produce(topic, ["x" * 1000] * 50, "-z", codec)
    assert server.ok("consume", topic).out == ("x" * 1000 + "\n") * 50


@pytest.mark.parametrize("acks", ["none", "leader", "majority"])
def test_acks(server: Server, topic: str, acks: str) -> None:
    assert server.ok("produce", topic, "--acks", acks, "--json", stdin="x\n").json["acks"] == acks


def test_key_separator_both_ways(server: Server, topic: str) -> None:
    server.produce(topic, ["a:1", "b:2:3", ":empty key"], "--key-separator", ":")
    assert server.ok("consume", topic, "--key-separator", "=").out == "a=1\nb=2:3\n=empty key\n"
    broken = server.run("produce", topic, "-K", ":", stdin="c:4\nno separator\n")
    assert broken.code == 2
    assert "line 2" in broken.talk
    assert server.ok("consume", topic, "--tail", "1").out == "4\n", "the lines before the bad one are written"


def test_null_value_and_headers(server: Server, topic: str) -> None:
    server.produce(topic, ["k:gone", "k:kept"], "-K", ":", "--null-value", "gone", "-H", "source=test", "-H", "n=1")
    first, second = server.ok("consume", topic, "-o", "jsonl").json_lines
    assert (first["value"], second["value"]) == (None, "kept")
    assert first["headers"] == [{"key": "source", "value": "test"}, {"key": "n", "value": "1"}]
    assert server.ok("consume", topic, "-f", r"%V %v %h\n", "--null-value", "NULL").out == (
        "-1 NULL source=test,n=1\n4 kept source=test,n=1\n"
    )


def test_format_string(server: Server, topic: str) -> None:
    record = {"key": "k", "value": "v%", "timestamp": 1714566615250}
    server.ok("produce", topic, "--json-lines", stdin=lines_of(record))
    out = server.ok("consume", topic, "-f", r"%t|%p|%o|%k|%v|%s|%T|%I|%K|%V|%S|100%%\t\x41\\\n").out
    assert out == f"{topic}|0|0|k|v%|v%|1714566615250|2024-05-01T12:30:15.250Z|1|2|2|100%\tA\\\n"
    for bad in ["%q", "%", r"\q", r"\x4", "\\"]:
        assert server.run("consume", topic, "-f", bad).code == 2


def test_json_output_is_a_contract(server: Server, topic: str) -> None:
    server.ok("produce", topic, "-j", stdin=lines_of({"key": "k", "value": "ü", "timestamp": 5, "headers": {"h": "x"}}))
    expected = {
        "topic": topic, "partition": 0, "offset": 0, "timestamp": 5, "key": "k", "value": "ü",
        "headers": [{"key": "h", "value": "x"}],
    }  # fmt: skip
    (record,) = server.ok("consume", topic, "-o", "jsonl").json_lines
    assert list(record.items()) == list(expected.items())
    assert server.ok("consume", topic, "-o", "json").json == [expected]
    assert server.ok("consume", topic, "--json").json_lines == [expected]
    assert server.ok("consume", topic, "--from", "end", "-o", "json").json == []


def test_every_byte_survives_json_lines(server: Server, topic: str) -> None:
    server.ok("topic", "create", topic + "-copy")
    everything = [
        {"key_base64": "AP/+gA==", "value_base64": "wyg=", "timestamp": 1},
        {
            "key": None,
            "value": "plain \u0000 \U0001f426",
            "timestamp": 2,
            "headers": [{"key": "h", "value_base64": "gIE="}],
        },
        {"key": "", "value": None, "timestamp": 3, "headers": [{"key": "a", "value": None}, {"key": "a", "value": ""}]},
        {"key": "json", "value": {"b": [1, 2.5], "a": None}, "timestamp": 4},
    ]
    server.ok("produce", topic, "--json-lines", stdin=lines_of(*everything))
    once = server.ok("consume", topic, "-o", "jsonl")
    assert once.json_lines[0]["value_base64"] == "wyg="
    assert "value" not in once.json_lines[0]
    assert once.json_lines[3]["value"] == '{"b":[1,2.5],"a":null}'
    server.ok("produce", topic + "-copy", "--json-lines", stdin=once.raw)
    again = server.ok("consume", topic + "-copy", "-o", "jsonl")
    assert again.raw == once.raw.replace(f'"{topic}"'.encode(), f'"{topic}-copy"'.encode())
    forced = server.ok("consume", topic, "-o", "jsonl", "--base64").json_lines[1]
    assert forced["value_base64"] == "cGxhaW4gACDwn5Cm"
    assert server.ok("consume", topic, "-f", "%v", "-n", "1").raw == b"\xc3("


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("not json", "not JSON"),
        ("[1]", "not an object"),
        ('{"valeu": "x"}', "did you mean 'value'?"),
        ('{"value_base64": "!"}', "not base64"),
        ('{"value": "a", "value_base64": "YQ=="}', "both"),
        ('{"value": "a", "timestamp": "soon"}', "not a time"),
        ('{"value": "a", "partition": -1}', "partition"),
        ('{"value": "a", "partition": 99}', "99"),
        ('{"value": "a", "headers": 3}', "headers"),
    ],
)
def test_bad_json_lines_name_the_line(server: Server, topic: str, line: str, says: str) -> None:
    failed = server.run("produce", topic, "-j", stdin='{"value":"fine"}\n\n' + line + "\n")
    assert failed.code in (2, 3)
    assert "line 3" in failed.talk
    assert says in failed.talk
    assert server.ok("consume", topic).out == "fine\n"


def test_from_until_by_offset_and_time(server: Server, topic: str) -> None:
    records = [{"value": f"v{i}", "timestamp": 1714566600000 + i * 1000} for i in range(10)]
    server.ok("produce", topic, "-j", stdin=lines_of(*records))

    def read(*args: str) -> list[str]:
        return server.ok("consume", topic, *args).out.split()

    everything = [f"v{i}" for i in range(10)]
    assert read() == read("--from", "start") == everything
    assert read("--from", "end") == []
    assert read("--from", "7") == everything[7:]
    assert read("--from", "10") == []
    assert read("--until", "3") == everything[:3]
    assert read("--from", "2", "--until", "4") == ["v2", "v3"]
    assert read("-n", "4") == everything[:4]
    assert read("--from", "2024-05-01T12:30:05Z") == everything[5:]
    assert read("--from", "2024-05-01T14:30:04.500+02:00") == everything[5:]
    assert read("--from", "@1714566605001") == everything[6:]
    assert read("--from", "2024-05-01 12:30:08") == everything[8:]
    assert read("--until", "2024-05-01T12:30:02Z") == everything[:2]
    assert read("--since", "-1h") == []
    assert read("--since", "2024-05-01") == everything
    assert read("--tail", "3") == everything[7:]
    assert read("--tail", "99") == everything


def test_places_that_are_none(server: Server, topic: str) -> None:
    server.produce(topic, ["x"])
    beyond = server.run("consume", topic, "--from", "2", "--json")
    assert (beyond.code, beyond.error["code"]) == (3, "offset_out_of_range")
    assert "0 to 1" in beyond.error["message"]
    millis = server.run("consume", topic, "--from", "1714566600000")
    assert millis.code == 3
    assert "@1714566600000" in millis.talk
    for bad in ["2024-02-31", "2024-13-01", "soon", "-5", "@x", ""]:
        if bad:
            assert server.run("consume", topic, "--from", bad).code == 2, bad
    assert server.run("consume", topic, "--partition", "1").code == 3
    assert server.run("consume", topic, "--follow", "--until", "end").code == 2


def test_tail_over_partitions_is_the_newest(server: Server, topic: str) -> None:
    name = topic + "-3"
    server.ok("topic", "create", name, "-p", "3")
    records = [{"value": f"v{i:02}", "partition": i % 3, "timestamp": 1000 + i} for i in range(30)]
    server.ok("produce", name, "-j", stdin=lines_of(*records))
    assert server.ok("consume", name, "--tail", "5").out.split() == ["v25", "v26", "v27", "v28", "v29"]
    one = server.ok("consume", name, "-p", "1", "-p", "2", "-f", r"%p\n").out.split()
    assert sorted(one) == ["1"] * 10 + ["2"] * 10


def test_reverse_prints_the_same_records_newest_first(server: Server, topic: str) -> None:
    records = [{"value": f"v{i:02}", "timestamp": 1714566600000 + i * 1000} for i in range(30)]
    server.ok("produce", topic, "-j", "--compression", "zstd", stdin=lines_of(*records))
    for places in (
        [],
        ["--until", "20"],
        ["--from", "7"],
        ["--from", "7", "--until", "20"],
        ["--from", "2024-05-01T12:30:05Z"],
        ["--tail", "4"],
        ["--tail", "99"],
    ):
        forward = server.ok("consume", topic, *places).out.split()
        assert len(forward) > 1
        assert server.ok("consume", topic, "--reverse", *places).out.split() == forward[::-1], places
    assert server.ok("consume", topic, "--reverse", "-n", "2").out.split() == ["v29", "v28"]
    assert server.run("consume", topic, "--reverse", "--follow").code == 2
    assert server.run("consume", topic, "--reverse", "--group", "g").code == 2


def test_a_tail_keeps_the_order_of_its_partition(server: Server, topic: str) -> None:
    records = [{"value": f"v{i}", "timestamp": 9_000_000 - i * 1000} for i in range(6)]
    server.ok("produce", topic, "-j", stdin=lines_of(*records))
    assert sorted(server.ok("consume", topic, "--tail", "2").out.split()) == ["v4", "v5"], "the last two written"


def test_a_reader_that_leaves_is_no_error(server: Server, topic: str) -> None:
    server.produce(topic, ["x" * 1000] * 2000)
    command = f"{DOHLE} consume {topic} --broker {server.url} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=PATIENCE, env=environment(), check=True)
    assert done.stdout.split() == [b"x" * 1000, b"0"]
    assert done.stderr == b""


def test_a_full_disk_behind_stdout_is_an_error(server: Server, topic: str) -> None:
    server.produce(topic, ["x"])
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [DOHLE, "consume", topic], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE,
            env=environment({"DOHLE_URL": server.url}), check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert b"standard output" in done.stderr


def test_follow_goes_on_until_interrupted(server: Server, topic: str) -> None:
    server.produce(topic, ["one"])
    reader = server.start("consume", topic, "--follow")
    assert reader.stdout is not None
    assert reader.stdout.readline() == b"one\n"
    server.produce(topic, ["two"])
    assert reader.stdout.readline() == b"two\n"
    reader.send_signal(signal.SIGINT)
    out, talk = reader.communicate(timeout=PATIENCE)
    assert (reader.returncode, out, talk) == (130, b"", b"")


def test_interrupted_group_has_committed_what_it_printed(server: Server, topic: str) -> None:
    server.produce(topic, ["one", "two"])
    reader = server.start("consume", topic, "--group", topic, "--follow")
    assert reader.stdout is not None
    assert [reader.stdout.readline(), reader.stdout.readline()] == [b"one\n", b"two\n"]
    reader.send_signal(signal.SIGINT)
    reader.communicate(timeout=PATIENCE)
    assert reader.returncode == 130
    (group,) = server.ok("group", "describe", topic, "--json").json
    assert [o["committed"] for o in group["offsets"]] == [2]
    assert group["members"] == [], "it left, so that the next member need not wait for a time-out"


@pytest.mark.parametrize("flags", [[], ["--follow"], ["--group", "stuck", "--follow"]])
def test_a_reader_that_stands_still_does_not_hold_up_the_end(server: Server, topic: str, flags: list[str]) -> None:
    server.produce(topic, ["x" * 1000] * 2000)
    reader = server.start("consume", topic, *flags)
    assert reader.stdout is not None
    assert reader.stdout.read(1) == b"x"  # it prints; nobody takes the other two megabytes
    reader.send_signal(signal.SIGINT)
    assert reader.wait(timeout=PATIENCE) == 130
    reader.communicate(timeout=PATIENCE)


def test_interrupted_producer_has_written_what_it_read(server: Server, topic: str) -> None:
    writer = server.start("produce", topic)
    reader = server.start("consume", topic, "--follow", "-n", "2")
    assert writer.stdin is not None
    writer.stdin.write(b"one\ntwo\n")
    writer.stdin.flush()
    out, _ = reader.communicate(timeout=PATIENCE)
    assert out == b"one\ntwo\n", "records go out while the input is still open"
    writer.send_signal(signal.SIGINT)
    assert writer.wait(timeout=PATIENCE) == 130
    writer.stdin.close()
    assert writer.stderr is not None
    assert b"2 records written" in writer.stderr.read()


NOT_TEXT = [
    b"\xff",
    b"\xc3(",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc0\xaf",
    b"\xe0\x80\x80",
    b"abc\xe2\x82",
    bytes(range(256)),
]


def test_what_is_not_text_goes_in_and_out_as_base64(server: Server, topic: str) -> None:
    encoded = [base64.b64encode(b).decode() for b in NOT_TEXT]
    server.ok("produce", topic, "-j", stdin=lines_of(*({"key_base64": e, "value_base64": e} for e in encoded)))
    read = server.ok("consume", topic, "-o", "jsonl").json_lines
    assert [r.get("value_base64") for r in read] == encoded
    assert [r.get("key_base64") for r in read] == encoded
    assert server.ok("consume", topic, "-f", "%v").raw == b"".join(NOT_TEXT)


@pytest.mark.parametrize("length", range(8))
def test_base64_of_every_length(server: Server, topic: str, length: int) -> None:
    value = bytes(range(250, 250 + length)) if length < 6 else b"\x00" * length
    server.ok("produce", topic, "-j", stdin=lines_of({"value_base64": base64.b64encode(value).decode()}))
    assert server.ok("consume", topic, "-f", "%v").raw == value


def test_too_large_records_are_refused_by_name(server: Server, topic: str) -> None:
    failed = server.run("produce", topic, "--json", stdin="x" * (2 * 1024 * 1024) + "\n")
    assert failed.code == 1
    assert failed.error["code"] == "record_too_large"
    assert server.ok("consume", topic).out == ""
