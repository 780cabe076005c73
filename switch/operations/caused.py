"""`payswitch verify`: what moves or prices money, and each key, has a cause that somebody signed.

The log is compared with itself: the event names a change, and the log must have its request, the approvals of
enough other people and its execution, with a content that says exactly what the event did, once. A return of
a participant names the key that signed it. In a sandbox its own set-up is a cause, too. An event that was
written into the database by hand has none of these.

Events up to `switch.caused_since` are of versions that recorded no causes: they are reported as not compared.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from ledger.decoding import AccountChange, CapChange, SetChange, UnreadableChange, decode_change
from ledger.verify import CheckResult
from schemas.errors import SwitchError
from schemas.reasons import Reason
from schemas.signing import key_request
from schemas.signing.keys import PublicKey
from switch.approvals.content import cap_of, money_of
from switch.approvals.kinds import ChangeIds, ChangeKind, Kinds
from switch.base.sql import statements
from switch.operations import watching
from switch.participants import offers_by_people, pairs, payment_returns
from switch.participants.resolution import ReturnBreak
from switch.payments.pricing import FEES, POSITION, SCHEME
from switch.settlement import day
from switch.writer.event_bodies import read_facts
from switch.writer.event_kinds import EventKind
from switch.writer.velocity import EVERYBODY

NAME: Final = "causes"
_TEXT: Final = "every funding, cap, limit, key, rate, return and screening decision has its cause"
_EXAMPLES: Final = 5
_statement: Final = statements("switch.operations")
_EVENTS: Final = _statement("caused_events")
_DECISIONS: Final = _statement("decisions")
_KEYS: Final = _statement("keys_of_participants")
_BREAKS: Final = "SELECT id, uetr FROM switch.reconciliation_break WHERE uetr IS NOT NULL"
_RAIL_RETURNS: Final = _statement("rail_returns")
_RATES: Final = _statement("rates_of_providers")
_FIXINGS: Final = _statement("fixings")
_OFFERS: Final = _statement("published_offers")
_LATE: Final = _statement("late_lines")
_SINCE: Final = _statement("caused_since")
_ACCOUNTS: Final = "SELECT number, owner, currency::text, purpose FROM ledger.account"
_FUNDS: Final = {"funds.in", "funds.out", "restore.settled"}
_CAPS: Final = {"participant.onboard", "account.open", "cap.set"}
_DOES: Final[Mapping[str, set[str]]] = {
    EventKind.FUND: _FUNDS,
    "cap_set": _CAPS,
    "account_opened": _CAPS,
    "account_closed": {"account.close", "participant.remove"},
    EventKind.LIMIT: {"limit.set"},
    EventKind.VELOCITY: {"velocity.set"},
    EventKind.WATCH_RULE: {"watch.set"},
    EventKind.PAIR_CONTROL: {"pair.control"},
    EventKind.RETURN: {"break.return", "payment.return", "payment.reverse"},
    EventKind.RETURN_PART: {"break.return", "payment.return"},
    EventKind.UNFREEZE: {"books.unfreeze"},
    EventKind.REOPEN: {"restore.open"},
    EventKind.SCREENING_DECIDED: {"screening.release", "screening.refuse"},
}
"""Kinds of events that people cause, and the kinds of changes that may."""
_RETURNS: Final = {EventKind.RETURN, EventKind.RETURN_PART}
_ONCE: Final = {EventKind.FUND, *_RETURNS, EventKind.SCREENING_DECIDED}
"""Of these, a change causes one."""


@dataclass(slots=True)
class _Decided:
    """What the log says of a change."""

    kind: str = ""
    content: dict[str, Any] = field(default_factory=dict)
    maker: str = ""
    seats: int = 0
    approved: set[str] = field(default_factory=set)
    executed: bool = False
    of_sandbox: bool = False

    @property
    def lacks(self) -> str:
        """Why it causes nothing; empty if it does."""
        if self.of_sandbox:
            return ""
        if not self.kind:
            return "nobody requested it"
        if len(self.approved - {self.maker}) < max(1, self.seats):
            return "too few people approved it"
        return "" if self.executed else "it was not executed"


@dataclass(slots=True)
class _Found:
    """The result so far."""

    checked: int = 0
    faults: list[str] = field(default_factory=list)
    older: int = 0

    def result(self) -> CheckResult:
        faults = self.faults
        text = f"{len(faults)} faults: {'; '.join(faults[:_EXAMPLES])}" if faults else _TEXT
        older = (
            f"; not compared: {self.older} events and keys of versions without causes" if self.older else ""
        )
        return CheckResult(name=NAME, ok=not faults, detail=text + older, checked=self.checked)


async def check_causes(connection: asyncpg.Connection, kinds: Kinds) -> CheckResult:
    """Check all events and keys, in the snapshot of the caller."""
    since = await connection.fetchrow(_SINCE)
    decided = await _decided(connection, sandbox=since["sandbox"])
    accounts = {row["number"]: row for row in await connection.fetch(_ACCOUNTS)}
    keys = {row["keyid"]: row for row in await connection.fetch(_KEYS)}
    lines = {row["id"].hex: row for row in await connection.fetch(_LATE)}
    breaks = {row["id"]: row["uetr"].hex for row in await connection.fetch(_BREAKS)}
    returns = {(row["uetr"].hex, row["reference"]): row for row in await connection.fetch(_RAIL_RETURNS)}
    known = _Known(decided, accounts, keys, lines, breaks, kinds, returns, since["sandbox"])
    found = _Found()
    used: set[int] = set()
    async for row in connection.cursor(_EVENTS, list(_DOES)):
        if row["seq"] <= since["since"]:
            found.older += 1
            continue
        found.checked += 1
        lacks = _lacks(row, known)
        if not lacks and row["kind"] in _ONCE:
            change = read_facts(row["body"]).get("change", 0)
            lacks = f"change {change} caused another one" if change and change in used else ""
            used.add(change)
        if lacks:
            found.faults.append(f"event {row['seq']} ({row['kind']}): {lacks}")
    _check_keys(keys, decided, since, found)
    await _check_rates(connection, decided, since, found)
    await _check_fixings(connection, decided, found)
    await _check_offers(connection, keys, decided, found, sandbox=since["sandbox"])
    return found.result()


def _check_keys(
    keys: Mapping[str, asyncpg.Record],
    decided: Mapping[int, _Decided],
    since: asyncpg.Record,
    found: _Found,
) -> None:
    added = _keys_of(decided.values())
    for keyid, key in keys.items():
        if since["sandbox"] and since["at"] is not None and key["valid_from"] <= since["at"]:
            found.older += 1  # an earlier version made it, and a sandbox asks nobody
            continue
        found.checked += 1
        if (keyid, key["participant"], key["public_key"]) not in added:
            found.faults.append(f"key {keyid} of {key['participant']}: no change of two people added it")


async def _check_rates(
    connection: asyncpg.Connection, decided: Mapping[int, _Decided], since: asyncpg.Record, found: _Found
) -> None:
    stated = [c.content for c in decided.values() if c.kind == "rate.set" and not c.lacks]
    set_ = {(c["source"], c["target"], c["provider"], Decimal(c["rate"])) for c in stated}
    for row in await connection.fetch(_RATES):
        if since["sandbox"] and since["at"] is not None and row["valid_from"] <= since["at"]:
            found.older += 1
            continue
        found.checked += 1
        if (row["source"], row["target"], row["provider"], row["rate"]) not in set_:
            name = f"{row['source']}-{row['target']} of {row['provider']}"
            found.faults.append(
                f"rate {name} from {row['valid_from']:%Y-%m-%d %H:%M}: no change of two people set it"
            )


async def _check_fixings(
    connection: asyncpg.Connection, decided: Mapping[int, _Decided], found: _Found
) -> None:
    """Compare each fixing with the change of two people of a central bank that set it."""
    for row in await connection.fetch(_FIXINGS):
        found.checked += 1
        change = decided.get(row["change"], _Decided())
        stated = {name: change.content.get(name) for name in ("country", "source", "target", "provider")}
        same = change.kind == "fx.fixing" and all(row[name] == text for name, text in stated.items())
        same = same and Decimal(change.content["rate"]) == row["rate"]
        same = same and datetime.fromisoformat(change.content["until"]) == row["valid_until"]
        if change.lacks or not same:
            name = f"fixing {row['source']}-{row['target']} of change {row['change']}"
            found.faults.append(f"{name}: {change.lacks or 'the change says something else'}")


async def _check_offers(
    connection: asyncpg.Connection,
    keys: Mapping[str, asyncpg.Record],
    decided: Mapping[int, _Decided],
    found: _Found,
    *,
    sandbox: bool,
) -> None:
    """Compare each offer with its event: its provider signed it, or two of its people decided."""
    for row in await connection.fetch(_OFFERS):
        found.checked += 1
        body = read_facts(row["body"] or b"")
        stated = {name: body.get(name) for name in ("provider", "source", "target", "tiers", "inventory")}
        stored = {name: row[name] for name in ("provider", "source", "target")}
        stored |= {"tiers": json.loads(row["tiers"]), "inventory": row["inventory_minor"]}
        stated["improvements"] = body.get("improvements", [])
        stored["improvements"] = json.loads(row["improvements"])
        lacks = ""
        if row["kind"] != EventKind.FX_OFFER or stated != stored or body.get("until") != row["until"]:
            lacks = "the event that published it says something else"
        elif body.get("change"):
            lacks = _lacks_decision(decided.get(body["change"], _Decided()), stored)
        else:
            lacks = _lacks_signature(row, {**body, "sender": body["provider"]}, keys, sandbox=sandbox)
        if lacks:
            found.faults.append(f"offer {row['source']}-{row['target']} of {row['provider']}: {lacks}")


def _lacks_decision(change: _Decided, stored: Mapping[str, Any]) -> str:
    """Why two people did not decide on an offer; empty if they did."""
    if change.lacks:
        return change.lacks
    if change.kind != "fx.offer":
        return "its change is of another kind"
    offer = offers_by_people.offer_of(msgspec.convert(change.content, offers_by_people.SetOffer))
    said = {
        "provider": change.content["provider"],
        "source": offer.source,
        "target": offer.target,
        "tiers": [list(tier) for tier in offer.tiers],
        "inventory": offer.inventory,
        "improvements": [list(each) for each in offer.improvements],
    }
    return "" if said == stored else "its change says something else"


async def _decided(connection: asyncpg.Connection, *, sandbox: bool) -> dict[int, _Decided]:
    """What the log, and notes on their way into it, say of every change."""
    found: dict[int, _Decided] = {}
    async for row in connection.cursor(_DECISIONS):
        body = read_facts(row["body"])
        number = body.get("change")
        if not isinstance(number, int):
            continue
        change = found.setdefault(number, _Decided())
        match row["kind"]:
            case EventKind.CHANGE_REQUESTED:
                change.kind, change.content = str(body.get("change_kind")), _content(body)
                seats = body.get("seats")
                change.seats = len(seats) if isinstance(seats, list) else 0
                change.maker = str(body.get("maker"))
            case EventKind.CHANGE_VOTE if body.get("decision") == "approve":
                change.approved.add(str(body.get("person")))
            case EventKind.CHANGE_EXECUTED | EventKind.CHANGE_FAILED | EventKind.CHANGE_APPROVED:
                # The books may have moved before the execution failed, or is done: the next event tells.
                change.executed = True
            case EventKind.SANDBOX_MADE if sandbox and number < 0:
                change.kind, change.content = str(body.get("change_kind")), _content(body)
                change.of_sandbox = True
    return found


def _content(body: Mapping[str, Any]) -> dict[str, Any]:
    content = body.get("content")
    return content if isinstance(content, dict) else {}


@dataclass(frozen=True, slots=True)
class _Known:
    """What events are compared with."""

    decided: Mapping[int, _Decided]
    accounts: Mapping[int, asyncpg.Record]
    keys: Mapping[str, asyncpg.Record]
    lines: Mapping[str, asyncpg.Record]
    breaks: Mapping[int, str]
    """UETRs of the payments of reconciliation breaks, as hexadecimal digits."""
    kinds: Kinds
    returns: Mapping[tuple[str, str], asyncpg.Record]
    """What rails gave back, by payment (hexadecimal digits of the UETR) and the rail's id of the return."""
    sandbox: bool


