"""What can go wrong, as a tree of exceptions.

Every exception of Dohle is a :class:`Error` and carries

* ``code``: the name of the error in the protocol, e.g. ``"unknown_topic"``,
* ``retriable``: True when the same call may succeed later without a change,
* ``hint``: what to try, or ``""``.

Where Python has a name for it, the exception is that too: ``except TimeoutError`` and ``except LookupError`` work.

>>> error = error_for("unknown_topic", "there is no topic 'clicks'", "create it first", False)
>>> error
NotFound("there is no topic 'clicks' (try: create it first)")
>>> isinstance(error, LookupError), error.code, error.retriable
(True, 'unknown_topic', False)
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence


class Error(Exception):
    """Anything that Dohle reports. See the module for its attributes."""

    code: str
    retriable: bool
    hint: str

    def __init__(self, message: str, *, code: str = "internal", hint: str = "", retriable: bool = False) -> None:
        super().__init__(f"{message} (try: {hint})" if hint else message)
        self.message = message
        self.code = code
        self.hint = hint
        self.retriable = retriable

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.code, self.hint, self.retriable)


def _rebuild(kind: type[Error], message: str, code: str, hint: str, retriable: bool) -> Error:
    return kind(message, code=code, hint=hint, retriable=retriable)


class ConnectionError(Error, builtins.ConnectionError):
    """A broker cannot be reached; the message says which address and why."""


class TimeoutError(Error, builtins.TimeoutError):
    """A write or a request was not answered in time. Reads that find nothing are never an error."""


class UnknownOutcome(TimeoutError):
    """It may or may not have been done: look before doing it again."""


class NotFound(Error, LookupError):
    """A topic, partition or group that is not there."""


class AlreadyExists(Error):
    """A topic of this name is there already."""


class OffsetOutOfRange(Error, LookupError):
    """An offset before the first or after the last record of its partition."""


class InvalidRequest(Error, ValueError):
    """A name, config or request that cannot be right."""


class RecordTooLarge(Error, ValueError):
    """A record larger than its topic takes (config ``max.message.bytes``)."""


class BufferFull(Error):
    """Only with ``block=False``: the producer's buffer has no room now."""


class Fenced(Error):
    """Somebody newer took over this producer's or member's name."""


class TransactionAborted(Error):
    """The transaction cannot be committed and was, or must be, aborted: nothing of it counts. Do all of it again."""


class Rebalanced(Error):
    """The group gave the partitions to others meanwhile; what was not committed is delivered again."""


class GroupNotEmpty(Error):
    """The group still has members; they must leave first."""


class NotAuthorized(Error, PermissionError):
    """This user may not do that."""


class Busy(Error):
    """A bound was reached or something still starts; the same call may succeed in a moment."""


class UnsupportedVersion(Error):
    """The other side speaks another version of the protocol, or a newer format lies on the disk."""


class StorageError(Error):
    """The data folder: full, failing, or not one of Dohle's."""


class FolderLocked(StorageError):
    """Another process (or another broker of this one) has the data folder open."""


class CorruptData(StorageError):
    """Stored or received bytes fail their checksum; the message names file and offset."""


class Closed(Error):
    """The object or its broker was closed."""


class ForkError(Error):
    """An object opened before ``fork()`` was used in the child."""


class DeliveryErrors(ExceptionGroup[Error]):
    """Some records of a producer were not stored.

    ``failed`` and ``acknowledged`` count records; ``exceptions`` holds the first errors, at most 16.
    """

    failed: int
    acknowledged: int

    def __new__(cls, message: str, errors: Sequence[Error], failed: int = 0, acknowledged: int = 0) -> DeliveryErrors:
        group = super().__new__(cls, message, errors)
        group.failed = failed
        group.acknowledged = acknowledged
        return group

    def derive(self, excs: Sequence[Error]) -> DeliveryErrors:  # type: ignore[override]
        return DeliveryErrors(self.message, excs, self.failed, self.acknowledged)


_BY_CODE: dict[str, type[Error]] = {
    "invalid_request": InvalidRequest,
    "unsupported_version": UnsupportedVersion,
    "unknown_topic": NotFound,
    "unknown_partition": NotFound,
    "topic_exists": AlreadyExists,
    "invalid_topic": InvalidRequest,
    "invalid_config": InvalidRequest,
    "offset_out_of_range": OffsetOutOfRange,
    "record_too_large": RecordTooLarge,
    "corrupt_batch": CorruptData,
    "not_leader": Busy,
    "stale_epoch": Busy,
    "timeout": TimeoutError,
    "unknown_outcome": UnknownOutcome,
    "busy": Busy,
    "not_authorized": NotAuthorized,
    "invalid_record": InvalidRequest,
    "out_of_order_sequence": Fenced,
    "producer_fenced": Fenced,
    "unknown_producer": Fenced,
    "buffer_full": BufferFull,
    "unknown_transaction": NotFound,
    "invalid_transaction": InvalidRequest,
    "concurrent_transactions": Busy,
    "invalid_transaction_timeout": InvalidRequest,
    "abortable_transaction": TransactionAborted,
    "unknown_group": NotFound,
    "unknown_member": Rebalanced,
    "stale_generation": Rebalanced,
    "rebalancing": Rebalanced,
    "member_id_required": Rebalanced,
    "inconsistent_protocol": InvalidRequest,
    "fenced_instance": Fenced,
    "group_not_empty": GroupNotEmpty,
    "invalid_session_timeout": InvalidRequest,
    "loading": Busy,
    "unstable_offset": Busy,
    "group_subscribed": GroupNotEmpty,
    "fenced_member_epoch": Fenced,
    "stale_member_epoch": Rebalanced,
    "unreleased_instance": Fenced,
    "unknown_assignor": InvalidRequest,
    "invalid_pattern": InvalidRequest,
    "storage_full": StorageError,
    "storage_failed": StorageError,
    "corrupt_data": CorruptData,
    "folder_locked": FolderLocked,
    "wrong_folder": StorageError,
    "newer_format": UnsupportedVersion,
    "connection_failed": ConnectionError,
    "closed": Closed,
    "forked": ForkError,
}


def error_for(code: str, message: str, hint: str, retriable: bool) -> Error:
    """The exception that stands for an error of the engine; an unknown code is a plain :class:`Error`."""
    return _BY_CODE.get(code, Error)(message, code=code, hint=hint, retriable=retriable)
