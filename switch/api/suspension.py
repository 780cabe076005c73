"""What a suspended participant may still do: make enquiries, and repeat messages that were decided.

It cannot move money or send requests to others. But it gets the status of what was decided before, by an
enquiry or by the same message again.
"""

from schemas import payment_return
from schemas.codec import Message
from schemas.errors import NotAllowed
from switch.api.receiving import Received
from switch.payments import correspondence
from switch.payments.directory import Participant

TEXT = "this participant is suspended"


def require_active(participant: Participant) -> None:
    """Refuse an action that only an active participant may do.

    Raises:
        NotAllowed: it is suspended.

    """
    if participant.status != "active":
        raise NotAllowed(TEXT)


async def check(received: Received) -> None:
    """Refuse a message that would have an effect, unless it is a repetition.

    Raises:
        NotAllowed: its sender is suspended, and it was not accepted before.

    """
    if received.sender.status == "active":
        return
    message_id = _message_id(received.message)
    runtime = received.runtime
    if message_id is None or not await correspondence.is_known(
        runtime.pool, runtime.keys, received.message, message_id=message_id, sender=received.sender.id
    ):
        raise NotAllowed(TEXT)


def _message_id(message: Message) -> str | None:
    """The id under which an accepted message is stored; None if it is not stored."""
    (content,) = message.document.values()
    match message.id[:8]:
        case "pacs.004":
            asked = payment_return.read(message)
            return asked.id or asked.message_id
        case "camt.056" | "camt.029":
            assignment: str = content["Assgnmt"]["Id"]
            return assignment
        case "camt.110":
            question: str = content["InvstgtnReq"]["MsgId"]
            return question
        case "camt.111":
            said: str = content["InvstgtnRspn"]["MsgId"]
            return said
        case "pain.013" | "pain.014":
            group: str = content["GrpHdr"]["MsgId"]
            return group
        case _:
            return None
