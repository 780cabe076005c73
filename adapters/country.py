"""A country as one record: what the switch, its pages and its sandbox know about it, except its rail.

Each adapter package defines `COUNTRY` in its module `country`; `adapters.registry` finds the installed ones.
No other file lists countries, so installing a package is enough.
"""

from dataclasses import dataclass
from typing import Final, Literal

from adapters.business_days import BusinessCalendar
from adapters.identifiers import Iban

ED25519: Final = "ed25519"
ECDSA: Final = "ecdsa-p256-sha256"


@dataclass(frozen=True, slots=True)
class CountryNames:
    """The names of the country in the languages of the pages."""

    en: str
    ru: str
    zh: str

    def in_language(self, language: str) -> str:
        """The name in a language of the pages; the English name for any other language."""
        return {"ru": self.ru, "zh": self.zh}.get(language, self.en)


@dataclass(frozen=True, slots=True)
class SandboxBank:
    """An invented participant of the sandbox."""

    id: str
    name: str
    bic: str
    funds: int = 50_000_000_000
    """Its initial funds, in whole units of the country's currency."""
    algorithm: Literal["ed25519", "ecdsa-p256-sha256"] = ED25519
    """Algorithm of its signing key."""


@dataclass(frozen=True, slots=True)
class Country:
    """One country as data."""

    code: str
    """ISO 3166-1 alpha-2."""
    names: CountryNames
    currency: str
    """The currency of its participants and of its rail."""
    zone: str
    """IANA name of the time zone of its central bank."""
    calendar: BusinessCalendar
    """Its business days, used for settlement windows, value dates and the hours of rails."""
    place: tuple[int, int]
    """Its place on the map of the pages: x and y in the map's units, 900 by 420."""
    per_sdr: str
    """For the sandbox: the price of an invented currency basket in its currency. Plausible, not a real
    quotation."""
    large_payment: int
    """About 10,000 US dollars in whole units of its currency: the default threshold of the pattern report."""
    banks: tuple[SandboxBank, ...]
    """Its participants in the sandbox; examples use the first."""
    iban: Iban | None = None
    """The format of its IBANs, if it has any."""
