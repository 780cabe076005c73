"""The port: what the switch asks of a rail, and the words it asks in.

An adapter turns words; it keeps no state, never retries by itself and never logs personal data. `check`,
`translate` and `decode` are pure. A submit's answer is a `Receipt`, not the payment's outcome: the outcome
is an `Answer`, which may come in the same exchange, by a callback, by an enquiry, or in the rail's
end-of-cycle file. Whatever cannot be read is `UNKNOWN`, never "refused".
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from adapters.profile import RailProfile
from schemas.money import Money
from schemas.payment import CreditTransfer


class Outcome(StrEnum):
    """What became of an order at the rail."""

    DONE = "done"
    REFUSED = "refused"
    PENDING = "pending"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


class Acceptance(StrEnum):
    """What became of handing an order over."""

    ACCEPTED = "taken"
    REFUSED = "refused"
    """Nothing left us, or the rail certainly will not act: liquidity may be freed."""
    LATER = "later"
    """The rail is closed and certainly has not taken the order: it may come again, not before an instant."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OriginalMessage:
    """A pacs.008 as its sender wrote it."""

    version: str
    """Message definition: `pacs.008.001.08`."""
    content: Mapping[str, Any]
    """`GrpHdr`, the one `CdtTrfTxInf`, and what stands beside them."""

    @property
    def transaction(self) -> Mapping[str, Any]:
        """The one transaction, with what the group header states for it."""
        (transaction,) = self.content["CdtTrfTxInf"]
        kind = self.content["GrpHdr"].get("PmtTpInf")
        return {**transaction, "PmtTpInf": kind} if kind else transaction


@dataclass(frozen=True, slots=True)
class Order:
    """One credit for the rail to make."""

    payment: CreditTransfer
    amount: Money
    """What the creditor gets, in the rail's currency."""
    serial: int
    """From the switch's allocator: unique in one `profile.ids.period`, below `profile.ids.capacity`."""
    made_at: datetime
    """Aware, UTC, whole milliseconds. Every native timestamp comes from here, so translation is pure."""
    expires_at: datetime
    """The rail must not act after this instant."""
    original: OriginalMessage | None = None
    """The pacs.008 that it came in, where it did: what `payment` has no place for is carried from there."""


@dataclass(frozen=True, slots=True)
class Native:
    """An order in the rail's own words. `body` is stored before it is sent, and sent again unchanged."""

    ref: str
    """The rail's id of this payment: retries, enquiries and answers carry it."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a rail cannot carry an order; found before anything is sent."""

    reason: str
    """ISO ExternalStatusReason1Code."""
    path: str
    """Element path in the pacs.008, e.g. `CdtTrfTxInf/CdtrAcct/Id`."""
    text: str
    """For people; never holds the sender's data."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rail says of one order."""

    ref: str
    outcome: Outcome
    uetr: str | None = None
    """Where the rail's ids carry it; else the switch finds the payment by `ref`."""
    rail_code: str | None = None
    """The rail's own code, kept beside the ISO reason."""
    reason: str | None = None
    """ISO reason, with REFUSED or PENDING."""
    amount: Money | None = None
    """What the rail says it credited; the switch compares it."""
    rail_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What handing over an order, or undoing one, came to."""

    acceptance: Acceptance
    answer: Answer | None = None
    """The outcome, where the rail answers in the same exchange."""
    detail: str = ""
    """What happened on the wire, for operators: `connect`, `http 502`, `timeout`."""
    not_before: datetime | None = None
    """With LATER: when the rail opens; aware."""


@dataclass(frozen=True, slots=True)
class Payee:
    """Who an alias or account belongs to; the name may be masked by the rail."""

    account: str
    agent: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What to answer to a rail's callback."""

    body: bytes
    content_type: str = "application/xml"


@dataclass(frozen=True, slots=True)
class RailConnection:
    """Where a rail is and who we are there."""

    base_url: str
    ca_file: Path | None = None
    signing_key: bytes = b""
    """Our private key, PEM."""
    rail_key: bytes = b""
    """The rail's public key, PEM."""
    identity: Mapping[str, str] = field(default_factory=dict)
    """Our ids at the rail: `{"org_id": "700001", "ifsc": "HDFC0000001"}`."""
    time_scale: float = 1.0
    """Of every time-out but that to connect, which is never shortened: for tests and demos."""

    @property
    def connect_scale(self) -> float:
        """Of the time-out to connect: a busy machine connects no sooner because a test is in haste."""
        return max(1.0, self.time_scale)


