"""Commands of other processes to the writer, and its replies: the protocol of its socket.

The first frame of a connection is the client's `Hello`; from then on a client sends lists of numbered
commands, and the writer sends `Frame`s.

Every command identifies its payment or account by ids only; the writer needs no other look-up to decide.
Amounts are minor units. Times are microseconds since 1970, UTC.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, Self, get_args

import msgspec
from msgspec import Meta

from switch.writer import event_bodies
from switch.writer.lifecycle import Event
from switch.writer.verdicts import Verdict

_ID_BYTES: Final = 16
Id = Annotated[bytes, Meta(min_length=_ID_BYTES, max_length=_ID_BYTES)]
OptionalId = Annotated[bytes, Meta(max_length=_ID_BYTES)]
"""Empty, or 16 bytes: `read_command` compares it, as no type of msgspec says so."""
Fingerprint = Annotated[bytes, Meta(max_length=64)]
Number = Annotated[int, Meta(le=2**63 - 1)]
"""Of an account, a window, an event or a change."""
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Minor = Annotated[int, Meta(ge=-(2**62), le=2**62 - 1)]
"""Minor units: sums of two fit into 64 bits."""
Currency = Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]
Instant = Annotated[int, Meta(ge=0, le=253_402_300_799_999_999)]
"""Up to the end of the year 9999."""
Duration = Annotated[int, Meta(ge=0, le=100 * 366 * 86_400_000_000)]
Word = Annotated[str, Meta(max_length=64)]
"""A word of a closed set: it is compared before anything is written."""
Name = Annotated[str, Meta(max_length=256)]
"""An id, a code or a currency, without NUL: it fits into an index."""
Text = Annotated[str, Meta(max_length=65_536)]
"""Without NUL, which PostgreSQL does not store: `read_command` looks for it in all texts at once."""
Element = Annotated[str, Meta(max_length=65_536, pattern=r"\A[^\0]*\Z")]
"""A text in a list. A pattern costs a quarter of a microsecond, so only these few texts have one."""


class CommandLeg(msgspec.Struct, array_like=True, frozen=True):
    """One transfer of a linked set: account ids, minor units, purpose."""

    debit: Number
    credit: Number
    amount: Minor
    purpose: Word


class Identity(msgspec.Struct, array_like=True, frozen=True):
    """Identity of a message: the UETR is the payment's identity, the fingerprint its content."""

    uetr: Id
    fingerprint: Fingerprint
    sender: Name
    message_name: Name
    message_id: Name
    raw: bytes
    """The message as received, encrypted."""
    received_at: Instant
    key: bytes = b""
    """The key of `raw` and of the native bytes, itself encrypted (see `personal_data`)."""
    end_to_end: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] = 0
    """A keyed hash of the end-to-end id, by which people find the payment; 0 if it has none."""


class Terms(msgspec.Struct, array_like=True, frozen=True):
    """Terms of the payment, once routed and priced.

    For a payment that is refused before that, what its message states: agents and the amount to debit. Then
    `credit_minor` is 0, and unknown fields are empty.
    """

    debtor_agent: Name
    creditor_agent: Name
    rail: Name
    debit_minor: Minor
    debit_currency: Name
    credit_minor: Minor
    credit_currency: Name
    fee_minor: Minor
    fx_provider: Name
    rate: Name


NO_TERMS = Terms("", "", "", 0, "", 0, "", 0, "", "")
"""Nothing is known of the terms."""


class Claim(msgspec.Struct, array_like=True, frozen=True):
    """A value that must not be used again for a while under another UETR (see `duplicates`)."""

    kind: Word
    key: Id
    """A keyed hash."""
    lasts_us: Duration
    alert: bool = False
    """A second one is noted, not refused."""


