"""Quotes: what a payment would credit and cost.

`GET /v1/quotes` is indicative: it reserves nothing, and rates may change. A payment that states the quoted
amount as its `InstdAmt`, or the rate as its `XchgRate`, is refused once they no longer apply.

`POST /v1/quotes` makes a firm quote: its terms are promised to one payment of the caller until it expires,
and it ends by itself. `switch/payments/quotes.py` has what a payment that names it must state.

Both use the routing and pricing of payments, so they are refused for the same reasons.
"""

from collections.abc import Container
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse

from schemas.errors import InvalidAmount, NotFound, Refused, Unavailable
from schemas.money import EXPONENTS, Money
from schemas.reasons import Reason
from switch.api import aliases, suspension
from switch.api import body as bodies
from switch.api.authentication import SIGNED, authenticate
from switch.api.proof import Signed
from switch.api.reads import Context, Reader
from switch.api.runtime import Runtime
from switch.base.decoding import decoded
from switch.payments import indirect, pricing, promising, quotes, rail_profile, routes
from switch.payments.directory import Participant
from switch.payments.indirect import IndirectParticipant
from switch.payments.intake import OFFER_GONE
from switch.payments.journey import charge_document
from switch.payments.promising import Charging
from switch.payments.quotes import (
    ALIAS_MAX,
    CLEARING_SYSTEM,
    MEMBER_ID,
    SOURCE,
    AskedAlias,
    AskedQuote,
    Quote,
)
from switch.payments.tariffs import SERVICE_LEVEL
from switch.writer.commands import Evidence, Reply
from switch.writer.verdicts import Verdict

router = APIRouter(prefix="/v1")
_BODY_MAX: Final = 4 * 1024
Places = dict[str, str]
_CURRENCY: Final = f"{pricing.AMOUNT}/Ccy"
_PARAMETERS: Final[Places] = {
    pricing.CREDITOR_AGENT: "query.creditor_agent",
    "creditor_agent": "query.creditor_agent",
    "creditor_member_id": "query.creditor_member_id",
    "creditor_alias.country": "query.creditor_alias_country",
    "creditor_alias.alias": "query.creditor_alias",
    pricing.AMOUNT: "query.amount",
    _CURRENCY: "query.currency",
    pricing.CHARGE_BEARER: "query.charge_bearer",
}
"""Path in a payment, or member of the body of a firm quote -> the parameter that stands for it."""
MEMBERS: Final[Places] = {
    pricing.CREDITOR_AGENT: "creditor_agent",
    pricing.AMOUNT: "amount",
    _CURRENCY: "currency",
    pricing.CHARGE_BEARER: "charge_bearer",
}
"""Path in a payment -> the member of the body that stands for it."""


