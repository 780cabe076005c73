"""The settlement day, from open window to settled positions, with everything that can go wrong in it."""

import asyncio
import contextlib
import dataclasses
import hashlib
import itertools
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from schemas import codec
from schemas.errors import NotAllowed, NotAuthentic, NotFound, Refused
from schemas.signing import jws
from schemas.signing.keys import SigningKey
from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.identity.model import ChangeState
from switch.operations import verify
from switch.settlement import day, instructions, positions, reads, states
from switch.settlement.files import SettlementFiles
from switch.settlement.states import LineEvent, LineState, SettlementEvent, SettlementState
from switch.writer import audit_notes
from switch.writer.commands import CloseWindow, Command, Fund, Hold, Release, Reply
from switch.writer.context import ServiceContext
from tests.switch.services import (
    Killed,
    account,
    agree,
    balance,
    confirmed,
    done,
    dying,
    killed,
    onboarding,
    open_services,
    pay,
)

FUNDS = 1_000_00
AGENT = {"currency": "INR", "agent": "reserve", "scheme_bic": "PSWTKZKA", "account": "SCHEME01"}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        for bank in ("asha-bank", "ganga-bank", "reserve"):
            await done(opened, "participant.onboard", onboarding(bank))
        for bank in ("asha-bank", "ganga-bank"):
            funds = {"participant": bank, "currency": "INR", "amount": "1000.00", "reference": f"of {bank}"}
            await done(opened, "funds.in", funds)
        await done(opened, "settlement_agent.set", AGENT, checkers=("chen", "ravi"))
        yield opened


async def close(services: ServiceContext) -> int:
    return (await services.link.ask(CloseWindow("INR"))).number


async def confirm(services: ServiceContext, window: int) -> None:
    settlement = await reads.find(services.pool, window)
    content = {"window": window, "positions_sha256": settlement.positions_sha256}
    await done(services, "settlement.confirm", content, checkers=("ravi",))


async def instructed(services: ServiceContext, *payments: tuple[str, str, int]) -> int:
    """A window with these payments, closed, confirmed and instructed."""
    for debtor, creditor, minor in payments:
        await pay(services, debtor, creditor, minor)
    window = await close(services)
    await day.run_due(services)
    await confirm(services, window)
    await day.run_due(services)
    return window


async def line(services: ServiceContext, window: int, participant: str) -> reads.SettlementLine:
    return next(each for each in await reads.lines(services.pool, window) if each.participant == participant)


async def state(services: ServiceContext, window: int) -> SettlementState:
    return (await reads.find(services.pool, window)).state


def status_report(*answers: tuple[reads.SettlementLine, str]) -> bytes:
    transactions = [
        {
            "OrgnlUETR": str(each.id),
            "TxSts": status,
            **({"StsRsnInf": [{"Rsn": {"Cd": "AM04"}}]} if status == "RJCT" else {}),
        }
        for each, status in answers
    ]
    document = {
        "FIToFIPmtStsRpt": {
            "GrpHdr": {"MsgId": uuid.uuid4().hex, "CreDtTm": datetime.now(UTC).isoformat(timespec="seconds")},
            "TxInfAndSts": transactions,
        }
    }
    return codec.encode("pacs.002.001.10", document, media_type=codec.XML)


def notification(each: reads.SettlementLine, *, minor: int | None = None, **changes: object) -> bytes:
    total = each.total_minor if minor is None else minor
    amount = {"Ccy": "INR", "Amt": f"{abs(total) // 100}.{abs(total) % 100:02}"}
    entry = {
        "Amt": amount,
        "CdtDbtInd": "CRDT" if total < 0 else "DBIT",
        "Sts": {"Cd": "BOOK"},
        "BkTxCd": {"Prtry": {"Cd": "SETT"}},
        "NtryDtls": [{"TxDtls": [{"Refs": {"UETR": str(each.id)}}]}],
        **changes,
    }
    entry = {tag: value for tag, value in entry.items() if value}
    document = {
        "BkToCstmrDbtCdtNtfctn": {
            "GrpHdr": {"MsgId": uuid.uuid4().hex, "CreDtTm": datetime.now(UTC).isoformat(timespec="seconds")},
            "Ntfctn": [{"Id": "N1", "Acct": {"Id": {"Othr": {"Id": "SCHEME01"}}}, "Ntry": [entry]}],
        }
    }
    return codec.encode("camt.054.001.08", document, media_type=codec.XML)


