"""The numbers of every report are the ledger's: each held against a sum of its own kind, made another way."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from ledger import windows
from ledger.decoding import AccountChange, decode_change
from loadtests.reports import DAY
from schemas import codec
from schemas.errors import InvalidMessage, NotFound
from schemas.money import Money
from switch.reports import account_statement, liquidity, settlement_instruction
from switch.reports.query import Scope
from switch.reports.render import render
from switch.reports.table import Report
from tests.switch.reports.conftest import Day, make

POSTED = """
SELECT e.seq, e.at, l.debit, l.credit, l.amount FROM ledger.resolution AS r
  JOIN ledger.event AS e ON e.seq = r.seq JOIN ledger.leg AS l ON l.number = r.number
 WHERE r.outcome = 'posted' ORDER BY e.seq, l.position
"""


def as_dicts(report: Report) -> list[dict[str, Any]]:
    names = [column.name for column in report.columns]
    return [dict(zip(names, row, strict=True)) for row in report.rows]


def minor(cell: Any) -> int:
    assert isinstance(cell, Money)
    return cell.minor


async def test_a_window_statement_equals_the_postings_and_its_nets_sum_to_zero(
    connection: asyncpg.Connection, day: Day
) -> None:
    report = await make(connection, "window-statement", window=day.window)
    debits: dict[int, int] = defaultdict(int)
    credits: dict[int, int] = defaultdict(int)
    counts: dict[int, int] = defaultdict(int)
    for row in await connection.fetch(POSTED):
        debits[row["debit"]] += row["amount"]
        credits[row["credit"]] += row["amount"]
        counts[row["debit"]] += 1
        counts[row["credit"]] += 1
    accounts = await connection.fetch("SELECT * FROM ledger.account WHERE currency = 'INR'")
    expected = {
        (a["owner"], a["purpose"]): (debits[a["number"]], credits[a["number"]], counts[a["number"]])
        for a in accounts
    }
    rows = as_dicts(report)

    assert expected == {
        (r["participant"], r["purpose"]): (minor(r["debits"]), minor(r["credits"]), r["count"]) for r in rows
    }
    assert sum(minor(r["net"]) for r in rows) == 0
    assert all(minor(r["closing"]) == minor(r["opening"]) + minor(r["net"]) for r in rows)
    assert report.parameters["audit_root"] == (await _root(connection, day.window)).hex()


async def _root(connection: asyncpg.Connection, window: int) -> bytes:
    """The root, by RFC 9162's own recursion over the leaves."""
    from hashlib import sha256

    found = await windows.find(connection, window)
    assert found is not None
    leaves = [
        row["leaf"]
        for row in await connection.fetch(
            "SELECT leaf FROM ledger.event WHERE seq <= $1 ORDER BY seq", found.closing_seq
        )
    ]

    def root(first: int, last: int) -> bytes:
        if last - first == 1:
            return bytes(leaves[first])
        half = 1 << ((last - first - 1).bit_length() - 1)
        return sha256(b"\x01" + root(first, first + half) + root(first + half, last)).digest()

    return root(0, len(leaves))


async def test_a_settlement_instruction_read_back_gives_the_nets(
    connection: asyncpg.Connection, day: Day
) -> None:
    report = await make(connection, "settlement-instruction", window=day.window)
    nets = {
        net.owner: net.net
        for net in (await windows.nets(connection, [day.window]))[day.window]
        if net.purpose == "position"
    }

    assert settlement_instruction.read_back(render(report, "csv")) == {k: v for k, v in nets.items() if v}


async def test_an_open_window_has_no_statement(own: asyncpg.Connection) -> None:
    await own.execute("INSERT INTO ledger.settlement_window VALUES (1, 'INR', now())")

    with pytest.raises(InvalidMessage):
        await make(own, "window-statement", window=1)
    with pytest.raises(NotFound):
        await make(own, "window-statement", window=2)


