"""The overview: current figures, with the map of corridors and rails."""

from dataclasses import dataclass
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
from switch.pages import attention, audited, language, own_home, shell
from switch.pages.language import Language
from switch.pages.shell import PREFIX, Switch, render

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.OVERVIEW))]
_WIDEST: Final = 9
_NEAREST: Final = (500, 100)
_MARGIN: Final = 60
_statement: Final = statements("switch.pages")
_WAYS: Final = _statement("ways")
_COUNTS: Final = _statement("counts")


@dataclass(frozen=True, slots=True)
class CorridorFlow:
    """A corridor with payments in the last hour, as a curve on the map."""

    source: Country
    target: Country
    count: int
    width: float

    @property
    def path(self) -> str:
        """SVG path, bent to the right of its direction, so that both directions are visible."""
        (x1, y1), (x2, y2) = self.source.place, self.target.place
        bend_x, bend_y = (x1 + x2) / 2 - (y2 - y1) / 6, (y1 + y2) / 2 + (x2 - x1) / 6
        return f"M{x1} {y1}Q{bend_x:.0f} {bend_y:.0f} {x2} {y2}"


@router.get("")
async def get_overview(request: Request, switch: Switch, person: Reader) -> Response:
    """Show the overview: a participant sees its own figures, others those of the switch."""
    if person.role is Role.PARTICIPANT:
        return await own_home.show(request, switch, person)
    oversees = shell.UNKNOWN.admits(person)
    seen = await _figures(switch, person, language.of(request))
    return render(request, "overview.html", person, seen=seen, oversees=oversees)


async def _figures(switch: Runtime, person: Person, lang: Language) -> dict[str, Any]:
    async with switch.pool.acquire() as connection:
        first = await _first_of_the_hour(connection)
        counts = await connection.fetchrow(_COUNTS, first)
        rows = await connection.fetch(_WAYS, first)
        rails = await oversight.rails(connection, switch.rails)
        imbalance = await positions.imbalance(connection)
        concerns = await attention.read(connection, switch, person, lang, rails)
    most = max((row["n"] for row in rows), default=1)
    return {
        **dict(counts),
        "concerns": concerns,
        "balanced": not any(imbalance.values()),
        "ways": [
            CorridorFlow(source, target, row["n"], 1 + (_WIDEST - 1) * row["n"] / most)
            for row in rows
            if (source := registry.find_country(row["source"]))
            and (target := registry.find_country(row["target"]))
        ],
        "rails": [(rail, registry.find_country(rail.country)) for rail in rails],
        "away": sum(rail.state == "away" for rail in rails),
        "view": _view([known.place for rail in rails if (known := registry.find_country(rail.country))]),
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
