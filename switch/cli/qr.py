"""`payswitch qr`: what a QR code asks for, and codes made."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any, NoReturn

import segno
import typer

from adapters.qr import payload
from adapters.qr.model import PaymentCode
from schemas.errors import SwitchError
from schemas.money import Money

app = typer.Typer(no_args_is_help=True, help="QR codes of ten countries: read, make.")


@app.command()
def read(text: Annotated[str, typer.Argument(help="what the QR code says; quote it")]) -> None:
    """Print what a QR payload asks for, as JSON; exit 1 if it is of no scheme, or broken."""
    try:
        code = payload.read(text)
    except SwitchError as error:
        _fail(f"{error.reason} {error.path or ''}: {error.detail}")
    typer.echo(json.dumps(_said(code), indent=2, ensure_ascii=False))


@app.command()
def make(
    country: Annotated[str, typer.Argument(help="two letters, as in KG")],
    payee: Annotated[str, typer.Option(help="account, payment address, or id at the scheme")],
    *,
    scheme: Annotated[str | None, typer.Option(help="by name; else the country's usual one")] = None,
    name: Annotated[str | None, typer.Option(help="of the merchant")] = None,
    city: Annotated[str | None, typer.Option()] = None,
    amount: Annotated[
        str | None, typer.Option(help="in the scheme's currency; else the payer enters it")
    ] = None,
    reference: Annotated[str | None, typer.Option()] = None,
    category: Annotated[str | None, typer.Option(help="merchant category, four digits")] = None,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="for one payment only")] = False,
    more: Annotated[list[str] | None, typer.Option(help="what else the scheme says: NAME=VALUE")] = None,
    image: Annotated[Path | None, typer.Option(help="write the QR code here: .png, .svg or .pdf")] = None,
    show: Annotated[bool, typer.Option("--show", help="draw the QR code in the terminal")] = False,
) -> None:
    """Print a QR payload as JSON: the code and its text; exit 1 if the scheme cannot say it."""
    try:
        known = payload.scheme(country, scheme)
        code = PaymentCode(
            country=country,
            scheme=known.name,
            payee=payee,
            kind=known.kind,
            currency=known.currency,
            name=name,
            city=city,
            amount=Money.parse(amount, known.currency) if amount else None,
            reference=reference,
            dynamic=dynamic,
            category=category,
            more=dict(_pair(text) for text in more or []),
        )
        text = payload.make(code)
    except SwitchError as error:
        _fail(f"{error.reason}: {error.detail}")
    except ValueError as error:
        _fail(str(error))
    typer.echo(json.dumps({**_said(code), "text": text}, indent=2, ensure_ascii=False))
    _draw(text, image, show=show)


@app.command()
def schemes() -> None:
    """Print every scheme, and how sure each group of its facts is, as JSON."""
    found = [
        {
            "country": known.country,
            "scheme": known.name,
            "currency": known.currency,
            "basis": dict(known.bases),
        }
        for known in payload.schemes()
    ]
    typer.echo(json.dumps(found, indent=2))


def _said(code: PaymentCode) -> dict[str, Any]:
    amount = code.amount.text if code.amount else None
    bases = dict(payload.scheme(code.country, code.scheme).bases)
    return {**dataclasses.asdict(code), "amount": amount, "basis": bases}


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise ValueError(f"--more {text}: NAME=VALUE is needed")
    return name, value


def _draw(text: str, image: Path | None, *, show: bool) -> None:
    """Error correction M, as EMVCo wants it."""
    drawn = segno.make(text, error="m", boost_error=False)
    if image is not None:
        try:
            drawn.save(str(image), scale=8)
        except ValueError as error:
            _fail(f"{image}: {error}")
    if show:
        drawn.terminal(compact=True)


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)
