"""All kinds of changes, by name."""

from types import MappingProxyType
from typing import Any, Final

import msgspec

from switch.approvals.kinds import ChangeKind, Kinds
from switch.operations import reopen, unfreeze, witness_changes
from switch.participants import changes as participants
from switch.participants import (
    corridors,
    identity_providers,
    keys,
    limits,
    payment_returns,
    people,
    rails,
    resolution,
)
from switch.settlement import before
from switch.settlement import changes as settlement
from switch.webhooks import changes as webhooks

_ALL: Final[tuple[ChangeKind[Any], ...]] = (
    *people.KINDS,
    *identity_providers.KINDS,
    *participants.KINDS,
    *limits.KINDS,
    *keys.KINDS,
    *corridors.KINDS,
    *rails.KINDS,
    *settlement.KINDS,
    *before.KINDS,
    *resolution.KINDS,
    *payment_returns.KINDS,
    *unfreeze.KINDS,
    *reopen.KINDS,
    *webhooks.KINDS,
    *witness_changes.KINDS,
)
KINDS: Final[Kinds] = MappingProxyType({kind.name: kind for kind in _ALL})
assert len(KINDS) == len(_ALL), "two kinds of one name"


def describe(kind: ChangeKind[Any]) -> dict[str, Any]:
    """A kind for people and programs: its title, and the JSON Schema of its content."""
    return {"kind": kind.name, "title": kind.title, "content": msgspec.json.schema(kind.content)}