async def test_a_statement_has_every_posting_once_and_its_balances_meet(
    connection: asyncpg.Connection, day: Day
) -> None:
    report = await make(connection, "account-statement", window=day.window, participant="in-bank-0")
    account = await connection.fetchval(
        "SELECT number FROM ledger.account WHERE owner = 'in-bank-0' AND purpose = 'position'"
    )
    expected = sorted(
        (row["seq"], row["amount"] * side)
        for row in await connection.fetch(POSTED)
        for side in (-1, 1)
        if row["debit" if side < 0 else "credit"] == account
    )
    found = sorted((int(r["entry"].split("-")[0]), minor(r["amount"])) for r in as_dicts(report))

    assert expected == found
    assert len({row["entry"] for row in as_dicts(report)}) == len(expected)
    counters = await connection.fetchrow("SELECT * FROM ledger.account WHERE number = $1", account)
    closing = Money(counters["credits_posted"] - counters["debits_posted"], "INR").text
    assert report.parameters["closing_balance"] == closing


@pytest.mark.parametrize(
    ("name", "form", "root"),
    [
        ("account-statement", "camt.053.001.08", "BkToCstmrStmt"),
        ("account-report", "camt.052.001.08", "BkToCstmrAcctRpt"),
        ("notifications", "camt.054.001.08", "BkToCstmrDbtCdtNtfctn"),
    ],
)
async def test_the_iso_messages_are_valid_and_agree_with_the_table(
    connection: asyncpg.Connection, day: Day, name: str, form: str, root: str
) -> None:
    asked = {"window": day.window} if name == "account-statement" else {**day.period, "currency": "INR"}
    report = await make(connection, name, participant="in-bank-0", **asked)
    octets = render(report, form)
    message = codec.decode(octets, media_type=codec.XML, expect=form, max_bytes=10 * len(octets))
    (block,) = next(value for key, value in message.content.items() if key != "GrpHdr")
    signs = {"CRDT": 1, "DBIT": -1}
    entries = [(e["NtryRef"], signs[e["CdtDbtInd"]] * Decimal(e["Amt"]["Amt"])) for e in block["Ntry"]]

    assert message.document.keys() == {root}
    assert entries == [(r["entry"], Decimal(r["amount"].text)) for r in as_dicts(report)]
    assert block["TxsSummry"]["TtlNtries"]["NbOfNtries"] == str(len(report.rows))
    if "Bal" in block:
        opening, closing = (signs[b["CdtDbtInd"]] * Decimal(b["Amt"]["Amt"]) for b in block["Bal"])
        assert opening + sum(amount for _, amount in entries) == closing


