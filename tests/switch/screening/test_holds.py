"""Payments that screening holds, on a running switch: nothing moves until two people have decided."""

import asyncio
import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from lxml import etree

from schemas.errors import Refused
from switch.api import models
from switch.clients.python import AsyncClient, recall, status_request
from switch.sandbox import world
from tests.switch.payments import test_payment_requests as payment_requests
from tests.switch.screening.holds import (
    LIST,
    LISTED,
    bearer,
    decide,
    paying,
    typed,
    uetr_of,
    until,
    use_lists,
)
from tests.switch.screening.test_goaml import check
from tests.switch.stack import Stack

TELLING = ("screen", "sanction", "list", "hold", "held", "compliance", "hit")
"""Parts of words that would tell a sender why its payment waits."""


@pytest.fixture(scope="module")
def data(stack: Stack) -> Any:
    """Commands find the switch of the tests without being told where it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
        patch.setenv("PAYSWITCH_PORT", str(stack.settings.port))
        patch.setenv("PAYSWITCH_RAILS", json.dumps(stack.settings.rails))
        yield


@pytest.fixture(scope="module")
def lists(stack: Stack, data: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The number of a list in force."""
    file = tmp_path_factory.mktemp("lists") / "national.csv"
    file.write_text(LIST)
    added = typed("screening", "add", str(file), "--source", "a test of today", "--as", "operator")
    again = typed("screening", "add", str(file), "--source", "the same file", "--as", "operator")
    assert again["number"] == added["number"]
    assert (added["entries"], added["names"], added["in_force"]) == (2, 3, False)
    asyncio.run(use_lists(stack, [added["number"]]))
    yield added["number"]
    asyncio.run(use_lists(stack, []))


async def position(stack: Stack, client: AsyncClient) -> Any:
    connection = await stack.connect()
    try:
        return [
            tuple(row)
            for row in await connection.fetch(
                "SELECT number, debits_pending, debits_posted, credits_pending, credits_posted FROM ledger.account"
                " WHERE owner IN ('asha-bank', 'indus-bank') ORDER BY number"
            )
        ]
    finally:
        await connection.close()


async def status(stack: Stack, uetr: str, who: str = "asha-bank") -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {stack.participant(who)['bearer']}"}
    async with (
        aiohttp.ClientSession(stack.url, headers=headers) as http,
        http.get(f"/v1/payments/{uetr}") as answer,
    ):
        return answer.status, await answer.json()


async def case_of(stack: Stack, uetr: str) -> int:
    """Wait for the case of a held payment; its number."""

    async def opened() -> int | None:
        async with (
            aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http,
            http.get("/v1/cases?kind=screening&state=open&limit=200") as answer,
        ):
            found = await answer.json()
        return next((case["number"] for case in found if case["uetr"] == uetr), None)

    return int(await until(opened))


async def final(stack: Stack, uetr: str) -> dict[str, Any]:
    async def found() -> dict[str, Any] | None:
        code, payment = await status(stack, uetr)
        return payment if code == 200 and payment["final"] else None

    return dict(await until(found))


async def test_a_hit_is_pending_until_two_people_release_it_and_then_paid(stack: Stack, lists: int) -> None:
    document = paying(stack)
    uetr = uetr_of(document)
    async with stack.client("asha-bank") as client:
        before = await position(stack, client)
        first = await client.pay(document, wait=0)
        again = await client.pay(document, wait=0)
        assert (first.status, again.status) == ("PDNG", "PDNG")
        assert (first.uetr, again.uetr) == (uetr, uetr)
        assert await position(stack, client) == before
    code, payment = await status(stack, uetr)
    assert (code, payment["state"], payment["status"], payment["final"]) == (200, "RECEIVED", "PDNG", False)
    assert not [word for word in TELLING if word in json.dumps(payment).lower()]
    assert (await status(stack, uetr, "indus-bank"))[0] == 404

    hits = await asyncio.to_thread(typed, "screening", "hits", uetr, "--as", "operator")
    assert [(hit["party"], hit["entry"]) for hit in hits["hits"]] == [("creditor", "own:T-1")]
    alone = await asyncio.to_thread(
        typed, "screening", "release", uetr, "--as", "operator", "--reason", "another person: born 1990"
    )
    assert alone["state"] == "requested"
    assert (await status(stack, uetr))[1]["state"] == "RECEIVED"
    async with aiohttp.ClientSession(stack.url) as http:
        path = f"/v1/changes/{alone['number']}/votes"
        vote = {"decision": "approve", "reason": "agreed"}
        async with http.post(path, json=vote, headers=bearer(stack, "operator")) as answer:
            assert answer.status == 403
        async with http.post(path, json=vote, headers=bearer(stack, "checker")) as answer:
            assert answer.status == 200
    paid = await final(stack, uetr)
    assert paid["state"] == "COMMITTED"
    assert not [word for word in TELLING if word in json.dumps(paid).lower()]
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=0)).status == "ACCC"


