"""`payswitch settlement`: windows, who owes whom, and the settlement day."""

import asyncio
import contextlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ledger import windows
from schemas.errors import NotAllowed, NotAuthentic, NotFound
from schemas.signing import jws
from schemas.signing.keys import PublicKey
from switch import calendars
from switch.api.reads import net_document, nets_csv
from switch.api.settlement import line_document, settlement_document
from switch.cli.connect import Data, Database, database, settings_for
from switch.cli.office import As, Counter, Reason, ask, request, run, show, vote
from switch.people.model import ChangeState
from switch.settlement import day, reads
from switch.settlement.files import SettlementFiles

app = typer.Typer(no_args_is_help=True)
Window = Annotated[int, typer.Argument(min=1, help="number of the window")]
_BOTH = ("operator", "checker")
"""The made-up people of a sandbox."""


@app.command("list")
def list_windows(data: Data = None, database_url: Database = None) -> None:
    """Print the settlement windows, newest first, one JSON line each."""

    async def work() -> None:
        async with database(settings_for(data, database_url)) as connection:
            for found in await reads.read(connection):
                typer.echo(json.dumps(msgspec.to_builtins(settlement_document(found))))

    asyncio.run(work())


@app.command("show")
def show_settlement(window: Window, data: Data = None, database_url: Database = None) -> None:
    """Print the settlement of a WINDOW with every participant's part."""

    async def work() -> dict[str, Any]:
        async with database(settings_for(data, database_url)) as connection:
            try:
                found = await reads.find(connection, window)
            except NotFound:
                raise typer.BadParameter("no such window") from None
            lines = await reads.lines(connection, window)
            return {
                **settlement_document(found),
                "confirmed_by": reads.countries(lines),
                "lines": [line_document(found.currency, line) for line in lines],
            }

    show(asyncio.run(work()))


@app.command()
def close(
    currency: str,
    as_: Annotated[str, typer.Option("--as", help="who asks; in a sandbox nobody need be named")] = "",
    reason: Reason = "closed by hand",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Ask for the window of CURRENCY to be closed now.

    In a sandbox, without --as, its two made-up people ask and agree; the number of the window is printed.
    """

    async def work(counter: Counter) -> dict[str, Any] | int:
        if not as_ and not counter.desk.sandbox:
            raise NotAllowed("say who asks: --as NAME; another person then agrees")
        window = await counter.desk.pool.fetchval(
            "SELECT number FROM ledger.settlement_window WHERE currency = $1 AND closing_seq IS NULL",
            currency,
        )
        if window is None:
            raise NotFound("no open window of this currency")
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
    window: int,
    data: Data = None,
    database_url: Database = None,
    csv: Annotated[bool, typer.Option("--csv", help="CSV instead of JSON")] = False,
) -> None:
    """Print the net positions of a WINDOW; they sum to zero."""

    async def work() -> str:
        async with database(settings_for(data, database_url)) as connection:
            found = await windows.find(connection, window)
            if found is None:
                raise typer.BadParameter("no such window")
            nets = await windows.nets(connection, window)
            if csv:
                return nets_csv(found.currency, nets)
            document = {**found.document(), "nets": [net_document(found.currency, n) for n in nets]}
            return json.dumps(document, indent=2) + "\n"

    typer.echo(asyncio.run(work()), nl=False)


@app.command()
def confirm(
    window: Window, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Ask the central banks of a WINDOW to confirm its positions."""

    async def work(counter: Counter) -> dict[str, Any]:
        found = await reads.find(counter.desk.pool, window)
        content = {"window": window, "positions_sha256": found.positions_sha256 or "0" * 64}
        return await request(counter, as_, "settlement.confirm", content=content, reason=reason)

    show(run(data, database_url, work))


@app.command()
def abort(
    window: Window, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Ask for a WINDOW to be aborted, before anything is instructed; its lines are carried."""
    ask(data, database_url, as_, "settlement.abort", {"window": window}, reason)


@app.command()
def hold(
    window: Window,
    participant: str,
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Ask for a PARTICIPANT's part of a WINDOW to be held; the others settle."""
    ask(data, database_url, as_, "settlement.hold", {"window": window, "participant": participant}, reason)


@app.command()
def confirmation(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="camt.054 or pacs.002")],
    signature: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="detached JWS over it")],
    agent: Annotated[str, typer.Option(help="the settlement agent's id")],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Take in a settlement agent's signed FILE; the same again changes nothing."""
    raw, token = file.read_bytes(), signature.read_text().strip()
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
def key(data: Data = None, database_url: Database = None) -> None:
    """Print the public key that verifies settlement instructions."""
    settings = settings_for(data, database_url)
    public = SettlementFiles(settings.data.resolve()).public_key
    show({"keyid": public.keyid, "public_key": public.pem.decode()})


@app.command()
def calendar(
    currency: str,
    days: Annotated[int, typer.Option(min=1, max=400)] = 14,
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
