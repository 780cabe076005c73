"""The list of one's own sessions, and who ends which: over HTTP, the pages and the command line."""

import json
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from schemas.errors import NotAuthentic
from switch.identity import sessions
from switch.identity.devices import HERE, Device, device
from tests.switch.cli.test_cli import payswitch
from tests.switch.identity.test_people_api import bearer, call
from tests.switch.services import done, open_services
from tests.switch.stack import Stack

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"


@pytest.mark.parametrize(
    ("address", "agent", "shown"),
    [
        ("192.0.2.77", FIREFOX, Device("192.0.2.0/24", "Firefox, Linux")),
        ("2001:db8:1:2::7", CHROME, Device("2001:db8:1::/48", "Chrome, Windows")),
        ("2001:db8::1%eth0", f"{CHROME} Edg/141.0", Device("2001:db8::/48", "Edge, Windows")),
        ("", "curl/8.7", Device("", "")),
        ("not-an-address", "x" * 100_000 + "Firefox", Device("", "")),
        ("203.0.113.9", '<script>alert("Chrome")</script>', Device("203.0.113.0/24", "Chrome")),
    ],
)
def test_of_a_device_only_words_and_a_network_are_stored(address: str, agent: str, shown: Device) -> None:
    assert device(address, agent) == shown


@pytest_asyncio.fixture
async def http(stack: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stack.url) as session:
        yield session


async def begun(stack: Stack, name: str) -> str:
    """A new session of a person of these tests: those of the sandbox are signed in for other tests."""
    connection = await stack.connect()
    try:
        await connection.execute(
            "INSERT INTO switch.person (name, display_name, role, status, password_hash, totp_secret)"
            " VALUES ($1, $1, $2, 'active', 'none', 'none') ON CONFLICT DO NOTHING",
            name,
            name.removeprefix("own-"),
        )
        return await sessions.begin(connection, name, Device("192.0.2.0/24", "Firefox, Linux"))
    finally:
        await connection.close()


