"""Secrets of webhooks: the published libraries verify deliveries unchanged; one secret follows another with an overlap."""

import asyncio
import base64
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from switch.base import personal_data
from switch.clients.python import NotVerified, verify_webhook
from switch.payments.events import TYPES
from switch.webhooks import secrets
from tests import npm
from tests.switch.stack import Stack
from tests.switch.webhooks.test_events_and_webhooks import bearer, call, paid, receiver, until

OTHER = "whsec_" + base64.b64encode(bytes(32)).decode()


@asynccontextmanager
async def hooked(
    stack: Stack, statuses: list[int], **wanted: Any
) -> AsyncIterator[tuple[dict[str, Any], list[web.Request], list[bytes]]]:
    """A webhook of Asha Bank at a receiver, for as long as the test lasts."""
    async with receiver(statuses) as (url, heard, bodies):
        status, hook = await call(stack, "POST", "webhooks", "asha-bank", {"url": url, **wanted})
        assert status == 201, hook
        try:
            yield hook, heard, bodies
        finally:
            await call(stack, "DELETE", f"webhooks/{hook['id']}", "asha-bank")


async def sent(stack: Stack, hook: dict[str, Any], heard: list[web.Request], bodies: list[bytes]) -> Any:
    """The headers and the body of one more delivery."""
    before = len(heard)
    assert (await call(stack, "POST", f"webhooks/{hook['id']}/test", "asha-bank"))[0] == 202

    async def came() -> bool:
        return len(bodies) > before

    await until(came)
    return dict(heard[-1].headers), bodies[-1]


async def test_the_python_library_and_our_client_verify_a_delivery_by_either_key(stack: Stack):
    async with hooked(stack, [204]) as (hook, heard, bodies):
        headers, body = await sent(stack, hook, heard, bodies)

    assert Webhook(hook["secret"]).verify(body, headers)["type"] == "webhook.test"
    for key in (hook["secret"], hook["public_key"], [OTHER, hook["secret"]]):
        assert verify_webhook(headers, body, key).type == "webhook.test"
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(body, headers)
    for wrong in (OTHER, "whpk_" + base64.b64encode(bytes(32)).decode(), "whsec_?", ""):
        with pytest.raises(NotVerified):
            verify_webhook(headers, body, wrong)
    with pytest.raises(NotVerified, match="not now"):
        verify_webhook(headers, body, hook["secret"], now=datetime.now(UTC).timestamp() + 3600)
    with pytest.raises(NotVerified, match="missing"):
        verify_webhook({}, body, hook["secret"])


