"""Lists of changes: requested by one command, read and approved by another, and repeated without harm."""

import json
from pathlib import Path

import pytest

from switch import cli
from tests.switch.stack import Stack


def typed(stack: Stack, capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Type a command; its exit code, its output and its complaints."""
    capfd.readouterr()
    code = cli.run([*words, "--data", str(stack.settings.data)])
    return code, *capfd.readouterr()


def test_a_list_is_requested_once_and_a_range_is_approved(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "list.json"
    unique = tmp_path.name[:100]
    day = {"currency": "INR", "business": True, "reason": unique}
    days = [{**day, "day": f"2031-01-0{number}"} for number in (2, 3, 4, 5)]
    file.write_text(json.dumps([{"kind": "calendar.set", "content": content} for content in days]))
    ask = ("change", "request-all", str(file), "--as", "operator", "--reason", "test")
    code, out, err = typed(stack, capfd, *ask)
    assert code == 0, err
    numbers = [json.loads(line)["number"] for line in out.splitlines()]
    again = [json.loads(line) for line in typed(stack, capfd, *ask)[1].splitlines()]
    span = f"{numbers[1]}-{numbers[2]}"
    vote = ("--as", "checker", "--reason", "seen", "--yes")
    code, out, err = typed(stack, capfd, "change", "approve", str(numbers[0]), span, str(numbers[3]), *vote)

    assert [line["number"] for line in again] == numbers
    assert {line["state"] for line in again} == {"known"}
    assert code == 0, err
    assert out.count('"state": "executed"') == len(numbers) == 4
    assert [f"Change {number}:" in err for number in numbers] == [True] * 4


@pytest.mark.parametrize("number", ["0", "x", "3-1", "1-999", "9223372036854775808", "-"])
def test_what_is_no_number_or_range_is_refused(
    stack: Stack, capfd: pytest.CaptureFixture[str], number: str
) -> None:
    code, _, err = typed(stack, capfd, "change", "approve", "--as", "checker", "--reason", "x", "--", number)

    assert code == 2
    assert "is not the number of a change, or a range such as 3-9" in err
