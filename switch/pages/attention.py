"""What needs attention: one sentence for each trouble, worst first, with the action beside it.

The overview leads with these. What a person may not see is left out, and what it may not do has no action.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from ledger import positions
from schemas.errors import NotFound
from schemas.money import Money
from switch.api.runtime import Runtime
from switch.api.settlement import unpaid_for
from switch.base import calendars
from switch.base.sql import statements
from switch.cases import reading as cases
from switch.change_catalogue import KINDS
from switch.identity.model import Person
from switch.operations import oversight
from switch.operations.oversight import RailFacts
from switch.pages import debts, shell
from switch.pages.change_links import link, may_request
from switch.pages.country import waiting_for
from switch.pages.language import Language
from switch.pages.shell import OVERSEERS, PREFIX
from switch.participants import liquidity
from switch.settlement import reads

BAD, WARN, BUSY = "bad", "warn", "busy"
_ORDER: Final = (BAD, WARN, BUSY)
_SLOW_S: Final = 1800.0
"""A settlement in one state for longer needs somebody."""
_BACKLOG_S: Final = 60.0
_NEAR: Final = 80
"""Per cent of its liquidity from which a participant is named."""
_LINKS_MAX: Final = 3
"""Windows that one sentence links, beside the one in which a debt is due."""
_EACH_MAX: Final = 10
"""Sentences of one kind."""
_statement: Final = statements("switch.pages")
_HELD_LINES: Final = _statement("windows_with_held_lines")
_SLOW: Final = _statement("slow_settlements")
_UNASKED: Final = _statement("unasked_settlements")
_IN_FLIGHT: Final = statements("switch.operations")("in_flight")
_OPEN_WINDOW: Final = statements("switch.settlement")("open_window")
_FROZEN: Final = "SELECT EXISTS (SELECT FROM switch.freeze)"


@dataclass(frozen=True, slots=True)
class Concern:
    """One trouble in the reader's language, and what can be done about it: titles and addresses."""

    tone: str
    text: str
    actions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    connection: asyncpg.Connection
    switch: Runtime
    person: Person
    lang: Language
    rails: Sequence[RailFacts]

    def request(self, kind: str, title: str, **known: object) -> tuple[tuple[str, str], ...]:
        """The action that requests a change, if this person may."""
        return ((title, link(kind, **known)),) if may_request(self.person, kind) else ()


async def read(
    connection: asyncpg.Connection,
    switch: Runtime,
    person: Person,
    lang: Language,
    rails: Sequence[RailFacts],
) -> list[Concern]:
    """Everything that needs this person's attention now, worst first."""
    reading = _Reading(connection, switch, person, lang, rails)
    sources = [*_OF_ALL, *(_OF_THE_SWITCH if person.role in OVERSEERS else ())]
    found = [concern for source in sources async for concern in source(reading)]
    return sorted(found, key=lambda concern: _ORDER.index(concern.tone))


async def _books(at: _Reading) -> AsyncIterator[Concern]:
    if await at.connection.fetchval(_FROZEN):
        text = at.lang.text("The books are frozen: no payment is accepted until two people end the freeze.")
        yield Concern(BAD, text, at.request("books.unfreeze", at.lang.text("Request the end of the freeze")))
    wrong = [currency for currency, rest in (await positions.imbalance(at.connection)).items() if rest]
    if wrong:
        text = at.lang.text("The books do not balance: {currencies}.", currencies=", ".join(wrong))
        yield Concern(BAD, text, ((at.lang.text("Positions"), f"{PREFIX}/positions"),))


async def _rails(at: _Reading) -> AsyncIterator[Concern]:
    for rail in at.rails:
        country = at.lang.country(rail.country)
        show = (at.lang.text("Rails"), f"{PREFIX}/rails")
        if rail.state == "away":
            since = at.lang.ago(rail.silent_since) if rail.silent_since else at.lang.text("just now")
            text = at.lang.text(
                "The rail of {country}, {rail}, does not respond. First failure: {at}.",
                country=country,
                rail=rail.name,
                at=since,
            )
            close = at.lang.text("Request to close the rail")
            yield Concern(
                BAD, text, (*at.request("rail.switch", close, country=rail.country, open="false"), show)
            )
        elif rail.state == "closed" and rail.held:
            text = at.lang.text(
                "The rail of {country}, {rail}, is closed. Payments that wait for it: {n}.",
                country=country,
                rail=rail.name,
                n=at.lang.number(rail.held),
            )
            reopen = at.lang.text("Request to open the rail")
            yield Concern(
                WARN,
                text,
                (
                    (at.lang.text("Held payments"), f"{PREFIX}/held"),
                    *at.request("rail.switch", reopen, country=rail.country, open="true"),
                ),
            )