@router.get("/quotes", operation_id="getQuote", tags=["payments"])
async def get_quote(
    context: Context,
    reader: Reader,
    *,
    creditor_agent: Annotated[
        str | None,
        Query(
            pattern="^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$",
            description="the BIC of the bank; may be left out with one of the parameters below",
        ),
    ] = None,
    amount: Annotated[
        str,
        Query(pattern=r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,5})?$", description="a decimal number, as 1500.00"),
    ],
    currency: Annotated[
        str, Query(pattern="^[A-Z]{3}$", description="an ISO 4217 code: three capital letters")
    ],
    charge_bearer: Annotated[
        Literal["DEBT", "CRED", "SHAR", "SLEV"],
        Query(description="who bears the charges, as `ChrgBr` states"),
    ] = SERVICE_LEVEL,
    purpose: Annotated[
        str, Query(pattern="^[A-Z0-9]{0,4}$", description="the code of its purpose, as `Purp/Cd` states")
    ] = "",
    creditor_member_id: Annotated[
        str | None,
        Query(pattern=MEMBER_ID, description="id in a clearing system of a bank that has no BIC"),
    ] = None,
    creditor_clearing_system: Annotated[
        str | None,
        Query(pattern=CLEARING_SYSTEM, description="its clearing system, where several have this id"),
    ] = None,
    creditor_alias: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=ALIAS_MAX,
            description="an alias or account, whose bank the rail names",
        ),
    ] = None,
    creditor_alias_country: Annotated[
        str | None, Query(pattern="^[A-Z]{2}$", description="the country of the rail that has the alias")
    ] = None,
) -> JSONResponse:
    """Get what a credit transfer of `amount` by the caller to a bank would credit and cost.

    An alias is looked up as an account is: within the same quota, and recorded in the log.
    """
    suspension.require_active(reader)
    now = datetime.now(UTC)
    asked = AskedQuote(
        creditor_agent=creditor_agent,
        creditor_member_id=creditor_member_id,
        creditor_clearing_system=creditor_clearing_system,
        creditor_alias=_alias(creditor_alias, creditor_alias_country),
        amount=amount,
        currency=currency,
        charge_bearer=charge_bearer,
        purpose=purpose or None,
    )
    try:
        asked = await _with_bank(context, reader, asked)
    except Refused as refused:
        refused.path = _PARAMETERS.get(refused.path or "", refused.path)
        raise
    route, price = await priced(context, reader, asked, now, _PARAMETERS)
    return JSONResponse(
        {
            **terms_document(route, price, charge_bearer),
            "refused_now": await _refused_now(context, route, price),
            "within_limits": True,
            "opens_at": datetime.fromtimestamp(route.opens_at / 1_000_000, UTC).isoformat(),
            "quoted_at": now.isoformat(),
        }
    )


def _alias(alias: str | None, country: str | None) -> AskedAlias | None:
    """The alias of a quote.

    Raises:
        Refused: RC04 its country is missing, or there is a country without an alias.

    """
    if alias is None and country is None:
        return None
    if alias is None or country is None:
        text = "an alias is asked for with its country: state creditor_alias and creditor_alias_country"
        path = "query.creditor_alias" if alias is None else "query.creditor_alias_country"
        raise Refused(text, reason=Reason.INVALID_CREDITOR_BANK_IDENTIFIER, path=path)
    return AskedAlias(country=country, alias=alias)


@router.post("/quotes", operation_id="makeQuote", tags=["payments"], status_code=201)
async def make_quote(request: Request, context: Context) -> JSONResponse:
    """Get a firm quote: the terms of one credit transfer by the caller, promised until `expires_at`.

    `fixed` states whether `amount` is debited (`source`) or credited (`destination`). A payment uses the
    quote by naming its id, and is executed at exactly its terms. A repeated request makes another quote; one
    that is not used ends by itself.
    """
    raw = await bodies.read(request, _BODY_MAX)
    caller = await authenticate(request, raw)
    suspension.require_active(caller)
    asked = await _with_bank(context, caller, decoded(raw, AskedQuote))
    signed: Signed | None = request.scope[SIGNED]
    evidence = Evidence(signed.keyid, signed.signature, signed.base, raw) if signed else None

    async def price_now(now: datetime, without: Container[int]) -> tuple[routes.Route, pricing.Price]:
        return await priced(context, caller, asked, now, MEMBERS, without)

    charging = Charging(asked.charge_bearer, asked.purpose or "")
    valid_s = context.settings.quote_valid_s
    reply, route, price, expires_at = await promising.ask(
        context.link, context.directory, price_now, charging, evidence, valid_s
    )
    document = _promised(reply, asked, route, price, expires_at)
    document["refused_now"] = await _refused_now(context, route, price)
    return JSONResponse(document, 201, {"Location": f"/v1/quotes/{reply.detail}"})


