"""Structured logs: one JSON object per line on standard error, with an allow-list of fields.

A field that is not on the list is dropped, so a name, an account or a key cannot enter a log by accident. A
new field must be added here, after checking that it is safe.
"""

import contextlib
import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
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
    """A stream that ignores failures, as its disk may be full: a lost line must not stop a payment."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write as much as possible."""
        with contextlib.suppress(OSError, ValueError):  # full or closed
            self._stream.write(text)

    def flush(self) -> None:
        """Flush as much as possible."""
        with contextlib.suppress(OSError, ValueError):  # full or closed
            self._stream.flush()


def where(error: BaseException) -> str:
    """State where an error arose, only by files and lines: its text may contain data of a client."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))


def _allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in event.items() if name in FIELDS}


@contextlib.contextmanager
def beside_output() -> Iterator[None]:
    """Print log lines to standard error meanwhile, if no log is set up: scripts parse what commands print."""
    if structlog.is_configured():
        yield
        return
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        yield
    finally:
        structlog.reset_defaults()


def configure(process: str) -> None:
    """Set up the log of this process; every line has the name `process`."""
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
