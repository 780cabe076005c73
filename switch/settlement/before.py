"""What an agent settled before a restore: two people state it, so that it is not instructed again.

A restore opens a window again that was closed and settled since. Its payments come back, by the rails' files
and the senders' messages, but not its settlement: by the next instruction the banks would pay a second time.
So the money that moved at the agent is moved here too, and subtracted from the lines of the next window.
"""

from typing import Annotated, Any, Final, Literal

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.content import Currency, Participant, account_number, money_of, refuse
from switch.approvals.effects import Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeIds, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.payments.pricing import SCHEME
from switch.settlement.day import SETTLEMENT
from switch.writer.commands import CommandLeg, Fund
from switch.writer.verdicts import Verdict

_ADD: Final = statements("switch.settlement")("add_settled_before")
_EVER: Final = "SELECT EXISTS (SELECT FROM ledger.restore)"


class SettledBefore(Content, frozen=True, kw_only=True):
    """What a participant paid or received at a settlement agent after the instant of a restore."""

    currency: Currency
    participant: Participant
    side: Annotated[Literal["paid", "received"], msgspec.Meta(title="Paid or received")]
    amount: Annotated[str, msgspec.Meta(title="Amount")]
    evidence: Annotated[str, msgspec.Meta(title="Evidence", min_length=1, max_length=300)]


async def _check(connection: asyncpg.Connection, content: SettledBefore) -> None:
    money_of(content.amount, content.currency)
    if not await connection.fetchval(_EVER):
        raise refuse(
            "this database was never restored",
            remedy="Nothing is left to do: without a restore there is no settlement that the books lack.",
        )
    await account_number(connection, content.participant, content.currency)


async def _effect(_: asyncpg.Connection, content: SettledBefore) -> Effect:
    then = term("paid") if content.side == "paid" else term("received")
    what = f"{content.participant}: {content.amount} {content.currency}"
    return Effect((Row(what, term("owed"), then),))


async def _commands(connection: asyncpg.Connection, ids: ChangeIds, content: SettledBefore) -> list[Fund]:
    currency = content.currency
    minor = money_of(content.amount, currency).minor
    scheme = await account_number(connection, SCHEME, currency, SETTLEMENT)
    account = await account_number(connection, content.participant, currency)
    debit, credit = (scheme, account) if content.side == "paid" else (account, scheme)
    return [
        Fund(
            ids.id("settled"),
            ids.fingerprint("settled"),
            [CommandLeg(debit, credit, minor, SETTLEMENT)],
            f"change {ids.number}: settled before the restore: {content.evidence}",
            ids.number,
        )
    ]


async def _execute(execution: Execution, content: SettledBefore) -> None:
    """Move the money, and keep the amount for the next window."""
    connection, currency = execution.connection, content.currency
    minor = money_of(content.amount, currency).minor
    (movement,) = await _commands(connection, execution.ids, content)
    reply = await execution.link.ask(movement)
    if reply.verdict not in {Verdict.CREATED, Verdict.EXISTS}:
        raise Refused(
            f"the money cannot be moved: {reply.verdict.text}",
            reason=Reason.NARRATIVE,
            remedy=(
                "Check participant, side and amount against the settlement agent's statement, and"
                " request it again."
            ),
        )
    signed = minor if content.side == "paid" else -minor
    await connection.execute(_ADD, currency, content.participant, signed, execution.number)
    execution.outcome = f"{content.participant} {content.side} {content.amount} {currency}"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "restore.settled",
        "State what an agent settled before a restore",
        SettledBefore,
        _execute,
        _check,
        effect=_effect,
        links=links_to(Subject.PARTICIPANT, "participant"),
        commands=_commands,
        moves_books=True,
    ),
)
