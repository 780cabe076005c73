"""The Bruno collection is what the description has, and every request of it succeeds on a sandbox."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import npm
from tests.docs import bruno
from tests.switch.stack import Stack

WITHIN_S = 240


def kept() -> dict[str, str]:
    found = [path for path in bruno.FOLDER.rglob("*") if path.is_file()]
    return {path.relative_to(bruno.FOLDER).as_posix(): path.read_text() for path in found}


def test_the_collection_is_what_the_description_has() -> None:
    assert kept() == bruno.files(), "python -m tests.docs.bruno"


def test_every_place_of_a_value_is_filled_before_it_is_used() -> None:
    known = {"base", "asha_bank", "indus_bank", "now", "today", "id", "uetr"}
    known |= {"original", "question", "request", "webhook", "window", "quote"}

    assert {name for text in kept().values() for name in re.findall(r"\{\{(\w+)\}\}", text)} == known


def has_failed(result: dict[str, Any]) -> bool:
    return result["status"] != "pass" or any(one["status"] != "pass" for one in result["assertionResults"])


@pytest.mark.long
def test_every_request_succeeds_on_a_sandbox(stack: Stack, tmp_path: Path) -> None:
    program = npm.programs(npm.BRUNO) / "bru"
    report = tmp_path / "report.json"
    values = {
        "base": stack.url,
        **{f"{name}_bank": stack.participant(f"{name}-bank")["bearer"] for name in ("asha", "indus")},
    }
    command = [str(program), "run", "-r", ".", "--env", "sandbox", "--reporter-json", str(report)]
    command += [word for name, value in values.items() for word in ("--env-var", f"{name}={value}")]
    done = subprocess.run(
        command, cwd=bruno.FOLDER, capture_output=True, text=True, check=False, timeout=WITHIN_S
    )

    (run,) = json.loads(report.read_text())
    assert done.returncode == 0, [one for one in run["results"] if has_failed(one)]
    answers = [json.dumps(result["response"].get("data")) for result in run["results"]]
    assert len(answers) == len(
        [name for name in bruno.files() if name.count("/") and "environments" not in name]
    )
    assert [answer for answer in answers if "RJCT" in answer] == []
