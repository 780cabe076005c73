"""The steps from nothing to a live switch, as one list: what is missing, and what to do about it.

`payswitch init` does the first ones and prints what is left; `payswitch doctor` reports every missing step as
a finding with the same code and text. A step that is added here is in both. Reads only.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from adapters import registry
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.payments import rail_connection

_SET_UP: Final = statements("switch.cli")("set_up")
_EXAMPLE: Final = Settings.model_fields["log_origin"].default


@dataclass(frozen=True, slots=True)
class MissingStep:
    """A step that nobody has done yet."""

    code: str
    text: str
    act: str


def is_sandbox(settings: Settings) -> bool:
    """Whether the data directory belongs to a sandbox, which needs no names of its own."""
    return settings.sandbox or settings.credentials_file.exists()


def before_start(settings: Settings) -> Iterator[MissingStep]:
    """Steps without which a switch with real money does not start."""
    if not settings.authority:
        yield MissingStep(
            "authority-missing",
            "PAYSWITCH_AUTHORITY is missing: the host that requests are sent to; signatures must cover it.",
            "Set it, as in switch.example or switch.example:8443, or run `payswitch init`.",
        )


def of_files(settings: Settings) -> Iterator[MissingStep]:
    """Steps that are seen in the settings and in the data directory."""
    if is_sandbox(settings):
        return
    yield from before_start(settings)
    if settings.log_origin == _EXAMPLE:
        yield MissingStep(
            "log-name-missing",
            "The event log has the name of an example.",
            "Set PAYSWITCH_LOG_ORIGIN, or run `payswitch init`, before the first start: it never changes.",
        )
    if not settings.database and settings.backups is None:
        yield MissingStep(
            "backup-none",
            "There are no backups of the embedded database.",
            "Set PAYSWITCH_BACKUPS to a directory on another disk, and run `payswitch backup` each day.",
        )


def of_connections(settings: Settings) -> Iterator[MissingStep]:
    """Rails without a connection file."""
    for country in settings.rails:
        file = rail_connection.file_of(settings.rails_directory, country)
        if not file.is_file():
            yield MissingStep(
                "rail-unconfigured",
                f"The rail of {country} has no connection file.",
                f"Write {file}, or leave {country} out of PAYSWITCH_RAILS.",
            )


async def of_database(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[MissingStep]:
    """Steps that people take on the running switch."""
    there = await connection.fetchrow(_SET_UP)
    unregistered = sorted(set(settings.rails).difference(there["rails"]))
    if not (there["operators"] and there["checkers"]):
        yield MissingStep(
            "people-missing",
            "There is no operator, or no checker.",
            "Create both with `payswitch init` or `payswitch people found`.",
        )
    if not there["participants"]:
        yield MissingStep(
            "participants-missing", "No bank is connected.", "Request `participant.onboard` for each bank."
        )
    for code, missing, text, act in (
        ("key-missing", there["keyless"], "No signing key is valid for {}.",
         "Add the key request that each bank sent with `payswitch participant key-add`."),
        ("regulator-missing", there["unregulated"], "No person of the central bank of {} is enrolled.",
         "Request `person.add` with the role regulator: it confirms positions and corridors."),
        ("schedule-missing", there["unscheduled"], "Windows of {} are not closed by a schedule.",
         "Request `schedule.set`."),
        ("agent-missing", there["agentless"], "No settlement agent settles {}.",
         "Request `settlement_agent.set`."),
        ("funds-missing", there["penniless"], "These accounts have neither funds nor a cap: {}.",
         "Request `funds.in` or `cap.set`."),
        ("rail-unregistered", unregistered, "No rail is registered for {}.",
         "Request `rail.register`, then `rail.switch`; or leave the country out of PAYSWITCH_RAILS."),
        ("rail-closed", there["closed"], "The rail of {} is closed.", "Request `rail.switch`."),
    ):  # fmt: skip
        if missing:
            yield MissingStep(code, text.format(", ".join(missing)), act)
    if not there["corridors"]:
        yield MissingStep("corridor-missing", "No corridor is open.", "Request `corridor.switch`.")
    for pair in _unrated(there["directions"], set(there["rates"])):
        yield MissingStep(
            "rate-missing",
            f"No exchange rate is valid for {pair}, and a corridor that needs it is open.",
            "Request `rate.set`.",
        )


def _unrated(directions: Sequence[str], rates: set[str]) -> list[str]:
    """The pairs of currencies, as in `INR-PKR`, that an open corridor needs and that have no rate."""
    known = registry.countries()
    pairs = set()
    for direction in directions:
        ends = direction.split("-")
        if set(ends).issubset(known):
            source, target = (registry.profile(country).currency for country in ends)
            if source != target:
                pairs.add(f"{source}-{target}")
    return sorted(pairs - rates)
