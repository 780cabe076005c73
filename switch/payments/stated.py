"""Checks of what a message states about its own execution. A difference to the actual execution is refused.

Pure: each check gets the payment, its parties and the current time. `schemas/elements.txt` has the whole
table of elements; here are the rules of those that the switch decides on.

    times       CreDtTm, AccptncDtTm, FrTm, TillTm, RjctTm, XpryDtTm     DT02 DT04 AB03 TM01
    dates       IntrBkSttlmDt, BizPrcgDt                                 DT01
    agents      Fr, To, InstgAgt, InstdAgt                               AGNT
    member ids  ClrSysMmbId of every agent with a participant's BIC      AGNT RC04
    account     CdtrAcct whose IBAN or address names a bank              RC04
    kind        SvcLvl, ClrChanl, CpyDplct, ClrSys                       FF04 AG03 CH16
    price       InstdAmt, XchgRate, AgrdRate, ChrgsInf                   AM09 AM10 AG03
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Protocol

from adapters import creditor
from adapters.creditor import BankOfAccount, IdentifierForm
from adapters.profile import zone_named
from schemas import credit_transfer, parties
from schemas.codec import Message
from schemas.credit_transfer import ROOT
from schemas.errors import InvalidAmount, Refused
from schemas.money import EXPONENTS, Money
from schemas.payment import Agent, AgreedRate, CreditTransfer, PartyAccount
from schemas.reasons import Reason
from switch.base.calendars import zone_in
from switch.base.settings import Settings
from switch.payments.directory import Corridor, Participant
from switch.payments.pricing import Price

Content = Mapping[str, Any]
_GROUP: Final = f"{ROOT}/GrpHdr"
_TX: Final = f"{ROOT}/CdtTrfTxInf"
MOMENT: Final = timedelta(minutes=15)
"""Permitted transit time over midnight, and permitted error of the sender's clock."""
_INSTITUTION: Final = 8
"""Characters of a BIC that identify the institution; the branch code is ignored."""

SERVICE_LEVELS: Final = frozenset(
    {"G001", "G002", "G003", "G004", "G005", "G006", "G007", "G009", "INST", "NUGP", "NURG", "SDVA", "URGP"}
)
"""ExternalServiceLevel1Code: tracked, same-day, urgent or not urgent. Every payment here is all of these."""

CLEARING_CHANNELS: Final = {"net": frozenset({"RTNS", "MPNS"}), "gross": frozenset({"RTGS"})}
"""A corridor's settlement -> its clearing channels (ClearingChannel2Code)."""

CLEARING_SYSTEM: Final = "PAYSWITCH"
"""The clearing system that a message may state: this one."""

_COPIES: Final = frozenset({"COPY", "CODU"})


# Times and dates


def check_times(payment: CreditTransfer, message: Message, now: datetime, settings: Settings) -> None:
    """Refuse a payment that is too late, too early, or has wrong times.

    Raises:
        Refused: TM01 past a limit of the sender's own, AB03 accepted too long ago, DT02 created too long ago
            or in the future, DT04 not to be settled yet.

    """
    if payment.deadline is not None and payment.deadline <= now:
        raise Refused("has passed", reason=Reason.CUT_OFF_TIME, path=_limit_path(message, payment))
    if payment.not_before is not None and payment.not_before > now:
        path = f"{_TX}/SttlmTmReq/FrTm"
        raise Refused("must not settle yet", reason=Reason.FUTURE_DATE, path=path)
    check_creation(payment.created_at, f"{_GROUP}/CreDtTm", now, settings)
    check_header(message.header, now, settings)
    accepted, path = payment.accepted_at, f"{_TX}/AccptncDtTm"
    if accepted is None:
        return
    if accepted > now + timedelta(seconds=settings.clock_ahead_max_s):
        raise Refused("is in the future", reason=Reason.INVALID_DATE, path=path)
    if now - accepted > timedelta(seconds=settings.acceptance_age_max_s):
        raise Refused("is too long ago", reason=Reason.SETTLEMENT_TIMEOUT, path=path)


