"""Versions of a message: which profile uses which, and lossless conversion between them.

Most changes between versions only extend the schema; they need no table, because the schema of the target
decides. Moved elements are in `MOVES`. A conversion gives content from which the original can be restored,
or is refused with the path and the rule; it never drops or shortens anything.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from schemas.catalogue import catalogue
from schemas.errors import InvalidMessage, Refused
from schemas.plan import plan
from schemas.reasons import Reason

Content = dict[str, Any]


class CannotConvert(Refused):
    """The content cannot be represented in the other version."""


@dataclass(frozen=True, slots=True)
class ElementMove:
    """From version `since`, the element `tag` below `parent` is at `new`."""

    message: str
    since: int
    parent: tuple[str, ...]
    tag: str
    new: tuple[str, str]


PROFILES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "2019": MappingProxyType(
            {
                "pacs.008": "pacs.008.001.08",
                "pacs.002": "pacs.002.001.10",
                "pacs.004": "pacs.004.001.09",
                "pacs.009": "pacs.009.001.08",
                "pacs.028": "pacs.028.001.03",
                "pain.001": "pain.001.001.09",
                "pain.002": "pain.002.001.10",
                "pain.013": "pain.013.001.07",
                "pain.014": "pain.014.001.07",
                "camt.003": "camt.003.001.08",
                "camt.004": "camt.004.001.10",
                "camt.029": "camt.029.001.09",
                "camt.052": "camt.052.001.08",
                "camt.053": "camt.053.001.08",
                "camt.054": "camt.054.001.08",
                "camt.056": "camt.056.001.08",
                "acmt.023": "acmt.023.001.03",
                "acmt.024": "acmt.024.001.03",
                "admi.002": "admi.002.001.01",
                "admi.004": "admi.004.001.02",
                "admi.007": "admi.007.001.01",
                "head.001": "head.001.001.02",
            }
        ),
        "2025": MappingProxyType(
            {
                "pacs.008": "pacs.008.001.13",
                "pacs.002": "pacs.002.001.15",
                "pacs.004": "pacs.004.001.14",
                "pacs.009": "pacs.009.001.12",
                "pacs.028": "pacs.028.001.06",
                "camt.029": "camt.029.001.13",
                "camt.056": "camt.056.001.11",
                "camt.110": "camt.110.001.01",
                "camt.111": "camt.111.001.02",
                "acmt.023": "acmt.023.001.04",
                "acmt.024": "acmt.024.001.04",
                "head.001": "head.001.001.04",
            }
        ),
    }
)
"""Profile -> message -> its version. Most schemes use 2019; 2025 has elements for FX."""

MOVES: Final = (
    ElementMove("pacs.008", 13, ("CdtTrfTxInf",), "AccptncDtTm", ("AddtlDtTm", "AccptncDtTm")),
    ElementMove("pacs.008", 13, ("CdtTrfTxInf",), "PoolgAdjstmntDt", ("AddtlDtTm", "PoolgAdjstmntDt")),
    ElementMove("pacs.002", 12, ("TxInfAndSts", "OrgnlTxRef"), "MndtRltdInf", ("MndtRltdInf", "DrctDbtMndt")),
    ElementMove("pacs.004", 14, ("TxInf", "OrgnlTxRef"), "MndtRltdInf", ("MndtRltdInf", "DrctDbtMndt")),
    ElementMove("pacs.028", 5, ("TxInf", "OrgnlTxRef"), "MndtRltdInf", ("MndtRltdInf", "DrctDbtMndt")),
    ElementMove(
        "camt.056", 11, ("Undrlyg", "TxInf", "OrgnlTxRef"), "MndtRltdInf", ("MndtRltdInf", "DrctDbtMndt")
    ),
    ElementMove(
        "camt.029",
        13,
        ("CxlDtls", "TxInfAndSts", "OrgnlTxRef"),
        "MndtRltdInf",
        ("MndtRltdInf", "DrctDbtMndt"),
    ),
)


def versions(message: str) -> list[str]:
    """Every supported version of a message: `pacs.008` -> `pacs.008.001.08`, ..."""
    return sorted(known for known in catalogue().messages if known.startswith(f"{message}."))


def convert(document: Content, source: str, target: str) -> Content:
    """The same content in another version of the same message.

    Raises:
        CannotConvert: an element (`path`) cannot be represented, or its move cannot be reversed.

    """
    if source[:8] != target[:8] or target not in catalogue().messages:
        raise CannotConvert("is not another version of the message", path=target)
    converted = _moved(document, source, target)
    try:
        checked: Content = plan(target).accept(converted)
    except InvalidMessage as error:
        reason = f"cannot be represented in {target}: {error.detail}"
        raise CannotConvert(reason, reason=Reason.TRANSACTION_NOT_SUPPORTED, path=error.path) from None
    if _moved(checked, target, source) != document:
        raise CannotConvert(f"cannot be restored unchanged from {target}")
    return checked


def _moved(document: Content, source: str, target: str) -> Content:
    result = copy.deepcopy(document)
    (content,) = result.values()
    old, new = _number(source), _number(target)
    for move in MOVES:
        if move.message != source[:8]:
            continue
        for parent in _parents(content, move.parent):
            if old < move.since <= new:
                _forward(parent, move)
            elif new < move.since <= old:
                _back(parent, move)
    return result


def _number(message: str) -> int:
    return int(message.rpartition(".")[2])


def _parents(content: Any, path: tuple[str, ...]) -> Iterator[Content]:
    """Yield every object at a path, through lists."""
    if isinstance(content, list):
        for item in content:
            yield from _parents(item, path)
    elif not path:
        yield content
    elif path[0] in content:
        yield from _parents(content[path[0]], path[1:])


def _forward(parent: Content, move: ElementMove) -> None:
    if move.tag in parent:
        outer, inner = move.new
        value = parent.pop(move.tag)
        parent.setdefault(outer, {})[inner] = value


def _back(parent: Content, move: ElementMove) -> None:
    outer, inner = move.new
    holder = parent.get(outer)
    if isinstance(holder, dict) and inner in holder:
        value = holder.pop(inner)
        if not holder:
            del parent[outer]
        elif move.tag == outer:
            return  # the other alternative of a choice: the target's schema refuses it
        parent[move.tag] = value
