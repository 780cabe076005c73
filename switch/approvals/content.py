"""Common parts of changes' contents: fields with labels and hints, amounts, and look-ups."""

from typing import Annotated, Any

import asyncpg
import msgspec

from schemas.errors import InvalidAmount, Refused
from schemas.money import EXPONENTS, Money
from schemas.reasons import Reason
from switch.approvals.kinds import locked
from switch.payments.pricing import POSITION

Id = Annotated[
    str,
    msgspec.Meta(
        pattern="^[a-z0-9][a-z0-9-]{1,34}$",
        description="2 to 35 lower-case letters, digits and hyphens, such as asha-bank",
    ),
]
Participant = Annotated[Id, msgspec.Meta(title="Participant")]
Country = Annotated[
    str,
    msgspec.Meta(
        title="Country", pattern="^[A-Z]{2}$", description="a country code of two capital letters, such as IN"
    ),
]
Currency = Annotated[
    str,
    msgspec.Meta(
        title="Currency",
        pattern="^[A-Z]{3}$",
        description="a currency code of three capital letters, such as INR",
    ),
]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=140, description="1 to 140 characters")]
KeyId = Annotated[
    str,
    msgspec.Meta(
        title="Key id",
        pattern="^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$",
        description="2 to 64 letters, digits, points, hyphens and underscores, such as asha-bank-1",
    ),
]
KeyRequestText = Annotated[
    str,
    msgspec.Meta(
        title="Key request (PKCS #10, PEM)",
        max_length=4000,
        description="a PKCS #10 request in PEM whose subject is O, the participant, and CN, the key id",
    ),
]
Uetr = Annotated[
    str,
    msgspec.Meta(
        title="UETR",
        pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="a UETR in lower case, such as 7c9e6679-7425-40de-944b-e07fc1f90ae7",
    ),
]
Clock = Annotated[
    str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", description="a time of day such as 18:30")
]
Amount = Annotated[
    str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,5})?$", description="such as 250000.00")
]
Open = Annotated[bool, msgspec.Meta(title="Open")]


def money_of(text: str, currency: str) -> Money:
    """Read an amount.

    Raises:
        InvalidAmount: not a plain decimal of the currency, or zero.

    """
    return Money.parse(text, currency)


def cap_of(text: str, currency: str) -> int:
    """Read a net debit cap in minor units; zero is valid.

    Raises:
        InvalidAmount: not a plain decimal of the currency.

    """
    if currency not in EXPONENTS:
        raise InvalidAmount("unknown currency")
    return 0 if text.strip("0.") == "" else Money.parse(text, currency).minor


def participant_of(content: Any) -> str:
    """The participant that a change concerns."""
    name: str = content.participant
    return name


def refuse(text: str, *, remedy: str | None = None) -> Refused:
    """Refusal of a change, with its reason and what to do about it."""
    return Refused(text, reason=Reason.NARRATIVE, remedy=remedy)


async def status_of(connection: asyncpg.Connection, participant: str) -> str:
    """Status of a participant; an execution locks it for its transaction.

    Raises:
        Refused: there is no such participant.

    """
    status: str | None = await connection.fetchval(
        locked("SELECT status FROM switch.participant WHERE id = $1", "SHARE"), participant
    )
    if status is None:
        raise refuse("no such participant", remedy="Use an id of GET /v1/participants.")
    return status


async def check_not_removed(connection: asyncpg.Connection, content: Any) -> None:
    """Check that the participant is not offboarded.

    Raises:
        Refused: it is.

    """
    if await status_of(connection, content.participant) == "removed":
        raise refuse(
            "this participant is offboarded",
            remedy="Use the id of a participant that is not removed: GET /v1/participants shows the status.",
        )


async def account_number(
    connection: asyncpg.Connection, owner: str, currency: str, purpose: str = POSITION
) -> int:
    """Number of a ledger account, open or closed.

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
        raise refuse(
            "no account in this currency",
            remedy="Open the account first (account.open), or name a currency of GET /v1/positions.",
        )
    return number
