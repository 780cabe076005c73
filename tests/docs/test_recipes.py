"""Every recipe works as it is written: its messages are sent to a sandbox, as XML and as JSON."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests import tiers
from tests.docs import recipes
from tests.docs.blocks import Block, blocks
from tests.docs.test_examples import here, place, shell
from tests.switch.stack import Stack

HOME = "docs/integrate/recipes"
ANSWERS = {
    "pay": ["pacs.002"] * 2,
    "verify-payee": ["acmt.024"] * 2,
    "status": ["pacs.002"] * 2,
    "recall": ["camt.029"] * 2 + ["admi.007"] * 2,
    "investigate": ["camt.111"] * 2 + ["admi.007"] * 2,
    "return": ["pacs.002"] * 4,
    "request-to-pay": ["pain.014"] * 2 + ["admi.007"] * 2,
    "unknown-outcome": ["pacs.002"],
    "quote": ["pacs.002"] * 3,
    "qr": ["pacs.002"],
    "statements": ["camt.004"] * 2,
    "reconcile": [],
}
"""Page -> the messages that answer its commands, in their order."""
FINAL = {"pay": 2, "status": 2, "return": 0, "unknown-outcome": 1, "quote": 3, "qr": 1}
"""How many answers say that the payment is credited."""
BLOCKS: list[Block] = [block for block in blocks() if block.page.startswith(f"{HOME}/")]

__all__ = ["place"]


def of(page: str) -> str:
    """The commands of a page."""
    return "\n".join(b.text for b in BLOCKS if b.page == f"{HOME}/{page}.md" and b.language == "sh")


def test_every_page_is_listed_and_sent() -> None:
    pages = {path.stem for path in recipes.PAGES} - {"README"}
    index = (recipes.ROOT / HOME / "README.md").read_text()

    assert pages == ANSWERS.keys()
    assert {page for page in pages if f"({page}.md)" in index} == pages


@pytest.mark.parametrize("page", recipes.PAGES, ids=lambda page: page.stem)
def test_the_messages_are_the_examples_of_the_description(page: Path) -> None:
    assert page.read_text() == recipes.written(page.read_text()), "python -m tests.docs.recipes"


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "jq"))), reason="curl and jq are needed")
@pytest.mark.parametrize("page", tiers.some(ANSWERS, "pay", "status"))
def test_a_recipe_works_as_it_is_written(page: str, stack: Stack, place: Path) -> None:
    for block in BLOCKS:
        if block.file:
            (place / block.file).write_text(block.text)
    done = shell(here(stack, f"{of('README')}\n{of(page)}"))

    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [answer["$type"][:8] for answer in answers] == ANSWERS[page]
    assert "RJCT" not in done.stdout
    if page in FINAL:
        assert len(re.findall('"TxSts": ?"ACCC"', done.stdout)) == FINAL[page], done.stdout
