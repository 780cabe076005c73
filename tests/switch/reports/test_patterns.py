"""Patterns: each rule finds what it says and nothing else, a version never changes, people are masked."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec import structs

from schemas import codec, versions
from schemas.errors import InvalidMessage, NotAllowed, NotFound, Unavailable
from schemas.payment import PartyAccount
from switch.clients.python import credit_transfer
from switch.reports import parties, pattern_rules
from switch.reports.pattern_rules import BUILT_IN, Rules
from switch.reports.patterns import Rule
from switch.reports.query import Scope
from tests.switch.reports.conftest import make

BEGIN = datetime(2026, 11, 23, tzinfo=UTC)
RULES = Rules(large={"INR": 1_000}, full_data={"INR": 500}, frequent_count=3)
ASKED = {"since": BEGIN, "until": BEGIN + timedelta(days=1), "rules": "test"}

Pay = tuple[timedelta, int, str, str, list[str]]
"""When, how many rupees, whose account, to whose, what is missing."""


async def fill(connection: asyncpg.Connection, payments: list[Pay], rules: Rules = RULES) -> list[UUID]:
    """Committed payments, two events each, and what was read of their parties."""
    await connection.execute(
        "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES"
        " ('a-bank', 'A', 'AAAAINBB', 'IN', 'direct'), ('b-bank', 'B', 'BBBBPKKA', 'PK', 'direct')"
    )
    await pattern_rules.add(connection, "test", rules, "tester")
    uetrs = []
    for place, (after, rupees, debtor, creditor, missing) in enumerate(payments):
        number, uetr = 2 * place + 1, uuid4()
        uetrs.append(uetr)
        for seq in (number, number + 1):
            await connection.execute(
                "INSERT INTO ledger.event VALUES ($1, $2, $3, 'x', '', '', '')", seq, number, BEGIN + after
            )
        await connection.execute(
            "INSERT INTO ledger.resolution VALUES ($1, $2, 'posted')", number, number + 1
        )
        await connection.execute(
            "INSERT INTO switch.payment VALUES ($1, $2, 'a-bank', 'pacs.008.001.08', 'M', 'a-bank', 'b-bank',"
            " 'PK', 'fx', '2', 'INR', 'PKR', $3, $3, 0, 'REF')",
            number,
            uetr,
            rupees * 100,
        )
        await connection.execute(
            "INSERT INTO switch.payment_party VALUES ($1, $2, $3, $4)",
            number,
            debtor.encode(),
            creditor.encode(),
            missing,
        )
    return uetrs


def hours(n: float) -> timedelta:
    return timedelta(hours=n)


async def hits(connection: asyncpg.Connection) -> list[tuple[str, str]]:
    report = await make(connection, "patterns", **ASKED)
    return [(str(row[0]), str(row[1])) for row in report.rows]


async def test_each_rule_finds_its_own(own: asyncpg.Connection) -> None:
    uetrs = await fill(
        own,
        [
            (hours(1), 1_000, "d1", "c1", []),  # large, and first seen
            (hours(2), 999, "d1", "c1", []),  # near the threshold, not first
            (hours(3), 600, "d2", "c2", ["debtor name"]),  # missing, first seen
            (hours(4), 500, "d3", "c2", ["debtor name"]),  # at the floor, not above it; first seen
            (hours(5), 400, "d4", "c1", []),  # nothing
        ],
    )

    assert await hits(own) == [
        (Rule.FIRST_SEEN, str(uetrs[0])),
        (Rule.LARGE, str(uetrs[0])),
        (Rule.FIRST_SEEN, str(uetrs[2])),
        (Rule.MISSING_DATA, str(uetrs[2])),
        (Rule.FIRST_SEEN, str(uetrs[3])),
    ]


async def test_structuring_is_several_just_below_within_a_day_begun_before_it(
    own: asyncpg.Connection,
) -> None:
    uetrs = await fill(
        own,
        [
            (hours(-20), 950, "d1", "c1", []),
            (hours(-1), 950, "d1", "c2", []),
            (hours(1), 950, "d1", "c3", []),  # the third within 24 hours
            (hours(2), 899, "d1", "c3", []),  # below 90 per cent
            (hours(3), 1_000, "d2", "c3", []),  # not below
            (hours(23.25), 950, "d1", "c3", []),  # one other within 24 hours
            (hours(23.5), 950, "d3", "c3", []),  # another debtor
        ],
    )
    found = [uetr for rule, uetr in await hits(own) if rule == Rule.STRUCTURING]

    assert found == [str(uetrs[2])]


async def test_velocity_is_more_than_so_many_within_an_hour(own: asyncpg.Connection) -> None:
    minutes = [0, 10, 20, 59, 61, 200]
    uetrs = await fill(own, [(timedelta(minutes=m), 10, "d1", "c1", []) for m in minutes])
    found = [uetr for rule, uetr in await hits(own) if rule == Rule.VELOCITY]

    assert found == [str(uetrs[3]), str(uetrs[4])]


async def test_fan_in_is_a_creditor_whom_many_debtors_pay_on_one_day(own: asyncpg.Connection) -> None:
    uetrs = await fill(
        own,
        [
            (hours(-1), 10, "d1", "c1", []),  # the day before
            (hours(1), 10, "d1", "c1", []),
            (hours(2), 10, "d2", "c1", []),
            (hours(3), 10, "d2", "c1", []),  # the same debtor
            (hours(4), 10, "d3", "c2", []),  # another creditor
            (hours(5), 10, "d3", "c1", []),  # the third
            (hours(6), 10, "d4", "c1", []),
        ],
        structs.replace(RULES, gather_count=3),
    )

    assert [uetr for rule, uetr in await hits(own) if rule == Rule.FAN_IN] == [str(uetrs[5]), str(uetrs[6])]


@pytest.mark.parametrize(("quiet", "places"), [((22, 6), [0, 1, 4]), ((2, 6), [1, 4])])
async def test_out_of_hours_is_by_the_clock_of_the_debtors_country(
    own: asyncpg.Connection, quiet: tuple[int, int], places: list[int]
) -> None:
    night = structs.replace(RULES, night_percent=50, night_from=quiet[0], night_to=quiet[1])
    uetrs = await fill(
        own,
        [
            (hours(17), 500, "d1", "c1", []),  # 22:30 in India
            (hours(21), 500, "d1", "c1", []),  # 02:30
            (hours(22), 499, "d1", "c1", []),  # less than half
            (hours(16), 500, "d1", "c1", []),  # 21:30
            (hours(0.25), 900, "d1", "c1", []),  # 05:45
            (hours(0.5), 900, "d1", "c1", []),  # 06:00
        ],
        night,
    )

    found = [uetr for rule, uetr in await hits(own) if rule == Rule.OUT_OF_HOURS]
    assert found == [str(uetrs[place]) for place in places]


async def test_nothing_is_announced_while_parties_are_still_being_read(own: asyncpg.Connection) -> None:
    await fill(own, [(hours(1), 1_000, "d1", "c1", [])])
    await own.execute("DELETE FROM switch.payment_party")

    with pytest.raises(Unavailable):
        await make(own, "patterns", **ASKED)


async def test_people_are_pseudonyms_and_a_participant_sees_no_patterns(own: asyncpg.Connection) -> None:
    await fill(own, [(hours(1), 1_000, "d1", "c1", [])])
    report = await make(own, "patterns", **ASKED)

    assert set(report.column("debtor")) == {f"p-{b'd1'.hex()}"}
    assert report.parameters["personal_data"] == "masked"
    with pytest.raises(NotAllowed):
        await make(own, "patterns", Scope("bank", participant="a-bank"), **ASKED)
    elsewhere = await make(own, "patterns", Scope("regulator", country="KZ"), **ASKED)
    assert elsewhere.rows == ()


async def test_a_version_of_rules_never_changes(own: asyncpg.Connection) -> None:
    await pattern_rules.add(own, "v1", RULES, "tester")

    for version in ("v1", BUILT_IN):
        with pytest.raises(InvalidMessage):
            await pattern_rules.add(own, version, RULES, "tester")
    assert await pattern_rules.find(own, "v1") == RULES
    assert (await pattern_rules.find(own, BUILT_IN)).large["INR"] == 850_000
    with pytest.raises(NotFound):
        await pattern_rules.find(own, "v2")


@pytest.mark.parametrize(
    "change",
    [
        {"large": {"XXXX": 1}},
        {"large": {"INR": 0}},
        {"near_percent": 100},
        {"near_count": 0},
        {"large": {"INR": 10**13}},
        {"large": {"INR": 1.5}},
        {"nonsense": 1},
        {"gather_count": -1},
        {"night_from": 24},
        {"night_from": 6, "night_to": 6},
    ],
)
def test_rules_that_make_no_sense_are_refused(change: dict[str, object]) -> None:
    good = {"large": {"INR": 5}, "full_data": {"INR": 1}}
    assert pattern_rules.read_rules(json.dumps(good)).large == {"INR": 5}

    with pytest.raises(InvalidMessage):
        pattern_rules.read_rules(json.dumps({**good, **change}))


def test_a_pseudonym_distinguishes_accounts_and_needs_the_key(tmp_path: Path) -> None:
    key = parties.load_key(tmp_path / "a" / "pseudonym.key")
    other = parties.load_key(tmp_path / "b" / "pseudonym.key")
    one, same = PartyAccount(iban="PK36SCBL0000001123456702"), PartyAccount(iban="pk36 scbl 0000001123456702")

    assert parties.load_key(tmp_path / "a" / "pseudonym.key") == key
    assert (tmp_path / "a" / "pseudonym.key").stat().st_mode & 0o077 == 0
    assert parties.pseudonym(key, "bank", one) == parties.pseudonym(key, "bank", same)
    assert parties.pseudonym(key, "bank", one) != parties.pseudonym(other, "bank", one)
    assert parties.pseudonym(key, "bank", one) != parties.pseudonym(key, "another", one)
    assert parties.pseudonym(key, "bank", None) is None


def lacking(change: Callable[[dict[str, object]], object]) -> list[str]:
    message = credit_transfer(
        debtor_agent="ASHAINBB",
        debtor="Asha Rao",
        debtor_account="a@okbank",
        creditor_agent="INDUPKKA",
        creditor="Bilal Khan",
        creditor_account="PK36SCBL0000001123456702",
        amount="100.00",
        currency="INR",
    )
    transaction = message["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["Dbtr"]["PstlAdr"] = {"TwnNm": "Mumbai", "Ctry": "IN"}
    change(transaction)
    payment = parties.decode(json.dumps(message).encode())
    assert payment is not None
    return parties.missing_data(payment)


def test_what_recommendation_16_wants_and_is_not_there_is_named() -> None:
    assert lacking(lambda _: None) == []
    assert lacking(lambda t: t["Dbtr"].pop("PstlAdr")) == ["debtor address or identification"]  # type: ignore[attr-defined]
    assert lacking(lambda t: t["Dbtr"].pop("Nm")) == ["debtor name"]  # type: ignore[attr-defined]
    assert lacking(lambda t: t["Cdtr"].pop("Nm")) == ["creditor name"]  # type: ignore[attr-defined]
    assert lacking(lambda t: t.pop("CdtrAcct")) == ["creditor account"]


def test_a_payment_is_read_whatever_had_named_it() -> None:
    """JSON that only its media type had named was taken for no payment."""
    raw = (Path(__file__).parents[2] / "schemas" / "samples" / "pacs.008.001.08.xml").read_bytes()
    message = codec.decode(raw, media_type=codec.XML)
    newer = versions.convert(message.document, message.id, "pacs.008.001.13")

    for stored in (
        raw,
        b"\xef\xbb\xbf" + raw,
        json.dumps({"Document": message.document}).encode(),
        codec.encode("pacs.008.001.13", newer, media_type=codec.XML),
        json.dumps({"Document": newer}).encode(),
    ):
        payment = parties.decode(stored)
        assert payment is not None
        assert payment.creditor_account is not None


def test_what_is_no_payment_is_no_payment() -> None:
    assert parties.decode(b"not a message") is None
    assert parties.decode(codec.encode("admi.004.001.02", _event(), media_type=codec.XML)) is None


def _event() -> dict[str, object]:
    return {"SysEvtNtfctn": {"EvtInf": {"EvtCd": "X"}}}


async def test_parties_are_read_once_in_order_and_an_erased_message_is_nobody(
    own: asyncpg.Connection,
) -> None:
    await fill(own, [(hours(n), 1_000, "d", "c", []) for n in range(3)])
    await own.execute("DELETE FROM switch.payment_party")
    await own.execute(
        "INSERT INTO switch.message SELECT number, 0, convert_to(number::text, 'UTF8') FROM switch.payment"
    )
    message = json.dumps(
        credit_transfer(
            debtor_agent="ASHAINBB",
            debtor="Asha Rao",
            debtor_account="a@okbank",
            creditor_agent="INDUPKKA",
            creditor="Bilal Khan",
            creditor_account="PK36SCBL0000001123456702",
            amount="100.00",
            currency="INR",
        )
    ).encode()
    opened = {b"1": message, b"3": None, b"5": message}
    read = [await parties.read_some(own, bytes(32), lambda _, __, body: opened[body]) for _ in range(2)]
    rows = await own.fetch("SELECT * FROM switch.payment_party ORDER BY number")

    assert read == [3, 0]
    assert [row["number"] for row in rows] == [1, 3, 5]
    assert (rows[1]["debtor"], rows[1]["creditor"]) == (None, None)
    assert rows[0]["debtor"] == rows[2]["debtor"] != rows[0]["creditor"]
    assert rows[0]["missing"] == ["debtor address or identification"]
