"""Who asks and who answers, where it is not simply two banks: rails, gateways, suspended banks, people."""

import asyncio
from collections.abc import Awaitable
from hashlib import sha256
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from schemas import codec
from tests.switch.api.test_doors import inbox, paid
from tests.switch.payments.inbound_world import GATEWAYS, ended, originate
from tests.switch.payments.test_inbound import both
from tests.switch.payments.test_indirect import MEZAN, iban, pay, payment, reached
from tests.switch.payments.test_investigations import (
    Json,
    agent,
    answer,
    ask,
    case_of,
    kept,
    page,
    question,
    received,
    reply,
    said_of,
)
from tests.switch.stack import Stack

__all__ = ["both", "reached"]
ANSWER = "The account statement shows the credit."


def between(uetr: str, type_: str, asker: str, responder: str, **more: Any) -> Json:
    """A camt.110 of any agent."""
    document = question(uetr, type_, responder=responder, data={"ReqNrrtv": "Where is it?"}, **more)
    document["InvstgtnReq"]["InvstgtnReq"]["Rqstr"] = agent(asker)
    return document


async def bearer_of(stack: Stack, participant: str) -> str:
    """A key of a participant that the sandbox has none for, such as a gateway."""
    bearer = f"sk_test_{uuid4().hex}"
    connection = await stack.connect()
    try:
        digest = sha256(bearer.encode()).digest()
        await connection.execute("INSERT INTO switch.bearer_key VALUES ($1, $2)", digest, participant)
    finally:
        await connection.close()
    await stack.until_everywhere(lambda status: status == 200, "/v1/positions", bearer)
    return bearer


async def send(stack: Stack, bearer: str, definition: str, document: Json) -> tuple[int, Json]:
    raw = codec.encode(definition, document, media_type=codec.JSON)
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": codec.JSON}
    async with aiohttp.ClientSession(stack.url, headers=headers) as http:
        async with http.post(f"/v1/iso20022/{definition[:8]}", data=raw) as response:
            return response.status, await response.json()


async def messages(stack: Stack, bearer: str, uetr: str, kind: str) -> list[Json]:
    headers = {"Authorization": f"Bearer {bearer}"}
    async with aiohttp.ClientSession(stack.url, headers=headers) as http:
        async with http.get("/v1/messages?limit=200") as response:
            found = (await response.json())["messages"]
    return [m["message"]["Document"] for m in found if m["uetr"] == uetr and m["definition"][:8] == kind]


# People


async def propose(stack: Stack, person: str, reference: str, **content: Any) -> tuple[int, Json]:
    body = {
        "kind": "investigation.answer",
        "content": {"investigation": reference, "status": "CLSD", "answer": ANSWER, **content},
        "reason": "test",
    }
    async with aiohttp.ClientSession(stack.url, headers=stack._bearer(person)) as http:
        async with http.post("/v1/changes", json=body) as response:
            return response.status, await response.json()


async def vote(stack: Stack, person: str, number: int) -> tuple[int, Json]:
    body = {"decision": "approve", "reason": "seen"}
    async with aiohttp.ClientSession(stack.url, headers=stack._bearer(person)) as http:
        async with http.post(f"/v1/changes/{number}/votes", json=body) as response:
            return response.status, await response.json()


async def asked(stack: Stack) -> tuple[str, str, Json]:
    """A question that a bank has: the UETR, the reference, and the question."""
    uetr = (await paid(stack))["uetr"]
    _, said = await ask(stack, question(uetr, "RQFI", data={"ReqNrrtv": "Why?"}))
    (document,) = await received(stack, "indus-bank", uetr, "camt.110")
    return uetr, said["RspndrInvstgtnId"], document


async def test_one_person_alone_answered_an_investigation(stack: Stack) -> None:
    uetr, reference, _ = await asked(stack)
    _, change = await propose(stack, "operator", reference)
    alone = await vote(stack, "operator", change["number"])

    assert alone[0] in {403, 409, 422}, alone
    assert [one["state"] for one in await kept(stack, uetr)] == ["asked"]


