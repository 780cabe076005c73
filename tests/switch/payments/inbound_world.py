"""Payments that begin at simulated rails, and what both sides and the switch have in their books."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.simulation import book as rail_book
from adapters.simulation import debit_book, origin
from adapters.simulation.debit_book import DebitEntry, DebitState
from ledger.verify import CheckResult
from switch.operations import verify
from tests.switch.payments.test_originate import control
from tests.switch.stack import Stack

GATEWAYS = {
    "IN": ("upi-gateway", "GTWYINBB", "INR"),
    "PK": ("raast-gateway", "GTWYPKKA", "PKR"),
    "KZ": ("kz-gateway", "GTWYKZKA", "KZT"),
    "BY": ("by-gateway", "GTWYBYBY", "BYN"),
    "CN": ("cn-gateway", "GTWYCNBJ", "CNY"),
    "KG": ("kg-gateway", "GTWYKGKG", "KGS"),
    "RU": ("ru-gateway", "GTWYRUMM", "RUB"),
    "UZ": ("uz-gateway", "GTWYUZUZ", "UZS"),
    "IR": ("ir-gateway", "GTWYIRTH", "IRR"),
    "TJ": ("tj-gateway", "GTWYTJ22", "TJS"),
}
"""Id, BIC and currency of the gateway of each rail that originates."""
_CAP = "1000000.00"
_UNITS = {"IR": 100}
"""Where an amount of these tests is so many times as much: a rial is little, and is not divided."""
_MOST = Decimal("500000000.00")


async def with_gateways(stack: Stack, countries: Sequence[str]) -> None:
    """Onboard the gateways, with money, and take the orders of their rails; what is there stays."""
    async with stack.client("asha-bank") as client:
        known = {each["id"] for each in await client.read("participants")}
    for country in countries:
        name, bic, currency = GATEWAYS[country]
        if name not in known:
            account = {"currency": currency, "net_debit_cap": amount_at(country, _CAP)}
            onboard = {"id": name, "name": name, "bic": bic, "country": country, "kind": "gateway"}
            await stack.agreed("participant.onboard", {**onboard, "accounts": [account]})
        await stack.agreed("rail.inbound", taken_by(name, country))


def taken_by(gateway: str, country: str, *, purpose: str | None = "FAMI") -> dict[str, Any]:
    """The content of the change by which a gateway takes the orders of a rail."""
    return {"country": country, "gateway": gateway, "open": True, "purpose": purpose}


def amount_at(country: str, amount: str) -> str:
    """An amount of these tests in a country; the largest is still what its payer has several times."""
    if country in _UNITS:
        return f"{min(Decimal(amount) * _UNITS[country], _MOST):.2f}"
    return amount


async def originate(
    stack: Stack,
    source: str,
    target: str,
    *,
    amount: str = "120.00",
    word: str = "",
    behaviour: str = "",
    count: int = 1,
    payee: str = origin.PAYEE,
    look_up: str = "",
    quote: str = "",
    bank: str = "",
    account: str = "",
) -> list[str]:
    """Have customers of a rail pay abroad; the UETRs."""
    wish = {
        "via": "rail",
        "creditor_country": target,
        "amount": amount_at(source, amount),
        "word": word,
        "behaviour": behaviour,
        "count": count,
        "payee": payee,
        "look_up": look_up,
        "quote": quote,
        "bank": bank,
        "account": account,
    }
    status, begun = await control(stack, source, "POST", "/originate", wish)
    assert status == 202, begun
    uetrs: list[str] = begun["uetrs"]
    return uetrs


def debits(rails: Path, country: str) -> dict[str, DebitEntry]:
    """The payments abroad of a rail's customers, by UETR."""
    found = debit_book.last_states(rails / country / debit_book.FILE_NAME).values()
    return {entry.uetr: entry for entry in found}


def credited(rails: Path, country: str) -> dict[str, list[rail_book.BookEntry]]:
    """What a rail credited, by UETR."""
    found: dict[str, list[rail_book.BookEntry]] = {}
    for entry in rail_book.read(rails / country / rail_book.FILE_NAME):
        if entry.outcome is rail_book.EntryStatus.DONE:
            found.setdefault(entry.uetr, []).append(entry)
    return found


