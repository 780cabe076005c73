"""Advice of the doctor: what costs processor time or disk and loses nothing.

It is no finding: the exit code of `payswitch doctor` stays as it is. Each limit is explained in
`docs/operate/capacity.md`. The embedded server of a sandbox is not judged.
"""

import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

PAGE: Final = "docs/operate/capacity.md"
MAX_WAL_SIZE_MIN: Final = 8 << 30
CHECKPOINT_TIMEOUT_MIN_S: Final = 15 * 60
SHARED_BUFFERS_MIN: Final = 1 << 30
_HUGE_PAGES_FROM: Final = 8 << 30
"""Bytes of `shared_buffers` from which huge pages pay."""
_NAMES: Final = (
    "wal_compression", "max_wal_size", "checkpoint_timeout", "shared_buffers", "huge_pages",
    "huge_pages_status", "jit",
)  # fmt: skip
_ASK: Final = "SELECT name, setting, unit FROM pg_settings WHERE name = ANY($1::text[])"
_UNITS: Final[Mapping[str | None, int]] = {
    None: 1,
    "s": 1,
    "kB": 1 << 10,
    "8kB": 8 << 10,
    "MB": 1 << 20,
}


@dataclass(frozen=True, slots=True)
class DoctorAdvice:
    """One thing that could cost less."""

    code: str
    text: str
    act: str
    page: str = PAGE


def of_interpreter(arguments: str | None = None) -> Iterator[DoctorAdvice]:
    """Advice on how this Python was compiled, from its arguments of `configure`."""
    how = sysconfig.get_config_var("CONFIG_ARGS") if arguments is None else arguments
    if "--enable-optimizations" not in (how or ""):
        yield DoctorAdvice(
            "python-not-optimised",
            "This Python was compiled without profile-guided optimisation: a payment takes 8 % more CPU.",
            "Use the Python of Debian, Ubuntu or the official image, or compile with --enable-optimizations.",
        )


async def of_database(connection: asyncpg.Connection) -> list[DoctorAdvice]:
    """Advice on the settings of a server that the operator runs."""
    rows = await connection.fetch(_ASK, list(_NAMES))
    return list(of_settings({row["name"]: _value(row["setting"], row["unit"]) for row in rows}))


def _value(setting: str, unit: str | None) -> int | str:
    return int(setting) * _UNITS[unit] if setting.lstrip("-").isdigit() and unit in _UNITS else setting


def of_settings(settings: Mapping[str, int | str]) -> Iterator[DoctorAdvice]:
    """Advice on settings of PostgreSQL: sizes in bytes, times in seconds, others as they are there."""
    if settings["wal_compression"] == "off":
        yield DoctorAdvice(
            "database-wal-compression",
            "PostgreSQL writes whole pages into the log uncompressed after each checkpoint.",
            "Set wal_compression to lz4 (pglz, where lz4 is not built in).",
        )
    if _least(settings, "max_wal_size", MAX_WAL_SIZE_MIN) or _least(
        settings, "checkpoint_timeout", CHECKPOINT_TIMEOUT_MIN_S
    ):
        yield DoctorAdvice(
            "database-checkpoints",
            "PostgreSQL makes checkpoints often, and each one makes it write whole pages into the log again.",
            "Set max_wal_size to 8GB or more and checkpoint_timeout to 15min or more.",
        )
    if _least(settings, "shared_buffers", SHARED_BUFFERS_MIN):
        yield DoctorAdvice(
            "database-shared-buffers",
            f"PostgreSQL has {int(settings['shared_buffers']) >> 20} MB of shared buffers.",
            "Set shared_buffers to an eighth of the server's memory, at least 1GB.",
        )
    elif int(settings["shared_buffers"]) >= _HUGE_PAGES_FROM and _has_no_huge_pages(settings):
        yield DoctorAdvice(
            "database-huge-pages",
            "PostgreSQL has large shared buffers and no huge pages: each session has page tables for them.",
            "Reserve as many as `postgres -C shared_memory_size_in_huge_pages` says; set huge_pages to on.",
        )
    if settings["jit"] == "on":
        yield DoctorAdvice(
            "database-jit",
            "PostgreSQL compiles queries that it expects to be long; those of the switch are short.",
            "Set jit to off.",
        )


def _least(settings: Mapping[str, int | str], name: str, least: int) -> bool:
    return int(settings[name]) < least


def _has_no_huge_pages(settings: Mapping[str, int | str]) -> bool:
    # PostgreSQL 17 and later say what they got; before, `try` may have got none.
    return settings.get("huge_pages_status", settings["huge_pages"]) == "off"
