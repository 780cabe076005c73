"""A case: one for each subject that needs a person, as long as the subject needs one.

Its kind says what it is about. The subject is a type and an id: `payment/UETR`, `break/17`,
`line/51/asha-bank`. `switch/cases/sql/subjects.sql` says which subjects there are now; a case is opened and
closed by that alone. So nobody closes a case by hand, and after a crash none is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import asyncpg

from switch.approvals.effects import Resource, Subject, term
from switch.identity.model import Role


class CaseKind(StrEnum):
    """Kinds of cases."""

    UNKNOWN = "unknown"
    """A payment whose outcome at its rail is unknown."""
    BREAK = "break"
    """The file of a rail and the ledger disagree."""
    CONTRADICTION = "contradiction"
    """A rail or a settlement agent states something else than it did before."""
    DEFAULT = "default"
    """A bank has not paid its settlement line."""
    EXCEPTION = "exception"
    """Anything else that does not continue without people."""
    SCREENING = "screening"
    """A party of a payment is perhaps on a list of sanctions."""
    WATCH = "watch"
    """A payment matched a watch rule that raises an alarm."""
    INVESTIGATION = "investigation"
    """A bank asks about a payment of its own, and the agent on the other side, or people, answer."""


TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        CaseKind.UNKNOWN: term("Unknown outcome"),
        CaseKind.BREAK: term("Reconciliation break"),
        CaseKind.CONTRADICTION: term("Contradiction"),
        CaseKind.DEFAULT: term("Settlement line not paid"),
        CaseKind.EXCEPTION: term("Exception"),
        CaseKind.SCREENING: term("Screening hit"),
        CaseKind.WATCH: term("Alarm of a watch rule"),
        CaseKind.INVESTIGATION: term("Investigation"),
    }
)
DEADLINES_H: Final[Mapping[str, float]] = MappingProxyType(
    {
        CaseKind.UNKNOWN: 2.0,
        CaseKind.BREAK: 24.0,
        CaseKind.CONTRADICTION: 4.0,
        CaseKind.DEFAULT: 4.0,
        CaseKind.EXCEPTION: 8.0,
        CaseKind.SCREENING: 2.0,
        CaseKind.WATCH: 24.0,
        CaseKind.INVESTIGATION: 120.0,
    }
)
"""Hours within which a case should be closed, unless the setting `case_deadlines_h` states others."""
OF_OFFICERS: Final = frozenset({CaseKind.SCREENING, CaseKind.WATCH})
"""Cases about which screening officers decide, where they do."""
LADDER: Final = (Role.OPERATOR, Role.CHECKER)
"""Who works on cases, in the order in which they are told of one that nobody takes."""

PAYMENT: Final = "payment"
BREAK: Final = "break"
LINE: Final = "line"
CONFIRMATION: Final = "confirmation"
INSTRUCTION: Final = "instruction"
SCREENING: Final = "screening"
WATCH: Final = "watch"
REVERSAL: Final = "reversal"
ORDER: Final = "order"
INVESTIGATION: Final = "investigation"
RECALL: Final = "recall"
SUBJECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        PAYMENT: term("Payment"),
        BREAK: term("Reconciliation break"),
        LINE: term("Settlement line"),
        CONFIRMATION: term("Confirmation of a settlement agent"),
        INSTRUCTION: term("Settlement instruction without a reply"),
        SCREENING: term("Payment held by screening"),
        WATCH: term("Alarm of a watch rule"),
        REVERSAL: term("Reversal at the rail"),
        ORDER: term("Order of a rail"),
        INVESTIGATION: term("Investigation"),
        RECALL: term("Recall that was agreed and not paid"),
        "note": term("Act that is missing in the log"),
        "freeze": term("Freeze of the books"),
        "restore": term("Restore of the database"),
    }
)
"""Titles of the types of subjects."""
ACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "opened": term("The case was opened"),
        "reopened": term("Opened again"),
        "closed": term("Closed: what it was about has ended"),
        "escalated": term("Nobody has taken it; also told:"),
        "assigned": term("Assigned to:"),
        "released": term("Without an owner again; before:"),
        "noted": term("Note"),
        "attached": term("Attachment"),
        "asked": term("The rail is asked again"),
        "answered": term("Answer of the rail:"),
    }
)
"""Acts in the history of a case."""
ANSWERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "done": term("executed"),
        "refused": term("refused by the rail"),
        "pending": term("being processed"),
        "not_found": term("not found"),
        "unknown": term("no readable answer"),
        "ended": term("not asked: the outcome is known meanwhile"),
    }
)
"""What a rail answered to a question of people."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case. `rail`, `participant` and `uetr` are empty where they do not apply."""

    number: int
    kind: CaseKind
    subject: str
    rail: str
    participant: str
    uetr: UUID | None
    since: datetime
    opened_at: datetime
    due_at: datetime
    closed_at: datetime | None
    owner: str | None
    level: int
    late: bool
    """Whether it is open and its deadline is over."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The type of the subject, and what identifies it."""
        return tuple(self.subject.split("/"))

    @property
    def state(self) -> str:
        """`open`, `overdue` or `closed`."""
        return "closed" if self.closed_at else "overdue" if self.late else "open"

    def document(self) -> dict[str, Any]:
        """The case as the API and commands show it."""
        type_, *ids = self.parts
        return {
            "number": self.number,
            "kind": self.kind,
            "state": self.state,
            "subject": {"type": type_, "id": "/".join(ids)},
            "uetr": str(self.uetr) if self.uetr else None,
            "rail": self.rail or None,
            "participant": self.participant or None,
            "owner": self.owner,
            "since": self.since.isoformat(),
            "opened_at": self.opened_at.isoformat(),
            "due_at": self.due_at.isoformat(),
            "closed_at": self.closed_at.isoformat() if self.closed_at else None,
        }