class FeeCharge(msgspec.Struct, array_like=True, frozen=True):
    """One part of a payment's fee, in minor units of its source currency."""

    tariff: Number
    """Its number; 0 is the fee of the corridor."""
    component: Literal["switch", "rail"]
    """For what it is: the switch, or the scheme of the rail."""
    deducted: bool
    """Whether it is taken from the amount, so that the creditor bears it; else it is added to it."""
    minor: Minor

    @property
    def borne_by(self) -> str:
        """Who bears it."""
        return "creditor" if self.deducted else "debtor"


class Meter(msgspec.Struct, array_like=True, frozen=True):
    """An account of a payment whose payments are counted (see `velocity`)."""

    scope: Word
    key: Id
    """A keyed hash."""


class Evidence(msgspec.Struct, array_like=True, frozen=True):
    """What a participant signed: a message, as it came, in an HTTP message signature (RFC 9421)."""

    keyid: Word
    signature: bytes
    base: bytes
    """The signature base: it contains the digest of the message."""
    message: bytes


OF_RAIL: Final = "rail:"
"""Before the country in `Evidence.keyid`, if a rail signed the order, or the look-up, of which the message
was made."""


OF_FILE: Final = "file:"
"""Before the key id in `Evidence.keyid`, if what was signed is a file, and the message was made of a line."""


def is_of_file(evidence: Evidence | None) -> bool:
    """Whether a payment is a line of a file that its sender signed.

    The caretaker read the line in that file: only it may send such commands (`kinds`).
    """
    return evidence is not None and evidence.keyid.startswith(OF_FILE)


def rail_of(evidence: Evidence | None) -> str:
    """Country of the rail that ordered a payment or looked one up; empty if a participant sent it.

    The caretaker verified the rail's signature: only it may send such commands (`kinds`).
    """
    is_of_rail = evidence is not None and evidence.keyid.startswith(OF_RAIL)
    return evidence.keyid.removeprefix(OF_RAIL) if evidence is not None and is_of_rail else ""


class Cross(msgspec.Struct, array_like=True, frozen=True):
    """A cross rate: that of the debited into a third currency, times that of this one into the credited.

    The second one is of the provider of the terms, and its offer that of the command. So is the first one,
    unless another provider is named: then it sells `via_minor` of the third currency to that of the terms.
    """

    via: Currency
    first: Number
    """Number of the offer of the first rate; 0 is a rate that people set, or a fixing."""
    first_rate: Name
    second_rate: Name
    first_provider: Name = ""
    """The provider of the first rate, if it is another one."""
    via_minor: Minor = 0
    """What it sells of the third currency; 0 of one provider, for which nothing is posted in it."""


class Accept(msgspec.Struct, array_like=True, frozen=True, tag="accept"):
    """Reserve the money and record the intent to send; with `hold`, wait for the rail to open first.

    `expires_at` is in the native bytes too, so it comes from the worker. `lifetime` is what it should be from
    now: with it the writer detects a worker whose clock or message is late.
    """

    identity: Identity
    terms: Terms
    legs: list[CommandLeg]
    native_ref: Name
    native_body: bytes
    expires_at: Instant
    lifetime: Duration
    due_at: Instant
    hold: bool
    notes: list[tuple[Element, Element]] = []
    """Notes for the sender beside the outcome: the path of an element, and what was done with it."""
    claims: list[Claim] = []
    recovered: Name = ""
    """The rail's reference of an order that it executed before a restore: nothing is sent, people decide."""
    evidence: Evidence | None = None
    """None for a payment by bearer key, which only a sandbox has."""
    charges: list[FeeCharge] = []
    """The parts of the fee; none if it is only the corridor's own. Deducted ones are no part of the debit."""
    bearer: Word = ""
    """Charge bearer by which they were found, as the message states it."""
    purpose: Word = ""
    """Code of the purpose by which they were found; empty if the message states none."""
    held: Number = 0
    """The number of its screening hold, which it ends; people released it."""
    meters: list[Meter] = []
    """Its accounts, while a velocity limit of accounts concerns it."""
    quote: OptionalId = b""
    """The firm quote at whose terms it is executed; empty without one."""
    offer: Number = 0
    """Number of the FX provider's offer; 0 is a rate that two people set."""
    indirect: Name = ""
    """Rail and id of the creditor agent, if it is reached over the rail and is no participant: `PK mezan`."""
    cross: Cross | None = None
    """How its rate is made of two, if it is a cross rate."""
    waived: list[Number] = []
    """Watch rules that people saw when they released the payment."""


