"""Invariants hold in production, by themselves: books that do not agree take no new money."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from schemas.errors import BooksFrozen, Refused
from switch.cli import application
from switch.identity.model import ChangeState
from switch.operations.invariants import CHECKS, Invariants
from switch.processes.writer import WriterServer
from switch.writer.client import Link
from switch.writer.commands import CloseWindow, Command, CommandLeg, Freeze, Fund, Hold, Release, Return
from switch.writer.context import ServiceContext
from tests.switch.operations.reading import until_page
from tests.switch.services import account, agree, done, onboarding, open_services, pay
from tests.switch.stack import Stack

CHANGE = (
    "UPDATE ledger.account SET credits_posted = credits_posted {} 1 WHERE owner = $1 AND currency = 'INR'"
)
FOUND = {"found": "a disk wrote what it was not told; restored"}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        for bank in ("asha-bank", "ganga-bank"):
            await done(opened, "participant.onboard", onboarding(bank, cap="1000.00"))
        await pay(opened, "asha-bank", "ganga-bank", 10_00)
        yield opened


async def legs(services: ServiceContext) -> list[CommandLeg]:
    return [
        CommandLeg(
            await account(services, "asha-bank"), await account(services, "ganga-bank"), 5, "principal"
        )
    ]


async def as_owner(database_url: str, statement: str, *arguments: Any) -> None:
    """Change a table as its owner, past the writer."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def test_a_verification_continues_where_the_last_one_ended(services: ServiceContext) -> None:
    small_steps = Invariants(services.pool, services.link, 3)
    head = await services.pool.fetchval("SELECT next_seq - 1 FROM ledger.head")
    seqs = []
    for _ in range(head):
        assert await small_steps.check() == ()
        seqs.append(await services.pool.fetchval("SELECT seq FROM switch.invariant_look"))

    assert seqs[:2] == [3, 6]
    assert seqs[-1] == head


async def test_a_changed_balance_freezes_and_only_right_books_are_unfrozen(
    services: ServiceContext, database_url: str
) -> None:
    invariants = Invariants(services.pool, services.link, 100_000)
    assert await invariants.check() == ()
    await as_owner(database_url, CHANGE.format("+"), "ganga-bank")
    found = await invariants.check()
    with pytest.raises(BooksFrozen):
        await services.link.ask(Fund(uuid.uuid4().bytes, b"f" * 32, await legs(services), "in"))
    with pytest.raises(Refused, match="still found 2 faults: balances"):
        await agree(services, "books.unfreeze", FOUND)
    await as_owner(database_url, CHANGE.format("-"), "ganga-bank")
    assert await invariants.check() == ()
    ended = await agree(services, "books.unfreeze", FOUND)
    await pay(services, "asha-bank", "ganga-bank", 10_00)

    assert {check for check, _ in found} == {"balances", "conservation"}
    assert (ended.state, ended.outcome) == (ChangeState.EXECUTED, "the books take payments again")
    assert await invariants.check() == ()
    events = await services.pool.fetch(
        "SELECT kind, body FROM ledger.event WHERE kind LIKE '%FREEZE' ORDER BY seq"
    )
    assert [event["kind"] for event in events] == ["FREEZE", "UNFREEZE"]
    assert json.loads(events[0]["body"])["check"] == found[0][0]
    assert json.loads(events[1]["body"])["change"] == ended.number


HISTORIES = {
    "a leaf": ("UPDATE ledger.event SET leaf = sha256('') WHERE seq = $1", "leaves"),
    "an event less": ("DELETE FROM ledger.event WHERE seq = $1", "sequence"),
    "an amount": ("UPDATE ledger.leg SET amount = amount + 1 WHERE number = $1", "entries"),
}


@pytest.mark.parametrize("what", HISTORIES)
async def test_new_history_that_was_changed_freezes(
    services: ServiceContext, database_url: str, what: str
) -> None:
    invariants = Invariants(services.pool, services.link, 100_000)
    assert await invariants.check() == ()
    await pay(services, "asha-bank", "ganga-bank", 10_00)
    statement, check = HISTORIES[what]
    seq = await services.pool.fetchval("SELECT max(number) FROM ledger.transfer")
    await as_owner(database_url, statement, seq)
    found = await invariants.check()
    again = await invariants.check()

    assert check in {name for name, _ in found}
    assert again[0] == found[0]
    assert await services.pool.fetchval("SELECT reason FROM switch.freeze") == found[0][0]


async def test_one_person_freezes_and_a_verification_must_precede_the_end_by_two(
    services: ServiceContext,
) -> None:
    invariants = Invariants(services.pool, services.link, 100_000)
    with pytest.raises(Refused, match="not frozen"):
        await agree(services, "books.unfreeze", FOUND)
    assert (await services.link.ask(Freeze("people", "a rumour"))).verdict == "frozen"
    assert (await services.link.ask(Freeze("people", "another"))).verdict == "frozen_already"
    with pytest.raises(Refused, match="have not been checked"):
        await agree(services, "books.unfreeze", FOUND)
    assert await invariants.check() == ()

    assert (await agree(services, "books.unfreeze", FOUND)).state is ChangeState.EXECUTED
    assert await services.pool.fetchval("SELECT count(*) FROM switch.freeze") == 0


