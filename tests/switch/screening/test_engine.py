"""The client of an outside engine: what it asks, and that everything but a whole answer in time is silence."""

import os
import ssl
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from loadtests.names import pairs
from switch.base.settings import Settings
from switch.screening.engine import ANSWER_MAX, AskedParty, EngineClient, EngineHit, EngineSilent, EngineTerms
from tests.switch.certificates import Authority
from tests.switch.screening.engine_server import EngineServer

ASKED = [AskedParty("debtor", "Asha Rao"), AskedParty("creditor", "Oleg Testov", date(1957, 3, 10))]
LOOPBACK: dict[str, Any] = {"screening_engine_networks": ["127.0.0.0/8"]}


@pytest.fixture
async def server() -> AsyncIterator[EngineServer]:
    found = EngineServer({"Oleg Testov": "7"})
    await found.start()
    yield found
    await found.stop()


async def ask(
    server: EngineServer, form: Any, *, within_s: float = 20.0, threshold: int = 75, **settings: Any
) -> list[EngineHit]:
    address = server.url if form == "watchman" else f"{server.url}/screen"
    client = EngineClient(Settings(**(LOOPBACK | settings)), EngineTerms(form, address, threshold, within_s))
    try:
        return await client.ask("a-uetr", ASKED)
    finally:
        await client.close()


async def test_watchman_is_asked_about_each_name_and_vessels_are_left_out(server: EngineServer) -> None:
    (hit,) = await ask(server, "watchman")

    assert hit == EngineHit(1, "us_ofac:7", "OLEG TESTOV", 97.3, "person", ["1957-03-10"], [], ["SDGT"])
    assert sorted(server.seen, key=lambda one: one["name"]) == [
        {"name": "Asha Rao", "limit": "100", "minMatch": "0.75"},
        {
            "name": "Oleg Testov",
            "limit": "100",
            "minMatch": "0.75",
            "type": "person",
            "birthDate": "1957-03-10",
        },
    ]


async def test_the_generic_form_is_one_request_with_the_token(server: EngineServer, tmp_path: Path) -> None:
    token = tmp_path / "engine.token"
    token.write_text("secret-1\n")
    (hit,) = await ask(server, "json", screening_engine_token_file=token)

    assert (hit.party, hit.entry, hit.name, hit.score) == (1, "7", "OLEG TESTOV", 97.5)
    assert server.seen == [
        {
            "id": "a-uetr",
            "least_score": 75,
            "parties": [
                {"part": "debtor", "name": "Asha Rao", "birth_date": None},
                {"part": "creditor", "name": "Oleg Testov", "birth_date": "1957-03-10"},
            ],
            "authorization": "Bearer secret-1",
        }
    ]


async def test_a_hit_below_the_least_score_is_none(server: EngineServer) -> None:
    assert await ask(server, "json", threshold=98) == []


@pytest.mark.parametrize("form", ["watchman", "json"])
@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"status": 500}, "status 500"),
        ({"status": 302}, "status 302"),
        ({"raw": b"{"}, "another form"),
        ({"raw": b'{"hits": 1, "entities": 1}'}, "another form"),
        ({"raw": b" " * (ANSWER_MAX + 1)}, "too large"),
        ({"delay_s": 1.0}, "in time"),
    ],
)
async def test_whatever_is_no_whole_answer_is_silence(
    server: EngineServer, form: str, fault: dict[str, Any], cause: str
) -> None:
    for name, value in fault.items():
        setattr(server, name, value)
    with pytest.raises(EngineSilent, match=cause):
        await ask(server, form, within_s=0.3 if "delay_s" in fault else 20.0)


async def test_a_hit_of_a_party_that_was_not_asked_about_is_silence(server: EngineServer) -> None:
    server.raw = b'{"hits": [{"party": 2, "entry": "7", "name": "x", "score": 99}]}'
    with pytest.raises(EngineSilent, match="not asked about"):
        await ask(server, "json")


@pytest.mark.parametrize("lists", [{}, {"us_ofac": 0}])
async def test_a_watchman_without_lists_is_silence(server: EngineServer, lists: dict[str, int]) -> None:
    server.lists = lists
    with pytest.raises(EngineSilent, match="no lists"):
        await ask(server, "watchman")


async def test_an_engine_that_is_away_or_not_in_a_permitted_network_is_silence(server: EngineServer) -> None:
    with pytest.raises(EngineSilent, match="not in a permitted network"):
        await ask(server, "json", screening_engine_networks=[])
    await server.stop()
    with pytest.raises(EngineSilent, match="Connector"):
        await ask(server, "json")
    await server.start()


async def test_only_the_authority_of_the_settings_is_believed(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "another authority")
    identity = ours.certify("127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(identity.certificate, identity.key)
    server = EngineServer({"Oleg Testov": "7"})
    await server.start(tls=tls)
    try:
        assert len(await ask(server, "json", screening_engine_ca=ours.file)) == 1
        for believed in (None, other.file):
            with pytest.raises(EngineSilent, match="Certificate"):
                await ask(server, "json", screening_engine_ca=believed)
    finally:
        await server.stop()


@pytest.mark.skipif(
    "WATCHMAN_URL" not in os.environ,
    reason="WATCHMAN_URL is not the address of a Moov Watchman with the list of `loadtests names`",
)
async def test_a_real_watchman_is_understood() -> None:
    server = EngineServer(url=os.environ["WATCHMAN_URL"])
    client = EngineClient(Settings(**LOOPBACK), EngineTerms("watchman", server.url, 75, 20.0))
    try:
        name = next(pair.known for pair in pairs() if pair.known.isascii())
        hits = await client.ask("a-uetr", [AskedParty("debtor", "Qxzw Vvkkjj"), AskedParty("creditor", name)])
    finally:
        await client.close()

    assert {hit.party for hit in hits} == {1}
    assert name.casefold() in {hit.name.casefold() for hit in hits}
    assert all(hit.entry.startswith("pairs:") and 75 <= hit.score <= 100 for hit in hits)
