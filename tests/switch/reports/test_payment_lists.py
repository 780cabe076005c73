"""Lists of payments: what was asked and nothing else, no account in it, and a proof of every line."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import audit
from ledger.signing import Signer
from schemas.errors import InvalidMessage, NotAllowed, NotFound, Unavailable
from schemas.money import Money
from switch.reports import evidence, payment_lists
from switch.reports.payment_lists import ABOVE, OF_CORRIDOR, OF_PAYER
from switch.reports.query import Scope, read_query
from switch.reports.reading import reading
from switch.reports.table import Report
from tests.switch.reports.conftest import Day, make
from tests.switch.reports.test_patterns import ASKED, fill

HOUR = timedelta(hours=1)
PERIOD: dict[str, Any] = {name: ASKED[name] for name in ("since", "until")}
PAYMENTS = [
    (HOUR, 5_000, "asha", "noor", []),
    (2 * HOUR, 5_001, "asha", "imran", []),
    (3 * HOUR, 100, "ravi", "noor", []),
]


def uetrs(report: Report) -> list[UUID]:
    return [UUID(str(uetr)) for uetr in report.column("uetr")]


async def test_payments_above_an_amount_are_those_of_more_than_it(own: asyncpg.Connection) -> None:
    made = await fill(own, PAYMENTS)
    found = await make(own, ABOVE, **PERIOD, currency="INR", above="5000.00")

    assert uetrs(found) == made[1:2]
    assert found.parameters["above"] == "5000.00"
    assert found.totals[0][9] == Money(500_100, "INR")
    assert uetrs(await make(own, ABOVE, **PERIOD, currency="PKR", above="1")) == []


async def test_the_payer_of_a_payment_leads_to_its_other_payments_without_an_account(
    connection: asyncpg.Connection, day: Day
) -> None:
    row = await connection.fetchrow(
        "SELECT uetr, debtor FROM switch.payment JOIN switch.payment_party USING (number) LIMIT 1"
    )
    count = await connection.fetchval(
        "SELECT count(*) FROM switch.payment_party WHERE debtor = $1", row["debtor"]
    )
    by_payment = await make(connection, OF_PAYER, **day.period, uetr=row["uetr"])
    payer = by_payment.parameters["payer"]

    assert payer == f"p-{row['debtor'].hex()}"
    assert row["uetr"] in uetrs(by_payment)
    assert len(by_payment.rows) == count
    assert by_payment.rows == (await make(connection, OF_PAYER, **day.period, payer=payer)).rows
    for wrong in ({}, {"uetr": row["uetr"], "payer": payer}):
        with pytest.raises(InvalidMessage):
            await make(connection, OF_PAYER, **day.period, **wrong)
    with pytest.raises(NotFound):
        await make(connection, OF_PAYER, **day.period, uetr=UUID(int=1))
    with pytest.raises(NotAllowed):
        await make(connection, OF_PAYER, Scope("p", participant="in-bank-0"), **day.period, payer=payer)


async def test_payments_whose_parties_are_not_read_yet_are_not_left_out(own: asyncpg.Connection) -> None:
    await fill(own, PAYMENTS)
    await own.execute(
        "DELETE FROM switch.payment_party WHERE number = (SELECT max(number) FROM switch.payment_party)"
    )

    with pytest.raises(Unavailable):
        await make(own, OF_PAYER, **PERIOD, payer=f"p-{'0' * 32}")


async def test_a_corridor_has_its_payments_and_their_outcomes(
    connection: asyncpg.Connection, day: Day
) -> None:
    found = await make(connection, OF_CORRIDOR, **day.period, corridor="KG-KZ")
    by_corridor = await make(connection, "corridors", **day.period)
    row = next(row for row in by_corridor.rows if row[:2] == ("KG", "KZ"))
    outcomes = list(found.column("outcome"))

    assert len(found.rows) == row[4]
    assert [outcomes.count(each) for each in payment_lists.OUTCOMES] == [row[5], row[6], row[7], row[8]]
    assert set(found.column("corridor")) == {"KG-KZ"}
    assert (
        uetrs(
            await make(
                connection, OF_CORRIDOR, Scope("p", participant="in-bank-0"), **day.period, corridor="KG-KZ"
            )
        )
        == []
    )


async def test_every_line_of_a_list_is_proved_against_one_checkpoint(
    connection: asyncpg.Connection, day: Day
) -> None:
    key = Signer("test/log", Ed25519PrivateKey.generate())
    found = await make(connection, OF_CORRIDOR, **day.period, corridor="IN-PK")
    transaction = connection.transaction()
    await transaction.start()
    await audit.checkpoint(connection, key)
    proved = await evidence.proved(connection, found)
    bundle = json.loads(proved.attachments[evidence.BUNDLE])
    size = (await audit.page(connection))[0].size
    one_by_one = [
        [part.hex() for part in await audit.prove_inclusion(connection, event["seq"], size)]
        for event in bundle["events"][:20]
    ]
    await transaction.rollback()

    assert {event["number"] for event in bundle["events"]} == set(found.numbers)
    assert len(found.numbers) > 10
    assert [event["proof"] for event in bundle["events"][:20]] == one_by_one


async def test_proofs_wait_for_a_checkpoint_and_are_bounded(
    connection: asyncpg.Connection, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await make(connection, OF_CORRIDOR, **day.period, corridor="IN-PK")

    with pytest.raises(Unavailable):
        await evidence.proved(connection, found)
    monkeypatch.setattr(evidence, "PROVED_MAX", 3)
    with pytest.raises(InvalidMessage):
        await evidence.proved(connection, found)
    monkeypatch.setattr(payment_lists, "ROWS_MAX", 3)
    with pytest.raises(InvalidMessage):
        async with reading(connection):
            await payment_lists.read_of_corridor(
                connection, read_query({**asked(day), "corridor": "IN-PK"}), Scope("t", everything=True)
            )


def asked(day: Day) -> dict[str, str]:
    return {name: at.isoformat() for name, at in day.period.items()}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("stated", "read"), [("5,000,000.00", "5000000.00"), ("5000000", "5000000"), ("0.5", "0.5")]
)
def test_an_amount_may_have_separators(stated: str, read: str) -> None:
    assert read_query({"above": stated}).above == read


@pytest.mark.parametrize(
    "given",
    [
        {"above": "5000,00"},
        {"above": "-1"},
        {"above": "1e9"},
        {"above": "1" * 16},
        {"corridor": "INPK"},
        {"payer": "asha"},
    ],
)
def test_what_is_no_amount_no_corridor_and_no_pseudonym_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(InvalidMessage):
        read_query(given)
