"""Payments that screening holds: what was found, for the people who decide, and their decision by two.

Each reading of the names is an audit event. A decision is about one comparison: if the payment was compared
again since, because lists changed, it is not possible any more.
"""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import msgspec

from schemas.errors import NotAllowed, NotFound, Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.approvals.content import Uetr
from switch.approvals.effects import NOTHING, Effect, Resource, Row, Subject, term
from switch.approvals.kinds import CHECKER, ChangeIds, ChangeKind, Content, Execution
from switch.base.personal_data import Erased, KeyRing
from switch.base.sql import statements
from switch.cases import officers
from switch.identity.model import Person, Role, Seat
from switch.identity.permissions import Right, require
from switch.payments.held import open_findings
from switch.payments.screening import ScreeningFinding
from switch.writer import event_bodies
from switch.writer.client import Link
from switch.writer.commands import DecideScreening, Record
from switch.writer.event_kinds import EventKind
from switch.writer.verdicts import Verdict

_NOT_HELD: Final = term("screening holds no payment of this UETR")

_SENDER: Final = "SELECT sender FROM switch.screening_hold WHERE uetr = $1"
_HOLD: Final = statements("switch.operations")("screening_hold")


class HeldDecision(Content, frozen=True, kw_only=True):
    """A decision about a payment that screening holds; the reason of the change is its reason."""

    uetr: Uetr
    screening: Annotated[
        int,
        msgspec.Meta(
            title="Comparison",
            ge=1,
            le=2**31 - 1,
            description="number of the comparison, as the case states it",
        ),
    ] = 1


def _not_held() -> Refused:
    return officers.unknown_to_officer(_NOT_HELD, "uetr")


async def _hold(connection: asyncpg.Connection, content: HeldDecision) -> asyncpg.Record | None:
    return await connection.fetchrow(_HOLD, UUID(content.uetr))


async def _check(connection: asyncpg.Connection, content: HeldDecision) -> None:
    row = await _hold(connection, content)
    if row is None or row["ended_at"] is not None:
        raise _not_held()
    if row["decision"] is not None:
        raise Refused(
            "people have decided about this payment",
            reason=Reason.NARRATIVE,
            remedy="Nothing is left to do: GET /v1/payments/{uetr} shows the decision's effect.",
        )
    if row["screening"] != content.screening:
        raise Refused(
            "the payment was compared again since: look at what was found, and request it anew",
            path="screening",
            reason=Reason.NARRATIVE,
            remedy=(
                "Read GET /v1/cases/{number}/hits, and request it with the number of the newest screening."
            ),
        )


def _effect_of(then: str) -> Any:
    async def effect(connection: asyncpg.Connection, content: HeldDecision) -> Effect:
        row = await _hold(connection, content)
        if row is None:
            return Effect((Row(content.uetr, NOTHING, then),))
        now = term("held") if row["ended_at"] is None else term("ended")
        debit = Money(row["debit_minor"], row["debit_currency"])
        facts = (
            (term("Debtor agent"), row["sender"], ""),
            (term("Creditor agent"), row["creditor_agent"], ""),
            (term("Amount"), debit.text, debit.currency),
            (term("Hits"), str(row["hit_count"]), ""),
            (term("Comparison"), str(row["screening"]), ""),
        )
        kept = (Row(what, value, value, unit) for what, value, unit in facts)
        return Effect((Row(content.uetr, now, then), *kept))

    return effect


async def _seats(connection: asyncpg.Connection, content: HeldDecision, maker: Person) -> tuple[Seat, ...]:
    sender = await connection.fetchval(_SENDER, UUID(content.uetr))  # the writer may read no more
    if sender is None:  # the check has refused it
        return (CHECKER,)
    return await officers.seats(connection, sender, maker, _not_held())


async def _admit(connection: asyncpg.Connection, content: HeldDecision, maker: Person) -> None:
    sender = await connection.fetchval(_SENDER, UUID(content.uetr))
    await officers.admit(connection, sender, maker, _not_held())


