"""`payswitch participant`: who takes part, and what they may use. Every change takes two people."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from switch.api.participants import use_document
from switch.api.reads import position_document
from switch.cli.connect import Data, Database
from switch.cli.office import As, Counter, Reason, ask, run, show
from switch.participants import liquidity, reads

app = typer.Typer(no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="the participant's id")]
Currency = Annotated[str, typer.Argument(help="three letters")]
Amount = Annotated[str, typer.Argument(help="decimal text, as in 1000.00")]
KeyId = Annotated[str, typer.Argument(help="id of the key")]


@app.command("list")
def list_participants(data: Data = None, database_url: Database = None) -> None:
    """Print every participant, one JSON line each."""

    async def work(counter: Counter) -> list[reads.ParticipantRow]:
        return await reads.read(counter.desk.pool)

    for row in run(data, database_url, work):
        typer.echo(json.dumps(msgspec.to_builtins(row), ensure_ascii=False))


@app.command("show")
def show_participant(participant: Id, data: Data = None, database_url: Database = None) -> None:
    """Print a participant with its positions, keys, and how much of its liquidity is used."""

    async def work(counter: Counter) -> dict[str, Any]:
        detail = await reads.detail(counter.desk.pool, participant)
        use = [u for u in await liquidity.read(counter.desk.pool) if u.participant == participant]
        return {
            **msgspec.to_builtins(detail.participant),
            "positions": [position_document(p) for p in detail.positions],
            "keys": msgspec.to_builtins(detail.keys),
            "in_flight": detail.in_flight,
            "liquidity": [use_document(u) for u in use],
        }

    show(run(data, database_url, work))


@app.command()
def onboard(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON: participant.onboard")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Ask for a new participant, with its accounts and keys, as FILE describes it."""
    ask(data, database_url, as_, "participant.onboard", json.loads(file.read_text()), reason)


@app.command()
def suspend(
    participant: Id, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Ask for a suspension: what is in flight finishes, what is new is refused."""
    ask(data, database_url, as_, "participant.suspend", {"participant": participant}, reason)


@app.command()
def resume(
    participant: Id, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Ask for the end of a suspension."""
    ask(data, database_url, as_, "participant.resume", {"participant": participant}, reason)


@app.command()
def remove(
    participant: Id, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Ask for a removal; it must be suspended, settled and empty."""
    ask(data, database_url, as_, "participant.remove", {"participant": participant}, reason)


@app.command()
def cap(
    participant: Id,
    currency: Currency,
    net_debit_cap: Amount,
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Ask for a net debit cap: how far a position may go below what was paid in."""
    content = {"participant": participant, "currency": currency, "net_debit_cap": net_debit_cap}
    ask(data, database_url, as_, "cap.set", content, reason)


@app.command("funds-in")
def funds_in(
    participant: Id,
    currency: Currency,
    amount: Amount,
    reference: Annotated[str, typer.Argument(help="the settlement agent's reference")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Ask for money that came in to be booked."""
    _funds(data, database_url, as_, "funds.in", (participant, currency, amount, reference), reason)


@app.command("funds-out")
def funds_out(
    participant: Id,
    currency: Currency,
    amount: Amount,
    reference: Annotated[str, typer.Argument(help="the settlement agent's reference")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Ask for money to be paid out."""
    _funds(data, database_url, as_, "funds.out", (participant, currency, amount, reference), reason)


def _funds(  # noqa: PLR0917 - what both commands are given
    data: Path | None,
    database: str | None,
    name: str,
    kind: str,
    what: tuple[str, str, str, str],
    reason: str,
) -> None:
    fields = ("participant", "currency", "amount", "reference")
    ask(data, database, name, kind, dict(zip(fields, what, strict=True)), reason)


@app.command("key-add")
def key_add(
    participant: Id,
    keyid: KeyId,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="public key in PEM")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Ask for one more signature key; the old ones stay until they are retired."""
    content = {"participant": participant, "keyid": keyid, "public_key": file.read_text()}
    ask(data, database_url, as_, "key.add", content, reason)


@app.command("key-retire")
def key_retire(
    participant: Id,
    keyid: KeyId,
    *,
    as_: As,
    reason: Reason,
    at: Annotated[datetime | None, typer.Option(help="UTC; now without it")] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Ask for a key to run out; another must remain."""
    content = {"participant": participant, "keyid": keyid}
    if at is not None:
        content["at"] = at.isoformat() + "Z"
    ask(data, database_url, as_, "key.retire", content, reason)


@app.command("key-revoke")
def key_revoke(
    participant: Id,
    keyid: KeyId,
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Ask for a key to be worthless at once."""
    ask(data, database_url, as_, "key.revoke", {"participant": participant, "keyid": keyid}, reason)
