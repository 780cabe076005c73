"""A value that the database cannot hold is refused where it enters: it is no outage, and no defect."""

from typing import Any
from urllib.parse import quote

import aiohttp
import asyncpg
import pytest
from yarl import URL

from switch.api import problems, queries
from switch.pages import site
from switch.processes import app as application
from tests.switch.api.test_lists import bearer
from tests.switch.stack import Stack

ROUTERS = (*application.ROUTERS, *site.ROUTERS)
ROUTES = [route for router in ROUTERS for route in router.routes if hasattr(route, "methods")]
READS = [route for route in ROUTES if "GET" in route.methods and "stream" not in route.path]
WRITES = [route for route in ROUTES if route.methods & {"POST", "PUT", "PATCH", "DELETE"}]
VALUES = [
    "\0",
    "a\0b",
    "-1",
    str(2**63),
    str(2**64),
    "1e5",
    "9999-12-31T23:59:59Z",
    "0001-01-01",
    "\u202e\uffff",
]
BODIES = [b'{"name":"a\\u0000b"}', b'{"name":"\\ud800"}', b"\0", b"\xff\xfe", b"[1]", b"name=%00&q=%00"]
ROLES = ("asha-bank", "operator", "regulator-in")


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (asyncpg.DataError(), False),
        (asyncpg.CharacterNotInRepertoireError(), False),
        (asyncpg.CheckViolationError(), False),
        (asyncpg.UndefinedColumnError(), False),
        (asyncpg.ConnectionDoesNotExistError(), True),
        (asyncpg.CannotConnectNowError(), True),
        (asyncpg.QueryCanceledError(), True),
        (asyncpg.SerializationError(), True),
        (asyncpg.DiskFullError(), True),
        (ConnectionRefusedError(), True),
        (KeyError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_a_bad_value_is_not_reported_as_an_outage(error: Exception, away: bool) -> None:
    assert problems.is_away(error) is away


def addresses(route: Any) -> list[str]:
    """The route with each bad value in each place, one at a time."""
    found = []
    places = [part[1:-1].partition(":")[0] for part in route.path.split("/") if part.startswith("{")]
    for value in map(quote, VALUES):
        for place in places:
            path = "/".join(
                (value if part[1:-1].partition(":")[0] == place else "1") if part.startswith("{") else part
                for part in route.path.split("/")
            )
            found.append(path)
        base = "/".join("1" if part.startswith("{") else part for part in route.path.split("/"))
        found += [f"{base}?{name}={value}" for name in queries._query(route)]
    return found


@pytest.mark.long
async def test_no_read_hands_a_value_to_the_database_that_it_cannot_hold(stack: Stack) -> None:
    wrong = []
    for role in ROLES:
        async with aiohttp.ClientSession(headers=bearer(stack, role)) as session:
            for route in READS:
                for address in addresses(route):
                    url = URL(stack.url + address, encoded=True)
                    async with session.get(url, allow_redirects=False) as answer:
                        if answer.status >= 500:
                            wrong.append((role, address, answer.status))
    assert wrong == []


async def test_no_body_hands_a_value_to_the_database_that_it_cannot_hold(stack: Stack) -> None:
    wrong = []
    for role in ROLES:
        async with aiohttp.ClientSession(headers=bearer(stack, role)) as session:
            for route in WRITES:
                path = "/".join("1" if part.startswith("{") else part for part in route.path.split("/"))
                for body in BODIES:
                    kind = "application/x-www-form-urlencoded" if b"=%" in body else "application/json"
                    for method in route.methods - {"GET", "HEAD"}:
                        async with session.request(
                            method, stack.url + path, data=body, headers={"Content-Type": kind}
                        ) as answer:
                            if answer.status >= 500:
                                wrong.append((role, method, path, body, answer.status))
    assert wrong == []