def of(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_sign_in_is_listed_with_its_browser_and_network(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    entry = stack.credentials["people"]["regulator-pk"]
    body = {
        "name": "regulator-pk",
        "password": entry["password"],
        "code": await stack.fresh_code("regulator-pk", entry["totp_secret"]),
    }
    async with http.post("/v1/sign-in", json=body, headers={"User-Agent": FIREFOX}) as answer:
        assert answer.status == 204
        token = answer.headers.get("Set-Cookie", "").partition("=")[2].partition(";")[0]
    _, found = await call(http, "GET", "/v1/me/sessions", headers=of(token))
    (own,) = [one for one in found if one["current"]]

    assert own["browser"] == "Firefox, Linux"
    assert own["address"] == "127.0.0.0/24"
    assert own["began_at"] <= own["used_at"]
    assert token not in json.dumps(found)


async def test_one_session_is_ended_and_the_others_go_on(http: aiohttp.ClientSession, stack: Stack) -> None:
    kept, lost = await begun(stack, "own-auditor"), await begun(stack, "own-auditor")
    _, found = await call(http, "GET", "/v1/me/sessions", headers=of(lost))
    id_ = next(one["id"] for one in found if one["current"])

    assert (await call(http, "DELETE", f"/v1/me/sessions/{id_}", headers=of(kept)))[0] == 204
    assert (await call(http, "GET", "/v1/me", headers=of(lost)))[0] == 401
    assert (await call(http, "GET", "/v1/me", headers=of(kept)))[0] == 200
    assert (await call(http, "DELETE", f"/v1/me/sessions/{id_}", headers=of(kept)))[0] == 404


async def test_nobody_ends_a_session_of_another_by_its_id(http: aiohttp.ClientSession, stack: Stack) -> None:
    mine, anothers = await begun(stack, "own-checker"), await begun(stack, "own-auditor")
    _, found = await call(http, "GET", "/v1/me/sessions", headers=of(anothers))
    id_ = next(one["id"] for one in found if one["current"])

    assert (await call(http, "DELETE", f"/v1/me/sessions/{id_}", headers=of(mine)))[0] == 404
    assert (await call(http, "GET", "/v1/me", headers=of(anothers)))[0] == 200


async def test_an_operator_ends_the_sessions_of_another_and_the_log_shows_who(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    token = await begun(stack, "own-auditor")
    path = "/v1/people/own-auditor/sessions"
    denied = [
        (await call(http, method, path, headers=bearer(stack, name)))[0]
        for name in ("auditor", "participant", "regulator-pk")
        for method in ("GET", "DELETE")
    ]
    _, seen = await call(http, "GET", path, headers=bearer(stack, "operator"))
    ended, _ = await call(http, "DELETE", path, headers=bearer(stack, "operator"))
    unknown, _ = await call(http, "DELETE", "/v1/people/nobody/sessions", headers=bearer(stack, "operator"))
    connection = await stack.connect()
    body = await connection.fetchval(
        "SELECT body FROM switch.audit_note WHERE kind = 'SESSION_ENDED' ORDER BY number DESC LIMIT 1"
    )
    await connection.close()

    assert denied == [403] * 6
    assert seen
    assert ended == 204
    assert unknown == 404
    assert (await call(http, "GET", "/v1/me", headers=of(token)))[0] == 401
    facts = json.loads(body)
    assert (facts["person"], facts["by"], facts["sessions"]) == ("own-auditor", "operator", len(seen))


async def test_the_page_lists_ones_sessions_and_ends_one(http: aiohttp.ClientSession, stack: Stack) -> None:
    token, other = await begun(stack, "own-checker"), await begun(stack, "own-checker")
    cookie = {"Cookie": f"{sessions.COOKIE}={token}", "Sec-Fetch-Site": "same-origin"}
    async with http.get("/console/me", headers=cookie) as answer:
        text = await answer.text()
    connection = await stack.connect()
    family = await connection.fetchval(
        "SELECT family FROM switch.session WHERE sha256 = $1", sessions._sha256(other)
    )
    await connection.close()
    form = {"id": str(family)}
    async with http.post(
        "/console/me/sessions/end", data=form, headers=cookie, allow_redirects=False
    ) as answer:
        status = answer.status
    async with http.post(
        "/console/me/sessions/end", data={"id": "x"}, headers=cookie, allow_redirects=False
    ) as answer:
        wrong = answer.status
    alive = [(await call(http, "GET", "/v1/me", headers=of(each)))[0] for each in (token, other)]
    async with http.post(
        "/console/me/sessions/end", data={}, headers=cookie, allow_redirects=False
    ) as answer:
        all_of_them = answer.headers["Location"]

    assert len(re.findall("Firefox, Linux", text)) >= 2
    assert "this session" in text
    assert (status, wrong) == (303, 400)
    assert alive == [200, 401]
    assert all_of_them == "/console/sign-in"
    assert (await call(http, "GET", "/v1/me", headers=of(token)))[0] == 401


async def test_the_command_line_lists_and_ends_sessions(stack: Stack) -> None:
    token = await begun(stack, "own-auditor")
    file = stack.settings.data / "run" / "sessions" / "own-auditor"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(token)
    listed = payswitch(stack, "people", "sessions", "own-auditor", "--as", "operator")
    denied = payswitch(stack, "people", "end-sessions", "checker", "--as", "own-auditor")
    ended = payswitch(stack, "people", "end-sessions", "own-auditor", "--as", "own-auditor")
    file.unlink()
    async with aiohttp.ClientSession(stack.url) as http:
        after, _ = await call(http, "GET", "/v1/me", headers=of(token))

    assert "Firefox, Linux" in {json.loads(line)["browser"] for line in listed.stdout.splitlines()}
    assert denied.returncode == 1
    assert "may not do this" in denied.stderr
    assert json.loads(ended.stdout)["ended"] >= 1
    assert after == 401


@pytest.mark.parametrize("kind", ["person.suspend", "person.reset", "person.remove"])
async def test_what_two_people_change_of_a_person_ends_the_sessions(database_url: str, kind: str) -> None:
    content = {"name": "amina"} | ({"maker_half": "0" * 64} if kind == "person.reset" else {})
    async with open_services(database_url) as services:
        async with services.pool.acquire() as connection:
            token = await sessions.begin(connection, "amina", HERE)
            others = await sessions.begin(connection, "olga", HERE)
        await done(services, kind, content)
        async with services.pool.acquire() as connection:
            with pytest.raises(NotAuthentic):
                await sessions.resume(connection, token)

            assert (await sessions.resume(connection, others)).person.name == "olga"
