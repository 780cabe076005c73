"""Effects of changes to participants, their accounts, caps and funds."""

from typing import Final

import asyncpg

from switch.approvals.effects import (
    IRREVERSIBLE,
    NOTHING,
    Effect,
    Foresee,
    Resource,
    Row,
    Subject,
    amount,
    minor_of,
    openness,
    status_of_row,
    term,
)
from switch.base.sql import statements
from switch.participants.contents import (
    Funds,
    OfAccount,
    OfParticipant,
    Onboard,
    SetAccountCap,
    SetMemberIds,
)
from switch.participants.keys import fingerprint_of

_statement: Final = statements("switch.participants")
_ACCOUNT: Final = _statement("account_of")
_ACCOUNTS: Final = _statement("open_accounts")
_KEYS: Final = _statement("valid_keys")
_CAP: Final = term("Net debit cap")
_MEMBER_IDS: Final = term("Member ids")
_HEADROOM: Final = term("Headroom")


def becomes(status: str) -> Foresee:
    """Present status of a participant, and the status after the change."""
    return status_of_row("switch.participant", "id", "participant", status)


async def of_onboarding(connection: asyncpg.Connection, content: Onboard) -> Effect:
    """The participant, each of its accounts with its cap, and its keys."""
    now = await connection.fetchval("SELECT status FROM switch.participant WHERE id = $1", content.id)
    caps = [
        amount(_CAP, None, minor_of(one.net_debit_cap, one.currency), one.currency)
        for one in content.accounts
    ]
    keys = [
        row
        for key in content.keys
        for row in (
            Row(key.keyid, NOTHING, term("in force")),
            Row(term("Fingerprint (SHA-256)"), NOTHING, fingerprint_of(key.request)),
        )
    ]
    ids = [Row(_MEMBER_IDS, NOTHING, " ".join(content.member_ids))] if content.member_ids else []
    return Effect((Row(content.id, now or NOTHING, term("active")), *ids, *caps, *keys))


async def of_member_ids(connection: asyncpg.Connection, content: SetMemberIds) -> Effect:
    """The present and the future ids."""
    now = await connection.fetchval(
        "SELECT member_ids FROM switch.participant WHERE id = $1", content.participant
    )
    then = " ".join(content.member_ids)
    return Effect((Row(_MEMBER_IDS, " ".join(now or ()) or NOTHING, then or NOTHING),))


async def links_of_onboarding(connection: asyncpg.Connection, content: Onboard) -> tuple[Resource, ...]:
    """The participant, if it exists."""
    there = await connection.fetchval("SELECT true FROM switch.participant WHERE id = $1", content.id)
    return (Resource(Subject.PARTICIPANT, content.id),) if there else ()


async def of_removal(connection: asyncpg.Connection, content: OfParticipant) -> Effect:
    """The participant, the accounts that close with it, and the keys that are retired."""
    itself = await becomes(term("removed"))(connection, content)
    accounts = [
        Row(f"{content.participant} {row['currency']} {row['purpose']}", term("open"), term("closed"))
        for row in await connection.fetch(_ACCOUNTS, content.participant)
    ]
    keys = [
        Row(row["keyid"], term("in force"), term("retired"))
        for row in await connection.fetch(_KEYS, content.participant)
    ]
    return Effect((*itself.rows, *accounts, *keys), (IRREVERSIBLE,))


async def _account(
    connection: asyncpg.Connection, content: OfAccount | SetAccountCap | Funds
) -> asyncpg.Record | None:
    found: asyncpg.Record | None = await connection.fetchrow(
        _ACCOUNT, content.participant, content.currency, content.account
    )
    return found


def _name(content: OfAccount | SetAccountCap) -> str:
    return f"{content.participant} {content.currency} {content.account}"


async def of_opening(connection: asyncpg.Connection, content: SetAccountCap) -> Effect:
    """The account, and its cap."""
    row = await _account(connection, content)
    now, cap = (None, None) if row is None else (not row["closed"], row["cap"])
    return Effect(
        (
            Row(_name(content), openness(is_open=now), term("open")),
            amount(_CAP, cap, minor_of(content.net_debit_cap, content.currency), content.currency),
        )
    )


async def of_closing(connection: asyncpg.Connection, content: OfAccount) -> Effect:
    """The account, which stays closed."""
    row = await _account(connection, content)
    now = openness(is_open=None if row is None else not row["closed"])
    return Effect((Row(_name(content), now, term("closed")),), (IRREVERSIBLE,))


async def of_cap(connection: asyncpg.Connection, content: SetAccountCap) -> Effect:
    """The cap, and the present headroom under it."""
    row = await _account(connection, content)
    cap, headroom = (None, None) if row is None else (row["cap"], row["headroom"])
    wanted = minor_of(content.net_debit_cap, content.currency)
    then = None if headroom is None or cap is None else headroom + wanted - cap
    return Effect(
        (
            amount(_CAP, cap, wanted, content.currency),
            amount(_HEADROOM, headroom, then, content.currency, moving=True),
        )
    )


async def of_funds_in(connection: asyncpg.Connection, content: Funds) -> Effect:
    """The amount, and the present headroom."""
    return await _of_funds(connection, content, term("Paid in"), 1)


async def of_funds_out(connection: asyncpg.Connection, content: Funds) -> Effect:
    """The amount, and the present headroom."""
    return await _of_funds(connection, content, term("Paid out"), -1)


async def _of_funds(connection: asyncpg.Connection, content: Funds, what: str, sign: int) -> Effect:
    row, currency = await _account(connection, content), content.currency
    headroom, minor = row and row["headroom"], minor_of(content.amount, currency)
    then = None if headroom is None else headroom + sign * minor
    return Effect(
        (
            amount(what, None, minor, currency),
            amount(_HEADROOM, headroom, then, currency, moving=True),
        )
    )
