"""Grafana dashboards as code: `payswitch dashboards DIR` writes JSON files for Grafana's provisioning.

The files are generated when needed and are not in the repository: people read and change this module. Every
metric of the switch has a panel here, and every panel queries metrics that exist.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

Unit = Literal["short", "s", "bytes", "percentunit", "reqps", "none"]
_WIDTH: Final = 24
_ACROSS: Final = 2
_HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One PromQL expression, and the legend of its lines, such as `{{rail}}`."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; `limit` is drawn in red as a threshold."""

    title: str
    unit: Unit
    queries: tuple[PanelQuery, ...]
    kind: Literal["timeseries", "stat"] = "timeseries"
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard."""

    name: str
    title: str
    panels: tuple[Panel, ...]


def _rate(metric: str, by: str, unit: Unit = "reqps", title: str = "") -> Panel:
    """Rate of a counter, by labels."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by.split(", ") if label)
    expr = f"sum by ({by}) (rate({metric}[5m]))" if by else f"sum(rate({metric}[5m]))"
    return Panel(title, unit, (PanelQuery(expr, legend),))


def _quantiles(metric: str, by: str, title: str, where: str = "", limit: float | None = None) -> Panel:
    """The 50th and 99th percentiles of a histogram, by one label."""
    return Panel(
        title,
        "s",
        tuple(
            PanelQuery(
                f"histogram_quantile({quantile}, sum by ({by}, le) (rate({metric}_bucket{where}[5m])))",
                f"{{{{{by}}}}} p{quantile * 100:g}",
            )
            for quantile in (0.5, 0.99)
        ),
        limit=limit,
    )


def _value(expr: str, legend: str, title: str, unit: Unit = "short", limit: float | None = None) -> Panel:
    return Panel(title, unit, (PanelQuery(expr, legend),), limit=limit)


def _stat(expr: str, title: str, unit: Unit = "short", limit: float | None = None) -> Panel:
    return Panel(title, unit, (PanelQuery(expr),), kind="stat", limit=limit)


_P: Final = "payswitch"
_ASKED: Final = 'route!~"/readyz|/livez|/metrics"'

