"""Returns, recalls and requests to pay, with the kit as the other bank."""

import asyncio
import secrets
from typing import Any, Final

from adapters.simulation.magic import magic_account
from switch.clients.python import (
    payment_return,
    recall,
    recall_refusal,
    request_to_pay,
    request_to_pay_answer,
)
from switch.conformance import conduct
from switch.conformance.observing import Disturbance, DisturbanceKind, Observation
from switch.conformance.scenario import Group, NotMet, Scenario, must
from switch.conformance.stage import PAYEE, PAYER, KitBank, Paid, Stage

_LOOK_EVERY_S: Final = 0.1


async def credited_order(stage: Stage) -> tuple[Paid, dict[str, Any], KitBank]:
    """An order of the client that was credited at the other bank, and the amount that is credited."""
    other, _ = stage.counterpart()
    found = await stage.paid(payee=other)
    await stage.expect(found, "ACCC")
    state = await stage.client.payment(found.uetr)
    assert state.credited_amount is not None
    amount = {"amount": state.credited_amount.amount, "currency": state.credited_amount.currency}
    return found, amount, other


async def _returned(stage: Stage) -> str:
    """The other bank returns the client's payment."""
    found, amount, _ = await credited_order(stage)
    _, theirs = stage.counterpart()
    await theirs.send(payment_return(found.uetr, **amount, reason="AC04"))
    belief = await stage.outcome(found.order)
    must(belief.answer.get("returned") is True, "the client does not know that its payment was returned")
    return "known as returned"


async def _returns(stage: Stage) -> str:
    uetr, _ = await stage.credited()
    belief = await stage.ask("return", uetr=uetr, reason="AC04")
    sent = stage.messages("pacs.004")
    must(bool(sent), "the client sent no pacs.004")
    must(
        belief.status in {"ACSC", "ACCC"}, f"the client believes {belief.status or '(nothing)'} of its return"
    )
    await _check_returned(stage, uetr)
    return "returned once"


async def _returns_after_a_cut(stage: Stage) -> str:
    uetr, _ = await stage.credited()
    stage.observer.disturb(Disturbance(DisturbanceKind.CUT_AFTER, message="pacs.004"))
    belief = await stage.ask("return", uetr=uetr, reason="AC04")
    sent = stage.messages("pacs.004")
    must(len(sent) > 1, "the client did not send its return again")
    must(
        len({each.digest for each in sent}) == 1,
        "the client changed its return: a repetition is the same bytes",
    )
    must(
        belief.status in {"ACSC", "ACCC"}, f"the client believes {belief.status or '(nothing)'} of its return"
    )
    await _check_returned(stage, uetr)
    return f"returned once, {len(sent)} requests"


async def _returns_twice(stage: Stage) -> str:
    """The second return is refused, and the client knows it."""
    uetr, _ = await stage.credited()
    await stage.ask("return", uetr=uetr, reason="AC04")
    await _check_returned(stage, uetr)
    before = len(stage.messages("pacs.004"))
    belief = await stage.ask("return", uetr=uetr, reason="MD06")
    repeated = stage.messages("pacs.004")[before:]
    if not repeated:
        return "the client refused to return it twice"
    report = _report(repeated[-1])
    must(
        belief.status == report, f"the client believes {belief.status or '(nothing)'}, and was told {report}"
    )
    return f"answered {report}, and believed"


def _report(exchange: Observation) -> str:
    """The status of a pacs.002, or RJCT of a problem."""
    document: Any = None if exchange.answer is None else exchange.answer.document
    try:
        return str(document["Document"]["FIToFIPmtStsRpt"]["TxInfAndSts"][0]["TxSts"])
    except (KeyError, IndexError, TypeError):
        return "RJCT"


async def _check_returned(stage: Stage, uetr: str) -> None:
    _, theirs = stage.counterpart()
    must((await theirs.payment(uetr)).returned, "the payment is not returned at the switch")


# Recalls.


async def _recalls(stage: Stage) -> tuple[Paid, dict[str, Any], KitBank]:
    found, amount, other = await credited_order(stage)
    belief = await stage.ask("recall", order=found.order, reason="CUST")
    must(bool(stage.messages("camt.056")), "the client sent no camt.056")
    must(belief.status == "PDCR", f"the client believes {belief.status or '(nothing)'}: it was told PDCR")
    return found, amount, other


