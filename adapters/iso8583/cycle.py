"""The end-of-cycle file: the rail's own list of what it executed in a day of its clock.

Neither country publishes its format, so this is our own profile, similar to the files of card switches:
fixed-width records, fetched in parts over the same connection (0300 and 0310: DE71 part, DE72 last part,
DE101 name, DE120 text).

    H TJ 20261123 972                         header: country, day, currency
    D <ref 32> <amount 12> <code 2> <ISO 4>   an order that is final: amount in units of DE4
    T <count 9> <control sum 18> <MAC 32>     orders in it, sum of those done, AES-CMAC of all before

without the blanks, one record on each line; an empty ISO reason is four blanks. A file is read as a whole or
not at all.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters import uetr as uetrs
from adapters.iso8583.codec import MacKey
from adapters.iso8583.codes import outcome_of
from adapters.iso8583.dialect import Iso8583Dialect
from adapters.port import Answer, Outcome
from schemas.money import Money

PART_CHARACTERS: Final = 990
PARTS: Final = 9999
_ORDER = re.compile(r"D([0-9a-f]{32})(\d{12})([0-9A-Z]{2})([0-9A-Z]{4}| {4})", re.ASCII)
_TRAILER = re.compile(r"T(\d{9})(\d{18})", re.ASCII)
_MAC_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Iso8583CycleLine:
    """One order that is final; `units` as in DE4."""

    ref: str
    units: int
    code: str
    reason: str = ""


class Iso8583CycleFileError(Exception):
    """Not a complete file of this rail and cycle, or not sealed by it."""


def name_of(day: date) -> str:
    """DE101 for the file of a day."""
    return f"CYCLE-{day}"


def write(dialect: Iso8583Dialect, cycle: str, lines: Iterable[Iso8583CycleLine], key: MacKey) -> str:
    """The file of a cycle, sealed by the rail."""
    records, count, total = [_header(dialect, cycle)], 0, 0
    for line in lines:
        records.append(f"D{line.ref}{line.units:012}{line.code}{line.reason:4}")
        count += 1
        total += line.units if _is_done(line) else 0
    content = "\n".join([*records, f"T{count:09}{total:018}"])
    return content + key.mac(content.encode("ascii")).hex().upper()


def parts_of(text: str) -> list[str]:
    """A file in parts that fit DE120; line ends are sent as `|`, because elements must be printable."""
    text = text.replace("\n", "|")
    return [text[start : start + PART_CHARACTERS] for start in range(0, len(text), PART_CHARACTERS)]


def joined(parts: Iterable[str]) -> str:
    """The file made of its parts."""
    return "".join(parts).replace("|", "\n")


def read(text: str, dialect: Iso8583Dialect, cycle: str, key: MacKey) -> list[Iso8583CycleLine]:
    """Parse the orders in a cycle's file.

    Raises:
        Iso8583CycleFileError: broken, incomplete, of another rail or cycle, or not sealed by the rail.

    """
    content, mac = text[:-_MAC_DIGITS], text[-_MAC_DIGITS:]
    if not text.isascii() or not hmac.compare_digest(
        key.mac(content.encode("ascii")).hex().upper().encode(), mac.encode()
    ):
        raise Iso8583CycleFileError("seal")
    header, *rest = content.split("\n")
    if not rest or header != _header(dialect, cycle):
        raise Iso8583CycleFileError("header")
    *orders, trailer = rest
    lines = [_line(record) for record in orders]
    total = sum(line.units for line in lines if _is_done(line))
    found = _TRAILER.fullmatch(trailer)
    if found is None or (int(found[1]), int(found[2])) != (len(lines), total):
        raise Iso8583CycleFileError("trailer")
    return lines


def answers(lines: Iterable[Iso8583CycleLine], dialect: Iso8583Dialect) -> list[Answer]:
    """The lines as answers of the port."""
    return [_answer(line, dialect) for line in lines]


def _answer(line: Iso8583CycleLine, dialect: Iso8583Dialect) -> Answer:
    outcome, reason = outcome_of(line.code, line.reason, enquired=True)
    return Answer(
        line.ref,
        outcome,
        uetr=uetrs.from_hex(line.ref),
        rail_code=line.code,
        reason=reason,
        amount=_money(line, dialect) if outcome is Outcome.DONE else None,
    )


def _money(line: Iso8583CycleLine, dialect: Iso8583Dialect) -> Money:
    return Money(line.units * dialect.step_minor, dialect.profile.currency)


def _line(record: str) -> Iso8583CycleLine:
    found = _ORDER.fullmatch(record)
    if found is None:
        raise Iso8583CycleFileError("record")
    line = Iso8583CycleLine(found[1], int(found[2]), found[3], found[4].strip())
    if outcome_of(line.code, line.reason, enquired=True)[0] not in {Outcome.DONE, Outcome.REFUSED}:
        raise Iso8583CycleFileError("an order that is not final")
    return line


def _is_done(line: Iso8583CycleLine) -> bool:
    return outcome_of(line.code, line.reason, enquired=True)[0] is Outcome.DONE


def _header(dialect: Iso8583Dialect, cycle: str) -> str:
    return f"H{dialect.profile.country}{cycle.replace('-', '')}{dialect.currency}"
