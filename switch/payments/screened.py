"""Which names and texts of a payment screening compares: the list of docs/operate/screening.md, as tables.

A field that names somebody is compared as a name. In what people write freely, only a whole listed name
counts that stands in it. Addresses, agents, authorities and foreign content are not compared.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from schemas.codec import Message

_PLACES: Final = {
    "Dbtr": "debtor",
    "Cdtr": "creditor",
    "UltmtDbtr": "ultimate debtor",
    "UltmtCdtr": "ultimate creditor",
    "InitgPty": "initiating party",
}
_ACCOUNTS: Final = {"DbtrAcct": "debtor account", "CdtrAcct": "creditor account"}
_NAMED: Final = {"Invcr": "invoicer", "Invcee": "invoicee"}
_OTHER: Final = "other party"
_WITH_OTHERS: Final = {
    "RmtInf": "remittance information",
    "RltdRmtInf": "remittance information",
    "InstrForCdtrAgt": "instruction",
    "RgltryRptg": "regulatory reporting",
    "Tax": "tax",
    "MndtRltdInf": "mandate",
}
"""Elements in which others are named, or texts are written, and what their texts are called."""
_TEXTS: Final = frozenset({"Ustrd", "AddtlRmtInf", "Desc", "InstrInf", "Inf", "AddtlInf"})
_NOT_COMPARED: Final = frozenset({"Authrty", "CdtrAgt", "DbtrAgt", "OrgnlDbtrAgt", "OrgnlCdtrAgt"})
PARTS: Final = tuple(
    dict.fromkeys((*_PLACES.values(), *_ACCOUNTS.values(), *_NAMED.values(), _OTHER, *_WITH_OTHERS.values()))
)
"""Every part of a payment that is compared."""


def parties_of(message: Message) -> Iterator[tuple[str, str, date | None]]:
    """Each name of a party in a pacs.008: its part, the name, and the date of birth if it is stated."""
    seen: set[tuple[str, str]] = set()
    (transaction,) = message.content["CdtTrfTxInf"]
    for tag, part in _PLACES.items():
        party = transaction.get(tag, {})
        yield from _once(seen, part, party.get("Nm"), _born(party))
        yield from _once(seen, part, party.get("CtctDtls", {}).get("Nm"), None)
    for tag, part in _ACCOUNTS.items():
        yield from _once(seen, part, transaction.get(tag, {}).get("Nm"), None)
    for part, party in _others(transaction):
        yield from _once(seen, part, party.get("Nm"), _born(party))


def texts_of(message: Message) -> Iterator[tuple[str, str]]:
    """Each text in a pacs.008 that people write freely, or alias of an account: its part, and the text."""
    (transaction,) = message.content["CdtTrfTxInf"]
    for tag, part in _ACCOUNTS.items():
        account = transaction.get(tag, {})
        stated = (account.get("Id", {}).get("Othr", {}).get("Id"), account.get("Prxy", {}).get("Id"))
        yield from ((part, text) for text in dict.fromkeys(stated) if text)
    for tag, part in _WITH_OTHERS.items():
        if tag in transaction:
            yield from ((part, text) for text in _texts(transaction[tag]))


def account_beside(message: Message, part: str) -> str:
    """The account on the side of a part, as it is stated, with its alias: `Id` may be `NOTPROVIDED`."""
    (transaction,) = message.content["CdtTrfTxInf"]
    account = transaction.get("CdtrAcct" if "creditor" in part else "DbtrAcct", {})
    stated = [account.get("Id"), *([account["Prxy"]] if "Prxy" in account else [])]
    return "".join(msgspec.json.encode(each, order="sorted").decode() for each in stated)


def _others(transaction: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What has a name and is no party of the payment itself."""
    for tag in _WITH_OTHERS:
        if tag in transaction:
            yield from _named(transaction[tag], _OTHER)


def _named(content: Any, part: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    match content:
        case dict():
            if "Nm" in content:
                yield part, content
            for tag, below in content.items():
                if tag not in _NOT_COMPARED:
                    yield from _named(below, _NAMED.get(tag, part))
        case list():
            for below in content:
                yield from _named(below, part)


def _texts(content: Any) -> Iterator[str]:
    match content:
        case dict():
            for tag, below in content.items():
                if tag in _TEXTS:
                    yield below if isinstance(below, str) else " ".join(below)
                elif tag not in _NOT_COMPARED:
                    yield from _texts(below)
        case list():
            for below in content:
                yield from _texts(below)


def _once(
    seen: set[tuple[str, str]], part: str, name: str | None, born: date | None
) -> Iterator[tuple[str, str, date | None]]:
    """A name, unless the party itself has the same: an account usually has that of its holder."""
    side = part.removesuffix(" account")
    if name and (side, name) not in seen:
        seen.add((side, name))
        yield part, name, born


def _born(party: Mapping[str, Any]) -> date | None:
    stated = party.get("Id", {}).get("PrvtId", {}).get("DtAndPlcOfBirth", {}).get("BirthDt")
    try:
        return date.fromisoformat(stated) if stated else None
    except ValueError:
        return None
