"""A factor is confirmed by the form and by the command line as well: every kind that is measured, both ways.

What is requested here is withdrawn: no test is to find other caps or rates than before. That a confirmed change
is executed is in `test_plausibility.py`.
"""

import contextlib
import datetime as dt
import html
import http.client
import json
import re
import shlex
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch import cli
from switch.approvals.kinds import Confirmable
from switch.change_catalogue import KINDS
from tests.switch.identity.test_people_api import bearer
from tests.switch.stack import Stack

BANK = {"participant": "asha-bank", "currency": "INR"}
ZONE = "Asia/Karachi"


def today() -> str:
    return dt.datetime.now(ZoneInfo(ZONE)).date().isoformat()


def in_a_month() -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:00Z")


BEYOND: dict[str, Callable[[], dict[str, Any]]] = {
    "participant.onboard": lambda: {
        "id": "vast-bank",
        "name": "Vast Bank",
        "bic": "VASTINBB",
        "country": "IN",
        "kind": "direct",
        "accounts": [{"currency": "INR", "net_debit_cap": "90000000000000.00"}],
        "keys": [
            {
                "keyid": "vast-bank-1",
                "request": key_request.make(SigningKey.generate("vast-bank-1"), "vast-bank"),
            }
        ],
    },
    "account.open": lambda: {**BANK, "currency": "PKR", "net_debit_cap": "90000000000000.00"},
    "cap.set": lambda: {**BANK, "net_debit_cap": "90000000000000.00"},
    "funds.in": lambda: {**BANK, "amount": "90000000000000.00", "reference": "R-1"},
    "funds.out": lambda: {**BANK, "amount": "90000000000000.00", "reference": "R-1"},
    "limit.set": lambda: {**BANK, "per_payment": "0", "per_day": "100.00"},
    "corridor.fees": lambda: {"source": "IN", "target": "PK", "fee_minor": 10**12, "fee_bps": 10},
    "tariff.set": lambda: {
        "source": "IN",
        "target": "PK",
        "component": "switch",
        "direction": "out",
        "flat": "10000000000.00",
        "bps": 10,
    },
    "rate.set": lambda: {"source": "INR", "target": "PKR", "provider": "silkroad-fx", "rate": "900000"},
    "rail.switch": lambda: {"country": "PK", "open": False, "opens_at": in_a_month()},
    "schedule.set": lambda: {
        "currency": "PKR",
        "country": "PK",
        "zone": ZONE,
        "closes_at": ["18:00"],
        "enabled": False,
    },
    "calendar.set": lambda: {"currency": "PKR", "day": today(), "business": False, "reason": "test"},
}
"""A content of every kind that is measured, which is beyond the band of a sandbox."""

OF_OTHERS = {"fx.fixing", "fx.offer"}
"""Measured too, but no operator may request them: tests/switch/participants/test_fixings.py, and
test_offers_by_people.py, where no factor is enough."""

COMMANDS = {
    "participant.onboard": "participant onboard FILE",
    "cap.set": "participant cap asha-bank INR 90000000000000.00",
    "funds.in": "participant funds-in asha-bank INR 90000000000000.00 R-1",
    "funds.out": "participant funds-out asha-bank INR 90000000000000.00 R-1",
}
"""Kinds with a command of their own; the others are requested by `change request`."""
WITH_OPTION = ("cap.set", "funds.in", "funds.out")
"""Those whose command has `--confirmed-factor`."""


def test_every_kind_that_is_measured_is_tried() -> None:
    measured = {name for name, kind in KINDS.items() if issubclass(kind.content, Confirmable)}
    assert BEYOND.keys() == measured - OF_OTHERS


Command = Callable[[str], tuple[int, str]]


@pytest.fixture
def command(stack: Stack, capfd: pytest.CaptureFixture[str]) -> Command:
    """Type a command; its exit code, and what it printed or complained of."""

    def typed(line: str) -> tuple[int, str]:
        capfd.readouterr()
        code = cli.run([*shlex.split(line), "--data", str(stack.settings.data)])
        out, err = capfd.readouterr()
        return code, out if code == 0 else err

    return typed


def requested(command: Command, kind: str, content: dict[str, Any]) -> tuple[int, str]:
    words = f"change request {kind} {shlex.quote(json.dumps(content))}"
    return command(f"{words} --as operator --reason test")


