"""`payswitch verify`: check every invariant of ledger and payments against the database and rails' books.

The ledger's own come from `ledger.verify`: I1 conservation, I2 balances are the sum of their entries,
I3 caps, and others. Those of payments are here:

I4  at most once    a UETR is posted once, and a rail's book credits it once
I5  agreement       a payment committed by the switch is credited by the rail, with the same amount and
                    account; an aborted one is not; a rail whose book is missing is reported as not compared
I8  reconciliation  the rails' files and responses agree with the switch, or people resolved the difference
I6  acknowledgement a payment acknowledged to a client exists, and ended with the acknowledged status
I12 both sides      a payer at a rail is debited exactly when the payee is credited (`inbound_agreement`)
I7  legal history   the events of a payment are a path in the lifecycle table, and final is final

Beside them, `caused` checks that every funding, cap, limit, key, rate and return was signed or approved, and
`priced` that every price is that of its quote, of an offer, or of a rate that people set, and `parted` that
parts that were returned are shares of their payments.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from adapters import registry
from adapters.creditor import find_alias
from adapters.simulation import book as rail_book
from adapters.simulation.sandbox import is_paid, is_simulated
from ledger import verify as ledger_verify
from ledger.verify import CheckResult, WitnessedTree
from schemas import codec, credit_transfer
from switch.approvals.kinds import Kinds
from switch.base import personal_data
from switch.base.personal_data import Erased, KeyRing, UnreadablePersonalData
from switch.base.sql import statements
from switch.operations import caused, ends, inbound_agreement, parted, priced
from switch.payments import reconciliation
from switch.statistics import making
from switch.writer.lifecycle import FINAL, Event, IllegalTransition, State, next_state

_EXAMPLES: Final = 5
_FAULTS_MAX: Final = 10_000
_SECOND_LOOK_S: Final = 1.0
_LOOKS_AT_ORDERS: Final = 3
"""The caretaker marks what is owed within a second or two."""
_NUMBERS: Final = {"conservation": "I1", "balances": "I2", "caps": "I3", "leaves": "I11"}
"""The ledger's checks that have a number in the catalogue of invariants."""
_STEP: Final = frozenset(Event)

_statement: Final = statements("switch.operations")
_HISTORY: Final = _statement("history")
_HISTORY_OF: Final = _statement("history_of_payments")
_TOUCHED: Final = "SELECT DISTINCT number FROM ledger.event WHERE seq > $1 AND seq <= $2 AND number > 0"
_OUTCOMES: Final = _statement("outcomes")
_USED: Final = "SELECT DISTINCT rail FROM switch.payment WHERE native_ref <> '' ORDER BY rail"
_NAMED: Final = _statement("messages_of_rail")
_ACKNOWLEDGED: Final = _statement("are_posted")
_ENDS: Final = {"ACCC": True, "RJCT": False}
"""Final statuses, and whether each is posted."""
_OPEN_BREAKS: Final = (
    "SELECT rail::text, ref, kind, uetr FROM switch.reconciliation_break WHERE resolved_at IS NULL"
)
_REFUNDS: Final = _statement("order_refunds")
_RESOLVED: Final = (
    "SELECT uetr FROM switch.reconciliation_break"
    " WHERE rail = $1 AND kind = 'credited_unknown_here' AND resolved_at IS NOT NULL"
)
_EVIDENCE: Final = _statement("evidence")
_ERASURES: Final = _statement("erasures")
_TERMS: Final = _statement("terms")
_ALL: Final = (0, (1 << 63) - 1)


@dataclass(slots=True)
class VerificationTally:
    """Counts what was checked, and collects the faults, up to a bound."""

    name: str
    text: str
    checked: int = 0
    faults: list[str] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)
    """What could not be compared, and why; the result is then not that all is well."""

    def check(self, fine: object, fault: str) -> None:
        """Count one check; `fault` describes what is wrong if it is not fine."""
        self.checked += 1
        if not fine and len(self.faults) < _FAULTS_MAX:
            self.faults.append(fault)

    def keep_only(self, again: "VerificationTally") -> None:
        """Drop the faults that a second check did not find."""
        still = set(again.faults)
        self.faults = [fault for fault in self.faults if fault in still]

    def result(self) -> CheckResult:
        """Return the verdict."""
        faults = self.faults
        found = f"{len(faults)} faults: {'; '.join(faults[:_EXAMPLES])}" if faults else ""
        not_compared = f"not compared: {', '.join(self.not_compared)}" if self.not_compared else ""
        detail = "; ".join(filter(None, (found, not_compared))) or self.text
        return CheckResult(name=self.name, ok=not faults, detail=detail, checked=self.checked)


