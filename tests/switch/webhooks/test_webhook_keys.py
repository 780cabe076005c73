"""The key that signs webhooks is replaced without a gap, by two people, and readable at any time."""

import asyncio
import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from switch.base import causes
from switch.webhooks import signing
from tests.switch.cli.test_cli import payswitch
from tests.switch.stack import Stack
from tests.switch.webhooks.test_events_and_webhooks import call, receiver


def bearer(stack: Stack, person: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.credentials['people'][person]['bearer']}"}


async def change(stack: Stack, kind: str, content: dict[str, Any]) -> tuple[int, Any]:
    """Ask for a change and agree to it; the status of the request, and the change or the problem."""
    async with aiohttp.ClientSession(stack.url) as session:
        body = {"kind": kind, "content": content, "reason": "test"}
        async with session.post("/v1/changes", json=body, headers=bearer(stack, "operator")) as answer:
            asked = answer.status, await answer.json()
        if asked[0] != 201:
            return asked
        path = f"/v1/changes/{asked[1]['number']}/votes"
        vote = {"decision": "approve", "reason": "seen"}
        async with session.post(path, json=vote, headers=bearer(stack, "checker")) as answer:
            return asked[0], await answer.json()


async def keys(stack: Stack) -> list[dict[str, Any]]:
    return (await call(stack, "GET", "webhook-keys", "asha-bank"))[1]


async def signers(stack: Stack, hook: str, heard: list[Any], bodies: list[bytes]) -> list[str]:
    """Which keys in force signed the next delivery, by trying each on each signature."""
    before = len(heard)
    assert (await call(stack, "POST", f"webhooks/{hook}/test", "asha-bank"))[0] == 202
    async with asyncio.timeout(20):
        while len(bodies) == before:
            await asyncio.sleep(0.05)
    request, body = heard[-1], bodies[-1]
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + body
    found = []
    for signature in request.headers["webhook-signature"].split(" "):
        version, _, text = signature.partition(",")
        if version == "v1":  # of the secret: test_secrets.py
            continue
        assert version == "v1a"
        found += [key["public_key"] for key in await keys(stack) if verifies(key["public_key"], text, signed)]
    return found


def verifies(public_key: str, signature: str, signed: bytes) -> bool:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    try:
        key.verify(base64.b64decode(signature), signed)
    except InvalidSignature:
        return False
    return True


async def test_a_key_follows_another_without_a_gap(stack: Stack):
    async with receiver([204]) as (url, heard, bodies):
        _, hook = await call(stack, "POST", "webhooks", "asha-bank", {"url": url})
        try:
            (old,) = [key for key in await keys(stack) if not key["retired_at"]]
            assert await signers(stack, hook["id"], heard, bodies) == [old["public_key"]]

            _, refused = await change(stack, "webhook_key.retire", {"number": old["number"]})
            assert "no other key" in refused["detail"]
            assert (await change(stack, "webhook_key.add", {}))[1]["state"] == "executed"
            async with asyncio.timeout(20):
                while (await keys(stack))[0]["public_key"] is None:
                    await asyncio.sleep(0.05)
            new = (await keys(stack))[0]
            _, listed = await call(stack, "GET", "webhooks", "asha-bank")

            assert new["number"] == old["number"] + 1
            assert listed[0]["public_keys"] == [new["public_key"], old["public_key"]]
            assert await signers(stack, hook["id"], heard, bodies) == [new["public_key"], old["public_key"]]
            assert (await change(stack, "webhook_key.add", {}))[0] == 422

            _, done = await change(stack, "webhook_key.retire", {"number": old["number"]})
            assert done["state"] == "executed"
            async with asyncio.timeout(20):
                while (stack.settings.data / "keys" / "webhooks.pem").exists():
                    await asyncio.sleep(0.05)
            assert await signers(stack, hook["id"], heard, bodies) == [new["public_key"]]
            listed = await asyncio.to_thread(payswitch, stack, "webhook-keys", "list")
        finally:
            await call(stack, "DELETE", f"webhooks/{hook['id']}", "asha-bank")

    assert (listed.returncode, listed.stdout.count(old["public_key"])) == (0, 1)
    assert [key["number"] for key in await keys(stack) if key["retired_at"]] == [old["number"]]


async def test_a_standby_without_the_key_that_receivers_know_does_not_start(
    database_url: str, tmp_path: Path
) -> None:
    """It made another key, ended because receivers did not know it, and left the file to be found next time."""
    working, standby = (tmp_path / name / "keys" / "webhooks.pem" for name in ("working", "standby"))
    standby.parent.mkdir(parents=True)
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        await signing.SigningKeys(working).refresh(pool)
        with pytest.raises(causes.Impossible, match="copy it from a machine of this switch"):
            await signing.SigningKeys(standby).refresh(pool)
        assert not standby.exists()
        environment = {"PAYSWITCH_DATA": str(tmp_path / "standby"), "PAYSWITCH_DATABASE": database_url}
        start = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "switch.cli", "run", "messenger"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (start.returncode, start.stderr.splitlines()) == (
            1,
            [
                f"payswitch: {signing.NO_KEY.format(standby.with_name(name))}"
                for name in ("personal-data.json", "webhooks.pem")
            ],
        )

        signing.load(standby)
        (other,) = await _faults(pool, standby)
        assert (
            other == f"{standby} is not the key 1 that receivers know: copy it from a machine of this switch"
        )
        standby.write_bytes(working.read_bytes())
        assert await _faults(pool, standby) == []
        await signing.SigningKeys(standby).refresh(pool)


async def _faults(pool: asyncpg.Pool, first: Path) -> list[str]:
    async with pool.acquire() as connection:
        return await signing.faults(connection, first)
