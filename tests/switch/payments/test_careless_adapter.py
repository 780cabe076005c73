"""An adapter is a third party's code: what it stumbles over is refused, holds nothing and says nothing of people."""

from types import SimpleNamespace
from typing import Any, Never

import pytest
import structlog

from adapters.port import Native, Violation
from adapters.simulation.harness import sample_order
from schemas.errors import InvalidMessage, NotAuthentic, Refused
from switch.payments.rails import Breaker, Bulkhead, Rail

SECRET = "Zaphod"


def stumbles(*_: Any) -> Never:
    raise ZeroDivisionError(SECRET)


def forged(_: bytes) -> Never:
    raise NotAuthentic


def rail_of(**methods: Any) -> Rail:
    adapter: Any = SimpleNamespace(
        profile=SimpleNamespace(country="PK"),
        check=lambda _: [],
        translate=lambda _: Native("1", b"said"),
        decode=lambda _: [],
    )
    adapter.__dict__.update(methods)
    serials: Any = None
    return Rail(adapter, serials, Bulkhead(1), Breaker("PK", 1.0))


@pytest.mark.parametrize("step", ["check", "translate"])
def test_a_payment_that_an_adapter_stumbles_over_is_refused(step: str) -> None:
    with structlog.testing.capture_logs() as logged, pytest.raises(Refused) as refused:
        rail_of(**{step: stumbles}).translate(sample_order("PK"))

    assert refused.value.reason == "AG03"
    assert [line["event"] for line in logged] == ["translator_failed"]
    assert SECRET not in refused.value.detail + str(logged)


def test_what_a_rail_cannot_carry_is_refused_with_the_adapters_reason() -> None:
    said = [Violation("AC03", "CdtTrfTxInf/CdtrAcct", "not an account"), Violation("AM02", "", "too much")]
    with pytest.raises(Refused) as refused:
        rail_of(check=lambda _: said, translate=stumbles).translate(sample_order("PK"))

    assert (refused.value.reason, refused.value.path) == ("AC03", "FIToFICstmrCdtTrf/CdtTrfTxInf/CdtrAcct")
    assert rail_of().translate(sample_order("PK")).body == b"said"


def test_a_notification_that_an_adapter_cannot_read_is_no_message() -> None:
    with structlog.testing.capture_logs() as logged, pytest.raises(InvalidMessage):
        rail_of(decode=stumbles).read(b"<x/>")
    with pytest.raises(NotAuthentic):
        rail_of(decode=forged).read(b"<x/>")

    assert [line["event"] for line in logged] == ["decoder_failed"]
    assert SECRET not in str(logged)


def test_a_rail_without_notices_for_people_sends_none() -> None:
    assert rail_of().notice(b"<x/>") is None
    assert rail_of(notice=lambda _: "closed").notice(b"<x/>") == "closed"
    with pytest.raises(InvalidMessage):
        rail_of(notice=stumbles).notice(b"<x/>")
