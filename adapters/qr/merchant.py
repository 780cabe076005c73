"""Parses and makes payloads of EMVCo objects from the data of a scheme."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final
from urllib.parse import quote

from adapters import amounts
from adapters.profile import AmountFormat
from adapters.qr import emvco
from adapters.qr.model import PaymentCode
from adapters.qr.schemes import QrScheme, by_currency
from schemas.errors import InvalidMessage
from schemas.money import NUMBERS, Money

NAME_MAX: Final = 25
CITY_MAX: Final = 15
AMOUNT_MAX: Final = 13
_FIXED: Final = "01"
_STATIC, _DYNAMIC = "11", "12"
_ADDITIONAL: Final = {
    "bill": "01", "mobile": "02", "store": "03", "loyalty": "04", "customer": "06", "terminal": "07",
    "purpose": "08",
}  # fmt: skip
_LANGUAGE: Final = {"language": "00", "local_name": "01", "local_city": "02"}
_TIPS: Final = {"tip": "55", "fee": "56", "fee_percent": "57"}
_POSTCODE: Final = "61"
_ACCOUNTS: Final = range(26, 52)
_CATEGORY = re.compile(r"\d{4}", re.ASCII)
_AMOUNT = re.compile(r"\d+(\.\d*)?", re.ASCII)
_MUST: Final = ("52", "53", "58", "59", "60", emvco.CHECK)


def read(payload: str) -> PaymentCode:
    """Parse a payload of one of the schemes.

    Raises:
        InvalidMessage: malformed, of no known scheme, a wrong checksum, or an object is missing or malformed.

    """
    found = emvco.objects(payload)
    scheme = _by_number().get(found.get("53", ""))
    if scheme is None:
        raise InvalidMessage("no known scheme has this currency", path="53")
    if not emvco.checks(payload) & {scheme.check, *scheme.also_checks}:
        raise InvalidMessage("the checksum is wrong", path=emvco.CHECK, rule="check")
    _must_be_right(found, scheme)
    account = _account(found, scheme)
    amount, warnings = _amount((found.get("54") or "").strip(), scheme)
    warnings += _oddities(found, scheme)
    return PaymentCode(
        country=scheme.country,
        scheme=scheme.name,
        payee=_payee(account, scheme),
        kind=scheme.kind,
        currency=scheme.currency,
        name=found.get("59") or None,
        city=found.get("60") or None,
        amount=amount,
        reference=_reference(found, account, scheme),
        dynamic=found.get("01") == _DYNAMIC,
        category=found.get("52") or None,
        more=_more(found, account, scheme),
        warnings=warnings,
    )


@cache
def _by_number() -> Mapping[str, QrScheme]:
    return {NUMBERS[currency]: scheme for currency, scheme in by_currency().items()}


def make(code: PaymentCode, scheme: QrScheme) -> str:
    """The payload for a code, after the scheme's link if it has one.

    Raises:
        ValueError: the scheme cannot express something in the code.

    """
    _must_be_sayable(code, scheme)
    template, sub = scheme.reference
    in_account = template == scheme.template
    pairs: list[tuple[str, str | None]] = [
        ("00", _FIXED),
        ("01", _DYNAMIC if code.dynamic else _STATIC),
        (scheme.template, _made_account(code, scheme, (sub, code.reference) if in_account else None)),
    ]
    if scheme.reference[0] not in {"62", scheme.template} and code.reference:
        pairs.append((template, emvco.write([("00", scheme.guid), (sub, code.reference)])))
    pairs += [
        ("52", code.category),
        ("53", NUMBERS[scheme.currency]),
        ("54", _amount_text(code.amount, scheme)),
        *((tag, code.more.get(name)) for name, tag in _TIPS.items()),
        ("58", scheme.country if scheme.complete or code.city else None),
        ("59", code.name),
        ("60", code.city),
        (_POSTCODE, code.more.get("postcode")),
        ("62", _made_template(code, _ADDITIONAL, [(sub, code.reference)] if template == "62" else [])),
        ("64", _made_template(code, _LANGUAGE, [])),
    ]
    payload = emvco.seal(emvco.write(pairs), scheme.check)
    return scheme.link + quote(payload, safe="") if scheme.link else payload


def _must_be_right(found: dict[str, str], scheme: QrScheme) -> None:
    """The requirements of EMVCo on every payload; complete ones have more."""
    if found.get("00") != _FIXED or next(iter(found)) != "00":
        raise InvalidMessage("another version", path="00")
    if found.get("01", _STATIC) not in {_STATIC, _DYNAMIC}:
        raise InvalidMessage("not marked as for one payment or for many", path="01")
    if (found.get("58") or scheme.country).upper() != scheme.country:
        raise InvalidMessage("the country does not match the currency", path="58")
    if found.get("52") and not _CATEGORY.fullmatch(found["52"]):
        raise InvalidMessage("not four digits", path="52")
    if scheme.complete:
        _must_be_complete(found)


def _must_be_complete(found: dict[str, str]) -> None:
    for tag in _MUST:
        if tag not in found:
            raise InvalidMessage("an object is missing", path=tag, rule="missing")
    for tag in _MUST:
        if not found[tag]:
            raise InvalidMessage("an empty object", path=tag)


def _oddities(found: dict[str, str], scheme: QrScheme) -> tuple[str, ...]:
    """Deviations from the specification that leave payee and amount unambiguous."""
    odd = []
    if scheme.complete and not all(found.values()):
        odd.append("an optional part is empty")
    if scheme.complete and (len(found["59"]) > NAME_MAX or len(found["60"]) > CITY_MAX):
        odd.append("the name or the city is longer than it may be")
    if found.get("58", scheme.country) != scheme.country:
        odd.append("the country is not written in upper case")
    if found.get("54", "") != found.get("54", "").strip():
        odd.append("blanks around the amount were removed")
    return tuple(odd)


def _account(found: dict[str, str], scheme: QrScheme) -> dict[str, str]:
    """The account template of the scheme; a payload may also contain those of other schemes."""
    if scheme.bare and scheme.template in found:
        return {scheme.payee: found[scheme.template]}
    if not scheme.bare and not scheme.guid:
        return emvco.objects(found.get(scheme.template, ""))
    for tag in map(str, _ACCOUNTS):
        account = emvco.objects(found.get(tag, ""))
        if scheme.names(account.get("00", "")):
            return account
    raise InvalidMessage("the template of the scheme is empty", path=scheme.template, rule="missing")


def _payee(account: dict[str, str], scheme: QrScheme) -> str:
    payee = account.get(scheme.payee, "")
    if scheme.bare and not payee:
        payee = next((value for tag, value in account.items() if tag != "00"), "")
    if not scheme.is_payee(payee):
        raise InvalidMessage("no payee in a form of the scheme", path=scheme.template, rule="payee")
    for name in scheme.needs:
        if not account.get(scheme.facts[name]):
            raise InvalidMessage(f"{name} is missing", path=scheme.template, rule="missing")
    return payee


def _reference(found: dict[str, str], account: dict[str, str], scheme: QrScheme) -> str | None:
    template, sub = scheme.reference
    if template == scheme.template:
        return account.get(sub) or None
    return emvco.objects(found.get(template, "")).get(sub) or None


def _more(found: dict[str, str], account: dict[str, str], scheme: QrScheme) -> dict[str, str]:
    additional, language = emvco.objects(found.get("62", "")), emvco.objects(found.get("64", ""))
    places = [(scheme.facts, account), (_ADDITIONAL, additional), (_LANGUAGE, language), (_TIPS, found)]
    said = {name: place[tag] for names, place in places for name, tag in names.items() if place.get(tag)}
    return {**said, **({"postcode": found[_POSTCODE]} if found.get(_POSTCODE) else {})}


def _amount(text: str | None, scheme: QrScheme) -> tuple[Money | None, tuple[str, ...]]:
    """The amount; producers write zero if the payer enters it."""
    if not text:
        return None, ()
    if len(text) > AMOUNT_MAX or not _AMOUNT.fullmatch(text):
        raise InvalidMessage("not an amount", path="54")
    if not text.strip("0."):
        return None, ("the amount is zero: the payer enters it",)
    if scheme.amounts is AmountFormat.MINOR:
        if "." in text:
            raise InvalidMessage("not a whole amount", path="54")
        return Money(int(text), scheme.currency), ()
    whole, _, fraction = text.partition(".")
    plain = f"{whole.lstrip('0') or '0'}.{fraction}" if fraction else whole.lstrip("0")
    return Money.parse(plain, scheme.currency), ()


def _amount_text(amount: Money | None, scheme: QrScheme) -> str | None:
    if amount is None:
        return None
    text = amounts.write(amount, scheme.amounts)
    if amount.currency != scheme.currency or amount.minor <= 0 or len(text) > AMOUNT_MAX:
        raise ValueError("the scheme cannot express this amount")
    return text


def _made_account(code: PaymentCode, scheme: QrScheme, reference: tuple[str, str | None] | None) -> str:
    if scheme.bare:
        return code.payee
    pairs: dict[str, str | None] = {
        scheme.payee: code.payee,
        **{tag: code.more.get(name) for name, tag in scheme.facts.items()},
    }
    if scheme.guid:
        pairs["00"] = scheme.guid
    if reference is not None:
        pairs[reference[0]] = reference[1]
    return emvco.write(sorted(pairs.items()))


def _made_template(
    code: PaymentCode, names: dict[str, str], first: list[tuple[str, str | None]]
) -> str | None:
    pairs = [*first, *((tag, code.more.get(name)) for name, tag in names.items())]
    return emvco.write(sorted(pairs)) or None


def _must_be_sayable(code: PaymentCode, scheme: QrScheme) -> None:
    known = {*scheme.facts, *_ADDITIONAL, *_LANGUAGE, *_TIPS, "postcode"}
    if unknown := set(code.more) - known:
        raise ValueError(f"the scheme has no field for {', '.join(sorted(unknown))}")
    if missing := scheme.needs - set(code.more):
        raise ValueError(f"the scheme requires {', '.join(sorted(missing))}")
    if code.kind is not scheme.kind or not scheme.is_payee(code.payee):
        raise ValueError("no payee in a form of the scheme")
    if code.category is not None and not _CATEGORY.fullmatch(code.category):
        raise ValueError("a category has four digits")
    if scheme.complete and not (code.name and code.city and code.category):
        raise ValueError("the scheme requires name, city and category")
    if len(code.name or "") > NAME_MAX or len(code.city or "") > CITY_MAX:
        raise ValueError(f"a name has at most {NAME_MAX} characters, a city {CITY_MAX}")