@dataclass(slots=True)
class Credit:
    """Entries of a rail's book for one UETR: the number of credits, their sum, and the accounts."""

    times: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    """Minor units by currency: amounts of different currencies are never added."""
    accounts: Counter[str] = field(default_factory=Counter)

    def count(self, entry: rail_book.BookEntry, change: int) -> None:
        """Add a credit, or subtract its reversal."""
        self.times += change
        self.sums[entry.currency] += change * entry.amount_minor
        self.accounts[entry.account] += change

    @property
    def left(self) -> dict[str, int]:
        """Amount credited and not reversed, by currency."""
        return {currency: minor for currency, minor in self.sums.items() if minor}

    @property
    def credited(self) -> set[str]:
        """Accounts with a credit that is not reversed."""
        return {account for account, times in self.accounts.items() if times}


def read_credits(book: Path) -> dict[UUID | str, Credit]:
    """Sum up a rail's book: credits less reversals of each UETR, or of each reference if there is no UETR.

    Raises:
        ValueError: a line is not a valid line of a book.

    """
    credits_: defaultdict[UUID | str, Credit] = defaultdict(Credit)
    for entry in rail_book.read(book):
        change = {rail_book.EntryStatus.DONE: 1, rail_book.EntryStatus.REVERSED: -1}.get(entry.outcome, 0)
        if change:
            key = UUID(entry.uetr) if entry.uetr else f"order {entry.rail_ref!r}"
            credits_[key].count(entry, change)
    return {key: credit for key, credit in credits_.items() if credit.times or credit.left}


async def verify(
    connection: asyncpg.Connection,
    rails: Path,
    acknowledged: Path | None,
    *,
    archives: Path | None = None,
    progress: Callable[[int], None] | None = None,
    keys: KeyRing | None = None,
    kinds: Kinds | None = None,
    witnessed: Sequence[WitnessedTree] = (),
) -> AsyncIterator[CheckResult]:
    """Check everything, one result at a time; `rails` has a directory for each rail with its book.

    `witnessed`: trees that witnesses hold, which the log must have.
    Credited accounts are compared if `keys` are given to read the messages. Detached history is read again if
    `archives` has its files; `progress` receives the number of events that are done. The causes of events are
    checked if `kinds` of changes are given.
    """
    async for result in ledger_verify.verify(connection, progress, archives, witnessed):
        name = f"{_NUMBERS.get(result.name, '')} {result.name}".strip()
        yield replace(result, name=name)
    for result in await _books_agree(connection, rails, keys):
        yield result
    yield await both_sides(connection, rails)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        result = await reconciled(connection)
    yield result
    # One snapshot for each of the rest: payments go on during the check.
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        result = await _acknowledged(connection, acknowledged)
    yield result
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        result = await _history(connection)
    yield result
    yield await _evidence(connection)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        result = await _terms(connection, *_ALL)
    yield result
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        result = await priced.check_prices(connection)
    yield result
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        result = await parted.check_parts(connection)
    yield result
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        result = await ends.check_ends(connection)
    yield result
    yield await verify_erasures(connection)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        result = await _facts(connection)
    yield result
    if kinds is not None:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            result = await caused.check_causes(connection, kinds)
        yield result


async def verify_further(connection: asyncpg.Connection, after: int, until: int) -> list[CheckResult]:
    """Check the payments of events `after` < seq <= `until`: their history and their terms."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        numbers = [row["number"] for row in await connection.fetch(_TOUCHED, after, until)]
        return [await _history(connection, numbers), await _terms(connection, after, until)]


async def _books_agree(
    connection: asyncpg.Connection, rails: Path, keys: KeyRing | None
) -> list[CheckResult]:
    """Compare with the rails' books. They cannot be read at one instant: a fault must be found twice."""
    found = await _compare(connection, rails, keys)
    if any(not tally.result().ok for tally in found):
        await asyncio.sleep(_SECOND_LOOK_S)
        again = await _compare(connection, rails, keys)
        for tally, second in zip(found, again, strict=True):
            tally.keep_only(second)
    return [tally.result() for tally in found]


async def both_sides(connection: asyncpg.Connection, rails: Path) -> CheckResult:
    """Compare orders of rails with the ledger and the payers, which cannot be read at one instant: twice."""
    tally = await _compare_orders(connection, rails)
    for _ in range(_LOOKS_AT_ORDERS):
        if tally.result().ok:
            break
        await asyncio.sleep(_SECOND_LOOK_S)
        tally.keep_only(await _compare_orders(connection, rails))
    return tally.result()


