"""Quotes, events as pages and as a stream, and webhooks: everything told once durable, signed, and to its owner."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.simulation.sandbox import free_port
from schemas.errors import InvalidMessage
from switch.base import outward
from switch.base.settings import Settings
from switch.webhooks import addresses, signing
from tests.switch.api.test_doors import post, wish
from tests.switch.stack import Stack

PRODUCTION = Settings()


def bearer(stack: Stack, who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.participant(who)['bearer']}"}


async def call(stack: Stack, method: str, path: str, who: str, body: Any = None) -> tuple[int, Any]:
    async with aiohttp.ClientSession(headers=bearer(stack, who)) as session:
        async with session.request(method, f"{stack.url}/v1/{path}", json=body) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None


async def paid(stack: Stack) -> str:
    async with stack.client("asha-bank") as client:
        return (await client.pay(stack.document("asha-bank", "indus-bank"), wait=10)).uetr


@pytest.mark.parametrize("who", ["asha-bank", "indus-bank"])
async def test_both_ends_read_a_payments_events_in_order_and_nobody_else_does(stack: Stack, who: str):
    _, start = await call(stack, "GET", "events?after=0&limit=1", who)
    uetr = await paid(stack)

    async def events_of(reader: str) -> list[str]:
        names, after, more = [], start["next"], True
        while more:
            _, page = await call(stack, "GET", f"events?after={after}&limit=50", reader)
            names += [e["type"] for e in page["events"] if e["subject"] == uetr]
            after, more = page["next"], page["more"]
        return names

    assert await events_of(who) == ["payment.reserved", "payment.sent", "payment.posted"]
    assert await events_of("noor-wallet") == []


async def test_a_stream_sends_events_as_they_happen_and_resumes_where_it_ended(stack: Stack):
    uetr = await paid(stack)
    seen: list[tuple[int, str]] = []

    async def listen(after: int, until: int) -> None:
        headers = {**bearer(stack, "asha-bank"), "Accept": "text/event-stream", "Last-Event-ID": str(after)}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.get(f"{stack.url}/v1/events") as answer:
                assert answer.content_type == "text/event-stream"
                number = 0
                async for line in answer.content:
                    if line.startswith(b"id: "):
                        number = int(line[4:])
                    elif line.startswith(b"data: "):
                        event = json.loads(line[6:])
                        if event["subject"] == uetr:
                            seen.append((number, event["type"]))
                    if len(seen) == until:
                        return

    async with asyncio.timeout(30):
        await listen(0, 1)
        await listen(seen[-1][0], 3)
    assert [name for _, name in seen] == ["payment.reserved", "payment.sent", "payment.posted"]


async def test_a_quote_is_what_the_payment_then_costs(stack: Stack):
    bic = stack.participant("indus-bank")["bic"]
    status, quote = await call(
        stack, "GET", f"quotes?creditor_agent={bic}&amount=100.00&currency=INR", "asha-bank"
    )
    uetr = await paid(stack)
    _, payment = await call(stack, "GET", f"payments/{uetr}", "asha-bank")
    assert status == 200
    names = ("interbank_settlement_amount", "fee", "credited_amount", "exchange_rate", "fx_provider")
    for name in (*names, "rail", "rail_name"):
        assert quote[name] == payment[name]
    assert quote["within_limits"] is True


async def test_a_rail_is_its_country_everywhere_with_its_name_beside_it(stack: Stack):
    """It was `Raast` in a quote and in the list of rails, and `PK` in a payment."""
    bic = stack.participant("indus-bank")["bic"]
    _, quote = await call(
        stack, "GET", f"quotes?creditor_agent={bic}&amount=100.00&currency=INR", "asha-bank"
    )
    _, payment = await call(stack, "GET", f"payments/{await paid(stack)}", "asha-bank")
    _, rails = await call(stack, "GET", "rails", "asha-bank")
    (listed,) = [rail for rail in rails if rail["country"] == "PK"]
    for document in (quote, payment, listed):
        assert (document["rail"], document["rail_name"]) == ("PK", "Raast")


async def test_a_quote_of_less_than_its_fee_is_refused_with_the_smallest_amount(stack: Stack):
    connection = await stack.connect()
    fees = "UPDATE switch.corridor SET fee_minor = $1 WHERE source = 'IN' AND target = 'PK'"
    await connection.execute(fees, 500)
    await stack.until_read()
    try:
        bic = stack.participant("indus-bank")["bic"]
        query = f"quotes?creditor_agent={bic}&amount=5.00&currency=INR"
        status, problem = await call(stack, "GET", query, "asha-bank")
        async with stack.client("asha-bank") as client:
            small = await client.pay(stack.document("asha-bank", "indus-bank", amount="5.00"), wait=20)
    finally:
        await connection.execute(fees, 0)
        await connection.close()
        await stack.until_read()

    assert (status, problem["reason"]) == (422, "AM06")
    assert "the smallest such amount is 5.01 INR" in problem["detail"]
    assert (small.status, small.reason) == ("RJCT", "AM06")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("creditor_agent=NOBOINBB&amount=1.00&currency=INR", 404),
        ("creditor_agent=INDUPKKA&amount=0.001&currency=INR", 422),
        ("creditor_agent=INDUPKKA&amount=1.00&currency=XXX", 422),
        ("creditor_agent=INDUPKKA&amount=1.00&currency=USD", 422),
        ("creditor_agent=INDUPKKA", 400),
    ],
)
async def test_a_quote_for_nonsense_is_refused(stack: Stack, query: str, status: int):
    found, problem = await call(stack, "GET", f"quotes?{query}", "asha-bank")
    assert (found, problem["status"]) == (status, status)


@asynccontextmanager
async def receiver(statuses: list[int]) -> AsyncIterator[tuple[str, list[web.Request], list[bytes]]]:
    """A participant's server: answers the given statuses in turn, the last one for ever."""
    heard: list[web.Request] = []
    bodies: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        heard.append(request)
        bodies.append(await request.read())
        return web.Response(status=statuses.pop(0) if len(statuses) > 1 else statuses[0])

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/hook", heard, bodies
    finally:
        await runner.cleanup()


