"""docs/integrate/conform.md: its commands have these options, and its tasks are those of the kit."""

import json
import re
import shlex

import pytest
from typer.main import get_command

from switch import cli
from switch.conformance.driving import DATA, INSTRUCTIONS, read_answer
from switch.conformance.record import BY_ID
from tests.docs.blocks import ROOT, blocks

PAGE = "docs/integrate/conform.md"
BLOCKS = [each for each in blocks() if each.page == PAGE]
COMMANDS = [
    shlex.split(line)
    for each in BLOCKS
    if each.language == "sh"
    for line in each.text.replace("\\\n", " ").splitlines()
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_of_the_page_is_one(words: list[str]) -> None:
    assert words[:2] == ["payswitch", "conform"]
    command = get_command(cli.application(["conform"])).commands["conform"]  # type: ignore[attr-defined]
    options = {option for each in command.params for option in each.opts}

    assert {word for word in words if word.startswith("--")} <= options


def test_the_tasks_of_the_page_are_those_of_the_kit() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    named = {name for line in rows for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])}

    assert named == INSTRUCTIONS.keys() == DATA.keys()
    for line in rows:
        (task,) = re.findall(r"`([a-z_]+)`", line.split("|")[1])
        if task not in {"pay", "answer_request"}:  # the order is an example of the page
            assert tuple(re.findall(r"`([a-z_]+)`", line.split("|")[3])) == DATA[task], task


def test_the_examples_of_the_page_are_read() -> None:
    task, answer = (each.text for each in BLOCKS if each.language == "json")

    assert json.loads(task)["task"] in INSTRUCTIONS
    assert tuple(json.loads(task)["data"]) == DATA["pay"][:-4]
    assert json.loads(task)["scenario"] in BY_ID
    assert read_answer(answer)["reason"] == "AC04"
