"""Result of FX providers: what each bought and sold, by pair and day, against the rate of the day.

The amounts are what the postings of the day moved: payments that were credited, less those that were
returned, at the rate of the payment. The reference is the fixing of the pair that was in force on that day,
or else the last offer of the provider that was, its rate for small amounts, or else the rate that two people
set. The result is what was bought, at the reference, less what was sold: in the currency that was sold,
rounded down.
"""

from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Final

import asyncpg

from schemas.money import EXPONENTS, Money
from switch.reports.query import Period, ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row, ratio, totals_by_currency

NAME: Final = "fx-result"
REFERENCES: Final = ("fixing", "closing offer", "set rate")
"""By precedence."""
_ROWS: Final = statement("fx_result")
_DECIMALS: Final = 10

COLUMNS: Final = (
    ReportColumn("provider", title="FX provider"),
    ReportColumn("day"),
    ReportColumn("source", title="Bought currency"),
    ReportColumn("target", title="Sold currency"),
    ReportColumn("payments", ColumnKind.COUNT),
    ReportColumn("returns", ColumnKind.COUNT),
    ReportColumn("bought", ColumnKind.AMOUNT),
    ReportColumn("sold", ColumnKind.AMOUNT),
    ReportColumn("average_rate", ColumnKind.RATE),
    ReportColumn("reference", title="Compared with", ours=True),
    ReportColumn("reference_rate", ColumnKind.RATE),
    ReportColumn("currency"),
    ReportColumn("result", ColumnKind.AMOUNT),
)


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the results of the FX providers that the reader may see."""
    period = await Period.read(connection, query)
    rows = await connection.fetch(_ROWS, period.first, period.last, await scope.owners(connection))
    return report(tuple(map(_row, rows)), {"scope": scope.text, **period.parameters})


def report(rows: tuple[Row, ...], parameters: dict[str, str]) -> Report:
    """Build the report; pure."""
    return Report(
        name=NAME,
        title="Result of FX providers",
        parameters=parameters,
        columns=COLUMNS,
        rows=rows,
        totals=totals_by_currency(COLUMNS, rows, ("payments", "returns", "result")),
        notes=(
            "Days are those of UTC on which payments were credited or returned.",
            "The result is what was bought, at the reference rate, less what was sold.",
            "The reference of a day that is not over may still change.",
            "Without a reference, the result is unknown and not in the totals.",
        ),
    )


def result_minor(bought: Money, sold: Money, rate: str) -> int:
    """What was bought at a rate, rounded down, less what was sold; minor units of what was sold."""
    scale = Fraction(10) ** (EXPONENTS[sold.currency] - EXPONENTS[bought.currency])
    return floor(bought.minor * scale * Fraction(rate)) - sold.minor


def _row(row: asyncpg.Record) -> Row:
    bought, sold = Money(row["bought_minor"], row["source"]), Money(row["sold_minor"], row["target"])
    rates = row["fixing"], row["offer"], row["set_rate"]
    name, rate = next((each for each in zip(REFERENCES, rates, strict=True) if each[1]), ("", None))
    return (
        row["provider"],
        row["day"].isoformat(),
        row["source"],
        row["target"],
        row["payments"],
        row["returns"],
        bought,
        sold,
        _average(bought, sold),
        name,
        None if rate is None else Decimal(rate),
        sold.currency,
        None if rate is None else Money(result_minor(bought, sold, rate), sold.currency),
    )


def _average(bought: Money, sold: Money) -> Decimal | None:
    """Units of what was sold for one unit of what was bought; None if all was returned."""
    if not bought.minor:
        return None
    up, down = 10 ** EXPONENTS[bought.currency], 10 ** EXPONENTS[sold.currency]
    return ratio(sold.minor * up, bought.minor * down, _DECIMALS)