async def until(holds, timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await holds():
            await asyncio.sleep(0.1)


def verified(public_key: str, request: web.Request, body: bytes) -> bool:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + body
    found = [each.partition(",") for each in request.headers["webhook-signature"].split(" ")]
    (signature,) = [text for version, _, text in found if version == "v1a"]
    try:
        key.verify(base64.b64decode(signature), signed)
    except InvalidSignature:
        return False
    return True


async def test_a_webhook_is_signed_retried_and_delivered(stack: Stack):
    async with receiver([500, 204]) as (url, heard, bodies):
        status, hook = await call(
            stack, "POST", "webhooks", "asha-bank", {"url": url, "types": ["payment.posted"]}
        )
        assert status == 201
        try:
            uetr = await paid(stack)

            async def delivered() -> bool:
                _, found = await call(stack, "GET", f"webhooks/{hook['id']}/deliveries", "asha-bank")
                return bool(found) and all(d["delivered_at"] for d in found)

            await until(delivered)
            assert len(heard) == 2  # refused once, then taken
            assert {request.headers["webhook-id"] for request in heard} == {heard[0].headers["webhook-id"]}
            assert all(
                verified(hook["public_key"], request, body)
                for request, body in zip(heard, bodies, strict=True)
            )
            event = json.loads(bodies[-1])
            assert (event["type"], event["subject"]) == ("payment.posted", uetr)
            number = event["id"]
            assert (
                await call(stack, "POST", f"webhooks/{hook['id']}/deliveries/{number}/replay", "asha-bank")
            )[0] == 202

            async def again() -> bool:
                return len(heard) == 3

            await until(again)
        finally:
            assert (await call(stack, "DELETE", f"webhooks/{hook['id']}", "asha-bank"))[0] == 204


async def test_a_received_message_is_notified_by_events_and_webhooks_without_content(stack: Stack):
    """A bank had to poll `GET /v1/messages` to learn that its money was asked back."""
    async with receiver([204]) as (url, _, bodies):
        wanted = {"url": url, "types": ["message.received"]}
        status, hook = await call(stack, "POST", "webhooks", "indus-bank", wanted)
        assert status == 201
        try:
            uetr = await paid(stack)
            document = wish(uetr)
            for _ in range(2):  # the same message again is no second one
                status, _ = await post(stack, "asha-bank", "camt.056", "camt.056.001.08", document)
                assert status == 202

            async def told() -> bool:
                return bool(bodies)

            await until(told)
            (event,) = [json.loads(body) for body in bodies]
            found = {
                who: [
                    one
                    for one in await events_of(stack, who)
                    if one["type"] == "message.received" and one["data"]["uetr"] == uetr
                ]
                for who in ("indus-bank", "asha-bank")
            }
        finally:
            await call(stack, "DELETE", f"webhooks/{hook['id']}", "indus-bank")

    assert found == {"indus-bank": [event], "asha-bank": []}
    data = event["data"]
    assert data == {
        "seq": int(event["subject"]),
        "sender": "asha-bank",
        "definition": "camt.056.001.08",
        "uetr": uetr,
        "links": {
            "message": f"/v1/messages?after={data['seq'] - 1}&limit=1",
            "payment": f"/v1/payments/{uetr}",
        },
    }
    _, page = await call(stack, "GET", f"messages?after={data['seq'] - 1}&limit=1", "indus-bank")
    (letter,) = page["messages"]
    assert (letter["seq"], letter["uetr"]) == (data["seq"], uetr)


async def events_of(stack: Stack, who: str) -> list[dict[str, Any]]:
    """Every event that a participant is told of."""
    found, after, more = [], 0, True
    while more:
        _, page = await call(stack, "GET", f"events?after={after}&limit=500", who)
        found += page["events"]
        after, more = page["next"], page["more"]
    return found


async def test_a_receiver_that_is_gone_is_left_alone(stack: Stack):
    async with receiver([410]) as (url, heard, _):
        _, hook = await call(stack, "POST", "webhooks", "asha-bank", {"url": url})
        await paid(stack)

        async def disabled() -> bool:
            _, found = await call(stack, "GET", "webhooks", "asha-bank")
            return any(w["id"] == hook["id"] and w["disabled"] for w in found)

        await until(disabled)
        assert heard
        await call(stack, "DELETE", f"webhooks/{hook['id']}", "asha-bank")


async def test_a_webhook_is_its_owners_alone(stack: Stack):
    _, hook = await call(stack, "POST", "webhooks", "asha-bank", {"url": "http://127.0.0.1:9/x"})
    try:
        for method, path in (("GET", "deliveries"), ("POST", "deliveries/1/replay"), ("POST", "test")):
            assert (await call(stack, method, f"webhooks/{hook['id']}/{path}", "indus-bank"))[0] == 404
        assert (await call(stack, "DELETE", f"webhooks/{hook['id']}", "indus-bank"))[0] == 404
        assert hook["id"] not in str(await call(stack, "GET", "webhooks", "indus-bank"))
    finally:
        await call(stack, "DELETE", f"webhooks/{hook['id']}", "asha-bank")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": 7},
        {"url": "ftp://x"},
        {"url": "http://u:p@host/"},
        {"url": "/x"},
        {"url": "http://[::1"},
        {"url": "http://127.0.0.1:99999/"},
        {"url": "http://127.0.0.1:9/\0"},
        {"url": "http://127.0.0.1:9/\u2028"},
        {"url": "http://a host/"},
        {"url": "http://a,b/"},
        {"url": "http://-a/"},
        {"url": "http://x", "more": 1},
    ],
)
async def test_a_webhook_without_a_good_address_is_refused(stack: Stack, body: dict[str, Any]):
    status, problem = await call(stack, "POST", "webhooks", "asha-bank", body)
    assert (status, problem["status"]) == (400, 400)


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example/x",
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/x",
        "https://①②⑦.0.0.1/x",
        "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/x",
        "https://127。0。0。1/x",
        "https://[::127.0.0.1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[64:ff9b::7f00:1]/x",
        "https://[64:ff9b:1::a00:1]/x",
        "https://[2002:7f00:1::]/x",
        "https://[ff02::1]/x",
        "https://[fe80::1%25eth0]/x",
        "https://224.0.0.1/x",
    ],
)
def test_outside_a_sandbox_an_address_is_https_and_of_the_open_network(url: str):
    """`https://①②⑦.0.0.1/` was registered, and the production messenger connected to this machine."""
    with pytest.raises(InvalidMessage):
        addresses.check(url, PRODUCTION)


