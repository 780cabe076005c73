"""`payswitch settlement`: windows, who owes whom, and the settlement day."""

import asyncio
import contextlib
import json
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
from switch.api.reads import net_document, nets_csv
from switch.api.settlement import line_document, settlement_document
from switch.base import calendars
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
from switch.cli.office import As, Counter, Reason, request, run, show, vote
from switch.cli.pages import Before, Limit, shown
from switch.identity.model import ChangeState
from switch.settlement import day, reads
from switch.settlement.files import SettlementFiles
from switch.settlement.positions import flows
from switch.settlement.states import SettlementState

app = typer.Typer(no_args_is_help=True)
Window = Annotated[
    str, typer.Argument(help="number of a window, or a currency: its window that was closed last")
]
_BOTH = ("operator", "checker")
"""The made-up people of a sandbox."""
_CLOSED_LAST = (
    "SELECT max(number) FROM ledger.settlement_window WHERE currency = $1 AND closing_seq IS NOT NULL"
)


@app.command("list")
def list_windows(
    currency: Annotated[
        str | None, typer.Option("--currency", parser=currency_of, help="of this currency alone")
    ] = None,
    before: Before = None,
    limit: Limit = 100,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print the settlement windows, newest first, one JSON line each; an open one says when it closes."""

    async def work() -> None:
        async with database(settings_for(data, database_url)) as connection:
            schedules = {each.currency: each for each in await reads.schedules(connection) if each.enabled}
            read = await reads.read(connection, currency=currency, before=before, limit=limit + 1)
            for found in shown(read, limit, lambda settlement: settlement.window):
                document = msgspec.to_builtins(settlement_document(found))
                if found.state is SettlementState.OPEN:
                    schedule = schedules.get(found.currency)
                    document["closes_at"] = schedule and await _closes_at(connection, schedule, found)
                typer.echo(json.dumps(document))

    asyncio.run(work())


async def _closes_at(
    connection: asyncpg.Connection, schedule: reads.Schedule, window: reads.Settlement
) -> str | None:
    """When an open window closes by schedule; None where no business day is known."""
    calendar = await calendars.load(connection, schedule.currency)
    with contextlib.suppress(NotFound):
        return calendar.next_close(schedule.closes_at, window.opened_at).isoformat()
    return None


async def _number(connection: asyncpg.Connection | asyncpg.Pool, text: str) -> int:
    """The window that the command line names.

    Raises:
        WrongUse: it names none.

    """
    if text.isdecimal():
        number = int(text)
        known = number <= NUMBER_MAX and await windows.find(connection, number) is not None
    else:
        currency = currency_of(text)
        number = await connection.fetchval(_CLOSED_LAST, currency) or 0
        known = number > 0
    if not known:
        raise WrongUse(f"there is no such window: {text}; `payswitch settlement list` prints those there are")
    return number


@app.command("show")
def show_settlement(window: Window, data: Data = None, database_url: Database = None) -> None:
    """Print the settlement of a WINDOW with the part of every participant."""

    async def work() -> dict[str, Any]:
        async with database(settings_for(data, database_url)) as connection:
            found = await reads.find(connection, await _number(connection, window))
            lines = await reads.lines(connection, found.window)
            return {
                **settlement_document(found),
                "confirmed_by": reads.countries(lines),
                "lines": [line_document(found.currency, line) for line in lines],
            }

    show(asyncio.run(work()))


@app.command()
def close(
    currency: Currency,
    as_: Annotated[str, typer.Option("--as", help="who requests it; not needed in a sandbox")] = "",
    reason: Reason = "closed by hand",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request that the open window of CURRENCY be closed now.

    In a sandbox, without --as, its two made-up people request and approve it, and the number of the window
    that was closed is printed.
    """

    async def work(counter: Counter) -> dict[str, Any] | int:
        if not as_ and not counter.desk.sandbox:
            raise NotAllowed("name who requests it with --as")
        window = await counter.desk.pool.fetchval(
            "SELECT number FROM ledger.settlement_window WHERE currency = $1 AND closing_seq IS NULL",
            currency,
        )
        if window is None:
            raise WrongUse(
                f"{currency} has no open window; `payswitch settlement list` prints those there are"
            )
        content = {"currency": currency, "window": window}
        maker = as_ or _BOTH[0]
        document = await request(counter, maker, "window.close", content=content, reason=reason)
        if as_:
            return document
        change = await vote(counter, _BOTH[1], document["number"], decision="approve", reason=reason)
        if change.state is not ChangeState.EXECUTED:
            raise NotFound(change.outcome)
        return int(window)

    result = run(data, database_url, work)
    show(result) if isinstance(result, dict) else typer.echo(result)


@app.command()
def positions(
    window: Window,
    data: Data = None,
    database_url: Database = None,
    csv: Annotated[bool, typer.Option("--csv", help="CSV instead of JSON")] = False,
) -> None:
    """Print the net positions of a WINDOW: of payments, with other moves beside them; nets sum to zero."""

    async def work() -> str:
        async with database(settings_for(data, database_url)) as connection:
            found = await windows.find(connection, await _number(connection, window))
            assert found is not None, "its number was looked up"
            nets = await flows(connection, found.number)
            if csv:
                return nets_csv(found.currency, nets)
            document = {**found.document(), "nets": [net_document(found.currency, n) for n in nets]}
            return json.dumps(document, indent=2) + "\n"

    typer.echo(asyncio.run(work()), nl=False)


@app.command()
def confirm(
    window: Window, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Request that the central banks of a WINDOW confirm its positions."""

    async def work(counter: Counter) -> dict[str, Any]:
        found = await reads.find(counter.desk.pool, await _number(counter.desk.pool, window))
        content = {"window": found.window, "positions_sha256": found.positions_sha256 or "0" * 64}
        return await request(counter, as_, "settlement.confirm", content=content, reason=reason)

    show(run(data, database_url, work))


@app.command()
def abort(
    window: Window, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Request that a WINDOW be aborted before anything is instructed; its lines are carried forward."""
    _ask(data, database_url, as_, "settlement.abort", window, {}, reason)


@app.command()
def hold(
    window: Window,
    participant: Annotated[str, typer.Argument(help="the participant's id")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request that the line of a PARTICIPANT in a WINDOW be held; the other lines settle."""
    _ask(data, database_url, as_, "settlement.hold", window, {"participant": participant}, reason)


def _ask(  # noqa: PLR0917 - what both commands are given
    data: Path | None,
    database_url: str | None,
    name: str,
    kind: str,
    window: str,
    content: dict[str, Any],
    reason: str,
) -> None:
    """Request a change of a window."""

    async def work(counter: Counter) -> dict[str, Any]:
        whole = {"window": await _number(counter.desk.pool, window), **content}
        return await request(counter, name, kind, content=whole, reason=reason)

    show(run(data, database_url, work))


@app.command()
def confirmation(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="camt.054 or pacs.002")],
    signature: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="detached JWS over it")],
    agent: Annotated[str, typer.Option(help="the settlement agent's id")],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Take in a settlement agent's signed FILE; the same again changes nothing."""
    raw, token = file.read_bytes(), read_file(signature).strip()
    media_type = "application/json" if file.suffix == ".json" else "application/xml"

    async def work(counter: Counter) -> day.Taken:
        await _verify(counter, agent, raw, token)
        return await day.take_confirmation(counter.desk, agent, raw, media_type, token)

    show(msgspec.to_builtins(run(data, database_url, work)))


async def _verify(counter: Counter, agent: str, raw: bytes, token: str) -> None:
    """Prove that a key of the agent that is in force signed the file."""
    rows = await counter.desk.pool.fetch(
        "SELECT keyid, public_key FROM switch.participant_key WHERE participant = $1"
        " AND valid_from <= clock_timestamp() AND (valid_until IS NULL OR valid_until > clock_timestamp())",
        agent,
    )
    for row in rows:
        with contextlib.suppress(NotAuthentic):
            jws.verify(token, raw, key=PublicKey.from_pem(row["keyid"], row["public_key"].encode()))
            return
    raise NotAuthentic("no key of this agent that is in force signed the file")


@app.command()
def key(data: Data = None) -> None:
    """Print the public key that verifies settlement instructions."""
    settings = installed(settings_for(data, None))
    public = SettlementFiles(settings.data.resolve()).public_key
    show({"keyid": public.keyid, "public_key": public.pem.decode()})


@app.command()
def calendar(
    currency: Currency,
    days: Annotated[int, typer.Option(min=1, max=400, help="how many days")] = 14,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print the business days of CURRENCY from today on, one JSON line each."""

    async def work() -> None:
        async with database(settings_for(data, database_url)) as connection:
            found = await calendars.load(connection, currency)
            today: date = found.local_date(datetime.now(UTC))
            for ahead in range(days):
                each = today + timedelta(days=ahead)
                typer.echo(
                    json.dumps(
                        {
                            "day": each.isoformat(),
                            "business": found.is_business_day(each),
                            "holiday": found.holiday(each),
                        }
                    )
                )

    asyncio.run(work())
