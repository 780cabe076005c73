"""Magic words as numbers of eight digits, for countries whose accounts have only digits.

An ISO reason is encoded as its value in base 36, another word as its index in `Magic`, followed by the number
of `SLOW` and `UNKFND`.
"""

from typing import Final

from adapters.simulation.magic import Magic

_FIRST_WORD: Final = 90_000_000
_PER_WORD: Final = 1000
_WORDS: Final = list(Magic)
_NUMBERED: Final = (Magic.SLOW, Magic.UNKFND)
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def number_of(word: str) -> int:
    """The number that encodes a word; 0 for an ordinary account."""
    name = word.rstrip("0123456789") if word.startswith(_NUMBERED) else word
    if name in _WORDS:
        return _FIRST_WORD + _WORDS.index(Magic(name)) * _PER_WORD + int(word[len(name) :] or 0)
    return int(word, 36) if word else 0


def word_at(number: int) -> str:
    """The word that a number of at most eight digits encodes; empty for a number without one."""
    if number < _FIRST_WORD:
        return _base36(number)
    place, seconds = divmod(number - _FIRST_WORD, _PER_WORD)
    if place >= len(_WORDS):
        return ""
    return f"{_WORDS[place]}{seconds or ''}"


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text