async def test_the_npm_library_verifies_a_delivery(stack: Stack):
    folder = npm.modules(npm.STANDARD_WEBHOOKS).parent
    async with hooked(stack, [204]) as (hook, heard, bodies):
        headers, body = await sent(stack, hook, heard, bodies)
    script = (
        "const { Webhook } = require('standardwebhooks');"
        "const [secret, body, headers] = JSON.parse(process.argv[1]);"
        "console.log(new Webhook(secret).verify(body, headers).type);"
    )

    def verified(secret: str) -> subprocess.CompletedProcess[str]:
        stated = {name.lower(): value for name, value in headers.items()}
        return subprocess.run(
            ["node", "-e", script, json.dumps([secret, body.decode(), stated])],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert verified(hook["secret"]).stdout == "webhook.test\n"
    assert "No matching signature" in verified(OTHER).stderr


async def test_a_secret_follows_another_with_an_overlap_and_is_shown_once(stack: Stack):
    async with hooked(stack, [204]) as (hook, heard, bodies):
        shown = json.dumps([
            await call(stack, "GET", f"webhooks/{hook['id']}", "asha-bank"),
            await call(stack, "GET", "webhooks", "asha-bank"),
        ])  # fmt: skip
        status, renewed = await call(stack, "POST", f"webhooks/{hook['id']}/secret", "asha-bank")
        both, body = await sent(stack, hook, heard, bodies)
        connection = await stack.connect()
        await connection.execute(
            "UPDATE switch.webhook_secret SET until = now() - interval '1 s' WHERE webhook = $1 AND until IS NOT NULL",
            hook["id"],
        )
        await connection.close()
        later, later_body = await sent(stack, hook, heard, bodies)
        stranger = await call(stack, "POST", f"webhooks/{hook['id']}/secret", "indus-bank")

    assert (status, stranger[0]) == (201, 404)
    assert "secret" not in shown
    left = datetime.fromisoformat(renewed["previous_until"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    for secret in (hook["secret"], renewed["secret"]):
        Webhook(secret).verify(body, both)
    Webhook(renewed["secret"]).verify(later_body, later)
    with pytest.raises(WebhookVerificationError):
        Webhook(hook["secret"]).verify(later_body, later)


async def test_only_the_messenger_can_read_a_secret(stack: Stack):
    connection = await stack.connect()
    readers = await connection.fetch(
        "SELECT r.rolname FROM pg_roles AS r WHERE r.rolname LIKE 'payswitch%' AND NOT r.rolsuper"
        " AND has_column_privilege(r.oid, 'switch.webhook_secret', 'secret', 'SELECT')"
        " AND r.rolname <> (SELECT tableowner FROM pg_tables WHERE tablename = 'webhook_secret')"
    )
    await connection.close()

    assert {row["rolname"].replace("_login", "") for row in readers} == {"payswitch_messenger"}


async def test_a_copy_of_the_database_signs_nothing_without_the_keys_of_the_switch(
    stack: Stack, tmp_path: Path
):
    async with hooked(stack, [204]) as (hook, _, _):
        connection = await stack.connect()
        sealed = await connection.fetchval(
            "SELECT secret FROM switch.webhook_secret WHERE webhook = $1", hook["id"]
        )
        found = [
            await secrets.faults(connection, file)
            for file in (stack.settings.personal_data_keys, tmp_path / "others.json")
        ]
        await connection.close()
    keys, others = (
        personal_data.load(stack.settings.personal_data_keys),
        personal_data.load(tmp_path / "others.json"),
    )
    secret = base64.b64decode(hook["secret"].removeprefix("whsec_"))

    assert secret not in sealed
    assert secrets.opened(keys, UUID(hook["id"]), [sealed]) == [secret]
    assert secrets.opened(others, UUID(hook["id"]), [sealed]) == []
    assert secrets.opened(keys, uuid4(), [sealed]) == []  # it is bound to its webhook
    assert ([bool(faults) for faults in found], "key file" in found[1][0]) == ([False, True], True)


async def test_a_webhook_is_changed_paused_and_resumed(stack: Stack):
    async with hooked(stack, [204], types=["payment.released"]) as (hook, heard, bodies):
        place = f"webhooks/{hook['id']}"
        assert (await call(stack, "PATCH", place, "asha-bank", {"enabled": False}))[1]["disabled"]
        status, changed = await call(stack, "PATCH", place, "asha-bank", {"types": ["payment.posted"]})
        await paid(stack)
        await asyncio.sleep(1)
        quiet = len(heard)
        _, resumed = await call(stack, "PATCH", place, "asha-bank", {"enabled": True})

        async def told() -> bool:
            return bool(bodies)

        await until(told)
        stranger, _ = await call(stack, "PATCH", place, "indus-bank", {"enabled": False})

    assert (status, changed["types"], changed["url"]) == (200, ["payment.posted"], hook["url"])
    assert (quiet, resumed["disabled"], stranger) == (0, None, 404)
    assert {json.loads(body)["type"] for body in bodies} == {"payment.posted"}


@pytest.mark.parametrize(
    "body",
    [
        {"types": ["payment.settled"]},
        {"types": ["payment.posted", "payment.x"]},
        {"types": "payment.posted"},
        {"url": "ftp://bank.example"},
        {"enabled": "no"},
        {"secret": OTHER},
    ],
    ids=[
        "a type that does not exist",
        "the second type",
        "no list",
        "no https",
        "no boolean",
        "unknown field",
    ],
)
async def test_a_wrong_change_is_refused_and_changes_nothing(stack: Stack, body: dict[str, Any]):
    async with hooked(stack, [204]) as (hook, _, _):
        status, problem = await call(stack, "PATCH", f"webhooks/{hook['id']}", "asha-bank", body)
        _, found = await call(stack, "GET", f"webhooks/{hook['id']}", "asha-bank")

    assert status == 400
    assert {name: found[name] for name in ("url", "types", "disabled")} == {
        name: hook[name] for name in ("url", "types", "disabled")
    }
    assert "payment.settled" not in problem["detail"]


async def test_an_unknown_type_of_event_is_refused_with_those_that_exist(stack: Stack):
    wanted = {"url": "http://127.0.0.1:9/x", "types": ["payment.posted", "payment.settled"]}
    status, problem = await call(stack, "POST", "webhooks", "asha-bank", wanted)

    assert (status, problem["errors"][0]["path"]) == (400, "types[1]")
    assert all(name in problem["detail"] for name in TYPES)


async def test_a_change_of_what_was_not_seen_is_refused(stack: Stack):
    async with hooked(stack, [204]) as (hook, _, _):
        place = f"{stack.url}/v1/webhooks/{hook['id']}"
        async with aiohttp.ClientSession(headers=bearer(stack, "asha-bank")) as session:

            async def change(tag: str, types: list[str]) -> tuple[int, str]:
                async with session.patch(place, json={"types": types}, headers={"If-Match": tag}) as answer:
                    return answer.status, answer.headers.get("ETag", "")

            async with session.get(place) as answer:
                tag = answer.headers["ETag"]
            first, new = await change(tag, ["payment.posted"])
            second, _ = await change(tag, ["payment.returned"])
            async with session.get(place, headers={"If-None-Match": new}) as answer:
                same = answer.status, await answer.read()
            async with session.get(place) as answer:
                types = (await answer.json())["types"]

    assert (first, second, same) == (200, 412, (304, b""))
    assert (new != tag, types) == (True, ["payment.posted"])


async def test_a_payment_that_did_not_change_is_not_sent_again(stack: Stack):
    uetr = await paid(stack)
    async with aiohttp.ClientSession(headers=bearer(stack, "asha-bank")) as session:
        async with session.get(f"{stack.url}/v1/payments/{uetr}") as answer:
            tag = answer.headers["ETag"]
        async with session.get(f"{stack.url}/v1/payments/{uetr}", headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")


@pytest.mark.long
async def test_events_of_a_payment_arrive_in_order_and_say_what_happened(stack: Stack):
    """The first delivery is refused twice: those of later events of the payment wait for it."""
    async with hooked(stack, [500, 500, 204]) as (_, heard, bodies):
        uetr = await paid(stack)

        async def all_told() -> bool:
            return any(json.loads(body)["type"] == "payment.posted" for body in bodies)

        await until(all_told)
        events = [event for event in map(json.loads, bodies) if event["subject"] == uetr]

    assert [event["type"] for event in events] == [
        *["payment.reserved"] * 3,
        "payment.sent",
        "payment.posted",
    ]
    assert [event["data"]["sequence"] for event in events[2:]] == [1, 2, 3]
    assert {request.headers["content-type"] for request in heard} == {"application/json"}
    data = events[-1]["data"]
    _, payment = await call(stack, "GET", f"payments/{uetr}", "asha-bank")
    for name in ("interbank_settlement_amount", "credited_amount", "fee", "rail", "state"):
        assert data[name] == payment[name], name
    assert data["debtor_agent"] == {"id": "asha-bank", "bic": stack.participant("asha-bank")["bic"]}
    assert data["creditor_agent"] == {"id": "indus-bank", "bic": stack.participant("indus-bank")["bic"]}
    assert data["links"] == {"payment": f"/v1/payments/{uetr}"}
