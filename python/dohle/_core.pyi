"""
The compiled part of dohle. Private: use the names in `dohle`.
"""

from __future__ import annotations

import collections.abc
import typing

import typing_extensions

__all__: list[str] = [
    "Ack",
    "Batch",
    "Broker",
    "Client",
    "Consumer",
    "Producer",
    "Transactional",
    "arrow_schema",
    "connect",
    "forked",
    "open_broker",
]

class Ack:
    """
    The future of one sent record.
    """
    def ready(self) -> bool: ...
    def wait(self, timeout: typing.SupportsFloat | typing.SupportsIndex | None) -> tuple[int, int, int, str] | None:
        """
        (partition, offset, timestamp_ms, level), or None when the time-out passed first.
        """

class Producer:
    def close(self, timeout: typing.SupportsFloat | typing.SupportsIndex | None) -> None: ...
    def flush(self, timeout: typing.SupportsFloat | typing.SupportsIndex | None) -> bool: ...
    def outcome(self) -> tuple[int, int, list[tuple[str, str, str, bool]]]:
        """
        (acknowledged, failed, errors) since the last call; an error is (code, message, hint, retriable).
        """
    def send(
        self,
        value: typing.Any,
        key: typing.Any,
        timestamp_ms: typing.SupportsInt | typing.SupportsIndex | None,
        partition: typing.SupportsInt | typing.SupportsIndex | None,
        headers: typing.Any,
        timeout: typing.SupportsFloat | typing.SupportsIndex | None,
    ) -> Ack: ...
    def send_frame(
        self, frame: typing.Any, key: str | None, value: str | None, timestamp: str | None, headers: str | None
    ) -> int: ...
    def send_many(
        self, items: collections.abc.Iterable[typing.Any], timeout: typing.SupportsFloat | typing.SupportsIndex | None
    ) -> int: ...
    @property
    def buffered_bytes(self) -> int: ...
    @property
    def open(self) -> bool: ...
    @property
    def topic(self) -> str: ...