async def _unknown(at: _Reading) -> AsyncIterator[Concern]:
    for row in await at.connection.fetch(_IN_FLIGHT):
        if row["state"] == "UNKNOWN" and row["n"]:
            text = at.lang.text(
                "Payments to {country} with an unknown outcome: {n}, the oldest for {age}.",
                country=at.lang.country(row["country"]),
                n=at.lang.number(row["n"]),
                age=at.lang.age(row["age"]),
            )
            yield Concern(BAD, text, ((at.lang.text("Resolve"), f"{PREFIX}/doubt"),))


async def _unpaid(at: _Reading) -> AsyncIterator[Concern]:
    rows = await at.connection.fetch(_HELD_LINES, _EACH_MAX)
    windows = {row["window"]: row["currency"] for row in rows}
    aborted = {row["window"] for row in rows if row["aborted"]}
    for window, lines in (await reads.unpaid(at.connection, list(windows))).items():
        visible = unpaid_for(at.person, lines)
        if window in aborted and visible:
            yield _aborted(at, window, windows[window])
            continue
        for line in visible:
            if line.minor < 0 and not line.carried_to:
                text = at.lang.text(
                    "{who} has not paid {amount} of window {n}.",
                    who=line.participant,
                    amount=at.lang.money(Money(-line.minor, windows[window])),
                    n=window,
                )
                yield Concern(BAD, text, ((at.lang.text("Open the window"), f"{PREFIX}/windows/{window}"),))


def _aborted(at: _Reading, window: int, currency: str) -> Concern:
    """People aborted a window: nobody failed to pay, and its lines wait."""
    text = at.lang.text(
        "Window {n}, {currency}, was aborted. Its lines wait for the next window.",
        n=window,
        currency=currency,
    )
    return Concern(WARN, text, ((at.lang.text("Open the window"), f"{PREFIX}/windows/{window}"),))


async def _carried(at: _Reading) -> AsyncIterator[Concern]:
    """What was not paid, and is part of a line of a later window that is not settled yet."""
    for debt in await debts.carried(at.connection, at.person, _EACH_MAX):
        text = at.lang.text(
            "{who} did not pay window {windows}. It now owes {amount} in window {n}; {carried} of it was "
            "carried.",
            who=debt.line.participant,
            windows=", ".join(str(window) for window in debt.unpaid_windows),
            amount=at.lang.money(Money(-debt.line.minor, debt.currency)),
            n=debt.line.window,
            carried=at.lang.money(Money(-debt.carried_minor, debt.currency)),
        )
        windows = (debt.line.window, *reversed(debt.unpaid_windows[-_LINKS_MAX:]))
        links = tuple(
            (at.lang.text("Window {n}, {currency}", n=n, currency=debt.currency), f"{PREFIX}/windows/{n}")
            for n in windows
        )
        yield Concern(BAD, text, links)


async def _overdue(at: _Reading) -> AsyncIterator[Concern]:
    for schedule in await reads.schedules(at.connection):
        row = await at.connection.fetchrow(_OPEN_WINDOW, schedule.currency) if schedule.enabled else None
        if row is None:
            continue
        calendar = await calendars.load(at.connection, schedule.currency)
        try:
            cut_off = calendar.next_close(schedule.closes_at, row["opened_at"])
        except NotFound:
            continue
        if cut_off < row["now"]:
            text = at.lang.text(
                "Window {n}, {currency}, is still open: its cut-off was {at}.",
                n=row["number"],
                currency=schedule.currency,
                at=at.lang.ago(cut_off),
            )
            close = at.request(
                "window.close",
                at.lang.text("Request to close it"),
                window=row["number"],
                currency=schedule.currency,
            )
            yield Concern(
                BAD, text, (*close, (at.lang.text("Open the window"), f"{PREFIX}/windows/{row['number']}"))
            )


async def _closed(at: _Reading) -> AsyncIterator[Concern]:
    """Closed windows whose confirmation nobody has requested."""
    for row in await at.connection.fetch(_UNASKED, _EACH_MAX):
        text = at.lang.text(
            "Window {n}, {currency}, is closed. Its positions await a request to confirm them.",
            n=row["window"],
            currency=row["currency"],
        )
        ask = at.request(
            "settlement.confirm",
            at.lang.text("Request the confirmation"),
            window=row["window"],
            positions_sha256=row["positions_sha256"],
        )
        show = (at.lang.text("Open the window"), f"{PREFIX}/windows/{row['window']}")
        yield Concern(WARN, text, (*ask, show))


