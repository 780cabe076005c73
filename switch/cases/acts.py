"""What people do with a case: take and assign it, write notes, attach files, have the rail asked again.

Each act is one transaction with a row of the case's history and an audit note. The log keeps the hashes of
notes and files, never their content: people may write names there.
"""

import hashlib
import uuid
from typing import Any, Final

import asyncpg

from adapters import registry
from schemas.errors import InvalidMessage, NotAllowed, NotFound, Refused
from schemas.reasons import Reason
from switch.base import personal_data
from switch.base.personal_data import Erased, KeyRing
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.cases import attachments, notices, officers
from switch.cases.model import LADDER, OF_OFFICERS, Case, CaseKind, case_of
from switch.identity.model import Person, Role
from switch.identity.permissions import Right, require
from switch.identity.sessions import person_of
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

NOTE_MAX: Final = 4000
_statement: Final = statements("switch.cases")
_LOCK: Final = _statement("lock_case")
_ACT: Final = _statement("add_act")
_ASKED: Final = _statement("asked")
_ATTACHED: Final = _statement("attached")
_ADD_ATTACHMENT: Final = _statement("add_attachment")
_ATTACHMENT: Final = _statement("attachment")
_OPEN_PAYMENT: Final = (
    "SELECT state, enquiries, EXISTS (SELECT FROM switch.restore_line AS l WHERE l.uetr = o.uetr) AS lost"
    " FROM switch.open_payment AS o WHERE uetr = $1"
)
_SET_OWNER: Final = "UPDATE switch.case_file SET owner = $2 WHERE number = $1"
_ACTIVE: Final = (
    "SELECT name, display_name, role, scope, status FROM switch.person"
    " WHERE name = $1 AND status = 'active' AND role = ANY($2)"
)
_WORK: Final = (*LADDER, Role.OFFICER)
"""Roles that work on cases; officers on those only about which they decide."""
_ADD_QUESTION: Final = "INSERT INTO switch.case_question (act, uetr) VALUES ($1, $2)"


async def assign(
    pool: asyncpg.Pool, settings: Settings, person: Person, number: int, owner: str | None
) -> None:
    """Give a case to a person: to oneself to take it, to a colleague, or to nobody.

    Raises:
        NotAllowed: this person does not work on cases.
        NotFound: no such case.
        Refused: the case is closed, or the owner does not work on cases.

    """
    require(person, Right.WORK_ON_CASES)
    async with pool.acquire() as connection, connection.transaction():
        case = await _open_case(connection, number, person)
        if owner == case.owner:
            return
        if owner is not None and not await _may_own(connection, owner, case):
            raise Refused(
                "nobody of this name works on cases",
                path="owner",
                reason=Reason.NARRATIVE,
                remedy="Name an active person whose role works on cases: GET /v1/people lists them.",
            )
        await connection.execute(_SET_OWNER, number, owner)
        kind, about = ("assigned", owner) if owner else ("released", case.owner or "")
        await connection.fetchval(_ACT, number, kind, person.name, about, "", None)
        await _note(connection, EventKind.CASE_ASSIGNED, case, person, owner=owner or "")
        if owner and owner != person.name:
            await notices.tell(connection, settings, [number], "assigned", people=[owner])


async def write(pool: asyncpg.Pool, person: Person, number: int, text: str) -> int:
    """Write a note, also on a closed case; return the number of the act.

    Raises:
        NotAllowed: this person does not work on cases.
        NotFound: no such case.
        InvalidMessage: the note is empty or too long.

    """
    require(person, Right.WORK_ON_CASES)
    text = text.strip()
    if not 0 < len(text) <= NOTE_MAX:
        raise InvalidMessage(f"a note has 1 to {NOTE_MAX} characters", path="text", rule="content")
    sha256 = hashlib.sha256(text.encode()).digest()
    async with pool.acquire() as connection, connection.transaction():
        case = await _locked(connection, number, person)
        act: int = await connection.fetchval(_ACT, number, "noted", person.name, "", text, sha256)
        await _note(connection, EventKind.CASE_NOTE, case, person, act=act, sha256=sha256.hex())
    return act


