"""What a change would do, for whoever is to agree to it: what it touches, as it is and as it would be.

Read from the tables that the change would write. Whether it could be done at all is the kind's own word
(`approvals.obstacle`); here nothing is decided.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.errors import SwitchError
from schemas.money import EXPONENTS, Money
from switch.identity.model import Change
from switch.webhooks import signing

NOTHING: Final = "none"
BREAKS: Final[Mapping[str, str]] = {
    "credited_unknown_here": "The rail credited what is unknown here",
    "credited_but_aborted": "The rail credited what was aborted here",
    "refused_but_committed": "The rail refused what was committed here",
    "another_amount": "The rail moved another amount",
    "missing_at_rail": "Committed here, in no file of the rail",
}
"""What people call a difference to a rail's file."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a change touches: its name, how it is, how it would be. Words are in English."""

    what: str
    now: str
    then: str


Effects = list[Effect]
Told = Mapping[str, Any]
Foresee = Callable[[asyncpg.Connection | asyncpg.Pool, Told], Awaitable[Effects]]


async def foresee(connection: asyncpg.Connection | asyncpg.Pool, change: Change) -> Effects:
    """What executing this change now would do."""
    found = OF.get(change.kind)
    return [] if found is None else await found(connection, json.loads(change.content))


def _open(*, flag: bool) -> str:
    return "open" if flag else "closed"


def _decimal(minor: int | None, currency: str) -> str:
    return NOTHING if minor is None else f"{Money(minor, currency).text} {currency}"


def _minor(text: Any, currency: str) -> int:
    """An amount of a request; one that cannot be read changes nothing, and its check says so."""
    if currency not in EXPONENTS or str(text).strip("0.") == "":
        return 0
    try:
        return Money.parse(text, currency).minor
    except SwitchError:
        return 0