@pytest.fixture
def a_day_with_cut_offs(command: Command) -> Iterator[None]:
    """Today is a business day, whatever day it is; afterwards it is what it was."""

    def said(*, business: bool) -> None:
        content = {"currency": "PKR", "day": today(), "business": business, "reason": "test"}
        code, printed = requested(command, "calendar.set", content)
        if code != 0:
            factor = re.findall(r'confirmed_factor "([^"]+)"', printed)[0]
            code, printed = requested(command, "calendar.set", {**content, "confirmed_factor": factor})
        assert code == 0, printed
        number = json.loads(printed)["number"]
        assert command(f"change approve {number} --as checker --reason seen --yes")[0] == 0

    before = json.loads(command("settlement calendar PKR --days 1")[1])["business"]
    if not before:
        said(business=True)
    yield
    if not before:
        said(business=False)


def factor_named(text: str) -> str:
    found = re.findall(r'ask again with confirmed_factor "([^"]+)"', " ".join(text.split()))
    assert len(found) == 1, text
    return str(found[0])


# ── by the form ──────────────────────────────────────────────────────────────────────────────────────────


def typed_in(kind: str, content: dict[str, Any]) -> dict[str, str]:
    """A content as somebody types it into the form of its kind."""
    if kind == "participant.onboard":
        plain = {name: text for name, text in content.items() if isinstance(text, str)}
        rows = (*content["accounts"], *content["keys"])
        return {**plain, **{f"{name}.0": text for row in rows for name, text in row.items()}}
    return {name: said_of(value) for name, value in content.items()}


def said_of(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return " ".join(value)
        case None:
            return ""
        case _:
            return str(value)


def sent_form(stack: Stack, kind: str, content: dict[str, Any]) -> tuple[int, str, str]:
    """Send the form of a kind; status, page and where it leads to."""
    path = "/participants/new" if kind == "participant.onboard" else f"/changes/new/{kind}"
    body = urllib.parse.urlencode({**typed_in(kind, content), "why": "test"})
    host = urllib.parse.urlsplit(stack.url).netloc
    with contextlib.closing(http.client.HTTPConnection(host, timeout=60)) as connection:
        headers = {
            **bearer(stack, "operator"),
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": stack.url,
        }
        connection.request("POST", f"/console{path}", body, headers)
        answer = connection.getresponse()
        return answer.status, html.unescape(answer.read().decode()), answer.headers["Location"] or ""


@pytest.mark.usefixtures("a_day_with_cut_offs")
@pytest.mark.parametrize("kind", sorted(BEYOND))
def test_a_form_beyond_the_band_names_the_factor_and_is_taken_with_it(
    stack: Stack, command: Command, kind: str
) -> None:
    content = BEYOND[kind]()
    status, page, _ = sent_form(stack, kind, content)
    assert status == 422
    factor = factor_named(page)
    assert 'name="confirmed_factor"' in page

    wrong, page, _ = sent_form(stack, kind, {**content, "confirmed_factor": "3.3"})
    taken, _, where = sent_form(stack, kind, {**content, "confirmed_factor": factor})

    assert (wrong, factor_named(page)) == (422, factor)
    assert taken == 303
    assert command(f"change withdraw {where.rpartition('/')[2]} --as operator")[0] == 0


# ── by the command line ──────────────────────────────────────────────────────────────────────────────────


def asked(command: Command, kind: str, content: dict[str, Any], factor: str, file: Path) -> tuple[int, str]:
    """Request a change by the command that its kind has, with a factor if one is stated."""
    stated = {**content, "confirmed_factor": factor} if factor else content
    if kind not in COMMANDS:
        return requested(command, kind, stated)
    file.write_text(json.dumps(stated))
    option = f" --confirmed-factor {factor}" if factor and kind in WITH_OPTION else ""
    return command(f"{COMMANDS[kind].replace('FILE', str(file))}{option} --as operator --reason test")


@pytest.mark.usefixtures("a_day_with_cut_offs")
@pytest.mark.parametrize("kind", sorted(BEYOND))
def test_a_command_beyond_the_band_names_the_factor_and_is_taken_with_it(
    command: Command, kind: str, tmp_path: Path
) -> None:
    content, file = BEYOND[kind](), tmp_path / "content.json"
    code, complaint = asked(command, kind, content, "", file)
    assert code != 0
    factor = factor_named(complaint)

    wrong, complaint = asked(command, kind, content, "3.3", file)
    taken, printed = asked(command, kind, content, factor, file)

    assert wrong != 0
    assert factor_named(complaint) == factor
    assert taken == 0, printed
    change = json.loads(printed)
    assert [one["factor"] for one in change["comparisons"] if one["beyond"]].count(factor) >= 1
    assert command(f"change withdraw {change['number']} --as operator")[0] == 0