def _lacks(row: asyncpg.Record, known: _Known) -> str:
    """Why an event has no cause; empty if it has."""
    body = read_facts(row["body"])
    if row["kind"] in _RETURNS and body.get("sender"):
        return _lacks_signature(row, body, known.keys, sandbox=known.sandbox)
    if row["kind"] in _RETURNS and body.get("rail"):
        return _lacks_rail(body, known.returns)
    if row["kind"] == EventKind.FUND and body.get("line"):
        fits = _is_line(row, known.lines.get(body["line"]))
        return "" if fits else "its line of a settlement says something else"
    return _lacks_change(row, body, known)


def _lacks_change(row: asyncpg.Record, body: Mapping[str, Any], known: _Known) -> str:
    """Why an event does not follow from a change of people; empty if it does."""
    change = known.decided.get(body.get("change", 0))
    if change is None:
        return "it names no change"
    if change.lacks:
        return f"change {body['change']}: {change.lacks}"
    kind = known.kinds.get(change.kind)
    if kind is None or change.kind not in _DOES[row["kind"]]:
        return f"change {body['change']} is a {change.kind}"
    try:
        fits = _fits(row, body, kind, kind.read(change.content), known)
    except (SwitchError, UnreadableChange):
        fits = False
    return "" if fits else f"change {body['change']} says something else"


