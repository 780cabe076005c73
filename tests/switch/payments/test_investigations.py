"""A question about a payment has an end: the books answer it, the other bank does, its asker closes it, or people answer."""

import asyncio
import contextlib
import json
import os
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from schemas import codec
from schemas.investigation import CREDITOR_AGENT, DEBTOR_AGENT, TYPES
from switch.base import failpoints
from switch.base.settings import Settings
from switch.cli.supervisor import Supervisor, running
from switch.operations import ends
from switch.payments.investigations import OBJECTIONS_MAX, OF_PAYMENT_MAX
from tests import scratch
from tests.switch.api.test_doors import inbox, paid, post
from tests.switch.payments.test_indirect import MEZAN, iban, pay, payment, reached, set_up
from tests.switch.stack import Stack

__all__ = ["reached"]
DOCS = Path("docs/integrate/investigations.md")
BANKS = {DEBTOR_AGENT: ("asha-bank", "ASHAINBB"), CREDITOR_AGENT: ("indus-bank", "INDUPKKA")}
DATA: dict[str, Any] = {
    "ReqNrrtv": "Which invoice is it about?",
    "ReqdCompstn": {"Prd": {"FrDt": "2026-11-20", "ToDt": "2026-11-23"}, "Rsn": ["Credited late"]},
    "ReqdValtn": {"Prd": {"CurValDt": "2026-11-23", "ReqdValDt": "2026-11-20"}},
    "TxData": [{"Pth": "RmtInf/Ustrd", "Rcrd": {"Othr": "INV-1187"}}],
    "Compstn": {"Grantd": True, "AmtDue": {"Ccy": "PKR", "Amt": "12.00"}},
    "Valtn": {"AmtDue": {"Ccy": "PKR", "Amt": "12.00"}},
    "Conf": None,
    "TxSts": {"Sts": {"Cd": "ACCC"}},
    "RspnNrrtv": "It pays invoice INV-1187.",
}
FORWARDED = [
    (type_, side) for type_, known in TYPES.items() if not known.by_switch for side in sorted(known.asked_by)
]
Json = dict[str, Any]


def agent(bic: str) -> Json:
    return {"Agt": {"FinInstnId": {"BICFI": bic}}}


def question(
    uetr: str,
    type_: str = "CCNR",
    *,
    side: str = DEBTOR_AGENT,
    name: str = "",
    data: Json | None = None,
    action: str = "",
    responder: str = "",
) -> Json:
    """A camt.110 of the agent on this side of the payment."""
    other = next(bic for tag, (_, bic) in BANKS.items() if tag != side)
    asked: Json = {"MsgId": uuid4().hex, **({"RqstrInvstgtnId": name} if name else {})}
    if action:
        asked["ReqActn"] = {"Actn": {"Cd": action}}
    asked |= {"InvstgtnTp": {"Cd": type_}, "Undrlyg": {"IntrBk": {"OrgnlUETR": uetr}}}
    asked |= {"Rqstr": agent(BANKS[side][1]), "Rspndr": agent(responder or other)}
    reasons: list[Json] = [
        {"Rsn": {"Cd": "NARR" if tag == "ReqNrrtv" else "PYPU"}, "AddtlReqData": {tag: value}}
        for tag, value in (data or {}).items()
    ]
    return {"InvstgtnReq": {"InvstgtnReq": asked, "InvstgtnData": reasons or [{"Rsn": {"Cd": "PYPU"}}]}}


def reply(asked: Json, status: str = "CLSD", reason: str = "", data: Json | None = None) -> Json:
    """A camt.111 that answers the question as its receiver has it."""
    original = asked["InvstgtnReq"]["InvstgtnReq"]
    said: Json = {"MsgId": uuid4().hex, "InvstgtnSts": {"Sts": status}}
    if reason:
        said["InvstgtnSts"]["StsRsn"] = {"Cd": reason}
    if data is not None:
        said["InvstgtnData"] = [{"RspnData": {tag: value}} for tag, value in data.items()]
    tags = ("MsgId", "RqstrInvstgtnId", "InvstgtnTp", "Undrlyg", "Rqstr", "Rspndr")
    repeated = {tag: original[tag] for tag in tags if tag in original}
    return {"InvstgtnRspn": {"InvstgtnRspn": said, "OrgnlInvstgtnReq": repeated}}


