"""Rules for single values, wherever they stand: what a schema's pattern cannot say.

Check digits, countries, code lists, offsets, amounts and characters. Each type of the catalogue that has
such a rule gets a checker, and a message's walker visits only what has one; both are made once.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from typing import Any, Final

from schemas import identifiers, lexical
from schemas.catalogue import catalogue
from schemas.catalogue.model import Amount, Choice, Scalar, Sequence, Text, Type, plain_name
from schemas.codes import code_sets
from schemas.errors import InvalidAmount
from schemas.money import ALL_CURRENCIES, EXPONENTS, HISTORIC, Money
from schemas.reasons import Reason


@dataclass(slots=True)
class Fault:
    """A broken rule, on its way up from the value: each level puts its tag before the path."""

    rule: str
    reason: str
    text: str
    path: str = ""


Check = Callable[[Any, list[Fault]], None]
"""Looks at a value and adds the faults that it finds."""

_TWO_DECIMALS: Final = re.compile(r"(?:0|[1-9]\d{0,13})\.\d\d", re.ASCII).fullmatch
_USUAL_CURRENCIES: Final = frozenset(
    code for code, exponent in EXPONENTS.items() if exponent in {len("50"), len("500")}
)
_JOINERS: Final = frozenset("\u200c\u200d")
"""Format characters that Persian and the scripts of India need to spell words."""
_ODD_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_ID_LENGTH: Final = 35
_UNIT_PRICES: Final = frozenset({"ActiveOrHistoricCurrencyAnd13DecimalAmount"})
"""Prices of a unit may be finer than any coin."""


MILD: Final = frozenset({"offset", "blank", "characters"})
"""Rules for single values that are advice where a message only reports what was."""


def only_reports(message_id: str) -> bool:
    """Whether a message neither moves money nor asks for it or withdraws it: a statement, for example.

    In such a message a currency may be one of the past where its type says so, and an amount is any number
    that the schema takes.
    """
    return message_id[:4] not in _MOVES_AREAS and message_id[:8] not in _MOVES


_MOVES_AREAS: Final = frozenset({"pacs", "pain"})
_MOVES: Final = frozenset(
    {"camt.029", "camt.055", "camt.056", *(f"camt.0{number}" for number in range(26, 40))}
)


def faults(message_id: str, content: dict[str, Any]) -> list[Fault]:
    """Every broken value rule under a message's own element; paths are relative to it."""
    found: list[Fault] = []
    walker = _walker(message_id)
    if walker is not None:
        walker(content, found)
    return found


@cache
def leaf_check(name: str) -> Check | None:
    """The checker of one value type, for who reads values one by one."""
    if isinstance(catalogue().types[name], Sequence | Choice):
        return None
    return _Compiler().check(name)


@cache
def _walker(message_id: str) -> Check | None:
    compiler = _ReportCompiler() if only_reports(message_id) else _Compiler()
    return compiler.check(catalogue().messages[message_id].type)


class _Compiler:
    """Makes each type's checker once; a type without anything to check has none."""

    def __init__(self) -> None:
        self.made: dict[str, Check | None] = {}

    def check(self, name: str) -> Check | None:
        if name not in self.made:
            self.made[name] = self._make(name, catalogue().types[name])
        return self.made[name]

    def _amount(self, _name: str) -> Check:
        return _check_amount

    def _named(self, name: str) -> Check:
        return _BY_NAME[name]

    def _make(self, name: str, kind: Type) -> Check | None:  # noqa: PLR0911 - one line a kind of type
        plain = plain_name(name)
        match kind:
            case Sequence(members) | Choice(members):
                walk = _Walk()
                self.made[name] = walk  # before its members: a type may hold itself
                walk.checks = {
                    member.tag: (check in TEXT_CHECKS, check)
                    for member in members
                    if (check := self.check(member.type)) is not None
                }
                return walk if walk.checks else None
            case Amount() if plain not in _UNIT_PRICES:
                return self._amount(plain)
            case Scalar("dateTime"):
                return _check_instant
            case Scalar("date"):
                return _check_date
            case Text() if plain in _BY_NAME:
                return self._named(plain)
            case Text() if plain in code_sets():
                return partial(_check_code, plain, code_sets()[plain])
            case Text(pattern=None):
                return _check_id if kind.maximum is not None and kind.maximum <= _ID_LENGTH else _check_text
            case _:
                return None


