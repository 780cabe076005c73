"""What participants owe for settlement windows, also once a later window has taken it over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from schemas.money import Money
from switch.api.settlement import unpaid_for
from switch.base.sql import statements
from switch.identity.model import Person
from switch.pages.language import Language
from switch.settlement import reads
from switch.settlement.states import LineState

_statement: Final = statements("switch.pages")
_CARRIED: Final = _statement("carried_debts")
_INTO: Final = _statement("carried_into")
_DUES: Final = _statement("own_dues")


@dataclass(frozen=True, slots=True)
class CarriedDebt:
    """An unpaid debt that is now part of the line of a later window."""

    line: reads.Unpaid
    """The line of the later window; `minor` is all that the participant has to pay in it, negative."""
    currency: str
    carried_minor: int
    """What was carried into that window, negative."""
    unpaid_windows: tuple[int, ...]
    """Windows that the participant has not paid, oldest first."""


@dataclass(frozen=True, slots=True)
class CarriedLine:
    """A line of an earlier window that a window took over; a negative amount is owed."""

    window: int
    participant: str
    minor: int
    aborted: bool
    """Whether people aborted the earlier window: then nobody failed to pay."""


@dataclass(frozen=True, slots=True)
class OwnDue:
    """What a participant has to pay for a window, in its language."""

    tone: str
    money: Money
    window: int
    text: str


async def carried(connection: asyncpg.Connection, person: Person, limit: int) -> list[CarriedDebt]:
    """Debts of earlier windows in lines that are not settled yet, as far as a person sees them."""
    found = []
    for row in await connection.fetch(_CARRIED, limit):
        line = reads.Unpaid(
            row["window"],
            row["participant"],
            row["country"],
            LineState(row["state"]),
            None,
            row["minor"],
            tuple(row["countries"]),
        )
        if unpaid_for(person, [line]):
            found.append(CarriedDebt(line, row["currency"], row["carried_minor"], tuple(row["windows"])))
    return found


async def carried_into(
    connection: asyncpg.Connection, window: int, visible: Sequence[reads.SettlementLine]
) -> list[CarriedLine]:
    """Lines that a window took over, of the participants whose lines are visible."""
    names = {line.participant for line in visible}
    rows = await connection.fetch(_INTO, window)
    return [CarriedLine(**dict(row)) for row in rows if row["participant"] in names]


async def of_participant(
    connection: asyncpg.Connection | asyncpg.Pool, participant: str, lang: Language
) -> list[OwnDue]:
    """What a participant has to pay for closed windows: what is overdue first, then the oldest."""
    found = [_due(row, lang) for row in await connection.fetch(_DUES, participant)]
    return sorted(found, key=lambda due: due.tone != "bad")


def _due(row: asyncpg.Record, lang: Language) -> OwnDue:
    money = Money(row["minor"], row["currency"])
    said: dict[str, Any] = {
        "amount": lang.money(money),
        "n": row["window"],
        "day": lang.day(row["value_date"]),
        "agent": row["agent"] or lang.text("settlement agent"),
        "carried": lang.money(Money(row["carried_minor"], row["currency"])),
    }
    overdue = row["carried_minor"] > 0
    if row["state"] == LineState.HELD and row["aborted"]:
        text = lang.text(
            "You owe {amount} of window {n}, which was aborted. The amount is carried into the next window; "
            "have it ready at the settlement agent ({agent}).",
            **said,
        )
    elif row["state"] == LineState.HELD:
        overdue = True
        text = lang.text(
            "You have not paid {amount} of window {n}. Pay it now through the settlement agent ({agent}); "
            "otherwise it is carried into the next window.",
            **said,
        )
    elif row["carried_minor"] > 0:
        text = lang.text(
            "You must pay {amount} in window {n}, value date {day}; {carried} of it was not paid in an "
            "earlier window. Have the amount ready at the settlement agent ({agent}).",
            **said,
        )
    else:
        text = lang.text(
            "You must pay {amount} in window {n}, value date {day}. Have the amount ready at the settlement "
            "agent ({agent}).",
            **said,
        )
    return OwnDue("bad" if overdue else "warn", money, row["window"], text)
