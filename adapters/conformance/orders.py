"""Payments that the kit generates; the same on every machine."""

import dataclasses
import random
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from msgspec import structs

from adapters.port import Order
from adapters.profile import RailProfile
from adapters.simulation.harness import sample_order
from schemas.money import Money
from schemas.payment import Agent, Party, PartyAccount

SEED: Final = 20022
NAMES: Final = (
    "Asha Rao", "Иван Петров", "王小明", "आशा राव", "محمد علی", "Айгүл Ө.", "Гулрӯ Ҷӯраева",
    "O\u02bbktam G\u02bbofur",
    "O'Brien & Söhne <1>", "a" * 140,
)  # fmt: skip
"""In the scripts of ten countries."""
HAZARDS: Final = (
    "", " ", "\n", "\x00", "\x1f\x7f", "\u202e\u2066", "\ufeff", "]]>", "<!--", "&#0;", "%00%s{0}",
    "'\"\\/|,;:=", "🤝" * 30, "é" * 200, "e\u0301" * 80, "ﷺ" * 40, "𐍈", "A\u0000B", "-" * 300,
    "{H:02}", "\u0663" * 20,
)  # fmt: skip
"""Texts that break careless code."""
_NO_XML: Final = {chr(code) for code in (*range(0x20), 0x7F)} - {"\n"}
FOREIGN: Final = (
    PartyAccount(iban="DE89370400440532013000"),
    PartyAccount(other="?" * 40),
    PartyAccount(other=""),
    PartyAccount(other=" "),
    PartyAccount(other="1" * 300),
    PartyAccount(other="12345678\x0090123456"),
    PartyAccount(proxy="+0-0"),
    PartyAccount(proxy="nobody"),
)
"""Accounts that none of the ten countries' rails has."""


def of(profile: RailProfile, count: int, *, most: int = 10**17) -> Iterator[Order]:
    """Orders that a rail can carry: names in the scripts of ten countries, amounts from minimum to maximum.

    `most` limits the amounts (minor units) to the funds of the sandbox.
    """
    chance = random.Random(SEED)  # noqa: S311 - the same orders on every machine
    limits = profile.limits
    high = min(limits.maximum_minor, most - most % limits.step_minor)
    for _ in range(count):
        between = chance.randrange(limits.minimum_minor, high, limits.step_minor)
        yield sample_order(
            profile.country,
            uetr=str(UUID(int=chance.getrandbits(128), version=4)),
            minor=chance.choice([limits.minimum_minor, high, between]),
            debtor=Party(name=chance.choice(NAMES), country=chance.choice(["RU", "CN", "IN"])),
            creditor=Party(name=chance.choice(NAMES), country=profile.country),
            remittance=chance.choice([None, "x", *NAMES]),
            end_to_end_id=f"E2E-{chance.getrandbits(64):016X}",
        )


def hazardous(profile: RailProfile, count: int) -> Iterator[Order]:
    """Orders with hostile texts: they must be carried or refused.

    Names and remittance may be any text; the other fields contain what a message can hold.
    """
    chance = random.Random(SEED)  # noqa: S311 - as above
    for number in range(count):
        hazard = HAZARDS[number % len(HAZARDS)]
        made = "".join(chr(chance.choice([*range(1, 0x500), *range(0x4E00, 0x4F00)])) for _ in range(40))
        debtor, creditor, remittance = chance.sample([hazard, made, "Asha " + hazard], 3)
        yield sample_order(
            profile.country,
            debtor=Party(name=debtor, country="RU"),
            creditor=Party(name=creditor, country=profile.country),
            remittance=remittance,
            **_elsewhere(hazard),
        )


def _elsewhere(hazard: str) -> dict[str, Any]:
    """Other free texts of a sender, in the lengths of ISO 20022: account, bank, purpose, reference."""
    text = "".join(each for each in hazard if each not in _NO_XML) or " "
    account = [PartyAccount(other=text[:34]), PartyAccount(proxy=text[:34], proxy_type=text[:35])][
        len(text) % 2
    ]
    return {
        "debtor_account": account,
        "debtor_agent": Agent(member_id=text[:35], clearing_system=text[:35], name=text[:140]),
        "purpose": text[:35],
        "end_to_end_id": text[:35],
    }


def with_amount(order: Order, minor: int, currency: str | None = None) -> Order:
    """The same order with another amount."""
    return dataclasses.replace(order, amount=Money(minor, currency or order.amount.currency))


def with_payment(order: Order, **changes: object) -> Order:
    """The same order with other fields of its payment."""
    return dataclasses.replace(order, payment=structs.replace(order.payment, **changes))
