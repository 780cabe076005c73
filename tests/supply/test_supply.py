"""What payswitch is made of: hashes, licences, the bill of materials, advisories."""

import json
import re
import subprocess
import sys
import tomllib
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from switch.deploy.image import sbom
from tests.docs import licences
from tests.supply import audit

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements-production.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("sbom") / "deep" / "sbom.cdx.json"
    program = [sys.executable, ROOT / "switch/deploy/image/sbom.py"]
    subprocess.run(
        [*program, ROOT / "requirements-production.lock", ROOT / "pyproject.toml", file], check=True
    )
    return file.read_text()


def test_the_bill_of_materials_is_valid_and_the_same_each_time(bill: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    assert json.loads(bill) == json.loads(json.dumps(sbom.bill(LOCK, PROJECT)))


def test_the_bill_names_every_installed_package_of_the_lock_with_its_hashes(bill: str) -> None:
    components = {one["name"]: one for one in json.loads(bill)["components"]}
    locked = {one.name: one for one in sbom.read_lock(LOCK)}

    assert len(locked) == len(re.findall(r"^[a-z].*==", LOCK, re.MULTILINE))
    assert {name for name, one in locked.items() if not one.marker} <= components.keys() <= locked.keys()
    for name, component in components.items():
        hashes = [one["hashes"][0]["content"] for one in component["externalReferences"]]
        assert component["version"] == locked[name].version
        assert hashes == list(locked[name].hashes)
        assert hashes


def test_the_bill_says_what_needs_what(bill: str) -> None:
    edges = {one["ref"].partition("@")[0]: one["dependsOn"] for one in json.loads(bill)["dependencies"]}
    own = {one.partition("@")[0].removeprefix("pkg:pypi/") for one in edges["pkg:pypi/payswitch"]}

    assert {re.match(r"[a-z0-9-]+", one)[0] for one in PROJECT["dependencies"]} <= own
    assert any("starlette" in one for one in edges["pkg:pypi/fastapi"])
    assert "starlette" not in own


def test_a_lock_that_is_not_what_is_installed_has_no_bill() -> None:
    other = re.sub(r"^aiohttp==\S+", "aiohttp==0.0.1", LOCK, flags=re.MULTILINE)
    absent = LOCK.replace("aiohttp==", "no-such-package==", 1)

    with pytest.raises(LookupError, match=r"aiohttp \S+ is installed, the lock has 0\.0\.1"):
        sbom.bill(other, PROJECT)
    with pytest.raises(LookupError, match="no-such-package is in the lock and not installed"):
        sbom.bill(absent, PROJECT)


@pytest.mark.parametrize("stated", [{}, {"License": "As is"}, {"Classifier": "License :: Other/Proprietary"}])
def test_a_package_without_a_known_licence_fails(stated: dict[str, str]) -> None:
    found: Any = Message()
    for name, value in stated.items():
        found[name] = value

    with pytest.raises(sbom.UnknownLicence, match="new-package"):
        sbom.licence_of("new-package", found)


def test_the_page_of_licences_is_what_the_lock_files_have() -> None:
    assert licences.PAGE.read_text() == licences.page(), "python -m tests.docs.licences"


def test_an_operator_runs_only_packages_whose_licences_ask_for_notices() -> None:
    wrong = {
        name: expression
        for name, expression in licences.licences("requirements-production.lock").items()
        if not any(choice <= licences.OPERATED for choice in licences.alternatives(expression))
    }

    assert wrong == {}


@pytest.mark.parametrize("lock", audit.LOCKS)
def test_every_package_is_pinned_by_hash_and_no_index_is_named(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert all(one.hashes for one in sbom.read_lock(text))
    assert re.findall(r"^(?![a-z0-9.-]+==|    --hash=sha256:[0-9a-f]{64}).+$", text, re.MULTILINE) == []


FOUND = {
    "dependencies": [
        {"name": "fine", "version": "1", "vulns": []},
        {
            "name": "old",
            "version": "2",
            "vulns": [{"id": "X-1", "aliases": ["CVE-1"], "fix_versions": ["3"]}],
        },
        {"name": "local", "skip_reason": "not found"},
    ]
}


def test_an_advisory_fails_until_it_is_accepted_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "audit", lambda _: FOUND)
    failed, said = audit.main(), capsys.readouterr().out
    monkeypatch.setattr(audit, "ACCEPTED", {"CVE-1": "the function is not called"})

    assert failed == 1
    assert "old 2: X-1; fixed in: 3" in said
    assert audit.main() == 0


@pytest.mark.parametrize(
    "answer", [None, {"dependencies": []}, {"dependencies": [{"name": "a", "skip_reason": "not found"}]}]
)
def test_advisories_that_cannot_be_reached_are_one_line(
    answer: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "audit", lambda _: answer)

    assert audit.main() == 0
    assert capsys.readouterr().out.count("\n") == 1
