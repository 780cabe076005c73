"""Schemes as data, with the certainty of each group of facts: `SCHEMES` of each adapter's module `qr`.

Most consist of EMVCo objects, which `adapters.qr.merchant` parses and makes; a scheme with its own format
provides its functions. Where no layout is public, the account is in a template of our own, under an
identifier that shows this: `payswitch.CC`. Sources are in `docs/rails/qr.md`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from adapters import registry
from adapters.country import Country
from adapters.profile import AmountFormat, Basis
from adapters.qr.emvco import ChecksumKind
from adapters.qr.model import Bases, PayeeKind, PaymentCode

PUBLISHED, PROFILE = Basis.PUBLISHED, Basis.PROFILE


@dataclass(frozen=True, slots=True)
class QrScheme:
    """How one scheme uses EMVCo's objects."""

    country: str
    name: str
    currency: str
    kind: PayeeKind
    bases: Bases
    is_payee: Callable[[str], bool]
    template: str = "26"
    """Tag of the merchant account information."""
    guid: str = ""
    """Sub-object 00 of the template; empty: the value is the payee itself."""
    also: tuple[str, ...] = ()
    """Other spellings of `guid` that are accepted; all are compared without case."""
    payee: str = "01"
    """Sub-object that identifies the payee."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Other contents of the template: name in `PaymentCode.more` -> sub-object."""
    needs: frozenset[str] = frozenset()
    """Those of `facts` that a payment requires."""
    reference: tuple[str, str] = ("62", "05")
    """Template and sub-object of the reference."""
    check: ChecksumKind = ChecksumKind.CRC
    also_checks: frozenset[ChecksumKind] = frozenset()
    """Other kinds of checksum that are accepted when parsing."""
    amounts: AmountFormat = AmountFormat.DECIMAL
    complete: bool = True
    """Country and city are present, and EMVCo's rules of order and presence are met."""
    link: str = ""
    """The link in front of a made payload."""

    @property
    def bare(self) -> bool:
        """The payee is in the scheme's own object, without a template."""
        return not self.guid and not self.facts

    def names(self, guid: str) -> bool:
        """Whether a template with this identifier belongs to the scheme."""
        return bool(guid) and guid.casefold() in {known.casefold() for known in (self.guid, *self.also)}


@dataclass(frozen=True, slots=True)
class OwnForm:
    """A scheme whose payloads are not EMVCo objects: a link, or its own tags."""

    country: str
    name: str
    currency: str
    kind: PayeeKind
    bases: Bases
    is_text: Callable[[str], bool]
    """Whether a text is one of its payloads, by its beginning."""
    read: Callable[[str], PaymentCode]
    make: Callable[[PaymentCode], str]


def is_any(text: str) -> bool:
    """Accepts any payee."""
    return bool(text)


def own_layout(country: Country, is_payee: Callable[[str], bool], **facts: str) -> QrScheme:
    """Our own layout, for a country whose layout is not public."""
    return QrScheme(
        country=country.code,
        name=f"EMVCo {country.code}",
        currency=country.currency,
        kind=PayeeKind.ACCOUNT,
        guid=f"payswitch.{country.code}",
        is_payee=is_payee,
        facts=facts,
        bases={"layout": PUBLISHED, "payee": PROFILE, "amount": PUBLISHED, "check": PUBLISHED},
    )


@cache
def schemes() -> tuple[QrScheme | OwnForm, ...]:
    """The schemes of every country with an adapter; the first of a country is its default."""
    return tuple(
        scheme for country in registry.countries() for scheme in registry.module(country, "qr").SCHEMES
    )


@cache
def by_currency() -> Mapping[str, QrScheme]:
    """Each currency has one EMVCo scheme here, so object 53 identifies the scheme of a payload."""
    return {scheme.currency: scheme for scheme in schemes() if isinstance(scheme, QrScheme)}
