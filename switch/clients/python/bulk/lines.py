"""A customer's pain.001 as payments: each of its lines a pacs.008 of its own. Pure but for reading the file.

The file is read piece by piece, so memory holds one line at a time, whatever its size. Every line has a
UETR: its own, or one that follows from the debtor's account, the message id and the place of the line. So the
same file makes the same payments, however often it is read.

What a line states is carried into the pacs.008 unchanged. What concerns the customer's own bank alone stays
there: `ADDRESSED_TO_THE_BANK`. A line with anything else is refused, with the reason in `PaymentLine.fault`.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, cast
from xml.etree.ElementTree import Element, ParseError, SubElement, XMLPullParser, tostring

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"
_FILE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001."
_FIRST_VERSION: Final = "09"
"""The first version with a UETR, and with the elements of pacs.008.001.08."""
_PIECE: Final = 64 * 1024
"""How much is read at a time; the root element begins within the first piece."""
_AT_ONCE: Final = 16 * 1024
"""How much is parsed at a time: all its elements are in memory."""
_LINE_MAX: Final = 1024 * 1024
"""How long a line or a header may be: what is read without an end would fill the memory."""
_DEPTH_MAX: Final = 64
_CHILDREN_MAX: Final = 64
"""Elements of a batch beside its lines."""
_ENCODING: Final = re.compile(rb"""^<\?xml[^>]*encoding\s*=\s*["']([^"']*)["']""")
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


class FileCheck:
    """Counts what a file has, and compares it at the end with what it states."""

    def __init__(self) -> None:
        self._header: FileHeader | None = None
        self._count, self._sum = 0, Decimal()
        self._faulty: list[int] = []
        self._uetrs: set[bytes] = set()
        self._digest = hashlib.sha256()

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the file."""
        self._digest.update(piece)

    def add(self, found: "FileHeader | PaymentLine") -> None:
        """Take the next part of the file.

        Raises:
            FileRefused: two of its lines have one UETR.

        """
        if isinstance(found, FileHeader):
            self._header = found
            return
        self._count, self._sum = self._count + 1, self._sum + found.amount
        key = uuid.UUID(found.uetr).bytes
        if key in self._uetrs:
            raise FileRefused(f"line {found.number}: another line has the same UETR")
        self._uetrs.add(key)
        if found.fault is not None:
            self._faulty.append(found.number)

    def end(self) -> CheckedFile:
        """The file, read to its end.

        Raises:
            FileRefused: its number of lines or its sums differ from what it states.

        """
        header = self._header
        if header is None or not self._count:
            raise FileRefused("the file has no payments")
        if header.lines != self._count:
            raise FileRefused(f"NbOfTxs states {header.lines} payments, and there are {self._count}")
        if header.control_sum is not None and header.control_sum != self._sum:
            raise FileRefused(f"CtrlSum states {header.control_sum}, and the sum is {self._sum}")
        return CheckedFile(header, self._digest.hexdigest(), self._sum, tuple(self._faulty))


def check(path: Path, today: date | None = None) -> CheckedFile:
    """Read a whole file, and compare it with the numbers that it states.

    Raises:
        FileRefused: it is no pain.001, or its number of lines or its sums differ.

    """
    checking = FileCheck()
    for found in read(path, today, checking):
        checking.add(found)
    return checking.end()


def read(
    path: Path, today: date | None = None, checking: FileCheck | None = None
) -> Iterator["FileHeader | PaymentLine"]:
    """The header of a file, then each of its lines.

    Raises:
        FileRefused: it is no pain.001.

    """
    reader = FileReader(today)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if checking is not None:
                checking.feed(piece)
            yield from reader.feed(piece)
    yield from reader.end()


class FileReader:
    """Reads a file that arrives in pieces."""

    def __init__(self, today: date | None = None) -> None:
        self._today = today or datetime.now(UTC).date()
        self._parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
        self._head: bytes | None = b""
        """What came before the root element; None behind its beginning."""
        self._header: FileHeader | None = None
        self._batch: Element | None = None
        self._number = self._depth = self._unread = 0
        self._others = self._batch_depth = 0
        """Elements of the batch beside its lines, and where they are."""

    def feed(self, piece: bytes) -> Iterator["FileHeader | PaymentLine"]:
        """What ends in the next piece of the file.

        Raises:
            FileRefused: it is no pain.001.

        """
        if self._head is not None:
            self._head += piece
            _check_head(self._head)
        for at in range(0, len(piece), _AT_ONCE):
            yield from self._parsed(piece[at : at + _AT_ONCE])
        if self._head is not None and len(self._head) > _PIECE:
            raise FileRefused("no message begins at the beginning of the file")

    def _parsed(self, piece: bytes) -> Iterator["FileHeader | PaymentLine"]:
        self._parser.feed(piece)
        self._unread += len(piece)
        for event, element in self._events():
            self._head = None
            if event == "start":
                self._started(element)
            elif (found := self._ended(element)) is not None:
                self._unread = 0
                yield found
        if self._unread > _LINE_MAX:
            raise FileRefused(f"a line, or what is between two, is longer than {_LINE_MAX} bytes")

    def _events(self) -> Iterator[tuple[str, Element]]:
        try:
            for found in self._parser.read_events():
                yield cast("tuple[str, Element]", found)
        except ParseError as error:
            raise FileRefused(f"not well-formed XML: {error}") from None

    def end(self) -> Iterator["FileHeader | PaymentLine"]:
        """What the end of the file makes certain.

        Raises:
            FileRefused: it is incomplete.

        """
        try:
            self._parser.close()
        except ParseError as error:
            raise FileRefused(f"not well-formed XML: {error}") from None
        yield from ()

    def _started(self, element: Element) -> None:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise FileRefused("elements are nested too deeply")
        namespace, _, tag = element.tag.rpartition("}")
        if tag == "CstmrCdtTrfInitn":
            _check_version(namespace)
        elif tag == "PmtInf":
            self._batch, self._batch_depth, self._others = element, self._depth, 0

    def _ended(self, element: Element) -> "FileHeader | PaymentLine | None":
        self._depth -= 1
        tag, batch = _tag(element), self._batch
        if tag == "GrpHdr":
            if self._header is not None:
                raise FileRefused("GrpHdr must come once")
            self._header = _header(element)
            return self._header
        if tag == "CdtTrfTxInf" and batch is not None:
            if self._header is None:
                raise FileRefused("GrpHdr must come first")
            self._number += 1
            line = _line(self._number, self._header, batch, element, self._today)
            batch.remove(element)
            return line
        if tag == "PmtInf":
            element.clear()
            self._batch = None
        elif self._depth == self._batch_depth:
            self._others += 1
            if self._others > _CHILDREN_MAX:
                raise FileRefused("PmtInf has too many elements beside its lines")
        return None


def _check_head(head: bytes) -> None:
    """Refuse a document type, and any encoding in which it could hide."""
    encoding = _ENCODING.match(head.removeprefix(b"\xef\xbb\xbf"))
    if b"\0" in head or (encoding is not None and encoding[1].lower() not in {b"utf-8", b"us-ascii"}):
        raise FileRefused("must be XML in UTF-8")
    if b"<!DOCTYPE" in head:
        raise FileRefused("a message has no document type")


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
