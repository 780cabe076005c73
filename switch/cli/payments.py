"""`payswitch pay`, `payment` and `events`: send a test payment, show a payment, print the event log."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import typer

from ledger.roles import Login
from switch.base.settings import Settings
from switch.cli import integrator, output
from switch.cli.connect import NUMBER_MAX, Data, Database, Uetr, checked_amount, database, pool, settings_for
from switch.cli.failures import CommandFailed
from switch.cli.pages import shown
from switch.clients.python import Client, RequestRefused
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
    credentials = integrator.sandbox(data)
    payer, payee = (integrator.participant_of(credentials, name) for name in (debtor, creditor))
    checked_amount(amount, payer["currency"])
    document = world.document(payer, payee, amount=amount, account=account or "")
    with integrator.client_of(credentials, payer) as client:
        state = client.pay(document, wait=_WAIT_S)
        payment: dict[str, Any] = {"uetr": state.uetr, "status": state.status, "reason": state.reason}
        with contextlib.suppress(RequestRefused):  # a message that is not a payment is not stored
            payment = client.read(f"payments/{state.uetr}")
    if output.for_person() and "journey" in payment:
        shown = _Shown(as_json=False, watch=False)
        shown.show(payment)
        shown.end()
        output.what_now(f"payswitch payment {payment['uetr']} --participant {creditor}", "payswitch verify")
    else:
        output.document(payment)
    if payment["status"] == _REFUSED:
        raise CommandFailed(f"the payment was refused: {payment['reason']}")


def payment(
    uetr: Uetr,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="wait until it is final; one line per step")] = False,
    participant: integrator.Participant = None,
    url: integrator.Url = None,
    keyid: integrator.KeyId = None,
    key: integrator.KeyFile = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Show a payment: its status, amounts and history.

    An operator reads it from the database of the running switch; a participant, which --participant or a key
    names, from the API.
    """
    shown = _Shown(as_json=output.json_wanted(), watch=watch)
    if any(given is not None for given in (participant, url, keyid, key)):
        with integrator.connected(participant, url, keyid, key, data) as client:
            for found in _states_of_api(client, uetr, watch=watch):
                shown.show(found)
    else:
        asyncio.run(_show_from_database(settings_for(data, database_url), uetr, shown))
    shown.end()


class _Shown:
    """What was printed of a payment: each step once."""

    def __init__(self, *, as_json: bool, watch: bool) -> None:
        self.watch = watch
        self._as_json = as_json
        self._steps = 0
        self._last: dict[str, Any] = {}

    def show(self, found: dict[str, Any]) -> None:
        """Print what is new."""
        self._last = found
        if self._as_json:
            typer.echo(json.dumps(found, indent=None if self.watch else 2))
            return
        if not self._steps:
            output.text(_head(found))
        for step in found["journey"][self._steps :]:
            output.text(_step(step))
        self._steps = len(found["journey"])

    def end(self) -> None:
        """Print the last line."""
        if self._as_json:
            return
        if order := self._last.get("source_order"):
            output.text(order_line(order))
        output.text(last_line(self._last))


async def _show_from_database(settings: Settings, uetr: UUID, shown: _Shown) -> None:
    async with pool(settings, Login.READER) as connections:
        async for found in _states(connections, uetr, watch=shown.watch):
            shown.show(found)


def _states_of_api(client: Client, uetr: UUID, *, watch: bool) -> Iterator[dict[str, Any]]:
    """Yield the payment now and, with `watch`, after each change until it is final."""
    last = None
    while True:
        found = client.read(f"payments/{uetr}")
        if found != last:
            yield found
        if found["final"] or not watch:
            return
        last = found
        time.sleep(_WATCH_EVERY_S)


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


def order_line(order: dict[str, Any]) -> str:
    """The order of a rail whose payment it is: where it began, its state, and what is open of it."""
    told = ", acknowledged" if order["acknowledged_at"] else ""
    owed = ", owed: see its case" if order["owed"] else ""
    return f"order {order['id']} of {order['rail_name']} ({order['rail']}): {order['state']}{told}{owed}"


def last_line(payment: dict[str, Any]) -> str:
    """The status of a payment: status, reason, state, whether it is final, what was returned."""
    reason = f" {payment['reason']}" if payment["reason"] else ""
    end = "final" if payment["final"] else "not final yet: use --watch to wait"
    part = ", in part returned to the sender" if payment.get("part_returns") else ""
    returned = ", returned to the sender" if payment["returned"] else part
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
            output.rows(map(_event, shown(rows, limit, lambda row: int(row["seq"]), "--after")))

    asyncio.run(run())


def _event(row: asyncpg.Record) -> dict[str, Any]:
    """An event of the log as it is printed."""
    body = event_bodies.read(row["body"])
    event = {
        "seq": row["seq"],
        "number": row["number"],
        "at": row["at"].isoformat(),
        "event": row["kind"],
    }
    # A body whose fields have the names of the event's own would hide those.
    apart = not isinstance(body, dict) or body.keys() & event.keys()
    return {**event, "body": body} if apart else {**event, **body}
