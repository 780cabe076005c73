"""Structured logs: one JSON object a line on standard error, with an allow-list of fields.

A field that is not on the list is dropped, so a name, an account or a key cannot slip into a log by
accident: whoever wants a new field adds it here and thinks about it once.
"""

import contextlib
import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final, TextIO, cast

import structlog

FIELDS: Final = frozenset(
    {
        "event", "level", "timestamp", "process", "pid",
        "error", "uetr", "state", "reason", "rail", "rail_code", "participant", "detail",
        "port", "url", "path", "method", "status", "name", "count", "seconds", "exit_code", "window",
        "currency", "check", "request_id",
    },
)  # fmt: skip


class _Unfailing:
    """A stream whose disk may be full, or whose reader may be gone: a lost line must stop no payment."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write what can be written."""
        with contextlib.suppress(OSError, ValueError):  # full, gone, or closed
            self._stream.write(text)

    def flush(self) -> None:
        """Pass on what can be passed on."""
        with contextlib.suppress(OSError, ValueError):  # full, gone, or closed
            self._stream.flush()


def where(error: BaseException) -> str:
    """Say where an error arose, by files and lines alone: its text might hold what a client sent."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))


def _allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in event.items() if name in FIELDS}


def configure(process: str) -> None:
    """Set up this process's log; `process` names it on every line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", _Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
