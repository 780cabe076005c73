"""The stream that keeps pages live: what it says, to whom, and when it ends."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.switch.identity.test_people_api import bearer
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