class Promise(msgspec.Struct, array_like=True, frozen=True, tag="promise"):
    """Promise the terms of a payment until `expires_at`: a firm quote. `lifetime` is as in `Accept`."""

    terms: Terms
    charges: list[FeeCharge]
    """As in `Accept`, like `bearer` and `purpose`: those that the payment must state."""
    bearer: Word
    purpose: Word
    offer: Number
    """Number of the FX provider's offer; 0 is a rate that two people set."""
    expires_at: Instant
    lifetime: Duration
    evidence: Evidence | None = None
    """The signed request; None by bearer key, which only a sandbox has."""
    indirect: Name = ""
    """As in `Accept`, like `cross`."""
    cross: Cross | None = None


TIERS_MAX: Final = 8
OFFERS_MAX: Final = 90
IMPROVEMENTS_MAX: Final = 50
IMPROVED_MAX_BPS: Final = 500
Tier = tuple[
    Annotated[int, Meta(ge=0, le=2**62 - 1)], Annotated[str, Meta(pattern=r"\A[0-9]{1,10}\.[0-9]{10}\Z")]
]
"""The least amount to convert, in minor units, and its rate."""
Improvement = tuple[Name, Annotated[int, Meta(ge=1, le=IMPROVED_MAX_BPS)]]
"""A debtor agent, and by how many basis points of the rate it gets more."""


class OfferOfPair(msgspec.Struct, array_like=True, frozen=True):
    """What an FX provider offers for a pair: rates by amount, ascending; none withdraws its offer."""

    source: Currency
    target: Currency
    tiers: Annotated[list[Tier], Meta(max_length=TIERS_MAX)]
    until: Instant
    inventory: Annotated[int, Meta(ge=0, le=2**62 - 1)] | None
    """Minor units of the target currency; None is no limit."""
    improvements: Annotated[list[Improvement], Meta(max_length=IMPROVEMENTS_MAX)] = []
    """By how much its rates are better for payments of some participants."""


class Publish(msgspec.Struct, array_like=True, frozen=True, tag="publish"):
    """Replace the offers of an FX provider for some pairs."""

    provider: Name
    offers: Annotated[list[OfferOfPair], Meta(min_length=1, max_length=OFFERS_MAX)]
    evidence: Evidence | None = None
    """The signed request; None by bearer key, which only a sandbox has."""
    order: OptionalId = b""
    """Id of the decision of two people of the provider, with `change`; empty if the provider signed."""
    change: Number = 0


class Refuse(msgspec.Struct, array_like=True, frozen=True, tag="refuse"):
    """Record that this UETR was refused, and why; nothing is reserved."""

    identity: Identity
    reason: Name
    detail: Text
    terms: Terms = NO_TERMS
    """As far as they are known; no personal data."""
    held: Number = 0
    """The number of its screening hold, which it ends."""


class HoldForScreening(Accept, frozen=True, kw_only=True, tag="hold_for_screening"):
    """Hold a payment, a party of which may be on a list, until people decide. Nothing is reserved.

    It is all that an `Accept` is, and asked all that one is asked: verdict `held` if the payment would be
    reserved now, otherwise that which an `Accept` would get.
    """

    lasts: Duration
    """From now; then the payment is refused."""
    lists: Number
    """The set of lists that was compared."""
    hits: bytes
    """Encrypted."""
    hit_count: Count

    @classmethod
    def of(cls, accept: Accept, *, lasts: int, lists: int, hits: bytes, hit_count: int) -> Self:
        """Hold a payment in place of accepting it."""
        asked = {name: getattr(accept, name) for name in accept.__struct_fields__}
        return cls(**asked, lasts=lasts, lists=lists, hits=hits, hit_count=hit_count)


