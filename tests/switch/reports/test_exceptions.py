"""Exceptions: both sides see the same rows, each with who owes whom and how it ended; a third country sees nothing."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from schemas.errors import InvalidParameter
from schemas.money import Money
from switch.reports import exceptions
from switch.reports.query import Scope
from switch.reports.render import render
from switch.reports.table import Report
from switch.reports.wording import LANGUAGES, Wording
from tests.switch.reports.conftest import make

BEGIN = datetime(2026, 11, 23, tzinfo=UTC)
UNTIL = BEGIN + timedelta(days=1)
ASKED = {"since": BEGIN, "until": UNTIL}
RECALLED, PARTED, ORDERED, UNPOSTED = range(1, 5)
"""Numbers of payments: recalled and asked about, returned, ordered by a rail, and credited though it was refused."""
WHOLE, PART, LATER = range(5, 8)
"""Numbers of returns: of the order's payment in full, of a part at the rate in force, and one after the period."""


def hours(n: float) -> datetime:
    return BEGIN + timedelta(hours=n)


async def event(connection: asyncpg.Connection, seq: int, at: datetime, **body: object) -> None:
    await connection.execute(
        "INSERT INTO ledger.event VALUES ($1, $1, $2, 'x', '', $3, '')", seq, at, json.dumps(body).encode()
    )


async def payment(connection: asyncpg.Connection, number: int) -> UUID:
    uetr = uuid4()
    await event(connection, number, hours(-48 + number / 100))
    await connection.execute(
        "INSERT INTO ledger.transfer (number, id, kind, fingerprint) VALUES ($1, $2, 'two_phase', 'f')",
        number,
        uetr,
    )
    await connection.execute(
        "INSERT INTO switch.payment VALUES ($1, $2, 'a-bank', 'pacs.008.001.08', 'M', 'a-bank', 'b-bank',"
        " 'PK', 'fx', '2', 'INR', 'PKR', 10000, 20000, 0, $3)",
        number,
        uetr,
        f"REF{number}",
    )
    return uetr


async def recall(connection: asyncpg.Connection, state: str, ended: datetime | None, **known: object) -> None:
    await connection.execute(
        "INSERT INTO switch.recall (id, payment, asker, answerer, reason, request, over_rail, state, code,"
        " asked_at, until_at, ended_at, change) VALUES ($1, $2, 'a-bank', 'b-bank', 'FRAD', '{}', false, $3, $4,"
        " $5, $6, $7, $8)",
        *(uuid4(), RECALLED, state, known.get("code", ""), known.get("asked", hours(1)), hours(10), ended),
        known.get("change"),
    )


async def investigation(
    connection: asyncpg.Connection, uetr: UUID, state: str, by: str, *, asked: bool, id_: UUID | None = None
) -> None:
    await connection.execute(
        "INSERT INTO switch.investigation (id, uetr, asker, name, answerer, type, reason, fingerprint, message_id,"
        " request, state, answered_by, asked_at, until_at, ended_at)"
        " VALUES ($1, $2, 'a-bank', $3, 'b-bank', 'CCNR', 'IN15', '', 'M', '{}', $4, $5, $6, $7, $8)",
        *(id_ or uuid4(), uetr, uuid4().hex, state, by, hours(2), hours(12) if asked else None, hours(4)),
    )


async def change(connection: asyncpg.Connection, kind: str, content: dict[str, object]) -> int:
    number: int = await connection.fetchval(
        "INSERT INTO switch.change (kind, content, maker, reason, seats, state, expires_at, ended_at)"
        " VALUES ($1, $2, 'maker', 'r', '[]', 'executed', $3, $4) RETURNING number",
        *(kind, json.dumps(content), hours(9), hours(6)),
    )
    return number


async def order(connection: asyncpg.Connection, uetr: UUID, ref: str, disputed: str, **known: object) -> None:
    await connection.execute(
        "INSERT INTO switch.inbound_order (rail, kind, ref, original, uetr, gateway, state, digest, fingerprint,"
        " received_at, told_at, disputed, settled, refund, refund_minor, refund_changed_at)"
        " VALUES ('IN', 'order', $1, '', $2, 'a-bank', 'done', '', 'f', $3, $3, $4, $5, $6, $7, $8)",
        *(ref, uetr, hours(3), disputed, known.get("settled"), known.get("refund", ""), known.get("minor")),
        hours(7) if known.get("refund") else None,
    )


