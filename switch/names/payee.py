"""Compares the name that a sender states with the name that a rail knows: match, close match or no match.

The results are those of confirmation of payee and of Nexus. Both names are compared by their words, in any
order, without case, accents, titles and legal forms, and by how they sound, so that spellings and scripts do
not matter. Rails may mask names (`A*** R**`): hidden letters never count as a difference. Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field

from switch.names import han, palladius
from switch.names.similarity import NEAR, SAME, Likeness, likeness
from switch.names.words import PARTICLES, has_legal_form, letters, plain, words


class Match(StrEnum):
    """The result of a comparison, in the codes of the European scheme."""

    MATCH = "MTCH"
    CLOSE = "CMTC"
    NONE = "NMTC"
    NOT_POSSIBLE = "NOAP"
    """The rail returns no name."""


@dataclass(frozen=True, slots=True)
class PayeeMatching:
    """How alike names must be, for all corridors or for one; read from settings."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    same_up_to: Annotated[float, Field(ge=0, le=1)] = SAME
    """Words whose sounds differ by less are one name. 0: only equal sounds."""
    near_up_to: Annotated[float, Field(ge=0, le=1)] = NEAR
    """Words whose sounds differ by no more are a close match."""
    near_words: Annotated[int, Field(ge=0, le=5)] = 2
    """Words of one name that may be near; 0: a name is either equal or no match."""
    tell_close: bool = True
    """Whether a close match tells the right name, masked to initials."""


MATCHING: Final = PayeeMatching()
_STAR: Final = "*"
_MASK = re.compile(r"[\u2022\u00d7\u25cf#]|(?<=\w)x{2,}", re.IGNORECASE)
_INITIAL = re.compile(r"(?<=\b\w)\.")
"""Some rails mask a name to its initials: `Ivan I. P.`"""
_MASKED_WORD = re.compile(r"[a-z0-9*]+")


def compare(stated: str, known: str | None, rules: PayeeMatching = MATCHING) -> Match:
    """Compare the stated name with the rail's."""
    if not known or not known.strip():
        return Match.NOT_POSSIBLE
    if han.is_name(stated) and han.is_name(known):
        return _BY_CHARACTERS[han.compare(stated, known)]
    masked = _INITIAL.sub(_STAR, _MASK.sub(_STAR, known))
    if _STAR in masked:
        return _masked(list(words(stated)), _masked_words(masked))
    theirs = words(known)
    if not theirs:
        return Match.NOT_POSSIBLE
    if letters(stated) == letters(known):
        return Match.MATCH
    whole = has_legal_form(stated) or has_legal_form(known)
    pinyin = han.has_han(stated) or han.has_han(known)
    found = [
        _words_alike(ours, other, _How(rules, whole, pinyin))
        for ours, other in ((words(stated), theirs), *_in_palladius(stated, known))
        if ours and other
    ]
    return max(found, key=_ORDER.index, default=Match.NONE)


def mask(name: str) -> str:
    """A name by its initials, so that the payer can recognise it and nobody learns it: `A*** R**`."""
    return " ".join(word[:1] + _STAR * min(len(word) - 1, _STARS_MAX) for word in name.split())


_STARS_MAX: Final = 8
_ORDER: Final = (Match.NONE, Match.CLOSE, Match.MATCH)
_BY_CHARACTERS: Final = {
    han.HanLikeness.SAME: Match.MATCH,
    han.HanLikeness.HOMOPHONE: Match.CLOSE,
    han.HanLikeness.OTHER: Match.NONE,
}


def _in_palladius(stated: str, known: str) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The words of both, with a Chinese name in Cyrillic letters in pinyin."""
    return [
        (palladius.pinyin(stated) or (), words(known)),
        (words(stated), palladius.pinyin(known) or ()),
    ]


@dataclass(frozen=True, slots=True)
class _How:
    """How two names are compared."""

    rules: PayeeMatching
    whole: bool
    """Both must have all words, because one of them is an organisation."""
    pinyin: bool
    """One of them is in Han characters."""

    def likeness(self, one: str, other: str) -> Likeness:
        same, near = self.rules.same_up_to, self.rules.near_up_to
        return likeness(one, other, pinyin=self.pinyin, same=same, near=near)


def _words_alike(ours: Sequence[str], theirs: Sequence[str], how: _How) -> Match:
    """Compare two names by their words, as they are and with parts joined."""
    if len(ours) == len(theirs):
        return _aligned(ours, theirs, how)
    short, long = sorted((ours, theirs), key=len)
    found = [_aligned(short, way, how) for way in (long, *_ways(long))]
    return max(found, key=_ORDER.index)


def _ways(found: Sequence[str]) -> list[tuple[str, ...]]:
    """A name with two of its words joined: `Gholam Reza` and `Gholamreza`."""
    return [
        (*found[:at], found[at] + found[at + 1], *found[at + 2 :])
        for at in range(len(found) - 1)
        if min(len(found[at]), len(found[at + 1])) > 1
    ]


def _aligned(short: Sequence[str], long: Sequence[str], how: _How) -> Match:
    """Give each word of the one name the word of the other that is most alike."""
    left = list(long)
    typed = near = initials = full = 0
    for word in sorted(short, key=len, reverse=True):
        found, other = max(((how.likeness(word, one), one) for one in left), default=(Likeness.OTHER, ""))
        if found <= Likeness.ALIKE:
            if word in PARTICLES:
                continue
            if not (other := next((one for one in left if _is_initial(word, one)), "")):
                return Match.NONE
            initials += 1
        else:
            typed += found is Likeness.TYPED
            near += found < Likeness.SAME
            full += 1
        left.remove(other)
    missing = [word for word in left if word not in PARTICLES]
    if not (near or initials or missing):
        return Match.MATCH
    if typed > 1 or near > how.rules.near_words or full == 0 or (how.whole and (missing or initials)):
        return Match.NONE
    return Match.CLOSE if full + initials > 1 else Match.NONE


def _is_initial(one: str, other: str) -> bool:
    return (len(one) == 1 or len(other) == 1) and one[0] == other[0]


def _masked_words(masked: str) -> list[str]:
    return _MASKED_WORD.findall(plain(masked))


def _masked(ours: list[str], theirs: list[str]) -> Match:
    """A masked name of the rail: each masked word matches one stated word, in any order."""
    if not any(one.strip(_STAR) for one in theirs):
        return Match.NOT_POSSIBLE
    if len(theirs) == 1 and _shape(theirs[0]).fullmatch("".join(ours)):
        return Match.MATCH
    left = list(ours)
    full = 0
    for word in sorted(theirs, key=len, reverse=True):
        found = next((one for one in left if _shape(word).fullmatch(one)), None)
        if found is None:
            return Match.NONE
        left.remove(found)
        full += len(found) > 1
    if not full or len(left) > len(theirs):  # letters of the alphabet would match every name
        return Match.NONE
    return Match.CLOSE if left else Match.MATCH


def _shape(masked: str) -> re.Pattern[str]:
    return re.compile("".join("[a-z0-9]*" if one == _STAR else one for one in re.sub(r"\*+", _STAR, masked)))
