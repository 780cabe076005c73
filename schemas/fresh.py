"""Turn a message into a new one with new ids and present dates, for examples and tests.

A published example has ids that others have used and past dates; the switch refuses both. Everything else
stays unchanged.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from schemas import codec
from schemas.parties import instant_text

_ORIGINAL_UETR: Final = "OrgnlUETR"
_ORIGINAL_MESSAGE: Final = "OrgnlMsgId"
_ASSIGNMENT: Final = "Assgnmt"
"""Its `Id` is the id of the message."""
_QUESTIONS: Final = frozenset({"InvstgtnReq", "OrgnlInvstgtnReq"})
"""A question about a payment, in its own message and in the answer: the ids must be the same in both."""
_NAMESPACE: Final = UUID("3b0f5a0e-5f0c-4d55-9d6b-0c1a8e1f7a42")
_IDS: Final = frozenset(
    {"RqstrInvstgtnId", "MsgId", "InstrId", "EndToEndId", "TxId", "BizMsgIdr", "RtrId", "CxlId", "PmtInfId"}
)
_INSTANTS: Final = frozenset({"CreDtTm", "AccptncDtTm", "CreDt"})
_DAYS: Final = frozenset({"IntrBkSttlmDt", "ReqdExctnDt", "ReqdColltnDt"})


def refreshed(raw: bytes, *, original: str = "", now: datetime | None = None) -> bytes:
    """Make a message with new ids and today's dates, in the same representation.

    Args:
        raw: A message, XML or JSON.
        original: UETR of the earlier payment to which the message refers, or id of the earlier message.
        now: The new instant of the message; default: the present.

    Raises:
        InvalidMessage: it is not a valid message.

    """
    media_type = codec.representation(raw)
    message = codec.inspect(raw, media_type=media_type)
    made = _Fresh(original, now or datetime.now(UTC))
    header = made.within(message.header) if message.header is not None else None
    document = made.within(message.document)
    return codec.encode(
        message.id, document, media_type=media_type, header=header, header_id=message.header_id
    )


class _Fresh:
    """Replaces values; the same old id gets the same new id everywhere in the message."""

    def __init__(self, original: str, now: datetime) -> None:
        self._original = original
        self._now = now
        self._ids: dict[str, str] = {}

    def within(self, content: Any) -> Any:
        """The content with new ids and dates."""
        if isinstance(content, Mapping):
            return {name: self._value(name, value) for name, value in content.items()}
        if isinstance(content, list | tuple):
            return [self.within(one) for one in content]
        return content

    def _value(self, name: str, value: Any) -> Any:
        if name in _QUESTIONS and self._original:
            return _Question(self._original, self._now).within(value)
        if name == _ASSIGNMENT and "Id" in value:
            return {**self.within(value), "Id": self._id(value["Id"])}
        if not isinstance(value, str):
            return self._day(value) if name in _DAYS and isinstance(value, Mapping) else self.within(value)
        new: Mapping[str, Callable[[str], str]] = {
            "UETR": lambda _: str(uuid.uuid4()),
            _ORIGINAL_UETR: lambda old: self._original if _is_uetr(self._original) else old,
            _ORIGINAL_MESSAGE: lambda old: self._original or old,
            **dict.fromkeys(_IDS, self._id),
            **dict.fromkeys(_INSTANTS, self._instant),
            **dict.fromkeys(_DAYS, lambda _: self._now.date().isoformat()),
        }
        return new[name](value) if name in new else value

    def _instant(self, old: str) -> str:
        """The present, with a `Z` if the old value had one: head.001.001.01 allows no other zone."""
        text = instant_text(self._now)
        return text.replace("+00:00", "Z") if old.endswith("Z") else text

    def _id(self, old: str) -> str:
        return self._ids.setdefault(old, uuid.uuid4().hex)

    def _day(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        """A choice of a date and a time."""
        today = {"Dt": self._now.date().isoformat(), "DtTm": instant_text(self._now)}
        return {name: today.get(name, value) for name, value in choice.items()}


class _Question(_Fresh):
    """Replaces the ids of a question about a payment by ids that follow from the payment."""

    def _id(self, old: str) -> str:
        return uuid.uuid5(_NAMESPACE, f"{self._original}/{old}").hex


def _is_uetr(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
