"""A participant's own pages, over HTTP, on a whole running switch: each shows its own, and nobody else's."""

import asyncio
import html
import json
import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.clients.python import AsyncClient, verify_webhook
from switch.identity.model import Role
from switch.identity.permissions import RIGHTS, Right
from switch.pages import site
from switch.payments import payment_files
from tests.clients.test_payment_files import line, written
from tests.switch.api.test_bulkheads import endpoint
from tests.switch.api.test_doors import post, wish
from tests.switch.identity.test_people_api import bearer
from tests.switch.payments.test_payment_requests import asked as request_sent
from tests.switch.payments.test_payment_requests import pay as request_paid
from tests.switch.payments.test_payment_requests import request as request_to_pay
from tests.switch.stack import Stack
from tests.switch.webhooks.test_events_and_webhooks import call, until

SITE = {"Sec-Fetch-Site": "same-origin"}


class Clerk:
    """Somebody of a participant, and what it reads and posts."""

    def __init__(self, stack: Stack, http: aiohttp.ClientSession, participant: str, key: str) -> None:
        self.stack = stack
        self.participant = participant
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}", **SITE}

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self._http.get(
            "/console" + path, headers={**self._headers, **headers}, allow_redirects=False
        ) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, **fields: str) -> tuple[int, str]:
        """Post a form; the text is the page, or where it leads."""
        async with self._http.post(
            "/console" + path, data=fields, headers=self._headers, allow_redirects=False
        ) as answer:
            text = await answer.text()
            return answer.status, answer.headers.get("Location", text)


@pytest_asyncio.fixture
async def http(stack: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stack.url) as session:
        yield session


async def clerk_of(stack: Stack, http: aiohttp.ClientSession, participant: str) -> Clerk:
    """Somebody new who works for a participant."""
    name, key = f"clerk-{uuid.uuid4().hex[:8]}", f"sk_test_{uuid.uuid4().hex}"
    connection = await stack.connect()
    await connection.execute(
        "INSERT INTO switch.person (name, display_name, role, scope, status, password_hash, totp_secret)"
        " VALUES ($1, $1, 'participant', $2, 'active', 'none', 'none')",
        name,
        participant,
    )
    await connection.execute(
        "INSERT INTO switch.person_bearer_key (sha256, person) VALUES ($1, $2)",
        sha256(key.encode()).digest(),
        name,
    )
    await connection.close()
    return Clerk(stack, http, participant, key)


@pytest_asyncio.fixture
async def asha(stack: Stack, http: aiohttp.ClientSession) -> Clerk:
    return await clerk_of(stack, http, "asha-bank")


@pytest_asyncio.fixture
async def noor(stack: Stack, http: aiohttp.ClientSession) -> Clerk:
    """Somebody of a participant that has no part in what is shown here."""
    return await clerk_of(stack, http, "noor-wallet")


async def paid(stack: Stack, **options: str) -> str:
    async with stack.client("asha-bank") as client:
        document = stack.document("asha-bank", "indus-bank", **options)
        return (await client.pay(document, wait=20)).uetr


async def wished_back(stack: Stack, uetr: str) -> None:
    status, _ = await post(stack, "asha-bank", "camt.056", "camt.056.001.08", wish(uetr))
    assert status == 202


# Who may see what.


PAGES = sorted(
    {
        (route.path.removeprefix("/console"), method)
        for router in site.ROUTERS
        for route in router.routes
        for method in route.methods
        if "/own/" in route.path
    }
)


def filled(path: str, uetr: str, webhook: str, letter: int, change: int) -> str:
    """A route's path with what is another's in it."""
    values = {"uetr": uetr, "webhook": webhook, "seq": str(letter), "number": str(change), "action": "add"}
    return re.sub(r"{(\w+)}", lambda place: values[place[1]], path)


def test_there_are_pages() -> None:
    assert len(PAGES) >= 14