def check_way(payment: CreditTransfer, message: Message, left_s: float, *, needed_s: float) -> None:
    """Refuse a payment that would expire on its way to a rail that needs so long to answer.

    Raises:
        Refused: TM01.

    """
    if left_s <= needed_s:
        path = f"{_TX}/CdtrAgt" if payment.deadline is None else _limit_path(message, payment)
        raise Refused(
            "leaves too little time: the rail answers more slowly", reason=Reason.CUT_OFF_TIME, path=path
        )


def check_creation(created: datetime, path: str, now: datetime, settings: Settings) -> None:
    """Refuse a message that was made in the future, or too long ago: DT02."""
    ahead, age = timedelta(seconds=settings.clock_ahead_max_s), timedelta(seconds=settings.creation_age_max_s)
    if created > now + ahead:
        text = f"is in the future: at most {ahead} after the time of the switch"
        raise Refused(text, reason=Reason.INVALID_CREATION_TIME, path=path)
    if now - created > age:
        raise Refused(f"is too long ago: at most {age}", reason=Reason.INVALID_CREATION_TIME, path=path)


def _limit_path(message: Message, payment: CreditTransfer) -> str:
    """Path of the earliest limit."""
    group, (transaction,) = message.content["GrpHdr"], message.content["CdtTrfTxInf"]
    stated = {
        f"{_GROUP}/XpryDtTm": group.get("XpryDtTm"),
        f"{_TX}/AddtlDtTm/XpryDtTm": transaction.get("AddtlDtTm", {}).get("XpryDtTm"),
    }
    for path, text in stated.items():
        if text and parties.read_instant(text, path) == payment.deadline:
            return path
    return f"{_TX}/SttlmTmReq/{'RjctTm' if 'RjctTm' in transaction.get('SttlmTmReq', {}) else 'TillTm'}"


def expiry(payment: CreditTransfer, made_at: datetime, settings: Settings) -> datetime:
    """The instant after which the payment must not be executed: the switch's, or the sender's if earlier."""
    ours = made_at + timedelta(seconds=settings.payment_expiry_s)
    return ours if payment.deadline is None else min(ours, payment.deadline.astimezone(UTC))


def left_s(payment: CreditTransfer, now: datetime, settings: Settings) -> float:
    """Seconds from now to the first limit in time that the sender's message has; infinite without one."""
    limits = [] if payment.deadline is None else [payment.deadline]
    if payment.accepted_at is not None:
        limits.append(payment.accepted_at + timedelta(seconds=settings.acceptance_age_max_s))
    return (min(limits) - now).total_seconds() if limits else math.inf


def days_of(now: datetime, *countries: str) -> set[date]:
    """Possible dates of the present moment, with a tolerance, in UTC and in some countries' time zones."""
    zones = [UTC, *(zone_named(zone_in(country)) for country in countries)]
    return {at.astimezone(zone).date() for zone in zones for at in (now - MOMENT, now + MOMENT)}


def has_passed(
    choice: Content, path: str, now: datetime, *countries: str, tolerance: timedelta = timedelta(0)
) -> bool:
    """Whether a date has passed everywhere in some countries, or an instant longer ago than a tolerance."""
    if "DtTm" in choice:
        return parties.read_instant(choice["DtTm"], f"{path}/DtTm") <= now - tolerance
    return parties.read_date(choice["Dt"], f"{path}/Dt") < min(days_of(now, *countries))


def is_dated(payment: CreditTransfer, now: datetime, *countries: str) -> bool:
    """Whether it states a settlement date that is not today's date in any country concerned."""
    stated = payment.interbank_settlement_date
    if stated is None or stated == now.date():
        return False
    return stated not in days_of(now, *countries)


def other_day() -> Refused:
    """Refusal of a payment that states another settlement date than it would have."""
    text = "is not the day on which this payment would settle"
    return Refused(text, reason=Reason.INVALID_DATE, path=f"{_TX}/IntrBkSttlmDt")


