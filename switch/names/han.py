"""Names in Han characters: compared by their characters, and their pinyin with what others write of it."""

import re
from enum import Enum
from typing import Final

from adapters.romanisation import romanised

MIDDLE_DOT: Final = "\u00b7"
"""Between the parts of names from other languages, such as Uyghur."""
_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NAME: Final = re.compile(f"(?:{_HAN.pattern})+(?:\u00b7(?:{_HAN.pattern})+)*")
_SYLLABLE: Final = (
    "(?:(?:zh|ch|sh|[bpmfdtnlgkhrzcsyw]|[jqx](?=[iuv]))?"
    "(?:iang|iong|uang|ang|eng|ing|ong|iao|ian|uai|uan"
    "|ai|ei|ao|ou|an|en|in|un|ia|ie|iu|ua|uo|ui|ue|yu|a|e|i|o|u|v)|er)"
)
_PINYIN: Final = re.compile(f"{_SYLLABLE}+")


class HanLikeness(Enum):
    """What two names in Han characters are to each other."""

    SAME = "same"
    HOMOPHONE = "homophone"
    """Read alike, but written with another character in the given name."""
    OTHER = "other"


def has_han(text: str) -> bool:
    """Whether a text has Han characters."""
    return _HAN.search(text) is not None


def is_name(text: str) -> bool:
    """Whether a text is a name in Han characters and nothing else."""
    return _NAME.fullmatch(text.strip()) is not None


def is_pinyin(word: str) -> bool:
    """Whether a word of Latin letters is made of syllables that Chinese has."""
    return _PINYIN.fullmatch(word) is not None


def compare(one: str, other: str) -> HanLikeness:
    """Compare two names in Han characters; simplified and traditional forms are the same."""
    one, other = one.strip(), other.strip()
    if len(one) != len(other):
        return HanLikeness.OTHER
    apart = [
        (at, ours, theirs) for at, (ours, theirs) in enumerate(zip(one, other, strict=True)) if ours != theirs
    ]
    if any(not _read_alike(ours, theirs) for _, ours, theirs in apart):
        return HanLikeness.OTHER
    apart = [found for found in apart if not _are_forms(*found[1:])]
    if not apart:
        return HanLikeness.SAME
    if len(apart) > 1 or (apart[0][0] == 0 and all(map(_is_simplified, apart[0][1:]))):
        return HanLikeness.OTHER
    return HanLikeness.HOMOPHONE


def _read_alike(one: str, other: str) -> bool:
    return romanised(one) == romanised(other)


def _are_forms(one: str, other: str) -> bool:
    """Whether two characters that are read alike are the traditional and the simplified form of one.

    Each of the two old character sets has one of the forms only.
    """
    return any(
        not _is_simplified(old) and not _is_traditional(new) for old, new in ((one, other), (other, one))
    )


def _is_simplified(character: str) -> bool:
    return _encodes(character, "gb2312")


def _is_traditional(character: str) -> bool:
    return _encodes(character, "big5")


def _encodes(character: str, code: str) -> bool:
    try:
        character.encode(code)
    except UnicodeEncodeError:
        return False
    return True
