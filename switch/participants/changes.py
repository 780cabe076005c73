"""Changes to participants: onboarding, offboarding, suspension, accounts, caps and funds.

A suspended participant's payments in flight are finished and new ones refused, within a second everywhere,
because every process reads the directory anew each second. A participant must be suspended and empty before
it is offboarded: nothing in flight, and no money in its accounts.
"""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from schemas.identifiers import COUNTRIES, is_bic
from switch.approvals.content import (
    account_number,
    cap_of,
    check_not_removed,
    money_of,
    participant_of,
    refuse,
    status_of,
)
from switch.approvals.effects import Subject, links_to
from switch.approvals.kinds import ChangeIds, ChangeKind, Execution
from switch.base.plausibility import Bands, Comparison
from switch.base.sql import statements
from switch.participants import certification, comparisons, effects
from switch.participants.contents import (
    Funds,
    OfAccount,
    OfParticipant,
    Onboard,
    SetAccountCap,
    SetMemberIds,
)
from switch.participants.keys import check_new_key, insert_key
from switch.payments.pricing import FEES, GROSS, POSITION, SCHEME
from switch.settlement import positions
from switch.writer.commands import CloseAccounts, Command, CommandLeg, Fund, OpenAccount, Reply, SetCap
from switch.writer.verdicts import Verdict

SETTLEMENT: Final = "settlement"
"""Purpose of the account, one per currency, from which money comes in and to which it goes out."""

_statement: Final = statements("switch.participants")
_NEEDED: Final = _statement("is_needed")
_REACHED: Final = _statement("reaches_banks")
_TAKES_ORDERS: Final = _statement("takes_orders")
_UNSETTLED: Final = _statement("has_unsettled_lines")
_UNCOUNTED: Final = _statement("uncounted_windows")
_END_KEYS: Final = _statement("end_keys")
_NUMBER: Final = "SELECT number FROM ledger.account WHERE owner = $1 AND currency = $2 AND purpose = $3"
_THERE_IS: Final = "SELECT true FROM ledger.account WHERE owner = $1 AND currency = $2 AND purpose = $3"


# Onboarding and offboarding.


async def _check_onboard(connection: asyncpg.Connection, content: Onboard) -> None:
    if not is_bic(content.bic):
        raise refuse(
            "the BIC is not valid",
            remedy="State a BIC of 8 or 11 capital letters and digits, such as DEMOINBB.",
        )
    if content.country not in COUNTRIES:
        raise refuse(
            "this country does not exist", remedy="Use a country code of ISO 3166-1, two capital letters."
        )
    if content.id == SCHEME or await connection.fetchval(
        "SELECT true FROM switch.participant WHERE id = $1 OR left(bic, 8) = left($2, 8)",
        content.id,
        content.bic,
    ):
        raise refuse(
            "a participant with this id or of this institution exists already",
            remedy="Choose another id, or use the one that GET /v1/participants shows for this BIC.",
        )
    caps = [cap_of(account.net_debit_cap, account.currency) for account in content.accounts]
    if any(caps) and content.kind == "direct" and (await certification.policy(connection)).required:
        raise certification.not_certified()
    for key in content.keys:
        await check_new_key(connection, content.id, key.keyid, key.request)


async def _compare_onboard(
    connection: asyncpg.Connection, content: Onboard, bands: Bands
) -> list[Comparison]:
    """Compare every cap of a new participant."""
    return [
        one
        for account in content.accounts
        for one in await comparisons.of_cap(
            connection,
            content.id,
            account.currency,
            cap=account.net_debit_cap,
            account=POSITION,
            bands=bands,
        )
    ]