@pytest.mark.parametrize("person", ["participant", "indus-bank", "auditor", "officer", "regulator-in"])
async def test_who_may_not_answer_for_a_bank_neither_proposes_nor_votes(stack: Stack, person: str) -> None:
    """Not even the people of the bank that asked, or of the one that was asked."""
    uetr, reference, _ = await asked(stack)
    proposed = await propose(stack, person, reference)
    _, change = await propose(stack, "operator", reference)
    voted = await vote(stack, person, change["number"])

    assert proposed[0] in {403, 404}, proposed
    assert voted[0] in {403, 404}, voted
    assert [one["state"] for one in await kept(stack, uetr)] == ["asked"]


async def test_what_a_bank_has_answered_people_do_not_answer_again(stack: Stack) -> None:
    uetr, reference, document = await asked(stack)
    _, change = await propose(stack, "operator", reference)
    by_bank, _ = await answer(stack, reply(document, "RJCT", "LEGL"))
    _, late = await vote(stack, "checker", change["number"])
    again, problem = await propose(stack, "operator", reference)
    (ended_,) = await kept(stack, uetr)

    assert by_bank == 202
    assert late.get("state") != "executed", late
    assert (again, problem["errors"][0]["path"]) == (422, "investigation")
    assert (ended_["state"], ended_["answered_by"], ended_["code"]) == ("rejected", "indus-bank", "LEGL")
    assert len(await received(stack, "asha-bank", uetr, "camt.111")) == 1


async def test_people_answer_once(stack: Stack) -> None:
    uetr, reference, document = await asked(stack)
    changes = [(await propose(stack, "operator", reference))[1] for _ in range(2)]
    first = await vote(stack, "checker", changes[0]["number"])
    second = await vote(stack, "checker", changes[1]["number"]) if "number" in changes[1] else (409, {})
    (told,) = await received(stack, "asha-bank", uetr, "camt.111")
    late, _ = await answer(stack, reply(document, "RJCT", "LEGL"))
    await asyncio.sleep(1)

    assert first[1]["state"] == "executed"
    assert second[1].get("state") != "executed"
    assert late == 422
    assert said_of(told)["data"] == {"RspnNrrtv": ANSWER}
    assert len(await received(stack, "asha-bank", uetr, "camt.111")) == 1


async def test_of_a_bank_and_people_that_answer_at_the_same_time_one_does(stack: Stack) -> None:
    for _ in range(4):
        uetr, reference, document = await asked(stack)
        _, change = await propose(stack, "operator", reference)
        work: list[Awaitable[tuple[int, Json]]] = [
            answer(stack, reply(document, "RJCT", "LEGL")),
            vote(stack, "checker", change["number"]),
        ]
        by_bank, by_people = await asyncio.gather(*work)
        await received(stack, "asha-bank", uetr, "camt.111")
        await asyncio.sleep(1)
        (ended_,) = await kept(stack, uetr)
        told = await received(stack, "asha-bank", uetr, "camt.111")

        assert (by_bank[0] == 202) != (by_people[1].get("state") == "executed"), (by_bank, by_people)
        assert ended_["answered_by"] == ("indus-bank" if by_bank[0] == 202 else "people")
        assert len(told) == 1


async def test_the_pages_had_bare_codes_and_not_who_is_asked_until_when(stack: Stack) -> None:
    uetr, reference, document = await asked(stack)
    await answer(stack, reply(document, "PDNG", "ARPL"))
    withdrawn = uuid4().hex
    await ask(stack, question(uetr, "RQCH", name=withdrawn))
    await ask(stack, question(uetr, "RQCH", name=withdrawn, action="RQCL"))
    connection = await stack.connect()
    try:
        await connection.execute(
            "UPDATE switch.investigation SET until_at = now() WHERE uetr = $1::uuid AND type = 'RQFI'", uetr
        )
    finally:
        await connection.close()
    await received(
        stack, "asha-bank", uetr, "camt.111", 2
    )  # the second is of the switch, which has no sender
    case = await case_of(stack, reference, "open")
    for person, path in (
        ("operator", f"/console/payments/{uetr}"),
        ("participant", f"/console/payments/{uetr}"),
        ("operator", f"/console/cases/{case['number']}"),
    ):
        text = await page(stack, person, path)

        assert "asha-bank → indus-bank" in text
        assert "escalated to the operator (ESCA)" in text
        assert "as the text of the question says (NARR)" in text
        assert "None →" not in text
    assert "closed as requested (CAPR)" in await page(stack, "participant", f"/console/payments/{uetr}")


