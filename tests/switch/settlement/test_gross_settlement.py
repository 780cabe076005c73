"""A corridor that settles gross: final when it is posted, from money paid in, and never again in a window."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from ledger import windows
from schemas.money import Money
from switch.change_catalogue import KINDS
from switch.sandbox.setup import SandboxSetup
from switch.settlement import positions
from switch.writer.client import Link
from switch.writer.commands import CloseWindow
from tests.switch.stack import Stack

PAID_IN = 10_000_00
_NUMBER = "SELECT number FROM ledger.account WHERE owner = $1 AND currency = $2 AND purpose = 'gross'"


async def fund(stack: Stack, link: Link, owner: str, currency: str, minor: int) -> int:
    """Open an account for gross settlement, by the changes that `verify` ties it to; its number.

    Another test of the same switch may have opened it.
    """
    connection = await stack.connect()
    try:
        setup = SandboxSetup(connection, link, KINDS)
        account = {"participant": owner, "currency": currency, "account": "gross"}
        if await connection.fetchval(_NUMBER, owner, currency) is None:
            await setup.make("account.open", {**account, "net_debit_cap": "0"})
        if minor:
            paid_in = {"reference": uuid.uuid4().hex, "amount": Money(minor, currency).text}
            await setup.make("funds.in", {**account, **paid_in})
        number: int = await connection.fetchval(_NUMBER, owner, currency)
    finally:
        await connection.close()
    return number


async def until_settles(stack: Stack, wanted: str) -> None:
    """Every worker has read the corridor anew."""
    headers = {"Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}"}
    agreed = 0
    while agreed < 24:
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.get(f"{stack.url}/v1/corridors") as answer:
                found = {(c["source"], c["target"]): c["settlement"] for c in await answer.json()}
        agreed = agreed + 1 if found["IN", "PK"] == wanted else 0
        await asyncio.sleep(0.05)


@asynccontextmanager
async def settling_gross(stack: Stack) -> AsyncIterator[Link]:
    connection = await stack.connect()
    link = stack.link()
    await link.start()
    change = "UPDATE switch.corridor SET settlement = $1 WHERE source = 'IN' AND target = 'PK'"
    try:
        await connection.execute(change, "gross")
        await until_settles(stack, "gross")
        yield link
    finally:
        await connection.execute(change, "net")
        await until_settles(stack, "net")
        await link.stop()
        await connection.close()


async def test_money_paid_in_moves_at_once_and_no_window_settles_it_again(stack: Stack):
    async with settling_gross(stack) as link:
        connection = await stack.connect()
        payer = await fund(stack, link, "asha-bank", "INR", PAID_IN)
        await fund(stack, link, "silkroad-fx", "INR", 0)
        await fund(stack, link, "silkroad-fx", "PKR", 10 * PAID_IN)
        payee = await fund(stack, link, "indus-bank", "PKR", 0)
        await stack.until_read()
        await link.ask(CloseWindow("INR"))
        before = await connection.fetch("SELECT * FROM ledger.account ORDER BY number")
        async with stack.client("asha-bank") as client:
            document = stack.document("asha-bank", "indus-bank", amount="100.00")
            state = await client.pay(document, wait=10)
            assert state.status == "ACCC"
            broke = await client.pay(stack.document("asha-bank", "indus-bank", amount="99999.00"), wait=10)
            assert (broke.status, broke.reason) == ("RJCT", "AM23")
        after = await connection.fetch("SELECT * FROM ledger.account ORDER BY number")
        window = (await link.ask(CloseWindow("INR"))).number
        moved = {row["number"] for row, old in zip(after, before, strict=True) if dict(row) != dict(old)}
        purposes = {row["purpose"] for row in after if row["number"] in moved}
        assert {payer, payee} <= moved
        assert purposes == {"gross", "fees"}
        assert positions.of_participants(await positions.payment_nets(connection, window)) == {}
        assert any(
            net.purpose == "gross" and net.net for net in (await windows.nets(connection, [window]))[window]
        )
        await connection.close()
