"""The way in: a broker in this process, or a connection to one. Both are the same kind of object.

>>> import dohle
>>> with dohle.Broker() as db:
...     _ = db.topic("clicks").send({"page": "/", "ms": 12}, key="user-7").result()
...     [r.json() for r in db.topic("clicks")]
[{'page': '/', 'ms': 12}]
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import _core, _support
from ._support import html_table, logger, nearest, suggests
from .errors import AlreadyExists, DeliveryErrors, Error, InvalidRequest, NotFound, error_for
from .groups import Group, Groups
from .producing import Producer, make_producer
from .settings import TopicInfo, config_entries, topic_info
from .times import Duration, seconds
from .topic import Topic
from .transactions import Transaction, Writer

DEFAULT_URL = "dohle://127.0.0.1:7420"


class Topics(Mapping[str, Topic]):
    """The topics of a connection by name: ``db.topics["clicks"]``, ``"clicks" in db.topics``, ``list(db.topics)``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _counts(self) -> dict[str, int]:
        c = self._connection
        return c._core.metadata([], False, c._timeout)["topics"]  # type: ignore[no-any-return]

    def _count(self, name: str) -> int | None:
        """Partitions of a topic; asked so that a broker with `auto_create_topics` does not make it."""
        c = self._connection
        try:
            return len(topic_info(c._core.describe_topic(name, c._timeout)).partitions)
        except NotFound:
            return None

    def __getitem__(self, name: str) -> Topic:
        if name not in self:
            raise error_for("unknown_topic", f"there is no topic {name!r}{nearest(name, self)}", "create it", False)
        return Topic(self._connection, name, create=False)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._count(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._counts()))

    def __len__(self) -> int:
        return len(self._counts())

    def create(
        self,
        name: str,
        *,
        partitions: int | None = None,
        replicas: int = 1,
        exist_ok: bool = False,
        config: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Topic:
        """Makes a topic. AlreadyExists when it is there, unless `exist_ok`.

        `settings` are those of ``TopicConfig.set``, e.g. ``retention="30d"``; `config` takes the broker's own names.
        """
        entries = config_entries({**(config or {}), **settings})
        c = self._connection
        count = partitions if partitions is not None else c._default_partitions
        try:
            c._core.create_topic(name, count, replicas, entries, c._timeout)
        except AlreadyExists:
            if not exist_ok:
                raise
        return Topic(c, name)

    def delete(self, name: str) -> None:
        """Deletes a topic and all its records, at once and for ever. NotFound when it is not there."""
        c = self._connection
        c._drop_producer(name)
        c._core.delete_topic(name, c._timeout)

    def describe(self) -> list[TopicInfo]:
        """All of them, with their partitions."""
        c = self._connection
        return [topic_info(c._core.describe_topic(name, c._timeout)) for name in self]

    def __repr__(self) -> str:
        return f"Topics({', '.join(self) or 'none'})"

    def _repr_html_(self) -> str:
        rows = [(t.name, len(t.partitions), f"{t.records:,}", f"{t.size_bytes:,}") for t in self.describe()]
        return html_table("topics", ("topic", "partitions", "records", "bytes"), rows)


class Connection:
    """What ``dohle.connect`` and ``dohle.Broker`` give. Safe to use from several threads; a context manager.

    Leaving the block (or ``close``) flushes all producers and raises DeliveryErrors when records were not stored whose
    acks nobody asked.
    """

    def __init__(self, core: _core.Client, timeout: float) -> None:
        self._core = core
        self._timeout = timeout
        self._default_partitions = 1
        self._lock = threading.Lock()
        self._producers: dict[str, Producer] = {}
        self._writers: dict[str, Writer] = {}
        self._consumers: weakref.WeakSet[_core.Consumer] = weakref.WeakSet()
        self._address: str = core.address
        self._where = _support.where_opened()
        _support.opened(self)

    # --- what is there

    @property
    def address(self) -> str:
        """``"dohle://host:port"``, or ``"embedded"`` for a broker in this process that does not listen."""
        return self._address

    @property
    def topics(self) -> Topics:
        return Topics(self)

    @property
    def groups(self) -> Groups:
        return Groups(self)

    def topic(
        self,
        name: str,
        *,
        partitions: int | None = None,
        replicas: int = 1,
        create: bool | None = None,
        config: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Topic:
        """A topic by name.

        With ``create=True``, `partitions` or settings (``retention="30d"``, see ``Topics.create``) it is created now
        when it is not there. With ``create=False`` it must be there: NotFound. Otherwise nothing is asked now: sending
        creates it, reading does not. InvalidRequest when it is there with other `partitions`.
        """
        wanted = partitions is not None or bool(settings) or bool(config) or replicas != 1
        if create is False:
            return self.topics[name]
        if not create and not wanted:
            return Topic(self, name)
        entries = config_entries({**(config or {}), **settings})
        there = self.topics._count(name)
        if there is None:
            self.topics.create(name, partitions=partitions, replicas=replicas, config=entries, exist_ok=True)
        elif partitions is not None and there != partitions:
            raise InvalidRequest(
                f"topic {name!r} is there with {there} partitions, not {partitions}",
                code="invalid_request",
                hint="leave partitions out, or call add_partitions() on the topic",
            )
        return Topic(self, name)

    def group(self, name: str) -> Group:
        """A consumer group by name; it comes to be when somebody consumes or commits in it."""
        return Group(self, name)

    @suggests
    def transaction(self, name: str, *, timeout: Duration = "60s") -> Transaction:
        """A transaction to be used in a ``with`` block: what is sent and committed in it counts as a whole or not at
        all.

        `name` (Kafka's transactional id) stands for one running program: taking it over fences an instance elsewhere,
        which gets Fenced, and aborts what that left open. One transaction of a name is open at a time. One that is
        open for longer than `timeout` is aborted by the broker.
        """
        with self._lock:
            writer = self._writers.get(name)
            if writer is None:
                writer = self._writers[name] = Writer(self, name, timeout)
        return Transaction(self, name, writer.core, writer.producers)

    def _forget_transactions(self, name: str) -> None:
        with self._lock:
            writer = self._writers.pop(name, None)
        if writer is not None:
            writer.close(1.0)

    # --- the producers that Topic.send uses

    def _producer(self, topic: Topic) -> Producer:
        found = self._producers.get(topic.name)
        if found is not None and found._core.open:
            return found
        with self._lock:
            found = self._producers.get(topic.name)
            if found is None or not found._core.open:
                found = topic._or_create(lambda: make_producer(self._core, topic.name))
                self._producers[topic.name] = found
            return found

    def _settle(self, name: str) -> None:
        """Waits for what ``Topic.send`` has on its way to a topic; failures stay with the acks and ``flush``."""
        found = self._producers.get(name)
        if found is not None and found._core.open and found.buffered_bytes > 0:
            found._core.flush(self._timeout)

    def _drop_producer(self, name: str) -> None:
        with self._lock:
            found = self._producers.pop(name, None)
        if found is not None:
            found.close()

    def flush(self, timeout: Duration | None = None) -> None:
        """Waits until everything sent by ``Topic.send`` is stored; see ``Producer.flush``."""
        for producer in list(self._producers.values()):
            producer.flush(timeout)

    def _track(self, consumer: _core.Consumer) -> None:
        self._consumers.add(consumer)

    # --- the end

    @property
    def closed(self) -> bool:
        return not self._core.open

    def close(self) -> None:
        """Flushes and closes everything that was made from this; again does nothing."""
        if self.closed:
            return
        _support.closed(self)
        failures: list[Error] = []
        for name in list(self._writers):
            self._forget_transactions(name)
        for producer in list(self._producers.values()):
            try:
                producer.close()
            except DeliveryErrors as group:
                failures.append(_summary(group))
            except Error as error:
                failures.append(error)
        for consumer in list(self._consumers):
            try:
                consumer.close(1.0)
            except Error as error:
                logger.info("closing a consumer: %s", error)
        self._end()
        if failures:
            raise DeliveryErrors("records sent through this connection were not stored", failures, len(failures))

    def _end(self) -> None:
        self._core.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except (Error, DeliveryErrors) as also:
            if kind is None:
                raise
            logger.warning("closing %r: %s", self, also)

    def __del__(self) -> None:
        core = getattr(self, "_core", None)
        if core is not None and core.open:
            _support.warn_unclosed(self, self._where)

    def __repr__(self) -> str:
        state = ", closed" if self.closed else ""
        return f"{type(self).__name__}({self.address!r}{state})"

    def _repr_html_(self) -> str:
        if self.closed:
            return html_table(repr(self), ("",), [("closed",)])
        return f"<p>{type(self).__name__} {self.address}</p>" + self.topics._repr_html_() + self.groups._repr_html_()


def _summary(group: DeliveryErrors) -> Error:
    first = group.exceptions[0] if group.exceptions else Error("unknown")
    assert isinstance(first, Error)
    return type(first)(f"{group.message}; the first: {first}", code=first.code, retriable=first.retriable)


class Broker(Connection):
    """A broker in this process and the connection to it.

    ``Broker()`` keeps its data in a temporary folder that is removed at close; ``Broker("data")`` keeps it there.
    Nothing listens unless `listen` says so: ``"127.0.0.1:7420"``, a port, or True for a free port (see ``address``).
    `kafka` opens a port for Kafka's own clients: a number (0 = a free one) or ``"host:port"``; its address is `kafka`.
    Topics that those clients name are made, as Kafka does, unless `kafka_auto_create` is False; `auto_create_topics`
    says the same of everybody's producers. Raises FolderLocked when the folder is open elsewhere, StorageError when it
    is none of Dohle's.
    """

    @suggests
    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        listen: str | int | bool | None = None,
        kafka: str | int | None = None,
        kafka_auto_create: bool = True,
        default_partitions: int = 1,
        auto_create_topics: bool = False,
        journal_file_bytes: int | None = None,
        segment_bytes: int | None = None,
        tail_cache_bytes: int | None = None,
        threads: int = 0,
        request_timeout: Duration = "30s",
    ) -> None:
        self._broker = _core.open_broker(
            "" if path is None else os.fspath(path),
            _listen_address(listen),
            None if kafka is None else str(kafka),
            kafka_auto_create,
            auto_create_topics,
            default_partitions,
            journal_file_bytes,
            segment_bytes,
            tail_cache_bytes,
            threads,
        )
        super().__init__(self._broker.client(), seconds(request_timeout))
        self._default_partitions = default_partitions
        if self._broker.listening:
            self._address = f"dohle://{self._broker.listening}"
        self._path = Path(self._broker.path)

    @property
    def kafka(self) -> str:
        """``"host:port"`` for the ``bootstrap.servers`` of Kafka's clients; empty when none was asked for."""
        return self._broker.kafka_listening

    @property
    def path(self) -> Path:
        """The data folder."""
        return self._path

    def _end(self) -> None:
        super()._end()
        self._broker.close(30.0)


def _listen_address(listen: str | int | bool | None) -> str | None:
    if listen is None or listen is False:
        return None
    if listen is True:
        return "127.0.0.1:0"
    return f"127.0.0.1:{listen}" if isinstance(listen, int) else listen


@suggests
def connect(
    url: str | None = None,
    *,
    name: str = "dohle-python",
    connect_timeout: Duration = "5s",
    request_timeout: Duration = "30s",
) -> Connection:
    """Connects to a broker: ``connect("dohle://127.0.0.1:7420")``; several addresses are separated by commas.

    Without `url` it is the environment's ``DOHLE_URL``, else the default port of this machine. `name` shows in the
    broker's log. Raises ConnectionError that says which address failed and why.
    """
    address = url or os.environ.get("DOHLE_URL") or DEFAULT_URL
    if "://" not in address:
        address = f"dohle://{address}"
    core = _core.connect(address, name, seconds(connect_timeout), seconds(request_timeout))
    return Connection(core, seconds(request_timeout))


__all__ = ["Broker", "Connection", "NotFound", "Topics", "connect"]
