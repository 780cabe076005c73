"""Reading of a QR code by people: who is paid, how much, at which bank, and what it would cost now.

It is what `POST /v1/qr` and an indicative quote say. The text of a code is posted: it is not in an address,
and not stored.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.qr import payload
from adapters.qr.model import PaymentCode
from schemas import files
from schemas.errors import InvalidAmount, NotFound, Refused
from schemas.money import Money
from switch.api import qr, quotes
from switch.api.people import check_same_origin
from switch.identity.permissions import Right, require
from switch.pages import language
from switch.pages.own import BASE, Own
from switch.pages.shell import PREFIX, Switch, Viewer, form, render
from switch.payments.directory import Participant
from switch.payments.quotes import AskedQuote

router = APIRouter(prefix=PREFIX + BASE, include_in_schema=False)
_FIXED: Final = "destination"
_TEXT: Final = "text"
NO_ACCOUNT: Final = "The code names a payee that only its own scheme can resolve: it cannot be paid."
NO_BANK: Final = "No bank that this switch reaches has the account."
NO_AMOUNT: Final = "The code states no amount: enter one, to see the price."


@router.get("/qr")
async def get_qr(request: Request, person: Viewer, own: Own) -> Response:
    """Show the form, empty."""
    require(person, Right.READ_POSITIONS, participant=own.id)
    return render(request, "own_qr.html", person, values={}, text_max=payload.TEXT_MAX, **_nothing())


@router.post("/qr")
async def post_qr(request: Request, switch: Switch, person: Viewer, own: Own) -> Response:
    """Read a code, and price a payment of it."""
    check_same_origin(request)
    require(person, Right.READ_POSITIONS, participant=own.id)
    values = await form(request)
    shown = _nothing()
    try:
        code = qr.read(values.get(_TEXT, "").strip())
        shown["draft"] = await qr.draft_of(switch, code)
        typed = language.of(request).plain(values.get("amount", ""))
        shown |= await _price(switch, own, code, shown["draft"], typed)
    except Refused as refused:
        shown["problem"] = refused.detail
    shown["json"] = shown["draft"] and files.indented(shown["draft"])
    status = 422 if shown["problem"] else 200
    return render(request, "own_qr.html", person, status, values=values, text_max=payload.TEXT_MAX, **shown)


def _nothing() -> dict[str, Any]:
    return {"problem": "", "draft": None, "json": None, "price": None, "unpriced": ""}


async def _price(
    switch: Switch, own: Participant, code: PaymentCode, draft: Mapping[str, Any], typed: str
) -> dict[str, Any]:
    """What a payment of the code would cost, or why there is no price."""
    bank, agents = draft["indirect_participant"], draft["creditor_agents"]
    member = bank and not bank["bic"] and bank["member_id"]
    if draft["creditor_account"] is None:
        return {"unpriced": NO_ACCOUNT}
    if not agents and not member:
        return {"unpriced": NO_BANK}
    amount = code.amount.text if code.amount else typed.strip()
    if not amount:
        return {"unpriced": NO_AMOUNT}
    try:
        Money.parse(amount, code.currency)
        asked = AskedQuote(
            creditor_agent=None if member else agents[0],
            creditor_member_id=member or None,
            amount=amount,
            currency=code.currency,
            fixed=_FIXED,
        )
        route, price = await quotes.priced(switch, own, asked, datetime.now(UTC), quotes.MEMBERS)
    except (InvalidAmount, NotFound, Refused) as refused:
        return {"problem": refused.detail}
    return {"price": quotes.terms_document(route, price, asked.charge_bearer)}