async def attach(  # noqa: PLR0917 - a file has a name, a type and a content
    pool: asyncpg.Pool, keys: KeyRing, person: Person, number: int, name: str, media_type: str, content: bytes
) -> int:
    """Attach a file; return the number of the act.

    Raises:
        NotAllowed: this person does not work on cases.
        NotFound: no such case.
        InvalidMessage: the file may not be attached; see `attachments.check`.
        Refused: the case has too many files.

    """
    require(person, Right.WORK_ON_CASES)
    attachments.check(name, media_type, content)
    sha256, id_ = hashlib.sha256(content).digest(), uuid.uuid4()
    sealer = keys.sealer(id_)
    sealed = sealer.seal(personal_data.CAME, content)
    async with pool.acquire() as connection, connection.transaction():
        case = await _locked(connection, number, person)
        has = await connection.fetchrow(_ATTACHED, number)
        if has["n"] >= attachments.FILES_MAX or has["octets"] + len(content) > attachments.OF_CASE_MAX:
            raise Refused(
                "the case has as many files as it can have",
                reason=Reason.NARRATIVE,
                remedy="Put further evidence into a note, or join files into one.",
            )
        act: int = await connection.fetchval(_ACT, number, "attached", person.name, "", "", sha256)
        row = (act, id_, name, media_type, len(content), sealed, sealer.sealed_key)
        await connection.execute(_ADD_ATTACHMENT, *row)
        facts = {"act": act, "sha256": sha256.hex(), "octets": len(content), "media_type": media_type}
        await _note(connection, EventKind.CASE_ATTACHMENT, case, person, **facts)
    return act


async def open_attachment(
    pool: asyncpg.Pool, keys: KeyRing, person: Person, number: int, act: int
) -> tuple[str, str, bytes]:
    """The name, the type and the content of an attached file; that a person read it is an audit note.

    Raises:
        NotAllowed: this person may not read cases.
        NotFound: there is no such file, or it was erased.

    """
    require(person, Right.READ_CASES)
    async with pool.acquire() as connection, connection.transaction():
        await _check_theirs(connection, await _locked(connection, number, person), person)
        row = await connection.fetchrow(_ATTACHMENT, number, act)
        if row is None:
            raise NotFound("no such attachment")
        try:
            content = keys.open(row["id"], personal_data.CAME, row["sealed_key"], row["body"])
        except Erased:
            raise NotFound("the attachment was erased") from None
        facts = {"case": number, "act": act, "sha256": row["sha256"], "person": person.name}
        await note(connection, EventKind.CASE_ATTACHMENT_READ, **facts)
    return row["name"], row["media_type"], content


async def ask(pool: asyncpg.Pool, settings: Settings, person: Person, number: int) -> int:
    """Have the caretaker ask the rail for the outcome once more; return the number of the act.

    Raises:
        NotAllowed: this person does not work on cases.
        NotFound: no such case.
        Refused: there is nothing to ask, or it was asked often enough in the last hour.

    """
    require(person, Right.WORK_ON_CASES)
    async with pool.acquire() as connection, connection.transaction():
        case = await _open_case(connection, number, person)
        await _check_question(connection, settings, case)
        act: int = await connection.fetchval(_ACT, number, "asked", person.name, "", "", None)
        await connection.execute(_ADD_QUESTION, act, case.uetr)
        await _note(connection, EventKind.CASE_QUESTION, case, person, act=act, uetr=str(case.uetr))
    return act