async def say(services: ServiceContext, raw: bytes, agent: str = "reserve") -> day.Processed:
    return await confirmed(services, raw, agent=agent)


async def test_a_day_settles_and_positions_are_as_they_were_funded(services: ServiceContext) -> None:
    window = await instructed(
        services, ("asha-bank", "ganga-bank", 300_00), ("ganga-bank", "asha-bank", 100_00)
    )
    asha, ganga = await line(services, window, "asha-bank"), await line(services, window, "ganga-bank")
    before = await state(services, window)
    await say(services, notification(asha))
    taken = await say(services, status_report((ganga, "ACSC")))
    await day.run_due(services)

    assert (asha.net_minor, ganga.net_minor) == (-200_00, 200_00)
    assert before is SettlementState.SETTLING
    assert taken.settled == ("ganga-bank",)
    assert await state(services, window) is SettlementState.SETTLED
    assert await balance(services, "asha-bank") == FUNDS
    assert await balance(services, "ganga-bank") == FUNDS


async def test_funds_paid_in_and_settlements_are_no_part_of_a_windows_nets(services: ServiceContext) -> None:
    first = await instructed(services, ("asha-bank", "ganga-bank", 50_00))
    for name in ("asha-bank", "ganga-bank"):
        await say(services, notification(await line(services, first, name)))
    funds = {"participant": "asha-bank", "currency": "INR", "amount": "77.00", "reference": "more"}
    await done(services, "funds.in", funds)
    await pay(services, "asha-bank", "ganga-bank", 7_00)
    second = await close(services)
    nets = positions.of_participants(await positions.payment_nets(services.pool, second))

    assert nets == {"asha-bank": -7_00, "ganga-bank": 7_00}


async def test_the_instruction_is_a_valid_signed_pacs_009_and_the_same_again(
    services: ServiceContext,
) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 12_34))
    settlement = await reads.find(services.pool, window)
    assert settlement.file is not None
    octets, token = SettlementFiles(services.data).read(settlement.file)
    message = codec.decode(octets, media_type=codec.XML, expect="pacs.009")
    content = message.document["FICdtTrf"]
    directions = {
        tx["PmtId"]["UETR"]: (tx["Dbtr"]["FinInstnId"]["BICFI"], tx["Cdtr"]["FinInstnId"]["BICFI"])
        for tx in content["CdtTrfTxInf"]
    }

    assert hashlib.sha256(octets).hexdigest() == settlement.file_sha256
    jws.verify(token, octets, key=SettlementFiles(services.data).public_key)
    assert directions[str((await line(services, window, "asha-bank")).id)] == ("ASHAINBB", "PSWTKZKA")
    assert directions[str((await line(services, window, "ganga-bank")).id)] == ("PSWTKZKA", "GANGINBB")
    assert content["GrpHdr"]["TtlIntrBkSttlmAmt"] == {"Ccy": "INR", "Amt": "24.68"}


def test_an_instruction_of_a_thousand_lines_can_be_built_and_read() -> None:
    parts = [instructions.Part(uuid.uuid4(), "ASHAINBB", -1, f"W1-{number}") for number in range(1000)]
    octets = instructions.build(
        instructions.Instruction(
            "SETTLE-INR-1", datetime(2026, 11, 2, tzinfo=UTC), "INR", date(2026, 11, 2), "PSWTKZKA", "RSRVINBB",
            "SCHEME01", parts,
        )
    )  # fmt: skip

    assert octets.count(b"<CdtTrfTxInf>") == 1000


async def test_a_changed_byte_of_the_instruction_is_found(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 12_34))
    settlement = await reads.find(services.pool, window)
    assert settlement.file is not None
    path = Path(services.data) / settlement.file
    path.write_bytes(path.read_bytes().replace(b"12.34", b"12.35"))

    with pytest.raises(NotAuthentic):
        SettlementFiles(services.data).read(settlement.file)


