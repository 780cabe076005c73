"""A message about a payment names it by its UETR; what else it names must be that payment's too.

Ids but the UETR are unique for their sender alone. One that belongs to another payment means that the message
is about another one, or about nobody knows which: it is refused, and nothing is done.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from schemas import codec, credit_transfer
from schemas.errors import NotFound, Refused
from schemas.reasons import Reason
from switch.api.door import Entered
from switch.base import personal_data
from switch.base.personal_data import Erased

_NOT_PROVIDED: Final = "NOTPROVIDED"
_END_TO_END: Final = "OrgnlEndToEndId"


async def check(entered: Entered, payment: Mapping[str, Any], stated: Mapping[str, str | None]) -> None:
    """Hold the ids that a message states (by ISO tag) against the payment of its UETR.

    The creditor agent may know the payment by the ids of its rail, so of it only the end-to-end id is held
    against the payment, and the rail's reference will do. Of an erased payment nothing is known any more.

    Raises:
        Refused: an id is another payment's; the path names it.

    """
    given = {tag: value for tag, value in stated.items() if value and value != _NOT_PROVIDED}
    if entered.sender.id != payment.get("debtor_agent"):
        given = {tag: value for tag, value in given.items() if tag == _END_TO_END}
    if not given:
        return
    ours = await _ids(entered, payment)
    for tag, value in given.items():
        if ours and value not in {ours.get(tag), payment.get("rail_reference")}:
            raise Refused(
                "is of another payment than the UETR", reason=Reason.ELEMENT_CONTENT_INCORRECT, path=tag
            )


async def _ids(entered: Entered, payment: Mapping[str, Any]) -> Mapping[str, str | None]:
    """The ids of a payment as its sender wrote them; none where the message is gone."""
    uetr = UUID(payment["uetr"])
    try:
        raw = await personal_data.read(entered.runtime.pool, entered.runtime.keys, uetr, personal_data.CAME)
    except (Erased, NotFound):
        return {}
    sent = credit_transfer.read(codec.again(raw, payment["message"]))
    return {
        "OrgnlMsgId": sent.message_id,
        "OrgnlInstrId": sent.instruction_id,
        _END_TO_END: sent.end_to_end_id,
        "OrgnlTxId": sent.transaction_id,
    }
