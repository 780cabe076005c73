"""Changes to participants and to what they may use: accounts, caps, funds, keys, corridors, rails, rates.

A participant that is suspended has what is in flight finished and everything new refused, within a second
everywhere: every process reads the directory anew each second. One that is to be removed is suspended
first, and empty: nothing in flight, nothing on its accounts.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import asyncpg
import msgspec

from ledger.books import Verdict
from schemas.errors import InvalidAmount, Refused
from schemas.identifiers import COUNTRIES, is_bic
from schemas.money import EXPONENTS, Money
from schemas.signing.keys import PublicKey
from switch.commands import CloseAccount, Fund, Leg, OpenAccount, SetCap
from switch.people.kinds import CHECKER, Content, Execution, Kind
from switch.people.model import Role, Seat
from switch.people.permissions import Right
from switch.pricing import FEES, POSITION, SCHEME

SETTLEMENT: Final = "settlement"
"""Purpose of the account, one a currency, that money comes in from and goes out to."""

Id = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{1,34}$")]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=140)]
KeyId = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$")]
Minor = Annotated[int, msgspec.Meta(ge=0, le=2**62 - 1)]
BasisPoints = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Rate = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9]\d{0,9})(\.\d{1,10})?$")]


class NewAccount(Content, frozen=True, kw_only=True):
    """An account in one currency; the cap as decimal text, on top of the funds paid in."""

    currency: Currency
    net_debit_cap: str = "0"


class NewKey(Content, frozen=True, kw_only=True):
    """A signature key: SubjectPublicKeyInfo in PEM."""

    keyid: KeyId
    public_key: str


class Onboard(Content, frozen=True, kw_only=True):
    """A new participant, with its accounts and its first keys."""

    id: Id
    name: Text
    bic: str
    country: Country
    kind: Literal["direct", "fx_provider", "settlement_agent", "central_bank"]
    accounts: tuple[NewAccount, ...] = ()
    keys: tuple[NewKey, ...] = ()


class OfParticipant(Content, frozen=True, kw_only=True):
    """One participant."""

    participant: Id


class OfAccount(Content, frozen=True, kw_only=True):
    """One participant's account in one currency."""

    participant: Id
    currency: Currency


class SetAccountCap(Content, frozen=True, kw_only=True):
    """How far an account may go below what was paid in: decimal text; "0" is fully prefunded."""

    participant: Id
    currency: Currency
    net_debit_cap: str


class Funds(Content, frozen=True, kw_only=True):
    """Money that came in, or is to go out, at the settlement agent; `reference` is the agent's."""

    participant: Id
    currency: Currency
    amount: str
    reference: Text


class AddKey(Content, frozen=True, kw_only=True):
    """One more key; several may be in force at once. Instants in ISO 8601 with an offset."""

    participant: Id
    keyid: KeyId
    public_key: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class RetireKey(Content, frozen=True, kw_only=True):
    """A key's last instant, now or later; another must remain."""

    participant: Id
    keyid: KeyId
    at: datetime | None = None


class RevokeKey(Content, frozen=True, kw_only=True):
    """A key that may be in wrong hands: worthless at once, even if it is the last."""

    participant: Id
    keyid: KeyId


class SwitchCorridor(Content, frozen=True, kw_only=True):
    """A direction of payment, open or closed."""

    source: Country
    target: Country
    enabled: bool


class CorridorFees(Content, frozen=True, kw_only=True):
    """What a payment costs: minor units of the source currency, and basis points."""

    source: Country
    target: Country
    fee_minor: Minor
    fee_bps: BasisPoints


class SetRate(Content, frozen=True, kw_only=True):
    """Units of `target` for one unit of `source`, from an instant on; None is at once."""

    source: Currency
    target: Currency
    provider: Id
    rate: Rate
    valid_from: datetime | None = None


class SwitchRail(Content, frozen=True, kw_only=True):
    """A rail, open or closed; a closed one may say from when it is open again."""

    country: Country
    open: bool
    opens_at: datetime | None = None


def money_of(text: str, currency: str) -> Money:
    """Read an amount.

    Raises:
        InvalidAmount: not a plain decimal of the currency, or zero.

    """
    return Money.parse(text, currency)


def _cap_of(text: str, currency: str) -> int:
    if currency not in EXPONENTS:
        raise InvalidAmount("unknown currency")
    return 0 if text.strip("0.") == "" else Money.parse(text, currency).minor


