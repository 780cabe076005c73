"""Commands of other processes to the writer, and its replies: the protocol of its socket.

The first frame of a connection is the client's `Hello`; from then on a client sends lists of numbered
commands, and the writer sends `Frame`s.

Every command identifies its payment or account by ids only; the writer needs no other look-up to decide.
Amounts are minor units. Times are microseconds since 1970, UTC.
"""

from typing import Literal

import msgspec

from switch.writer.lifecycle import Event
from switch.writer.verdicts import Verdict


class CommandLeg(msgspec.Struct, array_like=True, frozen=True):
    """One transfer of a linked set: account ids, minor units, purpose."""

    debit: int
    credit: int
    amount: int
    purpose: str


class Identity(msgspec.Struct, array_like=True, frozen=True):
    """Identity of a message: the UETR is the payment's identity, the fingerprint its content."""

    uetr: bytes
    fingerprint: bytes
    sender: str
    message_name: str
    message_id: str
    raw: bytes
    """The message as received, encrypted."""
    received_at: int
    key: bytes = b""
    """The key of `raw` and of the native bytes, itself encrypted (see `personal_data`)."""


class Terms(msgspec.Struct, array_like=True, frozen=True):
    """Terms of the payment, once routed and priced.

    For a payment that is refused before that, what its message states: agents and the amount to debit. Then
    `credit_minor` is 0, and unknown fields are empty.
    """

    debtor_agent: str
    creditor_agent: str
    rail: str
    debit_minor: int
    debit_currency: str
    credit_minor: int
    credit_currency: str
    fee_minor: int
    fx_provider: str
    rate: str


NO_TERMS = Terms("", "", "", 0, "", 0, "", 0, "", "")
"""Nothing is known of the terms."""


class Claim(msgspec.Struct, array_like=True, frozen=True):
    """A value that must not be used again for a while under another UETR (see `duplicates`)."""

    kind: str
    key: bytes
    """A keyed hash, 16 bytes."""
    lasts_us: int
    alert: bool = False
    """A second one is noted, not refused."""


class Evidence(msgspec.Struct, array_like=True, frozen=True):
    """What a participant signed: a message, as it came, in an HTTP message signature (RFC 9421)."""

    keyid: str
    signature: bytes
    base: bytes
    """The signature base: it contains the digest of the message."""
    message: bytes


class Accept(msgspec.Struct, array_like=True, frozen=True, tag="accept"):
    """Reserve the money and record the intent to send; with `hold`, wait for the rail to open first.

    `expires_at` is in the native bytes too, so it comes from the worker. `lifetime` is what it should be from
    now: with it the writer detects a worker whose clock or message is late.
    """

    identity: Identity
    terms: Terms
    legs: list[CommandLeg]
    native_ref: str
    native_body: bytes
    expires_at: int
    lifetime: int
    due_at: int
    hold: bool
    notes: list[tuple[str, str]] = []
    """Notes for the sender beside the outcome: the path of an element, and what was done with it."""
    claims: list[Claim] = []
    recovered: str = ""
    """The rail's reference of an order that it executed before a restore: nothing is sent, people decide."""
    evidence: Evidence | None = None
    """None for a payment by bearer key, which only a sandbox has."""


class Refuse(msgspec.Struct, array_like=True, frozen=True, tag="refuse"):
    """Record that this UETR was refused, and why; nothing is reserved."""

    identity: Identity
    reason: str
    detail: str
    terms: Terms = NO_TERMS
    """As far as they are known; no personal data."""


class Advance(msgspec.Struct, array_like=True, frozen=True, tag="advance"):
    """One step of the lifecycle, with what was learned. `due_at` 0 means that no further check is needed."""

    uetr: bytes
    event: Event
    rail: str = ""
    """The rail that answered; a rail can only answer for its own payments. Empty: the switch's own step."""
    exchange: bool = False
    """From the exchange that submitted the order: a rejection there says nothing of an earlier submission."""
    pending: bool = False
    """The rail reported that it has the order: a later "not found" proves nothing."""
    reason: str = ""
    rail_code: str = ""
    rail_reference: str = ""
    detail: str = ""
    credited_minor: int = 0
    credited_currency: str = ""
    """The amount that the rail reports as credited, if any; a different amount confirms nothing."""
    sent_at: int = 0
    answered_at: int = 0
    due_at: int = 0
    only_in_doubt: bool = False
    """Manual resolution by two people of an unknown outcome: it is valid in no other state."""
    change: int = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


RailResponse = Literal["not_found", "pending", "another_amount", "nothing"]
"""A rail's answer to an enquiry that did not end the payment."""


class Enquired(msgspec.Struct, array_like=True, frozen=True, tag="enquired"):
    """An enquiry that did not end its payment. The writer decides what follows (`absence.py`).

    Verdict `noted`, or `advanced` if the payment ended because its rail never had it.
    """

    uetr: bytes
    said: RailResponse
    """`nothing`: there was no answer."""
    asked_at: int = 0
    """By the database's clock, before the enquiry was sent."""
    whole_since: int = 0
    """Since when contact with the rail is uninterrupted; 0: it is lost."""
    rail_code: str = ""