async def test_the_page_of_a_message_says_its_codes_in_words(stack: Stack) -> None:
    uetr, _, document = await asked(stack)
    await answer(stack, reply(document, "RJCT", "LEGL"))
    await received(stack, "asha-bank", uetr, "camt.111")
    for who, person, words in (
        (
            "indus-bank",
            "indus-bank",
            ("further information is requested", "as the text of the question says"),
        ),
        (
            "asha-bank",
            "participant",
            ("further information is requested", "cannot be answered", "not for legal"),
        ),
    ):
        (seq,) = [one["seq"] for one in await inbox(stack, who) if one["uetr"] == uetr]
        text = await page(stack, person, f"/console/own/messages/{seq}")

        assert [each for each in words if each not in text] == []


# Suspended banks


async def test_a_suspended_asker_gets_the_answer_and_may_not_go_on(stack: Stack) -> None:
    uetr, _, document = await asked(stack)
    first = question(uetr)
    await ask(stack, first)
    await stack.agreed("participant.suspend", {"participant": "asha-bank"})
    try:
        new, _ = await ask(stack, question(uetr, "RQCH"))
        closing, _ = await ask(stack, question(uetr, "RQFI", name="nothing", action="RQCL"))
        again = [await ask(stack, one) for one in (document, first)]
        answered, _ = await answer(stack, reply(document, "CLSD", "NOAD"))
        (told,) = await received(stack, "asha-bank", uetr, "camt.111")
        states = {one["type"]: one["state"] for one in await kept(stack, uetr)}
    finally:
        await stack.agreed("participant.resume", {"participant": "asha-bank"})

    assert (new, closing) == (403, 403)
    assert [(status, said["status"]) for status, said in again] == [(202, "PDNG"), (200, "CLSD")]
    assert answered == 202
    assert said_of(told)["reason"] == "NOAD"
    assert states == {"RQFI": "answered", "CCNR": "answered"}


async def test_a_question_that_a_suspended_bank_has_is_ended_by_people(stack: Stack) -> None:
    uetr, reference, document = await asked(stack)
    waiting, _, late_document = await asked(stack)
    await stack.agreed("participant.suspend", {"participant": "indus-bank"})
    try:
        refused, _ = await answer(stack, reply(document, "CLSD", "NOAD"))
        await stack.agreed(
            "investigation.answer", {"investigation": reference, "status": "CLSD", "answer": ANSWER}
        )
        (told,) = await received(stack, "asha-bank", uetr, "camt.111")
        _, new = await ask(stack, question(waiting, "OTHR", data={"ReqNrrtv": "Why?"}))
        case = await case_of(stack, new["RspndrInvstgtnId"], "open")
        connection = await stack.connect()
        try:
            await connection.execute(
                "UPDATE switch.investigation SET until_at = now() WHERE uetr = $1::uuid", waiting
            )
        finally:
            await connection.close()
        (escalated,) = await received(stack, "asha-bank", waiting, "camt.111")
    finally:
        await stack.agreed("participant.resume", {"participant": "indus-bank"})
    back, _ = await answer(stack, reply(late_document, "CLSD", "NOAD"))

    assert refused == 403
    assert said_of(told)["data"] == {"RspnNrrtv": ANSWER}
    assert (new["status"], new["reason"], case["state"]) == ("PDNG", "ESCA", "open")
    assert said_of(escalated)["reason"] == "ESCA"
    assert back == 202
    assert {one["type"]: one["state"] for one in await kept(stack, waiting)} == {
        "RQFI": "answered",
        "OTHR": "people",
    }


# Rails


