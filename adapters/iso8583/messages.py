"""Builds orders in ISO 8583 and parses responses. Pure.

Message types: 0200 an order, 0201 the same order repeated to learn its outcome, 0420 its reversal, 0100 an
inquiry about the owner of an account, 0800 network management, 0300 a part of the end-of-cycle file. The rail
responds with the type whose third digit is one higher, so the response to a repeat (0211) cannot be mistaken
for the response to the order itself (0210). `inbound` has what a rail asks of us.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from adapters import amounts, creditor
from adapters import uetr as uetrs
from adapters.identifiers import rrn
from adapters.iso8583 import private
from adapters.iso8583.codec import Fields
from adapters.iso8583.codes import APPROVED, CUT_OFF, outcome_of
from adapters.iso8583.dialect import Iso8583Dialect
from adapters.iso8583.private import PrivateTag
from adapters.port import Answer, Order, Outcome, Payee, Violation
from adapters.text import ascii_name, ascii_text, debtor_country
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.payment import Agent, CreditTransfer
from schemas.reasons import Reason

ORDER: Final = "0200"
REPEAT: Final = "0201"
REVERSAL: Final = "0420"
REVERSALS: Final = frozenset({"0400", "0401", REVERSAL, "0421"})
"""As a request and as an advice, and the repeats of both."""
ADVICE: Final = "0220"
"""The outcome of an order of the rail, after its 0210."""
INQUIRY: Final = "0100"
NETWORK: Final = "0800"
FILE: Final = "0300"

SIGN_ON: Final = "001"
SIGN_OFF: Final = "002"
ECHO: Final = "301"

INQUIRY_CODE: Final = "300000"
STANS: Final = 10**6
_ECHOED: Final = ("3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49", "70", "101")
_NO_MORE: Final[Mapping[str, str]] = MappingProxyType({})
_KEY: Final = ("7", "11", "12", "13")
_ALIAS_ACCOUNT_MAX: Final = 28
_END_TO_END_MAX: Final = 35
_ACCOUNT_MAX: Final = 34
_PAN_DIGITS: Final = 16

Key = tuple[str, ...]
"""What a response has in common with its request: its own type, transmission time, trace number, local
time."""


@dataclass(frozen=True, slots=True)
class Iso8583Member:
    """Our identity at the rail."""

    acquirer: str
    """DE32."""
    terminal: str
    """DE41, eight characters."""
    acceptor: str
    """DE42, fifteen characters."""
    pan: str = ""
    """DE2: the card number that represents us, if the rail requires one."""
    place: str = ""
    """DE43: our name and place, forty characters, if the rail requires it."""

    @classmethod
    def of(cls, identity: Mapping[str, str]) -> "Iso8583Member":
        """Our ids from a connection."""
        return cls(**{name: identity[name] for name in cls.__dataclass_fields__ if name in identity})


def check(order: Order, dialect: Iso8583Dialect) -> Sequence[Violation]:
    """Every reason why the rail cannot carry the order."""
    payment, found = order.payment, amounts.check(order, dialect.profile)
    if account_of(payment, dialect) is None:
        found.append(
            Violation(
                Reason.INVALID_CREDITOR_ACCOUNT_NUMBER,
                *creditor.refusal(payment.creditor_account, dialect.profile.creditor),
            )
        )
    if not _agent(payment.creditor_agent):
        found.append(
            Violation(
                Reason.INVALID_CREDITOR_BANK_IDENTIFIER,
                "CdtTrfTxInf/CdtrAgt",
                "the creditor's bank is required",
            )
        )
    if not _name(payment.debtor.name, dialect, debtor_country(payment)):
        found.append(
            Violation(
                Reason.MISSING_DEBTOR_NAME,
                "CdtTrfTxInf/Dbtr/Nm",
                "a name that can be written in ASCII is required",
            )
        )
    if not _name(payment.creditor.name, dialect, dialect.profile.country):
        found.append(
            Violation(
                Reason.MISSING_CREDITOR_NAME,
                "CdtTrfTxInf/Cdtr/Nm",
                "a name that can be written in ASCII is required",
            )
        )
    if order.expires_at <= order.made_at:
        found.append(Violation(Reason.INVALID_DATE, "CdtTrfTxInf/SttlmTmReq", "expires before its creation"))
    return found


def account_of(payment: CreditTransfer, dialect: Iso8583Dialect) -> str | None:
    """The creditor's account in the rail's format; aliases are resolved before."""
    found = creditor.find(payment.creditor_account, dialect.profile.creditor)
    return None if found is None else found.value


def order_fields(order: Order, us: Iso8583Member, dialect: Iso8583Dialect) -> Fields:
    """0200: one credit."""
    made, local = order.made_at.astimezone(UTC), order.made_at.astimezone(dialect.zone)
    account = account_of(order.payment, dialect)
    assert account is not None, "orders are checked before they are translated"
    fields = {
        "t": ORDER,
        "2": us.pan,
        "3": dialect.processing_code,
        "4": wire_amount(order.amount, dialect),
        "7": transmitted(made),
        "11": f"{order.serial:06}",
        "12": f"{local:%H%M%S}",
        "13": f"{local:%m%d}",
        "32": us.acquirer,
        "37": rrn(made, order.serial),
        "41": us.terminal,
        "42": us.acceptor,
        "43": us.place,
        "48": private.write(_private(order, dialect)),
        "49": dialect.currency,
        dialect.creditor_field: account,
    }
    return {name: value for name, value in fields.items() if value}


def _private(order: Order, dialect: Iso8583Dialect) -> dict[PrivateTag, str]:
    payment, characters = order.payment, dialect.profile.characters
    debtor_account = payment.debtor_account.id if payment.debtor_account else None
    return {
        PrivateTag.UETR: uetrs.to_hex(payment.uetr),
        PrivateTag.EXPIRES: private.instant(order.expires_at),
        PrivateTag.END_TO_END: ascii_text(payment.end_to_end_id, _END_TO_END_MAX),
        PrivateTag.DEBTOR_NAME: _name(payment.debtor.name, dialect, debtor_country(payment)),
        PrivateTag.DEBTOR_COUNTRY: payment.debtor.country or (payment.debtor_agent.bic or "")[4:6],
        PrivateTag.DEBTOR_AGENT: _agent(payment.debtor_agent),
        PrivateTag.DEBTOR_ACCOUNT: ascii_text(debtor_account or "", _ACCOUNT_MAX),
        PrivateTag.CREDITOR_NAME: _name(payment.creditor.name, dialect, dialect.profile.country),
        PrivateTag.CREDITOR_AGENT: _agent(payment.creditor_agent),
        PrivateTag.PURPOSE: ascii_text(payment.purpose or "", _END_TO_END_MAX),
        PrivateTag.REMITTANCE: ascii_text(payment.remittance or "", characters.remittance_max),
        PrivateTag.CHANNEL: dialect.channel(order),
    }


def repeat_of(order: Fields) -> Fields:
    """0201: the same order again, to learn its outcome."""
    return {**order, "t": REPEAT}


def reversal_of(order: Fields, at: datetime, reason: str) -> Fields:
    """0420: undo the order, or never execute it. It is a separate order: DE90 names the original."""
    kept = ("2", "3", "4", "11", "12", "13", "32", "37", "41", "42", "49", "100", "102", "103")
    uetr = private.read(order["48"])[PrivateTag.UETR]
    return {
        "t": REVERSAL,
        **{name: order[name] for name in kept if name in order},
        "7": transmitted(at),
        "48": private.write({PrivateTag.UETR: uetr, PrivateTag.REASON: reason}),
        "90": original_of(order),
    }


def original_of(fields: Fields) -> str:
    """DE90: the data elements that identify a message in one about it."""
    return f"{fields['t']}{fields['11']}{fields['7']}{fields['32']:0>11}{'0' * 11}"


def network_fields(code: str, stan: int, at: datetime, *, takes_orders: bool = False) -> Fields:
    """0800: sign-on, sign-off or echo."""
    fields = {"t": NETWORK, "7": transmitted(at), "11": f"{stan % STANS:06}", "70": code}
    return {**fields, "48": private.write({PrivateTag.TAKES_ORDERS: "1"})} if takes_orders else fields


def inquiry_fields(alias: str, us: Iso8583Member, stan: int, at: datetime, dialect: Iso8583Dialect) -> Fields:
    """0100 with processing code 30: the owner of an account, card or phone."""
    local = at.astimezone(dialect.zone)
    fields = {
        "t": INQUIRY,
        "3": INQUIRY_CODE,
        "7": transmitted(at),
        "11": f"{stan % STANS:06}",
        "12": f"{local:%H%M%S}",
        "13": f"{local:%m%d}",
        "32": us.acquirer,
        "41": us.terminal,
        "42": us.acceptor,
        "49": dialect.currency,
    }
    if dialect.is_account(alias):
        return {**fields, dialect.creditor_field: alias}
    if len(alias) == _PAN_DIGITS and alias.isdecimal():
        return {**fields, "2": alias}
    return {**fields, "48": private.write({PrivateTag.ALIAS: ascii_text(alias, _ALIAS_ACCOUNT_MAX)})}


def file_fields(name: str, part: int, stan: int, at: datetime) -> Fields:
    """0300: one part of a file, counted from 1."""
    return {
        "t": FILE,
        "7": transmitted(at),
        "11": f"{stan % STANS:06}",
        "71": f"{part:04}",
        "101": name,
    }


def is_request(fields: Fields) -> bool:
    """Whether a message asks for something, as its type says."""
    return fields["t"][2] in "024"


def key_of(fields: Fields) -> Key:
    """The key by which a response finds its request."""
    return (fields["t"], *(fields.get(name, "") for name in _KEY))


def awaited(request: Fields) -> Key:
    """The key of the response to a request."""
    return key_of({**request, "t": answer_type(request["t"])})


def answer_type(request_type: str) -> str:
    """0200 -> 0210, 0201 -> 0211, 0420 -> 0430."""
    return f"{request_type[:2]}{int(request_type[2]) + 1}{request_type[3]}"


def answer_fields(request: Fields, code: str, more: Mapping[str, str] = _NO_MORE) -> Fields:
    """A rail's response: the echoed elements of the request, DE39, and other elements that are not empty."""
    echoed = {name: request[name] for name in _ECHOED if name in request}
    added = {name: value for name, value in more.items() if value}
    return {"t": answer_type(request["t"]), **echoed, "39": code, **added}