MessageHandler = Callable[[bytes], Coroutine[None, None, None]]
"""Takes in what a rail said when nobody waited for it: `decode` reads it."""


@runtime_checkable
class ListeningAdapter(Protocol):
    """An adapter that hears its rail on connections of its own, not only by callbacks."""

    def listen(self, overheard: MessageHandler) -> None:
        """From now on hand over every message that no exchange waited for: a late answer, or a second one."""


@runtime_checkable
class NoticeAdapter(Protocol):
    """An adapter whose rail also sends words to people: of changed hours, of an outage."""

    def notice(self, raw: bytes) -> str | None:
        """What a message says to people, where `decode` found no answer in it; None if it says nothing. Pure.

        Raises:
            schemas.errors.InvalidMessage: not this rail's wire format.
            schemas.errors.NotAuthentic: the rail did not sign it.

        """


@runtime_checkable
class ReservingAdapter(Protocol):
    """An adapter whose rail holds an amount before it credits it, as `profile.reservation` says."""

    async def reserve(self, native: Native) -> Receipt:
        """Have the rail hold the stored order's amount. Nothing moves; under the same ids it is one hold.

        TAKEN without an answer: it is held, or this order needs no hold; `submit` completes it, and an undo
        frees it. An answer is the outcome that the rail knows already, of an order completed before.
        """


async def reserve_and_submit(adapter: "RailAdapter", native: Native) -> Receipt:
    """Have an order made: held first, where the rail can, and submitted once it is held.

    A rail that refuses to hold refuses the order. One that says nothing of the hold leaves it UNKNOWN, as
    ever: an earlier try with the same bytes may have been completed.
    """
    if isinstance(adapter, ReservingAdapter):
        held = await adapter.reserve(native)
        if held.acceptance is not Acceptance.ACCEPTED or held.answer is not None:
            return held
    return await adapter.submit(native)


class RailAdapter(Protocol):
    """One rail. Made by the entry point in `payswitch.adapters`: `adapter(connection) -> RailAdapter`."""

    @property
    def profile(self) -> RailProfile:
        """What differs between rails, as data."""

    def check(self, order: Order) -> Sequence[Violation]:
        """Everything that makes this rail unable to carry the order; empty when it can. Pure."""

    def translate(self, order: Order) -> Native:
        """The order in the rail's words, signed if the rail wants it. Pure: same order, same bytes."""

    def decode(self, raw: bytes) -> Sequence[Answer]:
        """Read a callback, push or late answer; empty where it is about no order. Pure.

        Raises:
            schemas.errors.InvalidMessage: not this rail's wire format.
            schemas.errors.NotAuthentic: the rail did not sign it.

        """

    def acknowledge(self, raw: bytes) -> Acknowledgement:
        """What the rail expects in answer to a callback that `decode` read. Pure."""

    async def submit(self, native: Native) -> Receipt:
        """Hand the stored bytes over, or complete what `reserve` holds of them.

        Never raises for what the network does: that is UNKNOWN.
        """

    async def enquire(self, native: Native) -> Answer:
        """Ask what became of the order. Learning nothing is UNKNOWN, never NOT_FOUND."""

    async def undo(self, native: Native, reason: str) -> Receipt:
        """Ask the rail to undo, as `profile.undo` says; an order of its own, with its own outcome.

        For people who recall a credit that should not have been. The switch never calls it: what may have
        been credited is enquired about, never undone on a guess.
        """

    async def resolve(self, alias: str) -> Payee | None:
        """Who an account or alias belongs to; None where the rail does not know it."""

    async def probe(self) -> bool:
        """Whether the rail answers at all."""

    def reconcile(self, cycle: str) -> AsyncIterator[Answer]:
        """The rail's own list of what it did in a cycle: a day of its clock, `YYYY-MM-DD`.

        One answer an order that is final at the rail: DONE with its amount, or REFUSED with its code.

        Raises:
            Unavailable: there is no file, or it cannot be read as a whole; nothing of it was yielded.

        """

    async def close(self) -> None:
        """Close the connections."""
