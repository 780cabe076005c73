"""What people who join rely on: the hooks before a commit are the commands of `make check`."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_hooks_before_a_commit_are_the_commands_of_make_check() -> None:
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    checks = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    hooks = re.findall(r"^ +entry: (.+)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE)

    assert hooks == checks
