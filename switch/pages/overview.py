"""The overview: current figures, with the map of corridors and rails."""

from dataclasses import dataclass
from math import hypot
from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from adapters import registry
from adapters.country import Country
from ledger import positions
from ledger.sql import statement as ledger_statement
from switch.api.runtime import Runtime
from switch.base.sql import statements
from switch.identity.model import Person, Role
from switch.operations import oversight
from switch.pages import attention, audited, language, last_day, own_home, screening, shell, tour
from switch.pages.language import Language
from switch.pages.shell import PREFIX, Switch, render
from switch.reports.query import Scope

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.OVERVIEW))]
_WIDEST: Final = 7
_OUTSIDE: Final = 32
"""From the centre of a rail's circle to the tips of its arrows."""
_BESIDE: Final = 15
"""From an arrow to its number."""
_MUCH: Final = 5
"""More than one aborted payment in this many is shown."""
_NEAREST: Final = (300, 40)
_MARGIN: Final = 60
_FLAT: Final = 100
"""A map of rails that are no higher apart is drawn in a lower frame."""
_statement: Final = statements("switch.pages")
_WAYS: Final = _statement("ways")
_COUNTS: Final = _statement("counts")


@dataclass(frozen=True, slots=True)
class CorridorFlow:
    """A corridor with payments in the last hour, as an arrow on the map."""

    source: Country
    target: Country
    count: int
    aborted: int
    unknown: int
    width: float

    @property
    def health(self) -> str:
        """Its tone: some outcome is unknown, much is aborted, or neither."""
        if self.unknown:
            return attention.BAD
        return attention.WARN if self.aborted * _MUCH > self.count else ""

    @property
    def path(self) -> str:
        """SVG path, bent to the right of its direction, so that both directions are visible."""
        (x1, y1), (x2, y2) = _towards(self.source.place, self._bend), _towards(self.target.place, self._bend)
        return f"M{x1:.0f} {y1:.0f}Q{self._bend[0]:.0f} {self._bend[1]:.0f} {x2:.0f} {y2:.0f}"

    @property
    def middle(self) -> tuple[int, int]:
        """Where its number stands: beside the middle of the arrow, on its outer side."""
        (x, y), ends = self._bend, (self.source.place, self.target.place)
        (x1, y1), (x2, y2) = (_towards(end, self._bend) for end in ends)
        out_x, out_y = x - sum(end[0] for end in ends) / 2, y - sum(end[1] for end in ends) / 2
        part = _BESIDE / max(hypot(out_x, out_y), 1)
        return round((x1 + 2 * x + x2) / 4 + out_x * part), round((y1 + 2 * y + y2) / 4 + out_y * part)

    @property
    def _bend(self) -> tuple[float, float]:
        (x1, y1), (x2, y2) = self.source.place, self.target.place
        return (x1 + x2) / 2 - (y2 - y1) / 4, (y1 + y2) / 2 + (x2 - x1) / 4


def _towards(place: tuple[int, int], other: tuple[float, float]) -> tuple[float, float]:
    """The point outside the circle of a rail in this direction."""
    away_x, away_y = other[0] - place[0], other[1] - place[1]
    part = _OUTSIDE / max(hypot(away_x, away_y), _OUTSIDE)
    return place[0] + away_x * part, place[1] + away_y * part


@router.get("")
async def get_overview(request: Request, switch: Switch, person: Reader) -> Response:
    """Show the overview: a participant sees its own figures, others those of the switch."""
    if person.role is Role.PARTICIPANT:
        return await own_home.show(request, switch, person)
    if person.role is Role.OFFICER:
        return await screening.show(request, switch, person)
    oversees = shell.UNKNOWN.admits(person)
    seen = await _figures(switch, person, language.of(request))
    return render(
        request,
        "overview.html",
        person,
        seen=seen,
        oversees=oversees,
        of_country=person.role is Role.REGULATOR,
        first_steps=tour.steps(request, person),
    )


async def _figures(switch: Runtime, person: Person, lang: Language) -> dict[str, Any]:
    async with switch.pool.acquire() as connection:
        first = await _first_of_the_hour(connection)
        counts = await connection.fetchrow(_COUNTS, first)
        rows = await connection.fetch(_WAYS, first)
        rails = await oversight.rails(connection, switch.rails)
        imbalance = await positions.imbalance(connection)
        concerns = await attention.read(connection, switch, person, lang, rails)
    most = max((row["n"] for row in rows), default=1)
    places = [known.place for rail in rails if (known := registry.find_country(rail.country))]
    return {
        **dict(counts),
        "day": await last_day.read(switch, Scope(person.name, everything=True), lang),
        "concerns": concerns,
        "balanced": not any(imbalance.values()),
        "ways": [
            CorridorFlow(
                source,
                target,
                row["n"],
                row["aborted"],
                row["unknown"],
                1 + (_WIDEST - 1) * row["n"] / most,
            )
            for row in rows
            if (source := registry.find_country(row["source"]))
            and (target := registry.find_country(row["target"]))
        ],
        "rails": [(rail, registry.find_country(rail.country)) for rail in rails],
        "away": sum(rail.state == "away" for rail in rails),
        "view": _view(places),
        "flat": bool(places) and max(y for _, y in places) - min(y for _, y in places) < _FLAT,
    }


async def _first_of_the_hour(connection: asyncpg.Connection) -> int:
    """The ledger's number at the beginning of the last hour; payments of that hour have higher numbers."""
    number: int = await connection.fetchval(
        ledger_statement("seq_at"), await connection.fetchval("SELECT clock_timestamp() - interval '1 hour'")
    )
    return number


def _view(places: list[tuple[int, int]]) -> str:
    """The part of the map that has rails, with a margin for the curves between them."""
    if not places:
        return "0 0 900 420"
    left, right = min(x for x, _ in places), max(x for x, _ in places)
    top, bottom = min(y for _, y in places), max(y for _, y in places)
    width, height = max(right - left, _NEAREST[0]), max(bottom - top, _NEAREST[1])
    return (
        f"{(left + right - width) // 2 - _MARGIN} {(top + bottom - height) // 2 - _MARGIN}"
        f" {width + 2 * _MARGIN} {height + 2 * _MARGIN}"
    )
