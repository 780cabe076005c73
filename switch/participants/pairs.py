"""Central banks' control of currency pairs (AFAQ): block a pair at once, or bound its rate for a day.

Two people of one central bank decide, for pairs with its currency; nobody else requests or approves it, and
no other central bank lifts it. The writer applies it to every payment and quote that it decides afterwards.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import asyncpg
import msgspec

from adapters import registry
from ledger.encoding import microseconds
from schemas.money import EXPONENTS
from switch.approvals.content import Country, Currency, refuse
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeIds, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.identity.model import Person, Role, Seat
from switch.identity.permissions import Right
from switch.participants.corridors import Rate
from switch.writer.commands import SetPair
from switch.writer.verdicts import Verdict

_IN_FORCE: Final = statements("switch.participants")("pair_control")
LONGEST: Final = timedelta(days=1)
"""Bounds are for a day: a longer need is decided again, with the market of the next day in view."""


class ControlPair(Content, frozen=True, kw_only=True):
    """A central bank's decision on conversions of `source` into `target`; it replaces its earlier one."""

    country: Annotated[Country, msgspec.Meta(title="Central bank of")]
    source: Annotated[Currency, msgspec.Meta(title="From currency")]
    target: Annotated[Currency, msgspec.Meta(title="To currency")]
    control: Annotated[Literal["blocked", "bounded", "open"], msgspec.Meta(title="Conversions are")]
    lowest: Annotated[Rate | None, msgspec.Meta(title="Lowest rate")] = None
    highest: Annotated[Rate | None, msgspec.Meta(title="Highest rate")] = None
    until: Annotated[datetime | None, msgspec.Meta(title="Until (UTC)")] = None


async def _seats(_connection: asyncpg.Connection, content: ControlPair, maker: Person) -> tuple[Seat, ...]:
    """A second person of the same central bank."""
    if (maker.role, maker.scope) != (Role.REGULATOR, content.country):
        raise refuse(
            "only people of this central bank may decide this",
            remedy="Ask a person of the central bank whose currency it is.",
        )
    return (Seat(Role.REGULATOR, content.country),)


async def _check(connection: asyncpg.Connection, content: ControlPair) -> None:
    pair = {content.source, content.target}
    if len(pair) != 2 or not pair <= EXPONENTS.keys():  # noqa: PLR2004
        raise refuse("a pair has two different currencies", remedy="Name two different currencies.")
    known = content.country in registry.countries()
    if not known or registry.profile(content.country).currency not in pair:
        raise refuse(
            "a central bank decides on pairs with its own currency",
            remedy="Name your own currency as one of the two.",
        )
    bounds = [Decimal(rate) for rate in (content.lowest, content.highest) if rate is not None]
    if (content.control == "bounded") != bool(bounds):
        raise refuse(
            "bounds are stated if the rate is bounded, and only then",
            remedy="State lowest and highest with the control bounded, and leave them out otherwise.",
        )
    if bounds != sorted(bounds) or not all(bounds):
        raise refuse(
            "the lowest rate is above zero and not above the highest",
            remedy="State a lowest rate above zero, and a highest that is not below it.",
        )
    await _check_until(connection, content)


async def _check_until(connection: asyncpg.Connection, content: ControlPair) -> None:
    if content.control == "bounded" and content.until is None:
        raise refuse("bounds have an end, at most a day ahead", remedy="State an end within 24 hours.")
    if content.until is None:
        return
    if content.control == "open":
        raise refuse(
            "an open pair has no end",
            remedy="Leave the end out: an open pair stays open until the next decision.",
        )
    if content.until.tzinfo is None:
        raise refuse(
            "an instant needs its offset from UTC", remedy="Add the offset: 2026-11-23T14:05:07+05:30, or Z."
        )
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    if content.until <= now:
        raise refuse("the end is in the past", remedy="State an end in the future, or none.")
    if content.control == "bounded" and content.until > now + LONGEST:
        raise refuse("bounds end at most a day ahead", remedy="State an end within 24 hours.")


async def _effect(connection: asyncpg.Connection, content: ControlPair) -> Effect:
    row = await connection.fetchrow(_IN_FORCE, content.source, content.target, content.country)
    now = ("open", None, None, None) if row is None else tuple(row)
    unit = f"{content.target}/{content.source}"
    rows = [Row(f"{content.source} → {content.target}", str(now[0]), content.control)]
    for title, before, then in (
        ("Lowest rate", now[1], content.lowest),
        ("Highest rate", now[2], content.highest),
    ):
        if before or then:
            rows.append(Row(term(title), before or NOTHING, then or NOTHING, unit))
    if now[3] or content.until:
        rows.append(Row(term("Until (UTC)"), _text(now[3]), _text(content.until)))
    return Effect(tuple(rows))


def _text(instant: datetime | None) -> str:
    return NOTHING if instant is None else instant.astimezone(UTC).isoformat(timespec="seconds")


def _command(ids: ChangeIds, content: ControlPair) -> SetPair:
    return SetPair(
        content.source,
        content.target,
        content.country,
        content.control == "blocked",
        content.lowest or "",
        content.highest or "",
        0 if content.until is None else microseconds(content.until.astimezone(UTC)),
        ids.id(),
        ids.number,
    )


def facts(ids: ChangeIds, content: ControlPair) -> dict[str, object]:
    """What the log says of the execution."""
    command = _command(ids, content)
    return {name: getattr(command, name) for name in command.__struct_fields__ if name != "order"}


async def _commands(_: asyncpg.Connection, ids: ChangeIds, content: ControlPair) -> list[SetPair]:
    return [_command(ids, content)]


async def _set(execution: Execution, content: ControlPair) -> None:
    reply = await execution.link.ask(_command(execution.ids, content))
    if reply.verdict is not Verdict.PAIR_SET:
        raise refuse(
            f"the pair cannot be controlled: {reply.verdict.text}",
            remedy="Correct what the text names, and request it again.",
        )
    execution.outcome = f"{content.source} to {content.target} is {content.control}"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "pair.control",
        "Block a currency pair, or bound its rate",
        ControlPair,
        _set,
        _check,
        effect=_effect,
        links=links_to(Subject.CORRIDOR, "country"),
        seats=_seats,
        right=Right.CONTROL_PAIRS,
        commands=_commands,
        moves_books=True,
    ),
)