async def ask(stack: Stack, document: Json, who: str = "asha-bank") -> tuple[int, Json]:
    """Ask, and read the answer at once: its status, reason and data."""
    status, found = await post(stack, who, "camt.110", "camt.110.001.01", document)
    return status, said_of(found["Document"]) if "Document" in found else found


def said_of(document: Json) -> Json:
    said = document["InvstgtnRspn"]["InvstgtnRspn"]
    status = said["InvstgtnSts"]
    data = {tag: value for one in said.get("InvstgtnData", ()) for tag, value in one["RspnData"].items()}
    return {"status": status["Sts"], "reason": status.get("StsRsn", {}).get("Cd", ""), "data": data, **said}


async def answer(stack: Stack, document: Json, who: str = "indus-bank") -> tuple[int, Json]:
    status, found = await post(stack, who, "camt.111", "camt.111.001.02", document)
    return status, found


async def received(stack: Stack, who: str, uetr: str, definition: str, number: int = 1) -> list[Json]:
    """The messages of this kind about a payment that a bank has, once there are so many."""
    async with asyncio.timeout(60):
        while True:
            found = [
                m for m in await inbox(stack, who) if m["uetr"] == uetr and m["definition"][:8] == definition
            ]
            if len(found) >= number:
                return [m["message"]["Document"] for m in found]
            await asyncio.sleep(0.2)


async def kept(stack: Stack, uetr: str, who: str = "asha-bank") -> list[Json]:
    async with stack.client(who) as client:
        found: list[Json] = (await client.read(f"payments/{uetr}"))["investigations"]
    return found


async def case_of(stack: Stack, reference: str, state: str) -> Json:
    """The case of an investigation, once it is in this state."""
    headers = stack._bearer("operator")
    async with aiohttp.ClientSession(stack.url, headers=headers) as http, asyncio.timeout(60):
        while True:
            async with http.get(f"/v1/cases?kind=investigation&state={state}") as found:
                cases = await found.json()
            for one in cases["cases"] if isinstance(cases, dict) else cases:
                if one["subject"]["id"] == reference:
                    return dict(one)
            await asyncio.sleep(0.2)


async def page(stack: Stack, person: str, path: str) -> str:
    async with (
        aiohttp.ClientSession(stack.url, headers=stack._bearer(person)) as http,
        http.get(path) as found,
    ):
        assert found.status == 200
        return await found.text()


# What the books answer


async def test_the_books_answer_whether_and_when_a_payment_was_credited(stack: Stack) -> None:
    payment_ = await paid(stack)
    document = question(payment_["uetr"])
    status, said = await ask(stack, document)
    again, same = await ask(stack, document)
    changed = json.loads(json.dumps(document))
    changed["InvstgtnReq"]["InvstgtnData"][0]["Rsn"]["Cd"] = "CTOR"
    other, problem = await ask(stack, changed)
    booked = said["data"]["Conf"]

    assert (status, said["status"], said["reason"]) == (200, "CLSD", "")
    assert said["data"]["TxSts"] == {"Sts": {"Cd": "ACCC"}}
    credit = payment_["credited_amount"]
    assert (booked["Amt"], booked["CdtDbtInd"]) == (
        {"Ccy": credit["currency"], "Amt": credit["amount"]},
        "CRDT",
    )
    assert booked["Refs"] == {"UETR": payment_["uetr"], "ClrSysRef": payment_["rail_reference"]}
    posted = next(step["at"] for step in payment_["journey"] if step["event"] == "posted")
    assert booked["BookgDt"]["DtTm"][:23] == posted[:23]
    assert "Acct" not in booked
    assert (again, same["data"], same["RspndrInvstgtnId"]) == (200, said["data"], said["RspndrInvstgtnId"])
    assert (other, problem["reason"]) == (409, "DUPL")
    (seen,) = await kept(stack, payment_["uetr"])
    assert (seen["state"], seen["answered_by"], seen["reference"]) == (
        "answered",
        "books",
        said["RspndrInvstgtnId"],
    )
    assert await kept(stack, payment_["uetr"], "indus-bank") == [], (
        "what the books answered is the asker's own"
    )


