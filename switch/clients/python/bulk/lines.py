"""A customer's pain.001 as payments: each of its lines a pacs.008 of its own. Pure but for reading the file.

The file is read element by element, so memory holds one line at a time, whatever its size. Every line has a
UETR: its own, or one that follows from the debtor's account, the message id and the place of the line. So the
same file makes the same payments, however often it is read.

What a line states is carried into the pacs.008 unchanged. What concerns the customer's own bank alone stays
there: `ADDRESSED_TO_THE_BANK`. A line with anything else is refused, with the reason in `PaymentLine.fault`.
"""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, iterparse, tostring

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"
_FILE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001."
_FIRST_VERSION: Final = "09"
"""The first version with a UETR, and with the elements of pacs.008.001.08."""
_PROLOGUE: Final = 64 * 1024
_IN_ORDER: Final = (
    *("PmtId", "PmtTpInf", "IntrBkSttlmAmt", "IntrBkSttlmDt", "ChrgBr", "IntrmyAgt1", "IntrmyAgt1Acct"),
    *("IntrmyAgt2", "IntrmyAgt2Acct", "IntrmyAgt3", "IntrmyAgt3Acct", "UltmtDbtr", "Dbtr", "DbtrAcct"),
    *("DbtrAgt", "CdtrAgt", "CdtrAgtAcct", "Cdtr", "CdtrAcct", "UltmtCdtr", "InstrForCdtrAgt", "Purp"),
    *("RgltryRptg", "Tax", "RltdRmtInf", "RmtInf", "SplmtryData"),
)
"""The elements of a transaction of pacs.008.001.08 that come of a line, in their order."""
_REPEATED: Final = frozenset({"InstrForCdtrAgt", "RgltryRptg", "RltdRmtInf", "SplmtryData"})
_OF_BATCH: Final = ("PmtTpInf", "ChrgBr", "UltmtDbtr", "Dbtr", "DbtrAcct", "DbtrAgt")
_OF_LINE: Final = frozenset(_IN_ORDER) - {"IntrBkSttlmAmt", "IntrBkSttlmDt", "Dbtr", "DbtrAcct", "DbtrAgt"}
ADDRESSED_TO_THE_BANK: Final = frozenset({
    *("PmtInfId", "PmtMtd", "BtchBookg", "NbOfTxs", "CtrlSum", "ReqdExctnDt", "PoolgAdjstmntDt"),
    *("DbtrAgtAcct", "InstrForDbtrAgt", "ChrgsAcct", "ChrgsAcctAgt", "AdvcInd"),
})  # fmt: skip
"""Elements of a batch or a line for the debtor agent alone: no other bank receives them."""
_TAKEN: Final = _OF_LINE | {"Amt", *ADDRESSED_TO_THE_BANK}
_BATCH_TAGS: Final = frozenset({*_OF_BATCH, "CdtTrfTxInf", *ADDRESSED_TO_THE_BANK})
_RANDOM: Final = 4
"""The version of a UUID that a UETR has."""


