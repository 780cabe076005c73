"""External code sets: lists that ISO 20022 publishes outside its schemas every quarter.

The schema only limits the length of a code. Whether a code is in its list depends on the date, so the lists
here have a date, and the treatment of an unknown code is a setting of the scheme
(`rules.Scheme.unknown_codes`).
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from schemas.catalogue import DIRECTORY


@cache
def code_sets() -> Mapping[str, frozenset[str]]:
    """Code set name, which is also the name of its type (`ExternalPurpose1Code`) -> its codes."""
    sets: dict[str, list[str]] = {}
    codes: list[str] = []
    for line in _lines():
        words = line.split()
        if not line[0].isspace():
            codes = sets.setdefault(words.pop(0), [])
        codes.extend(words)
    sets.pop("dated")
    return MappingProxyType({name: frozenset(found) for name, found in sets.items()})


@cache
def dated() -> str:
    """The month of the lists, as in `2025-05`."""
    (line,) = (line for line in _lines() if line.startswith("dated "))
    return line.split()[1]


def is_known(code_set: str, code: str) -> bool:
    """Whether a code is in its list; a code without a list here is treated as known."""
    codes = code_sets().get(code_set)
    return codes is None or code in codes


def _lines() -> list[str]:
    text = (DIRECTORY / "codes.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
