"""`payswitch adapters`: list rails, check an adapter, translate a message, create a new adapter."""

import asyncio
import dataclasses
import json
import sys
import tempfile
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from adapters import accounting, conformance, registry
from adapters import new as templates
from adapters.port import Order, OriginalMessage, RailAdapter
from adapters.simulation import sandbox
from schemas import codec, credit_transfer
from schemas.errors import InvalidMessage
from schemas.money import Money
from switch.cli import output
from switch.cli.connect import NUMBER_MAX, Country, checked_amount
from switch.cli.failures import CommandFailed

app = typer.Typer(no_args_is_help=True, help="Rails and their adapters.")

EXPIRES: Final = timedelta(seconds=60)
_MEDIA_TYPES: Final = {".json": codec.JSON}


@app.command("list")
def list_adapters() -> None:
    """Print the profile of every rail as JSON, without the functions that parse identifiers."""
    profiles = [
        dataclasses.asdict(registry.profile(country), dict_factory=_stated)
        for country in registry.countries()
    ]
    output.document(json.loads(json.dumps(profiles, default=_plain)))


@app.command()
def check(
    country: Country,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="skip the slow checks")] = False,
) -> None:
    """Run the conformance kit on a country's adapter and its simulated rail; exit code 1 if a check fails."""
    report = asyncio.run(conformance.check(country, *(conformance.QUICK if quick else ())))
    if output.json_wanted():
        output.document(report.as_dict())
    else:
        output.text(report.text())
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def new(
    country: Annotated[str, typer.Argument(help="two letters, as in AM")],
    *,
    name: Annotated[str, typer.Option(help="name of the rail")],
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code; default: that of the country")] = None,
    directory: Annotated[Path | None, typer.Option(help="target directory; default: ./payswitch-CC")] = None,
) -> None:
    """Create a new adapter package with its simulated rail; then run `check` on it."""
    place = directory or Path(f"payswitch-{country.lower()}")
    try:
        made = templates.make(country, name, place, currency)
    except ValueError as error:
        raise CommandFailed(str(error)) from None
    for path in made:
        typer.echo(path)
    typer.echo(f"next: pip install -e {place} && payswitch adapters check {country}")


@app.command()
def translate(
    country: Country,
    file: Annotated[Path, typer.Argument(help="a pacs.008, XML or JSON", exists=True, dir_okay=False)],
    *,
    amount: Annotated[
        str | None,
        typer.Option(help="credited amount in the rail's currency; default: the amount in the message"),
    ] = None,
    serial: Annotated[
        int, typer.Option(min=1, max=NUMBER_MAX, help="sequence number of the order in its period")
    ] = 1,
) -> None:
    """Print the rail's native message for a pacs.008, signed with sandbox keys."""
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        native = _translate(country, file, amount, serial, Path(directory))
    sys.stdout.buffer.write(native + b"\n")


def _translate(country: str, file: Path, amount: str | None, serial: int, directory: Path) -> bytes:
    media_type = _MEDIA_TYPES.get(file.suffix.lower(), codec.XML)
    expected = credit_transfer.DEFAULT_VERSION[:8]
    try:
        message = codec.decode(file.read_bytes(), media_type=media_type, expect=expected)
    except InvalidMessage as error:
        raise CommandFailed(f"{error.reason} {error.path or '/'}: {error.detail}") from None
    payment = credit_transfer.read(message)
    currency = registry.profile(country).currency
    money = (
        Money.parse(checked_amount(amount, currency), currency)
        if amount
        else payment.interbank_settlement_amount
    )
    stated = OriginalMessage(message.id, message.content)
    order = Order(payment, money, serial, payment.created_at, payment.created_at + EXPIRES, stated)
    adapter = _sandbox_adapter(country, directory)
    violations = adapter.check(order)
    lost = accounting.losses(order, adapter.profile)
    found = [(one.reason, one.path, one.text) for one in violations]
    for reason, path, text in found + [(one.reason or "note", one.path, one.text) for one in lost]:
        typer.echo(f"{reason} {path}: {text}", err=True)
    if violations or any(loss.reason for loss in lost):
        raise typer.Exit(1)
    return adapter.translate(order).body


def _sandbox_adapter(country: str, directory: Path) -> RailAdapter:
    """An adapter with new keys and no rail behind it: enough for functions without input and output."""
    connection, _ = sandbox.prepare(directory, country, port=1, callback_url="http://127.0.0.1:1/")
    return registry.load(country, connection)


def _stated(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in fields if not callable(value)}


def _plain(value: object) -> object:
    """Convert clock times and sets of a profile to JSON types."""
    match value:
        case time():
            return value.isoformat(timespec="minutes")
        case frozenset():
            return sorted(value)
        case _:
            raise TypeError(f"{type(value).__name__} is not for JSON")
