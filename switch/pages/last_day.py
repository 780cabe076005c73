"""The last day by the hour, as small lines for the cards of first pages."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from markupsafe import Markup

from switch.api.runtime import Runtime
from switch.pages.audited import read_only
from switch.pages.language import Language
from switch.pages.series import spark
from switch.reports.query import Scope
from switch.statistics import reading
from switch.statistics.reading import By, FactQuery, PaymentFigures, Step

_DAY: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class LastDay:
    """Payments of the last 24 whole hours, and lines by the hour: of all, and of those refused."""

    payments: int
    payments_spark: Markup
    refused_spark: Markup


async def read(switch: Runtime, scope: Scope, lang: Language) -> LastDay:
    """The last day of what a reader sees."""
    now = reading.begin(datetime.now(UTC), Step.HOUR)
    asked = FactQuery(now - _DAY, now, Step.HOUR)
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
