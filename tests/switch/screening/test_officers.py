"""Screening officers: they alone read and decide, of the operator or of the participant as two people set it."""

import asyncio
import json
import secrets
import uuid
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import aiohttp
import pytest

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
from tests.switch.screening.test_holds import TELLING, case_of, final, status
from tests.switch.stack import Stack

ADD = (
    "INSERT INTO switch.person (name, display_name, role, scope, status)"
    " VALUES ($1, $1, 'officer', $2, 'active') ON CONFLICT DO NOTHING"
)
BEAR = "INSERT INTO switch.person_bearer_key (sha256, person) VALUES ($1, $2)"
OWN = ("asha-officer", "asha-second")


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
    """A list in force that an officer added and requested, and another officer approved."""
    file = tmp_path_factory.mktemp("lists") / "national.csv"
    file.write_text(LIST)
    added = typed("screening", "add", str(file), "--source", "a test of today", "--as", "officer")
    asyncio.run(use_lists(stack, [added["number"]], by=("officer", "second-officer")))
    yield added["number"]
    asyncio.run(use_lists(stack, []))


@pytest.fixture(scope="module")
def people(stack: Stack) -> dict[str, dict[str, str]]:
    """Headers of officers of two banks."""
    made = {name: f"sk_test_{secrets.token_urlsafe(24)}" for name in (*OWN, "indus-officer", "indus-second")}

    async def add() -> None:
        connection = await stack.connect()
        try:
            for name, token in made.items():
                await connection.execute(ADD, name, f"{name.split('-')[0]}-bank")
                await connection.execute(BEAR, sha256(token.encode()).digest(), name)
        finally:
            await connection.close()

    asyncio.run(add())
    return {name: {"Authorization": f"Bearer {token}"} for name, token in made.items()}


@pytest.fixture
def decided_by(stack: Stack) -> Iterator[Any]:
    """Set who decides about the payments of Asha Bank; operators again at the end."""

    async def set_(who: str) -> dict[str, Any]:
        return await decide(stack, "screening.officers", {"participant": "asha-bank", "decided_by": who})

    yield set_
    asyncio.run(set_("operators"))


