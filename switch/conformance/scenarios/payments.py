"""Payments that succeed or are refused, and what is sent again."""

import asyncio
import time
from decimal import Decimal
from typing import Any, Final

import httpx

from adapters import registry
from switch.conformance import conduct
from switch.conformance.scenario import Group, NotApplicable, Play, Scenario, must
from switch.conformance.stage import Stage

_REASONS: Final = ("AC01", "AC04", "AC06", "AM04", "AM14", "BE06", "FR01", "MS03", "RC01", "RR04", "AG01")
"""Reasons with which the simulated rail refuses on demand."""
_NOTICE: Final = "Invoice 2026-1188, consignment note 77/A"
_NO_ACCOUNT: Final = "NO ACCOUNT?"
"""Of no form of any country."""


def _over(country: str) -> Play:
    async def play(stage: Stage) -> str:
        if country == stage.own.country:
            raise NotApplicable("this is the client's own country")
        found = await stage.paid(payee=stage.payee(country))
        return await stage.expect(found, "ACCC")

    return play


def _refused(reason: str) -> Play:
    async def play(stage: Stage) -> str:
        found = await stage.paid(reason)
        seen = await stage.expect(found, "RJCT", reason)
        must(len(found.sent) == 1, "the client sent the message again after a final refusal")
        return seen

    return play


async def _text(stage: Stage) -> str:
    found = await stage.paid(remittance=_NOTICE)
    lines = found.sent[0].payment.get("RmtInf", {}).get("Ustrd", [])
    must("".join(lines) == _NOTICE, "the message does not state the remittance information of the order")
    return await stage.expect(found, "ACCC")


async def _end_to_end(stage: Stage) -> str:
    wanted = f"E2E-{stage.new_order()}"
    found = await stage.paid(end_to_end_id=wanted)
    stated = found.sent[0].payment.get("PmtId", {}).get("EndToEndId")
    must(stated == wanted, "the message does not state the end-to-end id of the order")
    return await stage.expect(found, "ACCC")


async def _smallest(stage: Stage) -> str:
    found = await stage.paid(amount="1.00")
    must(_amount(found.sent[0].payment) == 1, "the message states another amount than the order")
    state = await stage.check_belief(found)
    return f"{state.status} {state.reason or ''}".rstrip()


def _amount(payment: dict[str, Any]) -> Decimal:
    return Decimal(payment.get("IntrBkSttlmAmt", {}).get("Amt", "0"))


async def _too_large(stage: Stage) -> str:
    found = await stage.paid(amount="99999999999.00")
    seen = await stage.expect(found, "RJCT")
    must(len(found.sent) == 1, "the client sent the message again after a final refusal")
    return seen


async def _nobody(stage: Stage) -> str:
    order = stage.order() | {"creditor_agent": "NOSUCHA2", "creditor_agent_member": ""}
    return await _not_taken(stage, order)


async def _malformed_account(stage: Stage) -> str:
    return await _not_taken(stage, stage.order() | {"creditor_account": _NO_ACCOUNT})


async def _invalid(stage: Stage) -> str:
    return await _not_taken(stage, stage.order() | {"creditor": "N" * 141})


async def _not_taken(stage: Stage, order: dict[str, Any]) -> str:
    """An order that the switch refuses: the client says so, and does not send it again."""
    found = await stage.pay(order)
    if not found.sent and found.belief.status == "RJCT":
        return "refused by the client itself"
    conduct.check_same_bytes(found.sent)
    answer = found.sent[-1].answer
    assert answer is not None
    must(httpx.codes.is_client_error(answer.status), "the switch did not refuse it")
    must(found.belief.status == "RJCT", f"the client believes {found.belief.status or '(nothing)'} of it")
    must(len(found.sent) == 1, "the client sent the message again after a final refusal")
    return f"refused with {answer.status}, taken as final"


async def _quote_gone(stage: Stage) -> str:
    credited = {"credited_amount": "1.00", "credited_currency": stage.payee().currency}
    found = await stage.paid(**credited)
    must("InstdAmt" in found.sent[0].payment, "the message does not state the quoted amount as InstdAmt")
    return await stage.expect(found, "RJCT", "AM09")


async def _again_after_credit(stage: Stage) -> str:
    return await _again(stage, "", "ACCC")


async def _again_after_refusal(stage: Stage) -> str:
    return await _again(stage, "AC04", "RJCT")


async def _again(stage: Stage, word: str, status: str) -> str:
    """The same order given twice: the second time no payment is made."""
    order = stage.order(word)
    first = await stage.pay(order)
    conduct.check_sent_once(first.sent)
    await stage.expect(first, status)
    second = await stage.pay(order)
    _check_same(first.uetr, [each.uetr for each in second.sent])
    await stage.check_belief(first, second.belief)
    return f"still {status}, {len(second.sent)} repetitions with the same UETR"


async def _again_in_flight(stage: Stage) -> str:
    order = stage.order("SLOW3", within_s=0)
    first = await stage.pay(order)
    second = await stage.pay({**order, "within_s": stage.within_s})
    conduct.check_sent_once([*first.sent])
    _check_same(first.uetr, [each.uetr for each in second.sent])
    state = await stage.check_belief(first, second.belief)
    must(state.status == "ACCC", f"the payment is {state.status}")
    return "one payment, ACCC"