OVERVIEW: Final = Dashboard(
    "overview",
    "payswitch: at a glance",
    (
        _stat(f'sum(rate({_P}_payments_total{{outcome="COMMITTED"}}[5m]))', "Payments per second", "reqps"),
        _stat(f"max({_P}_books_frozen)", "Books frozen", limit=1),
        _stat(f"max({_P}_closed_after_restore)", "Closed after a restore", limit=1),
        _stat(f"sum(abs({_P}_ledger_imbalance_minor_units))", "Imbalance, minor units", limit=1),
        _stat(f"max({_P}_unknown_oldest_age_seconds)", "Oldest unknown outcome", "s", limit=900),
        Panel(
            "Availability: errors of the last hour against the monthly budget",
            "percentunit",
            (
                PanelQuery(f"{_P}:availability_errors:ratio_rate1h", "errors"),
                PanelQuery(f'1 - max({_P}_slo_target_ratio{{objective="availability"}})', "budget"),
            ),
        ),
        Panel(
            "Late acceptance, late finality",
            "percentunit",
            (
                PanelQuery(f"{_P}:accept_slow:ratio_rate5m", "accept"),
                PanelQuery(f"{_P}:final_slow:ratio_rate5m", "final"),
                PanelQuery(f'1 - max({_P}_slo_target_ratio{{objective="accept"}})', "allowed"),
            ),
        ),
        _value(f"max by (objective) ({_P}_slo_threshold_seconds)", "{{objective}}", "Latency targets", "s"),
        _value(f"max by (version, schema) ({_P}_build_info)", "{{version}} {{schema}}", "Version", "none"),
    ),
)
PAYMENTS: Final = Dashboard(
    "payments",
    "payswitch: payments",
    (
        _rate(f"{_P}_payments_accepted_total", "rail, debit_currency", title="Accepted"),
        _rate(f"{_P}_payments_total", "rail, outcome", title="Final"),
        _rate(f"{_P}_payments_refused_total", "reason", title="Refused by the switch"),
        _value(f"sum by (rail, state) ({_P}_payments_in_flight)", "{{rail}} {{state}}", "In flight"),
        _quantiles(f"{_P}_payment_duration_seconds", "rail", "Time from reservation to finality", limit=10),
        _quantiles(f"{_P}_payment_stage_duration_seconds", "stage", "Time of each step of a payment"),
        _value(
            f"sum by (rail, currency) (rate({_P}_settled_value_minor_units_total[5m]))",
            "{{rail}} {{currency}}",
            "Credited, minor units per second",
        ),
        _rate(f"{_P}_idempotency_replays_total", "kind", title="Duplicate messages"),
        _rate(f"{_P}_http_requests_total", "route, method, status", title="Requests"),
        _quantiles(f"{_P}_http_request_duration_seconds", "route", "Request duration", f"{{{_ASKED}}}"),
        _rate(f"{_P}_signature_failures_total", "cause", title="Requests without valid authentication"),
        _rate(f"{_P}_sign_in_attempts_total", "result", title="Attempts of people to sign in"),
        _rate(
            f"{_P}_writer_refused_total", "what", title="Refused by the writer: not its peer, not its command"
        ),
        _rate(f"{_P}_confirmations_forged_total", "", title="Confirmations that no settlement agent signed"),
        _rate(f"{_P}_connections_dropped_total", "cause", title="Connections dropped: too many of one peer"),
        _rate(f"{_P}_account_lookups_total", "participant, result", title="Account look-ups"),
    ),
)
RAILS: Final = Dashboard(
    "rails",
    "payswitch: rails",
    (
        _rate(f"{_P}_rail_requests_total", "rail, operation, answer", title="Exchanges"),
        _quantiles(f"{_P}_rail_request_duration_seconds", "rail", "Exchange duration"),
        _value(f"max by (rail) ({_P}_rail_circuit_open)", "{{rail}}", "Circuit open", limit=1),
        _value(f"min by (rail) ({_P}_rail_reachable)", "{{rail}}", "Responds to probes"),
        _value(
            f"min by (owner, kind) ({_P}_certificate_expiry_timestamp_seconds) - time()",
            "{{owner}} {{kind}}",
            "Time until a certificate expires",
            "s",
        ),
        _value(
            f"max by (rail) ({_P}_rail_ids_used_ratio)",
            "{{rail}}",
            "Order ids used",
            "percentunit",
            limit=0.8,
        ),
        _value(
            f"max by (rail) ({_P}_unknown_oldest_age_seconds)",
            "{{rail}}",
            "Oldest unknown outcome",
            "s",
            limit=900,
        ),
        _value(f"sum by (rail, kind) ({_P}_reconciliation_breaks)", "{{rail}} {{kind}}", "Breaks", limit=1),
        _rate(f"{_P}_rail_stray_answers_total", "rail, verdict", title="Responses without a waiting payment"),
        _value(
            f"increase({_P}_rail_contradictions_total[1h])", "", "Contradictions in the last hour", limit=1
        ),
    ),
)
MONEY: Final = Dashboard(
    "money",
    "payswitch: ledger and liquidity",
    (
        _value(
            f"max by (participant, currency) ({_P}_liquidity_used_ratio)",
            "{{participant}} {{currency}}",
            "Liquidity used",
            "percentunit",
            limit=0.95,
        ),
        _value(
            f"max by (participant, currency) ({_P}_liquidity_headroom_minor_units)",
            "{{participant}} {{currency}}",
            "Headroom, minor units",
        ),
        _rate(f"{_P}_liquidity_alerts_total", "currency, level", title="Liquidity alerts"),
        _value(
            f"max by (currency) ({_P}_ledger_imbalance_minor_units)",
            "{{currency}}",
            "Imbalance, minor units",
            limit=1,
        ),
        _value(f"max by (check) ({_P}_invariant_faults)", "{{check}}", "Failed invariants", limit=1),
        Panel(
            "Checks of the invariants",
            "s",
            (PanelQuery(f"time() - max({_P}_invariants_timestamp_seconds)", "since the last"),),
            limit=300,
        ),
        _value(f"max({_P}_invariants_behind_events)", "", "Events not checked yet"),
        _value(f"max({_P}_checkpoint_age_seconds)", "", "Oldest event without a checkpoint", "s", limit=300),
        _value(f"max({_P}_witness_age_seconds)", "", "Oldest checkpoint without witnesses", "s", limit=900),
        _value(f"max by (state) ({_P}_witnesses)", "{{state}}", "Witnesses of the log"),
        _value(
            f"max by (currency) ({_P}_settlement_window_overdue_seconds)",
            "{{currency}}",
            "Windows past their cut-off",
            "s",
            limit=300,
        ),
        _value(f"max by (state) ({_P}_settlement_oldest_age_seconds)", "{{state}}", "Settlement age", "s"),
        _value(
            f"min by (table) ({_P}_partition_room_events)", "{{table}}", "Free space in partitions, events"
        ),
    ),
)
PROCESSES: Final = Dashboard(
    "processes",
    "payswitch: processes and machine",
    (
        _value(f"sum by (process) ({_P}_processes)", "{{process}}", "Alive"),
        _value(
            f"sum by (process) (increase({_P}_process_starts_total[10m]))", "{{process}}", "Starts in 10 min"
        ),
        _value(f"sum({_P}_api_workers)", "", "API workers"),
        _value(f"sum by (process) (rate({_P}_cpu_seconds_total[5m]))", "{{process}}", "CPU use"),
        _quantiles(f"{_P}_event_loop_lag_seconds", "process", "Event loop lag", limit=0.5),
        _value(
            f"sum by (process, state) ({_P}_db_pool_connections)",
            "{{process}} {{state}}",
            "Database connections",
        ),
        _quantiles(
            f"{_P}_db_pool_acquire_duration_seconds", "process", "Time to get a connection", limit=0.5
        ),
        _value(
            f"min by (place) ({_P}_disk_free_bytes / {_P}_disk_size_bytes)",
            "{{place}}",
            "Disk free",
            "percentunit",
        ),
        _value(
            f"max by (kind) ({_P}_backup_age_seconds)",
            "{{kind}}",
            "Age of the newest backup",
            "s",
            limit=93600,
        ),
        _value(f"max({_P}_wal_archive_failing)", "", "WAL archiving fails", limit=1),
        _value(f"max by (topic) ({_P}_outbox_rows)", "{{topic}}", "Queued rows"),
        _value(f"max by (topic) ({_P}_outbox_oldest_age_seconds)", "{{topic}}", "Oldest queued row", "s"),
        _rate(f"{_P}_webhook_deliveries_total", "result", title="Webhooks"),
        _value(f"max({_P}_clock_offset_seconds)", "", "Clock offset from the database", "s"),
        Panel(
            "Facts of the database",
            "s",
            (PanelQuery(f"time() - max({_P}_facts_timestamp_seconds)", "since they were read"),),
            limit=60,
        ),
    ),
)
ALL: Final = (OVERVIEW, PAYMENTS, RAILS, MONEY, PROCESSES)


