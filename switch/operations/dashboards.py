"""Grafana dashboards as code: `payswitch dashboards DIR` writes JSON files for Grafana's provisioning.

The files are generated when needed and are not in the repository: people read and change this module. Every
metric of the switch has a panel here, and every panel queries metrics that exist. Readers choose rails,
corridors and participants; settlement windows, changes and deploys are marked on every panel.
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
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One PromQL expression, and the legend of its lines, such as `{{rail}}`."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; `about` says what is normal and what to look for, `limit` is drawn in red as a threshold."""

    title: str
    about: str
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


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks on every panel; with `timed` the value of the query is their instant, in milliseconds."""

    name: str
    expr: str
    text: str
    colour: str
    timed: bool


_P: Final = "payswitch"
VARIABLES: Final = {
    "rail": f"{_P}_rail_reachable",
    "corridor": f"{_P}_payments_accepted_total",
    "participant": f"{_P}_liquidity_used_ratio",
}
"""Labels that a reader can choose values of, and the metric that knows the values."""
ANNOTATIONS: Final = (
    Annotation(
        "Settlement windows",
        f"max by (currency) ({_P}_settlement_window_opened_timestamp_seconds) * 1000",
        "New window of {{currency}}",
        "blue",
        timed=True,
    ),
    Annotation(
        "Changes",
        f"max by (kind) ({_P}_change_executed_timestamp_seconds) * 1000",
        "Change executed: {{kind}}",
        "orange",
        timed=True,
    ),
    Annotation(
        "Deploys",
        f"max by (version, schema) ({_P}_build_info)"
        f" unless max by (version, schema) ({_P}_build_info offset 5m)",
        "Version {{version}}, schema {{schema}}",
        "purple",
        timed=False,
    ),
)


def _of(metric: str, *labels: str, where: str = "") -> str:
    """The series of a metric that the variables choose, of those labels that are variables."""
    chosen = [f'{label}=~"${label}"' for label in labels if label in VARIABLES]
    return f"{_P}_{metric}{{{','.join([where] * bool(where) + chosen)}}}"


def _rate(metric: str, by: str, title: str, about: str) -> Panel:
    """Rate of a counter, by labels."""
    labels = by.split(", ")
    legend = " ".join(f"{{{{{label}}}}}" for label in labels)
    expr = f"sum by ({by}) (rate({_of(metric, *labels)}[5m]))"
    return Panel(title, about, "reqps", (PanelQuery(expr, legend),))


def _quantiles(
    metric: str, by: str, title: str, about: str, *, where: str = "", limit: float | None = None
) -> Panel:
    """The 50th and 99th percentiles of a histogram, by one label."""
    buckets = _of(f"{metric}_bucket", by, where=where)
    return Panel(
        title,
        about,
        "s",
        tuple(
            PanelQuery(
                f"histogram_quantile({quantile}, sum by ({by}, le) (rate({buckets}[5m])))",
                f"{{{{{by}}}}} p{quantile * 100:g}",
            )
            for quantile in (0.5, 0.99)
        ),
        limit=limit,
    )


def _value(
    expr: str, legend: str, title: str, about: str, unit: Unit = "short", *, limit: float | None = None
) -> Panel:
    return Panel(title, about, unit, (PanelQuery(expr, legend),), limit=limit)


def _most(
    metric: str, by: str, title: str, about: str, unit: Unit = "short", *, limit: float | None = None
) -> Panel:
    """The largest value of a gauge, by labels."""
    labels = by.split(", ")
    legend = " ".join(f"{{{{{label}}}}}" for label in labels)
    return _value(f"max by ({by}) ({_of(metric, *labels)})", legend, title, about, unit, limit=limit)


def _stat(expr: str, title: str, about: str, unit: Unit = "short", *, limit: float | None = None) -> Panel:
    return Panel(title, about, unit, (PanelQuery(expr),), kind="stat", limit=limit)


_ASKED: Final = 'route!~"/readyz|/livez|/metrics"'
_CREDITED: Final = 'outcome="COMMITTED"'
_GIVEN_BACK: Final = 'outcome!="COMMITTED"'


def _within(period: str) -> Panel:
    """Shares of payments that were credited within 10 s, 60 s and 1 h."""
    whole = f"sum(rate({_of('payment_duration_seconds_count', 'rail', where=_CREDITED)}[{period}]))"

    def share(bound: str) -> str:
        bucket = _of("payment_duration_seconds_bucket", "rail", where=f'{_CREDITED},le="{bound}"')
        return f"sum(rate({bucket}[{period}])) / {whole}"

    return Panel(
        "Credited within 10 s, 60 s and 1 h",
        "Share of credited payments, by the time from the reservation of their money. The target"
        " is 99 % in 10 s.",
        "percentunit",
        tuple(
            PanelQuery(share(bound), words)
            for bound, words in (("10.0", "10 s"), ("60.0", "60 s"), ("3600.0", "1 h"))
        ),
    )


BUSINESS: Final = Dashboard(
    "business",
    "payswitch: business",
    (
        _stat(
            f"sum(increase({_of('payments_total', 'rail', where=_CREDITED)}[1d]))",
            "Payments credited in 24 h",
            "Payments whose creditor has the money, of the chosen rails.",
        ),
        _stat(
            f"sum(increase({_of('payments_total', 'rail', where=_CREDITED)}[1d]))"
            f" / sum(increase({_of('payments_total', 'rail')}[1d]))",
            "Success in 24 h",
            "Share of final payments that were credited. Payments that the switch refused before it"
            " held money"
            " are not in it.",
            "percentunit",
        ),
        _value(
            f"sum by (rail, outcome) (increase({_of('payments_total', 'rail')}[1h]))",
            "{{rail}} {{outcome}}",
            "Final payments per hour",
            "Payments that became final within an hour, by rail and outcome. The week has a shape:"
            " compare with"
            " the same hour of another day.",
        ),
        _value(
            f"sum by (corridor) (increase({_of('payments_accepted_total', 'corridor')}[1h]))",
            "{{corridor}}",
            "Accepted payments per hour, by corridor",
            "Payments whose money was reserved, by the countries of debtor and creditor. A corridor"
            " that falls to"
            " 0 while others do not is closed, has no rate, or its rail is down.",
        ),
        _value(
            f"sum by (rail, currency) (increase({_of('settled_value_minor_units_total', 'rail')}[1h]))",
            "{{rail}} {{currency}}",
            "Value credited per hour, minor units",
            "Credited amounts in minor units of each currency. Never add up different currencies.",
        ),
        _value(
            f"sum by (rail) (increase({_of('payments_total', 'rail', where=_CREDITED)}[1h]))"
            f" / sum by (rail) (increase({_of('payments_total', 'rail')}[1h]))",
            "{{rail}}",
            "Success, by rail",
            "Share of the final payments of an hour that were credited. A fall at one rail is a matter"
            " of that"
            " rail; at all rails, of the switch or of a large sender.",
            "percentunit",
        ),
        _value(
            f"sum by (reason) (increase({_of('payments_total', 'rail', where=_GIVEN_BACK)}[1h]))",
            "{{reason}}",
            "Not credited per hour, by reason",
            "ISO 20022 reason codes of payments that were given back. AC codes are accounts, AM amounts and"
            " limits, TM and AB time.",
        ),
        Panel(
            "Time to finality: P50, P95, P99",
            "Time from the reservation of a payment's money to its final state, over an hour.",
            "s",
            tuple(
                PanelQuery(
                    f"histogram_quantile({quantile}, sum by (le)"
                    f" (rate({_of('payment_duration_seconds_bucket', 'rail')}[1h])))",
                    f"P{quantile * 100:g}",
                )
                for quantile in (0.5, 0.95, 0.99)
            ),
            limit=10,
        ),
        _within("1h"),
        _most(
            "liquidity_used_ratio",
            "participant, currency",
            "Liquidity used",
            "Share of its liquidity that a participant has used in the open window. At 1 its payments"
            " are refused"
            " with AM04.",
            "percentunit",
            limit=0.95,
        ),
        _most(
            "liquidity_headroom_minor_units",
            "participant, currency",
            "Liquidity left, minor units",
            "Amount that a participant can still send, in minor units of each currency. Funds and settlements"
            " raise it.",
        ),
        _most(
            "settlement_lines_held",
            "participant",
            "Unpaid settlement lines",
            "Lines that a participant has not paid and that no later window has taken over. Normally 0.",
            limit=1,
        ),
        _most(
            "exchange_rate_age_seconds",
            "corridor",
            "Age of exchange rates",
            "Time since the rate of a corridor came into force. Providers give a new one at least daily.",
            "s",
            limit=93600,
        ),
    ),
)
OVERVIEW: Final = Dashboard(
    "overview",
    "payswitch: at a glance",
    (
        _stat(
            f"sum(rate({_of('payments_total', 'rail', where=_CREDITED)}[5m]))",
            "Payments per second",
            "Payments credited per second over five minutes, of the chosen rails.",
            "reqps",
        ),
        _stat(
            f"max({_P}_books_frozen)",
            "Books frozen",
            "1: no new payment is taken, because an invariant failed or two people froze the books.",
            limit=1,
        ),
        _stat(
            f"max({_P}_closed_after_restore)",
            "Closed after a restore",
            "1: the database was restored, and the switch waits for two people to open it.",
            limit=1,
        ),
        _stat(
            f"sum(abs({_P}_ledger_imbalance_minor_units))",
            "Imbalance, minor units",
            "Debits less credits of the ledger. Anything but 0 is an emergency.",
            limit=1,
        ),
        _stat(
            f"max({_of('unknown_oldest_age_seconds', 'rail')})",
            "Oldest unknown outcome",
            "Age of the oldest payment that a rail has not answered for. Its money is held meanwhile.",
            "s",
            limit=900,
        ),
        Panel(
            "Availability: errors of the last hour against the monthly budget",
            "Share of requests that failed with 5xx, and the share that the objective allows.",
            "percentunit",
            (
                PanelQuery(f"{_P}:availability_errors:ratio_rate1h", "errors"),
                PanelQuery(f'1 - max({_P}_slo_target_ratio{{objective="availability"}})', "budget"),
            ),
        ),
        Panel(
            "Late acceptance, late finality",
            "Shares of payments that were accepted or final later than the objective says, and the"
            " share allowed.",
            "percentunit",
            (
                PanelQuery(f"{_P}:accept_slow:ratio_rate5m", "accept"),
                PanelQuery(f"{_P}:final_slow:ratio_rate5m", "final"),
                PanelQuery(f'1 - max({_P}_slo_target_ratio{{objective="accept"}})', "allowed"),
            ),
        ),
        _most(
            "slo_threshold_seconds",
            "objective",
            "Latency targets",
            "Time within which a request is good.",
            "s",
        ),
        _most(
            "build_info",
            "version, schema",
            "Version",
            "Running version and its newest migration. Two lines at once: an upgrade is under way.",
            "none",
        ),
        _value(
            f"time() - max by (kind) ({_P}_change_executed_timestamp_seconds)",
            "{{kind}}",
            "Since the last change",
            "Time since a change that several people decided was executed, by its kind. Look here first when"
            " something else began at the same time.",
            "s",
        ),
    ),
)
PAYMENTS: Final = Dashboard(
    "payments",
    "payswitch: payments",
    (
        _rate(
            "payments_accepted_total",
            "rail, debit_currency, corridor",
            "Accepted",
            "Payments whose money was reserved, per second.",
        ),
        _rate(
            "payments_total",
            "rail, outcome",
            "Final",
            "Payments that became final, per second. It follows *Accepted* with the delay of the rails.",
        ),
        _rate(
            "payments_refused_total",
            "reason",
            "Refused by the switch",
            "Payments refused before any money was held, by reason. A new reason in numbers is a"
            " sender that has"
            " changed something.",
        ),
        _value(
            f"sum by (rail, state) ({_of('payments_in_flight', 'rail')})",
            "{{rail}} {{state}}",
            "In flight",
            "Payments that are not final. UNKNOWN: the rail has not said what became of it.",
        ),
        _quantiles(
            "payment_duration_seconds",
            "rail",
            "Time from reservation to finality",
            "Of every payment, whether its sender waits or not.",
            limit=10,
        ),
        _quantiles(
            "payment_stage_duration_seconds",
            "stage",
            "Time of each step of a payment",
            "Which step makes payments slow: verify, accept (with reserve), send, post.",
        ),
        _value(
            f"sum by (rail, currency) (rate({_of('settled_value_minor_units_total', 'rail')}[5m]))",
            "{{rail}} {{currency}}",
            "Credited, minor units per second",
            "Credited amounts in minor units of each currency. Never add up different currencies.",
        ),
        _rate(
            "idempotency_replays_total",
            "kind",
            "Duplicate messages",
            "Messages with a known UETR. Some are normal after time-outs; many are a sender that"
            " repeats itself.",
        ),
        _rate(
            "http_requests_total",
            "route, method, status",
            "Requests",
            "Requests per second. 5xx are ours, 4xx are the caller's.",
        ),
        _quantiles(
            "http_request_duration_seconds",
            "route",
            "Request duration",
            "From the last byte of a request to its response. Requests that wait for finality are long"
            " by intent.",
            where=_ASKED,
        ),
        _rate(
            "signature_failures_total",
            "cause",
            "Requests without valid authentication",
            "Normally near 0. A rise at a key change is a participant's mistake; otherwise think of theft.",
        ),
        _rate(
            "sign_in_attempts_total",
            "result",
            "Attempts of people to sign in",
            "Failed and delayed attempts in numbers are somebody who guesses passwords.",
        ),
        _rate(
            "writer_refused_total",
            "what",
            "Refused by the writer: not its peer, not its command",
            "Must be 0: a process asks the ledger's writer for what it may not, or nobody decided it.",
        ),
        _value(
            f"sum(rate({_P}_confirmations_forged_total[5m]))",
            "",
            "Confirmations that no settlement agent signed",
            "Must be 0: somebody wrote a confirmation into the database that its agent did not sign.",
            "reqps",
        ),
        _rate(
            "connections_dropped_total",
            "cause",
            "Connections dropped: too many of one peer",
            "Connections that were closed because one peer held too many.",
        ),
        _rate(
            "account_lookups_total",
            "participant, result",
            "Account look-ups",
            "By who asks. AC01 and NMTC in numbers are somebody who tries account numbers.",
        ),
    ),
)
RAILS: Final = Dashboard(
    "rails",
    "payswitch: rails",
    (
        _rate(
            "rail_requests_total",
            "rail, operation, answer",
            "Exchanges",
            "Exchanges with each rail per second, by what the rail answered.",
        ),
        _quantiles(
            "rail_request_duration_seconds",
            "rail",
            "Exchange duration",
            "Time of one exchange with a rail. It rises before time-outs begin.",
        ),
        _most(
            "rail_circuit_open",
            "rail",
            "Circuit open",
            "1: a process takes the rail to be down after consecutive time-outs, and sends nothing for"
            " a while.",
            limit=1,
        ),
        _value(
            f"min by (rail) ({_of('rail_reachable', 'rail')})",
            "{{rail}}",
            "Responds to probes",
            "1: the rail responded to the last probe. Probes need no traffic.",
        ),
        _value(
            f"min by (owner, kind) ({_P}_certificate_expiry_timestamp_seconds) - time()",
            "{{owner}} {{kind}}",
            "Time until a certificate expires",
            "Of our client certificates and of the authorities that we trust. Alerts at 30 days and at"
            " 3 days.",
            "s",
        ),
        _most(
            "rail_ids_used_ratio",
            "rail",
            "Order ids used",
            "Share of the rail's order ids that are used in its period. At 1 no order can be created.",
            "percentunit",
            limit=0.8,
        ),
        _most(
            "unknown_oldest_age_seconds",
            "rail",
            "Oldest unknown outcome",
            "Age of the oldest payment that the rail has not answered for.",
            "s",
            limit=900,
        ),
        _value(
            f"sum by (rail, kind) ({_of('reconciliation_breaks', 'rail')})",
            "{{rail}} {{kind}}",
            "Breaks",
            "Differences between the rail's end-of-cycle file and our books that nobody has resolved."
            " Normally 0.",
            limit=1,
        ),
        _value(
            f"sum by (rail, state) ({_of('inbound_orders', 'rail')})",
            "{{rail}} {{state}}",
            "Orders of the rail",
            "Open orders: undecided, with an answer that the rail has not acknowledged, or owed by one side"
            " to the other. Undecided ones come and go with the traffic; owed is normally 0.",
        ),
        _value(
            f"max by (rail, state) ({_of('inbound_order_oldest_age_seconds', 'rail')})",
            "{{rail}} {{state}}",
            "Oldest open order of the rail",
            "Alerts at ten minutes for an unacknowledged answer, and at half an hour for an undecided order.",
            "s",
            limit=1800,
        ),
        _value(
            f"sum by (state) ({_P}_payment_files)",
            "{{state}}",
            "Payment files",
            "Files that have not ended: received and not checked, or sending. They come and go with the"
            " traffic.",
        ),
        _value(
            f"sum by (state) ({_P}_payment_file_lines)",
            "{{state}}",
            "Lines of payment files",
            "Lines of the files that have not ended. While files are sent, waiting falls and credited rises;"
            " many rejected ones mean that a file or a rail is wrong.",
        ),
        _value(
            f"max by (state) ({_P}_payment_file_oldest_age_seconds)",
            "{{state}}",
            "Oldest payment file",
            "Alerts at ten minutes for a file that was not checked, and at six hours for one that is sent.",
            "s",
            limit=21_600,
        ),
        _rate(
            "inbound_lookup_prices_total",
            "rail, result",
            "Prices of look-ups",
            "Look-ups of rails whose order can name a quote, per second: `firm` prices hold for a moment,"
            " `forecast` ones do not: nothing could be promised, or half of what the FX provider has left is"
            " promised already. Normally nearly all are firm.",
        ),
        _rate(
            "inbound_orders_ended_total",
            "rail, kind, state",
            "Orders that ended",
            "Orders of rails and their reversals per second, by the outcome that is reported to the rail.",
        ),
        _value(
            f"sum by (kind, state) ({_P}_cases)",
            "{{kind}} {{state}}",
            "Cases",
            "What needs a person: all open cases, those that nobody has taken, and those that are overdue."
            " Untaken and overdue are normally 0.",
        ),
        _value(
            f"max by (kind) ({_P}_case_oldest_age_seconds)",
            "{{kind}}",
            "Oldest case",
            "Age of what the oldest open case of each kind is about. Normally below its deadline.",
            "s",
        ),
        _rate(
            "screened_total",
            "result",
            "Payments compared with sanctions lists",
            "By result. Hits wait for people, `silent` for the outside engine, which did not answer;"
            " `not_ready` were refused, because a process had no index yet. Normally nearly all are clear.",
        ),
        _value(
            f"max({_P}_screening_lists_late_seconds)",
            "longest",
            "Sanctions lists that are late",
            "Time since lists came into force that a process does not have yet. Normally 0.",
            "s",
        ),
        _most(
            "screening_list_age_seconds",
            "publisher",
            "Age of sanctions lists",
            "Time since the newest file in force of a publisher was added. Publishers change theirs often.",
            "s",
            limit=604800,
        ),
        _value(
            f"histogram_quantile(0.99, sum by (le) (rate({_P}_screening_seconds_bucket[5m])))",
            "99th percentile",
            "Time of a comparison with sanctions lists",
            "Of the parties of one payment. Normally below a millisecond.",
            "s",
        ),
        _value(
            f"histogram_quantile(0.99, sum by (le) (rate({_P}_screening_engine_seconds_bucket[5m])))",
            "99th percentile",
            "Time of the outside screening engine",
            "About all parties of one payment; a payment waits for it. Normally well below its time-out.",
            "s",
        ),
        _rate(
            "monitor_messages_total",
            "result",
            "Messages for the outside monitor",
            "By result. `failed` are sent again; what is `refused` needs somebody. None without a monitor.",
        ),
        _value(
            f"{_P}_monitor_oldest_age_seconds",
            "oldest",
            "Age of what the outside monitor does not have",
            "Of the oldest event. Normally 0; payments do not wait for it.",
            "s",
        ),
        _rate(
            "case_notices_total",
            "channel, result",
            "Notices of cases",
            "Messages to people about cases. Failures are repeated for about four hours.",
        ),
        _rate(
            "rail_stray_answers_total",
            "rail, verdict",
            "Responses without a waiting payment",
            "Late and repeated responses of a rail. Some are normal.",
        ),
        _value(
            f"increase({_P}_rail_contradictions_total[1h])",
            "",
            "Contradictions in the last hour",
            "A rail said the opposite of what is final. Each needs a person.",
            limit=1,
        ),
    ),
)
MONEY: Final = Dashboard(
    "money",
    "payswitch: ledger and liquidity",
    (
        _most(
            "liquidity_used_ratio",
            "participant, currency",
            "Liquidity used",
            "Share of its liquidity that a participant has used in the open window.",
            "percentunit",
            limit=0.95,
        ),
        _most(
            "liquidity_headroom_minor_units",
            "participant, currency",
            "Headroom, minor units",
            "Amount that a participant can still send, in minor units of each currency.",
        ),
        _rate(
            "liquidity_alerts_total",
            "currency, level",
            "Liquidity alerts",
            "How often participants reached 60, 80 or 95 % of their liquidity.",
        ),
        _most(
            "ledger_imbalance_minor_units",
            "currency",
            "Imbalance, minor units",
            "Debits less credits. Anything but 0 is an emergency.",
            limit=1,
        ),
        _most(
            "invariant_faults",
            "check",
            "Failed invariants",
            "Failures in the last check of each invariant. Must be 0.",
            limit=1,
        ),
        Panel(
            "Checks of the invariants",
            "Time since the last check. If it grows, nobody checks the books.",
            "s",
            (PanelQuery(f"time() - max({_P}_invariants_timestamp_seconds)", "since the last"),),
            limit=300,
        ),
        _value(
            f"max({_P}_invariants_behind_events)",
            "",
            "Events not checked yet",
            "Events of the log that no check of the invariants covers yet. It grows under load and"
            " falls after.",
        ),
        _value(
            f"max({_P}_checkpoint_age_seconds)",
            "",
            "Oldest event without a checkpoint",
            "Age of the oldest event that no signed checkpoint of the log covers.",
            "s",
            limit=300,
        ),
        _value(
            f"max({_P}_witness_age_seconds)",
            "",
            "Oldest checkpoint without witnesses",
            "Age of the oldest checkpoint that too few witnesses have cosigned.",
            "s",
            limit=900,
        ),
        _most(
            "witnesses",
            "state",
            "Witnesses of the log",
            "Registered witnesses. One that refuses holds another history: an emergency.",
        ),
        _most(
            "settlement_window_overdue_seconds",
            "currency",
            "Windows past their cut-off",
            "Time since the missed cut-off of an open window. Normally 0.",
            "s",
            limit=300,
        ),
        _value(
            f"time() - max by (currency) ({_P}_settlement_window_opened_timestamp_seconds)",
            "{{currency}}",
            "Age of the open window",
            "Time since the window before it closed. It falls to 0 at each cut-off.",
            "s",
        ),
        _most(
            "settlement_oldest_age_seconds",
            "state",
            "Settlement age",
            "Age of the oldest settlement in each state that is not final.",
            "s",
        ),
        _value(
            f"min by (table) ({_P}_partition_room_events)",
            "{{table}}",
            "Free space in partitions, events",
            "Events until the last partition is full. The caretaker adds partitions; at 0 nothing can"
            " be written.",
        ),
    ),
)
PROCESSES: Final = Dashboard(
    "processes",
    "payswitch: processes and machine",
    (
        _value(
            f"sum by (process) ({_P}_processes)",
            "{{process}}",
            "Alive",
            "Running processes of each kind. A gap is a restart.",
        ),
        _value(
            f"sum by (process) (increase({_P}_process_starts_total[10m]))",
            "{{process}}",
            "Starts in 10 min",
            "Restarts. More than five of one kind is an alert.",
        ),
        _value(f"sum({_P}_api_workers)", "", "API workers", "API workers that serve requests."),
        _value(
            f"sum by (process) (rate({_P}_cpu_seconds_total[5m]))",
            "{{process}}",
            "CPU use",
            "Cores in use. The writer is one process: at 1 it is the limit.",
        ),
        _quantiles(
            "event_loop_lag_seconds",
            "process",
            "Event loop lag",
            "How late a process wakes. It rises when a machine or a process is overloaded.",
            limit=0.5,
        ),
        _rate(
            "admission_refused_total",
            "cause",
            "Messages refused because of overload",
            "Normally 0. share: a participant sends more than its share of what the switch can carry;"
            " deadline: too late for its sender; patience: the writer or the database is too slow.",
        ),
        Panel(
            "Admission",
            "Messages that API workers accept at once, and that wait for it, under the limit that they"
            " measure. A limit that falls while many wait is an overload.",
            "short",
            (
                PanelQuery(f"sum by (state) ({_P}_admission_messages)", "{{state}}"),
                PanelQuery(f"sum({_P}_admission_limit)", "limit"),
            ),
        ),
        Panel(
            "Wait for admission",
            "How long admitted messages waited for their turn. Normally 0.",
            "s",
            tuple(
                PanelQuery(
                    f"histogram_quantile({quantile},"
                    f" sum by (le) (rate({_P}_admission_wait_seconds_bucket[5m])))",
                    f"p{quantile * 100:g}",
                )
                for quantile in (0.5, 0.99)
            ),
        ),
        _value(
            f"sum by (process, state) ({_P}_db_pool_connections)",
            "{{process}} {{state}}",
            "Database connections",
            "Connections of each pool, idle and used.",
        ),
        _quantiles(
            "db_pool_acquire_duration_seconds",
            "process",
            "Time to get a connection",
            "Waits mean that a pool is too small or the database is slow.",
            limit=0.5,
        ),
        _value(
            f"min by (place) ({_P}_disk_free_bytes / {_P}_disk_size_bytes)",
            "{{place}}",
            "Disk free",
            "Free share of each file system. Alert below 15 %.",
            "percentunit",
        ),
        _most(
            "backup_age_seconds",
            "kind",
            "Age of the newest backup",
            "Age of the newest complete backup. Alert at 26 hours.",
            "s",
            limit=93600,
        ),
        _value(
            f"max({_P}_wal_archive_failing)",
            "",
            "WAL archiving fails",
            "1: the last attempt to copy a segment of the write-ahead log failed. The disk fills meanwhile.",
            limit=1,
        ),
        _most(
            "outbox_rows",
            "topic",
            "Queued rows",
            "Entries that wait: deliveries, notes, due payments, approved changes.",
        ),
        _most(
            "outbox_oldest_age_seconds",
            "topic",
            "Oldest queued row",
            "Age of the oldest entry of each queue. An approved change counts from its request.",
            "s",
        ),
        _rate(
            "webhook_deliveries_total",
            "result",
            "Webhooks",
            "Attempts to deliver webhooks, by result.",
        ),
        _value(
            f"max({_P}_clock_offset_seconds)",
            "",
            "Clock offset from the database",
            "Our clock less the database's. Alert beyond one second.",
            "s",
        ),
        _value(
            f"sum by (destination, state) ({_P}_report_deliveries)",
            "{{destination}} {{state}}",
            "Reports that are not delivered",
            "Scheduled reports that wait for their receiver, or were given up after 14 days. Normally 0.",
        ),
        _value(
            f"max by (destination) ({_P}_report_delivery_oldest_age_seconds)",
            "{{destination}}",
            "Oldest report that waits",
            "How long a receiver has not accepted a report. An alert begins at an hour.",
            "s",
            limit=3600,
        ),
        _rate(
            "report_delivery_attempts_total",
            "result",
            "Deliveries of reports",
            "Attempts to deliver reports, by result.",
        ),
        _value(
            f"max({_P}_report_schedules_failing)",
            "",
            "Schedules that make no report",
            "Schedules whose last report could not be made; the page Delivery of reports states why.",
            limit=1,
        ),
        Panel(
            "Facts of the database",
            "Time since the caretaker read the facts that most panels show. If it grows, they are old.",
            "s",
            (PanelQuery(f"time() - max({_P}_facts_timestamp_seconds)", "since they were read"),),
            limit=60,
        ),
    ),
)
ALL: Final = (OVERVIEW, BUSINESS, PAYMENTS, RAILS, MONEY, PROCESSES)


def expressions() -> Iterator[str]:
    """All expressions of all panels and annotations."""
    for mark in ANNOTATIONS:
        yield mark.expr
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
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
                *(_variable(label, metric) for label, metric in VARIABLES.items()),
            ]
        },
        "annotations": {"list": [_annotation(mark) for mark in ANNOTATIONS]},
        "links": [{"type": "dashboards", "tags": ["payswitch"], "title": "payswitch", "asDropdown": False}],
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels)],
    }


def _variable(label: str, metric: str) -> dict[str, Any]:
    """A choice of values of a label; all of them until a reader chooses, also series without the label."""
    query = f"label_values({metric}, {label})"
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": label},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _annotation(mark: Annotation) -> dict[str, Any]:
    return {
        "name": mark.name,
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": mark.colour,
        "expr": mark.expr,
        "titleFormat": mark.name,
        "textFormat": mark.text,
        "useValueForTime": "on" if mark.timed else False,
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
        "description": panel.about,
        "datasource": _SOURCE,
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
                "datasource": _SOURCE,
            }
            for place, query in enumerate(panel.queries)
        ],
    }