async def test_the_creditor_agent_learns_that_its_credit_is_in_the_books(stack: Stack) -> None:
    payment_ = await paid(stack)
    status, said = await ask(stack, question(payment_["uetr"], "CONR", side=CREDITOR_AGENT), "indus-bank")

    assert (status, said["status"]) == (200, "CLSD")
    assert said["data"]["Conf"]["Amt"]["Amt"] == payment_["credited_amount"]["amount"]


async def test_a_refused_payment_is_answered_with_its_reason(stack: Stack) -> None:
    payment_ = await paid(stack, word="AC04")
    status, said = await ask(stack, question(payment_["uetr"]))
    _, forward = await ask(stack, question(payment_["uetr"], "RQFI"))

    assert (status, said["status"], said["reason"]) == (200, "CLSD", "ARJT")
    assert said["data"]["TxSts"] == {"Sts": {"Cd": "RJCT"}, "StsRsnInf": [{"Rsn": {"Cd": "AC04"}}]}
    assert (forward["status"], forward["reason"]) == ("RJCT", "ARJT"), "nobody else knows more"


async def test_a_payment_that_is_not_the_callers_is_answered_like_one_that_does_not_exist(
    stack: Stack,
) -> None:
    uetr = (await paid(stack))["uetr"]
    asked = question(uetr, "RQFI")["InvstgtnReq"]
    stranger = await stack.add_bank(funds_minor=0)
    found = []
    for one in (uetr, str(uuid4())):
        document = json.loads(json.dumps({"InvstgtnReq": asked}))
        document["InvstgtnReq"]["InvstgtnReq"] |= {
            "MsgId": uuid4().hex,
            "Rqstr": agent(stranger["bic"]),
            "Undrlyg": {"IntrBk": {"OrgnlUETR": one}},
        }
        raw = codec.encode("camt.110.001.01", document, media_type=codec.JSON)
        headers = {"Authorization": f"Bearer {stranger['bearer']}", "Content-Type": codec.JSON}
        async with aiohttp.ClientSession(stack.url, headers=headers) as http:
            async with http.post("/v1/iso20022/camt.110", data=raw) as response:
                said = said_of((await response.json())["Document"])
                found.append((response.status, said["status"], said["reason"], said["data"], sorted(said)))

    assert found[0] == found[1]
    assert found[0][:4] == (200, "RJCT", "NOOR", {})


async def test_a_question_about_a_payment_without_outcome_waits_for_it(stack: Stack) -> None:
    async with stack.client("asha-bank") as client:
        state = await client.pay(stack.document("asha-bank", "indus-bank", word="SLOW6"), wait=0)
        while (await client.read(f"payments/{state.uetr}"))["state"] in {"RECEIVED", "RESERVED"}:
            await asyncio.sleep(0.05)
    uetr = str(state.uetr)
    document = question(uetr)
    status, said = await ask(stack, document)
    assert (status, said["status"], said["reason"]) == (202, "PDNG", "INPO")
    # A bank that was never asked, and guesses the id, ended the question: the books answered it never more.
    meddled, _ = await answer(stack, reply(document, "RJCT", "NOOR"))
    assert meddled == 404
    (late,) = await received(stack, "asha-bank", uetr, "camt.111")
    await asyncio.sleep(1)

    told = said_of(late)
    assert (told["status"], told["data"]["TxSts"]) == ("CLSD", {"Sts": {"Cd": "ACCC"}})
    assert told["data"]["Conf"]["CdtDbtInd"] == "CRDT"
    assert len(await received(stack, "asha-bank", uetr, "camt.111")) == 1
    assert (await kept(stack, uetr))[0]["state"] == "answered"


