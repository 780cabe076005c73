"""Account statements and notifications, as tables and as ISO 20022: camt.053, camt.052 and camt.054.

    statement       a closed window of one account: the booked statement, camt.053.001.08
    account report  any time of one account, also today's: the interim report, camt.052.001.08
    notifications   every debit and credit of any time of one account, camt.054.001.08

Every posting is one entry, once; the closing balance is the opening balance with the entries. The messages
are written and checked by the codec, and say the same times whenever they are made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg

from ledger import statements
from ledger.statements import Entry
from schemas import codec
from schemas.errors import InvalidMessage, NotFound
from schemas.money import Money
from schemas.parties import instant_text
from switch.calendars import zone_of
from switch.pricing import POSITION
from switch.reports.cells import utc_text
from switch.reports.query import Period, Query, Scope
from switch.reports.table import Column, Kind, Report, Row
from switch.reports.window_statement import closed_window

STATEMENT: Final = "account-statement"
ACCOUNT_REPORT: Final = "account-report"
NOTIFICATIONS: Final = "notifications"
PAGE_ENTRIES: Final = 20_000
"""Entries of one page, some ten megabytes of XML; a longer statement has several."""
ENTRIES_MAX: Final = 1_000_000
"""Entries of one statement; ask for a shorter time where there are more."""

_ACCOUNT: Final = """
SELECT a.number, coalesce(p.bic, '') AS bic
  FROM ledger.account AS a LEFT JOIN switch.participant AS p ON p.id = a.owner
 WHERE a.owner = $1 AND a.currency = $2 AND a.purpose = $3
"""
_UUID_VERSION: Final = 4
"""A UETR is a UUID of this version; other ids are the switch's own."""

COLUMNS: Final = (
    Column("entry", title="Entry"),
    Column("at", Kind.INSTANT, "Posted at"),
    Column("id", title="UETR or id"),
    Column("purpose"),
    Column("counterparty"),
    Column("direction"),
    Column("amount", Kind.AMOUNT),
    Column("balance", Kind.AMOUNT, "Balance after it"),
)


class Form(StrEnum):
    """The three messages."""

    STATEMENT = "camt.053.001.08"
    REPORT = "camt.052.001.08"
    NOTIFICATION = "camt.054.001.08"


