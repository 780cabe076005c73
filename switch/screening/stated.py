"""How a stated name is read: a listed one may stand in it beside others, in brackets, or in parted letters.

Who hides a listed name writes more around it, and not less of it. So one stated text has several readings,
and each is compared. Pure.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from adapters.romanisation import latin_form
from switch.names import han
from switch.names.words import NAME_MAX, PARTICLES, all_words, visible, words

_SIGN: Final = re.compile(r"[()\[\]{}<>/|;&+\uff00-\uffef]")
_JOINS: Final = ("and", "or", "via", "alias", "aka", "и", "или", "ва", "va", "және", "жана", "اور", "और")
_WORDS_BETWEEN: Final = frozenset((*_JOINS, "a.k.a.", "behalf", "care", "имени"))
_BETWEEN_NAMES: Final = re.compile(
    rf"{_SIGN.pattern}|\b(?:on behalf of|care of|от имени|a\.k\.a\.|{'|'.join(_JOINS)})(?!\w)", re.IGNORECASE
)
"""What stands between two names in one field."""
JOINING: Final = frozenset({"and", "or", "und", "i", "ili", "va", "zhane", "zhana", "aur"})
"""Words between two names, as they are romanised."""
_SIGNS: Final = re.compile(r"[\d()\[\]/|]+")
_DIGIT_IN_WORD: Final = re.compile(r"[a-z]\d|\d[a-z]")
_AS_LETTERS: Final = (str.maketrans("013458", "oieasb"), str.maketrans("013458", "oleasb"))
"""Digits beside letters may stand for the letters that they look like."""
_LOOK_ALIKES: Final = (
    (re.compile(r"^l(?=[bcdfghjkmnpqrstvwxz])"), "i"),
    (re.compile(r"^i(?=[aeou])"), "l"),
)
"""A small L before a consonant stands for the capital I that it looks like, and a capital I for a small L."""
_HONORIFICS: Final = frozenset(
    {
        *("sahib", "saheb", "sahab", "janab", "hazrat", "maulana", "molana", "mawlana"),
        *("ji", "jee", "jr", "sr", "esq"),
    }
)
"""Words that may stand beside any name, and are names of some people."""
_SAID_BY: Final = 2
"""So many words are a name without the initials and honorifics beside them."""
_PARTED: Final = 3
"""Words of so many letters on average are perhaps parts of words."""
_RUN_TOGETHER_MAX: Final = 48
_HAN_NAME: Final = (3, 4)
"""Characters of a name that is found among others; of two characters many are parts of other words."""
_HAN_RUN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]{4,}")


def names_in(stated: str) -> Iterator[str]:
    """A stated name, all of it if only its Latin form would be read, and each alone if it has several."""
    yield stated
    if _SIGN.search(stated) is None and _WORDS_BETWEEN.isdisjoint(stated.casefold().split()):
        return
    seen = visible(stated)
    made = [part.strip() for part in _BETWEEN_NAMES.split(seen)]
    if len(made) > 1:
        if latin_form(seen) != seen:
            yield plain_text(seen)
        yield from (part for part in dict.fromkeys(made) if len(words(part)) > 1)


def otherwise(made: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Words as they may be meant: without initials and honorifics, and with letters for what looks like them.

    `Viktor A. Bout` is `Viktor Bout`, `lbrahim` with a small L is `Ibrahim`, and so is `1brahim`.
    """
    left = tuple(one for one in made if one in PARTICLES or not (len(one) == 1 or one in _HONORIFICS))
    if len(left) < len(made) and sum(one not in PARTICLES for one in left) >= _SAID_BY:
        yield left
    for looks, meant in _LOOK_ALIKES:
        if any(map(looks.search, made)):
            yield tuple(looks.sub(meant, one) for one in made)
    if any(map(_DIGIT_IN_WORD.search, made)):
        yield from (tuple(one.translate(digits) for one in made) for digits in _AS_LETTERS)
        yield all_words(plain_text(" ".join(made)))


def plain_text(text: str) -> str:
    """A text without numbers, brackets and slashes, and with one space between its words."""
    return " ".join(_SIGNS.sub(" ", text).split())


def pieces(text: str) -> Iterator[str]:
    """A text in pieces that are compared whole; each has the second half of the one before."""
    step = NAME_MAX // 2
    for start in range(0, max(len(text) - step, 1), step):
        yield text[start : start + NAME_MAX]


def run_together(made: Sequence[str], at_least: int) -> Iterator[tuple[int, int]]:
    """Where words may be a name without spaces, or one with spaces at other places: from, and up to.

    Of all of them any may be parted (`Osamab inladen`); of some, short ones, as parts of words are.
    """
    for first, word in enumerate(made):
        letters = len(word)
        if letters >= at_least:
            yield first, first + 1
        for end in range(first + 2, len(made) + 1):
            letters += len(made[end - 1])
            if letters > _RUN_TOGETHER_MAX:
                break
            if letters >= at_least and (end - first == len(made) or is_parted(made[first:end])):
                yield first, end


def is_parted(made: Sequence[str]) -> bool:
    """Whether words are so short that they are perhaps parts of words."""
    return sum(map(len, made)) <= _PARTED * len(made)


def han_names(text: str) -> Iterator[str]:
    """The parts of a longer text in Han characters that may be names."""
    if not han.has_han(text):
        return
    for run in _HAN_RUN.findall(text):
        for length in _HAN_NAME:
            if length < len(run):
                yield from (run[at : at + length] for at in range(len(run) - length + 1))
