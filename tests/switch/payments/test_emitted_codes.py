"""Whatever code stands in the product's own source is one of the official lists that it belongs to.

Every four-character word in the source that looks like a status reason is looked up, wherever it stands, so that
a table added tomorrow is held to it as well.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from schemas.codes import code_sets

ROOT = Path(__file__).parents[3]
LOOKS_LIKE_A_REASON = re.compile(
    r"(?:A[BCGM]|BE|CH|CN|DS|DT|DU|ED|ER|FF|FR|MD|MS|RC|RR|SL|TM)(?:\d{2}|0[A-Z])"
)
LISTS = (
    "ExternalStatusReason1Code",
    "ExternalReturnReason1Code",
    "ExternalCancellationReason1Code",
    "ExternalPaymentCancellationRejection1Code",
)


def codes() -> Iterator[tuple[str, str]]:
    """(place, code) of every text in the source that looks like a reason."""
    for package in ("schemas", "ledger", "adapters", "switch"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name == "identifiers.py":  # `MD24` is a country and a length there
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    for word in node.value.split():
                        if LOOKS_LIKE_A_REASON.fullmatch(word):
                            yield f"{path.relative_to(ROOT)}:{node.lineno}", word


def test_every_code_in_the_source_is_official():
    official = frozenset[str]().union(*(code_sets()[name] for name in LISTS))
    found = list(codes())

    assert len(found) > 100
    assert [place for place in found if place[1] not in official] == []