async def _with_bank(context: Runtime, caller: Participant, asked: AskedQuote) -> AskedQuote:
    """What is asked, with the bank of an alias.

    Raises:
        Refused: RC04 it names neither a bank nor an alias, or a bank twice; otherwise as `aliases.bank_of`.

    """
    if asked.creditor_member_id is not None:
        if asked.creditor_agent is None and asked.creditor_alias is None:
            return asked
        text = "names a bank that has no BIC: leave out creditor_agent and creditor_alias"
        raise Refused(text, reason=Reason.INVALID_CREDITOR_BANK_IDENTIFIER, path="creditor_member_id")
    if asked.creditor_alias is not None:
        now = datetime.now(UTC)
        bic = await aliases.bank_of(context, caller, asked.creditor_alias, asked.creditor_agent, now)
        return msgspec.structs.replace(asked, creditor_agent=bic)
    if asked.creditor_agent is None:
        text = "a quote names the bank to be paid, by its BIC, by creditor_member_id or by creditor_alias"
        raise Refused(text, reason=Reason.INVALID_CREDITOR_BANK_IDENTIFIER, path="creditor_agent")
    return asked


async def _refused_now(context: Runtime, route: routes.Route, price: pricing.Price) -> str | None:
    directory = context.directory.now
    return await quotes.refused_now(context.pool, price, route.debtor.id, route.corridor, directory)


def _promised(
    reply: Reply, asked: AskedQuote, route: routes.Route, price: pricing.Price, expires_at: datetime
) -> dict[str, Any]:
    """The document of a promise.

    Raises:
        Refused: the caller has too many open quotes.
        Unavailable: nothing was promised.

    """
    if reply.verdict in OFFER_GONE:
        raise Unavailable("FX providers are changing their offers; nothing was promised")
    if reply.verdict is Verdict.LATE:
        raise Unavailable("processing took too long, or a clock is wrong; nothing was decided")
    if reply.verdict is not Verdict.CREATED:
        raise Refused(reply.detail, reason=reply.reason)
    return {
        "id": reply.detail,
        **terms_document(route, price, asked.charge_bearer),
        "purpose": asked.purpose,
        "expires_at": expires_at.isoformat(),
        "used_by": None,
    }


@router.get("/quotes/{id}", operation_id="getFirmQuote", tags=["payments"])
async def get_firm_quote(
    context: Context,
    reader: Reader,
    id: Annotated[UUID, Path()],  # noqa: A002
) -> JSONResponse:
    """Get a firm quote of the caller, and the payment that used it."""
    found = await quotes.find(context.pool, id, reader.id)
    if found is None:
        raise NotFound
    document = _document(context, found)
    document["refused_now"] = await _found_refused_now(context, reader, found)
    return JSONResponse(document)


async def _found_refused_now(context: Runtime, reader: Participant, found: Quote) -> str | None:
    """Why a payment at an open quote would be refused now; None if it would not be, or the quote is over."""
    directory = context.directory.now
    creditor = directory.by_id.get(found.creditor_agent)
    pair = reader.country, creditor.country if creditor else ""
    corridor = directory.corridor_by_pair.get(pair)
    if found.used_by is not None or found.expires_at <= datetime.now(UTC) or corridor is None:
        return None
    return await quotes.refused_now(context.pool, found.price, reader.id, corridor, directory)


def _document(context: Runtime, quote: Quote) -> dict[str, Any]:
    price, creditor = quote.price, context.directory.now.by_id.get(quote.creditor_agent)
    rail = context.rails.get(quote.rail)
    return {
        "id": str(quote.id),
        "creditor_agent": creditor.bic if creditor else "",
        "rail": quote.rail,
        "rail_name": rail.adapter.profile.rail if rail else "",
        **_amounts(price, quote.bearer),
        "purpose": quote.purpose or None,
        "expires_at": quote.expires_at.isoformat(),
        "used_by": str(quote.used_by) if quote.used_by else None,
    }


def terms_document(route: routes.Route, price: pricing.Price, bearer: str) -> dict[str, Any]:
    """The bank, the rail and the amounts of a quote."""
    profile = route.rail.adapter.profile
    return {
        "creditor_agent": route.bank.bic or route.creditor.bic,  # of one without a BIC, its gateway
        "rail": profile.country,
        "rail_name": profile.rail,
        **_amounts(price, bearer),
    }


