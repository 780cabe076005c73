"""What approvers see at a terminal before they vote, and after it."""

import json
from pathlib import Path

import pytest

from tests.switch.cli.test_change_lists import typed
from tests.switch.stack import Stack

REQUEST = ("--as", "operator", "--reason", "test")
VOTE = ("--as", "checker", "--reason", "seen", "--yes")


def number_of(out: str) -> str:
    """The number of a change that was requested."""
    return str(json.loads(out)["number"])


def test_a_voter_sees_what_is_approved(stack: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    """Participant and reference of a movement of funds are above its effect."""
    words = ("participant", "funds-in", "asha-bank", "INR", "12.00", "statement-77")
    _, out, _ = typed(stack, capfd, *words, *REQUEST)
    code, _, err = typed(stack, capfd, "change", "refuse", number_of(out), *VOTE)
    content, _, effect = err.partition("What ")

    assert code == 0, err
    rows = [line.split() for line in content.splitlines()]
    assert ["Participant", "asha-bank"] in rows
    assert ["Reference", "statement-77"] in rows
    assert ["Amount", "12.00"] in rows
    assert "Paid in none 12.00 INR" in " ".join(effect.split())


def test_the_hash_of_the_makers_half_is_not_printed(stack: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    """The approver sees the one code that is the approver's, and nothing that looks like the other."""
    content = {"name": "nova", "role": "auditor", "display_name": "Nova"}
    code, out, err = typed(stack, capfd, "change", "request", "person.add", json.dumps(content), *REQUEST)
    assert code == 0, err
    assert json.loads(out)["maker_half"]
    printed = [json.loads(out)["content"]]
    number = number_of(out)
    printed.append(json.loads(typed(stack, capfd, "change", "show", number)[1])["content"])
    listed = typed(stack, capfd, "change", "list", "--limit", "1")[1]
    printed.append(json.loads(listed.splitlines()[0])["content"])
    code, out, err = typed(stack, capfd, "change", "approve", number, *VOTE)

    assert code == 0, err
    assert json.loads(out)["checker_half"]
    assert [content["name"] for content in (*printed, json.loads(out)["content"])] == ["nova"] * 4
    assert not any("maker_half" in content for content in (*printed, json.loads(out)["content"]))
    assert "maker_half" not in err


def test_votes_on_several_changes_print_one_line_each(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A line has the outcome and, for a new person, the checker's half, which is shown only once."""
    file = tmp_path / "list.json"
    day = {"currency": "INR", "day": "2032-02-03", "business": True, "reason": tmp_path.name[:100]}
    person = {"name": "nomi", "role": "auditor", "display_name": "Nomi"}
    planned = [{"kind": "calendar.set", "content": day}, {"kind": "person.add", "content": person}]
    file.write_text(json.dumps(planned))
    code, out, err = typed(stack, capfd, "change", "request-all", str(file), *REQUEST)
    assert code == 0, err
    numbers = [json.loads(line)["number"] for line in out.splitlines()]
    code, out, err = typed(stack, capfd, "change", "approve", *map(str, numbers), *VOTE)
    lines = [json.loads(line) for line in out.splitlines()]

    assert code == 0, err
    assert [line["number"] for line in lines] == numbers
    assert [line["kind"] for line in lines] == ["calendar.set", "person.add"]
    assert {line["state"] for line in lines} == {"executed"}
    assert set(lines[0]) == {"number", "kind", "state", "outcome"}
    assert lines[1]["checker_half"]
