"""Sending: a producer of one topic, and the future of each record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, TypeAlias
from uuid import UUID

from . import _core
from ._support import logger, suggests
from .errors import BufferFull, DeliveryErrors, Error, TimeoutError, error_for
from .times import Duration, Moment, from_ms, optional_seconds, to_ms

Key: TypeAlias = bytes | str | None
Value: TypeAlias = bytes | bytearray | str | dict[str, Any] | list[Any] | tuple[Any, ...] | None
Headers: TypeAlias = Mapping[str, bytes | str | None] | Iterable[tuple[str, bytes | str | None]]

_CLOSE_TIMEOUT = 30.0


def _plain(value: object) -> object:
    """What json does not know but people put into their records."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if hasattr(value, "item"):  # numpy's scalars
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form (try: str() or a dict of it)")


_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode


def encode_value(value: object) -> str:
    """JSON for dict, list and tuple; TypeError for the rest."""
    if isinstance(value, dict | list | tuple):
        return _to_json(value)
    raise TypeError(
        f"a value is bytes, str, dict, list or None, not {type(value).__name__} (try: str(value), or a dict of it)"
    )


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a record came to be. ``acks`` is the level that was reached; the offset is -1 with ``acks="none"``."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    acks: str


class Ack:
    """The future of one sent record."""

    __slots__ = ("_core", "_producer", "_seen")

    def __init__(self, core: _core.Ack, producer: Producer) -> None:
        self._core = core
        self._producer = producer
        self._seen = False

    def done(self) -> bool:
        """True when the outcome is known, good or bad. Never waits."""
        return self._core.ready()

    def result(self, timeout: Duration | None = None) -> Receipt:
        """Waits until the record is as safe as its producer's ``acks`` say.

        Raises the record's own error, or TimeoutError when `timeout` passed first: it is still on its way then.
        """
        try:
            outcome = self._core.wait(optional_seconds(timeout))
        except Error:
            if not self._seen:
                self._seen = True
                self._producer._observed += 1
            raise
        if outcome is None:
            raise TimeoutError("the record has no outcome yet", code="timeout", hint="wait again", retriable=True)
        partition, offset, timestamp_ms, level = outcome
        return Receipt(self._producer.topic, partition, offset, from_ms(timestamp_ms), level)

    def __repr__(self) -> str:
        return f"Ack({self._producer.topic}, {'done' if self.done() else 'on its way'})"


class Producer:
    """Sends records to one topic, in batches. Made by ``Topic.producer``; a context manager: leaving the block waits
    for every record, and raises :class:`DeliveryErrors` when some were not stored."""

    def __init__(self, core: _core.Producer) -> None:
        self._core = core
        self.topic: str = core.topic
        self._acknowledged = 0
        self._failed = 0  # in all
        self._observed = 0  # of these, raised by Ack.result
        self._reported = 0  # of these, raised as DeliveryErrors
        self._errors: list[Error] = []

    @suggests
    def send(
        self,
        value: Value,
        *,
        key: Key = None,
        timestamp: Moment | None = None,
        headers: Headers | None = None,
        partition: int | None = None,
        block: bool = True,
        timeout: Duration | None = None,
    ) -> Ack:
        """Puts a record into the current batch and returns at once.

        dict, list and tuple are sent as JSON, str as UTF-8, bytes as they are, None is a tombstone. Records with the
        same key go to the same partition (Kafka's murmur2). Waits while the buffer is full, at most `timeout`
        (TimeoutError); with ``block=False`` it raises BufferFull instead. A record that is too large is refused here.
        """
        return self._send(value, key, timestamp, headers, partition, block, timeout)

    def _send(
        self,
        value: Value,
        key: Key,
        timestamp: Moment | None,
        headers: Headers | None,
        partition: int | None,
        block: bool,
        timeout: Duration | None,
    ) -> Ack:
        at = None if timestamp is None else to_ms(timestamp)
        wait = optional_seconds(timeout) if block else 0.0
        return Ack(self._core.send(value, key, at, partition, headers, wait), self)

    def send_many(self, items: Iterable[Value | tuple[Key, Value]]) -> int:
        """Sends values, or pairs (tuples) of key and value, and returns how many: the quick way for many records.

        Only hands them over; ``flush`` or the end of the block waits for them.
        """
        return self._core.send_many(items, None)

    @suggests
    def send_frame(
        self,
        frame: object,
        *,
        key: str | None = None,
        value: str | None = None,
        timestamp: str | None = None,
        headers: str | None = None,
    ) -> int:
        """Sends each row of a DataFrame (anything with ``__arrow_c_stream__``); see ``Topic.send_frame``."""
        return self._core.send_frame(frame, key, value, timestamp, headers)

    def flush(self, timeout: Duration | None = None) -> int:
        """Waits until every record sent so far has its outcome and returns how many were stored since it was made.

        Raises DeliveryErrors when records failed that no ``Ack.result`` has raised yet, TimeoutError after `timeout`.
        """
        if not self._core.flush(optional_seconds(timeout)):
            raise TimeoutError(
                f"{self.buffered_bytes:,} bytes for {self.topic!r} have no outcome yet",
                code="timeout",
                hint="wait longer, or see whether the broker is reachable",
                retriable=True,
            )
        self._gather()
        new = self._failed - self._observed - self._reported
        if new > 0:
            self._reported += new
            errors, self._errors = self._errors, []
            total = self._acknowledged + self._failed
            raise DeliveryErrors(
                f"{new:,} of {total:,} records were not stored in {self.topic!r}", errors, new, self._acknowledged
            )
        return self._acknowledged

    def _gather(self) -> None:
        acknowledged, failed, errors = self._core.outcome()
        self._acknowledged += acknowledged
        self._failed += failed
        self._errors = (self._errors + [error_for(*e) for e in errors])[:16]

    @property
    def buffered_bytes(self) -> int:
        """Bytes that have no outcome yet."""
        return self._core.buffered_bytes

    def close(self, timeout: Duration | None = _CLOSE_TIMEOUT) -> None:
        """Flushes, then ends; later sends raise Closed. Raises what ``flush`` raises, and is closed then too."""
        if not self._core.open:
            return
        try:
            self.flush(timeout)
        finally:
            self._core.close(0.0)

    def __enter__(self) -> Producer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close(None)
            return
        try:  # the exception on its way is the one to see; what was sent before it is still stored
            self.close()
        except (Error, DeliveryErrors) as also:
            logger.warning("closing the producer of %r: %s", self.topic, also)

    def __repr__(self) -> str:
        state = f"{self.buffered_bytes:,} bytes on their way" if self._core.open else "closed"
        return f"Producer({self.topic!r}, {state})"


def make_producer(
    client: _core.Client,
    topic: str,
    *,
    acks: str = "all",
    compression: str = "none",
    linger: Duration | None = None,
    batch_bytes: int | None = None,
    buffer_bytes: int | None = None,
    delivery_timeout: Duration | None = None,
    idempotent: bool = True,
    encode: Callable[[Any], bytes | str] = encode_value,
) -> Producer:
    """A producer with these settings; ``Topic.producer`` says what they mean."""
    return Producer(
        client.producer(
            topic,
            acks,
            compression,
            optional_seconds(linger),
            batch_bytes,
            buffer_bytes,
            optional_seconds(delivery_timeout),
            idempotent,
            encode,
        )
    )


__all__ = ["Ack", "BufferFull", "Headers", "Key", "Producer", "Receipt", "Value", "encode_value", "make_producer"]