async def _onboard(execution: Execution, content: Onboard) -> None:
    await execution.connection.execute(
        "INSERT INTO switch.participant (id, name, bic, country, kind, member_ids)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        content.id,
        content.name,
        content.bic,
        content.country,
        content.kind,
        content.member_ids,
    )
    for key in content.keys:
        new = await check_new_key(execution.connection, content.id, key.keyid, key.request)
        await insert_key(execution, content.id, new)
    for account in content.accounts:
        reply = await open_account(execution, content.id, account.currency, account.net_debit_cap)
        if reply.verdict is Verdict.EXISTS:  # an onboarding that failed half-way left the account
            await _cap(execution, reply.number, cap_of(account.net_debit_cap, account.currency))
    execution.outcome = f"{content.id} is onboarded"


async def open_account(
    execution: Execution, participant: str, currency: str, cap: str, purpose: str = POSITION
) -> Reply:
    """Open a participant's account, and the scheme's accounts of the currency if they are missing.

    Verdict `exists`: another change opened it, and its cap is unchanged.
    """
    replies = [
        await execution.link.ask(command)
        for command in _openings(execution.ids, participant, currency, cap, purpose)
    ]
    return replies[-1]


def _openings(ids: ChangeIds, participant: str, currency: str, cap: str, purpose: str) -> list[OpenAccount]:
    """The accounts of the scheme in a currency, and one of a participant."""
    order = ids.id(f"{currency}/{purpose}")
    minor = cap_of(cap, currency)
    return [
        OpenAccount(SCHEME, currency, SETTLEMENT, None, change=ids.number),
        OpenAccount(SCHEME, currency, FEES, 0, change=ids.number),
        OpenAccount(participant, currency, purpose, minor, order, ids.number),
    ]


async def _commands_of_onboarding(
    connection: asyncpg.Connection, ids: ChangeIds, content: Onboard
) -> list[Command]:
    found: list[Command] = []
    for account in content.accounts:
        currency, cap = account.currency, account.net_debit_cap
        found += _openings(ids, content.id, currency, cap, POSITION)
        number = await connection.fetchval(_NUMBER, content.id, currency, POSITION)
        if number is not None:
            found.append(_set_to(ids, number, cap_of(cap, currency)))
    return found


async def _check_suspend(connection: asyncpg.Connection, content: OfParticipant) -> None:
    if await status_of(connection, content.participant) != "active":
        raise refuse(
            "this participant is not active",
            remedy="Read the status with GET /v1/participants/{id}; an active one can be suspended.",
        )


async def _check_resume(connection: asyncpg.Connection, content: OfParticipant) -> None:
    if await status_of(connection, content.participant) != "suspended":
        raise refuse(
            "this participant is not suspended",
            remedy="Nothing is left to do: GET /v1/participants/{id} shows the status.",
        )


async def _check_remove(connection: asyncpg.Connection, content: OfParticipant) -> None:
    await _check_resume(connection, content)
    if await connection.fetchval(_NEEDED, content.participant):
        raise refuse(
            "it is the settlement agent or FX provider of a currency: appoint another one first",
            remedy="Appoint another settlement agent or FX provider first, and request it again.",
        )
    if await connection.fetchval(_REACHED, content.participant):
        raise refuse(
            "it is the gateway of banks: import a directory that gives them another one",
            remedy="Import a directory that names another gateway for these banks, and request it again.",
        )
    if await connection.fetchval(_TAKES_ORDERS, content.participant):
        raise refuse(
            "it takes the orders of a rail: close them first (rail.inbound)",
            remedy="Close the orders of the rail first, and request it again.",
        )
    for row in await _accounts(connection, content.participant):
        _check_empty(row)
    await _check_settled(connection, content.participant)


async def _check_settled(
    connection: asyncpg.Connection, participant: str, currency: str | None = None
) -> None:
    """Check that no window, open, closed or held, has anything to settle for the participant."""
    if await connection.fetchval(_UNSETTLED, participant, currency):
        raise refuse(
            "it still has positions to settle",
            remedy="Wait until its windows are settled: GET /v1/settlements lists them.",
        )
    for row in await connection.fetch(_UNCOUNTED, participant, currency):
        nets = positions.of_participants(await positions.payment_nets(connection, row["number"]))
        if nets.get(participant):
            raise refuse(
                f"its payments of window {row['number']} are not settled yet",
                remedy="Wait until that window is settled: GET /v1/settlements/{window} shows it.",
            )


