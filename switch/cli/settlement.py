"""`payswitch settlement`: windows, net positions, and the settlement process."""

import asyncio
import contextlib
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import msgspec
import typer

from ledger import windows
from schemas.errors import NotAllowed, NotAuthentic, NotFound
from schemas.signing import jws
from schemas.signing.keys import PublicKey
from switch.api.documents import line_document, net_document, nets_csv, settlement_document
from switch.base import calendars
from switch.base.sql import statements
from switch.cli import output
from switch.cli.as_person import As, CommandContext, Reason, request, run, show, vote
from switch.cli.connect import (
    NUMBER_MAX,
    Currency,
    Data,
    Database,
    currency_of,
    database,
    installed,
    read_file,
    settings_for,
)
from switch.cli.failures import WrongUse
from switch.cli.pages import Before, Limit, shown
from switch.identity.model import ChangeState
from switch.settlement import day, reads
from switch.settlement.files import SettlementFiles
from switch.settlement.positions import flows
from switch.settlement.proofs import ConfirmationProof
from switch.settlement.states import SettlementState

app = typer.Typer(no_args_is_help=True)
Window = Annotated[str, typer.Argument(help="number of a window, or a currency for its last closed window")]
_RECORDED_WITHIN_S = 15.0
_POLL_S = 0.2
_BOTH = ("operator", "checker")
"""The simulated people of a sandbox."""
_VALID_KEYS = statements("switch.cli")("keys_in_force")
_CLOSED_LAST = (
    "SELECT max(number) FROM ledger.settlement_window WHERE currency = $1 AND closing_seq IS NOT NULL"
)


