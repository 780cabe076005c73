"""I12, for payments that begin at a rail: the payer is debited exactly when the payee is credited.

What the rail was told agrees with the ledger, or the difference is an obligation, which is a case until two
people have settled it. Where the rail's book of payers is at hand, as that of a simulated rail is, the debits
themselves are compared. `verify` has the other invariants.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

import asyncpg

from adapters.simulation import debit_book
from adapters.simulation.debit_book import DebitEntry, DebitState
from switch.base.sql import statements
from switch.payments.inbound import RefundState


class Credited(Protocol):
    """What a rail's book has of one UETR."""

    times: int
    sums: Counter[str]
    """Minor units by currency."""


NAME: Final = "I12 both sides"
TEXT: Final = "payers at rails are debited exactly when payees are credited, or an obligation is a case"
_RAILS: Final = "SELECT rail::text FROM switch.rail_inbound ORDER BY rail"
_ORDERS: Final = statements("switch.operations")("inbound_orders")
_DONE: Final = "done"
_NOT_EXECUTED: Final = frozenset({"refused", "stopped", "barred"})


async def rails(connection: asyncpg.Connection) -> list[str]:
    """Countries whose rails' orders are taken, or were."""
    return [row["rail"] for row in await connection.fetch(_RAILS)]


async def orders(connection: asyncpg.Connection, country: str) -> list[asyncpg.Record]:
    """Every order of a rail, with what the ledger has of its payment."""
    rows: list[asyncpg.Record] = await connection.fetch(_ORDERS, country)
    return rows


def fault_of(order: asyncpg.Record) -> str:
    """What is wrong between an order and the ledger; empty if nothing is."""
    state, posted = order["state"], order["posted"]
    if state == _DONE and not posted:
        return "its rail was told that it is done, and its payment is not credited"
    if state in _NOT_EXECUTED and (posted or order["pending"]) and not order["disputed"]:
        return "its rail was told that it is refused, and its payment is not"
    if state == _DONE and order["returned"] and not order["disputed"]:
        return "its payment was returned, and nobody owes that to the payer"
    if state not in {_DONE, *_NOT_EXECUTED} and not order["open"]:
        return "it has no outcome, and nobody looks at it"
    if state in {_DONE, "refused"} and not (order["open"] or order["told"]):
        return "its rail was never told the outcome"
    return ""


def fault_of_refund(refund: asyncpg.Record, credit: Credited | None) -> str:
    """What is wrong between our refund of an order and what its rail credited for it; empty if nothing is.

    What the rail executed after people settled the order otherwise is a break, as in the rail's file.
    """
    state, times = refund["refund"], 0 if credit is None else credit.times
    if state == RefundState.DONE and times != 1:
        return "it is refunded, and its rail has not credited the payer"
    if state == RefundState.GIVEN_BACK:
        left = 0 if credit is None else sum(credit.sums.values())
        agrees = left == refund["refund_minor"] - refund["refund_back_minor"]
        return "" if agrees else "its rail's book has not given back what is owed again"
    if credit is None or not times:
        return ""
    is_open = state in {RefundState.SENT, RefundState.UNKNOWN} and refund["settled"] is None
    if state != RefundState.DONE and not is_open:
        return "its rail has credited the payer, and it is not refunded here"
    if sum(credit.sums.values()) != refund["refund_minor"]:
        return "its rail has credited another amount"
    return ""


def read_debits(rails_directory: Path, country: str) -> Mapping[str, DebitEntry] | None:
    """The book of payers of a rail, by the rail's id; None if it is not at hand.

    Raises:
        ValueError: a line cannot be parsed.

    """
    file = rails_directory / country / debit_book.FILE_NAME
    return debit_book.last_states(file) if file.exists() else None


def _same_amount(entry: DebitEntry, order: asyncpg.Record | None) -> bool:
    if order is None or order["stated_minor"] is None:  # archived
        return True
    return (entry.amount_minor, entry.currency) == (order["stated_minor"], order["debit_currency"])


def faults_of_debits(
    debits: Mapping[str, DebitEntry], found: Mapping[str, asyncpg.Record]
) -> Iterator[tuple[str, str]]:
    """What is wrong between payers and orders: the UETR, and what it is, which is empty if nothing is."""
    for ref, entry in debits.items():
        order = found.get(ref)
        state = None if order is None else order["state"]
        if order is not None and order["disputed"]:
            yield entry.uetr, ""
        elif entry.state is DebitState.DONE and state != _DONE:
            yield entry.uetr, f"its payer is debited, and the order is {state or 'unknown'}"
        elif entry.state is DebitState.DONE and not _same_amount(entry, order):
            yield entry.uetr, "its payer is debited with another amount than the payment's"
        elif entry.state is DebitState.REFUNDED and state not in {None, *_NOT_EXECUTED}:
            yield entry.uetr, f"its payer is refunded, and the order is {state}"
        else:
            yield entry.uetr, ""
    for ref, order in found.items():
        if ref not in debits and order["state"] == _DONE:
            yield str(order["uetr"]), "it is done, and no payer of its rail has ordered it"
