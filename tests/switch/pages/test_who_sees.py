"""Who may see which page: one table, over HTTP. A page that is not in it fails here: deny by default."""

import uuid
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from switch.pages import shell, site
from switch.pages.shell import PREFIX
from tests.switch.identity.test_people_api import bearer
from tests.switch.stack import Stack

PEOPLE = ("operator", "checker", "auditor", "participant", "regulator-in", "officer")
OVERSEERS = {"operator", "checker", "auditor"}
OFFICIALS = OVERSEERS | {"regulator-in"}
EVERYBODY = {*PEOPLE}
READERS = EVERYBODY - {"officer"}
WORKERS = {"operator", "checker", "officer"}
OPEN = {
    ("GET", "/static/{name}"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("POST", "/language"),
    ("GET", "/enrol"),
    ("POST", "/enrol"),
    ("GET", "/openid/sign-in/{id}"),
    ("GET", "/openid/callback"),
    ("POST", "/openid/second-factor"),
    ("POST", "/openid/backchannel-logout"),
    ("GET", "/open-data"),
    ("GET", "/open-data/{measure}.svg"),
    ("GET", "/verify"),
}
"""Pages that nobody must be signed in for."""

# fmt: off
SEES = {
    ("GET", ""):                              EVERYBODY,
    ("GET", "/live"):                         EVERYBODY,  # says only that something has changed
    ("POST", "/tour"):                        EVERYBODY,
    ("GET", "/search"):                       READERS,  # leads to pages, and shows nothing itself
    ("GET", "/payments"):                     READERS,
    ("GET", "/payments/{uetr}"):              READERS,  # as far as it is theirs: here there is none
    ("POST", "/payments/{uetr}/people"):      {"participant", "regulator-in"},
    ("POST", "/views"):                       EVERYBODY,  # their own, of lists that they may see
    ("POST", "/views/remove"):                EVERYBODY,
    ("GET", "/payment-files"):                OVERSEERS | {"participant"},
    ("GET", "/payment-files/{file}"):         OVERSEERS | {"participant"},  # here there is none
    ("POST", "/payment-files/{file}/stop"):   {"operator", "checker", "participant"},
    ("GET", "/doubt"):                        OFFICIALS,
    ("GET", "/held"):                         OFFICIALS,
    ("GET", "/indirect"):                     OFFICIALS,
    ("POST", "/indirect/{country}/files"):    {"operator"},
    ("GET", "/positions"):                    OFFICIALS,
    ("GET", "/rails"):                        OFFICIALS,
    ("GET", "/queues"):                       OVERSEERS,
    ("GET", "/breaks"):                       OFFICIALS,
    ("GET", "/cases"):                        OVERSEERS | {"officer"},
    ("GET", "/cases/notices"):                WORKERS,
    ("POST", "/cases/notices"):               WORKERS,
    ("GET", "/cases/{number}"):               OVERSEERS | {"officer"},
    ("POST", "/cases/{number}/owner"):        WORKERS,
    ("POST", "/cases/{number}/notes"):        WORKERS,
    ("POST", "/cases/{number}/attachments"):  WORKERS,
    ("GET", "/cases/{number}/attachments/{act}"): OVERSEERS | {"officer"},
    ("POST", "/cases/{number}/questions"):    WORKERS,
    ("POST", "/cases/{number}/hits"):         WORKERS,
    ("POST", "/cases/{number}/goaml"):        WORKERS,
    ("GET", "/screening"):                    WORKERS,
    ("POST", "/screening/lists"):             {"operator", "officer"},
    ("GET", "/changes"):                      OFFICIALS,
    ("GET", "/changes/new/{kind}"):           {"operator"},
    ("POST", "/changes/new/{kind}"):          {"operator"},
    ("GET", "/changes/{number}"):             EVERYBODY,  # as far as it is theirs: here there is none
    ("POST", "/changes/{number}/votes"):      EVERYBODY,  # the seat decides, not the page
    ("POST", "/changes/{number}/withdraw"):   EVERYBODY,
    ("GET", "/reports"):                      READERS,
    ("GET", "/reports/{name}"):               READERS,
    ("GET", "/report-deliveries"):            OVERSEERS,
    ("POST", "/report-deliveries/{number}/again"): {"operator", "checker"},
    ("GET", "/charts/{sha256}/{measure}.svg"): READERS,
    ("GET", "/country"):                      {"regulator-in"},
    ("GET", "/windows"):                      OFFICIALS,
    ("GET", "/windows/{window}"):             OFFICIALS,  # the lines of its country: here there is no window
    ("GET", "/windows/{window}/instruction.jws"): OVERSEERS,
    ("GET", "/statistics"):                   OFFICIALS,
    ("GET", "/proofs"):                       READERS,
    ("GET", "/proofs/show"):                  READERS,  # as far as it is theirs: here nothing is asked for
    ("GET", "/proofs/bundle.json"):           READERS,
    ("GET", "/proofs/consistency"):           READERS,
    ("GET", "/proofs/offline_verifier.py"):   READERS,
    ("GET", "/log"):                          OFFICIALS,
    ("GET", "/participants"):                 OFFICIALS,
    ("GET", "/participants/{id}"):            OFFICIALS,  # of others the names alone: here there is none
    ("GET", "/participants/new"):             {"operator"},
    ("POST", "/participants/new"):            {"operator"},
    ("GET", "/people"):                       OVERSEERS,
    ("POST", "/people/{name}/sessions/end"):  {"operator", "checker"},
    ("GET", "/me"):                           EVERYBODY,
    ("POST", "/me/sessions/end"):             EVERYBODY,  # one's own, as all below it
    ("POST", "/me/confirm"):                  EVERYBODY,
    ("POST", "/me/passkeys"):                 EVERYBODY,
    ("POST", "/me/passkeys/remove"):          EVERYBODY,
    ("POST", "/me/notices/read"):             EVERYBODY,
    ("POST", "/me/provider"):                 EVERYBODY,
    ("GET", "/own/position"):                 {"participant"},
    ("GET", "/own/rates"):                    set(),  # people of FX providers: here there are none
    ("POST", "/own/rates"):                   set(),
    ("GET", "/own/statements"):               {"participant"},
    ("GET", "/own/statistics"):               {"participant"},
    ("GET", "/own/messages"):                 {"participant"},
    ("GET", "/own/messages/{seq}"):           {"participant"},  # as far as it is theirs: here there is none
    ("GET", "/own/qr"):                       {"participant"},
    ("POST", "/own/qr"):                      {"participant"},
    ("GET", "/own/keys"):                     {"participant"},
    ("POST", "/own/keys/{action}"):             {"participant"},
    ("POST", "/own/keys/changes/{number}/withdraw"): {"participant"},
    ("GET", "/own/webhooks"):                 {"participant"},
    ("POST", "/own/webhooks"):                {"participant"},
    ("GET", "/own/webhooks/{webhook}"):       {"participant"},
    ("POST", "/own/webhooks/{webhook}/test"): {"participant"},
    ("POST", "/own/webhooks/{webhook}/secret"): {"participant"},
    ("POST", "/own/webhooks/{webhook}/remove"): {"participant"},
    ("POST", "/own/webhooks/{webhook}/deliveries/{seq}/replay"): {"participant"},
    ("GET", "/own/tests"):                    {"participant"},
    ("POST", "/own/tests"):                   {"participant"},
    ("GET", "/own/tests/{uetr}"):             {"participant"},
}
# fmt: on
FILES = {"/proofs/offline_verifier.py"}
"""What is handed out as it is, and is no page."""

ROUTES = [
    (method, route.path.removeprefix(PREFIX))  # type: ignore[attr-defined]
    for router in site.ROUTERS
    for route in router.routes
    for method in route.methods  # type: ignore[attr-defined]
]


@pytest_asyncio.fixture
async def http(stack: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stack.url, headers={"Sec-Fetch-Site": "same-origin"}) as session:
        yield session


def test_every_page_is_in_the_table() -> None:
    assert set(ROUTES) == OPEN | set(SEES)


async def status(http: aiohttp.ClientSession, method: str, path: str, **headers: str) -> tuple[int, str]:
    known = path.format(
        uetr=uuid.UUID(int=1),
        kind="rail.switch",
        number=2**40,
        window=2**40,
        id="nobody-here",
        country="PK",
        webhook=uuid.UUID(int=1),
        file=uuid.UUID(int=1),
        seq=2**40,
        act=2**40,
        action="add",
        name="corridors",
        sha256="0" * 64,
        measure="payments",
    )
    data = {} if method == "POST" else None
    async with http.request(
        method, PREFIX + known, headers=headers, data=data, allow_redirects=False
    ) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(("method", "path"), sorted(SEES), ids=str)
async def test_a_page_is_shown_to_those_of_the_table_and_refused_to_the_others(
    http: aiohttp.ClientSession, stack: Stack, method: str, path: str
) -> None:
    nobody, _ = await status(http, method, path)
    got = {name: await status(http, method, path, **bearer(stack, name)) for name in PEOPLE}

    assert nobody == 303
    assert {name for name, (code, _) in got.items() if code != 403} == SEES[method, path], got
    assert path in FILES or all("<h1>" in text for _, text in got.values() if text)
    assert all(code < 500 for code, _ in got.values())


@pytest.mark.parametrize("name", PEOPLE)
async def test_the_navigation_offers_what_is_shown_and_nothing_else(
    http: aiohttp.ClientSession, stack: Stack, name: str
) -> None:
    first = shell.SCREENING.path if name == "officer" else ""
    _, text = await status(http, "GET", first, **bearer(stack, name))
    for path in (entry.path for entry in shell.NAVIGATION if entry.path):
        who = SEES["GET", path]
        assert (f'href="{PREFIX}{path}"' in text.partition("<main")[0]) == (name in who), path
