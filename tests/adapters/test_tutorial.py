"""A new adapter, built as a wheel and installed out of tree, works; the tutorial does what it says."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from adapters import new
from adapters.simulation.harness import sample_order
from schemas import codec, credit_transfer
from schemas.money import Money
from schemas.payment import Account

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adapters" / "tutorial.md"
EDIT = re.compile(r"<!-- edit (\S+): (.+?) -->\n```python\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)


class Place:
    """A directory where the commands of a page are run, and where its package is installed."""

    def __init__(self, directory):
        self.directory = directory
        self.site = directory / "site"

    def run(self, command, **options):
        """One command of the page. `pip install -e` is what it comes to: metadata, and the sources on the path."""
        words = shlex.split(command)
        if words[:3] == ["pip", "install", "-e"]:
            return self.install(self.directory / words[3])
        assert words[0] == "payswitch"
        path = os.pathsep.join([*map(str, self.directory.glob("payswitch-*")), str(self.site), str(ROOT)])
        return subprocess.run(
            [sys.executable, "-m", "switch.cli", *words[1:]],
            cwd=self.directory, env={**os.environ, "PYTHONPATH": path}, text=True, capture_output=True, check=False,
            **options,
        )  # fmt: skip

    def install(self, distribution):
        """Build the wheel, as any installer does, and unpack what tells its entry point."""
        build = [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "-t",
            "wheel",
            "-d",
            str(self.directory / "dist"),
        ]
        subprocess.run(build, cwd=distribution, check=True, capture_output=True)
        (wheel,) = (self.directory / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            metadata = [name for name in archive.namelist() if ".dist-info/" in name]
            assert f"{distribution.name.replace('-', '_')}/client.py" in archive.namelist()
            archive.extractall(self.site, metadata)

    def edit(self, file, target, text):
        """Put a text in the place of an import, assignment or function, with the words below it."""
        path = self.directory / "payswitch-az" / file
        lines = path.read_text().splitlines()
        nodes = ast.parse(path.read_text()).body
        (place,) = [n for n, node in enumerate(nodes) if named(node) == target]
        lines[nodes[place].lineno - 1 : nodes[place].end_lineno] = text.rstrip("\n").splitlines()
        path.write_text("\n".join(lines) + "\n")

    def report(self, command):
        done = self.run(f"{command} --json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)


def named(node):
    match node:
        case ast.Import():
            return f"import {node.names[0].name}"
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.FunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return None


def test_the_tutorial_does_what_it_says(tmp_path):
    """Each command in its order, each change where the page has it; the kit finds nothing at any step."""
    page, place = PAGE.read_text(), Place(tmp_path)
    write_payment(tmp_path / "payment.json")
    steps = [(found.start(), found) for pattern in (EDIT, COMMAND) for found in pattern.finditer(page)]
    reports = []
    for _, step in sorted(steps, key=lambda step: step[0]):
        command = step[1]
        if step.re is EDIT:
            place.edit(*step.groups())
        elif command.endswith("--quick"):
            reports.append(place.report(command))
            assert not broken(reports[-1])
        elif not command.startswith("payswitch adapters check"):
            done = place.run(command)
            assert done is None or done.returncode == 0, done.stderr

    begun, changed = reports
    assert begun["kept"] * 2 >= len(begun["checks"])
    assert "payswitch adapters check AZ\n" in page
    assert any(check["detail"] == "28 of 28 misspelt ones noticed" for check in changed["checks"])
    listed = json.loads(place.run("payswitch adapters list").stdout)
    profile = next(profile for profile in listed if profile["country"] == "AZ")
    assert profile["limits"]["maximum_minor"] == 40_000_00


def broken(report):
    return {check["name"]: check["detail"] for check in report["checks"] if not check["ok"]}


def write_payment(path):
    """A pacs.008 to the IBAN that the page's sandbox has."""
    payment = sample_order("KZ").payment.model_copy(
        update={
            "interbank_settlement_amount": Money(150000, "AZN"),
            "creditor_account": Account(iban="AZ21NABZ00000000137010001944"),
        }
    )
    document = credit_transfer.build(payment)
    path.write_bytes(codec.encode(credit_transfer.DEFAULT_VERSION, document, media_type=codec.JSON))


def test_what_is_made_is_python_without_a_placeholder(tmp_path):
    for path in new.make("MN", "Bank & Co.", tmp_path / "mn"):
        text = path.read_text()
        assert not re.search(r"\$\{?[a-z]", text), path
        if path.suffix == ".py":
            compile(text, str(path), "exec")


WRONG = [
    ("am", "Rail", None, "two capital letters"),
    ("AM", "", None, "a name"),
    ("AM", 'Rail"""', None, "a name"),
    ("AM", "Rail", "XXX", "ISO 4217"),
    ("ZZ", "Rail", None, "name the currency"),
]


@pytest.mark.parametrize(("country", "name", "currency", "said"), WRONG)
def test_what_cannot_be_made_says_why(tmp_path, country, name, currency, said):
    with pytest.raises(ValueError, match=said):
        new.make(country, name, tmp_path / "x", currency)
    assert not (tmp_path / "x").exists()


def test_nothing_that_exists_is_overwritten(tmp_path):
    new.make("AM", "Rail", tmp_path)
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match="exists"):
        new.make("AM", "Other", tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_the_command_says_what_is_wrong(tmp_path):
    done = Place(tmp_path).run("payswitch adapters new am --name Rail")

    assert done.returncode == 1
    assert "two capital letters" in done.stderr