async def _check_question(connection: asyncpg.Connection, settings: Settings, case: Case) -> None:
    """Raise if the rail must not be asked now."""
    row = await connection.fetchrow(_OPEN_PAYMENT, case.uetr) if case.kind is CaseKind.UNKNOWN else None
    if row is None or row["state"] != "UNKNOWN":
        raise Refused(
            "a rail is asked only about a payment whose outcome is unknown",
            reason=Reason.NARRATIVE,
            remedy="Read the payment's state with GET /v1/payments/{uetr}: a final one needs no question.",
        )
    if row["lost"]:
        raise Refused(
            "a restore lost this payment: two people decide about it",
            reason=Reason.NARRATIVE,
            remedy="Request payment.resolve with the evidence of the rail, which a second person approves.",
        )
    if case.rail not in settings.rails:
        raise Refused(
            "this rail is not connected",
            reason=Reason.NARRATIVE,
            remedy=(
                "Connect the rail (the setting PAYSWITCH_RAILS), or take the outcome from the rail's own"
                " report."
            ),
        )
    timing = registry.profile(case.rail).timing
    if timing.enquiries_ruled and row["enquiries"] >= timing.enquiries_max:
        raise Refused(
            "the rules of this rail permit no further enquiry",
            reason=Reason.NARRATIVE,
            remedy="Take the outcome from the rail's report of the day, and request payment.resolve.",
        )
    asked = await connection.fetchrow(_ASKED, case.number)
    if asked["waits"]:
        raise Refused(
            "the rail is being asked already",
            reason=Reason.NARRATIVE,
            remedy="Wait for the answer: GET /v1/cases/{number} shows it.",
        )
    if asked["n"] >= settings.case_questions_per_hour:
        raise Refused(
            "the rail was asked about this case as often as an hour permits: ask again later",
            reason=Reason.NARRATIVE,
            remedy=(
                "Ask again in an hour, or call the rail: GET /v1/cases/{number} has the payment's references."
            ),
        )


async def _open_case(connection: asyncpg.Connection, number: int, person: Person) -> Case:
    case = await _locked(connection, number, person)
    if case.closed_at is not None:
        raise Refused(
            "the case is closed: what it was about has ended",
            reason=Reason.NARRATIVE,
            remedy="Nothing is left to do; what is new about the same matter opens a case of its own.",
        )
    return case


async def _locked(connection: asyncpg.Connection, number: int, person: Person) -> Case:
    """The case, if this person may see it."""
    row = await connection.fetchrow(_LOCK, number)
    if row is None:
        raise NotFound("no such case")
    case = case_of(row)
    if person.role is Role.OFFICER and not await _decides(connection, person, case):
        raise NotFound("no such case")
    return case


async def _decides(connection: asyncpg.Connection, person: Person, case: Case) -> bool:
    """Whether a person decides about the held payment of a case."""
    if case.kind not in OF_OFFICERS:
        return False
    return officers.decides(person, await officers.decided_by(connection, case.participant), case.participant)


async def _check_theirs(connection: asyncpg.Connection, case: Case, person: Person) -> None:
    """Leave the files of a held payment to those who decide about it, and to auditors."""
    if case.kind not in OF_OFFICERS or person.role is Role.AUDITOR:
        return
    if not await _decides(connection, person, case):
        raise NotAllowed(officers.OTHERS)


async def _may_own(connection: asyncpg.Connection, name: str, case: Case) -> bool:
    """Whether a person may be the owner of a case."""
    row = await connection.fetchrow(_ACTIVE, name, list(_WORK))
    if row is None:
        return False
    owner = person_of(row)
    return owner.role in LADDER or await _decides(connection, owner, case)


async def _note(
    connection: asyncpg.Connection, kind: EventKind, case: Case, person: Person, **facts: Any
) -> None:
    """An audit note; what a suspended person does at the same moment is refused."""
    if await connection.fetchrow(_ACTIVE, person.name, list(_WORK)) is None:
        raise NotAllowed("your account is not active")
    await note(connection, kind, case=case.number, subject=case.subject, person=person.name, **facts)