@pytest.fixture
async def told(own: asyncpg.Connection) -> asyncpg.Connection:
    """A day with exceptions that ended well, that ended badly, and that did not end."""
    await own.execute(
        "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES"
        " ('a-bank', 'A', 'AAAAINBB', 'IN', 'direct'), ('b-bank', 'B', 'BBBBPKKA', 'PK', 'direct'),"
        " ('c-bank', 'C', 'CCCCKEKA', 'KE', 'direct')"
    )
    await own.execute(
        "INSERT INTO switch.person (name, display_name, role, scope, status)"
        " VALUES ('maker', 'M', 'operator', '', 'active')"
    )
    uetrs = {number: await payment(own, number) for number in (RECALLED, PARTED, ORDERED, UNPOSTED)}
    await event(own, WHOLE, hours(5), reason="FR01", change=12)
    await event(own, PART, hours(6), reason="AC04", sender="b-bank")
    await event(own, LATER, UNTIL + timedelta(hours=1), reason="AC04")
    for seq, corrects in ((WHOLE, ORDERED), (LATER, UNPOSTED)):
        await own.execute(
            "INSERT INTO ledger.transfer (number, corrects, id, kind, fingerprint)"
            " VALUES ($1, $2, gen_random_uuid(), 'correction', '')",
            *(seq, corrects),
        )
    await own.execute(
        "INSERT INTO switch.part_return VALUES ($1, gen_random_uuid(), $2, 5000, 2400, 2500, '2.08', 'AC04', 'R')",
        *(PART, PARTED),
    )

    await recall(own, "returned", hours(3))
    await recall(own, "rejected", hours(4), code="CUST")
    await recall(own, "unpaid", hours(20), code="NARR", change=77)
    await recall(own, "agreed", None)
    await recall(own, "unanswered", UNTIL + timedelta(hours=2), code="NOAS")  # not over by then
    await recall(own, "returned", hours(-1), asked=hours(-2))  # over before

    by_people = uuid4()
    await investigation(own, uetrs[RECALLED], "answered", "books", asked=False)
    await investigation(own, uetrs[RECALLED], "answered", "b-bank", asked=True)
    await investigation(own, uetrs[RECALLED], "rejected", "people", asked=True, id_=by_people)
    await change(own, "investigation.answer", {"investigation": by_people.hex})

    settled = await change(own, "order.settle", {"uetr": str(uetrs[ORDERED])})
    await order(
        own, uetrs[ORDERED], "O1", "its payment was returned", settled=settled, refund="refused", minor=9999
    )
    await order(own, uetrs[RECALLED], "O2", "Ivan Petrov says no")
    broken: int = await own.fetchval(
        "INSERT INTO switch.reconciliation_break (rail, cycle, ref, uetr, kind, detail, found_at, owner, resolved_at)"
        " VALUES ('PK', '2026-11-22', 'REF', $1, 'credited_but_aborted', 'd', $2, 'maker', $3) RETURNING id",
        *(uetrs[UNPOSTED], hours(2), hours(8)),
    )
    await change(own, "break.resolve", {"number": broken})
    return own


async def rows(connection: asyncpg.Connection, *scope: Scope) -> list[dict[str, Any]]:
    report = await make(connection, exceptions.NAME, *scope, **ASKED)
    return as_dicts(report)


def as_dicts(report: Report) -> list[dict[str, Any]]:
    names = [column.name for column in report.columns]
    return [dict(zip(names, row, strict=True)) for row in report.rows]


def of_kind(found: list[dict[str, Any]], kind: str, *names: str) -> set[tuple[Any, ...]]:
    return {tuple(row[name] for name in names) for row in found if row["kind"] == kind}


