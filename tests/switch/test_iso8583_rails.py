"""Rails on persistent connections, through the whole switch: what they say late, on whichever connection, is
recorded by the process that hears it."""

import asyncio
import re
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.simulation import book as rail_book
from switch.supervisor import running
from tests.switch.conftest import settings_of
from tests.switch.stack import Stack

BANKS = {"TJ": ("alborz-bank", "pamir-bank"), "IR": ("pamir-bank", "alborz-bank")}
# fmt: off
ENDS = {
    "":        ("ACCC", None),
    "AC04":    ("RJCT", "AC04"),
    "LATE":    ("ACCC", None),
    "DUPCB":   ("ACCC", None),
    "CUT":     ("ACCC", None),
    "PENDING": ("ACCC", None),
    "HTTP502": ("ACCC", None),
}
# fmt: on


@pytest.fixture(scope="module")
def two() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        with running(settings_of(Path(directory), rails=("IR", "TJ")), lambda _: None) as supervisor:
            yield Stack(supervisor)


async def ends_as_it_should(stack: Stack, country: str, word: str, amount: str) -> None:
    debtor, creditor = BANKS[country]
    async with stack.client(debtor) as client:
        first = await client.pay(stack.document(debtor, creditor, word=word, amount=amount))
        payment = await client.payment(first.uetr, wait=25)
    place = stack.settings.rails_directory / country / rail_book.FILE_NAME
    credits = [e for e in rail_book.read(place) if e.uetr == first.uetr and e.outcome is rail_book.Kept.DONE]

    assert (payment.status, payment.reason) == ENDS[word]
    assert len(credits) == (ENDS[word][0] == "ACCC")


async def test_every_word_ends_and_a_late_one_is_heard(two: Stack) -> None:
    amounts = {"TJ": "5000000.00", "IR": "100.00"}
    await asyncio.gather(*(ends_as_it_should(two, c, word, amounts[c]) for c in BANKS for word in ENDS))
    page = await asyncio.to_thread(lambda: urllib.request.urlopen(two.url + "/metrics").read().decode())

    heard = re.findall(
        r'requests_total\{answer="done",operation="callback",rail="(?:IR|TJ)"\} ([0-9.]+)', page
    )
    assert sum(map(float, heard)) >= 2


async def test_a_credit_in_rials_is_whole_rials(two: Stack) -> None:
    """Bug: a credit with a fraction of a rial, which the conversion made, was refused by the rail."""
    debtor, creditor = BANKS["IR"]
    async with two.client(debtor) as client:
        payment = await client.payment(
            (await client.pay(two.document(debtor, creditor, amount="33.33"))).uetr, wait=20
        )
    (entry,) = [
        e
        for e in rail_book.read(two.settings.rails_directory / "IR" / rail_book.FILE_NAME)
        if e.uetr == payment.uetr
    ]

    assert payment.status == "ACCC"
    assert entry.amount_minor % 100 == 0
