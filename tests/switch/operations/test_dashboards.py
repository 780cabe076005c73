"""Dashboards ask for what is there, and show all of it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

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
        assert all(panel["description"].endswith(".") for panel in document["panels"])
        assert [variable["name"] for variable in document["templating"]["list"]] == [
            "datasource",
            "rail",
            "corridor",
            "participant",
        ]
        assert len(document["annotations"]["list"]) == len(dashboards.ANNOTATIONS)


LABELS = {
    metric._name + "_total" * isinstance(metric, Counter): set(metric._labelnames)
    for metric in (*vars(metrics).values(), *vars(liquidity).values())
    if isinstance(metric, MetricWrapperBase)
}


def chosen(expr: str) -> list[tuple[str, str]]:
    """Each variable that an expression uses, with the metric whose label it is compared with."""
    return [
        (re.sub(r"_(bucket|count|sum)$", "", metric), label)
        for metric, labels in re.findall(r"(payswitch_[a-z_]+)\{([^}]*)\}", expr)
        for label in re.findall(r"\$(\w+)", labels)
    ]


def test_variables_choose_by_labels_that_the_metrics_have() -> None:
    """With a wrong label a panel is empty as soon as somebody chooses a value, and no error shows it."""
    used = [one for expr in dashboards.expressions() for one in chosen(expr)]

    assert [(metric, label) for metric, label in used if label not in LABELS[metric]] == []
    assert {label for _, label in used} == set(dashboards.VARIABLES)
    assert all(label in LABELS[metric] for label, metric in dashboards.VARIABLES.items())


def test_panels_by_rail_or_participant_follow_the_choice() -> None:
    grouped = re.compile(r"by \(([a-z_, ]+)\)")
    deaf = [
        expr
        for dashboard in dashboards.ALL
        for panel in dashboard.panels
        for expr in (query.expr for query in panel.queries)
        for label in dashboards.VARIABLES
        if any(label in found.split(", ") for found in grouped.findall(expr)) and f"${label}" not in expr
    ]

    assert deaf == []
