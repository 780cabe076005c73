"""The rules of the pattern report, in versions that never change.

Amounts are in whole units of a currency. The built-in version is a starting point: thresholds near 10,000 US
dollars, and near the 1,000 from which FATF recommendation 16 requires full data (rates of autumn 2026,
rounded). A jurisdiction adds its own rules as another version, which is requested by its name.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import asyncpg
import msgspec

from adapters import registry
from schemas.errors import InvalidMessage, NotFound
from schemas.money import EXPONENTS
from switch.reports.sql import statement

BUILT_IN: Final = "2026-11"
_LAST_HOUR: Final = 23
_ADD: Final = statement("add_rules")


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version. Thresholds by currency, in whole units; times in hours."""

    large: dict[str, int]
    """A payment of this amount or more is large."""
    full_data: dict[str, int]
    """Above this amount, name, account and address or identification must travel with the payment."""
    near_percent: int = 90
    """Structuring: lowest amount, in per cent of `large`; the highest is just below `large`."""
    near_count: int = 3
    """Structuring: number of payments of one debtor."""
    near_hours: int = 24
    """Structuring: the payments are within so many hours."""
    frequent_count: int = 20
    """Velocity: a debtor made more payments than this."""
    frequent_hours: int = 1
    """Velocity: the payments are within so many hours."""
    first_percent: int = 50
    """First-seen beneficiary: lowest amount, in per cent of `large`."""
    gather_count: int = 0
    """Fan-in: a creditor was paid by this many debtors on one day (UTC); 0: no such rule."""
    night_percent: int = 0
    """Out of hours: lowest amount, in per cent of `large`; 0: no such rule."""
    night_from: int = 22
    """Out of hours: the first quiet hour, by the clock of the debtor agent's country."""
    night_to: int = 6
    """Out of hours: the first hour after them; quiet hours may pass midnight."""

    def minor(self, amounts: Mapping[str, int]) -> tuple[list[str], list[int]]:
        """Currencies and amounts in minor units, in order."""
        currencies = sorted(amounts)
        return currencies, [amounts[currency] * 10 ** EXPONENTS[currency] for currency in currencies]

    @property
    def near(self) -> timedelta:
        """Period in which structuring is searched for."""
        return timedelta(hours=self.near_hours)

    @property
    def frequent(self) -> timedelta:
        """Period in which payments are counted."""
        return timedelta(hours=self.frequent_hours)


def _built_in() -> Rules:
    """Thresholds of every country that has an adapter; a new adapter brings its own."""
    large = {currency: country.large_payment for currency, country in registry.by_currency().items()}
    return Rules(large=large, full_data={currency: amount // 10 for currency, amount in large.items()})


def read_rules(text: str | bytes) -> Rules:
    """Read rules as JSON.

    Raises:
        InvalidMessage: not of the form, or a number or currency that is not possible.

    """
    try:
        rules = msgspec.json.decode(text, type=Rules)
    except msgspec.DecodeError as error:
        raise InvalidMessage(str(error), rule="rules") from None
    if not rules.large.keys() | rules.full_data.keys() <= EXPONENTS.keys():
        raise InvalidMessage("a currency is not an ISO 4217 code", rule="rules")
    numbers = [rules.near_percent, rules.near_count, rules.near_hours, rules.frequent_count]
    numbers += [rules.frequent_hours, rules.first_percent, *rules.large.values(), *rules.full_data.values()]
    if min(rules.gather_count, rules.night_percent, rules.night_from, rules.night_to) < 0 or (
        max(rules.night_from, rules.night_to) > _LAST_HOUR or rules.night_from == rules.night_to
    ):
        raise InvalidMessage("a number is out of range", rule="rules")
    numbers += [rules.gather_count or 1, rules.night_percent or 1]
    if min(numbers) < 1 or rules.near_percent >= 100 or max(numbers) > 10**12:  # noqa: PLR2004 - per cent
        raise InvalidMessage("a number is out of range", rule="rules")
    return rules


async def find(connection: asyncpg.Connection, version: str) -> Rules:
    """Find the rules of a version.

    Raises:
        NotFound: there is no such version.

    """
    if version == BUILT_IN:
        return _built_in()
    text = await connection.fetchval("SELECT rules FROM switch.pattern_rules WHERE version = $1", version)
    if text is None:
        raise NotFound
    return read_rules(text)


async def add(connection: asyncpg.Connection, version: str, rules: Rules, caller: str) -> None:
    """Add a version.

    Raises:
        InvalidMessage: a version with this name exists; versions never change.

    """
    text = json.dumps(msgspec.to_builtins(rules), sort_keys=True)
    added = version != BUILT_IN and await connection.fetchval(_ADD, version, text, caller)
    if not added:
        raise InvalidMessage("a version with this name exists, and versions do not change", rule="rules")
