"""Limits on what a participant may send in a currency: how they are changed and read.

The writer applies them (see `switch.limits`), from the first payment after the change. A payment over a limit
is refused with AM14.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.money import Money
from switch.approvals.content import (
    Currency,
    Participant,
    account_number,
    cap_of,
    check_not_removed,
    participant_of,
    refuse,
)
from switch.approvals.effects import Effect, Subject, amount, links_to, minor_of, term
from switch.approvals.kinds import ChangeIds, ChangeKind, Confirmable, Execution
from switch.base.plausibility import Bands, Comparison
from switch.base.sql import statements
from switch.participants import comparisons
from switch.writer.commands import SetLimit
from switch.writer.verdicts import Verdict

_statement: Final = statements("switch.participants")
_READ: Final = _statement("limits")


class SetLimits(Confirmable, frozen=True, kw_only=True):
    """Limits of a currency: decimal text; null is no limit, "0" stops every payment."""

    participant: Participant
    currency: Currency
    per_payment: Annotated[str | None, msgspec.Meta(title="Per payment (empty: no limit)")]
    per_day: Annotated[str | None, msgspec.Meta(title="Per day (empty: no limit)")]


@dataclass(frozen=True, slots=True)
class LimitInForce:
    """A participant's limits in a currency and today's use (UTC), minor units; None is no limit."""

    participant: str
    currency: str
    per_payment: int | None
    per_day: int | None
    used_today: int

    def document(self) -> dict[str, Any]:
        """The limits as the API shows them, amounts as decimal text."""
        return {
            "currency": self.currency,
            "per_payment": self._text(self.per_payment),
            "per_day": self._text(self.per_day),
            "used_today": self._text(self.used_today),
        }

    def _text(self, minor: int | None) -> str | None:
        return None if minor is None else Money(minor, self.currency).text


async def read(connection: asyncpg.Connection | asyncpg.Pool) -> list[LimitInForce]:
    """Every limit in force, by participant and currency."""
    return [LimitInForce(*row) for row in await connection.fetch(_READ)]


def _minor(text: str | None, currency: str) -> int | None:
    return None if text is None else cap_of(text, currency)


async def _check(connection: asyncpg.Connection, content: SetLimits) -> None:
    await check_not_removed(connection, content)
    await account_number(connection, content.participant, content.currency)
    per_payment = _minor(content.per_payment, content.currency)
    per_day = _minor(content.per_day, content.currency)
    if per_payment is not None and per_day is not None and per_payment > per_day:
        raise refuse(
            "the limit per payment may not exceed the limit per day",
            remedy="State a limit per payment that is at most the limit per day.",
        )


async def _compare(connection: asyncpg.Connection, content: SetLimits, bands: Bands) -> list[Comparison]:
    return await comparisons.of_limits(
        connection,
        content.participant,
        content.currency,
        per_payment=content.per_payment,
        per_day=content.per_day,
        bands=bands,
    )


async def _effect(connection: asyncpg.Connection, content: SetLimits) -> Effect:
    row = await connection.fetchrow(
        "SELECT per_payment, per_day FROM switch.payment_limit WHERE participant = $1 AND currency = $2",
        content.participant,
        content.currency,
    )
    now = row or {"per_payment": None, "per_day": None}
    limits = (
        (term("Per payment"), now["per_payment"], content.per_payment),
        (term("Per day"), now["per_day"], content.per_day),
    )
    return Effect(
        tuple(
            amount(what, before, None if then is None else minor_of(then, content.currency), content.currency)
            for what, before, then in limits
        )
    )


def _command(ids: ChangeIds, content: SetLimits) -> SetLimit:
    currency = content.currency
    per_payment, per_day = _minor(content.per_payment, currency), _minor(content.per_day, currency)
    return SetLimit(content.participant, currency, per_payment, per_day, ids.id(), ids.number)


async def _commands(_: asyncpg.Connection, ids: ChangeIds, content: SetLimits) -> list[SetLimit]:
    return [_command(ids, content)]


async def _set(execution: Execution, content: SetLimits) -> None:
    currency = content.currency
    reply = await execution.link.ask(_command(execution.ids, content))
    if reply.verdict is not Verdict.LIMIT_SET:
        raise refuse(
            f"the limits cannot be set: {reply.verdict.text}",
            remedy="Correct what the text names, and request it again.",
        )
    execution.outcome = (
        f"{content.participant} may send in {currency}: {content.per_payment or 'any amount'} a payment,"
        f" {content.per_day or 'any amount'} a day"
    )


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "limit.set",
        "Set payment limits",
        SetLimits,
        _set,
        _check,
        effect=_effect,
        links=links_to(Subject.PARTICIPANT, "participant"),
        compare=_compare,
        commands=_commands,
        participant=participant_of,
        moves_books=True,
    ),
)
