"""Memory that grows after a run has settled is found, and caches that fill at its beginning are not."""

import psutil
import pytest

from loadtests import measure, memory

MINUTES = [60.0 * minute for minute in range(61)]


@pytest.mark.parametrize(
    ("mib", "flat", "per_hour"),
    [
        ([200.0] * 61, True, 0.0),
        ([min(200.0, 100 + 10 * minute) for minute in range(61)], True, 0.0),  # a cache that fills
        ([200 + minute / 10 for minute in range(61)], True, 6.1),  # within 5 %
        ([200 + float(minute) for minute in range(61)], False, 63.0),
        ([200.0] * 40 + [300.0] * 21, False, 300.0),
    ],
)
def test_growth_is_judged_after_the_first_third(mib, flat, per_hour):
    found = memory.judged(MINUTES, mib)

    assert found.flat is flat
    assert found.mib_per_hour == pytest.approx(per_hour, abs=1.0)
    assert found.most_mib == max(mib)


def test_a_run_with_few_samples_has_figures():
    assert memory.judged([0.0], [100.0]) == memory.MemoryFigures(100.0, 100.0, 100.0, 0.0, True)


def test_the_report_names_what_grows():
    options = measure.Options(3600.0, 8, 2, "mixed", 0.05, against_naive=False, mix="ten")
    samples = [{"api": 200.0, "writer": 100.0 + minute} for minute in range(61)]
    found = memory.report(options, MINUTES, samples, 10, {"verify": True})

    assert not found["flat"]
    assert "| writer |" in memory.page(found)
    assert found["memory"]["api"]["flat"]
    assert not found["memory"]["writer"]["flat"]


def test_samples_are_of_the_product_alone(stack):
    found = memory.sample([psutil.Process()])

    assert {"api", "writer", "caretaker", "messenger", "postgres writer"} <= found.keys()
    assert "rails" not in found
    assert found["api"] > 5
