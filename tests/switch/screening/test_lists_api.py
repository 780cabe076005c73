"""People read by the API what screening is set to, page by page; nobody else does."""

import asyncio
from typing import Any

import pytest

from tests.switch.api.test_lists import get, walk
from tests.switch.screening.holds import LIST, add_list, decide
from tests.switch.stack import Stack

RULE = {"pattern": "structuring", "action": "alarm", "currency": "INR", "amount": "50000.00", "count": 3}
LISTS, OFFICERS, RULES = (f"/v1/screening/{name}" for name in ("lists", "officers", "watch-rules"))


@pytest.fixture(scope="module")
def numbers(stack: Stack) -> list[int]:
    """Two lists that were added, neither in force."""

    async def add() -> list[int]:
        return [await add_list(stack, f"{LIST}T-{more},person,Somebody Else {more},\n") for more in (7, 8)]

    return asyncio.run(add())


async def test_lists_are_stated_with_where_they_are_from_newest_first(
    stack: Stack, numbers: list[int]
) -> None:
    status, found, _ = await get(stack, LISTS, "officer")

    assert status == 200
    newest = found[0]
    assert [one["number"] for one in found[:2]] == sorted(numbers, reverse=True)
    assert (newest["source"], newest["added_by"], newest["in_force"]) == ("a test of today", "officer", False)
    assert (len(newest["sha256"]), newest["entries"]) == (64, 3)
    pages = await walk(stack, f"{LISTS}?limit=1", "auditor")
    assert [one for page in pages for one in page] == found


async def test_settings_of_officers_are_paged_with_the_one_for_all_others_first(stack: Stack) -> None:
    for participant in ("*", "asha-bank"):
        content = {"participant": participant, "decided_by": "operators"}
        await decide(stack, "screening.officers", content)

    pages = await walk(stack, f"{OFFICERS}?limit=1", "operator")

    assert [one["participant"] for page in pages for one in page][:2] == ["*", "asha-bank"]
    assert all(one["change"] for page in pages for one in page)


async def test_watch_rules_are_paged_in_their_newest_version(stack: Stack) -> None:
    for participant, count in (("asha-bank", 4), ("asha-bank", 5), ("indus-bank", 6)):
        change = await decide(stack, "watch.set", {**RULE, "participant": participant, "count": count})
        assert change["state"] == "executed", change

    pages = await walk(stack, f"{RULES}?limit=1", "officer")

    found = [(one["participant"], one["count"], one["valid_until"]) for page in pages for one in page]
    assert found[-2:] == [("asha-bank", 5, None), ("indus-bank", 6, None)]
    for participant in ("asha-bank", "indus-bank"):
        await decide(stack, "watch.set", {**RULE, "participant": participant, "action": "none"})


@pytest.mark.parametrize("path", [LISTS, OFFICERS, RULES])
async def test_participants_and_their_people_do_not_read_them(stack: Stack, path: str) -> None:
    who: Any
    for who, wanted in (("asha-bank", {401, 403}), ("noor-wallet", {401, 403})):
        assert (await get(stack, path, who))[0] in wanted