async def test_nothing_is_instructed_before_the_central_bank_has_confirmed(services: ServiceContext) -> None:
    await pay(services, "asha-bank", "ganga-bank", 5_00)
    window = await close(services)
    await day.run_due(services)
    with pytest.raises(Refused):
        await day.instruct(services, window)

    assert await state(services, window) is SettlementState.CLOSED
    assert not (Path(services.data) / "settlement" / str(window)).exists()


async def test_positions_are_confirmed_by_the_central_bank_of_their_country_alone(
    services: ServiceContext,
) -> None:
    await pay(services, "asha-bank", "ganga-bank", 5_00)
    window = await close(services)
    await day.run_due(services)
    settlement = await reads.find(services.pool, window)
    content = {"window": window, "positions_sha256": settlement.positions_sha256}
    async with services.pool.acquire() as connection:
        kind = KINDS["settlement.confirm"]
        effect = await kind.effect(connection, kind.read(content))
    for name in ("chen", "karim"):
        with pytest.raises(NotAllowed):
            await agree(services, "settlement.confirm", content, checkers=(name,))
    assert [(row.what, row.now, row.then) for row in effect.rows[2:]] == [
        ("asha-bank: 5.00 INR", "none", "pays"),
        ("ganga-bank: 5.00 INR", "none", "receives"),
    ]
    with pytest.raises(Refused):
        await agree(services, "settlement.confirm", {**content, "positions_sha256": "0" * 64})