async def test_officers_read_the_hits_by_api_and_page_and_others_do_not(stack: Stack, lists: int) -> None:
    document = paying(stack)
    uetr = uetr_of(document)
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=0)).status == "PDNG"
    async with aiohttp.ClientSession(stack.url) as http:

        async def read(path: str, who: str, method: str = "GET") -> tuple[int, str]:
            async with http.request(
                method, path, headers=bearer(stack, who) | {"Sec-Fetch-Site": "same-origin"}
            ) as answer:
                return answer.status, await answer.text()

        number = await case_of(stack, uetr)
        code, text = await read(f"/v1/cases/{number}/hits", "checker")
        assert code == 200, text
        found = msgspec.convert(json.loads(text), models.ScreeningHitsDocument)
        assert [hit["name"] for hit in found["hits"]] == [LISTED]
        assert (found["screening"], found["decision"], found["outcome"]) == (1, None, None)
        for who in ("auditor", "regulator-in", "participant"):
            assert (await read(f"/v1/cases/{number}/hits", who))[0] == 403
            assert (await read(f"/console/cases/{number}/hits", who, "POST"))[0] == 403
        code, page = await read(f"/console/cases/{number}", "operator")
        assert (code, LISTED in page) == (200, False)
        code, page = await read(f"/console/cases/{number}/hits", "operator", "POST")
        assert (code, LISTED in page, "own:T-1" in page) == (200, True, True)
        assert f"/console/changes/new/screening.release?uetr={uetr}&amp;screening=1" in page
    connection = await stack.connect()
    try:
        readers = await connection.fetch(
            "SELECT convert_from(body, 'UTF8')::jsonb ->> 'person' AS person FROM ledger.event"
            " WHERE kind = 'SCREENING_READ' AND convert_from(body, 'UTF8')::jsonb ->> 'uetr' = $1 ORDER BY seq",
            uetr,
        )
    finally:
        await connection.close()
    assert [row["person"] for row in readers] == ["checker", "operator"]
    await decide(stack, "screening.refuse", {"uetr": uetr})


async def test_a_sender_cancels_what_is_held_and_its_receiver_hears_nothing(stack: Stack, lists: int) -> None:
    document = paying(stack)
    uetr = uetr_of(document)
    async with stack.client("asha-bank") as client:
        await client.pay(document, wait=0)
        banks = [stack.participant(name)["bic"] for name in ("asha-bank", "indus-bank")]
        answer = await client.send(recall(uetr, from_agent=banks[0], to_agent=banks[1]))
    ended = await final(stack, uetr)

    assert '"CNCL"' in json.dumps(answer)
    assert (ended["state"], ended["reason"]) == ("ABORTED", "NARR")
    assert (await status(stack, uetr, "indus-bank"))[0] == 404


@pytest.mark.long
async def test_one_that_nobody_decides_is_refused_at_its_own_deadline(stack: Stack, lists: int) -> None:
    document = paying(stack)
    uetr = uetr_of(document)
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    until_ = datetime.now(UTC) + timedelta(seconds=6)
    transaction["SttlmTmReq"] = {"RjctTm": until_.strftime("%H:%M:%S.%f")[:-3] + "+00:00"}
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=0)).status == "PDNG"
    ended = await final(stack, uetr)

    assert (ended["state"], ended["reason"]) == ("ABORTED", "TM01")