# Agents, and the business application header


def check_parties(
    message: Message, payment: CreditTransfer, debtor: Participant, creditor_bics: Iterable[str], own_bic: str
) -> None:
    """Refuse a message whose stated sender did not sign it, or whose stated receiver is wrong.

    It may state them in the group header, in the transaction and in the business application header.
    `creditor_bics` are those of the creditor agent and of the gateway through which it is reached.
    """
    receivers = [bic for bic in creditor_bics if bic]
    (transaction,) = message.content["CdtTrfTxInf"]

    def check(agent: Agent | None, path: str, *, sends: bool) -> None:
        if sends:
            if not is_agent(agent, debtor.bic, payment.debtor_agent):
                raise wrong_agent("is not the participant that sent this message", path)
        elif not (
            any(is_agent(agent, bic, payment.creditor_agent) for bic in receivers)
            or (own_bic and is_agent(agent, own_bic, None))
        ):
            raise wrong_agent("is neither the creditor agent nor this switch", path)

    for content, place in ((message.content["GrpHdr"], _GROUP), (transaction, _TX)):
        for tag in ("InstgAgt", "InstdAgt"):
            if tag in content:
                check(parties.read_agent(content[tag]), f"{place}/{tag}", sends=tag == "InstgAgt")
    header = message.header
    if header is not None:
        check(agent_of_header(header["Fr"]), "AppHdr/Fr", sends=True)
        check(agent_of_header(header["To"]), "AppHdr/To", sends=False)


def check_member_ids(message: Message, by_bic: Mapping[str, Participant]) -> None:
    """Refuse an agent whose BIC is one participant's, and whose member id is not that participant's.

    A rail may route by the member id, the books follow the BIC: both must name the same institution.

    Raises:
        Refused: RC04 for a creditor agent, AGNT for any other.

    """
    agents: list[tuple[str, dict[str, Any]]] = []
    if message.header is not None:
        _note_agents(message.header, "AppHdr", agents)
    _note_agents(message.document, "", agents)
    for path, content in agents:
        agent = parties.read_agent(content)
        assert agent is not None
        participant = by_bic.get((agent.bic or "")[:_INSTITUTION])
        if participant is None or agent.member_id is None or participant.has_member_id(agent.member_id):
            continue
        is_creditor_agent = path.endswith("/CdtrAgt")
        reason = Reason.INVALID_CREDITOR_BANK_IDENTIFIER if is_creditor_agent else Reason.INCORRECT_AGENT
        text = (
            "is not registered for the participant of the BIC: state an id of that participant, or none; "
            "the operator registers ids (participant.member_ids)"
        )
        raise Refused(text, reason=reason, path=f"{path}/FinInstnId/ClrSysMmbId/MmbId")


class IdentifiedBank(Protocol):
    """A participant, or a bank that is reached over a rail."""

    @property
    def id(self) -> str:
        """Its id in the switch."""

    def has_member_id(self, stated: str) -> bool:
        """Whether an id in a clearing system is one of its own."""

    def registers(self, kind: str) -> bool:
        """Whether it has registered an id of a kind."""


def other_bank(
    account: PartyAccount | None, forms: Sequence[IdentifierForm], agent: IdentifiedBank
) -> BankOfAccount | None:
    """The bank that an account names, unless it is the creditor agent; None if it names none."""
    found = creditor.find(account, forms)
    bank = None if found is None else creditor.bank_of(found)
    return None if bank is None or agent.has_member_id(bank.id) else bank


