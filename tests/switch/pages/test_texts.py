"""Catalogues of the pages' languages have every text that is in the templates and the code, and no other."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from switch.pages import language, reports
from switch.pages.shell import NAVIGATION
from switch.people.model import Role
from switch.reports import corridors, costs, open_data
from switch.reports.catalogue import CATALOGUE

SAME = {"UETR", "P50 s", "P95 s", "P99 s"}
"""Said alike in every language."""


def texts() -> set[str]:
    pages = Path(str(files("switch.pages")))
    found = extract_from_dir(
        pages,
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        keywords={"_": None, "text": None},
    )
    written = {message for _, _, message, _, _ in found if isinstance(message, str)}
    columns = (*corridors.COLUMNS, *costs.COLUMNS, *open_data.COLUMNS)
    named = {report.title for report in CATALOGUE.values()} | {entry.title for entry in NAVIGATION}
    named |= set(reports.LABELS.values()) | {column.heading for column in columns}
    named |= {role.value for role in Role} | {"open", "closed", "away", "d", "h", "min", "s"}
    return (written | named) - SAME


@pytest.mark.parametrize("code", ["ru", "zh"])
def test_every_text_is_translated_and_none_is_left_over(code: str) -> None:
    assert set(language._catalogue(code)) == texts()


@pytest.mark.parametrize("code", ["ru", "zh"])
def test_a_translation_has_the_places_of_its_source(code: str) -> None:
    for source, said in language._catalogue(code).items():
        assert set(re.findall(r"{\w+}", source)) == set(re.findall(r"{\w+}", said)), source
