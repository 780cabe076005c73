"""Magic words: every one means something, and can be said in every country's accounts."""

import pytest

from adapters import registry
from adapters.reasons import ISO_REASONS
from adapters.simulation import magic
from adapters.simulation.magic import BookAction, EnquiryBehaviour, Magic, magic_account, script
from schemas.errors import NotFound

WORDS = [*(set(Magic) - {Magic.SLOW}), "SLOW8", *ISO_REASONS]


@pytest.mark.parametrize("country", registry.countries())
def test_every_magic_word_has_an_account_in_every_country(country):
    place = registry.module(country, "sandbox")
    for word in WORDS:
        assert place.word_of(magic_account(country, word)) == word
    assert script(place.word_of(magic_account(country, ""))) is None


@pytest.mark.parametrize("word", ["NONSENSE", "SLOW", "SLOWX", "ac 04", "ZZ99"])
def test_a_magic_word_without_a_meaning_has_no_account(word):
    with pytest.raises(ValueError):
        magic_account("IN", word)


def test_there_are_no_accounts_where_there_is_no_adapter():
    with pytest.raises(NotFound):
        magic_account("XX", "AC04")


def test_every_magic_word_has_a_script_and_a_meaning():
    for word in Magic:
        assert script(f"{word}8" if word is Magic.SLOW else word) is not None
        assert f"| `{word}` | {word.meaning} |" in magic.table()


@pytest.mark.parametrize("country", registry.countries())
@pytest.mark.parametrize(("word", "not_found_count"), [("UNKFND", 1), ("UNKFND2", 2), ("UNKFND30", 30)])
def test_how_often_a_rail_does_not_find_what_it_has_credited(country, word, not_found_count):
    account = magic_account(country, word)
    found = script(registry.module(country, "sandbox").word_of(account))

    assert (found.enquiry, found.not_found_count) == (EnquiryBehaviour.NOT_FOUND_FIRST, not_found_count)


def test_only_a_reason_or_lost_keeps_the_creditor_from_the_money():
    unpaid = {word for word in WORDS if script(word).action in {BookAction.REFUSE, BookAction.NOTHING}}

    assert unpaid == {*ISO_REASONS, Magic.LOST}


@pytest.mark.parametrize("account", ["asha@okbank", "asha-home@okbank", "PK36SCBL0000001123456702", "", "-@"])
def test_ordinary_accounts_have_no_magic(account):
    for country in registry.countries():
        assert script(registry.module(country, "sandbox").word_of(account)) is None
