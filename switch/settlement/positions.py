"""Net position of each participant in a window, from its payments only.

The nets of all postings are differences of account counters, so a million payments cost no more than one.
Postings that are not payments (funds paid in or out, earlier settlements) are few transfers, all of them with
the scheme's settlement account. They are reported separately, and so are returned payments. Reports,
statements, pages, the command line and the instruction all read `flows`.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Final

import asyncpg
import msgspec

from ledger import windows
from schemas.errors import SwitchError
from switch.base.sql import statements
from switch.payments.pricing import GROSS, POSITION, SCHEME

NOT_OWED: Final = ("settlement", GROSS)
"""Purposes of accounts whose postings are no debt between banks: funding, or final already."""

_APART: Final = statements("switch.settlement")("other_postings")


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
    """Postings of one account in a window, by type; minor units."""

    owner: str
    purpose: str
    debits: int
    """Payments, gross; returns are separate."""
    credits: int
    other: OtherPostings
    count: int
    """Number of postings of every type."""

    @property
    def net(self) -> int:
        """Net to settle: payments less returns. A positive net is to be received."""
        return self.credits - self.debits + self.other.returned


class Unbalanced(SwitchError):
    """The nets of a window do not sum to zero; nothing may be settled until people have examined it."""


async def flows(connection: asyncpg.Connection | asyncpg.Pool, window: int) -> list[Flow]:
    """Every account with postings in a window: the only source of a window's nets.

    Raises:
        Unbalanced: the payments' nets do not sum to zero, which must not happen.

    """
    other = await other_postings(connection, window)
    found = [
        flow(
            n.owner, n.purpose, n.debits, n.credits, other.get((n.owner, n.purpose), OtherPostings()), n.count
        )
        for n in await windows.nets(connection, window)
    ]
    if sum(each.net for each in found) != 0:
        raise Unbalanced
    return found


def flow(owner: str, purpose: str, debits: int, credits_: int, other: OtherPostings, count: int) -> Flow:  # noqa: PLR0917
    """Split an account's debits and credits of a window by type; pure."""
    return Flow(owner, purpose, debits - other.debits, credits_ - other.credits, other, count)


async def other_postings(
    connection: asyncpg.Connection | asyncpg.Pool, window: int
) -> dict[tuple[str, str], OtherPostings]:
    """Postings of a window that are not plain payments, by owner and purpose of the account."""
    found: dict[tuple[str, str], OtherPostings] = {}
    for row in await connection.fetch(_APART, window, SCHEME):
        key, what = (row["owner"], row["purpose"]), row["what"]
        so_far = found.get(key, OtherPostings())
        found[key] = replace(
            so_far,
            debits=so_far.debits + row["debits"],
            credits=so_far.credits + row["credits"],
            **{what: getattr(so_far, what) + row["credits"] - row["debits"]},
        )
    return found


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
