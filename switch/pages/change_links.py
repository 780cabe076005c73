"""Links to the forms of changes, filled in by the page that links to them."""

from urllib.parse import urlencode

from switch.change_catalogue import KINDS
from switch.identity.model import Person
from switch.identity.permissions import may
from switch.pages.shell import PREFIX

CHANGES = "/changes"
"""A change: `/changes/7`; the form of a kind: `/changes/new/cap.set`."""


def link(kind: str, **known: object) -> str:
    """Address of a kind's form, filled in with the known fields."""
    return f"{PREFIX}{CHANGES}/new/{kind}" + (f"?{urlencode(known)}" if known else "")


def may_request(person: Person, kind: str, participant: str = "") -> bool:
    """Whether a person may request changes of a kind, by the same rule as the API."""
    return may(person, KINDS[kind].right, participant=participant)
