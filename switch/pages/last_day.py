"""The last day by the hour, as small lines for the cards of first pages."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from markupsafe import Markup

from switch.api.runtime import Runtime
from switch.pages.audited import read_only
from switch.pages.language import Language
from switch.pages.series import spark
from switch.pages.statistics import period_until_now
from switch.reports.query import Scope
from switch.statistics import reading
from switch.statistics.reading import By, PaymentFigures

RANGE: Final = "24h"
"""The period of the statistics page that has the same payments."""


@dataclass(frozen=True, slots=True)
class LastDay:
    """Payments with an outcome in the last 24 hours, as on the statistics page; lines by the hour."""

    payments: int
    payments_spark: Markup
    refused_spark: Markup


async def read(switch: Runtime, scope: Scope, lang: Language) -> LastDay:
    """The last day of what a reader sees."""
    asked = period_until_now(RANGE)
    async with read_only(switch.reading) as connection:
        found = await reading.read(connection, asked, scope, [By.TIME], with_times=False)
    by_hour: dict[datetime | None, PaymentFigures] = {}
    for each in found:
        by_hour[each.at] = by_hour.get(each.at, PaymentFigures()) + each.figures
    hours = [by_hour.get(at, PaymentFigures()) for at in reading.steps(asked)]
    return LastDay(
        sum(hour.payments for hour in hours),
        spark(lang.text("Payments per hour, last 24 hours"), [Decimal(hour.payments) for hour in hours]),
        spark(
            lang.text("Refused payments per hour, last 24 hours"), [Decimal(hour.refused) for hour in hours]
        ),
    )