def _participant(content: Any) -> str:
    name: str = content.participant
    return name


def _refuse(text: str) -> Refused:
    return Refused(text, reason="NARR")


async def _status(connection: asyncpg.Connection, participant: str) -> str:
    status: str | None = await connection.fetchval(
        "SELECT status FROM switch.participant WHERE id = $1 FOR SHARE", participant
    )
    if status is None:
        raise _refuse("no such participant")
    return status


async def _check_not_removed(connection: asyncpg.Connection, content: Any) -> None:
    if await _status(connection, content.participant) == "removed":
        raise _refuse("this participant is removed")


async def account_number(
    connection: asyncpg.Connection, owner: str, currency: str, purpose: str = POSITION
) -> int:
    """The number of a ledger account, closed or not.

    Raises:
        Refused: there is none.

    """
    number: int | None = await connection.fetchval(
        "SELECT number FROM ledger.account WHERE owner = $1 AND currency = $2 AND purpose = $3",
        owner,
        currency,
        purpose,
    )
    if number is None:
        raise _refuse("no account in this currency")
    return number


# Coming, going.


async def _check_onboard(connection: asyncpg.Connection, content: Onboard) -> None:
    if not is_bic(content.bic):
        raise _refuse("the BIC is not one")
    if content.country not in COUNTRIES:
        raise _refuse("no such country")
    if content.id == SCHEME or await connection.fetchval(
        "SELECT true FROM switch.participant WHERE id = $1 OR left(bic, 8) = left($2, 8)",
        content.id,
        content.bic,
    ):
        raise _refuse("this id or this institution takes part already")
    for account in content.accounts:
        _cap_of(account.net_debit_cap, account.currency)
    for key in content.keys:
        await _check_new_key(connection, key.keyid, key.public_key)


async def _onboard(execution: Execution, content: Onboard) -> None:
    await execution.connection.execute(
        "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES ($1, $2, $3, $4, $5)",
        content.id,
        content.name,
        content.bic,
        content.country,
        content.kind,
    )
    for key in content.keys:
        await _insert_key(execution.connection, content.id, key.keyid, key.public_key)
    for account in content.accounts:
        await open_account(execution, content.id, account.currency, account.net_debit_cap)
    execution.outcome = f"{content.id} takes part"


async def open_account(execution: Execution, participant: str, currency: str, cap: str) -> None:
    """Open a participant's position account, and the scheme's own of the currency where they are missing."""
    await execution.link.ask(OpenAccount(SCHEME, currency, SETTLEMENT, None))
    await execution.link.ask(OpenAccount(SCHEME, currency, FEES, 0))
    await execution.link.ask(OpenAccount(participant, currency, POSITION, _cap_of(cap, currency)))


async def _check_suspend(connection: asyncpg.Connection, content: OfParticipant) -> None:
    if await _status(connection, content.participant) != "active":
        raise _refuse("this participant is not active")


async def _check_resume(connection: asyncpg.Connection, content: OfParticipant) -> None:
    if await _status(connection, content.participant) != "suspended":
        raise _refuse("this participant is not suspended")


async def _check_remove(connection: asyncpg.Connection, content: OfParticipant) -> None:
    await _check_resume(connection, content)
    if await connection.fetchval(
        "SELECT true FROM switch.settlement_line WHERE participant = $1"
        " AND state IN ('DUE', 'INSTRUCTED', 'HELD') LIMIT 1",
        content.participant,
    ):
        raise _refuse("something of it is still to be settled")
    for row in await _accounts(connection, content.participant):
        _check_empty(row)


async def _accounts(connection: asyncpg.Connection, participant: str) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT * FROM ledger.account WHERE owner = $1 AND NOT closed ORDER BY number", participant
    )
    return rows


def _check_empty(row: asyncpg.Record) -> None:
    if row["debits_pending"] or row["credits_pending"]:
        raise _refuse(f"payments in {row['currency']} are in flight: they finish first")
    if row["debits_posted"] != row["credits_posted"]:
        raise _refuse(f"its account in {row['currency']} is not empty: pay out or settle first")


async def _suspend(execution: Execution, content: OfParticipant) -> None:
    await _set_status(execution, content.participant, "suspended")


async def _resume(execution: Execution, content: OfParticipant) -> None:
    await _set_status(execution, content.participant, "active")


