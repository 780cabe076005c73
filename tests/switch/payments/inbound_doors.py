"""The doors of a sandbox where its rails order payments, and what a rail can write and sign there."""

import asyncio
import base64
from dataclasses import dataclass, replace

import aiohttp

from adapters import registry
from adapters.port import Outcome
from adapters.simulation.debit_book import DebitState
from adapters.simulation.harness import order_messages, sample_wish
from adapters.simulation.payers import OrderMessages, PaymentAbroad
from schemas.errors import SwitchError
from schemas.money import EXPONENTS, Money
from tests.switch.payments.inbound_world import credited, debits, ended, kept, originate
from tests.switch.stack import Stack

SOURCES = [country for country in registry.countries() if registry.originates(country)]
NOT_EXECUTED = {"barred", "stopped", "refused"}
_NO_ANSWER = {429, 503}
"""What a busy switch says, and the rail asks again."""


@dataclass(frozen=True)
class Door:
    """Where a rail's messages reach the switch, and what its payers' banks can write and sign."""

    stack: Stack
    country: str
    messages: OrderMessages

    @property
    def target(self) -> str:
        """The country that is paid."""
        return "PK" if self.country == "IN" else "IN"

    def wish(self, **changes: object) -> PaymentAbroad:
        """A payment abroad that nobody has ordered yet."""
        currency = registry.profile(self.country).currency
        minor = 1200 * 10 ** EXPONENTS[currency] * (100 if currency == "IRR" else 1)
        return replace(sample_wish(self.country, amount=Money(minor, currency)), **changes)  # type: ignore[arg-type]

    async def ask(self, raw: bytes) -> tuple[int, bytes]:
        """What the switch answers; asked again while it is busy."""
        async with aiohttp.ClientSession() as http:
            while True:
                async with http.post(f"{self.stack.url}/rails/{self.country}", data=raw) as answer:
                    body = await answer.read()
                    if answer.status not in _NO_ANSWER:
                        return answer.status, body
                await asyncio.sleep(0.5)

    def said(self, answer: tuple[int, bytes]) -> Outcome | None:
        """The outcome that an answer states; None if the rail learns nothing from it."""
        try:
            said = self.messages.read(answer[1])
        except (SwitchError, ValueError, KeyError):
            return None
        return None if said is None else said.outcome

    async def ordered(self, word: str = "", behaviour: str = "") -> tuple[str, bytes]:
        """A payer of this rail orders; the UETR, and the order as it is sent."""
        (uetr,) = await originate(
            self.stack, self.country, self.target, amount="1200.00", word=word, behaviour=behaviour
        )
        entry = debits(self.stack.settings.rails_directory, self.country)[uetr]
        return uetr, base64.b64decode(entry.order)

    async def state(self, uetr: str) -> DebitState:
        """What became of the payer's money."""
        (state,) = await ended(self.stack, self.country, [uetr], within_s=120)
        return state

    async def until_not_executed(self, uetr: str) -> None:
        """Wait until the switch has refused the order; nothing was credited for it."""
        async with asyncio.timeout(60):
            while (found := await kept(self.stack, uetr)) is None or found.state not in NOT_EXECUTED:
                await asyncio.sleep(0.2)
        assert self.credits_of(uetr) == 0

    def credits_of(self, uetr: str) -> int:
        found = credited(self.stack.settings.rails_directory, self.target)
        return len(found.get(uetr, []))


def door_of(stack: Stack, country: str) -> Door:
    """The door of a rail; the sandbox's gateway takes its orders."""
    return Door(stack, country, order_messages(country, stack.settings.rails_directory / country))