def expressions() -> Iterator[str]:
    """All expressions of all panels."""
    for dashboard in ALL:
        for panel in dashboard.panels:
            for query in panel.queries:
                yield query.expr


def write(directory: Path) -> list[Path]:
    """Write every dashboard; return the files."""
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for dashboard in ALL:
        file = directory / f"payswitch-{dashboard.name}.json"
        file.write_text(json.dumps(document(dashboard), indent=2) + "\n", encoding="utf-8")
        files.append(file)
    return files


def document(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as Grafana's JSON; always the same bytes, so that provisioning sees no change."""
    return {
        "uid": "payswitch-" + hashlib.sha256(dashboard.name.encode()).hexdigest()[:8],
        "title": dashboard.title,
        "tags": ["payswitch"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
            ]
        },
        "links": [{"type": "dashboards", "tags": ["payswitch"], "title": "payswitch", "asDropdown": False}],
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    width = _WIDTH // _ACROSS
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    shown = {"thresholdsStyle": {"mode": "line" if panel.limit is not None else "off"}}
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {
            "x": number % _ACROSS * width,
            "y": number // _ACROSS * _HEIGHT,
            "w": width,
            "h": _HEIGHT,
        },
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": shown if panel.kind == "timeseries" else {},
            },
            "overrides": [],
        },
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
            }
            for place, query in enumerate(panel.queries)
        ],
    }