def check_creditor_account(
    account: PartyAccount | None,
    forms: Sequence[IdentifierForm],
    agent: IdentifiedBank,
    others: Iterable[IdentifiedBank],
) -> None:
    """Refuse an account that is at another bank than the creditor agent.

    The rail pays the bank that an account names (an IBAN, a payment address, or one that begins with its
    bank), the books follow the BIC. An id of a branch (IFSC) must be registered, as in every message. Any
    other bank must be, if the creditor agent has registered one of this kind; otherwise it must not be
    another participant's.

    Raises:
        Refused: RC04.

    """
    bank = other_bank(account, forms, agent)
    if bank is None:
        return
    elsewhere = (each for each in others if each.id != agent.id)
    if not bank.kind or agent.registers(bank.kind) or any(each.has_member_id(bank.id) for each in elsewhere):
        path, _ = creditor.refusal(account, forms)
        text = (
            "is an account of a bank that is not registered for the participant of the BIC: state the BIC of "
            "the account's bank; the operator registers ids (participant.member_ids)"
        )
        raise Refused(text, reason=Reason.INVALID_CREDITOR_BANK_IDENTIFIER, path=f"{ROOT}/{path}")


def _note_agents(content: dict[str, Any], path: str, found: list[tuple[str, dict[str, Any]]]) -> None:
    """Note every agent that states both a BIC and a member id, with its path, in the order of the message."""
    institution = content.get("FinInstnId")
    if type(institution) is dict and "BICFI" in institution and "ClrSysMmbId" in institution:
        found.append((path, content))
    for tag, value in content.items():
        kind = type(value)
        if kind is dict and tag != "SplmtryData":
            _note_agents(value, f"{path}/{tag}" if path else tag, found)
        elif kind is list and tag != "SplmtryData":
            for each in value:
                if type(each) is dict:
                    _note_agents(each, f"{path}/{tag}" if path else tag, found)


def check_header(header: Content | None, now: datetime, settings: Settings) -> None:
    """Refuse a message that its business application header marks as a copy, or for another time.

    Raises:
        Refused: AG03 a copy for information, DT02 the header's own time, DT04 to be processed later.

    """
    if header is None:
        return
    check_use(header, now)
    check_creation(parties.read_instant(header["CreDt"], "AppHdr/CreDt"), "AppHdr/CreDt", now, settings)


def check_use(header: Content | None, now: datetime) -> None:
    """Refuse a message that its business application header marks as a copy, or for a later time.

    Raises:
        Refused: AG03 a copy for information, DT04 to be processed later.

    """
    if header is None:
        return
    if header.get("CpyDplct") in _COPIES:
        text = "is a copy for information, which is not executed"
        raise Refused(text, reason=Reason.TRANSACTION_NOT_SUPPORTED, path="AppHdr/CpyDplct")
    processing = header.get("BizPrcgDt")
    if processing is not None and parties.read_instant(processing, "AppHdr/BizPrcgDt") > now:
        raise Refused("is in the future", reason=Reason.FUTURE_DATE, path="AppHdr/BizPrcgDt")


def is_agent(agent: Agent | None, bic: str, other: Agent | None) -> bool:
    """Whether an agent is the institution of a BIC or, if it has no BIC, the member id `other`."""
    if agent is None:
        return False
    if agent.bic:
        return agent.bic[:_INSTITUTION] == bic[:_INSTITUTION]
    if other is None or agent.member_id is None or agent.member_id != other.member_id:
        return False
    return agent.clearing_system in {None, other.clearing_system}


def agent_of_header(party: Content) -> Agent | None:
    """The institution that a header states: as an agent, or as an organisation with a BIC."""
    if "FIId" in party:
        return parties.read_agent(party["FIId"])
    return Agent(bic=party["OrgId"].get("Id", {}).get("OrgId", {}).get("AnyBIC"))


def wrong_agent(text: str, path: str) -> Refused:
    """Refusal of an agent that is not the expected one."""
    return Refused(text, reason=Reason.INCORRECT_AGENT, path=path)


# What kind of payment


