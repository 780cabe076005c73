"""What the pages of a participant have in common: who may see them, and its own affairs and nobody else's.

Whatever is asked for belongs to `person.scope`: each read takes it, and what is another's looks like nothing.
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
"""Where these pages are, behind `/console`."""


async def _member(person: Viewer) -> Person:
    if person.role is not Role.PARTICIPANT:
        raise NotAllowed("this page is a participant's")
    return person


Member = Annotated[Person, Depends(_member)]
"""Somebody who works for a participant."""


def participant_of(switch: Runtime, person: Person) -> Participant:
    """The participant that a person works for.

    Raises:
        NotAllowed: it was removed.

    """
    found = switch.directory.now.by_id.get(person.scope)
    if found is None:
        raise NotAllowed("this participant may not use the switch")
    return found


async def _participant(switch: Switch, person: Member) -> Participant:
    return participant_of(switch, person)


Own = Annotated[Participant, Depends(_participant)]
"""The participant that the reader works for."""


def day(text: str) -> datetime | None:
    """Midnight UTC of a form's day; None where it is empty.

    Raises:
        InvalidMessage: not a day.

    """
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise InvalidMessage("not a valid date") from None


def instant(text: str) -> datetime | None:
    """An instant that a form says in UTC; None where it is empty.

    Raises:
        InvalidMessage: not an instant.

    """
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidMessage("not a valid date and time") from None
