"""`POST /v1/qr`: read the QR code of a merchant abroad into the draft of a payment.

The text may be of any scheme of the installed countries. The draft has what a pacs.008 needs of the code: the
amount that the code demands, the creditor's account as the rail pays it, and the participants that may be its
creditor agent. The caller adds its own side, asks for a quote, and pays. Nothing is stored.

A payee that only the scheme itself can resolve to an account (a merchant id of UnionPay, ERIP or SBP) gives a
draft without an account: the code can be shown, and cannot be paid.
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
from adapters.qr import payload
from adapters.qr.model import PayeeKind, PaymentCode
from schemas.errors import InvalidMessage, Problem, Refused
from schemas.payment import PartyAccount
from schemas.reasons import Reason
from switch.api import body as bodies
from switch.api import suspension
from switch.api.authentication import authenticate
from switch.api.reads import Context
from switch.api.runtime import Runtime
from switch.base.decoding import decoded
from switch.payments import indirect, stated
from switch.payments.directory import Participant
from switch.payments.rails import Rail

router = APIRouter(prefix="/v1")
_BODY_MAX: Final = 32 * 1024
_PAYS_CUSTOMERS: Final = "direct"
"""Kind of the participants that have customers: not FX providers, agents, central banks."""
Forms = tuple[IdentifierForm, ...]


class QrText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of a QR code, as a scanner gives it."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=payload.TEXT_MAX)]


@router.post("/qr", operation_id="readQrCode", tags=["payments"])
async def read_qr_code(request: Request, context: Context) -> JSONResponse:
    """Read a QR code of any installed country into the draft of a payment; nothing is stored."""
    raw = await bodies.read(request, _BODY_MAX)
    suspension.require_active(await authenticate(request, raw))
    code = _read(decoded(raw, QrText).text)
    rail = context.rails.get(code.country)
    forms = rail.adapter.profile.creditor if rail else ()
    account = None if code.kind is PayeeKind.MERCHANT else _account(code, forms)
    directory = context.directory.now
    agents = [] if account is None else _agents(account, forms, code.country, directory.participants)
    if account is not None and rail is not None:
        agents = await _with_indirect(context, rail, account, agents)
    return JSONResponse({**_document(code), "creditor_account": _element(account), "creditor_agents": agents})


def _read(text: str) -> PaymentCode:
    """Parse the code; a refusal names the field of the request, and the object of the code in words."""
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


async def _with_indirect(context: Runtime, rail: Rail, found: Identifier, agents: list[str]) -> list[str]:
    """The bank that the account names, if it is reached over the rail: no participant is its agent then."""
    named = creditor.bank_of(found)
    bank = named and await indirect.owns(context.pool, rail, named.id, datetime.now(UTC))
    return [bank.bic] if bank and bank.bic else agents


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
