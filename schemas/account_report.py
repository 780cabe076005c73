"""camt.003 and camt.004: what stands on an account at the switch, asked and answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.codec import Message
from schemas.money import Money
from schemas.parties import Content, instant_text

REQUEST: Final = "GetAcct"
REPORT: Final = "RtrAcct"
DEFAULT_REPORT: Final = "camt.004.001.10"
_NO_ACCOUNT: Final = "no account of yours is meant"


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Which of the asker's accounts are meant: all of them where nothing is said."""

    message_id: str
    created_at: str | None
    """As it was written."""
    accounts: frozenset[str]
    currencies: frozenset[str]


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account, in minor units of one currency. `available` is what can still be sent; None: no limit."""

    id: str
    booked: Money
    held: Money
    """Debits that are pending."""
    available: Money | None


def read(message: Message) -> AccountQuery:
    """The question in a camt.003. Criteria that are not about ids or currencies mean every account."""
    content = message.document[REQUEST]
    header = content["MsgHdr"]
    accounts: set[str] = set()
    currencies: set[str] = set()
    criteria = content.get("AcctQryDef", {}).get("AcctCrit", {}).get("NewCrit", {})
    for search in criteria.get("SchCrit", []):
        currencies.update(search.get("Ccy", []))
        for wanted in search.get("AcctId", []):
            equal = wanted.get("EQ", {})
            accounts.update(filter(None, (equal.get("IBAN"), equal.get("Othr", {}).get("Id"))))
    return AccountQuery(header["MsgId"], header.get("CreDtTm"), frozenset(accounts), frozenset(currencies))


def build(
    query: AccountQuery, accounts: Sequence[AccountStatus], *, message_id: str, created_at: datetime
) -> dict[str, Any]:
    """The document of a camt.004 that answers `query`."""
    asked: Content = {"MsgId": query.message_id}
    if query.created_at:
        asked["CreDtTm"] = query.created_at
    answer: Content = (
        {"AcctRpt": [_report(account, created_at) for account in accounts]}
        if accounts
        else {"OprlErr": [{"Err": {"Prtry": "NOACCT"}, "Desc": _NO_ACCOUNT}]}
    )
    header = {"MsgId": message_id, "CreDtTm": instant_text(created_at), "OrgnlBizQry": asked}
    return {REPORT: {"MsgHdr": header, "RptOrErr": answer}}


def _report(account: AccountStatus, at: datetime) -> Content:
    balances = [_balance("BOOK", "STLD", account.booked, at), _balance("PDNG", "PDNG", account.held, at)]
    if account.available is not None:
        balances.append(_balance("AVLB", "PDNG", account.available, at))
    return {
        "AcctId": {"Othr": {"Id": account.id}},
        "AcctOrErr": {"Acct": {"Ccy": account.booked.currency, "MulBal": balances}},
    }


def _balance(kind: str, status: str, amount: Money, at: datetime) -> Content:
    size = Money(abs(amount.minor), amount.currency)
    return {
        "Amt": size.text,
        "CdtDbtInd": "DBIT" if amount.minor < 0 else "CRDT",
        "Tp": {"Cd": kind},
        "Sts": status,
        "ValDt": {"DtTm": instant_text(at)},
    }
