"""A rail that asks about orders which never came is answered a bounded number of times: each answer is kept for ever."""

from typing import cast

import asyncpg
import pytest

from schemas.errors import TooManyRequests
from switch.payments.inbound import UNKNOWN_MAX, UNKNOWN_PER_S, InboundRails


def test_a_rail_asks_about_so_many_unknown_ids_and_then_as_many_as_time_permits() -> None:
    rails = InboundRails(cast(asyncpg.Pool, None))  # it is not asked for anything
    for _ in range(UNKNOWN_MAX):
        rails.bar_one("PK", 0.0)
    for _ in range(2):  # a refused one uses nothing up
        with pytest.raises(TooManyRequests):
            rails.bar_one("PK", 0.1)
    rails.bar_one("IN", 0.1)  # another rail has its own
    rails.bar_one("PK", 1.0)
    rails.bar_one("PK", 1.0)
    with pytest.raises(TooManyRequests):
        rails.bar_one("PK", 1.0)
    long_after = UNKNOWN_MAX / UNKNOWN_PER_S * 10
    for _ in range(UNKNOWN_MAX):
        rails.bar_one("PK", long_after)
    with pytest.raises(TooManyRequests):
        rails.bar_one("PK", long_after)
