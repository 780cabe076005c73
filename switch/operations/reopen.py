"""After a restore: two people post the payments that rails executed, and then open the switch."""

import json
from collections import Counter
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import msgspec

from adapters import registry
from schemas.errors import Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.approvals.content import Country, Uetr, refuse
from switch.approvals.effects import NOTHING, Effect, Resource, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeIds, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.operations import verify
from switch.payments.reconciliation import resolve_break
from switch.writer.commands import Advance, Reopen
from switch.writer.lifecycle import Event, State

POST_MAX: Final = 500
"""Payments of one change."""
_statement: Final = statements("switch.operations")
_STATE: Final = _statement("restore_state")
_RECOVERED: Final = _statement("recovered_payments")
_BREAKS_OF: Final = _statement("breaks_of_uetrs")
_LOOK: Final = _statement("look_since_restore")
_HAS_FILE: Final = (
    "SELECT bool_and(seen_at IS NOT NULL) FROM switch.restore_rail WHERE rail = $1 AND read_at IS NULL"
)
_TWICE: Final = term(
    "A payment that a rail executed and that is not in its file would be paid twice if it is sent again."
)


async def read_state(connection: asyncpg.Connection | asyncpg.Pool) -> dict[str, Any]:
    """What the restore left to do: rails without files, payments to post, payments without a message.

    Amounts are decimal text with their currency, as in `232.88 PKR`.
    """
    state: dict[str, Any] = json.loads(await connection.fetchval(_STATE))
    for each in state["to_post"]:
        for side in ("debit", "credit"):
            each[side] = str(Money(each[side], each.pop(f"{side}_currency")))
    for each in state["without_message"]:
        if each["credit"] is not None:
            each["credit"] = str(Money(each["credit"], registry.profile(each["rail"]).currency))
    return state


class PostRecovered(Content, frozen=True, kw_only=True):
    """Payments that their rails executed before the restore, and whose senders sent their messages again."""

    uetrs: Annotated[list[Uetr], msgspec.Meta(title="Payments", min_length=1, max_length=POST_MAX)]
    evidence: Annotated[str, msgspec.Meta(title="Evidence", min_length=1, max_length=300)]


async def _recovered(connection: asyncpg.Connection, content: PostRecovered) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(_RECOVERED, [UUID(uetr) for uetr in content.uetrs])
    return rows


async def _check_post(connection: asyncpg.Connection, content: PostRecovered) -> None:
    found = {str(row["uetr"]) for row in await _recovered(connection, content)}
    missing = [uetr for uetr in content.uetrs if uetr not in found]
    if missing:
        raise refuse(
            f"{missing[0]} is no payment that waits to be posted after a restore",
            remedy="Leave it out: payswitch restore status lists the payments that wait to be posted.",
        )
    if len(found) != len(content.uetrs):
        raise refuse("a payment is named twice", remedy="Name each payment once.")


async def _effect_of_post(connection: asyncpg.Connection, content: PostRecovered) -> Effect:
    paid: Counter[tuple[str, str]] = Counter()
    received: Counter[tuple[str, str]] = Counter()
    rows = await _recovered(connection, content)
    for row in rows:
        paid[row["debtor_agent"], row["debit_currency"]] += row["debit_minor"]
        received[row["creditor_agent"], row["credit_currency"]] += row["credit_minor"]
    count = Row(term("Payments"), term("held"), str(len(rows)))
    debits = _sides(paid, term("paid"))
    credits_ = _sides(received, term("received"))
    return Effect((count, *debits, *credits_))


def _sides(sums: Counter[tuple[str, str]], then: str) -> list[Row]:
    return [
        Row(f"{who}: {Money(minor, currency)}", term("held"), then) for (who, currency), minor in sums.items()
    ]


async def _links_of_post(_: asyncpg.Connection, content: PostRecovered) -> tuple[Resource, ...]:
    return tuple(Resource(Subject.PAYMENT, uetr) for uetr in content.uetrs)


async def _commands_of_post(_: asyncpg.Connection, ids: ChangeIds, content: PostRecovered) -> list[Advance]:
    detail = f"two people: change {ids.number}"
    return [
        Advance(UUID(uetr).bytes, Event.CONFIRM, detail=detail, only_in_doubt=True, change=ids.number)
        for uetr in content.uetrs
    ]