class HoldAgain(msgspec.Struct, array_like=True, frozen=True, tag="hold_again"):
    """Hold a held payment again: there are new hits. Verdict `held`, or `exists` if nothing changes."""

    identity: Identity
    held: Number
    """The number of its screening hold."""
    lists: Number
    """As in `HoldForScreening`, and so are the others."""
    hits: bytes
    hit_count: Count


class DecideScreening(msgspec.Struct, array_like=True, frozen=True, tag="decide_screening"):
    """What people decided about a payment that screening holds. Verdict `decided`, or `illegal`."""

    uetr: Id
    screening: Count
    """The comparison that was decided about: a held payment may have been compared again since."""
    outcome: Literal["release", "refuse"]
    order: OptionalId = b""
    """Id of the change: decided once."""
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class Advance(msgspec.Struct, array_like=True, frozen=True, tag="advance"):
    """One step of the lifecycle, with what was learned. `due_at` 0 means that no further check is needed."""

    uetr: Id
    event: Event
    rail: Name = ""
    """The rail that answered; a rail can only answer for its own payments. Empty: the switch's own step."""
    exchange: bool = False
    """From the exchange that submitted the order: a rejection there says nothing of an earlier submission."""
    pending: bool = False
    """The rail reported that it has the order: a later "not found" proves nothing."""
    reason: Name = ""
    rail_code: Text = ""
    rail_reference: Text = ""
    detail: Text = ""
    credited_minor: Minor = 0
    credited_currency: Name = ""
    """The amount that the rail reports as credited, if any; a different amount confirms nothing."""
    sent_at: Instant = 0
    answered_at: Instant = 0
    due_at: Instant = 0
    only_in_doubt: bool = False
    """Manual resolution by two people of an unknown outcome: it is valid in no other state."""
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class GivenBack(msgspec.Struct, array_like=True, frozen=True, tag="given_back"):
    """A rail gives back the money of an order, in whole or in part.

    Verdict `given_back` for a credited payment, as often as it is repeated; `advanced` for an open one.
    """

    uetr: Id
    rail: Name
    reference: Name
    """The rail's id of the return."""
    minor: Annotated[int, Meta(ge=1, le=2**62 - 1)]
    currency: Currency
    reason: Name
    rail_code: Text
    answered_at: Instant
    message: bytes
    """The rail's message as received, encrypted."""
    key: bytes
    """Its key, itself encrypted."""


class BookReturn(msgspec.Struct, array_like=True, frozen=True, tag="book_return"):
    """Book what a rail gave back; the caretaker has verified the rail's message.

    Verdict `created`, `exists` for a repetition, or `left_to_people` with the reason.
    """

    uetr: Id
    reference: Name
    doubt: Text = ""
    """Why the caretaker cannot verify the rail's message; then it is left to people."""


class Reverse(msgspec.Struct, array_like=True, frozen=True, tag="reverse"):
    """Order the rail of a credited payment to take the credit back. Nothing is sent by it."""

    id: Id
    """Of the return that follows from it."""
    uetr: Id
    reason: Name
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class ReversalAnswered(msgspec.Struct, array_like=True, frozen=True, tag="reversal_answered"):
    """One step of a reversal: an attempt is about to be sent, or what was learned of it."""

    id: Id
    uetr: Id
    outcome: Literal["sending", "not_sent", "done", "refused", "unknown"]
    detail: Text = ""
    rail_code: Text = ""
    due_at: Instant = 0
    """When to send it again; 0: people decide."""
    change: Number = 0
    """The change in which two people decided the outcome; 0: the rail answered."""


RailResponse = Literal["not_found", "pending", "another_amount", "nothing"]
"""A rail's answer to an enquiry that did not end the payment."""


