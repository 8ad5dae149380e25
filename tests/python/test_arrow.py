"""DataFrames both ways, with pyarrow, polars and pandas."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dohle
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

TIMES = [datetime(2013, 1, 1, 5, 10, tzinfo=UTC), datetime(2013, 1, 1, 5, 11, tzinfo=UTC), None]


@pytest.fixture
def filled(topic: dohle.Topic) -> dohle.Topic:
    """Three records: with headers, a tombstone, no key."""
    topic.send("one", key="a", timestamp=TIMES[0], headers=[("src", b"web"), ("n", None)])
    topic.send(None, key="b", timestamp=TIMES[1])
    topic.send(b"", timestamp=TIMES[1]).result()
    return topic


def test_pyarrow_reads_a_topic_in_one_call(filled: dohle.Topic) -> None:
    table = pa.table(filled)
    assert str(table.schema).splitlines() == [
        "partition: int32 not null",
        "offset: int64 not null",
        "timestamp: timestamp[ms, tz=UTC]",
        "key: binary",
        "value: binary",
        "headers: list<item: struct<key: string not null, value: binary> not null> not null",
        "  child 0, item: struct<key: string not null, value: binary> not null",
        "      child 0, key: string not null",
        "      child 1, value: binary",
    ]
    table.validate(full=True)
    rows = table.to_pylist()
    assert [r["offset"] for r in rows] == [0, 1, 2]
    assert [r["key"] for r in rows] == [b"a", b"b", None]
    assert [r["value"] for r in rows] == [b"one", None, b""]
    assert [r["timestamp"] for r in rows] == [TIMES[0], TIMES[1], TIMES[1]]
    assert rows[0]["headers"] == [{"key": "src", "value": b"web"}, {"key": "n", "value": None}]
    assert rows[1]["headers"] == []
    assert pa.schema(filled) == table.schema


def test_polars_reads_a_topic_in_one_call(filled: dohle.Topic) -> None:
    for frame in (pl.DataFrame(filled), pl.DataFrame(filled.read()), filled.table().to_polars()):
        assert frame["value"].to_list() == [b"one", None, b""]
        assert frame["timestamp"].dtype == pl.Datetime("ms", "UTC")
        assert frame["headers"].to_list()[0] == [{"key": "src", "value": b"web"}, {"key": "n", "value": None}]


def test_pandas_reads_a_topic_in_one_call(filled: dohle.Topic) -> None:
    for frame in (pd.DataFrame.from_arrow(filled), filled.table().to_pandas()):
        assert list(frame["offset"]) == [0, 1, 2]
        assert frame["value"][0] == b"one"
        assert pd.isna(frame["value"][1])
        assert frame["timestamp"][0] == pd.Timestamp("2013-01-01T05:10Z")


def test_columns(filled: dohle.Topic) -> None:
    table = filled.table(columns=["value", "offset", "topic"])
    assert pl.DataFrame(table).columns == ["value", "offset", "topic"]
    assert pl.DataFrame(table)["topic"].unique().to_list() == [filled.name]
    assert len(table) == 3
    assert "value, offset, topic" in repr(table)
    with pytest.raises(ValueError, match="no column 'valeu'"):
        filled.table(columns=["valeu"])


def test_an_empty_range(topic: dohle.Topic) -> None:
    assert pa.table(topic).num_rows == 0
    assert pl.DataFrame(topic).height == 0
    assert pa.table(topic).schema == pa.schema(topic)


def test_a_range_by_time(topic: dohle.Topic) -> None:
    with topic.producer() as out:
        for i in range(100):
            out.send(str(i), timestamp=1793491200 + i * 60)
    table = topic.table(since="2026-11-01T00:10Z", until="2026-11-01T00:20Z")
    assert table.to_polars()["value"].cast(pl.String).to_list() == [str(i) for i in range(10, 20)]


def test_a_batch_is_a_table_too(filled: dohle.Topic) -> None:
    batch = filled.tail(3)
    assert pa.table(batch)["offset"].to_pylist() == [0, 1, 2]
    assert pl.DataFrame(batch[1:])["offset"].to_list() == [1, 2]
    assert pl.DataFrame(batch.table(["key"]))["key"].to_list() == [b"a", b"b", None]
    assert pa.table(dohle.Batch()).num_rows == 0


def test_many_records_in_several_partitions(db: dohle.Broker) -> None:
    topic = db.topic("many", partitions=3)
    count = 150_000  # more than one Arrow batch
    assert topic.send_many((f"k{i % 100}", f"value {i}") for i in range(count)) == count
    frame = topic.table().to_polars()
    assert frame.height == count
    values = frame["value"].cast(pl.String).str.strip_prefix("value ").cast(pl.Int64)
    assert sorted(values.to_list()) == list(range(count))
    for part in frame.with_columns(n=values).partition_by("partition"):
        assert part["offset"].to_list() == list(range(part.height))
        assert part["n"].is_sorted()
    reader = pa.RecordBatchReader.from_stream(topic)
    assert max(b.num_rows for b in reader) <= 65536


def test_parquet(filled: dohle.Topic, tmp_path: Path) -> None:
    assert filled.table().to_parquet(tmp_path / "t.parquet") == 3
    assert pl.read_parquet(tmp_path / "t.parquet")["key"].to_list() == [b"a", b"b", None]


# --- in --------------------------------------------------------------------------------------------------------------

ROWS = {
    "symbol": ["A", "B", None],
    "price": [1.5, float("nan"), None],
    "volume": [10, -20, 30],
    "open": [True, False, None],
    "at": TIMES,
    "note": ['quote " and \\', "line\nbreak\x01", "é€😀"],
    "day": [date(2013, 1, 1), date(1969, 12, 31), None],
}


def frames() -> dict[str, Any]:
    arrow = pa.table(ROWS)
    return {"pyarrow": arrow, "polars": pl.DataFrame(ROWS), "pandas": pd.DataFrame(ROWS).convert_dtypes()}


@pytest.mark.parametrize("library", ["pyarrow", "polars", "pandas"])
def test_rows_become_json(topic: dohle.Topic, library: str) -> None:
    frame = frames()[library]
    if library == "pandas":
        frame = frame.drop(columns=["day"])  # dates are Python objects there
    assert topic.send_frame(frame, key="symbol", timestamp="at") == 3
    first, second, third = topic
    assert (first.key, second.key, third.key) == (b"A", b"B", None)
    assert first.timestamp == TIMES[0]
    assert second.timestamp == TIMES[1]
    rows = [r.json() for r in (first, second, third)]
    assert [r["price"] for r in rows] == [1.5, None, None]
    assert [r["volume"] for r in rows] == [10, -20, 30]
    assert [r["open"] for r in rows] == [True, False, None]
    assert [r["note"] for r in rows] == ROWS["note"]
    assert "symbol" not in rows[0]
    assert "at" not in rows[0]
    if library != "pandas":
        assert [r["day"] for r in rows] == ["2013-01-01", "1969-12-31", None]


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        (pa.int8(), -5, "-5"),
        (pa.uint64(), 2**64 - 1, "18446744073709551615"),
        (pa.float32(), 0.1, "0.1"),
        (pa.float64(), 1e300, "1e+300"),
        (pa.large_string(), "x", '"x"'),
        (pa.string_view(), "longer than twelve bytes", '"longer than twelve bytes"'),
        (pa.string_view(), "short", '"short"'),
        (pa.dictionary(pa.int8(), pa.string()), "cat", '"cat"'),
        (pa.timestamp("s"), datetime(1969, 12, 31, 23, 59, 59), '"1969-12-31T23:59:59"'),
        (pa.timestamp("ms", "UTC"), datetime(2013, 1, 1, 0, 0, 0, 7000, tzinfo=UTC), '"2013-01-01T00:00:00.007Z"'),
        (pa.timestamp("us"), datetime(2013, 1, 1, 0, 0, 0, 7), '"2013-01-01T00:00:00.000007"'),
        (pa.timestamp("ns"), 1, '"1970-01-01T00:00:00.000000001"'),
        (pa.date64(), date(2013, 1, 1), '"2013-01-01T00:00:00"'),
        (pa.list_(pa.int32()), [1, None, 3], "[1,null,3]"),
        (pa.large_list(pa.string()), [], "[]"),
        (pa.struct([("a", pa.int32()), ("b", pa.string())]), {"a": 1, "b": None}, '{"a":1,"b":null}'),
        (pa.null(), None, "null"),
    ],
)
def test_json_of_each_type(topic: dohle.Topic, kind: pa.DataType, value: object, wanted: str) -> None:
    array = pa.array([None, value, value], kind)
    topic.send_frame(pa.table({"x": array}).slice(1))
    assert [r.text() for r in topic] == [f'{{"x":{wanted}}}'] * 2


def test_there_and_back(topic: dohle.Topic, db: dohle.Broker) -> None:
    """What table() gives, send_frame takes, headers too."""
    with topic.producer() as out:
        for i in range(1000):
            value = None if i % 10 == 0 else f"value {i}"
            out.send(value, key=f"k{i}", timestamp=1793491200 + i, headers={"n": str(i)} if i % 3 else None)
    copy = db.topic(f"{topic.name}-copy", partitions=1)
    sent = copy.send_frame(topic.table(), key="key", value="value", timestamp="timestamp", headers="headers")
    assert sent == 1000
    fields = [[(r.key, r.value, r.timestamp, r.header_pairs) for r in t] for t in (topic, copy)]
    assert fields[0] == fields[1]


def test_times_of_any_unit(topic: dohle.Topic) -> None:
    wanted = datetime(1965, 3, 4, 5, 6, 7, 890000, tzinfo=UTC)
    for unit in ("ms", "us", "ns"):
        topic.send_frame(pa.table({"at": pa.array([wanted], pa.timestamp(unit, "UTC")), "v": ["x"]}), timestamp="at")
    assert [r.timestamp_ms for r in topic] == [int(wanted.timestamp() * 1000)] * 3


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda t: t.send_frame(pa.table({"n": [1]}), key="n"), "key column 'n' has Arrow type 'l'.*cast it to string"),
        (lambda t: t.send_frame(pa.table({"n": [1]}), value="n"), "value column 'n'"),
        (lambda t: t.send_frame(pa.table({"n": [1]}), timestamp="n"), "cast it to timestamp"),
        (lambda t: t.send_frame(pa.table({"n": [1]}), headers="n"), "headers column 'n'"),
        (lambda t: t.send_frame(pa.table({"b": [b"x"]})), "column 'b' has Arrow type 'z'.*no JSON form"),
        (lambda t: t.send_frame([1, 2]), "__arrow_c_stream__"),
    ],
)
def test_columns_that_do_not_fit(topic: dohle.Topic, call: Callable[[dohle.Topic], int], wanted: str) -> None:
    with pytest.raises(TypeError, match=wanted):
        call(topic)
    assert len(topic) == 0


def test_a_column_that_is_not_there(topic: dohle.Topic) -> None:
    with pytest.raises(ValueError, match=r"key='smybol' names no column.*symbol, price"):
        topic.send_frame(pa.table(ROWS), key="smybol")


def test_a_stream_that_fails(topic: dohle.Topic) -> None:
    def broken() -> Any:
        yield pa.record_batch({"v": ["a"]})
        raise RuntimeError("the disk of the other")

    reader = pa.RecordBatchReader.from_batches(pa.schema([("v", pa.string())]), broken())
    with pytest.raises(RuntimeError, match="the disk of the other"):
        topic.send_frame(reader, value="v")


def test_a_frame_comes_after_what_was_sent_before(topic: dohle.Topic) -> None:
    topic.send("first")
    topic.send_frame(pl.DataFrame({"v": ["second"]}), value="v")
    assert [r.text() for r in topic] == ["first", "second"]
