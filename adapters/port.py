"""The port: the interface between the switch and the adapter of a rail.

An adapter translates messages; it keeps no state, never retries and never logs personal data. `check`,
`translate` and `decode` are pure. The result of a submission is a `Receipt`, not the outcome of the payment.
The outcome is an `Answer`, which may come in the same exchange, by a callback, by an enquiry, or in the
rail's end-of-cycle file. Anything that cannot be read is `UNKNOWN`, never "refused".
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from adapters.profile import RailProfile, Reservation
from schemas.money import Money
from schemas.payment import CreditTransfer
from schemas.signing.token import TokenKey


class Outcome(StrEnum):
    """The outcome of an order at the rail."""

    DONE = "done"
    REFUSED = "refused"
    RETURNED = "returned"
    """The rail gives the money back: of an order that it executed, or that it accepted and never executed.
    `amount` is what it gives back, and `rail_reference` its id of the return."""
    PENDING = "pending"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


class Acceptance(StrEnum):
    """The result of submitting an order."""

    ACCEPTED = "taken"
    REFUSED = "refused"
    """Nothing was sent, or the rail certainly will not execute it: the reservation may be released."""
    LATER = "later"
    """The rail is closed and certainly has not accepted the order: it may be sent again at a later
    instant."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OriginalMessage:
    """A pacs.008 as its sender wrote it."""

    version: str
    """Message definition: `pacs.008.001.08`."""
    content: Mapping[str, Any]
    """`GrpHdr`, the only `CdtTrfTxInf`, and the elements beside them."""

    @property
    def transaction(self) -> Mapping[str, Any]:
        """The only transaction, with the values that the group header states for it."""
        (transaction,) = self.content["CdtTrfTxInf"]
        kind = self.content["GrpHdr"].get("PmtTpInf")
        return {**transaction, "PmtTpInf": kind} if kind else transaction


@dataclass(frozen=True, slots=True)
class Order:
    """One credit that the rail must execute."""

    payment: CreditTransfer
    amount: Money
    """The amount that the creditor receives, in the rail's currency."""
    serial: int
    """A number from the switch's allocator: unique in one `profile.ids.period`, below
    `profile.ids.capacity`."""
    made_at: datetime
    """Aware, UTC, whole milliseconds. All native timestamps come from here, so translation is pure."""
    expires_at: datetime
    """The rail must not execute the order after this instant."""
    original: OriginalMessage | None = None
    """The pacs.008 of the order, if it came in one: elements that `payment` cannot hold are carried from
    there."""


@dataclass(frozen=True, slots=True)
class Native:
    """An order in the rail's format. `body` is stored before it is sent, and sent again unchanged."""

    ref: str
    """The rail's id of this payment, which retries, enquiries and answers carry."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Violation:
    """A reason why a rail cannot carry an order, found before anything is sent."""

    reason: str
    """ISO ExternalStatusReason1Code."""
    path: str
    """Element path in the pacs.008, e.g. `CdtTrfTxInf/CdtrAcct/Id`."""
    text: str
    """For people; never contains the sender's data."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rail's response about one order."""

    ref: str
    outcome: Outcome
    uetr: str | None = None
    """Present if the rail's ids contain it; otherwise the switch finds the payment by `ref`."""
    rail_code: str | None = None
    """The rail's own code, beside the ISO reason."""
    reason: str | None = None
    """ISO reason, with REFUSED, RETURNED or PENDING."""
    amount: Money | None = None
    """The amount that the rail reports as credited, or gives back; the switch compares it."""
    rail_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of submitting or undoing an order."""

    acceptance: Acceptance
    answer: Answer | None = None
    """The outcome, if the rail responds in the same exchange."""
    detail: str = ""
    """What happened in the exchange, for operators: `connect`, `http 502`, `timeout`."""
    not_before: datetime | None = None
    """With LATER: when the rail opens; aware."""


@dataclass(frozen=True, slots=True)
class Payee:
    """The owner of an alias or account; the rail may mask the name."""

    account: str
    agent: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The response to a rail's callback."""

    body: bytes
    content_type: str = "application/xml"
    status: int = 200
    """The HTTP status, where a rail has one of its own for this response."""


@dataclass(frozen=True, slots=True)
class RailConnection:
    """The address of a rail, and our keys and ids there."""

    base_url: str
    ca_file: Path | None = None
    """The authorities of the rail's certificate; without it, those that this machine trusts."""
    signing_key: bytes = b""
    """Our private key, PEM; empty if it is in a token."""
    rail_key: bytes = b""
    """The rail's public key, PEM."""
    identity: Mapping[str, str] = field(default_factory=dict)
    """Our ids at the rail: `{"org_id": "700001", "ifsc": "HDFC0000001"}`."""
    time_scale: float = 1.0
    """Scale of all time-outs except that to connect, which is never shortened: for tests and demos."""
    other_urls: tuple[str, ...] = ()
    """Further endpoints of the same rail, used when no connection can be made to the current one."""
    certificate_file: Path | None = None
    """Our TLS client certificate, PEM, with its key and the intermediate certificates."""
    certificate_key_file: Path | None = None
    connect_s: float | None = None
    """Replaces the profile's time-out to connect."""
    submit_s: float | None = None
    """Replaces the profile's time-out of an exchange."""
    simulated: bool = False
    """Whether a simulated rail is behind it, which moves no money."""
    signing_token: TokenKey | None = None
    """Where our private key is, if it is in a PKCS#11 token. `adapters.keys.signing` opens either."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Every endpoint in order of preference."""
        return (self.base_url, *self.other_urls)

    @property
    def connect_scale(self) -> float:
        """Scale of the time-out to connect, at least 1: a busy machine needs its time also in short tests."""
        return max(1.0, self.time_scale)


