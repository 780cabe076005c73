"""Entries of sanctions lists, whatever file they came in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ListedKind(StrEnum):
    """What an entry is about. Vessels and aircraft are no parties of payments: they are left out."""

    PERSON = "person"
    ENTITY = "entity"


@dataclass(frozen=True, slots=True)
class ListedName:
    """A name of an entry."""

    text: str
    weak: bool = False
    """The publisher calls it a low-quality alias: it alone is no hit unless the whole name is equal."""


@dataclass(frozen=True, slots=True)
class BirthDate:
    """A date of birth, as exactly as it is known."""

    first: date
    last: date
    """The same day as `first`, or the end of the year, or of a span of years."""

    def may_be(self, day: date) -> bool:
        """Whether it can be this day, with a year's tolerance for what is approximate."""
        if self.first == self.last:
            return day == self.first
        return self.first.year - 1 <= day.year <= self.last.year + 1


@dataclass(frozen=True, slots=True)
class ListedParty:
    """One entry: a person or an entity, with all its names."""

    id: str
    """The publisher's id, such as `QDi.006` or `6366`."""
    kind: ListedKind
    names: Sequence[ListedName]
    born: Sequence[BirthDate] = ()
    countries: Sequence[str] = ()
    """Of nationality, birth and address, as the publisher writes them."""
    programmes: Sequence[str] = ()
