"""What runbooks tell people to type works: checks are run on a switch, requests are read as they would be."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch import cli
from switch.change_catalogue import KINDS
from switch.identity.enrolment import with_maker_half
from tests.switch.operations.test_alerts import RUNBOOKS
from tests.switch.stack import Stack

NEEDS_MORE = {
    "payswitch backup",
    'payswitch screening try-engine watchman https://watchman.bank.example "Asha Rao"',
}
"""A directory of backups from the start on (tests/ledger/test_backup.py), and an engine (tests/switch/screening)."""


def typed(runbook: Path, section: str) -> list[str]:
    """The commands of one section."""
    text = runbook.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^(payswitch .+)$", text, re.MULTILINE)


CHECKS = sorted({line for runbook in RUNBOOKS for line in typed(runbook, "Check")} - NEEDS_MORE)
REQUESTS = [line for runbook in RUNBOOKS for line in typed(runbook, "Act") if "change request" in line]


@pytest.fixture
def data(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Commands find the switch of the tests without being told where it is."""
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
    monkeypatch.setenv("PAYSWITCH_PORT", str(stack.settings.port))
    monkeypatch.setenv("PAYSWITCH_RAILS", json.dumps(stack.settings.rails))
    return stack


@pytest.mark.long
def test_what_a_runbook_checks_by_can_be_typed(data: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    def printed(*words: str) -> str:
        assert cli.run(words) == 0, words
        return capfd.readouterr().out

    payment = json.loads(printed("pay", "asha-bank", "noor-wallet", "12.34"))
    window = json.loads(printed("settlement", "list").splitlines()[0])["window"]
    for line in CHECKS:
        words = [{"UETR": payment["uetr"], "42": str(window)}.get(word, word) for word in shlex.split(line)]
        printed(*words[1:])


@pytest.mark.parametrize("line", REQUESTS)
def test_what_a_runbook_requests_can_be_requested(line: str) -> None:
    words = shlex.split(line)
    kind, content = words[3], words[4]
    content = content.replace('"UETR"', '"0b5c9c0e-53c1-4c2a-9d1e-8a3a4f1f7b11"')

    whole, _ = with_maker_half(kind, json.loads(content))
    assert KINDS[kind].read(whole)
