"""Rate limits: granted exactly, refilled by time, said on every answer, and never without a bound."""

import time
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.errors import SwitchError, TooManyRequests
from schemas.signing import http_signatures
from schemas.signing.keys import SigningKey
from switch.api import limits, proof
from switch.api.limits import Limiter, class_of
from switch.base.settings import Settings
from switch.payments.directory import DirectorySnapshot, Key
from switch.processes import app


class Clock:
    """Time that goes on when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def scope(path: str = "/v1/payments/x", method: str = "GET", address: str = "192.0.2.1") -> dict[str, Any]:
    return {"path": path, "method": method, "headers": [], "client": (address, 1)}


def arrive(limiter: Limiter, made: dict[str, Any], *, proves: bool = False) -> None:
    limiter.arrive(made, None, "/rails/", lambda _: proves)


def come(limiter: Limiter, participant: str = "a", **request: str) -> dict[str, Any]:
    made = scope(**request)
    arrive(limiter, made)
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
    arrive(limiter, made)
    answer(made, 401)
    refused = scope()
    with pytest.raises(TooManyRequests):
        arrive(limiter, refused)
    arrive(limiter, scope(address="192.0.2.2"))
    arrive(limiter, scope("/rails/IN", "POST"))

    assert answer(refused, 429)[b"retry-after"] == b"10"


def test_callbacks_that_no_rail_signed_are_limited_by_address_and_authentic_ones_are_not() -> None:
    """150 kB of XML with a wrong signature, 109 times a second, made everybody's payments six times slower."""
    clock = Clock()
    limiter = Limiter(Settings(workers=1, rate_callback_failure=0.2), clock)
    for status in (200, 200, 200, 401, 400):
        made = scope("/rails/IN", "POST")
        arrive(limiter, made)
        answer(made, status)
    refused = scope("/rails/IN", "POST")
    with pytest.raises(TooManyRequests):
        arrive(limiter, refused)
    arrive(limiter, scope("/rails/IN", "POST", address="192.0.2.2"))
    arrive(limiter, scope())
    clock.now += 5

    arrive(limiter, scope("/rails/IN", "POST"))


def test_who_proves_itself_is_let_in_from_an_address_that_failed_too_often() -> None:
    limiter = Limiter(Settings(workers=1, rate_failure=0.1), Clock())
    made = scope()
    arrive(limiter, made)
    answer(made, 401)
    arrive(limiter, scope(), proves=True)
    with pytest.raises(TooManyRequests):
        arrive(limiter, scope())


async def test_naming_a_known_key_does_not_pass_the_limit_and_does_not_lock_its_owner_out() -> None:
    """A key id is no secret: with bad signatures under it an address failed for ever. The owner sits behind it."""
    key = SigningKey.generate("asha-1")
    public = Key("asha-1", "asha-bank", key.public.algorithm, key.public.pem.decode(), 0, None)
    runtime = SimpleNamespace(
        settings=Settings(), directory=SimpleNamespace(now=DirectorySnapshot(keys=[public]))
    )
    limiter = Limiter(Settings(workers=1, rate_failure=0.2), Clock())

    async def send(signer: SigningKey, body: bytes = b"") -> int:
        made = signed_scope(signer, body)
        try:
            limiter.arrive(made, runtime.directory.now, "/rails/", partial(app._proves, runtime))
            proof.prove(made, body, runtime.directory.now, runtime.settings)
        except SwitchError as error:
            answer(made, error.status)
            return error.status
        return 200

    forger = SigningKey.generate("asha-1")
    forged = [await send(forger) for _ in range(5)]

    assert forged == [401, 401, 429, 429, 429]
    assert await send(key) == 200
    assert await send(key, b"a body") == 200
    assert await send(forger, b"a body") == 429


def signed_scope(key: SigningKey, body: bytes) -> dict[str, Any]:
    signed = http_signatures.sign(
        key,
        method="POST" if body else "GET",
        authority="switch.example",
        path="/v1/positions",
        content_type="text/plain" if body else None,
        body=body,
        now=int(time.time()),
        nonce="nonce-000001",
    )
    headers = {"Host": "switch.example", **signed}
    made = scope("/v1/positions", "POST" if body else "GET")
    return {
        **made,
        "raw_path": b"/v1/positions",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }


def test_attempts_to_sign_in_are_counted_by_address() -> None:
    limiter = Limiter(Settings(workers=1, rate_sign_in=0.1), Clock())
    arrive(limiter, scope("/v1/sign-in", "POST", "2001:db8::1"))
    with pytest.raises(TooManyRequests):
        arrive(limiter, scope("/v1/sign-in", "POST", "2001:db8::2"))


def test_what_is_public_is_counted_by_address_alone() -> None:
    limiter = Limiter(Settings(workers=1, rate_public=0.2), Clock())
    for path in ("/v1/audit/checkpoints", "/v1/audit/consistency"):
        arrive(limiter, scope(path))
    with pytest.raises(TooManyRequests):
        arrive(limiter, scope("/v1/audit/checkpoints/5/cosignatures", "POST"))
    arrive(limiter, scope("/v1/positions"))
    arrive(limiter, scope("/v1/audit/checkpoints", address="192.0.2.77"))


def test_each_step_of_a_sign_in_with_a_provider_counts_and_its_own_logouts_do_not() -> None:
    limiter = Limiter(Settings(workers=1, rate_sign_in=0.1), Clock())
    logout = scope("/console/openid/backchannel-logout", "POST", "192.0.2.9")
    for _ in range(5):
        arrive(limiter, logout)
    arrive(limiter, scope("/console/openid/sign-in/bank", "GET", "192.0.2.9"))
    for path in ("/console/openid/callback", "/console/openid/sign-in/bank"):
        with pytest.raises(TooManyRequests):
            arrive(limiter, scope(path, "GET", "192.0.2.9"))


def test_logout_tokens_that_no_provider_signed_are_limited_by_address() -> None:
    limiter = Limiter(Settings(workers=1, rate_callback_failure=0.1), Clock())
    made = scope("/console/openid/backchannel-logout", "POST", "192.0.2.9")
    arrive(limiter, made)
    answer(made, 400)

    with pytest.raises(TooManyRequests):
        arrive(limiter, scope("/console/openid/backchannel-logout", "POST", "192.0.2.9"))
    arrive(limiter, scope("/console/openid/backchannel-logout", "POST", "192.0.2.10"))


def test_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEPT_MAX", 10)
    limiter = Limiter(Settings(), Clock())
    for number in range(100):
        arrive(limiter, scope(address=f"192.0.2.{number}"))

    assert len(limiter._of_addresses) == 10


def test_classes() -> None:
    assert class_of("POST", "/v1/iso20022/pacs.008") == "pay"
    assert class_of("POST", "/v1/iso20022/pacs.028") == "enquire"
    assert class_of("POST", "/v1/reports") == "report"
    assert class_of("DELETE", "/v1/webhooks/1") == "change"
