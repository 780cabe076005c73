"""Small marks in the text of a page: a state as a chip, an instant relative to now, a UETR in short.

A chip shows a state by a word and a shape, so that no meaning depends on colour alone. An instant of the
last day is relative to now; the exact one is shown on hover and on focus, on a phone and on paper. A short
UETR contains the whole one, for screen readers, for the search of the browser and for copying.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from markupsafe import Markup

from switch.pages.language import Language

GOOD, BUSY, WARN, BAD, IDLE = "good", "busy", "warn", "bad", "idle"
TONES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("COMMITTED", "SETTLED", "executed", "approve", "active", "open", "in force"), GOOD),
    **dict.fromkeys(("done", "delivered", "available", "answered", "answer", "resolved", "posted"), GOOD),
    **dict.fromkeys(("RECEIVED", "RESERVED", "SENT", "OPEN", "CLOSED", "CONFIRMED", "SETTLING"), BUSY),
    **dict.fromkeys(("DUE", "INSTRUCTED", "requested", "approved", "invited", "future", "pending"), BUSY),
    **dict.fromkeys(("waiting", "reserved"), BUSY),
    **dict.fromkeys(("suspended", "paused", "closed", "returned"), WARN),
    "overdue": BAD,
    **dict.fromkeys(
        ("UNKNOWN", "HELD", "CARRIED", "failed", "refuse", "revoked", "away", "disabled", "given up"), BAD
    ),
}
"""Tone of each state; one that is not here is over, such as refused, withdrawn, expired or aborted."""

_RELATIVE: Final = timedelta(days=1)
_SHORT: Final = 8


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks for one reader."""

    lang: Language

    def state(self, value: str, tone: str = "") -> Markup:
        """A state by its code, as a chip; the tone of the code unless another is given."""
        text = self.lang.text(str(value))
        code = " code" if text.isupper() else ""
        return _chip(text, tone or TONES.get(str(value), IDLE), code)

    def chip(self, text: str, tone: str) -> Markup:
        """A translated text as a chip."""
        return _chip(text, tone, "")

    def when(self, value: datetime) -> Markup:
        """An instant: relative to now within a day, otherwise to the minute. The exact one is at hand."""
        near = abs(datetime.now(UTC) - value) < _RELATIVE
        text = self.lang.ago(value) if near else self.lang.minute(value)
        return Markup('<time class="when" datetime="{}" data-exact="{}"{}>{}</time>').format(
            value.isoformat(), self.lang.instant(value), Markup(" data-near") if near else "", text
        )

    def stated(self, text: str) -> Markup:
        """The same for an instant as the API states it."""
        return self.when(datetime.fromisoformat(text))

    def uetr(self, value: UUID | str, href: str = "") -> Markup:
        """A UETR in short, as a link if there is an address, with a button that copies the whole one."""
        text = str(value)
        link = Markup('<a class="uetr" href="{}" aria-label="{}">').format(href, text)
        start = link if href else Markup('<span class="uetr">')
        return Markup('{}{}<span class="rest">{}</span></{}>{}').format(
            start, text[:_SHORT], text[_SHORT:], "a" if href else "span", self.copy(text, tab=False)
        )

    def short(self, value: str) -> Markup:
        """A long hash in short, with a button that copies the whole one."""
        return self.uetr(value)

    def copy(self, text: str, *, tab: bool = True) -> Markup:
        """A button that copies a text; scripts show it. In lists it is no tab stop: the page has one."""
        return Markup('<button type="button" class="copy" data-copy="{}"{} hidden>{}</button>').format(
            text, "" if tab else Markup(' tabindex="-1"'), self.lang.text("Copy")
        )


def _chip(text: str, tone: str, code: str) -> Markup:
    return Markup('<span class="chip {}"><span class="word{}">{}</span></span>').format(tone, code, text)
