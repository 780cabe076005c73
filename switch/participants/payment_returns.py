"""Return of a credited payment by two people: late, at the FX provider's cost, or by order of an authority.

A participant returns what was credited to it by a pacs.004, within bounds (`switch.payments.returnable`).
What these refuse, two people can return, for a reason of ISO 20022: in full and once, with the fee, or a part
of what was credited, at the rate of the payment and without the fee. Caps still apply to the creditor agent.
"""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.approvals.content import Amount, Uetr, money_of
from switch.approvals.effects import (
    IRREVERSIBLE,
    NOTHING,
    Effect,
    Row,
    Subject,
    amount,
    links_to,
    term,
)
from switch.approvals.kinds import ChangeIds, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.payments import returnable
from switch.writer.commands import Return
from switch.writer.lifecycle import State
from switch.writer.part_returns import left_to_return
from switch.writer.verdicts import Verdict

_FIND: Final = statements("switch.participants")("payment_to_return")
_CURRENCY: Final = (
    "SELECT p.credit_currency FROM ledger.transfer AS t"
    " JOIN switch.payment AS p USING (number) WHERE t.id = $1"
)
_GAIN: Final = term("FX provider's gain (loss: below zero) at the rate in force")
PART: Final = "return"
"""Part of the ids of a change for the ledger."""
REASONS: Final = MappingProxyType(
    {
        "AC04": term("closed account (AC04)"),
        "AM09": term("wrong amount (AM09)"),
        "CUST": term("requested by the debtor (CUST)"),
        "DUPL": term("duplicate payment (DUPL)"),
        "FOCR": term("after a cancellation request (FOCR)"),
        "FR01": term("fraud (FR01)"),
        "MD06": term("requested by the creditor (MD06)"),
        "NARR": term("as the evidence states (NARR)"),
        "RR04": term("regulatory reason (RR04)"),
        "UPAY": term("payment not justified (UPAY)"),
    }
)
"""The reasons for which people return a payment (ExternalReturnReason1Code), and what they mean."""


RECALLS: Final = MappingProxyType(
    {
        "asked": term("waits for an answer"),
        "agreed": term("agreed, the money has not come yet"),
        "returned": term("returned"),
        "rejected": term("refused by the creditor agent"),
        "unanswered": term("ended without an answer"),
        "unpaid": term("agreed, and ended without the money"),
    }
)
"""The states of a recall."""


class ReturnPayment(Content, frozen=True, kw_only=True):
    """Return a credited payment in full, with its fee, or a part of what was credited."""

    uetr: Uetr
    reason: Annotated[
        Literal["AC04", "AM09", "CUST", "DUPL", "FOCR", "FR01", "MD06", "NARR", "RR04", "UPAY"],
        msgspec.Meta(title="Return reason"),
    ]
    evidence: Annotated[str, msgspec.Meta(title="Evidence", min_length=1, max_length=300)]
    amount: Annotated[Amount | None, msgspec.Meta(title="Part of the credited amount (empty: in full)")] = (
        None
    )


def _part(payment: asyncpg.Record, content: ReturnPayment) -> int:
    """The part of the credit that goes back, in minor units; 0: everything, with the fee.

    Raises:
        Refused: it is more than is left.

    """
    if content.amount is None:
        return 0
    part = money_of(content.amount, payment["credit_currency"]).minor
    left = payment["credit_minor"] - payment["parts_minor"]
    if part > left:
        raise Refused(
            left_to_return(Money(left, payment["credit_currency"])),
            reason=Reason.WRONG_AMOUNT,
            path="amount",
            remedy="State at most what is left, in the currency of the credit.",
        )
    return part


async def _check(connection: asyncpg.Connection, content: ReturnPayment) -> None:
    row = await connection.fetchrow(_FIND, UUID(content.uetr))
    if row is None or row["state"] != State.COMMITTED:
        raise Refused(
            "only a credited payment can be returned",
            reason=Reason.NARRATIVE,
            path="uetr",
            remedy=(
                "Read the state with GET /v1/payments/{uetr}: what is not settled is not returned but"
                " cancelled or resolved."
            ),
        )
    check_not_returned(row, ", which resolves that too")
    if not _part(row, content) and row["parts_minor"]:
        raise Refused(
            "a part was returned before: return what is left by its amount",
            reason=Reason.WRONG_AMOUNT,
            path="amount",
            remedy="State the amount that is left, in the currency of the credit.",
        )


def check_not_returned(payment: asyncpg.Record, more: str = "") -> None:
    """Refuse a payment that was returned, or that its rail gave back.

    Raises:
        Refused: `more` is added to the text if its rail gave it back.

    """
    if payment["returned"]:
        raise Refused("this payment was returned already", reason=Reason.DUPLICATION, path="uetr")
    if payment["break"] is not None:
        text = f"its rail gave it back: request break.return of break {payment['break']}{more}"
        raise Refused(
            text,
            reason=Reason.NARRATIVE,
            path="uetr",
            remedy=(
                "Request break.return for the break that the text names: it returns the payment and"
                " resolves the break."
            ),
        )