async def _remove(execution: Execution, content: OfParticipant) -> None:
    """Close what it has; an account that is no longer empty stops all of it."""
    for row in await _accounts(execution.connection, content.participant):
        await _close(execution, row["number"])
    await execution.connection.execute(
        "UPDATE switch.participant_key SET valid_until = greatest(valid_from, clock_timestamp())"
        " WHERE participant = $1 AND (valid_until IS NULL OR valid_until > clock_timestamp())",
        content.participant,
    )
    await _set_status(execution, content.participant, "removed")


async def _close(execution: Execution, account: int) -> None:
    reply = await execution.link.ask(CloseAccount(account))
    if reply.verdict not in {Verdict.CLOSED, Verdict.ACCOUNT_CLOSED}:
        raise _refuse(f"the account cannot be closed: {reply.verdict.replace('_', ' ')}")


async def _set_status(execution: Execution, participant: str, status: str) -> None:
    await execution.connection.execute(
        "UPDATE switch.participant SET status = $2 WHERE id = $1", participant, status
    )
    execution.outcome = f"{participant} is {status}"


# Accounts, caps, funds.


async def _check_open_account(connection: asyncpg.Connection, content: SetAccountCap) -> None:
    await _check_not_removed(connection, content)
    _cap_of(content.net_debit_cap, content.currency)


async def _open_account(execution: Execution, content: SetAccountCap) -> None:
    await open_account(execution, content.participant, content.currency, content.net_debit_cap)


async def _check_account(connection: asyncpg.Connection, content: OfAccount) -> None:
    await account_number(connection, content.participant, content.currency)


async def _close_account(execution: Execution, content: OfAccount) -> None:
    number = await account_number(execution.connection, content.participant, content.currency)
    await _close(execution, number)


async def _check_cap(connection: asyncpg.Connection, content: SetAccountCap) -> None:
    _cap_of(content.net_debit_cap, content.currency)
    await account_number(connection, content.participant, content.currency)


async def _set_cap(execution: Execution, content: SetAccountCap) -> None:
    number = await account_number(execution.connection, content.participant, content.currency)
    reply = await execution.link.ask(SetCap(number, _cap_of(content.net_debit_cap, content.currency)))
    if reply.verdict != Verdict.CAP_SET:
        raise _refuse(f"the cap cannot be set: {reply.verdict.replace('_', ' ')}")


async def _check_funds(connection: asyncpg.Connection, content: Funds) -> None:
    money_of(content.amount, content.currency)
    await account_number(connection, content.participant, content.currency)
    await account_number(connection, SCHEME, content.currency, SETTLEMENT)


async def _funds_in(execution: Execution, content: Funds) -> None:
    scheme = await account_number(execution.connection, SCHEME, content.currency, SETTLEMENT)
    position = await account_number(execution.connection, content.participant, content.currency)
    await _move(execution, content, scheme, position)


async def _funds_out(execution: Execution, content: Funds) -> None:
    scheme = await account_number(execution.connection, SCHEME, content.currency, SETTLEMENT)
    position = await account_number(execution.connection, content.participant, content.currency)
    await _move(execution, content, position, scheme)


async def _move(execution: Execution, content: Funds, debit: int, credit: int) -> None:
    amount = money_of(content.amount, content.currency)
    legs = [Leg(debit, credit, amount.minor, "funding")]
    note = f"change {execution.number}: {content.reference}"
    reply = await execution.link.ask(Fund(execution.id(), execution.fingerprint(), legs, note))
    if reply.verdict not in {Verdict.CREATED, Verdict.EXISTS}:
        raise _refuse(f"the money cannot be moved: {reply.verdict.replace('_', ' ')}")
    execution.outcome = f"moved {amount}, transfer {reply.number}"


# Keys.


async def _check_new_key(connection: asyncpg.Connection, keyid: str, pem: str) -> None:
    try:
        PublicKey.from_pem(keyid, pem.encode())
    except ValueError:
        raise _refuse("neither an Ed25519 nor a P-256 public key in PEM") from None
    if await connection.fetchval("SELECT true FROM switch.participant_key WHERE keyid = $1", keyid):
        raise _refuse("this key id was used before")


