"""`payswitch pay`, `payment` and `events`: send a test payment, show a payment, print the event log."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import typer

from ledger.roles import Login
from switch.base.settings import Settings
from switch.cli.connect import NUMBER_MAX, Data, Database, Uetr, checked_amount, database, pool, settings_for
from switch.cli.failures import CommandFailed, WrongUse
from switch.cli.pages import shown
from switch.clients.python import AsyncClient, RequestRefused
from switch.payments.journey import SHOWN, read_payment
from switch.sandbox import world
from switch.writer import event_bodies

_REFUSED: Final = "RJCT"
_WAIT_S: Final = 20
_WATCH_EVERY_S: Final = 0.5


def pay(
    debtor: Annotated[str, typer.Argument(help="id of the paying participant, as in asha-bank")],
    creditor: Annotated[str, typer.Argument(help="id of the paid participant, as in noor-wallet")],
    amount: Annotated[
        str, typer.Argument(help="in the debtor's currency, without separators, as in 1500.00")
    ],
    account: Annotated[
        str | None,
        typer.Option("--account", help="account of the creditor; default: an account of the sandbox"),
    ] = None,
    data: Data = None,
) -> None:
    """Send one signed payment to the running sandbox. Prints it with its history.

    Exit code 1 if it is refused.
    """
    settings = settings_for(data, None)
    participants = _participants(settings)
    for name in (debtor, creditor):
        if name not in participants:
            raise WrongUse(f"no participant {name}; choose one of {', '.join(participants)}")
    payer, payee = participants[debtor], participants[creditor]
    checked_amount(amount, payer["currency"])
    document = world.document(payer, payee, amount=amount, account=account or "")

    async def run() -> dict[str, Any]:
        async with AsyncClient.of_sandbox(settings.credentials_file, debtor) as client:
            state = await client.pay(document, wait=_WAIT_S)
            found: dict[str, Any] = {"uetr": state.uetr, "status": state.status, "reason": state.reason}
            with contextlib.suppress(RequestRefused):  # a message that is not a payment is not stored
                found = await client.read(f"payments/{state.uetr}")
            return found

    payment = asyncio.run(run())
    typer.echo(json.dumps(payment, indent=2))
    if payment["status"] == _REFUSED:
        raise CommandFailed(f"the payment was refused: {payment['reason']}")


def _participants(settings: Settings) -> dict[str, dict[str, str]]:
    """The simulated participants of the sandbox, by id."""
    file = settings.credentials_file
    if not file.is_file():
        raise CommandFailed(
            f"{settings.data.resolve()} is not the data directory of a sandbox: start one with"
            " `payswitch up --sandbox`, or name its directory with --data or PAYSWITCH_DATA"
        )
    return {entry["id"]: entry for entry in json.loads(file.read_text())["participants"]}


def payment(
    uetr: Uetr,
    watch: Annotated[bool, typer.Option("--watch", help="wait until it is final; one line per step")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON; with --watch, one line per change")] = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Show a payment: its status, amounts and history. The switch must be running."""
    settings = settings_for(data, database_url)

    async def run() -> None:
        shown = 0
        async with pool(settings, Login.READER) as connections:
            async for found in _states(connections, uetr, watch=watch):
                if as_json:
                    typer.echo(json.dumps(found, indent=None if watch else 2))
                    continue
                if not shown:
                    typer.echo(_head(found))
                for step in found["journey"][shown:]:
                    typer.echo(_step(step))
                shown = len(found["journey"])
        if not as_json:
            typer.echo(last_line(found))

    asyncio.run(run())


async def _states(connections: asyncpg.Pool, uetr: UUID, *, watch: bool) -> AsyncIterator[dict[str, Any]]:
    """Yield the payment now and, with `watch`, after each change until it is final."""
    last = None
    while True:
        found = await read_payment(connections, uetr, None)
        if found != last:
            yield found
        if found["final"] or not watch:
            return
        last = found
        await asyncio.sleep(_WATCH_EVERY_S)


def _head(payment: dict[str, Any]) -> str:
    amounts = [payment.get(name) for name in ("interbank_settlement_amount", "credited_amount")]
    texts = [f"{amount['amount']} {amount['currency']}" for amount in amounts if amount]
    return f"{payment['uetr']}  {' -> '.join(texts)}".rstrip()


def _step(step: dict[str, Any]) -> str:
    facts = " ".join(str(step[name]) for name in SHOWN if step.get(name))
    return f"  {step['at']}  {step['event']:<10} {facts}".rstrip()


def last_line(payment: dict[str, Any]) -> str:
    """The status of a payment: status, reason, state, whether it is final, whether it was returned."""
    reason = f" {payment['reason']}" if payment["reason"] else ""
    end = "final" if payment["final"] else "not final yet: use --watch to wait"
    returned = ", returned to the sender" if payment["returned"] else ""
    return f"{payment['status']}{reason}  {payment['state']}, {end}{returned}"


def events(
    after: Annotated[
        int, typer.Option("--after", min=0, max=NUMBER_MAX, help="start after this sequence number")
    ] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="how many at most")] = 1000,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print the event log, one JSON line per event. It contains no personal data."""

    async def run() -> None:
        async with database(settings_for(data, database_url)) as connection:
            rows = await connection.fetch(
                "SELECT seq, number, at, kind, body FROM ledger.event WHERE seq > $1 ORDER BY seq LIMIT $2",
                after,
                limit + 1,
            )
            for row in shown(rows, limit, lambda row: int(row["seq"]), "--after"):
                body = event_bodies.read(row["body"])
                event = {
                    "seq": row["seq"],
                    "number": row["number"],
                    "at": row["at"].isoformat(),
                    "event": row["kind"],
                }
                # A body whose fields have the names of the event's own would hide those.
                apart = not isinstance(body, dict) or body.keys() & event.keys()
                typer.echo(json.dumps({**event, "body": body} if apart else {**event, **body}))

    asyncio.run(run())
