"""Parties of payments without their identity: pseudonyms of accounts, and the data that a payment lacks.

Pattern rules need to know that two payments have the same debtor, not who the debtor is. Each account becomes
a keyed hash (HMAC-SHA256, 16 bytes) under a key that only this installation has. Equal accounts give equal
hashes, and without the key nobody can test whether a guessed account is one of them. Messages are read after
the payments, a limited number at a time, so that the reading does not compete with payments.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar
from uuid import UUID

import asyncpg

from schemas import codec, credit_transfer
from schemas.credit_transfer import PaymentParties
from schemas.errors import SwitchError
from schemas.payment import CreditTransfer, Party, PartyAccount
from schemas.versions import versions
from switch.base.files import write_once
from switch.reports.sql import statement

PSEUDONYM_BYTES: Final = 16
AT_ONCE: Final = 100
_KEY_BYTES: Final = 32
_NEXT: Final = statement("unread_payments")
_ADD: Final = statement("add_parties")

Read = TypeVar("Read")
Open = Callable[[UUID, bytes | None, bytes], bytes | None]
"""Opens a payment's message, given its sealed key and its stored bytes; None if it was erased."""


def load_key(file: Path) -> bytes:
    """Load the installation's key for pseudonyms; made once, in a file that only its owner can read."""
    write_once(file, os.urandom(_KEY_BYTES))
    key = file.read_bytes()
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{file} is not a key of {_KEY_BYTES} bytes")
    return key


def pseudonym(key: bytes, agent: str, account: PartyAccount | None) -> bytes | None:
    """Pseudonym of an account at an agent; None if the message states no account."""
    if account is None or account.id is None:
        return None
    name = f"{agent}\x00{account.id.replace(' ', '').upper()}"
    return hmac.digest(key, name.encode(), hashlib.sha256)[:PSEUDONYM_BYTES]


def missing_data(payment: CreditTransfer | PaymentParties) -> list[str]:
    """List the data that FATF recommendation 16 (revised 2025) requires and this payment lacks."""
    return [name for name, is_stated in REQUIRED.items() if not is_stated(payment)]


def _is_known(account: PartyAccount | None) -> bool:
    return account is not None and account.id is not None


def _is_placed(party: Party) -> bool:
    return bool(party.national_id or (party.country and (party.town or party.address_lines)))


REQUIRED: Final[Mapping[str, Callable[[CreditTransfer | PaymentParties], bool]]] = MappingProxyType(
    {
        "debtor name": lambda payment: bool(payment.debtor.name),
        "debtor account": lambda payment: _is_known(payment.debtor_account),
        "debtor address or identification": lambda payment: _is_placed(payment.debtor),
        "creditor name": lambda payment: bool(payment.creditor.name),
        "creditor account": lambda payment: _is_known(payment.creditor_account),
    }
)
"""Data that must travel with a payment, and whether a payment states it."""


async def read_some(connection: asyncpg.Connection, key: bytes, opened: Open) -> int:
    """Read the next payments that were not read yet; return how many. Only the caretaker calls this."""
    rows = await connection.fetch(_NEXT, AT_ONCE)
    found = [_facts(row, key, opened) for row in rows]
    if found:
        numbers, debtors, creditors, missing = zip(*found, strict=True)
        await connection.execute(_ADD, numbers, debtors, creditors, missing)
    return len(found)


def _facts(row: asyncpg.Record, key: bytes, opened: Open) -> tuple[int, bytes | None, bytes | None, str]:
    raw = None if row["body"] is None else opened(row["uetr"], row["sealed"], row["body"])
    payment = None if raw is None else _decoded(raw, credit_transfer.read_parties, [row["message_name"]])
    if payment is None:
        return row["number"], None, None, ""
    return (
        row["number"],
        pseudonym(key, row["debtor_agent"], payment.debtor_account),
        pseudonym(key, row["creditor_agent"], payment.creditor_account),
        ",".join(missing_data(payment)),
    )


def decode(raw: bytes) -> CreditTransfer | None:
    """Decode the payment in a stored message, in either representation; None if it is not a pacs.008."""
    return _decoded(raw, credit_transfer.read, versions("pacs.008"))


def _decoded(raw: bytes, read: Callable[[codec.Message], Read], names: Iterable[str]) -> Read | None:
    for name in names:
        try:
            return read(codec.again(raw, name))
        except SwitchError:  # another version, or one that is no longer in the catalogue
            continue
    return None
