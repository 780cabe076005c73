"""The report of a certification run: every scenario, how it ended, and the payments that show it."""

import hashlib
from pathlib import Path
from typing import Final

from schemas.signing import jws
from schemas.signing.keys import SigningKey
from switch.base.files import write_whole
from switch.conformance import certificate
from switch.conformance.record import Result, RunRecord, ScenarioVerdict
from switch.conformance.scenarios import ALL
from switch.reports import render
from switch.reports.artefacts import jws_beside
from switch.reports.render import html_file
from switch.reports.table import ColumnKind, Report, ReportColumn

NAME: Final = "conformance"
CERTIFICATE: Final = "certificate.json"
_READABLE: Final = 0o644
_COLUMNS: Final = (
    ReportColumn("scenario", title="Scenario"),
    ReportColumn("group", title="Group"),
    ReportColumn("what", title="What happens"),
    ReportColumn("right", title="What is right"),
    ReportColumn("result", title="Result"),
    ReportColumn("seen", title="What was seen"),
    ReportColumn("payments", ColumnKind.COUNT, title="Payments"),
    ReportColumn("uetrs", title="UETRs"),
)


def of_record(record: RunRecord) -> Report:
    """Make the report of a run."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in record.counts().items() if count)
    return Report(
        NAME,
        "Certification of a client",
        {
            "participant": record.participant,
            "product": record.client,
            "switch": record.switch,
            "kit": str(record.kit),
            "started_at": record.started_at,
            "ended_at": record.ended_at,
            "result": "conforming" if record.conforming else "not conforming",
            "scenarios": counts,
        },
        _COLUMNS,
        tuple(_row(record.results.get(each.id, Result(each.id, ScenarioVerdict.NOT_RUN))) for each in ALL),
    )


def _row(result: Result) -> tuple[str | int, ...]:
    scenario = next(each for each in ALL if each.id == result.scenario)
    return (
        scenario.id,
        str(scenario.group),
        scenario.title,
        scenario.right,
        str(result.verdict),
        result.detail,
        len(result.uetrs),
        " ".join(result.uetrs),
    )


def write(record: RunRecord, directory: Path, key: SigningKey) -> list[Path]:
    """Write the report as JSON, HTML and, where it can be made, PDF; each is named by its hash and signed.

    A conforming client also gets its certificate. Returns the files that were written, without signatures.
    """
    report = of_record(record)
    files = {
        "json": render.render(report, "json"),
        "html": html_file.write(report),
        **({"pdf": render.render(report, "pdf")} if "pdf" in render.TABLE else {}),
    }
    made = [
        _signed(directory / f"{NAME}-{_sha256(octets)}.{suffix}", octets, key)
        for suffix, octets in files.items()
    ]
    if record.conforming:
        text = certificate.make(record, _sha256(files["json"]))
        made.append(_signed(directory / CERTIFICATE, text, key))
    return made


def _signed(path: Path, octets: bytes, key: SigningKey) -> Path:
    write_whole(path, octets, _READABLE)
    write_whole(jws_beside(path), jws.sign(key, octets).encode(), _READABLE)
    return path


def _sha256(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()
