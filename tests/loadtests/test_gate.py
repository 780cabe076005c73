"""The gate fails for each reason that makes figures worthless, and for no other."""

import msgspec
import pytest

from loadtests import gate, keeping
from loadtests.generator import SendResult

GOOD = SendResult(
    payments=1000, seconds=10.0, latencies_ms=[], answers={"200 ACCC": 1200}, cpu_s=0.0, begun=1005,
    answered=1000, per_second=[100] * 10,
)  # fmt: skip


def judged(*, elsewhere=0.01, balanced=True, **changes):
    return gate.judge([msgspec.structs.replace(GOOD, **changes)] * 3, elsewhere=elsewhere, balanced=balanced)


def test_a_good_run_passes():
    assert judged().passed
    assert judged().form == "short"
    assert judged(payments=40_000).form == "long"


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("answered of sent", {"answered": 980}),
        ("answered of sent", {"answered": 1030}),
        ("confirmed of answers", {"answers": {"200 ACCC": 1200, "503 AB10": 13}}),
        ("second half of a round to the first", {"per_second": [100] * 5 + [85] * 5}),
        ("machine busy elsewhere", {"elsewhere": 0.06}),
        ("books balance and agree with the rails", {"balanced": False}),
    ],
)
def test_each_rule_can_fail_alone(rule, changes):
    found = judged(**changes)

    assert not found.passed
    assert [name for name, check in found.checks.items() if not check.ok] == [rule]


def test_rounds_of_a_few_seconds_have_no_halves():
    check = judged(per_second=[1, 100, 1]).checks["second half of a round to the first"]

    assert check.ok is None
    assert judged(per_second=[1, 100, 1]).passed


def test_what_did_not_pass_is_not_published(tmp_path, capsys):
    assert keeping.publishable(keeping.PUBLISHED, passed=True) == keeping.PUBLISHED
    assert keeping.publishable(keeping.PUBLISHED, passed=False) == keeping.IGNORED
    assert "not valid" in capsys.readouterr().err
    assert keeping.publishable(tmp_path, passed=False) == tmp_path