async def test_new_lists_hold_a_payment_again_and_older_decisions_are_void(
    stack: Stack, lists: int, tmp_path: Path
) -> None:
    document = paying(stack, debtor="Perikl Zvonarev")
    uetr = uetr_of(document)
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=0)).status == "PDNG"
    file = tmp_path / "more.csv"
    file.write_text("id,kind,name\nP-1,person,Perikl Zvonarev\n")
    more = await asyncio.to_thread(
        typed, "screening", "add", str(file), "--source", "a second list", "--as", "operator"
    )
    await use_lists(stack, [lists, more["number"]])

    async def again() -> dict[str, Any] | None:
        found = await asyncio.to_thread(typed, "screening", "hits", uetr, "--as", "operator")
        return found if found["screening"] == 2 else None

    found = dict(await until(again))
    assert {hit["entry"] for hit in found["hits"]} == {"own:T-1", "own:P-1"}
    late = await asyncio.to_thread(
        typed, "screening", "release", uetr, "--as", "operator", "--reason", "too late", fails=True
    )
    assert "compared again" in late
    done = await decide(stack, "screening.release", {"uetr": uetr, "screening": 2})
    assert done["state"] == "executed", done
    assert (await final(stack, uetr))["state"] == "COMMITTED"
    await use_lists(stack, [lists])