class Transactional:
    def abort(self, timeout: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    def begin(self) -> None: ...
    def close(self, timeout: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    def commit(self, timeout: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    def commit_offsets(
        self,
        group: str,
        offsets: collections.abc.Sequence[
            tuple[str, typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]
        ],
        member: str,
        generation: typing.SupportsInt | typing.SupportsIndex,
        timeout: typing.SupportsFloat | typing.SupportsIndex,
    ) -> None: ...
    def to(self, topic: str, encode: typing.Any) -> Producer: ...
    @property
    def in_transaction(self) -> bool: ...
    @property
    def open(self) -> bool: ...

class Batch:
    """
    Records of one poll; their memory is shared by all slices.
    """
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def arrow_stream(self, columns: collections.abc.Sequence[str] | None) -> typing_extensions.CapsuleType: ...
    def joined(self, other: Batch) -> Batch: ...
    def newest(self, count: typing.SupportsInt | typing.SupportsIndex) -> Batch: ...
    def ranges(self) -> list[tuple[str, int, int, int, int]]:
        """
        (topic, partition, first, last, count) of each partition in it.
        """
    def records(
        self, start: typing.SupportsInt | typing.SupportsIndex, stop: typing.SupportsInt | typing.SupportsIndex
    ) -> list[typing.Any]: ...
    def slice(
        self,
        start: typing.SupportsInt | typing.SupportsIndex,
        step: typing.SupportsInt | typing.SupportsIndex,
        count: typing.SupportsInt | typing.SupportsIndex,
    ) -> Batch: ...
    @property
    def value_bytes(self) -> int: ...

class Consumer:
    def arrow_stream(self, columns: collections.abc.Sequence[str] | None) -> typing_extensions.CapsuleType: ...
    def assign(
        self,
        ranges: collections.abc.Sequence[
            tuple[
                str,
                typing.SupportsInt | typing.SupportsIndex,
                typing.SupportsInt | typing.SupportsIndex,
                typing.SupportsInt | typing.SupportsIndex | None,
            ]
        ],
        backward: bool = False,
    ) -> None:
        """
        Ranges (topic, partition, first, end); backward each is read from its end to its first record.
        """
    def close(self, timeout: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    def commit(
        self,
        offsets: collections.abc.Sequence[
            tuple[str, typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]
        ],
        timeout: typing.SupportsFloat | typing.SupportsIndex,
    ) -> None: ...
    def committed(self, timeout: typing.SupportsFloat | typing.SupportsIndex) -> list[tuple[str, int, int]]: ...
    def poll(
        self,
        max_records: typing.SupportsInt | typing.SupportsIndex,
        timeout: typing.SupportsFloat | typing.SupportsIndex | None,
    ) -> Batch: ...
    def seek(
        self,
        topic: str,
        partition: typing.SupportsInt | typing.SupportsIndex,
        to: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def subscribe(self, topics: collections.abc.Sequence[str]) -> None: ...
    @property
    def assignment(self) -> list[tuple[str, int]]: ...
    @property
    def finished(self) -> bool: ...
    @property
    def generation(self) -> int: ...
    @property
    def lag(self) -> list[tuple[str, int, int]]: ...
    @property
    def member(self) -> str: ...
    @property
    def open(self) -> bool: ...
    @property
    def positions(self) -> list[tuple[str, int, int]]: ...

class Client:
    """
    A connection, or the way into a broker of this process.
    """
    def alter_topic(
        self,
        name: str,
        set: collections.abc.Mapping[str, str],
        reset: collections.abc.Sequence[str],
        partitions: typing.SupportsInt | typing.SupportsIndex,
        timeout: typing.SupportsFloat | typing.SupportsIndex,
    ) -> dict[str, typing.Any]: ...
    def close(self) -> None: ...
    def commit_offsets(
        self,
        group: str,
        offsets: collections.abc.Sequence[
            tuple[str, typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]
        ],
        timeout: typing.SupportsFloat | typing.SupportsIndex,
    ) -> None: ...
    def consumer(
        self,
        group: str,
        instance: str,
        from_latest: bool,
        session_timeout: typing.SupportsFloat | typing.SupportsIndex | None,
        heartbeat_interval: typing.SupportsFloat | typing.SupportsIndex | None,
        max_processing: typing.SupportsFloat | typing.SupportsIndex | None,
        fetch_bytes: typing.SupportsInt | typing.SupportsIndex | None,
        prefetch_bytes: typing.SupportsInt | typing.SupportsIndex | None,
        committed: bool,
    ) -> Consumer: ...
    def create_topic(
        self,
        name: str,
        partitions: typing.SupportsInt | typing.SupportsIndex,
        replicas: typing.SupportsInt | typing.SupportsIndex,
        configs: collections.abc.Mapping[str, str],
        timeout: typing.SupportsFloat | typing.SupportsIndex,
    ) -> dict[str, typing.Any]: ...
    def delete_group(self, group: str, timeout: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    def delete_records(
        self,
        topic: str,
        partition: typing.SupportsInt | typing.SupportsIndex,
        before: typing.SupportsInt | typing.SupportsIndex,
        timeout: typing.SupportsFloat | typing.SupportsIndex,
    ) -> int:
        """
        The partition's first offset from now on.
        """
    def delete_topic(self, name: str, timeout: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    def describe_group(
        self, group: str, timeout: typing.SupportsFloat | typing.SupportsIndex
    ) -> dict[str, typing.Any]: ...
    def describe_topic(
        self, name: str, timeout: typing.SupportsFloat | typing.SupportsIndex
    ) -> dict[str, typing.Any]: ...
    def fetch_offsets(
        self, group: str, timeout: typing.SupportsFloat | typing.SupportsIndex
    ) -> list[tuple[str, int, int]]: ...
    def list_groups(self, timeout: typing.SupportsFloat | typing.SupportsIndex) -> list[tuple[str, str]]: ...
    def list_offsets(
        self,
        topic: str,
        partitions: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        query: typing.SupportsInt | typing.SupportsIndex,
        at_ms: typing.SupportsInt | typing.SupportsIndex,
        timeout: typing.SupportsFloat | typing.SupportsIndex,
    ) -> list[tuple[int | None, int]]:
        """
        Query: 0 earliest, 1 latest, 2 first at or after `at_ms`, 3 the largest timestamp.
        """
    def metadata(
        self,
        topics: collections.abc.Sequence[str],
        internal: bool,
        timeout: typing.SupportsFloat | typing.SupportsIndex,
    ) -> dict[str, typing.Any]: ...
    def producer(
        self,
        topic: str,
        acks: str,
        compression: str,
        linger: typing.SupportsFloat | typing.SupportsIndex | None,
        batch_bytes: typing.SupportsInt | typing.SupportsIndex | None,
        buffer_bytes: typing.SupportsInt | typing.SupportsIndex | None,
        delivery_timeout: typing.SupportsFloat | typing.SupportsIndex | None,
        idempotent: bool,
        encode: typing.Any,
    ) -> Producer: ...
    def transactional(self, name: str, timeout: typing.SupportsFloat | typing.SupportsIndex) -> Transactional: ...
    @property
    def address(self) -> str: ...
    @property
    def open(self) -> bool: ...

class Broker:
    """
    A broker in this process; owns its data folder.
    """
    def client(self) -> Client: ...
    def close(self, timeout: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    @property
    def kafka_listening(self) -> str: ...
    @property
    def listening(self) -> str: ...
    @property
    def open(self) -> bool: ...
    @property
    def path(self) -> str: ...

def arrow_schema(columns: collections.abc.Sequence[str] | None) -> typing_extensions.CapsuleType: ...
def connect(
    url: str,
    name: str,
    connect_timeout: typing.SupportsFloat | typing.SupportsIndex,
    request_timeout: typing.SupportsFloat | typing.SupportsIndex,
) -> Client: ...
def forked() -> None:
    """
    Called in a forked child: every handle of the parent stops working there.
    """

def open_broker(
    path: str,
    listen: str | None,
    kafka: str | None,
    kafka_auto_create: bool,
    auto_create_topics: bool,
    default_partitions: typing.SupportsInt | typing.SupportsIndex,
    journal_file_bytes: typing.SupportsInt | typing.SupportsIndex | None,
    segment_bytes: typing.SupportsInt | typing.SupportsIndex | None,
    tail_cache_bytes: typing.SupportsInt | typing.SupportsIndex | None,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> Broker:
    """
    Opens a data folder; an empty path is a temporary one, removed at close.
    """

__version__: str = "0.1.0"
