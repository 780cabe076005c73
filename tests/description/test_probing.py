"""schemathesis, with every check and signed requests, finds nothing wrong with any operation."""

import re
import subprocess

import pytest

from tests.description import probing
from tests.fuzz import run

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


def test_schemathesis_finds_nothing_in_any_operation() -> None:
    """Bounded: its examples, a few generated requests of each operation, and sequences that links suggest."""
    words = ("--phases", "examples,fuzzing,stateful", "--max-examples", "3", "--generation-deterministic")

    expect_nothing_found(probe(*words))


def probe(*words: str) -> "subprocess.CompletedProcess[str]":
    with run.switch() as stack:
        return probing.probe(stack, "--request-timeout", "60", *words, quiet=True)


def expect_nothing_found(done: "subprocess.CompletedProcess[str]") -> None:
    """It ended well, selected every operation of the description, and tested each."""
    failures = done.stdout.partition("= FAILURES =")[2].partition("= WARNINGS =")[0] or done.stdout
    assert done.returncode == 0, failures[-8000:] + done.stderr[-2000:]
    (selected, described) = re.search(r"Selected: (\d+)/(\d+)", done.stdout).groups()
    assert selected == described
    assert re.search(r"Tested: (\d+)", done.stdout)[1] == selected
