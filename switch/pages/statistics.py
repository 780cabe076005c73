"""Statistics over time: counts, success, times, costs, values and availability, as charts with their tables.

Everything is read from the facts that the caretaker makes from the log, so a page over years costs no more
than one over a day. Each reader sees its own part: operators everything, a regulator its country, a
participant itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from babel.dates import format_datetime, format_skeleton
from babel.numbers import format_compact_decimal, format_decimal
from fastapi import APIRouter, Depends, Query, Request
from markupsafe import Markup
from starlette.responses import Response

from schemas.money import EXPONENTS, Money
from switch.identity.model import Person
from switch.pages import audited, language, shell
from switch.pages.audited import read_only
from switch.pages.own import BASE, Member
from switch.pages.series import Axes, ChartLine, Values, chart, spark
from switch.pages.shell import PREFIX, Context, render
from switch.reports import corridors, costs
from switch.reports.query import Scope
from switch.reports.readers import scope_of_person
from switch.statistics import reading
from switch.statistics.reading import (
    By,
    FactQuery,
    FactSum,
    LiquiditySum,
    PaymentFigures,
    ServiceSum,
    Step,
)

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.STATISTICS))]
Range = Annotated[Literal["24h", "7d", "30d", "90d", "1y", "5y"], Query()]
Country = Annotated[str, Query(pattern="^([A-Z]{2})?$")]

RANGES: Final[Mapping[str, tuple[str, timedelta, Step]]] = MappingProxyType(
    {
        "24h": ("24 hours", timedelta(hours=24), Step.HOUR),
        "7d": ("7 days", timedelta(days=7), Step.HOUR),
        "30d": ("30 days", timedelta(days=30), Step.DAY),
        "90d": ("90 days", timedelta(days=90), Step.DAY),
        "1y": ("One year", timedelta(days=365), Step.DAY),
        "5y": ("Five years", timedelta(days=5 * 365), Step.MONTH),
    }
)
"""Periods until now: name, length, and the step of time."""
LINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "committed": "Committed",
        "rejected": "Rejected",
        "refused": "Refused",
        "success": "Success",
        "p50": "P50",
        "p95": "P95",
        "p99": "P99",
        "within_10_s": "within 10 s",
        "within_60_s": "within 60 s",
        "within_1_h": "within 1 h",
        "up_to_3": "up to 3 %",
        "up_to_5": "up to 5 %",
        "least": "least",
        "left": "at the end",
    }
)
"""Names of lines, which stand at their ends."""
_FINE: Final = "24h"
"""The period in which availability is shown by quarters of an hour."""
_TICKS: Final[Mapping[Step, str]] = {Step.HOUR: "MMMd", Step.DAY: "MMMd", Step.MONTH: "yMMM"}
"""Skeletons of dates on an axis; hours follow the day."""
_ROWS: Final[Mapping[Step, str]] = {Step.HOUR: "y-MM-dd HH:mm", Step.DAY: "y-MM-dd", Step.MONTH: "y-MM"}
_WHOLE: Final = Decimal(100)
_NOTHING: Final = Markup('<p class="soft">{}</p>')
"""In place of a chart without a single value."""
_PERCENT: Final = (Decimal(0), _WHOLE)
_SECOND_US: Final = Decimal(1_000_000)
_THOUSAND: Final = 1000
REPORTS: Final = (corridors.NAME, costs.NAME)
"""Reports of the same figures, exact and signed."""
NONE: Final = "\N{EN DASH}"
"""Shown where there is no value."""
_SPARK_STEPS_MAX: Final = 100
_FEWEST: Final = Decimal(5)
"""The shortest axis of numbers of payments: on a shorter one, some marks would be fractions."""
_ACCOUNTS: Final = 12
"""Accounts that had the least headroom, as a share of what they have at the end."""
_SHOWN: Final = 50
"""Corridors, and participants, with most payments."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart and its table; cells are texts of the reader's language."""

    title: str
    drawn: Markup
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@router.get("/statistics")
async def get_statistics(  # noqa: PLR0917 - one a parameter
    request: Request,
    context: Context,
    person: Reader,
    range: Range = "30d",  # noqa: A002 - the name of the parameter
    source: Country = "",
    target: Country = "",
) -> Response:
    """Show a period until now: by default thirty days of all corridors that the reader sees."""
    return await _page(
        request, context, person, "/statistics", period_until_now(range, source, target), range
    )


@router.get(f"{BASE}/statistics")
async def get_own_statistics(  # noqa: PLR0917 - one a parameter
    request: Request,
    context: Context,
    person: Member,
    range: Range = "30d",  # noqa: A002 - the name of the parameter
    source: Country = "",
    target: Country = "",
) -> Response:
    """Show a participant the statistics of its own payments."""
    return await _page(
        request, context, person, f"{BASE}/statistics", period_until_now(range, source, target), range
    )


