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
    """An HTTP request, read completely."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class RailResponse:
    """An HTTP answer. `cut`: the connection ends after half of the body."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/xml"
    cut: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreditOrder:
    """What a native order asks for."""

    ref: str
    uetr: str
    amount: Money
    account: str
    expires_at: datetime
    content: bytes
    """What must be the same when the order comes again."""
    script: Script | None = None
    """How the rail behaves about it where no magic word says otherwise; None: as about every order."""


@dataclass(frozen=True, slots=True)
class OrderCase:
    """One order as the book has it (or would have it) and how the rail behaves about it."""

    entry: BookEntry
    script: Script


@dataclass(frozen=True, slots=True)
class EnquiryFinding:
    """What an enquiry is told: nothing is known when `entry` is None."""

    entry: BookEntry | None
    outcome: Outcome
    code: str = ""
    corruption: Corruption = Corruption.NOTHING


class DifferentContent(Exception):
    """The id is known with another content."""


class RailClosed(Exception):
    """The rail takes no orders before an instant."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(until.isoformat())


class ResponseBuilder(Protocol):
    """How a country's simulator says what became of an entry."""

    def __call__(self, entry: BookEntry, outcome: Outcome, corruption: Corruption) -> bytes:
        """The native answer, spoiled where it must be (amount, reference, signature)."""


