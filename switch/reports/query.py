"""Parameters of a report: what is requested, by whom, and over which part of the log.

A `Scope` states whose payments a reader may see; it denies by default. A `Period` converts instants into
sequence numbers once, so that everything after it is exact: events `(first, last]` are in the period, and
outcomes are those after event `as_of`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from ledger.archive import Archived
from ledger.sql import statement as ledger_statement
from schemas.errors import InvalidMessage, NotAllowed
from schemas.money import EXPONENTS
from switch.base.calendars import is_countable
from switch.reports.cells import utc_text

_SEQ_AT: Final = ledger_statement("seq_at")
"""No row if the instant is in a part of history that was detached."""
_TICK: Final = timedelta(microseconds=1)
"""Resolution of the ledger's clock."""
_HEAD: Final = "SELECT coalesce(max(seq), 0) FROM ledger.event"
_OWNERS: Final = "SELECT id FROM switch.participant WHERE country = $1 ORDER BY id"
_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,34}", re.ASCII)
_QUARTER: Final = re.compile(r"[0-9]{4}-Q[1-4]", re.ASCII)
_CORRIDOR: Final = re.compile(r"[A-Z]{2}-[A-Z]{2}", re.ASCII)
_PSEUDONYM: Final = re.compile(r"p-[0-9a-f]{32}", re.ASCII)
_AMOUNT: Final = re.compile(r"([0-9]{1,15}|[0-9]{1,3}(,[0-9]{3}){1,4})(\.[0-9]{1,5})?", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z0-9._-]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scope:
    """The reader and what it may see: everything, one country's participants, or one participant.

    `reveal` is a separate right: without it personal data is masked for every reader.
    """

    caller: str
    """Name of the reader in the audited log."""
    everything: bool = False
    country: str | None = None
    participant: str | None = None
    reveal: bool = False

    def __post_init__(self) -> None:
        given = self.everything + (self.country is not None) + (self.participant is not None)
        if given != 1:
            raise NotAllowed("a reader of reports sees everything, one country, or one participant")

    async def owners(self, connection: asyncpg.Connection) -> list[str] | None:
        """Ids of the participants that the reader may see; None for all."""
        if self.everything:
            return None
        if self.participant is not None:
            return [self.participant]
        return [row["id"] for row in await connection.fetch(_OWNERS, self.country)]

    @property
    def text(self) -> str:
        """The scope as reports state it."""
        return self.country or self.participant or "all"


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """The parsed parameters of a report. The catalogue states which of them a report takes."""

    window: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    as_of: int | None = None
    page: int | None = None
    participant: str | None = None
    currency: str | None = None
    account: str | None = None
    """Purpose of one account: `position` or `gross`; without it, all accounts."""
    uetr: UUID | None = None
    rules: str | None = None
    quarter: str | None = None
    above: str | None = None
    """An amount, as a plain decimal."""
    corridor: str | None = None
    """Countries of debtor agent and creditor agent: `IN-PK`."""
    payer: str | None = None
    """Pseudonym of a debtor: `p-` and 32 hexadecimal digits."""


def read_query(given: Mapping[str, str]) -> ReportQuery:
    """Read parameters from a URL or a command line.

    Raises:
        InvalidMessage: an unknown name, or a value of the wrong form; the text names the parameter, not the
        value.

    """
    unknown = given.keys() - {field.name for field in fields(ReportQuery)}
    if unknown:
        names = ", ".join(field.name for field in fields(ReportQuery))
        raise InvalidMessage(f"unknown parameter; reports take {names}", rule="parameter")
    return ReportQuery(
        window=_number(given, "window"),
        since=_instant(given, "since"),
        until=_instant(given, "until"),
        as_of=_number(given, "as_of"),
        page=_page(given),
        participant=_matching(given, "participant", _ID),
        currency=_currency(given),
        account=_matching(given, "account", _ID),
        uetr=_uuid(given, "uetr"),
        rules=_matching(given, "rules", _WORD),
        quarter=_matching(given, "quarter", _QUARTER),
        above=_amount(given),
        corridor=_matching(given, "corridor", _CORRIDOR),
        payer=_matching(given, "payer", _PSEUDONYM),
    )