def period_until_now(name: str, source: str = "", target: str = "") -> FactQuery:
    """The period of a name until now, in whole steps."""
    _, length, step = RANGES[name]
    now = datetime.now(UTC)
    return FactQuery(reading.begin(now - length, step), now, step, source, target)


async def _page(  # noqa: PLR0917 - what every page of these has
    request: Request, context: Context, person: Person, path: str, asked: FactQuery, chosen: str
) -> Response:
    scope = scope_of_person(person)
    fine = chosen == _FINE
    found = await _read(context, asked, scope, fine=fine)
    lang = language.of(request)
    tables = Tables(lang, asked)
    days = {
        "since": str(asked.since.date()),
        "until": str((asked.until + timedelta(days=1)).date()),
        "show": "1",
    }
    return render(
        request,
        "statistics.html",
        person,
        base=PREFIX + path,
        ranges={key: name for key, (name, *_) in RANGES.items()},
        chosen=chosen,
        asked=asked,
        until=found.made_until,
        total=reading.total(found.by_time),
        seconds=seconds_in(lang),
        percent=tables.percent,
        figures=[*tables.of_payments(found.by_time), *tables.of_values(found.by_time)],
        liquidity=tables.of_liquidity(found.liquidity),
        accounts_max=_ACCOUNTS,
        services=tables.of_services(
            found.services, reading.quarters(asked) if fine else reading.steps(asked)
        ),
        quarters=fine,
        corridors=tables.of_corridors(found.by_corridor, found.corridors_by_time),
        participants=tables.of_participants(found.by_participant) if scope.participant is None else [],
        reports=[(name, days) for name in REPORTS],
        shown=_SHOWN,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What a page shows."""

    by_time: Sequence[FactSum]
    by_corridor: Sequence[FactSum]
    corridors_by_time: Sequence[FactSum]
    by_participant: Sequence[FactSum]
    liquidity: Sequence[LiquiditySum]
    services: Sequence[ServiceSum]
    made_until: datetime | None


async def _read(context: Context, asked: FactQuery, scope: Scope, *, fine: bool) -> Found:
    """`fine`: availability by quarters of an hour."""
    coarse = asked
    if len(reading.steps(asked)) > _SPARK_STEPS_MAX and asked.step is Step.DAY:
        coarse = replace(asked, step=Step.MONTH)
    async with read_only(context.reading) as connection:
        return Found(
            by_time=await reading.read(connection, asked, scope, [By.TIME]),
            by_corridor=await reading.read(connection, asked, scope, [By.CORRIDOR]),
            corridors_by_time=await reading.read(
                connection, coarse, scope, [By.TIME, By.CORRIDOR], with_times=False
            ),
            by_participant=await reading.read(connection, asked, scope, [By.PARTICIPANT]),
            liquidity=await reading.liquidity(connection, asked, scope),
            services=await (reading.probed if fine else reading.availability)(connection, asked, scope),
            made_until=await reading.made_until(connection),
        )


def seconds_in(lang: language.Language) -> Callable[[int | None], str]:
    """Writes microseconds as seconds of three significant digits."""

    def write(micros: int | None) -> str:
        seconds = _seconds(micros)
        if seconds is None:
            return NONE
        return f"{format_decimal(seconds, format='@@#', locale=lang.locale)} {lang.text('s')}"

    return write


def _seconds(micros: int | None) -> Decimal | None:
    return None if micros is None else Decimal(micros) / _SECOND_US


@dataclass(frozen=True, slots=True)
class Tables:
    """Makes charts and tables of a question in the reader's language."""

    lang: language.Language
    asked: FactQuery

    def of_payments(self, found: Sequence[FactSum]) -> list[Figure]:
        """Counts, success, speed and costs, of all currencies together."""
        by_step: dict[datetime | None, PaymentFigures] = {}
        for each in found:
            by_step[each.at] = by_step.get(each.at, PaymentFigures()) + each.figures
        steps = [by_step.get(at, PaymentFigures()) for at in reading.steps(self.asked)]

        text = self.lang.text

        def lines(**of: Callable[[PaymentFigures], Decimal | int | None]) -> list[ChartLine]:
            return [
                ChartLine(text(LINES[name]), [_decimal(value(each)) for each in steps])
                for name, value in of.items()
            ]

        return [
            self._figure(
                text("Number of payments"),
                lines(
                    committed=lambda f: f.committed,
                    rejected=lambda f: f.rejected,
                    refused=lambda f: f.refused,
                ),
                self.compact,
                span=(Decimal(0), max([_FEWEST, *(Decimal(f.payments) for f in steps)])),
            ),
            self._figure(
                text("Success %"),
                lines(success=lambda f: f.success),
                self.compact,
                span=_down_to([f.success for f in steps], 10),
            ),
            self._figure(
                text("Time to finality, s"),
                lines(
                    p50=lambda f: _seconds(f.p50_us),
                    p95=lambda f: _seconds(f.p95_us),
                    p99=lambda f: _seconds(f.p99_us),
                ),
                self.compact,
                logarithmic=True,
            ),
            self._figure(
                text("Share of payments by time, %"),
                lines(
                    within_10_s=lambda f: f.within_10_s,
                    within_60_s=lambda f: f.within_60_s,
                    within_1_h=lambda f: f.within_1_h,
                ),
                self.compact,
                span=_PERCENT,
            ),
            self._figure(
                text("Share of payments by cost, %"),
                lines(up_to_3=lambda f: f.within_3_percent, up_to_5=lambda f: f.within_5_percent),
                self.compact,
                span=_PERCENT,
            ),
        ]

    def of_values(self, found: Sequence[FactSum]) -> list[Figure]:
        """Cost and value of each currency: amounts of different currencies share no axis."""
        steps, text = reading.steps(self.asked), self.lang.text
        by_place = {(each.debit_currency, each.at): each.figures for each in found}
        currencies = sorted({each.debit_currency for each in found if each.debit_currency in EXPONENTS})
        figures = []
        for currency in currencies:
            of = [by_place.get((currency, at), PaymentFigures()) for at in steps]
            cost = ChartLine(self.lang.text("Cost"), [each.cost_percent for each in of])
            value = ChartLine(currency, [Decimal(Money(each.debit_minor, currency).text) for each in of])
            goals = [(Decimal(3), "3 %"), (Decimal(5), "5 %")]
            figures += [
                self._figure(text("Cost to the sender, %"), [cost], self.compact, marks=goals, of=currency),
                self._figure(text("Value debited"), [value], self.compact, of=currency),
            ]
        return figures

    def of_liquidity(self, found: Sequence[LiquiditySum]) -> list[Figure]:
        """Least headroom of each account, and what was left; those that came closest to their caps first."""
        by_account: dict[tuple[str, str, str], dict[datetime, LiquiditySum]] = {}
        for each in found:
            if each.least is not None:
                by_account.setdefault((each.owner, each.currency, each.purpose), {})[each.at] = each
        closest = sorted(
            by_account.items(), key=lambda account: (_tightness(account[1].values()), account[0])
        )
        return [self._headroom(*account, steps) for account, steps in closest[:_ACCOUNTS]]

    def _headroom(
        self, owner: str, currency: str, purpose: str, steps: Mapping[datetime, LiquiditySum]
    ) -> Figure:
        """The chart of one account: where nothing moved, what was left before is still there."""
        text = self.lang.text
        least: list[Decimal | None] = []
        left: list[Decimal | None] = []
        for at in reading.steps(self.asked):
            each = steps.get(at)
            left.append(_major(each.left, currency) if each else (left[-1] if left else None))
            least.append(_major(each.least, currency) if each else left[-1])
        lines = [
            ChartLine(text(name), values) for name, values in ((LINES["least"], least), (LINES["left"], left))
        ]
        of = f"{owner}, {currency} {text(purpose)}"
        return self._figure(text("Headroom"), lines, self.compact, of=of)

    def of_services(self, found: Sequence[ServiceSum], steps: Sequence[datetime]) -> list[Figure]:
        """Availability of each service and rail."""
        text = self.lang.text
        by_place = {(each.service, each.at): each.availability for each in found}
        return [
            self._figure(
                text("Availability, %"),
                [ChartLine(self.lang.service(service), values)],
                self.compact,
                span=_down_to(values, 1),
                of=self.lang.service(service),
                steps=steps,
            )
            for service in sorted({each.service for each in found})
            for values in ([by_place.get((service, at)) for at in steps],)
        ]

    def of_corridors(self, found: Sequence[FactSum], by_time: Sequence[FactSum]) -> list[dict[str, Any]]:
        """A row for each corridor and currency, those with most payments first."""
        courses: dict[tuple[str, ...], dict[datetime | None, int]] = {}
        for each in by_time:
            courses.setdefault(_corridor(each), {})[each.at] = each.figures.payments
        steps = sorted({each.at for each in by_time if each.at is not None})
        return [
            {
                "name": f"{each.source or NONE} → {each.target or NONE}",
                "currency": each.debit_currency,
                "figures": each.figures,
                "value": self._money(each),
                "course": self._spark([Decimal(courses.get(_corridor(each), {}).get(at, 0)) for at in steps]),
                "link": {"source": each.source, "target": each.target},
            }
            for each in sorted(found, key=lambda each: (-each.figures.payments, each.key))[:_SHOWN]
        ]

    def of_participants(self, found: Sequence[FactSum]) -> list[dict[str, Any]]:
        """A row for each debtor agent and currency, those with most payments first."""
        return [
            {"name": each.participant, "figures": each.figures, "value": self._money(each)}
            for each in sorted(found, key=lambda each: (-each.figures.payments, each.key))[:_SHOWN]
        ]

    def percent(self, value: Decimal | None) -> str:
        """A share with two decimals; a dash if there is none."""
        return NONE if value is None else format_decimal(value, format="#,##0.00", locale=self.lang.locale)

    def compact(self, value: Decimal) -> str:
        """A number for an axis, short."""
        if value < _THOUSAND:
            return str(format_decimal(value, format="0.####", locale=self.lang.locale))
        return str(format_compact_decimal(value, locale=self.lang.locale, fraction_digits=1))

    def _money(self, each: FactSum) -> str:
        currency = each.debit_currency
        if currency not in EXPONENTS:
            return ""
        return self.lang.money(Money(each.figures.debit_minor, currency))

    def _spark(self, values: Values) -> Markup:
        return spark(self.lang.text("Payments over time"), values)

    def _figure(
        self,
        title: str,
        lines: Sequence[ChartLine],
        text: Callable[[Decimal], str],
        *,
        marks: Sequence[tuple[Decimal, str]] = (),
        span: tuple[Decimal, Decimal] | None = None,
        logarithmic: bool = False,
        of: str = "",
        steps: Sequence[datetime] = (),
    ) -> Figure:
        steps = steps or reading.steps(self.asked)
        at = [self._tick(step) for step in (steps[0], steps[len(steps) // 2], steps[-1])]
        name = f"{title}: {of}" if of else title
        told = "; ".join(self._told(line, text) for line in lines)
        axes = Axes(at, text, marks, span, logarithmic)
        rows = [
            [self._at(step), *(NONE if value is None else self._exact(value) for value in row)]
            for step, *row in zip(steps, *(line.values for line in lines), strict=True)
        ]
        empty = all(value is None for line in lines for value in line.values)
        drawn = (
            _NOTHING.format(self.lang.text("No data for this period"))
            if empty
            else chart(name, told, [_whole(line) for line in lines], axes)
        )
        return Figure(name, drawn, [line.name for line in lines], rows)

    def _told(self, line: ChartLine, text: Callable[[Decimal], str]) -> str:
        """What a screen reader says of a line."""
        known = [value for value in line.values if value is not None]
        if not known:
            return self.lang.text("{name}: no data", name=line.name)
        return self.lang.text(
            "{name}: from {low} to {high}, last {last}",
            name=line.name,
            low=text(min(known)),
            high=text(max(known)),
            last=text(known[-1]),
        )

    def _exact(self, value: Decimal) -> str:
        return self.lang.decimal(f"{value.normalize():f}")

    def _at(self, step: datetime) -> str:
        return str(format_datetime(step, _ROWS[self.asked.step], tzinfo=UTC, locale=self.lang.locale))

    def _tick(self, step: datetime) -> str:
        day = str(format_skeleton(_TICKS[self.asked.step], step, tzinfo=UTC, locale=self.lang.locale))
        return f"{day}, {step:%H:%M}" if self.asked.step is Step.HOUR else day


def _whole(line: ChartLine) -> ChartLine:
    """A line without the last step, which is not over: it would look like a fall. Alone, it is shown."""
    if any(value is not None for value in line.values[:-1]):
        return ChartLine(line.name, [*line.values[:-1], None])
    return line


def _down_to(found: Sequence[Decimal | None], unit: int) -> tuple[Decimal, Decimal]:
    """The part of the percentages that a line near 100 needs, down to a multiple of a unit."""
    lowest = min([value for value in found if value is not None], default=_WHOLE)
    return Decimal(min(100 - unit, int(lowest) // unit * unit)), _WHOLE


def _major(minor: int | None, currency: str) -> Decimal | None:
    return None if minor is None else Decimal(Money(minor, currency).text)


def _tightness(steps: Iterable[LiquiditySum]) -> Decimal:
    """Least headroom of a period as a share of the largest that was left: near zero is tight."""
    known = [(each.least or 0, each.left or 0) for each in steps]
    return Decimal(min(least for least, _ in known)) / max(1, *(left for _, left in known), 1)


def _decimal(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _corridor(each: FactSum) -> tuple[str, ...]:
    return each.source, each.target, each.debit_currency, each.credit_currency
