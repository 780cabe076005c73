"""What every simulated rail does with a credit, whatever its wire: book it once, and play its script.

A country's simulator reads and checks the native message, then hands a `Credit` to its `Counter`, which
books it and returns a `Case`; `answer_in_exchange` or `answer_by_callback` then says what the case's script
says, in the words that the simulator makes of it.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from adapters.port import Outcome
from adapters.profile import RailProfile
from adapters.simulation.book import SETTLEMENT, Book, Entry, Kept, now
from adapters.simulation.faults import Faults
from adapters.simulation.magic import ORDINARY, Enquiry, Keep, Say, Script, Spoil, Wait, script
from schemas.money import Money

EXPIRED: Final = "AB03"
INSUFFICIENT: Final = "AM04"
_GARBAGE: Final = b"\x00<garbage"
_PAGE: Final = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, read completely."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer. `cut`: the connection ends after half of the body."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/xml"
    cut: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Credit:
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
class Case:
    """One order as the book has it (or would have it) and how the rail behaves about it."""

    entry: Entry
    script: Script


@dataclass(frozen=True, slots=True)
class Finding:
    """What an enquiry is told: nothing is known when `entry` is None."""

    entry: Entry | None
    outcome: Outcome
    code: str = ""
    spoil: Spoil = Spoil.NOTHING


class OtherContent(Exception):
    """The id is known with another content."""


class Closed(Exception):
    """The rail takes no orders before an instant."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(until.isoformat())


class Words(Protocol):
    """How a country's simulator says what became of an entry."""

    def __call__(self, entry: Entry, outcome: Outcome, spoil: Spoil) -> bytes:
        """The native answer, spoiled where it must be (amount, reference, signature)."""


