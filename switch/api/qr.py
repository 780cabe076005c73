"""QR codes: `POST /v1/qr` reads one into the draft of a payment, `POST /v1/qr-codes` makes one.

The text may be of any scheme of the installed countries. The draft has what a pacs.008 needs of the code: the
amount that the code demands, the creditor's account as the rail pays it, and the participants that may be its
creditor agent. The caller adds its own side, asks for a quote, and pays. Nothing is stored.

A payee that only the scheme itself can resolve to an account (a merchant id of UnionPay, ERIP or SBP) gives a
draft without an account: the code can be shown, and cannot be paid.

A code is made for a merchant of the caller, in a scheme of the caller's country, and is read again before it
is given out: what a payer's bank abroad reads of it is what was asked for.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from adapters import creditor
from adapters.creditor import Identifier, IdentifierForm, IdentifierKind
from adapters.qr import emvco, payload
from adapters.qr.model import PayeeKind, PaymentCode
from schemas.errors import InvalidAmount, InvalidMessage, NotAllowed, NotFound, Problem, Refused
from schemas.money import Money
from schemas.payment import PartyAccount
from schemas.reasons import Reason
from switch.api import body as bodies
from switch.api import suspension
from switch.api.authentication import authenticate
from switch.api.reads import Context
from switch.api.runtime import Runtime
from switch.base.decoding import decoded
from switch.payments import indirect, rail_profile, stated
from switch.payments.directory import Participant
from switch.payments.indirect import IndirectParticipant
from switch.payments.rails import Rail

router = APIRouter(prefix="/v1")
_BODY_MAX: Final = 32 * 1024
_PAYS_CUSTOMERS: Final = "direct"
"""Kind of the participants that have customers: not FX providers, agents, central banks."""
Forms = tuple[IdentifierForm, ...]


class QrText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of a QR code, as a scanner gives it."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=payload.TEXT_MAX)]


Text = Annotated[str, msgspec.Meta(min_length=1, max_length=emvco.VALUE_MAX)]
"""The value of a field of a code."""


class NewQrCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a code for a merchant of the caller."""

    payee: Text
    """The account, payment address, or id in the scheme."""
    scheme: Annotated[str, msgspec.Meta(min_length=1, max_length=32)] | None = None
    """One of the schemes of the caller's country; without it the usual one."""
    name: Text | None = None
    city: Text | None = None
    amount: Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,5})?$")] | None = None
    """In the currency of the scheme; without it the payer enters it."""
    reference: Text | None = None
    category: Annotated[str, msgspec.Meta(pattern="^[0-9]{4}$")] | None = None
    single_use: bool = False
    more: Annotated[dict[str, Text], msgspec.Meta(max_length=32)] = {}
    """Other fields of the scheme, by their names there."""


@router.post("/qr-codes", operation_id="makeQrCode", tags=["payments"])
async def make_qr_code(request: Request, context: Context) -> JSONResponse:
    """Make the QR code of a merchant of the caller, who is paid from abroad; nothing is stored."""
    raw = await bodies.read(request, _BODY_MAX)
    caller = await authenticate(request, raw)
    suspension.require_active(caller)
    if caller.kind != _PAYS_CUSTOMERS:
        raise NotAllowed("only a participant with customers makes codes")
    code = _asked(caller.country, decoded(raw, NewQrCode))
    rail = context.rails.get(code.country)
    if rail is not None and code.amount is not None:
        _check_amount(code.amount, rail)
    text = _made(code)
    draft = await draft_of(context, code)
    if (
        rail is not None
        and code.kind is not PayeeKind.MERCHANT
        and caller.bic not in draft["creditor_agents"]
    ):
        paid = " or ".join(form.text for form in rail.adapter.profile.creditor if form.pays)
        text = f"is not an account at your bank that can be paid from abroad: {paid}"
        raise Refused(text, reason=Reason.INVALID_CREDITOR_ACCOUNT_NUMBER, path="payee")
    return JSONResponse({"text": text, **draft})


def _asked(country: str, asked: NewQrCode) -> PaymentCode:
    """The code that is asked for.

    Raises:
        Refused: the country has no such scheme.
        InvalidAmount: more decimals than its currency has.

    """
    try:
        known = payload.scheme(country, asked.scheme)
    except NotFound:
        names = ", ".join(each.name for each in payload.schemes(country))
        raise _refused("scheme", f"is no scheme of your country, which has: {names}") from None
    return PaymentCode(
        country=country,
        scheme=known.name,
        payee=asked.payee,
        kind=known.kind,
        currency=known.currency,
        name=asked.name,
        city=asked.city,
        amount=_amount(asked.amount, known.currency),
        reference=asked.reference,
        dynamic=asked.single_use,
        category=asked.category,
        more=asked.more,
    )


def _amount(text: str | None, currency: str) -> Money | None:
    if text is None:
        return None
    try:
        return Money.parse(text, currency)
    except InvalidAmount as error:
        raise InvalidAmount(error.detail, reason=Reason(error.reason), path="amount", rule="amount") from None