async def test_the_same_question_sent_at_the_same_time_is_one(stack: Stack) -> None:
    uetr = (await paid(stack))["uetr"]
    documents = [question(uetr), question(uetr, "RQFI")]
    found = await asyncio.gather(*(ask(stack, one) for one in documents * 6))
    (asked,) = await received(stack, "indus-bank", uetr, "camt.110")

    assert sorted(status for status, _ in found) == [200] * 6 + [202] * 6
    assert len({said["RspndrInvstgtnId"] for _, said in found}) == 2
    assert sorted(one["type"] for one in await kept(stack, uetr)) == ["CCNR", "RQFI"]
    assert asked == documents[1]
    assert len(await received(stack, "indus-bank", uetr, "camt.110")) == 1


# What the other side answers


@pytest.mark.parametrize(("type_", "side"), FORWARDED)
async def test_every_question_reaches_the_other_bank_as_it_was_asked_and_comes_back_answered(
    stack: Stack, type_: str, side: str
) -> None:
    uetr, known = (await paid(stack))["uetr"], TYPES[type_]
    (asker, _), (answerer, bic) = BANKS[side], next(bank for tag, bank in BANKS.items() if tag != side)
    document = question(uetr, type_, side=side, data={tag: DATA[tag] for tag in sorted(known.asks)})
    status, said = await ask(stack, document, asker)
    (asked,) = await received(stack, answerer, uetr, "camt.110")
    data = {tag: DATA[tag] for tag in sorted(known.answers - {"Conf"})}
    answered, _ = await answer(stack, reply(asked, data=data), answerer)
    (told,) = await received(stack, asker, uetr, "camt.111")
    (ended,) = await kept(stack, uetr, asker)
    seen = await kept(stack, uetr, answerer)

    assert (status, said["status"], said["reason"]) == (202, "PDNG", "FTNA")
    assert said["NxtRspndr"] == agent(bic)
    assert asked == document
    assert answered == 202
    assert said_of(told)["data"] == data
    assert (ended["state"], ended["answered_by"]) == ("answered", answerer)
    assert seen == [ended], "who was asked sees it, too"


async def test_an_open_question_is_a_case_and_an_interim_answer_leaves_it_open(stack: Stack) -> None:
    uetr = (await paid(stack))["uetr"]
    _, said = await ask(stack, question(uetr, "UTAP", side=CREDITOR_AGENT), "indus-bank")
    case = await case_of(stack, said["RspndrInvstgtnId"], "open")
    (asked,) = await received(stack, "asha-bank", uetr, "camt.110")
    home, messages = [await page(stack, "participant", f"/console{path}") for path in ("", "/own/messages")]
    first = reply(asked, "PDNG", "ARPL")
    statuses = [(await answer(stack, one, "asha-bank"))[0] for one in (first, first)]
    (interim,) = await kept(stack, uetr, "indus-bank")
    last = reply(asked, "CLSD", "CACR")
    statuses += [(await answer(stack, one, "asha-bank"))[0] for one in (last, last)]
    late, problem = await answer(stack, reply(asked, "CLSD", "NOAD"), "asha-bank")
    closed = await case_of(stack, said["RspndrInvstgtnId"], "closed")
    told = await received(stack, "indus-bank", uetr, "camt.111", 2)

    assert (case["kind"], case["participant"], case["uetr"]) == ("investigation", "indus-bank", uetr)
    assert re.search(r'Questions about payments awaiting your reply</a> <b class="warn">[1-9]', home)
    assert "awaiting your reply" in messages
    assert (interim["state"], interim["code"]) == ("asked", "ARPL")
    assert statuses == [202] * 4
    assert [(one["status"], one["reason"]) for one in map(said_of, told)] == [
        ("PDNG", "ARPL"),
        ("CLSD", "CACR"),
    ]
    assert (late, problem["errors"][0]["path"]) == (422, "InvstgtnRspn/OrgnlInvstgtnReq/MsgId")
    assert closed["number"] == case["number"]