async def _accounts(connection: asyncpg.Connection, participant: str) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT * FROM ledger.account WHERE owner = $1 AND NOT closed ORDER BY number", participant
    )
    return rows


def _check_empty(row: asyncpg.Record) -> None:
    if row["debits_pending"] or row["credits_pending"]:
        raise refuse(
            f"payments in {row['currency']} are in flight and must finish first",
            remedy="Wait until its payments are final, and resolve those in doubt (payment.resolve).",
        )
    if row["debits_posted"] != row["credits_posted"]:
        raise refuse(
            f"its account in {row['currency']} is not empty: pay out or settle the balance first",
            remedy="Pay the balance out (funds.out), or settle it, and request it again.",
        )


async def _suspend(execution: Execution, content: OfParticipant) -> None:
    await _set_status(execution, content.participant, "suspended")


async def _resume(execution: Execution, content: OfParticipant) -> None:
    await _set_status(execution, content.participant, "active")


async def _remove(execution: Execution, content: OfParticipant) -> None:
    """Close its accounts; if one is no longer empty, none is closed."""
    accounts = await _accounts(execution.connection, content.participant)
    await _close(execution, [row["number"] for row in accounts])
    await execution.connection.execute(_END_KEYS, content.participant)
    await _set_status(execution, content.participant, "removed")


async def _close(execution: Execution, accounts: list[int]) -> None:
    """Close all accounts, or none."""
    reply = await execution.link.ask(CloseAccounts(accounts, execution.number))
    if reply.verdict is not Verdict.CLOSED:
        raise refuse(
            f"the account cannot be closed: {reply.verdict.text}",
            remedy="Wait until nothing is held or due on it, and request it again.",
        )


async def _commands_of_removal(
    connection: asyncpg.Connection, ids: ChangeIds, content: OfParticipant
) -> list[Command]:
    rows = await _accounts(connection, content.participant)
    return [CloseAccounts([row["number"] for row in rows], ids.number)]


async def _set_status(execution: Execution, participant: str, status: str) -> None:
    await execution.connection.execute(
        "UPDATE switch.participant SET status = $2 WHERE id = $1", participant, status
    )
    execution.outcome = f"{participant} is {status}"


async def _set_member_ids(execution: Execution, content: SetMemberIds) -> None:
    await execution.connection.execute(
        "UPDATE switch.participant SET member_ids = $2 WHERE id = $1", content.participant, content.member_ids
    )
    execution.outcome = f"{content.participant} has {len(content.member_ids)} member ids"


# Accounts, caps, funds.


async def _check_open_account(connection: asyncpg.Connection, content: SetAccountCap) -> None:
    await check_not_removed(connection, content)
    if _check_cap_of(content):
        await certification.check_certified(connection, content.participant)
    if await connection.fetchval(_THERE_IS, content.participant, content.currency, content.account):
        raise refuse(
            "the account exists: set its cap with `cap.set`; a closed account stays closed",
            remedy="Change its cap with cap.set.",
        )


def _check_cap_of(content: SetAccountCap) -> int:
    """Check the cap of a request, and return it."""
    cap = cap_of(content.net_debit_cap, content.currency)
    if cap and content.account == GROSS:
        raise refuse(
            "an account for gross settlement holds prefunded money only: its cap is 0",
            remedy="State a cap of 0, or the settlement net.",
        )
    return cap


async def _open_account(execution: Execution, content: SetAccountCap) -> None:
    reply = await open_account(
        execution, content.participant, content.currency, content.net_debit_cap, content.account
    )
    if reply.verdict is Verdict.EXISTS:
        raise refuse(
            "the account exists: another change opened it meanwhile",
            remedy="Nothing is left to do: change its cap with cap.set.",
        )