def read_answer(fields: Fields, dialect: Iso8583Dialect) -> Answer | None:
    """The outcome in 0210 or 0211; None for any other response of the rail.

    Raises:
        InvalidMessage: not a response, or an element is missing or malformed.

    """
    if fields["t"] not in {answer_type(ORDER), answer_type(REPEAT)}:
        if fields["t"][2] not in "13":
            raise InvalidMessage("a request is not a response")
        return None
    code, ref = need(fields, "39"), read_ref(fields)
    enquired = fields["t"] == answer_type(REPEAT)
    outcome, reason = outcome_of(code, fields.get("44", ""), enquired=enquired)
    return Answer(
        ref=ref,
        outcome=outcome,
        uetr=uetrs.from_hex(ref),
        rail_code=code,
        reason=reason,
        amount=read_amount(fields, dialect) if outcome is Outcome.DONE else None,
        rail_reference=fields.get("38"),
    )


def read_not_before(fields: Fields) -> datetime | None:
    """With code 90, when the rail opens; None if it accepted the order or states no time.

    Raises:
        InvalidMessage: the instant is malformed.

    """
    if fields.get("39") != CUT_OFF:
        return None
    stated = private.read(fields.get("48", "")).get(PrivateTag.NOT_BEFORE)
    return private.read_instant(stated) if stated else None