def _amounts(price: pricing.Price, bearer: str) -> dict[str, Any]:
    cross = price.cross
    return {
        "interbank_settlement_amount": _money(price.stated),
        "charge_bearer": bearer,
        "fee": _money(price.fee),
        "charges": [charge_document(each, price.fee.currency) for each in price.charges],
        "debited_amount": _money(price.paid),
        "credited_amount": _money(price.credit),
        "exchange_rate": price.rate or None,
        "fx_provider": price.fx_provider or None,
        "improvement_bps": price.improvement_bps,
        "cross": cross
        and {
            "currency": cross.via,
            "first_rate": cross.first_rate,
            "second_rate": cross.second_rate,
            "first_provider": cross.first_provider or price.fx_provider,
        },
    }


async def priced(  # noqa: PLR0917 - what a price depends on
    context: Runtime,
    debtor: Participant,
    asked: AskedQuote,
    now: datetime,
    places: Places,
    without: Container[int] = (),
) -> tuple[routes.Route, pricing.Price]:
    """The route and the price of the payment that is asked about; faults are at the caller's own places.

    Raises:
        InvalidAmount: zero, or too many decimals for its currency.
        NotFound: there is no such creditor agent.
        Refused: a payment would be refused too.

    """
    if asked.currency not in EXPONENTS:
        text = "is no active currency of ISO 4217"
        raise Refused(text, reason=Reason.INVALID_TRANSACTION_CURRENCY, path=places[_CURRENCY])
    try:
        amount = Money.parse(asked.amount, asked.currency)
    except InvalidAmount as error:
        place = places[pricing.AMOUNT]
        raise InvalidAmount(error.detail, reason=Reason(error.reason), path=place, rule="amount") from None
    bank = None
    try:
        agent = quotes.agent_of(asked)
        if indirect.may_be(agent, context.directory.now):
            bank = await indirect.find(context.pool, agent, context.rails, now)
            if bank is None:
                text = (
                    "there is no participant with this BIC or id: GET /v1/participants lists them, and "
                    "GET /v1/indirect-participants the banks that are reached over a rail"
                )
                raise NotFound(text, path=places[pricing.CREDITOR_AGENT])
        return _price(context, debtor, asked, amount, now, without, bank)
    except Refused as refused:
        refused.path = places.get(refused.path or "", refused.path)
        raise


def _price(  # noqa: PLR0917 - what a price depends on
    context: Runtime,
    debtor: Participant,
    asked: AskedQuote,
    amount: Money,
    now: datetime,
    without: Container[int],
    bank: IndirectParticipant | None,
) -> tuple[routes.Route, pricing.Price]:
    directory = context.directory.now
    expires_at = now + timedelta(seconds=context.settings.payment_expiry_s)
    currency = asked.currency if asked.fixed == SOURCE else _own_currency(context, debtor)
    route = routes.find(
        directory,
        context.rails,
        debtor,
        asked.creditor_agent or "",
        currency,
        now=now,
        expires_at=expires_at,
        indirect=bank,
    )
    bearer, purpose = asked.charge_bearer, asked.purpose or ""
    if asked.fixed == SOURCE:
        price = routes.price(
            amount, route, directory, at=now, bearer=bearer, purpose=purpose, without=without
        )
    else:
        price = routes.price_of_credit(
            amount, currency, route, directory, at=now, bearer=bearer, purpose=purpose, without=without
        )
    pricing.legs(price, route.debtor, route.creditor, route.corridor, directory)  # an account is there
    rail_profile.check_limits(price.credit, route.rail.adapter.profile.limits)
    return route, price


def _own_currency(context: Runtime, debtor: Participant) -> str:
    """The currency that the caller's payments are debited in.

    Raises:
        Refused: AM03 no rail of its country is connected, so it is not known.

    """
    own = context.rails.get(debtor.country)
    if own is None:
        text = "no rail of your country is connected, so only the source amount can be fixed"
        raise Refused(text, reason=Reason.NOT_ALLOWED_CURRENCY, path=pricing.AMOUNT)
    return own.adapter.profile.currency


def _money(amount: Money) -> dict[str, Any]:
    return {"currency": amount.currency, "amount": amount.text}