class Enquired(msgspec.Struct, array_like=True, frozen=True, tag="enquired"):
    """An enquiry that did not end its payment. The writer decides what follows (`absence.py`).

    Verdict `noted`, or `advanced` if the payment ended because its rail never had it.
    """

    uetr: Id
    said: RailResponse
    """`nothing`: there was no answer."""
    asked_at: Instant = 0
    """By the database's clock, before the enquiry was sent."""
    whole_since: Instant = 0
    """Since when contact with the rail is uninterrupted; 0: it is lost."""
    rail_code: Text = ""


class Ping(msgspec.Struct, array_like=True, frozen=True, tag="ping"):
    """A command with nothing but a reply, which shows that the writer's loop runs."""


class Fund(msgspec.Struct, array_like=True, frozen=True, tag="fund"):
    """Move money in one step: funds in, funds out."""

    id: Id
    fingerprint: Fingerprint
    legs: list[CommandLeg]
    note: Text
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""
    line: OptionalId = b""
    """Id of the line of a settlement that is moved late; it is the cause then, and there is no change."""


class Return(msgspec.Struct, array_like=True, frozen=True, tag="return"):
    """Return a committed payment: in full and once, every leg of it reversed, or a part of its credit."""

    id: Id
    fingerprint: Fingerprint
    uetr: Id
    """UETR of the returned payment."""
    sender: Name
    """The participant who returns it; empty if two people do."""
    message_id: Name
    reason: Name
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""
    evidence: Evidence | None = None
    """What the participant signed; None if two people return it, or by bearer key in a sandbox."""
    minor: Minor = 0
    """Of the credit, in minor units; 0: the payment is returned in full, with its fee."""
    rate: Name = ""
    """As the participant states it; empty: the rate of the payment."""


class OpenAccount(msgspec.Struct, array_like=True, frozen=True, tag="open_account"):
    """Open an account, or find the existing one; `net_debit_cap` None is no cap."""

    owner: Name
    currency: Name
    purpose: Name
    net_debit_cap: Minor | None
    order: OptionalId = b""
    """Id of the change: decided once. Verdict `opened`, or `exists` if another command opened it."""
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class SetCap(msgspec.Struct, array_like=True, frozen=True, tag="set_cap"):
    """Change the net debit cap of an account."""

    account: Number
    net_debit_cap: Minor | None
    order: OptionalId = b""
    """Id of the change: decided once."""
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class SetLimit(msgspec.Struct, array_like=True, frozen=True, tag="set_limit"):
    """Set what a participant may send in a currency, per payment and per day; None is no limit."""

    participant: Name
    currency: Name
    per_payment: Minor | None
    per_day: Minor | None
    order: OptionalId = b""
    """Id of the change: decided once."""
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class SetVelocity(msgspec.Struct, array_like=True, frozen=True, tag="set_velocity"):
    """Set how many payments, of which sum in a currency, there may be in an hour and in a day; None: any."""

    scope: Literal["participant", "debtor_account", "creditor_account"]
    participant: Name
    """`*`: every participant without a limit of its own."""
    currency: Name
    hour_count: Minor | None
    hour_minor: Minor | None
    day_count: Minor | None
    day_minor: Minor | None
    order: OptionalId = b""
    """Id of the change: decided once."""
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


WatchKindName = Literal["structuring", "fan_in", "first_large", "out_of_hours"]
WatchActionName = Literal["alarm", "hold", "none"]


