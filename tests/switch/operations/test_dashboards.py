"""Dashboards ask for what is there, and show all of it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from switch.base import metrics
from switch.operations import dashboards
from switch.participants import liquidity
from tests.switch.operations.test_alerts import RULES

SOURCES = "".join(Path(module.__file__).read_text() for module in (metrics, liquidity))
DECLARED = set(re.findall(r'"(payswitch_[a-z_]+)"', SOURCES))
RECORDED = set(re.findall(r"- record: (\S+)", RULES))


def names(expr: str) -> set[str]:
    """The metrics that an expression asks for, without a histogram's endings."""
    found = re.findall(r"payswitch[a-z0-9_:]+", expr)
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in found}


SHOWN = set().union(*map(names, dashboards.expressions()))


def test_every_panel_queries_an_existing_metric() -> None:
    assert set() == SHOWN - DECLARED - RECORDED


def test_every_metric_has_a_panel() -> None:
    assert set() == DECLARED - SHOWN


def rules_of(expressions: list[str], file: Path) -> Path:
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions)]
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))  # JSON is YAML
    return file


@pytest.mark.parametrize(("extra", "code"), [([], 0), (["sum(rate(payswitch_payments_total[5m])"], 1)])
def test_promtool_reads_every_expression(promtool: str, tmp_path: Path, extra: list[str], code: int) -> None:
    rules = rules_of([*dashboards.expressions(), *extra], tmp_path / "panels.yml")
    done = subprocess.run([promtool, "check", "rules", rules], capture_output=True, text=True, check=False)

    assert done.returncode == code, done.stdout + done.stderr


def test_the_command_writes_what_grafana_reads(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "switch.cli", "dashboards", str(tmp_path / "d")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    files = sorted((tmp_path / "d").iterdir())
    documents = [json.loads(file.read_text()) for file in files]

    assert sorted(map(Path, done.stdout.split())) == files
    assert len({document["uid"] for document in documents}) == len(dashboards.ALL) == len(documents)
    for document in documents:
        places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in document["panels"]]
        assert len(set(places)) == len(places)
        assert all(panel["title"] and panel["targets"] for panel in document["panels"])
