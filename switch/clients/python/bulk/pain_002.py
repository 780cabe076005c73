"""The pain.002 of a file: the status and reason of each line, for the customer. Written line by line."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from . import lines
from .lines import CheckedFile, PaymentLine
from .sending import CANCELLED, LineOutcome, reading

_STATUS_REPORT: Final = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"


def report(path: Path, to: Path, journal: Path | None = None) -> None:
    """Write the pain.002 of a file, as far as it is now.

    Raises:
        FileRefused: as `reading`.

    """
    kept = reading(path, journal)
    checked, counts = kept.checked, kept.progress().by_status
    found = (line for line in lines.read(path) if isinstance(line, PaymentLine))
    with to.open("wb") as file:
        file.writelines(document(group(checked, counts), found, kept.of))


def group(checked: CheckedFile, counts: Mapping[str, int], reason: LineOutcome | None = None) -> Element:
    """The part about the file: its status, that of its lines, and the reason if it was refused as a whole."""
    found = _element(
        "OrgnlGrpInfAndSts",
        OrgnlMsgId=checked.header.message_id,
        OrgnlMsgNmId="pain.001",
        OrgnlNbOfTxs=str(checked.header.lines),
        OrgnlCtrlSum=f"{checked.sum:f}",
        GrpSts=group_status(counts),
    )
    if reason is not None:
        _reason(found, reason)
    for status, count in sorted(counts.items()):
        found.append(_element("NbOfTxsPerSts", DtldNbOfTxs=str(count), DtldSts=status))
    return found


def document(
    about: Element, found: Iterable[PaymentLine], of: Callable[[int], LineOutcome]
) -> Iterator[bytes]:
    """The whole pain.002 in pieces: about the file, then each line in the order of the file."""
    yield begin(about)
    batch = None
    for line in found:
        yield line_status(line, of(line.number), batch)
        batch = line.batch
    yield end(batch)


def begin(about: Element, message_id: str = "") -> bytes:
    """The beginning of a pain.002, up to its lines; by default its id is new."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{_STATUS_REPORT}"><CstmrPmtStsRpt>'
    header = tostring(_element("GrpHdr", MsgId=message_id or uuid.uuid4().hex, CreDtTm=now))
    made: bytes = head.encode() + header + tostring(about)
    return made


def line_status(line: PaymentLine, outcome: LineOutcome, batch: str | None) -> bytes:
    """The status of a line; `batch` is that of the line before, None for the first one."""
    made: bytes = tostring(_line_status(line, outcome))
    if line.batch == batch:
        return made
    before = b"" if batch is None else b"</OrgnlPmtInfAndSts>"
    return before + b"<OrgnlPmtInfAndSts>" + tostring(_element("OrgnlPmtInfId", line.batch)) + made


def end(batch: str | None) -> bytes:
    """The end of a pain.002; `batch` is that of the last line."""
    lines_end = b"" if batch is None else b"</OrgnlPmtInfAndSts>"
    return lines_end + b"</CstmrPmtStsRpt></Document>\n"


def group_status(counts: Mapping[str, int]) -> str:
    """The status of all lines, if they have one; `PART` if only some were rejected or cancelled."""
    if len(counts) == 1 and CANCELLED not in counts:
        return next(iter(counts))
    if counts.keys() <= {"RJCT", CANCELLED}:
        return "RJCT"
    return "PART" if counts.keys() & {"RJCT", CANCELLED} else "PDNG"


def _line_status(line: PaymentLine, outcome: LineOutcome) -> Element:
    stated = {"OrgnlInstrId": line.instruction_id, "OrgnlEndToEndId": line.end_to_end_id}
    stated |= {"OrgnlUETR": line.uetr, "TxSts": outcome.status}
    found = _element("TxInfAndSts", **{tag: text for tag, text in stated.items() if text})
    if outcome.reason:
        _reason(found, outcome)
    return found


def _reason(found: Element, outcome: LineOutcome) -> None:
    reason = SubElement(found, "StsRsnInf")
    SubElement(SubElement(reason, "Rsn"), "Cd").text = outcome.reason
    for at in range(0, min(len(outcome.text), _TEXT_MAX), _TEXT_LINE):
        SubElement(reason, "AddtlInf").text = outcome.text[at : at + _TEXT_LINE]


_TEXT_LINE: Final = 105
_TEXT_MAX: Final = 20 * _TEXT_LINE


def _element(tag: str, text: str = "", **children: str) -> Element:
    found = Element(tag)
    found.text = text or None
    for name, value in children.items():
        SubElement(found, name).text = value
    return found
