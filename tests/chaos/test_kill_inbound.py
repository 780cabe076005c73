"""kill -9 of everything at every point that an order of a rail passes: both sides and the books still agree."""

import contextlib
import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from adapters.originating import uetr_of
from adapters.simulation import debit_book, tcp
from adapters.simulation.debit_book import DebitState
from switch.base import failpoints
from tests.chaos.switch_process import SwitchProcess
from tests.chaos.test_kill import decided
from tests.switch.payments.inbound_world import credited, debits
from tests.switch.screening import holds

pytestmark = pytest.mark.chaos
ENDED_WITHIN_S = 150
RAILS = ("IN", "PK", "TJ", "KG")
"""A signed XML, an ISO 20022, an ISO 8583 over our own connections, and a JSON with calls below our address."""


class Wish(NamedTuple):
    """A payment abroad that passes a point."""

    target: str = "PK"
    """India bounds enquiries, and a payment that it never got would stay pending for people to end."""
    word: str = ""
    behaviour: str = ""
    payee: str = "Sandbox Creditor"
    look_up: str = "price"
    """The payer looks up the price and pays it, where the rail's order can name it."""


WISHES = {
    "before_callback_commit": Wish("IN"),
    **dict.fromkeys(("before_enquiry", "after_enquiry"), Wish(word="SILENT")),
    **dict.fromkeys(failpoints.OF_HOLDS, Wish(payee=holds.LISTED, look_up="")),  # people take their time
    "after_order_told": Wish(behaviour="REVERSE"),
    "after_order_looked_up": Wish(behaviour="EARLY"),
    **dict.fromkeys(("before_order_given_up", "after_order_given_up"), Wish(behaviour="REVERSE")),
}
"""Where an ordinary payment to Pakistan does not pass it."""
POINTS = (
    *failpoints.OF_LOOKUPS,
    *failpoints.OF_ORDERS,
    *failpoints.OF_QUERIES,
    *failpoints.NAMES,
    *failpoints.OF_HOLDS,
)


@pytest.fixture
def switch(data_directory: Path) -> Iterator[SwitchProcess]:
    rails = {"PAYSWITCH_RAILS": json.dumps(RAILS)}
    process = SwitchProcess(data_directory / "data", workers=1, environment=rails)
    yield process
    process.kill()


def originate(switch: SwitchProcess, source: str, wish: Wish) -> None:
    """Have a customer of the rail pay abroad, while the switch may die of it."""
    rail = switch.data / "rails" / source
    place = json.loads((rail / "switch.json").read_text())
    port = rail / tcp.CONTROL  # of a rail that does not use HTTP itself
    url = port.read_text() if port.exists() else place["endpoints"][0]
    content = {
        "creditor_country": wish.target,
        "amount": "120.00",
        "word": wish.word,
        "via": "rail",
        "behaviour": wish.behaviour,
        "payee": wish.payee,
        "look_up": wish.look_up,
    }
    trusted = ssl.create_default_context(cafile=place["ca_file"])
    request = urllib.request.Request(
        f"{url}/originate", json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60, context=trusted) as answer:
            assert answer.status == 202
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read()) from None
    except (OSError, http.client.HTTPException):
        pass  # it died of this, as it was to


def held(switch: SwitchProcess, source: str) -> set[str]:
    """Payments of which the payer's money is held."""
    if not (switch.data / "rails" / source / debit_book.FILE_NAME).exists():
        return set()
    book = debits(switch.data / "rails", source)
    return {uetr for uetr, entry in book.items() if entry.state is DebitState.HELD}


def test_every_point_of_the_switch_is_one_at_which_a_test_kills_it() -> None:
    elsewhere = {
        *failpoints.OF_RETURNS,
        *failpoints.OF_REVERSALS,
        *failpoints.OF_REFUNDS,
        *failpoints.OF_RECALLS,
        *failpoints.OF_INVESTIGATIONS,
        *failpoints.OF_FILES,
        *failpoints.OF_REQUESTS,
    }

    assert set(POINTS) | elsewhere == set(failpoints.ALL)
    assert set(WISHES) <= set(POINTS)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("source", ["IN", "TJ", "KG"])
