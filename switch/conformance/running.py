"""Runs scenarios: checks that no rail is live, connects, plays one after another, keeps each result."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from adapters import registry
from schemas.reasons import Reason
from schemas.signing.keys import PublicKey
from switch.clients.python import AsyncClient, NoAnswer, RequestRefused, SigningKey
from switch.conformance.driving import DriverFailed, TaskDriver
from switch.conformance.observing import Observer
from switch.conformance.record import Result, RunRecord, ScenarioVerdict
from switch.conformance.scenario import NotApplicable, NotMet, NotSupported, Scenario
from switch.conformance.stage import KitBank, Stage, member_id

_IN_FORCE: Final = "in force"
_AMOUNTS: Final = [f"1{'0' * zeros}.00" for zeros in range(2, 10)]
"""An ordinary payment is of the first that every rail takes: 100 of one are less than 1 of another."""
_TOO_SMALL: Final = frozenset({Reason.NOT_ALLOWED_AMOUNT, Reason.TOO_LOW_AMOUNT, Reason.ZERO_AMOUNT})


class NotHere(Exception):
    """The kit does not run at this switch; the text says why."""


@dataclass(frozen=True, slots=True)
class Parties:
    """Who takes part, and how we act as them."""

    url: str
    participant: str
    key: SigningKey
    other: str = ""
    other_key: SigningKey | None = None


@asynccontextmanager
async def staged(
    parties: Parties, driver: TaskDriver, *, host: str, port: int, within_s: float, amount: str
) -> AsyncIterator[Stage]:
    """Connect to a test switch, and listen for the client; an empty amount is one that every rail takes.

    Raises:
        NotHere: a rail of the switch is live, or a key is not of its participant.
        RequestRefused, NoAnswer: the switch does not answer us.

    """
    async with AsyncClient(parties.url, key=parties.key) as client:
        await check_simulated(client)
        banks = [each async for each in client.entries("participants")]
        own = _bank(banks, parties.participant)
        detail = await client.read(f"participants/{own.id}")
        if "keys" not in detail:
            raise NotHere(f"the key {parties.key.keyid} is not one of {own.id}")
        keys = [
            PublicKey.from_pem(each["keyid"], each["public_key"].encode())
            for each in detail["keys"]
            if each["state"] == _IN_FORCE
        ]
        payees = await _payees(client, banks, own)
        amount = amount or await _amount(client, own, payees)
        observer = Observer(parties.url, own.id, parties.key, keys)
        other = _bank(banks, parties.other) if parties.other else None
        theirs = None if parties.other_key is None else AsyncClient(parties.url, key=parties.other_key)
        try:
            async with observer.listening(host, port):
                yield Stage(own, payees, observer, driver, client, other, theirs, within_s, amount)
        finally:
            if theirs is not None:
                await theirs.close()
            await driver.close()


async def check_simulated(client: AsyncClient) -> None:
    """Check that every rail of the switch is simulated.

    Raises:
        NotHere: one is not.

    """
    rails = [each async for each in client.entries("rails")]
    live = sorted(each["country"] for each in rails if each.get("simulated") is not True)
    if live:
        raise NotHere(
            f"the rails of {', '.join(live)} are not simulated: certification moves money at random, so it"
            " runs only at a test switch"
        )


async def _payees(client: AsyncClient, banks: Sequence[dict[str, Any]], own: KitBank) -> list[KitBank]:
    """The banks of each country that the participant can pay."""
    reached = {
        each["target"]
        async for each in client.entries("corridors")
        if each["source"] == own.country and each["enabled"]
    }
    return [
        _bank(banks, each["id"])
        for each in banks
        if each["country"] in reached and each["kind"] == "direct" and each["status"] == "active"
    ]


async def _amount(client: AsyncClient, own: KitBank, payees: Sequence[KitBank]) -> str:
    """The smallest amount of an ordinary payment to each of the payees; the first one if there is none."""
    for amount in _AMOUNTS:
        if all([await _takes(client, own, payee, amount) for payee in payees]):
            return amount
    return _AMOUNTS[0]


async def _takes(client: AsyncClient, own: KitBank, payee: KitBank, amount: str) -> bool:
    """Whether a bank can be paid an amount; what else it would be refused for is for its scenario to find."""
    asked = {"creditor_agent": payee.bic, "amount": amount, "currency": own.currency}
    try:
        await client.read("quotes", **asked)
    except RequestRefused as refusal:
        return refusal.reason not in _TOO_SMALL
    return True


def _bank(banks: Sequence[dict[str, Any]], name: str) -> KitBank:
    for each in banks:
        if each["id"] == name:
            country = each["country"]
            currency = registry.profile(country).currency
            return KitBank(name, each["bic"], country, currency, member_id(country))
    raise NotHere(f"there is no participant {name} at this switch")


async def play(
    stage: Stage, scenarios: Sequence[Scenario], record: RunRecord, each_done: Callable[[Result], None]
) -> None:
    """Play scenarios, and take each result into the record."""
    for scenario in scenarios:
        result = await played(stage, scenario)
        record.add(result)
        each_done(result)


async def played(stage: Stage, scenario: Scenario) -> Result:
    """Play one scenario. A client that fails, or a switch that refuses us, fails it; it stops nothing."""
    stage.begin(scenario.id)
    began = time.monotonic()
    try:
        verdict, detail = ScenarioVerdict.PASSED, await scenario.play(stage)
    except (NotMet, DriverFailed) as error:
        verdict, detail = ScenarioVerdict.FAILED, f"{error}{_refused(stage, str(error))}"
    except NotSupported as error:
        verdict, detail = ScenarioVerdict.NOT_SUPPORTED, str(error)
    except NotApplicable as error:
        verdict, detail = ScenarioVerdict.NOT_APPLICABLE, str(error)
    except (RequestRefused, NoAnswer, aiohttp.ClientError) as error:
        verdict, detail = ScenarioVerdict.FAILED, f"the switch did not do the kit's part: {error}"
    finally:
        stage.observer.disturb()
    seconds = round(time.monotonic() - began, 1)
    return Result(scenario.id, verdict, detail, tuple(dict.fromkeys(stage.uetrs)), seconds)


def _refused(stage: Stage, seen: str) -> str:
    """Why the client's own requests were refused in a scenario: usually the reason of all that follows."""
    faults = [each.fault for each in stage.seen if each.fault]
    if not faults or faults[0] in seen:
        return ""
    return f"; {len(faults)} of its requests were refused: {faults[0]}"