async def _recall_refused(stage: Stage) -> str:
    found, _, other = await _recalls(stage)
    _, theirs = stage.counterpart()
    answer = recall_refusal(found.uetr, from_agent=other.bic, to_agent=stage.own.bic, reason="AC04")
    await theirs.send(answer)
    belief = await stage.outcome(found.order)
    must(belief.answer.get("recall") == "RJCR", "the client does not know that its recall was refused")
    must(
        belief.status == "ACCC" and not belief.answer.get("returned"),
        "the client takes a refused recall as a return",
    )
    return "known as refused"


async def _recall_agreed(stage: Stage) -> str:
    found, amount, _ = await _recalls(stage)
    _, theirs = stage.counterpart()
    await theirs.send(payment_return(found.uetr, **amount, reason="FOCR"))
    belief = await stage.outcome(found.order)
    must(belief.answer.get("returned") is True, "the client does not know that its payment was returned")
    return "known as returned"


async def _asked_back(stage: Stage) -> str:
    uetr, _ = await stage.credited()
    other, theirs = stage.counterpart()
    await theirs.send(recall(uetr, from_agent=other.bic, to_agent=stage.own.bic))
    return uetr


async def _refuses_recall(stage: Stage) -> str:
    uetr = await _asked_back(stage)
    await stage.ask("answer_recall", uetr=uetr, agree=False, reason="CUST")
    must(bool(stage.messages("camt.029")), "the client sent no camt.029")
    must(not stage.messages("pacs.004"), "the client returned a payment that it was to keep")
    _, theirs = stage.counterpart()
    message = await message_about(stage, theirs, "camt.029", uetr)
    must(message["Sts"]["Conf"] == "RJCR", "the camt.029 does not refuse (RJCR)")
    return "refused by a camt.029"


async def _agrees_to_recall(stage: Stage) -> str:
    uetr = await _asked_back(stage)
    await stage.ask("answer_recall", uetr=uetr, agree=True, reason="FOCR")
    must(bool(stage.messages("pacs.004")), "the client sent no pacs.004")
    await _check_returned(stage, uetr)
    return "agreed by a pacs.004"


async def message_about(
    stage: Stage, client: Any, name: str, uetr: str, *, number: int = 1
) -> dict[str, Any]:
    """A message of this number about a payment, which the reader of a connection must get in time."""
    ends = stage.ends()
    while True:
        found = [
            entry["message"]["Document"]
            for entry in await _messages(client)
            if entry["definition"].startswith(name) and entry["uetr"] == uetr
        ]
        if len(found) >= number:
            (content,) = found[number - 1].values()
            return dict(content)
        if asyncio.get_running_loop().time() > ends:
            raise NotMet(f"no {name} came to the bank that must get it")
        await asyncio.sleep(_LOOK_EVERY_S)


