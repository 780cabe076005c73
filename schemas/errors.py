"""All errors that a caller can get, as one tree.

SwitchError                        500  MS03
├─ InvalidMessage                  400  FF01   not well formed, not valid, or not for this endpoint
│  ├─ MessageTooLarge              413  FF01
│  ├─ UnsupportedRepresentation    415  FF01   media type or content encoding
│  ├─ InvalidParameter             400  FF01   an unknown query or path parameter, or a wrong value
│  └─ InvalidAmount                400  AM12   the text of the amount is not valid
├─ NotAuthentic                    401  DS0H   no valid signature or key
├─ NotAllowed                      403  AG01   authenticated, but not permitted
├─ NotFound                        404  NARR   does not exist, or the caller may not see it
├─ NotAcceptable                   406  NARR   no representation that `Accept` allows
├─ CursorAhead                     409  NARR   a cursor names an event that the log does not have
├─ Changed                         412  NARR   `If-Match` names a state that is no longer the present one
├─ TooManyRequests                 429  NARR   slow down: `Retry-After` states how long to wait
├─ Refused                         422         a valid message that the switch does not execute
│  ├─ DuplicateUetr                409  DUPL   the UETR or message id is used with other content
│  └─ EffectChanged                409  NARR   a vote on a change whose effect is now another one
├─ Unavailable                     503  AB10   nothing was done: try again after `Retry-After`
│  ├─ BooksFrozen                  503  AB10   no new payments until the operator ends the freeze
│  ├─ Restoring                    503  AB10   closed after a restore of the database
│  └─ Overloaded                   503  AB10   more messages than the switch can carry: `Retry-After-Ms`
└─ OutcomeUnknown                  503  NARR   it may be done: repeat the same request to find out

A class has the HTTP `status`, the ISO `reason` and whether a retry can help; the default text is the
docstring of the class and never contains what the caller sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from schemas import wording
from schemas.catalogue.model import Value
from schemas.reasons import Reason

MOST_PROBLEMS = 100
"""The largest number of listed problems of one message."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a message, and its place."""

    path: str
    """Element names, as in `SwitchError.path`."""
    rule: str
    """Name of the broken rule."""
    text: str
    """Text for people; it never contains data of the sender."""
    line: int | None = None
    """Line of the element in the received XML, from 1; None for JSON and if the place is not known."""
    column: int | None = None
    """Column in characters, from 1."""
    expected: str | None = None
    """The allowed values by the schema: codes, a format with an example, or element names."""


class SwitchError(Exception):
    """Unexpected failure in the switch."""

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    retry_after_s: ClassVar[int] = 1
    """Seconds to wait before a retry, if a retry can help."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        reason: str | None = None,
        path: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.reason: str = reason or self.default_reason
        self.path = path
        """Path in the message, as element names: `FIToFICstmrCdtTrf/CdtTrfTxInf/IntrBkSttlmAmt`."""
        self.remedy = remedy
        """What the caller can do, where the rule and the reason do not say it: `schemas.remedies`."""
        super().__init__(self.detail)

    default_reason: ClassVar[Reason] = Reason.REASON_NOT_SPECIFIED


class InvalidMessage(SwitchError):
    """The message is not well formed or not valid by its schema."""

    status = 400
    default_reason = Reason.INVALID_FILE_FORMAT

    def __init__(
        self,
        detail: str | None = None,
        *,
        reason: Reason | None = None,
        path: str | None = None,
        rule: str = "schema",
        expected: Value | str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(detail, reason=reason, path=path, remedy=remedy)
        self.rule = rule
        """Name of the broken rule: `length`, `missing`, `doctype`, `duplicate-key`."""
        self.expected = expected
        """The expected value type, or a description of the expected value."""
        self.line: int | None = None
        self.column: int | None = None
        self.elements: tuple[Any, ...] = ()
        """XML elements, one for each of `problems`, until their places are known."""
        self._problems: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, at most `MOST_PROBLEMS`: this error and the others that were found."""
        return self._problems or (self.as_problem(),)

    @problems.setter
    def problems(self, found: tuple[Problem, ...]) -> None:
        self._problems = found

    def as_problem(self) -> Problem:
        """This error as a problem."""
        return Problem(
            self.path or "", self.rule, self.detail, self.line, self.column, wording.in_words(self.expected)
        )

    def within(self, tag: str) -> "InvalidMessage":
        """Put `tag` before the path: the same error as seen from the enclosing element."""
        self.path = f"{tag}/{self.path}" if self.path else tag
        return self