async def test_only_the_side_that_knows_asks_and_only_the_asked_side_answers(stack: Stack) -> None:
    uetr = (await paid(stack))["uetr"]
    by_creditor, _ = await ask(stack, question(uetr, "CCNR", side=CREDITOR_AGENT), "indus-bank")
    by_debtor, _ = await ask(stack, question(uetr, "UTAP"))
    in_anothers_name, _ = await ask(stack, question(uetr, "RQFI"), "indus-bank")
    elsewhere, problem = await ask(stack, question(uetr, "RQFI", responder="NOORAEAA"))
    document = question(uetr, "RQFI")
    await ask(stack, document)
    own, _ = await answer(stack, reply(document, "CLSD", "NOAD"), "asha-bank")
    guessed = json.loads(json.dumps(document))
    guessed["InvstgtnReq"]["InvstgtnReq"]["MsgId"] = uuid4().hex
    unasked, _ = await answer(stack, reply(guessed, "CLSD", "NOAD"))
    wrong_type = json.loads(json.dumps(document))
    wrong_type["InvstgtnReq"]["InvstgtnReq"]["InvstgtnTp"]["Cd"] = "OTHR"
    mistaken, _ = await answer(stack, reply(wrong_type, "CLSD", "NOAD"))

    assert (by_creditor, by_debtor, in_anothers_name) == (403, 403, 403)
    assert (elsewhere, problem["errors"][0]["path"]) == (422, "InvstgtnReq/InvstgtnReq/Rspndr/Agt")
    assert (own, unasked, mistaken) == (404, 404, 422)
    assert [one["state"] for one in await kept(stack, uetr)] == ["asked"]


async def test_unknown_codes_are_refused_with_path_rule_and_remedy_and_change_nothing(stack: Stack) -> None:
    uetr = (await paid(stack))["uetr"]
    for tag, value, rule, path in (
        ("InvstgtnTp", {"Cd": "RQDA"}, "investigation-type", "InvstgtnReq/InvstgtnReq/InvstgtnTp"),
        ("InvstgtnTp", {"Cd": "ABCD"}, "unknown-code", "InvstgtnReq/InvstgtnReq/InvstgtnTp/Cd"),
        ("SvcLvl", [{"Cd": "R99D"}], "unknown-code", "InvstgtnReq/InvstgtnReq/SvcLvl/Cd"),
    ):
        document = question(uetr, "RQFI")
        document["InvstgtnReq"]["InvstgtnReq"][tag] = value
        ordered = {
            name: document["InvstgtnReq"]["InvstgtnReq"][name]
            for name in ("MsgId", "InvstgtnTp", "Undrlyg", "Rqstr", "Rspndr", "SvcLvl")
            if name in document["InvstgtnReq"]["InvstgtnReq"]
        }
        document["InvstgtnReq"]["InvstgtnReq"] = ordered
        status, problem = await ask(stack, document)
        found = {(one["path"], one["rule"]): one["remedy"] for one in problem["errors"]}

        assert status == 422
        assert found[path, rule]
    assert await kept(stack, uetr) == []


# Actions


