"""The other half of the port: a rail orders payments, asks and reverses, and the switch answers.

At this rail the switch is the participant of the payee's side. `read_request` parses what the rail sends,
`reply` is the response in the same exchange, `answer` is the message that reports an outcome later, and
`confirm` delivers it. All but `confirm` are pure: the same bytes and the same verdict give the same message,
so an answer is stored before it is sent, and sent again unchanged.

An adapter keeps no state. The switch stores the rail's bytes and decides: an order is `DONE` when the payee's
rail has credited it, `REFUSED` when nothing can arrive any more, and `PENDING` until then.
"""

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

from adapters import uetr as uetrs
from adapters.port import Acknowledgement, Outcome, Payee, Receipt
from schemas.credit_transfer import QUOTE_ID
from schemas.errors import InvalidMessage
from schemas.identifiers import is_bic
from schemas.money import Money
from schemas.own_uetr import is_reserved
from schemas.payment import NOT_PROVIDED, Agent, CreditTransfer, Party, PartyAccount

REF_MAX: Final = 64
"""Characters of an id that a rail gives an order."""
REPLY_SHARE: Final = 0.75
"""The part of a rail's time-out in which we answer in the exchange: the rest is for the way."""
_ID_MAX: Final = 35


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """A payment of a customer of the rail; the rail has taken the money from the payer, or holds it."""

    ref: str
    """The rail's id of the payment, which enquiries and reversals repeat; it names one payment for ever."""
    payment: CreditTransfer
    """Its UETR is `uetr_of` the rail and `ref`. The debtor agent is the payer's bank at the rail; the switch
    puts its own gateway in its place."""
    expires_at: datetime | None = None
    """The rail does not wait longer; aware. None: it states no limit."""


@dataclass(frozen=True, slots=True)
class PayeeQuery:
    """Whose account abroad this is and, if an amount is stated, what would arrive."""

    ref: str
    account: PartyAccount
    agent: Agent
    """The payee's bank abroad."""
    amount: Money | None = None
    """In the rail's currency."""
    purpose: str | None = None
    """ISO code of the purpose that the order will state: the price may depend on it."""
    quotable: bool = False
    """Whether the answer has a place for the id of a firm quote, and the rail's order one to name it."""


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """What became of an order."""

    ref: str
    original: str
    """`PaymentOrder.ref` of the order."""


@dataclass(frozen=True, slots=True)
class ReturnOrder:
    """The rail does not want an order any more: it must not be executed, if that is still possible."""

    ref: str
    original: str
    """`PaymentOrder.ref` of the order."""


InboundRequest = PaymentOrder | PayeeQuery | StatusQuery | ReturnOrder


@dataclass(frozen=True, slots=True)
class OrderVerdict:
    """What the switch says about an order, a status query or a reversal.

    Of a reversal, `DONE` means that the order was not and will not be executed, and `REFUSED` that it was.
    """

    outcome: Outcome
    """DONE, REFUSED or PENDING; NOT_FOUND for a query about an order that never came: it is barred."""
    at: datetime
    """When it was decided; aware, whole milliseconds. All times of the message come from here."""
    reason: str | None = None
    """ISO ExternalStatusReason1Code, with REFUSED."""


@dataclass(frozen=True, slots=True)
class PayeeVerdict:
    """What the switch says about an account abroad. `payee` is None if nobody has it."""

    at: datetime
    payee: Payee | None = None
    """With a masked name."""
    credit: Money | None = None
    """What would arrive of the stated amount."""
    rate: str = ""
    """Units of the credited currency for one of the rail's; empty in one currency or without an amount."""
    quote: str = ""
    """Id of the firm quote of this price, for an order to name; empty if the price is only a forecast."""
    until: datetime | None = None
    """When the quote ends; aware."""


@runtime_checkable
class OriginatingAdapter(Protocol):
    """An adapter whose rail can also originate payments."""

    @property
    def reply_within_s(self) -> float:
        """Seconds that the rail waits for the outcome in the exchange of an order, before the time scale.

        0: it wants a receipt at once, and the outcome later.
        """

    def read_request(self, raw: bytes, *, stored: bool = False) -> InboundRequest | None:
        """Parse a message of the rail; None if it is no request, so that `decode` may be about it. Pure.

        `stored`: its signature was verified when it came, perhaps with another key.

        Raises:
            schemas.errors.InvalidMessage: a request that is malformed, or states what we cannot honour.
            schemas.errors.NotAuthentic: the rail did not sign it.

        """

    def reply(self, raw: bytes, verdict: OrderVerdict) -> Acknowledgement:
        """The response in the exchange to an order, a status query or a reversal. Pure."""

    def reply_payee(self, raw: bytes, verdict: PayeeVerdict) -> Acknowledgement:
        """The response in the exchange to a query about a payee. Pure."""

    def answer(self, raw: bytes, verdict: OrderVerdict) -> bytes:
        """The message that reports the final outcome of an order or of a reversal. Pure."""

    async def confirm(self, answer: bytes) -> Receipt:
        """Deliver a stored answer; never raises because of the network.

        ACCEPTED: the rail has it, now or from before. REFUSED: the rail says that it has ended this order
        otherwise. UNKNOWN: it must be delivered again.
        """


