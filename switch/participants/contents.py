"""Contents of requests for changes to participants."""

from typing import Annotated, Literal

import msgspec

from switch.approvals.content import Country, Currency, Id, KeyId, KeyRequestText, Participant, Text
from switch.approvals.kinds import Confirmable, Content

Cap = Annotated[str, msgspec.Meta(title="Net debit cap")]
Purpose = Annotated[Literal["position", "gross"], msgspec.Meta(title="Account")]


class NewAccount(Content, frozen=True, kw_only=True):
    """An account in one currency; the cap as decimal text, on top of the funds paid in."""

    currency: Currency
    net_debit_cap: Cap = "0"


class NewSigningKey(Content, frozen=True, kw_only=True):
    """A signing key: the participant's request, signed by the key itself (PKCS #10)."""

    keyid: KeyId
    request: KeyRequestText


class Onboard(Confirmable, frozen=True, kw_only=True):
    """A new participant, with its accounts and its first keys."""

    id: Annotated[Id, msgspec.Meta(title="Id")]
    name: Annotated[Text, msgspec.Meta(title="Name")]
    bic: Annotated[str, msgspec.Meta(title="BIC")]
    country: Country
    kind: Annotated[
        Literal["direct", "fx_provider", "settlement_agent", "central_bank"], msgspec.Meta(title="Kind")
    ]
    accounts: Annotated[tuple[NewAccount, ...], msgspec.Meta(title="Accounts")] = ()
    keys: Annotated[tuple[NewSigningKey, ...], msgspec.Meta(title="Keys")] = ()


class OfParticipant(Content, frozen=True, kw_only=True):
    """One participant."""

    participant: Participant


class OfAccount(Content, frozen=True, kw_only=True):
    """One participant's account in one currency: its position, or its account for gross settlement."""

    participant: Participant
    currency: Currency
    account: Purpose = "position"


class SetAccountCap(Confirmable, frozen=True, kw_only=True):
    """How far an account may go below the funds paid in: decimal text; "0" is fully prefunded."""

    participant: Participant
    currency: Currency
    net_debit_cap: Cap
    account: Purpose = "position"


class Funds(Confirmable, frozen=True, kw_only=True):
    """Money that the settlement agent received or is to pay out; `reference` is the agent's."""

    participant: Participant
    currency: Currency
    amount: Annotated[str, msgspec.Meta(title="Amount")]
    reference: Annotated[Text, msgspec.Meta(title="Reference")]
    account: Purpose = "position"