class Sender:
    """A new bank, and all that it can read of its payments: with what differs between any two masked."""

    def __init__(self, stack: Stack, bank: dict[str, str], creditor: str) -> None:
        self.stack, self.bank, self.creditor = stack, bank, creditor
        self.headers = {"Authorization": f"Bearer {bank['bearer']}"}
        self.heard: list[Any] = []

    async def quote(self, amount: str) -> str:
        """The id of a firm quote."""
        asked = {"creditor_agent": self.stack.participant("indus-bank")["bic"], "purpose": "FAMI"}
        async with self.stack.client_of(self.bank) as client:
            made = await client.change("POST", "quotes", {**asked, "amount": amount, "currency": "INR"})
        return str(made["id"])

    async def pay(self, amount: str, message_id: str = "", wait: int = 0, quote: str = "") -> str:
        """Send a payment and then the same message again, and ask about it in every way; its status."""
        payer = {**self.stack.participant("asha-bank"), "bic": self.bank["bic"]}
        document = world.document(
            payer, self.stack.participant("indus-bank"), amount=amount, creditor=self.creditor
        )
        group = document["Document"]["FIToFICstmrCdtTrf"]["GrpHdr"]
        group["MsgId"] = message_id or group["MsgId"]
        if quote:
            (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
            transaction["InstrForNxtAgt"] = [{"InstrInf": f"/QTID/{quote}"}]
        uetr = uetr_of(document)
        status = status_request(uetr)
        path = "/v1/iso20022/pacs.008"
        asked = [
            ("POST", path, document, {"Prefer": f"wait={wait}"}),
            ("POST", path, document, {}),
            ("GET", f"/v1/payments/{uetr}", None, {}),
            ("POST", "/v1/iso20022/pacs.028", status, {}),
            ("GET", "/v1/events?limit=200", None, {}),
        ]
        answers = []
        async with aiohttp.ClientSession(self.stack.url, headers=self.headers) as http:
            for method, where, body, more in asked:
                async with http.request(method, where, json=body, headers=more) as answer:
                    told = {name: answer.headers.get(name) for name in ("Retry-After", "Payswitch-Notes")}
                    answers.append((answer.status, told, await answer.json()))
        events = [each for each in answers.pop()[2]["events"] if each["subject"] == uetr]
        own = {self.bank["id"], self.bank["bic"], uetr, group["MsgId"]}
        self.heard.append([masked(each, own) for each in (*answers, events)])
        found: str = answers[2][2]["status"]
        return found


_CHANGES = re.compile(r"[0-9a-f]{32}|\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)?")


def masked(told: Any, own: set[str]) -> str:
    """An answer as text, without ids and times."""
    text = json.dumps(told, sort_keys=True)
    for each in own:
        text = text.replace(each, "...")
    text = re.sub(
        r'"(id|seq|UETR|OrgnlUETR|EndToEndId|OrgnlEndToEndId|TxId|OrgnlTxId)": "[^"]*"', r'"\1"', text
    )
    return _CHANGES.sub("...", text)


async def test_a_payment_that_is_refused_with_any_name_does_not_tell_whose_name_is_a_hit(
    stack: Stack, lists: int
) -> None:
    """Two banks send the same payments, one to a listed name: what is refused, is refused in the same words."""
    refused, first = {}, {}
    for name in ("Bilal Khan", LISTED):
        bank = await stack.add_bank(funds_minor=450_00)
        of = {"participant": bank["id"], "currency": "INR"}
        await stack.agreed("limit.set", {**of, "per_payment": "500.00", "per_day": "580.00"})
        await stack.agreed("velocity.set", {**of, "scope": "participant", "payments_per_hour": 3})
        sender = Sender(stack, bank, name)
        assert await sender.pay("99999999999.00") == "RJCT"
        assert await sender.pay("510.00") == "RJCT"  # more than a payment may be
        assert await sender.pay("480.00") == "RJCT"  # more than there is
        first[name] = await sender.pay("100.00", message_id=f"m-{name}", wait=5)
        assert await sender.pay("100.00", message_id=f"m-{name}") == "RJCT"  # an id for the second time
        assert await sender.pay("490.00") == "RJCT"  # more than is left of the day
        assert await sender.pay("50.00", wait=5) == first[name]
        quote = await sender.quote("10.00")
        assert await sender.pay("10.00", wait=5, quote=quote) == first[name]
        assert await sender.pay("10.00", quote=quote) == "RJCT"  # a quote for the second time
        assert await sender.pay("50.00") == "RJCT"  # the fourth one in an hour
        async with stack.client_of(bank) as client:
            limits = (await client.read(f"participants/{bank['id']}"))["limits"]
            is_used = (await client.read(f"quotes/{quote}"))["used_by"] is not None
        refused[name] = [*(sender.heard[n] for n in (0, 1, 2, 4, 5, 8, 9)), (limits, is_used)]

    assert first == {"Bilal Khan": "ACCC", LISTED: "PDNG"}
    reasons = [re.search(r'"reason": "(\w+)"', each[2]) for each in refused[LISTED][:-1]]
    assert [found and found[1] for found in reasons] == [
        "AM02",
        "AM14",
        "AM23",
        "DU01",
        "AM14",
        "AB04",
        "AM21",
    ]
    for ordinary, listed in zip(*refused.values(), strict=True):
        assert listed == ordinary


async def test_a_request_to_pay_waits_for_a_payment_that_is_held(stack: Stack, lists: int) -> None:
    """Its asker was told that it was not paid in time, and then it was paid: no other payment does that."""
    end_to_end = uuid.uuid4().hex
    asked = payment_requests.request(end_to_end, expiry=datetime.now(UTC) + timedelta(seconds=4))
    other = payment_requests.request(expiry=datetime.now(UTC) + timedelta(seconds=4))
    request, unpaid = [await payment_requests.asked(stack, each) for each in (asked, other)]
    document = paying(stack)
    (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["PmtId"]["EndToEndId"] = end_to_end
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=0)).status == "PDNG"
    await payment_requests.until(stack, unpaid, "expired")
    assert (await payment_requests.until(stack, request, "open", "expired"))["state"] == "open"
    done = await decide(stack, "screening.release", {"uetr": uetr_of(document)})
    assert done["state"] == "executed", done
    found = await payment_requests.until(stack, request, "paid", "expired")

    assert (found["state"], found["payment"]) == ("paid", uetr_of(document))


async def test_a_refused_one_is_rejected_with_rr04_and_no_word_of_why(stack: Stack, lists: int) -> None:
    document = paying(stack, creditor="Bilal Khan", debtor="Озиманд Кварценко")
    uetr = uetr_of(document)
    async with stack.client("asha-bank") as client:
        before = await position(stack, client)
        assert (await client.pay(document, wait=0)).status == "PDNG"
        await case_of(stack, uetr)
        done = await decide(stack, "screening.refuse", {"uetr": uetr})
        assert done["state"] == "executed", done
        refused = await final(stack, uetr)
        assert (refused["state"], refused["reason"]) == ("ABORTED", "RR04")
        assert refused["detail"] == Refused.__doc__.strip()
        assert await position(stack, client) == before
        assert (await client.pay(document, wait=0)).status == "RJCT"
    assert not [word for word in TELLING if word in json.dumps(refused).lower()]