class MessageTooLarge(InvalidMessage):
    """The message is larger than the endpoint accepts."""

    status = 413


class UnsupportedRepresentation(InvalidMessage):
    """The endpoint does not support this media type or content encoding."""

    status = 415


class InvalidParameter(InvalidMessage):
    """A parameter of the request is unknown, or its value is not valid."""


class InvalidAmount(InvalidMessage):
    """The amount is not a plain decimal number of its currency."""

    status = 422
    """Form and currency may both be valid: what is refused is the one in the other."""
    default_reason = Reason.INVALID_AMOUNT


class NotAuthentic(SwitchError):
    """The request is not authenticated."""

    status = 401
    default_reason = Reason.SIGNER_NOT_ALLOWED


class NotAllowed(SwitchError):
    """The caller may not do this."""

    status = 403
    default_reason = Reason.TRANSACTION_FORBIDDEN


class NotFound(SwitchError):
    """It does not exist, or the caller may not see it."""

    status = 404
    default_reason = Reason.NARRATIVE


class NotAcceptable(SwitchError):
    """No representation is available that the request accepts."""

    status = 406
    default_reason = Reason.NARRATIVE


class CursorAhead(SwitchError):
    """The cursor is an event that the log does not have, or no longer has after a restore."""

    status = 409
    default_reason = Reason.NARRATIVE

    def __init__(self, detail: str, resume: int) -> None:
        super().__init__(detail)
        self.resume = resume
        """The cursor to continue from."""


class Changed(SwitchError):
    """It was changed since the caller read it; nothing was done. Read it again."""

    status = 412
    default_reason = Reason.NARRATIVE


class TooManyRequests(SwitchError):
    """Too many requests of this kind; `Retry-After` states when to try again."""

    status = 429
    retryable = True
    default_reason = Reason.NARRATIVE


class Refused(SwitchError):
    """The message is valid, but the switch does not execute it."""

    status = 422
    problems: tuple[Problem, ...] = ()
    """The broken rules of the scheme, if they are the reason; at most `MOST_PROBLEMS`."""

    @property
    def placed(self) -> str:
        """The detail after its path, for a response with a single text."""
        stated = not self.path or self.detail.startswith(self.path)
        return self.detail if stated else f"{self.path}: {self.detail}"


class DuplicateUetr(Refused):
    """This UETR or message id is already used with other content; nothing was changed."""

    status = 409
    default_reason = Reason.DUPLICATE_PAYMENT


class EffectChanged(Refused):
    """The effect of this change is no longer the one that the vote was for; nothing was changed."""

    status = 409
    default_reason = Reason.NARRATIVE

    def __init__(self, effect: Mapping[str, Any] | None) -> None:
        super().__init__()
        self.effect = effect
        """The present effect."""


class Unavailable(SwitchError):
    """The switch is temporarily unavailable. Nothing was done; try again."""

    status = 503
    retryable = True
    """This request did nothing. It states nothing about an earlier one without a response."""
    default_reason = Reason.ERROR_INSTRUCTED_AGENT


class BooksFrozen(Unavailable):
    """New payments are stopped while the operator examines the books; nothing was done with this one."""

    retry_after_s = 60


class Restoring(Unavailable):
    """The switch is closed after a restore of its database; nothing was done. Resend the message later."""

    retry_after_s = 60


class Overloaded(Unavailable):
    """The switch has more to do than it can. Nothing was done; send the same again after `Retry-After-Ms`."""

    def __init__(self, detail: str | None = None, *, retry_after_ms: int = 1000) -> None:
        super().__init__(detail)
        self.retry_after_ms = retry_after_ms
        """Milliseconds to wait before a retry."""


class OutcomeUnknown(SwitchError):
    """The outcome is unknown: the request may have been carried out."""

    status = 503
    retryable = True
    """Only with the same content and ids: until there is a response, no other request may replace it."""
    default_reason = Reason.NARRATIVE
    """Not a code of a refusal: a program that reads the reason must not treat this as final."""


RESEND: Final = "Outcome unknown. Resend the same message with the same UETR to learn the result."
"""The text of an `OutcomeUnknown` about a message."""

TRY_AGAIN: Final = (Unavailable, OutcomeUnknown)
"""Errors after which an idempotent step is repeated."""
