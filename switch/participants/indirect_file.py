"""The file of a rail's directory of indirect participants: CSV in UTF-8, whose form is stated here. Pure.

    id           2 to 35 lower-case letters, digits and hyphens: the bank's name in the switch, for good
    name         the bank's name, 1 to 140 characters
    bic          its BIC, of the rail's country; empty if it has none
    codes        its ids in clearing systems, with blanks between: each whole, or with * at its end the
                 beginning that its ids have (HDFC* for IFSC); @ and a handle for payment addresses; for IBANs
                 the country and the bank's code, PKMEZN*
    gateway      id of the participant that holds the position for it
    per_payment  the most of a payment, a decimal number in the rail's currency; empty: any
    per_day      the most of a day; empty: any
    since        first day, YYYY-MM-DD, by the rail's clock; empty: at once
    until        first day on which it is no longer reached; empty: it has no end

A file is the whole directory: a bank that it leaves out is ended. Every error has its line, its column, the
rule and the remedy.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from adapters.profile import RailProfile
from schemas.errors import InvalidAmount, InvalidMessage, Problem
from schemas.identifiers import is_bic
from schemas.money import Money

COLUMNS: Final = ("id", "name", "bic", "codes", "gateway", "per_payment", "per_day", "since", "until")
OCTETS_MAX: Final = 16 * 1024 * 1024
BANKS_MAX: Final = 100_000
CODES_MAX: Final = 64
PROBLEMS_MAX: Final = 50
"""Errors of a file that are reported at once."""
_ID: Final = re.compile("[a-z0-9][a-z0-9-]{1,34}")
_CODE: Final = re.compile(r"[A-Z0-9]{3,35}\*?|@[A-Z0-9.]{2,64}")
_NAME_MAX: Final = 140
_INSTITUTION: Final = 8


class DirectoryLine(msgspec.Struct, frozen=True):
    """A bank of a file; amounts in minor units."""

    line: int
    id: str
    name: str
    bic: str
    codes: list[str]
    gateway: str
    payment_minor: int | None
    day_minor: int | None
    since: date | None
    until: date | None


class _Wrong(Exception):
    """One error: the column, the rule that is broken, and the remedy."""


def problem(line: int, column: str, rule: str, remedy: str) -> Problem:
    """An error of a line, for people."""
    return Problem(f"line {line}, {column}", "directory", f"{rule}: {remedy}", line)


def refused(problems: list[Problem]) -> InvalidMessage:
    """The refusal of a file with all its errors."""
    more = f" (and {len(problems) - 1} more errors)" if len(problems) > 1 else ""
    error = InvalidMessage(f"{problems[0].path}: {problems[0].text}{more}", path="file", rule="directory")
    error.problems = tuple(problems[:PROBLEMS_MAX])
    return error


def read(raw: bytes, profile: RailProfile) -> list[DirectoryLine]:
    """Read the file of the directory of a rail, whose currency has the amounts.

    Raises:
        InvalidMessage: too large, not such a CSV, or lines with errors: all of them, at most `PROBLEMS_MAX`.

    """
    if len(raw) > OCTETS_MAX:
        raise InvalidMessage(f"the file has more than {OCTETS_MAX // 1024 // 1024} MiB", path="file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidMessage(f"byte {error.start}: the file must be in UTF-8", path="file") from None
    banks: list[DirectoryLine] = []
    problems: list[Problem] = []
    for line, row in _rows(text):
        try:
            banks.append(_bank(line, row, profile))
        except _Wrong as wrong:
            problems.append(problem(line, *wrong.args))
        if len(banks) > BANKS_MAX:
            raise InvalidMessage(f"the file has more than {BANKS_MAX} banks", path="file")
    problems += _twice(banks)
    if problems:
        raise refused(sorted(problems, key=lambda each: each.line or 0))
    return banks


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The lines with their numbers; blank ones are left out."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
        if tuple(header) != COLUMNS:
            raise InvalidMessage(f"line 1: the first line must be: {','.join(COLUMNS)}", path="file")
        for row in rows:
            if not any(map(str.strip, row)):
                continue
            if len(row) != len(COLUMNS):
                text = f"line {rows.line_num}: it must have {len(COLUMNS)} values, some of them empty"
                raise InvalidMessage(text, path="file")
            yield rows.line_num, dict(zip(COLUMNS, map(str.strip, row), strict=True))
    except csv.Error:
        raise InvalidMessage(f"line {rows.line_num}: not CSV: check its quotes", path="file") from None


def _bank(line: int, row: Mapping[str, str], profile: RailProfile) -> DirectoryLine:
    bic, codes = row["bic"].upper(), row["codes"].upper().split()
    if not _ID.fullmatch(row["id"]):
        raise _Wrong("id", "must be 2 to 35 lower-case letters, digits and hyphens", "choose such an id")
    if not 0 < len(row["name"]) <= _NAME_MAX or not row["name"].isprintable():
        raise _Wrong("name", f"must be 1 to {_NAME_MAX} printable characters", "shorten or correct it")
    country = profile.country
    if profile.needs_bic and not bic:
        raise _Wrong("bic", "the rail finds a bank by its BIC alone", f"state its BIC in {country}")
    if bic and not (is_bic(bic) and bic[4:6] == country):
        raise _Wrong("bic", f"must be a BIC of {country}", "correct it, or leave it empty")
    if not bic and not codes:
        raise _Wrong("codes", "a bank without a BIC must have a code", "state how messages name it")
    if len(codes) > CODES_MAX or not all(map(_CODE.fullmatch, codes)):
        rule = f"must be at most {CODES_MAX} codes of 3 to 35 letters and digits, perhaps with * at the end"
        raise _Wrong("codes", rule, "correct them, with blanks between; a handle begins with @")
    if not _ID.fullmatch(row["gateway"]):
        raise _Wrong("gateway", "must be the id of a participant", "state the gateway of this bank")
    payment, day = (_minor(row, name, profile.currency) for name in ("per_payment", "per_day"))
    if payment is not None and day is not None and payment > day:
        raise _Wrong("per_payment", "must not be more than per_day", "lower it, or raise per_day")
    since, until = (_day(row, name) for name in ("since", "until"))
    if since is not None and until is not None and until <= since:
        raise _Wrong("until", "must be later than since", "correct one of them")
    return DirectoryLine(line, row["id"], row["name"], bic, codes, row["gateway"], payment, day, since, until)


def _minor(row: Mapping[str, str], name: str, currency: str) -> int | None:
    if not row[name]:
        return None
    try:
        return Money.parse(row[name], currency).minor
    except InvalidAmount:
        rule = f"must be an amount of {currency} above zero, such as 1500.00"
        raise _Wrong(name, rule, "correct it, or leave it empty for any amount") from None


def _day(row: Mapping[str, str], name: str) -> date | None:
    if not row[name]:
        return None
    try:
        found = date.fromisoformat(row[name])
    except ValueError:
        found = None
    if found is None or found.isoformat() != row[name]:
        raise _Wrong(name, "must be a day as YYYY-MM-DD", "correct it, or leave it empty")
    return found


def _twice(banks: list[DirectoryLine]) -> Iterator[Problem]:
    """Ids, institutions and codes that an earlier line has."""
    seen: dict[tuple[str, str], int] = {}
    for bank in banks:
        keys = [("id", bank.id), *(("codes", code) for code in bank.codes)]
        keys += [("bic", bank.bic[:_INSTITUTION])] if bank.bic else []
        for key in keys:
            first = seen.setdefault(key, bank.line)
            if first != bank.line:
                yield problem(bank.line, key[0], f"line {first} has the same", "leave it in one of them")
                break


def documents(banks: list[DirectoryLine]) -> list[dict[str, Any]]:
    """The banks in JSON types, as they are kept."""
    found: list[dict[str, Any]] = msgspec.to_builtins(banks)
    return found
