"""Velocity limits: how they are changed and read.

The writer applies them (`switch.writer.velocity`), from the first payment after the change. A payment over a
limit is refused with AM21.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import asyncpg
import msgspec

from schemas.money import EXPONENTS, Money
from switch.approvals.content import Currency, Id, account_number, cap_of, check_not_removed, refuse
from switch.approvals.effects import NOTHING, Effect, Resource, Row, Subject, amount, minor_of, term
from switch.approvals.kinds import ChangeIds, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.writer.commands import SetVelocity
from switch.writer.velocity import EVERYBODY, Velocity
from switch.writer.verdicts import Verdict

_statement: Final = statements("switch.participants")
_ALL: Final = _statement("velocity_limits")
_ONE: Final = _statement("velocity_limit")
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class SetVelocityLimit(Content, frozen=True, kw_only=True):
    """How many payments, and of which sum, there may be in an hour and in a day; null is no limit."""

    scope: Annotated[
        Literal["participant", "debtor_account", "creditor_account"], msgspec.Meta(title="Payments of")
    ]
    participant: Annotated[
        Id | None, msgspec.Meta(title="Participant (empty: all without a limit of their own)")
    ] = None
    currency: Currency
    payments_per_hour: Annotated[Count | None, msgspec.Meta(title="Payments per hour (empty: any)")] = None
    per_hour: Annotated[str | None, msgspec.Meta(title="Sum per hour (empty: any)")] = None
    payments_per_day: Annotated[Count | None, msgspec.Meta(title="Payments per day (empty: any)")] = None
    per_day: Annotated[str | None, msgspec.Meta(title="Sum per day (empty: any)")] = None


@dataclass(frozen=True, slots=True)
class VelocityInForce:
    """A velocity limit in force."""

    scope: str
    participant: str
    """`*`: every participant without a limit of its own."""
    currency: str
    limit: Velocity

    def document(self) -> dict[str, Any]:
        """The limit as the API shows it, sums as decimal text."""
        return {
            "scope": self.scope,
            "everybody": self.participant == EVERYBODY,
            "currency": self.currency,
            "payments_per_hour": self.limit.hour_count,
            "per_hour": self._text(self.limit.hour_minor),
            "payments_per_day": self.limit.day_count,
            "per_day": self._text(self.limit.day_minor),
        }

    def _text(self, minor: int | None) -> str | None:
        return None if minor is None else Money(minor, self.currency).text


async def read(connection: asyncpg.Connection | asyncpg.Pool) -> list[VelocityInForce]:
    """Every velocity limit in force, by participant, scope and currency."""
    found = [
        VelocityInForce(scope, participant, currency, Velocity(*values))
        for scope, participant, currency, *values in await connection.fetch(_ALL)
    ]
    return [each for each in found if each.limit.limits]


def concerning(found: list[VelocityInForce], participant: str) -> list[VelocityInForce]:
    """The limits that apply to a participant: its own, and those of everybody where it has none."""
    own = [each for each in found if each.participant == participant]
    having = {(each.scope, each.currency) for each in own}
    general = [each for each in found if each.participant == EVERYBODY]
    return own + [each for each in general if (each.scope, each.currency) not in having]


def _minor(text: str | None, currency: str) -> int | None:
    return None if text is None else cap_of(text, currency)


async def _check(connection: asyncpg.Connection, content: SetVelocityLimit) -> None:
    if content.currency not in EXPONENTS:
        raise refuse("unknown currency", remedy="Use a currency code of ISO 4217, three capital letters.")
    if content.participant is not None:
        await check_not_removed(connection, content)
        await account_number(connection, content.participant, content.currency)
    hour, day = _minor(content.per_hour, content.currency), _minor(content.per_day, content.currency)
    if _is_more(hour, day) or _is_more(content.payments_per_hour, content.payments_per_day):
        raise refuse(
            "the limit per hour may not exceed the limit per day",
            remedy="State a limit per hour that is at most the limit per day.",
        )


def _is_more(hour: int | None, day: int | None) -> bool:
    return hour is not None and day is not None and hour > day


async def _effect(connection: asyncpg.Connection, content: SetVelocityLimit) -> Effect:
    whose = content.participant or EVERYBODY
    row = await connection.fetchrow(_ONE, content.scope, whose, content.currency)
    now: dict[str, int | None] = dict(row) if row else {}
    rows = (
        _count(term("Payments per hour"), now.get("hour_count"), content.payments_per_hour),
        _sum(term("Sum per hour"), now.get("hour_minor"), content.per_hour, content.currency),
        _count(term("Payments per day"), now.get("day_count"), content.payments_per_day),
        _sum(term("Sum per day"), now.get("day_minor"), content.per_day, content.currency),
    )
    return Effect(rows)


def _count(what: str, now: int | None, then: int | None) -> Row:
    before, after = (NOTHING if value is None else str(value) for value in (now, then))
    return Row(what, before, after)


def _sum(what: str, now: int | None, then: str | None, currency: str) -> Row:
    known = currency if currency in EXPONENTS else "XXX"
    return amount(what, now, None if then is None else minor_of(then, currency), known)


async def _links(_connection: asyncpg.Connection, content: SetVelocityLimit) -> tuple[Resource, ...]:
    return (Resource(Subject.PARTICIPANT, content.participant),) if content.participant else ()


def _command(ids: ChangeIds, content: SetVelocityLimit) -> SetVelocity:
    currency = content.currency
    return SetVelocity(
        scope=content.scope,
        participant=content.participant or EVERYBODY,
        currency=currency,
        hour_count=content.payments_per_hour,
        hour_minor=_minor(content.per_hour, currency),
        day_count=content.payments_per_day,
        day_minor=_minor(content.per_day, currency),
        order=ids.id(),
        change=ids.number,
    )


async def _commands(_: asyncpg.Connection, ids: ChangeIds, content: SetVelocityLimit) -> list[SetVelocity]:
    return [_command(ids, content)]


async def _set(execution: Execution, content: SetVelocityLimit) -> None:
    reply = await execution.link.ask(_command(execution.ids, content))
    if reply.verdict is not Verdict.LIMIT_SET:
        raise refuse(
            f"the limits cannot be set: {reply.verdict.text}",
            remedy="Correct what the text names, and request it again.",
        )
    execution.outcome = f"the velocity limit of {content.participant or 'all'} in {content.currency} is set"


def _participant(content: SetVelocityLimit) -> str:
    return content.participant or ""


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "velocity.set",
        "Set a velocity limit",
        SetVelocityLimit,
        _set,
        _check,
        effect=_effect,
        links=_links,
        commands=_commands,
        participant=_participant,
        moves_books=True,
    ),
)