async def test_each_exception_says_how_it_ended_and_who_owes_whom(told: asyncpg.Connection) -> None:
    found = await rows(told)

    assert of_kind(found, "recall", "state", "code", "ended_by", "owed_by", "owed_to") == {
        ("returned", "", "b-bank", "", ""),
        ("refused by the creditor agent", "CUST", "b-bank", "", ""),
        ("agreed, and ended without the money", "NARR", "change 77", "b-bank", "a-bank"),
        ("agreed, the money has not come yet", "", "", "b-bank", "a-bank"),
        ("open", "", "", "", ""),
    }
    assert of_kind(found, "recall", "amount", "deadline") == {(Money(200_00, "PKR"), hours(10))}
    changes = {
        row["kind"]: row["number"] for row in await told.fetch("SELECT kind, number FROM switch.change")
    }
    assert of_kind(found, "investigation", "type", "reason", "state", "ended_by") == {
        ("CCNR", "IN15", "answered", "rule"),
        ("CCNR", "IN15", "answered", "b-bank"),
        ("CCNR", "IN15", "cannot be answered", f"change {changes['investigation.answer']}"),
    }
    assert of_kind(found, "return", "state", "reason", "amount", "rate_basis", "ended_by", "age_s") == {
        ("returned", "FR01", Money(100_00, "INR"), "rate of the payment", "change 12", timedelta(0)),
        ("returned in part", "AC04", Money(24_00, "INR"), "rate in force", "b-bank", timedelta(0)),
    }
    settled = f"change {changes['order.settle']}"
    owed = ("state", "amount", "owed_by", "owed_to", "ended_by", "opened_at", "age_s")
    assert of_kind(found, "refund", *owed) == {
        ("refused by the rail", Money(99_99, "INR"), "a-bank", "IN", settled, hours(5), timedelta(hours=1))
    }
    assert of_kind(found, "obligation", "reason", *owed) == {
        (
            *("its payment was returned", "settled", Money(100_00, "INR"), "a-bank", "IN", settled, hours(5)),
            timedelta(hours=1),
        ),
        (
            exceptions.OTHERWISE,
            "open",
            Money(100_00, "INR"),
            "IN",
            "a-bank",
            "",
            hours(3),
            timedelta(hours=21),
        ),
    }
    assert of_kind(found, "contradiction", "reason", *owed) == {
        (
            *("credited_but_aborted", "settled", Money(200_00, "PKR"), "a-bank", "b-bank"),
            *(f"change {changes['break.resolve']}", hours(2), timedelta(hours=6)),
        )
    }
    assert of_kind(found, "recall", "from_country", "debtor_agent", "to_country", "creditor_agent") == {
        ("IN", "a-bank", "PK", "b-bank")
    }


async def test_both_central_banks_see_the_same_and_a_third_country_nothing(told: asyncpg.Connection) -> None:
    everything = await rows(told)
    payers = await rows(told, Scope("regulator", country="IN"))
    payees = await rows(told, Scope("regulator", country="PK"))

    assert payers == payees == everything
    assert await rows(told, Scope("regulator", country="KE")) == []
    assert await rows(told, Scope("bank", participant="c-bank")) == []


async def test_a_bank_does_not_see_a_question_that_it_was_not_asked(told: asyncpg.Connection) -> None:
    asker = await rows(told, Scope("bank", participant="a-bank"))
    answerer = await rows(told, Scope("bank", participant="b-bank"))

    assert len([row for row in asker if row["kind"] == "investigation"]) == 3
    assert {row["ended_by"] for row in answerer if row["kind"] == "investigation"} & {"rule"} == set()
    assert len([row for row in answerer if row["kind"] == "investigation"]) == 2
    assert not [row for row in answerer if row["kind"] in {"obligation", "refund"}]


async def test_every_format_and_language_has_it_without_words_of_others(told: asyncpg.Connection) -> None:
    report = await make(told, exceptions.NAME, **ASKED)

    for form in ("csv", "json"):
        assert b"Petrov" not in render(report, form)
    assert len(json.loads(render(report, "json"))["rows"]) == len(report.rows)
    for code in LANGUAGES[1:]:
        said = {cell for row in report.rows for cell in Wording(code).cells(report, row)}
        assert not said & {"recall", "refund", "obligation", "returned", "rule", "rate in force", "open"}, (
            code
        )


async def test_it_asks_for_a_period(own: asyncpg.Connection) -> None:
    with pytest.raises(InvalidParameter):
        await make(own, exceptions.NAME, since=BEGIN)
