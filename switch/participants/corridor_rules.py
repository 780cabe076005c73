"""Changes to what a corridor requires of messages: full data of parties, addresses, purposes, reporting.

A rule replaces all earlier rules of its corridor from its instant on. What it leaves out is as the
installation's own scheme states it, so an empty rule gives that back.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import asyncpg
import msgspec

from adapters import registry
from adapters.accounting import accounting
from schemas.code_lists import LISTS
from schemas.money import Money
from switch.approvals.content import Country, cap_of, refuse
from switch.approvals.effects import NOTHING, Effect, Row, Subject, amount, links_to, minor_of, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.participants.instants import check_ahead, instant_text

_statement: Final = statements("switch.participants")
_READ: Final = _statement("corridor_rules")
_ADD: Final = _statement("add_corridor_rules")
_COMING: Final = _statement("count_coming_rules")
_COMING_MAX: Final = 10
"""Rules of one corridor that may wait for their instant: processes read all of them every second."""

Datum = Annotated[
    str,
    msgspec.Meta(pattern="^(address|country|birth|address_or_birth|identifier)$"),
]
Data = Annotated[
    list[Datum],
    msgspec.Meta(max_length=5, description="any of address, country, birth, address_or_birth, identifier"),
]
Code = Annotated[str, msgspec.Meta(pattern="^[0-9A-Z]{1,10}$")]
Codes = Annotated[
    list[Code],
    msgspec.Meta(max_length=500, description="codes with spaces between them, such as P1301 P1302"),
]
ListName = Literal["ANY", "ISO", "CN-SAFE", "IN-RBI", "KZ-KNP", "RU-VO"]


class SetCorridorRules(Content, frozen=True, kw_only=True):
    """What messages of a corridor must have, as a whole, from an instant on; None is at once."""

    source: Annotated[Country, msgspec.Meta(title="From")]
    target: Annotated[Country, msgspec.Meta(title="To")]
    addresses: Annotated[
        Literal["any", "hybrid", "structured"] | None,
        msgspec.Meta(title="Addresses (empty: as everywhere)"),
    ] = None
    full_data_above: Annotated[
        str | None, msgspec.Meta(title="Full data of parties above this amount (empty: never)")
    ] = None
    originator: Annotated[Data, msgspec.Meta(title="Then required of the originator")] = msgspec.field(
        default_factory=list
    )
    beneficiary: Annotated[Data, msgspec.Meta(title="Then required of the beneficiary")] = msgspec.field(
        default_factory=list
    )
    purpose: Annotated[ListName | None, msgspec.Meta(title="Purpose: its list (empty: none required)")] = None
    purpose_codes: Annotated[Codes, msgspec.Meta(title="Allowed purposes (empty: all of the list)")] = (
        msgspec.field(default_factory=list)
    )
    regulatory: Annotated[
        ListName | None, msgspec.Meta(title="Regulatory reporting: its list (empty: none required)")
    ] = None
    regulatory_codes: Annotated[
        Codes, msgspec.Meta(title="Allowed codes of reporting (empty: all of the list)")
    ] = msgspec.field(default_factory=list)
    valid_from: Annotated[datetime | None, msgspec.Meta(title="Valid from (UTC)")] = None


async def _check(connection: asyncpg.Connection, content: SetCorridorRules) -> None:
    if content.source == content.target:
        raise refuse(
            "the source and the target of a corridor are different countries",
            remedy="Name two different countries as source and target.",
        )
    for country in (content.source, content.target):
        if country not in registry.countries():
            raise refuse(
                f"no adapter for {country} is installed",
                remedy="Use a country of GET /v1/rails, or install its adapter first.",
            )
    _check_full_data(content)
    _check_codes("purpose_codes", content.purpose, content.purpose_codes)
    _check_codes("regulatory_codes", content.regulatory, content.regulatory_codes)
    _check_carried(content)
    if content.valid_from is not None and content.valid_from.tzinfo is None:
        raise refuse(
            "an instant needs its offset from UTC", remedy="Add the offset: 2026-11-23T14:05:07+05:30, or Z."
        )
    await check_ahead(connection, content.valid_from, "valid_from")
    if await connection.fetchval(_COMING, content.source, content.target) >= _COMING_MAX:
        raise refuse(
            f"{_COMING_MAX} rules of this corridor wait for their instant: no more are possible",
            remedy="Wait until one of them is in force, or withdraw one that is not approved yet.",
        )


def _check_full_data(content: SetCorridorRules) -> None:
    wanted = content.originator or content.beneficiary
    if content.full_data_above is None and wanted:
        raise refuse(
            "full_data_above: state the amount above which the data is required, such as 0",
            remedy="State an amount in the corridor's currency; 0 requires the data of every payment.",
        )
    if content.full_data_above is not None:
        cap_of(content.full_data_above, registry.profile(content.source).currency)
        if not wanted:
            raise refuse(
                "originator: state what is required of the originator, the beneficiary or both",
                remedy=(
                    "State what is required of originator, beneficiary or both, or leave full_data_above out."
                ),
            )


def _check_codes(name: str, code_list: str | None, codes: list[str]) -> None:
    if code_list is None and codes:
        raise refuse(
            f"{name}: state the list of the codes, or ANY",
            remedy="State codes of the list, or ANY if every code is accepted.",
        )
    if code_list is not None and any(not LISTS[code_list].has(code) for code in codes):
        raise refuse(
            f"{name}: a code is not of the list {code_list}: {LISTS[code_list].form}",
            remedy="Use codes of the form that the text states.",
        )


def _check_carried(content: SetCorridorRules) -> None:
    """Refuse a requirement whose fulfilment the rail would refuse."""
    if content.regulatory is None:
        return
    if not accounting(registry.profile(content.target).carries).carries("CdtTrfTxInf/RgltryRptg"):
        raise refuse(
            f"regulatory: the rail of {content.target} has no field for regulatory reporting:"
            " require a purpose instead",
            remedy="Leave regulatory out, and state purpose instead.",
        )


async def _effect(connection: asyncpg.Connection, content: SetCorridorRules) -> Effect:
    found = await connection.fetchrow(_READ, content.source, content.target, content.valid_from)
    now = dict(found) if found else {}
    currency = registry.profile(content.source).currency if content.source in registry.countries() else "XXX"
    above = content.full_data_above
    rows = [
        Row(term("Addresses"), now.get("addresses") or NOTHING, content.addresses or NOTHING),
        amount(
            term("Full data of parties above"),
            now.get("full_above_minor"),
            None if above is None else minor_of(above, currency),
            currency,
        ),
        _row(term("Required of the originator"), now.get("originator"), content.originator),
        _row(term("Required of the beneficiary"), now.get("beneficiary"), content.beneficiary),
        _codes(term("Purpose"), now, "purpose", content.purpose, content.purpose_codes),
        _codes(term("Regulatory reporting"), now, "regulatory", content.regulatory, content.regulatory_codes),
    ]
    if content.valid_from is not None:
        rows.append(Row(term("Valid from (UTC)"), NOTHING, instant_text(content.valid_from)))
    return Effect(tuple(rows))


def _row(what: str, now: list[str] | None, then: list[str]) -> Row:
    return Row(what, " ".join(now or ()) or NOTHING, " ".join(then) or NOTHING)


def _codes(what: str, now: dict[str, Any], name: str, code_list: str | None, codes: list[str]) -> Row:
    before = [now.get(f"{name}_list") or NOTHING, *now.get(f"{name}_codes", ())]
    return Row(what, " ".join(before), " ".join([code_list or NOTHING, *codes]))


async def _set(execution: Execution, content: SetCorridorRules) -> None:
    currency = registry.profile(content.source).currency
    above = content.full_data_above
    minor = None if above is None else cap_of(above, currency)
    await execution.connection.execute(
        _ADD,
        execution.number,
        content.source,
        content.target,
        content.valid_from,
        content.addresses,
        minor,
        currency,
        list(dict.fromkeys(content.originator)),
        list(dict.fromkeys(content.beneficiary)),
        content.purpose,
        list(dict.fromkeys(content.purpose_codes)),
        content.regulatory,
        list(dict.fromkeys(content.regulatory_codes)),
    )
    execution.outcome = (
        f"messages from {content.source} to {content.target} must have: {_said(minor, content, currency)}"
    )


def _said(minor: int | None, content: SetCorridorRules, currency: str) -> str:
    full = [] if minor is None else [f"full data of parties above {Money(minor, currency)}"]
    said = [
        *([f"{content.addresses} addresses"] if content.addresses else []),
        *full,
        *([f"a purpose of {content.purpose}"] if content.purpose else []),
        *([f"reporting of {content.regulatory}"] if content.regulatory else []),
    ]
    return ", ".join(said) or "what the installation requires"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "corridor.rules",
        "Set what messages of a corridor must have",
        SetCorridorRules,
        _set,
        _check,
        effect=_effect,
        links=links_to(Subject.CORRIDOR, "source", "target"),
    ),
)
