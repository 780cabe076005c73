"""What a QR payload asks for, whatever its country wrote it in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from adapters.profile import Basis
from schemas.money import Money


class PayeeKind(StrEnum):
    """What a payee is named by."""

    ACCOUNT = "account"
    VPA = "vpa"
    MERCHANT = "merchant"
    """An id at the scheme, which only the scheme can turn into an account."""


@dataclass(frozen=True, slots=True)
class PaymentCode:
    """One QR payload. `make` and `read` are inverses of each other for every code that can be made."""

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
    """What else the scheme says, by its name there: `provider`, `terminal`, `expires_at`."""
    warnings: tuple[str, ...] = ()
    """What a payer should be told before he pays."""


Bases = Mapping[str, Basis]
"""Group of fields (`layout`, `payee`, `amount`, `check`) -> how sure its facts are."""
