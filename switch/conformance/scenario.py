"""What a scenario is: an id, a group, what is right, and the function that asks and looks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from switch.conformance.stage import Stage

Play = Callable[["Stage"], Awaitable[str]]
"""Plays a scenario; returns what was seen, or raises `NotMet`, `NotSupported` or `NotApplicable`."""


class Group(StrEnum):
    """Scenarios of one subject."""

    RAILS = "payments over each rail"
    REFUSALS = "refusals by the rail"
    REFUSED_HERE = "refusals by the switch"
    IDEMPOTENCY = "idempotency and resends"
    UNKNOWN = "unknown outcome"
    LATE = "late and broken answers of the rail"
    RETURNS = "returns"
    RECALLS = "recalls"
    REQUESTS = "requests to pay"
    INVESTIGATIONS = "investigations"
    SIGNATURES = "signatures and clock"
    EVENTS = "events and pages"
    WEBHOOKS = "webhooks"
    QUOTES = "quotes"
    PAYEES = "verification of payees"
    ACCOUNTS = "balances and statements"


OPTIONAL: Final = frozenset(
    {
        Group.REQUESTS,
        Group.INVESTIGATIONS,
        Group.WEBHOOKS,
        Group.QUOTES,
        Group.PAYEES,
        Group.ACCOUNTS,
        Group.EVENTS,
    }
)
"""Groups of functions that a client may lack, each as a whole. Who has one must use it right."""


class NotMet(Exception):
    """The client did not do right; the text says what was seen, without personal data."""


class NotSupported(Exception):
    """The client has no such function."""


class NotApplicable(Exception):
    """The scenario cannot be played here; the text says why."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario."""

    id: str
    group: Group
    title: str
    """What happens."""
    right: str
    """What the client does if it does right."""
    play: Play
    quick: bool = False
    of_function: str = ""
    """The function of the client that it needs, where its group has more than one."""

    @property
    def function(self) -> str:
        """The function of the client that it needs."""
        return self.of_function or str(self.group)


def must(kept: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Raise `NotMet` with a text unless a condition holds."""
    if not kept:
        raise NotMet(otherwise)
