"""Advice of the doctor: named with its remedy, explained in the docs, and without effect on the exit code."""

import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from switch.cli import doctor, doctor_advice
from tests.switch.operations.test_doctor import settings_of

ROOT = Path(__file__).parents[3]
GB = 1 << 30
GOOD: dict[str, int | str] = {
    "wal_compression": "lz4",
    "max_wal_size": 8 * GB,
    "checkpoint_timeout": 900,
    "shared_buffers": 16 * GB,
    "huge_pages": "try",
    "huge_pages_status": "on",
    "jit": "off",
}


def codes(settings: dict[str, int | str]) -> list[str]:
    return [each.code for each in doctor_advice.of_settings(settings)]


def test_a_server_that_was_set_up_as_the_page_says_gets_none() -> None:
    assert codes(GOOD) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"wal_compression": "off"}, "database-wal-compression"),
        ({"max_wal_size": GB}, "database-checkpoints"),
        ({"checkpoint_timeout": 300}, "database-checkpoints"),
        ({"shared_buffers": GB // 8}, "database-shared-buffers"),
        ({"huge_pages_status": "off"}, "database-huge-pages"),
        ({"jit": "on"}, "database-jit"),
    ],
)
def test_each_setting_that_costs_is_named(changed: dict[str, int | str], code: str) -> None:
    assert codes({**GOOD, **changed}) == [code]


def test_what_got_no_huge_pages_is_judged_by_the_setting_where_the_server_does_not_say() -> None:
    older = {name: value for name, value in GOOD.items() if name != "huge_pages_status"}

    assert codes(older) == []
    assert codes({**older, "huge_pages": "off"}) == ["database-huge-pages"]


def test_an_interpreter_without_profile_guided_optimisation_is_named() -> None:
    assert [each.code for each in doctor_advice.of_interpreter("'--with-lto'")] == ["python-not-optimised"]
    assert list(doctor_advice.of_interpreter("'--enable-optimizations' '--with-lto'")) == []


async def test_settings_of_a_real_server_are_read_in_bytes_and_seconds(database_url: str) -> None:
    """The server of the tests has 128 MB of buffers, and the checkpoints of the embedded one."""
    connection = await asyncpg.connect(database_url)
    try:
        found = {each.code: each for each in await doctor_advice.of_database(connection)}
    finally:
        await connection.close()

    assert found.keys() == {"database-wal-compression", "database-shared-buffers"}
    assert "128 MB" in found["database-shared-buffers"].text


async def test_advice_is_in_the_report_and_is_no_finding(tmp_path: Path, database_url: str) -> None:
    examined = await doctor.examine(settings_of(tmp_path, database=database_url))
    document: dict[str, Any] = examined.document()
    advised = {each["code"] for each in document["advice"]}

    assert "database-shared-buffers" in advised
    assert advised.isdisjoint(finding["code"] for finding in document["findings"])
    assert any(line.startswith("advice database-shared-buffers: ") for line in doctor.lines_of(examined))
    alone = doctor.Examination(examined.checked, (), examined.advice)
    assert alone.document()["ok"]


def test_every_advice_is_explained_in_the_docs() -> None:
    source = Path(doctor_advice.__file__).read_text(encoding="utf-8")
    named = set(re.findall(r'DoctorAdvice\(\s+"([a-z-]+)"', source))
    explained = (ROOT / doctor_advice.PAGE).read_text(encoding="utf-8")

    assert len(named) == 6
    assert [code for code in sorted(named) if f"`{code}`" not in explained] == []