async def _check_add_key(connection: asyncpg.Connection, content: AddKey) -> None:
    await _check_not_removed(connection, content)
    await _check_new_key(connection, content.keyid, content.public_key)
    for instant in (content.valid_from, content.valid_until):
        if instant is not None and instant.tzinfo is None:
            raise _refuse("an instant needs its offset from UTC")
    if content.valid_from and content.valid_until and content.valid_until <= content.valid_from:
        raise _refuse("the key would never be valid")


async def _insert_key(
    connection: asyncpg.Connection,
    participant: str,
    keyid: str,
    pem: str,
    *,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> None:
    key = PublicKey.from_pem(keyid, pem.encode())
    await connection.execute(
        "INSERT INTO switch.participant_key"
        " (keyid, participant, algorithm, public_key, valid_from, valid_until)"
        " VALUES ($1, $2, $3, $4, coalesce($5, clock_timestamp()), $6)",
        keyid,
        participant,
        key.algorithm,
        key.pem.decode(),
        valid_from,
        valid_until,
    )


async def _add_key(execution: Execution, content: AddKey) -> None:
    await _insert_key(
        execution.connection,
        content.participant,
        content.keyid,
        content.public_key,
        valid_from=content.valid_from,
        valid_until=content.valid_until,
    )


async def _check_key(connection: asyncpg.Connection, content: RetireKey | RevokeKey) -> None:
    row = await connection.fetchrow(
        "SELECT revoked_at FROM switch.participant_key WHERE keyid = $1 AND participant = $2 FOR UPDATE",
        content.keyid,
        content.participant,
    )
    if row is None or row["revoked_at"] is not None:
        raise _refuse("no such key")


async def _check_retire(connection: asyncpg.Connection, content: RetireKey) -> None:
    await _check_key(connection, content)
    if content.at is not None and content.at.tzinfo is None:
        raise _refuse("an instant needs its offset from UTC")
    remains = await connection.fetchval(
        "SELECT true FROM switch.participant_key WHERE participant = $1 AND keyid <> $2"
        " AND valid_from <= greatest($3, clock_timestamp())"
        " AND coalesce(valid_until > greatest($3, clock_timestamp()), true) LIMIT 1",
        content.participant,
        content.keyid,
        content.at,
    )
    if not remains:
        raise _refuse("no other key would be in force then: add one first")


async def _retire_key(execution: Execution, content: RetireKey) -> None:
    await execution.connection.execute(
        "UPDATE switch.participant_key"
        " SET valid_until = greatest(valid_from, coalesce($2, clock_timestamp()), clock_timestamp())"
        " WHERE keyid = $1",
        content.keyid,
        content.at,
    )


async def _revoke_key(execution: Execution, content: RevokeKey) -> None:
    await execution.connection.execute(
        "UPDATE switch.participant_key SET revoked_at = clock_timestamp(),"
        " valid_until = greatest(valid_from, clock_timestamp()) WHERE keyid = $1",
        content.keyid,
    )


# Corridors, rates, rails.


async def _corridor_seats(_connection: asyncpg.Connection, content: SwitchCorridor) -> tuple[Seat, ...]:
    """Both central banks agree to an opening; closing one must not wait for them."""
    if not content.enabled:
        return (CHECKER,)
    countries = dict.fromkeys((content.source, content.target))
    return (CHECKER, *(Seat(Role.REGULATOR, country) for country in countries))


async def _check_corridor(_connection: asyncpg.Connection, content: SwitchCorridor) -> None:
    if content.source == content.target or not {content.source, content.target} <= COUNTRIES:
        raise _refuse("a corridor joins two countries")


async def _switch_corridor(execution: Execution, content: SwitchCorridor) -> None:
    await execution.connection.execute(
        "INSERT INTO switch.corridor (source, target, enabled) VALUES ($1, $2, $3)"
        " ON CONFLICT (source, target) DO UPDATE SET enabled = excluded.enabled",
        content.source,
        content.target,
        content.enabled,
    )


async def _check_fees(connection: asyncpg.Connection, content: CorridorFees) -> None:
    if not await connection.fetchval(
        "SELECT true FROM switch.corridor WHERE source = $1 AND target = $2", content.source, content.target
    ):
        raise _refuse("no such corridor")


async def _corridor_fees(execution: Execution, content: CorridorFees) -> None:
    await execution.connection.execute(
        "UPDATE switch.corridor SET fee_minor = $3, fee_bps = $4 WHERE source = $1 AND target = $2",
        content.source,
        content.target,
        content.fee_minor,
        content.fee_bps,
    )


async def _check_rate(connection: asyncpg.Connection, content: SetRate) -> None:
    if content.source == content.target or not {content.source, content.target} <= set(EXPONENTS):
        raise _refuse("a rate is between two currencies")
    if content.rate.strip("0.") == "":
        raise _refuse("a rate is more than zero")
    if content.valid_from is not None and content.valid_from.tzinfo is None:
        raise _refuse("an instant needs its offset from UTC")
    if not await connection.fetchval(
        "SELECT true FROM switch.participant WHERE id = $1 AND kind = 'fx_provider' AND status = 'active'",
        content.provider,
    ):
        raise _refuse("no such FX provider")
    for currency in (content.source, content.target):
        await account_number(connection, content.provider, currency)


async def _set_rate(execution: Execution, content: SetRate) -> None:
    await execution.connection.execute(
        "INSERT INTO switch.fx_rate (source, target, provider, rate, valid_from)"
        " VALUES ($1, $2, $3, $4::text::numeric, coalesce($5, clock_timestamp()))",
        content.source,
        content.target,
        content.provider,
        content.rate,
        content.valid_from,
    )


async def _check_rail(connection: asyncpg.Connection, content: SwitchRail) -> None:
    if content.opens_at is not None and (content.open or content.opens_at.tzinfo is None):
        raise _refuse("only a closed rail opens later, at an instant with its offset from UTC")
    if not await connection.fetchval("SELECT true FROM switch.rail WHERE country = $1", content.country):
        raise _refuse("no such rail")


async def _switch_rail(execution: Execution, content: SwitchRail) -> None:
    await execution.connection.execute(
        "UPDATE switch.rail SET open = $2, opens_at = $3 WHERE country = $1",
        content.country,
        content.open,
        content.opens_at,
    )


_KEYS: Final = Right.REQUEST_KEYS
KINDS: Final[tuple[Kind[Any], ...]] = (
    Kind("participant.onboard", "Let somebody take part", Onboard, _onboard, _check_onboard),
    Kind(
        "participant.suspend",
        "Suspend a participant",
        OfParticipant,
        _suspend,
        _check_suspend,
        participant=_participant,
    ),
    Kind(
        "participant.resume",
        "Let a suspended participant go on",
        OfParticipant,
        _resume,
        _check_resume,
        participant=_participant,
    ),
    Kind(
        "participant.remove",
        "Remove a participant for ever",
        OfParticipant,
        _remove,
        _check_remove,
        participant=_participant,
    ),
    Kind(
        "account.open",
        "Open an account",
        SetAccountCap,
        _open_account,
        _check_open_account,
        participant=_participant,
    ),
    Kind(
        "account.close",
        "Close an account for ever",
        OfAccount,
        _close_account,
        _check_account,
        participant=_participant,
        moves_books=True,
    ),
    Kind(
        "cap.set",
        "Set a net debit cap",
        SetAccountCap,
        _set_cap,
        _check_cap,
        participant=_participant,
        moves_books=True,
    ),
    Kind(
        "funds.in",
        "Book money that came in",
        Funds,
        _funds_in,
        _check_funds,
        participant=_participant,
        moves_books=True,
    ),
    Kind(
        "funds.out",
        "Pay money out",
        Funds,
        _funds_out,
        _check_funds,
        participant=_participant,
        moves_books=True,
    ),
    Kind(
        "key.add",
        "Add a signature key",
        AddKey,
        _add_key,
        _check_add_key,
        participant=_participant,
        right=_KEYS,
    ),
    Kind(
        "key.retire",
        "Let a signature key run out",
        RetireKey,
        _retire_key,
        _check_retire,
        participant=_participant,
        right=_KEYS,
    ),
    Kind(
        "key.revoke",
        "Make a signature key worthless now",
        RevokeKey,
        _revoke_key,
        _check_key,
        participant=_participant,
        right=_KEYS,
    ),
    Kind(
        "corridor.switch",
        "Open or close a corridor",
        SwitchCorridor,
        _switch_corridor,
        _check_corridor,
        seats=_corridor_seats,
    ),
    Kind("corridor.fees", "Set a corridor's fees", CorridorFees, _corridor_fees, _check_fees),
    Kind("rate.set", "Set an exchange rate", SetRate, _set_rate, _check_rate),
    Kind("rail.switch", "Open or close a rail", SwitchRail, _switch_rail, _check_rail),
)
