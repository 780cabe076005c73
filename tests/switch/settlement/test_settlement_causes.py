"""Settlement moves what the lines of a closed window say, and nothing else."""

import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest

from schemas.errors import SwitchError
from switch.approvals.causes import Causes
from switch.change_catalogue import KINDS
from switch.operations import caused
from switch.processes.writer import WriterServer
from switch.settlement import day, reads
from switch.settlement.causes import SettlementCauses
from switch.settlement.reads import SettlementLine
from switch.writer.client import Link
from switch.writer.commands import CloseWindow, Command, CommandLeg, Hold
from switch.writer.context import ServiceContext
from tests.switch.services import balance, done, onboarding, open_services, pay


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        for name in ("asha-bank", "ganga-bank", "reserve"):
            await done(opened, "participant.onboard", onboarding(name, cap="100"))
        of = {"currency": "INR", "agent": "reserve", "scheme_bic": "PSWTKZKA", "account": "SCHEMEINR"}
        await done(opened, "settlement_agent.set", of, checkers=("chen", "ravi"))
        await pay(opened, "asha-bank", "ganga-bank", 20_00)
        await opened.link.ask(CloseWindow("INR"))
        await day.run_due(opened)
        yield opened


@pytest.fixture
async def link(services: ServiceContext, database_url: str) -> AsyncIterator[Link]:
    """The way to a writer as in production."""
    parts = [Causes(KINDS, sandbox=False), SettlementCauses(sandbox=False)]
    server = WriterServer(database_url, 1000, causes=parts)
    await server.serve(services.data / "strict.sock")
    made = Link(services.data / "strict.sock")
    await made.start()
    yield made
    await made.stop()
    server._listener.close()
    await server._listener.wait_closed()
    await server.stop()


async def line_of(services: ServiceContext, name: str) -> tuple[int, SettlementLine, CommandLeg]:
    window = await services.pool.fetchval("SELECT max(settlement_window) FROM switch.settlement_line")
    async with services.pool.acquire() as connection:
        (line,) = [each for each in await reads.lines(connection, window) if each.participant == name]
        scheme = await connection.fetchval("SELECT number FROM ledger.account WHERE purpose = 'settlement'")
    return window, line, day.leg_of(line.account, scheme, line.total_minor)


async def refused(link: Link, command: Command) -> str:
    with pytest.raises(SwitchError) as error:
        await link.ask(command)
    return error.value.detail


async def test_a_hold_is_what_its_line_says(services: ServiceContext, link: Link) -> None:
    """Whoever could send a hold and its release moved money between banks without a cause."""
    window, line, leg = await line_of(services, "asha-bank")
    honest = day.hold_of(window, "asha-bank", line.id, leg)
    _, other, _ = await line_of(services, "ganga-bank")
    wrong: list[Command] = [
        Hold(uuid.uuid4().bytes, honest.fingerprint, honest.legs, honest.note),
        msgspec.structs.replace(
            honest, legs=[CommandLeg(leg.debit, leg.credit, leg.amount + 1, leg.purpose)]
        ),
        msgspec.structs.replace(honest, legs=[CommandLeg(line.account, other.account, 20_00, "settlement")]),
        msgspec.structs.replace(honest, legs=[leg, leg]),
    ]
    for command in wrong:
        assert "its line of a settlement says something else" in await refused(link, command)

    assert (await link.ask(honest)).verdict == "created"


async def test_a_late_movement_is_what_its_line_says_and_only_after_its_hold(
    services: ServiceContext, link: Link
) -> None:
    window, line, leg = await line_of(services, "asha-bank")
    late = day.late_of(window, "asha-bank", line.id, leg)
    assert "says something else" in await refused(link, late)
    await services.pool.execute("UPDATE switch.settlement_line SET transfer = 1 WHERE id = $1", line.id)
    more = msgspec.structs.replace(late, legs=[CommandLeg(leg.debit, leg.credit, 90_00, leg.purpose)])
    for wrong in (more, msgspec.structs.replace(late, line=b"x"), msgspec.structs.replace(late, line=b"")):
        assert await refused(link, wrong)

    assert (await link.ask(late)).verdict == "created"
    assert await balance(services, "asha-bank") == 0
    async with services.pool.acquire() as connection, connection.transaction(readonly=True):
        result = await caused.check_causes(connection, KINDS)
    assert result.ok, result.detail
    await services.pool.execute("UPDATE switch.settlement_line SET net_minor = net_minor - 1")
    async with services.pool.acquire() as connection, connection.transaction(readonly=True):
        result = await caused.check_causes(connection, KINDS)
    assert "(FUND): its line of a settlement says something else" in result.detail
