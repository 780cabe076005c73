"""The creditor's identifier: one parser of accounts, cards, phones and payment addresses for all rails.

The profile of a rail lists the forms that it pays and how it writes them. This module decides what the sender
means, so that all rails treat the same form in the same way, in `check`, in translation and in look-ups:

* Blanks, dashes, dots, full-width characters and digits of other scripts are normalised; so are IBANs in
  lower case, and phones with `+`, `00` or brackets. A phone must have its country code.
* The schema of pacs.008.001.08 requires an identification beside every proxy. `NOTPROVIDED` and similar
  values mean that there is none; an identification that repeats the proxy is the proxy. In both cases the
  proxy names the creditor. A repeated phone is never read as an account with the same digits.
* An identification that the rail knows takes precedence over a proxy. One that it does not know is refused,
  even beside a proxy: a mistyped account must not send the money to somebody's phone.
* A proxy with the type of another kind of alias (an e-mail, a tax number) is not read as a phone.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from adapters.identifiers import Iban, is_luhn, is_vpa
from schemas.identifiers import is_iban as is_any_iban
from schemas.payment import PartyAccount


class IdentifierKind(StrEnum):
    """The kind of an identifier."""

    IBAN = "IBAN"
    ACCOUNT = "account"
    CARD = "card"
    PHONE = "phone"
    ADDRESS = "payment address"


@dataclass(frozen=True, slots=True)
class IdentifierForm:
    """One form of identifier that a rail accepts."""

    kind: IdentifierKind
    read: Callable[[str], str | None]
    """Returns a text in the rail's format, or None if the text does not have this form. Pure."""
    text: str
    """For people: `an IBAN of Pakistan`."""
    pays: bool = True
    """False: it can only be looked up; the account that is found is paid."""
    bank: Callable[[str], str] | None = None
    """Returns what a text in the rail's format says of its bank, as participants register it: the country and
    the bank's code, `KG109018`. None: it says nothing, or `bank_of` knows the kind."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A creditor in the format of the rail."""

    kind: IdentifierKind
    value: str
    bank: str = field(default="", compare=False)
    """What the form says of its bank; see `IdentifierForm.bank`."""


_NOT_PROVIDED = re.compile(r"NOT ?(?:PROVIDED|AVAILABLE|KNOWN|APPLICABLE)|NONREF|NONE|UNKNOWN|N/?A|[-.0X*]+")
_BETWEEN = re.compile("[ \u00a0\u2000-\u200a\u202f\u3000.\u2010-\u2015\u2212-]")
"""Separators between groups of digits."""
_PHONE = re.compile(r"(?:tel:)?(\+|00)?([0-9][0-9 ()./-]{4,28})", re.ASCII | re.IGNORECASE)
_PHONE_TYPES: Final = frozenset({"TELE", "MBNO"})
_OTHER_TYPES: Final = frozenset({
    "EMAL", "EWAL", "CINC", "COTX", "CUST", "DNAM", "DRLC", "EIDN", "LEIC", "NIDN", "SOSE", "TXID", "CCPT",
    "EMPL",
    "PVTX", "VIPN", "BIID",
})  # fmt: skip
"""ExternalProxyAccountType1Code: aliases that are not phones and that none of the ten rails supports."""


def plain(text: str) -> str:
    """A text with full-width characters and digits of any script as ASCII, without invisible marks."""
    if text.isascii():
        return text.strip()
    folded = unicodedata.normalize("NFKC", text)
    seen = "".join(
        str(unicodedata.decimal(one)) if one.isdecimal() else one
        for one in folded
        if unicodedata.category(one) != "Cf"
    )
    return seen.strip()


def compact(text: str) -> str:
    """An account's text without separators between groups."""
    return _BETWEEN.sub("", plain(text))


def is_provided(text: str | None) -> bool:
    """Whether an identification is really given: the schema requires one even where the sender has none."""
    return bool(text) and _NOT_PROVIDED.fullmatch(plain(text or "").upper()) is None


def find(account: PartyAccount | None, forms: Sequence[IdentifierForm]) -> Identifier | None:
    """The creditor of a payment; None if the payment names none that the rail pays."""
    return _find(account, [form for form in forms if form.pays])


def find_alias(account: PartyAccount | None, forms: Sequence[IdentifierForm]) -> Identifier | None:
    """The account or alias to look up, even one that the rail does not pay."""
    return _find(account, forms)


def read(text: str, forms: Sequence[IdentifierForm]) -> Identifier | None:
    """Parse a single account or alias."""
    for form in forms:
        value = form.read(text)
        if value is not None:
            return Identifier(form.kind, value, form.bank(value) if form.bank else "")
    return None


def refusal(account: PartyAccount | None, forms: Sequence[IdentifierForm]) -> tuple[str, str]:
    """What is wrong with a creditor's identifier, and what the rail pays: path and text of a violation."""
    paid = " or ".join(form.text for form in forms if form.pays)
    path = "CdtTrfTxInf/CdtrAcct"
    if account is not None and account.iban:
        path += "/Id/IBAN"
    elif account is not None and is_provided(account.other):
        path += "/Id/Othr/Id"
    elif account is not None and account.proxy:
        path += "/Prxy/Id"
    return path, f"this rail pays to {paid}"


