"""Simulated rails begin payments of their own: signed, journalled before they are sent, and sent again unchanged."""

import asyncio
import json
import ssl

import aiohttp
import pytest

from adapters.simulation import tcp
from adapters.simulation.origin import OriginationError, OriginationRequest, Originator
from tests.switch.stack import Stack


async def control(stack: Stack, country: str, method: str, path: str, body: object = None):
    directory = stack.settings.rails_directory / country
    place = json.loads((directory / "switch.json").read_text())
    port = directory / tcp.CONTROL  # of a rail that does not use HTTP itself
    url = port.read_text() if port.exists() else place["endpoints"][0]
    trusted = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=place["ca_file"]))
    async with aiohttp.ClientSession(connector=trusted) as session:
        async with session.request(method, url + path, json=body) as answer:
            return answer.status, await answer.json(content_type=None)


async def until_told(told, uetrs: list[str]) -> dict[str, str]:
    async with asyncio.timeout(40):
        while True:
            found = {line["uetr"]: line.get("status") for line in await told()}
            if all(found.get(uetr) for uetr in uetrs):
                return {uetr: found[uetr] for uetr in uetrs}
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(("word", "status"), [("", "ACCC"), ("AC04", "RJCT")])
async def test_a_rail_starts_payments_and_reports_their_outcome(stack: Stack, word: str, status: str):
    wish = {"creditor_country": "PK", "amount": "120.00", "count": 3, "word": word}
    code, begun = await control(stack, "IN", "POST", "/originate", wish)

    async def told():
        return (await control(stack, "IN", "GET", "/originated"))[1]

    assert (code, len(begun["uetrs"])) == (202, 3)
    assert set((await until_told(told, begun["uetrs"])).values()) == {status}
    async with stack.client("asha-bank") as client:
        for uetr in begun["uetrs"]:
            assert (await client.payment(uetr)).status == status


@pytest.mark.parametrize(
    "wish",
    [
        {},
        [],
        {"creditor_country": "XX", "amount": "1.00"},
        {"creditor_country": "PK", "amount": "much"},
        {"creditor_country": "PK", "amount": "1.00", "count": 0},
        {"creditor_country": "PK", "amount": "1.00", "word": "WORD"},
        {"creditor_country": "PK", "amount": "1.00", "more": 1},
    ],
)
async def test_a_senseless_cancellation_starts_nothing(stack: Stack, wish: object):
    code, problem = await control(stack, "IN", "POST", "/originate", wish)
    assert (code, list(problem)) == (400, ["error"])


async def test_what_was_journalled_and_not_sent_is_sent_unchanged_after_a_restart(stack: Stack, tmp_path):
    journal = tmp_path / "originated.jsonl"
    first = Originator("IN", stack.settings.credentials_file, journal)
    (uetr,) = first.originate(OriginationRequest("PK", "75.00"))
    await first.close()  # killed before it could be told
    lines = [line for line in journal.read_text().splitlines() if "status" not in json.loads(line)]
    journal.write_text("\n".join(lines) + "\n")
    second = Originator("IN", stack.settings.credentials_file, journal)
    second.resume()

    async def told():
        return second.payments()

    assert await until_told(told, [uetr]) == {uetr: "ACCC"}
    await second.close()
    connection = await stack.connect()
    times = await connection.fetchval("SELECT count(*) FROM switch.payment WHERE uetr = $1", uetr)
    await connection.close()
    assert times == 1


def test_a_rail_without_banks_reports_that(tmp_path):
    with pytest.raises(OriginationError):
        Originator("IN", None, tmp_path / "j").originate(OriginationRequest("PK", "1.00"))