def _lacks_rail(body: Mapping[str, Any], returns: Mapping[tuple[str, str], asyncpg.Record]) -> str:
    """Why a return does not follow from a rail's message that is kept; empty if it does."""
    kept = returns.get((body.get("uetr", ""), body.get("message_id", "")))
    if kept is None:
        return "no rail gave it back"
    amount = body["minor"] == kept["minor"] if "minor" in body else kept["whole"]
    same = (kept["rail"], kept["sha256"], kept["reason"])
    stated = body["rail"], body.get("message_sha256"), body.get("reason")
    return "" if amount and same == stated else "the rail's message says something else"


def _is_line(row: asyncpg.Record, line: asyncpg.Record | None) -> bool:
    """Whether an event moves the money of a line that its agent settled late."""
    if line is None:
        return False
    leg = day.leg_of(line["account"], line["scheme"], line["minor"])
    late = day.late_of(line["settlement_window"], line["participant"], line["id"], leg)
    try:
        moved = decode_change(row["change"])
    except UnreadableChange:
        return False
    legs = ((leg.debit, leg.credit, leg.amount, leg.purpose),)
    return isinstance(moved, SetChange) and (moved.id.bytes, moved.legs) == (late.id, legs)


def _lacks_signature(
    row: asyncpg.Record, body: Mapping[str, Any], keys: Mapping[str, asyncpg.Record], *, sandbox: bool
) -> str:
    keyid = body.get("keyid")
    if keyid is None:
        return "" if sandbox else "nobody signed it"
    key = keys.get(keyid)
    if key is None or key["participant"] != body["sender"]:
        return "its key is not one of its sender"
    ended = key["valid_until"] is not None and key["valid_until"] < row["at"]
    return "its key was not in force" if ended or row["at"] < key["valid_from"] else ""