async def _links(_: asyncpg.Connection, content: HeldDecision) -> tuple[Resource, ...]:
    return (Resource(Subject.PAYMENT, content.uetr), Resource(Subject.SCREENING_HOLD, content.uetr))


def _command(ids: ChangeIds, content: HeldDecision, outcome: Literal["release", "refuse"]) -> DecideScreening:
    return DecideScreening(
        UUID(content.uetr).bytes, content.screening, outcome, order=ids.id(), change=ids.number
    )


def _kind(outcome: Literal["release", "refuse"], title: str, then: str) -> ChangeKind[HeldDecision]:
    async def commands(_: asyncpg.Connection, ids: ChangeIds, content: HeldDecision) -> list[DecideScreening]:
        return [_command(ids, content, outcome)]

    async def execute(execution: Execution, content: HeldDecision) -> None:
        reply = await execution.link.ask(_command(execution.ids, content, outcome))
        if reply.verdict is not Verdict.DECIDED:
            raise Refused(
                "the payment is not held any more, or was compared again",
                reason=Reason.NARRATIVE,
                remedy="Read the payment's state; if it is held still, request it for the newest screening.",
            )
        execution.outcome = f"{content.uetr} is to be {then}"

    return ChangeKind(
        f"screening.{outcome}",
        title,
        HeldDecision,
        execute,
        _check,
        effect=_effect_of(then),
        links=_links,
        seats=_seats,
        admit=_admit,
        right=Right.DECIDE_SCREENING,
        commands=commands,
        moves_books=True,
    )


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    _kind("release", "Release a payment that screening holds", term("released")),
    _kind("refuse", "Refuse a payment that screening holds", term("refused")),
)


async def read_hits(
    pool: asyncpg.Pool, keys: KeyRing, link: Link, person: Person, uetr: UUID
) -> dict[str, Any]:
    """What screening found in a payment that it holds or held, with names; the reading is recorded first.

    Raises:
        NotAllowed: others decide about such payments.
        NotFound: screening never held it, its data was erased, or its sender is no business of this officer.
        Unavailable: the reading cannot be recorded now.

    """
    require(person, Right.SCREEN_PAYMENTS)
    row = await pool.fetchrow(_HOLD, uetr)
    if row is None:
        raise NotFound("screening never held this payment")
    await _check_reader(pool, person, row["sender"])
    body = event_bodies.encode({"uetr": str(uetr), "screening": row["screening"], "person": person.name})
    await link.ask(Record(EventKind.SCREENING_READ, body))
    try:
        hits = open_findings(keys, row)
    except Erased:
        raise NotFound("its data was erased") from None
    debit = Money(row["debit_minor"], row["debit_currency"])
    ended: dict[str, Any] = {name: row[name] for name in ("decision", "change", "outcome")}
    return {
        "uetr": str(uetr),
        "sender": row["sender"],
        "creditor_agent": row["creditor_agent"],
        "interbank_settlement_amount": {"currency": debit.currency, "amount": debit.text},
        "held_at": row["held_at"].isoformat(),
        "expires_at": row["expires_at"].isoformat(),
        "lists": row["lists"],
        "screening": row["screening"],
        "hits": [_shown(each) for each in hits if not each.silent],
        "engine_silent": any(each.silent for each in hits),
        **ended,
        "ended_at": row["ended_at"].isoformat() if row["ended_at"] else None,
    }


async def _check_reader(pool: asyncpg.Pool, person: Person, sender: str) -> None:
    """Show what was found to those alone who decide; other officers do not learn that there is something."""
    if officers.decides(person, await officers.decided_by(pool, sender), sender):
        return
    if person.role is Role.OFFICER:
        raise NotFound("screening never held this payment")
    raise NotAllowed(officers.OTHERS)


def _shown(finding: ScreeningFinding) -> dict[str, Any]:
    """A hit for people: without the hash that clearances have."""
    shown: dict[str, Any] = msgspec.to_builtins(finding)
    del shown["fingerprint"]
    return shown
