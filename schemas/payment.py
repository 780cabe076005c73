"""The canonical payment: what the switch decides on, whatever message or version it came in.

Only what a decision needs is here, under the long names of ISO 20022. The whole decoded message and the
raw bytes travel beside it, so nothing a sender said is lost.
"""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from schemas.money import Money


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True
    )


class Agent(_Frozen):
    """A financial institution: a BIC, or a member id in a named clearing system, or both."""

    bic: str | None = None
    clearing_system: str | None = None
    member_id: str | None = None
    name: str | None = None


class Party(_Frozen):
    """A debtor or creditor."""

    name: str | None = None
    country: str | None = None
    town: str | None = None
    address_lines: tuple[str, ...] = ()
    phone: str | None = None
    national_id: str | None = None


class Account(_Frozen):
    """An account by IBAN or by another identification, and, where given, a proxy (phone, VPA, e-mail)."""

    iban: str | None = None
    other: str | None = None
    proxy: str | None = None
    proxy_type: str | None = None

    @property
    def id(self) -> str | None:
        """The identification a rail is given: the IBAN, else the other one, else the proxy."""
        return self.iban or self.other or self.proxy


class CreditTransfer(_Frozen):
    """One customer credit transfer (pacs.008)."""

    uetr: str
    message_id: str
    created_at: datetime
    end_to_end_id: str
    instruction_id: str | None = None
    transaction_id: str | None = None
    interbank_settlement_amount: Money
    interbank_settlement_date: date | None = None
    instructed_amount: Money | None = None
    exchange_rate: str | None = None
    charge_bearer: str
    accepted_at: datetime | None = None
    instructing_agent: Agent | None = None
    instructed_agent: Agent | None = None
    debtor: Party
    debtor_account: Account | None = None
    debtor_agent: Agent
    creditor_agent: Agent
    creditor: Party
    creditor_account: Account | None = None
    purpose: str | None = None
    category_purpose: str | None = None
    remittance: str | None = None
