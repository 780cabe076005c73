"""Questions without a payment: quotes, the holder of an account, balances and statements."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from adapters.simulation.magic import magic_account
from switch.conformance.scenario import Group, Play, Scenario, must
from switch.conformance.stage import Stage

_HOLDER: Final = "Asha Rao"
"""The holder of every account of a simulated rail."""


async def _quote(stage: Stage) -> str:
    bank = stage.payee()
    belief = await stage.ask(
        "quote", creditor_agent=bank.bic, amount=stage.amount, currency=stage.own.currency
    )
    asked = [each for each in stage.seen if each.path == "/v1/quotes" and each.answer is not None]
    must(bool(asked), "the client asked for no quote")
    assert asked[-1].answer is not None
    quoted = asked[-1].answer.document
    for name in ("credited_amount", "fee"):
        must(
            _number(belief.answer.get(name)) == Decimal(quoted[name]["amount"]),
            f"the client states another {name} than the quote",
        )
    return f"{quoted['credited_amount']['amount']} {quoted['credited_amount']['currency']}"


async def _pay_at_quote(stage: Stage) -> str:
    bank = stage.payee()
    quote = await stage.client.read(
        "quotes", creditor_agent=bank.bic, amount=stage.amount, currency=stage.own.currency
    )
    credited = quote["credited_amount"]
    found = await stage.paid(
        payee=bank, credited_amount=credited["amount"], credited_currency=credited["currency"]
    )
    stated = found.sent[0].payment.get("InstdAmt", {})
    must(
        stated.get("Ccy") == credited["currency"]
        and _number(stated.get("Amt")) == Decimal(credited["amount"]),
        "the message does not state the quoted amount as InstdAmt",
    )
    return await stage.expect(found, "ACCC")


async def _no_quote(stage: Stage) -> str:
    """A quote that the switch refuses: the client states no amount."""
    belief = await stage.ask(
        "quote", creditor_agent=stage.payee().bic, amount="99999999999.00", currency=stage.own.currency
    )
    must(not belief.answer.get("credited_amount"), "the client states an amount that nobody quoted")
    return "no amount stated"


def _verify(name: str) -> Play:
    async def play(stage: Stage) -> str:
        bank = stage.payee()
        account = magic_account(bank.country, "")
        belief = await stage.ask("verify_payee", account=account, name=name, creditor_agent=bank.bic)
        asked = stage.messages("acmt.023")
        must(bool(asked), "the client sent no acmt.023")
        answer = asked[-1].answer
        verified = None if answer is None else _verified(answer.document)
        must(
            belief.answer.get("match") is verified,
            f"the client believes {belief.answer.get('match')}, and was told {verified}",
        )
        return f"told {verified}, and believed"

    return play


def _verified(document: Any) -> bool | None:
    """What an acmt.024 says; None if it is no such message, or says that nothing is known."""
    try:
        return bool(document["Document"]["IdVrfctnRpt"]["Rpt"][0]["Vrfctn"])
    except (KeyError, IndexError, TypeError):
        return None


async def _balances(stage: Stage) -> str:
    belief = await stage.ask("balances")
    stated = belief.answer.get("balances")
    must(isinstance(stated, dict), "the client states no balances")
    assert isinstance(stated, dict)
    positions = await stage.client.positions()
    for position in positions:
        if position["purpose"] == "position":
            truth = Decimal(position["credits_posted"]) - Decimal(position["debits_posted"])
            must(
                _number(stated.get(position["currency"])) == truth,
                "a balance differs from that of the switch",
            )
    return f"{len(stated)} balances"


async def _statement(stage: Stage) -> str:
    found = await stage.paid()
    await stage.expect(found, "ACCC")
    until = datetime.now(UTC)
    period = {"since": (until - timedelta(hours=1)).isoformat(), "until": until.isoformat()}
    asked = {**period, "participant": stage.own.id, "currency": stage.own.currency}
    belief = await stage.ask("statement", **asked)
    report = await stage.client.read("reports/account-report", **asked)
    must(
        belief.answer.get("entries") == len(report["rows"]),
        f"the client counts {belief.answer.get('entries')} entries; the report has {len(report['rows'])}",
    )
    return f"{len(report['rows'])} entries"


def _number(text: Any) -> Decimal | None:
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return None


SCENARIOS: Final = (
    Scenario(
        "QUO-READ", Group.QUOTES, "a quote", "states its credited amount and its fee", _quote, quick=True
    ),
    Scenario(
        "QUO-PAY",
        Group.QUOTES,
        "a payment at a quoted amount",
        "states it as InstdAmt",
        _pay_at_quote,
        of_function="payments at a quote",
    ),
    Scenario("QUO-NONE", Group.QUOTES, "a quote that is refused", "states no amount", _no_quote),
    Scenario(
        "VFY-FOUND",
        Group.PAYEES,
        "the holder of an account",
        "believes what the acmt.024 says",
        _verify(_HOLDER),
    ),
    Scenario(
        "VFY-OTHER",
        Group.PAYEES,
        "a name that is not that of the holder",
        "believes what the acmt.024 says",
        _verify("Somebody Else"),
    ),
    Scenario(
        "ACC-BALANCE",
        Group.ACCOUNTS,
        "the balances of the client's accounts",
        "states those of the switch",
        _balances,
        quick=True,
    ),
    Scenario(
        "ACC-REPORT",
        Group.ACCOUNTS,
        "the account report of an hour",
        "counts every entry once",
        _statement,
        of_function="statements",
    ),
)