class _ReportCompiler(_Compiler):
    """For messages that only report."""

    def _amount(self, name: str) -> Check:
        return partial(_check_stated_amount, ALL_CURRENCIES if name.startswith(_PAST) else EXPONENTS)

    def _named(self, name: str) -> Check:
        return _check_any_currency if name.startswith(_PAST) else super()._named(name)


_PAST: Final = "ActiveOrHistoric"
"""Begins the names of the types that take a currency of the past."""


class _Walk:
    """Visits the members that have a checker."""

    __slots__ = ("checks",)

    def __init__(self) -> None:
        self.checks: dict[str, tuple[bool, Check]] = {}
        """Tag -> whether any visible text will do, and what to ask otherwise."""

    def __call__(self, content: dict[str, Any], found: list[Fault]) -> None:
        for tag, value in content.items():
            entry = self.checks.get(tag)
            if entry is None:
                continue
            is_text, check = entry
            if type(value) is list:
                self._visit_all(tag, value, check, found)
            # Nearly every value is an ordinary text, which needs no call.
            elif (
                not is_text or not value.isascii() or not value.isprintable() or " " in value[:1] + value[-1:]
            ):
                before = len(found)
                check(value, found)
                if len(found) != before:
                    _within(tag, found, before)

    def _visit_all(self, tag: str, values: list[Any], check: Check, found: list[Fault]) -> None:
        for number, item in enumerate(values, 1):
            before = len(found)
            check(item, found)
            if len(found) != before:
                _within(tag if number == 1 else f"{tag}[{number}]", found, before)


def _within(tag: str, found: list[Fault], start: int) -> None:
    for fault in found[start:]:
        fault.path = f"{tag}/{fault.path}" if fault.path else tag


def _check_iban(value: str, found: list[Fault]) -> None:
    if not identifiers.is_iban(value):
        found.append(
            Fault(
                "iban",
                Reason.INCORRECT_ACCOUNT_NUMBER,
                "is not an IBAN: country, length or check digits are wrong",
            )
        )


def _check_bic(value: str, found: list[Fault]) -> None:
    if not identifiers.is_bic(value):
        found.append(Fault("bic", Reason.BANK_IDENTIFIER_INCORRECT, "is not a BIC: there is no such country"))


def _check_lei(value: str, found: list[Fault]) -> None:
    if not identifiers.is_lei(value):
        found.append(
            Fault("lei", Reason.INVALID_IDENTIFICATION_CODE, "is not an LEI: the check digits are wrong")
        )


def _check_country(value: str, found: list[Fault]) -> None:
    if value not in identifiers.COUNTRIES:
        found.append(Fault("country", Reason.INVALID_COUNTRY, "is not a country of ISO 3166"))


def _check_currency(value: str, found: list[Fault]) -> None:
    if value not in EXPONENTS:
        found.append(Fault("currency", Reason.INVALID_TRANSACTION_CURRENCY, _no_currency(value)))


def _check_any_currency(value: str, found: list[Fault]) -> None:
    if value not in ALL_CURRENCIES:
        found.append(Fault("currency", Reason.INVALID_TRANSACTION_CURRENCY, _no_currency(value)))


def _no_currency(code: str) -> str:
    if code in HISTORIC:
        return "is a currency of the past: it can be reported, not paid"
    return "is not a currency of ISO 4217"