@app.command("list")
def list_windows(
    currency: Annotated[
        str | None, typer.Option("--currency", parser=currency_of, help="only windows of this currency")
    ] = None,
    before: Before = None,
    limit: Limit = 100,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print the settlement windows, newest first, one JSON line each; an open one with its closing time."""

    async def work() -> list[dict[str, Any]]:
        documents = []
        async with database(settings_for(data, database_url)) as connection:
            schedules = {each.currency: each for each in await reads.schedules(connection) if each.enabled}
            read = await reads.read(connection, currency=currency, before=before, limit=limit + 1)
            for found in shown(read, limit, lambda settlement: settlement.window):
                document = msgspec.to_builtins(settlement_document(found))
                if found.state is SettlementState.OPEN:
                    schedule = schedules.get(found.currency)
                    document["closes_at"] = schedule and await _closes_at(connection, schedule, found)
                documents.append(document)
        return documents

    output.rows(asyncio.run(work()))


async def _closes_at(
    connection: asyncpg.Connection, schedule: reads.CutOffSchedule, window: reads.Settlement
) -> str | None:
    """When an open window closes by schedule; None if no business day is known."""
    calendar = await calendars.load(connection, schedule.currency)
    with contextlib.suppress(NotFound):
        return calendar.next_close(schedule.closes_at, window.opened_at).isoformat()
    return None


async def _number(connection: asyncpg.Connection | asyncpg.Pool, text: str) -> int:
    """Find the window named on the command line.

    Raises:
        WrongUse: there is no such window.

    """
    if text.isdecimal():
        number = int(text)
        known = number <= NUMBER_MAX and await windows.find(connection, number) is not None
    else:
        currency = currency_of(text)
        number = await connection.fetchval(_CLOSED_LAST, currency) or 0
        known = number > 0
    if not known:
        raise WrongUse(f"there is no such window: {text}; `payswitch settlement list` prints them all")
    return number


@app.command("show")
def show_settlement(window: Window, data: Data = None, database_url: Database = None) -> None:
    """Print the settlement of a WINDOW with the line of every participant."""

    async def work() -> dict[str, Any]:
        async with database(settings_for(data, database_url)) as connection:
            found = await reads.find(connection, await _number(connection, window))
            lines = await reads.lines(connection, found.window)
            return {
                **settlement_document(found),
                "to_be_confirmed_by": reads.countries(lines),
                "lines": [line_document(found.currency, line) for line in lines],
            }

    show(asyncio.run(work()))


@app.command()
def close(
    currency: Currency,
    as_: Annotated[str, typer.Option("--as", help="the requester; not needed in a sandbox")] = "",
    reason: Reason = "closed manually",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request to close the open window of CURRENCY now.

    In a sandbox, without --as, its two simulated people request and approve it, and the number of the closed
    window is printed.
    """

    async def work(context: CommandContext) -> dict[str, Any] | int:
        if not as_ and not context.services.sandbox:
            raise NotAllowed("give the requester with --as")
        window = await context.services.pool.fetchval(
            "SELECT number FROM ledger.settlement_window WHERE currency = $1 AND closing_seq IS NULL",
            currency,
        )
        if window is None:
            raise WrongUse(f"{currency} has no open window; `payswitch settlement list` prints them all")
        content = {"currency": currency, "window": window}
        maker = as_ or _BOTH[0]
        document = await request(context, maker, "window.close", content=content, reason=reason)
        if as_:
            return document
        change = await vote(context, _BOTH[1], document["number"], decision="approve", reason=reason)
        if change.state is not ChangeState.EXECUTED:
            raise NotFound(change.outcome)
        return int(window)

    result = run(data, database_url, work)
    if isinstance(result, dict):
        show(result)
    else:
        output.told(str(result), window=result)
        output.what_now(f"payswitch settlement positions {result}")


@app.command()
def positions(
    window: Window,
    data: Data = None,
    database_url: Database = None,
    csv: Annotated[bool, typer.Option("--csv", help="CSV instead of JSON")] = False,
) -> None:
    """Print the net positions of a WINDOW: of payments, and other movements separately; nets sum to zero."""

    async def work() -> str | dict[str, Any]:
        async with database(settings_for(data, database_url)) as connection:
            found = await windows.find(connection, await _number(connection, window))
            assert found is not None, "its number was read before"
            nets = await flows(connection, found.number)
            if csv:
                return nets_csv(found.currency, nets)
            return {**found.document(), "nets": [net_document(found.currency, n) for n in nets]}

    result = asyncio.run(work())
    typer.echo(result, nl=False) if isinstance(result, str) else output.document(result)


@app.command()
def confirm(
    window: Window, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Request the confirmation of the positions of a WINDOW by its central banks."""

    async def work(context: CommandContext) -> dict[str, Any]:
        found = await _recorded(context.services.pool, await _number(context.services.pool, window))
        content = {"window": found.window, "positions_sha256": found.positions_sha256 or "0" * 64}
        return await request(context, as_, "settlement.confirm", content=content, reason=reason)

    show(run(data, database_url, work))


async def _recorded(pool: asyncpg.Pool, window: int) -> reads.Settlement:
    """A settlement; of a window that was just closed, after the caretaker has recorded its positions."""
    until = time.monotonic() + _RECORDED_WITHIN_S
    while True:
        found = await reads.find(pool, window)
        if found.positions_sha256 or found.state is SettlementState.OPEN or time.monotonic() > until:
            return found
        await asyncio.sleep(_POLL_S)


@app.command()
def abort(
    window: Window, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Request to abort a WINDOW before anything is instructed; its lines are carried forward."""
    _ask(data, database_url, as_, "settlement.abort", window, {}, reason)


@app.command()
def hold(
    window: Window,
    participant: Annotated[str, typer.Argument(help="id of the participant")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request to hold the line of a PARTICIPANT in a WINDOW; the other lines settle."""
    _ask(data, database_url, as_, "settlement.hold", window, {"participant": participant}, reason)


def _ask(  # noqa: PLR0917 - the parameters of both commands
    data: Path | None,
    database_url: str | None,
    name: str,
    kind: str,
    window: str,
    content: dict[str, Any],
    reason: str,
) -> None:
    """Request a change of a window."""

    async def work(context: CommandContext) -> dict[str, Any]:
        whole = {"window": await _number(context.services.pool, window), **content}
        return await request(context, name, kind, content=whole, reason=reason)

    show(run(data, database_url, work))


@app.command()
def confirmation(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="camt.054 or pacs.002")],
    signature: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="detached JWS over FILE")],
    agent: Annotated[str, typer.Option(help="id of the settlement agent")],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Process a signed confirmation FILE of a settlement agent; a repetition changes nothing."""
    raw, token = file.read_bytes(), read_file(signature).strip()
    media_type = "application/json" if file.suffix == ".json" else "application/xml"

    async def work(context: CommandContext) -> day.Processed:
        await _verify(context, agent, raw, token)
        return await day.confirm(context.services, agent, raw, media_type, ConfirmationProof(token))

    show(msgspec.to_builtins(run(data, database_url, work)))


async def _verify(context: CommandContext, agent: str, raw: bytes, token: str) -> None:
    """Verify that a valid key of the agent signed the file."""
    rows = await context.services.pool.fetch(_VALID_KEYS, agent)
    for row in rows:
        with contextlib.suppress(NotAuthentic):
            jws.verify(token, raw, key=PublicKey.from_pem(row["keyid"], row["public_key"].encode()))
            return
    raise NotAuthentic("the file is not signed with a valid key of this agent")


@app.command()
def key(data: Data = None) -> None:
    """Print the public key that verifies settlement instructions."""
    settings = installed(settings_for(data, None))
    public = SettlementFiles(settings.data.resolve()).public_key
    show({"keyid": public.keyid, "public_key": public.pem.decode()})


@app.command()
def calendar(
    currency: Currency,
    days: Annotated[int, typer.Option(min=1, max=400, help="number of days")] = 14,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print the business days of CURRENCY from today, one JSON line each."""

    async def work() -> list[dict[str, object]]:
        async with database(settings_for(data, database_url)) as connection:
            found = await calendars.load(connection, currency)
        today: date = found.local_date(datetime.now(UTC))
        return [
            {
                "day": each.isoformat(),
                "business": found.is_business_day(each),
                "holiday": found.holiday(each),
            }
            for each in (today + timedelta(days=ahead) for ahead in range(days))
        ]

    output.rows(asyncio.run(work()))
