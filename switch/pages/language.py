"""The language of a page: texts from catalogues, numbers and dates by locale.

The source texts are English and are in the code; `texts/ru.po` and `texts/zh.po` contain the translations. A
text that is not in a catalogue is shown in English; a test finds such texts.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal
from markupsafe import Markup
from starlette.requests import Request

from adapters import registry
from schemas.money import EXPONENTS, Money
from switch.approvals.effects import NOTHING
from switch.pages import outcomes
from switch.reports import wording
from switch.reports.table import ColumnKind

LANGUAGES: Final = {"en": "English", "ru": "Русский", "zh": "中文"}
_FRACTION: Final = re.compile(r"-?[0-9]+[.][0-9]+", re.ASCII)
_DECIMAL: Final = re.compile(r"-?[0-9]+([.][0-9]+)?", re.ASCII)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.]\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_TYPED: Final = {
    russian: re.compile(
        rf"([0-9]{{1,3}}(?:(?P<group>[{groups}])[0-9]{{3}})(?:(?P=group)[0-9]{{3}})*|[0-9]+)(?:[{points}]([0-9]+))?",
        re.ASCII,
    )
    for russian, groups, points in ((False, " ',\u2019", "."), (True, " '\u2019", ".,"))
}
REASONS: Final = wording.REASONS
SERVICES: Final = {"accept": "Accepting messages", "decide": "Deciding on payments"}
"""Services that are probed beside the rails."""
STEPS: Final = {
    "escalate": "for manual resolution",
    "in doubt": "unknown outcome",
    "look_alike": "look-alike payment",
}
"""Steps of a payment whose names in the API are not plain English."""
SAID: Final = {
    **dict.fromkeys(("silence", "timeout"), "no answer in time"),
    "when asked": "in reply to an enquiry",
    "another amount": "the rail confirmed a different amount",
    "connect": "no connection",
    "tls": "no secure connection",
    "busy": "all connections were in use",
    **dict.fromkeys(("unreadable response", "unreadable confirmation"), "the answer could not be read"),
    "response too large": "the answer was too long",
}
"""Details of exchanges that the log states in a few words, as a reader sees them."""
_STATUS: Final = re.compile(r"http ([1-5][0-9]{2})", re.ASCII)
COOKIE: Final = "payswitch-language"


@dataclass(frozen=True, slots=True)
class Language:
    """Texts, numbers and dates for one reader."""

    code: str
    zone: ZoneInfo

    @property
    def locale(self) -> Locale:
        """Babel's locale."""
        return Locale.parse(self.code)

    def text(self, source: str, **values: object) -> str:
        """The text in this language, with each `{name}` replaced by its value."""
        found = wording.catalogue(self.code).get(source) or source
        if any(isinstance(value, Markup) for value in values.values()):
            return Markup(found).format(**values)  # noqa: S704 - a text of the catalogue
        return found.format(**values) if values else found

    def detail(self, source: str) -> str:
        """A text, or several joined by a colon (`what failed: why`); each known part is translated."""
        known = wording.catalogue(self.code)
        if source in known:
            return known[source]
        returned = outcomes.translated(source, self.text, self.stated, outcomes.RETURNS)
        return returned or ": ".join(map(self._detail_part, source.split(": ")))

    def _detail_part(self, source: str) -> str:
        """One part of a detail; what programs say in short is said in words."""
        if status := _STATUS.fullmatch(source):
            return self.text("the answer was HTTP status {status}", status=status[1])
        if source in SAID:
            return self.text(SAID[source])
        return wording.known_term(self.code, source) or self._with_reason(source)

    def outcome(self, source: str) -> str:
        """The sentence of an executed change."""
        return outcomes.translated(source, self.text, self.stated) or self.detail(source)

    def _with_reason(self, text: str) -> str:
        """A text that ends with a code, with the words of an ISO reason: `returned AC04`."""
        before, _, code = text.rpartition(" ")
        if before and (code in REASONS or before in wording.catalogue(self.code)):
            return f"{self.text(before)} {self.reason(code)}"
        return text

    def reason(self, code: str) -> str:
        """An ISO reason code with its words; one that the switch does not know as it is."""
        words = REASONS.get(code)
        return f"{code} {self.text(words)}" if words else code

    def event(self, code: str) -> str:
        """A kind of event in words: `PAGE_READ` is `page read`; of what has no translation, too."""
        text = self.text(code)
        return text if text != code else wording.EVENTS.get(code) or code.replace("_", " ").lower()

    def country(self, code: str) -> str:
        """A country by its name; the code of one that no adapter knows."""
        found = registry.find_country(code)
        return found.names.in_language(self.code) if found else code

    def service(self, name: str) -> str:
        """A service of the switch that is probed, in words: accepting, deciding, or a rail."""
        country = registry.find_country(name.removeprefix("rail-"))
        if name.startswith("rail-") and country is not None:
            return self.text("Rail of {country}", country=country.names.in_language(self.code))
        return self.text(SERVICES[name]) if name in SERVICES else name

    def money(self, amount: Money) -> str:
        """An amount with its currency, in the digits and separators of the locale; exact."""
        return self.amount(amount.text, amount.currency)

    def amount(self, text: str, currency: str) -> str:
        """The same for an amount as decimal text."""
        exponent = EXPONENTS[currency]
        pattern = "#,##0" + ("." + "0" * exponent if exponent else "")
        number = format_decimal(text, format=pattern, locale=self.locale, decimal_quantization=False)
        return f"{number} {currency}"

    def quantity(self, text: str, unit: str) -> str:
        """A value of a change's effect: an amount, or another number with its unit."""
        if text == NOTHING or not unit:
            return self._instant_stated(text) or self.text(text)
        return self.amount(text, unit) if unit in EXPONENTS else f"{self.decimal(text)} {self.text(unit)}"

    def stated(self, text: str) -> str:
        """A text; an instant, or a decimal number alone or with its currency, in the format of the locale."""
        if instant := self._instant_stated(text):
            return instant
        number, _, currency = text.partition(" ")
        if not _FRACTION.fullmatch(number) or (currency and currency not in EXPONENTS):
            return text
        return f"{self.decimal(number)} {currency}".strip()

    def _instant_stated(self, text: str) -> str:
        """An instant as programs write it, as people read it; empty if it is none."""
        return self.instant(datetime.fromisoformat(text)) if _INSTANT.fullmatch(text) else ""

    def rate(self, text: str) -> str:
        """A decimal number that is not an amount, exact, without trailing zeros."""
        return wording.rate_text(text, self.locale)

    def decimal(self, text: str) -> str:
        """A decimal number with all its digits, in the format of the locale."""
        return wording.decimal_text(text, self.locale)

    def plain(self, text: str) -> str:
        """A number as people type it, as plain decimal text; what is no number stays as it is.

        Thousands are separated by spaces or apostrophes, in English and Chinese also by commas. The decimal
        separator is a point; in Russian a comma, too. `1,250,000.5` and `1 250 000,5` are `1250000.5`.
        """
        typed = unicodedata.normalize("NFKC", text).strip()
        found = _TYPED[self.code == "ru"].fullmatch(typed)
        return re.sub("[^0-9]", "", found[1]) + (f".{found[3]}" if found[3] else "") if found else text

    def step(self, name: str) -> str:
        """A step of a payment's history, in words."""
        if self.code == wording.ENGLISH:
            return STEPS.get(name) or name.replace("_", " ")
        return self.text(name)

    def phrase(self, source: str) -> str:
        """Terms of the switch in a report: see `Wording.phrase`."""
        return wording.Wording(self.code).phrase(source)

    def cell(self, kind: str, value: str | int | None) -> str:
        """A cell of a report's JSON, formatted by the kind of its column."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return self.text("yes") if value else self.text("no")
        if kind == ColumnKind.RATE:
            return self.rate(str(value))
        if kind == ColumnKind.SECONDS:
            return wording.seconds_text(str(value), self.locale)
        if ColumnKind(kind).is_number and _DECIMAL.fullmatch(str(value)):
            return self.decimal(str(value))
        return self.instant(datetime.fromisoformat(str(value))) if kind == ColumnKind.INSTANT else str(value)

    def number(self, value: int) -> str:
        """A whole number."""
        return format_decimal(value, locale=self.locale)

    def day(self, value: date) -> str:
        """A date."""
        return format_date(value, "medium", locale=self.locale)

    def instant(self, value: datetime) -> str:
        """An instant in the reader's time zone, to the second, with the name of the zone."""
        text = format_datetime(value, "yyyy-MM-dd HH:mm:ss", tzinfo=self.zone, locale=self.locale)
        return f"{text} {self.zone_name(value)}"

    def instant_exact(self, value: datetime) -> str:
        """The same to the millisecond."""
        text = format_datetime(value, "yyyy-MM-dd HH:mm:ss.SSS", tzinfo=self.zone, locale=self.locale)
        return f"{text} {self.zone_name(value)}"

    def zone_name(self, at: datetime) -> str:
        """The reader's time zone at an instant: `UTC`, `UTC+05:30`."""
        offset = format_datetime(at, "xxx", tzinfo=self.zone, locale=self.locale)
        return "UTC" if offset == "+00:00" else f"UTC{offset}"

    def minute(self, value: datetime) -> str:
        """An instant in the reader's time zone, to the minute."""
        return format_datetime(value, "yyyy-MM-dd HH:mm", tzinfo=self.zone, locale=self.locale)

    def ago(self, value: datetime) -> str:
        """An instant relative to now: `3 min ago`, `in 2 hr`."""
        away = value - datetime.now(UTC)
        return format_timedelta(
            away, granularity="second", add_direction=True, format="short", locale=self.locale
        )

    def age(self, seconds: float) -> str:
        """A short duration: `12 s`, `3 min`, `5 h`, `2 d`."""
        for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
            if seconds >= size:
                return f"{int(seconds // size)} {self.text(unit)}"
        return f"{int(seconds)} {self.text('s')}"


def of(request: Request, zone: str = "UTC") -> Language:
    """The language chosen by the reader, or accepted by the browser, or English."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen not in LANGUAGES:
        chosen = _accepted(request.headers.get("accept-language", ""))
    return Language(chosen, ZoneInfo(zone))


def _accepted(header: str) -> str:
    for part in header.split(","):
        code = part.partition(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return "en"
