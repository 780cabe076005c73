"""Schemes as data, each group of facts with how sure it is: `SCHEMES` of each adapter's module `qr`.

Most are EMVCo objects, which `adapters.qr.merchant` reads and makes; a scheme with a form of its own brings
its functions. Where no layout is public, the account stands in a template of our own, under an identifier
that says so: `payswitch.CC`. Sources are on the page `docs/rails/qr.md`.
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
    """How one scheme fills EMVCo's objects."""

    country: str
    name: str
    currency: str
    kind: PayeeKind
    bases: Bases
    is_payee: Callable[[str], bool]
    template: str = "26"
    """Tag of the merchant's account information."""
    guid: str = ""
    """Sub-object 00 of the template; empty: the value is the payee itself."""
    also: tuple[str, ...] = ()
    """Other spellings of `guid` that are read; all are compared without case."""
    payee: str = "01"
    """Sub-object that names the payee."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else the template says: name in `PaymentCode.more` -> sub-object."""
    needs: frozenset[str] = frozenset()
    """Those of `facts` without which nothing can be paid."""
    reference: tuple[str, str] = ("62", "05")
    """Template and sub-object of the reference."""
    check: ChecksumKind = ChecksumKind.CRC
    also_checks: frozenset[ChecksumKind] = frozenset()
    """Other checks that are believed when read."""
    amounts: AmountFormat = AmountFormat.DECIMAL
    complete: bool = True
    """Country and city are said, and the order and presence that EMVCo demands are held."""
    link: str = ""
    """What a made payload is put behind."""

    @property
    def bare(self) -> bool:
        """The payee stands in the scheme's own object without a template around it."""
        return not self.guid and not self.facts

    def names(self, guid: str) -> bool:
        """Whether a template with this identifier is the scheme's."""
        return bool(guid) and guid.casefold() in {known.casefold() for known in (self.guid, *self.also)}


@dataclass(frozen=True, slots=True)
class OwnForm:
    """A scheme whose payloads are no EMVCo objects: a link, or tags of its own."""

    country: str
    name: str
    currency: str
    kind: PayeeKind
    bases: Bases
    is_text: Callable[[str], bool]
    """Whether a text is one of its payloads, by how it begins."""
    read: Callable[[str], PaymentCode]
    make: Callable[[PaymentCode], str]


def is_any(text: str) -> bool:
    """Any payee at all."""
    return bool(text)


def own_layout(country: Country, is_payee: Callable[[str], bool], **facts: str) -> QrScheme:
    """A layout of our own, for a country whose layout is not public."""
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
    """Those of every country that has an adapter; the first of a country is its usual one."""
    return tuple(
        scheme for country in registry.countries() for scheme in registry.module(country, "qr").SCHEMES
    )


@cache
def by_currency() -> Mapping[str, QrScheme]:
    """Each currency has one scheme of EMVCo objects here, so object 53 tells which a payload is of."""
    return {scheme.currency: scheme for scheme in schemes() if isinstance(scheme, QrScheme)}
