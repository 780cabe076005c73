"""Firm quotes: their terms, and what of a payment that names one must be as they say.

A quote is priced as a payment at that instant would be, and promised by the writer
(`switch/writer/quotes.py`). What is fixed is the amount that is debited (`source`) or the one that is
credited (`destination`); the other follows, in whole units of what the rail can carry. The remainder of a
unit stays with the FX provider. Its charges are promised, too: they are found once, by the charge bearer and
the purpose that the payment must then state, and tariffs that change meanwhile do not count.
"""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import asyncpg
import msgspec

from schemas import verdict
from schemas.credit_transfer import ROOT
from schemas.errors import Refused
from schemas.findings import Finding
from schemas.money import Money
from schemas.payment import Agent, CreditTransfer, PartyAccount
from schemas.reasons import Reason
from switch.base.personal_data import KeyRing
from switch.base.sql import statements
from switch.payments import tariffs
from switch.payments.directory import Corridor, DirectorySnapshot
from switch.payments.pricing import Price, purpose_of
from switch.payments.routes import Route
from switch.writer.commands import Cross, FeeCharge
from switch.writer.limits import DailyUse, Limit, judge

_READ: Final = statements("switch.payments")("read_quote")
_LIQUIDITY: Final = statements("switch.payments")("liquidity_of_account")
_CHARGES: Final = msgspec.json.Decoder(list[FeeCharge])
_CROSS: Final = msgspec.json.Decoder(Cross | None)
_TX: Final = f"{ROOT}/CdtTrfTxInf"


SOURCE: Final = "source"
DESTINATION: Final = "destination"


ALIAS_MAX: Final = 256
MEMBER_ID: Final = "^[A-Za-z0-9@][A-Za-z0-9@._-]{0,34}$"
CLEARING_SYSTEM: Final = "^[A-Z0-9]{1,5}$"


class AskedAlias(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is to be paid, by an alias that a country's rail knows."""

    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", description="country of the rail")]
    alias: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=ALIAS_MAX,
            description="phone, payment address or account, as `CdtrAcct` has it",
        ),
    ]


class AskedQuote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a quote is asked for: which amount is fixed, in its currency, and the bank to be paid.

    The bank is named by its BIC, by its id in a clearing system, or by an alias of the creditor; with one of
    the first two, the alias must be at this bank.
    """

    creditor_agent: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=r"^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$",
                description="a BIC; may be left out with `creditor_alias`",
            ),
        ]
        | None
    ) = None
    creditor_member_id: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=MEMBER_ID,
                description="id in a clearing system, as `ClrSysMmbId/MmbId`, of a bank that has no BIC",
            ),
        ]
        | None
    ) = None
    creditor_clearing_system: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=CLEARING_SYSTEM,
                description="the clearing system of `creditor_member_id`, where several have this id",
            ),
        ]
        | None
    ) = None
    creditor_alias: AskedAlias | None = None
    amount: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,5})?$", description="a decimal number, as 1500.00"
        ),
    ]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", description="an ISO 4217 code")]
    fixed: Annotated[
        Literal["source", "destination"],
        msgspec.Meta(description="whether the amount is debited (source) or credited (destination)"),
    ] = SOURCE
    charge_bearer: Annotated[
        Literal["DEBT", "CRED", "SHAR", "SLEV"],
        msgspec.Meta(
            description="who bears the charges, as `ChrgBr`; DEBT or SLEV if `fixed` is `destination`"
        ),
    ] = "SLEV"
    purpose: (
        Annotated[
            str,
            msgspec.Meta(
                pattern="^[A-Z0-9]{1,4}$",
                description="code of the payment's purpose (Purp/Cd), if it will state one",
            ),
        ]
        | None
    ) = None


def agent_of(asked: AskedQuote) -> Agent:
    """The bank that a quote is asked for, as far as it is named."""
    if asked.creditor_agent is not None:
        return Agent(bic=asked.creditor_agent)
    return Agent(member_id=asked.creditor_member_id, clearing_system=asked.creditor_clearing_system)


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A firm quote of a participant, and the payment that used it."""

    id: UUID
    participant: str
    creditor_agent: str
    rail: str
    price: Price
    bearer: str
    """Charge bearer that the payment must state."""
    purpose: str
    """Code of the purpose that it must state; empty if it must state none."""
    expires_at: datetime
    used_by: UUID | None
    """UETR of the payment; None while it is not used."""
    payee: bytes | None = None
    """Keyed, of the account that a rail looked up (`payee_claim`); None: it is for any account."""


async def find(connection: asyncpg.Pool | asyncpg.Connection, id_: UUID, participant: str) -> Quote | None:
    """A quote of a participant; None if it has none of this id."""
    row = await connection.fetchrow(_READ, id_, participant)
    if row is None:
        return None
    debit = Money(row["debit_minor"], row["debit_currency"])
    price = Price(
        debit=debit,
        credit=Money(row["credit_minor"], row["credit_currency"]),
        fee=Money(row["fee_minor"], debit.currency),
        charges=tuple(_CHARGES.decode(row["charges"])) or tariffs.of_corridor(row["fee_minor"]),
        fx_provider=row["fx_provider"],
        rate=row["rate"],
        offer=row["offer"],
        improvement_bps=row["improvement_bps"],
        cross=_CROSS.decode(row["crossing"]),
    )
    return Quote(
        id=row["id"],
        participant=row["participant"],
        creditor_agent=row["creditor_agent"],
        rail=row["rail"],
        price=price,
        bearer=row["bearer"],
        purpose=row["purpose"],
        expires_at=row["expires_at"],
        used_by=row["used_by"],
        payee=row["payee"],
    )


