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

import aiohttp
import pytest

from adapters.originating import uetr_of
from adapters.simulation.debit_book import DebitState
from switch.base import failpoints
from tests.chaos.switch_process import SwitchProcess
from tests.chaos.test_kill import decided
from tests.switch.payments.inbound_world import GATEWAYS, credited, debits

pytestmark = pytest.mark.chaos
ENDED_WITHIN_S = 150
POINTS = (
    *failpoints.OF_ORDERS,
    "before_reserve_commit",
    "after_reserve_commit",
    "after_rail_send",
    "after_outcome_commit",
)


@pytest.fixture
def switch(data_directory: Path) -> Iterator[SwitchProcess]:
    process = SwitchProcess(data_directory / "data", workers=1)
    yield process
    process.kill()


def set_up(switch: SwitchProcess) -> None:
    """Both gateways, with which a rail may order."""
    for country in ("IN", "PK"):
        name, bic, currency = GATEWAYS[country]
        account = {"currency": currency, "net_debit_cap": "1000000.00"}
        onboard = {"id": name, "name": name, "bic": bic, "country": country, "kind": "gateway"}
        decided(switch, "participant.onboard", {**onboard, "accounts": [account]})
        decided(switch, "rail.inbound", {"country": country, "gateway": name, "open": True})


def originate(switch: SwitchProcess, source: str, target: str, word: str = "", behaviour: str = "") -> None:
    """Have a customer of the rail pay abroad, while the switch may die of it."""
    place = json.loads((switch.data / "rails" / source / "switch.json").read_text())
    wish = {
        "creditor_country": target,
        "amount": "120.00",
        "word": word,
        "via": "rail",
        "behaviour": behaviour,
    }

    trusted = ssl.create_default_context(cafile=place["ca_file"])
    request = urllib.request.Request(
        f"{place['endpoints'][0]}/originate",
        json.dumps(wish).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60, context=trusted) as answer:
            assert answer.status == 202
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read()) from None
    except (OSError, http.client.HTTPException):
        pass  # it died of this, as it was to


# To Pakistan: India bounds enquiries, and a payment that it never got would stay pending for people to end.
@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_kill_at_every_point_of_an_order_debits_exactly_who_pays(switch: SwitchProcess) -> None:
    switch.data.mkdir()
    switch.start()
    switch.wait_until_ready()
    set_up(switch)
    for name in POINTS:
        switch.kill()
        switch.start(failpoints=f"{name}:killgroup")
        # What an earlier point interrupted may pass this one first; then the switch dies of that.
        if switch.wait_until_ready():
            originate(switch, "IN", "PK", behaviour="REVERSE" if name == "after_order_told" else "")
        switch.wait_until_dead(within_s=90)
    switch.start()
    switch.wait_until_ready()
    originate(switch, "PK", "IN")
    until_ended(switch)
    verified = switch.verify()

    rails = switch.data / "rails"
    books = {country: debits(rails, country) for country in ("IN", "PK")}
    there = {**credited(rails, "IN"), **credited(rails, "PK")}
    assert {len(lines) for lines in there.values()} == {1}
    for book in books.values():
        assert book
        for uetr, entry in book.items():
            assert (entry.state is DebitState.DONE) == (uetr in there), (uetr, entry.state)
    assert verified["ok"], verified


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_kill_at_every_point_of_a_refund_refunds_exactly_once(switch: SwitchProcess) -> None:
    """The gateways of the sandbox refund over their rails."""
    switch.data.mkdir()
    switch.start()
    switch.wait_until_ready()
    for name in failpoints.OF_REFUNDS:
        switch.kill()
        switch.start(failpoints=f"{name}:killgroup")
        if switch.wait_until_ready():  # else it died of what an earlier point interrupted
            returned_after_done(switch)
        switch.wait_until_dead(within_s=90)
    switch.start()
    switch.wait_until_ready()
    returned_after_done(switch)
    until_ended(switch)
    for entry in debits(
        switch.data / "rails", "PK"
    ).values():  # those of which it died before they were returned
        content = {"uetr": entry.uetr, "reason": "FR01", "evidence": "court order 12"}
        with contextlib.suppress(AssertionError):  # returned already
            decided(switch, "payment.return", content)
    ends = time.monotonic() + ENDED_WITHIN_S
    while not (found := refunds(switch)) or not all(found.values()):
        assert time.monotonic() < ends, found
        time.sleep(0.5)
    verified = switch.verify()

    assert set(refunds(switch).values()) == {1}
    assert verified["ok"], verified


def returned_after_done(switch: SwitchProcess) -> None:
    """A payment from Pakistan that its rail was told is done, and that two people return; the switch may die of it."""
    book = switch.data / "rails" / "PK"
    before = set(debits(book.parent, "PK")) if (book / "debits.jsonl").exists() else set()
    originate(switch, "PK", "IN")
    ends = time.monotonic() + ENDED_WITHIN_S
    while time.monotonic() < ends and switch.process is not None and switch.process.poll() is None:
        new = [entry for uetr, entry in debits(book.parent, "PK").items() if uetr not in before]
        if new and new[0].state is DebitState.DONE:
            content = {"uetr": new[0].uetr, "reason": "FR01", "evidence": "court order 12"}
            with contextlib.suppress(OSError, aiohttp.ClientError):
                decided(switch, "payment.return", content, waits=False)
            return
        time.sleep(0.2)


def refunds(switch: SwitchProcess) -> dict[str, int]:
    """How often each payment from Pakistan was refunded, by the UETR of the refund."""
    rails = switch.data / "rails"
    there = credited(rails, "PK")
    of_orders = [uetr_of("PK", f"\nrefund\n{entry.ref}") for entry in debits(rails, "PK").values()]
    return {uetr: len(there.get(uetr, [])) for uetr in of_orders}


def until_ended(switch: SwitchProcess) -> None:
    """Wait until no payer's money is held any more."""
    ends = time.monotonic() + ENDED_WITHIN_S
    while time.monotonic() < ends:
        states = {
            e.state for country in ("IN", "PK") for e in debits(switch.data / "rails", country).values()
        }
        if DebitState.HELD not in states:
            return
        time.sleep(0.5)
    raise AssertionError("money of payers is still held")
