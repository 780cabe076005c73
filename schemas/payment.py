"""The canonical payment: the data for decisions, independent of message and version.

It has only the data that a decision needs, with the long names of ISO 20022. The whole decoded message and
the raw bytes are kept with it, so nothing is lost.
"""

from datetime import date, datetime
from typing import ClassVar, Final

import msgspec
from msgspec.structs import force_setattr

from schemas.money import Money

NOT_PROVIDED: Final = "NOTPROVIDED"
"""An id that a message must have, where its sender has none."""


def _shows(text: str | None) -> bool:
    """Whether a text has a visible character: ISO allows an account of one blank or line break."""
    if not text or text.isspace():
        return False
    return text.isprintable() or any(each.isprintable() and not each.isspace() for each in text)


StatedText = str | None
"""An optional text. A text without visible characters counts as absent."""


class _Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What a message states. The types are those that a decoded message has; they are not checked again."""

    _texts: ClassVar[tuple[str, ...]] = ()
    """The fields of type `StatedText`."""

    def __post_init__(self) -> None:
        for name in self._texts:
            text = getattr(self, name)
            # A call for each text would take as long as everything else here.
            if text is not None and (not text.isprintable() or text.isspace() or not text):
                force_setattr(self, name, text if _shows(text) else None)


class Agent(_Stated, frozen=True, kw_only=True):
    """A financial institution: a BIC, or a member id in a named clearing system, or both."""

    _texts = ("bic", "clearing_system", "member_id", "name")

    bic: StatedText = None
    clearing_system: StatedText = None
    member_id: StatedText = None
    name: StatedText = None


class Party(_Stated, frozen=True, kw_only=True):
    """A debtor or creditor."""

    _texts = ("name", "country", "town", "phone", "national_id")

    name: StatedText = None
    country: StatedText = None
    town: StatedText = None
    address_lines: tuple[str, ...] = ()
    phone: StatedText = None
    national_id: StatedText = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.address_lines:
            force_setattr(self, "address_lines", tuple(filter(_shows, self.address_lines)))


class PartyAccount(_Stated, frozen=True, kw_only=True):
    """An account by IBAN or another identification, and optionally a proxy (phone, VPA, e-mail)."""

    _texts = ("iban", "other", "proxy", "proxy_type")

    iban: StatedText = None
    other: StatedText = None
    proxy: StatedText = None
    proxy_type: StatedText = None

    @property
    def id(self) -> str | None:
        """The identification for a rail: the IBAN, otherwise the other one, otherwise the proxy."""
        return self.iban or self.other or self.proxy


class AgreedRate(_Stated, frozen=True, kw_only=True):
    """An agreed exchange rate: `rate` units of `quoted` for one of `unit`."""

    unit: str | None = None
    quoted: str | None = None
    rate: str
    agent: Agent | None = None
    """The FX provider."""


class CreditTransfer(_Stated, frozen=True, kw_only=True):
    """One customer credit transfer (pacs.008)."""

    _texts = (
        *("instruction_id", "transaction_id", "exchange_rate", "quote"),
        *("purpose", "category_purpose", "remittance"),
    )

    uetr: str
    message_id: str
    created_at: datetime
    end_to_end_id: str
    instruction_id: StatedText = None
    transaction_id: StatedText = None
    interbank_settlement_amount: Money
    interbank_settlement_date: date | None = None
    instructed_amount: Money | None = None
    exchange_rate: StatedText = None
    agreed_rate: AgreedRate | None = None
    quote: StatedText = None
    """Id of the firm quote at whose terms it is to be executed."""
    charge_bearer: str
    accepted_at: datetime | None = None
    not_before: datetime | None = None
    """Limit of the sender: it must not settle earlier (`FrTm`)."""
    deadline: datetime | None = None
    """It must not settle later: the earliest of `RjctTm`, `TillTm` and the expiry times."""
    instructing_agent: Agent | None = None
    instructed_agent: Agent | None = None
    debtor: Party
    debtor_account: PartyAccount | None = None
    debtor_agent: Agent
    creditor_agent: Agent
    creditor: Party
    creditor_account: PartyAccount | None = None
    purpose: StatedText = None
    category_purpose: StatedText = None
    remittance: StatedText = None