async def test_the_pages_of_a_long_statement_join(
    connection: asyncpg.Connection, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"window": day.window, "participant": "in-bank-0"}
    whole = await make(connection, "account-statement", **asked)
    monkeypatch.setattr(account_statement, "PAGE_ENTRIES", 100)
    pages = -(-len(whole.rows) // 100)
    parts = [await make(connection, "account-statement", **asked, page=page + 1) for page in range(pages)]

    assert [row for part in parts for row in part.rows] == list(whole.rows)
    assert pages > 2
    for before, after in pairwise(parts):
        assert before.parameters["closing_balance"] == after.parameters["opening_balance"]
    with pytest.raises(NotFound):
        await make(connection, "account-statement", **asked, page=pages + 1)


@pytest.mark.parametrize("at_once", [600_000, 97])
async def test_a_peak_is_the_highest_of_the_running_balance(
    connection: asyncpg.Connection, day: Day, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """However the log is cut: a payment may be held in one part and end in another."""
    monkeypatch.setattr(liquidity, "_EVENTS_AT_ONCE", at_once)
    rows = as_dicts(await make(connection, "liquidity", **day.period))
    expected = await replay_exposures(connection, DAY, DAY + timedelta(days=1))

    assert len(rows) == len(expected)
    for row in rows:
        opening, peak, peak_at, closing = expected[row["participant"], row["currency"]]
        assert minor(row["peak"]) == peak
        assert row["peak_at"] == peak_at
        assert minor(row["headroom"]) == minor(row["available"]) - peak
        assert minor(row["left"]) == minor(row["cap"]) - closing
        assert minor(row["available"]) == minor(row["cap"]) - opening


async def test_a_peak_of_an_hour_begins_with_what_was_there(connection: asyncpg.Connection, day: Day) -> None:
    since = DAY + timedelta(hours=9)
    asked = {"since": since, "until": since + timedelta(hours=1)}
    rows = as_dicts(await make(connection, "liquidity", **asked))
    expected = await replay_exposures(connection, asked["since"], asked["until"])

    assert any(opening for opening, *_ in expected.values())
    assert {
        (r["participant"], r["currency"]): (minor(r["cap"]) - minor(r["available"]), minor(r["peak"]))
        for r in rows
    } == {key: (opening, peak) for key, (opening, peak, *_) in expected.items()}


async def replay_exposures(
    connection: asyncpg.Connection, since: datetime, until: datetime
) -> dict[tuple[str, str], tuple[int, int, datetime | None, int]]:
    """Opening, highest rise and its time, and closing of every position: every event, one after another."""
    legs: dict[int, list[Any]] = defaultdict(list)
    for row in await connection.fetch("SELECT * FROM ledger.leg"):
        legs[row["number"]].append(row)
    exposure: dict[int, int] = defaultdict(int)
    names: dict[int, tuple[str, str]] = {}
    opening: dict[int, int] = {}
    begun = False
    peaks: dict[int, tuple[int, datetime | None]] = defaultdict(lambda: (0, None))
    for event in await connection.fetch("SELECT * FROM ledger.event WHERE at < $1 ORDER BY seq", until):
        if event["at"] >= since and not begun:
            opening, begun = dict(exposure), True
        for account in _step(event, legs[event["number"]], exposure, names):
            rise = exposure[account] - opening.get(account, 0)
            if event["at"] >= since and rise > peaks[account][0]:
                peaks[account] = (rise, event["at"])
    return {
        names[account]: (opening.get(account, 0), *peaks[account], exposure[account]) for account in names
    }


def _step(
    event: Any, legs: list[Any], exposure: dict[int, int], names: dict[int, tuple[str, str]]
) -> set[int]:
    tag = event["change"][:1]
    if tag == b"A":
        change = decode_change(event["change"])
        assert isinstance(change, AccountChange)
        if change.purpose == "position":
            names[event["number"]] = (change.owner, change.currency)
    for leg in legs if tag in {b"R", b"P", b"V"} else ():
        exposure[leg["debit"]] += {b"R": 1, b"P": 0, b"V": -1}[tag] * leg["amount"]
        exposure[leg["credit"]] -= (tag == b"P") * leg["amount"]
    return {account for leg in legs for account in (leg["debit"], leg["credit"])}


async def lived(connection: asyncpg.Connection) -> list[Any]:
    """Every payment with its countries, its outcome and how long it took, joined one row at a time."""
    events = {row["seq"]: row["at"] for row in await connection.fetch("SELECT seq, at FROM ledger.event")}
    countries = {
        r["id"]: r["country"] for r in await connection.fetch("SELECT id, country FROM switch.participant")
    }
    resolutions = {r["number"]: r for r in await connection.fetch("SELECT * FROM ledger.resolution")}
    found = []
    for payment in await connection.fetch("SELECT * FROM switch.payment"):
        ended = resolutions[payment["number"]]
        found.append(
            {
                **payment,
                "source": countries[payment["debtor_agent"]],
                "target": countries[payment["creditor_agent"]],
                "outcome": ended["outcome"],
                "took": events[ended["seq"]] - events[payment["number"]],
            }
        )
    return found


async def test_corridors_count_add_and_time_what_the_ledger_has(
    connection: asyncpg.Connection, day: Day
) -> None:
    rows = as_dicts(await make(connection, "corridors", **day.period))
    corridors: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for payment in await lived(connection):
        corridors[payment["source"], payment["target"]].append(payment)

    assert sorted(corridors) == [(row["source"], row["target"]) for row in rows]
    for row in rows:
        payments = corridors[row["source"], row["target"]]
        posted = [p for p in payments if p["outcome"] == "posted"]
        quick = sorted(p["took"] for p in posted)
        assert row["payments"] == len(payments)
        assert row["committed"] == len(posted)
        assert row["rejected"] == len(payments) - len(posted)
        assert minor(row["debited"]) == sum(p["debit_minor"] for p in posted)
        assert minor(row["credited"]) == sum(p["credit_minor"] for p in posted)
        assert minor(row["fees"]) == sum(p["fee_minor"] for p in posted)
        assert row["p50_s"] == quick[-(-len(quick) // 2) - 1]
        within = sum(took < timedelta(seconds=10) for took in quick)
        assert row["within_10_s"] == _percent(within, len(payments))


def _percent(part: int, whole: int) -> Decimal:
    return Decimal(int(Fraction(10_000 * part, whole) + Fraction(1, 2))) / 100


async def test_costs_are_fee_and_distance_from_the_middle_of_two_quotes(
    connection: asyncpg.Connection, day: Day
) -> None:
    rows = as_dicts(await make(connection, "costs", **day.period))
    quotes = {
        (r["source"], r["target"]): Fraction(str(r["rate"]))
        for r in await connection.fetch("SELECT * FROM switch.fx_rate")
    }
    payments: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for payment in await lived(connection):
        if payment["outcome"] == "posted":
            payments[payment["source"], payment["target"]].append(payment)

    assert len(rows) == len(payments)
    for row in rows:
        of = payments[row["source"], row["target"]]
        debited, fees = sum(p["debit_minor"] for p in of), sum(p["fee_minor"] for p in of)
        back = quotes[of[0]["credit_currency"], of[0]["debit_currency"]]
        rate = Fraction(of[0]["rate"])
        margin = max(Fraction(0), 1 - rate / ((rate + 1 / back) / 2))
        cost = Fraction(fees, debited) + margin
        assert abs(Fraction(row["cost_percent"]) - 100 * cost) < Fraction(1, 5_000)
        assert row["meets_5_percent"] is (cost <= Fraction(5, 100))
        cheap = sum(Fraction(p["fee_minor"], p["debit_minor"]) + margin <= Fraction(3, 100) for p in of)
        assert row["within_3_percent"] == _percent(cheap, len(of))


async def test_rejects_are_what_the_ledger_voided(connection: asyncpg.Connection, day: Day) -> None:
    rows = as_dicts(await make(connection, "rejects", **day.period))
    voided = [payment for payment in await lived(connection) if payment["outcome"] == "voided"]

    assert sum(row["payments"] for row in rows) == len(voided) > 0
    assert {row["reason"] for row in rows} == {"AC04"}
    for currency in {row["currency"] for row in rows}:
        expected = sum(p["debit_minor"] for p in voided if p["debit_currency"] == currency)
        assert sum(minor(row["amount"]) for row in rows if row["currency"] == currency) == expected


async def test_an_outcome_counts_from_the_event_that_made_it(
    connection: asyncpg.Connection, day: Day
) -> None:
    """Told as of an earlier event, what ended later is open: the same report as on that day."""
    until = DAY + timedelta(hours=6)
    last = await connection.fetchval("SELECT max(seq) FROM ledger.event WHERE at < $1", until)
    asked = {"since": DAY, "until": until}
    then = await make(connection, "open-payments", **asked, as_of=last)
    later = await make(connection, "open-payments", **asked)
    expected = await connection.fetchval(
        "SELECT count(*) FROM ledger.resolution WHERE number <= $1 AND seq > $1", last
    )

    assert len(then.rows) == expected
    assert len(later.rows) == 0
    with pytest.raises(InvalidMessage):
        await make(connection, "open-payments", **asked, as_of=last - 1)


@pytest.mark.parametrize("name", ["window-statement", "liquidity", "corridors", "costs", "patterns"])
async def test_the_same_question_gives_the_same_bytes(
    connection: asyncpg.Connection, day: Day, name: str
) -> None:
    asked: dict[str, Any] = {"window": day.window} if name == "window-statement" else day.period
    first, second = await make(connection, name, **asked), await make(connection, name, **asked)

    for form in ("json", "csv", "xlsx", "pdf"):
        assert render(first, form) == render(second, form)


async def test_a_participant_sees_its_own_and_a_regulator_its_country(
    connection: asyncpg.Connection, day: Day
) -> None:
    bank, country = Scope("bank", participant="in-bank-0"), Scope("regulator", country="IN")
    everything = as_dicts(await make(connection, "liquidity", **day.period))

    own = as_dicts(await make(connection, "liquidity", bank, **day.period))
    assert {row["participant"] for row in own} == {"in-bank-0"}
    theirs = as_dicts(await make(connection, "liquidity", country, **day.period))
    assert {row["participant"] for row in theirs} == {"in-bank-0", "in-bank-1"}
    assert [row for row in everything if row["participant"].startswith("in-")] == theirs
    corridors = as_dicts(await make(connection, "corridors", country, **day.period))
    assert all("IN" in (row["source"], row["target"]) for row in corridors)
    with pytest.raises(NotFound):
        await make(connection, "account-statement", bank, window=day.window, participant="in-bank-1")
