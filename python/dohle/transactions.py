"""Transactions: records in many topics and a group's progress, all of it or nothing.

>>> import dohle
>>> with dohle.Broker() as db:
...     with db.transaction("transfer") as t:
...         _ = t.send("accounts", "-10", key="anna")
...         _ = t.send("accounts", "+10", key="ben")
...     [r.text() for r in db.topic("accounts")]
['-10', '+10']
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from . import _core
from ._support import logger, suggests
from .errors import Error, Fenced
from .producing import Ack, Headers, Key, Producer, Value, encode_value
from .times import Duration, Moment, seconds

if TYPE_CHECKING:
    from .connection import Connection
    from .consuming import Consumer
    from .records import Batch


class Transaction:
    """One transaction, made by ``Connection.transaction``; a context manager.

    Leaving the block commits: when it is left without an exception, everything that was sent and committed in it
    counts, durably. An exception in the block aborts: nothing of it counts, and readers never see it (unless they ask
    for ``isolation="read_uncommitted"``).
    """

    def __init__(self, connection: Connection, name: str, core: _core.Transactional, producers: dict[str, Producer]):
        self._connection = connection
        self._core = core
        self._producers = producers
        self.name = name

    def producer(self, topic: str) -> Producer:
        """A producer of `topic` whose records belong to this transaction; for ``send_many`` and ``send_frame``."""
        found = self._producers.get(topic)
        if found is None:
            of = self._connection.topic(topic)
            found = self._producers[topic] = of._or_create(lambda: Producer(self._core.to(topic, encode_value)))
        return found

    @suggests
    def send(
        self,
        topic: str,
        value: Value,
        *,
        key: Key = None,
        timestamp: Moment | None = None,
        headers: Headers | None = None,
        partition: int | None = None,
    ) -> Ack:
        """Sends a record as part of this transaction; see ``Producer.send``. Its ack says that it is stored, not that
        it counts: that is so when the block was left."""
        return self.producer(topic).send(value, key=key, timestamp=timestamp, headers=headers, partition=partition)

    @suggests
    def commit(self, consumer: Consumer, what: Batch | None = None) -> None:
        """Commits, as part of this transaction, what `consumer` delivered so far (or one batch of it): read, work,
        write and commit exactly once.

        Make the consumer with ``auto_commit=False``. Raises Rebalanced when it is no member of its group any more.
        """
        group, offsets = consumer._progress(what)
        core = consumer._core
        self._core.commit_offsets(group, offsets, core.member, core.generation, self._connection._timeout)

    def abort(self) -> None:
        """Ends the transaction now: nothing of it counts. What is sent after it in the block is refused."""
        self._core.abort(self._connection._timeout)

    def __enter__(self) -> Self:
        self._core.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._core.in_transaction:  # aborted in the block
            return
        if kind is None:
            try:
                self._core.commit(self._connection._timeout)
                return
            except Fenced:
                self._connection._forget_transactions(self.name)
                raise
            except BaseException:
                self._abort_after()
                raise
        self._abort_after()

    def _abort_after(self) -> None:
        try:
            self.abort()
        except Error as also:  # the broker aborts it when its time is up
            logger.warning("aborting %r: %s", self, also)
            if isinstance(also, Fenced):
                self._connection._forget_transactions(self.name)

    def __repr__(self) -> str:
        return f"Transaction({self.name!r}, {'open' if self._core.in_transaction else 'not open'})"


class Writer:
    """The one instance of a transaction's name in this connection: kept from one transaction to the next."""

    def __init__(self, connection: Connection, name: str, timeout: Duration) -> None:
        self.core = connection._core.transactional(name, seconds(timeout))
        self.producers: dict[str, Producer] = {}

    def close(self, timeout: float) -> None:
        self.core.close(timeout)


__all__ = ["Transaction", "Writer"]
