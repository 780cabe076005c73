"""What a report for people states beside its figures: who sends it, to whom, and where it can be checked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import asyncpg

from switch.base import letterhead
from switch.base.settings import Settings
from switch.reports.query import Scope
from switch.reports.wording import Wording

VERIFY: Final = "/verify"
_NAME: Final = "SELECT name FROM switch.participant WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The operator, as the settings state it."""

    name: str = ""
    address: tuple[str, ...] = ()
    logo: bytes = b""


@dataclass(frozen=True, slots=True)
class Letter:
    """The frame of one report on paper."""

    head: Letterhead = Letterhead()
    addressee: str = ""
    """A name; empty: nobody in particular."""
    country: str = ""
    """The country whose authorities are addressed, instead of a name."""
    verify: str = ""
    """Address of the page that checks a file; empty if the switch does not know its own address."""

    def to(self, wording: Wording) -> str:
        """The addressee in the language of the letter; empty if there is none."""
        if self.addressee or not self.country:
            return self.addressee
        country = wording.locale.territories.get(self.country, self.country)
        return wording.text("Supervisory authority of {country}").format(country=country)

    def lines(self, wording: Wording) -> Iterator[tuple[str, str]]:
        """The sender and the addressee, with their titles; either may be empty."""
        yield "Operator", ", ".join(filter(None, (self.head.name, *self.head.address)))
        yield "Addressee", self.to(wording)


def open_letter(settings: Settings) -> Letter:
    """The letter of an installation, without an addressee."""
    logo = b"" if settings.letterhead_logo is None else letterhead.read_logo(settings.letterhead_logo)
    head = Letterhead(settings.letterhead_name, settings.letterhead_address, logo)
    return Letter(head, verify=_address(settings))


def _address(settings: Settings) -> str:
    if settings.authority:
        return f"https://{settings.authority}{VERIFY}"
    return f"http://{settings.host}:{settings.port}{VERIFY}" if settings.sandbox and settings.port else ""


async def addressee(connection: asyncpg.Connection, scope: Scope) -> str:
    """The name of the participant that a report is for; empty for other readers."""
    if scope.participant is None:
        return ""
    return str(await connection.fetchval(_NAME, scope.participant) or scope.participant)