async def _compare_orders(connection: asyncpg.Connection, rails: Path) -> VerificationTally:
    tally = VerificationTally(inbound_agreement.NAME, inbound_agreement.TEXT)
    for country in await inbound_agreement.rails(connection):
        debits = inbound_agreement.read_debits(rails, country)
        found = {row["ref"]: row for row in await inbound_agreement.orders(connection, country)}
        for row in found.values():
            fault = inbound_agreement.fault_of(row)
            tally.check(not fault, f"{row['uetr']} of {country}: {fault}")
        if debits is None:
            tally.not_compared.append(f"no book of payers of {country}")
            continue
        for uetr, fault in inbound_agreement.faults_of_debits(debits, found):
            tally.check(not fault, f"{uetr} of {country}: {fault}")
    return tally


async def _compare(
    connection: asyncpg.Connection, rails: Path, keys: KeyRing | None = None
) -> tuple[VerificationTally, VerificationTally, VerificationTally]:
    once = VerificationTally("I4 at most once", "no payment is posted or credited twice")
    agree = VerificationTally("I5 agreement", "the switch and the rails' books agree on every final payment")
    accounts = VerificationTally("I5 accounts", "the rails' books credit the accounts in the messages")
    books = {book.parent.name: book for book in sorted(rails.glob(f"*/{rail_book.FILE_NAME}"))}
    missing = [row["rail"] for row in await connection.fetch(_USED) if row["rail"] not in books]
    for tally in (once, agree, accounts):
        _name_missing(tally, rails, missing)
    if keys is None:
        accounts.not_compared.append("there are no keys to read the messages with")
    for country, book in books.items():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await connection.fetch(_OUTCOMES, country)
        try:
            credited = read_credits(book)
        except (ValueError, TypeError, KeyError):
            agree.check(fine=False, fault=f"the book of {country} has an invalid line")
            continue
        for uetr, credit in credited.items():
            once.check(credit.times == 1, f"{uetr} credited {credit.times} times by {country}")
        if keys is not None:
            await _check_accounts(connection, accounts, country, credited, keys)
        for row in rows:
            _agrees(agree, row, credited.pop(row["uetr"], None))
        resolved = {row["uetr"] for row in await connection.fetch(_RESOLVED, country)}
        for row in await connection.fetch(_REFUNDS, country):
            fault = inbound_agreement.fault_of_refund(row, credited.pop(row["refund_uetr"], None))
            fine = not fault or row["refund_uetr"] in resolved
            agree.check(fine, f"{row['refund_uetr']} of {country}: {fault}")
        for uetr in credited:
            agree.check(uetr in resolved, f"{uetr} credited by {country}, unknown to the switch")
    return once, agree, accounts


def _name_missing(tally: VerificationTally, rails: Path, missing: list[str]) -> None:
    """Report rails without a book as not compared; the book of a simulated rail must not be missing."""
    if missing:
        tally.not_compared += [f"no book of {country}" for country in missing]
    for country in missing:
        if is_simulated(rails / country):
            tally.check(fine=False, fault=f"the book of {country} is missing: it was not compared")


async def _check_accounts(
    connection: asyncpg.Connection,
    tally: VerificationTally,
    country: str,
    credited: Mapping[UUID | str, Credit],
    keys: KeyRing,
) -> None:
    """Compare the account in each payment's message with the account that the rail's book credits."""
    forms = registry.profile(country).creditor
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in connection.cursor(_NAMED, country):
            credit = credited.get(row["uetr"])
            if credit is None:
                continue
            try:
                raw = keys.open(row["uetr"], personal_data.CAME, row["sealed"], row["body"])
            except (Erased, UnreadablePersonalData):
                continue  # `evidence` and `erasures` report what is wrong with those
            payment = credit_transfer.read(codec.again(raw, row["message_name"]))
            named = find_alias(payment.creditor_account, forms)
            if named is not None:
                fine = all(is_paid(country, named.value, account) for account in credit.credited)
                tally.check(fine or row["settled"], f"{row['uetr']} credited to another account by {country}")


async def reconciled(connection: asyncpg.Connection) -> CheckResult:
    """Compare the rails' files with the books, as `reconciliation` does; open breaks are faults too."""
    tally = VerificationTally(
        "I8 reconciliation",
        "the rails' files agree with the switch, or two people have resolved the difference",
    )
    tally.checked = await connection.fetchval("SELECT count(*) FROM switch.rail_cycle_line")
    found = {
        (row["rail"], row["ref"], row["kind"]): row["uetr"] for row in await connection.fetch(_OPEN_BREAKS)
    }
    for country in registry.countries():
        for row in await reconciliation.differences(connection, registry.profile(country)):
            found.setdefault((country, row["ref"], row["kind"]), row["uetr"])
    for (rail, ref, kind), uetr in found.items():
        tally.check(fine=False, fault=f"{uetr or ref} {kind.replace('_', ' ')} ({rail})")
    return tally.result()


