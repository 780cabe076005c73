"""Account statements and notifications, as tables and as ISO 20022: camt.053, camt.052 and camt.054.

    statement       one account in a closed window: the booked statement, camt.053.001.08
    account report  one account in any period, also today: the interim report, camt.052.001.08
    notifications   every debit and credit of one account in any period, camt.054.001.08

A message has a block for each account of the participant in the currency: the position, and the accounts for
gross settlement. Every posting is one entry, once. The closing balance is the opening balance plus the
entries. Returns, funds paid in or out, and settlements are shown apart from payments. The codec writes and
checks the messages. They state the same times whenever they are made. A payment that has a UETR of its own is
shown to its sender with the one that it stated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import asyncpg

from ledger import statements
from ledger.statements import StatementEntry
from schemas import codec
from schemas.errors import InvalidMessage, NotFound
from schemas.money import Money
from schemas.parties import instant_text
from switch.base.calendars import zone_of
from switch.payments import own_uetrs, part_returns
from switch.payments.pricing import POSITION
from switch.reports.cells import utc_text
from switch.reports.query import Period, ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row
from switch.reports.window_statement import closed_window
from switch.settlement.positions import PostingType, type_of

STATEMENT: Final = "account-statement"
ACCOUNT_REPORT: Final = "account-report"
NOTIFICATIONS: Final = "notifications"
PAGE_ENTRIES: Final = 20_000
"""Entries of one account on one page, about ten megabytes of XML; a longer statement has several pages."""
ENTRIES_MAX: Final = 1_000_000
"""Maximum entries of one statement; if there are more, a shorter period must be requested."""

_ACCOUNTS: Final = statement("accounts_of_statement")
_RETURN: Final = "return"
_WHAT: Final[Mapping[PostingType, str]] = {
    PostingType.PAID: "payment",
    PostingType.RETURNED: _RETURN,
    PostingType.FUNDED: "funds",
    PostingType.SETTLED: "settlement",
}
"""Types of entries as statements name them."""
_NETS: Final[Mapping[PostingType, str]] = {
    PostingType.PAID: "payments",
    PostingType.RETURNED: "returns",
    PostingType.FUNDED: "funds",
    PostingType.SETTLED: "settlements",
}
"""Parameters with the sum of the entries of each type."""
_UUID_VERSION: Final = 4
"""A UETR is a UUID of this version; other ids are the switch's own."""

COLUMNS: Final = (
    ReportColumn("entry", title="Entry"),
    ReportColumn("account", ours=True),
    ReportColumn("at", ColumnKind.INSTANT, "Posted at"),
    ReportColumn("id", title="UETR or id"),
    ReportColumn("what", title="Entry type", ours=True),
    ReportColumn("purpose", ours=True),
    ReportColumn("counterparty"),
    ReportColumn("direction", ours=True),
    ReportColumn("amount", ColumnKind.AMOUNT),
    ReportColumn("balance", ColumnKind.AMOUNT, "Balance after entry"),
)


class StatementForm(StrEnum):
    """Forms of the message, one for each type."""

    STATEMENT = "camt.053.001.08"
    REPORT = "camt.052.001.08"
    NOTIFICATION = "camt.054.001.08"


