"""Rules for single values that a pattern in a schema cannot express.

Check digits, countries, code lists, offsets, amounts and characters. Each type of the catalogue with such a
rule has a checker, and the walker of a message visits only values with a checker; both are made once.
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
from schemas.catalogue.model import Choice, CurrencyAndAmount, Scalar, Sequence, Text, Type, plain_name
from schemas.codes import code_sets
from schemas.errors import InvalidAmount
from schemas.money import ALL_CURRENCIES, EXPONENTS, HISTORIC, Money
from schemas.reasons import Reason


@dataclass(slots=True)
class ValueFault:
    """A broken rule. On the way up from the value, each level puts its tag before the path."""

    rule: str
    reason: str
    text: str
    path: str = ""


Check = Callable[[Any, list[ValueFault]], None]
"""Checks a value and adds the faults that it finds."""

_TWO_DECIMALS: Final = re.compile(r"(?:0|[1-9]\d{0,13})\.\d\d", re.ASCII).fullmatch
_USUAL_CURRENCIES: Final = frozenset(
    code for code, exponent in EXPONENTS.items() if exponent in {len("50"), len("500")}
)
_JOINERS: Final = frozenset("\u200c\u200d")
"""Format characters that Persian and Indian scripts need in words."""
_ODD_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_ID_LENGTH: Final = 35
_LISTED_MAX: Final = 40
"""The most codes that a fault lists."""
_UNIT_PRICES: Final = frozenset({"ActiveOrHistoricCurrencyAnd13DecimalAmount"})
"""Unit prices may have more decimals than the currency."""


MILD: Final = frozenset({"offset", "blank", "characters"})
"""Rules that are only warnings in a message that reports past events."""


def only_reports(message_id: str) -> bool:
    """Whether a message neither moves money nor requests or cancels a movement, such as a statement.

    In such a message a former currency is allowed if its type says so, and an amount is any number that the
    schema allows.
    """
    return message_id[:4] not in _MOVES_AREAS and message_id[:8] not in _MOVES


_MOVES_AREAS: Final = frozenset({"pacs", "pain"})
_MOVES: Final = frozenset(
    {
        "camt.029",
        "camt.055",
        "camt.056",
        "camt.110",
        "camt.111",
        *(f"camt.0{number}" for number in range(26, 40)),
    }
)


def faults(message_id: str, content: dict[str, Any]) -> list[ValueFault]:
    """Find every broken value rule below the root element of a message; paths are relative to it."""
    found: list[ValueFault] = []
    walker = _walker(message_id)
    if walker is not None:
        walker(content, found)
    return found


@cache
def leaf_check(name: str) -> Check | None:
    """The checker of one value type, for callers that read values one by one."""
    if isinstance(catalogue().types[name], Sequence | Choice):
        return None
    return _Compiler().check(name)


@cache
def _walker(message_id: str) -> Check | None:
    compiler = _ReportCompiler() if only_reports(message_id) else _Compiler()
    return compiler.check(catalogue().messages[message_id].type)


class _Compiler:
    """Makes the checker of each type once; a type without rules has none."""

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
                self.made[name] = walk  # before its members: a type may contain itself
                walk.checks = {
                    member.tag: (check in TEXT_CHECKS, check)
                    for member in members
                    if (check := self.check(member.type)) is not None
                }
                return walk if walk.checks else None
            case CurrencyAndAmount() if plain not in _UNIT_PRICES:
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
    """The compiler for messages that only report."""

    def _amount(self, name: str) -> Check:
        return partial(_check_stated_amount, ALL_CURRENCIES if name.startswith(_PAST) else EXPONENTS)

    def _named(self, name: str) -> Check:
        return _check_any_currency if name.startswith(_PAST) else super()._named(name)


_PAST: Final = "ActiveOrHistoric"
"""Prefix of the names of types that allow a former currency."""


class _Walk:
    """Visits the members with a checker."""

    __slots__ = ("checks",)

    def __init__(self) -> None:
        self.checks: dict[str, tuple[bool, Check]] = {}
        """Tag -> whether any visible text is allowed, and the checker otherwise."""

    def __call__(self, content: dict[str, Any], found: list[ValueFault]) -> None:
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

    def _visit_all(self, tag: str, values: list[Any], check: Check, found: list[ValueFault]) -> None:
        for number, item in enumerate(values, 1):
            before = len(found)
            check(item, found)
            if len(found) != before:
                _within(tag if number == 1 else f"{tag}[{number}]", found, before)


def _within(tag: str, found: list[ValueFault], start: int) -> None:
    for fault in found[start:]:
        fault.path = f"{tag}/{fault.path}" if fault.path else tag


def _check_iban(value: str, found: list[ValueFault]) -> None:
    if not identifiers.is_iban(value):
        found.append(
            ValueFault(
                "iban",
                Reason.INCORRECT_ACCOUNT_NUMBER,
                "is not an IBAN: country, length or check digits are wrong",
            )
        )


def _check_bic(value: str, found: list[ValueFault]) -> None:
    if not identifiers.is_bic(value):
        found.append(
            ValueFault("bic", Reason.BANK_IDENTIFIER_INCORRECT, "is not a BIC: the country does not exist")
        )


def _check_lei(value: str, found: list[ValueFault]) -> None:
    if not identifiers.is_lei(value):
        found.append(
            ValueFault("lei", Reason.INVALID_IDENTIFICATION_CODE, "is not an LEI: the check digits are wrong")
        )


def _check_country(value: str, found: list[ValueFault]) -> None:
    if value not in identifiers.COUNTRIES:
        found.append(ValueFault("country", Reason.INVALID_COUNTRY, "is not an ISO 3166 country code"))


def _check_currency(value: str, found: list[ValueFault]) -> None:
    if value not in EXPONENTS:
        found.append(ValueFault("currency", Reason.INVALID_TRANSACTION_CURRENCY, _no_currency(value)))


def _check_any_currency(value: str, found: list[ValueFault]) -> None:
    if value not in ALL_CURRENCIES:
        found.append(ValueFault("currency", Reason.INVALID_TRANSACTION_CURRENCY, _no_currency(value)))


def _no_currency(code: str) -> str:
    if code in HISTORIC:
        return "is a former currency: it can be reported but not paid"
    return "is not an ISO 4217 currency code"


def _check_instant(value: str, found: list[ValueFault]) -> None:
    if lexical.is_plain_instant(value):
        return
    # The schema accepted it as a date and time: after the `T` there are hours, or an offset.
    if value[-1] != "Z" and value[-6] not in "+-":
        found.append(ValueFault("offset", Reason.INVALID_DATE, "must state its offset from UTC"))
    elif not _is_read(datetime.fromisoformat, value):
        found.append(
            ValueFault("instant", Reason.INVALID_DATE, "is out of range: years 1 to 9999, hours 0 to 23")
        )


def _check_date(value: str, found: list[ValueFault]) -> None:
    if not lexical.is_plain_day(value) and not _is_read(date.fromisoformat, value[: len("2026-11-23")]):
        found.append(ValueFault("instant", Reason.INVALID_DATE, "is out of range: years 1 to 9999"))


def _is_read(reader: Callable[[str], object], value: str) -> bool:
    try:
        reader(value)
    except ValueError:
        return False
    return True


def _check_code(code_set: str, codes: frozenset[str], value: str, found: list[ValueFault]) -> None:
    if value not in codes:
        known = f": {', '.join(sorted(codes))}" if len(codes) <= _LISTED_MAX else ""
        found.append(ValueFault("unknown-code", Reason.CONTENT_INCORRECT, f"is not in {code_set}{known}"))


def listed(name: str) -> frozenset[str]:
    """The codes of a type whose only rule beside its length is that its values are in a list."""
    check = leaf_check(name)
    return check.args[1] if isinstance(check, partial) and check.func is _check_code else frozenset()


def is_usual_amount(currency: str, digits: str) -> bool:
    """Whether this is a common amount: two decimals, in a currency with two or three."""
    return currency in _USUAL_CURRENCIES and _TWO_DECIMALS(digits) is not None


def _check_amount(value: dict[str, str], found: list[ValueFault]) -> None:
    currency, digits = value["Ccy"], value["Amt"]
    if is_usual_amount(currency, digits):
        return
    if currency not in EXPONENTS:
        found.append(ValueFault("currency", Reason.INVALID_TRANSACTION_CURRENCY, _no_currency(currency)))
    elif digits.strip("0.") or not digits:
        try:
            Money.parse(digits, currency)
        except InvalidAmount as error:
            found.append(ValueFault("amount", str(error.reason), error.detail))


def _check_stated_amount(
    currencies: Mapping[str, int | None], value: dict[str, str], found: list[ValueFault]
) -> None:
    """In a report: any number that the schema allows, without excess decimals if the currency is known."""
    currency, digits = value["Ccy"], value["Amt"]
    if currency not in currencies:
        found.append(ValueFault("currency", Reason.INVALID_TRANSACTION_CURRENCY, _no_currency(currency)))
        return
    exponent = currencies[currency]
    if exponent is not None and len(digits.partition(".")[2].rstrip("0")) > exponent:
        found.append(ValueFault("amount", Reason.INVALID_AMOUNT, f"more than {exponent} decimals"))


def _check_text(value: str, found: list[ValueFault]) -> None:
    if not _is_plain(value):
        found.append(
            ValueFault(
                "characters",
                Reason.INVALID_CHARACTER_SET,
                "contains control, invisible or unnormalised characters",
            )
        )
    elif value.isspace():
        found.append(ValueFault("blank", Reason.CONTENT_INCORRECT, "is blank"))


def _check_id(value: str, found: list[ValueFault]) -> None:
    before = len(found)
    _check_text(value, found)
    if len(found) == before and (value[:1] == " " or value[-1:] == " "):
        found.append(ValueFault("blank", Reason.CONTENT_INCORRECT, "begins or ends with a blank"))


def _is_plain(value: str) -> bool:
    """Whether every character is visible and the text is in normal form."""
    if not value.isprintable():
        odd = (character for character in value if not character.isprintable() and character not in _JOINERS)
        if any(unicodedata.category(character) in _ODD_CATEGORIES for character in odd):
            return False
    return value.isascii() or unicodedata.is_normalized("NFC", value)


TEXT_CHECKS: Final = frozenset({_check_text, _check_id})
"""The checkers that accept every ordinary text."""

_BY_NAME: Final[dict[str, Check]] = {
    "IBAN2007Identifier": _check_iban,
    "BICFIDec2014Identifier": _check_bic,
    "AnyBICDec2014Identifier": _check_bic,
    "LEIIdentifier": _check_lei,
    "CountryCode": _check_country,
    "ActiveCurrencyCode": _check_currency,
    "ActiveOrHistoricCurrencyCode": _check_currency,
}
