"""Reports in a reader's language: labels from the pages' catalogues, numbers in the format of the locale.

Formats for programs keep their names and plain decimals: JSON, SDMX-CSV, ISO messages, and CSV unless a
language is requested. The source texts are the English ones in the code.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from schemas.money import Money
from schemas.reasons import Reason, ReturnReason
from switch.reports import cells
from switch.reports.facts import EventFacts
from switch.reports.table import Cell, ColumnKind, Report, ReportColumn, ReportSeal, Row
from switch.writer.event_kinds import EventKind

ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "ru", "zh")
SIGNED: Final = (
    "The file is signed; its name has its SHA-256. Signature: /v1/report-artefacts/SHA-256/signature."
    " Key: /v1/report-key. To verify: payswitch verify FILE --key KEY, with the signature in FILE.jws."
)
"""How to find the signature of a file; the same text in every file, so that equal reports stay equal."""
_PARAMETERS: Final = {
    "as_of": "As of event",
    "bic": "BIC",
    "change_kind": "Kind",
    "fingerprint": "Fingerprint (SHA-256)",
    "keyid": "Key id",
    "message_id": "Instruction id",
    "request": "Key request (PKCS #10, PEM)",
    "revealed": "Personal data",
    "message_sha256": "SHA-256 of the instruction",
    "uetr": "UETR",
}
"""Titles of parameters whose name is not clear enough."""
FRAME: Final = frozenset(
    (
        *("Settlement window {n}", "Settlement window {n}, business day {day}", "Period"),
        *("Audit root", "Audit root up to event {n}", "Checkpoint of {n} events"),
        *("Operator", "Addressee", "Supervisory authority of {country}", "Opened at"),
        *("two people", "change {n}"),  # why a line is held
    )
)
"""Texts of what a report states of itself."""
REASONS: Final = {
    str(reason): reason.name.replace("_", " ").capitalize().replace("bic", "BIC")
    for reason in (*Reason, *ReturnReason)
}
"""The names of ISO reason codes (ExternalStatusReason1Code), in words."""
EVENTS: Final = {
    **{str(kind): kind.replace("_", " ").lower() for kind in EventKind},
    str(EventKind.FUND): "movement of funds",
    str(EventKind.DOUBT): "unknown outcome",
    str(EventKind.FX_OFFER): "FX offer",
    str(EventKind.ESCALATE): "for manual resolution",
    str(EventKind.SANDBOX_MADE): "change by the sandbox",
    "correction": "return",
}
"""Kinds of events, and purposes of entries whose names are not plain English, in English words."""
CHANGE: Final = "change {n}"
_CHANGE: Final = re.compile(r"change (\d+)", re.ASCII)
_NAME: Final = re.compile(r"[a-z]+(_[a-z]+)+|[A-Z]+(_[A-Z]+)+", re.ASCII)
"""A term of programs, as `credited_but_aborted` and `KEY_ADDED`."""
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d+\.\d+", re.ASCII)
_MILLI: Final = Decimal("0.001")
_TEXTS: Final = files("switch.pages").joinpath("texts")


@cache
def catalogue(code: str) -> Mapping[str, str]:
    """Texts of a language by their English source; English needs none."""
    file = _TEXTS.joinpath(f"{code}.po")
    if not file.is_file():
        return {}
    with file.open("rb") as stream:
        found = read_po(stream, locale=code)
    return {str(m.id): str(m.string) for m in found if m.id and m.string and not m.fuzzy}


def known_term(code: str, term: str) -> str | None:
    """A term of the switch in a language, also one with the number of a change; None for any other text."""
    known = catalogue(code)
    numbered = _CHANGE.fullmatch(term)
    if numbered and CHANGE in known:
        return known[CHANGE].format(n=numbered[1])
    return known.get(term)


def _before_code(known: Mapping[str, str], term: str) -> str:
    """A term before a code of others, which stays: `the rail rejected it; committed by the switch RJCT`."""
    before, _, code = term.rpartition(" ")
    return f"{known[before]} {code}" if before in known else term


def decimal_text(text: str, locale: Locale) -> str:
    """A plain decimal number with the locale's separators and all of its digits."""
    digits = len(text.partition(".")[2])
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(text, format=pattern, locale=locale, decimal_quantization=False)


def rate_text(text: str, locale: Locale) -> str:
    """A plain decimal number with the locale's separators, exact, without trailing zeros."""
    return format_decimal(text, format="#,##0.##########", locale=locale)


def seconds_text(text: str, locale: Locale) -> str:
    """Seconds, as decimal text, to the millisecond."""
    return decimal_text(str(Decimal(text).quantize(_MILLI)), locale)


def parameter_title(name: str) -> str:
    """Title of a parameter, in English."""
    return _PARAMETERS.get(name) or ReportColumn(name).heading


