"""One long message keeps no other payment waiting while it is compared with sanctions lists."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest

from schemas import codec
from switch.base.personal_data import KeyRing
from switch.base.settings import Settings
from switch.payments import screening
from switch.payments.directory import Directory, DirectorySnapshot, ScreeningSet
from switch.payments.screening import Screening
from switch.sandbox import world
from tests.switch.screening.test_name_index import INDEX
from tests.switch.screening.test_parties import PAYEE, PAYER

LINES = 20


@pytest.fixture
def screens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Screening:
    monkeypatch.setattr(screening, "TURN_S", 0.0)
    snapshot = DirectorySnapshot(screening=[ScreeningSet(1, [1], 85, 0)])
    directory = cast(Directory, SimpleNamespace(now=snapshot))
    keys = KeyRing(b"k" * 32, [b"m" * 32])
    made = Screening(Settings(data=tmp_path), cast(asyncpg.Pool, None), directory, keys)
    made._indexes[1] = INDEX
    return made


def message(*texts: str) -> codec.Message:
    document = world.document(PAYER, PAYEE, amount="100.00", debtor="Asha Rao", creditor="Bilal Khan")
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["RmtInf"] = {"Strd": [{"AddtlRmtInf": [text]} for text in texts]}
    return codec.decode(json.dumps(document).encode(), media_type="application/json")


async def test_a_long_message_takes_turns_with_everything_else(screens: Screening) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    long = message(*(f"goods of lot {'abcdefghijklmnopqrst'[line]}" for line in range(LINES)))
    result: Any = await screens.compare(long, "asha-bank")
    beside.cancel()

    assert not result.findings
    assert turns > LINES


async def test_a_name_at_the_seam_of_two_pieces_of_a_text_is_one_finding(screens: Screening) -> None:
    """Pieces overlap by half, so that it stands whole in one of them, or in two."""
    for before in range(35, 108, 6):
        text = "x" * before + " for Rigoberto Mendoza Zapatero of " + "y" * 60
        result = await screens.compare(message(text[:140]), "asha-bank")

        assert [each.entry for each in result.findings] == ["T.11"], before
