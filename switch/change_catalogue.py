"""All kinds of changes, by name."""

from types import MappingProxyType
from typing import Any, Final

import msgspec

from switch.approvals.kinds import ChangeKind, Kinds
from switch.operations import (
    reopen,
    screening_clearances,
    screening_decisions,
    screening_engines,
    screening_lists,
    screening_officers,
    unfreeze,
    watching,
    witness_changes,
)
from switch.participants import (
    certification,
    corridor_rules,
    corridors,
    fixings,
    identity_providers,
    inbound,
    indirect,
    investigations,
    keys,
    limits,
    offers_by_people,
    pairs,
    payment_returns,
    people,
    rails,
    recalls,
    resolution,
    reversals,
    tariffs,
    velocity,
)
from switch.participants import changes as participants
from switch.reports.delivery import changes as report_delivery
from switch.reports.facts import FIELDS, TITLES
from switch.settlement import before, examined
from switch.settlement import changes as settlement
from switch.webhooks import changes as webhooks

_ALL: Final[tuple[ChangeKind[Any], ...]] = (
    *people.KINDS,
    *identity_providers.KINDS,
    *participants.KINDS,
    *certification.KINDS,
    *limits.KINDS,
    *velocity.KINDS,
    *keys.KINDS,
    *corridors.KINDS,
    *tariffs.KINDS,
    *corridor_rules.KINDS,
    *indirect.KINDS,
    *inbound.KINDS,
    *investigations.KINDS,
    *pairs.KINDS,
    *fixings.KINDS,
    *offers_by_people.KINDS,
    *rails.KINDS,
    *settlement.KINDS,
    *before.KINDS,
    *examined.KINDS,
    *resolution.KINDS,
    *payment_returns.KINDS,
    *reversals.KINDS,
    *recalls.KINDS,
    *unfreeze.KINDS,
    *reopen.KINDS,
    *webhooks.KINDS,
    *witness_changes.KINDS,
    *report_delivery.KINDS,
    *screening_lists.KINDS,
    *screening_engines.KINDS,
    *screening_officers.KINDS,
    *screening_decisions.KINDS,
    *screening_clearances.KINDS,
    *watching.KINDS,
)
KINDS: Final[Kinds] = MappingProxyType({kind.name: kind for kind in _ALL})
assert len(KINDS) == len(_ALL), "two kinds of one name"
TITLES.update({kind.name: kind.title for kind in _ALL})
FIELDS.update({kind.name: kind.labels for kind in _ALL})


def describe(kind: ChangeKind[Any]) -> dict[str, Any]:
    """A kind for people and programs: its title, and the JSON Schema of its content."""
    return {"kind": kind.name, "title": kind.title, "content": msgspec.json.schema(kind.content)}
