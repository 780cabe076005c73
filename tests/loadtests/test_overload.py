"""What the overload benchmark makes of what it saw."""

from loadtests.loads import LoadFigures
from loadtests.overload import Goodput, absorbed_s


def load(offered: float, confirmed: float, cpu_us: float | None) -> LoadFigures:
    return LoadFigures(offered, confirmed, 1.0, 0.0, 50.0, 90.0, 99.0, cpu_us, 8, 0, 0.1, {})


def test_ratios_are_of_neighbours_in_time():
    found = Goodput(
        [load(100, 100, 4000.0), load(50, 50, 8000.0)], [load(300, 95, 4400.0), load(150, 50, 8000.0)]
    )
    report = found.report()

    assert report["goodput_share"] == {"median": 0.975, "least": 0.95, "most": 1.0}
    assert report["payments_per_core_second_share"]["least"] == 0.909
    assert report["offered_times"]["median"] == 3.0


def test_a_herd_is_absorbed_once_a_second_passes_with_no_more_pending_than_before():
    before, away = [3, 5] * 5, list(range(5, 105))
    back = [*range(100, 0, -2), 9, *[2] * 30]

    # One second (10 samples) before, ten away; 49 samples of the return have more than five, and one more has.
    assert absorbed_s([*before, *away, *back], 1.0, 11.0) == 5.1


def test_a_herd_that_stays_is_not_absorbed():
    assert absorbed_s([5] * 10 + [50] * 100, 1.0, 3.0) is None