def case_of(row: asyncpg.Record) -> Case:
    """The case of a row of `cases.sql`."""
    found = {name: row[name] for name in Case.__slots__}
    return Case(**{**found, "kind": CaseKind(row["kind"])})


@dataclass(frozen=True, slots=True)
class Act:
    """One entry of the history of a case; `person` is None for the switch itself."""

    number: int
    at: datetime
    kind: str
    person: str | None
    about: str
    text: str
    sha256: str | None
    name: str | None
    """Of the attachment, with its type and size."""
    media_type: str | None
    octets: int | None
    erased: bool

    def document(self) -> dict[str, Any]:
        """The act as the API and commands show it."""
        file = {"name": self.name, "media_type": self.media_type, "octets": self.octets}
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "act": self.kind,
            "person": self.person,
            "about": self.about or None,
            "text": self.text or None,
            "sha256": self.sha256,
            "attachment": file if self.name else None,
        }


_NUMBERS: Final = frozenset({"number", "window"})


def subject_of(resource: Resource) -> str | None:
    """The subject whose case a change about this resource belongs to; None if such cases have none."""
    type_ = {
        Subject.PAYMENT: PAYMENT,
        Subject.RECONCILIATION_BREAK: BREAK,
        Subject.CONFIRMATION: CONFIRMATION,
        Subject.SCREENING_HOLD: SCREENING,
        Subject.WATCH_ALARM: WATCH,
        Subject.INVESTIGATION: INVESTIGATION,
    }
    found = type_.get(resource.subject)
    return f"{found}/{resource.id}" if found and resource.id else None


_CHANGES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = MappingProxyType(
    {
        PAYMENT: (("payment.resolve", "payment.return", "payment.reverse"), ("uetr",)),
        REVERSAL: (("reversal.resolve",), ("uetr",)),
        ORDER: (("order.settle",), ("uetr",)),
        INVESTIGATION: (("investigation.answer",), ("investigation",)),
        RECALL: (("recall.end",), ("uetr",)),
        BREAK: (("break.resolve", "break.return"), ("number",)),
        LINE: (("settlement.hold",), ("window", "participant")),
        CONFIRMATION: (("confirmation.resolve",), ("sha256", "agent")),
        INSTRUCTION: (("settlement.abort", "settlement.hold"), ("window",)),
        WATCH: (("watch.examine",), ("uetr", "participant")),
        SCREENING: (("screening.release", "screening.refuse", "screening.clear"), ("uetr",)),
        "freeze": (("books.unfreeze",), ()),
        "restore": (("restore.open",), ()),
    }
)
"""Kinds of changes about each type of subject, and the fields of their contents that identify it."""


def contents_of(case: Case) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Kinds of changes about the subject of a case, and what their contents state."""
    type_, *ids = case.parts
    kinds, fields = _CHANGES.get(type_, ((), ()))
    stated = dict(zip(fields, ids, strict=False))
    return kinds, {name: int(value) if name in _NUMBERS else value for name, value in stated.items()}
