"""The verdict on a message, the same for the command line, the pages and the API.

A message that follows every rule may still not be readable as a payment. So reading it as a payment is part
of the verdict: a message that a check calls valid is not refused later because of its content.
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

MOST_IN_SUMMARY: Final = 20
_NO_RAIL: Final = "the switch refuses a payment with this element"
_BESIDE: Final = "is part of the envelope, not of the message, and is not converted"

_READERS: Final[Mapping[str, Callable[[Message], Any]]] = MappingProxyType(
    {
        "pacs.008": credit_transfer.read,
        "pacs.002": status_report.read,
        "pacs.004": payment_return.read,
        "pacs.028": status_request.read,
        "camt.056": cancellation.read,
    }
)
"""Message -> the function that reads its canonical value."""


def findings(message: Message, *, scheme: rules.Scheme = rules.SWITCH) -> list[Finding]:
    """Find every broken rule of the scheme, and the refusal of its reader; empty if it is accepted."""
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
    """All findings and their rules in one text for a status report; at most `MOST_IN_SUMMARY` are listed."""
    texts = [f"{finding.path}: {finding.text} [{finding.code}]" for finding in found[:MOST_IN_SUMMARY]]
    more = len(found) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more > 0 else "")


def check(message: Message) -> None:
    """Refuse a message that breaks rules of the scheme, and state all of them.

    Raises:
        Refused: reason and path are those of the first finding; `problems` has all.

    """
    found = rules.refusals(findings(message))
    if found:
        raise refusal(found)


def refusal(found: list[Finding]) -> Refused:
    """The refusal for these findings: reason and path are those of the first; `problems` has all."""
    refused = Refused(summary(found), reason=found[0].reason, path=found[0].path)
    refused.problems = tuple(Problem(each.path, each.code, each.text) for each in found[:MOST_PROBLEMS])
    return refused


def explained(message: Message, refused: Refused, *, scheme: rules.Scheme = rules.SWITCH) -> Refused:
    """Add all other broken rules to the refusal of a reader; its reason and path stay."""
    found = rules.refusals(rules.check(message, scheme=scheme))
    if not found:
        return refused
    return Refused(summary(found), reason=refused.reason, path=refused.path)


@cache
def _widest() -> elements.Accounting:
    """The table of elements for a rail that carries every element that any rail can carry."""
    start = f"{elements.TRANSACTION}/"
    paths = [line.path for line in elements.table() if line.treatment in elements.CARRIED]
    return elements.Accounting(path.removeprefix(start) for path in paths if path.startswith(start))


def _never_taken(message: Message) -> list[Finding]:
    """The elements of a payment that no rail accepts. Differences between rails are not included.

    They are warnings: the message follows the standard, but the switch refuses the payment.
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
