"""What a load came to: offered, confirmed, refused, and the tail of the latencies."""

import pytest

from loadtests import loads, measure
from loadtests.generator import SendResult

OVERLOAD = SendResult(
    payments=600,
    seconds=3.0,
    latencies_ms=[float(ms) for ms in range(1, 601)],
    answers={"200 ACCC": 700, "503 AB10": 250, "429": 40, "202 ACSP": 10},
    cpu_s=0.1,
    begun=900,
    answered=890,
    ended=450,  # the others ended after the measurement
    in_flight_max=512,
    unsent=3,
)


def test_shares_are_of_all_answers_and_latencies_of_confirmed_payments():
    run = measure.MeasuredRun(OVERLOAD, {"api": 2.0, "postgres writer": 1.0, "rails": 5.0, "load": 1.0}, 0.02)
    found = loads.of_run(run)

    assert (found.offered_per_s, found.confirmed_per_s) == (300, 150)
    assert (found.confirmed_share, found.refused_share) == (0.7, 0.29)
    assert (found.p50_ms, found.p99_ms, found.p999_ms) == (300, 594, 600)
    assert found.cpu_us_per_payment == 6666.7
    assert (found.in_flight_max, found.unsent) == (512, 3)


def test_a_load_of_which_nothing_was_confirmed_has_figures():
    run = measure.MeasuredRun(
        SendResult(0, 3.0, [], {"503 AB10": 9}, 0.0, begun=9, answered=9), {"api": 1.0}, 0.0
    )
    found = loads.of_run(run)

    assert (found.confirmed_per_s, found.refused_share, found.p999_ms) == (0, 1, 0)
    assert found.cpu_us_per_payment is None


@pytest.mark.parametrize("name", ["payments_open_loop", "payments_in_flight"])
def test_the_page_warns_of_books_that_do_not_balance(name):
    of = loads.of_run(measure.MeasuredRun(OVERLOAD, {"api": 2.0}, 0.0))
    options = measure.Options(3.0, 8, 2, "mixed", 0.05, against_naive=False, mix="ten")
    page = loads.page(loads._report(name, options, {"8 in flight": of}, {"verify": False}))

    assert "with the rails: NO" in page
    assert "| 8 in flight | 300.0 | 150.0 | 70.00 % | 29.00 % | 300.0 | 594.0 | 600.0 |" in page
