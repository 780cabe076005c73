"""Commands of other processes to the writer, and its replies: the protocol of its socket.

The first frame of a connection is the client's `Hello`; from then on a client sends lists of numbered
commands, and the writer sends `Frame`s.

Every command identifies its payment or account by ids only; the writer needs no other look-up to decide.
Amounts are minor units. Times are microseconds since 1970, UTC.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, get_args

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
Minor = Annotated[int, Meta(ge=-(2**62), le=2**62 - 1)]
"""Minor units: sums of two fit into 64 bits."""
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


class Evidence(msgspec.Struct, array_like=True, frozen=True):
    """What a participant signed: a message, as it came, in an HTTP message signature (RFC 9421)."""

    keyid: Word
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


class Refuse(msgspec.Struct, array_like=True, frozen=True, tag="refuse"):
    """Record that this UETR was refused, and why; nothing is reserved."""

    identity: Identity
    reason: Name
    detail: Text
    terms: Terms = NO_TERMS
    """As far as they are known; no personal data."""


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
    """Return a committed payment, in full and once: every leg of it is reversed."""

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
