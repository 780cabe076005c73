"""Where a change is asked for, from a page that knows what it would be about."""

from urllib.parse import urlencode

from switch.change_catalogue import KINDS
from switch.identity.model import Person
from switch.identity.permissions import may
from switch.pages.shell import PREFIX

CHANGES = "/changes"
"""What was asked for: `/changes/7`; the form of a kind: `/changes/new/cap.set`."""


def link(kind: str, **known: object) -> str:
    """The address of a kind's form, filled in with what is known."""
    return f"{PREFIX}{CHANGES}/new/{kind}" + (f"?{urlencode(known)}" if known else "")


def may_ask(person: Person, kind: str, participant: str = "") -> bool:
    """Whether a person may ask for changes of a kind: what a page offers is what the API allows."""
    return may(person, KINDS[kind].right, participant=participant)