def _fits(  # noqa: PLR0911 - one for each kind of event
    row: asyncpg.Record,
    body: Mapping[str, Any],
    kind: ChangeKind[Any],
    content: Any,
    known: _Known,
) -> bool:
    """Whether an event does what the content says."""
    accounts = known.accounts
    match row["kind"]:
        case EventKind.FUND:
            return _fits_funding(row, body["change"], kind, content, accounts)
        case EventKind.RETURN | EventKind.RETURN_PART:
            return _fits_return(row, body, content, known)
        case "cap_set" | "account_opened":
            return _fits_account(row, content, accounts)
        case "account_closed":
            return bool(accounts[row["number"]]["owner"] == content.participant)
        case EventKind.LIMIT | EventKind.VELOCITY:
            return body == {**_limits_of(row["kind"], content), "change": body["change"]}
        case EventKind.WATCH_RULE:
            return bool(body == watching.facts(ChangeIds(body["change"]), content))
        case EventKind.PAIR_CONTROL:
            return bool(body == pairs.facts(ChangeIds(body["change"]), content))
        case EventKind.SCREENING_DECIDED:
            return _fits_decision(body, kind, content)
        case _:
            return True


def _fits_decision(body: Mapping[str, Any], kind: ChangeKind[Any], content: Any) -> bool:
    """Whether an event decides about the held payment of a content, as its kind says."""
    return body == {
        "uetr": UUID(content.uetr).hex,
        "screening": content.screening,
        "outcome": kind.name.removeprefix("screening."),
        "change": body["change"],
    }


