"""Chinese names in Cyrillic letters, as Russian writes them (Palladius): `Ван Сяомин` is Wang Xiaoming."""

# ruff: noqa: RUF001, SIM905 - syllables in Cyrillic letters, many in a line
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

_WORD: Final = re.compile("[а-яё]+")
_WORD_MAX: Final = 24
_HARD: Final = dict(
    pair.split("=")
    for pair in (
        "а=a э=e ай=ai эй=ei ао=ao оу=ou ань=an энь=en ан=ang эн=eng у=u уа=ua уай=uai уй=ui уэй=ui уань=uan "
        "унь=un уан=uang ун=ong"
    ).split()
)
_SOFT: Final = dict(
    pair.split("=") for pair in "и=i я=ia е=ie яо=iao ю=iu янь=ian инь=in ян=iang ин=ing юн=iong".split()
)
_ROUND: Final = dict(pair.split("=") for pair in "юй=u юэ=ue юань=uan юнь=un".split())
_INITIALS: Final = dict(
    pair.split("=")
    for pair in "б=b п=p м=m ф=f д=d т=t н=n л=l г=g к=k х=h чж=zh ч=ch ш=sh ж=r цз=z ц=c с=s".split()
)
_BEFORE_SOFT: Final = {"z": "j", "c": "q", "s": "x"}
_ALONE: Final = dict(
    pair.split("=")
    for pair in (
        "а=a о=e э=e ай=ai ао=ao оу=ou ань=an энь=en ан=ang эр=er и=yi я=ya е=ye яо=yao ю=you "
        "янь=yan инь=yin ян=yang ин=ying юн=yong у=wu ва=wa во=wo вай=wai вэй=wei вань=wan вэнь=wen "
        "ван=wang вэн=weng юй=yu юэ=yue юань=yuan юнь=yun"
    ).split()
)
_LONGEST: Final = 6


def pinyin(name: str) -> tuple[str, ...] | None:
    """The words of a name in pinyin; None if not all of its words are Chinese syllables."""
    found = _WORD.findall(name.casefold())
    if not found or "".join(found) != "".join(filter(str.isalpha, name.casefold())):
        return None
    read = [_word(word) for word in found]
    return tuple(word for word in read if word) if all(read) else None


@lru_cache(maxsize=4096)
def _word(word: str) -> str | None:
    if len(word) > _WORD_MAX:
        return None
    read: list[str | None] = [""]
    for end in range(1, len(word) + 1):
        ways = (
            (before, _syllables().get(word[start:end]))
            for start in range(max(0, end - _LONGEST), end)
            if (before := read[start]) is not None
        )
        read.append(next((before + syllable for before, syllable in ways if syllable), None))
    return read[-1]


@cache
def _syllables() -> dict[str, str]:
    return dict([*_made(), *_ALONE.items()])


def _made() -> Iterator[tuple[str, str]]:
    for written, initial in _INITIALS.items():
        hushing = initial in {"zh", "ch", "sh", "r"}
        for final, latin in _HARD.items():
            yield written + final, initial + latin
        yield written + "о", initial + ("o" if initial in "bpmf" else "uo")
        if initial in _BEFORE_SOFT:
            yield written + "ы", initial + "i"
        if hushing:
            yield written + "и", initial + "i"
            continue
        soft = _BEFORE_SOFT.get(initial, initial)
        for final, latin in _SOFT.items():
            yield written + final, soft + latin
        for final, latin in _ROUND.items():
            yield written + final, soft + ("y" if initial in "nl" else "") + latin
