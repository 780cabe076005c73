"""What a payment states about its own execution is honoured or refused, before money is held."""

import asyncio
import copy
import json
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters import registry
from adapters.simulation.sandbox import prepare
from schemas import codec, credit_transfer, parties
from schemas.errors import Refused
from schemas.money import Money
from switch.payments import routes, stated
from switch.payments.directory import (
    Corridor,
    DirectorySnapshot,
    Participant,
    Rate,
    StatedDay,
    Tightening,
    WindowSchedule,
)
from switch.payments.rails import Breaker, Bulkhead, Rail
from tests.switch.stack import Stack

Content = dict[str, Any]
Change = Callable[[Content, Content], None]
BIC_OF_NOBODY = {"FinInstnId": {"BICFI": "NOBODEFF"}}


def moment(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="milliseconds")


def clock(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).strftime("%H:%M:%S.000+00:00")


def day(ahead: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=ahead)).isoformat()


def tx(**elements: Any) -> Change:
    """Set elements of the transaction; one that is called is called now."""

    def change(_group: Content, transaction: Content) -> None:
        transaction.update({tag: value() if callable(value) else value for tag, value in elements.items()})

    return change


def group(**elements: Any) -> Change:
    def change(header: Content, _transaction: Content) -> None:
        header.update({tag: value() if callable(value) else value for tag, value in elements.items()})

    return change


def both(*changes: Change) -> Change:
    def change(header: Content, transaction: Content) -> None:
        for one in changes:
            one(header, transaction)

    return change


def money(amount: str, currency: str = "PKR") -> Content:
    return {"Ccy": currency, "Amt": amount}