@pytest.mark.parametrize("person", ["operator", "checker", "auditor", "regulator-in"])
@pytest.mark.parametrize(("path", "method"), PAGES)
async def test_nobody_but_a_participants_people_is_let_in(
    http: aiohttp.ClientSession, stack: Stack, path: str, method: str, person: str
) -> None:
    where = "/console" + filled(path, str(uuid.uuid4()), str(uuid.uuid4()), 1, 1)
    headers = {**bearer(stack, person), **SITE}
    async with http.request(method, where, headers=headers, data={"x": "y"}, allow_redirects=False) as answer:
        assert answer.status == 403
    async with http.request(method, where, headers=SITE, data={"x": "y"}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/console/sign-in")


async def test_the_data_of_another_is_not_found_on_every_page_that_takes_an_id(
    stack: Stack, asha: Clerk, noor: Clerk
) -> None:
    """Payments, webhooks, deliveries, messages, requests: of asha-bank, asked for by noor-wallet."""
    uetr = await paid(stack)
    await wished_back(stack, uetr)
    indus = await clerk_of(stack, noor._http, "indus-bank")
    letter = int(re.findall(r"/own/messages/(\d+)", (await indus.get("/own/messages"))[1])[0])
    where = (await asha.post("/own/webhooks", url="http://127.0.0.1:9/x"))[1]
    webhook = where.rsplit("/", 1)[1]
    key = SigningKey.generate(f"asha-{uuid.uuid4().hex[:8]}")
    await asha.post(
        "/own/keys/add", keyid=key.keyid, request=key_request.make(key, "asha-bank"), reason="test"
    )
    page = (await asha.get("/own/keys"))[1]
    change = int(re.findall(r"/own/keys/changes/(\d+)/withdraw", page)[0])
    try:
        for path, method in PAGES:
            if "{" not in path or "{action}" in path:
                continue
            asked = filled(path, uetr, webhook, letter, change)
            status, text = await (noor.get(asked) if method == "GET" else noor.post(asked, x="y"))
            assert status == 404, (asked, text)
            assert uetr not in text.replace(asked, "")
        for path in (f"/own/tests/{uetr}", f"/payments/{uetr}"):
            assert (
                (await asha.get(path))[0] == (await indus.get(path))[0] == 200
            )  # both ends have a part in it
            assert (await noor.get(path))[0] == 404
        assert (await noor.post(f"/payments/{uetr}/people"))[0] == 404
        assert f"/payments/{uetr}" not in (await noor.get(f"/payments?direction=sent&q={uetr}"))[1]
        for path in ("/payments", "/own/messages", "/own/webhooks", "/own/keys", "/own/position", ""):
            text = (await noor.get(path))[1]
            assert uetr not in text
            assert webhook not in text
            assert key.keyid not in text
    finally:
        await asha.post(f"/own/keys/changes/{change}/withdraw")
        await asha.post(f"/own/webhooks/{webhook}/remove")


async def test_a_key_is_never_requested_in_the_name_of_another(asha: Clerk, noor: Clerk) -> None:
    keyid = asha.stack.participant("asha-bank")["keyid"]
    for action in ("retire", "revoke"):
        status, text = await noor.post(
            f"/own/keys/{action}", keyid=keyid, reason="x", participant="asha-bank"
        )
        assert status == 422
        assert "no such key" in text or "no other key" in text


def test_only_participants_may_do_what_these_pages_do() -> None:
    rights = (Right.MANAGE_WEBHOOKS, Right.TRY_MESSAGES)

    assert {role for role in Role if any(right in RIGHTS[role] for right in rights)} == {Role.PARTICIPANT}


# What they show.


async def test_payments_are_found_by_every_field_of_the_form(stack: Stack, asha: Clerk) -> None:
    uetr = await paid(stack)
    refused = await paid(stack, word="AC04")
    connection = await stack.connect()
    message_id = await connection.fetchval(
        "SELECT message_id FROM switch.payment WHERE uetr = $1", uuid.UUID(uetr)
    )
    await connection.close()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()

    async def found(query: str) -> set[str]:
        status, text = await asha.get(f"/payments?{query}")
        assert status == 200
        return {one for one in (uetr, refused) if one in text.replace(query, "")}

    assert await found("") == {uetr, refused}
    assert await found(f"q={uetr}") == {uetr}
    assert await found(f"q={message_id}") == {uetr}
    assert await found("direction=sent") == {uetr, refused}
    assert await found("direction=received") == set()
    assert await found("state=COMMITTED&direction=sent") == {uetr}
    assert await found("state=ABORTED") == {refused}
    assert await found(f"since={tomorrow}") == set()
    assert await found("until=2026-01-01") == set()
    assert await found(f"until={tomorrow}&since=2026-01-01") == {uetr, refused}


async def test_the_position_is_the_ledgers(stack: Stack, asha: Clerk) -> None:
    async with stack.client("asha-bank") as client:
        headrooms = {p["purpose"]: p["headroom"] for p in await client.positions() if p["headroom"]}
    status, text = await asha.get("/own/position")
    shown = re.findall(r'Available to send <b class="money">([\d,.]+) INR', text)

    assert status == 200
    assert "position" in headrooms  # and the account for gross settlement, where another test opened one
    assert sorted(said.replace(",", "") for said in shown) == sorted(headrooms.values())


async def test_statements_lead_to_files_that_are_there(
    stack: Stack, asha: Clerk, http: aiohttp.ClientSession
) -> None:
    await paid(stack)
    _, text = await asha.get("/own/statements")
    files = re.findall(r'href="(/v1/reports/[^"]+camt\.05[24][^"]*)"', text)
    assert len(files) == 2
    for file in files:
        async with http.get(file.replace("&amp;", "&"), headers=asha._headers) as answer:
            assert answer.status == 200, await answer.text()
            assert "camt.05" in await answer.text()


async def test_a_key_is_requested_listed_and_withdrawn(asha: Clerk) -> None:
    key = SigningKey.generate(f"asha-{uuid.uuid4().hex[:8]}")
    bad = await asha.post("/own/keys/add", keyid=key.keyid, request="no key", reason="rotation")
    where = await asha.post(
        "/own/keys/add",
        keyid=key.keyid,
        request=key_request.make(key, "asha-bank").replace("\n", "\r\n"),
        valid_until="2031-01-01T00:00",
        reason="rotation",
    )
    _, text = await asha.get("/own/keys")
    change = re.findall(r"/own/keys/changes/(\d+)/withdraw", text)[0]
    await asha.post(f"/own/keys/changes/{change}/withdraw")
    _, after = await asha.get("/own/keys")

    assert bad[0] == 422
    assert key.keyid in bad[1]  # what was typed is kept
    assert where == (303, "/console/own/keys")
    assert key.keyid in text
    assert f"/changes/{change}/withdraw" not in after


async def test_a_webhook_is_added_tested_missed_and_sent_again(stack: Stack, asha: Clerk) -> None:
    heard: list[dict[str, Any]] = []
    statuses = [204]

    async def take(request: aiohttp.web.Request) -> aiohttp.web.Response:
        heard.append(await request.json())
        return aiohttp.web.Response(status=statuses[0])

    async with endpoint(take) as url:
        status, where = await asha.post("/own/webhooks", **{"url": f"{url}/x", "payment.posted": "1"})
        path = where.removeprefix("/console")
        try:
            assert (status, (await asha.post(f"{path}/test"))[0]) == (303, 303)

            async def tested() -> bool:
                return "response 204 in" in (await asha.get(path))[1]

            await until(tested)
            statuses[0] = 500
            uetr = await paid(stack)

            async def missed() -> bool:
                return "response 500 in" in (await asha.get(path))[1]

            await until(missed)
            statuses[0] = 204
            replay = re.search(r'action="/console(/own/webhooks/[^"]+/replay)"', (await asha.get(path))[1])
            assert replay is not None
            assert (await asha.post(replay[1]))[0] == 303

            async def arrived() -> bool:
                return (
                    heard[-1]["type"] == "payment.posted"
                    and 'class="chip good"><span class="word">delivered' in (await asha.get(path))[1]
                )

            await until(arrived)
            home = (await asha.get(""))[1]
        finally:
            assert (await asha.post(f"{path}/remove"))[0] == 303

    assert heard[0]["type"] == "webhook.test"
    assert {event["subject"] for event in heard[1:]} == {uetr}
    assert re.search(r"response (204|500) in", home)
    assert (await asha.get(path))[0] == 404


async def test_a_person_makes_secrets_of_a_webhook_and_sees_each_once(stack: Stack, asha: Clerk) -> None:
    heard: list[tuple[bytes, dict[str, str]]] = []

    async def take(request: aiohttp.web.Request) -> aiohttp.web.Response:
        heard.append((await request.read(), dict(request.headers)))
        return aiohttp.web.Response(status=204)

    async with endpoint(take) as url:
        path = (await asha.post("/own/webhooks", url=f"{url}/x"))[1].removeprefix("/console")
        first = await asha.get(path)
        made = [await asha.post(f"{path}/secret") for _ in range(2)]
        pages = [first, *made, await asha.get(path)]
        await asha.post(f"{path}/test")

        async def arrived() -> bool:
            return bool(heard)

        await until(arrived)
        await asha.post(f"{path}/remove")
    shown = [re.findall(r"whsec_[^<]+", text) for _, text in pages]

    assert [(status, len(secrets)) for (status, _), secrets in zip(pages, shown, strict=True)] == [
        *((200, 0), (200, 1), (200, 1), (200, 0))
    ]
    assert "the one before it signs, too, until" in pages[-1][1]
    assert "data-refresh" not in pages[1][1]  # it would take the secret away while it is copied
    for (secret,) in shown[1:3]:
        verify_webhook(heard[0][1], heard[0][0], secret)


async def test_actions_of_people_on_webhooks_and_messages_are_in_the_log(stack: Stack, asha: Clerk) -> None:
    _, where = await asha.post("/own/webhooks", url="http://127.0.0.1:9/x")
    webhook = where.rsplit("/", 1)[1]
    await asha.post(f"/own/webhooks/{webhook}/secret")
    await asha.post(f"/own/webhooks/{webhook}/remove")
    connection = await stack.connect()
    kinds = await connection.fetch(
        "SELECT kind FROM switch.audit_note WHERE convert_from(body, 'utf8')::jsonb ->> 'webhook' = $1 ORDER BY number",
        webhook,
    )
    await connection.close()

    assert [row["kind"] for row in kinds] == ["WEBHOOK_ADDED", "WEBHOOK_SECRET", "WEBHOOK_REMOVED"]


async def test_an_address_that_may_not_be_named_is_refused_with_what_was_typed(asha: Clerk) -> None:
    status, text = await asha.post("/own/webhooks", url="ftp://x")

    assert status == 422
    assert 'value="ftp://x"' in text


async def test_an_open_request_is_shown_with_its_note(stack: Stack, http: aiohttp.ClientSession) -> None:
    uetr = await paid(stack)
    await wished_back(stack, uetr)
    indus = await clerk_of(stack, http, "indus-bank")
    _, listed = await indus.get("/own/messages")
    row = next(row for row in listed.split("<tr>") if uetr in row)
    number = re.search(r"/own/messages/(\d+)", row)
    assert number is not None
    status, opened = await indus.get(f"/own/messages/{number[1]}")
    connection = await stack.connect()
    notes = await connection.fetchval(
        "SELECT count(*) FROM switch.audit_note WHERE kind = 'MESSAGE_READ'"
        " AND (convert_from(body, 'utf8')::jsonb ->> 'message')::bigint = $1",
        int(number[1]),
    )
    await connection.close()

    assert "awaiting your reply" in row
    assert status == 200
    assert "FIToFIPmtCxlReq" in opened
    assert notes == 1


async def test_readiness_reports_what_is_known(stack: Stack, asha: Clerk) -> None:
    entry = stack.participant("asha-bank")
    key = SigningKey.from_pem(entry["keyid"], entry["private_key"].encode())
    async with AsyncClient(stack.url, key=key) as client:
        await client.positions()
    _, hooks = await call(stack, "GET", "webhooks", "asha-bank")
    for hook in hooks:  # another test may have left one
        await call(stack, "DELETE", f"webhooks/{hook['id']}", "asha-bank")

    async def told() -> bool:
        return "the last signed request" in (await asha.get(""))[1]

    await until(told)
    _, text = await asha.get("")
    _, keys = await asha.get("/own/keys")

    assert "Participation" in text
    assert "valid, no expiry" in text
    assert "none: events are read through the API, by page or stream" in text
    assert "none yet" not in keys


async def test_the_card_of_the_last_day_leads_to_the_same_number(stack: Stack, asha: Clerk) -> None:
    await paid(stack)
    _, text = await asha.get("")
    card = re.search(
        r'href="/console(/own/statistics\?range=24h)">Payments with an outcome, last 24 hours</a> <b>([\d,]+)</b>',
        text,
    )
    assert card is not None, text
    _, listed = await asha.get(card[1])

    assert f"<b>{card[2]}</b>" in listed


# The test console.


async def test_the_console_makes_a_payment_through_the_endpoint(asha: Clerk) -> None:
    _, composed = await asha.post(
        "/own/tests", action="compose", creditor="indus-bank", amount="12.50", word="", reason="AC04"
    )
    message = _message(composed)
    status, sent = await asha.post("/own/tests", action="send", message=message)
    uetr = json.loads(message)["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"]

    async def ended() -> bool:
        return "ABORTED" in (await asha.get(f"/own/tests/{uetr}"))[1]

    await until(ended)
    _, journey = await asha.get(f"/own/tests/{uetr}")

    assert status == 200
    assert "HTTP 200" in sent or "HTTP 202" in sent
    assert f'data-live="/console/own/tests/{uetr}"' in sent
    assert f"Bearer {asha.stack.participant('asha-bank')['bearer']}" in sent
    assert "payment.released" in journey
    assert "AC04" in journey


async def test_the_console_checks_without_sending(asha: Clerk) -> None:
    _, composed = await asha.post("/own/tests", action="compose", creditor="indus-bank", amount="12.50")
    message = _message(composed)
    _, good = await asha.post("/own/tests", action="check", message=message)
    assert ">Amount, INR<" in composed
    _, bad = await asha.post("/own/tests", action="check", message=message.replace("12.50", "12.505"))
    _, nonsense = await asha.post("/own/tests", action="check", message="<x>")

    assert "Valid: pacs.008.001.08" in good
    assert "Invalid" in bad
    assert "Invalid" in nonsense
    uetr = json.loads(message)["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"]
    assert (await asha.get(f"/own/tests/{uetr}"))[0] == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"creditor": "nobody", "amount": "1.00"},
        {"creditor": "indus-bank", "amount": "1e3"},
        {"creditor": "indus-bank", "amount": "1.00", "reason": "XXXX"},
        {"creditor": "indus-bank", "amount": "-1"},
        {"creditor": "indus-bank"},
        {},
    ],
)
async def test_the_console_composes_no_nonsense(asha: Clerk, fields: dict[str, str]) -> None:
    status, text = await asha.post("/own/tests", action="compose", **fields)

    assert status == 422
    assert 'role="alert"' in text


