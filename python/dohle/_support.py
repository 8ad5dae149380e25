"""What the public modules share: keyword errors with the nearest name, tables for people, open things and forks."""

from __future__ import annotations

import atexit
import difflib
import functools
import html
import inspect
import logging
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar

from . import _core
from .errors import Error

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger("dohle")
logger.addHandler(logging.NullHandler())


# --- keywords --------------------------------------------------------------------------------------------------------


def nearest(name: str, known: Iterable[str]) -> str:
    """``" (did you mean 'x'?)"`` or ``""``."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def suggests(function: Callable[P, R]) -> Callable[P, R]:
    """An unknown keyword argument raises TypeError with the nearest name that exists."""
    parameters = inspect.signature(function).parameters.values()
    known = frozenset(p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD))

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs and not kwargs.keys() <= known:
            unknown = next(iter(kwargs.keys() - known))
            choices = sorted(known - {"self", "cls"})
            raise TypeError(
                f"{function.__name__}() takes no argument {unknown!r}{nearest(unknown, choices)}; "
                f"it takes {', '.join(choices)}"
            )
        return function(*args, **kwargs)

    return checked


# --- tables ----------------------------------------------------------------------------------------------------------


def html_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]], more: int = 0) -> str:
    """A small table for a notebook; every cell is escaped."""
    head = "".join(f"<th>{html.escape(h)}</th>" for h in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    tail = f"<tr><td colspan={len(header)}>... and {more:,} more</td></tr>" if more > 0 else ""
    caption = f"<caption>{html.escape(title)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}{tail}</tbody></table>"


def text_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The same as plain text, columns aligned."""
    table = [list(map(str, header)), *(list(map(str, row)) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table)


def shorten(data: bytes | None, limit: int = 60) -> str:
    """A key or value for people: text when it is text, cut at `limit`."""
    if data is None:
        return "None"
    if len(data) <= limit:
        return repr(data)
    return f"{data[:limit]!r}... ({len(data):,} bytes)"


def missing_package(name: str, what: str) -> ImportError:
    return ImportError(f"{what} needs the package {name} (try: pip install {name})", name=name)


# --- open things -----------------------------------------------------------------------------------------------------


class Closable(Protocol):
    def close(self) -> None: ...


_open: weakref.WeakSet[Any] = weakref.WeakSet()
_open_lock = threading.Lock()


def opened(thing: Closable) -> None:
    """Remembers it, so that it is closed when the interpreter ends."""
    with _open_lock:
        _open.add(thing)


def closed(thing: Closable) -> None:
    with _open_lock:
        _open.discard(thing)


def where_opened() -> str:
    """The line outside this package that is opening something, for a later ResourceWarning."""
    here = os.path.dirname(__file__)
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(here):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"


def warn_unclosed(thing: object, where: str) -> None:
    warnings.warn(f"{thing!r}, opened at {where}, was not closed", ResourceWarning, stacklevel=3, source=thing)


def _close_all() -> None:
    with _open_lock:
        left = list(_open)
    for thing in left:
        try:
            thing.close()
        except (Error, ExceptionGroup) as error:
            logger.warning("closing %r at exit: %s", thing, error)


def _after_fork() -> None:
    _core.forked()
    global _open_lock
    _open_lock = threading.Lock()
    _open.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
