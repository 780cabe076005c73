"""Alerts are valid, tested, and lead to a runbook whose commands exist."""

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest

from switch import cli

ROOT = Path(__file__).parents[3]
ALERTS = ROOT / "switch" / "alerts"
RULES = (ALERTS / "rules.yml").read_text(encoding="utf-8")
RUNBOOKS = sorted((ROOT / "docs" / "operate" / "runbooks").glob("*.md"))
NAMES = re.findall(r"- alert: (\w+)", RULES)
_UETR = "0b5c9c0e-53c1-4c2a-9d1e-8a3a4f1f7b11"
SECTIONS = ["Meaning", "Check", "Act", "Undo"]


def commands(text: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    inline = re.findall(r"`(payswitch [^`\n]+)`", text)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    return [*lines, *inline]


whole_command = cache(cli.command)
"""Made once: it loads every command."""


def parse(line: str) -> None:
    """Let the command line read its words, and do nothing; `UETR` stands for one."""
    program, *words = shlex.split(line, comments=True)
    words = [_UETR if word == "UETR" else word for word in words]
    assert program == "payswitch"
    command = whole_command()
    context = command.make_context(program, words)
    while context._protected_args:
        rest = [*context._protected_args, *context.args]
        assert hasattr(command, "resolve_command")
        name, command, words = command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, list(words), parent=context)


@pytest.mark.parametrize(
    "what",
    [
        ("check", "rules", "rules.yml"),
        pytest.param(("test", "rules", "rules_test.yml"), marks=pytest.mark.long),
    ],
)
def test_promtool_finds_no_fault_with_the_rules(promtool: str, what: tuple[str, ...]) -> None:
    done = subprocess.run([promtool, *what], cwd=ALERTS, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_firing_and_quiet() -> None:
    tests = (ALERTS / "rules_test.yml").read_text(encoding="utf-8")

    assert {f"{name} {way}" for name in NAMES for way in ("fires", "is quiet")} == set(
        re.findall(r"- name: (\w+ (?:fires|is quiet))", tests)
    )


def test_an_alert_is_quiet_about_something() -> None:
    """Without series every alert is quiet, whatever it asks."""
    tests = (ALERTS / "rules_test.yml").read_text(encoding="utf-8")

    assert re.findall(r"name: (\w+) is quiet\n +interval: \w+\n +input_series: \[\]", tests) == []


def test_every_alert_leads_to_a_runbook() -> None:
    links = re.findall(r"runbook: (\S+)", RULES)

    assert len(links) == len(NAMES)
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_every_runbook_is_listed() -> None:
    listed = (ROOT / "docs" / "operate" / "README.md").read_text(encoding="utf-8")

    assert [path.name for path in RUNBOOKS if f"(runbooks/{path.name})" not in listed] == []


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_has_its_sections_and_its_commands_exist(runbook: Path) -> None:
    text = runbook.read_text(encoding="utf-8")
    found = commands(text)

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert found
    for line in found:
        parse(line.replace("asha.csr", str(runbook)))  # a file that is there
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (runbook.parent / link).is_file(), link


def test_a_command_that_does_not_exist_is_found() -> None:
    with pytest.raises(Exception, match="No such command"):
        parse("payswitch participant vanish asha-bank")
    with pytest.raises(Exception, match="No such option"):
        parse("payswitch backup --forget 3")
