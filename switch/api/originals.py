"""A message about a payment names it by its UETR; every other detail must belong to the same payment.

Ids other than the UETR are unique only for their sender. If an id, amount, date or agent differs, the message
is about another payment, or it is not clear about which: it is refused with the path of the element, and
nothing is done.

    ids         OrgnlMsgId, OrgnlInstrId, OrgnlEndToEndId, OrgnlTxId     CH16
    message     OrgnlMsgNmId, OrgnlCreDtTm                               CH16
    amounts     OrgnlIntrBkSttlmAmt, OrgnlTxRef of it and of InstdAmt    AM09
                RtrdInstdAmt                                             AM09
    days        OrgnlIntrBkSttlmDt, OrgnlTxRef of it                     DT01
    agents      To, Assgne, Rspndr, XpctdRspndr, InstdAgt, DbtrAgt and CdtrAgt   AGNT

The creditor agent may know the payment as its rail reported it: by the ids of the order that the rail had,
by the rail's own message, in the currency and on the day of the credit. Of an erased payment, only what the
books keep is compared. What a camt.111 repeats is compared with its question: `investigation_answers`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from schemas import codec, credit_transfer
from schemas.errors import InvalidAmount, NotFound, Refused
from schemas.money import Money
from schemas.parties import Content, read_agent, read_date, read_instant
from schemas.payment import NOT_PROVIDED, Agent, CreditTransfer
from schemas.reasons import Reason
from switch.api import naming
from switch.api.receiving import Received
from switch.base import personal_data
from switch.base.personal_data import Erased
from switch.payments import stated

_END_TO_END: Final = "OrgnlEndToEndId"


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a message states details of its original payment, and to whom it is addressed."""

    groups: tuple[str, ...]
    transaction: str
    receivers: tuple[str, ...]


_PLACES: Final[Mapping[str, _Places]] = {
    "pacs.028": _Places(
        ("FIToFIPmtStsReq/OrgnlGrpInf", "FIToFIPmtStsReq/TxInf/OrgnlGrpInf"),
        "FIToFIPmtStsReq/TxInf",
        ("FIToFIPmtStsReq/GrpHdr/InstdAgt", "FIToFIPmtStsReq/TxInf/InstdAgt"),
    ),
    "pacs.004": _Places(
        ("PmtRtr/OrgnlGrpInf", "PmtRtr/TxInf/OrgnlGrpInf"),
        "PmtRtr/TxInf",
        ("PmtRtr/GrpHdr/InstdAgt", "PmtRtr/TxInf/InstdAgt"),
    ),
    "camt.056": _Places(
        ("FIToFIPmtCxlReq/Undrlyg/TxInf/OrgnlGrpInf",),
        "FIToFIPmtCxlReq/Undrlyg/TxInf",
        ("FIToFIPmtCxlReq/Assgnmt/Assgne", "FIToFIPmtCxlReq/Undrlyg/TxInf/Assgne"),
    ),
    "camt.029": _Places(
        ("RsltnOfInvstgtn/CxlDtls/TxInfAndSts/OrgnlGrpInf",),
        "RsltnOfInvstgtn/CxlDtls/TxInfAndSts",
        ("RsltnOfInvstgtn/Assgnmt/Assgne", "RsltnOfInvstgtn/CxlDtls/TxInfAndSts/Assgne"),
    ),
    "camt.110": _Places(
        ("InvstgtnReq/InvstgtnReq/Undrlyg/IntrBk/OrgnlGrpInf",),
        "InvstgtnReq/InvstgtnReq/Undrlyg/IntrBk",
        ("InvstgtnReq/InvstgtnReq/Rspndr", "InvstgtnReq/InvstgtnReq/XpctdRspndr"),
    ),
    "camt.111": _Places((), "", ()),
}


