"""The processing of orders that all simulated rails share: book each order once, then follow its script.

The simulator of a country parses and checks the native message and passes a `CreditOrder` to its
`OrderProcessor`, which books it and returns an `OrderCase`. Then `respond_in_exchange` or
`respond_by_callback` sends the responses of the script, in the native format that the simulator builds.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from adapters.port import Outcome
from adapters.profile import RailProfile
from adapters.simulation.book import SETTLEMENT, Book, BookEntry, EntryStatus, now
from adapters.simulation.faults import Faults
from adapters.simulation.magic import (
    ORDINARY,
    BookAction,
    Corruption,
    EnquiryBehaviour,
    ResponseDelay,
    Script,
    ScriptedResponse,
    script,
)
from schemas.money import Money

EXPIRED: Final = "AB03"
INSUFFICIENT: Final = "AM04"
_GARBAGE: Final = b"\x00<garbage"
_PAGE: Final = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class RailRequest:
    """An HTTP request that was read completely."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class RailResponse:
    """An HTTP response. `cut`: the connection ends after half of the body."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/xml"
    cut: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreditOrder:
    """The content of a native order."""

    ref: str
    uetr: str
    amount: Money
    account: str
    expires_at: datetime
    content: bytes
    """The content that must be the same when the order is repeated."""
    script: Script | None = None
    """How the rail behaves for this order if no magic word demands otherwise; None: as for every order."""


@dataclass(frozen=True, slots=True)
class OrderCase:
    """One order with its entry in the book (or the entry it would have) and the script of the rail."""

    entry: BookEntry
    script: Script


@dataclass(frozen=True, slots=True)
class EnquiryFinding:
    """The result of an enquiry: the order is not found if `entry` is None."""

    entry: BookEntry | None
    outcome: Outcome
    code: str = ""
    corruption: Corruption = Corruption.NOTHING


class DifferentContent(Exception):
    """The id is known with different content."""


class RailClosed(Exception):
    """The rail accepts no orders before an instant."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(until.isoformat())


class ResponseBuilder(Protocol):
    """Builds the native response of a country's simulator about an entry."""

    def __call__(self, entry: BookEntry, outcome: Outcome, corruption: Corruption) -> bytes:
        """The native response, corrupted where required (amount, reference, signature)."""


