"""What an event of the log states, as pairs of a label and a value for people: the one maker of them.

Reports write the pairs into a cell; the pages of the log show them with what only pages know
(`switch.pages.event_facts`). The exact octets, which a proof is about, are in the JSON and on the page of
the event's proof.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Protocol

from schemas.money import EXPONENTS, Money
from switch.reports import cells

LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "account": "Account",
        "amount": "Amount",
        "answered_at": "Response received",
        "as_of": "As of event",
        "asked": "Parameters",
        "case": "Case",
        "change": "Change",
        "change_kind": "Kind",
        "country": "Country",
        "credit": "Credited",
        "creditor_agent": "Creditor agent",
        "currency": "Currency",
        "debit": "Debited",
        "debtor_agent": "Debtor agent",
        "decided_by": "Decided by",
        "definition": "Message",
        "decision": "Vote",
        "detail": "Detail",
        "direction": "Direction",
        "entries": "Entries",
        "fee": "Fee",
        "fingerprint": "Fingerprint (SHA-256)",
        "first": "Size of the earlier checkpoint",
        "format": "Format",
        "fx": "FX provider and rate",
        "hits": "Hits",
        "list": "List",
        "lists": "Lists",
        "message": "Message",
        "minor": "Amount, in minor units",
        "message_id": "Message id",
        "message_sha256": "Hash of the message",
        "native_sha256": "Hash of the message to the rail",
        "note": "Note",
        "outcome": "Outcome",
        "owner": "Owner",
        "page": "Page",
        "participant": "Participant",
        "provider": "Provider",
        "published": "Published",
        "publisher": "Publisher",
        "rail": "Rail",
        "rail_code": "Rail code",
        "rail_reference": "Rail reference",
        "rate": "Rate",
        "reason": "Reason",
        "received_at": "Received",
        "receiver": "Recipient",
        "report": "Report",
        "revealed": "Personal data",
        "role": "Role",
        "said": "Reported by the rail",
        "scope": "Scope",
        "screening": "Comparison",
        "second": "Size of the later checkpoint",
        "seats": "Required approvals",
        "sender": "Sender",
        "sent_at": "Sent",
        "seq": "Number",
        "sha256": "SHA-256",
        "source": "Source of the list",
        "state": "State",
        "subject": "About",
        "text": "Text",
        "until": "Until",
        "webhook": "Webhook",
        "window": "Window",
    }
)
"""What frequent names in bodies of events are called; another is shown as the title of a parameter."""
TITLES: Final[dict[str, str]] = {}
"""Titles of kinds of change and of reports, by name: their catalogues, which are layers above, add them."""
FIELDS: Final[dict[str, Mapping[str, str]]] = {}
"""What the fields of a requested change are called in its form, by kind; added by the same catalogue."""
_TITLED: Final = frozenset({"change_kind", "report"})
"""Facts whose values are names that have titles."""
TEXT_MAX: Final = 200
"""Characters of a text that people are shown: a certificate has more, and is in the JSON."""
MICROSECONDS: Final = range(10**15, 10**16)
"""Instants as events state them: microseconds since 1970, from 2001 to 2286."""
_UNKNOWN: Final = frozenset({"offer"})
"""Numbers that are nought where there is none."""
_NUMBERED: Final = frozenset({"case", "change", "list", "lists", "number", "offer", "rule", "window"})
"""What is numbered, and not counted: without separators."""
_DECIMAL: Final = re.compile(r"-?[0-9]+[.][0-9]+", re.ASCII)


class FactWords(Protocol):
    """A language, as far as facts need it: `Wording` is one."""

    def text(self, source: str) -> str:
        """A text, translated."""

    def parameter(self, name: str) -> str:
        """The title of a parameter."""

    def phrase(self, source: str) -> str:
        """A term of the switch, or a text of others."""

    def decimal(self, text: str) -> str:
        """A decimal number with all its digits."""

    def rate(self, text: str) -> str:
        """A decimal number without trailing zeros."""


class EventFacts:
    """Makes the pairs in one language, for reports."""

    def __init__(self, words: FactWords) -> None:
        self.words = words

    def pairs(self, body: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The label and the value of each fact that has one, in the order of the body; none twice."""
        return list(dict.fromkeys(self._pairs(body, LABELS)))

    def is_omitted(self, name: str, labels: Mapping[str, str]) -> bool:  # noqa: ARG002 - for pages
        """Whether a fact is not shown, whatever its value is; `labels` are those of the part it is in."""
        return False

    def _labels_of(self, body: Mapping[str, Any], name: str) -> Mapping[str, str]:
        """What the facts of a part of the body are called; fields of a requested change as in its form."""
        return FIELDS.get(str(body.get("change_kind", "")), {}) if name == "content" else LABELS

    def instant(self, at: datetime) -> str:
        """An instant, to the second."""
        return f"{at:%Y-%m-%d %H:%M:%SZ}"

    def said(self, name: str, text: str) -> str:
        """A text: a title, a number, also with its currency, a term of the switch, or what others wrote."""
        if title := title_of(name, text):
            return self.words.text(title)
        number, _, currency = text.partition(" ")
        if _DECIMAL.fullmatch(number) and (not currency or currency in EXPONENTS):
            return f"{self.words.decimal(number)} {currency}".strip()
        return self.words.phrase(text) if len(text) <= TEXT_MAX else cut(text)

    def _pairs(self, body: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for name, value in body.items():
            if self.is_omitted(name, labels) or _is_nothing(name, value):
                continue
            if isinstance(value, dict):
                yield from self._pairs(value, self._labels_of(body, name))
            elif text := self._value(name, value):
                label = labels.get(name) or LABELS.get(name)
                yield self.words.text(label) if label else self.words.parameter(name), text

    def _value(self, name: str, value: Any) -> str:  # noqa: PLR0911 - one line per kind of value
        match value:
            case None | "":
                return ""
            case [int() as minor, str() as currency] if currency in EXPONENTS:
                return f"{self.words.decimal(Money(minor, currency).text)} {currency}"
            case [str() as provider, str() as rate] if name == "fx":
                return f"{provider}, {self.words.rate(rate)}"
            case list():
                return ", ".join(filter(None, (self._value(name, part) for part in value)))
            case dict():
                return "; ".join(f"{label}: {text}" for label, text in self._pairs(value, LABELS))
            case bool():
                return self.words.text(cells.text(value))
            case int() if value in MICROSECONDS:
                return self.instant(datetime.fromtimestamp(value / 10**6, UTC))
            case int():
                return str(value) if name in _NUMBERED else self.words.decimal(str(value))
            case _:
                return self.said(name, str(value))


def _is_nothing(name: str, value: Any) -> bool:
    """An offer of number nought, or a change that the sandbox made for itself: its number is below nought."""
    return (name in _UNKNOWN and value == 0) or (name == "change" and isinstance(value, int) and value < 0)


def title_of(name: str, text: str) -> str:
    """The title of the kind of change or report that a fact names; empty for any other fact."""
    return TITLES.get(text, "") if name in _TITLED else ""


def cut(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