RequestHandler = Callable[[bytes], Coroutine[None, None, Acknowledgement | None]]
"""Answers a request of a rail; None: it gets no answer, and the rail asks again."""


@runtime_checkable
class ServingAdapter(Protocol):
    """An adapter whose rail sends its requests on the connections that we opened, not to our address."""

    def serve(self, asked: RequestHandler) -> None:
        """Keep connections open from now on, and answer each request on the connection on which it came.

        Called in the running event loop. At most a fixed number of requests is answered at once; those above
        it get no answer.
        """


def uetr_of(country: str, ref: str) -> str:
    """The UETR of a rail's order: whoever makes it again makes the same one. Of version 4 in form.

    It is never one that the rail states: another party chose that, and it may be somebody else's.
    """
    for attempt in range(256):
        digest = hashlib.sha256(f"rail order\n{country}\n{ref}\n{attempt}".encode()).digest()
        made = str(UUID(bytes=digest[:16], version=4))
        if not is_reserved(made):
            return made
    raise AssertionError("256 hashes with one end")


def order_of(
    country: str,
    ref: str,
    amount: Money,
    *,
    made_at: datetime,
    expires_at: datetime | None,
    end_to_end_id: str | None,
    debtor: Party,
    debtor_account: PartyAccount | None,
    debtor_agent: Agent,
    creditor: Party,
    creditor_account: PartyAccount,
    creditor_agent: Agent,
    purpose: str | None = None,
    remittance: str | None = None,
    quote: str | None = None,
) -> PaymentOrder:
    """The order that a rail of its own format states; its ids are derived from `ref`.

    `quote` is the id that it names of a firm quote, as `PayeeVerdict.quote` has it.

    Raises:
        InvalidMessage: an id is malformed, or the amount is not more than zero.

    """
    if amount.minor <= 0:
        raise InvalidMessage("must be more than zero", path="amount")
    uetr = uetr_of(country, ref_of(ref))
    own_id = uetrs.to_hex(uetr)
    payment = CreditTransfer(
        uetr=uetr,
        message_id=own_id,
        created_at=made_at,
        end_to_end_id=(end_to_end_id or NOT_PROVIDED)[:_ID_MAX],
        transaction_id=own_id,
        interbank_settlement_amount=amount,
        charge_bearer="SLEV",
        debtor=debtor,
        debtor_account=debtor_account,
        debtor_agent=debtor_agent,
        creditor_agent=creditor_agent,
        creditor=creditor,
        creditor_account=creditor_account,
        purpose=purpose,
        remittance=remittance,
        quote=None if quote is None else quote_of(quote),
    )
    return PaymentOrder(ref, payment, expires_at)


def quote_of(text: str) -> str:
    """The id of a firm quote, which an order names as our answer stated it.

    Raises:
        InvalidMessage: it is no such id.

    """
    if QUOTE_ID.fullmatch(text) is None:
        raise InvalidMessage("not the id of a quote", path="quote")
    return text


def ref_of(text: str) -> str:
    """A rail's id of letters and digits.

    Raises:
        InvalidMessage: empty, too long, or with other characters.

    """
    if len(text) > REF_MAX or not text.isascii() or not text.isalnum():
        raise InvalidMessage("not an id of letters and digits")
    return text


def bank_abroad(bic: str, path: str) -> Agent:
    """The payee's bank abroad, by its BIC.

    Raises:
        InvalidMessage: not a BIC of a known country.

    """
    if not is_bic(bic):
        raise InvalidMessage("must be the BIC of the payee's bank", path=path)
    return Agent(bic=bic)


def message_id_of(ref: str, verdict: OrderVerdict | PayeeVerdict) -> str:
    """32 hexadecimal digits: the id of our message about a rail's id, one for each verdict and instant."""
    kind = verdict.outcome if isinstance(verdict, OrderVerdict) else "payee"
    return hashlib.sha256(f"answer\n{ref}\n{kind}\n{verdict.at.isoformat()}".encode()).hexdigest()[:32]