@dataclass(frozen=True, slots=True)
class _Original:
    """The payment of the UETR, with the details that the sender of the message may know."""

    payment: Mapping[str, Any]
    sent: CreditTransfer | None
    """As its sender sent it; None if the message was erased."""
    order: bytes
    """What its rail received, which the creditor agent knows; empty if there was none, or it was erased."""
    by_debtor_agent: bool
    debtor_agent: str
    creditor_agent: str
    """BICs."""

    def agent(self, tag: str) -> tuple[str, Agent | None]:
        """The agent of a tag: its BIC, and the agent as named in the payment."""
        if tag == "DbtrAgt":
            return self.debtor_agent, None if self.sent is None else self.sent.debtor_agent
        return self.creditor_agent, None if self.sent is None else self.sent.creditor_agent

    def has_id(self, tag: str, value: str) -> bool:
        """Whether an id is one of the payment: its sender's, or one that the rail received or gave."""
        assert self.sent is not None
        ours = {
            "OrgnlMsgId": self.sent.message_id,
            "OrgnlInstrId": self.sent.instruction_id,
            _END_TO_END: self.sent.end_to_end_id,
            "OrgnlTxId": self.sent.transaction_id,
        }
        if value in {ours[tag], self.payment.get("rail_reference")}:
            return True
        whole = rb"(?<![0-9A-Za-z])" + re.escape(value.encode()) + rb"(?![0-9A-Za-z])"
        return re.search(whole, self.order) is not None

    def amounts(self) -> set[Money]:
        """The settlement amount; the creditor agent may state the credited amount instead."""
        names = ["interbank_settlement_amount"] if self.by_debtor_agent else _AMOUNTS
        found = (self.payment.get(name) for name in names)
        return {Money.parse(one["amount"], one["currency"]) for one in found if one}

    def instructed(self) -> set[Money]:
        """The instructed amount; if the message did not state it, the settlement amount."""
        ordered = self.sent and self.sent.instructed_amount
        return {ordered} | (set() if self.by_debtor_agent else self.amounts()) if ordered else self.amounts()

    def days(self) -> set[date]:
        """The settlement date; for the creditor agent, or if none was stated, in both ends' time zones."""
        said = self.sent and self.sent.interbank_settlement_date
        if said and self.by_debtor_agent:
            return {said}
        countries = self.debtor_agent[4:6], self.creditor_agent[4:6]
        steps = (datetime.fromisoformat(step["at"]) for step in self.payment["journey"])
        found = {day for at in steps for day in stated.days_of(at, *countries)}
        return found | {said} if said else found


_AMOUNTS: Final = ["interbank_settlement_amount", "credited_amount"]


async def check(received: Received, payment: Mapping[str, Any]) -> None:
    """Compare the details of a message about its original with the payment of its UETR.

    Raises:
        Refused: a detail does not belong to the payment; the path names it.

    """
    original = await _read(received, payment)
    places, content = _PLACES[received.message.id[:8]], received.message.document
    for path in places.groups:
        for group in naming.at(content, path):
            _check_group(original, group, path)
    for transaction in naming.at(content, places.transaction):
        _check_transaction(original, transaction, places.transaction)
    header, own_bic = received.message.header, received.runtime.settings.bic
    if header is not None:
        _check_agent(original, stated.agent_of_header(header["To"]), "AppHdr/To", own_bic)
    for path in places.receivers:
        for receiver in naming.at(content, path):
            _check_receiver(original, receiver, path, own_bic)


async def _read(received: Received, payment: Mapping[str, Any]) -> _Original:
    known = received.runtime.directory.now.by_id
    agents = [payment.get(name, "") for name in ("debtor_agent", "creditor_agent")]
    debtor, creditor = (known[name].bic if name in known else name for name in agents)
    came = await _message(received, payment, personal_data.CAME)
    sent = credit_transfer.read(codec.again(came, payment["message"])) if came else None
    by_debtor_agent = received.sender.id == agents[0]
    order = b"" if by_debtor_agent else await _message(received, payment, personal_data.SENT)
    return _Original(payment, sent, order, by_debtor_agent, debtor, creditor)


async def _message(received: Received, payment: Mapping[str, Any], direction: int) -> bytes:
    """A message of the payment; empty if there is none, or it was erased."""
    uetr = UUID(payment["uetr"])
    try:
        return await personal_data.read(received.runtime.pool, received.runtime.keys, uetr, direction)
    except (Erased, NotFound):
        return b""


def _check_group(original: _Original, group: Content, path: str) -> None:
    _check_id(original, group, "OrgnlMsgId", path)
    if not original.by_debtor_agent:
        return
    name = group.get("OrgnlMsgNmId")
    if name is not None and name[:8] != original.payment["message"][:8]:
        text = "is not the message of the payment"
        raise Refused(text, reason=Reason.CONTENT_INCORRECT, path=f"{path}/OrgnlMsgNmId")
    made, place = group.get("OrgnlCreDtTm"), f"{path}/OrgnlCreDtTm"
    if made is not None and original.sent and read_instant(made, place) != original.sent.created_at:
        text = "is not the creation time of the payment of the UETR"
        raise Refused(text, reason=Reason.CONTENT_INCORRECT, path=place)


