"""Everything a caller can be told about, as one tree.

SwitchError                        500  MS03
├─ InvalidMessage                  400  FF01   not well formed, not of the schema, or not of this door
│  ├─ MessageTooLarge              413  FF01
│  ├─ UnsupportedRepresentation    415  FF01   media type or content encoding
│  ├─ InvalidParameter             400  FF01   a query or path parameter, or its value, is not the resource's
│  └─ InvalidAmount                400  AM12   the amount's text breaks the grammar
├─ NotAuthentic                    401  DS0H   no signature or key that proves who sent it
├─ NotAllowed                      403  AG01   proven, but not permitted
├─ NotFound                        404  NARR   not there, or not the caller's to see
├─ NotAcceptable                   406  NARR   no representation that `Accept` allows
├─ TooManyRequests                 429  NARR   slow down: `Retry-After` says how much
├─ Refused                         422         a valid message that the switch will not execute
│  ├─ DuplicateUetr                409  DUPL   the UETR is known with other content
│  └─ EffectChanged                409  NARR   a vote on a change that would now do something else
├─ Unavailable                     503  AB10   nothing was done: try again when `Retry-After` says
│  └─ BooksFrozen                  503  AB10   no money moves anew until people have looked
└─ OutcomeUnknown                  503  NARR   it may have been done: the same request again tells

A class carries the HTTP `status`, the ISO `reason` and whether a retry can help; the message defaults to
the class's docstring and never contains what the caller sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from schemas import wording
from schemas.catalogue.model import Value
from schemas.reasons import Reason

MOST_PROBLEMS = 100
"""Problems of one message that are listed; what has more needs no longer list."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a message, and where."""

    path: str
    """Element names, as in `SwitchError.path`."""
    rule: str
    """Which rule is broken, as one word."""
    text: str
    """For people; never holds what the sender wrote."""
    line: int | None = None
    """Of the element in the XML as it came, from 1; None for JSON and where no place is known."""
    column: int | None = None
    """In characters, from 1."""
    expected: str | None = None
    """What may stand there, where the schema says: codes, a form with an example, element names."""


class SwitchError(Exception):
    """The switch failed in a way it did not foresee."""

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    retry_after_s: ClassVar[int] = 1
    """When to come back, where a retry can help."""

    def __init__(
        self, detail: str | None = None, *, reason: str | None = None, path: str | None = None
    ) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.reason: str = reason or self.default_reason
        self.path = path
        """Place in the message, as element names: `FIToFICstmrCdtTrf/CdtTrfTxInf/IntrBkSttlmAmt`."""
        super().__init__(self.detail)

    default_reason: ClassVar[Reason] = Reason.REASON_NOT_SPECIFIED


class InvalidMessage(SwitchError):
    """The message is not well formed or not of its schema."""

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
    ) -> None:
        super().__init__(detail, reason=reason, path=path)
        self.rule = rule
        """Which rule is broken, as one word: `length`, `missing`, `doctype`, `duplicate-key`."""
        self.expected = expected
        """The value type that would be right, or what would be, in words."""
        self.line: int | None = None
        self.column: int | None = None
        self.elements: tuple[Any, ...] = ()
        """Of the XML, one for each of `problems`, until their places are known."""
        self._problems: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, `MOST_PROBLEMS` at most: this error, and the others that were found."""
        return self._problems or (self.as_problem(),)

    @problems.setter
    def problems(self, found: tuple[Problem, ...]) -> None:
        self._problems = found

    def as_problem(self) -> Problem:
        """This error alone."""
        return Problem(
            self.path or "", self.rule, self.detail, self.line, self.column, wording.in_words(self.expected)
        )

    def within(self, tag: str) -> "InvalidMessage":
        """The same error, seen from the element around: `tag` is put before the path."""
        self.path = f"{tag}/{self.path}" if self.path else tag
        return self


class MessageTooLarge(InvalidMessage):
    """The message is larger than this door accepts."""

    status = 413


class UnsupportedRepresentation(InvalidMessage):
    """The media type or content encoding is not one that this door reads."""

    status = 415


class InvalidParameter(InvalidMessage):
    """A parameter of the request, or its value, is not one that the resource takes."""


class InvalidAmount(InvalidMessage):
    """The amount is not a plain decimal number of its currency."""

    default_reason = Reason.INVALID_AMOUNT


class NotAuthentic(SwitchError):
    """Nothing in the request proves who sent it."""

    status = 401
    default_reason = Reason.SIGNER_NOT_ALLOWED


class NotAllowed(SwitchError):
    """The caller may not do this."""

    status = 403
    default_reason = Reason.TRANSACTION_FORBIDDEN


class NotFound(SwitchError):
    """There is no such thing, or it is not the caller's to see."""

    status = 404
    default_reason = Reason.NARRATIVE


class NotAcceptable(SwitchError):
    """None of the representations that the request accepts can be made."""

    status = 406
    default_reason = Reason.NARRATIVE


class TooManyRequests(SwitchError):
    """Too many requests of this kind; `Retry-After` says when to come back."""

    status = 429
    retryable = True
    default_reason = Reason.NARRATIVE


class Refused(SwitchError):
    """The message is valid and the switch will not execute it."""

    status = 422
    problems: tuple[Problem, ...] = ()
    """Every rule of the scheme that the message breaks, where that is why; `MOST_PROBLEMS` at most."""

    @property
    def placed(self) -> str:
        """The detail with its place before it, for an answer that has one text only."""
        said = not self.path or self.detail.startswith(self.path)
        return self.detail if said else f"{self.path}: {self.detail}"


class DuplicateUetr(Refused):
    """This UETR is known with other content; nothing was changed."""

    status = 409
    default_reason = Reason.DUPLICATE_PAYMENT


class EffectChanged(Refused):
    """What this change would do is no longer what the vote was given for; nothing was changed."""

    status = 409
    default_reason = Reason.NARRATIVE

    def __init__(self, effect: Mapping[str, Any] | None) -> None:
        super().__init__()
        self.effect = effect
        """What it would do now."""


class Unavailable(SwitchError):
    """The switch cannot decide this now; try again, nothing was done."""

    status = 503
    retryable = True
    """This request did nothing. Of an earlier one that had no answer it says nothing."""
    default_reason = Reason.ERROR_INSTRUCTED_AGENT


class BooksFrozen(Unavailable):
    """New payments are stopped while the operator examines the books; nothing was done with this one."""

    retry_after_s = 60


class OutcomeUnknown(SwitchError):
    """The outcome is unknown: the request may have been carried out."""

    status = 503
    retryable = True
    """With the same content and the same ids only: until it is answered, nothing else may take its place."""
    default_reason = Reason.NARRATIVE
    """No code of a refusal: who keys on the reason must not take this for an end."""


RESEND: Final = "Outcome unknown. Resend the same message with the same UETR to learn the result."
"""The text of an `OutcomeUnknown` about a message."""

TRY_AGAIN: Final = (Unavailable, OutcomeUnknown)
"""What a step that the writer decides once, however often it is asked, waits out and repeats."""