def _find(account: PartyAccount | None, forms: Sequence[IdentifierForm]) -> Identifier | None:
    if account is None:
        return None
    if account.iban:
        return read(account.iban, [form for form in forms if form.kind is IdentifierKind.IBAN])
    given = account.other if is_provided(account.other) else None
    proxy = account.proxy
    repeated = given is not None and proxy is not None and _same(given, proxy)
    if given is not None and not (repeated and account.proxy_type in _PHONE_TYPES):
        found = read(given, [form for form in forms if form.kind is not IdentifierKind.PHONE])
        if found is not None:
            return found
        if proxy is None:
            return read(given, [form for form in forms if form.kind is IdentifierKind.PHONE])
        if not repeated:
            return None
    aliases = [
        form for form in forms if form.kind is not IdentifierKind.ACCOUNT and _fits(account.proxy_type, form)
    ]
    return None if proxy is None else read(proxy, aliases)


def _same(given: str, proxy: str) -> bool:
    """Whether an identification only repeats the proxy, in any format."""
    return _bare(given) == _bare(proxy)


def _bare(text: str) -> str:
    return _digits(text) or compact(text).casefold()


def account_key(account: PartyAccount | None) -> str:
    """The identifier of an account in one spelling, whatever its format. Fast, because no form is parsed."""
    if account is None:
        return ""
    given = account.iban or (account.other if is_provided(account.other) else None)
    return _bare(given or account.proxy or "")


_ACCOUNT_AT_IFSC: Final = re.compile(r".*@([A-Z]{4}0[A-Z0-9]{6})\.IFSC\.NPCI", re.ASCII)


class BankOfAccount(NamedTuple):
    """The bank that an identifier names, in the form in which participants register it."""

    id: str
    """`PKSAND...`: an IBAN without its check digits. `@OKBANK`: the handle of a payment address.
    `SBIN0000001`: the IFSC of an address that is an account and its branch. `KG109018`: a country, and the
    code of the bank in an account."""
    kind: str
    """What ids of this kind begin with: `PK`, `@`, `KG`; empty for an id of a clearing system."""


def bank_of(identifier: Identifier) -> BankOfAccount | None:
    """The bank that an identifier names; None if it names none."""
    if identifier.bank:
        return BankOfAccount(identifier.bank, identifier.bank[:2])
    value = identifier.value.upper()
    if identifier.kind is IdentifierKind.IBAN:
        return BankOfAccount(value[:2] + value[4:], value[:2])
    if identifier.kind is IdentifierKind.ADDRESS:
        branch = _ACCOUNT_AT_IFSC.fullmatch(value)
        handle = value[value.index("@") :]
        return BankOfAccount(branch[1], "") if branch else BankOfAccount(handle, "@")
    return None


def _fits(proxy_type: str | None, form: IdentifierForm) -> bool:
    if proxy_type in _PHONE_TYPES:
        return form.kind is IdentifierKind.PHONE
    return proxy_type not in _OTHER_TYPES or form.kind is IdentifierKind.ADDRESS


def _digits(text: str) -> str | None:
    found = _PHONE.fullmatch(plain(text))
    return None if found is None else re.sub(r"\D", "", found[2])


# Forms that several rails share.


def iban_of(iban: Iban) -> IdentifierForm:
    """An IBAN of one country, with valid check digits."""

    def read_iban(text: str) -> str | None:
        value = compact(text).upper().removeprefix("IBAN").lstrip(":")
        return value if iban.fits(value) else None

    return IdentifierForm(IdentifierKind.IBAN, read_iban, f"an IBAN of {iban.country}")


def account_like(
    pattern: str,
    text: str,
    fits: Callable[[str], bool] | None = None,
    bank: Callable[[str], str] | None = None,
) -> IdentifierForm:
    """An account by its format, and by a country's own rule if there is one."""
    shape = re.compile(pattern, re.ASCII)

    def read_account(raw: str) -> str | None:
        value = compact(raw)
        known = shape.fullmatch(value) and not is_any_iban(value) and (fits is None or fits(value))
        return value if known else None

    return IdentifierForm(IdentifierKind.ACCOUNT, read_account, text, bank=bank)


def card_like(pattern: str, text: str, *, pays: bool = True) -> IdentifierForm:
    """A card number by its first digits and its check digit."""
    shape = re.compile(pattern, re.ASCII)

    def read_card(raw: str) -> str | None:
        value = compact(raw)
        return value if shape.fullmatch(value) and is_luhn(value) else None

    return IdentifierForm(IdentifierKind.CARD, read_card, text, pays)


def phone_of(code: str, rest: int, *, write: str = "{code}{rest}", pays: bool = True) -> IdentifierForm:
    """A phone with its country code; `write` is the rail's format: `+{code}-{rest}`."""

    def read_phone(text: str) -> str | None:
        digits = _digits(text)
        if digits is None or not digits.startswith(code) or len(digits) != len(code) + rest:
            return None
        return write.format(code=code, rest=digits[len(code) :])

    return IdentifierForm(
        IdentifierKind.PHONE, read_phone, f"a phone in international format, +{code} and {rest} digits", pays
    )


def _read_address(text: str) -> str | None:
    value = plain(text)
    return value if is_vpa(value) else None


ADDRESS: Final = IdentifierForm(IdentifierKind.ADDRESS, _read_address, "a payment address user@handle")