async def test_its_asker_reads_the_state_and_closes_a_question(stack: Stack) -> None:
    uetr, name = (await paid(stack))["uetr"], uuid4().hex
    await ask(stack, question(uetr, "RQFI", name=name))
    state = await ask(stack, question(uetr, "RQFI", name=name, action="RQST"))
    other_type, _ = await ask(stack, question(uetr, "RQCH", name=name, action="RQST"))
    nameless, _ = await ask(stack, question(uetr, "RQFI", name=uuid4().hex, action="RQCL"))
    taken, problem = await ask(stack, question(uetr, "RQFI", name=name))
    early, _ = await ask(stack, question(uetr, "RQFI", name=name, action="RQOB"))
    closing = question(uetr, "RQFI", name=name, action="RQCL")
    closed = [await ask(stack, closing) for _ in range(2)]
    asked = await received(stack, "indus-bank", uetr, "camt.110", 2)
    late, _ = await answer(stack, reply(asked[0], "CLSD", "NOAD"))

    assert (state[0], state[1]["status"], state[1]["reason"]) == (202, "PDNG", "FTNA")
    assert (other_type, nameless, taken, early) == (422, 404, 422, 422)
    assert (problem["errors"][0]["path"], "new RqstrInvstgtnId" in problem["errors"][0]["remedy"]) == (
        "InvstgtnReq/InvstgtnReq/RqstrInvstgtnId",
        True,
    )
    assert [(status, said["status"], said["reason"]) for status, said in closed] == [
        (200, "CLSD", "CAPR")
    ] * 2
    assert asked[1] == closing, "who was asked need not answer any more"
    assert late == 422
    assert [(one["state"], one["code"]) for one in await kept(stack, uetr)] == [("withdrawn", "CAPR")]


async def test_an_objection_goes_from_the_books_to_the_bank_and_from_the_bank_to_people(stack: Stack) -> None:
    uetr, name = (await paid(stack))["uetr"], uuid4().hex
    await ask(stack, question(uetr, "CCNR", name=name))
    document = question(uetr, "CCNR", name=name, action="RQOB")
    _, to_bank = await ask(stack, document)
    _, repeated = await ask(stack, document)
    (asked,) = await received(stack, "indus-bank", uetr, "camt.110")
    await answer(stack, reply(asked, "CLSD", data={"RspnNrrtv": "It was credited this morning."}))
    _, to_people = await ask(stack, question(uetr, "CCNR", name=name, action="RQOB"))
    case = await case_of(stack, to_people["RspndrInvstgtnId"], "open")
    content = {"investigation": to_people["RspndrInvstgtnId"], "status": "CLSD"}
    await stack.agreed("investigation.answer", {**content, "answer": "The account statement shows it."})
    told = await received(stack, "asha-bank", uetr, "camt.111", 2)
    last, problem = await ask(stack, question(uetr, "CCNR", name=name, action="RQOB"))
    over = [await ask(stack, question(uetr, "CCNR", name=name, action="RQOB")) for _ in range(OBJECTIONS_MAX)]

    assert (to_bank["status"], to_bank["reason"]) == ("PDNG", "FTNA")
    assert repeated["reason"] == "FTNA"
    assert (to_people["status"], to_people["reason"]) == ("PDNG", "ESCA")
    assert case["kind"] == "investigation"
    assert [said_of(one)["data"] for one in told] == [
        {"RspnNrrtv": "It was credited this morning."},
        {"RspnNrrtv": "The account statement shows it."},
    ]
    assert (last, problem["status"]) == (202, "PDNG")
    assert {status for status, _ in over} == {422}


async def test_a_bank_asks_about_one_payment_only_so_often(stack: Stack) -> None:
    uetr = (await paid(stack))["uetr"]
    found = [await ask(stack, question(uetr)) for _ in range(OF_PAYMENT_MAX + 1)]

    assert [status for status, _ in found] == [200] * OF_PAYMENT_MAX + [422]
    assert "RqstrInvstgtnId" in found[-1][1]["errors"][0]["remedy"]
    assert len(await kept(stack, uetr)) == OF_PAYMENT_MAX


# People


