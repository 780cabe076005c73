"""An index finds what comparing a name with every entry finds: what it leaves out is never a hit."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.screening import SYLLABLES, made_up, payments
from switch.names import similarity
from switch.names.similarity import hear, hear_all, heard_as, likeness, likenesses
from switch.screening import index
from switch.screening.index import _SIMILARITY, NameIndex, _Alike, _Asked, _Word
from switch.screening.listed import ListedKind, ListedName, ListedParty
from switch.screening.tables import LEAST_THRESHOLD
from switch.screening.vocabulary import keys


class ExhaustiveIndex(NameIndex):
    """Scores every name, and compares each word of it with each stated one."""

    def _candidates(self, asked: _Asked, threshold: float) -> Iterable[int]:  # noqa: ARG002
        return range(len(self))

    def _similar(self, listed: _Word, stated: _Alike, *, pinyin: bool) -> float:
        return _SIMILARITY[likeness(listed.text, stated.heard.word, pinyin=pinyin)]


WORDS = (
    *("muhammad", "ali", "khan", "usama", "osama", "bin", "laden", "binladen", "abd", "karim", "abdulkarim"),
    *(
        "zelkova",
        "zelkowa",
        "ombrane",
        "quillart",
        "quilart",
        "wang",
        "xiaoming",
        "王",
        "小明",
        "王小明",
        "王曉明",
        "王小鸣",
        "lu",
        "lyu",
        "ван",
        "сяомин",
        "ivan",
        "petrov",
    ),
    *(
        "petrova",
        "al",
        "nur",
        "din",
        "nuruddin",
        "hussein",
        "hossein",
        "kvartsenko",
        "kvarcenko",
        "b",
        "trading",
    ),
)
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
LISTS = st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=12)
THRESHOLDS = st.sampled_from([0.7, 0.75, 0.85, 0.86, 0.9, 0.97, 0.98, 1.0])


def stated_otherwise(name: str, chance: random.Random) -> str:
    """A listed name as somebody may state it: words joined or parted, left out, put in, or in another order."""
    made = name.split()
    for _ in range(chance.randrange(3)):
        at = chance.randrange(len(made))
        word = made[at]
        place = chance.randrange(1, len(word)) if len(word) > 1 else 1
        ways = ["".join(made[at : at + 2])], [word[:place], word[place:]], [], [word, chance.choice(WORDS)]
        way = chance.randrange(len(ways) + 1)
        if way == len(ways):
            chance.shuffle(made)
        elif ways[way] or len(made) > 1:
            made[at : at + 1 + (way == 0)] = filter(None, ways[way])
    return " ".join(made)


@given(LISTS, st.integers(0, 2**32), THRESHOLDS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_left_out_is_never_a_hit(
    listed: list[list[str]], seed: int, threshold: float, weak: bool
) -> None:
    parties = [
        ListedParty(
            str(at),
            ListedKind.PERSON,
            [ListedName(name, weak=weak and not place) for place, name in enumerate(known)],
        )
        for at, known in enumerate(listed)
    ]
    quick, whole = NameIndex(parties), ExhaustiveIndex(parties)
    chance = random.Random(seed)

    for name in (stated_otherwise(chance.choice(chance.choice(listed)), chance) for _ in range(6)):
        assert quick.search(name, threshold=threshold) == whole.search(name, threshold=threshold), name


def test_a_long_name_is_found_without_any_one_of_its_words() -> None:
    """Each of five words that weigh as much as another one may be missing at the least threshold."""
    long = ["zelkova", "ombrane", "quillart", "kvartsenko", "petrov"]
    parties = [ListedParty("0", ListedKind.PERSON, [ListedName(" ".join(long))])]
    quick, whole = NameIndex(parties), ExhaustiveIndex(parties)

    for at in range(len(long)):
        stated = " ".join([*long[:at], *long[at + 1 :], "fenwick"])
        assert len(quick.search(stated, threshold=LEAST_THRESHOLD)) == 1
        assert quick.search(stated, threshold=0.7) == whole.search(stated, threshold=0.7)


def test_characters_that_surnames_read_otherwise_are_found_by_how_each_is_read() -> None:
    """As a surname the first character is Shan, and the one that it may be a form of is read Dan."""
    others = [
        f"\u5355{name}" for name in ("\u4f1f", "\u82b3", "\u5a1c", "\u654f", "\u9759", "\u4e3d", "\u5f3a")
    ]
    parties = [
        ListedParty(str(at), ListedKind.PERSON, [ListedName(name)])
        for at, name in enumerate(["\u5355\u632f\u4e1c", *others * 30])
    ]
    stated = "\u4eb6\u632f\u4e1c"

    (hit,) = NameIndex(parties).search(stated)
    assert (hit.party.id, hit.score) == ("0", 1.0)
    assert [hit] == list(ExhaustiveIndex(parties).search(stated))


@pytest.mark.long
def test_the_names_of_common_people_have_the_same_hits_in_a_large_list() -> None:
    parties = list(made_up(1_000))
    quick, whole = NameIndex(parties), ExhaustiveIndex(parties)
    listed = [party.names[0].text for party in parties[::40]]
    found = 0
    for name in [*listed, *(name for pair in payments(50) for name in pair)]:
        for threshold in (0.75, index.THRESHOLD):
            hits = quick.search(name, threshold=threshold)
            assert hits == whole.search(name, threshold=threshold), name
            found += len(hits)
    assert found > len(listed)


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def changed(word: str, chance: random.Random) -> str:
    """A word with one or two letters that are other ones, left out, put in or swapped."""
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(len(word))
        ways = (
            word[:at] + word[at + 1 :],
            word[:at] + chance.choice(LETTERS) + word[at:],
            word[:at] + chance.choice(LETTERS) + word[at + 1 :],
            word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
        )
        word = chance.choice(ways) or word
    return word


PARTS = (
    *("t", "th", "d", "dh", "z", "dz", "s", "ts", "c", "sh", "ch", "j", "y", "v", "w", "b", "f", "g", "gh"),
    *("h", "kh", "k", "q", "zh", "x", "p", "m", "n", "r", "l", "", "\u0259", *"aeiouaiu"),
)
"""What sounds are written with, so that words are like others in every way that sounds can be."""


def sounding_otherwise(parts: list[str], chance: random.Random) -> str:
    """A word of these parts with up to three others, one more, or one less."""
    made = list(parts)
    for _ in range(chance.choice((1, 1, 2, 2, 3))):
        at = chance.randrange(len(made))
        made[at : at + 1] = chance.choice(((chance.choice(PARTS),), (made[at], chance.choice(PARTS)), ("",)))
    return "".join(made)


def test_no_word_that_is_like_another_is_missing_among_those_that_are_near() -> None:
    chance = random.Random(19)
    known = sorted({word for party in made_up(400) for name in party.names for word in name.text.split()})
    known += ["".join(chance.choices(LETTERS, k=chance.randrange(1, 9))) for _ in range(1500)]
    pairs = [(word, changed(word, chance)) for word in known for _ in range(12)]
    parts = [chance.choices(PARTS, k=chance.randrange(1, 8)) for _ in range(5_000)]
    pairs += [("".join(one), sounding_otherwise(one, chance)) for one in parts]
    alike = [(one, other) for one, other in pairs if one and other and likeness(one, other)]

    assert len(alike) > 4_000
    assert [pair for pair in alike if keys(hear(pair[0])).isdisjoint(keys(hear(pair[1])))] == []


def read_as_one(words: list[str], chance: random.Random) -> list[str]:
    """A listed name as it may be stated: two of its words as one, others with errors, one more or one less."""
    at = chance.randrange(len(words) - 1)
    others = [
        changed(word, chance) if chance.random() < 0.5 else word for word in (*words[:at], *words[at + 2 :])
    ]
    if others and chance.random() < 0.3:
        others.pop(chance.randrange(len(others)))
    if chance.random() < 0.5:
        others.append(chance.choice(WORDS))
    return [*others, words[at] + words[at + 1]]


def test_two_words_as_one_are_a_hit_up_to_the_score_of_their_name() -> None:
    """At a threshold that is barely lower, what is left out must be no more than what is no hit."""
    chance = random.Random(31)
    syllables = ["".join(chance.choices(SYLLABLES, k=chance.choice((1, 2, 2)))) for _ in range(40)]
    listed = [chance.choices((*syllables, *WORDS[:12]), k=chance.choice((2, 3, 3, 4))) for _ in range(60)]
    parties = [
        ListedParty(str(at), ListedKind.PERSON, [ListedName(" ".join(words))])
        for at, words in enumerate(listed)
    ]
    quick, whole = NameIndex(parties), ExhaustiveIndex(parties)
    found = 0
    for name in (" ".join(read_as_one(chance.choice(listed), chance)) for _ in range(400)):
        for hit in whole.search(name, threshold=LEAST_THRESHOLD):
            threshold = max(LEAST_THRESHOLD, hit.score - 0.0006)
            assert quick.search(name, threshold=threshold) == whole.search(name, threshold=threshold), name
            found += 1

    assert found > 200


def parted(words: list[str], chance: random.Random) -> str:
    """A name with its longest word in two parts."""
    longest = max(words, key=len)
    place = chance.randrange(1, len(longest)) if len(longest) > 1 else 1
    return " ".join(f"{word[:place]} {word[place:]}" if word == longest else word for word in words)


def test_a_listed_name_among_other_words_is_a_hit_up_to_its_score() -> None:
    """Neither the words around a name nor two words that are read as one leave it out."""
    chance = random.Random(37)
    syllables = ["".join(chance.choices(SYLLABLES, k=chance.choice((1, 2, 3)))) for _ in range(60)]
    listed = [chance.choices((*syllables, *WORDS[:12]), k=chance.choice((2, 3, 3, 4))) for _ in range(80)]
    parties = [
        ListedParty(str(at), ListedKind.PERSON, [ListedName(" ".join(words))])
        for at, words in enumerate(listed)
    ]
    quick, whole = NameIndex(parties), ExhaustiveIndex(parties)
    found = 0
    for number in range(300):
        words = chance.choice(listed)
        name = parted(words, chance) if number % 3 == 0 else stated_otherwise(" ".join(words), chance)
        before, after = (chance.choices((*syllables, *WORDS), k=chance.randrange(4)) for _ in range(2))
        text = " ".join([*before, name, *after])
        assert quick.search_text(text) == whole.search_text(text), text
        for hit in whole.search(text, threshold=LEAST_THRESHOLD):
            threshold = max(LEAST_THRESHOLD, hit.score - 0.0006)
            assert quick.search(text, threshold=threshold) == whole.search(text, threshold=threshold), text
            found += 1

    assert found > 150


CHEAP = {
    one: [other for other, apart in found.items() if apart <= similarity.NEAR]
    for one, found in similarity._APART.items()
}
"""What each sound may be changed into, so that the word is nearly the same."""


def sounding_nearly(sounds: str, chance: random.Random) -> str:
    """The sounds of a word with some changed, left out or put in, each of which is cheap."""
    made = [*sounds]
    for _ in range(chance.choice((1, 2, 2, 3, 3))):
        at = chance.randrange(len(made))
        left_out = [] if made[at] in similarity._MISSING and len(made) > 1 else [made[at]]
        put_in = [chance.choice([*similarity._MISSING]), made[at]]
        changed = [chance.choice(CHEAP.get(made[at]) or [made[at]])]
        made[at : at + 1] = chance.choice((left_out, put_in, changed, changed))
    return similarity.DOUBLED.sub(r"\1", "".join(made))


def test_no_word_whose_sounds_are_nearly_those_of_another_is_missing() -> None:
    """Words of sounds that change into ones that skeletons do not have, merge, or are left out."""
    chance = random.Random(23)
    sounds = "\u0259\u0259aaiuuyyhhxxkkggGJJvvTzcbdtmsr"
    found = 0
    for _ in range(40_000):
        made = similarity.DOUBLED.sub(r"\1", "".join(chance.choices(sounds, k=chance.randrange(1, 8))))
        one, other = heard_as("1", made), heard_as("2", sounding_nearly(made, chance))
        if likenesses(one, [other])[0]:
            found += 1
            assert not keys(one).isdisjoint(keys(other)), (one, other)

    assert found > 15_000


def test_many_words_are_heard_and_compared_as_one_by_one() -> None:
    chance = random.Random(7)
    words = ["".join(chance.choices(PARTS, k=chance.randrange(1, 8))) or "a" for _ in range(600)]
    words += [sounding_otherwise([*word], chance) or "b" for word in words] + ["laden", "ladin", "a" * 60]

    assert hear_all(words) == {word: hear(word) for word in words}
    assert hear_all([]) == {}
    others = [hear(word) for word in words]
    for word in words[::80]:
        for pinyin in (False, True):
            one_by_one = [likeness(word, other, pinyin=pinyin) for other in words]
            assert likenesses(hear(word), others, pinyin=pinyin) == one_by_one