async def test_a_listed_name_is_held_beside_other_words_and_wherever_a_message_states_it(
    stack: Stack, lists: int
) -> None:
    beside = paying(stack, creditor=f"Bilal Khan c/o {LISTED} 4711")
    in_text, invoicer = (paying(stack, creditor="Bilal Khan") for _ in range(2))
    for document, remittance in (
        (in_text, {"Ustrd": [f"rent of March for {LISTED}, flat 12"]}),
        (invoicer, {"Strd": [{"Invcr": {"Nm": LISTED}}]}),
    ):
        document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["RmtInf"] = remittance
    parts = []
    async with stack.client("asha-bank") as client:
        for document in (beside, in_text, invoicer):
            assert (await client.pay(document, wait=0)).status == "PDNG"
            await case_of(stack, uetr_of(document))
            found = await asyncio.to_thread(typed, "screening", "hits", uetr_of(document), "--as", "operator")
            parts += [hit["party"] for hit in found["hits"]]
            await decide(stack, "screening.refuse", {"uetr": uetr_of(document)})

    assert parts == ["creditor", "remittance information", "invoicer"]


async def test_a_cleared_party_is_no_hit_for_this_entry_and_this_account_until_the_clearance_ends(
    stack: Stack, lists: int
) -> None:
    document = paying(stack)
    uetr = uetr_of(document)
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=0)).status == "PDNG"
        until_ = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
        content = {"uetr": uetr, "hit": 1, "expires_on": until_}
        cleared = await decide(stack, "screening.clear", content)
        assert cleared["state"] == "executed", cleared

        async def passes() -> bool:
            return (await client.pay(paying(stack), wait=0)).status != "PDNG"

        await until(passes)
        other = paying(stack)
        transaction = other["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
        transaction["Cdtr"]["Nm"] = "Ozimand Kvartsenko"  # another spelling is another party
        assert (await client.pay(other, wait=0)).status == "PDNG"
        shown = await asyncio.to_thread(typed, "screening", "clearances", "--as", "operator")
        assert (cleared["number"], "own:T-1") in [(one["number"], one["entry"]) for one in shown]
        done = await decide(stack, "screening.end_clearance", {"number": cleared["number"]})
        assert done["state"] == "executed", done

        async def hits() -> bool:
            """Each worker reads in its own time that it has ended: ask on connections of their own."""
            return all([await _is_held(stack) for _ in range(8)])

        await until(hits)
    await decide(stack, "screening.refuse", {"uetr": uetr})


async def test_those_who_decide_get_the_draft_by_api_and_page_and_nobody_else(
    stack: Stack, lists: int
) -> None:
    document = paying(stack)
    uetr = uetr_of(document)
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=0)).status == "PDNG"
    case = await case_of(stack, uetr)
    async with aiohttp.ClientSession(stack.url, headers={"Sec-Fetch-Site": "same-origin"}) as http:
        for method, path in (("GET", f"/v1/cases/{case}/goaml"), ("POST", f"/console/cases/{case}/goaml")):
            async with http.request(method, path, headers=bearer(stack, "operator")) as answer:
                assert answer.status == 200
                assert answer.headers["content-disposition"].endswith(f'goaml-draft-case-{case}.xml"')
                root = etree.fromstring(await answer.read())
            check(root)
            assert LISTED in [one.text for one in root.iter("account_name")]
            for who, status in (
                ("auditor", 403),
                ("asha-bank", 403),
                ("officer", 404),
                ("regulator-in", 403),
            ):
                async with http.request(method, path, headers=bearer(stack, who)) as answer:
                    assert answer.status == status, (who, path)
    connection = await stack.connect()
    try:
        read = await connection.fetchval(
            "SELECT count(*) FROM ledger.event WHERE kind = 'SCREENING_READ'"
            " AND (convert_from(body, 'UTF8')::jsonb ->> 'goaml')::bigint = $1",
            case,
        )
    finally:
        await connection.close()
    assert read == 2
    await decide(stack, "screening.refuse", {"uetr": uetr})


async def _is_held(stack: Stack) -> bool:
    async with stack.client("asha-bank") as client:
        return (await client.pay(paying(stack), wait=0)).status == "PDNG"