@dataclass(slots=True)
class OrderProcessor:
    """Books credits and tracks outstanding responses; `native_code` maps an ISO reason to a native code."""

    book: Book
    profile: RailProfile
    native_code: Callable[[str], str]
    word_of: Callable[[str], str]
    """The magic word in an account."""
    deliver: Callable[[bytes], Awaitable[None]]
    """Posts a callback to the switch."""
    prefunded_minor: int
    latency_s: float
    time_scale: float
    faults: Faults = field(default_factory=Faults)
    closed_until: datetime | None = None
    """Set by a test or an operator of the sandbox; overrides the ordinary hours of the rail."""
    _scripts: dict[str, Script] = field(default_factory=dict)
    _enquired: dict[str, int] = field(default_factory=dict)
    _first_enquiries: dict[str, asyncio.Event] = field(default_factory=dict)
    """Set at the first enquiry."""
    _answered: set[str] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, credit: CreditOrder) -> OrderCase:
        """Book a credit once. A known order returns its current case.

        Raises:
            DifferentContent: the id was used for another order.
            RailClosed: the rail accepts no new orders now.

        """
        fingerprint = hashlib.sha256(credit.content).hexdigest()[:32]
        known = self.book.find(credit.ref)
        if known is not None:
            if known.fingerprint != fingerprint:
                raise DifferentContent
            return OrderCase(known, Script(responses=(ScriptedResponse(outcome_of(known)),)))
        self.must_be_open()
        plan = self._script(credit)
        entry = BookEntry(
            rail_ref=credit.ref,
            uetr=credit.uetr,
            amount_minor=credit.amount.minor,
            currency=credit.amount.currency,
            outcome=_KEPT.get(plan.action, EntryStatus.DONE),
            code=self.native_code(plan.reason) if plan.action is BookAction.REFUSE else "",
            account=credit.account,
            at=now(),
            fingerprint=fingerprint,
        )
        if plan.action is BookAction.NOTHING:
            return OrderCase(entry, plan)
        return OrderCase(self.book.append(entry), plan)

    def must_be_open(self) -> None:
        """Raise RailClosed while the rail accepts no new orders."""
        if self.closed_until is not None and datetime.now(UTC) < self.closed_until:
            raise RailClosed(self.closed_until)

    def settle(self, entry: BookEntry) -> BookEntry:
        """Credit a pending entry."""
        return self.book.append(replace(entry, outcome=EntryStatus.DONE, code="", at=now()))

    def refuse_pending(self, entry: BookEntry, reason: str) -> BookEntry:
        """Refuse a pending entry with an ISO reason."""
        return self.book.append(
            replace(entry, outcome=EntryStatus.REFUSED, code=self.native_code(reason), at=now())
        )

    def reverse(self, ref: str) -> BookEntry | None:
        """Reverse a credit; None if there is none."""
        known = self.book.find(ref)
        if known is None or known.outcome not in {EntryStatus.DONE, EntryStatus.REVERSED}:
            return None
        if known.outcome is EntryStatus.REVERSED:
            return known
        return self.book.append(replace(known, outcome=EntryStatus.REVERSED, at=now()))

    def give_back(self, entry: BookEntry, reason: str) -> BookEntry:
        """Take a credit back for the creditor's bank, with an ISO reason, once."""
        if entry.outcome is not EntryStatus.DONE:
            return entry
        code = self.native_code(reason)
        return self.book.append(replace(entry, outcome=EntryStatus.REVERSED, code=code, at=now()))

    def enquire(self, ref: str) -> EnquiryFinding:
        """The rail's response to an enquiry, which the script may falsify."""
        entry = self.book.find(ref)
        if entry is None:
            return EnquiryFinding(None, Outcome.NOT_FOUND)
        plan = self._scripts.get(ref) or self._script_of(entry.account)
        times = self._enquired[ref] = self._enquired.get(ref, 0) + 1
        if asked := self._first_enquiries.pop(ref, None):
            asked.set()
        if plan.enquiry is EnquiryBehaviour.NOT_FOUND_FIRST and times <= plan.not_found_count:
            return EnquiryFinding(None, Outcome.NOT_FOUND)
        if plan.enquiry is EnquiryBehaviour.REFUSED_UNTIL_ANSWERED and ref not in self._answered:
            return EnquiryFinding(entry, Outcome.REFUSED, self.native_code(plan.reason))
        return EnquiryFinding(entry, outcome_of(entry), entry.code, plan.enquiry_corruption)

    def cycle(self, day: str) -> list[BookEntry]:
        """Final orders of a day of the rail's clock, oldest first; reversed ones count as done."""
        final = (entry for entry in self.book.entries.values() if entry.outcome is not EntryStatus.PENDING)
        return [entry for entry in final if self.profile.hours.day(datetime.fromisoformat(entry.at)) == day]

    def resume(self) -> None:
        """After a restart: credit or refuse the orders that were pending."""
        for entry in list(self.book.entries.values()):
            if entry.outcome is EntryStatus.PENDING:
                plan = self._script_of(entry.account)
                if plan.responses[-1:] and plan.responses[-1].outcome is Outcome.REFUSED:
                    self.refuse_pending(entry, plan.reason)
                else:
                    self.settle(entry)

    async def respond_by_callback(
        self, case: OrderCase, acknowledgement: bytes, builder: ResponseBuilder
    ) -> RailResponse:
        """Acknowledge the order and send the responses later by callback."""
        responses = [self._later(case, response, builder) for response in case.script.responses]
        if case.script.before_acknowledgement:
            for response in responses:
                await response
        else:
            for response in responses:
                self._start(response)
        return _spoiled(RailResponse(body=acknowledgement), case.script.corruption)

    async def respond_in_exchange(self, case: OrderCase, builder: ResponseBuilder) -> RailResponse | None:
        """Send the first response in the exchange and the others by callback; None: never respond."""
        if case.script.corruption is not Corruption.NOTHING:
            return _spoiled(
                RailResponse(body=builder(case.entry, Outcome.DONE, Corruption.NOTHING)),
                case.script.corruption,
            )
        if not case.script.responses:
            return None
        first, *rest = case.script.responses
        if case.script.before_acknowledgement:
            await self._later(case, first, builder)
        if first.wait in {ResponseDelay.PAST_ANSWER, ResponseDelay.PAST_ENQUIRY}:
            # By then the sender has closed the connection: the response must be sent by callback.
            self._start(self._later(case, first, builder))
            return None
        await self._wait(case.entry.rail_ref, first)
        for response in rest:
            self._start(self._later(case, response, builder))
        self._answered.add(case.entry.rail_ref)
        return RailResponse(body=_body(case.entry, first, builder))

    def later(self, body: bytes) -> None:
        """Post a message to the switch after the ordinary latency."""

        async def response() -> None:
            await asyncio.sleep(self.latency_s)
            await self.deliver(body)

        self._start(response())

    async def close(self) -> None:
        """Drop the responses that are not sent yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _script(self, credit: CreditOrder) -> Script:
        fault = self.faults.next()
        if fault is not None:
            self._scripts[credit.ref] = fault
        wanted = fault or script(self.word_of(credit.account)) or credit.script or ORDINARY
        if credit.expires_at <= datetime.now(UTC):
            return Script(BookAction.REFUSE, responses=(ScriptedResponse(Outcome.REFUSED),), reason=EXPIRED)
        if -self.book.balances[SETTLEMENT] + credit.amount.minor > self.prefunded_minor:
            return Script(
                BookAction.REFUSE, responses=(ScriptedResponse(Outcome.REFUSED),), reason=INSUFFICIENT
            )
        return self._possible(wanted)

    def _script_of(self, account: str) -> Script:
        return self._possible(script(self.word_of(account)) or ORDINARY)

    def _possible(self, wanted: Script) -> Script:
        """Without what this rail has no message for."""
        if self.profile.gives_back:
            return wanted
        return replace(
            wanted, responses=tuple(r for r in wanted.responses if r.outcome is not Outcome.RETURNED)
        )

    async def _later(self, case: OrderCase, response: ScriptedResponse, builder: ResponseBuilder) -> None:
        """Wait, credit, refuse or give back an order, and post the response to the switch."""
        await self._wait(case.entry.rail_ref, response)
        entry = self.book.find(case.entry.rail_ref) or case.entry
        if response.outcome is Outcome.DONE and entry.outcome is EntryStatus.PENDING:
            entry = self.settle(entry)
        if response.outcome is Outcome.REFUSED and entry.outcome is EntryStatus.PENDING:
            entry = self.refuse_pending(entry, case.script.reason)
        if response.outcome is Outcome.RETURNED:
            entry = self.give_back(entry, case.script.reason)
        self._answered.add(entry.rail_ref)
        await self.deliver(_body(entry, response, builder))

    async def _wait(self, ref: str, response: ScriptedResponse) -> None:
        if response.wait is ResponseDelay.PAST_ENQUIRY and ref not in self._enquired:
            asked = self._first_enquiries.setdefault(ref, asyncio.Event())
            await asked.wait()
        delay = self.latency_s + response.delay_s(self.profile.timing) * self.time_scale
        if delay:
            await asyncio.sleep(delay)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def outcome_of(entry: BookEntry) -> Outcome:
    """The outcome of an entry for the port. A reversal is another order: its credit remains done."""
    return _OUTCOMES[entry.outcome]


def with_broken_signature(document: bytes, begin: bytes = b"<ds:DigestValue>") -> bytes:
    """The same signed document with one character changed, the first one after `begin`."""
    before, tag, after = document.partition(begin)
    assert tag, "nothing is signed there"
    return before + tag + (b"A" if after[:1] != b"A" else b"B") + after[1:]


_KEPT: Final = {BookAction.REFUSE: EntryStatus.REFUSED, BookAction.DEEM: EntryStatus.PENDING}
_OUTCOMES: Final = {
    EntryStatus.DONE: Outcome.DONE,
    EntryStatus.REFUSED: Outcome.REFUSED,
    EntryStatus.PENDING: Outcome.PENDING,
    EntryStatus.REVERSED: Outcome.DONE,
}


def _body(entry: BookEntry, response: ScriptedResponse, builder: ResponseBuilder) -> bytes:
    return (
        _GARBAGE
        if response.corruption is Corruption.GARBAGE
        else builder(entry, response.outcome, response.corruption)
    )


def _spoiled(response: RailResponse, corruption: Corruption) -> RailResponse:
    match corruption:
        case Corruption.CUT:
            return replace(response, cut=True)
        case Corruption.HTTP_502:
            return RailResponse(502, _PAGE, "text/html")
        case _:
            return response
