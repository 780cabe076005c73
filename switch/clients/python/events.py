"""Events: one model for pages, the stream and webhooks; the text of a stream; and where to resume."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One event, in the form of CloudEvents 1.0. Keep `id`: it is the cursor to resume from."""

    id: int
    type: str
    """Such as `payment.posted` or `message.received`."""
    subject: str
    """The UETR of the payment, the number of the message, or the id of the key."""
    time: str
    data: dict[str, Any]
    document: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The whole event, as it came."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Event":
        """Read an event of the API or of a webhook."""
        return cls(
            int(document["id"]),
            document["type"],
            document["subject"],
            document["time"],
            document["data"],
            dict(document),
        )


class Lines:
    """Read the lines of one stream (server-sent events)."""

    def __init__(self) -> None:
        self._data: list[str] = []

    def read(self, line: str) -> Event | None:
        """Take one line; get the event that it completes."""
        if line.startswith("data:"):
            self._data.append(line[5:].lstrip(" "))
        elif not line and self._data:
            text = "\n".join(self._data)
            self._data.clear()
            return Event.of(json.loads(text))
        return None
