"""What contents of changes share: fields with their labels and hints, amounts, and looking things up."""

from typing import Annotated, Any

import asyncpg
import msgspec

from schemas.errors import InvalidAmount, Refused
from schemas.money import EXPONENTS, Money
from schemas.reasons import Reason
from switch.payments.pricing import POSITION

Id = Annotated[
    str,
    msgspec.Meta(
        pattern="^[a-z0-9][a-z0-9-]{1,34}$",
        description="2 to 35 small letters, digits and hyphens, as asha-bank",
    ),
]
Participant = Annotated[Id, msgspec.Meta(title="Participant")]
Country = Annotated[
    str,
    msgspec.Meta(
        title="Country", pattern="^[A-Z]{2}$", description="a country of two capital letters, as IN"
    ),
]
Currency = Annotated[
    str,
    msgspec.Meta(
        title="Currency", pattern="^[A-Z]{3}$", description="a currency of three capital letters, as INR"
    ),
]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=140, description="1 to 140 characters")]
KeyId = Annotated[
    str,
    msgspec.Meta(
        title="Id of the key",
        pattern="^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$",
        description="2 to 64 letters, digits, points, hyphens and underscores, as asha-bank-1",
    ),
]
PublicKeyText = Annotated[str, msgspec.Meta(title="Public key (PEM)")]
Open = Annotated[bool, msgspec.Meta(title="Open")]


def money_of(text: str, currency: str) -> Money:
    """Read an amount.

    Raises:
        InvalidAmount: not a plain decimal of the currency, or zero.

    """
    return Money.parse(text, currency)


def cap_of(text: str, currency: str) -> int:
    """Read a net debit cap, in minor units; zero is one.

    Raises:
        InvalidAmount: not a plain decimal of the currency.

    """
    if currency not in EXPONENTS:
        raise InvalidAmount("unknown currency")
    return 0 if text.strip("0.") == "" else Money.parse(text, currency).minor


def participant_of(content: Any) -> str:
    """Whose affair a change is."""
    name: str = content.participant
    return name


def refuse(text: str) -> Refused:
    """Say why a change cannot be made."""
    return Refused(text, reason=Reason.NARRATIVE)


async def status_of(connection: asyncpg.Connection, participant: str) -> str:
    """A participant's status, which stays so for the running transaction.

    Raises:
        Refused: there is none.

    """
    status: str | None = await connection.fetchval(
        "SELECT status FROM switch.participant WHERE id = $1 FOR SHARE", participant
    )
    if status is None:
        raise refuse("no such participant")
    return status


async def check_not_removed(connection: asyncpg.Connection, content: Any) -> None:
    """It must still take part.

    Raises:
        Refused: it does not.

    """
    if await status_of(connection, content.participant) == "removed":
        raise refuse("this participant is removed")


async def account_number(
    connection: asyncpg.Connection, owner: str, currency: str, purpose: str = POSITION
) -> int:
    """The number of a ledger account, closed or not.

    Raises:
        Refused: there is none.

    """
    number: int | None = await connection.fetchval(
        "SELECT number FROM ledger.account WHERE owner = $1 AND currency = $2 AND purpose = $3",
        owner,
        currency,
        purpose,
    )
    if number is None:
        raise refuse("no account in this currency")
    return number
