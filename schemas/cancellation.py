"""camt.056 and camt.029: a cancellation request, and the resolution of investigation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.codec import Message
from schemas.errors import Refused
from schemas.parties import Content, first_of, instant_text
from schemas.reasons import Reason

REQUEST: Final = "FIToFIPmtCxlReq"
RESOLUTION: Final = "RsltnOfInvstgtn"
DEFAULT_RESOLUTION: Final = "camt.029.001.09"

CANCELLED: Final = "CNCL"
PENDING: Final = "PDCR"
REJECTED: Final = "RJCR"
ALREADY_RETURNED: Final = "ARDT"
NO_ORIGINAL: Final = "NOOR"
NO_ANSWER: Final = "NOAS"
NARRATIVE: Final = "NARR"
_REFERENCES: Final = ("OrgnlGrpInf", "OrgnlInstrId", "OrgnlEndToEndId", "OrgnlTxId", "OrgnlUETR")


@dataclass(frozen=True, slots=True)
class CancellationRequest:
    """The cancellation request of one payment."""

    id: str
    assigner: Content
    assignee: Content
    uetr: str
    reason: str | None
    """ExternalCancellationReason1Code, or the sender's own code."""
    references: Content
    """The references of the payment as received; the response repeats them."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The answer to a cancellation request."""

    id: str
    assigner: Content
    assignee: Content
    uetr: str
    confirmation: str
    """ExternalInvestigationExecutionConfirmation1Code: CNCL, PDCR, RJCR."""
    reason: str | None
    references: Content
    """The references of the payment as received."""


def read(message: Message) -> CancellationRequest:
    """Read a camt.056.

    Raises:
        Refused: it is not about exactly one payment, or has no UETR.

    """
    content = message.document[REQUEST]
    underlying = content["Undrlyg"]
    transactions = [one for part in underlying for one in part.get("TxInf", [])]
    if len(transactions) != 1 or any("OrgnlGrpInfAndCxl" in part for part in underlying):
        raise _wrong("must be about one transaction", f"{REQUEST}/Undrlyg")
    (transaction,) = transactions
    if "OrgnlUETR" not in transaction:
        raise _missing(f"{REQUEST}/Undrlyg/TxInf/OrgnlUETR")
    (cause, *_) = transaction.get("CxlRsnInf") or [{}]
    assignment = content["Assgnmt"]
    return CancellationRequest(
        id=assignment["Id"],
        assigner=assignment["Assgnr"],
        assignee=assignment["Assgne"],
        uetr=transaction["OrgnlUETR"],
        reason=first_of(cause.get("Rsn")),
        references=_references(transaction),
    )


def _references(transaction: Content) -> Content:
    return {tag: transaction[tag] for tag in _REFERENCES if tag in transaction}


def build_resolution(
    request: CancellationRequest,
    *,
    resolution_id: str,
    created_at: datetime,
    confirmation: str,
    reason: str | None = None,
    information: str = "",
) -> dict[str, Any]:
    """Build the document of a camt.029 in response to `request`.

    `reason` and `information`, at most 105 characters, state why it is rejected.
    """
    details: Content = {"CxlStsId": resolution_id, **request.references}
    if reason:
        cause: Content = {"Rsn": {"Cd": reason}}
        if information:
            cause["AddtlInf"] = [information]
        details["CxlStsRsnInf"] = [cause]
    return {
        RESOLUTION: {
            "Assgnmt": {
                "Id": resolution_id,
                "Assgnr": request.assignee,
                "Assgne": request.assigner,
                "CreDtTm": instant_text(created_at),
            },
            "Sts": {"Conf": confirmation},
            "CxlDtls": [{"TxInfAndSts": [details]}],
        }
    }


def read_resolution(message: Message) -> Resolution:
    """Read a camt.029.

    Raises:
        Refused: it is not about exactly one payment, or has no UETR or no confirmation.

    """
    content = message.document[RESOLUTION]
    transactions = [one for part in content.get("CxlDtls", []) for one in part.get("TxInfAndSts", [])]
    if len(transactions) != 1:
        raise _wrong("must be about one transaction", f"{RESOLUTION}/CxlDtls/TxInfAndSts")
    (transaction,) = transactions
    if "OrgnlUETR" not in transaction:
        raise _missing(f"{RESOLUTION}/CxlDtls/TxInfAndSts/OrgnlUETR")
    confirmation = content["Sts"].get("Conf")
    if confirmation is None:
        raise _missing(f"{RESOLUTION}/Sts/Conf")
    (cause, *_) = transaction.get("CxlStsRsnInf") or [{}]
    assignment = content["Assgnmt"]
    return Resolution(
        id=assignment["Id"],
        assigner=assignment["Assgnr"],
        assignee=assignment["Assgne"],
        uetr=transaction["OrgnlUETR"],
        confirmation=confirmation,
        reason=first_of(cause.get("Rsn")),
        references=_references(transaction),
    )


def _wrong(text: str, path: str) -> Refused:
    return Refused(text, reason=Reason.CONTENT_INCORRECT, path=path)


def _missing(path: str) -> Refused:
    return Refused("is missing", reason=Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING, path=path)
