"""Signed requests at the running switch: taken once, as they were signed, by those they are for."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import aiohttp
import asyncpg
import pytest
from yarl import URL

from ledger.roles import Login
from schemas.errors import NotAuthentic
from schemas.signing import http_signatures
from schemas.signing.keys import SigningKey
from switch.api import proof
from switch.base.database import connect_pool
from switch.base.settings import Settings
from switch.identity import nonces
from switch.identity.nonces import Nonce, Nonces
from switch.payments import directory
from tests.switch.stack import Stack, started
from tests.tiers import some

JSON = "application/json"
NOBODYS = "0b9f3c5e-52d4-4c1b-9a57-0a4f3f1f7d11"
"""A UUID of nothing: a test has the same name in every worker."""


def signed(
    stack: Stack,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    who: str = "asha-bank",
    nonce: str = "",
    headers: dict[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a request that a participant signed."""
    entry = stack.participant(who)
    return (headers or {}) | http_signatures.sign(
        SigningKey.from_pem(entry["keyid"], entry["private_key"].encode()),
        method=method,
        authority=URL(stack.url).authority,
        path=path,
        content_type=JSON if body else None,
        body=body,
        now=int(time.time()),
        nonce=nonce or uuid.uuid4().hex,
        headers=headers or {},
    )


async def send(
    stack: Stack, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, Mapping[str, str], bytes]:
    """Send it on a connection of its own, so that any worker may get it."""
    async with aiohttp.ClientSession(skip_auto_headers=("Accept", "User-Agent")) as session:
        url = URL(stack.url + path, encoded=True)
        async with session.request(
            method, url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers, await answer.read()


def account_question() -> bytes:
    head = {
        "MsgId": uuid.uuid4().hex,
        "CreDtTm": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return json.dumps({"$type": "camt.003.001.07", "Document": {"GetAcct": {"MsgHdr": head}}}).encode()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/messages", b""),
        ("GET", "/v1/events?limit=1", b""),
        ("GET", "/v1/participants", b""),
        ("GET", "/v1/reports", b""),
        ("POST", "/v1/webhooks", b'{"url": "http://127.0.0.1:9/once"}'),
        ("DELETE", f"/v1/webhooks/{NOBODYS}", b""),
        ("POST", "/v1/iso20022/camt.003", b"camt.003"),
    ],
)
async def test_the_same_signed_request_is_taken_once_by_all_workers_together(
    stack: Stack, method: str, path: str, body: bytes
):
    body = account_question() if body == b"camt.003" else body
    headers = signed(stack, method, path, body)

    answers = await asyncio.gather(*(send(stack, method, path, headers, body) for _ in range(12)))
    later = await send(stack, method, path, headers, body)

    assert sum(status != 401 for status, _, _ in answers) == 1
    assert later[0] == 401
    assert "nonce was used before" in json.loads(later[2])["detail"]
    for status, _, content in answers:
        if status == 201:
            hook = f"/v1/webhooks/{json.loads(content)['id']}"
            assert (await send(stack, "DELETE", hook, signed(stack, "DELETE", hook)))[0] == 204


async def test_a_nonce_is_used_up_whatever_is_signed_with_it(stack: Stack):
    nonce = uuid.uuid4().hex
    first = signed(stack, "GET", "/v1/positions", nonce=nonce)
    second = signed(stack, "GET", "/v1/windows", nonce=nonce)
    others = signed(stack, "GET", "/v1/windows", nonce=nonce, who="indus-bank")

    assert (await send(stack, "GET", "/v1/positions", first))[0] == 200
    assert (await send(stack, "GET", "/v1/windows", second))[0] == 401
    assert (await send(stack, "GET", "/v1/windows", others))[0] == 200


async def test_a_request_that_proves_nothing_uses_no_nonce_up(stack: Stack):
    headers = signed(stack, "GET", "/v1/positions")
    forged = {**headers, "Signature": headers["Signature"][:-10] + "AAAAAAA==:"}

    assert (await send(stack, "GET", "/v1/positions", forged))[0] == 401
    assert (await send(stack, "GET", "/v1/positions", headers))[0] == 200


