"""Contents of requests for changes to participants."""

from typing import Annotated, Literal

import msgspec

from switch.approvals.content import Country, Currency, Id, KeyId, KeyRequestText, Participant, Text
from switch.approvals.kinds import Confirmable, Content

Cap = Annotated[str, msgspec.Meta(title="Net debit cap")]
Purpose = Annotated[Literal["position", "gross"], msgspec.Meta(title="Account")]


MemberIds = Annotated[
    list[
        Annotated[
            str,
            msgspec.Meta(
                pattern="^[A-Z0-9]{3,35}$|^@[A-Z0-9.]{2,64}$",
                description="an id in a clearing system, or its beginning that all ids of the institution "
                "have: 3 to 35 capital letters and digits, such as HDFC; PKSAND for IBANs, @OKBANK for "
                "payment addresses",
            ),
        ]
    ],
    msgspec.Meta(title="Member ids (several with spaces)", max_length=64),
]


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
        Literal["direct", "fx_provider", "settlement_agent", "central_bank", "gateway"],
        msgspec.Meta(title="Kind"),
    ]
    accounts: Annotated[tuple[NewAccount, ...], msgspec.Meta(title="Accounts")] = ()
    keys: Annotated[tuple[NewSigningKey, ...], msgspec.Meta(title="Keys")] = ()
    member_ids: MemberIds = msgspec.field(default_factory=list)


class OfParticipant(Content, frozen=True, kw_only=True):
    """One participant."""

    participant: Participant


class SetMemberIds(Content, frozen=True, kw_only=True):
    """The ids of a participant in clearing systems, which replace its present ones; none: it has none."""

    participant: Participant
    member_ids: MemberIds


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