@dataclass(slots=True)
class Counter:
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

    def take(self, credit: Credit) -> Case:
        """Book a credit once. An order seen before gets the case as it stands.

        Raises:
            OtherContent: the id was used for something else.
            Closed: the rail takes no new order now.

        """
        fingerprint = hashlib.sha256(credit.content).hexdigest()[:32]
        known = self.book.find(credit.ref)
        if known is not None:
            if known.fingerprint != fingerprint:
                raise OtherContent
            return Case(known, Script(says=(Say(outcome_of(known)),)))
        self.must_be_open()
        plan = self._script(credit)
        entry = Entry(
            rail_ref=credit.ref,
            uetr=credit.uetr,
            amount_minor=credit.amount.minor,
            currency=credit.amount.currency,
            outcome=_KEPT.get(plan.keep, Kept.DONE),
            code=self.native_code(plan.reason) if plan.keep is Keep.REFUSE else "",
            account=credit.account,
            at=now(),
            fingerprint=fingerprint,
        )
        if plan.keep is Keep.NOTHING:
            return Case(entry, plan)
        return Case(self.book.keep(entry), plan)

    def must_be_open(self) -> None:
        """Raise Closed while the rail takes no new orders."""
        if self.closed_until is not None and datetime.now(UTC) < self.closed_until:
            raise Closed(self.closed_until)

    def settle(self, entry: Entry) -> Entry:
        """Credit an entry that was pending."""
        return self.book.keep(replace(entry, outcome=Kept.DONE, code="", at=now()))

    def give_back(self, entry: Entry, reason: str) -> Entry:
        """Refuse an entry that was pending, with an ISO reason."""
        return self.book.keep(replace(entry, outcome=Kept.REFUSED, code=self.native_code(reason), at=now()))

    def reverse(self, ref: str) -> Entry | None:
        """Take a credit back; None where there is none to take back."""
        known = self.book.find(ref)
        if known is None or known.outcome not in {Kept.DONE, Kept.REVERSED}:
            return None
        if known.outcome is Kept.REVERSED:
            return known
        return self.book.keep(replace(known, outcome=Kept.REVERSED, at=now()))

    def enquire(self, ref: str) -> Finding:
        """What the rail tells about an order, which its script may falsify."""
        entry = self.book.find(ref)
        if entry is None:
            return Finding(None, Outcome.NOT_FOUND)
        plan = self._scripts.get(ref) or self._script_of(entry.account)
        times = self._enquired[ref] = self._enquired.get(ref, 0) + 1
        if asked := self._awaited.pop(ref, None):
            asked.set()
        if plan.enquiry is Enquiry.NOT_FOUND_FIRST and times <= plan.unfound:
            return Finding(None, Outcome.NOT_FOUND)
        if plan.enquiry is Enquiry.REFUSED_UNTIL_SAID and ref not in self._said:
            return Finding(entry, Outcome.REFUSED, self.native_code(plan.reason))
        return Finding(entry, outcome_of(entry), entry.code, plan.enquiry_spoil)

    def cycle(self, day: str) -> list[Entry]:
        """What became final on a day of the rail's clock, oldest first; a reversal stands as its credit."""
        final = (entry for entry in self.book.entries.values() if entry.outcome is not Kept.PENDING)
        return [entry for entry in final if self.profile.hours.day(datetime.fromisoformat(entry.at)) == day]

    def resume(self) -> None:
        """After a restart: credit what was left pending, or give it back."""
        for entry in list(self.book.entries.values()):
            if entry.outcome is Kept.PENDING:
                plan = self._script_of(entry.account)
                if plan.says[-1:] and plan.says[-1].outcome is Outcome.REFUSED:
                    self.give_back(entry, plan.reason)
                else:
                    self.settle(entry)

    async def answer_by_callback(self, case: Case, acknowledgement: bytes, words: Words) -> Response:
        """Acknowledge, and say the rest later by callback."""
        says = [self._later(case, say, words) for say in case.script.says]
        if case.script.before_acknowledgement:
            for say in says:
                await say
        else:
            for say in says:
                self._start(say)
        return _spoiled(Response(body=acknowledgement), case.script.spoil)

    async def answer_in_exchange(self, case: Case, words: Words) -> Response | None:
        """Say the first word in the exchange and the rest by callback; None: never answer."""
        if case.script.spoil is not Spoil.NOTHING:
            return _spoiled(Response(body=words(case.entry, Outcome.DONE, Spoil.NOTHING)), case.script.spoil)
        if not case.script.says:
            return None
        first, *rest = case.script.says
        if case.script.before_acknowledgement:
            await self._later(case, first, words)
        if first.wait in {Wait.PAST_ANSWER, Wait.PAST_ENQUIRY}:
            # By then the sender has hung up: the word must come by callback.
            self._start(self._later(case, first, words))
            return None
        await self._wait(case.entry.rail_ref, first)
        for say in rest:
            self._start(self._later(case, say, words))
        self._said.add(case.entry.rail_ref)
        return Response(body=_body(case.entry, first, words))

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

    def _script(self, credit: Credit) -> Script:
        fault = self.faults.next()
        if fault is not None:
            self._scripts[credit.ref] = fault
        wanted = fault or script(self.word_of(credit.account)) or credit.script or ORDINARY
        if credit.expires_at <= datetime.now(UTC):
            return Script(Keep.REFUSE, says=(Say(Outcome.REFUSED),), reason=EXPIRED)
        if -self.book.balances[SETTLEMENT] + credit.amount.minor > self.prefunded_minor:
            return Script(Keep.REFUSE, says=(Say(Outcome.REFUSED),), reason=INSUFFICIENT)
        return wanted

    def _script_of(self, account: str) -> Script:
        return script(self.word_of(account)) or ORDINARY

    async def _later(self, case: Case, say: Say, words: Words) -> None:
        """Wait, credit or give back what was deemed, and post the word to the switch."""
        await self._wait(case.entry.rail_ref, say)
        entry = self.book.find(case.entry.rail_ref) or case.entry
        if say.outcome is Outcome.DONE and entry.outcome is Kept.PENDING:
            entry = self.settle(entry)
        if say.outcome is Outcome.REFUSED and entry.outcome is Kept.PENDING:
            entry = self.give_back(entry, case.script.reason)
        self._said.add(entry.rail_ref)
        await self.deliver(_body(entry, say, words))

    async def _wait(self, ref: str, say: Say) -> None:
        if say.wait is Wait.PAST_ENQUIRY and ref not in self._enquired:
            asked = self._awaited.setdefault(ref, asyncio.Event())
            await asked.wait()
        delay = self.latency_s + say.delay_s(self.profile.timing) * self.time_scale
        if delay:
            await asyncio.sleep(delay)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def outcome_of(entry: Entry) -> Outcome:
    """What an entry is in the words of the port. A reversal is another order: its credit stays done."""
    return _OUTCOMES[entry.outcome]


def with_broken_signature(document: bytes) -> bytes:
    """The same signed document with one character of a digest changed."""
    before, tag, after = document.partition(b"<ds:DigestValue>")
    return before + tag + (b"A" if after[:1] != b"A" else b"B") + after[1:]


_KEPT: Final = {Keep.REFUSE: Kept.REFUSED, Keep.DEEM: Kept.PENDING}
_OUTCOMES: Final = {
    Kept.DONE: Outcome.DONE,
    Kept.REFUSED: Outcome.REFUSED,
    Kept.PENDING: Outcome.PENDING,
    Kept.REVERSED: Outcome.DONE,
}


def _body(entry: Entry, say: Say, words: Words) -> bytes:
    return _GARBAGE if say.spoil is Spoil.GARBAGE else words(entry, say.outcome, say.spoil)


def _spoiled(response: Response, spoil: Spoil) -> Response:
    match spoil:
        case Spoil.CUT:
            return replace(response, cut=True)
        case Spoil.HTTP_502:
            return Response(502, _PAGE, "text/html")
        case _:
            return response
