"""The pain.002 of a file: the status and reason of each line, for the customer. Written line by line."""

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from . import lines
from .lines import FileHeader, PaymentLine
from .sending import CANCELLED, LineOutcome, reading

_STATUS_REPORT: Final = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"


def report(path: Path, to: Path, journal: Path | None = None) -> None:
    """Write the pain.002 of a file, as far as it is now.

    Raises:
        FileRefused: as `reading`.

    """
    kept = reading(path, journal)
    checked = kept.checked
    counts = kept.progress().by_status
    with to.open("wb") as file:
        file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{_STATUS_REPORT}">'.encode())
        file.write(b"<CstmrPmtStsRpt>")
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        file.write(tostring(_element("GrpHdr", MsgId=uuid.uuid4().hex, CreDtTm=now)))
        group = _element(
            "OrgnlGrpInfAndSts",
            OrgnlMsgId=checked.header.message_id,
            OrgnlMsgNmId="pain.001",
            OrgnlNbOfTxs=str(checked.header.lines),
            OrgnlCtrlSum=f"{checked.sum:f}",
            GrpSts=_group_status(counts),
        )
        for status, count in sorted(counts.items()):
            group.append(_element("NbOfTxsPerSts", DtldNbOfTxs=str(count), DtldSts=status))
        file.write(tostring(group))
        batch = None
        for line in lines.read(path):
            if isinstance(line, FileHeader):
                continue
            if line.batch != batch:
                file.write(b"" if batch is None else b"</OrgnlPmtInfAndSts>")
                file.write(b"<OrgnlPmtInfAndSts>" + tostring(_element("OrgnlPmtInfId", line.batch)))
                batch = line.batch
            file.write(tostring(_line_status(line, kept.of(line.number))))
        file.write(b"</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>\n")


def _group_status(counts: dict[str, int]) -> str:
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
        reason = SubElement(found, "StsRsnInf")
        SubElement(SubElement(reason, "Rsn"), "Cd").text = outcome.reason
        for at in range(0, min(len(outcome.text), _TEXT_MAX), _TEXT_LINE):
            SubElement(reason, "AddtlInf").text = outcome.text[at : at + _TEXT_LINE]
    return found


_TEXT_LINE: Final = 105
_TEXT_MAX: Final = 10 * _TEXT_LINE


def _element(tag: str, text: str = "", **children: str) -> Element:
    found = Element(tag)
    found.text = text or None
    for name, value in children.items():
        SubElement(found, name).text = value
    return found