def _made(code: PaymentCode) -> str:
    """The text of a code; it reads as the code, exactly.

    Raises:
        Refused: the scheme lacks a field, requires another one, or cannot state a value.

    """
    try:
        text = payload.make(code)
        if payload.read(text) == code:
            return text
        fault = "a value of the code would be read otherwise than it was given"
    except ValueError as error:
        fault = str(error)
    except InvalidMessage as error:
        fault = f"object {error.path} of the code: {error.detail}" if error.path else error.detail
    raise _refused("body", fault)


def _refused(path: str, fault: str) -> Refused:
    refused = Refused(fault, reason=Reason.INVALID_FILE_FORMAT, path=path)
    refused.problems = (Problem(path, "qr-field", fault),)
    return refused


def _check_amount(amount: Money, rail: Rail) -> None:
    try:
        rail_profile.check_limits(amount, rail.adapter.profile.limits)
    except Refused as refused:
        refused.path = "amount"
        raise


@router.post("/qr", operation_id="readQrCode", tags=["payments"])
async def read_qr_code(request: Request, context: Context) -> JSONResponse:
    """Read a QR code of any installed country into the draft of a payment; nothing is stored."""
    raw = await bodies.read(request, _BODY_MAX)
    suspension.require_active(await authenticate(request, raw))
    code = read(decoded(raw, QrText).text)
    return JSONResponse(await draft_of(context, code))


async def draft_of(context: Runtime, code: PaymentCode) -> dict[str, Any]:
    """What a code demands, and what a payment of it needs."""
    rail = context.rails.get(code.country)
    forms = rail.adapter.profile.creditor if rail else ()
    account = None if code.kind is PayeeKind.MERCHANT else _account(code, forms)
    directory = context.directory.now
    agents = [] if account is None else _agents(account, forms, code.country, directory.participants)
    bank = None if account is None or rail is None else await _indirect(context, rail, account)
    if bank is not None:  # no participant is its agent then
        agents = [bank.bic] if bank.bic else []
    return {
        **_document(code),
        "creditor_account": _element(account),
        "creditor_agents": agents,
        "indirect_participant": _bank(bank, account) if bank and account else None,
    }


def read(text: str) -> PaymentCode:
    """Parse the code.

    Raises:
        Refused: FF01; it names the field of the request, and the object of the code in words.

    """
    try:
        return payload.read(text)
    except InvalidMessage as error:
        at = f"{error.path} in the code: " if error.path else ""
        refused = Refused(f"{at}{error.detail}", reason=Reason.INVALID_FILE_FORMAT, path="text")
        refused.problems = (Problem("text", "qr-code", refused.detail),)
        raise refused from None


def _account(code: PaymentCode, forms: Forms) -> Identifier | None:
    """The payee as the rail pays it; None if it pays no such identifier."""
    return creditor.read(code.payee, [form for form in forms if form.pays])


def _agents(found: Identifier, forms: Forms, country: str, participants: Sequence[Participant]) -> list[str]:
    """BICs of the participants to which a payment to this account may be addressed."""
    account = PartyAccount(other=found.value)
    return sorted(
        each.bic
        for each in participants
        if each.country == country
        and each.kind == _PAYS_CUSTOMERS
        and each.status == "active"
        and _may_be_agent(account, forms, each, participants)
    )


async def _indirect(context: Runtime, rail: Rail, found: Identifier) -> IndirectParticipant | None:
    """The bank that the account names, if it is reached over the rail."""
    named = creditor.bank_of(found)
    return await indirect.owns(context.pool, rail, named.id, datetime.now(UTC)) if named else None


def _bank(bank: IndirectParticipant, account: Identifier) -> dict[str, Any]:
    """Its name, and the ids by which a payment names it."""
    named = creditor.bank_of(account)
    member_id = bank.member_id or (named.id if named else None)
    return {"name": bank.name, "bic": bank.bic or None, "member_id": member_id}


def _may_be_agent(
    account: PartyAccount,
    forms: Forms,
    agent: Participant,
    participants: Sequence[Participant],
) -> bool:
    try:
        stated.check_creditor_account(account, forms, agent, participants)
    except Refused:
        return False
    return True


def _element(found: Identifier | None) -> dict[str, Any] | None:
    """`CdtrAcct` of a pacs.008 in JSON."""
    if found is None:
        return None
    return {
        "Id": {"IBAN": found.value} if found.kind is IdentifierKind.IBAN else {"Othr": {"Id": found.value}}
    }


def _document(code: PaymentCode) -> dict[str, Any]:
    amount = code.amount and {"currency": code.amount.currency, "amount": code.amount.text}
    return {
        "country": code.country,
        "scheme": code.scheme,
        "currency": code.currency,
        "amount": amount,
        "payee": code.payee,
        "payee_kind": code.kind.value,
        "name": code.name,
        "city": code.city,
        "reference": code.reference,
        "category": code.category,
        "single_use": code.dynamic,
        "more": dict(code.more),
        "warnings": list(code.warnings),
    }
