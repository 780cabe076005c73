"""Notices of cases: who is told, by which channel; written with the case, and sent by the messenger.

A notice has the number of the case, its kind, and a link: nothing about payers, accounts or amounts. The
same is told to the same recipient by the same channel once. People choose kinds and channels for themselves;
settings name addresses of a whole role.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from schemas.errors import InvalidMessage, NotAllowed
from switch.approvals.effects import term
from switch.base.settings import ADDRESS_OR_EMPTY, Settings
from switch.base.sql import statements
from switch.cases.model import LADDER, TITLES, CaseKind
from switch.identity.model import Person, Role
from switch.identity.permissions import Right, require
from switch.reports import wording
from switch.webhooks import addresses

EMAIL, WEBHOOK, BROWSER = "email", "webhook", "browser"
CHANNELS: Final[Mapping[str, str]] = {
    EMAIL: term("E-mail"),
    WEBHOOK: term("Webhook"),
    BROWSER: term("Browser"),
}
WHY: Final[Mapping[str, str]] = {
    "opened": term("New case {n}: {kind}"),
    "escalated": term("Case {n} has no owner yet: {kind}"),
    "assigned": term("Case {n} was assigned to you: {kind}"),
    "overdue": term("Case {n} is overdue: {kind}"),
}
"""What a notice says, by its reason."""
ROLE: Final = "role:"
"""Begins a recipient that is a whole role."""
_ADDRESS: Final = re.compile(ADDRESS_OR_EMPTY, re.ASCII)
_statement: Final = statements("switch.cases")
_ADD: Final = _statement("add_notices")
_SET: Final = _statement("set_profile")
_BROWSER: Final = _statement("browser_notices")
_PROFILE: Final = "SELECT email, webhook, language, choices FROM switch.notice_profile WHERE person = $1"


@dataclass(frozen=True, slots=True)
class NoticeProfile:
    """How a person wants to be told: addresses, the language, and pairs of kind and channel."""

    email: str = ""
    webhook: str = ""
    language: str = wording.ENGLISH
    choices: frozenset[tuple[str, str]] = frozenset()


async def tell(
    connection: asyncpg.Connection,
    settings: Settings,
    cases: Sequence[int],
    why: str,
    *,
    roles: Sequence[str] = (),
    people: Sequence[str] = (),
) -> None:
    """Write notices of cases for the people of roles, for single people, and for the roles' addresses."""
    if not cases:
        return
    of_roles = [
        (channel, f"{ROLE}{role}")
        for channel, known in ((EMAIL, settings.notice_emails), (WEBHOOK, settings.notice_webhooks))
        for role in roles
        if role in known
    ]
    channels, recipients = [channel for channel, _ in of_roles], [name for _, name in of_roles]
    wait_s = settings.notice_after_s if why == "opened" else 0.0
    told = (list(roles), list(people), channels, recipients)
    await connection.execute(_ADD, list(cases), why, *told, wait_s, why == "opened")


async def profile(pool: asyncpg.Pool, person: Person) -> NoticeProfile:
    """How a person wants to be told; without a choice, not at all."""
    row = await pool.fetchrow(_PROFILE, person.name)
    if row is None:
        return NoticeProfile()
    pairs = (choice.partition(":") for choice in row["choices"])
    choices = frozenset((kind, channel) for kind, _, channel in pairs)
    return NoticeProfile(row["email"], row["webhook"], row["language"], choices)


async def choose(pool: asyncpg.Pool, settings: Settings, person: Person, wanted: NoticeProfile) -> None:
    """Keep how a person wants to be told.

    Raises:
        NotAllowed: this person does not work on cases.
        InvalidMessage: an address is not valid, or one that a chosen channel needs is missing.

    """
    require(person, Right.WORK_ON_CASES)
    if person.role not in {*LADDER, Role.OFFICER}:
        raise NotAllowed("your role may not do this")
    _check(settings, wanted)
    choices = sorted(f"{kind}:{channel}" for kind, channel in wanted.choices)
    await pool.execute(_SET, person.name, wanted.email, wanted.webhook, wanted.language, choices)


def _check(settings: Settings, wanted: NoticeProfile) -> None:
    known = {(kind, channel) for kind in CaseKind for channel in CHANNELS}
    if not wanted.choices <= known or wanted.language not in wording.LANGUAGES:
        raise InvalidMessage("not a choice of this page", path="choices", rule="content")
    if not _ADDRESS.fullmatch(wanted.email):
        raise InvalidMessage("an e-mail address is required", path="email", rule="content")
    if wanted.webhook:
        addresses.check(wanted.webhook, settings)
    for channel, address in ((EMAIL, wanted.email), (WEBHOOK, wanted.webhook)):
        if not address and any(chosen == channel for _, chosen in wanted.choices):
            raise InvalidMessage("the chosen channel needs an address", path=channel, rule="content")


async def for_browser(pool: asyncpg.Pool, person: str) -> list[tuple[int, str, str]]:
    """What the browsers of a person are to show now, each once: case, reason and kind."""
    rows = await pool.fetch(_BROWSER, person)
    return [(row["file"], row["why"], row["kind"]) for row in rows if not row["is_over"]]


def sentence(language: str, number: int, why: str, kind: str) -> str:
    """A notice in words."""
    said = wording.catalogue(language)
    text, title = WHY[why], TITLES[kind]
    return said.get(text, text).format(n=number, kind=said.get(title, title))