def check_kind(message: Content, corridor: Corridor) -> None:
    """Refuse a service level, channel or clearing system that the corridor lacks."""
    group, (transaction,) = message["GrpHdr"], message["CdtTrfTxInf"]
    if "PmtTpInf" in group and "PmtTpInf" in transaction:
        text = "must not be in the group header too"
        raise Refused(text, reason=Reason.ELEMENT_NOT_ALLOWED, path=f"{_TX}/PmtTpInf")
    for content, place in ((group, _GROUP), (transaction, _TX)):
        kind = content.get("PmtTpInf")
        if kind is not None:
            _check_payment_type(kind, f"{place}/PmtTpInf", corridor)
    check_settlement(group["SttlmInf"], f"{_GROUP}/SttlmInf")
    if "InstrForNxtAgt" in transaction:
        _check_instruction(transaction)


def _check_instruction(transaction: Content) -> None:
    """Refuse an instruction for the next agent, unless it names a quote, and the one of `AgrdRate` if any."""
    path, quote = f"{_TX}/InstrForNxtAgt", credit_transfer.instructed_quote(transaction)
    if quote is None:
        text = f"may only be {credit_transfer.QUOTE_PREFIX} and the id of a quote, once"
        raise Refused(text, reason=Reason.TRANSACTION_NOT_SUPPORTED, path=path)
    if transaction.get("AgrdRate", {}).get("QtId", quote) != quote:
        raise Refused("names another quote than AgrdRate", reason=Reason.ABORTED_SETTLEMENT, path=path)


def check_settlement(settlement: Content, place: str) -> None:
    """Refuse another settlement method than through this switch, or another clearing system: CH16."""
    if settlement["SttlmMtd"] != "CLRG":
        path, text = f"{place}/SttlmMtd", "must be CLRG: money settles through the switch"
        raise Refused(text, reason=Reason.CONTENT_INCORRECT, path=path)
    system = next(iter(settlement.get("ClrSys", {}).values()), CLEARING_SYSTEM)
    if system != CLEARING_SYSTEM:
        path, text = f"{place}/ClrSys", f"must be {CLEARING_SYSTEM}, the only clearing system here"
        raise Refused(text, reason=Reason.CONTENT_INCORRECT, path=path)


def _check_payment_type(kind: Content, place: str, corridor: Corridor) -> None:
    for level in kind.get("SvcLvl", ()):
        if "Cd" in level and level["Cd"] not in SERVICE_LEVELS:
            path, text = f"{place}/SvcLvl", "is not a service level that is supported here"
            raise Refused(text, reason=Reason.INVALID_SERVICE_LEVEL, path=path)
    channel = kind.get("ClrChanl")
    if channel is not None and channel not in CLEARING_CHANNELS.get(corridor.settlement, ()):
        path, text = f"{place}/ClrChanl", f"must match the corridor, which settles {corridor.settlement}"
        raise Refused(text, reason=Reason.TRANSACTION_NOT_SUPPORTED, path=path)


# The price


def check_price(
    payment: CreditTransfer, message: Content, price: Price, provider: Participant | None
) -> None:
    """Refuse a stated amount or rate that differs from the actual one, which a quote states.

    `InstdAmt` in the currency of the credit is the amount that the creditor must receive; in the currency of
    the debit, the amount ordered before charges of earlier agents; in a third currency, the amount for which
    the debtor agent bought the settlement amount, at `XchgRate`.
    """
    (transaction,) = message["CdtTrfTxInf"]
    instructed, rate = payment.instructed_amount, payment.exchange_rate
    if instructed is not None:
        if instructed.currency == price.debit.currency:
            _check_charges(payment, transaction, instructed)
        elif instructed.currency == price.credit.currency:
            _check_promise(instructed, rate, price)
        else:
            _check_purchase(instructed, rate, price)
    if payment.agreed_rate is not None:
        _check_agreed(payment.agreed_rate, price, provider)
    currency = transaction.get("CdtrAcct", {}).get("Ccy", price.credit.currency)
    if currency != price.credit.currency:
        text, path = "is not the currency that is credited", f"{_TX}/CdtrAcct/Ccy"
        raise Refused(text, reason=Reason.INVALID_CREDITOR_ACCOUNT_CURRENCY, path=path)


