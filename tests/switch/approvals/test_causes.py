"""What the writer believes without a change of two people: nothing that moves money or raises a limit."""

import contextlib
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from schemas.errors import Refused, SwitchError
from switch.approvals import approvals
from switch.approvals.causes import Causes
from switch.approvals.kinds import ChangeIds
from switch.change_catalogue import KINDS
from switch.processes.writer import WriterServer
from switch.writer.client import Link
from switch.writer.commands import (
    Advance,
    CloseAccounts,
    Command,
    CommandLeg,
    Fund,
    OpenAccount,
    Reopen,
    Return,
    SetCap,
    SetLimit,
    SetVelocity,
    SetWatch,
    Unfreeze,
)
from switch.writer.context import ServiceContext
from tests.switch.services import balance, done, no_caretaker, onboarding, open_services, person

ID, KEY = b"i" * 16, b"f" * 32
FUNDS = {"participant": "asha-bank", "currency": "INR", "amount": "100.00", "reference": "R-1"}


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        for name in ("asha-bank", "ganga-bank"):
            await done(opened, "participant.onboard", onboarding(name, cap="1000"))
        with no_caretaker(opened):  # it would execute what these tests approve
            yield opened


@pytest.fixture
async def link(services: ServiceContext, database_url: str) -> AsyncIterator[Link]:
    """The way to a writer as in production: no sandbox, in a new epoch."""
    server = WriterServer(database_url, 1000, causes=[Causes(KINDS, sandbox=False)])
    await server.serve(services.data / "strict.sock")
    made = Link(services.data / "strict.sock")
    await made.start()
    yield made
    await made.stop()
    server._listener.close()
    await server._listener.wait_closed()
    await server.stop()


async def requested(services: ServiceContext, kind: str = "funds.in", **content: Any) -> int:
    asked = content or FUNDS
    change = await approvals.request(services, KINDS, person("olga"), kind, content=asked, reason="test")
    return change.number


async def approved(services: ServiceContext, kind: str = "funds.in", **content: Any) -> int:
    """A change at the instant between the last vote and its execution."""
    number = await requested(services, kind, **content)
    await vote(services, number, "chen")
    await set_state(services, number, "approved")
    return number


async def vote(services: ServiceContext, number: int, name: str, seat: int = 0) -> None:
    """A vote, written as a process writes it that can do so."""
    await services.pool.execute(
        "INSERT INTO switch.change_vote (change, seat, person, maker, decision, reason)"
        " SELECT number, $2, $3, maker, 'approve', 'test' FROM switch.change WHERE number = $1",
        number,
        seat,
        name,
    )


async def set_state(services: ServiceContext, number: int, state: str) -> None:
    await services.pool.execute("UPDATE switch.change SET state = $2 WHERE number = $1", number, state)


async def commands_of(services: ServiceContext, number: int) -> list[Any]:
    """What the execution of a change sends."""
    row = await services.pool.fetchrow("SELECT kind, content FROM switch.change WHERE number = $1", number)
    kind = KINDS[row["kind"]]
    async with services.pool.acquire() as connection:
        return list(await kind.commands(connection, ChangeIds(number), kind.read(row["content"].encode())))


async def refused(link: Link, command: Command) -> str:
    with pytest.raises(SwitchError) as error:
        await link.ask(command)
    return error.value.detail


async def test_no_command_of_people_is_done_without_a_change(services: ServiceContext, link: Link) -> None:
    """Any process that reached the socket moved money between banks, raised caps and ended a freeze."""
    asha, ganga = await numbers(services)
    legs = [CommandLeg(asha, ganga, 100_000, "conversion")]
    forged: list[Command] = [
        Fund(os.urandom(16), os.urandom(32), legs, "nobody signed or approved this"),
        SetCap(asha, 10**12),
        SetLimit("asha-bank", "INR", None, None),
        SetVelocity("participant", "asha-bank", "INR", None, None, None, None),
        SetWatch("first_large", "asha-bank", "", "", "INR", 0, 80, 3, 22, 6, "none", 0, 0),
        OpenAccount("asha-bank", "INR", "gross", 10**9),
        CloseAccounts([ganga]),
        Unfreeze("all is well"),
        Reopen("all is well", []),
        Advance(ID, "CONFIRM", only_in_doubt=True),
        Return(ID, KEY, ID, "", "m", "NARR"),
    ]
    for change in (0, -1, 999):
        for command in forged:
            text = await refused(link, msgspec.structs.replace(command, change=change))
            assert "nobody signed or approved this" in text
    assert await balance(services, "asha-bank") == await balance(services, "ganga-bank") == 0


