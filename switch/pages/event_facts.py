"""What an event of the log states, as pairs for a reader: amounts, instants and words in place of JSON.

Reports make the same pairs (`switch.reports.facts`). Pages know more: the reader's time zone, the titles and
labels of changes, what options mean, and what other columns show.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from switch.pages import forms
from switch.pages.language import Language
from switch.pages.marks import Marks
from switch.reports.facts import LABELS, EventFacts, cut, title_of
from switch.reports.wording import Wording

_ELSEWHERE: Final = frozenset(
    {"id", "caller", "by", "person", "maker", "checker", "uetr", "case", "subject", "act", "change"}
)
"""Shown in other columns, or of use to programs only."""
_WORDS: Final = (
    *("account", "decided_by", "decision", "direction", "personal_data", "rhythm", "role", "said"),
    *("scope", "seats", "state"),
)
"""What is said by one term of the switch."""
_TERMS: Final[Mapping[str, Callable[[Language, str], str]]] = MappingProxyType(
    {
        **dict.fromkeys(_WORDS, lambda lang, text: lang.text(forms.WORDS.get(text, text))),
        "detail": Language.detail,
        "outcome": Language.outcome,
        "reason": lambda lang, text: lang.detail(lang.reason(text)),
    }
)
"""Names whose values are terms of the switch, and how each is said."""
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class ShownFacts(EventFacts):
    """The facts of an event on a page."""

    def __init__(self, lang: Language) -> None:
        super().__init__(Wording(lang.code))
        self._lang = lang

    def is_omitted(self, name: str, labels: Mapping[str, str]) -> bool:
        """Of a body: what other columns show. The fields of a requested change are all shown."""
        return name in _ELSEWHERE and labels is LABELS

    def instant(self, at: datetime) -> str:
        """An instant on the reader's clock."""
        return self._lang.instant(at)

    def said(self, name: str, text: str) -> str:
        """A term as pages say it; a hash is short."""
        lang = self._lang
        if title := title_of(name, text):
            return lang.text(title)
        if text == "*":
            return lang.text("All others")
        if name in _TERMS:
            return _TERMS[name](lang, text)
        return Marks(lang).short(text) if _HASH.fullmatch(text) else cut(lang.stated(text))


def pairs(facts: Mapping[str, Any], lang: Language) -> list[tuple[str, str]]:
    """The label and the value of each fact that has one, in the order of the body; none twice."""
    return ShownFacts(lang).pairs(facts)