class FileRefused(Exception):
    """The file as a whole is no pain.001 that can be paid; nothing was sent."""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """What the file states of itself."""

    message_id: str
    created: str
    lines: int
    control_sum: Decimal | None


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """One line: `transaction` is that of its pacs.008, without times; `fault` why it cannot be sent."""

    number: int
    batch: str
    instruction_id: str
    end_to_end_id: str
    uetr: str
    amount: Decimal
    currency: str
    transaction: Element
    fault: tuple[str, str] | None
    """ISO reason and text."""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that was read to its end."""

    header: FileHeader
    sha256: str
    sum: Decimal
    faulty: tuple[int, ...]
    """Numbers of the lines with a fault."""


def check(path: Path, today: date | None = None) -> CheckedFile:
    """Read a whole file, and compare it with the numbers that it states.

    Raises:
        FileRefused: it is no pain.001, or its number of lines or its sums differ.

    """
    header, count, total, faulty = None, 0, Decimal(), []
    stated: set[bytes] = set()
    for found in read(path, today):
        if isinstance(found, FileHeader):
            header = found
            continue
        count, total = count + 1, total + found.amount
        key = uuid.UUID(found.uetr).bytes
        if key in stated:
            raise FileRefused(f"line {found.number}: another line has the same UETR")
        stated.add(key)
        if found.fault is not None:
            faulty.append(found.number)
    if header is None or not count:
        raise FileRefused("the file has no payments")
    if header.lines != count:
        raise FileRefused(f"NbOfTxs states {header.lines} payments, and there are {count}")
    if header.control_sum is not None and header.control_sum != total:
        raise FileRefused(f"CtrlSum states {header.control_sum}, and the sum is {total}")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return CheckedFile(header, digest, total, tuple(faulty))


def read(path: Path, today: date | None = None) -> Iterator[FileHeader | PaymentLine]:
    """The header of a file, then each of its lines.

    Raises:
        FileRefused: it is no pain.001.

    """
    with path.open("rb") as file:
        if b"<!DOCTYPE" in file.read(_PROLOGUE):
            raise FileRefused("a message has no document type")
        file.seek(0)
        try:
            yield from _read(file, today or datetime.now(UTC).date())
        except ParseError as error:
            raise FileRefused(f"not well-formed XML: {error}") from None


def _read(file: IO[bytes], today: date) -> Iterator[FileHeader | PaymentLine]:
    header: FileHeader | None = None
    batch: Element | None = None
    number = 0
    for event, element in iterparse(file, ("start", "end")):  # noqa: S314 - no document type, expat bounds the rest
        namespace, _, tag = element.tag.rpartition("}")
        if event == "start":
            if tag == "CstmrCdtTrfInitn":
                _check_version(namespace)
            elif tag == "PmtInf":
                batch = element
            continue
        if tag == "GrpHdr":
            header = _header(element)
            yield header
        elif tag == "CdtTrfTxInf" and batch is not None:
            if header is None:
                raise FileRefused("GrpHdr must come first")
            number += 1
            yield _line(number, header, batch, element, today)
            batch.remove(element)
        elif tag == "PmtInf":
            element.clear()
            batch = None


def _check_version(namespace: str) -> None:
    version = namespace.lstrip("{").removeprefix(_FILE)
    if not (len(version) == len(_FIRST_VERSION) and version.isdigit() and version >= _FIRST_VERSION):
        raise FileRefused(f"must be a pain.001.001.{_FIRST_VERSION} or later")


def _header(element: Element) -> FileHeader:
    stated = _text(element, "CtrlSum")
    try:
        total = Decimal(stated) if stated else None
        return FileHeader(
            _text(element, "MsgId"), _text(element, "CreDtTm"), int(_text(element, "NbOfTxs")), total
        )
    except (ValueError, InvalidOperation):
        raise FileRefused("GrpHdr: NbOfTxs and CtrlSum must be numbers") from None


def _line(number: int, header: FileHeader, batch: Element, line: Element, today: date) -> PaymentLine:
    parts = {_tag(each): each for each in batch if _tag(each) in _OF_BATCH}
    parts |= {_tag(each): each for each in line if _tag(each) in _OF_LINE and _tag(each) not in _REPEATED}
    amount = _find(line, "Amt", "InstdAmt")
    value, currency = _amount(amount)
    agent = _text(_find(batch, "DbtrAgt", "FinInstnId"), "BICFI")
    identification = parts.get("PmtId")
    stated = _text(identification, "UETR")
    identity = _find(batch, "DbtrAcct", "Id")
    account = "" if identity is None else "".join(identity.itertext())
    uetr = stated if _is_uetr(stated) else derived(agent, account, header.message_id, number)
    transaction = Element("CdtTrfTxInf")
    for tag in _IN_ORDER:
        if tag == "PmtId":
            _identification(transaction, identification, uetr)
        elif tag == "IntrBkSttlmAmt":
            each = SubElement(transaction, tag, {"Ccy": currency})
            each.text = f"{value:f}"
        elif tag == "ChrgBr" and tag not in parts:
            SubElement(transaction, tag).text = "SLEV"
        elif tag in _REPEATED:
            transaction.extend(_renamed(each) for each in line if _tag(each) == tag)
        elif tag in parts:
            transaction.append(_renamed(parts[tag]))
    return PaymentLine(
        number,
        _text(batch, "PmtInfId"),
        _text(identification, "InstrId"),
        _text(identification, "EndToEndId"),
        uetr,
        value,
        currency,
        transaction,
        _fault(batch, line, stated, value, today),
    )


def _fault(batch: Element, line: Element, uetr: str, value: Decimal, today: date) -> tuple[str, str] | None:
    """Why a line cannot be sent: ISO reason and text."""
    foreign = [tag for tag in map(_tag, line) if tag not in _TAKEN]
    foreign += [tag for tag in map(_tag, batch) if tag not in _BATCH_TAGS]
    if foreign:
        return "NARR", f"{foreign[0]} cannot be carried"
    if _text(batch, "PmtMtd") != "TRF":
        return "AG03", "PmtMtd must be TRF, a credit transfer"
    if value <= 0:
        return "AM12", "Amt/InstdAmt must be an amount above zero; EqvtAmt cannot be carried"
    if uetr and not _is_uetr(uetr):
        return "FF01", "PmtId/UETR must be a UUID of version 4, in lower case"
    return _fault_of_day(_find(batch, "ReqdExctnDt"), today)


def _fault_of_day(stated: Element | None, today: date) -> tuple[str, str] | None:
    day = _text(stated, "Dt") or _text(stated, "DtTm")[: len("2026-01-01")]
    try:
        if date.fromisoformat(day) > today:
            return "DT04", f"must not be executed before {day}: send the file again then"
    except ValueError:
        return "DT01", "ReqdExctnDt must be a date"
    return None


def derived(agent: str, account: str, message_id: str, number: int) -> str:
    """The UETR of a line that states none: the same for the same place in the same message of one debtor."""
    parts = "\0".join(("pain.001", agent[:8], "".join(account.split()), message_id, str(number)))
    digest = hashlib.sha256(parts.encode()).digest()[:16]
    return str(uuid.UUID(bytes=digest, version=_RANDOM))


def message(line: PaymentLine, created: datetime) -> bytes:
    """The pacs.008 of a line, made at an instant; the same bytes for the same instant."""
    at = created.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    document = Element("Document", {"xmlns": NAMESPACE})
    root = SubElement(document, "FIToFICstmrCdtTrf")
    header = SubElement(root, "GrpHdr")
    for tag, text in (("MsgId", line.uetr.replace("-", "")), ("CreDtTm", at), ("NbOfTxs", "1")):
        SubElement(header, tag).text = text
    settlement = SubElement(header, "SttlmInf")
    SubElement(settlement, "SttlmMtd").text = "CLRG"
    root.append(line.transaction)
    raw: bytes = tostring(document, encoding="utf-8", xml_declaration=True)
    return raw


def _identification(transaction: Element, stated: Element | None, uetr: str) -> None:
    found = SubElement(transaction, "PmtId")
    for tag in ("InstrId", "EndToEndId"):
        if text := _text(stated, tag):
            SubElement(found, tag).text = text
    SubElement(found, "TxId").text = uetr.replace("-", "")
    SubElement(found, "UETR").text = uetr


def _renamed(element: Element) -> Element:
    """A copy without the namespace of the file: `message` states that of the pacs.008 for all of them."""
    copy = Element(_tag(element), element.attrib)
    copy.text = element.text
    own = element.tag.rpartition("}")[0]
    copy.extend(_renamed(each) if each.tag.rpartition("}")[0] == own else each for each in element)
    return copy


def _amount(element: Element | None) -> tuple[Decimal, str]:
    """The value and the currency; zero if there is none."""
    if element is None:
        return Decimal(), ""
    try:
        value = Decimal(element.text or "")
    except InvalidOperation:
        value = Decimal()
    return value if value.is_finite() else Decimal(), element.get("Ccy", "")


def _is_uetr(text: str) -> bool:
    try:
        found = uuid.UUID(text)
    except ValueError:
        return False
    return str(found) == text and found.version == _RANDOM


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _find(element: Element | None, *path: str) -> Element | None:
    for tag in path:
        element = None if element is None else next((each for each in element if _tag(each) == tag), None)
    return element


def _text(element: Element | None, tag: str) -> str:
    found = _find(element, tag)
    return "" if found is None else (found.text or "").strip()
