"""What differs between rails, as data.

Each group says where its facts come from: `PUBLISHED` by the rail or its regulator, `OBSERVED` in public
traffic or third parties' code, or a `PROFILE` of our own where the specification is not public.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from adapters.business_days import BusinessCalendar
from adapters.creditor import IdentifierForm


class Basis(StrEnum):
    """How sure a group of facts is."""

    PUBLISHED = "published"
    OBSERVED = "observed"
    PROFILE = "profile"


class Confirmation(StrEnum):
    """How a rail tells the outcome."""

    SYNC = "sync"
    CALLBACK = "callback"
    PUSH_AFTER_EXECUTE = "push_after_execute"
    THREE_STEP = "three_step"


class Reservation(StrEnum):
    """Whether a rail can hold an amount before it is credited."""

    NONE = "none"
    TWO_PHASE = "two_phase"
    ACCOUNT_RESERVE = "account_reserve"


class Undo(StrEnum):
    """What a rail offers when an order should not have been."""

    REVERSAL_ADVICE = "reversal_advice"
    CANCEL_BEFORE_FINAL = "cancel_before_final"
    RETURN_ONLY = "return_only"
    NONE = "none"


class AmountFormat(StrEnum):
    """How a wire says an amount; `adapters.amounts` writes and reads them.

    Each with a thousand rupees.
    """

    DECIMAL = "decimal"
    """`1000.00`"""
    COMMA = "comma"
    """`1000,00`"""
    MINOR = "minor"
    """`100000`"""
    FIXED = "fixed"
    """`000000100000`"""
    WHOLE = "whole"
    """`1000`"""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. After `give_up_s` without an answer people must decide."""

    connect_s: float
    submit_s: float
    """For the exchange that hands an order over."""
    answer_s: float
    """From sending to the outcome; silence after it makes the payment UNKNOWN."""
    enquiry_first_s: float
    """From sending to the first status enquiry."""
    enquiry_every_s: float
    enquiries_max: int
    """Enquiries that the rail answers; one that it does not answer uses none up."""
    not_found_grace_s: float
    """How long an order that took effect may stay out of the rail's answers: see `Absence`."""
    give_up_s: float
    basis: Basis
    enquiries_ruled: bool = False
    """The rail itself allows no more than `enquiries_max`: never passed, whatever for."""


@dataclass(frozen=True, slots=True)
class Absence:
    """When a rail's "not found" is believed, so that an order that left us ends as refused.

    A rail that says "not found" may find the order later. It is believed after `answers` of them in a row,
    each asked for after the order's expiry and `Timing.not_found_grace_s`, the same after contact with the
    rail was whole again, and that far apart. With 0 it is never believed: the rail's own refusal, its file or
    two people end the payment. More than 0 needs a rail that refuses what reaches it after the expiry on its
    wire, because an order may leave us late.
    """

    answers: int
    expiry_on_wire: bool
    """The order carries `Order.expires_at`, and the rail refuses to act after it."""
    basis: Basis


NEVER_ABSENT: Final = Absence(answers=0, expiry_on_wire=False, basis=Basis.PROFILE)
"""For a rail that nothing is known of."""


@dataclass(frozen=True, slots=True)
class AmountLimits:
    """Minor units of the rail's currency, per payment."""

    minimum_minor: int
    maximum_minor: int
    basis: Basis
    step_minor: int = 1
    """What the rail's wire counts in: amounts are multiples of it (100 where it knows whole units only)."""


@dataclass(frozen=True, slots=True)
class TextLimits:
    """What text the rail carries."""

    encoding: str
    name_max: int
    remittance_max: int
    basis: Basis


@dataclass(frozen=True, slots=True)
class Ids:
    """The rail's id space. Serials restart when `period`, a strftime pattern of its clock, changes."""

    period: str
    capacity: int
    basis: Basis
    utc_offset_minutes: int = 0
    """Of the rail's clock: an hour there may begin in the middle of ours."""

    def period_at(self, at: datetime) -> str:
        """The period that serials of this instant belong to."""
        clock = timezone(timedelta(minutes=self.utc_offset_minutes))
        return at.astimezone(clock).strftime(self.period)


_AS_THE_CALENDAR_SAYS: Final[Mapping[date, bool]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Hours:
    """When the rail acts on orders, by its own clock: from `opens` until before `closes`, or midnight."""

    zone: str
    """IANA name of the rail's clock; its days are the rail's cycles."""
    opens: time = time.min
    closes: time = time.min
    calendar: BusinessCalendar | None = None
    """The business days that it keeps; None: it works every day."""
    basis: Basis = Basis.PROFILE

    def day(self, at: datetime) -> str:
        """The cycle that an instant belongs to, `YYYY-MM-DD`."""
        return at.astimezone(ZoneInfo(self.zone)).date().isoformat()

    def open_from(self, at: datetime, overrides: Mapping[date, bool] = _AS_THE_CALENDAR_SAYS) -> datetime:
        """The first instant, not before `at`, when the rail is open; aware, UTC.

        `overrides` are days that the operator has stated to be business days, or not.
        """
        today = at.astimezone(ZoneInfo(self.zone)).date()
        for ahead in range(_HORIZON_DAYS):
            day = today + timedelta(days=ahead)
            if not self._works_on(day, overrides):
                continue
            start = self._at(day, self.opens)
            end = self._at(day + timedelta(days=self.closes == time.min), self.closes)
            if at < end:
                return max(at, start).astimezone(UTC)
        raise ValueError("a rail that never opens")

    def _works_on(self, day: date, overrides: Mapping[date, bool]) -> bool:
        if self.calendar is None:
            return True
        stated = overrides.get(day)
        return self.calendar.is_business_day(day) if stated is None else stated

    def _at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, ZoneInfo(self.zone)).astimezone(UTC)


_HORIZON_DAYS: Final = 60
ALWAYS: Final = Hours(zone="UTC")
"""Day and night, on a clock of no country."""


REMITTANCE_AS_TEXT: Final = (
    "RmtInf/Ustrd",
    "RmtInf/Strd/CdtrRefInf/Ref",
    "RmtInf/Strd/RfrdDocInf/Nb",
    "RmtInf/Strd/AddtlRmtInf",
)
"""What `CreditTransfer.remittance` says, for a rail that has one line of text."""

COUNTRY_OF_DEBTOR: Final = ("Dbtr/PstlAdr/Ctry", "Dbtr/CtryOfRes")


@dataclass(frozen=True, slots=True)
class RailProfile:
    """One rail as data."""

    country: str
    rail: str
    currency: str
    confirmation: Confirmation
    reservation: Reservation
    undo: Undo
    aliases: tuple[str, ...]
    timing: Timing
    amounts: AmountFormat
    limits: AmountLimits
    characters: TextLimits
    ids: Ids
    dedupes: bool
    """The rail promises that the same ids act once, so the stored bytes may be sent again."""
    purpose_required: bool
    basis: Basis
    hours: Hours = ALWAYS
    absence: Absence = NEVER_ABSENT
    creditor: tuple[IdentifierForm, ...] = ()
    """How a creditor may be named, the first form that fits; empty: the adapter reads accounts by itself."""
    carries: tuple[str, ...] = ("Dbtr/Nm", "Cdtr/Nm", "Purp", *REMITTANCE_AS_TEXT)
    """Elements below `CdtTrfTxInf` that the rail's message has a place for. `schemas/elements.txt` says what
    becomes of the others: the payment is refused, or its sender is told."""
