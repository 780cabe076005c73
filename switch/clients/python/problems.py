"""What can go wrong: one exception for each type of problem (RFC 9457), and one for no answer."""

from collections.abc import Mapping
from typing import Any, ClassVar


class RequestRefused(Exception):
    """The switch refused the request. Each subclass is a type of problem in `/docs/problems`."""

    retryable: ClassVar[bool] = False
    """Whether the same request, unchanged, can succeed later."""

    def __init__(
        self, status: int, reason: str, detail: str, members: Mapping[str, Any] | None = None
    ) -> None:
        self.status = status
        """The HTTP status."""
        self.reason = reason
        """The ISO reason code, such as `AC04`; `NARR` if there is none."""
        self.detail = detail
        """The explanation for people."""
        self.members = dict(members or {})
        """The whole problem, as the switch sent it."""
        stated = self.members.get("errors")
        listed: list[Any] = stated if isinstance(stated, list) else []
        self.errors: list[dict[str, Any]] = [each for each in listed if isinstance(each, dict)]
        """Each mistake in the message: `path`, `message`, `rule`, and what is `expected`."""
        places = "".join(f"\n  at {error.get('path')}: {error.get('message')}" for error in self.errors)
        super().__init__(f"{status} {reason}: {detail}{places}")

    @property
    def name(self) -> str:
        """The name of the problem: the fragment of its `type`, such as `duplicate-uetr`."""
        return str(self.members.get("type", "")).partition("#")[2]


class SwitchError(RequestRefused):
    """An unexpected failure in the switch."""


class InvalidMessage(RequestRefused):
    """The message is not well formed, or not valid by its schema; `errors` has each mistake."""


class MessageTooLarge(InvalidMessage):
    """The message is larger than the endpoint accepts."""


class UnsupportedRepresentation(InvalidMessage):
    """The endpoint does not support this media type or content encoding."""


class InvalidParameter(InvalidMessage):
    """A parameter of the request is unknown, or its value is not valid."""


class InvalidAmount(InvalidMessage):
    """The amount is not a plain decimal number of its currency."""


class NotAuthentic(RequestRefused):
    """The request is not authenticated: the signature, the key or the clock is wrong."""


class NotAllowed(RequestRefused):
    """This participant may not do this."""


class NotFound(RequestRefused):
    """It does not exist, or this participant may not see it."""


class NotAcceptable(RequestRefused):
    """No representation is available that the request accepts."""


class CursorAhead(RequestRefused):
    """The log does not have this cursor: continue with `resume`, and drop what you concluded after it."""

    @property
    def resume(self) -> int:
        """The cursor to continue from."""
        return int(self.members["resume"])


class Changed(RequestRefused):
    """It was changed since you read it: read it again."""


class Refused(RequestRefused):
    """The message is valid, but the switch does not execute it."""


class DuplicateUetr(Refused):
    """This UETR or message id is already used with other content; nothing was changed."""


class EffectChanged(Refused):
    """The effect of a change is no longer the one that the vote was for."""


class TooManyRequests(RequestRefused):
    """Too many requests of this kind."""

    retryable = True


class Unavailable(RequestRefused):
    """The switch is temporarily unavailable; this request did nothing."""

    retryable = True


class BooksFrozen(Unavailable):
    """New payments are stopped while the operator examines the books."""


class Restoring(Unavailable):
    """The switch is closed after a restore of its database."""


class Overloaded(Unavailable):
    """The switch has more to do than it can; this request did nothing. Send less at once."""

    @property
    def retry_after_ms(self) -> int:
        """Milliseconds to wait before the same request."""
        return int(self.members["retry_after_ms"])


class OutcomeUnknown(RequestRefused):
    """The request may have been carried out: only the same message, with the same UETR, tells."""

    retryable = True


class NoAnswer(Exception):
    """Every try failed: the request may have been carried out.

    Read the payment, or send the same message again. Never pay in another
    way, or with a new UETR, before the outcome is known.
    """

    def __init__(self, text: str, last: RequestRefused | None = None) -> None:
        super().__init__(text)
        self.last = last
        """The last refusal; None if the last try had no response."""


def _tree(kind: type[RequestRefused]) -> dict[str, type[RequestRefused]]:
    found = {_name(kind): kind}
    for child in kind.__subclasses__():
        found |= _tree(child)
    return found


def _name(kind: type[RequestRefused]) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)[1:]


KINDS = _tree(RequestRefused)
"""Name of a problem -> its exception."""


def of(status: int, members: Mapping[str, Any]) -> RequestRefused:
    """The exception of a problem; a type that this client does not know yet is a `RequestRefused`."""
    name = str(members.get("type", "")).partition("#")[2]
    kind = KINDS.get(name, RequestRefused)
    return kind(status, str(members.get("reason", "NARR")), str(members.get("detail", "")), members)