@dataclass(frozen=True, slots=True)
class Wording:
    """Wording of a report in one language."""

    code: str = ENGLISH

    @property
    def locale(self) -> Locale:
        """Babel's locale."""
        return Locale.parse(self.code)

    def text(self, source: str) -> str:
        """The text in this language, or in English."""
        return catalogue(self.code).get(source) or source

    def heading(self, column: ReportColumn) -> str:
        """Title of a column; a column of local times is marked as such."""
        if column.kind is ColumnKind.LOCAL:
            return f"{self.text(column.heading)} ({self.text('local time')})"
        return self.text(column.heading)

    def phrase(self, source: str) -> str:
        """A term of the switch, or several after what they are: `missing: debtor name, creditor name`."""
        known = catalogue(self.code)
        if source in known:
            return known[source]
        if source in EVENTS:
            return EVENTS[source]
        if _NAME.fullmatch(source):
            plain = source.replace("_", " ").lower()
            return known.get(plain, plain)
        return ": ".join(
            ", ".join(known_term(self.code, term) or _before_code(known, term) for term in part.split(", "))
            for part in source.split(": ")
        )

    def parameter(self, name: str) -> str:
        """Title of a parameter."""
        return self.text(parameter_title(name))

    def value(self, text: str) -> str:
        """Value of a parameter: a term of the switch is translated, anything else is kept."""
        return self.text(cells.harmless(text))

    def written(self, report: Report, text: str) -> str:
        """Value of a parameter as people write it: an instant in words, an amount with its currency.

        An instant is in UTC and, if the report has a time zone, also on the clock of its business day.
        """
        if _INSTANT.fullmatch(text):
            at = datetime.fromisoformat(text)
            return "; ".join(self._instant(at, zone) for zone in dict.fromkeys(("UTC", report.zone or "UTC")))
        if _DECIMAL.fullmatch(text) and "currency" in report.parameters:
            return f"{decimal_text(text, self.locale)} {report.parameters['currency']}"
        return self.value(text)

    def _instant(self, at: datetime, zone: str) -> str:
        local = at.astimezone(ZoneInfo(zone))
        return f"{self.day(local)}, {local:%H:%M:%S} {zone}"

    def day(self, day: date) -> str:
        """A day in words: `23 November 2026`."""
        return format_date(day, "d MMMM y" if self.code == ENGLISH else "long", locale=self.locale)

    def period(self, report: Report) -> str:
        """What the report is of, in words: days, a window with its business day, or a quarter; or nothing."""
        stated = report.parameters
        if "quarter" in stated:
            year, quarter = stated["quarter"].split("-Q")
            first = date(int(year), 3 * int(quarter) - 2, 1)
            return format_date(first, "y年第Q季度" if self.code == "zh" else "QQQQ y", locale=self.locale)
        if "window" in stated and "closed_at" not in stated:
            return self.text("Settlement window {n}").format(n=stated["window"])
        if "window" in stated:
            closed = datetime.fromisoformat(stated["closed_at"]).astimezone(ZoneInfo(report.zone))
            said = self.text("Settlement window {n}, business day {day}")
            return said.format(n=stated["window"], day=self.day(closed))
        if "since" in stated and "until" in stated:
            return self._between(*(datetime.fromisoformat(stated[name]) for name in ("since", "until")))
        return ""

    def seal(self, seal: ReportSeal | None) -> Iterator[tuple[str, str]]:
        """The lines that state where the report is in the audited log."""
        if seal is not None:
            yield self.text("Audit root up to event {n}").format(n=seal.as_of), seal.root
            if seal.checkpoint:
                yield (
                    self.text("Checkpoint of {n} events").format(n=seal.checkpoint),
                    seal.checkpoint_root,
                )

    def _between(self, since: datetime, until: datetime) -> str:
        """Whole days as days, and anything else with its times; in UTC."""
        if any(at.time() != time.min for at in (since, until)):
            return f"{self._instant(since, 'UTC')} \u2013 {self._instant(until, 'UTC')}"
        first, last = since.date(), until.date() - timedelta(days=1)
        return self.day(first) if first == last else f"{self.day(first)} \u2013 {self.day(last)}"

    def cells(self, report: Report, row: Row) -> list[str]:
        """One row for people; a total states its currency with every amount."""
        is_total = any(row is total for total in report.totals)
        return [
            self._cell(column, cell, ours=column.ours or is_total)
            + (f"\u00a0{cell.currency}" if is_total and isinstance(cell, Money) else "")
            for column, cell in zip(report.columns, row, strict=True)
        ]

    def _cell(self, column: ReportColumn, cell: Cell, *, ours: bool) -> str:
        """One cell of a column; an ISO reason code has its words."""
        if column.name == "detail" and isinstance(cell, str) and (facts := self.facts(cell)):
            return facts
        if column.name == "about" and not cell:
            return ""
        if column.kind is ColumnKind.RATE and cell is not None:
            return self.rate(cells.text(cell))
        words = REASONS.get(str(cell)) if column.name == "reason" else None
        return f"{cell} {self.text(words)}" if words else self.cell(cell, ours=ours)

    def facts(self, text: str) -> str:
        """What an event states as JSON, in words; empty if the text is no such JSON."""
        if not text.startswith("{"):
            return ""
        try:
            body = json.loads(text)
        except ValueError:
            return ""
        return "; ".join(f"{label}: {value}" for label, value in EventFacts(self).pairs(body))

    def decimal(self, text: str) -> str:
        """A plain decimal number with the locale's separators and all of its digits."""
        return decimal_text(text, self.locale)

    def rate(self, text: str) -> str:
        """A decimal number that is not an amount, exact, without trailing zeros."""
        return rate_text(text, self.locale)

    def cell(self, cell: Cell, *, ours: bool = False) -> str:
        """One cell for people; with `ours`, a text is a term of the switch and is translated."""
        match cell:
            case bool():
                return self.text(cells.text(cell))
            case str():
                return self.phrase(cell) if ours else cells.text(cell)
            case datetime():
                return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
            case Money() | Decimal() | int():
                return decimal_text(cells.text(cell), self.locale)
            case timedelta():
                return seconds_text(cells.text(cell), self.locale)
            case _:
                return cells.text(cell)