async def test_behind_a_gateway_people_answer(reached: Stack) -> None:
    state = await pay(reached, payment(reached, MEZAN, iban("MEZN")))
    uetr = str(state.uetr)
    document = question(uetr, "RQFI", responder="MEZNPKKA", data={"ReqNrrtv": "Why?"})
    status, said = await ask(reached, document)
    case = await case_of(reached, said["RspndrInvstgtnId"], "open")
    content = {"investigation": said["RspndrInvstgtnId"], "status": "RJCT", "reason": "NOAD"}
    await reached.agreed("investigation.answer", {**content, "answer": "Mezan Bank says nothing more."})
    (told,) = await received(reached, "asha-bank", uetr, "camt.111")
    closed = await case_of(reached, said["RspndrInvstgtnId"], "closed")
    shown = await page(reached, "operator", f"/console/cases/{case['number']}")
    about = await page(reached, "operator", f"/console/payments/{uetr}")

    assert (status, said["status"], said["reason"]) == (202, "PDNG", "ESCA")
    assert (said_of(told)["status"], said_of(told)["reason"]) == ("RJCT", "NOAD")
    assert said_of(told)["data"] == {"RspnNrrtv": "Mezan Bank says nothing more."}
    assert closed["number"] == case["number"]
    assert "Investigation" in shown
    assert "further information is requested (RQFI)" in about


async def test_a_question_that_a_bank_does_not_answer_goes_to_people_and_the_bank_may_still_answer(
    stack: Stack,
) -> None:
    uetr = (await paid(stack))["uetr"]
    _, said = await ask(stack, question(uetr, "OTHR", data={"ReqNrrtv": "Well?"}))
    connection = await stack.connect()
    try:
        until = await connection.fetchrow(
            "SELECT until_at - asked_at AS within FROM switch.investigation WHERE uetr = $1::uuid", uetr
        )
        await connection.execute(
            "UPDATE switch.investigation SET until_at = now() WHERE uetr = $1::uuid", uetr
        )
        (told,) = await received(stack, "asha-bank", uetr, "camt.111")
        checked = await ends.check_ends(connection)
    finally:
        await connection.close()
    (escalated,) = await kept(stack, uetr)
    (asked,) = await received(stack, "indus-bank", uetr, "camt.110")
    status, _ = await answer(stack, reply(asked, "RJCT", "LEGL"))
    (ended,) = await kept(stack, uetr)

    days = Settings.model_fields["investigation_answer_within_days"].default
    assert round(until["within"].total_seconds()) == days * 86_400
    assert (said_of(told)["status"], said_of(told)["reason"]) == ("PDNG", "ESCA")
    assert said_of(told)["RspndrInvstgtnId"] == said["RspndrInvstgtnId"]
    assert (escalated["state"], ended["state"], ended["code"]) == ("people", "rejected", "LEGL")
    assert status == 202
    assert checked.ok, checked.detail


async def test_a_service_level_shortens_the_time_of_the_other_bank(stack: Stack) -> None:
    uetr = (await paid(stack))["uetr"]
    document = question(uetr, "RQFI")
    document["InvstgtnReq"]["InvstgtnReq"]["SvcLvl"] = [{"Cd": "R01D"}]
    await ask(stack, document)
    (found,) = await kept(stack, uetr)

    assert found["until"][8:10] != found["asked_at"][8:10]
    assert found["until"][11:16] == found["asked_at"][11:16], "one day later"


# Both representations, and crashes


async def test_a_question_and_its_answer_may_be_xml(stack: Stack) -> None:
    uetr = (await paid(stack))["uetr"]
    raw = codec.encode("camt.110.001.01", question(uetr), media_type=codec.XML)
    headers = {
        "Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}",
        "Content-Type": codec.XML,
        "Accept": codec.XML,
    }
    async with aiohttp.ClientSession(stack.url, headers=headers) as http:
        async with http.post("/v1/iso20022/camt.110", data=raw) as response:
            found = codec.decode(await response.read(), media_type=codec.XML, expect="camt.111")

    assert said_of(dict(found.document))["status"] == "CLSD"


