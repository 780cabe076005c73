"""The stream that keeps pages live: what it says, to whom, and when it ends."""

import asyncio
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from switch.api.people import AUTOMATIC
from switch.identity import sessions
from tests.switch.identity.test_people_api import bearer
from tests.switch.identity.test_sessions import begun
from tests.switch.stack import Stack

STREAM = {"Accept": "text/event-stream"}


async def heard(answer: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """The data of each message."""
    async for line in answer.content:
        if line.startswith(b"data: "):
            yield line.removeprefix(b"data: ").decode().strip()


@pytest.mark.asyncio
async def test_a_stream_says_that_something_changed_and_that_it_is_alive(stack: Stack) -> None:
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http:
        async with http.get("/console/live", headers=STREAM) as answer, asyncio.timeout(60):
            said = heard(answer)
            assert answer.content_type == "text/event-stream"
            assert await anext(said) == "alive"
            async with stack.client("asha-bank") as client:
                await client.pay(stack.document("asha-bank", "indus-bank"), wait=25)
            async for word in said:
                assert word in {"changed", "alive"}
                if word == "changed":
                    break


@pytest.mark.asyncio
async def test_nobody_else_gets_a_stream_and_a_page_gets_none(stack: Stack) -> None:
    async with aiohttp.ClientSession(stack.url) as http:
        async with http.get("/console/live", headers=STREAM, allow_redirects=False) as answer:
            assert answer.status == 303
        async with http.get("/console/live", headers=bearer(stack, "operator")) as answer:
            assert answer.status == 406


@pytest.mark.asyncio
async def test_one_person_has_a_bounded_number_of_streams(stack: Stack) -> None:
    headers = {**bearer(stack, "auditor"), **STREAM}
    async with aiohttp.ClientSession(stack.url, headers=headers) as http:
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(http.get("/console/live") for _ in range(2 * 8 + 1)))
        statuses = {answer.status for answer in answers}
        for answer in answers:
            answer.close()

    assert statuses == {200, 429}


@pytest.mark.asyncio
@pytest.mark.long
async def test_a_stream_is_no_use_of_a_session_and_ends_with_its_token_alone(stack: Stack) -> None:
    """A stream renewed its own token, which reached no browser, and took its replaced one for a thief's.

    So whoever kept a page open for six minutes was signed out, and the log said that a token was stolen.
    """
    token = await begun(stack, "own-auditor")
    sha256 = sessions._sha256(token)
    connection = await stack.connect()
    try:
        await connection.execute(
            "UPDATE switch.session SET made_at = made_at - interval '6 minutes',"
            " seen_at = seen_at - interval '6 minutes' WHERE sha256 = $1",
            sha256,
        )
        before = await connection.fetchrow("SELECT * FROM switch.session WHERE sha256 = $1", sha256)
        headers = {"Cookie": f"{sessions.COOKIE}={token}", **STREAM}
        async with aiohttp.ClientSession(stack.url, headers=headers) as http, asyncio.timeout(60):
            async with http.get("/console/live") as answer:
                said = heard(answer)
                assert await anext(said) == "alive"
                assert (
                    await connection.fetchrow("SELECT * FROM switch.session WHERE sha256 = $1", sha256)
                    == before
                )
                # The page was fetched again meanwhile, and its response had a new token.
                async with http.get("/console/me") as page:
                    assert sessions.COOKIE in page.cookies
                await connection.execute(
                    "UPDATE switch.session SET replaced_at = replaced_at - interval '1 minute' WHERE sha256 = $1",
                    sha256,
                )
                assert {word async for word in said} <= {"alive", "changed"}
            fresh = {"Cookie": f"{sessions.COOKIE}={page.cookies[sessions.COOKIE].value}"}
            async with aiohttp.ClientSession(stack.url, headers=fresh) as later, later.get("/v1/me") as me:
                assert me.status == 200, "the session goes on"
        assert not await connection.fetchval(
            "SELECT count(*) FROM switch.audit_note WHERE kind = 'SESSION_REUSED'"
            " AND convert_from(body, 'UTF8') LIKE '%own-auditor%'"
        )
    finally:
        await connection.execute("DELETE FROM switch.session WHERE person = 'own-auditor'")
        await connection.close()


async def idle_for(stack: Stack, token: str, minutes: float) -> None:
    """Make a session as it is when it was last used, and got its token, some minutes ago."""
    connection = await stack.connect()
    await connection.execute(
        "UPDATE switch.session SET (seen_at, made_at) = (at, at)"
        " FROM (SELECT clock_timestamp() - make_interval(secs => $2)) AS past (at) WHERE sha256 = $1",
        sessions._sha256(token),
        60 * minutes,
    )
    await connection.close()


async def seconds_left(http: aiohttp.ClientSession, headers: dict[str, str]) -> int:
    async with http.get("/console", headers=headers) as page:
        assert page.status == 200
        found = re.search(r'data-ends-in="(\d+)"', await page.text())
        assert found is not None
        assert (sessions.COOKIE in page.cookies) is not bool(headers)
        return int(found[1])


@pytest.mark.asyncio
async def test_a_session_that_only_scripts_use_ends_when_it_is_idle(stack: Stack) -> None:
    """A page that fetched itself again kept an unattended screen signed in for eight hours."""
    token = await begun(stack, "own-auditor")
    automatic = {AUTOMATIC: "1"}
    async with aiohttp.ClientSession(stack.url, headers={"Cookie": f"{sessions.COOKIE}={token}"}) as http:
        await idle_for(stack, token, 14)
        assert 0 < await seconds_left(http, automatic) <= 60
        assert 0 < await seconds_left(http, automatic) <= 60, "the first was no use"
        await idle_for(stack, token, 15.1)
        async with http.get("/console", headers=automatic, allow_redirects=False) as page:
            assert page.status == 401
        async with http.get("/console", allow_redirects=False) as page:
            assert page.status == 303


@pytest.mark.asyncio
async def test_a_session_that_its_person_uses_goes_on(stack: Stack) -> None:
    token = await begun(stack, "own-auditor")
    async with aiohttp.ClientSession(stack.url, headers={"Cookie": f"{sessions.COOKIE}={token}"}) as http:
        await idle_for(stack, token, 14)
        assert await seconds_left(http, {}) > 14 * 60


@pytest.mark.asyncio
async def test_a_request_that_changes_something_is_a_use_whatever_it_says(stack: Stack) -> None:
    token = await begun(stack, "own-auditor")
    headers = {"Authorization": f"Bearer {token}", AUTOMATIC: "1"}
    await idle_for(stack, token, 14)
    async with aiohttp.ClientSession(stack.url, headers=headers) as http:
        async with http.delete("/v1/me/sessions/00000000-0000-4000-8000-000000000000") as answer:
            assert answer.status == 404
    connection = await stack.connect()
    assert await connection.fetchval(
        "SELECT seen_at > clock_timestamp() - interval '1 minute' FROM switch.session WHERE sha256 = $1",
        sessions._sha256(token),
    )
    await connection.close()