MOVES: dict[str, Callable[[list[CommandLeg]], Command]] = {
    "funds": lambda legs: Fund(uuid.uuid4().bytes, b"f" * 32, legs, "in"),
    "a hold": lambda legs: Hold(uuid.uuid4().bytes, b"f" * 32, legs, "line"),
    "a return": lambda _: Return(uuid.uuid4().bytes, b"f" * 32, uuid.uuid4().bytes, "x", "m", "r"),
    "a close": lambda _: CloseWindow("INR"),
}


@pytest.mark.parametrize("what", MOVES)
async def test_nothing_moves_anew_while_the_books_are_frozen(services: ServiceContext, what: str) -> None:
    await services.link.ask(Freeze("people", "a rumour"))
    head = await services.pool.fetchval("SELECT next_seq FROM ledger.head")
    with pytest.raises(BooksFrozen):
        await services.link.ask(MOVES[what](await legs(services)))

    assert await services.pool.fetchval("SELECT next_seq FROM ledger.head") == head


async def test_payments_in_flight_end_and_known_outcomes_are_reported_while_frozen(
    services: ServiceContext,
) -> None:
    hold = Hold(uuid.uuid4().bytes, b"f" * 32, await legs(services), "line")
    assert (await services.link.ask(hold)).verdict == "created"
    await services.link.ask(Freeze("people", "a rumour"))

    assert (await services.link.ask(hold)).verdict == "exists"
    assert (await services.link.ask(Release(hold.id, "post", "line"))).verdict == "posted"


async def test_a_new_writer_is_as_frozen_as_the_old_one(services: ServiceContext, database_url: str) -> None:
    move = await legs(services)
    await services.link.ask(Freeze("people", "a rumour"))
    second = WriterServer(database_url, 1000)
    socket = services.data / "second.sock"
    await second.serve(socket)
    link = Link(socket)
    await link.start()
    try:
        with pytest.raises(BooksFrozen):
            await link.ask(Hold(uuid.uuid4().bytes, b"f" * 32, move, "line"))
    finally:
        await link.stop()
        while second._peers:  # until it has seen the end as well
            await asyncio.sleep(0.01)
        assert second._listener is not None
        second._listener.close()
        await second._listener.wait_closed()
        await second.stop()


async def post(stack: Stack, document: dict[str, Any]) -> tuple[int, str, Any]:
    headers = {"Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}"}
    async with aiohttp.ClientSession(stack.url, headers=headers) as session:
        async with session.post("/v1/iso20022/pacs.008", json=document) as answer:
            return answer.status, answer.headers["Retry-After"], await answer.json(content_type=None)


async def test_the_caretaker_sees_a_balance_changed_by_hand_and_the_switch_takes_no_new_payment(
    stack: Stack,
) -> None:
    bank = await stack.add_bank(funds_minor=1_000)  # nobody else's payments touch it
    url = stack.settings.database
    async with stack.client("asha-bank") as client:
        document = stack.document("asha-bank", "noor-wallet", word="SLOW60")
        under_way = await client.pay(document)
        try:
            await as_owner(url, CHANGE.format("+"), bank["id"])
            await stack.until_frozen()
            turned_away = await post(stack, stack.document("asha-bank", "noor-wallet"))
            repeated = await client.pay(document)
            ended = await client.payment(under_way.uetr, wait=25)
            page = until_page(stack, lambda page: "payswitch_books_frozen 1.0" in page)
        finally:
            await as_owner(url, CHANGE.format("-"), bank["id"])
            await stack.unfreeze()
        after = await client.pay(stack.document("asha-bank", "noor-wallet"), wait=20)

    status, retry_after, problem = turned_away
    assert (status, retry_after, problem["retryable"]) == (503, "60", True)
    assert problem["title"].startswith("New payments are stopped while the operator examines the books")
    assert under_way.status in {"ACSP", "PDNG"}
    assert repeated.uetr == under_way.uetr
    assert ended.status == "ACCC"
    assert 'payswitch_ledger_imbalance_minor_units{currency="INR"} 1.0' in page
    assert after.status == "ACCC"
    assert all(f'payswitch_invariant_faults{{check="{check}"}}' in page for check in CHECKS)


def test_commands_freeze_and_request_the_end(stack: Stack) -> None:
    def payswitch(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(application(), [*words, "--data", str(stack.settings.data)])
        return done.exit_code, f"{done.output}{done.exception or ''}"

    frozen = payswitch("ledger", "freeze", "a rumour")
    asked = payswitch("ledger", "unfreeze", "nothing was wrong", "--as", "checker", "--reason", "r")
    asyncio.run(stack.unfreeze())
    late = payswitch("ledger", "unfreeze", "nothing was wrong", "--as", "operator", "--reason", "r")

    assert frozen == (0, "the books are frozen\n")
    assert asked[0] == 1  # a checker asks for nothing
    assert (late[0], "the books are not frozen" in late[1]) == (1, True)
