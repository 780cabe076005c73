"""Which cases of a test the short run has: `make test` leaves out what is marked `long`."""

from collections.abc import Iterable
from typing import Any

import pytest


def some(cases: Iterable[str], *always: str) -> list[Any]:
    """The cases as parameters; all but `always` only in the long run. Each of `always` must be a case."""
    found = list(cases)
    assert set(always) <= set(found), set(always) - set(found)
    return [pytest.param(case, id=case, marks=() if case in always else pytest.mark.long) for case in found]
