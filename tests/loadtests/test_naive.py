"""The naive peer is a switch that works: otherwise a ratio to it would mean nothing."""

import pytest

from loadtests import measure
from loadtests.systems import naive_ground, naive_switch


@pytest.mark.slow
def test_the_naive_switch_moves_money_both_ways_and_its_books_balance(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "WARM_UP_S", 0.5)
    options = measure.Options(2.5, 4, 2, "mixed", rail_latency_s=0.0, against_naive=True)
    with naive_ground(tmp_path / "naive", options) as ground:
        with naive_switch(ground, workers=2, pool=2) as target:
            run = measure.measure(target, options)
        checks = ground.checks()

    assert set(run.result.answers) == {"200 ACCC"}
    assert run.result.payments
    assert run.cpu["switch"] > 0
    assert run.cpu["postgres"] > 0
    assert run.cpu["rails"] > 0
    assert checks
    assert all(checks.values()), checks