async def _slow(at: _Reading) -> AsyncIterator[Concern]:
    for row in await at.connection.fetch(_SLOW, _SLOW_S, _EACH_MAX):
        state: str = row["state"]
        text = at.lang.text(
            "The settlement of window {n}, {currency}, has been in the state {state} for {age}.",
            n=row["window"],
            currency=row["currency"],
            state=at.lang.text(state),
            age=at.lang.age(row["age"]),
        )
        yield Concern(WARN, text, ((at.lang.text("Open the window"), f"{PREFIX}/windows/{row['window']}"),))


async def _caps(at: _Reading) -> AsyncIterator[Concern]:
    near = [use for use in await liquidity.read(at.connection) if use.percent >= _NEAR]
    for use in sorted(near, key=lambda one: -one.percent)[:_EACH_MAX]:
        text = at.lang.text(
            "{who} has used {n} % of its liquidity in {currency}. It can still send {amount}.",
            who=use.participant,
            n=use.percent,
            currency=use.currency,
            amount=at.lang.money(Money(use.headroom, use.currency)),
        )
        change = at.request(
            "cap.set", at.lang.text("Set the cap"), participant=use.participant, currency=use.currency
        )
        show = (at.lang.text("Positions"), f"{PREFIX}/positions")
        yield Concern(BAD if use.percent >= liquidity.LEVELS[0] else WARN, text, (*change, show))


async def _breaks(at: _Reading) -> AsyncIterator[Concern]:
    count = sum(rail.breaks for rail in at.rails)
    if count:
        text = at.lang.text("Reconciliation breaks that nobody has resolved: {n}.", n=at.lang.number(count))
        yield Concern(WARN, text, ((at.lang.text("Resolve"), f"{PREFIX}/breaks"),))


async def _backlog(at: _Reading) -> AsyncIterator[Concern]:
    for queue in await oversight.queues(at.connection):
        if queue.rows and queue.age_s > _BACKLOG_S:
            text = at.lang.text(
                "{queue}: {n} wait, the oldest for {age}.",
                queue=at.lang.text(queue.title),
                n=at.lang.number(queue.rows),
                age=at.lang.age(queue.age_s),
            )
            yield Concern(WARN, text, ((at.lang.text("Queues"), f"{PREFIX}/queues"),))


async def _services(at: _Reading) -> AsyncIterator[Concern]:
    for service in await oversight.services(at.connection):
        if not service["ok"] and not service["service"].startswith("rail-"):
            text = at.lang.text("The service {name} is unavailable.", name=service["service"])
            yield Concern(BAD, text, ((at.lang.text("Queues"), f"{PREFIX}/queues"),))


async def _cases(at: _Reading) -> AsyncIterator[Concern]:
    if not shell.CASES.admits(at.person):
        return
    rows = await cases.counts(at.connection)
    show = at.lang.text("Cases")
    if overdue := sum(row["overdue"] for row in rows):
        text = at.lang.text("Cases whose deadline is over: {n}.", n=at.lang.number(overdue))
        yield Concern(BAD, text, ((show, f"{PREFIX}/cases?state=overdue"),))
    if untaken := sum(row["untaken"] for row in rows):
        text = at.lang.text("Cases that nobody has taken: {n}.", n=at.lang.number(untaken))
        yield Concern(WARN, text, ((show, f"{PREFIX}/cases?owner=-"),))


async def _approvals(at: _Reading) -> AsyncIterator[Concern]:
    changes, more = await waiting_for(at.connection, at.person)
    for change in changes[:_EACH_MAX]:
        text = at.lang.text(
            "Change {n} awaits your decision: {title}, requested by {who}.",
            n=change.number,
            title=at.lang.text(KINDS[change.kind].title),
            who=change.maker,
        )
        yield Concern(WARN, text, ((at.lang.text("Decide"), f"{PREFIX}/changes/{change.number}"),))
    if more or len(changes) > _EACH_MAX:
        text = at.lang.text("More changes await your decision.")
        yield Concern(WARN, text, ((at.lang.text("Approvals"), f"{PREFIX}/changes?state=requested"),))


_OF_ALL: Final = (_rails, _unpaid, _carried, _approvals)
_OF_THE_SWITCH: Final = (
    _books,
    _unknown,
    _overdue,
    _closed,
    _slow,
    _caps,
    _breaks,
    _cases,
    _backlog,
    _services,
)
"""What only those see who oversee the whole switch."""