async def _effect(connection: asyncpg.Connection, content: ReturnPayment) -> Effect:
    uetr = UUID(content.uetr)
    row = await connection.fetchrow(_FIND, uetr)
    reason = Row(term("Return reason"), NOTHING, REASONS[content.reason])
    if row is None:
        return Effect((Row(content.uetr, NOTHING, term("returned")), reason), (IRREVERSIBLE,))
    now = term("returned") if row["returned"] else row["state"]
    return Effect(
        (
            Row(content.uetr, now, term("returned")),
            reason,
            *sides(row, _part(row, content)),
            Row(term("Credited at (UTC)"), *2 * (_text(row["credited_at"]),)),
            *_bounds(row),
            *await of_provider(connection, uetr),
        ),
        (IRREVERSIBLE,),
    )


def agents_of(payment: asyncpg.Record) -> tuple[str, str]:
    """Both agents of a payment, each with the amount that it pays or receives."""
    debit = Money(payment["debit_minor"], payment["debit_currency"])
    credit = Money(payment["credit_minor"], payment["credit_currency"])
    return f"{payment['debtor_agent']}: {debit}", f"{payment['creditor_agent']}: {credit}"


def sides(payment: asyncpg.Record, part: int = 0) -> tuple[Row, Row]:
    """Both agents of a payment that is returned, each with the amount that goes back.

    `part` of the credit, in minor units, at the rate of the payment; 0: everything, with the fee.
    """
    debtor, creditor = agents_of(payment)
    if part:
        share = returnable.share_of(
            payment["debit_minor"] - payment["fee_minor"],
            payment["credit_minor"],
            before=payment["parts_minor"],
            minor=part,
        )
        debtor = f"{payment['debtor_agent']}: {Money(share, payment['debit_currency'])}"
        creditor = f"{payment['creditor_agent']}: {Money(part, payment['credit_currency'])}"
    paid, received = term("paid"), term("received")
    return Row(debtor, paid, received), Row(creditor, received, paid)


def _bounds(row: asyncpg.Record) -> tuple[Row, ...]:
    """The window in which the return counts, and the headroom of the creditor agent: both move on."""
    currency, headroom = row["credit_currency"], row["headroom"]
    was, now = (NOTHING if row[name] is None else str(row[name]) for name in ("counted_in", "counts_in"))
    then = None if headroom is None else headroom - row["credit_minor"]
    return (
        Row(term("Settlement window of the credit, and of the return"), was, now, moving=True),
        amount(term("Headroom of the creditor agent"), headroom, then, currency, moving=True),
    )


def _text(instant: datetime | None) -> str:
    return NOTHING if instant is None else instant.astimezone(UTC).isoformat(timespec="seconds")


async def of_provider(connection: asyncpg.Connection, uetr: UUID) -> tuple[Row, ...]:
    """The FX provider of a payment, and its gain or loss by a return at the rate in force.

    A vote is not bound to it: rates change while people vote.
    """
    payment = (await returnable.read(connection, [uetr])).get(uetr)
    if payment is None or not payment.fx_provider:
        return ()
    provider, gain = Row(term("FX provider"), payment.fx_provider, payment.fx_provider), payment.gain_minor()
    if gain is None:
        return provider, Row(_GAIN, NOTHING, term("no rate in force"), moving=True)
    return provider, amount(_GAIN, None, gain, payment.debit.currency, moving=True)


def command_of(ids: ChangeIds, uetr: UUID, reason: str, *, minor: int = 0, reference: str = "") -> Return:
    """The return of a payment by a change: the same command for every execution.

    `minor` of the credit, or 0 for everything; `reference`: the rail's id, if it gave a part back.
    """
    return Return(
        id=ids.id(PART),
        fingerprint=ids.fingerprint(PART),
        uetr=uetr.bytes,
        sender="",
        message_id=reference or f"change {ids.number}",
        reason=reason,
        change=ids.number,
        minor=minor,
    )


async def give_back(execution: Execution, command: Return) -> None:
    """Have the ledger return a payment.

    Raises:
        Refused: it refused: the payment was returned meanwhile, or a cap would be passed.

    """
    reply = await execution.link.ask(command)
    if reply.verdict not in {Verdict.CREATED, Verdict.EXISTS}:
        raise Refused(
            f"the return was refused: {reply.verdict.text}",
            reason=Reason.NARRATIVE,
            remedy="Read the payment's state; correct what the text names, and request it again.",
        )


async def _commands(connection: asyncpg.Connection, ids: ChangeIds, content: ReturnPayment) -> list[Return]:
    uetr, minor = UUID(content.uetr), 0
    if content.amount is not None:
        currency = await connection.fetchval(_CURRENCY, uetr)
        minor = money_of(content.amount, currency).minor
    return [command_of(ids, uetr, content.reason, minor=minor)]


async def _return(execution: Execution, content: ReturnPayment) -> None:
    (command,) = await _commands(execution.connection, execution.ids, content)
    await give_back(execution, command)
    part = f": {content.amount} of its credit" if content.amount else ""
    execution.outcome = f"{content.uetr} is returned{part}"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "payment.return",
        "Return a credited payment",
        ReturnPayment,
        _return,
        _check,
        effect=_effect,
        links=links_to(Subject.PAYMENT, "uetr"),
        commands=_commands,
        moves_books=True,
    ),
)
