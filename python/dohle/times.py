"""Durations and moments, as people write them.

A *duration* is seconds (int or float), a :class:`datetime.timedelta`, or text like ``"5m"``, ``"1h30m"``, ``"250ms"``.

A *moment* is a :class:`datetime.datetime` or :class:`datetime.date`, ISO 8601 text, seconds since 1970 as of
``time.time()``, or text relative to now like ``"-7d"`` and ``"now"``. One rule for all: **a time without a zone is
UTC**.

>>> seconds("1h30m"), seconds("250ms"), seconds(2)
(5400.0, 0.25, 2.0)
>>> to_ms("2013-01-01T05:10Z") == to_ms("2013-01-01 05:10") == to_ms(datetime(2013, 1, 1, 5, 10))
True
>>> from_ms(1357017000000)
datetime.datetime(2013, 1, 1, 5, 10, tzinfo=datetime.timezone.utc)
"""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

Duration: TypeAlias = float | str | timedelta
Moment: TypeAlias = datetime | date | str | float

_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d|w)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_SECOND = 253_402_300_799  # year 9999


def seconds(duration: Duration) -> float:
    """A duration in seconds. ValueError for text that is none and for what is negative."""
    if isinstance(duration, str):
        value = _parse(duration)
    elif isinstance(duration, timedelta):
        value = duration.total_seconds()
    elif isinstance(duration, int | float) and not isinstance(duration, bool):
        value = float(duration)
    else:
        raise TypeError(f'a duration is seconds, a timedelta or text like "5m", not {type(duration).__name__}')
    if not value >= 0:
        raise ValueError(f"a duration is not negative: {duration!r}")
    return value


def optional_seconds(duration: Duration | None) -> float | None:
    """The same; None (for ever) stays None."""
    return None if duration is None else seconds(duration)


def _parse(text: str) -> float:
    at, total = 0, 0.0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            break
        total += float(part[1]) * _UNITS[part[2]]
        at = part.end()
    if at == 0 or text[at:].strip():
        raise ValueError(f'{text!r} is no duration (try: "250ms", "5s", "5m", "1h30m", "7d")')
    return total


def to_ms(moment: Moment) -> int:
    """A moment in milliseconds since 1970-01-01 UTC, rounded down."""
    if isinstance(moment, str):
        return _text_to_ms(moment)
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return (aware - _EPOCH) // _MILLISECOND
    if isinstance(moment, date):
        return (datetime(moment.year, moment.month, moment.day, tzinfo=UTC) - _EPOCH) // _MILLISECOND
    if isinstance(moment, int | float) and not isinstance(moment, bool):
        if abs(moment) > _LAST_SECOND:
            raise ValueError(f"{moment} is after the year 9999: these look like milliseconds (try: divide by 1000)")
        return int(moment * 1000 // 1)
    raise TypeError(f"a time is a datetime, ISO text or seconds since 1970, not {type(moment).__name__}")


def _text_to_ms(text: str) -> int:
    plain = text.strip()
    if plain == "now":
        return int(time.time() * 1000)
    if plain[:1] in "+-" and plain[1:2].isdigit():
        offset = seconds(plain[1:])
        return int((time.time() + (offset if plain[0] == "+" else -offset)) * 1000)
    try:
        return to_ms(datetime.fromisoformat(plain))
    except ValueError:
        raise ValueError(f'{text!r} is no time (try: "2026-11-01T08:00Z", "2026-11-01", "-7d", "now")') from None


def from_ms(ms: int) -> datetime:
    """An aware UTC datetime."""
    return _EPOCH + timedelta(milliseconds=ms)


def iso(ms: int) -> str:
    """For tables: ``2013-01-01 05:10:00.123Z``, or ``-`` where there is none."""
    if ms < 0:
        return "-"
    return from_ms(ms).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