async def ended(
    stack: Stack, country: str, uetrs: Sequence[str], *, within_s: float = 60
) -> list[DebitState]:
    """Wait until the payer's bank has ended these payments; their states."""
    async with asyncio.timeout(within_s):
        while True:
            book = debits(stack.settings.rails_directory, country)
            states = [book[uetr].state for uetr in uetrs]
            if DebitState.HELD not in states:
                return states
            await asyncio.sleep(0.1)


async def ended_with_people(stack: Stack, source: str, target: str, uetrs: Sequence[str]) -> list[DebitState]:
    """The same; a payment of which its rail was asked as often as it may be is resolved by two people.

    A rail that bounds enquiries leaves that to people; on a busy machine some payments come to it: within ten
    seconds every other payment has ended.
    """
    try:
        return await ended(stack, source, uetrs, within_s=10)
    except TimeoutError:
        book = debits(stack.settings.rails_directory, source)
        there = credited(stack.settings.rails_directory, target)
    for uetr in uetrs:
        if book[uetr].state is DebitState.HELD:
            outcome = "committed" if uetr in there else "aborted"
            content = {"uetr": uetr, "outcome": outcome, "evidence": "the book of the rail"}
            await stack.agreed("payment.resolve", content)
    return await ended(stack, source, uetrs)


@dataclass(frozen=True)
class Kept:
    """What the switch has of an order."""

    state: str
    reason: str
    told: bool
    disputed: str
    settled: bool
    open: bool


async def kept(stack: Stack, uetr: str, kind: str = "order") -> Kept | None:
    connection = await stack.connect()
    try:
        row = await connection.fetchrow(
            "SELECT state, reason, told_at IS NOT NULL AS told, disputed, settled IS NOT NULL AS settled,"
            " due_at IS NOT NULL AS open FROM switch.inbound_order WHERE uetr = $1 AND kind = $2",
            UUID(uetr),
            kind,
        )
    finally:
        await connection.close()
    return None if row is None else Kept(**row)


async def until_kept(
    stack: Stack, uetr: str, kind: str = "order", within_s: float = 30, **wanted: Any
) -> Kept:
    """Wait until the switch has this of an order."""
    found: Kept | None = None
    try:
        async with asyncio.timeout(within_s):
            while True:
                found = await kept(stack, uetr, kind)
                if found is not None and all(getattr(found, name) == value for name, value in wanted.items()):
                    return found
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not {wanted}: {found}") from None


async def journey(stack: Stack, uetr: str, gateway: str) -> dict[str, Any]:
    """A payment, as an operator reads it."""
    connection = await stack.connect()
    try:
        text = await connection.fetchval(
            "SELECT jsonb_build_object('debtor_agent', debtor_agent, 'creditor_agent', creditor_agent,"
            " 'debit', debit_minor, 'credit', credit_minor) FROM switch.payment WHERE uetr = $1",
            UUID(uetr),
        )
    finally:
        await connection.close()
    assert text is not None, f"no payment {uetr} of {gateway}"
    found: dict[str, Any] = json.loads(text)
    return found


async def case_state(stack: Stack, uetr: str) -> str | None:
    """Whether the case of an order is open or closed; None without one."""
    connection = await stack.connect()
    try:
        state: str | None = await connection.fetchval(
            "SELECT CASE WHEN closed_at IS NULL THEN 'open' ELSE 'closed' END FROM switch.case_file WHERE subject = $1",
            f"order/{uetr}",
        )
    finally:
        await connection.close()
    return state


async def until_case(stack: Stack, uetr: str, state: str) -> None:
    async with asyncio.timeout(30):
        while await case_state(stack, uetr) != state:
            await asyncio.sleep(0.2)


async def both_sides(stack: Stack) -> CheckResult:
    """I12, as `payswitch verify` checks it."""
    connection = await stack.connect()
    try:
        return await verify.both_sides(connection, stack.settings.rails_directory)
    finally:
        await connection.close()


async def breaks_of(stack: Stack, uetr: str) -> list[int]:
    """Numbers of the open breaks of a payment."""
    connection = await stack.connect()
    try:
        question = "SELECT id FROM switch.reconciliation_break WHERE uetr = $1 AND resolved_at IS NULL"
        return [row["id"] for row in await connection.fetch(question, UUID(uetr))]
    finally:
        await connection.close()
