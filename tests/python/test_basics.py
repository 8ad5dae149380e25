"""Opening, topics, sending one record and reading it back."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dohle
import pytest
from package_support import environment


def test_a_broker_in_one_line() -> None:
    with dohle.Broker() as db:
        folder = db.path
        assert folder.is_dir()
        db.topic("clicks").send({"page": "/", "ms": 12})
        record = next(iter(db.topic("clicks")))
        assert record.json() == {"page": "/", "ms": 12}
    assert not folder.exists()


def test_a_given_folder_keeps_the_records(tmp_path: Path) -> None:
    with dohle.Broker(tmp_path / "data") as db:
        assert db.address == "embedded"
        db.topic("clicks", partitions=2).send_many([("a", "1"), ("b", "2"), ("c", "3")])
    with dohle.Broker(tmp_path / "data") as db:
        assert sorted(r.text() for r in db.topic("clicks")) == ["1", "2", "3"]
        assert db.topic("clicks").partitions == 2


def test_a_connection_sees_what_the_broker_has(db: dohle.Broker, topic: dohle.Topic) -> None:
    with dohle.connect(db.address) as other:
        other.topic(topic.name).send("over the wire", key="k").result()
        assert topic.read()[0].text() == "over the wire"
        assert topic.name in other.topics
        assert repr(other) == f"Connection({db.address!r})"


def test_the_address_comes_from_the_environment(db: dohle.Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOHLE_URL", db.address)
    with dohle.connect() as other:
        assert other.address == db.address


def test_values_and_keys(topic: dohle.Topic) -> None:
    for value in (b"\x00raw", "text é", {"a": [1, None]}, ["x"], None, bytearray(b"array")):
        topic.send(value, key="k")
    topic.send(b"", key=b"\xff").result()
    values = [(r.key, r.value) for r in topic]
    assert values == [
        (b"k", b"\x00raw"),
        (b"k", "text é".encode()),
        (b"k", b'{"a":[1,null]}'),
        (b"k", b'["x"]'),
        (b"k", None),
        (b"k", b"array"),
        (b"\xff", b""),
    ]


def test_json_of_what_people_put_into_records(topic: dohle.Topic) -> None:
    import decimal

    import numpy

    topic.send({"at": datetime(2013, 1, 1, tzinfo=UTC), "n": numpy.int64(5), "price": decimal.Decimal("1.10")}).result()
    assert topic.read()[0].json() == {"at": "2013-01-01T00:00:00+00:00", "n": 5, "price": "1.10"}
    with pytest.raises(TypeError, match="no JSON form"):
        topic.send({"x": object()})
    with pytest.raises(ValueError, match="JSON"):
        topic.send({"x": float("nan")})


@pytest.mark.parametrize("value", [5, 1.5, True, object()])
def test_other_values_are_refused(topic: dohle.Topic, value: object) -> None:
    with pytest.raises(TypeError, match="a value is bytes, str, dict, list or None"):
        topic.send(value)  # type: ignore[arg-type]


def test_other_keys_are_refused(topic: dohle.Topic) -> None:
    with pytest.raises(TypeError, match=r"key=str\("):
        topic.send("x", key=5)  # type: ignore[arg-type]


def test_an_ack_tells_where_the_record_is(topic: dohle.Topic) -> None:
    at = datetime(2026, 11, 1, 8, 0, 0, 123000, tzinfo=UTC)
    first = topic.send("a", timestamp=at)
    receipt = first.result(timeout="10s")
    assert (receipt.topic, receipt.partition, receipt.offset) == (topic.name, 0, 0)
    assert receipt.timestamp == at
    assert receipt.acks == "majority"
    assert first.done()
    assert topic.send("b").result().offset == 1


def test_the_same_key_goes_to_the_same_partition(wide: dohle.Topic) -> None:
    places = [wide.send(str(i), key=f"user-{i % 7}").result().partition for i in range(28)]
    assert places[:7] * 4 == places
    assert len(set(places)) > 1
    assert wide.send("x", key="user-1", partition=2).result().partition == 2


def test_a_record(topic: dohle.Topic) -> None:
    topic.send(
        "v", key="k", timestamp="2013-01-01T05:10:00.5Z", headers=[("src", b"web"), ("src", "app"), ("n", None)]
    ).result()
    (record,) = topic
    assert record.timestamp == datetime(2013, 1, 1, 5, 10, 0, 500000, tzinfo=UTC)
    assert record.timestamp_ns == 1357017000500 * 1_000_000
    assert record.header_pairs == (("src", b"web"), ("src", b"app"), ("n", None))
    assert record.headers == {"src": b"app", "n": None}
    assert record.view.readonly
    assert bytes(record.view) == b"v"
    with pytest.raises(AttributeError, match="immutable"):
        record.value = b"other"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(record)) == record
    assert hash(record) == hash(pickle.loads(pickle.dumps(record)))
    assert repr(record) == f"Record({topic.name}[0]@0 2013-01-01T05:10:00.500Z key=b'k' value=b'v')"
    assert "<td>b&#x27;v&#x27;</td>" in record._repr_html_()


def test_records_are_cut_in_their_repr(topic: dohle.Topic) -> None:
    topic.send(b"x" * 5000).result()
    assert len(repr(topic.read()[0])) < 250
    assert "5,000 bytes" in repr(topic.read()[0])


def test_topics_are_a_mapping(db: dohle.Broker) -> None:
    made = db.topics.create("mapped", partitions=3, retention="30d")
    assert "mapped" in db.topics
    assert "mapped" in list(db.topics)
    assert len(db.topics) == len(list(db.topics))
    assert db.topics["mapped"].partitions == 3
    assert made.config["retention.ms"] == str(30 * 86_400_000)
    with pytest.raises(dohle.AlreadyExists):
        db.topics.create("mapped")
    assert db.topics.create("mapped", exist_ok=True).partitions == 3
    made.delete()
    assert "mapped" not in db.topics
    with pytest.raises(dohle.NotFound):
        made.delete()


def test_a_topic_that_is_not_there(db: dohle.Broker) -> None:
    db.topics.create("clicks-of-users")
    with pytest.raises(LookupError, match="clicks-of-users"):
        db.topics["click-of-users"]
    with pytest.raises(dohle.NotFound, match="nowhere"):
        db.topic("nowhere", create=False)
    lazy = db.topic("nowhere")
    assert "nowhere" not in db.topics
    assert repr(lazy) == "Topic('nowhere', not there yet)"
    for _ in range(2):  # a permanent error is raised every time
        with pytest.raises(dohle.NotFound):
            lazy.read()
    lazy.send("now it is").result()
    assert len(lazy) == 1


def test_a_topic_is_created_once(db: dohle.Broker) -> None:
    assert db.topic("once", partitions=2).partitions == 2
    assert db.topic("once", partitions=2).partitions == 2
    with pytest.raises(ValueError, match="2 partitions, not 3"):
        db.topic("once", partitions=3)
    assert db.topic("once").add_partitions(4).name == "once"
    assert db.topic("once").partitions == 4


def test_settings(db: dohle.Broker, topic: dohle.Topic) -> None:
    info = topic.config.set(retention="90d", max_message_bytes=2_000_000)
    assert info.own_configs["retention.ms"] == str(90 * 86_400_000)
    assert topic.config["max.message.bytes"] == "2000000"
    topic.config.set({"retention.bytes": 10_000_000})
    assert topic.config["retention.bytes"] == "10000000"
    assert "retention.ms" not in topic.config.reset("retention").own_configs
    with pytest.raises(KeyError, match=r"did you mean 'retention\.ms'"):
        topic.config["retention.mz"]
    with pytest.raises(TypeError, match="did you mean 'retention'"):
        db.topic("x", retension="1d")
    with pytest.raises(dohle.InvalidRequest):
        topic.config.set({"retention.mz": "1"})
    assert "retention.ms" in topic.config._repr_html_()


def test_append_time(db: dohle.Broker) -> None:
    stamped = db.topic("stamped", timestamps="append")
    receipt = stamped.send("x", timestamp="2000-01-01").result()
    assert receipt.timestamp.year > 2020
    assert stamped.read()[0].timestamp == receipt.timestamp


def test_descriptions_are_worth_reading(db: dohle.Broker, wide: dohle.Topic) -> None:
    wide.send_many([("k", "v")] * 10)
    info = wide.describe()
    assert info.records == len(wide) == 10
    assert info.size_bytes > 0
    assert bool(wide)
    assert sum(p.end - p.start for p in info.partitions) == 10
    assert "3 partitions, 10 records" in repr(wide)
    assert "partition" in str(info)
    assert wide.name in db._repr_html_()
    assert wide.name in repr(db.topics)
    assert "<table>" in wide._repr_html_()


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda db: dohle.Broker(pth="x"), "did you mean 'path'"),
        (lambda db: db.topic("x").send("v", ky="k"), "did you mean 'key'"),
        (lambda db: db.topic("x").producer(compresion="zstd"), "did you mean 'compression'"),
        (lambda db: db.topic("x").read(sinse="-1d"), "did you mean 'since'"),
        (lambda db: db.topic("x").table(colums=[]), "did you mean 'columns'"),
        (lambda db: db.group("x").consume("y", max_procesing="1m"), "did you mean 'max_processing'"),
        (lambda db: dohle.connect("x", conect_timeout=1), "did you mean 'connect_timeout'"),
    ],
)
def test_an_unknown_keyword_names_the_nearest(
    db: dohle.Broker, call: Callable[[dohle.Broker], object], wanted: str
) -> None:
    with pytest.raises(TypeError, match=wanted):
        call(db)


def test_closing(tmp_path: Path) -> None:
    db = dohle.Broker(tmp_path / "data")
    topic = db.topic("t", partitions=1)
    topic.send("x")
    db.close()
    db.close()
    assert db.closed
    assert "closed" in repr(db)
    assert "closed" in db._repr_html_()
    with pytest.raises(dohle.Closed):
        topic.send("y")
    with pytest.raises(dohle.Closed):
        topic.read()
    with dohle.Broker(tmp_path / "data") as again:
        assert [r.text() for r in again.topic("t")] == ["x"]


def test_what_was_not_closed_is_named_with_its_line() -> None:
    with pytest.warns(ResourceWarning, match=r"test_basics\.py:\d+, was not closed"):
        dohle.Broker()


def test_a_script_that_closes_nothing_ends_and_keeps_its_records(
    tmp_path: Path, script: Callable[..., subprocess.Popen[str]]
) -> None:
    code = "import dohle, sys; db = dohle.Broker(sys.argv[1]); db.topic('t').send('kept')"
    process = script(code, str(tmp_path / "data"))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    with dohle.Broker(tmp_path / "data") as db:
        assert [r.text() for r in db.topic("t")] == ["kept"]


def test_nothing_is_printed_and_the_logger_is_silent() -> None:
    handlers = logging.getLogger("dohle").handlers
    assert any(isinstance(h, logging.NullHandler) for h in handlers)


def test_the_fixture_of_the_wheel(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_it(dohle_broker):\n"
        "    assert dohle_broker.address.startswith('dohle://127.0.0.1:')\n"
        "    dohle_broker.topic('t').send('hi').result()\n"
        "    assert dohle_broker.topic('t').read()[0].text() == 'hi'\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "dohle.testing", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
