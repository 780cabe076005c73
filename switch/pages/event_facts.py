"""What an event of the log states, as pairs for a reader: amounts, instants and words in place of JSON.

The exact octets, which a proof is about, are on the page of the event's proof.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from schemas.money import EXPONENTS, Money
from switch.change_catalogue import KINDS
from switch.pages import forms
from switch.pages.language import Language
from switch.pages.marks import Marks
from switch.reports.catalogue import CATALOGUE
from switch.reports.wording import MICROSECONDS

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
"""What frequent names in bodies of events are called; another is shown without underscores."""
_ELSEWHERE: Final = frozenset(
    {"id", "caller", "by", "person", "maker", "checker", "uetr", "case", "act", "change"}
)
"""Shown in other columns, or of use to programs only."""
_UNKNOWN: Final = frozenset({"offer"})
"""Numbers that are nought where there is none."""
_NUMBERS: Final = frozenset({"list", "lists", "number", "offer", "rule", "window"})
"""What is numbered, and not counted: without separators."""
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
        "report": lambda lang, text: lang.text(CATALOGUE[text].title) if text in CATALOGUE else text,
    }
)
"""Names whose values are terms of the switch, and how each is said."""
_VALUE_MAX: Final = 200
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def pairs(facts: Mapping[str, Any], lang: Language) -> list[tuple[str, str]]:
    """The label and the value of each fact that has one, in the order of the body; none twice."""
    return list(dict.fromkeys(_pairs(facts, lang, LABELS)))


def _pairs(facts: Mapping[str, Any], lang: Language, labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if (name in _ELSEWHERE and labels is LABELS) or (name in _UNKNOWN and value == 0):
            continue
        if isinstance(value, dict):
            yield from _pairs(value, lang, _labels_of(facts) if name == "content" else LABELS)
        elif (text := _text(name, value, lang)) not in {"", "[]"}:
            label = labels.get(name) or LABELS.get(name) or name.replace("_", " ").capitalize()
            yield lang.text(label), text


def _labels_of(facts: Mapping[str, Any]) -> Mapping[str, str]:
    """What the fields of a requested change are called."""
    found = KINDS.get(str(facts.get("change_kind", "")))
    return found.labels if found is not None else {}


def _text(name: str, value: object, lang: Language) -> str:
    match value:
        case None | "":
            return ""
        case [int() as minor, str() as currency] if currency in EXPONENTS:
            return lang.money(Money(minor, currency))
        case [str() as provider, str() as rate] if name == "fx":
            return f"{provider}, {lang.rate(rate)}"
        case list():
            return ", ".join(filter(None, (_text(name, part, lang).strip(", ") for part in value)))
        case int():
            return _number(name, value, lang)
        case _:
            return _words(name, str(value), lang)


def _number(name: str, value: int, lang: Language) -> str:
    if isinstance(value, bool):
        return lang.text("yes") if value else lang.text("no")
    if value in MICROSECONDS:
        return lang.instant(datetime.fromtimestamp(value / 10**6, UTC))
    return str(value) if name in _NUMBERS else lang.number(value)


def _words(name: str, text: str, lang: Language) -> str:
    if name == "change_kind" and text in KINDS:
        return lang.text(KINDS[text].title)
    if text == "*":
        return lang.text("All others")
    if name in _TERMS:
        return _TERMS[name](lang, text)
    if _HASH.fullmatch(text):
        return Marks(lang).short(text)
    text = lang.stated(text)
    return text if len(text) <= _VALUE_MAX else f"{text[:_VALUE_MAX]}…"
