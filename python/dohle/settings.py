"""What a topic is like: its partitions and its settings, as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ._support import html_table, nearest, text_table
from .times import from_ms, seconds

if TYPE_CHECKING:
    from .topic import Topic

# Keyword -> the name of the config, as in Kafka.
_CONFIGS = {
    "retention": "retention.ms",
    "retention_bytes": "retention.bytes",
    "segment_bytes": "segment.bytes",
    "max_message_bytes": "max.message.bytes",
    "timestamps": "message.timestamp.type",
    "min_insync_replicas": "min.insync.replicas",
}
_TIMESTAMPS = {"create": "CreateTime", "append": "LogAppendTime"}


def config_entries(settings: Mapping[str, Any]) -> dict[str, str]:
    """Keywords, or the broker's own names with dots, as the broker's configs. TypeError with the nearest name."""
    entries = {}
    for name, value in settings.items():
        if name not in _CONFIGS and "." not in name:
            raise TypeError(f"there is no topic config {name!r}{nearest(name, _CONFIGS)}; known: {', '.join(_CONFIGS)}")
        entries[_CONFIGS.get(name, name)] = _config_text(name, value)
    return entries


def _config_text(name: str, value: Any) -> str:
    if name == "timestamps":
        if value not in _TIMESTAMPS:
            raise ValueError(f'timestamps is "create" (the producer\'s) or "append" (the broker\'s), not {value!r}')
        return _TIMESTAMPS[value]
    if name == "retention" and not isinstance(value, str):
        return "-1" if value is None or value == -1 else str(round(seconds(value) * 1000))
    if isinstance(value, timedelta):
        return str(round(value.total_seconds() * 1000))
    return str(value)


@dataclass(frozen=True, slots=True)
class PartitionInfo:
    """One partition: ``start`` is its first offset, ``end`` the next one to be written (the high watermark)."""

    index: int
    start: int
    end: int
    size_bytes: int
    max_timestamp: datetime | None
    leader: int
    replicas: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """What ``Topic.describe`` tells. ``configs`` are text under the broker's names, ``own_configs`` those of them that
    were set."""

    name: str
    created: datetime
    partitions: tuple[PartitionInfo, ...]
    configs: dict[str, str]
    own_configs: dict[str, str]

    @property
    def records(self) -> int:
        return sum(p.end - p.start for p in self.partitions)

    @property
    def size_bytes(self) -> int:
        return sum(p.size_bytes for p in self.partitions)

    def _rows(self) -> list[tuple[object, ...]]:
        return [
            (p.index, p.start, p.end, p.size_bytes, p.max_timestamp.isoformat(" ") if p.max_timestamp else "-")
            for p in self.partitions
        ]

    def __str__(self) -> str:
        own = ", ".join(f"{k}={v}" for k, v in self.own_configs.items()) or "defaults"
        head = f"{self.name}: {len(self.partitions)} partitions, {self.records:,} records, {own}"
        return head + "\n" + text_table(_PARTITION_HEADER, self._rows())

    def _repr_html_(self) -> str:
        return html_table(f"{self.name}: {self.records:,} records", _PARTITION_HEADER, self._rows())


_PARTITION_HEADER = ("partition", "start", "end", "bytes", "newest")


def topic_info(described: Mapping[str, Any]) -> TopicInfo:
    partitions = tuple(
        PartitionInfo(
            p["index"],
            p["start"],
            p["end"],
            p["size_bytes"],
            from_ms(p["max_timestamp_ms"]) if p["max_timestamp_ms"] >= 0 else None,
            p["leader"],
            p["replicas"],
        )
        for p in described["partitions"]
    )
    configs = {name: value for name, (value, _) in described["configs"].items()}
    own = {name: value for name, (value, default) in described["configs"].items() if not default}
    return TopicInfo(described["name"], from_ms(described["created_ms"]), partitions, configs, own)


class TopicConfig(Mapping[str, str]):
    """A topic's settings: ``config["retention.ms"]`` reads, ``config.set(retention="90d")`` changes."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic

    def __getitem__(self, name: str) -> str:
        configs = self._topic.describe().configs
        if name not in configs:
            raise KeyError(f"{name!r} is no config{nearest(name, configs)}")
        return configs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._topic.describe().configs)

    def __len__(self) -> int:
        return len(self._topic.describe().configs)

    def set(self, settings: Mapping[str, Any] | None = None, /, **keywords: Any) -> TopicInfo:
        """Changes settings and returns what is true now.

        Keywords: retention ("30d", timedelta, seconds; None = for ever), retention_bytes, segment_bytes,
        max_message_bytes, timestamps ("create" or "append"), min_insync_replicas. Names with dots go into `settings`.
        """
        return self._topic._alter(config_entries({**(settings or {}), **keywords}), [])

    def reset(self, *names: str) -> TopicInfo:
        """These go back to the broker's defaults."""
        return self._topic._alter({}, [_CONFIGS.get(n, n) for n in names])

    def __repr__(self) -> str:
        return f"TopicConfig({self._topic.name}: {dict(self)})"

    def _repr_html_(self) -> str:
        info = self._topic.describe()
        rows = [(n, v, "" if n in info.own_configs else "default") for n, v in info.configs.items()]
        return html_table(f"configs of {info.name}", ("name", "value", ""), rows)