def _status(table: str, key: str, field: str, then: str) -> Foresee:
    """The state of one row that has one. Table and names are constants of this file."""

    async def found(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
        now = await connection.fetchval(f"SELECT status FROM {table} WHERE {key} = $1", told[field])  # noqa: S608
        return [Effect(told[field], now or NOTHING, then)]

    return found


async def _onboard(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    now = await connection.fetchval("SELECT status FROM switch.participant WHERE id = $1", told["id"])
    accounts = [
        Effect(
            f"{told['id']} {one['currency']}",
            NOTHING,
            _decimal(_minor(one["net_debit_cap"], one["currency"]), one["currency"]),
        )
        for one in told["accounts"]
    ]
    return [Effect(told["id"], now or NOTHING, "active"), *accounts]


async def _position(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> asyncpg.Record | None:
    found: asyncpg.Record | None = await connection.fetchrow(
        "SELECT closed, net_debit_cap AS cap,"
        " credits_posted + net_debit_cap - debits_posted - debits_pending AS headroom"
        " FROM ledger.account WHERE owner = $1 AND currency = $2 AND purpose = $3",
        told["participant"],
        told["currency"],
        told["account"],
    )
    return found


def _account_name(told: Told) -> str:
    return f"{told['participant']} {told['currency']} {told['account']}"


async def _open_account(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    row = await _position(connection, told)
    return [Effect(_account_name(told), NOTHING if row is None else _open(flag=not row["closed"]), "open")]


async def _close_account(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    row = await _position(connection, told)
    return [Effect(_account_name(told), NOTHING if row is None else _open(flag=not row["closed"]), "closed")]


async def _set_cap(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    row, currency = await _position(connection, told), told["currency"]
    cap = None if row is None else row["cap"]
    headroom = None if row is None else row["headroom"]
    wanted = _minor(told["net_debit_cap"], currency)
    then = None if headroom is None or cap is None else headroom + wanted - cap
    return [
        Effect("Net debit cap", _decimal(cap, currency), _decimal(wanted, currency)),
        Effect("Headroom", _decimal(headroom, currency), _decimal(then, currency)),
    ]


def _funds(sign: int) -> Foresee:
    async def found(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
        row, currency = await _position(connection, told), told["currency"]
        headroom = None if row is None else row["headroom"]
        then = None if headroom is None else headroom + sign * _minor(told["amount"], currency)
        return [Effect("Headroom", _decimal(headroom, currency), _decimal(then, currency))]

    return found


async def _limits(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    currency = told["currency"]
    row = await connection.fetchrow(
        "SELECT per_payment, per_day FROM switch.payment_limit WHERE participant = $1 AND currency = $2",
        told["participant"],
        currency,
    )
    return [
        Effect(
            what,
            _decimal(row and row[field], currency),
            NOTHING if told[field] is None else _decimal(_minor(told[field], currency), currency),
        )
        for what, field in (("Per payment", "per_payment"), ("Per day", "per_day"))
    ]


def _key(then: str) -> Foresee:
    async def found(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
        row = await connection.fetchrow(
            "SELECT revoked_at, coalesce(valid_until <= clock_timestamp(), false) AS over"
            " FROM switch.participant_key WHERE keyid = $1",
            told["keyid"],
        )
        now = NOTHING
        if row is not None:
            now = "revoked" if row["revoked_at"] else "retired" if row["over"] else "in force"
        return [Effect(told["keyid"], now, then)]

    return found


def _corridor(field: str, said: Callable[[Any], str]) -> Foresee:
    async def found(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
        row = await connection.fetchrow(
            "SELECT enabled, settlement FROM switch.corridor WHERE source = $1 AND target = $2",
            told["source"],
            told["target"],
        )
        name = f"{told['source']} → {told['target']}"
        return [Effect(name, NOTHING if row is None else said(row[field]), said(told[field]))]

    return found


async def _fees(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    row = await connection.fetchrow(
        "SELECT fee_minor, fee_bps FROM switch.corridor WHERE source = $1 AND target = $2",
        told["source"],
        told["target"],
    )
    return [
        Effect(what, NOTHING if row is None else str(row[field]), str(told[field]))
        for what, field in (("Fee in minor units", "fee_minor"), ("Fee in basis points", "fee_bps"))
    ]


async def _rate(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    now = await connection.fetchval(
        "SELECT trim_scale(rate)::text FROM switch.fx_rate WHERE source = $1 AND target = $2"
        " AND valid_from <= clock_timestamp() ORDER BY valid_from DESC LIMIT 1",
        told["source"],
        told["target"],
    )
    return [Effect(f"{told['source']} → {told['target']}", now or NOTHING, told["rate"])]


async def _rail(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    now = await connection.fetchval(
        "SELECT open OR coalesce(opens_at <= clock_timestamp(), false) FROM switch.rail WHERE country = $1",
        told["country"],
    )
    return [Effect(told["country"], NOTHING if now is None else _open(flag=now), _open(flag=told["open"]))]


def _window(then: str) -> Foresee:
    async def found(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
        now = await connection.fetchval(
            "SELECT CASE WHEN w.closing_seq IS NULL THEN 'OPEN' ELSE coalesce(s.state, 'CLOSED') END"
            " FROM ledger.settlement_window AS w"
            " LEFT JOIN switch.settlement AS s ON s.settlement_window = w.number WHERE w.number = $1",
            told["window"],
        )
        return [Effect(str(told["window"]), now or NOTHING, then)]

    return found


async def _hold(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    now = await connection.fetchval(
        "SELECT state FROM switch.settlement_line WHERE settlement_window = $1 AND participant = $2",
        told["window"],
        told["participant"],
    )
    return [Effect(f"{told['window']} {told['participant']}", now or NOTHING, "HELD")]


async def _schedule(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    row = await connection.fetchrow(
        "SELECT closes_at::text[] AS closes_at, zone, enabled FROM switch.window_schedule"
        " WHERE currency = $1",
        told["currency"],
    )
    now = [] if row is None else [clock[:5] for clock in row["closes_at"]]
    return [
        Effect("Windows close at", " ".join(now) or NOTHING, " ".join(told["closes_at"])),
        Effect("Time zone", NOTHING if row is None else row["zone"], told["zone"]),
        Effect(
            told["currency"],
            NOTHING if row is None else _open(flag=row["enabled"]),
            _open(flag=told["enabled"]),
        ),
    ]


async def _day(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    now = await connection.fetchval(
        "SELECT business FROM switch.calendar_override WHERE currency = $1 AND day = $2::text::date",
        told["currency"],
        told["day"],
    )
    said = {True: "business day", False: "holiday", None: "as the calendar says"}
    return [Effect(f"{told['currency']} {told['day']}", said[now], said[told["business"]])]


async def _agent(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    row = await connection.fetchrow(
        "SELECT agent, account FROM switch.settlement_agent WHERE currency = $1", told["currency"]
    )
    return [
        Effect(what, NOTHING if row is None else row[field], told[field])
        for what, field in (("Settlement agent", "agent"), ("Account", "account"))
    ]


async def _payment(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    row = await connection.fetchrow(
        "SELECT o.state, p.debtor_agent, p.creditor_agent, p.debit_minor, p.debit_currency, p.credit_minor,"
        " p.credit_currency FROM switch.open_payment AS o JOIN switch.payment AS p USING (number)"
        " WHERE o.uetr = $1",
        UUID(told["uetr"]),
    )
    if row is None:
        return [Effect(told["uetr"], NOTHING, NOTHING)]
    posted = told["outcome"] == "committed"
    return [
        Effect(told["uetr"], row["state"], told["outcome"].upper()),
        Effect(
            f"{row['debtor_agent']}: {_decimal(row['debit_minor'], row['debit_currency'])}",
            "held",
            "paid" if posted else "released",
        ),
        Effect(
            f"{row['creditor_agent']}: {_decimal(row['credit_minor'], row['credit_currency'])}",
            "held",
            "received" if posted else "not received",
        ),
    ]


async def _break(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    row = await connection.fetchrow(
        "SELECT kind, resolved_at FROM switch.reconciliation_break WHERE id = $1", told["number"]
    )
    if row is None:
        return [Effect(str(told["number"]), NOTHING, NOTHING)]
    return [Effect(BREAKS[row["kind"]], "resolved" if row["resolved_at"] else "open", "resolved")]


async def _return_of_break(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    row = await connection.fetchrow(
        "SELECT p.debtor_agent, p.creditor_agent, p.debit_minor + p.fee_minor AS debit_minor,"
        " p.debit_currency, p.credit_minor, p.credit_currency FROM switch.reconciliation_break AS b"
        " JOIN ledger.transfer AS t ON t.id = b.uetr JOIN switch.payment AS p ON p.number = t.number"
        " WHERE b.id = $1",
        told["number"],
    )
    if row is None:
        return [Effect(str(told["number"]), NOTHING, NOTHING)]
    return [
        Effect(
            f"{row['debtor_agent']}: {_decimal(row['debit_minor'], row['debit_currency'])}",
            "paid",
            "received",
        ),
        Effect(
            f"{row['creditor_agent']}: {_decimal(row['credit_minor'], row['credit_currency'])}",
            "received",
            "paid",
        ),
    ]


async def _unfreeze(connection: asyncpg.Connection | asyncpg.Pool, _: Told) -> Effects:
    frozen = await connection.fetchval("SELECT true FROM switch.freeze")
    return [Effect("Books", "frozen" if frozen else "open", "open")]


async def _add_webhook_key(connection: asyncpg.Connection | asyncpg.Pool, _: Told) -> Effects:
    count = sum(key.retired_at is None for key in await signing.published(connection))
    return [Effect("Keys that sign webhooks", str(count), str(count + 1))]


async def _retire_webhook_key(connection: asyncpg.Connection | asyncpg.Pool, told: Told) -> Effects:
    found = next((k for k in await signing.published(connection) if k.number == told["number"]), None)
    before = "retired" if found is None or found.retired_at else "in force"
    return [Effect("Keys that sign webhooks", before, "retired")]


def _person(then: str) -> Foresee:
    return _status("switch.person", "name", "name", then)


def _participant(then: str) -> Foresee:
    return _status("switch.participant", "id", "participant", then)


OF: Final[Mapping[str, Foresee]] = MappingProxyType(
    {
        "person.add": _person("invited"),
        "person.reset": _person("invited"),
        "person.suspend": _person("suspended"),
        "person.resume": _person("active"),
        "person.remove": _person("removed"),
        "participant.onboard": _onboard,
        "participant.suspend": _participant("suspended"),
        "participant.resume": _participant("active"),
        "participant.remove": _participant("removed"),
        "account.open": _open_account,
        "account.close": _close_account,
        "cap.set": _set_cap,
        "funds.in": _funds(1),
        "funds.out": _funds(-1),
        "limit.set": _limits,
        "key.add": _key("in force"),
        "key.retire": _key("retired"),
        "key.revoke": _key("revoked"),
        "corridor.switch": _corridor("enabled", lambda flag: _open(flag=flag)),
        "corridor.fees": _fees,
        "corridor.settlement": _corridor("settlement", str),
        "rate.set": _rate,
        "rail.switch": _rail,
        "window.close": _window("CLOSED"),
        "settlement.confirm": _window("CONFIRMED"),
        "settlement.abort": _window("ABORTED"),
        "settlement.hold": _hold,
        "schedule.set": _schedule,
        "calendar.set": _day,
        "settlement_agent.set": _agent,
        "payment.resolve": _payment,
        "break.resolve": _break,
        "break.return": _return_of_break,
        "books.unfreeze": _unfreeze,
        "webhook_key.add": _add_webhook_key,
        "webhook_key.retire": _retire_webhook_key,
    }
)
"""Every kind of change has one: a test holds the two together."""