async def _post(execution: Execution, content: PostRecovered) -> None:
    """Post each payment; those that an earlier attempt posted are final already."""
    steps = await _commands_of_post(execution.connection, execution.ids, content)
    for uetr, step in zip(content.uetrs, steps, strict=True):
        reply = await execution.link.ask(step)
        if reply.state != State.COMMITTED:
            raise Refused(
                f"{uetr} became {reply.state.lower()} meanwhile",
                reason=Reason.NARRATIVE,
                remedy="Read the payment's state, leave it out, and request the others again.",
            )
    for row in await execution.connection.fetch(_BREAKS_OF, [UUID(uetr) for uetr in content.uetrs]):
        await resolve_break(execution.connection, row["id"], f"change {execution.number}", content.evidence)
    execution.outcome = f"{len(content.uetrs)} payments are posted"


class OpenAgain(Content, frozen=True, kw_only=True):
    """Open the switch after a restore."""

    found: Annotated[str, msgspec.Meta(title="What was found and done", min_length=1, max_length=300)]
    complete: Annotated[list[Country], msgspec.Meta(title="Rails whose files are complete")] = []  # noqa: RUF012
    """Rails to open before the end of a cycle: their operators confirmed that every order is in the file."""


async def _check_open(connection: asyncpg.Connection, content: OpenAgain) -> None:
    row = await connection.fetchrow(_LOOK)
    if row is None:
        raise refuse(
            "the switch is not closed after a restore", remedy="Nothing is left to do: the switch is open."
        )
    faults = json.loads(row["faults"])
    if faults:
        check, text = faults[0]
        raise refuse(
            f"the last check still found {len(faults)} faults: {check}, {text}",
            remedy=(
                "Mend what the check names (payswitch verify shows all of it), and request it again"
                " after the next check."
            ),
        )
    if not row["begun"] or not row["looked"]:
        raise refuse(
            "the invariants have not been checked since the restore: try again soon",
            remedy="Wait for the next check, a minute, and request it again.",
        )
    state = await read_state(connection)
    if state["to_post"]:
        raise refuse(
            f"{len(state['to_post'])} payments wait to be posted: payswitch restore post",
            remedy="Post them with payswitch restore post, and request it again.",
        )
    unread = {each["rail"] for each in state["unread"]}
    for rail in content.complete:
        if rail not in unread:
            raise refuse(f"rail {rail} does not wait for files", remedy="Leave this rail out of the request.")
        if not await connection.fetchval(_HAS_FILE, rail):
            raise refuse(
                f"no file of rail {rail} was read: payswitch rails reconcile {rail}",
                remedy=(
                    "Read the rail's file of the lost time with payswitch rails reconcile, and request"
                    " it again."
                ),
            )
    found = await verify.reconciled(connection)
    if not found.ok:
        raise refuse(
            f"verify finds {found.name}: {found.detail}",
            remedy="Mend what payswitch verify names, and request it again.",
        )


async def _effect_of_open(connection: asyncpg.Connection, content: OpenAgain) -> Effect:
    state = await read_state(connection)
    closed, opened = term("closed"), term("open")
    rows = [Row(term("Switch"), closed if state["closed"] else opened, opened)]
    for each in state["unread"]:
        waits = each["rail"] not in content.complete
        rows.append(Row(each["rail"], closed, term("closed until its files are read") if waits else opened))
    left_out = [f"{each['kept'] + 1}-{each['first'] - 1}" for each in state["restores"][-1:]]
    rows += [Row(term("Events left out"), NOTHING, text) for text in left_out]
    return Effect(tuple(rows), (_TWICE,) if content.complete else ())


async def _commands_of_open(_: asyncpg.Connection, ids: ChangeIds, content: OpenAgain) -> list[Reopen]:
    return [Reopen(f"change {ids.number}: {content.found}", list(content.complete), ids.number)]


async def _open(execution: Execution, content: OpenAgain) -> None:
    (command,) = await _commands_of_open(execution.connection, execution.ids, content)
    reply = await execution.link.ask(command)
    execution.outcome = reply.verdict.text


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "restore.post",
        "Post payments that rails executed before a restore",
        PostRecovered,
        _post,
        _check_post,
        effect=_effect_of_post,
        links=_links_of_post,
        commands=_commands_of_post,
        moves_books=True,
    ),
    ChangeKind(
        "restore.open",
        "Open the switch after a restore",
        OpenAgain,
        _open,
        _check_open,
        effect=_effect_of_open,
        links=links_to(Subject.BOOKS),
        commands=_commands_of_open,
        moves_books=True,
    ),
)
