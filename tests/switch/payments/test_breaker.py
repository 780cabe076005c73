"""A rail that falls silent is left alone for a while; a word from it, and all is as before."""

import pytest

from schemas.errors import Unavailable
from switch.payments.rails import SILENT_MAX, Breaker


def test_a_rail_that_answers_is_never_left_alone():
    breaker = Breaker("PK", rest_s=60)
    for _ in range(3):
        for _ in range(SILENT_MAX - 1):
            breaker.count_exchange(answered=False)
        breaker.count_exchange(answered=True)
    breaker.check()
    assert not breaker.open


def test_after_many_silences_new_payments_are_turned_away_and_one_is_let_through_to_see():
    breaker = Breaker("PK", rest_s=60)
    for _ in range(SILENT_MAX):
        breaker.check()
        breaker.count_exchange(answered=False)
    with pytest.raises(Unavailable):
        breaker.check()
    breaker._retry_at = 0.0
    breaker.check()  # the one that looks
    with pytest.raises(Unavailable):
        breaker.check()
    breaker.count_exchange(answered=False)
    with pytest.raises(Unavailable):
        breaker.check()
    breaker.count_exchange(answered=True)
    breaker.check()