class SetWatch(msgspec.Struct, array_like=True, frozen=True, tag="set_watch"):
    """Set a watch rule: a pattern that holds payments or raises an alarm (see `watching`)."""

    kind: WatchKindName
    participant: Name
    """`*`: accounts of every participant."""
    source: Annotated[str, Meta(pattern=r"\A([A-Z]{2})?\Z")]
    target: Annotated[str, Meta(pattern=r"\A([A-Z]{2})?\Z")]
    currency: Currency
    minor: Annotated[int, Meta(ge=0, le=2**62 - 1)]
    percent: Annotated[int, Meta(ge=0, le=100)]
    count: Annotated[int, Meta(ge=0, le=100)]
    hour_from: Annotated[int, Meta(ge=0, le=23)]
    hour_until: Annotated[int, Meta(ge=0, le=23)]
    action: WatchActionName
    since: Instant
    until: Instant
    """0: without an end."""
    order: OptionalId = b""
    """Id of the change: decided once."""
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class SetPair(msgspec.Struct, array_like=True, frozen=True, tag="set_pair"):
    """Block conversions of a pair of currencies, bound their rate, or end both; for one central bank."""

    source: Currency
    target: Currency
    country: Annotated[str, Meta(pattern=r"\A[A-Z]{2}\Z")]
    blocked: bool
    lowest: Annotated[str, Meta(pattern=r"\A([0-9]{1,10}(\.[0-9]{1,10})?)?\Z")]
    highest: Annotated[str, Meta(pattern=r"\A([0-9]{1,10}(\.[0-9]{1,10})?)?\Z")]
    until: Instant
    """0 is without an end."""
    order: OptionalId = b""
    """Id of the change: decided once."""
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class CloseWindow(msgspec.Struct, array_like=True, frozen=True, tag="close_window"):
    """Close the settlement window of a currency and open the next.

    With `window`, only if that is the open one, so that a repeated command closes one window only.
    """

    currency: Name
    window: Number = 0


class CloseAccounts(msgspec.Struct, array_like=True, frozen=True, tag="close_accounts"):
    """Close accounts permanently, all or none: each must be empty. Closed ones stay closed."""

    accounts: list[Number]
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class Hold(msgspec.Struct, array_like=True, frozen=True, tag="hold"):
    """Reserve money that `Release` posts or voids: a settlement's legs between position and settlement.

    The reply's state is the hold's: a hold with verdict `exists` may have been released since.
    """

    id: Id
    fingerprint: Fingerprint
    legs: list[CommandLeg]
    note: Text


class Release(msgspec.Struct, array_like=True, frozen=True, tag="release"):
    """End a `Hold`: post it, or void it."""

    id: Id
    outcome: Literal["post", "void"]
    note: Text


class Record(msgspec.Struct, array_like=True, frozen=True, tag="record"):
    """Write an event of people or of settlement into the log; `body` is canonical JSON."""

    kind: Name
    body: bytes


class Freeze(msgspec.Struct, array_like=True, frozen=True, tag="freeze"):
    """Stop new movements of money; `check` is the invariant that failed, or `people`."""

    check: Name
    detail: Text


class Unfreeze(msgspec.Struct, array_like=True, frozen=True, tag="unfreeze"):
    """End the freeze."""

    note: Text
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class LeaveOut(msgspec.Struct, array_like=True, frozen=True, tag="leave_out"):
    """Close the switch after a restore, and fill the log up to event `until` in place of lost events.

    Several are needed for many events: each fills a part, and the reply's number is the last event.
    """

    until: Number
    known_by: Text
    """How the restore became known."""


class RailGap(msgspec.Struct, array_like=True, frozen=True):
    """A rail that may have executed orders which a restore lost: nothing is sent until its files are read."""

    rail: Name
    currency: Name
    since: Name
    """First and last cycle whose file can have such orders, YYYY-MM-DD."""
    until: Name
    period: Name
    """The period of order numbers at the time of the restore, and how many numbers it has."""
    capacity: Number


class BeginAgain(msgspec.Struct, array_like=True, frozen=True, tag="begin_again"):
    """Begin a new epoch of the log after a restore, once the lost events are left out."""

    root: bytes
    """Of the tree of the kept events."""
    published: Text
    """The last published checkpoint that is left out; empty if none is known."""
    rails: list[RailGap]


class Reopen(msgspec.Struct, array_like=True, frozen=True, tag="reopen"):
    """Open the switch after a restore; two people decided so."""

    note: Text
    complete: list[Element]
    """Rails opened although a cycle has not ended: their operators confirmed that nothing is missing."""
    change: Number = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


