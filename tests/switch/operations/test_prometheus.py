"""What a switch exports: clean by promtool, taken in by a real Prometheus, whose alerts a dead rail sets off."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.base import metrics
from switch.operations import dashboards
from switch.participants import liquidity
from switch.payments.rails import SILENT_MAX
from tests.switch.operations.reading import WITHIN_S, fetch, until_page
from tests.switch.operations.test_alerts import RULES
from tests.switch.stack import Stack

LABEL_VALUES_MAX = 200
RARE = {
    "payswitch_case_notices_total",
    "payswitch_backup_age_seconds",  # where this machine keeps backups
    "payswitch_change_executed_timestamp_seconds",
    "payswitch_idempotency_replays_total",
    "payswitch_inbound_lookup_prices_total",  # where a rail looked up a price
    "payswitch_inbound_orders_ended_total",  # where an order of a rail has ended
    "payswitch_monitor_messages_total",  # where payments are sent to an outside monitor
    "payswitch_monitor_oldest_age_seconds",
    "payswitch_liquidity_alerts_total",
    "payswitch_payments_refused_total",
    "payswitch_rail_circuit_open",
    "payswitch_rail_stray_answers_total",
    "payswitch_screening_list_age_seconds",  # where a sanctions list is in force
    "payswitch_sign_in_attempts_total",
    "payswitch_report_deliveries",  # where a destination is allowed
    "payswitch_report_delivery_attempts_total",
    "payswitch_report_delivery_oldest_age_seconds",
    "payswitch_signature_failures_total",
    "payswitch_connections_dropped_total",
    "payswitch_account_lookups_total",
    "payswitch_webhook_deliveries_total",
}
"""What no switch shows that has not met with it yet."""


def test_the_page_is_clean_and_has_what_rules_and_dashboards_query(stack: Stack, promtool: str) -> None:
    page = settled(stack)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    known = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))
    asked = set(re.findall(r"payswitch_[a-z_]+", "\n".join([RULES, *dashboards.expressions()])))
    asked_for = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    sources = [Path(metrics.__file__), Path(liquidity.__file__)]
    declared = set(re.findall(r'"(payswitch_[a-z_]+)"', "".join(map(Path.read_text, sources))))

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert asked_for <= declared
    assert known <= declared
    assert declared - known <= RARE


def settled(stack: Stack) -> str:
    """The page once the caretaker has stated everything, and a payment has been made."""

    async def pay() -> None:
        async with stack.client("asha-bank") as client:
            await client.pay(stack.document("asha-bank", "noor-wallet"), wait=20)

    asyncio.run(pay())
    return until_page(
        stack,
        lambda page: all(
            name in page
            for name in (
                "payswitch_wal_archive_failing",
                "payswitch_reconciliation_breaks",
                "payswitch_settlement_window_overdue_seconds",
                "payswitch_settlement_window_opened_timestamp_seconds",
                'payswitch_settlement_lines_held{participant="asha-bank"} 0.0',
                'payswitch_exchange_rate_age_seconds{corridor="IN-PK"}',
                'payswitch_outbox_rows{topic="approved_change"}',
                'payswitch_payments_accepted_total{corridor="IN-PK",debit_currency="INR",rail="PK"}',
                "payswitch_partition_room_events",
                "payswitch_invariants_timestamp_seconds",
                "payswitch_liquidity_used_ratio",
                "payswitch_payment_duration_seconds",
            )
        ),
    )


def test_a_method_that_http_does_not_know_makes_no_series_of_its_own(stack: Stack) -> None:
    with socket.create_connection((stack.settings.host, stack.settings.port), timeout=60) as client:
        client.sendall(b"CANARY GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        client.recv(1000)

    assert "CANARY" not in stack.metrics()


@pytest.mark.parametrize("token", ["", "Bearer wrong", "Bearer ", "Basic eDp5"])
def test_strangers_get_no_metrics(stack: Stack, token: str) -> None:
    """Everybody could read what every bank can still send."""
    request = urllib.request.Request(f"{stack.url}/metrics", headers={"Authorization": token})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)

    assert refused.value.code == 401
    assert b"payswitch_" not in refused.value.read()
    assert stack.settings.metrics_token_file.stat().st_mode & 0o077 == 0


class Prometheus:
    """A real one, that scrapes a switch each second."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/v1"

    def get(self, path: str, **query: str) -> Any:
        return json.loads(fetch(f"{self._url}/{path}?{urllib.parse.urlencode(query, doseq=True)}"))["data"]

    def until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + WITHIN_S
        while True:
            try:
                if true():
                    return
            except OSError:
                pass
            assert time.monotonic() < end
            time.sleep(0.3)

    def firing(self) -> set[tuple[str, str]]:
        """Alerts that fire, with the rail that they are about."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("rail", ""))
            for alert in self.get("alerts")["alerts"]
            if alert["state"] == "firing"
        }


@pytest.fixture
def watching(stack: Stack, prometheus: str, tmp_path: Path) -> Iterator[Prometheus]:
    """Prometheus with our rules, that decides each second instead of each minute and waits for nothing."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    rules = re.sub(r"interval: 1m|for: \d+m", lambda found: found[0].split(":")[0] + ": 1s", RULES)
    (tmp_path / "rules.yml").write_text(rules, encoding="utf-8")
    config = {
        "global": {"scrape_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {
                "job_name": "payswitch",
                "authorization": {"credentials_file": str(stack.settings.metrics_token_file.resolve())},
                "static_configs": [{"targets": [f"{stack.settings.host}:{stack.settings.port}"]}],
            }
        ],
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
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30)


async def pay(stack: Stack, times: int) -> None:
    """As many payments at once; what becomes of them is nobody's concern here."""
    async with stack.client("asha-bank", tries=1) as client:
        documents = [stack.document("asha-bank", "noor-wallet", amount="1.00") for _ in range(times)]
        await asyncio.gather(
            *(client.pay(document, wait=1) for document in documents), return_exceptions=True
        )


@pytest.mark.long
async def test_a_real_prometheus_watches_and_an_alert_fires_while_a_rail_is_dead(
    stack: Stack, watching: Prometheus
) -> None:
    watching.until(lambda: [t["health"] for t in watching.get("targets")["activeTargets"]] == ["up"])
    groups = watching.get("rules")["groups"]
    down = ("RailDown", "PK")
    assert sum(len(group["rules"]) for group in groups) == RULES.count("- alert:") + RULES.count("- record:")
    assert down not in watching.firing()

    os.kill(stack.supervisor.pid("rail-PK"), signal.SIGKILL)
    await pay(stack, 3 * SILENT_MAX)
    watching.until(lambda: down in watching.firing())
    stack.supervisor.keep()
    async with asyncio.timeout(WITHIN_S):
        while 'payswitch_rail_circuit_open{rail="PK"} 0.0' not in await asyncio.to_thread(stack.metrics):
            await pay(stack, 4)
    watching.until(lambda: down not in watching.firing())

    series = watching.get("series", **{"match[]": '{__name__=~"payswitch.*"}'})
    values: dict[str, set[str]] = {}
    for labels in series:
        for name, value in labels.items():
            if name != "__name__":
                values.setdefault(name, set()).add(value)
    most = max(values, key=lambda name: len(values[name]))
    assert len(values[most]) < LABEL_VALUES_MAX, (most, values[most])
    personal = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{16}|\d{8}|[A-Z]{2}\d{2}[A-Z0-9]{10}|@")
    assert {value for found in values.values() for value in found if personal.search(value)} == set()
