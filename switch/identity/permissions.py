"""Rights of each role, in one table. Anything that it does not list is denied."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.errors import NotAllowed
from switch.identity.model import Person, Role


class Right(StrEnum):
    """Rights of people."""

    READ_DIRECTORY = "read_directory"
    """Participants, corridors, rails, calendars: public to all users of the switch."""
    READ_POSITIONS = "read_positions"
    """Payments, positions, windows, statements within one's scope."""
    READ_REPORTS = "read_reports"
    READ_PERSONAL_DATA = "read_personal_data"
    """Names and accounts unmasked; each use is an audit event."""
    READ_AUDIT = "read_audit"
    """The event log and its proofs."""
    READ_CHANGES = "read_changes"
    READ_PEOPLE = "read_people"
    REQUEST_CHANGE = "request_change"
    """Request any change of the switch."""
    REQUEST_KEYS = "request_keys"
    """Request changes of the signing keys of one's own participant."""
    MANAGE_WEBHOOKS = "manage_webhooks"
    """Manage the webhooks of one's own participant; each step is an audit event."""
    TRY_MESSAGES = "try_messages"
    """Check messages, and in a sandbox send them as one's own participant."""
    END_SESSIONS = "end_sessions"
    """See and end sessions of other people; each end is an audit event."""
    READ_CASES = "read_cases"
    """Cases with their notes and attachments; each attachment that is read is an audit event."""
    WORK_ON_CASES = "work_on_cases"
    """Take cases, write notes, attach files, have a rail asked again; each act is an audit event."""
    DELIVER_REPORTS = "deliver_reports"
    """Have a report delivered to its destination once more; each time is an audit event."""
    STOP_FILES = "stop_files"
    """Stop the rest of a file of payments: what was not sent never is; each time is an audit event."""
    SCREEN_PAYMENTS = "screen_payments"
    """Read which names of a payment that screening holds may be on a list; each reading is an audit event."""
    DECIDE_SCREENING = "decide_screening"
    """Request that a payment that screening holds is released or refused, or that a party is cleared."""
    MANAGE_LISTS = "manage_lists"
    """Add files of sanctions lists, and request which of them are in force."""
    CONTROL_PAIRS = "control_pairs"
    """Request that a currency pair is blocked, or its rate bounded, for one's own central bank."""
    SET_OFFERS = "set_offers"
    """Request an offer of one's own FX provider."""
    VOTE = "vote"
    """Approve or refuse a change that has a seat for one's role and scope."""


_READ: Final = frozenset({Right.READ_DIRECTORY, Right.READ_POSITIONS, Right.READ_REPORTS})
_SEES_ALL: Final = _READ | {Right.READ_CHANGES, Right.READ_AUDIT}

# fmt: off
RIGHTS: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType({
    Role.PARTICIPANT: _READ | {Right.READ_PERSONAL_DATA, Right.REQUEST_KEYS, Right.MANAGE_WEBHOOKS,
                               Right.TRY_MESSAGES, Right.SET_OFFERS, Right.STOP_FILES, Right.VOTE},
    Role.OPERATOR:    _SEES_ALL | {Right.READ_PEOPLE, Right.REQUEST_CHANGE, Right.REQUEST_KEYS,
                               Right.END_SESSIONS, Right.READ_CASES, Right.WORK_ON_CASES,
                               Right.DELIVER_REPORTS, Right.SCREEN_PAYMENTS, Right.DECIDE_SCREENING,
                               Right.MANAGE_LISTS, Right.STOP_FILES},
    Role.CHECKER:     _SEES_ALL | {Right.READ_PEOPLE, Right.VOTE, Right.END_SESSIONS, Right.READ_CASES,
                               Right.WORK_ON_CASES, Right.DELIVER_REPORTS, Right.SCREEN_PAYMENTS,
                               Right.STOP_FILES},
    Role.REGULATOR:   _SEES_ALL | {Right.READ_PERSONAL_DATA, Right.CONTROL_PAIRS, Right.VOTE},
    Role.AUDITOR:     _SEES_ALL | {Right.READ_PEOPLE, Right.READ_CASES},
    Role.OFFICER:     frozenset({Right.READ_DIRECTORY, Right.READ_CASES, Right.WORK_ON_CASES,
                               Right.SCREEN_PAYMENTS, Right.DECIDE_SCREENING, Right.MANAGE_LISTS,
                               Right.VOTE}),
})
# fmt: on


def may(person: Person, right: Right, *, participant: str = "", country: str = "") -> bool:
    """Whether `person` has `right` to what belongs to `participant` of `country`.

    A participant's person has rights to its own participant only, a regulator to its country. Both arguments
    are empty for what belongs to no participant. An officer has rights to its cases only
    (`switch.cases.officers`), and one of a participant none to the lists, which are of the switch.
    """
    if right not in RIGHTS[person.role]:
        return False
    if person.role is Role.OFFICER and person.scope:
        return right is not Right.MANAGE_LISTS and participant in {"", person.scope}
    if person.role is Role.PARTICIPANT and participant:
        return participant == person.scope
    if person.role is Role.REGULATOR and country:
        return country == person.scope
    return True


def require(person: Person, right: Right, *, participant: str = "", country: str = "") -> None:
    """Require a right of `person`.

    Raises:
        NotAllowed: the table does not list it.

    """
    if not may(person, right, participant=participant, country=country):
        raise NotAllowed("your role may not do this")