@pytest.mark.parametrize(
    "url", ["https://bank.example/hooks", "https://[2606:4700::1111]/", "https://1.1.1.1/"]
)
def test_outside_a_sandbox_an_https_address_of_the_open_network_is_taken(url: str):
    addresses.check(url, PRODUCTION)


@pytest.mark.parametrize(
    "address",
    [
        *("0.1.2.3", "10.0.0.1", "100.64.0.1", "127.9.9.9", "169.254.169.254", "172.31.0.1", "192.168.0.1"),
        *("192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.2.1", "192.31.196.1", "192.52.193.1"),
        *("192.88.99.1", "192.175.48.1", "198.19.0.1", "198.51.100.1", "203.0.113.1", "239.1.1.1"),
        *("240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:192.0.0.8", "::ffff:0:7f00:1", "::7f00:1"),
        *("64:ff9b::808:808", "64:ff9b:1::1", "100::1", "100:0:0:1::1", "2001::1", "2001:1::1", "2001:2::1"),
        *("2001:3::1", "2001:4:112::1", "2001:10::1", "2001:20::1", "2001:30::1", "2001:db8::1", "2002::1"),
        *("2620:4f:8000::1", "3fff::1", "3fff:fff:ffff::1", "5f00::1", "4000::1", "fc00::1", "fd00::1"),
        *("fe80::1", "fec0::1", "feff::1", "ff02::1"),
    ],
)
def test_an_address_that_python_took_for_public_is_refused_by_its_registered_purpose(address: str):
    """fec0::1, 192.0.0.8, 192.88.99.1 and 3fff::1 were called: `is_global` of Python 3.11 knows them not."""
    assert not outward.is_permitted(address, ())


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "172.32.0.1", "192.0.1.1", "192.88.98.1"),
        *("192.88.100.1", "198.17.1.1", "198.20.0.1", "223.255.255.254", "::ffff:8.8.8.8"),
        *("2001:200::1", "2001:4860:4860::8888", "2400::1", "2606:4700::1111", "3ffe::1", "3fff:1000::1"),
    ],
)
def test_a_neighbour_of_a_special_network_is_public(address: str):
    assert outward.is_permitted(address, ())