async def test_a_participant_that_fails_is_held_and_the_others_settle(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha, ganga = await line(services, window, "asha-bank"), await line(services, window, "ganga-bank")
    taken = await say(services, status_report((asha, "RJCT"), (ganga, "ACSC")))
    await day.run_due(services)

    assert (taken.held, taken.settled) == (("asha-bank",), ("ganga-bank",))
    assert await state(services, window) is SettlementState.SETTLED
    assert (await line(services, window, "asha-bank")).state is LineState.HELD
    assert await balance(services, "ganga-bank") == FUNDS
    assert await balance(services, "asha-bank") == FUNDS - 300_00  # not replenished: its own loss


async def test_what_was_held_is_carried_into_the_next_window(services: ServiceContext) -> None:
    first = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha, ganga = await line(services, first, "asha-bank"), await line(services, first, "ganga-bank")
    await say(services, status_report((asha, "RJCT"), (ganga, "ACSC")))
    await day.run_due(services)
    second = await instructed(services, ("asha-bank", "ganga-bank", 10_00))
    carried = await line(services, second, "asha-bank")
    for name in ("asha-bank", "ganga-bank"):
        await say(services, notification(await line(services, second, name)))
    await day.run_due(services)

    assert (carried.net_minor, carried.carried_minor) == (-10_00, -300_00)
    old = await line(services, first, "asha-bank")
    assert (old.state, old.carried_to) == (LineState.CARRIED, second)
    assert await balance(services, "asha-bank") == FUNDS
    assert await balance(services, "ganga-bank") == FUNDS


async def test_a_held_line_that_was_paid_after_all_is_settled_once(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha, ganga = await line(services, window, "asha-bank"), await line(services, window, "ganga-bank")
    await say(services, status_report((asha, "RJCT"), (ganga, "ACSC")))
    late = await say(services, notification(asha))
    again = await say(services, notification(asha))
    third = await close(services)
    nets = await positions.payment_nets(services.pool, third)

    assert late.settled == ("asha-bank",)
    assert again.known == ("asha-bank",)
    assert await balance(services, "asha-bank") == FUNDS
    assert nets == []


async def test_a_carried_line_that_is_paid_twice_is_for_people(services: ServiceContext) -> None:
    first = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha = await line(services, first, "asha-bank")
    await say(services, status_report((asha, "RJCT")))
    await say(services, status_report((await line(services, first, "ganga-bank"), "ACSC")))
    await close(services)
    await day.run_due(services)
    before = await balance(services, "asha-bank")
    taken = await say(services, notification(asha))

    assert taken.contradictions == ("asha-bank",)
    assert await balance(services, "asha-bank") == before


async def test_what_was_received_and_sent_on_is_held_not_overdrawn(services: ServiceContext) -> None:
    """Ganga receives in the first window and sends all of it, and its own funds, in the second."""
    await pay(services, "asha-bank", "ganga-bank", 300_00)
    first = await close(services)
    await pay(services, "ganga-bank", "asha-bank", 1_300_00)
    await day.run_due(services)
    await confirm(services, first)
    await day.run_due(services)
    ganga = await line(services, first, "ganga-bank")
    second = await close(services)
    await day.run_due(services)
    carried = await line(services, second, "ganga-bank")

    assert ganga.state is LineState.HELD
    assert "cap exceeded" in ganga.reason
    assert (carried.net_minor, carried.carried_minor) == (-1_300_00, 300_00)


async def test_money_for_a_pay_out_is_held_from_the_instruction_on(services: ServiceContext) -> None:
    """Between instruction and confirmation the receiver cannot send what the agent is paying out."""
    await instructed(services, ("asha-bank", "ganga-bank", 300_00))

    with pytest.raises(AssertionError, match="cap_exceeded"):
        await pay(services, "ganga-bank", "asha-bank", 1_000_01)
    await pay(services, "ganga-bank", "asha-bank", 1_000_00)


async def test_another_amount_confirms_nothing(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha = await line(services, window, "asha-bank")
    taken = await say(services, notification(asha, minor=-299_99))
    wrong_way = await say(services, notification(asha, minor=300_00))

    assert taken.contradictions == wrong_way.contradictions == ("asha-bank",)
    assert (await line(services, window, "asha-bank")).state is LineState.INSTRUCTED


async def test_what_is_booked_back_or_without_an_amount_is_for_people(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha, ganga = await line(services, window, "asha-bank"), await line(services, window, "ganga-bank")
    both = [{"TxDtls": [{"Refs": {"UETR": str(each.id)}} for each in (asha, ganga)]}]
    without = await say(services, notification(asha, NtryDtls=both))
    await say(services, notification(asha))
    back = await say(services, notification(asha, RvslInd=True))
    no_details = await say(services, notification(asha, NtryDtls=[]))

    assert without.contradictions == ("asha-bank", "ganga-bank")
    assert back.contradictions == ("asha-bank",)
    assert no_details.unmatched == 1
    assert (await line(services, window, "asha-bank")).state is LineState.SETTLED
    assert (await line(services, window, "ganga-bank")).state is LineState.INSTRUCTED


async def test_a_status_report_of_another_amount_confirms_nothing(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha = await line(services, window, "asha-bank")
    said = status_report((asha, "ACSC")).replace(
        b"</TxInfAndSts>",
        b'<OrgnlTxRef><IntrBkSttlmAmt Ccy="INR">299.99</IntrBkSttlmAmt></OrgnlTxRef></TxInfAndSts>',
    )

    assert (await say(services, said)).contradictions == ("asha-bank",)
    assert (await line(services, window, "asha-bank")).state is LineState.INSTRUCTED


async def test_a_notification_without_an_instruction_is_counted_and_noted(
    services: ServiceContext,
) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    stranger = dataclasses.replace(await line(services, window, "asha-bank"), id=uuid.uuid4())
    taken = [await say(services, status_report((stranger, "ACSC"))) for _ in range(2)]
    notes_ = await services.pool.fetchval(
        "SELECT count(*) FROM switch.audit_note WHERE kind = 'SETTLEMENT_UNMATCHED'"
    )

    assert [each.unmatched for each in taken] == [1, 1]
    assert notes_ == 2  # two messages, each with an id of its own


async def test_a_refusal_of_what_was_settled_changes_nothing(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha = await line(services, window, "asha-bank")
    await say(services, notification(asha))
    taken = await say(services, status_report((asha, "RJCT")))

    assert taken.contradictions == ("asha-bank",)
    assert (await line(services, window, "asha-bank")).state is LineState.SETTLED


async def test_only_the_currencys_agent_is_believed(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha = await line(services, window, "asha-bank")
    with pytest.raises(NotAllowed):
        await say(services, notification(asha), agent="ganga-bank")

    assert (await line(services, window, "asha-bank")).state is LineState.INSTRUCTED


async def test_two_people_hold_a_line_without_an_answer(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    await done(services, "settlement.hold", {"window": window, "participant": "asha-bank"})
    await say(services, notification(await line(services, window, "ganga-bank")))
    await day.run_due(services)

    assert await state(services, window) is SettlementState.SETTLED
    assert (await line(services, window, "asha-bank")).state is LineState.HELD


async def test_an_aborted_window_is_carried_whole(services: ServiceContext) -> None:
    await pay(services, "asha-bank", "ganga-bank", 20_00)
    first = await close(services)
    await day.run_due(services)
    await done(services, "settlement.abort", {"window": first})
    await pay(services, "asha-bank", "ganga-bank", 1_00)
    second = await close(services)
    await day.run_due(services)
    ganga = await line(services, second, "ganga-bank")

    assert await state(services, first) is SettlementState.ABORTED
    assert ganga.total_minor == 21_00


async def test_what_was_instructed_cannot_be_aborted(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 20_00))

    with pytest.raises(Refused):
        await agree(services, "settlement.abort", {"window": window})


async def test_a_window_of_nothing_is_settled_at_once(services: ServiceContext) -> None:
    await close(services)
    window = await close(services)
    await day.run_due(services)

    assert await state(services, window) is SettlementState.SETTLED
    assert await reads.lines(services.pool, window) == []


async def test_a_window_is_closed_once_by_two_people(services: ServiceContext) -> None:
    window = await services.pool.fetchval(
        "SELECT number FROM ledger.settlement_window WHERE closing_seq IS NULL"
    )
    content = {"currency": "INR", "window": window}
    number = (await done(services, "window.close", content)).number
    await services.pool.execute("UPDATE switch.change SET state = 'approved' WHERE number = $1", number)
    again = await approvals.execute(services, KINDS, number)

    assert again.state is ChangeState.EXECUTED
    assert await services.pool.fetchval("SELECT count(*) FROM ledger.settlement_window") == 2


async def test_windows_close_by_their_schedule(services: ServiceContext, database_url: str) -> None:
    """One that was open when a cut-off passed closes, once; the next one waits for the next cut-off."""
    content = {"currency": "INR", "country": "IN", "zone": "Asia/Kolkata", "closes_at": ["18:00"]}
    await done(services, "schedule.set", content)
    owner = await asyncpg.connect(database_url)
    await owner.execute("UPDATE ledger.settlement_window SET opened_at = opened_at - interval '9 days'")
    await owner.close()
    closed = [await day.close_due(services), await day.close_due(services)]

    assert [len(numbers) for numbers in closed] == [1, 0]


async def test_a_schedule_that_is_switched_off_closes_nothing(
    services: ServiceContext, database_url: str
) -> None:
    content = {"currency": "INR", "country": "IN", "zone": "Asia/Kolkata", "closes_at": ["18:00"]}
    await done(services, "schedule.set", {**content, "enabled": False})
    owner = await asyncpg.connect(database_url)
    await owner.execute("UPDATE ledger.settlement_window SET opened_at = opened_at - interval '9 days'")
    await owner.close()

    assert await day.close_due(services) == []


async def test_an_instruction_that_a_crash_left_unwritten_is_written_with_the_same_bytes(
    services: ServiceContext,
) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 12_34))
    file = Path(services.data) / str((await reads.find(services.pool, window)).file)
    before = file.read_bytes()
    file.unlink()
    await day.run_due(services)

    assert file.read_bytes() == before


async def test_an_instruction_is_read_between_its_commit_and_its_file(services: ServiceContext) -> None:
    """An agent that saw SETTLING and asked at once was told 404: the file comes a moment after the commit."""
    window = await instructed(services, ("asha-bank", "ganga-bank", 12_34))
    file = Path(services.data) / str((await reads.find(services.pool, window)).file)
    before = file.read_bytes()
    file.unlink()

    octets, token = await day.read_instruction(services, window)

    assert octets == before
    jws.verify(token, octets, key=SettlementFiles(services.data).public_key)


async def test_a_window_without_an_instruction_has_none_to_read(services: ServiceContext) -> None:
    window = await close(services)
    with pytest.raises(NotFound, match="no settlement instruction"):
        await day.read_instruction(services, window)


async def test_a_window_that_cannot_be_instructed_frees_its_money_when_it_is_aborted(
    services: ServiceContext,
) -> None:
    """Holds that were made before the instruction failed must not stay behind."""
    await pay(services, "asha-bank", "ganga-bank", 30_00)
    window = await close(services)
    await day.run_due(services)
    await confirm(services, window)
    await services.pool.execute("UPDATE switch.settlement_agent SET account = repeat('x', 40)")
    await day.run_due(services)
    held = await services.pool.fetchval("SELECT sum(debits_pending) FROM ledger.account")
    await done(services, "settlement.abort", {"window": window})

    assert held == 60_00
    assert await services.pool.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 0


async def test_the_books_of_a_settled_day_verify(services: ServiceContext, database_url: str) -> None:
    """With a late payment, a held line and an aborted window in it."""
    first = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha, ganga = await line(services, first, "asha-bank"), await line(services, first, "ganga-bank")
    await say(services, status_report((asha, "RJCT"), (ganga, "ACSC")))
    await say(services, notification(asha))
    await pay(services, "ganga-bank", "asha-bank", 5_00)
    second = await close(services)
    await day.run_due(services)
    await done(services, "settlement.abort", {"window": second})
    await audit_notes.relay(services)
    connection = await asyncpg.connect(database_url)
    results = [result async for result in verify.verify(connection, Path(services.data) / "rails", None)]
    await connection.close()

    assert [(result.name, result.detail) for result in results if not result.ok] == []


async def test_every_step_is_an_event(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 20_00))
    for name in ("asha-bank", "ganga-bank"):
        await say(services, notification(await line(services, window, name)))
    await day.run_due(services)
    await audit_notes.relay(services)
    rows = await services.pool.fetch("SELECT kind, body FROM ledger.event WHERE number = 0 ORDER BY seq")
    kinds = [row["kind"] for row in rows if json.loads(row["body"]).get("window") == window]

    assert kinds == [
        "SETTLEMENT_CLOSED",
        "SETTLEMENT_CONFIRMED",
        "SETTLEMENT_LINE_INSTRUCTED",
        "SETTLEMENT_LINE_INSTRUCTED",
        "SETTLEMENT_SETTLING",
        "SETTLEMENT_LINE_SETTLED",
        "SETTLEMENT_LINE_SETTLED",
        "SETTLEMENT_SETTLED",
    ]


# Crashes and two at once. `Killed` stands for a kill -9 between the ledger's commit and ours.


class Pausing:
    """A line on which one kind of command waits, before it is sent, until it is let go."""

    def __init__(self, services: ServiceContext, kind: type) -> None:
        self.link, self.kind = services.link, kind
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def ask(self, command: Command) -> Reply:
        if isinstance(command, self.kind):
            self.reached.set()
            await self.go.wait()
        return await self.link.ask(command)


async def waits_for_a_lock(database_url: str) -> None:
    """Wait until one of this database's connections waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    owner = await asyncpg.connect(database_url)
    async with asyncio.timeout(60):
        while await owner.fetchval(waiting) == 0:
            await asyncio.sleep(0.01)
    await owner.close()


async def held_over(services: ServiceContext) -> tuple[int, reads.SettlementLine]:
    """A window that is settled but for one line, which was refused, and that line."""
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha, ganga = await line(services, window, "asha-bank"), await line(services, window, "ganga-bank")
    await say(services, status_report((asha, "RJCT"), (ganga, "ACSC")))
    await day.run_due(services)
    return window, asha


async def test_a_line_that_is_paid_late_while_the_next_window_opens_was_carried_as_well(
    services: ServiceContext, database_url: str
) -> None:
    """The late payment has begun, and the next settlement opens before it has ended."""
    first, asha = await held_over(services)
    second = await close(services)
    slow = Pausing(services, Fund)
    late = asyncio.create_task(say(dataclasses.replace(services, link=slow), notification(asha)))  # type: ignore[arg-type]
    await slow.reached.wait()
    opening = asyncio.create_task(day.open_settlement(services, second))
    await waits_for_a_lock(database_url)
    slow.go.set()
    taken, _ = await asyncio.gather(late, opening)

    assert taken.settled == ("asha-bank",)
    assert (await line(services, first, "asha-bank")).state is LineState.SETTLED
    assert [each.participant for each in await reads.lines(services.pool, second)] == []
    assert await balance(services, "asha-bank") == FUNDS


async def test_a_line_that_was_carried_while_its_late_payment_came_is_not_paid_as_well(
    services: ServiceContext, database_url: str
) -> None:
    """The next settlement has carried the line, and has not committed, when the agent's word comes."""
    first, asha = await held_over(services)
    second = await close(services)
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        "UPDATE switch.settlement_line SET state = 'CARRIED', carried_to = $1 WHERE id = $2", second, asha.id
    )
    late = asyncio.create_task(say(services, notification(asha)))
    await waits_for_a_lock(database_url)
    await transaction.commit()
    await connection.close()
    before = await balance(services, "asha-bank")

    assert (await late).contradictions == ("asha-bank",)
    assert (await line(services, first, "asha-bank")).state is LineState.CARRIED
    assert await balance(services, "asha-bank") == before


async def test_two_processes_that_open_one_settlement_carry_once(services: ServiceContext) -> None:
    await held_over(services)
    second = await close(services)
    await asyncio.gather(*(day.open_settlement(services, second) for _ in range(8)))

    assert (await line(services, second, "asha-bank")).total_minor == -300_00


async def test_a_yes_after_a_hold_whose_commit_never_came_moves_the_money_once(
    services: ServiceContext,
) -> None:
    """`settlement.hold` freed the ledger's hold and died; then the agent says that it was paid."""
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha = await line(services, window, "asha-bank")
    content = {"window": window, "participant": "asha-bank"}
    await killed(services, "settlement.hold", content, Release)
    paid = await say(services, notification(asha))
    await approvals.run_due(services, KINDS, after_s=0)
    held = await services.pool.fetchrow(
        "SELECT state, outcome FROM switch.change ORDER BY number DESC LIMIT 1"
    )
    again = await say(services, notification(asha))

    assert (paid.settled, again.known) == (("asha-bank",), ("asha-bank",))
    assert tuple(held) == ("failed", "only an instructed line can be held")
    assert await balance(services, "asha-bank") == FUNDS


async def test_a_hold_whose_commit_never_came_is_finished(services: ServiceContext) -> None:
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    content = {"window": window, "participant": "asha-bank"}
    await killed(services, "settlement.hold", content, Release)
    await approvals.run_due(services, KINDS, after_s=0)

    assert (await line(services, window, "asha-bank")).state is LineState.HELD
    assert await balance(services, "asha-bank") == FUNDS - 300_00


async def test_a_line_that_is_being_paid_cannot_be_held(services: ServiceContext, database_url: str) -> None:
    """Two people hold it while the agent's yes is being posted: the yes was first."""
    window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
    asha = await line(services, window, "asha-bank")
    slow = Pausing(services, Release)
    paid = asyncio.create_task(say(dataclasses.replace(services, link=slow), notification(asha)))  # type: ignore[arg-type]
    await slow.reached.wait()
    content = {"window": window, "participant": "asha-bank"}
    holding = asyncio.create_task(agree(services, "settlement.hold", content))
    await waits_for_a_lock(database_url)
    slow.go.set()

    assert (await holding).outcome == "only an instructed line can be held"
    assert (await paid).settled == ("asha-bank",)
    assert (await line(services, window, "asha-bank")).state is LineState.SETTLED
    assert await balance(services, "asha-bank") == FUNDS


@pytest.mark.parametrize("kind", [Hold, Release, Fund], ids=lambda kind: kind.__name__)
async def test_a_day_that_dies_at_every_answer_of_the_ledger_ends_as_if_it_had_not(
    services: ServiceContext, kind: type
) -> None:
    """Whatever was decided and not noted is found decided; nothing is held, posted or moved twice."""
    await pay(services, "asha-bank", "ganga-bank", 300_00)
    window = await close(services)
    await day.run_due(services)
    await confirm(services, window)
    with contextlib.suppress(Killed):
        await day.instruct(dying(services, kind), window)
    await day.run_due(services)
    asha, ganga = await line(services, window, "asha-bank"), await line(services, window, "ganga-bank")
    words = [status_report((asha, "RJCT")), notification(asha), status_report((ganga, "ACSC"))]
    for word in words:
        with contextlib.suppress(Killed):
            await say(dying(services, kind), word)
        await say(services, word)
    await day.run_due(services)

    assert await state(services, window) is SettlementState.SETTLED
    assert await balance(services, "asha-bank") == await balance(services, "ganga-bank") == FUNDS
    assert await services.pool.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 0


async def test_an_abort_whose_commit_never_came_is_finished_and_nothing_is_instructed_meanwhile(
    services: ServiceContext,
) -> None:
    """Some of the money was held by an instruction that failed, and freed by the abort that died."""
    await pay(services, "asha-bank", "ganga-bank", 20_00)
    window = await close(services)
    await day.run_due(services)
    await confirm(services, window)
    with pytest.raises(Killed):
        await day.instruct(dying(services, Hold), window)
    await killed(services, "settlement.abort", {"window": window}, Release)
    await day.run_due(services)
    meanwhile = await state(services, window)
    await approvals.run_due(services, KINDS, after_s=0)

    assert meanwhile is SettlementState.CONFIRMED
    assert await state(services, window) is SettlementState.ABORTED
    assert {each.state for each in await reads.lines(services.pool, window)} == {LineState.HELD}
    assert await services.pool.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 0


async def test_a_hold_that_was_freed_before_is_not_instructed(services: ServiceContext) -> None:
    await pay(services, "asha-bank", "ganga-bank", 20_00)
    window = await close(services)
    await day.run_due(services)
    await confirm(services, window)
    with pytest.raises(Killed):
        await day.instruct(dying(services, Hold), window)
    asha = await line(services, window, "asha-bank")
    await services.link.ask(Release(asha.id.bytes, "void", "freed"))
    await day.run_due(services)

    assert (
        await line(services, window, "asha-bank")
    ).reason == "the money cannot be reserved: it was released before"
    assert (await line(services, window, "ganga-bank")).state is LineState.INSTRUCTED


async def test_a_hold_that_comes_after_its_window_was_aborted_holds_nothing(services: ServiceContext) -> None:
    """The instruction's command was on its way when people aborted the window."""
    await pay(services, "asha-bank", "ganga-bank", 20_00)
    window = await close(services)
    await day.run_due(services)
    asha = await line(services, window, "asha-bank")
    await done(services, "settlement.abort", {"window": window})
    scheme = await account(services, "payswitch", purpose="settlement")
    leg = day.leg_of(asha.account, scheme, asha.total_minor)
    late = await services.link.ask(day.hold_of(window, "asha-bank", asha.id, leg))

    assert late.verdict == "already_failed"
    assert await services.pool.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 0


def test_two_processes_that_need_the_settlement_key_first_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one makes and uses a key while the first one is making its own."""
    generate, others = SigningKey.generate, []

    def while_another_does(*arguments: object) -> SigningKey:
        monkeypatch.setattr(SigningKey, "generate", generate)
        others.append(SettlementFiles(tmp_path).public_key.pem)
        return generate(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(SigningKey, "generate", while_another_does)
    mine = SettlementFiles(tmp_path).public_key.pem

    assert others == [mine]


@pytest.mark.parametrize(("state_", "event"), list(itertools.product(SettlementState, SettlementEvent)))
def test_every_pair_of_state_and_event_is_decided(state_: SettlementState, event: SettlementEvent) -> None:
    if (state_, event) in states.TRANSITIONS:
        assert states.next_state(state_, event) in SettlementState
        assert state_ not in states.FINAL
    else:
        with pytest.raises(Refused):
            states.next_state(state_, event)


@pytest.mark.parametrize(("line_", "event"), list(itertools.product(LineState, LineEvent)))
def test_every_pair_of_line_and_event_is_decided(line_: LineState, event: LineEvent) -> None:
    if (line_, event) in states.LINES:
        assert states.next_line(line_, event) in LineState
    else:
        with pytest.raises(Refused):
            states.next_line(line_, event)
