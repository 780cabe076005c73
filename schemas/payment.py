"""The canonical payment: the data for decisions, independent of message and version.

It has only the data that a decision needs, with the long names of ISO 20022. The whole decoded message and
the raw bytes are kept with it, so nothing is lost.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from schemas.money import Money


def _shows(text: str | None) -> bool:
    """Whether a text has a visible character: ISO allows an account of one blank or line break."""
    if not text or text.isspace():
        return False
    return text.isprintable() or any(each.isprintable() and not each.isspace() for each in text)


def _seen(text: str | None) -> str | None:
    return text if _shows(text) else None


def _all_seen(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(filter(_shows, texts))


StatedText = Annotated[str | None, AfterValidator(_seen)]
"""An optional text. A text without visible characters counts as absent."""


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True
    )


class Agent(_Frozen):
    """A financial institution: a BIC, or a member id in a named clearing system, or both."""

    bic: StatedText = None
    clearing_system: StatedText = None
    member_id: StatedText = None
    name: StatedText = None


class Party(_Frozen):
    """A debtor or creditor."""

    name: StatedText = None
    country: StatedText = None
    town: StatedText = None
    address_lines: Annotated[tuple[str, ...], AfterValidator(_all_seen)] = ()
    phone: StatedText = None
    national_id: StatedText = None


class PartyAccount(_Frozen):
    """An account by IBAN or another identification, and optionally a proxy (phone, VPA, e-mail)."""

    iban: StatedText = None
    other: StatedText = None
    proxy: StatedText = None
    proxy_type: StatedText = None

    @property
    def id(self) -> str | None:
        """The identification for a rail: the IBAN, otherwise the other one, otherwise the proxy."""
        return self.iban or self.other or self.proxy


class AgreedRate(_Frozen):
    """An agreed exchange rate: `rate` units of `quoted` for one of `unit`."""

    unit: str | None = None
    quoted: str | None = None
    rate: str
    quote: StatedText = None
    """Id of the quote with the rate."""
    agent: Agent | None = None
    """The FX provider."""


class CreditTransfer(_Frozen):
    """One customer credit transfer (pacs.008)."""

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
