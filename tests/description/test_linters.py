"""Redocly and Spectral find nothing wrong with the description, neither errors nor warnings."""

import copy
import json
import os
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from switch.api import asyncapi
from tests import npm

HERE = Path(__file__).parent


@pytest.mark.long
def test_redocly_finds_nothing(description: Path) -> None:
    command = [npm.programs(npm.REDOCLY) / "redocly", "lint", description, "--format", "json"]
    done = subprocess.run(
        [*command, "--config", HERE / "redocly.yaml"],
        check=False,
        capture_output=True,
        timeout=240,
        env=_quiet(),
    )
    found = json.loads(done.stdout)["problems"]

    assert [(one["ruleId"], one["message"], one["location"][0]["pointer"]) for one in found] == []
    assert done.returncode == 0


@pytest.mark.long
def test_spectral_finds_nothing(description: Path) -> None:
    program = npm.programs(npm.SPECTRAL) / "spectral"
    command = [
        program,
        "lint",
        description,
        "--ruleset",
        HERE / "spectral.yaml",
        "--format",
        "json",
        "--quiet",
    ]
    done = subprocess.run(
        [*command, "--fail-severity", "hint"], check=False, capture_output=True, timeout=240, env=_quiet()
    )
    found = json.loads(done.stdout.decode().strip() or "[]")

    assert [(one["code"], one["message"], one["path"]) for one in found] == []
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_spectral_finds_nothing_in_the_description_of_events(tmp_path: Path) -> None:
    (tmp_path / "asyncapi.json").write_text(json.dumps(asyncapi.document()))
    (tmp_path / "rules.yaml").write_text(
        "extends: [[spectral:asyncapi, recommended]]\nrules:\n  asyncapi-info-contact: off\n"
    )
    program = npm.programs(npm.SPECTRAL) / "spectral"
    command = [program, "lint", tmp_path / "asyncapi.json", "--ruleset", tmp_path / "rules.yaml"]
    done = subprocess.run(
        [*command, "--format", "json", "--quiet", "--fail-severity", "warn"],
        check=False,
        capture_output=True,
        timeout=240,
        env=_quiet(),
    )
    found = json.loads(done.stdout.decode().strip() or "[]")

    assert [(one["code"], one["message"], one["path"]) for one in found if one["severity"] < 2] == []


def test_the_description_of_events_is_valid_asyncapi() -> None:
    schema = npm.modules(npm.ASYNCAPI) / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    validator = Draft7Validator(json.loads(schema.read_text()))
    broken = copy.deepcopy(asyncapi.document())
    broken["operations"]["streamEvent"]["action"] = "tell"

    assert [(error.json_path, error.message) for error in validator.iter_errors(asyncapi.document())] == []
    assert not validator.is_valid(broken)


@pytest.mark.long
def test_spectral_sees_what_is_wrong(description: Path, tmp_path: Path) -> None:
    """The rules of the house are of use: a description without what they ask for fails."""
    broken = json.loads(description.read_text())
    operation = broken["paths"]["/v1/rails"]["get"]
    del operation["security"], operation["responses"]["429"]
    broken["paths"] = {"/v1/Rails": {"get": operation}}
    broken["components"]["schemas"] = {"Rail": broken["components"]["schemas"]["Rail"]}
    broken["components"]["schemas"]["Rail"]["properties"] = {"net": {"type": "number"}}
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    program = npm.programs(npm.SPECTRAL) / "spectral"
    command = [program, "lint", tmp_path / "broken.json", "--ruleset", HERE / "spectral.yaml"]
    done = subprocess.run(
        [*command, "--format", "json", "--quiet"], check=False, capture_output=True, timeout=240, env=_quiet()
    )
    found = {one["code"] for one in json.loads(done.stdout)}

    assert {
        *("payswitch-security-stated", "payswitch-limits-and-outages"),
        *("payswitch-amounts-are-text", "payswitch-paths"),
    } <= found


def _quiet() -> dict[str, str]:
    """The environment of these programs: they tell nobody that they run, and look for no newer version."""
    return {
        **os.environ,
        "REDOCLY_TELEMETRY": "off",
        "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
        "NO_COLOR": "1",
    }
