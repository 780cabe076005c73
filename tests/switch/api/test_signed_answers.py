"""Answers that the switch signs for who asks: over the answer and the request, and never otherwise."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas import codec
from schemas.signing.keys import SigningKey
from switch.base import answer_keys
from switch.clients.python import AsyncClient, Client, NoAnswer, NotFound, NotVerified, verify_answer
from switch.clients.python.answers import ASKED
from tests.switch.stack import Stack

NOBODY = "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b8"


@pytest.fixture
def keys(stack: Stack) -> dict[str, str]:
    """The published keys by id."""
    with Client.of_sandbox(stack.settings.credentials_file, "asha-bank") as client:
        return {key["keyid"]: key["public_key"] for key in client.read("answer-keys")}


def own(stack: Stack) -> dict[str, Any]:
    participant = stack.participant("asha-bank")
    return {"key": SigningKey.from_pem(participant["keyid"], participant["private_key"].encode())}


async def asked(stack: Stack, method: str, target: str, body: bytes = b"", **headers: str) -> httpx.Response:
    """An answer; by the sandbox key unless headers say otherwise."""
    sent = {"Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}", "Accept": codec.JSON}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        return await http.request(method, stack.url + target, content=body or None, headers=sent)


async def test_both_clients_get_only_signed_answers(stack: Stack, keys: dict[str, str]) -> None:
    document = stack.document("asha-bank", "indus-bank")

    def blocking() -> list[Any]:
        with Client(stack.url, **own(stack), answer_keys=keys) as client:
            paid = client.pay(document, wait=20)
            with pytest.raises(NotFound):
                client.payment(NOBODY)
            return [paid.status, client.read("windows", limit="1")]

    status, windows = await asyncio.to_thread(blocking)
    async with AsyncClient(stack.url, **own(stack), answer_keys=keys) as client:
        again = await client.pay(document, wait=20)

    assert (status, again.status, len(windows)) == ("ACCC", "ACCC", 1)


async def test_an_answer_by_another_key_is_none(stack: Stack, keys: dict[str, str]) -> None:
    (keyid,) = keys
    other = {keyid: SigningKey.generate("x").public.pem.decode()}
    async with AsyncClient(stack.url, **own(stack), answer_keys=other, tries=2) as client:
        with pytest.raises(NoAnswer, match="no key of the switch"):
            await client.pay(stack.document("asha-bank", "indus-bank"), wait=20)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v1/positions", 200),
        ("HEAD", "/v1/windows?limit=1", 200),
        ("GET", f"/v1/payments/{NOBODY}", 404),
        ("GET", "/v1/windows?limit=x", 400),
        ("PUT", "/v1/webhooks", 405),
        ("GET", "/v1/audit/checkpoints", 200),
        ("GET", "/v1/me", 401),
        ("POST", "/v1/iso20022/pacs.008", 400),
    ],
)
async def test_every_answer_is_signed_for_who_asks(
    stack: Stack, keys: dict[str, str], method: str, target: str, status: int
) -> None:
    body = b"{}" if method == "POST" else b""
    answer = await asked(stack, method, target, body, Accept_Signature=ASKED, Content_Type=codec.JSON)

    assert answer.status_code == status
    verify_answer(keys, answer)
    answer.status_code = 299
    with pytest.raises(NotVerified):
        verify_answer(keys, answer)


async def test_who_does_not_ask_gets_no_signature(stack: Stack) -> None:
    answer = await asked(stack, "GET", "/v1/positions")

    assert not {"signature", "signature-input", "content-digest"} & answer.headers.keys()


@pytest.mark.parametrize(
    ("wish", "accept", "text"),
    [
        ('sig=("@status");tag="payswitch-answer"', codec.JSON, "must be sig="),
        (ASKED, "text/event-stream", "a stream has no signature"),
    ],
)
async def test_what_cannot_be_signed_is_refused(stack: Stack, wish: str, accept: str, text: str) -> None:
    answer = await asked(stack, "GET", "/v1/events", Accept_Signature=wish, Accept=accept)
    problem = answer.json()

    assert (answer.status_code, problem["errors"][0]["path"]) == (400, "header.Accept-Signature")
    assert text in problem["detail"]


def test_former_and_next_keys_are_published(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "answers.pem"
    assert (answer_keys.load(file), answer_keys.published(file)) == (None, [])
    first, same = answer_keys.make(file), answer_keys.make(file)
    file.with_name("answers-2027.pub").write_bytes(SigningKey.generate("x").public.pem)
    found = answer_keys.published(file)

    assert first.keyid == same.keyid
    assert [found[0].keyid, len({key.keyid for key in found})] == [same.keyid, 2]
    assert file.stat().st_mode & 0o077 == 0
