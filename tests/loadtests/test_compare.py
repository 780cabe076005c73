"""A comparison is of pairs that ran beside each other, each revision from its own files."""

import subprocess

import pytest

from loadtests import compare, measure
from loadtests.generator import SendResult


def a_run(count: int, us: float) -> measure.MeasuredRun:
    """A round of a second with so many payments, which took so many microseconds of CPU each."""
    result = SendResult(payments=count, seconds=1.0, latencies_ms=[us] * count, answers={}, cpu_s=0.0)
    return measure.MeasuredRun(result, {"api": count * us / 1e6}, elsewhere=0.0)


def test_turns_are_taken_abba():
    assert compare.order(1) == "AB"
    assert compare.order(4) == "ABBAABBA"


def test_a_ratio_is_the_median_of_the_pairs_own():
    """The second pair ran on a machine that was twice as slow: its ratio is the same."""
    others = [a_run(100, 1000), a_run(50, 2000), a_run(100, 1000)]
    ours = [a_run(110, 900), a_run(55, 1800), a_run(100, 1010)]
    options = measure.Options(6.0, 8, 2, "xml", 0.05, against_naive=False)
    found = compare.report(options, "abc1234", others, ours, {"A": {"verify": True}, "B": {"verify": False}})

    cpu = found["ratios"]["cpu_us_per_payment"]
    assert cpu["pairs"] == [0.9, 0.9, 1.01]
    assert (cpu["median"], cpu["least"], cpu["most"]) == (0.9, 0.9, 1.01)
    assert found["ratios"]["payments_per_s"]["median"] == 1.1
    assert found["other"]["balanced"]
    assert not found["this"]["balanced"]
    page = compare.page(found)
    assert "| cpu_us_per_payment | 1200.0 | 1128.3 | 0.9 | 0.9 to 1.01 | no |" in page
    assert "agree with their rails: NO" in page


@pytest.mark.parametrize(
    ("pairs", "clear"),
    [
        ([0.9, 0.8] * 3, True),
        ([1.1, 1.2] * 3, True),
        ([0.9, 1.2] * 3, False),
        ([1.0, 1.1] * 3, False),
        ([0.9] * 5, False),  # too few
    ],
)
def test_a_difference_is_clear_if_every_pair_says_so(pairs, clear):
    assert compare.RatioSpread(1.0, min(pairs), max(pairs), pairs).is_clear is clear


@pytest.fixture
def repository(tmp_path):
    """Two commits of one file."""
    place = tmp_path / "repository"
    git = ["git", "-C", str(place), "-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", "init", "-q", str(place)], check=True)
    for text in ("first", "second"):
        (place / "file").write_text(text)
        subprocess.run([*git, "add", "file"], check=True)
        subprocess.run([*git, "commit", "-qm", text], check=True)
    return place


def test_a_revision_is_checked_out_beside_and_removed(repository, tmp_path):
    (repository / "file").write_text("not committed")
    with compare.checked_out(repository, "HEAD~1", tmp_path / "tree") as tree:
        assert (tree / "file").read_text() == "first"

    assert not (tmp_path / "tree").exists()
    assert (repository / "file").read_text() == "not committed"
    listed = subprocess.run(
        ["git", "-C", str(repository), "worktree", "list"], capture_output=True, text=True, check=True
    )
    assert len(listed.stdout.splitlines()) == 1


def test_an_unknown_revision_is_refused(repository, tmp_path):
    with (
        pytest.raises(compare.UnknownRevision, match="nowhere"),
        compare.checked_out(repository, "nowhere", tmp_path / "tree"),
    ):
        pass
