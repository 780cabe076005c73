"""The content of a QR payload, independent of the country's format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from adapters.profile import Basis
from schemas.money import Money


class PayeeKind(StrEnum):
    """How a payee is identified."""

    ACCOUNT = "account"
    VPA = "vpa"
    MERCHANT = "merchant"
    """An id at the scheme, which only the scheme can resolve to an account."""


@dataclass(frozen=True, slots=True)
class PaymentCode:
    """One QR payload. `make` and `read` are inverses for every code that can be made."""

    country: str
    scheme: str
    payee: str
    kind: PayeeKind
    currency: str
    name: str | None = None
    city: str | None = None
    amount: Money | None = None
    """None: the payer enters it."""
    reference: str | None = None
    dynamic: bool = False
    """For one payment only."""
    category: str | None = None
    """Merchant category, four digits."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Other fields of the scheme, under their names there: `provider`, `terminal`, `expires_at`."""
    warnings: tuple[str, ...] = ()
    """Warnings to show to the payer before the payment."""


Bases = Mapping[str, Basis]
"""Group of fields (`layout`, `payee`, `amount`, `check`) -> how certain its facts are."""