def _check_promise(instructed: Money, stated: str | None, price: Price) -> None:
    if instructed != price.credit:
        text = "is not the amount that would be credited; request a quote"
        raise Refused(text, reason=Reason.WRONG_AMOUNT, path=f"{_TX}/InstdAmt")
    if stated is not None and not is_rate(stated, Fraction(price.rate)):
        raise _another_rate(f"{_TX}/XchgRate")


def _check_purchase(instructed: Money, rate: str | None, price: Price) -> None:
    if rate is None:
        path = f"{_TX}/XchgRate"
        raise Refused("is missing", reason=Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING, path=path)
    if not _converts_to(instructed, price.stated, Fraction(Decimal(rate))):
        text = "does not give the settlement amount at the stated rate"
        raise Refused(text, reason=Reason.WRONG_AMOUNT, path=f"{_TX}/InstdAmt")


def _check_charges(payment: CreditTransfer, transaction: Content, instructed: Money) -> None:
    """Charges must be exactly the difference between the instructed and the settlement amount."""
    difference = abs(instructed.minor - payment.interbank_settlement_amount.minor)
    amounts = [charge["Amt"] for charge in transaction.get("ChrgsInf", ())]
    if not difference or any(amount["Ccy"] != instructed.currency for amount in amounts):
        return
    try:
        total = sum(Money.parse(amount["Amt"], amount["Ccy"]).minor for amount in amounts)
    except InvalidAmount as error:
        raise Refused(error.detail, reason=error.reason, path=f"{_TX}/ChrgsInf/Amt") from None
    if total != difference:
        text = "are not the difference between the instructed and the settlement amount"
        raise Refused(text, reason=Reason.WRONG_SUM, path=f"{_TX}/ChrgsInf")


def _check_agreed(agreed: AgreedRate, price: Price, provider: Participant | None) -> None:
    path = f"{_TX}/AgrdRate"
    pair = price.debit.currency, price.credit.currency
    in_force = Fraction(price.rate or 1)
    named = (agreed.unit or pair[0], agreed.quoted or pair[1])
    if named == pair[::-1] != pair:
        in_force = 1 / in_force
    elif named != pair:
        raise _another_rate(path)
    if not _rounds_to(in_force, Decimal(agreed.rate)):
        raise _another_rate(f"{path}/PreAgrdXchgRate")
    if agreed.agent is not None and not is_agent(agreed.agent, provider.bic if provider else "", None):
        raise wrong_agent("is not the FX provider here", f"{path}/FXAgt")


def _another_rate(path: str) -> Refused:
    text = "is not the rate in force; request a quote"
    return Refused(text, reason=Reason.WRONG_AMOUNT, path=path)


def is_rate(stated: str, in_force: Fraction) -> bool:
    """Whether a stated rate is the one in force, written in either direction."""
    said = Decimal(stated)
    return _rounds_to(in_force, said) or _rounds_to(1 / in_force, said)


_DIGITS_MIN: Final = 5
"""Significant digits from which a rounded rate is accepted as the rate itself."""


def _rounds_to(exact: Fraction, stated: Decimal) -> bool:
    """Whether `stated` is `exact`, rounded to the number of digits of `stated`."""
    if Fraction(stated) == exact:
        return True
    if len(stated.as_tuple().digits) < _DIGITS_MIN:
        return False
    unit = Fraction(10) ** int(stated.as_tuple().exponent)
    return abs(Fraction(stated) - exact) < unit


def _converts_to(instructed: Money, settled: Money, rate: Fraction) -> bool:
    """Whether one amount is the other converted at a rate in either direction, within a minor unit."""
    order, result = (Fraction(Decimal(money.text)) for money in (instructed, settled))
    unit = Fraction(1, 10 ** EXPONENTS[settled.currency])
    return rate > 0 and any(abs(amount - result) <= unit for amount in (order * rate, order / rate))
