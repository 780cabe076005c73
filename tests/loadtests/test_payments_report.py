"""The benchmark's arithmetic."""

import subprocess
import sys

import psutil
import pytest

from loadtests import loads, measure, payments, payments_table
from loadtests.generator import SendResult


def a_run(count: int, seconds: float, cpu: dict[str, float]) -> measure.MeasuredRun:
    """What the load process saw of so many payments of 1 ms."""
    result = SendResult(
        payments=count,
        seconds=seconds,
        latencies_ms=[1.0] * count,
        answers={},
        cpu_s=0.0,
        begun=count,
        answered=count,
        ended=count,
        by_rail={"IN": count},
    )
    return measure.MeasuredRun(result, cpu, elsewhere=0.25)


CALM = a_run(1, 1.0, {})


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, 0.0), ([7], 0.5, 7), ([7], 0.99, 7), ([1, 2, 3, 4], 0.5, 2), (list(range(1, 101)), 0.99, 99)],
)
def test_a_percentile_is_a_value_that_was_seen(values, share, expected):
    assert measure.percentile(values, share) == expected


def test_cpu_is_shown_by_part_and_payment():
    loaded = a_run(
        1000,
        2.0,
        {
            "api": 0.7,
            "writer": 0.3,
            "postgres writer": 0.4,
            "postgres server": 0.1,
            "rails": 9.0,
            "load": 0.1,
        },
    )
    found = measure.figures([loaded, loaded], CALM, {"a": True})

    assert found.payments_per_s == 500
    assert found.rounds_payments_per_s == [500, 500]
    assert found.cpu_elsewhere_share == 0.25
    assert found.cpu_us_per_payment == 1500
    assert found.cpu_us_by_part == {"switch": 1000, "postgres": 500, "rails": 9000, "load": 100}
    assert found.cpu_us_by_process["writer"] == 300
    assert found.payments_per_core_second == 666.7
    assert found.payments_by_rail == {"IN": 2000}


@pytest.mark.parametrize(
    ("program", "command", "name", "part"),
    [
        ("python", ["payswitch api-1 switch.processes.api"], "api", "switch"),
        ("python", ["payswitch writer switch.processes.writer"], "writer", "switch"),
        ("python", ["payswitch fork-server"], "supervisor", "switch"),
        ("python", ["/venv/bin/python", "/venv/bin/payswitch", "up", "--sandbox"], "supervisor", "switch"),
        ("python", ["payswitch rail-IN adapters.simulation.__main__"], "rails", "rails"),
        ("python", ["python", "-m", "adapters.simulation", "PK"], "rails", "rails"),
        ("postgres", ["postgres: payswitch_writer postgres [local] COMMIT"], "postgres writer", "postgres"),
        ("postgres", ["postgres: checkpointer "], "postgres server", "postgres"),
        ("python", ["python", "-m", "loadtests.naive"], "switch", "switch"),
    ],
)
def test_a_process_is_named_by_its_title(program, command, name, part):
    """A simulated rail that was forked has one word as its command line, and was counted to the product."""
    assert measure.name_of(program, command) == name
    assert measure.part_of(name) == part


def test_rails_that_run_are_not_the_product(stack):
    spent = measure.cpu_by_process([psutil.Process()])

    assert {"api", "writer", "caretaker", "messenger", "postgres writer", "rails"} <= spent.keys()


def test_books_that_do_not_balance_are_reported():
    assert not measure.figures([CALM], CALM, {"a": True, "b": False}).balanced


def test_a_process_tree_counts_children_that_ended():
    burn = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    before = measure.cpu_by_part([psutil.Process()])
    subprocess.run([sys.executable, "-c", burn], check=True)
    after = measure.cpu_by_part([psutil.Process()])

    assert sum(after.values()) - sum(before.values()) >= 0.18  # the system counts in hundredths


def test_the_table_warns_of_books_that_do_not_balance():
    options = measure.Options(1.0, 1, 1, "xml", 0.05, against_naive=False)
    found = payments.report(options, measure.figures([CALM], CALM, {"a": False}), None, {})

    assert "| NO |" in payments_table.page(found)
    assert found["ratio_vs_naive"] is None


def test_the_page_has_the_other_measurements_too():
    options = measure.Options(1.0, 1, 1, "xml", 0.05, against_naive=False)
    found = payments.report(options, measure.figures([CALM], CALM, {"a": True}), None, {})
    of = {"8 in flight": loads.of_run(CALM)}
    found["more"] = {"in_flight": loads._report("payments_in_flight", options, of, {"verify": False})}
    page = payments.page(found)

    assert page.startswith("# Benchmark: payments end to end")
    assert "\n# Payments: payments in flight\n" in page
    assert "| 8 in flight | 1.0 |" in page


def test_the_ratio_is_the_median_of_the_rounds():
    def figures(*rounds):
        return measure.figures([a_run(count, 1.0, {"switch": 1.0}) for count in rounds], CALM, {})

    options = measure.Options(1.0, 1, 1, "xml", 0.05, against_naive=True)
    ours, naive = figures(400, 100, 600), figures(100, 100, 100)

    assert payments.report(options, ours, naive, {})["ratio_vs_naive"] == 4


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ("ten", "mixed")),
        (["--mix", "two"], ("two", "xml")),
        (["--mix", "two", "--messages", "mixed"], ("two", "mixed")),
        (["--messages", "json"], ("ten", "json")),
    ],
)
def test_a_mix_has_its_own_representations_unless_others_are_asked_for(words, expected):
    options = payments._options(payments._parser().parse_args(words))

    assert (options.mix, options.messages) == expected


def test_only_one_measurement_is_made_at_a_time(capsys):
    with pytest.raises(SystemExit):
        payments._parser().parse_args(["--open-loop", "--memory"])
    assert "not allowed with" in capsys.readouterr().err