@dataclass(slots=True)
class OrderProcessor:
    """Books credits and remembers what the scripts still owe. `native_code` says an ISO reason natively."""

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
    """Set by a test or an operator of the sandbox, over the rail's ordinary hours."""
    _scripts: dict[str, Script] = field(default_factory=dict)
    _enquired: dict[str, int] = field(default_factory=dict)
    _awaited: dict[str, asyncio.Event] = field(default_factory=dict)
    """Set when somebody asks for the first time."""
    _said: set[str] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, credit: CreditOrder) -> OrderCase:
        """Book a credit once. An order seen before gets the case as it stands.

        Raises:
            OtherContent: the id was used for something else.
            Closed: the rail takes no new order now.

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
        """Raise Closed while the rail takes no new orders."""
        if self.closed_until is not None and datetime.now(UTC) < self.closed_until:
            raise RailClosed(self.closed_until)

    def settle(self, entry: BookEntry) -> BookEntry:
        """Credit an entry that was pending."""
        return self.book.append(replace(entry, outcome=EntryStatus.DONE, code="", at=now()))

    def refuse_pending(self, entry: BookEntry, reason: str) -> BookEntry:
        """Refuse an entry that was pending, with an ISO reason."""
        return self.book.append(
            replace(entry, outcome=EntryStatus.REFUSED, code=self.native_code(reason), at=now())
        )

    def reverse(self, ref: str) -> BookEntry | None:
        """Take a credit back; None where there is none to take back."""
        known = self.book.find(ref)
        if known is None or known.outcome not in {EntryStatus.DONE, EntryStatus.REVERSED}:
            return None
        if known.outcome is EntryStatus.REVERSED:
            return known
        return self.book.append(replace(known, outcome=EntryStatus.REVERSED, at=now()))

    def enquire(self, ref: str) -> EnquiryFinding:
        """What the rail tells about an order, which its script may falsify."""
        entry = self.book.find(ref)
        if entry is None:
            return EnquiryFinding(None, Outcome.NOT_FOUND)
        plan = self._scripts.get(ref) or self._script_of(entry.account)
        times = self._enquired[ref] = self._enquired.get(ref, 0) + 1
        if asked := self._awaited.pop(ref, None):
            asked.set()
        if plan.enquiry is EnquiryBehaviour.NOT_FOUND_FIRST and times <= plan.not_found_count:
            return EnquiryFinding(None, Outcome.NOT_FOUND)
        if plan.enquiry is EnquiryBehaviour.REFUSED_UNTIL_ANSWERED and ref not in self._said:
            return EnquiryFinding(entry, Outcome.REFUSED, self.native_code(plan.reason))
        return EnquiryFinding(entry, outcome_of(entry), entry.code, plan.enquiry_corruption)

    def cycle(self, day: str) -> list[BookEntry]:
        """What became final on a day of the rail's clock, oldest first; a reversal stands as its credit."""
        final = (entry for entry in self.book.entries.values() if entry.outcome is not EntryStatus.PENDING)
        return [entry for entry in final if self.profile.hours.day(datetime.fromisoformat(entry.at)) == day]

    def resume(self) -> None:
        """After a restart: credit what was left pending, or give it back."""
        for entry in list(self.book.entries.values()):
            if entry.outcome is EntryStatus.PENDING:
                plan = self._script_of(entry.account)
                if plan.responses[-1:] and plan.responses[-1].outcome is Outcome.REFUSED:
                    self.refuse_pending(entry, plan.reason)
                else:
                    self.settle(entry)

    async def respond_by_callback(
        self, case: OrderCase, acknowledgement: bytes, words: ResponseBuilder
    ) -> RailResponse:
        """Acknowledge, and say the rest later by callback."""
        says = [self._later(case, say, words) for say in case.script.responses]
        if case.script.before_acknowledgement:
            for say in says:
                await say
        else:
            for say in says:
                self._start(say)
        return _spoiled(RailResponse(body=acknowledgement), case.script.corruption)

    async def respond_in_exchange(self, case: OrderCase, words: ResponseBuilder) -> RailResponse | None:
        """Say the first word in the exchange and the rest by callback; None: never answer."""
        if case.script.corruption is not Corruption.NOTHING:
            return _spoiled(
                RailResponse(body=words(case.entry, Outcome.DONE, Corruption.NOTHING)), case.script.corruption
            )
        if not case.script.responses:
            return None
        first, *rest = case.script.responses
        if case.script.before_acknowledgement:
            await self._later(case, first, words)
        if first.wait in {ResponseDelay.PAST_ANSWER, ResponseDelay.PAST_ENQUIRY}:
            # By then the sender has hung up: the word must come by callback.
            self._start(self._later(case, first, words))
            return None
        await self._wait(case.entry.rail_ref, first)
        for say in rest:
            self._start(self._later(case, say, words))
        self._said.add(case.entry.rail_ref)
        return RailResponse(body=_body(case.entry, first, words))

    def later(self, body: bytes) -> None:
        """Post a word to the switch after the ordinary latency."""

        async def say() -> None:
            await asyncio.sleep(self.latency_s)
            await self.deliver(body)

        self._start(say())

    async def close(self) -> None:
        """Drop what was still to be said."""
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
        return wanted

    def _script_of(self, account: str) -> Script:
        return script(self.word_of(account)) or ORDINARY

    async def _later(self, case: OrderCase, say: ScriptedResponse, words: ResponseBuilder) -> None:
        """Wait, credit or give back what was deemed, and post the word to the switch."""
        await self._wait(case.entry.rail_ref, say)
        entry = self.book.find(case.entry.rail_ref) or case.entry
        if say.outcome is Outcome.DONE and entry.outcome is EntryStatus.PENDING:
            entry = self.settle(entry)
        if say.outcome is Outcome.REFUSED and entry.outcome is EntryStatus.PENDING:
            entry = self.refuse_pending(entry, case.script.reason)
        self._said.add(entry.rail_ref)
        await self.deliver(_body(entry, say, words))

    async def _wait(self, ref: str, say: ScriptedResponse) -> None:
        if say.wait is ResponseDelay.PAST_ENQUIRY and ref not in self._enquired:
            asked = self._awaited.setdefault(ref, asyncio.Event())
            await asked.wait()
        delay = self.latency_s + say.delay_s(self.profile.timing) * self.time_scale
        if delay:
            await asyncio.sleep(delay)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def outcome_of(entry: BookEntry) -> Outcome:
    """What an entry is in the words of the port. A reversal is another order: its credit stays done."""
    return _OUTCOMES[entry.outcome]


def with_broken_signature(document: bytes) -> bytes:
    """The same signed document with one character of a digest changed."""
    before, tag, after = document.partition(b"<ds:DigestValue>")
    return before + tag + (b"A" if after[:1] != b"A" else b"B") + after[1:]


_KEPT: Final = {BookAction.REFUSE: EntryStatus.REFUSED, BookAction.DEEM: EntryStatus.PENDING}
_OUTCOMES: Final = {
    EntryStatus.DONE: Outcome.DONE,
    EntryStatus.REFUSED: Outcome.REFUSED,
    EntryStatus.PENDING: Outcome.PENDING,
    EntryStatus.REVERSED: Outcome.DONE,
}


def _body(entry: BookEntry, say: ScriptedResponse, words: ResponseBuilder) -> bytes:
    return _GARBAGE if say.corruption is Corruption.GARBAGE else words(entry, say.outcome, say.corruption)


def _spoiled(response: RailResponse, corruption: Corruption) -> RailResponse:
    match corruption:
        case Corruption.CUT:
            return replace(response, cut=True)
        case Corruption.HTTP_502:
            return RailResponse(502, _PAGE, "text/html")
        case _:
            return response
