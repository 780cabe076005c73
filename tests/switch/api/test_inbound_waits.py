"""How an exchange of a rail waits for the outcome of its order."""

from datetime import UTC, datetime

import pytest

from adapters.originating import OrderVerdict
from adapters.port import Outcome
from switch.api import inbound

AT = datetime(2026, 12, 1, tzinfo=UTC)


class Order:
    """An order that is decided at the given look."""

    def __init__(self, at_look: int) -> None:
        self.left, self.looks = at_look, 0

    @property
    def verdict(self) -> OrderVerdict:
        return OrderVerdict(Outcome.PENDING if self.left > self.looks else Outcome.DONE, AT)

    async def read(self) -> "Order":
        self.looks += 1
        return self


def looks_of(seconds: float) -> list[float]:
    """When an exchange of so long looks."""
    found, waited = [], 0.0
    while waited < seconds:
        waited += inbound.pause_s(waited, seconds)
        found.append(waited)
    return found


@pytest.mark.parametrize("seconds", [0.05, 1.0, 10.0, 60.0])
def test_the_last_look_is_at_the_end_of_the_exchange(seconds: float) -> None:
    assert looks_of(seconds)[-1] == pytest.approx(seconds)


def test_a_long_exchange_looks_seldom_and_a_short_one_often() -> None:
    """It asked the database ten times a second, however long the rail waits."""
    assert 10 <= len(looks_of(1.0)) <= 11  # tenths are not exact
    assert len(looks_of(10.0)) < 40
    assert len(looks_of(60.0)) < 60


@pytest.mark.asyncio
async def test_an_exchange_ends_with_the_outcome_or_with_its_time() -> None:
    decided, slow = Order(2), Order(10**6)

    assert (await inbound._wait(decided, 60.0, decided.read)).verdict.outcome is Outcome.DONE
    assert (await inbound._wait(slow, 0.25, slow.read)).verdict.outcome is Outcome.PENDING
    assert decided.looks == 2
    assert slow.looks > 0