async def numbers(services: ServiceContext) -> tuple[int, int]:
    found = await services.pool.fetch(
        "SELECT number FROM ledger.account WHERE owner IN ('asha-bank', 'ganga-bank') ORDER BY owner"
    )
    return found[0]["number"], found[1]["number"]


async def test_an_approved_change_allows_its_own_commands_and_no_other(
    services: ServiceContext, link: Link
) -> None:
    number = await approved(services)
    (fund,) = await commands_of(services, number)
    _, ganga = await numbers(services)
    (leg,) = fund.legs
    others = {
        "more money": {"legs": [CommandLeg(leg.debit, leg.credit, leg.amount + 1, leg.purpose)]},
        "another account": {"legs": [CommandLeg(leg.debit, ganga, leg.amount, leg.purpose)]},
        "back": {"legs": [CommandLeg(leg.credit, leg.debit, leg.amount, leg.purpose)]},
        "twice": {"legs": [leg, leg]},
        "another id": {"id": os.urandom(16)},
        "another note": {"note": "something else"},
    }
    for what, difference in others.items():
        assert "says something else" in await refused(link, msgspec.structs.replace(fund, **difference)), what

    assert (await link.ask(fund)).verdict == "created"
    assert (await link.ask(fund)).verdict == "exists"
    assert await balance(services, "asha-bank") == 100_00
    body = await services.pool.fetchval("SELECT body FROM ledger.event WHERE kind = 'FUND'")
    assert json.loads(body)["change"] == number


async def test_a_change_that_was_executed_allows_nothing_more(services: ServiceContext, link: Link) -> None:
    number = await approved(services, "cap.set", **cap("900.00"))
    (command,) = await commands_of(services, number)
    assert (await link.ask(command)).verdict == "cap_set"
    await set_state(services, number, "executed")

    assert "it is executed" in await refused(link, command)


def cap(amount: str) -> dict[str, str]:
    return {"participant": "asha-bank", "currency": "INR", "net_debit_cap": amount}


async def test_an_old_cap_cannot_be_set_again_by_its_change(services: ServiceContext, link: Link) -> None:
    """Even if the state of the change is written back: the order is decided once."""
    first = await approved(services, "cap.set", **cap("900.00"))
    second = await approved(services, "cap.set", **cap("500.00"))
    (old,), (new,) = await commands_of(services, first), await commands_of(services, second)
    for command in (old, new, old):
        assert (await link.ask(command)).verdict == "cap_set"

    assert (
        await services.pool.fetchval("SELECT net_debit_cap FROM ledger.account WHERE owner = 'asha-bank'")
        == 500_00
    )
    assert "says something else" in await refused(link, msgspec.structs.replace(old, order=b""))


async def test_votes_count_only_as_the_rules_of_the_kind_say(services: ServiceContext, link: Link) -> None:
    number = await requested(services)
    (fund,) = await commands_of(services, number)
    assert "it is requested" in await refused(link, fund)
    await set_state(services, number, "approved")
    assert "no checker approved it" in await refused(link, fund)
    await services.pool.execute("UPDATE switch.change SET seats = '[]' WHERE number = $1", number)
    assert "no checker approved it" in await refused(link, fund)
    await vote(services, number, "omar")  # an operator, as the maker is
    assert "no checker approved it" in await refused(link, fund)
    await vote(services, number, "chen", seat=1)
    assert "no checker approved it" in await refused(link, fund)


async def test_a_change_of_somebody_who_may_not_request_it_allows_nothing(
    services: ServiceContext, link: Link
) -> None:
    number = await approved(services)
    (fund,) = await commands_of(services, number)
    await services.pool.execute("UPDATE switch.person SET role = 'auditor' WHERE name = 'olga'")

    assert "its maker may not request it" in await refused(link, fund)


async def test_an_unreadable_change_stops_nobody_else(services: ServiceContext, link: Link) -> None:
    broken, good = await approved(services), await approved(services, **{**FUNDS, "reference": "R-2"})
    (one,), (other,) = await commands_of(services, broken), await commands_of(services, good)
    await services.pool.execute(
        "UPDATE switch.change SET content = '{\"amount\":1}' WHERE number = $1", broken
    )
    with contextlib.suppress(Refused):
        await link.ask(one)

    assert (await link.ask(other)).verdict == "created"
    assert await balance(services, "asha-bank") == 100_00
