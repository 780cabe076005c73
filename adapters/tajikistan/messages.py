"""The Tajik form of ISO 8583, and its accounts."""

import re
from typing import Final

from adapters.framing import Length
from adapters.identifiers import is_tajik_account
from adapters.iso8583.dialect import Bitmap, Iso8583Dialect
from adapters.iso8583.messages import account_of
from adapters.port import Order
from adapters.tajikistan.profile import PROFILE

_ACCOUNT = re.compile(r"\d{20}|\d{14}", re.ASCII)
_BIK = re.compile(r"350\d{6}", re.ASCII)


def is_account(text: str) -> bool:
    """An account of 20 digits, or of 14 at the National Bank. The key depends on the bank: see `key_fits`."""
    return _ACCOUNT.fullmatch(text) is not None


def key_fits(order: Order) -> bool | None:
    """Whether the account's key matches the BIK of the creditor's bank; None if the BIK is not given.

    The rule is observed on five accounts: a wrong key is logged, not refused.
    """
    account, bik = account_of(order.payment, DIALECT), order.payment.creditor_agent.member_id
    if account is None or bik is None or _BIK.fullmatch(bik) is None:
        return None
    return is_tajik_account(account, bik)


DIALECT: Final = Iso8583Dialect(
    profile=PROFILE,
    currency="972",
    length=Length.ASCII_4,
    bitmap=Bitmap.HEX,
    processing_code="260000",
    creditor_field="102",
    is_account=is_account,
    identity=("acquirer", "terminal", "acceptor"),
)
