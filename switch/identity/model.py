"""The words of people and of the changes they ask for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a person is to the switch. One person has one."""

    PARTICIPANT = "participant"
    """Works for one participant."""
    OPERATOR = "operator"
    """Runs the switch: asks for changes."""
    CHECKER = "checker"
    """The second person: agrees to changes, asks for none."""
    REGULATOR = "regulator"
    """Of one country: reads what concerns it, confirms its positions, agrees to its corridors."""
    AUDITOR = "auditor"
    """Reads everything, personal data masked, changes nothing."""


class Status(StrEnum):
    """Whether a person may sign in."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Person:
    """One person. `scope` is a participant's id, a regulator's country, or empty."""

    name: str
    display_name: str
    role: Role
    scope: str
    status: Status


@dataclass(frozen=True, slots=True)
class Seat:
    """A place at the table of a change: one person of this role (and scope) must agree."""

    role: Role
    scope: str = ""


class ChangeState(StrEnum):
    """Where a requested change stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    """Every seat has agreed; to be executed, once."""
    EXECUTED = "executed"
    FAILED = "failed"
    """It could no longer be done when its time came; nothing was changed."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person said to a change."""

    seat: int
    person: str
    decision: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A requested change: `content` is canonical JSON, never altered after the request."""

    number: int
    kind: str
    content: str
    maker: str
    reason: str
    seats: tuple[Seat, ...]
    state: ChangeState
    requested_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    outcome: str
    votes: tuple[Vote, ...] = ()
    secret: str = ""
    """Told once to whoever completed it, and kept nowhere: half of an enrolment code."""
