"""Smallest and largest payment of each corridor of the sandbox, by the rules of both countries.

python -m switch.sandbox.corridors      prints the table of docs/rails/corridors.md
"""

from dataclasses import dataclass
from fractions import Fraction

from adapters import registry
from schemas.money import EXPONENTS, Money
from switch.payments.pricing import convert
from switch.sandbox import world


@dataclass(frozen=True, slots=True)
class Span:
    """Range of amounts in minor units of the source currency."""

    least: int
    most: int


def span(source: str, target: str) -> Span:
    """Amounts to debit in `source` that the rail of `target` can credit."""
    debit, credit = world.currency_of(source), world.currency_of(target)
    limits = registry.profile(target).limits
    rate = world.rate(debit, credit)
    scaled = Fraction(rate) * Fraction(10) ** (EXPONENTS[credit] - EXPONENTS[debit])
    least = max(1, -(-limits.minimum_minor // scaled))
    step = limits.step_minor
    beyond = -(-(limits.maximum_minor + step) // scaled)
    assert convert(Money(int(least), debit), credit, rate, step).minor >= limits.minimum_minor
    assert convert(Money(int(beyond) - 1, debit), credit, rate, step).minor <= limits.maximum_minor
    return Span(int(least), int(beyond) - 1)


def table() -> str:
    """All corridors in Markdown: a row is the debtor's country, a column the creditor's."""
    countries = registry.countries()
    lines = [
        "| from \\ to | " + " | ".join(countries) + " |",
        "|---|" + "---|" * len(countries),
    ]
    lines += [
        f"| **{source}** {world.currency_of(source)} | "
        + " | ".join(_cell(source, target) for target in countries)
        + " |"
        for source in countries
    ]
    return "\n".join(lines)


def _cell(source: str, target: str) -> str:
    if source == target:
        return "-"
    found, currency = span(source, target), world.currency_of(source)
    return f"{Money(found.least, currency).text} to {Money(found.most, currency).text}"


if __name__ == "__main__":
    print(table())  # noqa: T201 - the purpose of the module
