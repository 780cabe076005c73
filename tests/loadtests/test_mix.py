"""The mix is what the benchmark says that it is: rails, shares, and messages that a bank could send."""

import re
from collections import Counter

import pytest

from adapters import registry
from loadtests import mix
from loadtests.generator import UETR
from schemas import codec, credit_transfer, rules
from schemas.signing.keys import SigningKey

KEY = SigningKey.generate("bench-1")


def senders(name: str, representations: str, seed: int = 0):
    """The senders of a mix, all with the same key."""
    chosen = mix.mix(name)
    keys = dict.fromkeys(chosen.shares, (KEY.keyid, KEY.pem.decode()))
    return mix.senders(chosen, keys, representations, seed)


@pytest.fixture(scope="module")
def ten():
    return senders("ten", "mixed")


def test_eight_senders_are_skewed_and_use_ten_rails_in_both_representations(ten):
    assert [sender.weight for sender in ten] == [0.35, 0.35, *([0.05] * 6)]
    assert {template.rail for sender in ten for template in sender.messages} == set(registry.countries())
    for sender in ten:
        assert len({sender.address for sender in ten}) == len(ten)
        by_rail = Counter((template.rail, template.media_type) for template in sender.messages)
        assert len(by_rail) == 2 * 9  # each rail but that of its own country
        assert set(by_rail.values()) == {mix.VARIANTS}


def test_messages_vary_by_seed(ten):
    def texts(found):
        return [re.sub(r"20\d\d-[^<\"]+", "", one.text) for sender in found for one in sender.messages]

    assert len(set(texts(ten))) > 0.95 * len(texts(ten))
    assert texts(senders("ten", "mixed")) == texts(ten)
    assert texts(senders("ten", "mixed", seed=1)) != texts(ten)


def test_every_message_is_valid_and_within_the_rules(ten):
    for sender in ten:
        for template in sender.messages:
            message = codec.decode(template.text.encode(), media_type=template.media_type, expect="pacs.008")
            assert message.id == credit_transfer.DEFAULT_VERSION
            assert template.text.count(UETR) == 1
            payment = credit_transfer.read(message)
            assert not rules.refusals(rules.check(message)), template.text
            assert registry.by_currency()[payment.interbank_settlement_amount.currency]


@pytest.mark.parametrize("representations", ["xml", "json"])
def test_two_is_one_message_in_two_directions(representations):
    found = senders("two", representations)

    assert [len(sender.messages) for sender in found] == [1, 1]
    assert {sender.messages[0].rail for sender in found} == {"IN", "PK"}
    for sender in found:
        (template,) = sender.messages
        message = codec.decode(template.text.encode(), media_type=template.media_type, expect="pacs.008")
        assert credit_transfer.read(message).interbank_settlement_amount.text == "1000.00"
