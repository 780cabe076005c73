"""camt.003 and camt.004: request and report of account balances at the switch."""

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
_NO_ACCOUNT: Final = "none of your accounts matches"


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Which accounts of the sender are requested: all of them if nothing is stated."""

    message_id: str
    created_at: str | None
    """The message id as received."""
    accounts: frozenset[str]
    currencies: frozenset[str]


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account, in minor units of one currency. `available` is what can still be sent; None: no limit."""

    id: str
    booked: Money
    held: Money
    """Pending debits."""
    available: Money | None


def read(message: Message) -> AccountQuery:
    """Read a camt.003. Criteria other than ids and currencies select every account."""
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
    """Build the document of a camt.004 in response to `query`."""
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
