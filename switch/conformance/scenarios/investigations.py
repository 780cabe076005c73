"""Investigations: the client asks about a payment in codes, and is asked, with the kit as the other bank."""

from typing import Any, Final

from switch.clients.python import Message, investigation, investigation_answer
from switch.conformance.observing import Disturbance, DisturbanceKind
from switch.conformance.scenario import Group, Scenario, must
from switch.conformance.scenarios.exchanges import credited_order, message_about
from switch.conformance.stage import Belief, Stage

_OF_BOOKS: Final = {"type": "CCNR", "reason": "CCNR"}
_OF_BANK: Final = {"type": "RQFI", "reason": "PURP"}
_NOTHING_MORE: Final = {"status": "RJCT", "reason": "NOAD"}


def _believes(belief: Belief, status: str, reason: str = "") -> None:
    stated, told = f"{belief.status} {belief.reason}".strip(), f"{status} {reason}".strip()
    must(stated == told, f"the client believes {stated or '(nothing)'}: it was told {told}")


async def _kept(stage: Stage, uetr: str) -> list[dict[str, Any]]:
    """The questions about a payment, as the switch has them."""
    found: list[dict[str, Any]] = (await stage.client.read(f"payments/{uetr}"))["investigations"]
    return found


async def _credited(stage: Stage) -> str:
    found, *_ = await credited_order(stage)
    belief = await stage.ask("ask_about", order=found.order, **_OF_BOOKS)
    must(bool(stage.messages("camt.110")), "the client sent no camt.110")
    _believes(belief, "CLSD")
    return "answered by the books, and believed"


async def _refused(stage: Stage) -> str:
    found = await stage.paid("AC04")
    await stage.expect(found, "RJCT", "AC04")
    _believes(await stage.ask("ask_about", order=found.order, **_OF_BOOKS), "CLSD", "ARJT")
    return "told that it was refused, and believed"


async def _asked(stage: Stage) -> tuple[str, str, dict[str, Any]]:
    """Have the client ask the other bank; the order, the UETR, and the question as the other bank has it."""
    found, *_ = await credited_order(stage)
    belief = await stage.ask("ask_about", order=found.order, **_OF_BANK)
    must(bool(stage.messages("camt.110")), "the client sent no camt.110")
    _believes(belief, "PDNG", "FTNA")
    _, theirs = stage.counterpart()
    question = await message_about(stage, theirs, "camt.110", found.uetr)
    return found.order, found.uetr, {"Document": {"InvstgtnReq": question}}


async def _reply(stage: Stage, uetr: str, answer: Message, *, number: int = 1) -> None:
    """Have the other bank answer; the client can read it then."""
    _, theirs = stage.counterpart()
    await theirs.send(answer)
    await message_about(stage, stage.client, "camt.111", uetr, number=number)


async def _answered(stage: Stage) -> str:
    order, uetr, question = await _asked(stage)
    await _reply(stage, uetr, investigation_answer(question, **_NOTHING_MORE))
    _believes(await stage.ask("question_outcome", order=order), **_NOTHING_MORE)
    return "known as answered"


async def _interim(stage: Stage) -> str:
    """The other bank works on it, and answers later: the first is no end, the second is."""
    order, uetr, question = await _asked(stage)
    await _reply(stage, uetr, investigation_answer(question, status="PDNG", reason="ARPL"))
    _believes(await stage.ask("question_outcome", order=order), "PDNG", "ARPL")
    await _reply(stage, uetr, investigation_answer(question, text="It pays for a book."), number=2)
    _believes(await stage.ask("question_outcome", order=order), "CLSD")
    return "known as answered, and not before"


async def _asked_after_a_cut(stage: Stage) -> str:
    found, *_ = await credited_order(stage)
    stage.observer.disturb(Disturbance(DisturbanceKind.CUT_AFTER, message="camt.110"))
    belief = await stage.ask("ask_about", order=found.order, **_OF_BANK)
    sent = stage.messages("camt.110")
    must(len(sent) > 1, "the client did not send its question again")
    must(
        len({each.digest for each in sent}) == 1,
        "the client changed its question: a repetition is the same bytes",
    )
    _believes(belief, "PDNG", "FTNA")
    must(len(await _kept(stage, found.uetr)) == 1, "the switch has more than one question")
    return f"asked once, {len(sent)} requests"


async def _answers(stage: Stage) -> str:
    uetr, _ = await stage.credited()
    other, theirs = stage.counterpart()
    question = investigation(
        uetr,
        type_=_OF_BANK["type"],
        reason=_OF_BANK["reason"],
        from_agent=other.bic,
        to_agent=stage.own.bic,
    )
    await theirs.send(question)
    await stage.ask("answer_question", uetr=uetr, **_NOTHING_MORE)
    must(bool(stage.messages("camt.111")), "the client sent no camt.111")
    states = [each["state"] for each in await _kept(stage, uetr)]
    must(states == ["rejected"], f"the question is {', '.join(states)} at the switch, and not rejected")
    said = await message_about(stage, theirs, "camt.111", uetr)
    original = question["Document"]["InvstgtnReq"]["InvstgtnReq"]["MsgId"]
    must(said["OrgnlInvstgtnReq"]["MsgId"] == original, "the answer names another question")
    return "answered by a camt.111"


_ASKS: Final = "questions about payments"
SCENARIOS: Final = (
    Scenario(
        "INV-CREDITED",
        Group.INVESTIGATIONS,
        "the client asks whether a payment was credited",
        "sends a camt.110, and believes its camt.111",
        _credited,
        quick=True,
        of_function=_ASKS,
    ),
    Scenario(
        "INV-REFUSED",
        Group.INVESTIGATIONS,
        "the client asks about a payment that was refused",
        "believes the camt.111: CLSD with ARJT",
        _refused,
        of_function=_ASKS,
    ),
    Scenario(
        "INV-ANSWERED",
        Group.INVESTIGATIONS,
        "the other bank answers a question of the client",
        "knows the answer from its messages, and states it",
        _answered,
        of_function=_ASKS,
    ),
    Scenario(
        "INV-INTERIM",
        Group.INVESTIGATIONS,
        "the other bank works on a question, and answers it later",
        "takes PDNG as no end, and the next answer as the end",
        _interim,
        of_function=_ASKS,
    ),
    Scenario(
        "INV-CUT",
        Group.INVESTIGATIONS,
        "the connection is cut before a question is answered",
        "sends the same camt.110 again",
        _asked_after_a_cut,
        of_function=_ASKS,
    ),
    Scenario(
        "INV-ANSWER",
        Group.INVESTIGATIONS,
        "the client is asked about a payment that it received",
        "answers by a camt.111 that repeats the question",
        _answers,
        of_function="answers to questions",
    ),
)