async def test_the_same_signed_payment_again_gets_its_state(stack: Stack):
    body = json.dumps(stack.document("asha-bank", "indus-bank")).encode()
    path = "/v1/iso20022/pacs.008"
    headers = signed(stack, "POST", path, body, headers={"Prefer": "wait=10"})

    first = await send(stack, "POST", path, headers, body)
    second = await send(stack, "POST", path, headers, body)

    assert (first[0], second[0], second[1].get("Idempotent-Replayed")) == (200, 200, "true")
    assert b"ACCC" in second[2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Accept", "text/event-stream"),
        ("Accept", "application/xml"),
        ("Prefer", "wait=30"),
        ("Last-Event-ID", "0"),
    ],
)
async def test_a_header_that_was_added_on_the_way_is_refused(stack: Stack, name: str, value: str):
    path = "/v1/events?limit=1"
    honest = signed(stack, "GET", path, headers={name: value}) if name != "Accept" else None

    status, _, content = await send(stack, "GET", path, {**signed(stack, "GET", path), name: value})

    assert status == 401
    assert f"`{name.lower()}`" in json.loads(content)["detail"]
    if honest:
        assert (await send(stack, "GET", path, honest))[0] == 200


@pytest.mark.parametrize(
    "path", ["/v1/webhooks/", "/v1/positions/", "/v1/iso20022/pacs.008/", f"/v1/payments/{NOBODYS}/"]
)
async def test_a_slash_too_many_is_answered_with_the_path_and_never_redirected(stack: Stack, path: str):
    status, headers, content = await send(stack, "GET", path, signed(stack, "GET", path))

    assert status == 404
    assert "Location" not in headers
    template = "/v1/payments/{uetr}" if "payments" in path else path[:-1]
    assert json.loads(content)["detail"].endswith(template)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/webhooks", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/v1/iso20022/pacs.008", "OPTIONS, POST"),
        ("HEAD", "/v1/iso20022/pacs.008", "OPTIONS, POST"),
        ("POST", "/v1/positions", "GET, HEAD, OPTIONS"),
        ("GET", "/v1/settlements/confirmations", "OPTIONS, POST"),
        ("PUT", "/v1/changes", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/rails/IN", "OPTIONS, POST"),
        ("POST", f"/v1/webhooks/{NOBODYS}", "DELETE, GET, HEAD, OPTIONS, PATCH"),
    ],
)
async def test_a_method_that_a_path_has_not_is_answered_with_those_it_has(
    stack: Stack, method: str, path: str, allowed: str
):
    status, headers, _ = await send(stack, method, path, {})

    assert (status, headers.get("Allow")) == (405, allowed)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/webhooks", "GET, HEAD, OPTIONS, POST"),
        ("/v1/iso20022/pacs.008", "OPTIONS, POST"),
        ("/v1/me/sessions", "DELETE, GET, HEAD, OPTIONS"),
        ("/v1/settlements/confirmations", "OPTIONS, POST"),
        ("/livez", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_are_the_methods_of_a_path(stack: Stack, path: str, allowed: str):
    status, headers, body = await send(stack, "OPTIONS", path, {})

    assert (status, headers.get("Allow"), body) == (204, allowed, b"")
    assert (await send(stack, "OPTIONS", "/v1/nowhere", {}))[0] == 404


@pytest.mark.parametrize("path", ["/v1/positions", "/v1/events", "/v1/windows/999999999", "/livez"])
async def test_head_is_get_without_the_body(stack: Stack, path: str):
    known = {"Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}"}
    status, headers, body = await send(stack, "GET", path, known)
    of_head, its_headers, nothing = await send(stack, "HEAD", path, known)

    assert (of_head, its_headers["Content-Type"], nothing) == (status, headers["Content-Type"], b"")
    assert body


async def test_head_of_a_stream_ends(stack: Stack):
    known = {"Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}"}
    status, headers, body = await send(stack, "HEAD", "/v1/events", {**known, "Accept": "text/event-stream"})

    assert (status, headers["Content-Type"].partition(";")[0], body) == (200, "text/event-stream", b"")


@pytest.mark.parametrize("path", ["/v1/positions", f"/v1/payments/{NOBODYS}", "/v1/webhooks"])
async def test_people_are_refused_a_participants_resource(stack: Stack, path: str):
    operator = stack.credentials["people"]["operator"]["bearer"]

    status, _, content = await send(stack, "GET", path, {"Authorization": f"Bearer {operator}"})
    stranger, _, _ = await send(stack, "GET", path, {"Authorization": "Bearer sk_test_nobody"})

    assert (status, stranger) == (403, 401)
    assert "participants" in json.loads(content)["detail"]


async def test_a_person_cannot_send_a_payment(stack: Stack):
    operator = stack.credentials["people"]["operator"]["bearer"]
    headers = {"Authorization": f"Bearer {operator}", "Content-Type": JSON}

    assert (await send(stack, "POST", "/v1/iso20022/pacs.008", headers, b"{}"))[0] == 403


async def test_a_nonce_is_forgotten_when_its_signature_is_worth_nothing_and_not_before(database_url: str):
    pool = await connect_pool(Settings(database=database_url), Login.API)
    caretaker = await connect_pool(Settings(database=database_url), Login.CARETAKER)
    now = int(time.time())
    live, old = Nonce(uuid.uuid4(), now + 60), Nonce(uuid.uuid4(), now - 1)
    used = Nonces(pool)
    try:
        await asyncio.gather(used.use(live), used.use(old))
        await nonces.forget_old(caretaker)

        await Nonces(pool).use(old)
        with pytest.raises(NotAuthentic):
            await Nonces(pool).use(live)
    finally:
        await pool.close()
        await caretaker.close()


async def test_one_of_many_that_come_at_once_uses_a_nonce(database_url: str):
    pool = await connect_pool(Settings(database=database_url), Login.API)
    nonce = Nonce(uuid.uuid4(), int(time.time()) + 60)
    others = [Nonce(uuid.uuid4(), nonce.until) for _ in range(40)]
    first, second = Nonces(pool), Nonces(pool)
    try:
        answers = await asyncio.gather(
            *(worker.use(one) for worker in (first, second) for one in (nonce, nonce, nonce)),
            *(first.use(one) for one in others),
            return_exceptions=True,
        )
    finally:
        await pool.close()

    assert sum(answer is None for answer in answers[:6]) == 1
    assert all(answer is None for answer in answers[6:])


async def test_a_key_holds_to_the_microsecond(database_url: str):
    connection = await asyncpg.connect(database_url)
    pool = await connect_pool(Settings(database=database_url), Login.API)
    ends = datetime(2026, 1, 1, 12, 0, 0, 600_000, tzinfo=UTC)
    try:
        await connection.execute(
            "INSERT INTO switch.participant (id, name, bic, country, kind)"
            " VALUES ('short', 'short', 'SHORINBB', 'IN', 'direct')"
        )
        await connection.execute(
            "INSERT INTO switch.participant_key"
            " (keyid, participant, algorithm, public_key, valid_from, valid_until)"
            " VALUES ('short-1', 'short', 'ed25519', $1, $2::timestamptz - interval '1 s', $2)",
            SigningKey.generate("short-1").public.pem.decode(),
            ends,
        )
        (key,) = [key for key in (await directory.load(pool)).keys if key.keyid == "short-1"]
    finally:
        await connection.close()
        await pool.close()
    instant = int(ends.timestamp()) * 1_000_000 + 600_000

    assert [proof._in_force(key, at) for at in (instant - 1, instant)] == [True, False]
    assert [proof._in_force(key, at - 1_000_000) for at in (instant - 1, instant)] == [False, True]


@pytest.fixture(scope="module")
def lone() -> Iterator[Stack]:
    """A switch of its own: nobody approved the keys here, which the verification by another test would find."""
    with started() as found:
        yield found


@pytest.mark.parametrize(
    "how",
    some(
        ("revoked key", "removed bearer key", "removed participant", "suspended participant"), "revoked key"
    ),
)
async def test_a_stream_ends_with_the_key_that_opened_it(lone: Stack, how: str):
    """It went on for up to an hour: a thief read on after the revocation."""
    bank = await lone.add_bank(funds_minor=0)
    key = SigningKey.generate(f"{bank['id']}-1")
    connection = await lone.connect()
    await connection.execute(
        "INSERT INTO switch.participant_key (keyid, participant, algorithm, public_key)"
        " VALUES ($1, $2, 'ed25519', $3)",
        key.keyid,
        bank["id"],
        key.public.pem.decode(),
    )
    await lone.until_read()
    headers = {"Accept": "text/event-stream"}
    if how == "removed bearer key":
        headers["Authorization"] = f"Bearer {bank['bearer']}"
    else:
        headers |= http_signatures.sign(
            key,
            method="GET",
            authority=URL(lone.url).authority,
            path="/v1/events",
            content_type=None,
            body=b"",
            now=int(time.time()),
            nonce=uuid.uuid4().hex,
            headers=headers,
        )
    ending = {
        "revoked key": "UPDATE switch.participant_key SET valid_until = now() WHERE participant = $1",
        "removed bearer key": "DELETE FROM switch.bearer_key WHERE participant = $1",
        "removed participant": "UPDATE switch.participant SET status = 'removed' WHERE id = $1",
        "suspended participant": "UPDATE switch.participant SET status = 'suspended' WHERE id = $1",
    }
    async with aiohttp.ClientSession(skip_auto_headers=("User-Agent",)) as session:
        async with session.get(f"{lone.url}/v1/events", headers=headers) as answer:
            assert answer.status == 200
            assert await answer.content.readline() == b"retry: 2000\n"
            await asyncio.sleep(1)
            went_on = not answer.content.at_eof()
            await connection.execute(ending[how], bank["id"])
            await asyncio.wait_for(answer.content.read(), 20)
    await connection.close()

    assert went_on


async def test_a_stream_and_a_wait_outlive_no_suspension(stack: Stack):
    """A suspended participant read on for up to an hour, and opened new streams. It still gets pages and payments."""
    bank = await stack.add_bank(funds_minor=1_000_000_00)
    async with stack.client_of(bank) as client:
        document = stack.document("asha-bank", "noor-wallet", amount="1.00", word="LOST")
        transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
        transaction["DbtrAgt"]["FinInstnId"]["BICFI"] = bank["bic"]
        state = await client.pay(document)
        waiting = asyncio.create_task(client.payment(state.uetr, wait=28))
        await asyncio.sleep(1)
        was_waiting = not waiting.done()
        connection = await stack.connect()
        await connection.execute(
            "UPDATE switch.participant SET status = 'suspended' WHERE id = $1", bank["id"]
        )
        await connection.close()
        seen = await waiting
        await stack.until_read()
        bearer = {"Authorization": f"Bearer {bank['bearer']}"}
        stream = await send(stack, "GET", "/v1/events", bearer | {"Accept": "text/event-stream"})
        events = await send(stack, "GET", "/v1/events", bearer)
        payment = await send(stack, "GET", f"/v1/payments/{state.uetr}?wait=20", bearer)

    assert was_waiting
    assert seen.state in {"SENT", "UNKNOWN"}
    assert (stream[0], json.loads(stream[2])["detail"]) == (403, "this participant is suspended")
    assert [events[0], payment[0]] == [200, 200]
    assert json.loads(events[2])["events"]
    assert not json.loads(payment[2])["final"]