# fmt: off
REFUSED: dict[str, tuple[Change, str, str]] = {
    "reject time has passed": (both(group(CreDtTm=lambda: moment(hours=1)), tx(SttlmTmReq=lambda: {"RjctTm": clock(minutes=10)})), "TM01", "SttlmTmReq/RjctTm"),
    "till time has passed": (tx(SttlmTmReq=lambda: {"TillTm": clock(minutes=1)}), "TM01", "SttlmTmReq/TillTm"),
    "from time has not come": (tx(SttlmTmReq=lambda: {"FrTm": clock(minutes=-10)}), "DT04", "SttlmTmReq/FrTm"),
    "CLS time": (tx(SttlmTmReq=lambda: {"CLSTm": clock(minutes=-10)}), "AG03", "SttlmTmReq/CLSTm"),
    "time without an offset": (tx(SttlmTmReq={"RjctTm": "23:00:00"}), "DT01", "SttlmTmReq/RjctTm"),
    "created ninety days ago": (group(CreDtTm=lambda: moment(days=90)), "DT02", "GrpHdr/CreDtTm"),
    "created in two days": (group(CreDtTm=lambda: moment(days=-2)), "DT02", "GrpHdr/CreDtTm"),
    "accepted three hours ago": (tx(AccptncDtTm=lambda: moment(hours=3)), "AB03", "AccptncDtTm"),
    "accepted tomorrow": (tx(AccptncDtTm=lambda: moment(days=-1)), "DT01", "AccptncDtTm"),
    "settlement four hundred days ago": (tx(IntrBkSttlmDt=lambda: day(-400)), "DT01", "IntrBkSttlmDt"),
    "settlement yesterday but one": (tx(IntrBkSttlmDt=lambda: day(-2)), "DT01", "IntrBkSttlmDt"),
    "settlement in sixty days": (tx(IntrBkSttlmDt=lambda: day(60)), "DT01", "IntrBkSttlmDt"),
    "two settlement dates": (group(IntrBkSttlmDt=lambda: day(9)), "DT01", "IntrBkSttlmDt"),
    "another total": (group(TtlIntrBkSttlmAmt=money("99.00", "INR")), "AM10", "GrpHdr/TtlIntrBkSttlmAmt"),
    "settled on an account": (group(SttlmInf={"SttlmMtd": "INDA"}), "CH16", "SttlmInf/SttlmMtd"),
    "settled by cover": (group(SttlmInf={"SttlmMtd": "COVE"}), "CH16", "SttlmInf/SttlmMtd"),
    "another clearing system": (group(SttlmInf={"SttlmMtd": "CLRG", "ClrSys": {"Cd": "TGT"}}), "CH16", "SttlmInf/ClrSys"),
    "reimbursement agent": (group(SttlmInf={"SttlmMtd": "CLRG", "InstgRmbrsmntAgt": BIC_OF_NOBODY}), "CH17", "InstgRmbrsmntAgt"),
    "service level that is not given": (tx(PmtTpInf={"SvcLvl": [{"Cd": "SVDE"}]}), "FF04", "PmtTpInf/SvcLvl"),
    "service level in the group": (group(PmtTpInf={"SvcLvl": [{"Cd": "BKTR"}]}), "FF04", "GrpHdr/PmtTpInf/SvcLvl"),
    "gross channel of a net corridor": (tx(PmtTpInf={"ClrChanl": "RTGS"}), "AG03", "PmtTpInf/ClrChanl"),
    "payment type twice": (both(group(PmtTpInf={"InstrPrty": "HIGH"}), tx(PmtTpInf={"InstrPrty": "NORM"})), "CH17", "PmtTpInf"),
    "charges to the creditor": (tx(ChrgBr="CRED"), "BE19", "ChrgBr"),
    "another counter-amount": (tx(InstdAmt=money("999999.00")), "AM09", "InstdAmt"),
    "another counter-amount and rate": (tx(InstdAmt=money("50.00"), XchgRate="0.5"), "AM09", "InstdAmt"),
    "purchase without a rate": (tx(InstdAmt=money("10.00", "EUR")), "CH21", "XchgRate"),
    "purchase that does not add up": (tx(InstdAmt=money("10.00", "EUR"), XchgRate="9.5"), "AM09", "InstdAmt"),
    "charges that do not add up": (tx(InstdAmt=money("105.00", "INR"), ChrgBr="SHAR", ChrgsInf=[{"Amt": money("4.00", "INR"), "Agt": {"FinInstnId": {"BICFI": "ASHAINBB"}}}]), "AM10", "ChrgsInf"),
    "account in another currency": (lambda _, t: t["CdtrAcct"].update(Ccy="USD"), "AC11", "CdtrAcct/Ccy"),
    "another instructing agent": (tx(InstgAgt=BIC_OF_NOBODY), "AGNT", "CdtTrfTxInf/InstgAgt"),
    "another instructing agent in the group": (group(InstgAgt=BIC_OF_NOBODY), "AGNT", "GrpHdr/InstgAgt"),
    "another instructed agent": (group(InstdAgt=BIC_OF_NOBODY), "AGNT", "GrpHdr/InstdAgt"),
    "instruction for the next agent": (tx(InstrForNxtAgt=[{"InstrInf": "call first"}]), "AG03", "InstrForNxtAgt"),
    "pool adjustment date": (tx(PoolgAdjstmntDt=lambda: day(0)), "AG03", "PoolgAdjstmntDt"),
}
# fmt: on


def changed(
    stack: Stack, change: Change, *, debtor: str = "asha-bank", creditor: str = "indus-bank"
) -> Content:
    document = copy.deepcopy(stack.document(debtor, creditor))
    content = document["Document"]["FIToFICstmrCdtTrf"]
    (transaction,) = content["CdtTrfTxInf"]
    change(content["GrpHdr"], transaction)
    return document


