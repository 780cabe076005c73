"""What a suspended participant may still do: ask where things stand, and repeat what was decided.

It moves nothing and asks nobody for anything. But the state of what was decided before is told as ever: to a
question, and to the same message again.
"""

from schemas import payment_return
from schemas.codec import Message
from schemas.errors import NotAllowed
from switch.api.door import Entered
from switch.payments import correspondence
from switch.payments.directory import Participant

TEXT = "this participant is suspended"


def require_active(participant: Participant) -> None:
    """Refuse what only a participant that is not suspended may do.

    Raises:
        NotAllowed: it is suspended.

    """
    if participant.status != "active":
        raise NotAllowed(TEXT)


async def check(entered: Entered) -> None:
    """Refuse a message that would do something, unless it is the same message again.

    Raises:
        NotAllowed: its sender is suspended, and it was not taken before.

    """
    if entered.sender.status == "active":
        return
    message_id = _message_id(entered.message)
    runtime = entered.runtime
    if message_id is None or not await correspondence.is_known(
        runtime.pool, runtime.keys, entered.message, message_id=message_id, sender=entered.sender.id
    ):
        raise NotAllowed(TEXT)


def _message_id(message: Message) -> str | None:
    """By what a message that was taken is remembered; None where nothing is."""
    (content,) = message.document.values()
    match message.id[:8]:
        case "pacs.004":
            asked = payment_return.read(message)
            return asked.id or asked.message_id
        case "camt.056" | "camt.029":
            assignment: str = content["Assgnmt"]["Id"]
            return assignment
        case "pain.013" | "pain.014":
            group: str = content["GrpHdr"]["MsgId"]
            return group
        case _:
            return None
