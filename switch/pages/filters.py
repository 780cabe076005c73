"""Filters that are links: a list's own address with one parameter changed, to keep and to send."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, Query, Request

from switch.pages.language import Language

Day = Annotated[str, Query(pattern=r"^(\d{4}-\d\d-\d\d)?$")]
"""A parameter: a day, or empty."""


_OF_ONE_PAGE: Final = frozenset({"before", "after", "skip", "format"})


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """One filter: its title, its address, and whether it is chosen now."""

    title: str
    href: str
    here: bool


def states(request: Request, names: Iterable[str], lang: Language) -> list[FilterChoice]:
    """All, and each state."""
    titles = {"": lang.text("all"), **{name: lang.text(name) for name in names}}
    return [_choice(request, {"state": name}, title) for name, title in titles.items()]


def currencies(request: Request, codes: Iterable[str], lang: Language) -> list[FilterChoice]:
    """All, and each currency."""
    titles = {"": lang.text("all"), **{code: code for code in codes}}
    return [_choice(request, {"currency": code}, title) for code, title in titles.items()]


def rails(request: Request, countries: Iterable[str], lang: Language) -> list[FilterChoice]:
    """All, and the rail of each country."""
    titles = {"": lang.text("all"), **{code: code for code in sorted(countries)}}
    return [_choice(request, {"rail": code}, title) for code, title in titles.items()]


def choices(request: Request, name: str, titles: Mapping[str, str], lang: Language) -> list[FilterChoice]:
    """Each value of a parameter with its title; the empty one leaves it out."""
    return [_choice(request, {name: value}, lang.text(title)) for value, title in titles.items()]


def flag(request: Request, name: str, without: str, with_: str) -> list[FilterChoice]:
    """A parameter that is `true` or left out."""
    return [_choice(request, {name: value}, title) for value, title in (("", without), ("true", with_))]


def ranges(request: Request, lang: Language) -> list[FilterChoice]:
    """The usual periods, by the parameters `since` and `until`: whole days in UTC, both included."""
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    return [
        _choice(request, {"since": "", "until": ""}, lang.text("any time")),
        _choice(request, _days(today, today), lang.text("today")),
        _choice(request, _days(yesterday, yesterday), lang.text("yesterday")),
        _choice(request, _days(today - timedelta(days=6), today), lang.text("7 days")),
        _choice(request, _days(today - timedelta(days=29), today), lang.text("30 days")),
    ]


def older(request: Request, before: object) -> str:
    """The next page of this list: with the same filters, what is older than `before`."""
    return _turned(request, "before", before)


def after(request: Request, number: object) -> str:
    """The next page of a list whose oldest come first: with the same filters, what is after this number."""
    return _turned(request, "after", number)


def skipped(request: Request, count: int) -> str:
    """The next page of a list in an order that changes: with the same filters, after so many."""
    return _turned(request, "skip", count)


def _turned(request: Request, name: str, value: object) -> str:
    others = {key: text for key, text in request.query_params.items() if text and key != name}
    return f"{request.url.path}?{urlencode({**others, name: value})}"


def period(since: Day = "", until: Day = "") -> tuple[datetime | None, datetime | None]:
    """The beginning of the first day and the end of the last one, UTC; an invalid date sets no bound."""
    return _midnight(since), _midnight(until, after=timedelta(days=1))


Period = Annotated[tuple[datetime | None, datetime | None], Depends(period)]
"""The parameters `since` and `until` of a list, as instants."""


def _midnight(day: str, after: timedelta = timedelta()) -> datetime | None:
    try:
        found = date.fromisoformat(day)
        return datetime(found.year, found.month, found.day, tzinfo=UTC) + after
    except (ValueError, OverflowError):
        return None


def _days(since: date, until: date) -> Mapping[str, str]:
    return {"since": str(since), "until": str(until)}


def kept(request: Request) -> dict[str, str]:
    """The filters of this list, without what is of one page or one file of it."""
    return {name: value for name, value in request.query_params.items() if value and name not in _OF_ONE_PAGE}


def _choice(request: Request, changed: Mapping[str, str], title: str) -> FilterChoice:
    """This page with other values; a page number or a file of the former list means nothing there."""
    given = {name: value for name, value in request.query_params.items() if value}
    others = {name: value for name, value in {**kept(request), **changed}.items() if value}
    here = all(given.get(name, "") == value for name, value in changed.items())
    return FilterChoice(title, request.url.path + (f"?{urlencode(others)}" if others else ""), here)
