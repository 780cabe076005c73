"""Compares the name that a sender states with the name that a rail knows: match, close match or no match.

The three results are those of confirmation of payee and of Nexus. Both names are romanised, without case,
accents, titles and word order. Rails may mask names (`A*** R**`): hidden letters never count as a difference.
Pure.
"""

import re
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from adapters.romanisation import latin_form, romanised


class Match(StrEnum):
    """The result of a comparison, in the codes of the European scheme."""

    MATCH = "MTCH"
    CLOSE = "CMTC"
    NONE = "NMTC"
    NOT_POSSIBLE = "NOAP"
    """The rail returns no name."""


_TITLES: Final = frozenset(
    {
        "mr",
        "mrs",
        "ms",
        "miss",
        "dr",
        "prof",
        "shri",
        "sri",
        "smt",
        "mx",
        "ip",
        "ooo",
        "ltd",
        "llc",
        "pvt",
    }
)
_WORD = re.compile(r"[a-z0-9*]+")
_MASK = re.compile(r"[\u2022\u00d7\u25cf#]|(?<=\w)x{2,}", re.IGNORECASE)
_INITIAL = re.compile(r"(?<=\b\w)\.")
"""Some rails mask a name to its initials: `Ivan I. P.`"""
_SPELT_ALIKE: Final = (
    (re.compile("kh|q|ck"), "k"),
    (re.compile("gh"), "g"),
    (re.compile("ph"), "f"),
    (re.compile("sh|sch"), "s"),
    (re.compile("[yj]"), "i"),
    (re.compile("w"), "v"),
    (re.compile("z"), "s"),
    (re.compile("(?<!^)[aeiouh]"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)
"""Different Latin spellings of one name: Muhammad and Mohamed, Hussain and Hossein."""
_ALIKE: Final = 0.85


def compare(stated: str, known: str | None) -> Match:
    """Compare the stated name with the rail's."""
    if not known or not known.strip():
        return Match.NOT_POSSIBLE
    ours, theirs = _words(stated), _words(_INITIAL.sub("*", _MASK.sub("*", known)))
    if not ours or not theirs:
        return Match.NOT_POSSIBLE if not theirs else Match.NONE
    if sorted(ours) == sorted(theirs) or "".join(ours) == "".join(theirs):
        return Match.MATCH
    if any("*" in word for word in theirs):
        return _masked(ours, theirs)
    return Match.CLOSE if _is_close(ours, theirs) else Match.NONE


def _words(name: str) -> list[str]:
    plain = romanised(latin_form(name)).casefold().replace("'", "")
    words = _WORD.findall(plain)
    return [word for word in words if word not in _TITLES] or words


def _masked(ours: list[str], theirs: list[str]) -> Match:
    """A masked name of the rail: each masked word matches one stated word, in any order."""
    if len(theirs) == 1 and _shape(theirs[0]).fullmatch("".join(ours)):
        return Match.MATCH
    left = list(ours)
    for word in sorted(theirs, key=len, reverse=True):
        found = next((one for one in left if _shape(word).fullmatch(one)), None)
        if found is None:
            return Match.NONE
        left.remove(found)
    return Match.CLOSE if left else Match.MATCH


def _shape(masked: str) -> re.Pattern[str]:
    return re.compile("".join("[a-z0-9]*" if one == "*" else one for one in re.sub(r"\*+", "*", masked)))


def _is_close(ours: list[str], theirs: list[str]) -> bool:
    """A different spelling, an initial instead of a name, a missing middle name, or a typing error."""
    short, long = sorted((ours, theirs), key=len)
    left = list(long)
    whole = 0
    for word in short:
        found = next((one for one in left if _is_one_name(word, one)), None)
        if found is None:
            break
        whole += min(len(word), len(found)) > 1
        left.remove(found)
    else:
        return whole > 0 and len(short) >= min(2, len(long))
    return SequenceMatcher(None, "".join(sorted(ours)), "".join(sorted(theirs))).ratio() >= _ALIKE


def _is_one_name(one: str, other: str) -> bool:
    if len(one) == 1 or len(other) == 1:
        return one[0] == other[0]
    return one == other or _sound(one) == _sound(other) or SequenceMatcher(None, one, other).ratio() >= _ALIKE


def _sound(word: str) -> str:
    for pattern, spelling in _SPELT_ALIKE:
        word = pattern.sub(spelling, word)
    return word
