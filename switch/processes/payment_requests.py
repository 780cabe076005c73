"""The caretaker's work on requests to pay: tie each to the payment that answers it, and end it in time.

It reads the ledger and moves nothing. The pain.014 that notifies the asker has an id that follows from the
request, so that what a crash interrupts is done again and nobody is notified twice.
"""

import uuid
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from schemas import codec
from schemas.parties import instant_text
from schemas.reasons import Reason
from switch.base.failpoints import failpoint
from switch.base.personal_data import KeyRing
from switch.base.sql import statements
from switch.payments import correspondence
from switch.payments.payment_requests import RequestState

AT_ONCE: Final = 100
_DEFINITION: Final = "pain.014.001.07"
_POSTED: Final = "posted"
_statement: Final = statements("switch.processes")
_ANSWERED: Final = _statement("answered_requests")
_END: Final = _statement("end_payment_request")
_NOTIFIED: Final = "SELECT EXISTS (SELECT FROM switch.correspondence WHERE id = $1)"


async def look(pool: asyncpg.Pool, keys: KeyRing) -> None:
    """One round."""
    paid: set[uuid.UUID] = set()
    for row in await pool.fetch(_ANSWERED, AT_ONCE):
        if row["uetr"] in paid:  # an older request of the same id has it
            continue
        if row["outcome"] == _POSTED:
            paid.add(row["uetr"])
            await _end(pool, keys, row, RequestState.PAID, "")
        elif row["over"] and not row["open"]:
            await _end(pool, keys, row, RequestState.EXPIRED, Reason.CUT_OFF_TIME)


async def _end(
    pool: asyncpg.Pool, keys: KeyRing, row: asyncpg.Record, state: RequestState, reason: str
) -> None:
    """Notify the asker, then end the request: it is ended only when the message is stored."""
    document = _report(row, reason)
    message_id = document["CdtrPmtActvtnReqStsRpt"]["GrpHdr"]["MsgId"]
    raw = codec.encode(_DEFINITION, document, media_type=codec.JSON)
    message = codec.decode(raw, media_type=codec.JSON)
    id_ = correspondence.identity(correspondence.SWITCH, message, message_id)
    if not await pool.fetchval(_NOTIFIED, id_):
        await correspondence.store(
            pool, keys, message, message_id=message_id, sender=None, receiver=row["asker"], uetr=row["uetr"]
        )
    failpoint("before_request_ended")
    await pool.execute(_END, row["id"], state, row["uetr"], reason)


def _report(row: asyncpg.Record, reason: str) -> dict[str, Any]:
    """The pain.014 of the switch: credited, or rejected because its time is over."""
    status = "RJCT" if reason else "ACCC"
    group: dict[str, Any] = {
        "OrgnlMsgId": row["message_id"],
        "OrgnlMsgNmId": row["definition"],
        "GrpSts": status,
    }
    text = _difference(row)
    if reason:
        group["StsRsnInf"] = [{"Rsn": {"Cd": reason}, "AddtlInf": ["it was not paid in time"]}]
    elif text:
        group["StsRsnInf"] = [{"Rsn": {"Cd": Reason.WRONG_AMOUNT}, "AddtlInf": [text]}]
    header = {
        "MsgId": uuid.uuid5(row["id"], status).hex,
        "CreDtTm": instant_text(datetime.now(UTC)),
        "InitgPty": {},
    }
    report: dict[str, Any] = {"GrpHdr": header, "OrgnlGrpInfAndSts": group}
    if not reason:
        paid = {"OrgnlUETR": str(row["uetr"]), "TxSts": status}
        report["OrgnlPmtInfAndSts"] = [{"OrgnlPmtInfId": "NOTPROVIDED", "TxInfAndSts": [paid]}]
    return {"CdtrPmtActvtnReqStsRpt": report}


def _difference(row: asyncpg.Record) -> str:
    """That another amount was paid than asked for; empty if not, or if that is in a third currency."""
    asked = row["currency"]
    if row["uetr"] is None or asked not in {row["credit_currency"], row["debit_currency"]}:
        return ""
    side = "credit" if asked == row["credit_currency"] else "debit"
    return "" if row[f"{side}_minor"] == row["minor"] else "another amount was paid than was asked for"