async def request(
    stack: Stack, who: dict[str, str], kind: str, content: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    change = {"kind": kind, "content": content, "reason": "looked at"}
    async with (
        aiohttp.ClientSession(stack.url) as http,
        http.post("/v1/changes", json=change, headers=who) as answer,
    ):
        return answer.status, await answer.json()


async def vote(stack: Stack, who: dict[str, str], number: int) -> int:
    async with (
        aiohttp.ClientSession(stack.url) as http,
        http.post(
            f"/v1/changes/{number}/votes", json={"decision": "approve", "reason": "seen"}, headers=who
        ) as answer,
    ):
        return answer.status


async def read(stack: Stack, who: dict[str, str], path: str, method: str = "GET") -> tuple[int, str]:
    headers = who | {"Sec-Fetch-Site": "same-origin"}
    async with (
        aiohttp.ClientSession(stack.url) as http,
        http.request(method, path, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def held(stack: Stack) -> tuple[str, int]:
    """A payment of Asha Bank that is held: its UETR and the number of its case.

    Every worker reads the lists within a moment of their approval; a payment before that is not held.
    """
    async with stack.client("asha-bank") as client:

        async def one() -> str | None:
            document = paying(stack)
            state = await client.pay(document, wait=0)
            return uetr_of(document) if state.status == "PDNG" else None

        uetr = str(await until(one))
    return uetr, await case_of(stack, uetr)


async def test_two_officers_of_the_participant_decide_and_nobody_else_reads_the_names(
    stack: Stack, lists: int, people: dict[str, dict[str, str]], decided_by: Any
) -> None:
    assert (await decided_by("participant"))["state"] == "executed"
    uetr, case = await held(stack)
    officer, second = people[OWN[0]], people[OWN[1]]
    checker, operator = bearer(stack, "checker"), bearer(stack, "operator")

    code, text = await read(stack, officer, f"/v1/cases/{case}/hits")
    assert (code, json.loads(text)["hits"][0]["name"]) == (200, LISTED)
    strangers = {"operator": 403, "checker": 403, "officer": 404, "auditor": 403, "asha-bank": 403}
    for name, wanted in strangers.items():
        assert (await read(stack, bearer(stack, name), f"/v1/cases/{case}/hits"))[0] == wanted, name
    for path in (f"/v1/cases/{case}", f"/v1/cases/{case}/hits", f"/console/cases/{case}"):
        assert (await read(stack, people["indus-officer"], path))[0] == 404
    cases = json.loads((await read(stack, officer, "/v1/cases?limit=200"))[1])
    assert {(one["kind"], one["participant"]) for one in cases} == {("screening", "asha-bank")}
    assert json.loads((await read(stack, people["indus-officer"], "/v1/cases?limit=200"))[1]) == []

    content = {"uetr": uetr}
    assert (await request(stack, operator, "screening.release", content))[0] == 403
    code, refused = await request(stack, people["indus-officer"], "screening.release", content)
    unknown = await request(stack, people["indus-officer"], "screening.release", {"uetr": str(uuid.uuid4())})
    assert (code, refused["detail"]) == (unknown[0], unknown[1]["detail"])
    code, made = await request(stack, officer, "screening.release", content)
    assert code == 201, made
    assert made["seats"] == [{"role": "officer", "scope": "asha-bank"}]
    for who in (officer, checker, people["indus-officer"], bearer(stack, "second-officer")):
        assert await vote(stack, who, made["number"]) == 403
    assert (await status(stack, uetr))[1]["state"] == "RECEIVED"
    page = (await read(stack, second, "/console/screening"))[1]
    assert f"/console/changes/{made['number']}" in page
    assert await vote(stack, second, made["number"]) == 200
    assert (await final(stack, uetr))["state"] == "COMMITTED"


async def test_a_viewer_of_the_same_bank_sees_no_more_than_that_it_is_in_progress(
    stack: Stack, lists: int, people: dict[str, dict[str, str]], decided_by: Any
) -> None:
    await decided_by("participant")
    uetr, case = await held(stack)
    code, made = await request(stack, people[OWN[0]], "screening.refuse", {"uetr": uetr})
    assert code == 201, made
    viewer = bearer(stack, "asha-bank")
    shown = [
        (await read(stack, viewer, path))[1]
        for path in (f"/v1/payments/{uetr}", "/v1/payments", "/v1/events")
    ]
    assert not [word for text in shown for word in TELLING if f'"{word}' in text.lower() and uetr in text]
    for path in ("/console", "/console/payments", f"/console/payments/{uetr}"):
        page = (await read(stack, viewer, path))[1].lower()
        assert not [word for word in ("sanction", "screening", "officer") if word in page], path
    for path in ("/console/screening", f"/console/cases/{case}", "/v1/cases", "/console/cases"):
        assert (await read(stack, viewer, path))[0] == 403
    assert (await read(stack, viewer, f"/v1/changes/{made['number']}"))[0] == 403
    assert await vote(stack, people[OWN[1]], made["number"]) == 200
    ended = await final(stack, uetr)
    assert (ended["state"], ended["reason"]) == ("ABORTED", "RR04")


async def test_officers_of_the_operator_decide_when_two_people_set_so(
    stack: Stack, lists: int, people: dict[str, dict[str, str]], decided_by: Any
) -> None:
    await decided_by("officers")
    uetr, case = await held(stack)
    officer, second = bearer(stack, "officer"), bearer(stack, "second-officer")
    assert (await read(stack, officer, f"/v1/cases/{case}/hits"))[0] == 200
    assert (await read(stack, people[OWN[0]], f"/v1/cases/{case}/hits"))[0] == 404
    code, made = await request(stack, officer, "screening.release", {"uetr": uetr})
    assert (code, made["seats"]) == (201, [{"role": "officer", "scope": ""}])
    assert await vote(stack, people[OWN[0]], made["number"]) == 403
    assert (await read(stack, people[OWN[0]], f"/v1/changes/{made['number']}"))[0] == 403
    assert (await read(stack, second, f"/v1/changes/{made['number']}"))[0] == 200

    await decided_by("operators")  # others must agree now: the request is void
    assert await vote(stack, second, made["number"]) != 200
    assert (await status(stack, uetr))[1]["state"] == "RECEIVED"
    done = await decide(stack, "screening.refuse", {"uetr": uetr})
    assert done["state"] == "executed", done
    assert (await final(stack, uetr))["reason"] == "RR04"


async def test_a_bank_that_clears_its_customer_frees_no_payment_of_another_bank(
    stack: Stack, lists: int, people: dict[str, dict[str, str]], decided_by: Any
) -> None:
    await decided_by("participant")
    uetr, _ = await held(stack)
    content = {"uetr": uetr, "hit": 1, "expires_on": "2027-11-30"}
    code, made = await request(stack, people[OWN[0]], "screening.clear", content)
    assert code == 201, made
    assert await vote(stack, people[OWN[1]], made["number"]) == 200
    async with stack.client("asha-bank") as client:

        async def passes() -> bool:
            return (await client.pay(paying(stack), wait=0)).status != "PDNG"

        await until(passes)
    connection = await stack.connect()
    try:
        row = await connection.fetchrow(
            "SELECT participant, party IS NOT NULL AS known FROM switch.screening_clearance WHERE number = $1",
            made["number"],
        )
    finally:
        await connection.close()
    assert tuple(row) == ("asha-bank", True)
    assert (
        await request(stack, bearer(stack, "operator"), "screening.end_clearance", {"number": made["number"]})
    )[0] == 403
    code, ending = await request(stack, people[OWN[0]], "screening.end_clearance", {"number": made["number"]})
    assert code == 201, ending
    assert await vote(stack, people[OWN[1]], ending["number"]) == 200
    async with stack.client("asha-bank") as client:

        async def is_held_again() -> bool:
            return (await client.pay(paying(stack), wait=0)).status == "PDNG"

        await until(is_held_again)
    code, made = await request(stack, people[OWN[0]], "screening.refuse", {"uetr": uetr})
    assert await vote(stack, people[OWN[1]], made["number"]) == 200


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("screening.release", {}),
        ("screening.release", {"screening": 7}),
        ("screening.refuse", {"screening": 7}),
        ("screening.clear", {"hit": 1, "expires_on": "2027-11-30"}),
        ("screening.clear", {"hit": 1, "expires_on": "2020-01-01"}),
        ("screening.clear", {"hit": 900, "expires_on": "2027-11-30"}),
    ],
)
async def test_an_officer_of_another_bank_is_told_of_a_held_payment_what_it_is_told_of_none(  # noqa: PLR0917 - fixtures
    kind: str,
    more: dict[str, Any],
    stack: Stack,
    lists: int,
    people: dict[str, dict[str, str]],
    decided_by: Any,
) -> None:
    await decided_by("participant")
    uetr, _ = await held(stack)
    stranger = people["indus-officer"]
    answers = [
        await request(stack, stranger, kind, {"uetr": one} | more) for one in (uetr, str(uuid.uuid4()))
    ]

    assert told(answers[0]) == told(answers[1])
    assert answers[0][0] == 422
    done = await request(stack, people[OWN[0]], "screening.refuse", {"uetr": uetr})
    assert await vote(stack, people[OWN[1]], done[1]["number"]) == 200
    decided = await request(stack, stranger, kind, {"uetr": uetr} | more)
    assert told(decided) == told(answers[1])


@pytest.mark.long
async def test_an_officer_of_another_bank_is_told_of_a_clearance_what_it_is_told_of_none(
    stack: Stack, lists: int, people: dict[str, dict[str, str]], decided_by: Any
) -> None:
    """Whether it is of another bank, of all payments, ended, or was never made."""
    await decided_by("participant")
    uetr, _ = await held(stack)
    content = {"uetr": uetr, "hit": 1, "expires_on": "2027-11-30"}
    made = (await request(stack, people[OWN[0]], "screening.clear", content))[1]
    assert await vote(stack, people[OWN[1]], made["number"]) == 200
    async with stack.client("asha-bank") as client:

        async def passes() -> bool:
            return (await client.pay(paying(stack), wait=0)).status != "PDNG"

        await until(passes)

    async def asked(number: int) -> tuple[int, dict[str, Any]]:
        end = {"number": number}
        return told(await request(stack, people["indus-officer"], "screening.end_clearance", end))

    unknown = await asked(987_654)
    assert unknown[0] == 422
    assert await asked(made["number"]) == unknown
    await decided_by("operators")
    of_all = (await decide(stack, "screening.clear", content | {"expires_on": "2027-10-30"}))["number"]
    assert await asked(of_all) == unknown
    for number in (of_all, made["number"]):
        await decided_by("operators" if number == of_all else "participant")
        if number == of_all:
            assert (await decide(stack, "screening.end_clearance", {"number": number}))["state"] == "executed"
        else:
            end = {"number": number}
            ending = (await request(stack, people[OWN[0]], "screening.end_clearance", end))[1]
            assert await vote(stack, people[OWN[1]], ending["number"]) == 200
        assert await asked(number) == unknown
    async with stack.client("asha-bank") as client:

        async def is_held_again() -> bool:
            return (await client.pay(paying(stack), wait=0)).status == "PDNG"

        await until(is_held_again)


def told(answer: tuple[int, dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    """What an answer says, without what differs between any two."""
    return answer[0], {key: value for key, value in answer[1].items() if key not in {"instance", "trace_id"}}


async def test_its_own_officers_decide_only_if_it_has_two(stack: Stack, data: None) -> None:
    operator = bearer(stack, "operator")
    refused = [
        await request(
            stack, operator, "screening.officers", {"participant": name, "decided_by": "participant"}
        )
        for name in ("noor-wallet", "*", "nobody-here")
    ]
    assert [code for code, _ in refused] == [409, 409, 409] or all(code >= 400 for code, _ in refused)
    assert "two screening officers" in refused[0][1]["detail"]


async def test_an_officer_of_a_bank_is_agreed_to_by_the_bank_and_changes_no_lists(
    stack: Stack, people: dict[str, dict[str, str]]
) -> None:
    content = {"name": "new-officer", "display_name": "New", "role": "officer", "scope": "asha-bank"}
    code, made = await request(stack, bearer(stack, "operator"), "person.add", content)
    assert code == 201, made
    assert made["seats"] == [{"role": "participant", "scope": "asha-bank"}]
    code, _ = await request(stack, people[OWN[0]], "screening.lists", {"lists": []})
    assert code == 403
    for kind, other in (("limit.set", {}), ("screening.engine", {"form": "none", "address": ""})):
        assert (await request(stack, bearer(stack, "officer"), kind, other))[0] in {403, 400, 422}
