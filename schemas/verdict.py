"""One verdict on a message, for whoever asks: the command line, the pages and the door for payments.

A message that keeps every rule may still say what no payment can be made of: reading it as a payment is part
of the verdict, so that what a check calls valid is not refused for its own content later.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from schemas import (
    cancellation,
    credit_transfer,
    elements,
    payment_return,
    rules,
    status_report,
    status_request,
)
from schemas.codec import Message
from schemas.errors import MOST_PROBLEMS, Problem, Refused
from schemas.findings import Finding
from schemas.reasons import Reason

MOST_IN_SUMMARY: Final = 10
_NO_RAIL: Final = "the switch refuses a payment that has it"
_BESIDE: Final = "is part of the envelope, not of the message: it is not converted"

_READERS: Final[Mapping[str, Callable[[Message], Any]]] = MappingProxyType(
    {
        "pacs.008": credit_transfer.read,
        "pacs.002": status_report.read,
        "pacs.004": payment_return.read,
        "pacs.028": status_request.read,
        "camt.056": cancellation.read,
    }
)
"""Message -> what makes a canonical value of it."""


def findings(message: Message, *, scheme: rules.Scheme = rules.SWITCH) -> list[Finding]:
    """Every rule of the scheme that the message breaks, and what its reader refuses; empty if it may pass."""
    found = rules.check(message, scheme=scheme)
    if message.name == "pacs.008":
        found += _never_taken(message)
    refused = None if rules.refusals(found) else _refused(message)
    if refused is not None:
        found.append(Finding("unreadable", refused.path or "", refused.reason, refused.detail))
    return found + [
        Finding("beside", path, Reason.ELEMENT_NOT_ALLOWED, _BESIDE, warning=True) for path in message.beside
    ]


def summary(found: list[Finding]) -> str:
    """All findings in one text for a status report, `MOST_IN_SUMMARY` of them one by one."""
    texts = [f"{finding.path}: {finding.text}" for finding in found[:MOST_IN_SUMMARY]]
    more = len(found) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more > 0 else "")


def check(message: Message) -> None:
    """Refuse a message that breaks rules of the scheme, with all of them.

    Raises:
        Refused: reason and path are those of the first finding; `problems` has each.

    """
    found = rules.refusals(findings(message))
    if found:
        refused = Refused(summary(found), reason=found[0].reason, path=found[0].path)
        refused.problems = tuple(Problem(each.path, each.code, each.text) for each in found[:MOST_PROBLEMS])
        raise refused


def explained(message: Message, refused: Refused, *, scheme: rules.Scheme = rules.SWITCH) -> Refused:
    """A reader's refusal that names every other broken rule as well; reason and path stay its own."""
    found = rules.refusals(rules.check(message, scheme=scheme))
    if not found:
        return refused
    return Refused(summary(found), reason=refused.reason, path=refused.path)


@cache
def _widest() -> elements.Accounting:
    """The table of elements for a rail that carries all that any rail may."""
    start = f"{elements.TRANSACTION}/"
    paths = [line.path for line in elements.table() if line.treatment in elements.CARRIED]
    return elements.Accounting(path.removeprefix(start) for path in paths if path.startswith(start))


def _never_taken(message: Message) -> list[Finding]:
    """The elements of a payment that no rail takes. What one rail takes and another does not is its own.

    Warnings: the message keeps the standard, it is the switch that refuses to pay by it.
    """
    root = next(iter(message.document))
    return [
        Finding(
            "element-refused", f"{root}/{loss.path}", loss.reason, f"{loss.text}: {_NO_RAIL}", warning=True
        )
        for loss in _widest().losses(message.content)
        if elements.element_of(loss.path).treatment is elements.Treatment.REFUSED
    ]


def _refused(message: Message) -> Refused | None:
    try:
        reader = _READERS.get(message.name)
        if reader is not None:
            reader(message)
    except Refused as refused:
        return refused
    return None
