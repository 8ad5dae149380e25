"""Durations and moments as people write them."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from dohle import times


@pytest.mark.parametrize(
    ("written", "wanted"),
    [("5m", 300.0), ("1h30m", 5400.0), ("250ms", 0.25), ("1.5s", 1.5), (" 2 d ", 172800.0), (3, 3.0), (0, 0.0)],
)
def test_durations(written: str | float, wanted: float) -> None:
    assert times.seconds(written) == pytest.approx(wanted)
    assert times.seconds(timedelta(seconds=wanted)) == pytest.approx(wanted)


@pytest.mark.parametrize("wrong", ["", "5", "5 parsecs", "-5m", -1, float("nan")])
def test_wrong_durations(wrong: str | float) -> None:
    with pytest.raises(ValueError):
        times.seconds(wrong)


def test_a_duration_of_another_type() -> None:
    with pytest.raises(TypeError, match="timedelta"):
        times.seconds(True)


def test_moments() -> None:
    wanted = 1357017000000
    for moment in (
        "2013-01-01T05:10Z",
        "2013-01-01 05:10",
        "2013-01-01T07:10+02:00",
        datetime(2013, 1, 1, 5, 10),
        datetime(2013, 1, 1, 7, 10, tzinfo=timezone(timedelta(hours=2))),
        wanted / 1000,
    ):
        assert times.to_ms(moment) == wanted
    assert times.to_ms(date(2013, 1, 1)) == times.to_ms("2013-01-01")
    assert times.from_ms(wanted) == datetime(2013, 1, 1, 5, 10, tzinfo=UTC)
    assert times.to_ms(datetime(2013, 1, 1, 5, 10, 0, 1999)) == wanted + 1


def test_relative_moments() -> None:
    now = time.time() * 1000
    assert abs(times.to_ms("now") - now) < 60_000
    assert abs(times.to_ms("-7d") - (now - 7 * 86_400_000)) < 60_000
    assert abs(times.to_ms("+1h") - (now + 3_600_000)) < 60_000


@pytest.mark.parametrize("wrong", ["yesterday", "2013-13-01", 1357017000000])
def test_wrong_moments(wrong: str | int) -> None:
    with pytest.raises(ValueError, match="try"):
        times.to_ms(wrong)
