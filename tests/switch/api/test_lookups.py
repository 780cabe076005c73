"""Quotas of account look-ups: granted exactly, of a participant and at one bank, all of a message or none."""

import pytest

from schemas.errors import NotAllowed, TooManyRequests
from switch.api.lookups import LookUps
from switch.base.settings import Settings
from switch.payments.directory import Participant
from tests.switch.api.test_rate_limits import Clock


def bank(name: str = "asha-bank", kind: str = "direct") -> Participant:
    return Participant(name, name, "ASHAINBB", "IN", kind, "active")


def quotas(clock: Clock) -> LookUps:
    return LookUps(Settings(workers=2, lookups_per_day=480, lookups_of_bank_per_day=240), clock)


def test_a_quota_is_of_a_participant_and_refills_over_a_day() -> None:
    clock = Clock()
    quota = quotas(clock)
    for n in range(10):
        quota.take(bank(), [f"bank {n}"])
    with pytest.raises(TooManyRequests):
        quota.take(bank(), ["bank 10"])
    quota.take(bank("indus-bank"), ["bank 10"])
    clock.now += 86_400 / 240

    quota.take(bank(), ["bank 10"])


def test_a_quota_is_at_one_bank_and_all_of_a_message_or_none() -> None:
    quota = quotas(Clock())
    with pytest.raises(TooManyRequests):
        quota.take(bank(), ["INDUPKKA"] * 6)

    quota.take(bank(), ["INDUPKKA"] * 5)
    with pytest.raises(TooManyRequests):
        quota.take(bank(), ["NOORPKKA", "INDUPKKA"])
    quota.take(bank(), ["NOORPKKA"] * 5)


def test_no_quota_is_no_limit() -> None:
    quota = LookUps(Settings(lookups_per_day=0, lookups_of_bank_per_day=0), Clock())

    for _ in range(1000):
        quota.take(bank(), ["INDUPKKA"])


@pytest.mark.parametrize("kind", ["settlement_agent", "central_bank"])
def test_who_sends_no_payments_looks_up_no_accounts(kind: str) -> None:
    with pytest.raises(NotAllowed):
        quotas(Clock()).take(bank(kind=kind), ["INDUPKKA"])