def test_a_kill_at_every_point_of_an_order_debits_exactly_who_pays(
    switch: SwitchProcess, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch.data.mkdir()
    switch.start()
    switch.wait_until_ready()
    hold_listed_names(switch, tmp_path, monkeypatch)
    of_holds: list[str] = []
    for name in POINTS:
        wish = WISHES.get(name, Wish())
        if wish.target == source:
            continue
        switch.kill()
        before = held(switch, source)
        switch.start(failpoints=f"{name}:killgroup")
        # What an earlier point interrupted may pass this one first; then the switch dies of that.
        if switch.wait_until_ready():
            originate(switch, source, wish)
        switch.wait_until_dead(within_s=90)
        if name in failpoints.OF_HOLDS:
            of_holds += held(switch, source) - before
    switch.start()
    switch.wait_until_ready()
    originate(switch, source, Wish())
    if len(of_holds) == 1:  # the switch died twice of this one
        before = held(switch, source)
        originate(switch, source, Wish(payee=holds.LISTED, look_up=""))
        of_holds += held(switch, source) - before
    until_ended(switch, source, but=len(of_holds))
    assert held(switch, source) == set(of_holds)
    released, refused = of_holds
    until_decided(switch, "screening.release", {"uetr": released})
    until_decided(switch, "screening.refuse", {"uetr": refused})
    until_ended(switch, source)
    verified = switch.verify()

    rails = switch.data / "rails"
    book, there = debits(rails, source), {**credited(rails, "IN"), **credited(rails, "PK")}
    assert {len(lines) for lines in there.values()} == {1}
    assert {uetr for uetr, entry in book.items() if entry.state is DebitState.DONE} == set(there)
    assert any(entry.quote for entry in book.values())
    quoted = [entry.quote for entry in book.values() if entry.quote and entry.state is DebitState.DONE]
    assert len(set(quoted)) == len(quoted)
    assert (book[released].state, book[refused].state) == (DebitState.DONE, DebitState.REFUNDED)
    assert verified["ok"], verified


def until_decided(switch: SwitchProcess, kind: str, content: dict[str, str]) -> None:
    """Have two people decide, as soon as there is what they decide about."""
    ends = time.monotonic() + ENDED_WITHIN_S
    while True:
        try:
            decided(switch, kind, content)
        except AssertionError:
            assert time.monotonic() < ends, "there is nothing to decide about"
            time.sleep(0.5)
        else:
            return


def hold_listed_names(switch: SwitchProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people set a sanctions list in force."""
    for name, value in (("DATA", str(switch.data)), ("PORT", str(switch.port)), ("RAILS", json.dumps(RAILS))):
        monkeypatch.setenv(f"PAYSWITCH_{name}", value)
    file = tmp_path / "list.csv"
    file.write_text(holds.LIST)
    added = holds.typed("screening", "add", str(file), "--source", "a test", "--as", "operator")
    decided(switch, "screening.lists", {"lists": [added["number"]]})


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("source", ["PK", "TJ", "KG"])
def test_a_kill_at_every_point_of_a_refund_refunds_exactly_once(switch: SwitchProcess, source: str) -> None:
    """The gateways of the sandbox refund over their rails."""
    switch.data.mkdir()
    switch.start()
    switch.wait_until_ready()
    for name in failpoints.OF_REFUNDS:
        switch.kill()
        switch.start(failpoints=f"{name}:killgroup")
        if switch.wait_until_ready():  # else it died of what an earlier point interrupted
            returned_after_done(switch, source)
        switch.wait_until_dead(within_s=90)
    switch.start()
    switch.wait_until_ready()
    returned_after_done(switch, source)
    until_ended(switch, source)
    for uetr, entry in debits(switch.data / "rails", source).items():
        if entry.state is DebitState.DONE:  # also those of which it died before they were returned
            with contextlib.suppress(AssertionError):  # returned already
                decided(switch, "payment.return", returning(uetr))
    ends = time.monotonic() + ENDED_WITHIN_S
    while not (found := refunds(switch, source)) or not all(found.values()):
        assert time.monotonic() < ends, found
        time.sleep(0.5)
    verified = switch.verify()

    assert set(refunds(switch, source).values()) == {1}
    assert verified["ok"], verified


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("source", ["PK", "KG"])
def test_a_kill_at_every_point_of_a_refund_of_a_part_refunds_each_exactly_once(
    switch: SwitchProcess, source: str
) -> None:
    """Each part is an order of its own; nothing else is credited at the rail of the payers."""
    switch.data.mkdir()
    switch.start()
    switch.wait_until_ready()
    for name in failpoints.OF_REFUNDS:
        switch.kill()
        switch.start(failpoints=f"{name}:killgroup")
        if switch.wait_until_ready():
            returned_after_done(switch, source, amount="10.00")
        switch.wait_until_dead(within_s=90)
    switch.start()
    switch.wait_until_ready()
    returned_after_done(switch, source, amount="10.00")
    until_ended(switch, source)
    parts = 0
    for uetr, entry in debits(switch.data / "rails", source).items():
        if entry.state is DebitState.DONE:  # one more of each
            decided(switch, "payment.return", {**returning(uetr), "amount": "10.00"})
            parts += 1
    ends = time.monotonic() + ENDED_WITHIN_S
    while len(there := credited(switch.data / "rails", source)) <= parts or not switch.verify()["ok"]:
        assert time.monotonic() < ends, there
        time.sleep(0.5)
    verified = switch.verify()

    assert {len(entries) for entries in there.values()} == {1}
    assert parts < len(there) <= 2 * parts
    assert verified["ok"], verified


@pytest.mark.long
@pytest.mark.timeout(600)
def test_what_is_returned_as_the_rail_closes_is_refunded_once_after_a_kill_and_its_opening(
    switch: SwitchProcess,
) -> None:
    """In full, and by two parts; the switch dies while nothing can be refunded, and as it begins to."""
    switch.data.mkdir()
    switch.start()
    switch.wait_until_ready()
    for _ in range(2):
        originate(switch, "PK", Wish("IN"))
    ends = time.monotonic() + ENDED_WITHIN_S
    rails = switch.data / "rails"
    while any(entry.state is not DebitState.DONE for entry in debits(rails, "PK").values()):
        assert time.monotonic() < ends
        time.sleep(0.2)
    whole, parted = debits(rails, "PK")
    decided(switch, "rail.switch", {"country": "PK", "open": False})
    decided(switch, "payment.return", returning(whole))
    for _ in range(2):
        decided(switch, "payment.return", {**returning(parted), "amount": "10.00"})
    time.sleep(2)
    switch.kill()
    assert credited(rails, "PK") == {}
    switch.start(failpoints="before_refund_sent:killgroup")
    switch.wait_until_ready()
    time.sleep(2)
    assert credited(rails, "PK") == {}
    decided(switch, "rail.switch", {"country": "PK", "open": True}, waits=False)
    switch.wait_until_dead(within_s=90)
    switch.start()
    switch.wait_until_ready()
    while len(there := credited(rails, "PK")) < 3 or not switch.verify()["ok"]:
        assert time.monotonic() < ends + ENDED_WITHIN_S, there
        time.sleep(0.5)
    time.sleep(2)
    there = credited(rails, "PK")

    assert [len(entries) for entries in there.values()] == [1, 1, 1]
    assert switch.verify()["ok"]


def returning(uetr: str) -> dict[str, str]:
    """What two people decide about a payment that is returned."""
    return {"uetr": uetr, "reason": "FR01", "evidence": "court order 12"}


def returned_after_done(switch: SwitchProcess, source: str, amount: str = "") -> None:
    """A payment that its rail was told is done, and that two people return, or a part; the switch may die of it."""
    rails = switch.data / "rails"
    known = (rails / source / debit_book.FILE_NAME).exists()
    before = set(debits(rails, source)) if known else set()
    originate(switch, source, Wish("IN" if source == "PK" else "PK"))
    ends = time.monotonic() + ENDED_WITHIN_S
    while time.monotonic() < ends and switch.process is not None and switch.process.poll() is None:
        new = [entry for uetr, entry in debits(rails, source).items() if uetr not in before]
        if new and new[0].state is DebitState.DONE:
            with contextlib.suppress(OSError, aiohttp.ClientError):
                content = returning(new[0].uetr) | ({"amount": amount} if amount else {})
                decided(switch, "payment.return", content, waits=False)
            return
        time.sleep(0.2)


def refunds(switch: SwitchProcess, source: str) -> dict[str, int]:
    """How often each payment from a rail that was done was refunded, by the UETR of the refund."""
    rails = switch.data / "rails"
    there = credited(rails, source)
    done = [entry for entry in debits(rails, source).values() if entry.state is DebitState.DONE]
    return {uetr: len(there.get(uetr, [])) for uetr in (uetr_of(source, f"\nrefund\n{e.ref}") for e in done)}


def until_ended(switch: SwitchProcess, source: str, *, but: int = 0) -> None:
    """Wait until the money of so many payers is held."""
    ends = time.monotonic() + ENDED_WITHIN_S
    while len(still := held(switch, source)) != but:
        assert time.monotonic() < ends, (but, still)
        time.sleep(0.5)
