"""Rate limits: granted exactly, refilled by time, said on every answer, and never without a bound."""

from typing import Any

import pytest

from schemas.errors import TooManyRequests
from switch.api import limits
from switch.api.limits import Limiter, class_of
from switch.settings import Settings


class Clock:
    """Time that goes on when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def scope(path: str = "/v1/payments/x", method: str = "GET", address: str = "192.0.2.1") -> dict[str, Any]:
    return {"path": path, "method": method, "headers": [], "client": (address, 1)}


def come(limiter: Limiter, participant: str = "a", **request: str) -> dict[str, Any]:
    made = scope(**request)
    limiter.arrive(made, None, "/rails/")
    limits.admit(made, participant)
    return made


def answer(made: dict[str, Any], status: int) -> dict[bytes, bytes]:
    message = {"status": status, "headers": [(b"retry-after", b"1")]}
    limits.mark(made, message)
    return dict(message["headers"])


def test_workers_share_a_limit_that_refills_with_time() -> None:
    clock = Clock()
    limiter = Limiter(Settings(workers=2, rate_enquire=1.0), clock)
    for _ in range(5):
        made = come(limiter)
    with pytest.raises(TooManyRequests):
        come(limiter)
    come(limiter, "another")
    come(limiter, method="POST")
    clock.now += 2

    assert answer(made, 200)[b"ratelimit-policy"] == b'"enquire";q=5;w=10'
    assert answer(come(limiter), 200)[b"ratelimit"] == b'"enquire";r=0;t=10'


def test_an_address_that_proves_nothing_is_turned_away_but_never_a_rails_answer() -> None:
    limiter = Limiter(Settings(workers=1, rate_failure=0.1), Clock())
    made = scope()
    limiter.arrive(made, None, "/rails/")
    answer(made, 401)
    refused = scope()
    with pytest.raises(TooManyRequests):
        limiter.arrive(refused, None, "/rails/")
    limiter.arrive(scope(address="192.0.2.2"), None, "/rails/")
    limiter.arrive(scope("/rails/IN", "POST"), None, "/rails/")

    assert answer(refused, 429)[b"retry-after"] == b"10"


def test_attempts_to_sign_in_are_counted_by_address() -> None:
    limiter = Limiter(Settings(workers=1, rate_sign_in=0.1), Clock())
    limiter.arrive(scope("/v1/sign-in", "POST", "2001:db8::1"), None, "/rails/")
    with pytest.raises(TooManyRequests):
        limiter.arrive(scope("/v1/sign-in", "POST", "2001:db8::2"), None, "/rails/")


def test_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEPT_MAX", 10)
    limiter = Limiter(Settings(), Clock())
    for number in range(100):
        limiter.arrive(scope(address=f"192.0.2.{number}"), None, "/rails/")

    assert len(limiter._of_addresses) == 10


def test_classes() -> None:
    assert class_of("POST", "/v1/iso20022/pacs.008") == "pay"
    assert class_of("POST", "/v1/iso20022/pacs.028") == "enquire"
    assert class_of("POST", "/v1/reports") == "report"
    assert class_of("DELETE", "/v1/webhooks/1") == "change"
