"""The schemes whose payloads are EMVCo objects, as data, each group of facts with how sure it is.

Where no layout is public (UZ, KZ, TJ, IR), the account stands in a template of our own, under an identifier
that says so: `payswitch.CC`. Sources are on the page `docs/rails/qr.md`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.identifiers import is_iban, is_vpa
from adapters.profile import Basis, Rendering
from adapters.qr.emvco import Check
from adapters.qr.model import Bases, Kind

PUBLISHED, OBSERVED, PROFILE = Basis.PUBLISHED, Basis.OBSERVED, Basis.PROFILE
_UZBEK = re.compile(r"[1-9]\d{4}000\d{12}", re.ASCII)
_TAJIK = re.compile(r"\d{20}", re.ASCII)
_UNIONPAY = re.compile(r"[0-9A-Za-z]{8,31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one scheme fills EMVCo's objects."""

    country: str
    name: str
    currency: str
    kind: Kind
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
    check: Check = Check.CRC
    also_checks: frozenset[Check] = frozenset()
    """Other checks that are believed when read."""
    amounts: Rendering = Rendering.DECIMAL
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


def _any(text: str) -> bool:
    return bool(text)


def _iban_of(country: str) -> Callable[[str], bool]:
    return lambda text: is_iban(text, country)


def _profile(country: str, currency: str, is_payee: Callable[[str], bool], **facts: str) -> Scheme:
    """A layout of our own, for a country whose layout is not public."""
    return Scheme(
        country=country,
        name=f"EMVCo {country}",
        currency=currency,
        kind=Kind.ACCOUNT,
        guid=f"payswitch.{country}",
        is_payee=is_payee,
        facts=facts,
        bases={"layout": PUBLISHED, "payee": PROFILE, "amount": PUBLISHED, "check": PUBLISHED},
    )


SCHEMES: Final = (
    Scheme(
        country="KG",
        name="ELQR",
        currency="KGS",
        kind=Kind.ACCOUNT,
        template="32",
        payee="10",
        is_payee=_any,
        facts={"provider": "00", "service": "01", "amount_editable": "12", "payee_editable": "13"},
        needs=frozenset({"provider"}),
        reference=("32", "11"),
        check=Check.SHA4,
        amounts=Rendering.MINOR,
        complete=False,
        bases={"layout": PUBLISHED, "payee": PUBLISHED, "amount": PUBLISHED, "check": OBSERVED},
    ),
    Scheme(
        country="BY",
        name="ERIP",
        currency="BYN",
        kind=Kind.MERCHANT,
        template="32",
        guid="by.raschet",
        payee="10",
        is_payee=_any,
        facts={"service": "01", "amount_editable": "12"},
        needs=frozenset({"service"}),
        check=Check.SHA4,
        also_checks=frozenset({Check.CRC}),
        complete=False,
        link="https://pay.raschet.by/#",
        bases={"layout": OBSERVED, "payee": OBSERVED, "amount": OBSERVED, "check": OBSERVED},
    ),
    Scheme(
        country="PK",
        name="Raast P2M",
        currency="PKR",
        kind=Kind.ACCOUNT,
        guid="PK.RAAST.P2M",
        also=("pk.raast",),
        is_payee=_iban_of("PK"),
        facts={"merchant_id": "02"},
        bases={"layout": PUBLISHED, "payee": PROFILE, "amount": PUBLISHED, "check": PUBLISHED},
    ),
    Scheme(
        country="IN",
        name="Bharat QR",
        currency="INR",
        kind=Kind.VPA,
        guid="A000000524",
        also=("upi.npci.org",),
        is_payee=is_vpa,
        facts={"minimum_amount": "02"},
        reference=("27", "01"),
        bases={"layout": OBSERVED, "payee": OBSERVED, "amount": PUBLISHED, "check": PUBLISHED},
    ),
    Scheme(
        country="CN",
        name="UnionPay",
        currency="CNY",
        kind=Kind.MERCHANT,
        template="15",
        also=("D15600000000", "D15600000001"),
        is_payee=lambda text: _UNIONPAY.fullmatch(text) is not None,
        bases={"layout": PUBLISHED, "payee": PROFILE, "amount": PUBLISHED, "check": PUBLISHED},
    ),
    _profile("UZ", "UZS", lambda text: _UZBEK.fullmatch(text) is not None, bank="02"),
    _profile("KZ", "KZT", _iban_of("KZ"), knp="02"),
    _profile("TJ", "TJS", lambda text: _TAJIK.fullmatch(text) is not None, bank="02"),
    _profile("IR", "IRR", _iban_of("IR")),
)

BY_CURRENCY: Final = {scheme.currency: scheme for scheme in SCHEMES}
"""Each currency has one scheme of EMVCo objects here, so object 53 tells which a payload is of."""