async def _messages(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next": 0, "more": True}
    while page["more"]:
        page = await client.read("messages", after=str(page["next"]), limit="200")
        found += page["messages"]
    return found


# Requests to pay.


async def _requests(stage: Stage, status: str) -> str:
    """The client requests a payment, and the other bank answers."""
    other, theirs = stage.counterpart()
    wanted = f"RTP-{secrets.token_hex(6).upper()}"
    belief = await stage.ask(
        "request_to_pay",
        end_to_end_id=wanted,
        debtor_agent=other.bic,
        debtor=PAYEE,
        creditor=PAYER,
        creditor_account=magic_account(stage.own.country, ""),
        amount=stage.amount,
        currency=other.currency,
    )
    sent = stage.messages("pain.013")
    must(bool(sent), "the client sent no pain.013")
    must(belief.status == "RCVD", f"the client believes {belief.status or '(nothing)'}: it was told RCVD")
    message_id = sent[-1].document["CdtrPmtActvtnReq"]["GrpHdr"]["MsgId"]
    await theirs.send(
        request_to_pay_answer(message_id, status=status, responder="Bank", creditor_agent=stage.own.bic)
    )
    await _answer_to(stage.client, stage, message_id)
    belief = await stage.ask("request_outcome", end_to_end_id=wanted)
    must(belief.status == status, f"the client believes {belief.status or '(nothing)'}: it was told {status}")
    return f"answered {status}, and believed"


async def _accepted(stage: Stage) -> str:
    return await _requests(stage, "ACCP")


async def _rejected(stage: Stage) -> str:
    return await _requests(stage, "RJCT")


async def _is_requested(stage: Stage) -> tuple[str, str]:
    other, theirs = stage.counterpart()
    wanted = f"RTP-{secrets.token_hex(6).upper()}"
    message = request_to_pay(
        creditor_agent=other.bic,
        creditor=PAYEE,
        creditor_account=magic_account(other.country, ""),
        debtor_agent=stage.own.bic,
        debtor=PAYER,
        amount=stage.amount,
        currency=stage.own.currency,
        end_to_end_id=wanted,
    )
    await theirs.send(message)
    return wanted, message["Document"]["CdtrPmtActvtnReq"]["GrpHdr"]["MsgId"]


async def _pays_request(stage: Stage) -> str:
    other, _ = stage.counterpart()
    wanted, message_id = await _is_requested(stage)
    order = stage.order(payee=other)
    belief = await stage.ask("answer_request", end_to_end_id=wanted, accept=True, **order)
    must(
        await _answer_to(stage.counterpart()[1], stage, message_id) == "ACCP",
        "the other bank got no pain.014 ACCP",
    )
    sent = stage.payments()
    conduct.check_sent_once(sent)
    stage.uetrs.append(sent[0].uetr)
    stated = sent[0].payment.get("PmtId", {}).get("EndToEndId")
    must(stated == wanted, "the payment does not repeat the end-to-end id of the request")
    await stage.check_belief(Paid(order["order"], belief, sent))
    return "accepted, and paid with its end-to-end id"


async def _refuses_request(stage: Stage) -> str:
    wanted, message_id = await _is_requested(stage)
    await stage.ask("answer_request", end_to_end_id=wanted, accept=False)
    must(
        await _answer_to(stage.counterpart()[1], stage, message_id) == "RJCT",
        "the other bank got no pain.014 RJCT",
    )
    must(not stage.payments(), "the client paid a request that it was to refuse")
    return "refused, nothing paid"


async def _answer_to(client: Any, stage: Stage, message_id: str) -> str:
    """The status of the answer to a request of the reader of a connection; empty if none comes in time."""
    ends = stage.ends()
    while True:
        for entry in await _messages(client):
            report = entry["message"]["Document"].get("CdtrPmtActvtnReqStsRpt", {})
            if report.get("OrgnlGrpInfAndSts", {}).get("OrgnlMsgId") == message_id:
                return str(report["OrgnlGrpInfAndSts"]["GrpSts"])
        if asyncio.get_running_loop().time() > ends:
            return ""
        await asyncio.sleep(_LOOK_EVERY_S)


_ANSWERS: Final = "answers to requests to pay"
_KNOWS: Final = "knows it from its messages and events, and states it"
SCENARIOS: Final = (
    Scenario(
        "RTN-IN",
        Group.RETURNS,
        "the other bank returns a payment of the client",
        _KNOWS,
        _returned,
        quick=True,
    ),
    Scenario(
        "RTN-OUT",
        Group.RETURNS,
        "the client returns a payment",
        "sends one pacs.004, and takes its answer",
        _returns,
    ),
    Scenario(
        "RTN-CUT",
        Group.RETURNS,
        "the connection is cut before a return is answered",
        "sends the same pacs.004 again",
        _returns_after_a_cut,
    ),
    Scenario(
        "RTN-TWICE",
        Group.RETURNS,
        "a returned payment shall be returned again",
        "states the refusal",
        _returns_twice,
    ),
    Scenario("RCL-REFUSED", Group.RECALLS, "the other bank refuses a recall", _KNOWS, _recall_refused),
    Scenario("RCL-AGREED", Group.RECALLS, "the other bank agrees to a recall", _KNOWS, _recall_agreed),
    Scenario(
        "RCL-REFUSE",
        Group.RECALLS,
        "the client refuses a recall",
        "sends a camt.029 RJCR, and returns nothing",
        _refuses_recall,
    ),
    Scenario(
        "RCL-AGREE", Group.RECALLS, "the client agrees to a recall", "sends a pacs.004", _agrees_to_recall
    ),
    Scenario("RTP-ACCEPTED", Group.REQUESTS, "the other bank accepts a request to pay", _KNOWS, _accepted),
    Scenario("RTP-REJECTED", Group.REQUESTS, "the other bank refuses a request to pay", _KNOWS, _rejected),
    Scenario(
        "RTP-PAY",
        Group.REQUESTS,
        "the client accepts a request to pay",
        "answers by a pain.014, and pays once with the same end-to-end id",
        _pays_request,
        of_function=_ANSWERS,
    ),
    Scenario(
        "RTP-REFUSE",
        Group.REQUESTS,
        "the client refuses a request to pay",
        "answers by a pain.014, and pays nothing",
        _refuses_request,
        of_function=_ANSWERS,
    ),
)