async def send(stack: Stack, document: Content, sender: str = "asha-bank") -> tuple[int, Content, Any]:
    """Status, the answer's transaction, and the headers."""
    headers = {"Authorization": f"Bearer {stack.participant(sender)['bearer']}", "Prefer": "wait=20"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{stack.url}/v1/iso20022/pacs.008", json=document) as answer:
            body = await answer.json()
            assert "Document" in body, body
            (transaction,) = body["Document"]["FIToFIPmtStsRpt"]["TxInfAndSts"]
            return answer.status, transaction, answer.headers


@pytest.mark.parametrize("name", REFUSED)
async def test_what_would_not_be_done_is_refused_with_its_path(stack: Stack, name: str) -> None:
    change, reason, path = REFUSED[name]
    status, transaction, _ = await send(stack, changed(stack, change))

    (cause,) = transaction["StsRsnInf"]
    assert (status, transaction["TxSts"], cause["Rsn"]["Cd"]) == (422, "RJCT", reason), cause
    assert path in "".join(cause["AddtlInf"])


ACCEPTED: dict[str, Change] = {
    "within its time limits": tx(SttlmTmReq=lambda: {"RjctTm": clock(minutes=-5), "FrTm": clock(minutes=5)}),
    "settles today": tx(IntrBkSttlmDt=lambda: day(0)),
    "says that it settles here": group(SttlmInf={"SttlmMtd": "CLRG", "ClrSys": {"Prtry": "PAYSWITCH"}}),
    "asks for what every payment is": tx(
        PmtTpInf={"InstrPrty": "HIGH", "ClrChanl": "RTNS", "SvcLvl": [{"Cd": "G001"}]}
    ),
    "charges are explained": tx(
        InstdAmt=money("105.00", "INR"),
        ChrgBr="SHAR",
        ChrgsInf=[{"Amt": money("5.00", "INR"), "Agt": {"FinInstnId": {"BICFI": "ASHAINBB"}}}],
    ),
    "bought with a third currency": tx(InstdAmt=money("1.10", "EUR"), XchgRate="90.909"),
    "names both agents": group(
        InstgAgt={"FinInstnId": {"BICFI": "ASHAINBB"}}, InstdAgt={"FinInstnId": {"BICFI": "INDUPKKAXXX"}}
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
async def test_what_is_done_is_accepted(stack: Stack, name: str) -> None:
    status, transaction, _ = await send(stack, changed(stack, ACCEPTED[name]))

    assert (status, transaction["TxSts"]) == (200, "ACCC"), transaction


async def quote(stack: Stack, creditor: str, amount: str, currency: str = "INR") -> Content:
    bic = stack.participant(creditor)["bic"]
    headers = {"Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}"}
    asked = {"creditor_agent": bic, "amount": amount, "currency": currency}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{stack.url}/v1/quotes", params=asked) as answer:
            said: Content = await answer.json()
            return said


@pytest.mark.parametrize("creditor", ["indus-bank", "noor-wallet"])
async def test_a_quote_is_what_is_credited_and_may_be_stated(stack: Stack, creditor: str) -> None:
    for amount in ("10.01", "7.77", "100.00"):
        said = await quote(stack, creditor, amount)
        credit = said["credited_amount"]
        promise = tx(
            IntrBkSttlmAmt=money(amount, "INR"),
            InstdAmt=money(credit["amount"], credit["currency"]),
            XchgRate=said["exchange_rate"],
        )
        document = changed(stack, promise, creditor=creditor)
        status, transaction, _ = await send(stack, document)
        assert (status, transaction["TxSts"]) == (200, "ACCC"), transaction
        async with stack.client("asha-bank") as client:
            payment = await client.read(f"payments/{transaction['OrgnlUETR']}")
        assert payment["credited_amount"] == credit


async def test_a_quote_refuses_what_a_payment_would_be_refused_for(stack: Stack) -> None:
    for creditor, amount, currency, reason in (
        ("indus-bank", "10.00", "KZT", "AM03"),
        ("indus-bank", "99999999999.00", "INR", "AM02"),
        ("ganga-bank", "10.00", "INR", "AG01"),
    ):
        refusal = await quote(stack, creditor, amount, currency)
        assert refusal["reason"] == reason, refusal


def test_a_quote_counts_in_the_rail_s_steps(tmp_path: Path) -> None:
    """Iran's rail knows whole rials only: the price, of quotes and of payments alike, has no dinars."""
    connection, _ = prepare(tmp_path, "IR", port=1, callback_url="http://127.0.0.1:1/")
    bank = Participant("asha-bank", "Asha", "ASHAINBB", "IN", "direct", "active")
    provider = Participant("fx", "FX", "SILKKZKA", "KZ", "fx_provider", "active")
    corridor = Corridor("IN", "IR", enabled=True, fee_minor=0, fee_bps=0)
    directory = DirectorySnapshot(participants=[bank, provider], rates=[Rate("INR", "IRR", "fx", "499.669")])
    rail = Rail(registry.load("IR", connection), None, Bulkhead(1), Breaker("IR", 1.0))  # type: ignore[arg-type]
    route = routes.Route(bank, bank, corridor, rail, Tightening(), open=True, opens_at=0)

    price = routes.price(Money(1001, "INR"), route, directory, at=datetime.now(UTC))
    assert price.credit == Money(500100, "IRR")


HEADER = {
    "Fr": {"FIId": {"FinInstnId": {"BICFI": "ASHAINBB"}}},
    "To": {"FIId": {"FinInstnId": {"BICFI": "INDUPKKA"}}},
    "BizMsgIdr": "B-1",
    "MsgDefIdr": "pacs.008.001.08",
}


@pytest.mark.parametrize(
    ("change", "reason", "path"),
    [
        ({}, "", ""),
        ({"PssblDplct": True}, "", ""),
        ({"Fr": {"FIId": BIC_OF_NOBODY}}, "AGNT", "AppHdr/Fr"),
        ({"Fr": {"OrgId": {"Nm": "Nobody"}}}, "AGNT", "AppHdr/Fr"),
        ({"To": {"FIId": BIC_OF_NOBODY}}, "AGNT", "AppHdr/To"),
        ({"CpyDplct": "COPY"}, "AG03", "AppHdr/CpyDplct"),
        ({"CpyDplct": "CODU"}, "AG03", "AppHdr/CpyDplct"),
        ({"CreDt": moment(days=9)}, "DT02", "AppHdr/CreDt"),
        ({"BizPrcgDt": moment(days=-2)}, "DT04", "AppHdr/BizPrcgDt"),
    ],
)
async def test_the_header_must_agree_with_who_signed_and_with_the_payment(
    stack: Stack, change: Content, reason: str, path: str
) -> None:
    document = changed(stack, tx())
    header = {"$type": "head.001.001.02", **HEADER, "CreDt": moment(), **change}
    status, transaction, _ = await send(stack, {"AppHdr": header, **document})

    if not reason:
        assert (status, transaction["TxSts"]) == (200, "ACCC"), transaction
        return
    (cause,) = transaction["StsRsnInf"]
    assert (status, cause["Rsn"]["Cd"]) == (422, reason), cause
    assert path in "".join(cause["AddtlInf"])


async def test_the_sender_is_notified_of_what_the_rail_does_not_carry(stack: Stack) -> None:
    """India's message has no place for a street; the payment is made, and the note is there for ever."""
    street = {"StrtNm": "Lake Street", "TwnNm": "Karachi", "Ctry": "PK"}

    def change(_group: Content, transaction: Content) -> None:
        transaction["Dbtr"]["PstlAdr"] = street

    document = changed(stack, change, debtor="indus-bank", creditor="ganga-bank")
    first, again = [await send(stack, document, "indus-bank") for _ in range(2)]
    async with stack.client("indus-bank") as client:
        payment = await client.read(f"payments/{first[1]['OrgnlUETR']}")

    assert first[1]["TxSts"] == again[1]["TxSts"] == "ACCC"
    assert (
        '"CdtTrfTxInf/Dbtr/PstlAdr/StrtNm";text="is not carried by this rail"' in first[2]["Payswitch-Notes"]
    )
    assert again[2]["Payswitch-Notes"] == first[2]["Payswitch-Notes"]
    paths = [note["path"] for note in payment["notes"]]
    assert paths == [
        "CdtTrfTxInf/Dbtr/PstlAdr/StrtNm",
        "CdtTrfTxInf/Dbtr/PstlAdr/TwnNm",
        "CdtTrfTxInf/DbtrAcct/Id",
        "CdtTrfTxInf/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId",
    ]


async def test_who_is_really_paid_for_is_not_lost(stack: Stack) -> None:
    """An ultimate debtor is refused by a rail that cannot name it, and carried by one that can."""
    change = tx(UltmtDbtr={"Nm": "Real Payer"})
    document = changed(stack, change, debtor="indus-bank", creditor="ganga-bank")
    refused = await send(stack, document, "indus-bank")
    carried = await send(stack, changed(stack, change))

    assert refused[1]["StsRsnInf"][0]["Rsn"]["Cd"] == "AG03"
    assert "CdtTrfTxInf/UltmtDbtr" in "".join(refused[1]["StsRsnInf"][0]["AddtlInf"])
    assert carried[1]["TxSts"] == "ACCC"


async def test_the_sender_s_limit_bounds_the_expiry(stack: Stack) -> None:
    """A rail that is silent beyond the sender's own limit is given up at that limit, not at ours."""
    limit = datetime.now(UTC) + timedelta(seconds=5)
    request = {"RjctTm": limit.strftime("%H:%M:%S.%f")[:-3] + "+00:00"}
    document = changed(stack, tx(SttlmTmReq=request))
    uetr = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"]
    account = stack.document("asha-bank", "indus-bank", word="SILENT")
    (silent,) = account["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["CdtrAcct"] = silent["CdtrAcct"]
    async with stack.client("asha-bank") as client:
        await client.pay(document)
    connection = await stack.connect()
    try:
        expires = await connection.fetchval(
            "SELECT expires_at FROM switch.open_payment WHERE uetr = $1", uuid.UUID(uetr)
        )
    finally:
        await connection.close()

    assert abs(expires - limit) < timedelta(milliseconds=2)


def test_a_payment_that_would_expire_on_its_way_is_refused_with_the_limit_that_it_states(
    stack: Stack,
) -> None:
    document = changed(stack, tx(SttlmTmReq=lambda: {"RjctTm": clock(seconds=-30)}))
    message = codec.decode(json.dumps(document).encode(), media_type="application/json", expect="pacs.008")
    payment = credit_transfer.read(message)

    stated.check_way(payment, message, 30.0, needed_s=2.0)
    with pytest.raises(Refused) as refused:
        stated.check_way(payment, message, 1.5, needed_s=2.0)
    assert (refused.value.reason, str(refused.value.path)[-17:]) == ("TM01", "SttlmTmReq/RjctTm")


async def test_a_repeat_beyond_its_own_deadline_gets_the_payment_s_state(stack: Stack) -> None:
    limit = datetime.now(UTC) + timedelta(seconds=4)
    request = {"RjctTm": limit.strftime("%H:%M:%S.%f")[:-3] + "+00:00"}
    document = changed(stack, tx(SttlmTmReq=request))
    first = await send(stack, document)
    await asyncio.sleep((limit - datetime.now(UTC)).total_seconds() + 0.1)
    again = await send(stack, document)

    assert (first[0], first[1]["TxSts"]) == (again[0], again[1]["TxSts"]) == (200, "ACCC")


INDIA = timezone(timedelta(hours=5, minutes=30))
NIGHT = datetime(2026, 11, 29, 23, 59, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("made_at", "text", "on", "expected"),
    [
        (NIGHT, "23:59:58Z", None, NIGHT.replace(second=58)),
        (NIGHT, "00:00:20+00:00", None, NIGHT + timedelta(seconds=30)),
        (NIGHT, "23:50:00Z", None, NIGHT.replace(minute=50, second=0)),
        (NIGHT, "05:30:20+05:30", None, NIGHT + timedelta(seconds=30)),
        (NIGHT, "05:30:20+05:30", date(2026, 11, 29), NIGHT + timedelta(seconds=30)),
        (NIGHT.replace(hour=7), "20:00:00Z", None, NIGHT.replace(hour=20, minute=0, second=0)),
        (NIGHT, "10:00:00Z", date(2026, 12, 1), datetime(2026, 12, 1, 10, tzinfo=UTC)),
        (NIGHT.astimezone(INDIA), "00:00:20+00:00", None, NIGHT + timedelta(seconds=30)),
        (NIGHT.astimezone(INDIA), "23:55:00Z", date(2026, 11, 30), NIGHT.replace(minute=55, second=0)),
        (NIGHT, "15:55:00-08:00", date(2026, 11, 29), NIGHT.replace(minute=55, second=0)),
        (
            NIGHT + timedelta(hours=1),
            "16:55:00-08:00",
            date(2026, 11, 30),
            NIGHT + timedelta(minutes=55, seconds=10),
        ),
    ],
)
def test_a_time_of_day_means_an_instant(
    made_at: datetime, text: str, on: date | None, expected: datetime
) -> None:
    assert parties.read_clock(text, "RjctTm", made_at, on) == expected


@pytest.mark.parametrize("text", ["12:00:00", "24:00:00Z", time(12).isoformat()])
def test_a_time_that_names_no_instant_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parties.read_clock(text, "RjctTm", NIGHT)

    assert (refusal.value.reason, refusal.value.path) == ("DT01", "RjctTm")


SUNDAY = datetime(2026, 11, 29, 6, tzinfo=UTC)
EVENING = WindowSchedule("PKR", "PK", "Asia/Karachi", [time(17)])


@pytest.mark.parametrize(
    ("snapshot", "now", "expected"),
    [
        (DirectorySnapshot(), SUNDAY, date(2026, 11, 30)),
        (DirectorySnapshot(), SUNDAY + timedelta(days=1), date(2026, 11, 30)),
        (DirectorySnapshot(schedules=[EVENING]), SUNDAY + timedelta(days=1), date(2026, 11, 30)),
        (DirectorySnapshot(schedules=[EVENING]), SUNDAY + timedelta(days=1, hours=7), date(2026, 12, 1)),
        (
            DirectorySnapshot(stated_days=[StatedDay("PKR", date(2026, 11, 30), business=False)]),
            SUNDAY,
            date(2026, 12, 1),
        ),
    ],
)
def test_a_payment_settles_on_the_day_of_its_window(
    snapshot: DirectorySnapshot, now: datetime, expected: date
) -> None:
    """A weekend, the cut-off of a schedule, and a day that the operator has stated to be a holiday."""
    assert snapshot.settlement_day("PKR", now) == expected


def test_today_is_the_date_of_either_country() -> None:
    """At half past seven in the evening of UTC it is tomorrow in India already, and still today in Russia."""
    now = datetime(2026, 11, 29, 19, 30, tzinfo=UTC)

    assert stated.days_of(now, "IN", "RU") == {date(2026, 11, 29), date(2026, 11, 30)}


def test_a_payment_of_the_last_second_of_a_day_is_not_late() -> None:
    midnight = datetime(2026, 11, 30, 0, 0, 1, tzinfo=UTC)

    assert date(2026, 11, 29) in stated.days_of(midnight, "IN", "PK")
    assert date(2026, 11, 29) not in stated.days_of(midnight + timedelta(hours=1), "IN", "PK")