def _check_transaction(original: _Original, transaction: Content, path: str) -> None:
    for tag in ("OrgnlInstrId", _END_TO_END, "OrgnlTxId"):
        _check_id(original, transaction, tag, path)
    _check_amount(transaction.get("OrgnlIntrBkSttlmAmt"), original.amounts(), f"{path}/OrgnlIntrBkSttlmAmt")
    given_back = original.amounts() | original.instructed()
    _check_amount(transaction.get("RtrdInstdAmt"), given_back, f"{path}/RtrdInstdAmt")
    _check_day(original, transaction.get("OrgnlIntrBkSttlmDt"), f"{path}/OrgnlIntrBkSttlmDt")
    reference, place = transaction.get("OrgnlTxRef", {}), f"{path}/OrgnlTxRef"
    _check_amount(reference.get("IntrBkSttlmAmt"), original.amounts(), f"{place}/IntrBkSttlmAmt")
    instructed = reference.get("Amt", {}).get("InstdAmt")
    _check_amount(instructed, original.instructed(), f"{place}/Amt/InstdAmt")
    _check_day(original, reference.get("IntrBkSttlmDt"), f"{place}/IntrBkSttlmDt")
    for tag in ("DbtrAgt", "CdtrAgt"):
        if tag in reference and not _is(read_agent(reference[tag]), *original.agent(tag)):
            raise stated.wrong_agent("is not the agent of the payment", f"{place}/{tag}")


def _check_id(original: _Original, content: Content, tag: str, path: str) -> None:
    value = content.get(tag, NOT_PROVIDED)
    if value == NOT_PROVIDED or original.sent is None:
        return
    if not original.by_debtor_agent and tag == "OrgnlMsgId":
        return  # the rail's own message, which only the creditor agent has
    if not original.has_id(tag, value):
        raise Refused(
            "does not belong to the payment of the UETR",
            reason=Reason.CONTENT_INCORRECT,
            path=f"{path}/{tag}",
            remedy="State the id of this payment, or leave it out.",
        )


def _check_amount(content: Content | None, known: set[Money], path: str) -> None:
    if content is None or not known:
        return
    try:
        is_known = Money.parse(content["Amt"], content["Ccy"]) in known
    except InvalidAmount:
        is_known = False
    if not is_known:
        raise Refused("is not the amount of the payment", reason=Reason.WRONG_AMOUNT, path=path)


def _check_day(original: _Original, text: str | None, path: str) -> None:
    known = original.days()
    if text is not None and known and read_date(text, path) not in known:
        raise Refused("is not the date of the payment", reason=Reason.INVALID_DATE, path=path)


def _check_receiver(original: _Original, content: Content, path: str, own_bic: str) -> None:
    """Refuse a message whose addressee is not the agent on the other side of the payment."""
    for place, agent in _agents(content, path):
        _check_agent(original, agent, place, own_bic)


def _check_agent(original: _Original, agent: Agent | None, path: str, own_bic: str) -> None:
    other_side = original.agent("CdtrAgt" if original.by_debtor_agent else "DbtrAgt")
    if not _is(agent, *other_side) and not (own_bic and stated.is_agent(agent, own_bic, None)):
        raise stated.wrong_agent(_expected(*other_side, own_bic), path)


def _expected(bic: str, named: Agent | None, own_bic: str) -> str:
    """Which agents a message may be addressed to. They are banks of the sender's own payment."""
    other = (named and named.bic) or bic
    switch, side = (f" ({each})" if each else "" for each in (own_bic, other))
    return f"is neither the agent on the other side of the payment{side} nor this switch{switch}"


def _agents(content: Content, path: str) -> Iterator[tuple[str, Agent]]:
    """Yield the addressed agent: directly, in a choice, or as an organisation with a BIC, not by name."""
    if "Pty" in content:
        bic = content["Pty"].get("Id", {}).get("OrgId", {}).get("AnyBIC")
        if bic:
            yield f"{path}/Pty/Id/OrgId/AnyBIC", Agent(bic=bic)
        return
    agent = read_agent(content.get("Agt", content))
    assert agent is not None
    yield (f"{path}/Agt" if "Agt" in content else path), agent


def _is(agent: Agent | None, bic: str, named: Agent | None) -> bool:
    """Whether an agent is that of a payment; of an erased payment only the BIC is known."""
    if named is None and agent is not None and not agent.bic:
        return agent.member_id is not None
    if named is not None and named.bic and stated.is_agent(agent, named.bic, named):
        return True  # a bank behind a gateway, as the payment names it
    return stated.is_agent(agent, bic, named)