def _limits_of(kind: str, content: Any) -> dict[str, Any]:
    """What the event says of limits that a content states."""
    currency = content.currency
    if kind == EventKind.LIMIT:
        return {
            "participant": content.participant,
            "currency": currency,
            "per_payment_minor": _minor(content.per_payment, currency),
            "per_day_minor": _minor(content.per_day, currency),
        }
    return {
        "scope": content.scope,
        "participant": content.participant or EVERYBODY,
        "currency": currency,
        "hour_count": content.payments_per_hour,
        "hour_minor": _minor(content.per_hour, currency),
        "day_count": content.payments_per_day,
        "day_minor": _minor(content.per_day, currency),
    }


def _fits_return(row: asyncpg.Record, body: Mapping[str, Any], content: Any, known: _Known) -> bool:
    """Whether an event returns the payment of a content, for its reason, under the id of the change."""
    of_break = isinstance(content, ReturnBreak)
    uetr = known.breaks.get(content.number, "") if of_break else UUID(content.uetr).hex
    reason = Reason.NARRATIVE if of_break else content.reason
    moved, whole = decode_change(row["change"]), row["kind"] == EventKind.RETURN
    part = getattr(content, "amount", None)  # of `payment.return` alone
    if not of_break and whole != (part is None):
        return False
    if part is not None:
        currency = known.accounts[moved.legs[0][0]]["currency"] if isinstance(moved, SetChange) else ""
        if body.get("minor") != money_of(part, currency).minor:
            return False
    return (
        isinstance(moved, SetChange)
        and moved.id.bytes == ChangeIds(body["change"]).id(payment_returns.PART)
        and (body.get("uetr"), body.get("reason")) == (uetr, reason)
    )


def _fits_account(row: asyncpg.Record, content: Any, accounts: Mapping[int, asyncpg.Record]) -> bool:
    """Whether an account was opened, or its cap set, as a content says."""
    change = decode_change(row["change"])
    if isinstance(change, CapChange):
        account = accounts[row["number"]]
        key = account["owner"], account["currency"], account["purpose"]
        return (key, change.cap) in _caps(content)
    if not isinstance(change, AccountChange):
        return False
    if change.owner == SCHEME:  # the scheme's own accounts come with the first of a currency
        return change.cap == (0 if change.purpose == FEES else None)
    return ((change.owner, change.currency, change.purpose), change.cap) in _caps(content)


def _caps(content: Any) -> list[tuple[tuple[str, str, str], int]]:
    """The accounts and caps of a content: of one account, or of a new participant."""
    if hasattr(content, "accounts"):
        return [
            ((content.id, each.currency, POSITION), cap_of(each.net_debit_cap, each.currency))
            for each in content.accounts
        ]
    key = content.participant, content.currency, content.account
    return [(key, cap_of(content.net_debit_cap, content.currency))]


def _minor(amount: str | None, currency: str) -> int | None:
    return None if amount is None else cap_of(amount, currency)


def _fits_funding(
    row: asyncpg.Record,
    number: int,
    kind: ChangeKind[Any],
    content: Any,
    accounts: Mapping[int, asyncpg.Record],
) -> bool:
    moved = decode_change(row["change"])
    if not isinstance(moved, SetChange) or len(moved.legs) != 1:
        return False
    debit, credit, minor, _ = moved.legs[0]
    source, target = accounts[debit], accounts[credit]
    settled = kind.name == "restore.settled"
    comes_in = content.side == "paid" if settled else kind.name == "funds.in"
    scheme, bank = (source, target) if comes_in else (target, source)
    return (
        moved.id.bytes == ChangeIds(number).id("settled" if settled else "")
        and minor == money_of(content.amount, content.currency).minor
        and (scheme["owner"], bank["owner"]) == (SCHEME, content.participant)
        and source["currency"] == target["currency"] == content.currency
    )


def _keys_of(changes: Iterable[_Decided]) -> set[tuple[str, str, str]]:
    """Key ids, participants and public keys that effective changes added."""
    found = set()
    for change in changes:
        if change.lacks:
            continue
        content = change.content
        if change.kind == "key.add":
            found.add((content["keyid"], content["participant"], _public_key(content)))
        elif change.kind == "participant.onboard":
            found |= {(key["keyid"], content["id"], _public_key(key)) for key in content.get("keys", ())}
    return found


def _public_key(stated: Mapping[str, Any]) -> str:
    """The public key of a content, as the table has it; earlier contents had the key itself, no request."""
    if "request" in stated:
        return key_request.read(stated["request"]).key.pem.decode()
    return PublicKey.from_pem("", stated["public_key"].encode()).pem.decode()