_ROOTS: Final[Mapping[Form, tuple[str, str]]] = {
    Form.STATEMENT: ("BkToCstmrStmt", "Stmt"),
    Form.REPORT: ("BkToCstmrAcctRpt", "Rpt"),
    Form.NOTIFICATION: ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
_PAGINATION: Final = {Form.STATEMENT: "StmtPgntn", Form.REPORT: "RptPgntn", Form.NOTIFICATION: "NtfctnPgntn"}
_CLOSING_BALANCE: Final = {Form.STATEMENT: "CLBD", Form.REPORT: "ITBD"}
"""Closing booked; interim booked."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account and whose it is."""

    number: int
    owner: str
    bic: str
    currency: str


@dataclass(frozen=True, slots=True)
class Booked:
    """One page of one account's postings between two events; minor units.

    `opening` with every entry is `closing`, and that is the opening of the next page.
    """

    account: Account
    since: datetime
    until: datetime
    first: int
    last: int
    page: int
    pages: int
    opening: int
    closing: int
    entries: tuple[tuple[str, Entry], ...]
    """Each with what names it for ever: its event, and its place among the legs of that event."""


async def read_statement(connection: asyncpg.Connection, query: Query, scope: Scope) -> Report:
    """The statement of a participant's position in a closed window."""
    window = await closed_window(connection, query)
    assert window.closing_seq is not None
    assert window.closed_at is not None
    account = await _account(connection, query, scope, window.currency)
    booked = await _booked(
        connection,
        account,
        (window.opened_at, window.closed_at),
        (window.number, window.closing_seq),
        query.page or 1,
    )
    title = "Account statement"
    return report(booked, STATEMENT, title, Form.STATEMENT, {"window": str(window.number)})


async def read_account_report(connection: asyncpg.Connection, query: Query, scope: Scope) -> Report:
    """What was posted on a participant's position in a time."""
    return await _of_period(connection, query, scope, (ACCOUNT_REPORT, "Account report", Form.REPORT))


async def read_notifications(connection: asyncpg.Connection, query: Query, scope: Scope) -> Report:
    """Every debit and credit of a participant's position in a time."""
    form = (NOTIFICATIONS, "Debit and credit notifications", Form.NOTIFICATION)
    return await _of_period(connection, query, scope, form)


async def _of_period(
    connection: asyncpg.Connection, query: Query, scope: Scope, form: tuple[str, str, Form]
) -> Report:
    period = await Period.read(connection, query)
    assert query.currency is not None
    account = await _account(connection, query, scope, query.currency)
    booked = await _booked(
        connection, account, (period.since, period.until), (period.first, period.last), query.page or 1
    )
    return report(booked, *form, {"since": utc_text(period.since), "until": utc_text(period.until)})


async def _account(connection: asyncpg.Connection, query: Query, scope: Scope, currency: str) -> Account:
    """The account asked for; one that the reader may not see looks as if it were not there."""
    assert query.participant is not None
    owners = await scope.owners(connection)
    row = await connection.fetchrow(_ACCOUNT, query.participant, currency, POSITION)
    if row is None or (owners is not None and query.participant not in owners):
        raise NotFound
    return Account(row["number"], query.participant, row["bic"], currency)


async def _booked(
    connection: asyncpg.Connection,
    account: Account,
    times: tuple[datetime, datetime],
    events: tuple[int, int],
    page: int,
) -> Booked:
    """Read the entries of one page between two events.

    Raises:
        NotFound: there are not so many pages.
        InvalidMessage: there are more entries than can be read at once.

    """
    first, last = events
    found = await statements.read_between(connection, account.number, first, last, entries_max=ENTRIES_MAX)
    if found.more:
        raise InvalidMessage("too many entries: ask for a shorter time", rule="parameter")
    pages = max(1, -(-len(found.entries) // PAGE_ENTRIES))
    if not 1 <= page <= pages:
        raise NotFound
    start = (page - 1) * PAGE_ENTRIES
    entries = found.entries[start : start + PAGE_ENTRIES]
    opening = found.opening.net + sum(entry.amount for entry in found.entries[:start])
    return Booked(
        account=account,
        since=times[0],
        until=times[1],
        first=first,
        last=last,
        page=page,
        pages=pages,
        opening=opening,
        closing=opening + sum(entry.amount for entry in entries),
        entries=tuple(zip(_references(found.entries)[start : start + PAGE_ENTRIES], entries, strict=True)),
    )


def report(booked: Booked, name: str, title: str, form: Form, asked: Mapping[str, str]) -> Report:
    """One account's postings as a report, with its ISO 20022 message; pure."""
    currency = booked.account.currency
    return Report(
        name=name,
        title=title,
        parameters={
            "participant": booked.account.owner,
            "currency": currency,
            **asked,
            "page": f"{booked.page} of {booked.pages}",
            "opening_balance": Money(booked.opening, currency).text,
            "closing_balance": Money(booked.closing, currency).text,
            "as_of": str(booked.last),
        },
        columns=COLUMNS,
        rows=tuple(_rows(booked)),
        notes=("Positive is to be received. Every posting is one entry.",),
        zone=zone_of(currency),
        attachments={form: codec.encode(form, document(booked, form), media_type=codec.XML)},
    )


def _rows(booked: Booked) -> list[Row]:
    rows: list[Row] = []
    balance, currency = booked.opening, booked.account.currency
    for reference, entry in booked.entries:
        balance += entry.amount
        rows.append(
            (
                reference,
                entry.at,
                str(entry.id),
                entry.purpose,
                entry.counterparty,
                "credit" if entry.amount > 0 else "debit",
                Money(entry.amount, currency),
                Money(balance, currency),
            )
        )
    assert balance == booked.closing, "the closing balance is the opening one with every entry"
    return rows


def _references(entries: Sequence[Entry]) -> list[str]:
    """A name an entry."""
    references: list[str] = []
    place, previous = 0, 0
    for entry in entries:
        place = place + 1 if entry.seq == previous else 1
        previous = entry.seq
        references.append(f"{entry.seq}-{place}")
    return references


def document(booked: Booked, form: Form) -> dict[str, Any]:
    """The message's document; `codec.encode` writes and checks it. Pure."""
    root, block = _ROOTS[form]
    made_at = instant_text(booked.until)
    name = f"{booked.account.number}-{booked.first}-{booked.last}"[-30:] + f"-{booked.page}"
    last_page = booked.page == booked.pages
    content = {
        "Id": name,
        _PAGINATION[form]: {"PgNb": str(booked.page), "LastPgInd": last_page},
        "CreDtTm": made_at,
        "FrToDt": {"FrDtTm": instant_text(booked.since), "ToDtTm": made_at},
        "Acct": _account_content(booked.account),
        "Bal": _balances(booked, form),
        "TxsSummry": _summary(booked),
        "Ntry": [_entry(reference, entry, booked.account.currency) for reference, entry in booked.entries],
    }
    present = {tag: value for tag, value in content.items() if value}
    return {root: {"GrpHdr": {"MsgId": f"{form[5:8]}-{name}", "CreDtTm": made_at}, block: [present]}}


def _account_content(account: Account) -> dict[str, Any]:
    content: dict[str, Any] = {
        "Id": {"Othr": {"Id": str(account.number)}},
        "Ccy": account.currency,
        "Nm": f"{account.owner} {POSITION}",
    }
    if account.bic:
        content["Ownr"] = {"Id": {"OrgId": {"AnyBIC": account.bic}}}
    return content


def _balances(booked: Booked, form: Form) -> list[dict[str, Any]]:
    if form is Form.NOTIFICATION:
        return []
    currency = booked.account.currency
    return [
        _balance("OPBD", booked.opening, currency, booked.since),
        _balance(_CLOSING_BALANCE[form], booked.closing, currency, booked.until),
    ]


def _balance(kind: str, minor: int, currency: str, at: datetime) -> dict[str, Any]:
    return {
        "Tp": {"CdOrPrtry": {"Cd": kind}},
        "Amt": _amount(minor, currency),
        "CdtDbtInd": _side(minor),
        "Dt": {"DtTm": instant_text(at)},
    }


def _summary(booked: Booked) -> dict[str, Any]:
    currency = booked.account.currency
    amounts = [entry.amount for _, entry in booked.entries]
    credit = [amount for amount in amounts if amount > 0]
    debit = [-amount for amount in amounts if amount < 0]
    return {
        "TtlNtries": {"NbOfNtries": str(len(amounts))},
        "TtlCdtNtries": {"NbOfNtries": str(len(credit)), "Sum": Money(sum(credit), currency).text},
        "TtlDbtNtries": {"NbOfNtries": str(len(debit)), "Sum": Money(sum(debit), currency).text},
    }


def _entry(reference: str, entry: Entry, currency: str) -> dict[str, Any]:
    booked_at = {"DtTm": instant_text(entry.at)}
    references = {"AcctSvcrRef": str(entry.number), **_uetr(entry.id)}
    return {
        "NtryRef": reference,
        "Amt": _amount(entry.amount, currency),
        "CdtDbtInd": _side(entry.amount),
        "Sts": {"Cd": "BOOK"},
        "BookgDt": booked_at,
        "ValDt": booked_at,
        "AcctSvcrRef": reference,
        "BkTxCd": {"Prtry": {"Cd": entry.purpose, "Issr": "payswitch"}},
        "NtryDtls": [{"TxDtls": [{"Refs": references, "AddtlTxInf": f"counterparty {entry.counterparty}"}]}],
    }


def _uetr(id_: UUID) -> dict[str, str]:
    return {"UETR": str(id_)} if id_.version == _UUID_VERSION else {"TxId": id_.hex}


def _amount(minor: int, currency: str) -> dict[str, str]:
    return {"Ccy": currency, "Amt": Money(abs(minor), currency).text}


def _side(minor: int) -> str:
    return "CRDT" if minor >= 0 else "DBIT"