async def _evidence(connection: asyncpg.Connection) -> CheckResult:
    """Hash the stored bytes: received and sent messages must match the audited events."""
    tally = VerificationTally("evidence", "stored messages have the hashes in the audited events")
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in connection.cursor(_EVIDENCE):
            tally.check(row["fine"], f"payment {row['number']}: stored bytes were changed, or are missing")
    return tally.result()


async def _terms(connection: asyncpg.Connection, after: int, until: int) -> CheckResult:
    """Add up the legs: they must move the amounts of the payment's terms, between its parties."""
    tally = VerificationTally("terms", "every payment's legs match its terms")
    async for row in connection.cursor(_TERMS, after, until):
        tally.check(row["fine"], f"payment {row['number']}: its legs and its terms differ")
    return tally.result()


async def verify_erasures(connection: asyncpg.Connection) -> CheckResult:
    """Check every key: it exists, or the log records its erasure."""
    tally = VerificationTally("erasures", "the log records the erasure of every missing key")
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in connection.cursor(_ERASURES):
            tally.check(
                row["fine"],
                f"payment {row['number']}: its key is missing, and the log does not record an erasure",
            )
    return tally.result()


async def _facts(connection: asyncpg.Connection) -> CheckResult:
    """Add up the log again: the facts of statistics must be what it has."""
    tally = VerificationTally("facts", "the facts by hour and day are what the log has")
    found = await making.wrong(connection)
    tally.checked = found.events
    for each in found.wrong:
        tally.check(fine=False, fault=f"{each} differ from the log: `payswitch ledger rebuild-facts`")
    return tally.result()


def _agrees(tally: VerificationTally, row: asyncpg.Record, credit: Credit | None) -> None:
    """Compare one payment. A difference is a fault until people have resolved it."""
    uetr = row["uetr"]
    if row["open_state"] is not None:
        return  # not final: nothing to compare yet
    if row["outcome"] == "posted":
        same = credit is not None and credit.left == {row["credit_currency"]: row["credit_minor"]}
        tally.check(same or row["settled"], f"{uetr} is committed here, and not credited by the rail")
    else:
        tally.check(credit is None or row["settled"], f"{uetr} is aborted here, and credited by the rail")


async def _acknowledged(connection: asyncpg.Connection, acknowledged: Path | None) -> CheckResult:
    tally = VerificationTally(
        "I6 acknowledgements", "every acknowledged payment exists, and ended with the acknowledged status"
    )
    if acknowledged is not None and acknowledged.exists():
        claimed = [json.loads(line) for line in acknowledged.read_text().splitlines()]
        rows = await connection.fetch(_ACKNOWLEDGED, [UUID(line["uetr"]) for line in claimed])
        posted = {row["id"]: row["posted"] for row in rows}
        for line in claimed:
            uetr, status = UUID(line["uetr"]), line.get("status", "")
            tally.check(uetr in posted, f"{uetr} was acknowledged and does not exist")
            other = status in _ENDS and posted.get(uetr) is not _ENDS[status]
            tally.check(not other, f"{uetr} was acknowledged as {status} and ended otherwise")
    return tally.result()


async def _history(connection: asyncpg.Connection, numbers: Sequence[int] | None = None) -> CheckResult:
    """Replay payments, all or some, through the lifecycle table; open ones must have the listed state."""
    tally = VerificationTally("I7 legal history", "every payment's history is a path in the lifecycle table")
    states = {
        row["number"]: State(row["state"])
        for row in await connection.fetch("SELECT number, state FROM switch.open_payment")
    }
    number, state = 0, State.RECEIVED
    query = (_HISTORY,) if numbers is None else (_HISTORY_OF, numbers)
    async for row in connection.cursor(*query):
        if row["number"] != number:
            _ended(tally, number, state, states)
            number, state = row["number"], State.RECEIVED
        if row["kind"] in _STEP:
            state = _step(tally, number, state, row)
    _ended(tally, number, state, states)
    return tally.result()


def _step(tally: VerificationTally, number: int, state: State, row: asyncpg.Record) -> State:
    said = State(json.loads(row["body"])["state"])
    try:
        reached = next_state(state, Event(row["kind"]))
    except IllegalTransition as error:
        tally.check(fine=False, fault=f"payment {number}: {error}")
        return said
    tally.check(reached is said, f"payment {number}: the event states {said}, the table {reached}")
    return said


def _ended(tally: VerificationTally, number: int, state: State, states: dict[int, State]) -> None:
    if number:
        listed = states.get(number)
        fine = listed is None if state in FINAL else listed is state
        tally.check(fine, f"payment {number}: history ends {state}, listed {listed}")
