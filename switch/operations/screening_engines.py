"""The outside screening engine, as two people set it.

Its token and the authorities that are trusted are settings of each machine, never part of a change.
"""

import ipaddress
from typing import Annotated, Any, Final, Literal

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base import urls
from switch.base.sql import statements
from switch.operations.screening_lists import LEAD_S

WITHIN_MS: Final = 1000
WATCHMAN_THRESHOLD: Final = 75
"""What the README of Watchman asks with."""
_statement: Final = statements("switch.operations")
_NEWEST: Final = _statement("newest_screening_engine")
_ADD: Final = _statement("add_screening_engine")
NOT_ASKED: Final = term("No outside engine will be asked about payments.")


class EngineInForce(Content, frozen=True, kw_only=True):
    """An outside screening engine that is asked about every payment, beside the lists in force."""

    form: Annotated[
        Literal["watchman", "json", "none"],
        msgspec.Meta(
            title="Form of the engine", description="watchman, json, or none: no engine is asked any more"
        ),
    ]
    address: Annotated[
        str,
        msgspec.Meta(
            title="Address of the engine",
            max_length=500,
            pattern=r"^$|^https?://[!-~]+$",
            description="https, or http to this machine; empty with the form none",
        ),
    ] = ""
    threshold: Annotated[
        int,
        msgspec.Meta(title="Least score of a hit, in percent", ge=50, le=100, description="50 to 100"),
    ] = WATCHMAN_THRESHOLD
    within_ms: Annotated[
        int,
        msgspec.Meta(
            title="Time-out in milliseconds", ge=50, le=10_000, description="for all parties of a payment"
        ),
    ] = WITHIN_MS


def fault_of(form: str, address: str) -> str:
    """What is wrong with an address; empty if nothing is."""
    if form == "none":
        return "with the form none there is no address" if address else ""
    parts = urls.split(address)
    if parts is None or not parts.hostname or parts.username is not None or parts.fragment:
        return "state the address of the engine: a URL without credentials"
    if parts.query and form == "watchman":
        return "state the address of Watchman without a query"
    return (
        "" if parts.scheme == "https" or _is_this_machine(parts.hostname) else "an https address is required"
    )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _check(_: asyncpg.Connection, content: EngineInForce) -> None:
    if fault := fault_of(content.form, content.address):
        raise Refused(
            fault,
            path="address",
            reason=Reason.NARRATIVE,
            remedy="Correct the address, or start the engine there, and request it again.",
        )


async def _effect(connection: asyncpg.Connection, content: EngineInForce) -> Effect:
    before = await connection.fetchrow(_NEWEST)
    named = (
        (term("Form of the engine"), "form", ""),
        (term("Address of the engine"), "address", ""),
        (term("Least score of a hit"), "threshold", "%"),
        (term("Time-out"), "within_ms", "ms"),
    )
    rows = (
        Row(
            title,
            NOTHING if before is None else str(before[name]) or NOTHING,
            str(getattr(content, name)) or NOTHING,
            unit,
        )
        for title, name, unit in named
    )
    return Effect(tuple(rows), (NOT_ASKED,) if content.form == "none" else ())


async def _execute(execution: Execution, content: EngineInForce) -> None:
    values = (execution.number, content.form, content.address, content.threshold, content.within_ms, LEAD_S)
    since = await execution.connection.fetchval(_ADD, *values)
    execution.outcome = f"in force from {since:%Y-%m-%d %H:%M:%S} UTC"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "screening.engine",
        "Set the outside screening engine",
        EngineInForce,
        _execute,
        _check,
        effect=_effect,
        links=links_to(Subject.SCREENING_LISTS),
    ),
)


async def read(connection: asyncpg.Pool | asyncpg.Connection) -> dict[str, Any]:
    """The engine that was set last, which is in force or soon will be."""
    row = await connection.fetchrow(_NEWEST)
    if row is None:
        return {"form": "none"}
    return dict(row) | {"in_force_from": row["in_force_from"].isoformat()}
