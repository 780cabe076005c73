"""`payswitch qr`: read and create QR codes of payments."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import segno
import typer

from adapters.qr import payload
from adapters.qr.model import PaymentCode
from schemas.money import Money
from switch.cli import output
from switch.cli.connect import Country, checked_amount
from switch.cli.failures import WrongUse

app = typer.Typer(no_args_is_help=True, help="QR codes: read, create.")


@app.command()
def read(text: Annotated[str, typer.Argument(help="text of the QR code, in quotes")]) -> None:
    """Print the payment data of a QR payload as JSON; exit code 1 if it is damaged or of no scheme."""
    output.document(_said(payload.read(text)), ensure_ascii=False)


@app.command()
def make(
    country: Country,
    payee: Annotated[str, typer.Option(help="account, payment address, or id in the scheme")],
    *,
    scheme: Annotated[
        str | None, typer.Option(help="name of the scheme; default: the usual one of the country")
    ] = None,
    name: Annotated[str | None, typer.Option(help="name of the merchant")] = None,
    city: Annotated[str | None, typer.Option(help="city of the merchant")] = None,
    amount: Annotated[
        str | None,
        typer.Option(help="amount in the currency of the scheme; without it the payer enters the amount"),
    ] = None,
    reference: Annotated[str | None, typer.Option(help="reference of the bill or the order")] = None,
    category: Annotated[str | None, typer.Option(help="merchant category, four digits")] = None,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="dynamic code, for one payment only")] = False,
    more: Annotated[list[str] | None, typer.Option(help="another field of the scheme, as NAME=VALUE")] = None,
    image: Annotated[Path | None, typer.Option(help="write the QR code here: .png, .svg or .pdf")] = None,
    show: Annotated[bool, typer.Option("--show", help="draw the QR code in the terminal")] = False,
) -> None:
    """Print a QR payload as JSON: its fields and its text; exit code 1 if the scheme lacks a field."""
    known = payload.scheme(country, scheme)
    try:
        code = PaymentCode(
            country=country,
            scheme=known.name,
            payee=payee,
            kind=known.kind,
            currency=known.currency,
            name=name,
            city=city,
            amount=Money.parse(checked_amount(amount, known.currency), known.currency) if amount else None,
            reference=reference,
            dynamic=dynamic,
            category=category,
            more=dict(_pair(text) for text in more or []),
        )
        text = payload.make(code)
    except ValueError as error:
        raise WrongUse(str(error)) from None
    output.document({**_said(code), "text": text}, ensure_ascii=False)
    _draw(text, image, show=show)


@app.command()
def schemes() -> None:
    """Print every scheme and the reliability of each group of its facts, as JSON."""
    found = [
        {
            "country": known.country,
            "scheme": known.name,
            "currency": known.currency,
            "basis": dict(known.bases),
        }
        for known in payload.schemes()
    ]
    output.document(found)


def _said(code: PaymentCode) -> dict[str, Any]:
    amount = code.amount.text if code.amount else None
    bases = dict(payload.scheme(code.country, code.scheme).bases)
    return {**dataclasses.asdict(code), "amount": amount, "basis": bases}


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise ValueError(f"--more {text}: write NAME=VALUE")
    return name, value


def _draw(text: str, image: Path | None, *, show: bool) -> None:
    """Error correction level M, as EMVCo requires."""
    drawn = segno.make(text, error="m", boost_error=False)
    if image is not None:
        try:
            drawn.save(str(image), scale=8)
        except ValueError as error:
            raise WrongUse(f"{image}: {error}") from None
    if show:
        drawn.terminal(compact=True)
