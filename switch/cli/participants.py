"""`payswitch participant`: participants, their accounts, funds and keys. Every change needs two people."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from switch.api.documents import position_document, use_document
from switch.cli import output
from switch.cli.as_person import As, CommandContext, Factor, Reason, ask, confirmed, run, show
from switch.cli.connect import Currency, Data, Database, checked_amount, instant_of, read_file, read_json
from switch.cli.pages import After, Limit, within
from switch.participants import certification, liquidity, reads

app = typer.Typer(no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="id of the participant")]
Amount = Annotated[str, typer.Argument(help="digits without separators, as in 1000.00")]
KeyId = Annotated[str, typer.Argument(help="id of the key")]
_ZERO: Final = re.compile(r"0(\.0+)?", re.ASCII)


@app.command("list")
def list_participants(
    after: After = "", limit: Limit = 500, data: Data = None, database_url: Database = None
) -> None:
    """Print participants in the order of their ids, one JSON line each."""

    async def work(context: CommandContext) -> list[reads.ParticipantRow]:
        return await reads.read(context.services.pool)

    found = within(run(data, database_url, work), limit, lambda row: row.id, after)
    output.rows((msgspec.to_builtins(row) for row in found), ensure_ascii=False)


@app.command("show")
def show_participant(participant: Id, data: Data = None, database_url: Database = None) -> None:
    """Print a participant with its positions, keys and use of liquidity."""

    async def work(context: CommandContext) -> dict[str, Any]:
        detail = await reads.detail(context.services.pool, participant)
        use = [u for u in await liquidity.read(context.services.pool) if u.participant == participant]
        certificate = await certification.last(context.services.pool, participant)
        return {
            **msgspec.to_builtins(detail.participant),
            "positions": [position_document(p) for p in detail.positions],
            "keys": msgspec.to_builtins(detail.keys),
            "certificate": certificate and certificate.document(),
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
    """Request the onboarding of the participant in FILE, with its accounts and keys."""
    ask(data, database_url, as_, "participant.onboard", read_json(file), reason)


@app.command()
def suspend(
    participant: Id, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Request the suspension of a participant: payments in flight finish, new ones are refused."""
    ask(data, database_url, as_, "participant.suspend", {"participant": participant}, reason)


@app.command()
def resume(
    participant: Id, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Request the end of a suspension."""
    ask(data, database_url, as_, "participant.resume", {"participant": participant}, reason)


@app.command()
def remove(
    participant: Id, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Request the offboarding of a participant; it must be suspended and settled, with zero balances."""
    ask(data, database_url, as_, "participant.remove", {"participant": participant}, reason)


@app.command()
def cap(
    participant: Id,
    currency: Currency,
    net_debit_cap: Amount,
    *,
    as_: As,
    reason: Reason,
    confirmed_factor: Factor = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request a net debit cap: how far a position may fall below the deposited funds."""
    if not _ZERO.fullmatch(net_debit_cap):  # a cap of zero is valid
        checked_amount(net_debit_cap, currency)
    content = {"participant": participant, "currency": currency, "net_debit_cap": net_debit_cap}
    content |= confirmed(confirmed_factor)
    ask(data, database_url, as_, "cap.set", content, reason)


@app.command("funds-in")
def funds_in(
    participant: Id,
    currency: Currency,
    amount: Amount,
    reference: Annotated[str, typer.Argument(help="reference of the settlement agent")],
    *,
    as_: As,
    reason: Reason,
    confirmed_factor: Factor = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request the booking of a deposit of funds."""
    _funds(
        data,
        database_url,
        as_,
        "funds.in",
        (participant, currency, amount, reference),
        reason,
        confirmed_factor,
    )


@app.command("funds-out")
def funds_out(
    participant: Id,
    currency: Currency,
    amount: Amount,
    reference: Annotated[str, typer.Argument(help="reference of the settlement agent")],
    *,
    as_: As,
    reason: Reason,
    confirmed_factor: Factor = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request the booking of a withdrawal of funds."""
    _funds(
        data,
        database_url,
        as_,
        "funds.out",
        (participant, currency, amount, reference),
        reason,
        confirmed_factor,
    )


def _funds(  # noqa: PLR0917 - the parameters of both commands
    data: Path | None,
    database: str | None,
    name: str,
    kind: str,
    what: tuple[str, str, str, str],
    reason: str,
    factor: str | None,
) -> None:
    checked_amount(what[2], what[1])
    fields = ("participant", "currency", "amount", "reference")
    ask(data, database, name, kind, dict(zip(fields, what, strict=True)) | confirmed(factor), reason)


@app.command()
def certify(
    participant: Id,
    certificate: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="certificate.json; its .jws is beside it"),
    ],
    *,
    until: Annotated[datetime, typer.Option(parser=instant_of, metavar="DAY", help="its last day, UTC")],
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request that the certificate of a participant's client is recorded (see `payswitch conform`)."""
    content = {
        "participant": participant,
        "certificate": read_file(certificate),
        "signature": read_file(certificate.with_name(f"{certificate.name}.jws")),
        "valid_until": until.date().isoformat(),
    }
    ask(data, database_url, as_, "participant.certify", content, reason)


@app.command("key-add")
def key_add(
    participant: Id,
    keyid: KeyId,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="key request in PEM")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request an additional signing key; a person of the participant must approve, too."""
    content = {"participant": participant, "keyid": keyid, "request": read_file(file)}
    ask(data, database_url, as_, "key.add", content, reason)


@app.command("key-retire")
def key_retire(
    participant: Id,
    keyid: KeyId,
    *,
    as_: As,
    reason: Reason,
    at: Annotated[
        datetime | None, typer.Option(parser=instant_of, help="instant in ISO 8601; default: now")
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request the retirement of a key at an instant; another key must remain."""
    content = {"participant": participant, "keyid": keyid}
    if at is not None:
        content["at"] = at.isoformat()
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
    """Request the immediate revocation of a key."""
    ask(data, database_url, as_, "key.revoke", {"participant": participant, "keyid": keyid}, reason)