MessageHandler = Callable[[bytes], Coroutine[None, None, None]]
"""Processes an unsolicited message of a rail; `decode` parses it."""


@runtime_checkable
class ListeningAdapter(Protocol):
    """An adapter that receives unsolicited messages on its own connections, not only by callbacks."""

    def listen(self, overheard: MessageHandler) -> None:
        """Pass every message that no exchange waits for to the handler: a late response, or a second one."""


@runtime_checkable
class NoticeAdapter(Protocol):
    """An adapter whose rail also sends notices to operators: changed hours, an outage."""

    def notice(self, raw: bytes) -> str | None:
        """The text of a notice, in a message without an answer for `decode`; None if there is none. Pure.

        Raises:
            schemas.errors.InvalidMessage: not this rail's wire format.
            schemas.errors.NotAuthentic: the rail did not sign it.

        """


@runtime_checkable
class ReservingAdapter(Protocol):
    """An adapter whose rail holds an amount before crediting it, as `profile.reservation` states."""

    async def reserve(self, native: Native) -> Receipt:
        """Hold the amount of the stored order at the rail. No money moves; the same ids make one hold.

        ACCEPTED without an answer: the amount is held, or this order needs no hold; `submit` completes it,
        and an undo releases it. An answer is an outcome that the rail already knows, because the order was
        completed earlier.
        """


@runtime_checkable
class RecallingAdapter(Protocol):
    """An adapter whose rail passes recalls on to the payee's bank, as `profile.recalls` states."""

    async def recall(self, native: Native, reason: str) -> Answer:
        """Ask the payee's bank to give back an order that was executed. By itself it moves nothing.

        DONE: it gives the money back, which comes as `Outcome.RETURNED`; REFUSED: it does not, `reason` being
        of ExternalPaymentCancellationRejection1Code; everything else: it has not answered yet. The id of the
        recall follows from the order, so that a repetition asks for the answer.

        Args:
            native: The order.
            reason: ExternalCancellationReason1Code, or the debtor agent's own.

        """


async def reserve_and_submit(adapter: "RailAdapter", native: Native) -> Receipt:
    """Submit an order, after a hold if the rail can hold amounts.

    If the rail refuses the hold, the order is refused. Without a response to the hold the result is UNKNOWN,
    because an earlier attempt with the same bytes may have been completed.
    """
    if adapter.profile.reservation is not Reservation.NONE and isinstance(adapter, ReservingAdapter):
        held = await adapter.reserve(native)
        if held.acceptance is not Acceptance.ACCEPTED or held.answer is not None:
            return held
    return await adapter.submit(native)


class RailAdapter(Protocol):
    """One rail. Made by the entry point in `payswitch.adapters`: `adapter(connection) -> RailAdapter`."""

    @property
    def profile(self) -> RailProfile:
        """The properties of the rail, as data."""

    def check(self, order: Order) -> Sequence[Violation]:
        """Every reason why this rail cannot carry the order; empty if it can. Pure."""

    def translate(self, order: Order) -> Native:
        """The order in the rail's format, signed if required. Pure: the same order gives the same bytes."""

    def decode(self, raw: bytes) -> Sequence[Answer]:
        """Parse a callback, push or late response; empty if it is about no order. Pure.

        Raises:
            schemas.errors.InvalidMessage: not this rail's wire format.
            schemas.errors.NotAuthentic: the rail did not sign it.

        """

    def acknowledge(self, raw: bytes) -> Acknowledgement:
        """The response that the rail expects to a callback that `decode` parsed. Pure."""

    async def submit(self, native: Native) -> Receipt:
        """Send the stored bytes, or complete the hold that `reserve` made.

        Never raises because of the network: that is UNKNOWN.
        """

    async def enquire(self, native: Native) -> Answer:
        """Ask for the outcome of the order. Without a usable response it is UNKNOWN, never NOT_FOUND."""

    async def undo(self, native: Native, reason: str) -> Receipt:
        """Ask the rail to undo, as `profile.undo` states; a separate order with its own outcome.

        For credits that two people have decided to take back. The switch never undoes an order with an
        unknown outcome on a guess: it enquires. The id of the undo follows from the order, so that a
        repetition has the result of the first. If the rail answers in the exchange (`profile.reverses`),
        the answer is DONE for a credit that is taken back, and REFUSED if there was none to take.
        """

    async def resolve(self, alias: str) -> Payee | None:
        """The owner of an account or alias; None if the rail does not know it."""

    async def probe(self) -> bool:
        """Whether the rail responds at all."""

    def reconcile(self, cycle: str) -> AsyncIterator[Answer]:
        """The rail's own list of executed and refused orders in a cycle: a day of its clock, `YYYY-MM-DD`.

        One answer for each order that is final at the rail: DONE with its amount, or REFUSED with its code.

        Raises:
            Unavailable: there is no file, or it cannot be read as a whole; no line of it was yielded.

        """

    async def close(self) -> None:
        """Close the connections."""
