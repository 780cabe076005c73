"""Numbers and sums in a message must match its transactions and entries.

There is one table for messages with many transactions (`BATCHES`), one function for status reports about
them, one for statements. Only stated numbers are compared, and only if everything that they count is
present: a page of a statement, or a summary without entries, is not checked. Every version of a message has
the same rule, so an element is searched at its place in each version.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from schemas.findings import Content, Finding
from schemas.reasons import Reason

Path = tuple[str, ...]

_AMOUNTS: Final = (("Amt", "InstdAmt"), ("Amt", "EqvtAmt", "Amt"))
_PAGES: Final = ("StmtPgntn", "RptPgntn", "NtfctnPgntn")
_NUMBER_TEXT: Final = "is not the actual number"
_SUM_TEXT: Final = "is not the sum of the amounts"


@dataclass(frozen=True, slots=True)
class StatedTotals:
    """Where a message states a number and a sum, and what they count."""

    holder: Path
    """The element that states them, below the counted element."""
    transactions: Path
    amounts: tuple[Path, ...]
    """The possible paths of the amount of a transaction."""
    each: str = ""
    """The element that is checked one by one; empty: the whole message."""


_TRANSFERS: Final = (
    StatedTotals(("GrpHdr",), ("PmtInf", "CdtTrfTxInf"), _AMOUNTS),
    StatedTotals((), ("CdtTrfTxInf",), _AMOUNTS, each="PmtInf"),
)
BATCHES: Final[Mapping[str, tuple[StatedTotals, ...]]] = MappingProxyType(
    {
        "pain.001": _TRANSFERS,
        "pain.007": (
            StatedTotals(("GrpHdr",), ("OrgnlPmtInfAndRvsl", "TxInf"), (("RvsdInstdAmt",),)),
            StatedTotals((), ("TxInf",), (("RvsdInstdAmt",),), each="OrgnlPmtInfAndRvsl"),
        ),
        "pain.008": (
            StatedTotals(("GrpHdr",), ("PmtInf", "DrctDbtTxInf"), (("InstdAmt",),)),
            StatedTotals((), ("DrctDbtTxInf",), (("InstdAmt",),), each="PmtInf"),
        ),
        "pain.013": (
            StatedTotals(("GrpHdr",), ("PmtInf", "CdtTrfTx"), _AMOUNTS),
            StatedTotals((), ("CdtTrfTx",), _AMOUNTS, each="PmtInf"),
        ),
        "pacs.003": (StatedTotals(("GrpHdr",), ("DrctDbtTxInf",), (("IntrBkSttlmAmt",),)),),
        "pacs.007": (StatedTotals(("GrpHdr",), ("TxInf",), (("RvsdIntrBkSttlmAmt",),)),),
        "pacs.010": (
            StatedTotals(("GrpHdr",), ("CdtInstr", "DrctDbtTxInf"), (("IntrBkSttlmAmt",),)),
            StatedTotals((), ("DrctDbtTxInf",), (("IntrBkSttlmAmt",),), each="CdtInstr"),
        ),
        "camt.055": (
            StatedTotals(("CtrlData",), ("Undrlyg", "OrgnlPmtInfAndCxl", "TxInf"), (("OrgnlInstdAmt",),)),
        ),
        "camt.056": (StatedTotals(("CtrlData",), ("Undrlyg", "TxInf"), (("OrgnlIntrBkSttlmAmt",),)),),
    }
)
"""Message -> its batches."""


def batches(message: str, content: Content) -> Iterator[Finding]:
    """Check `NbOfTxs` and `CtrlSum` at every level at which this message states them."""
    for batch in BATCHES.get(message, ()):
        wholes = [("", content)] if not batch.each else list(_numbered(content, batch.each))
        for place, whole in wholes:
            holder = _first(whole, batch.holder)
            if isinstance(holder, dict):
                yield from _batch(whole, batch, holder, "/".join(filter(None, (place, *batch.holder))))


def _batch(whole: Content, batch: StatedTotals, holder: Content, place: str) -> Iterator[Finding]:
    transactions = list(_all(whole, batch.transactions))
    if not transactions:
        return  # it refers to the whole of another message
    amounts = [_amount_of(transaction, batch.amounts) for transaction in transactions]
    start = f"{place}/" if place else ""
    if "NbOfTxs" in holder and int(holder["NbOfTxs"]) != len(transactions):
        yield Finding(
            "number-of-transactions", f"{start}NbOfTxs", Reason.INVALID_NUMBER_OF_TRANSACTIONS, _NUMBER_TEXT
        )
    if "CtrlSum" in holder and None not in amounts and Decimal(holder["CtrlSum"]) != _total(amounts):
        yield Finding("control-sum", f"{start}CtrlSum", Reason.WRONG_SUM, _SUM_TEXT)


def status_reports(content: Content) -> Iterator[Finding]:
    """Check that the numbers and sums by status in a report add up to those of the original."""
    for tag in ("OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts", "OrgnlGrpInf"):
        for place, original in _numbered(content, tag):
            for details, whole, code, reason, text in (
                (
                    "DtldNbOfTxs",
                    "OrgnlNbOfTxs",
                    "number-of-transactions",
                    Reason.INVALID_NUMBER_OF_TRANSACTIONS,
                    _NUMBER_TEXT,
                ),
                (
                    "DtldCtrlSum",
                    "OrgnlCtrlSum",
                    "control-sum",
                    Reason.WRONG_SUM,
                    "is not the sum over all statuses",
                ),
            ):
                found = [item[details] for item in original.get("NbOfTxsPerSts", ()) if details in item]
                is_whole = len(found) == len(original.get("NbOfTxsPerSts", ()))
                if found and is_whole and whole in original and _sum(found) != Decimal(original[whole]):
                    yield Finding(code, f"{place}/{whole}", reason, text)
            listed = len(original.get("TxInfAndSts", ()))
            if "OrgnlNbOfTxs" in original and listed > int(original["OrgnlNbOfTxs"]):
                yield Finding(
                    "number-of-transactions",
                    f"{place}/OrgnlNbOfTxs",
                    Reason.INVALID_NUMBER_OF_TRANSACTIONS,
                    _NUMBER_TEXT,
                )


# Statements


def statements(content: Content) -> Iterator[Finding]:
    """Check summaries, batches and balances of camt.052, camt.053 and camt.054."""
    for tag in ("Rpt", "Stmt", "Ntfctn"):
        for place, statement in _numbered(content, tag):
            found = list(_batched_entries(statement))
            if _is_whole(statement):
                found += [*_summary(statement), *_balances(statement)]
            for finding in found:
                yield Finding(finding.code, f"{place}/{finding.path}", finding.reason, finding.text)


def _is_whole(statement: Content) -> bool:
    """Whether the statement has only one page."""
    pages: list[Content] = [statement[tag] for tag in _PAGES if tag in statement]
    return all(int(page["PgNb"]) == 1 and page["LastPgInd"] for page in pages)


def _summary(statement: Content) -> Iterator[Finding]:
    entries, summary = statement.get("Ntry", []), statement.get("TxsSummry", {})
    if not entries:
        return
    for tag, direction in (("TtlNtries", None), ("TtlCdtNtries", "CRDT"), ("TtlDbtNtries", "DBIT")):
        counted = [entry for entry in entries if direction in {None, entry["CdtDbtInd"]}]
        yield from _counted(summary.get(tag, {}), counted, f"TxsSummry/{tag}")
    stated = summary.get("TtlNtries", {})
    net = stated.get("TtlNetNtry") or stated
    amount = net.get("Amt") or net.get("TtlNetNtryAmt")
    # A net amount without a direction does not tell who receives it.
    if amount is not None:
        difference = _net(entries)
        right = abs(difference) == Decimal(amount) and (
            "CdtDbtInd" not in net or not difference or (difference > 0) == (net["CdtDbtInd"] == "CRDT")
        )
        if not right:
            path = "TxsSummry/TtlNtries" + ("/TtlNetNtry" if "TtlNetNtry" in stated else "/TtlNetNtryAmt")
            yield Finding(
                "sum-of-entries", path, Reason.WRONG_SUM, "is not the difference between credits and debits"
            )


def _counted(stated: Content, entries: list[Content], place: str) -> Iterator[Finding]:
    if "NbOfNtries" in stated and int(stated["NbOfNtries"]) != len(entries):
        yield Finding(
            "number-of-entries",
            f"{place}/NbOfNtries",
            Reason.INVALID_NUMBER_OF_TRANSACTIONS,
            "is not the number of entries",
        )
    if "Sum" in stated and Decimal(stated["Sum"]) != _total([entry["Amt"] for entry in entries]):
        yield Finding("sum-of-entries", f"{place}/Sum", Reason.WRONG_SUM, "is not the sum of the entries")


def _balances(statement: Content) -> Iterator[Finding]:
    """Check that the opening balance and the booked entries give the closing balance, in one currency."""
    opening = _balance(statement, "OPBD") or _balance(statement, "PRCD")
    closing = _balance(statement, "CLBD")
    if opening is None or closing is None:
        return
    booked = [entry for entry in statement.get("Ntry", ()) if _status(entry) == "BOOK"]
    if not booked and statement.get("TxsSummry"):
        return  # a summary instead of the entries
    _, closing_balance = closing
    currencies = {entry["Amt"]["Ccy"] for entry in (opening[1], closing_balance, *booked)}
    if len(currencies) == 1 and _net([opening[1], *booked]) != _net([closing_balance]):
        text = "is not the sum of the opening balance and the booked entries"
        yield Finding("balance", f"{closing[0]}/Amt", Reason.WRONG_SUM, text)


def _balance(statement: Content, code: str) -> tuple[str, Content] | None:
    """The only balance of this type, and its path; None if there is none, or several."""
    found = [
        (place, balance)
        for place, balance in _numbered(statement, "Bal")
        if _first(balance, ("Tp", "CdOrPrtry", "Cd")) == code
    ]
    return found[0] if len(found) == 1 else None


def _batched_entries(statement: Content) -> Iterator[Finding]:
    """Compare `Btch` of an entry with its listed transactions."""
    for place, entry in _numbered(statement, "Ntry"):
        for inner, details in _numbered(entry, "NtryDtls"):
            transactions, batch = details.get("TxDtls", []), details.get("Btch", {})
            if not transactions:
                continue
            path = f"{place}/{inner}/Btch"
            if "NbOfTxs" in batch and int(batch["NbOfTxs"]) != len(transactions):
                yield Finding(
                    "number-of-transactions",
                    f"{path}/NbOfTxs",
                    Reason.INVALID_NUMBER_OF_TRANSACTIONS,
                    _NUMBER_TEXT,
                )
            if "TtlAmt" in batch and not _adds_up(batch, entry, transactions):
                yield Finding("control-sum", f"{path}/TtlAmt", Reason.WRONG_SUM, _SUM_TEXT)


def _adds_up(batch: Content, entry: Content, transactions: list[Content]) -> bool:
    """Whether the sum is right; true if it cannot be computed: missing amounts, or several currencies."""
    amounts = [_amount_of(each, (("Amt",), ("AmtDtls", "TxAmt", "Amt"))) for each in transactions]
    if any(amount is None or amount["Ccy"] != batch["TtlAmt"]["Ccy"] for amount in amounts):
        return True
    own = batch.get("CdtDbtInd") or entry["CdtDbtInd"]
    signs = [1 if each.get("CdtDbtInd", own) == own else -1 for each in transactions]
    total = sum(sign * Decimal(amount["Amt"]) for sign, amount in zip(signs, amounts, strict=True) if amount)
    return total == Decimal(batch["TtlAmt"]["Amt"])


def _status(entry: Content) -> str | None:
    """The status of an entry: a code in older versions, a choice in newer ones."""
    status: Any = entry.get("Sts")
    return status.get("Cd") if isinstance(status, dict) else status


def _net(items: list[Content]) -> Decimal:
    """Credits less debits."""
    return sum(
        (Decimal(item["Amt"]["Amt"]) * (1 if item["CdtDbtInd"] == "CRDT" else -1) for item in items),
        Decimal(0),
    )


# Paths


def _numbered(content: Content, tag: str) -> Iterator[tuple[str, Content]]:
    """Yield each element with a tag, and its step in a path."""
    found = content.get(tag, ())
    for number, item in enumerate([found] if isinstance(found, dict) else found, 1):
        yield (tag if number == 1 else f"{tag}[{number}]"), item


def _all(content: Content, path: Path) -> Iterator[Content]:
    if not path:
        yield content
        return
    for _, item in _numbered(content, path[0]):
        yield from _all(item, path[1:])


def _first(content: Any, path: Path) -> Any:
    """The value at a path, only through objects; None if there is none."""
    for tag in path:
        content = content.get(tag) if isinstance(content, dict) else None
    return content


def _amount_of(transaction: Content, paths: tuple[Path, ...]) -> Content | None:
    found = (_first(transaction, path) for path in paths)
    return next((amount for amount in found if isinstance(amount, dict) and "Amt" in amount), None)


def _total(amounts: list[Content | None]) -> Decimal:
    return _sum([amount["Amt"] for amount in amounts if amount is not None])


def _sum(numbers: list[str]) -> Decimal:
    return sum(map(Decimal, numbers), Decimal(0))
