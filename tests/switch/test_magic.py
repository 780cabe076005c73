"""Every magic account, through the whole switch, on both rails: how it ends, and that money moves once."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest

from adapters.simulation import book as rail_book
from adapters.simulation.magic import Magic
from tests.switch.stack import Stack

ROUTES = {"PK": ("asha-bank", "noor-wallet"), "IN": ("noor-wallet", "asha-bank")}
# fmt: off
ENDS = {
    "":             ("COMMITTED", None),
    "AC04":         ("ABORTED", "AC04"),
    "AC01":         ("ABORTED", "AC01"),
    "AM04":         ("ABORTED", "AM04"),
    "RR04":         ("ABORTED", "RR04"),
    "SLOW2":        ("COMMITTED", None),
    Magic.SILENT:   ("COMMITTED", None),
    Magic.DUPCB:    ("COMMITTED", None),
    Magic.OOO:      ("COMMITTED", None),
    Magic.LATE:     ("COMMITTED", None),
    Magic.UNKFND:   ("COMMITTED", None),
    Magic.GARBAGE:  ("COMMITTED", None),
    Magic.CUT:      ("COMMITTED", None),
    Magic.PENDING:  ("COMMITTED", None),
    Magic.WRONGREF: ("COMMITTED", None),
    Magic.BADSIG:   ("COMMITTED", None),
    Magic.HTTP502:  ("COMMITTED", None),
    Magic.FLIP:     ("ABORTED", "MS03"),
    Magic.WRONGAMT: (None, None),
    Magic.LOST:     (None, None),
}
# fmt: on
NOT_ENDED = {Magic.WRONGAMT, Magic.LOST}
"""Another amount confirms nothing, so people decide; a lost order ends after its expiry (see below)."""


def test_every_magic_word_has_its_end() -> None:
    assert set(Magic) - {Magic.SLOW} <= set(ENDS)


def credits(stack: Stack, country: str, uetr: str) -> int:
    path = stack.settings.rails_directory / country / rail_book.FILE_NAME
    kinds = Counter(e.outcome for e in rail_book.read(path) if e.uetr and UUID(e.uetr) == UUID(uetr))
    return kinds[rail_book.Kept.DONE] - kinds[rail_book.Kept.REVERSED]


@pytest.mark.parametrize("country", ROUTES)
@pytest.mark.parametrize("word", ENDS)
async def test_a_magic_account_ends_as_its_table_says(stack: Stack, word: str, country: str) -> None:
    debtor, creditor = ROUTES[country]
    state, reason = ENDS[word]
    async with stack.client(debtor) as client:
        first = await client.pay(stack.document(debtor, creditor, word=word))
        payment = await client.payment(first.uetr, wait=3 if word in NOT_ENDED else 25)

    if word in NOT_ENDED:
        assert payment.state in {"SENT", "UNKNOWN"}, payment.journey
    else:
        assert (payment.state, payment.reason) == (state, reason), payment.journey
    expected = 0 if word == Magic.LOST or (state == "ABORTED" and word != Magic.FLIP) else 1
    assert credits(stack, country, first.uetr) == expected


@pytest.mark.parametrize("country", ROUTES)
async def test_money_stays_held_while_a_payment_is_in_doubt(stack: Stack, country: str) -> None:
    debtor, creditor = ROUTES[country]
    async with stack.client(debtor) as client:
        first = await client.pay(stack.document(debtor, creditor, word=Magic.WRONGAMT))
        await asyncio.sleep(1)
        connection = await stack.connect()
        held = await connection.fetchval(
            "SELECT count(*) FROM ledger.transfer AS t LEFT JOIN ledger.resolution AS r USING (number)"
            " WHERE t.id = $1 AND r.number IS NULL",
            UUID(first.uetr),
        )
        await connection.close()

    assert held == 1


@pytest.mark.parametrize("country", ROUTES)
async def test_an_order_the_rail_never_had_ends_after_its_expiry_and_grace(
    stack: Stack, country: str
) -> None:
    debtor, creditor = ROUTES[country]
    async with stack.client(debtor) as client:
        first = await client.pay(stack.document(debtor, creditor, word=Magic.LOST))
        connection = await stack.connect()
        await connection.execute(
            "UPDATE switch.open_payment SET expires_at = clock_timestamp() - interval '1 hour' WHERE uetr = $1",
            UUID(first.uetr),
        )
        await connection.close()
        payment = await client.payment(first.uetr, wait=25)

    assert (payment.state, payment.reason) == ("ABORTED", "AB06")
    assert credits(stack, country, first.uetr) == 0