def _check_same(uetr: str, others: list[str]) -> None:
    must(set(others) <= {uetr}, "the client paid the order a second time, with a new UETR")


async def _twice(stage: Stage) -> str:
    """Two orders of the same content are two payments."""
    order = stage.order()
    first = await stage.pay(order)
    second = await stage.pay({**order, "order": stage.new_order()})
    for each in (first, second):
        conduct.check_sent_once(each.sent)
        await stage.expect(each, "ACCC")
    must(first.uetr != second.uetr, "the client used the same UETR for two orders")
    ids = {each.sent[0].payment.get("PmtId", {}).get("TxId") for each in (first, second)}
    must(len(ids) > 1, "two payments have the same transaction id")
    return "two payments"


async def _resent(stage: Stage) -> str:
    found = await stage.paid()
    await stage.expect(found, "ACCC")
    before = len(stage.payments())
    belief = await stage.ask("resend", order=found.order)
    again = stage.payments()[before:]
    must(bool(again), "the client did not send the message again")
    must({each.digest for each in again} == {found.sent[0].digest}, "the client sent other bytes")
    await stage.check_belief(found, belief)
    return "the same message, answered ACCC again"


async def _restarted(stage: Stage) -> str:
    """The client is killed after it has sent the payment, and finds it again."""
    if not stage.driver.can_restart:
        raise NotApplicable("only a driver that is a command can be killed")
    order = stage.order("SLOW1")
    task = asyncio.create_task(stage.pay(order))
    ends = stage.ends()
    while time.monotonic() < ends:
        if stage.payments() or task.done():
            break
        await asyncio.sleep(0.01)
    await stage.driver.restart()
    await asyncio.gather(task, return_exceptions=True)
    sent = stage.payments()
    must(bool(sent), "the client sent no payment")
    stage.uetrs.append(sent[0].uetr)
    belief = await stage.outcome(order["order"])
    _check_same(sent[0].uetr, [each.uetr for each in stage.payments()])
    must(belief.uetr == sent[0].uetr, "the restarted client does not know the UETR that it had sent")
    must(belief.status == "ACCC", f"the restarted client believes {belief.status or '(nothing)'}")
    return "found by its UETR, ACCC"


_PAID: Final = "pays once, and believes ACCC when the payment is credited"
_FINAL: Final = "takes the refusal as final with its reason, and sends nothing again"
_SAME: Final = "makes no second payment, and states the status of the first"
SCENARIOS: Final = (
    *(
        Scenario(f"PAY-{country}", Group.RAILS, f"a payment to {country}", _PAID, _over(country))
        for country in registry.countries()
    ),
    Scenario(
        "PAY-TEXT", Group.RAILS, "an order with remittance information", "states it in the message", _text
    ),
    Scenario(
        "PAY-ID", Group.RAILS, "an order with an end-to-end id", "states it in the message", _end_to_end
    ),
    Scenario(
        "PAY-AMOUNT",
        Group.RAILS,
        "a very small amount",
        "states the amount to the minor unit, and believes what becomes of it",
        _smallest,
        quick=True,
    ),
    *(
        Scenario(
            f"REF-{reason}",
            Group.REFUSALS,
            f"the rail refuses with {reason}",
            _FINAL,
            _refused(reason),
            quick=reason == "AC04",
        )
        for reason in _REASONS
    ),
    Scenario(
        "SWR-AMOUNT", Group.REFUSED_HERE, "an amount beyond every limit", _FINAL, _too_large, quick=True
    ),
    Scenario("SWR-AGENT", Group.REFUSED_HERE, "a creditor agent that does not exist", _FINAL, _nobody),
    Scenario(
        "SWR-ACCOUNT", Group.REFUSED_HERE, "an account of no form of the country", _FINAL, _malformed_account
    ),
    Scenario(
        "SWR-INVALID", Group.REFUSED_HERE, "a name that is longer than the schema allows", _FINAL, _invalid
    ),
    Scenario(
        "SWR-QUOTE", Group.REFUSED_HERE, "a quoted amount (InstdAmt) that does not apply", _FINAL, _quote_gone
    ),
    Scenario(
        "IDM-CREDITED",
        Group.IDEMPOTENCY,
        "an order is given again after its payment was credited",
        _SAME,
        _again_after_credit,
        quick=True,
    ),
    Scenario(
        "IDM-REFUSED",
        Group.IDEMPOTENCY,
        "an order is given again after its payment was refused",
        _SAME,
        _again_after_refusal,
    ),
    Scenario(
        "IDM-FLIGHT",
        Group.IDEMPOTENCY,
        "an order is given again while its payment is in progress",
        _SAME,
        _again_in_flight,
    ),
    Scenario(
        "IDM-TWO",
        Group.IDEMPOTENCY,
        "two orders with the same content",
        "makes two payments with two UETRs",
        _twice,
    ),
    Scenario(
        "IDM-RESEND",
        Group.IDEMPOTENCY,
        "the message of a credited payment is sent again",
        "sends the same bytes, and takes the answer as that of the payment",
        _resent,
    ),
    Scenario(
        "IDM-RESTART",
        Group.IDEMPOTENCY,
        "the client is killed after it has sent a payment",
        "finds the payment by its stored UETR, and makes no second one",
        _restarted,
    ),
)
