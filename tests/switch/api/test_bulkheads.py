"""What one participant opens, asks, or lets wait takes nothing from the others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web

from adapters.port import Payee, RailAdapter
from adapters.simulation.sandbox import free_port
from ledger.roles import Login
from schemas.errors import TooManyRequests, Unavailable
from schemas.payment import PartyAccount
from schemas.verification import Asked
from switch.api import enquiries
from switch.api.events import STREAMS_OF_ONE
from switch.api.receiving import Received
from switch.base.database import connect_pool
from switch.base.quota import Quota
from switch.base.settings import Settings
from switch.payments.rails import (
    ENQUIRIES_MAX,
    ENQUIRIES_OF_ONE,
    SILENT_MAX,
    Breaker,
    Bulkhead,
    Rail,
    Serials,
)
from switch.webhooks.delivery import OF_ENDPOINT, OF_PARTICIPANT, Messenger
from switch.webhooks.signing import SigningKeys
from tests.switch.stack import Stack
from tests.switch.webhooks.test_events_and_webhooks import bearer, until

# Places.


def test_one_has_its_share_and_what_it_leaves_is_for_the_others() -> None:
    places = Quota(3, 2, "things")
    with places.take("a"), places.take("a"):
        with pytest.raises(TooManyRequests), places.take("a"):
            pass
        with places.take("b"), pytest.raises(Unavailable), places.take("c"):
            pass
    with places.take("a"), places.take("b"), places.take("c"):
        pass

    assert places.taken == 0


def test_a_place_is_given_back_however_its_use_ends() -> None:
    places = Quota(1, 1, "things")
    for _ in range(3):
        with contextlib.suppress(ValueError), places.take("a"):
            raise ValueError

    assert places.taken == 0


# Event streams.


async def test_one_participant_cannot_hold_every_event_stream_of_a_worker(stack: Stack) -> None:
    """It gets its share of each worker, the rest are told 429, and another participant still gets its own."""
    most = STREAMS_OF_ONE * stack.settings.workers
    async with AsyncExitStack() as held:
        statuses = [await _open_stream(held, stack, "asha-bank") for _ in range(most + 8)]
        other = await _open_stream(held, stack, "indus-bank")

    assert statuses.count(200) <= most
    assert set(statuses) == {200, 429}
    assert other == 200


async def test_a_stream_that_ended_leaves_its_place(stack: Stack) -> None:
    async def opens() -> bool:
        async with AsyncExitStack() as held:
            return await _open_stream(held, stack, "noor-wallet") == 200

    for _ in range(STREAMS_OF_ONE * stack.settings.workers + 1):
        await until(opens)


async def _open_stream(held: AsyncExitStack, stack: Stack, who: str) -> int:
    session = await held.enter_async_context(aiohttp.ClientSession(headers=bearer(stack, who)))
    accept = {"Accept": "text/event-stream"}
    answer = await held.enter_async_context(session.get(f"{stack.url}/v1/events", headers=accept))
    if answer.status == 200:
        await answer.content.readline()
    return answer.status


# Account enquiries.


class SlowNames:
    """A rail that lets everybody wait who asks about an account."""

    profile = SimpleNamespace(creditor=())

    def __init__(self) -> None:
        self.asked = 0
        self.answer = asyncio.Event()

    async def resolve(self, _: str) -> Payee | None:
        self.asked += 1
        await self.answer.wait()
        return None


def rail_of(adapter: object, payments: int = 1) -> Rail:
    return Rail(cast(RailAdapter, adapter), cast(Serials, None), Bulkhead(payments), Breaker("PK", rest_s=60))


def entered(rail: Rail, sender: str) -> Received:
    runtime = SimpleNamespace(rails={"PK": rail})
    return cast(Received, SimpleNamespace(runtime=runtime, sender=SimpleNamespace(id=sender)))


ASKED = Asked("1", PartyAccount(iban="PK36SCBL0000001123456702"), None, None, {})


async def test_enquiries_take_no_place_of_a_payment_and_one_participant_not_all_of_them() -> None:
    names = SlowNames()
    rail = rail_of(names)
    asking = [asyncio.create_task(enquiries._verify(entered(rail, "a"), ASKED, "PK")) for _ in range(50)]
    await asyncio.sleep(0)
    refused = [task for task in asking if task.done()]
    rail.check()  # a payment would be let in
    other = asyncio.create_task(enquiries._verify(entered(rail, "b"), ASKED, "PK"))
    await asyncio.sleep(0)
    waiting = names.asked
    names.answer.set()
    await asyncio.gather(other, *asking, return_exceptions=True)

    assert len(refused) == 50 - ENQUIRIES_OF_ONE
    assert all(isinstance(task.exception(), TooManyRequests) for task in refused)
    assert waiting == ENQUIRIES_OF_ONE + 1
    assert rail.enquiries.taken == 0


async def test_all_enquiries_together_leave_connections_for_payments() -> None:
    names = SlowNames()
    rail = rail_of(names)
    asking = [asyncio.create_task(enquiries._verify(entered(rail, f"p{n}"), ASKED, "PK")) for n in range(50)]
    await asyncio.sleep(0)
    waiting = names.asked
    names.answer.set()
    await asyncio.gather(*asking, return_exceptions=True)

    assert waiting == ENQUIRIES_MAX


def test_an_enquiry_does_not_use_up_the_one_payment_that_sees_whether_a_rail_is_back() -> None:
    """Asking about accounts all the time kept a rail shut that had been back for long."""
    rail = rail_of(SlowNames())
    for _ in range(SILENT_MAX):
        rail.breaker.count_exchange(answered=False)
    rail.breaker._retry_at = 0.0
    with pytest.raises(Unavailable), rail.enquiry("a"):
        pass

    rail.check()  # the payment that looks


# Webhooks.


@asynccontextmanager
async def endpoint(answer: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_post("/{name}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def messenger(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Messenger, asyncpg.Pool]]:
    pool = await connect_pool(Settings(database=database_url), Login.MESSENGER)
    owner = await connect_pool(Settings(database=database_url), Login.OWNER)
    await owner.execute(
        "INSERT INTO switch.participant (id, name, bic, country, kind)"
        " VALUES ('slow', 'slow', 'SLOWINBB', 'IN', 'direct'), ('quick', 'quick', 'QUIKINBB', 'IN', 'direct')"
    )
    made = Messenger(pool, SigningKeys(tmp_path / "webhooks.pem"), Settings(sandbox=True, data=tmp_path))
    yield made, owner
    await made.close()
    await owner.close()
    await pool.close()


async def waiting(pool: asyncpg.Pool, participant: str, url: str, many: int) -> UUID:
    """An address with `many` deliveries that are due."""
    webhook = uuid4()
    await pool.execute(
        "INSERT INTO switch.webhook (id, participant, url, cursor) VALUES ($1, $2, $3, 0)",
        webhook,
        participant,
        url,
    )
    await pool.execute(
        "INSERT INTO switch.webhook_delivery (webhook, seq, body) SELECT $1, n, '{}' FROM generate_series(1, $2) AS n",
        webhook,
        many,
    )
    return webhook


async def test_a_slow_endpoint_holds_up_no_other(messenger: tuple[Messenger, asyncpg.Pool]) -> None:
    """A hundred deliveries to endpoints that never answer, due first: somebody else's arrive nevertheless."""
    delivering, pool = messenger
    under_way: dict[str, int] = {}
    forever = asyncio.Event()
    taken = []

    async def never(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        under_way[name] = under_way.get(name, 0) + 1
        await forever.wait()
        return web.Response()

    async def take(request: web.Request) -> web.Response:
        taken.append(request.headers["webhook-id"])
        return web.Response(status=204)

    async with endpoint(never) as slow, endpoint(take) as quick:
        for number in range(10):
            await waiting(pool, "slow", f"{slow}/{number}", 10)
        await waiting(pool, "quick", f"{quick}/x", 40)

        async def delivered() -> bool:
            await delivering.tick()
            return len(set(taken)) == 40 and sum(under_way.values()) == OF_PARTICIPANT

        await until(delivered)
        await delivering.tick()
        await delivering.close()
        forever.set()

    assert len(taken) == 40  # each once
    assert max(under_way.values()) <= OF_ENDPOINT
    assert sum(under_way.values()) == OF_PARTICIPANT


async def test_a_delivery_that_the_messenger_left_is_due_still(
    messenger: tuple[Messenger, asyncpg.Pool],
) -> None:
    delivering, pool = messenger
    begun, forever = asyncio.Event(), asyncio.Event()

    async def never(_: web.Request) -> web.Response:
        begun.set()
        await forever.wait()
        return web.Response()

    async with endpoint(never) as url:
        webhook = await waiting(pool, "slow", f"{url}/x", 1)
        await delivering.tick()
        await asyncio.wait_for(begun.wait(), 20)
        await delivering.close()
        forever.set()
    row = await pool.fetchrow(
        "SELECT attempts, due_at FROM switch.webhook_delivery WHERE webhook = $1", webhook
    )

    assert row["attempts"] == 0
    assert row["due_at"] is not None


async def test_the_schedule_of_one_endpoint_is_kept_while_another_is_served(
    messenger: tuple[Messenger, asyncpg.Pool],
) -> None:
    """A refusal puts a delivery off by the first pause; what is not due is not sent."""
    delivering, pool = messenger
    came = []

    async def refuse(request: web.Request) -> web.Response:
        came.append(request.headers["webhook-id"])
        return web.Response(status=500)

    async with endpoint(refuse) as url:
        webhook = await waiting(pool, "slow", f"{url}/x", 3)

        async def put_off() -> bool:
            await delivering.tick()
            return await pool.fetchval(
                "SELECT bool_and(attempts = 1 AND status = 500 AND due_at > clock_timestamp())"
                " FROM switch.webhook_delivery WHERE webhook = $1",
                webhook,
            )

        await until(put_off)
        await delivering.tick()

    assert len(came) == 3