def test_a_network_of_ones_own_is_permitted_by_a_setting():
    of_the_bank = Settings(webhook_networks=(ip_network("10.20.0.0/16"),))

    addresses.check("https://10.20.0.1/hooks", of_the_bank)
    with pytest.raises(InvalidMessage):
        addresses.check("https://10.21.0.1/hooks", of_the_bank)


@pytest.mark.parametrize(
    ("host", "permitted"), [("127.0.0.1", outward.LOOPBACK), ("::1", outward.LOOPBACK), ("0.0.0.0", ())]
)
def test_a_sandbox_calls_this_machine_only_if_nobody_else_can_reach_it(host: str, permitted: tuple[Any, ...]):
    assert outward.permitted_networks(Settings(sandbox=True, host=host), None) == permitted
    assert outward.permitted_networks(Settings(sandbox=False, host=host), None) == ()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "①②⑦.0.0.1", "[::1]"])
async def test_a_name_that_leads_into_our_own_network_is_not_called(host: str):
    """The address is judged at the connection, literals too: no resolver is asked about them."""
    async with receiver([204]) as (url, _, bodies):
        own = url.replace("127.0.0.1", host)
        async with aiohttp.ClientSession(connector=outward.connector(1, ())) as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.post(own, data=b"{}")
        assert bodies == []
        async with aiohttp.ClientSession(connector=outward.connector(1, outward.LOOPBACK)) as session:
            await session.post(url, data=b"{}")
        assert len(bodies) == 1


def test_the_key_is_made_once_and_is_the_owners_alone(tmp_path):
    file = tmp_path / "keys" / f"{uuid4().hex}.pem"
    assert signing.load(file).public == signing.load(file).public
    assert file.stat().st_mode & 0o077 == 0