async def test_the_payee_bank_of_a_rails_order_asks_and_people_answer(both: Stack) -> None:
    (uetr,) = await originate(both, "IN", "PK")
    await ended(both, "IN", [uetr])
    name, bic, _ = GATEWAYS["IN"]
    booked, said = await ask(both, between(uetr, "CONR", "INDUPKKA", bic), "indus-bank")
    status, passed = await ask(both, between(uetr, "UTAP", "INDUPKKA", bic), "indus-bank")
    case = await case_of(both, passed["RspndrInvstgtnId"], "open")
    content = {"investigation": passed["RspndrInvstgtnId"], "status": "CLSD", "answer": ANSWER}
    await both.agreed("investigation.answer", content)
    (told,) = await received(both, "indus-bank", uetr, "camt.111")

    assert (booked, said["status"], said["data"]["Conf"]["CdtDbtInd"]) == (200, "CLSD", "CRDT")
    assert (status, passed["status"], passed["reason"]) == (202, "PDNG", "ESCA")
    assert passed["NxtRspndr"] == agent(bic)
    assert (case["participant"], case["uetr"]) == ("indus-bank", uetr)
    assert said_of(told)["data"] == {"RspnNrrtv": ANSWER}
    assert {one["asker"] for one in await kept(both, uetr, "indus-bank")} == {"indus-bank"}, name


async def test_the_gateway_of_a_source_rail_asks_for_its_customers(both: Stack) -> None:
    (uetr,) = await originate(both, "IN", "PK")
    await ended(both, "IN", [uetr])
    name, bic, _ = GATEWAYS["IN"]
    bearer = await bearer_of(both, name)
    status, found = await send(both, bearer, "camt.110.001.01", between(uetr, "CCNR", bic, "INDUPKKA"))
    passed, later = await send(both, bearer, "camt.110.001.01", between(uetr, "RQFI", bic, "INDUPKKA"))
    (document,) = await received(both, "indus-bank", uetr, "camt.110")
    answered, _ = await answer(both, reply(document, "CLSD", data={"RspnNrrtv": "It was used."}))
    (told,) = await messages(both, bearer, uetr, "camt.111")

    assert (status, said_of(found["Document"])["status"]) == (200, "CLSD")
    assert (passed, said_of(later["Document"])["reason"]) == (202, "FTNA")
    assert answered == 202
    assert said_of(told)["data"] == {"RspnNrrtv": "It was used."}


# Banks behind a gateway


async def test_a_bank_behind_a_gateway_is_asked_by_its_own_bic_and_by_no_others(reached: Stack) -> None:
    uetr = str((await pay(reached, payment(reached, MEZAN, iban("MEZN")))).uetr)
    other = await ask(reached, between(uetr, "RQFI", "ASHAINBB", "APNAPKKA"))
    found = [await ask(reached, between(uetr, "RQFI", "ASHAINBB", bic)) for bic in ("MEZNPKKA", "GATEPKKA")]

    assert other[0] == 422
    assert "(MEZNPKKA)" in other[1]["detail"]
    assert [(status, said["reason"]) for status, said in found] == [(202, "ESCA")] * 2


async def test_a_gateway_may_answer_for_its_bank_and_states_no_bank_that_was_not_asked(
    reached: Stack,
) -> None:
    uetr = str((await pay(reached, payment(reached, MEZAN, iban("MEZN")))).uetr)
    await ask(reached, between(uetr, "RQFI", "ASHAINBB", "MEZNPKKA"))
    bearer = await bearer_of(reached, "gate-pk")
    (document,) = await messages(reached, bearer, uetr, "camt.110")
    forged, stepped, right = (reply(document, "CLSD", "NOAD") for _ in range(3))
    forged["InvstgtnRspn"]["OrgnlInvstgtnReq"]["Rspndr"] = agent("APNAPKKA")
    stepped["InvstgtnRspn"]["InvstgtnRspn"]["NxtRspndr"] = agent("APNAPKKA")
    found = [await send(reached, bearer, "camt.111.001.02", one) for one in (forged, stepped, right)]

    assert [status for status, _ in found] == [422, 422, 202], found
    assert found[0][1]["detail"].endswith("MEZNPKKA")
    assert [(one["state"], one["answered_by"]) for one in await kept(reached, uetr)] == [
        ("answered", "gate-pk")
    ]