async def _commands_of_opening(
    _: asyncpg.Connection, ids: ChangeIds, content: SetAccountCap
) -> Sequence[Command]:
    return _openings(ids, content.participant, content.currency, content.net_debit_cap, content.account)


async def _number(connection: asyncpg.Connection, content: OfAccount | SetAccountCap | Funds) -> int:
    return await account_number(connection, content.participant, content.currency, content.account)


async def _check_close_account(connection: asyncpg.Connection, content: OfAccount) -> None:
    await _number(connection, content)
    if content.account == POSITION:
        await _check_settled(connection, content.participant, content.currency)


async def _close_account(execution: Execution, content: OfAccount) -> None:
    await _close(execution, [await _number(execution.connection, content)])


async def _commands_of_closing(
    connection: asyncpg.Connection, ids: ChangeIds, content: OfAccount
) -> list[Command]:
    return [CloseAccounts([await _number(connection, content)], ids.number)]


async def _check_cap(connection: asyncpg.Connection, content: SetAccountCap) -> None:
    if _check_cap_of(content):
        await certification.check_certified(connection, content.participant)
    await _number(connection, content)


async def _compare_cap(
    connection: asyncpg.Connection, content: SetAccountCap, bands: Bands
) -> list[Comparison]:
    return await comparisons.of_cap(
        connection,
        content.participant,
        content.currency,
        cap=content.net_debit_cap,
        account=content.account,
        bands=bands,
    )


async def _set_cap(execution: Execution, content: SetAccountCap) -> None:
    number = await _number(execution.connection, content)
    await _cap(execution, number, cap_of(content.net_debit_cap, content.currency))


async def _cap(execution: Execution, account: int, minor: int) -> None:
    reply = await execution.link.ask(_set_to(execution.ids, account, minor))
    if reply.verdict is not Verdict.CAP_SET:
        raise refuse(
            f"the cap cannot be set: {reply.verdict.text}",
            remedy="Correct what the text names: GET /v1/positions has the cap and what is used of it.",
        )


def _set_to(ids: ChangeIds, account: int, minor: int) -> SetCap:
    return SetCap(account, minor, ids.id(f"cap/{account}"), ids.number)


async def _commands_of_cap(
    connection: asyncpg.Connection, ids: ChangeIds, content: SetAccountCap
) -> list[Command]:
    minor = cap_of(content.net_debit_cap, content.currency)
    return [_set_to(ids, await _number(connection, content), minor)]


async def _check_funds(connection: asyncpg.Connection, content: Funds) -> None:
    money_of(content.amount, content.currency)
    await _number(connection, content)
    await account_number(connection, SCHEME, content.currency, SETTLEMENT)


async def _check_funds_in(connection: asyncpg.Connection, content: Funds) -> None:
    await _check_funds(connection, content)
    await certification.check_certified(connection, content.participant)


async def _compare_funds(connection: asyncpg.Connection, content: Funds, bands: Bands) -> list[Comparison]:
    return await comparisons.of_funds(
        connection,
        content.participant,
        content.currency,
        amount=content.amount,
        account=content.account,
        bands=bands,
    )


async def _in_of(connection: asyncpg.Connection, ids: ChangeIds, content: Funds) -> list[Fund]:
    scheme = await account_number(connection, SCHEME, content.currency, SETTLEMENT)
    return [_movement(ids, content, scheme, await _number(connection, content))]


async def _out_of(connection: asyncpg.Connection, ids: ChangeIds, content: Funds) -> list[Fund]:
    scheme = await account_number(connection, SCHEME, content.currency, SETTLEMENT)
    return [_movement(ids, content, await _number(connection, content), scheme)]