Command = (
    Accept
    | Promise
    | Publish
    | Refuse
    | HoldForScreening
    | HoldAgain
    | DecideScreening
    | Advance
    | Enquired
    | GivenBack
    | BookReturn
    | Reverse
    | ReversalAnswered
    | Ping
    | Fund
    | Return
    | OpenAccount
    | SetCap
    | SetLimit
    | SetPair
    | SetVelocity
    | SetWatch
    | CloseWindow
    | CloseAccounts
    | Hold
    | Release
    | Record
    | Freeze
    | Unfreeze
    | LeaveOut
    | BeginAgain
    | Reopen
)


class Ended(msgspec.Struct, array_like=True, frozen=True):
    """A payment that a step made final, for counters: its rail, the amount to credit, its expiry."""

    rail: str
    credit_minor: int
    credit_currency: str
    expires_at: int


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """The writer's decision. `state` is the payment's state after it, if there is a payment."""

    verdict: Verdict
    number: int = 0
    state: str = ""
    reason: str = ""
    ended: Ended | None = None
    detail: str = ""
    """Reason of a refusal as a text, with the element's path if there is one."""


class PaymentChange(msgspec.Struct, array_like=True, frozen=True):
    """A payment reached a state; sent to every connected process after the commit."""

    uetr: bytes
    state: str
    reason: str


class Hello(msgspec.Struct, array_like=True, frozen=True):
    """The first frame of a client: its version of this protocol, and the kinds of process that it is."""

    protocol: int
    kinds: list[str]
    token: str = ""
    """The token of its kinds, on a local socket whose writer's supervisor gave one."""


class Frame(msgspec.Struct, array_like=True, frozen=True):
    """One message from the writer: replies by request id, and payment changes."""

    replies: list[tuple[int, Reply]]
    changes: list[PaymentChange]
    epoch: int | None = None
    """Set in the first frame and when it changes: the epoch of this writer; 0 if it is not the writer now."""


PROTOCOL = 1
"""The version of this protocol; a writer refuses clients of another."""


hello_decoder: msgspec.msgpack.Decoder[Hello] = msgspec.msgpack.Decoder(Hello)
request_encoder = msgspec.msgpack.Encoder()
requests_decoder: msgspec.msgpack.Decoder[list[tuple[int, msgspec.Raw]]] = msgspec.msgpack.Decoder(
    list[tuple[int, msgspec.Raw]]
)
_command_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
frame_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


def read_command(encoded: msgspec.Raw | bytes) -> Command:
    """Read a command, and check each of its fields.

    The database must be able to take every text, number and id: the writer decides the commands of everybody
    in one batch, and a batch that the database cannot take stops them all.

    Raises:
        msgspec.DecodeError: it is no command, or a field has a value that is not possible.

    """
    command = _command_decoder.decode(encoded)
    kind = type(command)
    if "\0" in "".join(_TEXTS[kind](command)):
        raise msgspec.ValidationError("Expected texts without NUL")
    if kind in _IDS and len(_IDS[kind](command)) not in {0, _ID_BYTES}:
        raise msgspec.ValidationError(f"Expected an id of {_ID_BYTES} bytes, or none")
    if isinstance(command, Record):
        lacks = event_bodies.fault(command.body)
        if lacks:
            raise msgspec.ValidationError(f"the event cannot be recorded, because {lacks}")
    return command


def _paths(kind: type, *wanted: Any) -> Iterator[str]:
    """The fields of a struct, and of structs in it, that have one of these types."""
    for field in msgspec.structs.fields(kind):
        if field.type in wanted:
            yield field.name
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from (f"{field.name}.{inner}" for inner in _paths(field.type, *wanted))


def _getter(paths: Iterable[str]) -> Callable[[Command], Iterable[Any]]:
    found = tuple(paths)
    return attrgetter(*found) if found else lambda _: ()


_TEXTS: Final = {kind: _getter(_paths(kind, Name, Text)) for kind in get_args(Command)}
_IDS: Final = {kind: attrgetter(path) for kind in get_args(Command) for path in _paths(kind, OptionalId)}
