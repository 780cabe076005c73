"""What a suspended participant may still do: make enquiries, and repeat messages that were decided.

It cannot move money or send requests to others. But it gets the status of what was decided before, by an
enquiry or by the same message again.
"""

from schemas.errors import NotAllowed
from switch.api import message_ids
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
    found, runtime = message_ids.find(received.message), received.runtime
    if found is None or not await correspondence.is_known(
        runtime.pool, runtime.keys, received.message, message_id=found[1], sender=received.sender.id
    ):
        raise NotAllowed(TEXT)