def _movement(ids: ChangeIds, content: Funds, debit: int, credit: int) -> Fund:
    amount = money_of(content.amount, content.currency)
    legs = [CommandLeg(debit, credit, amount.minor, "funding")]
    note = f"change {ids.number}: {content.reference}"
    return Fund(ids.id(), ids.fingerprint(), legs, note, ids.number)


async def _funds_in(execution: Execution, content: Funds) -> None:
    await _move(execution, content, await _in_of(execution.connection, execution.ids, content))


async def _funds_out(execution: Execution, content: Funds) -> None:
    await _move(execution, content, await _out_of(execution.connection, execution.ids, content))


async def _move(execution: Execution, content: Funds, movements: Sequence[Fund]) -> None:
    (movement,) = movements
    reply = await execution.link.ask(movement)
    if reply.verdict not in {Verdict.CREATED, Verdict.EXISTS}:
        raise refuse(
            f"the money cannot be moved: {reply.verdict.text}",
            remedy="Correct the amount by the text: GET /v1/positions has the balance.",
        )
    amount = money_of(content.amount, content.currency)
    execution.outcome = f"moved {amount}, transfer {reply.number}"


_LINKS: Final = links_to(Subject.PARTICIPANT, "participant")
KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "participant.onboard",
        "Onboard a participant",
        Onboard,
        _onboard,
        _check_onboard,
        effect=effects.of_onboarding,
        links=effects.links_of_onboarding,
        compare=_compare_onboard,
        commands=_commands_of_onboarding,
    ),
    ChangeKind(
        "participant.suspend",
        "Suspend a participant",
        OfParticipant,
        _suspend,
        _check_suspend,
        effect=effects.becomes("suspended"),
        links=_LINKS,
        participant=participant_of,
    ),
    ChangeKind(
        "participant.resume",
        "Resume a participant",
        OfParticipant,
        _resume,
        _check_resume,
        effect=effects.becomes("active"),
        links=_LINKS,
        participant=participant_of,
    ),
    ChangeKind(
        "participant.remove",
        "Offboard a participant",
        OfParticipant,
        _remove,
        _check_remove,
        effect=effects.of_removal,
        links=_LINKS,
        commands=_commands_of_removal,
        participant=participant_of,
    ),
    ChangeKind(
        "participant.member_ids",
        "Set the member ids of a participant",
        SetMemberIds,
        _set_member_ids,
        check_not_removed,
        effect=effects.of_member_ids,
        links=_LINKS,
        participant=participant_of,
    ),
    ChangeKind(
        "account.open",
        "Open an account",
        SetAccountCap,
        _open_account,
        _check_open_account,
        effect=effects.of_opening,
        links=_LINKS,
        commands=_commands_of_opening,
        compare=_compare_cap,
        participant=participant_of,
        moves_books=True,
    ),
    ChangeKind(
        "account.close",
        "Close an account",
        OfAccount,
        _close_account,
        _check_close_account,
        effect=effects.of_closing,
        links=_LINKS,
        commands=_commands_of_closing,
        participant=participant_of,
        moves_books=True,
    ),
    ChangeKind(
        "cap.set",
        "Set a net debit cap",
        SetAccountCap,
        _set_cap,
        _check_cap,
        effect=effects.of_cap,
        links=_LINKS,
        commands=_commands_of_cap,
        compare=_compare_cap,
        participant=participant_of,
        moves_books=True,
    ),
    ChangeKind(
        "funds.in",
        "Book incoming funds",
        Funds,
        _funds_in,
        _check_funds_in,
        effect=effects.of_funds_in,
        links=_LINKS,
        commands=_in_of,
        compare=_compare_funds,
        participant=participant_of,
        moves_books=True,
    ),
    ChangeKind(
        "funds.out",
        "Pay out funds",
        Funds,
        _funds_out,
        _check_funds,
        effect=effects.of_funds_out,
        links=_LINKS,
        commands=_out_of,
        compare=_compare_funds,
        participant=participant_of,
        moves_books=True,
    ),
)
