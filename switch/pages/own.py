"""Common parts of a participant's pages: access, and the restriction to its own data.

Every read is restricted to `person.scope`; data of another participant is reported as not found.
"""

from datetime import UTC, date, datetime, time
from typing import Annotated, Final

from fastapi import Depends

from schemas.errors import InvalidMessage, NotAllowed
from switch.api.runtime import Runtime
from switch.identity.model import Person, Role
from switch.pages.shell import Switch, Viewer
from switch.payments.directory import Participant

BASE: Final = "/own"
"""Path of these pages, below `/console`."""


async def _member(person: Viewer) -> Person:
    if person.role is not Role.PARTICIPANT:
        raise NotAllowed("this page is for participants only")
    return person


Member = Annotated[Person, Depends(_member)]
"""A signed-in person of a participant."""


def participant_of(switch: Runtime, person: Person) -> Participant:
    """The participant of a person.

    Raises:
        NotAllowed: the participant was removed.

    """
    found = switch.directory.now.by_id.get(person.scope)
    if found is None:
        raise NotAllowed("this participant may not use the switch")
    return found


async def _participant(switch: Switch, person: Member) -> Participant:
    return participant_of(switch, person)


Own = Annotated[Participant, Depends(_participant)]
"""The participant of the reader."""


def day(text: str) -> datetime | None:
    """Midnight UTC of a day in a form; None if it is empty.

    Raises:
        InvalidMessage: not a valid date.

    """
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise InvalidMessage("not a valid date") from None


def instant(text: str) -> datetime | None:
    """An instant of a form, in UTC; None if it is empty.

    Raises:
        InvalidMessage: not a valid date and time.

    """
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidMessage("not a valid date and time") from None
