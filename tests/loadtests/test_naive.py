"""The naive peer is a switch that works: otherwise a ratio to it would mean nothing."""

import pytest

from loadtests import measure
from loadtests.systems import naive_ground, naive_switch


@pytest.mark.long
def test_the_naive_switch_moves_money_over_ten_rails_and_its_books_balance(tmp_path):
    options = measure.Options(2.5, 8, 2, "mixed", 0.0, against_naive=True, mix="ten", warm_up_s=0.5)
    with naive_ground(tmp_path / "naive", options) as ground:
        with naive_switch(ground, workers=2, pool=2) as target:
            run = measure.measure(target, options)
        checks = ground.checks()

    assert set(run.result.answers) == {"200 ACCC"}
    assert run.result.payments
    assert len(run.result.by_rail) == 10
    assert run.cpu["switch"] > 0
    assert run.cpu["postgres server"] > 0
    assert run.cpu["rails"] > 0
    assert checks
    assert all(checks.values()), checks
