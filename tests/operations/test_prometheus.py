"""What a switch exports: clean by promtool, taken in by a real Prometheus with the rules loaded."""

import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from switch import metrics
from switch.participants import liquidity
from tests.operations.test_alerts import RULES
from tests.switch.stack import Stack

RULES_FILE = Path(__file__).parents[2] / "switch" / "alerts" / "rules.yml"
WITHIN_S = 25


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def settled(stack: Stack) -> str:
    """The page once the caretaker has stated everything."""
    end = time.monotonic() + WITHIN_S
    while "payswitch_wal_archive_failing" not in (page := fetch(f"{stack.url}/metrics")):
        assert time.monotonic() < end
        time.sleep(0.2)
    return page


def test_the_page_is_clean_and_has_what_the_rules_ask_for(stack: Stack, promtool: str) -> None:
    page = settled(stack)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    known = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))
    asked = set(re.findall(r"payswitch_[a-z_]+", RULES))
    asked_for = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    sources = [Path(metrics.__file__), Path(liquidity.__file__)]
    declared = set(re.findall(r'"(payswitch_[a-z_]+)"', "".join(map(Path.read_text, sources))))

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert asked_for <= declared
    assert known <= declared


def test_a_method_that_http_does_not_know_makes_no_series_of_its_own(stack: Stack) -> None:
    with socket.create_connection((stack.settings.host, stack.settings.port), timeout=5) as client:
        client.sendall(b"CANARY GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        client.recv(1000)

    assert "CANARY" not in fetch(f"{stack.url}/metrics")


def test_a_real_prometheus_takes_the_switch_in(stack: Stack, prometheus: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = f"{stack.settings.host}:{stack.settings.port}"
    config = {
        "global": {"scrape_interval": "1s"},
        "rule_files": [str(RULES_FILE)],
        "scrape_configs": [{"job_name": "payswitch", "static_configs": [{"targets": [target]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    command = [
        prometheus,
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            targets = until_scraped(f"http://127.0.0.1:{port}/api/v1")
            groups = json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/rules"))["data"]["groups"]
        finally:
            process.terminate()
            process.wait(10)

    assert [(one["labels"]["job"], one["health"]) for one in targets] == [("payswitch", "up")]
    assert sum(len(group["rules"]) for group in groups) == RULES.count("- alert:") + RULES.count("- record:")


def until_scraped(api: str) -> list[dict[str, Any]]:
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        try:
            targets: list[dict[str, Any]] = json.loads(fetch(f"{api}/targets"))["data"]["activeTargets"]
        except (urllib.error.URLError, OSError):
            targets = []
        if targets and targets[0]["health"] != "unknown":
            return targets
        time.sleep(0.2)
    raise AssertionError("Prometheus scraped nothing")
