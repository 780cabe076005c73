"""`payswitch simulate`: what people do at simulated rails, which then order payments of the switch."""

import asyncio
from typing import Annotated, Any, Final

import typer

from adapters import registry
from adapters.simulation.debit_book import DebitState
from adapters.simulation.magic import script
from adapters.simulation.payers import SourceBehaviour
from schemas.money import Money
from switch.base.settings import Settings
from switch.cli import between_rails, integrator, output
from switch.cli.between_rails import NothingOrdered, OrderAbroad, PaidAbroad
from switch.cli.connect import Data, checked_amount, country_of, database, running_url, settings_for
from switch.cli.failures import CommandFailed, WrongUse
from switch.payments.inbound import OrderState

app = typer.Typer(no_args_is_help=True, help="People of simulated rails: pay abroad over their own rail.")
_BEHAVIOURS: Final = ", ".join(SourceBehaviour)


@app.callback()
def _simulate() -> None:
    """Keep `pay` a command of the group."""


@app.command()
def pay(
    from_country: Annotated[
        str, typer.Argument(parser=country_of, metavar="SOURCE", help="country of the payer, as in IN")
    ],
    to_country: Annotated[
        str, typer.Argument(parser=country_of, metavar="TARGET", help="country of the payee, as in PK")
    ],
    amount: Annotated[str, typer.Argument(help="in the payer's currency, without separators, as in 250.00")],
    *,
    word: Annotated[
        str,
        typer.Option(
            "--word", help="how the payee's rail behaves, as in AC04 or SILENT: docs/rails/magic.md"
        ),
    ] = "",
    behaviour: Annotated[
        str, typer.Option("--behaviour", help=f"how the payer's rail behaves: {_BEHAVIOURS}")
    ] = "",
    data: Data = None,
) -> None:
    """Have a person pay abroad over the own rail of a running sandbox.

    Where the rail's order can name a quote, the person looks up payee and price first, and pays that price.
    Prints the payment as both rails and the switch have it. Exit code 1 if the payer got the money back,
    or the outcome is not known in time.
    """
    integrator.sandbox(data)
    settings = settings_for(data, None)
    wish = OrderAbroad(from_country, to_country, amount, word.upper(), behaviour.upper())
    _check(settings, wish)
    try:
        paid = asyncio.run(_pay(settings, wish))
    except NothingOrdered as error:
        raise CommandFailed(f"the rail of {from_country} does not order this payment: {error}") from None
    output.document(_shown(paid, wish))
    if paid.payer.state is DebitState.HELD:
        raise CommandFailed(
            f"the outcome is not known after {between_rails.WITHIN_S:.0f} s; follow it with"
            f" `payswitch payment {paid.payer.uetr} --watch`"
        )
    if paid.payer.state is DebitState.REFUNDED:
        raise CommandFailed(f"the payer got the money back: {paid.payer.code or 'no reason is stated'}")
    output.what_now(f"payswitch payment {paid.payer.uetr}", "payswitch verify")


def _check(settings: Settings, wish: OrderAbroad) -> None:
    """Raise `WrongUse` if it makes no sense here."""
    able, source, target = between_rails.sources(settings), wish.source, wish.target
    if source not in able:
        others = f"choose one of {', '.join(able)}" if able else "no other does either"
        raise WrongUse(f"no simulated rail of {source} orders payments here: {others}")
    if target == source or not between_rails.runs(settings, target):
        raise WrongUse(f"no simulated rail abroad of {target} runs here")
    if wish.word and script(wish.word) is None:
        raise WrongUse(f"{wish.word!r} is no magic word: docs/rails/magic.md lists them")
    if wish.behaviour and wish.behaviour not in set(SourceBehaviour):
        raise WrongUse(f"no behaviour {wish.behaviour!r}: choose one of {_BEHAVIOURS}")
    checked_amount(wish.amount, registry.profile(source).currency)


async def _pay(settings: Settings, wish: OrderAbroad) -> PaidAbroad:
    running_url(settings)  # a database that is started for this command alone would see no order
    async with database(settings) as connection:
        return await between_rails.pay(settings, connection, wish)


def _shown(paid: PaidAbroad, wish: OrderAbroad) -> dict[str, Any]:
    """One payment in three books."""
    payer, payee = paid.payer, paid.payee
    return {
        "uetr": payer.uetr,
        "payer": {
            "country": wish.source,
            "rail": registry.profile(wish.source).rail,
            "account": payer.payer,
            "amount": _money(payer.amount_minor, payer.currency),
            "state": payer.state,
            "reason": payer.code or None,
            "quote": payer.quote or None,
        },
        "switch": _of_switch(paid),
        "payee": payee
        and {
            "country": wish.target,
            "rail": registry.profile(wish.target).rail,
            "account": payee.account,
            "amount": _money(payee.amount_minor, payee.currency),
            "reference": payee.rail_ref,
        },
    }


_MOVES: Final = frozenset({OrderState.TAKEN, OrderState.DONE})
"""States of an order with money: it is reserved, or was moved. Of the others no amount is shown."""


def _of_switch(paid: PaidAbroad) -> dict[str, Any] | None:
    order = paid.order
    if order is None:
        return None
    moves = order["state"] in _MOVES and order["debit_minor"] is not None and order["debit_currency"]
    return {
        "order": order["ref"],
        "state": order["state"],
        "reason": order["reason"] or None,
        "gateway": order["gateway"] or None,
        "debited": _money(order["debit_minor"], order["debit_currency"]) if moves else None,
        "credited": _money(order["credit_minor"], order["credit_currency"]) if moves else None,
        "fee": _money(order["fee_minor"], order["debit_currency"]) if moves else None,
        "rate": order["rate"] or None,
        "quote": order["quote"] and str(order["quote"]),
        "dispute": order["disputed"] or None,
    }


def _money(minor: int, currency: str) -> dict[str, str]:
    return {"currency": currency, "amount": Money(minor, currency).text}
