"""What API workers and the scheduler ask of the writer, and what it answers: the words on the local socket.

Every command names its payment or account by ids only; the writer needs no other look-up to decide.
Amounts are minor units. Times are microseconds since 1970, UTC.
"""

from typing import Literal

import msgspec

from switch.writer.lifecycle import Event
from switch.writer.verdicts import Verdict


class Leg(msgspec.Struct, array_like=True, frozen=True):
    """One transfer of a linked set: account ids, minor units, what for."""

    debit: int
    credit: int
    amount: int
    purpose: str


class Identity(msgspec.Struct, array_like=True, frozen=True):
    """Who said what, first: the UETR is the payment's identity, the fingerprint its content."""

    uetr: bytes
    fingerprint: bytes
    sender: str
    message_name: str
    message_id: str
    raw: bytes
    """As it came, sealed."""
    received_at: int
    key: bytes = b""
    """What `raw` and the native bytes are sealed under, itself sealed (see `personal_data`)."""


class Terms(msgspec.Struct, array_like=True, frozen=True):
    """What the payment comes to, once routed and quoted.

    Of one that is refused before that, what its message states: agents and the amount to debit. Then
    `credit_minor` is 0, and what is not known is empty.
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
"""Nothing is known of them."""


class Claim(msgspec.Struct, array_like=True, frozen=True):
    """What must not come again for a while under another UETR (see `duplicates`)."""

    kind: str
    key: bytes
    """A keyed hash, 16 bytes."""
    lasts_us: int
    alert: bool = False
    """A second one is noted, not refused."""


class Accept(msgspec.Struct, array_like=True, frozen=True, tag="accept"):
    """Hold the money and record the intent to send; with `hold`, wait for the rail to open first.

    `expires_at` stands in the native bytes too, so it comes from the worker; `lifetime` is what it should
    be from now, by which the writer sees a worker whose clock or whose message is late.
    """

    identity: Identity
    terms: Terms
    legs: list[Leg]
    native_ref: str
    native_body: bytes
    expires_at: int
    lifetime: int
    due_at: int
    hold: bool
    notes: list[tuple[str, str]] = []
    """What the sender is told beside the outcome: the path of an element, and what became of it."""
    claims: list[Claim] = []


class Refuse(msgspec.Struct, array_like=True, frozen=True, tag="refuse"):
    """Remember that this UETR was refused, and why; nothing is held."""

    identity: Identity
    reason: str
    detail: str
    terms: Terms = NO_TERMS
    """As far as they are known; nothing about people."""


class Advance(msgspec.Struct, array_like=True, frozen=True, tag="advance"):
    """One step of the lifecycle, with what was learned. `due_at` 0 means nobody need look again."""

    uetr: bytes
    event: Event
    rail: str = ""
    """Whose word it is; a rail speaks of its own payments only. Empty: the switch's own step."""
    exchange: bool = False
    """Said in the exchange that handed the order over: a "no" there says nothing of an earlier sending."""
    pending: bool = False
    """The rail said that it has the order: "not found" later is no news."""
    reason: str = ""
    rail_code: str = ""
    rail_reference: str = ""
    detail: str = ""
    credited_minor: int = 0
    credited_currency: str = ""
    """What the rail says it credited, where it says so; anything else than was ordered confirms nothing."""
    sent_at: int = 0
    answered_at: int = 0
    due_at: int = 0
    only_in_doubt: bool = False
    """The word of two people about a payment in doubt: it holds for no other state."""


RailResponse = Literal["not_found", "pending", "another_amount", "nothing"]
"""What a rail said when it was asked about a payment, where that ended nothing."""


class Enquired(msgspec.Struct, array_like=True, frozen=True, tag="enquired"):
    """An enquiry that did not end its payment. What follows from it the writer decides (`absence.py`).

    Verdict `noted`, or `advanced` where the payment ended because its rail never had it.
    """

    uetr: bytes
    said: RailResponse
    """`nothing`: no answer came."""
    asked_at: int = 0
    """By the database's clock, before the rail was asked."""
    whole_since: int = 0
    """Since when contact with the rail is whole; 0: it is not."""
    rail_code: str = ""


