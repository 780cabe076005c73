"""The scheme of a corridor at an instant: the installation's, with what two people require of its messages.

Pure functions; the directory brings the rules to every process. A rule begins at its own instant, not when a
process reads it: those that begin later are in the directory, too.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from schemas.money import Money
from schemas.required_data import FullData, PartyData, RequiredCode
from schemas.rules import Addresses, Scheme
from switch.payments.directory import CorridorRules, DirectorySnapshot

_NONE: Final[Sequence[CorridorRules]] = ()


def in_force(directory: DirectorySnapshot, source: str, target: str, now_us: int) -> CorridorRules | None:
    """The rules of a corridor that have begun last; None if it has none of its own."""
    found = directory.rules_by_pair.get((source, target), _NONE)
    return next((rules for rules in found if rules.valid_from <= now_us), None)


def coming(directory: DirectorySnapshot, source: str, target: str, now_us: int) -> list[CorridorRules]:
    """The rules of a corridor that begin later, the first one first."""
    found = directory.rules_by_pair.get((source, target), _NONE)
    return [rules for rules in reversed(found) if rules.valid_from > now_us]


def scheme(base: Scheme, rules: CorridorRules | None) -> Scheme:
    """The installation's scheme with the rules of a corridor."""
    if rules is None:
        return base
    addresses = base.addresses if rules.addresses is None else Addresses(rules.addresses)
    return replace(
        base,
        addresses=addresses,
        full_data=_full_data(rules) or base.full_data,
        purpose=_required(rules.purpose_list, rules.purpose_codes) or base.purpose,
        regulatory=_required(rules.regulatory_list, rules.regulatory_codes) or base.regulatory,
    )


def _full_data(rules: CorridorRules) -> FullData | None:
    if rules.full_above_minor is None:
        return None
    return FullData(
        currency=rules.currency,
        above=Money(rules.full_above_minor, rules.currency).text,
        originator=frozenset(map(PartyData, rules.originator)),
        beneficiary=frozenset(map(PartyData, rules.beneficiary)),
    )


def _required(code_list: str | None, codes: Sequence[str]) -> RequiredCode | None:
    return None if code_list is None else RequiredCode(code_list, frozenset(codes))


def document(found: Scheme) -> dict[str, Any]:
    """What a scheme requires of a message of a corridor, as the API shows it."""
    full = found.full_data
    return {
        "addresses": found.addresses.value,
        "full_data": full
        and {
            "above": full.above,
            "currency": full.currency,
            "originator": sorted(full.originator),
            "beneficiary": sorted(full.beneficiary),
        },
        "purpose": _code_document(found.purpose),
        "regulatory": _code_document(found.regulatory),
    }


def _code_document(required: RequiredCode | None) -> dict[str, Any] | None:
    if required is None:
        return None
    form = None if required.codes else required.allowed
    return {"code_list": required.code_list, "form": form, "codes": sorted(required.codes)}
