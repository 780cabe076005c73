"""Two people answer an investigation: what its bank did not answer in time, or no bank could be asked.

The answer goes to the bank that asked, as a camt.111 of the switch. It moves no money.
"""

from types import MappingProxyType
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import msgspec

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.effects import NOTHING, Effect, Resource, Row, Subject, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements

_statement: Final = statements("switch.participants")
_OPEN: Final = _statement("investigation_of_people")
_ANSWER: Final = _statement("answer_of_people")
STATES: Final = MappingProxyType(
    {
        "waiting": term("waits for the outcome of the payment"),
        "asked": term("waits for an answer"),
        "people": term("for people of the operator"),
        "answered": term("answered"),
        "rejected": term("cannot be answered"),
        "withdrawn": term("withdrawn by its bank"),
    }
)
"""The states of an investigation."""
TYPES: Final = MappingProxyType(
    {
        "CCNR": term("the creditor claims non-receipt (CCNR)"),
        "CONR": term("the creditor agent claims non-receipt of settlement (CONR)"),
        "UTAP": term("the credit cannot be applied (UTAP)"),
        "RQFI": term("further information is requested (RQFI)"),
        "RQCH": term("about charges (RQCH)"),
        "RQUF": term("compensation for the use of funds (RQUF)"),
        "RQVA": term("another value date is requested (RQVA)"),
        "OTHR": term("another question (OTHR)"),
    }
)
"""The types of investigations (ExternalInvestigationType1Code), and what they mean."""
STATUSES: Final = MappingProxyType(
    {"CLSD": term("answered (CLSD)"), "RJCT": term("cannot be answered (RJCT)")}
)
"""What people answer (ExternalInvestigationStatus1Code)."""
PENDING: Final = term("work in progress (PDNG)")
"""What a bank may state beside."""
REASONS: Final = MappingProxyType(
    {
        "ARDT": term("already returned (ARDT)"),
        "CACR": term("a recall was sent (CACR)"),
        "LEGL": term("not for legal reasons (LEGL)"),
        "NOAD": term("no additional information (NOAD)"),
        "NOAS": term("no reply from the customer (NOAS)"),
    }
)
"""Why, where a code says it (ExternalInvestigationStatusReason1Code)."""
STATUS_REASONS: Final = MappingProxyType(
    {
        **REASONS,
        "ADAC": term("awaits the customer's debit authorisation (ADAC)"),
        "AGNT": term("the wrong agent was asked (AGNT)"),
        "ARJT": term("the payment was refused (ARJT)"),
        "ARPL": term("awaits a reply from the customer (ARPL)"),
        "CAPR": term("closed as requested (CAPR)"),
        "DU01": term("a duplicate of another question (DU01)"),
        "ESCA": term("escalated to the operator (ESCA)"),
        "FTNA": term("passed on to the other bank (FTNA)"),
        "G004": term("awaits the credit of the cover (G004)"),
        "INIT": term("the type of the question is wrong (INIT)"),
        "INPO": term("awaits the outcome of the payment (INPO)"),
        "NARR": term("the response explains it (NARR)"),
        "NOOR": term("no such payment was received (NOOR)"),
        "PARE": term("answered in part, more follows (PARE)"),
        "RR04": term("regulatory reason (RR04)"),
    }
)
"""Every code of the list, as pages say it."""
ANSWERED_BY: Final = MappingProxyType(
    {"books": term("the books of the switch"), "people": term("people of the operator")}
)
"""Who answered, where it was no bank."""
TONES: Final = MappingProxyType(
    {"waiting": "busy", "asked": "busy", "people": "warn", "answered": "good", "rejected": "idle"}
)
"""The tone of each state; a withdrawn one is over."""
_OUTCOMES: Final = MappingProxyType({"CLSD": "answered", "RJCT": "rejected"})


class AnswerInvestigation(Content, frozen=True, kw_only=True):
    """Answer an investigation for the bank that was asked. It moves no money."""

    investigation: Annotated[
        str,
        msgspec.Meta(
            title="Investigation",
            pattern="^[0-9a-f]{32}$",
            description="32 hexadecimal digits, as its case has",
        ),
    ]
    status: Annotated[Literal["CLSD", "RJCT"], msgspec.Meta(title="Status of the answer")]
    answer: Annotated[
        str, msgspec.Meta(title="Answer for the bank, without personal data", min_length=1, max_length=500)
    ]
    reason: Annotated[
        Literal["ARDT", "CACR", "LEGL", "NOAD", "NOAS"] | None, msgspec.Meta(title="Reason of the answer")
    ] = None


async def _open(connection: asyncpg.Connection, content: AnswerInvestigation) -> asyncpg.Record:
    row = await connection.fetchrow(_OPEN, UUID(content.investigation))
    if row is None:
        raise _nothing()
    return row


def _nothing() -> Refused:
    return Refused(
        "no such investigation awaits an answer",
        reason=Reason.NARRATIVE,
        path="investigation",
        remedy="Use the id of a case of kind investigation that is open (GET /v1/cases).",
    )


async def _check(connection: asyncpg.Connection, content: AnswerInvestigation) -> None:
    if content.status == "RJCT" and content.reason is None:
        raise Refused(
            "an investigation that cannot be answered needs a reason",
            reason=Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING,
            path="reason",
            remedy="Choose a reason, or answer with CLSD.",
        )
    await _open(connection, content)


async def _effect(connection: asyncpg.Connection, content: AnswerInvestigation) -> Effect:
    row = await connection.fetchrow(_OPEN, UUID(content.investigation))
    now = NOTHING if row is None else STATES[row["state"]]
    rows = [Row(content.investigation, now, STATES[_OUTCOMES[content.status]])]
    if row is not None:
        rows.append(Row(term("Told to"), NOTHING, row["asker"]))
    return Effect(tuple(rows))


async def _links(connection: asyncpg.Connection, content: AnswerInvestigation) -> tuple[Resource, ...]:
    found = Resource(Subject.INVESTIGATION, content.investigation)
    row = await connection.fetchrow(_OPEN, UUID(content.investigation))
    return (found,) if row is None else (found, Resource(Subject.PAYMENT, row["uetr"]))


async def _answer(execution: Execution, content: AnswerInvestigation) -> None:
    values = (UUID(content.investigation), _OUTCOMES[content.status], content.reason or "", content.answer)
    asker = await execution.connection.fetchval(_ANSWER, *values)
    if asker is None:
        raise _nothing()
    execution.outcome = f"the investigation of {asker} is answered"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "investigation.answer",
        "Answer an investigation",
        AnswerInvestigation,
        _answer,
        _check,
        effect=_effect,
        links=_links,
    ),
)