def _message(page: str) -> str:
    found = re.search(r"<textarea id=\"message\"[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


async def test_the_page_of_keys_shows_every_change_that_its_participant_must_approve(
    stack: Stack, asha: Clerk
) -> None:
    """A change of an identity provider has neither a key nor a name: the page ended in 500."""
    content = {
        "id": f"asha-{uuid.uuid4().hex[:6]}",
        "title": "Sign-in of Asha Bank",
        "issuer": f"https://{uuid.uuid4().hex}.example",
        "client_id": "payswitch",
        "scope": "asha-bank",
        "grants": ["payswitch=participant"],
    }
    body = {"kind": "identity_provider.set", "content": content, "reason": "test"}
    async with aiohttp.ClientSession(stack.url, headers=stack._bearer("operator")) as http:
        async with http.post("/v1/changes", json=body) as answer:
            change = await answer.json()
            assert answer.status == 201, change
        try:
            status, page = await asha.get("/own/keys")
        finally:
            async with http.post(f"/v1/changes/{change['number']}/withdraw") as answer:
                assert answer.status == 200

    assert status == 200
    assert content["id"] in page
    assert f"/changes/{change['number']}" in page


async def test_requests_to_pay_are_beside_the_messages(stack: Stack, http: aiohttp.ClientSession) -> None:
    """In both directions, with their states; a payment that answered a request is linked."""
    document = request_to_pay(end_to_end := uuid.uuid4().hex)
    await request_sent(stack, document)
    paid = await request_paid(stack, end_to_end)
    asha = await clerk_of(stack, http, "asha-bank")
    indus = await clerk_of(stack, http, "indus-bank")
    message_id = document["Document"]["CdtrPmtActvtnReq"]["GrpHdr"]["MsgId"]

    for clerk in (asha, indus):
        while paid not in (row := row_with(await clerk.get("/own/messages"), message_id)):
            await asyncio.sleep(0.3)
        assert ">paid<" in row


async def test_a_file_is_seen_by_its_sender_and_by_those_who_see_all(
    stack: Stack, http: aiohttp.ClientSession
) -> None:
    asha = await clerk_of(stack, http, "asha-bank")
    indus = await clerk_of(stack, http, "indus-bank")
    async with stack.client("asha-bank") as client:
        file = await client.hand_in(f"<a/><!-- {uuid.uuid4()} -->".encode())
        while (await client.read(f"payment-files/{file['id']}"))["state"] == "received":
            await asyncio.sleep(0.2)

    row = row_with(await asha.get("/payment-files"), file["id"])
    assert ">refused<" in row
    assert "FF01" in row
    assert file["id"] not in (await asha.get("/payment-files?state=open"))[1]
    assert file["id"] not in (await indus.get("/payment-files?participant=asha-bank"))[1]
    assert (await indus.get(f"/payment-files/{file['id']}"))[0] == 404
    assert (await indus.post(f"/payment-files/{file['id']}/stop"))[0] == 404
    for path, has in (("", True), ("?participant=asha-bank", True), ("?participant=noor-wallet", False)):
        async with http.get(f"/console/payment-files{path}", headers=stack._bearer("auditor")) as answer:
            assert (file["id"] in await answer.text()) is has, path
    assert "Stop the rest" not in (await asha.get(f"/payment-files/{file['id']}"))[1]


@pytest.mark.parametrize("who", ["operator", "participant"])
async def test_the_rest_of_a_file_is_stopped_by_a_person(
    stack: Stack, http: aiohttp.ClientSession, tmp_path: Path, who: str
) -> None:
    """By the operator, which the sender is told, or by the sender's own people; once, and it is recorded."""
    asha = await clerk_of(stack, http, "asha-bank")
    path = written(tmp_path / "salaries.xml", [line() for _ in range(500)])
    async with stack.client("asha-bank") as client:
        file = await client.hand_in(path.read_bytes())
        at = f"/payment-files/{file['id']}"
        while (known := await client.read(at[1:]))["state"] == "received":
            await asyncio.sleep(0.1)
        assert known["state"] == "sending"
        assert "Stop the rest" in (await asha.get(at))[1]
        for _ in range(2):
            if who == "participant":
                assert (await asha.post(f"{at}/stop"))[0] == 303
                continue
            async with http.post(
                f"/console{at}/stop", headers={**stack._bearer(who), **SITE}, data={}, allow_redirects=False
            ) as answer:
                assert answer.status == 303
        while (ended := await client.read(at[1:]))["state"] != "ended":
            await asyncio.sleep(0.2)
        cancelled = await client.read(f"{at[1:]}/lines?status=CANC&limit=500")
        credited = await client.read(f"{at[1:]}/lines?status=ACCC&limit=500")

    assert len(cancelled) == ended["by_status"]["CANC"] > 0
    assert len(credited) == ended["by_status"].get("ACCC", 0)
    why = payment_files.STOPPED if who == "operator" else None
    assert ended["detail"] == why
    assert {each["detail"] for each in cancelled} == {why}
    row = row_with(await asha.get("/payment-files"), file["id"])
    assert f"cancelled before it was sent: {len(cancelled)}" in row
    assert "CANC" not in row  # a code of ISO 20022 says nothing to people
    status, page = await asha.get(f"{at}?status=CANC&after={cancelled[-2]['number']}")
    assert (status, cancelled[-1]["uetr"][8:] in page, cancelled[0]["uetr"][8:] in page) == (200, True, False)
    connection = await stack.connect()
    notes = await connection.fetch(
        "SELECT convert_from(body, 'UTF8')::jsonb ->> 'participant' AS sender FROM switch.audit_note"
        " WHERE kind = 'PAYMENT_FILE_STOPPED' AND convert_from(body, 'UTF8')::jsonb ->> 'file' = $1",
        uuid.UUID(file["id"]).hex,
    )
    await connection.close()
    assert [row["sender"] for row in notes] == ["asha-bank"]


def row_with(answer: tuple[int, str], text: str) -> str:
    assert answer[0] == 200
    return next(row for row in answer[1].split("<tr>") if text in row and "<td" in row)