class Ping(msgspec.Struct, array_like=True, frozen=True, tag="ping"):
    """A command with nothing but a reply, which shows that the writer's loop runs."""


class Fund(msgspec.Struct, array_like=True, frozen=True, tag="fund"):
    """Move money in one step: funds in, funds out."""

    id: bytes
    fingerprint: bytes
    legs: list[CommandLeg]
    note: str
    change: int = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""
    line: bytes = b""
    """Id of the line of a settlement that is moved late; it is the cause then, and there is no change."""


class Return(msgspec.Struct, array_like=True, frozen=True, tag="return"):
    """Return a committed payment, in full and once: every leg of it is reversed."""

    id: bytes
    fingerprint: bytes
    uetr: bytes
    """UETR of the returned payment."""
    sender: str
    """The participant who returns it; empty if two people do."""
    message_id: str
    reason: str
    change: int = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""
    evidence: Evidence | None = None
    """What the participant signed; None if two people return it, or by bearer key in a sandbox."""


class OpenAccount(msgspec.Struct, array_like=True, frozen=True, tag="open_account"):
    """Open an account, or find the existing one; `net_debit_cap` None is no cap."""

    owner: str
    currency: str
    purpose: str
    net_debit_cap: int | None
    order: bytes = b""
    """Id of the change: decided once. Verdict `opened`, or `exists` if another command opened it."""
    change: int = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class SetCap(msgspec.Struct, array_like=True, frozen=True, tag="set_cap"):
    """Change the net debit cap of an account."""

    account: int
    net_debit_cap: int | None
    order: bytes = b""
    """Id of the change: decided once."""
    change: int = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class SetLimit(msgspec.Struct, array_like=True, frozen=True, tag="set_limit"):
    """Set what a participant may send in a currency, per payment and per day; None is no limit."""

    participant: str
    currency: str
    per_payment: int | None
    per_day: int | None
    order: bytes = b""
    """Id of the change: decided once."""
    change: int = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class CloseWindow(msgspec.Struct, array_like=True, frozen=True, tag="close_window"):
    """Close the settlement window of a currency and open the next.

    With `window`, only if that is the open one, so that a repeated command closes one window only.
    """

    currency: str
    window: int = 0


class CloseAccounts(msgspec.Struct, array_like=True, frozen=True, tag="close_accounts"):
    """Close accounts permanently, all or none: each must be empty. Closed ones stay closed."""

    accounts: list[int]
    change: int = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class Hold(msgspec.Struct, array_like=True, frozen=True, tag="hold"):
    """Reserve money that `Release` posts or voids: a settlement's legs between position and settlement.

    The reply's state is the hold's: a hold with verdict `exists` may have been released since.
    """

    id: bytes
    fingerprint: bytes
    legs: list[CommandLeg]
    note: str


class Release(msgspec.Struct, array_like=True, frozen=True, tag="release"):
    """End a `Hold`: post it, or void it."""

    id: bytes
    outcome: Literal["post", "void"]
    note: str


class Record(msgspec.Struct, array_like=True, frozen=True, tag="record"):
    """Write an event of people or of settlement into the log; `body` is canonical JSON."""

    kind: str
    body: bytes


class Freeze(msgspec.Struct, array_like=True, frozen=True, tag="freeze"):
    """Stop new movements of money; `check` is the invariant that failed, or `people`."""

    check: str
    detail: str


class Unfreeze(msgspec.Struct, array_like=True, frozen=True, tag="unfreeze"):
    """End the freeze."""

    note: str
    change: int = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


class LeaveOut(msgspec.Struct, array_like=True, frozen=True, tag="leave_out"):
    """Close the switch after a restore, and fill the log up to event `until` in place of lost events.

    Several are needed for many events: each fills a part, and the reply's number is the last event.
    """

    until: int
    known_by: str
    """How the restore became known."""


class RailGap(msgspec.Struct, array_like=True, frozen=True):
    """A rail that may have executed orders which a restore lost: nothing is sent until its files are read."""

    rail: str
    currency: str
    since: str
    """First and last cycle whose file can have such orders, YYYY-MM-DD."""
    until: str
    period: str
    """The period of order numbers at the time of the restore, and how many numbers it has."""
    capacity: int


class BeginAgain(msgspec.Struct, array_like=True, frozen=True, tag="begin_again"):
    """Begin a new epoch of the log after a restore, once the lost events are left out."""

    root: bytes
    """Of the tree of the kept events."""
    published: str
    """The last published checkpoint that is left out; empty if none is known."""
    rails: list[RailGap]


class Reopen(msgspec.Struct, array_like=True, frozen=True, tag="reopen"):
    """Open the switch after a restore; two people decided so."""

    note: str
    complete: list[str]
    """Rails opened although a cycle has not ended: their operators confirmed that nothing is missing."""
    change: int = 0
    """The change that two people approved, whose execution this is; negative: made for a sandbox."""


Command = (
    Accept
    | Refuse
    | Advance
    | Enquired
    | Ping
    | Fund
    | Return
    | OpenAccount
    | SetCap
    | SetLimit
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
command_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
frame_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)