@pytest.fixture(scope="module")
def dying() -> Iterator[Stack]:
    """A switch whose workers are killed at each point of a question about every sixth time, and start again."""
    os.environ["PAYSWITCH_FAILPOINTS"] = ",".join(
        f"{name}:kill@0.15" for name in failpoints.OF_INVESTIGATIONS
    )
    try:
        with scratch.directory() as directory:
            settings = Settings(
                data=directory,
                sandbox=True,
                rails=("IN", "PK"),
                port=0,
                time_scale=0.02,
                sandbox_latency_s=0.01,
            )
            # With a fork server of its own, whose environment has the failpoints.
            with running(settings, lambda _: None) as supervisor:
                del os.environ["PAYSWITCH_FAILPOINTS"]
                stack = Stack(supervisor)
                asyncio.run(set_up(stack))
                with kept_running(supervisor):
                    yield stack
    finally:
        os.environ.pop("PAYSWITCH_FAILPOINTS", None)


@contextlib.contextmanager
def kept_running(supervisor: Supervisor) -> Iterator[None]:
    """Start what was killed again, as `payswitch up` does."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(0.1):
            supervisor.keep()

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


async def until_heard(send: Callable[[], Awaitable[tuple[int, Json]]]) -> tuple[int, Json]:
    """Send the same message again until there is an answer: workers die."""
    async with asyncio.timeout(120):
        while True:
            try:
                status, found = await send()
            except (aiohttp.ClientError, ConnectionError, json.JSONDecodeError):
                await asyncio.sleep(0.3)
                continue
            if status < 500:
                return status, found
            await asyncio.sleep(0.3)


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.timeout(900)
async def test_workers_that_die_at_every_point_neither_lose_nor_double_a_question_or_an_answer(
    dying: Stack,
) -> None:
    for _ in range(6):
        uetr = (await paid(dying))["uetr"]
        document = question(uetr, "RQFI")
        status, _ = await until_heard(lambda document=document: ask(dying, document))  # type: ignore[misc]
        (asked,) = await received(dying, "indus-bank", uetr, "camt.110")
        said = reply(asked, "CLSD", "NOAD")
        answered, _ = await until_heard(lambda said=said: answer(dying, said))  # type: ignore[misc]
        await asyncio.sleep(1)

        assert (status, answered) == (202, 202)
        assert asked == document
        assert len(await received(dying, "indus-bank", uetr, "camt.110")) == 1
        assert len(await received(dying, "asha-bank", uetr, "camt.111")) == 1
        assert [one["state"] for one in await kept(dying, uetr)] == ["answered"]
        connection = await dying.connect()
        try:
            silent = question(uetr, "OTHR", data={"ReqNrrtv": "Well?"})
            await until_heard(lambda silent=silent: ask(dying, silent))  # type: ignore[misc]
            await connection.execute(
                "UPDATE switch.investigation SET until_at = now() WHERE ended_at IS NULL"
            )
        finally:
            await connection.close()
        assert said_of((await received(dying, "asha-bank", uetr, "camt.111", 2))[1])["reason"] == "ESCA"
        await asyncio.sleep(1)
        assert len(await received(dying, "asha-bank", uetr, "camt.111")) == 2


def test_the_table_of_the_docs_is_that_of_the_code() -> None:
    rows = re.findall(
        r"^\| `([A-Z]{4})` \|[^|]*\| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$",
        DOCS.read_text(),
        re.MULTILINE,
    )
    sides = {
        "debtor agent": {DEBTOR_AGENT},
        "creditor agent": {CREDITOR_AGENT},
        "either": {DEBTOR_AGENT, CREDITOR_AGENT},
    }
    stated = {
        type_: (
            sides[asks],
            by == "the books",
            set(re.findall(r"`(\w+)`", data)),
            set(re.findall(r"`(\w+)`", said)),
        )
        for type_, asks, data, by, said in rows
    }

    assert stated == {
        type_: (set(known.asked_by), known.by_switch, set(known.asks), set(known.answers))
        for type_, known in TYPES.items()
    }
