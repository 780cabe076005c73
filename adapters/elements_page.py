"""Writes `docs/reference/elements.md`: how each rail treats every element.

Run `python -m adapters.elements_page > docs/reference/elements.md`; a test compares the page with this
output.
"""

from typing import Final

from adapters import registry
from adapters.accounting import accounting
from schemas.elements import CARRIED, Element, Treatment, table
from schemas.names import long_name

_HEAD: Final = """# Treatment of every element of a pacs.008

Made by `python -m adapters.elements_page` from `schemas/elements.txt` and the rails' profiles: do not edit.

Every element of a pacs.008 or its business application header is honoured, carried to the rail, or
refused with its path. Elements without effect on a payment are marked, with the reason. A row applies to
all elements below its path that have no row of their own; paths begin at the group header, the
transaction or `AppHdr`.

* **decides**: the switch acts on it; the reason is that of a refusal.
* **carried or refused**: it is in the native message of a rail that has a field for it. On other rails
  the payment is refused.
* **carried or noted**: the same, but other rails execute the payment without it, and its sender is
  notified by the header `Payswitch-Notes` of the response, and by `notes` of `GET /v1/payments/{uetr}`.
* **refused**: always.
* **informs**: it has no effect; the message is stored unchanged.

Names and remittance text that are too long for a rail are noted too. Each rail's column shows the
treatment there: **c** carried, (c) carried in part, n noted, r refused. An element that exists only in a
later version of the message is refused by a rail that uses an earlier one (AG03).
"""


def page() -> str:
    """The whole page."""
    countries = registry.countries()
    heads = ["element", "name", "treatment", "reason", *countries, "rule"]
    rows = [heads, ["---"] * len(heads), *(_row(element, countries) for element in table())]
    return f"{_HEAD}\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _row(element: Element, countries: list[str]) -> list[str]:
    words = long_name(element.path.rpartition("/")[2])
    rails = [_at(element, country) for country in countries]
    return [f"`{element.path}`", words, element.treatment, element.reason, *rails, element.text]


def _at(element: Element, country: str) -> str:
    """The treatment of an element at a rail, as one letter; empty where it is the same for all rails."""
    if element.treatment not in CARRIED:
        return ""
    carries = registry.profile(country).carries
    if accounting(carries).carries(element.path):
        return "**c**"
    if any(f"CdtTrfTxInf/{path}".startswith(f"{element.path}/") for path in carries):
        return "(c)"
    return "n" if element.treatment is Treatment.CARRIED_OR_NOTED else "r"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is this program's output