def payee_claim(keys: KeyRing, participant: str, account: PartyAccount | None) -> bytes:
    """The fingerprint of a payee's account that a participant, or a rail for its gateway, looks up."""
    return keys.claim(participant, "lookup", (account and account.id) or "")


async def refused_now(
    connection: asyncpg.Pool | asyncpg.Connection,
    price: Price,
    debtor: str,
    corridor: Corridor,
    directory: DirectorySnapshot,
) -> Reason | None:
    """Why the debtor agent could not pay this price now: AM14 its limits, AM23 its headroom.

    A price promises no liquidity: what is true now, the writer decides again for each payment.
    """
    account = directory.account_id.get((debtor, price.paid.currency, purpose_of(corridor)))
    row = await connection.fetchrow(_LIQUIDITY, account, debtor, price.paid.currency)
    minor = price.paid.minor
    if row is None:
        return None
    used = DailyUse(0, row["used_minor"])
    if judge(Limit(row["per_payment"], row["per_day"]), used, 0, minor) is not None:
        return Reason.AMOUNT_EXCEEDS_AGREED_LIMIT
    short = row["headroom"] is not None and row["headroom"] < minor
    return Reason.AMOUNT_EXCEEDS_SETTLEMENT_LIMIT if short else None


async def price_of(  # noqa: PLR0917 - what it depends on
    connection: asyncpg.Pool | asyncpg.Connection,
    keys: KeyRing,
    payment: CreditTransfer,
    route: Route,
    charging: tuple[str, str],
    now: datetime,
) -> Price:
    """The price of a payment that names a quote: exactly the quote's, with its charges.

    `charging` is the payment's charge bearer and purpose code.

    The writer decides whether the quote is still open; what is said here has the better explanation.

    Raises:
        Refused: AB04 it is no quote of the debtor agent, it has expired or was used, or the payment differs
            from it; otherwise as `Route.check`.

    """
    assert payment.quote is not None
    quote = await find(connection, UUID(payment.quote), route.debtor.id)
    path = _place(payment)
    if quote is None:
        raise _refused("is not the id of a quote of the sender", path)
    if quote.used_by is not None and str(quote.used_by) != payment.uetr:
        raise _refused("is the id of a quote that another payment has used", path)
    if quote.used_by is None and quote.expires_at <= now:
        raise _refused("is the id of a quote that has expired", path)
    payee = payee_claim(keys, quote.participant, payment.creditor_account)
    _check(payment, quote, route, charging, is_payee=quote.payee in {None, payee})
    route.check(quote.price)
    return quote.price


def check_providers(payment: CreditTransfer, price: Price, directory: DirectorySnapshot) -> None:
    """Refuse the price of a quote of which an FX provider was suspended since: it converts nothing more.

    Raises:
        Refused: AB04.

    """
    first = "" if price.cross is None else price.cross.first_provider
    found = [directory.by_id.get(provider) for provider in (price.fx_provider, first) if provider]
    if any(provider is None or provider.status != "active" for provider in found):
        raise _refused("is the id of a quote whose FX provider is suspended", _place(payment))


def _place(payment: CreditTransfer) -> str:
    """Where a payment names its quote."""
    return "AgrdRate/QtId" if payment.agreed_rate is not None else "InstrForNxtAgt/InstrInf"


def _check(
    payment: CreditTransfer, quote: Quote, route: Route, charging: tuple[str, str], *, is_payee: bool
) -> None:
    """Refuse a payment to another bank or account, of another amount or otherwise charged than the quote."""
    bearer, purpose = charging
    wanted = (
        (route.creditor.id == quote.creditor_agent, "CdtrAgt", "is not the creditor agent of the quote"),
        (
            payment.interbank_settlement_amount == quote.price.stated,
            "IntrBkSttlmAmt",
            f"is not the interbank settlement amount of the quote, {quote.price.stated}",
        ),
        (is_payee, "CdtrAcct", "is not the account that was looked up for the quote"),
        (bearer == quote.bearer, "ChrgBr", f"is not the charge bearer of the quote, {quote.bearer}"),
        (
            purpose == quote.purpose,
            "Purp",
            f"is not the purpose of the quote, {quote.purpose}"
            if quote.purpose
            else "the quote has no purpose",
        ),
    )
    findings = [
        Finding("quote", f"{_TX}/{element}", Reason.ABORTED_SETTLEMENT, text)
        for agrees, element, text in wanted
        if not agrees
    ]
    if findings:
        raise verdict.refusal(findings)


def _refused(text: str, path: str) -> Refused:
    return Refused(text, reason=Reason.ABORTED_SETTLEMENT, path=f"{_TX}/{path}")