def _wrong(name: str, must: str) -> InvalidMessage:
    return InvalidMessage(f"{name} must be {must}", rule="parameter")


def _number(given: Mapping[str, str], name: str) -> int | None:
    if name not in given:
        return None
    if _NUMBER.fullmatch(given[name]) is None:
        raise _wrong(name, "a whole number")
    return int(given[name])


def _page(given: Mapping[str, str]) -> int | None:
    page = _number(given, "page")
    if page == 0:
        raise _wrong("page", "a whole number, 1 or more")
    return page


def _instant(given: Mapping[str, str], name: str) -> datetime | None:
    if name not in given:
        return None
    try:
        instant = datetime.fromisoformat(given[name])
    except ValueError:
        raise _wrong(name, "an instant such as 2026-11-23T00:00:00Z") from None
    if instant.tzinfo is None:
        raise _wrong(name, "an instant with its offset from UTC")
    if not is_countable(instant):
        raise _wrong(name, "an instant between 1970 and the end of 9999, UTC")
    return instant


def _matching(given: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str | None:
    if name not in given:
        return None
    if pattern.fullmatch(given[name]) is None:
        raise _wrong(name, "a name of the right form")
    return given[name]


def _currency(given: Mapping[str, str]) -> str | None:
    currency = given.get("currency")
    if currency is not None and currency not in EXPONENTS:
        raise _wrong("currency", "an ISO 4217 code")
    return currency


def _amount(given: Mapping[str, str]) -> str | None:
    stated = given.get("above")
    if stated is None:
        return None
    if _AMOUNT.fullmatch(stated) is None:
        raise _wrong("above", "an amount such as 5000000.00 or 5,000,000.00")
    return stated.replace(",", "")


def _uuid(given: Mapping[str, str], name: str) -> UUID | None:
    try:
        return UUID(given[name]) if name in given else None
    except ValueError:
        raise _wrong(name, "a UETR") from None


async def seq_before(connection: asyncpg.Connection, instant: datetime) -> int:
    """The last event before an instant; 0 if there is none.

    Raises:
        Archived: the instant is in a part of history that was detached.

    """
    seq: int | None = await connection.fetchval(_SEQ_AT, instant - _TICK)
    if seq is None:
        raise Archived(f"the state at {utc_text(instant)} is in an archive")
    return seq


async def elapsed(connection: asyncpg.Connection, query: ReportQuery) -> tuple[datetime, datetime]:
    """The requested period, cut at the present moment if its end is in the future.

    So ages and shares never include time that has not passed. The report states the period that was used; a
    request for that period gives the same report.
    """
    assert query.since is not None
    assert query.until is not None
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return query.since, min(query.until, now) if now > query.since else query.until


@dataclass(frozen=True, slots=True)
class Period:
    """Events `(first, last]`: from `since` on and before `until`; outcomes are those after event `as_of`."""

    since: datetime
    until: datetime
    first: int
    last: int
    as_of: int

    @classmethod
    async def read(cls, connection: asyncpg.Connection, query: ReportQuery) -> "Period":
        """Find the events of the requested period; without `as_of`, outcomes are the present ones.

        Raises:
            InvalidMessage: the end is before the beginning, or `as_of` is before the end or in the future.

        """
        assert query.since is not None
        assert query.until is not None
        if query.until <= query.since:
            raise _wrong("until", "after since")
        since, until = await elapsed(connection, query)
        head = await connection.fetchval(_HEAD)
        first = await seq_before(connection, since)
        last = await seq_before(connection, until)
        as_of = head if query.as_of is None else query.as_of
        if as_of > head:
            raise _wrong("as_of", "an event that exists")
        if as_of < last:
            raise _wrong("as_of", "at or after the last event of the period")
        return cls(since, until, first, last, as_of)

    @property
    def parameters(self) -> dict[str, str]:
        """Parameters that always reproduce this report."""
        return {
            "since": utc_text(self.since),
            "until": utc_text(self.until),
            "events": f"{self.first + 1}-{self.last}",
            "as_of": str(self.as_of),
        }
