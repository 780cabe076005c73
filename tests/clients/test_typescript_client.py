"""The TypeScript client, built as its page says: compiled in strict mode from the description, and used on a sandbox."""

import asyncio
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import switch.clients as home
from switch.base import answer_keys
from switch.clients.python import problems
from switch.webhooks import secrets, signing
from tests import npm
from tests.clients.answering_server import KEY, cut, problem, status_report
from tests.signing import answer_vectors
from tests.switch.stack import Stack

SOURCE = Path(home.__file__).parent / "typescript"
PROGRAM = Path(__file__).with_name("typescript_client.mjs")
WITHIN_S = 240


@pytest.fixture(scope="module")
def built(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the package with its types from the sandbox's description, compiled."""
    manifest = json.loads((SOURCE / "package.json").read_text())
    needed = [f"{name}@{version}" for name, version in manifest["devDependencies"].items()]
    assert {*needed} == {npm.OPENAPI_TYPESCRIPT, npm.TYPESCRIPT}
    tools = npm.programs(npm.OPENAPI_TYPESCRIPT, npm.TYPESCRIPT)
    folder = tmp_path_factory.mktemp("typescript") / "client"
    shutil.copytree(SOURCE, folder)
    (folder / "node_modules").symlink_to(tools.parent)
    with urllib.request.urlopen(f"{stack.url}/openapi.json") as answer:
        (folder / "openapi.json").write_bytes(answer.read())
    for command in (["openapi-typescript", "openapi.json", "-o", "src/description.ts"], ["tsc"]):
        words = [str(tools / command[0]), *command[1:]]
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, check=False, timeout=WITHIN_S
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


async def run(built: Path, job: str, **plan: Any) -> Any:
    command = ["node", "--no-warnings", str(PROGRAM), str(built), json.dumps({"job": job, **plan})]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, timeout=WITHIN_S
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_it_pays_and_sends_every_message_and_follows_events(built: Path, stack: Stack) -> None:
    who = {name: stack.participant(f"{name}-bank") for name in ("asha", "indus")}
    seen = await run(built, "messages", url=stack.url, **who)

    assert seen["first"] == seen["again"]
    assert (seen["first"]["status"], seen["returned"]) == ("ACCC", True)
    assert (seen["quoted"]["status"], seen["usedBy"]) == ("ACCC", seen["quoted"]["uetr"])
    assert seen["answers"] == [
        "pacs.002", "camt.029", "admi.007", "camt.111", "admi.007", "pacs.002", "acmt.024", "pain.014", "admi.007", "camt.004",
    ]  # fmt: skip
    assert seen["types"] == ["payment.reserved", "payment.sent", "payment.posted", "payment.returned"]
    assert seen["rails"] == ["IN", "PK"]
    assert len(seen["letters"]) > 1
    assert seen["letters"] == sorted(seen["letters"])


async def test_a_key_on_p_256_signs_as_well(built: Path, stack: Stack) -> None:
    entries = stack.credentials["participants"]
    payer = next(entry for entry in entries if entry["algorithm"] == "ecdsa-p256-sha256")
    who = {name: stack.participant(f"{name}-bank") for name in ("asha", "indus")}

    assert await run(built, "es256", url=stack.url, payer=payer, **who)


async def test_problems_are_errors_of_their_type(built: Path, stack: Stack) -> None:
    who = {name: stack.participant(f"{name}-bank") for name in ("asha", "indus")}
    seen = await run(built, "problems", url=stack.url, **who)

    assert {name: seen[name]["name"] for name in ("unknown", "stranger", "invalid", "amount", "cursor")} == {
        "unknown": "NotFound",
        "stranger": "NotAuthentic",
        "invalid": "InvalidMessage",
        "amount": "RangeError",
        "cursor": "CursorAhead",
    }
    assert seen["unknown"]["type"] == "not-found"
    assert {*seen["kinds"]} == problems.KINDS.keys() - {"request-refused"}


async def test_a_retry_sends_the_same_bytes_and_a_change_is_sent_once(
    built: Path, stack: Stack, server: Any
) -> None:
    async def page(_: Any) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    async def half(_: Any) -> web.Response:
        return web.Response(text='{"type": "/docs/pro', status=503, content_type="application/problem+json")

    server.answers += [cut, page, status_report("ACCC"), half, status_report("ACCC"), cut]
    server.answers += [problem(503, name="unavailable")] * 3
    server.answers += [later, problem(404, name="not-found")]
    asha = {"bic": "ASHAINBB", "keyid": KEY.keyid, "private_key": KEY.pem.decode()}
    paid, again, once, gone, paused_ms = await run(
        built, "retries", url=server.url, asha=asha, indus={"bic": "INDUPKKA"}
    )

    assert paid["status"] == again["status"] == "ACCC"
    assert len({body for _, body in server.requests[:3]}) == 1
    assert len({body for _, body in server.requests[3:5]}) == 1
    assert len(set(server.nonces)) == len(server.nonces) == 11
    assert paused_ms >= 700 + 100 - 1  # what the switch states, and at least half of its own first pause
    assert (once["name"], once["message"][:20]) == ("NoAnswer", "no response in 1 try")
    assert (gone["name"], gone["message"]) == ("NoAnswer", "no response in 3 tries: http 503 unavailable")


async def later(_: web.Request) -> web.Response:
    """Too much to do: come back in 700 ms."""
    body = {"type": "/docs/problems#overloaded", "retryable": True, "retry_after_ms": 700}
    headers = {"Retry-After": "1", "Retry-After-Ms": "700"}
    return web.json_response(body, status=503, content_type="application/problem+json", headers=headers)


async def test_it_takes_only_answers_that_the_switch_signed(built: Path, stack: Stack) -> None:
    who = {name: stack.participant(f"{name}-bank") for name in ("asha", "indus")}
    (known,) = answer_keys.published(stack.settings.answer_key)
    vectors = [
        {**vector, "headers": {**vector["headers"], **vector["added_headers"]}}
        for vector in json.loads(answer_vectors.FILE.read_text())
    ]
    changed = [
        {**vectors[0], **change}
        for change in ({"status": 201}, {"body": "{}"}, {"sent": {}}, {"method": "PUT"})
    ]
    seen = await run(
        built,
        "answers",
        url=stack.url,
        **who,
        vectors=[*vectors, *changed],
        test_keys={vectors[0]["keyid"]: vectors[0]["public_key"]},
        keys={known.keyid: known.pem.decode()},
        wrong={known.keyid: vectors[0]["public_key"]},
    )

    assert seen["vectors"][:3] == ["verified"] * 3
    assert {found["name"] for found in seen["vectors"][3:]} == {"NotVerified"}
    assert (seen["paid"], seen["positions"], seen["unknown"]["name"]) == ("ACCC", 1, "NotFound")
    assert (seen["other"]["name"], seen["other"]["message"]) == (
        "NoAnswer",
        "no response in 2 tries: no key of the switch verifies the answer",
    )


async def test_it_verifies_webhooks_by_either_key(built: Path, tmp_path: Path) -> None:
    body, now = json.dumps({"type": "webhook.test"}), int(time.time())
    key, shared = signing.load(tmp_path / "key.pem"), bytes(range(32))
    id_ = "hook.1"

    def headers(at: int) -> dict[str, str]:
        content = f"{id_}.{at}.{body}".encode()
        signatures = [key.sign(content), *secrets.sign([shared], content)]
        return {"Webhook-Id": id_, "webhook-timestamp": str(at), "webhook-signature": " ".join(signatures)}

    secret, wrong = secrets.text_of(shared), secrets.text_of(bytes(32))
    deliveries = [
        (headers(now), body, key.public),
        (headers(now), body, secret),
        (headers(now), body, [wrong, secret]),
        (headers(now), body, wrong),
        (headers(now), body + " ", secret),
        (headers(now - 3600), body, secret),
        ({}, body, secret),
        (headers(now), body, "whpk_?"),
    ]
    seen = await run(built, "webhooks", url="http://127.0.0.1:9", deliveries=deliveries)

    assert seen[:3] == ["webhook.test"] * 3
    assert [found["name"] for found in seen[3:]] == ["NotVerified"] * 5


def test_it_is_small() -> None:
    lines = sum(len(path.read_text().splitlines()) for path in (SOURCE / "src").glob("*.ts"))

    assert not (SOURCE / "src" / "description.ts").exists(), "it is generated, and not kept in the tree"
    assert lines < 1000
