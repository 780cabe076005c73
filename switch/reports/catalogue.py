"""The list of reports: the name, parameters, permitted readers and formats of each."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import asyncpg

from schemas.errors import InvalidParameter, NotAllowed, NotFound
from switch.reports import (
    access,
    account_statement,
    availability,
    corridors,
    costs,
    evidence,
    exceptions,
    fx_result,
    invoice,
    liquidity,
    open_data,
    patterns,
    payment_lists,
    reconciliation,
    rejects,
    settlement_instruction,
    window_statement,
)
from switch.reports.facts import TITLES
from switch.reports.query import ReportQuery, Scope
from switch.reports.render import TABLE
from switch.reports.table import Report, ReportColumn

Reader = Callable[[asyncpg.Connection, ReportQuery, Scope], Awaitable[Report]]


class Audience(StrEnum):
    """Kinds of readers that may request a report; anything that is not listed is denied."""

    EVERYTHING = "everything"
    COUNTRY = "country"
    PARTICIPANT = "participant"


_ALL: Final = frozenset(Audience)
_AUTHORITIES: Final = frozenset({Audience.EVERYTHING, Audience.COUNTRY})
_OPERATORS: Final = frozenset({Audience.EVERYTHING})
_STATISTIC: Final = (*TABLE, "sdmx-csv")
_PROVED: Final = (*TABLE, evidence.BUNDLE)
_WINDOW: Final = ("window",)
_PERIOD: Final = ("since", "until")
_LOG: Final = (*_PERIOD, "as_of")


@dataclass(frozen=True, slots=True)
class Definition:
    """One report. Parameters in `takes` are required, those in `may_take` are optional."""

    name: str
    title: str
    read: Reader
    columns: tuple[ReportColumn, ...]
    takes: tuple[str, ...]
    audience: frozenset[Audience]
    may_take: tuple[str, ...] = ()
    formats: tuple[str, ...] = TABLE
    of_a_day: bool = True
    """Whether the report can be made for any day; such reports are part of the end of day."""
    from_replica: bool = False
    """Whether a replica may give it: statistics of a period, from events alone; nothing that settles."""

    def check(self, query: ReportQuery, scope: Scope) -> None:
        """Check that this request is permitted and complete.

        Raises:
            NotAllowed: not by this reader.
            InvalidParameter: one is missing, or is not one of this report's.

        """
        if audience_of(scope) not in self.audience:
            raise NotAllowed("this reader may not request this report")
        missing = [name for name in self.takes if getattr(query, name) is None]
        if missing:
            raise InvalidParameter(
                f"missing: {', '.join(missing)}",
                path="query",
                rule="parameter",
                expected=", ".join(self.takes),
            )
        takes = {*self.takes, *self.may_take}
        given = {name for name in ReportQuery.__dataclass_fields__ if getattr(query, name) is not None}
        if given - takes:
            ours, others = (", ".join(sorted(names)) for names in (takes, given - takes))
            raise InvalidParameter(
                f"not a parameter of this report: {others}; its parameters are {ours}",
                path="query",
                rule="parameter",
                expected=ours,
            )


def audience_of(scope: Scope) -> Audience:
    """Kind of reader of a scope."""
    if scope.everything:
        return Audience.EVERYTHING
    return Audience.COUNTRY if scope.country is not None else Audience.PARTICIPANT


_DEFINITIONS: Final = (
    Definition(
        window_statement.NAME,
        "Settlement window statement",
        window_statement.read,
        window_statement.COLUMNS,
        _WINDOW,
        _ALL,
    ),
    Definition(
        settlement_instruction.NAME,
        "Net settlement instruction",
        settlement_instruction.read,
        settlement_instruction.COLUMNS,
        _WINDOW,
        _ALL,
    ),
    Definition(
        account_statement.STATEMENT,
        "Account statement (camt.053)",
        account_statement.read_statement,
        account_statement.COLUMNS,
        (*_WINDOW, "participant"),
        _ALL,
        ("account", "page"),
        (*TABLE, account_statement.StatementForm.STATEMENT),
    ),
    Definition(
        account_statement.ACCOUNT_REPORT,
        "Interim account report (camt.052)",
        account_statement.read_account_report,
        account_statement.COLUMNS,
        (*_PERIOD, "participant", "currency"),
        _ALL,
        ("account", "as_of", "page"),
        (*TABLE, account_statement.StatementForm.REPORT),
    ),
    Definition(
        account_statement.NOTIFICATIONS,
        "Debit and credit notifications (camt.054)",
        account_statement.read_notifications,
        account_statement.COLUMNS,
        (*_PERIOD, "participant", "currency"),
        _ALL,
        ("account", "as_of", "page"),
        (*TABLE, account_statement.StatementForm.NOTIFICATION),
    ),
    Definition(
        liquidity.NAME,
        "Intraday liquidity",
        liquidity.read,
        liquidity.COLUMNS,
        _PERIOD,
        _ALL,
        ("as_of",),
        from_replica=True,
    ),
    Definition(
        corridors.NAME,
        "Volumes, values and speed by corridor",
        corridors.read,
        corridors.COLUMNS,
        _PERIOD,
        _ALL,
        ("as_of",),
        _STATISTIC,
        from_replica=True,
    ),
    Definition(
        costs.NAME,
        "Cost to the sender (SDG 10.c)",
        costs.read,
        costs.COLUMNS,
        _PERIOD,
        _ALL,
        ("as_of",),
        _STATISTIC,
        from_replica=True,
    ),
    Definition(
        invoice.NAME,
        "Invoice of charges",
        invoice.read,
        invoice.COLUMNS,
        _PERIOD,
        _ALL,
        ("participant", "as_of"),
    ),
    Definition(
        fx_result.NAME,
        "Result of FX providers",
        fx_result.read,
        fx_result.COLUMNS,
        _PERIOD,
        _ALL,
        ("as_of",),
    ),
    Definition(
        rejects.REJECTS,
        "Rejects by reason",
        rejects.read_rejects,
        rejects.REJECT_COLUMNS,
        _PERIOD,
        _ALL,
        ("as_of",),
        _STATISTIC,
        from_replica=True,
    ),
    Definition(
        rejects.OPEN_PAYMENTS,
        "Open and unknown payments",
        rejects.read_open,
        rejects.OPEN_COLUMNS,
        _PERIOD,
        _ALL,
        ("as_of",),
    ),
    Definition(
        exceptions.NAME,
        exceptions.TITLE,
        exceptions.read,
        exceptions.COLUMNS,
        _PERIOD,
        _ALL,
    ),
    Definition(
        patterns.NAME,
        "Large values and patterns",
        patterns.read,
        patterns.COLUMNS,
        _PERIOD,
        _AUTHORITIES,
        ("as_of", "rules"),
        from_replica=True,
    ),
    Definition(
        payment_lists.ABOVE,
        "Payments above an amount",
        payment_lists.read_above,
        payment_lists.COLUMNS,
        (*_PERIOD, "currency", "above"),
        _ALL,
        ("as_of",),
        _PROVED,
        of_a_day=False,
    ),
    Definition(
        payment_lists.OF_PAYER,
        "Payments of a payer",
        payment_lists.read_of_payer,
        payment_lists.COLUMNS,
        _PERIOD,
        _AUTHORITIES,
        ("payer", "uetr", "as_of"),
        _PROVED,
        of_a_day=False,
    ),
    Definition(
        payment_lists.OF_CORRIDOR,
        "Payments of a corridor",
        payment_lists.read_of_corridor,
        payment_lists.COLUMNS,
        (*_PERIOD, "corridor"),
        _ALL,
        ("as_of",),
        _PROVED,
        of_a_day=False,
    ),
    Definition(
        availability.NAME,
        "Availability of services",
        availability.read,
        availability.COLUMNS,
        _PERIOD,
        _ALL,
        formats=_STATISTIC,
    ),
    Definition(
        reconciliation.NAME,
        "Reconciliation breaks",
        reconciliation.read,
        reconciliation.COLUMNS,
        _PERIOD,
        _AUTHORITIES,
    ),
    Definition(
        access.NAME, "Access and change log", access.read, access.COLUMNS, _PERIOD, _OPERATORS, ("as_of",)
    ),
    Definition(
        evidence.NAME,
        "Audit evidence of a payment",
        evidence.read,
        evidence.COLUMNS,
        ("uetr",),
        _ALL,
        formats=(*TABLE, evidence.BUNDLE),
        of_a_day=False,
    ),
    Definition(
        open_data.NAME,
        "Open data: cross-border payments by corridor",
        open_data.read,
        open_data.COLUMNS,
        ("quarter",),
        _ALL,
        ("as_of",),
        _STATISTIC,
        of_a_day=False,
    ),
)
CATALOGUE: Final[Mapping[str, Definition]] = MappingProxyType(
    {definition.name: definition for definition in _DEFINITIONS}
)
TITLES.update({name: definition.title for name, definition in CATALOGUE.items()})


def find(name: str) -> Definition:
    """Find the report with this name.

    Raises:
        NotFound: there is none.

    """
    definition = CATALOGUE.get(name)
    if definition is None:
        raise NotFound("there is no report of this name: see `payswitch report list`, or GET /v1/reports")
    return definition
