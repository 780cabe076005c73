"""`payswitch screening`, with files as an officer has them."""

import json
from pathlib import Path

import pytest

from switch import cli

LIST = "id,kind,name,aliases\nN-1,person,Oleg Testov,Aleg Tsiestau\nN-2,entity,Test Front,\n"


@pytest.fixture
def own_list(tmp_path: Path) -> str:
    file = tmp_path / "own.csv"
    file.write_text(LIST)
    return str(file)


def test_a_hit_is_printed_with_its_entry_and_ends_with_1(own_list: str, capsys) -> None:
    code = cli.run(["screening", "search", "Тестов Олег", "Priya Sharma", "--list", own_list])
    (line,) = capsys.readouterr().out.splitlines()

    assert code == 1
    assert json.loads(line) == {
        "name": "Тестов Олег", "score": 1.0, "id": "N-1", "listed": "Oleg Testov", "kind": "person",
        "programmes": [], "countries": [],
    }  # fmt: skip


def test_no_hit_ends_with_0(own_list: str, capsys) -> None:
    assert cli.run(["screening", "search", "Priya Sharma", "--list", own_list]) == 0
    assert capsys.readouterr().out == ""


def test_a_list_is_checked(own_list: str, capsys) -> None:
    assert cli.run(["screening", "check", own_list]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["publisher"], facts["entries"], facts["names"]) == ("own", 2, 3)


def test_half_a_list_is_one_line_with_its_place(tmp_path: Path, capsys) -> None:
    file = tmp_path / "half.csv"
    file.write_text(LIST + "N-3,ship,Test Lady,\n")

    assert cli.run(["screening", "check", str(file)]) != 0
    assert "line 4: kind is person or entity" in capsys.readouterr().err
