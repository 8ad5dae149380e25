"""Dohle: a durable event store, as a library.

>>> import dohle
>>> with dohle.Broker() as db:                          # or dohle.Broker("data"), dohle.connect("dohle://host")
...     clicks = db.topic("clicks", partitions=2)
...     receipt = clicks.send({"page": "/"}, key="user-7").result()   # on disk when this returns
...     for record in clicks:
...         print(record.json(), record.offset)
{'page': '/'} 0

``Broker`` runs the engine in this process, ``connect`` reaches one over the network; both give the same
:class:`Connection`. Everything that can wait releases the GIL and answers Ctrl-C. Errors are exceptions of
:mod:`dohle.errors` with a hint.
"""

from . import _core
from .connection import Broker, Connection, Topics, connect
from .consuming import Consumer
from .errors import (
    AlreadyExists,
    BufferFull,
    Busy,
    Closed,
    ConnectionError,
    CorruptData,
    DeliveryErrors,
    Error,
    Fenced,
    FolderLocked,
    ForkError,
    GroupNotEmpty,
    InvalidRequest,
    NotAuthorized,
    NotFound,
    OffsetOutOfRange,
    Rebalanced,
    RecordTooLarge,
    StorageError,
    TimeoutError,
    TransactionAborted,
    UnknownOutcome,
    UnsupportedVersion,
)
from .groups import Group, GroupInfo, Groups, Member, Move, SeekPlan
from .producing import Ack, Producer, Receipt
from .reading import Replay, Table
from .records import Batch, Record
from .settings import PartitionInfo, TopicConfig, TopicInfo
from .topic import Topic
from .transactions import Transaction

__version__: str = _core.__version__

__all__ = [
    "Ack",
    "AlreadyExists",
    "Batch",
    "Broker",
    "BufferFull",
    "Busy",
    "Closed",
    "Connection",
    "ConnectionError",
    "Consumer",
    "CorruptData",
    "DeliveryErrors",
    "Error",
    "Fenced",
    "FolderLocked",
    "ForkError",
    "Group",
    "GroupInfo",
    "GroupNotEmpty",
    "Groups",
    "InvalidRequest",
    "Member",
    "Move",
    "NotAuthorized",
    "NotFound",
    "OffsetOutOfRange",
    "PartitionInfo",
    "Producer",
    "Rebalanced",
    "Receipt",
    "Record",
    "RecordTooLarge",
    "Replay",
    "SeekPlan",
    "StorageError",
    "Table",
    "TimeoutError",
    "Topic",
    "TopicConfig",
    "TopicInfo",
    "Topics",
    "Transaction",
    "TransactionAborted",
    "UnknownOutcome",
    "UnsupportedVersion",
    "__version__",
    "connect",
]
