"""Types of people and of the changes that they request."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """Roles of people; each person has one."""

    PARTICIPANT = "participant"
    """Works for one participant."""
    OPERATOR = "operator"
    """Operates the switch: requests changes."""
    CHECKER = "checker"
    """The second person: approves changes, requests none."""
    REGULATOR = "regulator"
    """Of one country: reads its data, confirms its positions, approves its corridors."""
    AUDITOR = "auditor"
    """Reads everything with personal data masked, and changes nothing."""
    OFFICER = "officer"
    """Decides about payments that screening holds: for one participant, or for the operator (no scope)."""


class Status(StrEnum):
    """Status of a person, which decides whether the person may sign in."""

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
    """One required vote on a change: a person of this role (and scope) must approve.

    `scope`: a participant's id, a country, several countries with spaces (one of them), or empty: any. An
    officer's seat without a scope is one of the operator's officers: no participant's officer takes it.
    """

    role: Role
    scope: str = ""

    def admits(self, person: Person) -> bool:
        """Whether this person may take the seat."""
        if person.role is not self.role:
            return False
        if self.scope:
            return person.scope in self.scope.split()
        return self.role is not Role.OFFICER or not person.scope

    @property
    def is_particular(self) -> bool:
        """Whether the seat is of few people, who may therefore read the change."""
        return bool(self.scope) or self.role is Role.OFFICER


class ChangeState(StrEnum):
    """States of a requested change."""

    REQUESTED = "requested"
    APPROVED = "approved"
    """Every seat has approved; to be executed, once."""
    EXECUTED = "executed"
    FAILED = "failed"
    """It was no longer possible at execution; nothing was changed."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's vote on a change."""

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
    """Returned once to the person who completed the change, and stored nowhere: half of an enrolment code."""