_ROOTS: Final[Mapping[StatementForm, tuple[str, str]]] = {
    StatementForm.STATEMENT: ("BkToCstmrStmt", "Stmt"),
    StatementForm.REPORT: ("BkToCstmrAcctRpt", "Rpt"),
    StatementForm.NOTIFICATION: ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
_PAGINATION: Final = {
    StatementForm.STATEMENT: "StmtPgntn",
    StatementForm.REPORT: "RptPgntn",
    StatementForm.NOTIFICATION: "NtfctnPgntn",
}
_CLOSING_BALANCE: Final = {StatementForm.STATEMENT: "CLBD", StatementForm.REPORT: "ITBD"}
"""Closing booked; interim booked."""


@dataclass(frozen=True, slots=True)
class StatementAccount:
    """One account and its owner."""

    number: int
    owner: str
    bic: str
    currency: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Booked:
    """One page of one account's postings between two events; amounts in minor units.

    `opening` plus all entries equals `closing`, which is the opening balance of the next page.
    """

    account: StatementAccount
    since: datetime
    until: datetime
    first: int
    last: int
    page: int
    pages: int
    opening: int
    closing: int
    entries: tuple[tuple[str, StatementEntry], ...]
    """Each entry with its permanent key: its event, and its index among the legs of that event."""


async def read_statement(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the statement of a participant's accounts in a closed window."""
    window = await closed_window(connection, query)
    assert window.closing_seq is not None
    assert window.closed_at is not None
    accounts = await _accounts(connection, query, scope, window.currency, window.closing_seq)
    booked = await _booked(
        connection,
        accounts,
        (window.opened_at, window.closed_at),
        (window.number, window.closing_seq),
        query.page or 1,
    )
    title = "Account statement (camt.053)"
    return report(booked, STATEMENT, title, StatementForm.STATEMENT, {"window": str(window.number)})


async def read_account_report(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the postings on a participant's accounts in a currency during a period."""
    return await _of_period(
        connection, query, scope, (ACCOUNT_REPORT, "Interim account report (camt.052)", StatementForm.REPORT)
    )


async def read_notifications(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read every debit and credit of a participant's accounts in a currency during a period."""
    form = (NOTIFICATIONS, "Debit and credit notifications (camt.054)", StatementForm.NOTIFICATION)
    return await _of_period(connection, query, scope, form)


async def _of_period(
    connection: asyncpg.Connection, query: ReportQuery, scope: Scope, form: tuple[str, str, StatementForm]
) -> Report:
    period = await Period.read(connection, query)
    assert query.currency is not None
    accounts = await _accounts(connection, query, scope, query.currency, period.last)
    booked = await _booked(
        connection, accounts, (period.since, period.until), (period.first, period.last), query.page or 1
    )
    return report(booked, *form, {"since": utc_text(period.since), "until": utc_text(period.until)})


async def _accounts(
    connection: asyncpg.Connection, query: ReportQuery, scope: Scope, currency: str, last: int
) -> list[StatementAccount]:
    """Return the requested accounts that existed at event `last`; accounts out of scope count as missing."""
    assert query.participant is not None
    owners = await scope.owners(connection)
    rows = await connection.fetch(_ACCOUNTS, query.participant, currency, query.account)
    if not rows or (owners is not None and query.participant not in owners):
        raise NotFound
    found = [row for row in rows if row["number"] <= last] or rows[:1]
    return [
        StatementAccount(row["number"], query.participant, row["bic"], currency, row["purpose"])
        for row in found
    ]


async def _booked(
    connection: asyncpg.Connection,
    accounts: Sequence[StatementAccount],
    times: tuple[datetime, datetime],
    events: tuple[int, int],
    page: int,
) -> tuple[Booked, ...]:
    """Read one page of each account between two events; accounts with fewer pages are left out.

    Raises:
        NotFound: there are not so many pages.
        InvalidMessage: there are more entries than can be read at once.

    """
    found = [await _booked_on(connection, account, times, events, page) for account in accounts]
    shown = tuple(booked for booked in found if booked is not None)
    if not shown:
        raise NotFound
    return shown


async def _booked_on(
    connection: asyncpg.Connection,
    account: StatementAccount,
    times: tuple[datetime, datetime],
    events: tuple[int, int],
    page: int,
) -> Booked | None:
    """Read one account's page; None if it has fewer pages."""
    first, last = events
    found = await statements.read_between(connection, account.number, first, last, entries_max=ENTRIES_MAX)
    if found.more:
        raise InvalidMessage("too many entries: request a shorter period", rule="parameter")
    pages = max(1, -(-len(found.entries) // PAGE_ENTRIES))
    if not 1 <= page <= pages:
        return None
    start = (page - 1) * PAGE_ENTRIES
    entries = await _as_stated(connection, account.owner, found.entries[start : start + PAGE_ENTRIES])
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


async def _as_stated(
    connection: asyncpg.Connection, owner: str, entries: Sequence[StatementEntry]
) -> tuple[StatementEntry, ...]:
    """The entries with the UETRs that the owner knows: of its own payments those that it stated."""
    parts = await part_returns.payments_of(connection, [entry.id for entry in entries])
    if parts:
        entries = [replace(entry, corrects=parts.get(entry.id, entry.corrects)) for entry in entries]
    ids = {id_ for entry in entries for id_ in (entry.id, entry.corrects) if id_}
    stated = await own_uetrs.stated(connection, owner, ids)
    if not stated:
        return tuple(entries)
    return tuple(
        replace(
            entry,
            id=stated.get(entry.id, entry.id),
            corrects=entry.corrects and stated.get(entry.corrects, entry.corrects),
        )
        for entry in entries
    )


def report(
    booked: Sequence[Booked], name: str, title: str, form: StatementForm, asked: Mapping[str, str]
) -> Report:
    """Build the report of one participant's postings, with its ISO 20022 message; pure."""
    one = booked[0]
    currency = one.account.currency
    return Report(
        name=name,
        title=title,
        parameters={
            "participant": one.account.owner,
            "currency": currency,
            **asked,
            "page": f"{one.page} / {max(each.pages for each in booked)}",
            **_balance_parameters(booked),
            "as_of": str(one.last),
        },
        columns=COLUMNS,
        rows=tuple(row for each in booked for row in _rows(each)),
        notes=(
            "A positive amount is to be received. Every posting of every account is one entry.",
            "The entry of a return has the UETR of the returned payment.",
        ),
        zone=zone_of(currency),
        attachments={form: codec.encode(form, document(booked, form), media_type=codec.XML)},
    )


def _balance_parameters(booked: Sequence[Booked]) -> dict[str, str]:
    """Balances, and nets by type of entry, of each account; the position's have no account in the key."""
    found = {}
    for each in booked:
        of = "" if each.account.purpose == POSITION else f"_{each.account.purpose}"
        found[f"opening_balance{of}"] = Money(each.opening, each.account.currency).text
        for of_type, minor in _nets_by_type(each).items():
            found[f"{_NETS[of_type]}{of}"] = Money(minor, each.account.currency).text
        found[f"closing_balance{of}"] = Money(each.closing, each.account.currency).text
    return found


def _nets_by_type(booked: Booked) -> dict[PostingType, int]:
    """Sum of the entries of each type: what leads from the opening to the closing balance."""
    nets = dict.fromkeys(PostingType, 0)
    for _, entry in booked.entries:
        nets[_type_of(entry)] += entry.amount
    return nets


def _rows(booked: Booked) -> list[Row]:
    rows: list[Row] = []
    balance, currency = booked.opening, booked.account.currency
    for reference, entry in booked.entries:
        balance += entry.amount
        rows.append(
            (
                reference,
                booked.account.purpose,
                entry.at,
                str(entry.corrects or entry.id),
                what(entry),
                entry.purpose,
                entry.counterparty,
                "credit" if entry.amount > 0 else "debit",
                Money(entry.amount, currency),
                Money(balance, currency),
            )
        )
    assert balance == booked.closing, "the closing balance equals the opening balance plus all entries"
    return rows


def what(entry: StatementEntry) -> str:
    """Type of an entry: a payment, a return, funds paid in or out, or a settlement."""
    return _WHAT[_type_of(entry)]


def _type_of(entry: StatementEntry) -> PostingType:
    return type_of(entry.purpose, corrects=entry.corrects is not None)


def _references(entries: Sequence[StatementEntry]) -> list[str]:
    """One reference for each entry."""
    references: list[str] = []
    place, previous = 0, 0
    for entry in entries:
        place = place + 1 if entry.seq == previous else 1
        previous = entry.seq
        references.append(f"{entry.seq}-{place}")
    return references


def document(booked: Sequence[Booked], form: StatementForm) -> dict[str, Any]:
    """Build the message's document, one block for each account; `codec.encode` writes and checks it. Pure."""
    root, block = _ROOTS[form]
    header = {"MsgId": f"{form[5:8]}-{_name(booked[0])}", "CreDtTm": instant_text(booked[0].until)}
    shown = [each for each in booked if each.entries or form is not StatementForm.NOTIFICATION] or booked[:1]
    return {root: {"GrpHdr": header, block: [_block(each, form) for each in shown]}}


def _name(booked: Booked) -> str:
    return f"{booked.account.number}-{booked.first}-{booked.last}"[-30:] + f"-{booked.page}"


def _block(booked: Booked, form: StatementForm) -> dict[str, Any]:
    made_at = instant_text(booked.until)
    content = {
        "Id": _name(booked),
        _PAGINATION[form]: {"PgNb": str(booked.page), "LastPgInd": booked.page == booked.pages},
        "CreDtTm": made_at,
        "FrToDt": {"FrDtTm": instant_text(booked.since), "ToDtTm": made_at},
        "Acct": _account_content(booked.account),
        "Bal": _balances(booked, form),
        "TxsSummry": _summary(booked),
        "Ntry": [_entry(reference, entry, booked.account.currency) for reference, entry in booked.entries],
    }
    return {tag: value for tag, value in content.items() if value}


def _account_content(account: StatementAccount) -> dict[str, Any]:
    content: dict[str, Any] = {
        "Id": {"Othr": {"Id": str(account.number)}},
        "Ccy": account.currency,
        "Nm": f"{account.owner} {account.purpose}",
    }
    if account.bic:
        content["Ownr"] = {"Id": {"OrgId": {"AnyBIC": account.bic}}}
    return content


def _balances(booked: Booked, form: StatementForm) -> list[dict[str, Any]]:
    if form is StatementForm.NOTIFICATION:
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
    by_code: dict[str, list[int]] = {}
    for _, entry in booked.entries:
        by_code.setdefault(_code(entry), []).append(entry.amount)
    summary = {
        "TtlNtries": {"NbOfNtries": str(len(amounts))},
        "TtlCdtNtries": {"NbOfNtries": str(len(credit)), "Sum": Money(sum(credit), currency).text},
        "TtlDbtNtries": {"NbOfNtries": str(len(debit)), "Sum": Money(sum(debit), currency).text},
        "TtlNtriesPerBkTxCd": [_of_code(*each, currency) for each in sorted(by_code.items())],
    }
    return {tag: value for tag, value in summary.items() if value}


def _of_code(code: str, amounts: Sequence[int], currency: str) -> dict[str, Any]:
    """Number, sum and net of one type of postings: funds and settlements are apart from payments."""
    net = sum(amounts)
    return {
        "NbOfNtries": str(len(amounts)),
        "Sum": Money(sum(map(abs, amounts)), currency).text,
        "TtlNetNtry": {"Amt": Money(abs(net), currency).text, "CdtDbtInd": _side(net)},
        "BkTxCd": _bank_code(code),
    }


def _entry(reference: str, entry: StatementEntry, currency: str) -> dict[str, Any]:
    booked_at = {"DtTm": instant_text(entry.at)}
    references = {"AcctSvcrRef": str(entry.number), **_uetr(entry)}
    of = what(entry)
    return {
        "NtryRef": reference,
        "Amt": _amount(entry.amount, currency),
        "CdtDbtInd": _side(entry.amount),
        "Sts": {"Cd": "BOOK"},
        "BookgDt": booked_at,
        "ValDt": booked_at,
        "AcctSvcrRef": reference,
        "BkTxCd": _bank_code(_code(entry)),
        "NtryDtls": [
            {"TxDtls": [{"Refs": references, "AddtlTxInf": f"{of}, counterparty {entry.counterparty}"}]}
        ],
    }


def _code(entry: StatementEntry) -> str:
    """Type of the posting, with a separate code for returns."""
    return _RETURN if what(entry) == _RETURN else entry.purpose


def _bank_code(code: str) -> dict[str, Any]:
    return {"Prtry": {"Cd": code, "Issr": "payswitch"}}


def _uetr(entry: StatementEntry) -> dict[str, str]:
    """UETR for the entry: a return has that of the returned payment, and an id of its own."""
    if entry.corrects is not None:
        return {"UETR": str(entry.corrects), "TxId": entry.id.hex}
    return {"UETR": str(entry.id)} if entry.id.version == _UUID_VERSION else {"TxId": entry.id.hex}


def _amount(minor: int, currency: str) -> dict[str, str]:
    return {"Ccy": currency, "Amt": Money(abs(minor), currency).text}


def _side(minor: int) -> str:
    return "CRDT" if minor >= 0 else "DBIT"
