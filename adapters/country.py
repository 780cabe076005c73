"""A country as one record: what the switch, its pages and its sandbox know of it beside its rail.

Each adapter package has its own, `COUNTRY` in its module `country`; `adapters.registry` finds those that are
installed. Nothing else lists countries, so installing a package is enough.
"""

from dataclasses import dataclass
from typing import Final, Literal

from adapters.business_days import BusinessCalendar
from adapters.identifiers import Iban

ED25519: Final = "ed25519"
ECDSA: Final = "ecdsa-p256-sha256"


@dataclass(frozen=True, slots=True)
class CountryNames:
    """What people call the country, in the languages of the pages."""

    en: str
    ru: str
    zh: str

    def in_language(self, language: str) -> str:
        """The name in a language of the pages; the English one in any other."""
        return {"ru": self.ru, "zh": self.zh}.get(language, self.en)


@dataclass(frozen=True, slots=True)
class SandboxBank:
    """A made-up participant of the sandbox."""

    id: str
    name: str
    bic: str
    funds: int = 50_000_000_000
    """What it begins with, in whole units of the country's currency."""
    algorithm: Literal["ed25519", "ecdsa-p256-sha256"] = ED25519
    """Of its signing key."""


@dataclass(frozen=True, slots=True)
class Country:
    """One country as data."""

    code: str
    """ISO 3166-1 alpha-2."""
    names: CountryNames
    currency: str
    """What its participants hold and its rail credits."""
    zone: str
    """IANA name of the zone in which its central bank keeps its day."""
    calendar: BusinessCalendar
    """Its business days: windows, value dates and the hours of rails all keep them."""
    place: tuple[int, int]
    """Where it is on the map of the pages: across and down, in the map's units, of 900 by 420."""
    per_sdr: str
    """For the sandbox: units of its currency that a made-up basket costs. Plausible, nobody's quotation."""
    large_payment: int
    """About 10,000 US dollars, in whole units of its currency: the pattern report's built-in threshold."""
    banks: tuple[SandboxBank, ...]
    """Its participants in the sandbox; the first is the one that examples use."""
    iban: Iban | None = None
    """The form of its IBANs, where it has any."""
