"""The differences between rails, as data.

Each group states the source of its facts: `PUBLISHED` by the rail or its regulator, `OBSERVED` in public
traffic or third parties' code, or a `PROFILE` of our own where the specification is not public.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from adapters.business_days import BusinessCalendar
from adapters.creditor import IdentifierForm

zone_named: Final = cache(ZoneInfo)
"""Time zones by name. The class itself keeps only the last eight, and reads the others from files again."""


class Basis(StrEnum):
    """How certain a group of facts is."""

    PUBLISHED = "published"
    OBSERVED = "observed"
    PROFILE = "profile"


class Confirmation(StrEnum):
    """How a rail reports the outcome."""

    SYNC = "sync"
    CALLBACK = "callback"
    PUSH_AFTER_EXECUTE = "push_after_execute"
    THREE_STEP = "three_step"


class Reservation(StrEnum):
    """Whether a rail can hold an amount before crediting it."""

    NONE = "none"
    TWO_PHASE = "two_phase"
    ACCOUNT_RESERVE = "account_reserve"


class Undo(StrEnum):
    """What a rail offers to undo an order that was made in error."""

    REVERSAL_ADVICE = "reversal_advice"
    CANCEL_BEFORE_FINAL = "cancel_before_final"
    RETURN_ONLY = "return_only"
    NONE = "none"


class AmountFormat(StrEnum):
    """The format of amounts on the wire; `adapters.amounts` writes and reads them.

    The examples are a thousand rupees.
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
    """In seconds. After `give_up_s` without an answer people must decide."""

    connect_s: float
    submit_s: float
    """For the exchange that submits an order."""
    answer_s: float
    """From sending to the outcome; without an answer the outcome is unknown then."""
    enquiry_first_s: float
    """From sending to the first status enquiry."""
    enquiry_every_s: float
    enquiries_max: int
    """Number of enquiries that the rail answers; an enquiry without an answer does not count."""
    not_found_grace_s: float
    """How long an executed order may be missing from the rail's answers: see `Absence`."""
    give_up_s: float
    basis: Basis
    enquiries_ruled: bool = False
    """The limit `enquiries_max` is the rail's own: it is never exceeded, for whatever reason."""


@dataclass(frozen=True, slots=True)
class Absence:
    """When a rail's "not found" is believed, so that an order that was sent ends as refused.

    A rail that responds "not found" may find the order later. The response is believed after `answers` of
    them in a row, each requested `Timing.not_found_grace_s` or more after the order's expiry, after the rail
    became reachable again, and after the one before. With 0 it is never believed: only the rail's own
    refusal, its file or a decision by two people ends the payment. More than 0 requires a rail that refuses
    orders after the expiry that they carry, because an order may be delayed on its way.
    """

    answers: int
    expiry_on_wire: bool
    """The order carries `Order.expires_at`, and the rail refuses to execute it after that."""
    basis: Basis


NEVER_ABSENT: Final = Absence(answers=0, expiry_on_wire=False, basis=Basis.PROFILE)
"""For a rail whose behaviour is not known."""


@dataclass(frozen=True, slots=True)
class AmountLimits:
    """In minor units of the rail's currency, for each payment."""

    minimum_minor: int
    maximum_minor: int
    basis: Basis
    step_minor: int = 1
    """The unit of the wire: amounts are multiples of it (100 for whole units)."""


@dataclass(frozen=True, slots=True)
class TextLimits:
    """The texts that the rail carries."""

    encoding: str
    name_max: int
    remittance_max: int
    basis: Basis


@dataclass(frozen=True, slots=True)
class Ids:
    """The rail's ids. Serial numbers restart when `period`, a strftime pattern of its clock, changes."""

    period: str
    capacity: int
    basis: Basis
    utc_offset_minutes: int = 0
    """Offset of the rail's clock: its hours may begin in the middle of UTC hours."""

    def period_at(self, at: datetime) -> str:
        """The period of this instant for serial numbers."""
        clock = timezone(timedelta(minutes=self.utc_offset_minutes))
        return at.astimezone(clock).strftime(self.period)


_AS_THE_CALENDAR_SAYS: Final[Mapping[date, bool]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Hours:
    """When the rail executes orders, by its own clock: from `opens` until before `closes`, or midnight."""

    zone: str
    """IANA name of the rail's clock; its days are the rail's cycles."""
    opens: time = time.min
    closes: time = time.min
    calendar: BusinessCalendar | None = None
    """Its business days; None: it works every day."""
    basis: Basis = Basis.PROFILE

    def day(self, at: datetime) -> str:
        """The cycle of an instant, `YYYY-MM-DD`."""
        return at.astimezone(zone_named(self.zone)).date().isoformat()

    def open_from(self, at: datetime, overrides: Mapping[date, bool] = _AS_THE_CALENDAR_SAYS) -> datetime:
        """The first instant, not before `at`, when the rail is open; aware, UTC.

        `overrides` are days that the operator has declared to be business days or not.
        """
        if self.calendar is None and self.opens == self.closes == time.min:
            return at.astimezone(UTC)
        today = at.astimezone(zone_named(self.zone)).date()
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
        return datetime.combine(day, clock, zone_named(self.zone)).astimezone(UTC)


_HORIZON_DAYS: Final = 60
ALWAYS: Final = Hours(zone="UTC")
"""Around the clock, in UTC."""


REMITTANCE_AS_TEXT: Final = (
    "RmtInf/Ustrd",
    "RmtInf/Strd/CdtrRefInf/Ref",
    "RmtInf/Strd/RfrdDocInf/Nb",
    "RmtInf/Strd/AddtlRmtInf",
)
"""The elements in `CreditTransfer.remittance`, for a rail with one line of text."""

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
    """The rail guarantees that the same ids are executed once, so the stored bytes may be sent again."""
    purpose_required: bool
    basis: Basis
    hours: Hours = ALWAYS
    absence: Absence = NEVER_ABSENT
    gives_back: bool = False
    """The rail gives back credits by signed messages of its own (`Outcome.RETURNED`)."""
    recalls: Basis | None = None
    """The rail passes recalls on to the payee's bank (`adapters.port.RecallingAdapter`): how certain the form
    of its messages is. None: it has none for that."""
    creditor: tuple[IdentifierForm, ...] = ()
    """How a creditor may be identified; the first form that fits is used. Empty: the adapter parses
    accounts."""
    carries: tuple[str, ...] = ("Dbtr/Nm", "Cdtr/Nm", "Purp", *REMITTANCE_AS_TEXT)
    """Elements below `CdtTrfTxInf` that the rail's message can carry. `schemas/elements.txt` defines what
    happens with the others: the payment is refused, or its sender is notified."""
    clearing_system: str = ""
    """The code by which messages name its scheme of member ids (ExternalClearingSystemIdentification1Code);
    empty: ISO has none for it."""
    member_id: str = ""
    """The form of the id by which an order must name the payee's bank, as a regular expression; empty: its
    BIC or the account names it."""
    needs_bic: bool = False
    """An order must name the payee's bank by its BIC."""

    @property
    def reverses(self) -> bool:
        """Whether the rail answers an undo in the exchange, so that the switch can have credits reversed."""
        return self.undo is not Undo.NONE and self.confirmation is Confirmation.SYNC