def _check_instant(value: str, found: list[Fault]) -> None:
    if lexical.is_plain_instant(value):
        return
    # The schema took it for a date and time: what is left of one after the `T` is hours, or an offset.
    if value[-1] != "Z" and value[-6] not in "+-":
        found.append(Fault("offset", Reason.INVALID_DATE, "must say its offset from UTC"))
    elif not _is_read(datetime.fromisoformat, value):
        found.append(
            Fault("instant", Reason.INVALID_DATE, "is beyond the calendar: years 1 to 9999, hours 0 to 23")
        )


def _check_date(value: str, found: list[Fault]) -> None:
    if not lexical.is_plain_day(value) and not _is_read(date.fromisoformat, value[: len("2026-11-23")]):
        found.append(Fault("instant", Reason.INVALID_DATE, "is beyond the calendar: years 1 to 9999"))


def _is_read(reader: Callable[[str], object], value: str) -> bool:
    try:
        reader(value)
    except ValueError:
        return False
    return True


def _check_code(code_set: str, codes: frozenset[str], value: str, found: list[Fault]) -> None:
    if value not in codes:
        found.append(Fault("unknown-code", Reason.CONTENT_INCORRECT, f"is not in {code_set}"))


def is_usual_amount(currency: str, digits: str) -> bool:
    """Whether this is what nearly every amount is: two decimals, of a currency that has two or three."""
    return currency in _USUAL_CURRENCIES and _TWO_DECIMALS(digits) is not None


def _check_amount(value: dict[str, str], found: list[Fault]) -> None:
    currency, digits = value["Ccy"], value["Amt"]
    if is_usual_amount(currency, digits):
        return
    if currency not in EXPONENTS:
        found.append(Fault("currency", Reason.INVALID_TRANSACTION_CURRENCY, _no_currency(currency)))
    elif digits.strip("0.") or not digits:
        try:
            Money.parse(digits, currency)
        except InvalidAmount as error:
            found.append(Fault("amount", str(error.reason), error.detail))


def _check_stated_amount(
    currencies: Mapping[str, int | None], value: dict[str, str], found: list[Fault]
) -> None:
    """In a report: any number that the schema takes, no finer than its currency where that is known."""
    currency, digits = value["Ccy"], value["Amt"]
    if currency not in currencies:
        found.append(Fault("currency", Reason.INVALID_TRANSACTION_CURRENCY, _no_currency(currency)))
        return
    exponent = currencies[currency]
    if exponent is not None and len(digits.partition(".")[2].rstrip("0")) > exponent:
        found.append(Fault("amount", Reason.INVALID_AMOUNT, f"more than {exponent} decimals"))


def _check_text(value: str, found: list[Fault]) -> None:
    if not _is_plain(value):
        found.append(
            Fault(
                "characters",
                Reason.INVALID_CHARACTER_SET,
                "holds control, invisible or unnormalised characters",
            )
        )
    elif value.isspace():
        found.append(Fault("blank", Reason.CONTENT_INCORRECT, "is blank"))


def _check_id(value: str, found: list[Fault]) -> None:
    before = len(found)
    _check_text(value, found)
    if len(found) == before and (value[:1] == " " or value[-1:] == " "):
        found.append(Fault("blank", Reason.CONTENT_INCORRECT, "begins or ends with a blank"))


def _is_plain(value: str) -> bool:
    """Whether every character can be seen and the text is in its normal form."""
    if not value.isprintable():
        odd = (character for character in value if not character.isprintable() and character not in _JOINERS)
        if any(unicodedata.category(character) in _ODD_CATEGORIES for character in odd):
            return False
    return value.isascii() or unicodedata.is_normalized("NFC", value)


TEXT_CHECKS: Final = frozenset({_check_text, _check_id})
"""The checkers that object to no ordinary text."""

_BY_NAME: Final[dict[str, Check]] = {
    "IBAN2007Identifier": _check_iban,
    "BICFIDec2014Identifier": _check_bic,
    "AnyBICDec2014Identifier": _check_bic,
    "LEIIdentifier": _check_lei,
    "CountryCode": _check_country,
    "ActiveCurrencyCode": _check_currency,
    "ActiveOrHistoricCurrencyCode": _check_currency,
}
