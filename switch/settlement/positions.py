"""Net position of each participant in a window, from its payments only: the one definition of a net.

The nets of all postings are differences of account counters, so a million payments cost no more than one.
Postings that are not plain payments are few transfers, and each type is a column of its own: returned
payments, funds paid in or out, settlements of earlier windows. So are payments that settled gross, because
they are final already. Settlement lines, reports, pages, the API, the use of liquidity and the instruction
all read `flows_of`; pairs of participants are added up from the postings and must have the same nets.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import asyncpg
import msgspec

from ledger import windows
from ledger.windows import BilateralNet, WindowNet
from schemas.errors import SwitchError
from switch.base.sql import statements
from switch.payments.pricing import FEES, GROSS, POSITION, SCHEME

NOT_OWED: Final = ("settlement", GROSS)
"""Purposes of accounts whose postings are no debt between banks: funding, or final already."""

_APART: Final = statements("switch.settlement")("other_postings")


class PostingType(StrEnum):
    """Types of postings that every figure keeps apart."""

    PAID = "paid"
    RETURNED = "returned"
    FUNDED = "funded"
    SETTLED = "settled"


def type_of(purpose: str, *, corrects: bool) -> PostingType:
    """Type of a posting, by the purpose of its leg, and whether it corrects another posting."""
    match purpose:
        case "funding":
            return PostingType.FUNDED
        case "settlement":
            return PostingType.SETTLED
        case "correction":
            return PostingType.RETURNED
        case _:
            return PostingType.RETURNED if corrects else PostingType.PAID


@dataclass(frozen=True, slots=True)
class AccountNet:
    """One account's payments in a window; minor units, a positive net is to be received."""

    owner: str
    purpose: str
    minor: int


@dataclass(frozen=True, slots=True)
class OtherPostings:
    """Postings of an account in a window that are not plain payments; minor units.

    `debits` and `credits` are subtracted from the account's own to get those of payments. The others are
    nets, positive if the account received.
    """

    debits: int = 0
    credits: int = 0
    returned: int = 0
    """Net of returned payments."""
    funded: int = 0
    """Net of funds paid in and out."""
    settled: int = 0
    """Net of settlements of earlier windows."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Postings of one account in a window, by type, and its balances; minor units."""

    owner: str
    purpose: str
    opening: int
    debits: int
    """Payments, gross; returns are separate."""
    credits: int
    other: OtherPostings
    settled_gross: int
    """Net of payments and returns that settled gross: final already, so no part of the net."""
    count: int
    """Number of postings of every type."""

    @property
    def net(self) -> int:
        """Net to settle: payments less returns. A positive net is to be received."""
        return self.credits - self.debits + self.other.returned - self.settled_gross

    @property
    def closing(self) -> int:
        """Balance at the end of the window."""
        return self.opening + self.net + self.settled_gross + self.other.funded + self.other.settled


class Unbalanced(SwitchError):
    """The nets of a window do not sum to zero; nothing may be settled until people have examined it."""


async def flows(connection: asyncpg.Connection | asyncpg.Pool, window: int) -> list[Flow]:
    """Every account with postings in a window. Raises as `flows_of`."""
    return [flow for flow in (await flows_of(connection, [window]))[window] if flow.count]


async def flows_of(
    connection: asyncpg.Connection | asyncpg.Pool, numbers: Sequence[int]
) -> dict[int, list[Flow]]:
    """Every account that existed in each of these windows: the only source of a window's figures.

    Raises:
        Unbalanced: the payments' nets do not sum to zero, which must not happen.

    """
    other = await _other_postings(connection, numbers)
    read = await windows.nets(connection, numbers)
    found = {number: split(nets, other.get(number, {})) for number, nets in read.items()}
    if any(sum(flow.net for flow in flows) for flows in found.values()):
        raise Unbalanced
    return found


def split(nets: Sequence[WindowNet], other: dict[tuple[str, str], OtherPostings]) -> list[Flow]:
    """Split the debits and credits of a window's accounts by type; pure.

    Accounts for gross settlement exchange money only with each other and with the fees' account. So what
    their payments paid out in sum is the fees' account's part of payments that settled gross.
    """
    parts = [other.get((net.owner, net.purpose), OtherPostings()) for net in nets]
    paid = [net.net - part.funded - part.settled for net, part in zip(nets, parts, strict=True)]
    fees_gross = -sum(minor for net, minor in zip(nets, paid, strict=True) if net.purpose == GROSS)
    return [
        Flow(
            owner=net.owner,
            purpose=net.purpose,
            opening=net.opening_credits - net.opening_debits,
            debits=net.debits - part.debits,
            credits=net.credits - part.credits,
            other=part,
            settled_gross={GROSS: minor, FEES: fees_gross}.get(net.purpose, 0),
            count=net.count,
        )
        for net, part, minor in zip(nets, parts, paid, strict=True)
    ]


async def _other_postings(
    connection: asyncpg.Connection | asyncpg.Pool, numbers: Sequence[int]
) -> dict[int, dict[tuple[str, str], OtherPostings]]:
    """Postings that are not plain payments, by window, and by owner and purpose of the account."""
    found: dict[int, dict[tuple[str, str], OtherPostings]] = {}
    for row in await connection.fetch(_APART, list(numbers)):
        what = type_of(row["leg_purpose"], corrects=row["corrects"])
        if what is PostingType.PAID:
            continue
        of_window, key = found.setdefault(row["number"], {}), (row["owner"], row["purpose"])
        so_far = of_window.get(key, OtherPostings())
        of_window[key] = replace(
            so_far,
            debits=so_far.debits + row["debits"],
            credits=so_far.credits + row["credits"],
            **{what: getattr(so_far, what) + row["credits"] - row["debits"]},
        )
    return found


async def pairs(connection: asyncpg.Connection | asyncpg.Pool, window: int) -> list[BilateralNet]:
    """Who owes whom in a window: the nets of `flows`, by pairs of owners.

    Raises:
        Archived: postings of the window were detached.

    """
    return await windows.bilateral_nets(connection, window, without=NOT_OWED)


async def payment_nets(connection: asyncpg.Connection | asyncpg.Pool, window: int) -> list[AccountNet]:
    """Multilateral nets of a window's payments, by owner and purpose; they sum to zero.

    Raises:
        Unbalanced: they do not sum to zero, which must not happen.

    """
    return [
        AccountNet(each.owner, each.purpose, each.net)
        for each in sorted(await flows(connection, window), key=lambda each: (each.owner, each.purpose))
        if each.net
    ]


def of_participants(nets: list[AccountNet]) -> dict[str, int]:
    """Nets that are settled between banks: the positions. The scheme's fees stay in its own account."""
    return {net.owner: net.minor for net in nets if net.purpose == POSITION and net.owner != SCHEME}


def digest(window: int, currency: str, lines: dict[str, tuple[int, int]]) -> str:
    """Hash of a window's positions, net and carried by participant, which central banks confirm."""
    rows = [[name, *amounts] for name, amounts in sorted(lines.items())]
    return hashlib.sha256(msgspec.json.encode([window, currency, rows])).hexdigest()
