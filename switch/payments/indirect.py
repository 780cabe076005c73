"""Indirect participants: banks that are reached over a rail, for which a gateway holds the position.

Two people import the directory of a rail (`switch.participants.indirect`). A payment whose creditor agent is
such a bank is sent over the rail as to any other; its money is credited to the bank's gateway, a participant
of the kind `gateway`. So positions, statements and settlement know the gateway, and the rail pays the bank.

A bank is found by its BIC or by an id in a clearing system. It is read for each payment, not kept in memory:
directories may have many thousands of entries, and a change of one is in force at once.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final

import asyncpg
import msgspec
from msgspec import structs

from adapters.profile import zone_named
from schemas.errors import Refused
from schemas.money import Money
from schemas.payment import Agent, CreditTransfer
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.payments import pricing
from switch.payments.directory import DirectorySnapshot
from switch.payments.rails import Rail
from switch.writer.indirect import ANY_END, fit

_FIND: Final = statements("switch.payments")("indirect_participants")
_INSTITUTION: Final = 8
_MEMBER_ID: Final = f"{pricing.CREDITOR_AGENT}/FinInstnId/ClrSysMmbId/MmbId"


class IndirectParticipant(msgspec.Struct, frozen=True, kw_only=True):
    """A bank that is reached over a rail; amounts in minor units of the rail's currency."""

    rail: str
    """Country of the rail."""
    id: str
    name: str
    bic: str
    """Empty: it has none."""
    codes: tuple[str, ...]
    """Its ids in clearing systems: each whole, or with `*` the beginning that its ids have."""
    gateway: str
    """The participant that holds the position for it."""
    payment_minor: int | None
    day_minor: int | None
    since: date | None
    """First day by the rail's clock; None: always."""
    until: date | None
    """First day on which it is no longer reached; None: it has no end."""

    def has_member_id(self, stated: str) -> bool:
        """Whether an id in a clearing system, or what an account says of its bank, is one of its own."""
        return self.fit(stated) > 0

    def fit(self, stated: str) -> int:
        """Characters of the longest code that an id has; 0 if it has none."""
        return fit(self.codes, stated)

    @property
    def key(self) -> str:
        """Its name for the writer."""
        return f"{self.rail} {self.id}"

    def registers(self, kind: str) -> bool:
        """Whether it has an id of a kind: `@`, payment addresses; `PK`, IBANs of a country."""
        return any(code.startswith(kind) for code in self.codes)

    @property
    def member_id(self) -> str | None:
        """The id by which a rail finds it, where a message states only its BIC: the first whole one."""
        whole = (code for code in self.codes if not code.endswith(ANY_END) and not code.startswith("@"))
        return next(whole, None)

    def is_reached(self, day: date) -> bool:
        """Whether payments reach it on a day of the rail's clock."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)

    def check(self, credit: Money) -> None:
        """Refuse a credited amount above the most of a payment.

        Raises:
            Refused: AM02.

        """
        if self.payment_minor is not None and credit.minor > self.payment_minor:
            most = Money(self.payment_minor, credit.currency)
            text = f"the credited amount would be {credit}; a payment to this bank is at most {most}"
            raise Refused(text, reason=Reason.NOT_ALLOWED_AMOUNT, path=pricing.AMOUNT)


def may_be(agent: Agent, directory: DirectorySnapshot) -> bool:
    """Whether an agent may be an indirect participant: it is no participant, or is none any more."""
    known = directory.by_bic.get((agent.bic or "")[:_INSTITUTION])
    return known is None or known.status == "removed"


async def find(
    connection: asyncpg.Pool | asyncpg.Connection, agent: Agent, rails: Mapping[str, Rail], now: datetime
) -> IndirectParticipant | None:
    """The indirect participant that an agent is; None if it is none. `rails` have the clocks.

    Raises:
        Refused: RC04 it is not reached now, the member id is not its own, or is one of several banks'.

    """
    bic, stated = (agent.bic or "")[:_INSTITUTION], (agent.member_id or "").strip().upper()
    if not bic and not stated:
        return None
    found = await read(connection, bic, "" if bic else stated)
    if bic:
        found = [each for each in found if each.bic[:_INSTITUTION] == bic]
    elif agent.clearing_system:
        systems = {country: rail.adapter.profile.clearing_system for country, rail in rails.items()}
        found = [each for each in found if systems.get(each.rail) == agent.clearing_system]
    reached = [each for each in found if each.rail in rails and each.is_reached(_day(rails[each.rail], now))]
    if found and not reached:
        text = "is a bank that is not reached now: its entry in the rail's directory has ended or not begun"
        raise _refused(text, pricing.CREDITOR_AGENT)
    longest = max((each.fit(stated) for each in reached), default=0)
    if not bic:
        reached = [each for each in reached if each.fit(stated) == longest]
    if len(reached) > 1:
        raise _refused("is an id of several banks: state the clearing system, or the BIC", _MEMBER_ID)
    if reached and bic and stated and not longest:
        raise _refused("is not an id of the bank of this BIC: state one of its own, or none", _MEMBER_ID)
    return reached[0] if reached else None


async def read(
    connection: asyncpg.Pool | asyncpg.Connection, bic: str, stated: str
) -> list[IndirectParticipant]:
    """Entries of all rails with the institution of a BIC, or with a code that covers an id."""
    beginnings = [stated[:end] + ANY_END for end in range(1, len(stated) + 1)]
    return of_rows(await connection.fetch(_FIND, bic, [stated, *beginnings] if stated else []))


def of_rows(rows: Iterable[asyncpg.Record]) -> list[IndirectParticipant]:
    """Entries as they are in the database."""
    return [IndirectParticipant(**{**row, "codes": tuple(row["codes"])}) for row in rows]


async def owns(
    connection: asyncpg.Pool | asyncpg.Connection, rail: Rail, stated: str, now: datetime
) -> IndirectParticipant | None:
    """The bank at a rail whose id this is, such as the one that an account names; None if there is none."""
    country = rail.adapter.profile.country
    found = [
        each
        for each in await read(connection, "", stated.strip().upper())
        if each.rail == country and each.is_reached(_day(rail, now))
    ]
    return max(found, key=lambda each: each.fit(stated), default=None)


def addressed(payment: CreditTransfer, bank: IndirectParticipant) -> CreditTransfer:
    """The payment with what the rail needs to find the bank, where the message does not state it."""
    agent = payment.creditor_agent
    full = structs.replace(
        agent, bic=agent.bic or bank.bic or None, member_id=agent.member_id or bank.member_id
    )
    return structs.replace(payment, creditor_agent=full)


def _day(rail: Rail, now: datetime) -> date:
    return now.astimezone(zone_named(rail.adapter.profile.hours.zone)).date()


def _refused(text: str, path: str) -> Refused:
    return Refused(text, reason=Reason.INVALID_CREDITOR_BANK_IDENTIFIER, path=path)
