"""The gateways of a sandbox: for every rail that orders payments, who takes its orders."""

from collections.abc import Sequence
from typing import Any, Final

from adapters import registry
from schemas.money import EXPONENTS, Money
from switch.sandbox.setup import SandboxSetup

CAP: Final = 100_000_000
"""What a gateway may owe, in whole units of its currency: nobody funds it here."""
PURPOSE: Final = "FAMI"
"""Of orders that state none, as those of UPI: people pay people here."""
_KNOWN: Final = "SELECT EXISTS (SELECT FROM switch.participant WHERE id = $1)"
_TAKEN: Final = "SELECT EXISTS (SELECT FROM switch.rail_inbound WHERE rail = $1)"


async def populate(setup: SandboxSetup, countries: Sequence[str]) -> None:
    """Onboard the missing gateways and take the orders of their rails.

    Who takes the orders of a rail already, and whether they are open, is not changed.
    """
    for country in filter(registry.originates, countries):
        if await setup.connection.fetchval(_TAKEN, country):
            continue
        found = gateway(country)
        if not await setup.connection.fetchval(_KNOWN, found["id"]):
            await setup.make("participant.onboard", found)
        content = {"country": country, "gateway": found["id"], "open": True, "purpose": PURPOSE}
        content["refunds"] = True
        await setup.make("rail.inbound", content)


def gateway(country: str) -> dict[str, Any]:
    """The gateway of a country's rail, as it is onboarded."""
    name = registry.country(country).names.en.lower().replace(" ", "-")
    profile = registry.profile(country)
    cap = Money(CAP * 10 ** EXPONENTS[profile.currency], profile.currency).text
    return {
        "id": f"{name}-gateway",
        "name": f"Gateway to {profile.rail}",
        "bic": f"GATE{country}22",
        "country": country,
        "kind": "gateway",
        "accounts": [{"currency": profile.currency, "net_debit_cap": cap}],
    }
