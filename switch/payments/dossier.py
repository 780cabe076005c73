"""All data of one payment in the switch, except personal data in its messages.

For people who oversee payments: its status, journey and postings in the ledger, and everything related to it:
messages between its banks, reconciliation breaks, changes that people requested.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.money import Money
from switch.base.sql import statements
from switch.payments import own_uetrs
from switch.payments.journey import JourneyTransition, read_path, read_payment

_statement: Final = statements("switch.payments")
_LEGS: Final = _statement("legs")
_MESSAGES: Final = _statement("messages_of_payment")
_BREAKS: Final = _statement("breaks_of_payment")
_CHANGES: Final = _statement("changes_of_payment")
_EVENTS: Final = _statement("events_of_payment")
_ORDER: Final = _statement("order_of_payment")


@dataclass(frozen=True, slots=True)
class DossierLeg:
    """Money moved or reserved between two accounts."""

    number: int
    purpose: str
    amount: Money
    debit: tuple[str, str]
    """The owner and the kind of the account: `position`, `gross`, `fees` or `settlement`."""
    credit: tuple[str, str]
    state: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """One payment. `payment` is its representation in the API; the other fields are rows."""

    payment: dict[str, Any]
    stated: tuple[str, UUID] | None
    """The sender and what it stated, if the payment has a UETR of its own."""
    path: list[JourneyTransition]
    legs: list[DossierLeg]
    events: list[asyncpg.Record]
    messages: list[asyncpg.Record]
    breaks: list[asyncpg.Record]
    changes: list[asyncpg.Record]
    order: asyncpg.Record | None
    """The order of a rail of which the payment was made; None if a participant sent it."""

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The journey, with instants as datetimes."""
        return [{**step, "at": datetime.fromisoformat(step["at"])} for step in self.payment["journey"]]


async def read(pool: asyncpg.Pool, uetr: UUID, owners: list[str] | None) -> Dossier:
    """Read one payment of which an owner in `owners` is a party; None permits all payments.

    `uetr` may be what an owner states of its payment; everything is read by the UETR of the books.

    Raises:
        NotFound: there is none, or no owner is a party to it.

    """
    payment = await read_payment(pool, uetr, owners)
    uetr = UUID(payment["uetr"])
    return Dossier(
        payment=payment,
        stated=await own_uetrs.statement_of(pool, uetr),
        path=await read_path(pool, uetr),
        legs=[_leg(row) for row in await pool.fetch(_LEGS, uetr)],
        events=await pool.fetch(_EVENTS, uetr),
        messages=await pool.fetch(_MESSAGES, uetr),
        breaks=await pool.fetch(_BREAKS, uetr),
        changes=await pool.fetch(_CHANGES, str(uetr)),
        order=await pool.fetchrow(_ORDER, uetr),
    )


def _leg(row: asyncpg.Record) -> DossierLeg:
    return DossierLeg(
        number=row["number"],
        purpose=row["purpose"],
        amount=Money(row["amount"], row["currency"]),
        debit=(row["debit_owner"], row["debit_purpose"]),
        credit=(row["credit_owner"], row["credit_purpose"]),
        state=row["state"],
    )