class Ping(msgspec.Struct, array_like=True, frozen=True, tag="ping"):
    """Nothing but an answer: the writer's loop turns."""


class Fund(msgspec.Struct, array_like=True, frozen=True, tag="fund"):
    """Move money in one step: funds in, funds out."""

    id: bytes
    fingerprint: bytes
    legs: list[Leg]
    note: str


class Return(msgspec.Struct, array_like=True, frozen=True, tag="return"):
    """Give a committed payment back, whole and once: every leg of it moves the other way."""

    id: bytes
    fingerprint: bytes
    uetr: bytes
    """Of the payment that is given back."""
    sender: str
    message_id: str
    reason: str


class OpenAccount(msgspec.Struct, array_like=True, frozen=True, tag="open_account"):
    """Open an account, or find the one there is; `net_debit_cap` None is no cap."""

    owner: str
    currency: str
    purpose: str
    net_debit_cap: int | None
    order: bytes = b""
    """Of people: decided once under this id. Verdict `opened`, or `exists` where another order opened it."""


class SetCap(msgspec.Struct, array_like=True, frozen=True, tag="set_cap"):
    """Change the net debit cap of an account."""

    account: int
    net_debit_cap: int | None
    order: bytes = b""
    """Of people: decided once under this id."""


class SetLimit(msgspec.Struct, array_like=True, frozen=True, tag="set_limit"):
    """Set what a participant may send in a currency, per payment and per day; None is no limit."""

    participant: str
    currency: str
    per_payment: int | None
    per_day: int | None
    order: bytes = b""
    """Of people: decided once under this id."""


class CloseWindow(msgspec.Struct, array_like=True, frozen=True, tag="close_window"):
    """Close the settlement window of a currency and open the next.

    With `window`, only if that is the open one: asking twice closes one window.
    """

    currency: str
    window: int = 0


class CloseAccounts(msgspec.Struct, array_like=True, frozen=True, tag="close_accounts"):
    """Close accounts for ever, all or none: each must hold nothing. Those that are closed stay so."""

    accounts: list[int]


class Hold(msgspec.Struct, array_like=True, frozen=True, tag="hold"):
    """Hold money that `Release` moves or frees: a settlement's legs between position and settlement.

    The reply's state is the hold's: one that `exists` may have been freed since.
    """

    id: bytes
    fingerprint: bytes
    legs: list[Leg]
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
    """Let no money move anew; `check` is the invariant that fails, or `people`."""

    check: str
    detail: str


class Unfreeze(msgspec.Struct, array_like=True, frozen=True, tag="unfreeze"):
    """End the freeze."""

    note: str


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
)


class Ended(msgspec.Struct, array_like=True, frozen=True):
    """A payment that a step made final, for whoever counts: its rail, what was to be credited, its expiry."""

    rail: str
    credit_minor: int
    credit_currency: str
    expires_at: int


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """What the writer decided. `state` is the payment's state after it, where there is a payment."""

    verdict: Verdict
    number: int = 0
    state: str = ""
    reason: str = ""
    ended: Ended | None = None
    detail: str = ""
    """Of a refusal, in words, with its place where it has one."""


class PaymentChange(msgspec.Struct, array_like=True, frozen=True):
    """A payment reached a state; told to every connected process after the commit."""

    uetr: bytes
    state: str
    reason: str


class Frame(msgspec.Struct, array_like=True, frozen=True):
    """One message from the writer: replies by request id, and changes for whoever waits."""

    replies: list[tuple[int, Reply]]
    changes: list[PaymentChange]


request_encoder = msgspec.msgpack.Encoder()
requests_decoder: msgspec.msgpack.Decoder[list[tuple[int, msgspec.Raw]]] = msgspec.msgpack.Decoder(
    list[tuple[int, msgspec.Raw]]
)
command_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
frame_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)
