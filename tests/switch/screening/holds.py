"""Screening as people of a running switch use it: lists by two people, and decisions about held payments."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from typer.testing import CliRunner

from switch.cli import application
from switch.sandbox import world
from tests.switch.stack import Stack

LIST = "id,kind,name,aliases\nT-1,person,Ozimand Kvartsenko,Озиманд Кварценко\nT-2,entity,Blackbrook Holding Front,\n"
LISTED = "Ozymand KVARTSENKO"
"""A spelling of a listed name."""


def typed(*words: str, fails: bool = False) -> Any:
    """What a command prints, read; of one that fails, what it says."""
    done = CliRunner().invoke(application([words[0]]), list(words))
    assert (done.exit_code != 0) is fails, (words, done.output, done.exception)
    if fails:
        return f"{done.output} {getattr(done.exception, 'detail', '')}"
    lines = done.stdout.strip()
    return json.loads(lines) if not lines.startswith('{"') else [json.loads(x) for x in lines.splitlines()]


async def until(found: Callable[[], Awaitable[Any]], within_s: float = 60) -> Any:
    """Wait until something is found, and return it."""
    async with asyncio.timeout(within_s):
        while not (result := await found()):
            await asyncio.sleep(0.05)
        return result


def paying(
    stack: Stack, *, creditor: str = LISTED, debtor: str = "Asha Rao", word: str = ""
) -> dict[str, Any]:
    """A payment of 100.00 INR within India, with these names."""
    payer, payee = stack.participant("asha-bank"), stack.participant("indus-bank")
    return world.document(payer, payee, amount="100.00", word=word, creditor=creditor, debtor=debtor)


def uetr_of(document: dict[str, Any]) -> str:
    """The UETR that a document states."""
    uetr: str = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"]
    return uetr


async def decide(
    stack: Stack,
    kind: str,
    content: dict[str, Any],
    reason: str = "looked at",
    by: tuple[str, str] = ("operator", "checker"),
) -> dict[str, Any]:
    """Request a change as one person and approve it as another; return it when it has ended."""
    async with aiohttp.ClientSession(stack.url) as http:
        change = {"kind": kind, "content": content, "reason": reason}
        async with http.post("/v1/changes", json=change, headers=bearer(stack, by[0])) as answer:
            made = await answer.json()
            assert answer.status == 201, made
        vote = {"decision": "approve", "reason": "seen"}
        path = f"/v1/changes/{made['number']}/votes"
        async with http.post(path, json=vote, headers=bearer(stack, by[1])) as answer:
            assert answer.status == 200, await answer.text()

        async def ended() -> dict[str, Any] | None:
            async with http.get(f"/v1/changes/{made['number']}", headers=bearer(stack, by[0])) as response:
                found = await response.json()
                return found if found["state"] in {"executed", "failed"} else None

        return dict(await until(ended))


async def add_list(stack: Stack, text: str = LIST, who: str = "officer") -> int:
    """Add the file of a list on the page; its number."""
    form = aiohttp.FormData()
    form.add_field("source", "a test of today")
    form.add_field("file", text.encode(), filename="national.csv", content_type="text/csv")
    headers = bearer(stack, who) | {"Sec-Fetch-Site": "same-origin"}
    async with (
        aiohttp.ClientSession(stack.url) as http,
        http.post("/console/screening/lists", data=form, headers=headers, allow_redirects=False) as answer,
    ):
        assert answer.status == 303, await answer.text()
        return int(answer.headers["location"].rpartition("lists=")[2].split("+")[-1].split("%20")[-1])


def bearer(stack: Stack, person: str) -> dict[str, str]:
    """What signs a person in to a sandbox."""
    return {"Authorization": f"Bearer {stack.credentials['people'][person]['bearer']}"}


async def use_lists(stack: Stack, numbers: list[int], by: tuple[str, str] = ("operator", "checker")) -> None:
    """Put lists in force, and wait until every worker compares payments with them."""
    done = await decide(stack, "screening.lists", {"lists": numbers}, by=by)
    assert done["state"] == "executed", done
    connection = await stack.connect()
    try:
        since = await connection.fetchval(
            "SELECT extract(epoch FROM max(in_force_from))::float8 FROM switch.screening_set"
        )
    finally:
        await connection.close()
    await asyncio.sleep(max(0.0, since - time.time()))
    await stack.until_read()


def new_uetr() -> str:
    """A UETR that nobody used."""
    return str(uuid.uuid4())
