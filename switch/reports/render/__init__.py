"""Render a report as bytes. The same report gives the same bytes at any time and on any machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final

from schemas.errors import NotAcceptable
from switch.reports.letter import Letter
from switch.reports.render import csv_file, json_file, sdmx_file
from switch.reports.table import Report


@dataclass(frozen=True, slots=True)
class Format:
    """One format of a report."""

    name: str
    suffix: str
    media_type: str
    write: Callable[[Report, str | None, Letter], bytes]
    """Writes the report in a language and as a letter, if the format is for people; other formats are always
    the same."""


_PACKAGES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"xlsx": ("xlsxwriter",), "pdf": ("typst", "noto_cjk_sans_otc")}
)
"""Packages that write a format, from the extra `reports`."""


def _is_here(name: str) -> bool:
    return all(find_spec(package) is not None for package in _PACKAGES.get(name, ()))


def _of_extra(name: str) -> Callable[[Report, str | None, Letter], bytes]:
    """A format whose packages are loaded when it is first requested, if they are installed."""

    def write(report: Report, language: str | None, letter: Letter) -> bytes:
        written: bytes = import_module(f"{__name__}.{name}_file").write(report, language, letter)
        return written

    return write


def _attachment(name: str) -> Callable[[Report, str | None, Letter], bytes]:
    return lambda report, _, __: report.attachments[name]


_FORMATS: Final = (
    Format("json", "json", "application/json", lambda report, _, __: json_file.write(report)),
    Format(
        "csv",
        "csv",
        "text/csv; charset=utf-8; header=present",
        lambda report, language, _: csv_file.write(report, language),
    ),
    Format(
        "xlsx", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _of_extra("xlsx")
    ),
    Format("pdf", "pdf", "application/pdf", _of_extra("pdf")),
    Format(
        "sdmx-csv",
        "sdmx.csv",
        "application/vnd.sdmx.data+csv; version=2.0.0",
        lambda report, _, __: sdmx_file.write(report),
    ),
    Format("bundle", "bundle.json", "application/json", _attachment("bundle")),
    *(
        Format(name, f"{name[:8]}.xml", "application/xml", _attachment(name))
        for name in ("camt.052.001.08", "camt.053.001.08", "camt.054.001.08")
    ),
)
FORMATS: Final[Mapping[str, Format]] = MappingProxyType({found.name: found for found in _FORMATS})
TABLE: Final = tuple(name for name in ("json", "csv", "xlsx", "pdf") if _is_here(name))
"""Formats that every report has in this installation."""


def not_here(name: str) -> NotAcceptable:
    """Why a report has no such format."""
    if _is_here(name):
        return NotAcceptable("this report has no such format")
    return NotAcceptable(f"the format {name} is not installed here: pip install 'payswitch[reports]'")


def render(report: Report, name: str, language: str | None = None, letter: Letter | None = None) -> bytes:
    """Write a report in the format of this name, for people as a letter in a language of `wording.LANGUAGES`.

    Raises:
        NotAcceptable: this report has no such format.

    """
    found = FORMATS.get(name)
    if found is None or (name not in TABLE and not _has(report, name)):
        raise not_here(name)
    return found.write(report, language, letter or Letter())


def _has(report: Report, name: str) -> bool:
    return name in report.attachments or (name == "sdmx-csv" and report.statistic is not None)