def read_payee(fields: Fields, dialect: Iso8583Dialect) -> Payee | None:
    """The response to an inquiry; None if the rail knows no owner.

    Raises:
        InvalidMessage: an element is missing.

    """
    if need(fields, "39") != APPROVED:
        return None
    values = private.read(need(fields, "48"))
    try:
        return Payee(
            need(fields, dialect.creditor_field),
            values[PrivateTag.CREDITOR_AGENT],
            values[PrivateTag.CREDITOR_NAME],
        )
    except KeyError:
        raise InvalidMessage("the response names no owner", path="48") from None


def read_ref(fields: Fields) -> str:
    """The 32 digits of the UETR in DE48.

    Raises:
        InvalidMessage: the UETR is missing.

    """
    ref = private.read(need(fields, "48")).get(PrivateTag.UETR, "")
    if uetrs.from_hex(ref) is None:
        raise InvalidMessage("no UETR", path="48")
    return ref


def read_amount(fields: Fields, dialect: Iso8583Dialect) -> Money:
    """DE4 in minor units.

    Raises:
        InvalidMessage: missing, zero, or of another currency.

    """
    if fields.get("49") != dialect.currency:
        raise InvalidMessage("not the currency of this rail", path="49")
    profile = dialect.profile
    return amounts.read(need(fields, "4"), profile.currency, profile.amounts, dialect.step_minor, path="4")


def wire_amount(amount: Money, dialect: Iso8583Dialect) -> str:
    """DE4: twelve digits in the units of the wire."""
    return amounts.write(amount, dialect.profile.amounts, dialect.step_minor)


def transmitted(at: datetime) -> str:
    """DE7: date and time in UTC, without the year."""
    return f"{at.astimezone(UTC):%m%d%H%M%S}"


def need(fields: Fields, name: str) -> str:
    """An element that must be there.

    Raises:
        InvalidMessage: it is missing.

    """
    value = fields.get(name)
    if value is None:
        raise InvalidMessage(f"element {name} is missing", path=name)
    return value


def _agent(agent: Agent) -> str:
    return ascii_text(agent.member_id or agent.bic or "", _END_TO_END_MAX)


def _name(text: str | None, dialect: Iso8583Dialect, country: str) -> str:
    return ascii_name(text, dialect.profile.characters.name_max, country)
