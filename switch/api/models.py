"""What the API answers: the form of each JSON resource, with an example of each value.

The description of the API, its examples and the clients that others generate are made from these types;
tests compare every answer of a switch with them. Amounts are decimal text in the currency beside them.
"""

from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict

from msgspec import Meta

from adapters.creditor import IdentifierKind
from adapters.profile import Basis, Confirmation
from schemas.reasons import Reason
from schemas.required_data import PartyData
from schemas.rules import Addresses
from switch.approvals.effects import Subject
from switch.cases.model import CaseKind
from switch.identity.model import ChangeState, Role, Status
from switch.identity.permissions import Right
from switch.payments.events import TYPES
from switch.payments.inbound import RefundState
from switch.payments.investigations import InvestigationState
from switch.payments.recalls import RecallState
from switch.settlement.states import LineState, SettlementState
from switch.writer.lifecycle import STATUS, State
from switch.writer.velocity import VelocityScope

SUFFIX: Final = "Document"
"""Ends the name of each type here; the description names it without: `PositionDocument` is `Position`."""


def _text(example: str, description: str = "", **more: Any) -> Meta:
    return Meta(description=description or None, examples=[example], extra_json_schema=more or None)


Instant = Annotated[str, _text("2026-11-23T08:36:00.123456+00:00", "An instant, in UTC", format="date-time")]
Day = Annotated[str, _text("2026-11-23", format="date")]
Time = Annotated[str, _text("18:00:00", "A time of the day")]
Zone = Annotated[str, _text("Asia/Kolkata", "Name of a time zone (IANA)")]
Amount = Annotated[str, _text("1500.00", "Decimal text, with the digits of its currency")]
Currency = Annotated[str, _text("INR", "ISO 4217 code")]
Country = Annotated[str, _text("IN", "ISO 3166-1 code")]
Rate = Annotated[str, _text("3.2835000000", "Units of the credited currency for one of the debited")]
Bic = Annotated[str, _text("INDUPKKA", "BIC of an institution (ISO 9362)")]
Id = Annotated[str, _text("asha-bank", "Id of a participant")]
PersonName = Annotated[str, _text("operator", "Name of a person")]
Uetr = Annotated[
    str,
    _text("7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7", "UETR of a payment: a UUID of version 4", format="uuid"),
]
Uuid = Annotated[str, _text("7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7", format="uuid")]
Sha256 = Annotated[
    str, _text("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "SHA-256, in hexadecimal")
]
Hex = Annotated[
    str, _text("0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62", "In hexadecimal")
]
Pem = Annotated[
    str,
    _text(
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAg7Q4dzSJy1pKMn3EEiCk5cWlyGVESupjNoutDVE6gB4=\n"
        "-----END PUBLIC KEY-----\n",
        "A public key in PEM format",
    ),
]
WebhookSecret = Annotated[
    str,
    _text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "A secret as in Standard Webhooks: HMAC-SHA256"),
]
WebhookPublicKey = Annotated[
    str,
    _text("whpk_OoZJKEN3Y3MtFKtxPK1eFawgnAFsO1W/d4KTY6g2M+8=", "An Ed25519 key as in Standard Webhooks"),
]
Window = Annotated[int, Meta(description="Number of a settlement window", examples=[51])]
Cursor = Annotated[int, Meta(description="Cursor: send it as `after` for what follows", examples=[4711])]
Message = Annotated[str, _text("pacs.008.001.08", "ISO 20022 message definition")]
ReasonCode = Annotated[str, _text(Reason.INSUFFICIENT_FUNDS, "ISO 20022 status reason code")]


class MoneyDocument(TypedDict):
    """An amount with its currency."""

    currency: Currency
    amount: Amount


class NoteDocument(TypedDict):
    """An element of the message that the rail does not carry."""

    path: Annotated[str, _text("FIToFICstmrCdtTrf/CdtTrfTxInf/Purp")]
    text: Annotated[str, _text("the rail does not carry this")]


class JourneyStepDocument(TypedDict):
    """One step of a payment."""

    event: Annotated[str, _text("posted", "What happened")]
    at: Instant
    reason: NotRequired[ReasonCode]
    rail_code: NotRequired[Annotated[str, _text("U30", "The rail's own code")]]
    rail_reference: NotRequired[Annotated[str, _text("612812000042", "The rail's id of the payment")]]
    detail: NotRequired[Annotated[str, _text("returned AC04")]]


class ChargeDocument(TypedDict):
    """One part of a fee."""

    of: Annotated[
        Literal["switch", "rail"], Meta(description="The switch, or the scheme of the rail, passed on")
    ]
    borne_by: Annotated[
        Literal["debtor", "creditor"],
        Meta(description="`debtor`: added to the amount; `creditor`: taken from it before it is converted"),
    ]
    tariff: Annotated[int, Meta(description="Its number in `GET /v1/tariffs`", examples=[12])] | None
    amount: MoneyDocument


class RecallDocument(TypedDict):
    """A cancellation request (camt.056) for a payment that had left the switch."""

    id: Annotated[str, _text("ASHAINBB-20261123-000050", "Of the camt.056: `Assgnmt/Id`")]
    reason: Annotated[str, _text("FRAD", "ExternalCancellationReason1Code, or the debtor agent's own")] | None
    state: Annotated[
        str,
        _text(
            "asked",
            "`asked` and `agreed` (the money has not come yet) are open; the others have ended",
            enum=[str(state) for state in RecallState],
        ),
    ]
    code: Annotated[
        str | None,
        _text("CUST", "Why it is rejected: ExternalPaymentCancellationRejection1Code; NOAS: no answer"),
    ]
    over_rail: Annotated[bool, Meta(description="Whether the payee's bank is asked over its rail")]
    asked_at: Instant
    until: Annotated[Instant, Meta(description="When it ends without an answer; a case if it was agreed")]
    ended_at: Instant | None


class InvestigationDocument(TypedDict):
    """A question of a bank about a payment (camt.110)."""

    id: Annotated[str, _text("CASE-000051", "`RqstrInvstgtnId` of the camt.110, or its `MsgId`")]
    reference: Annotated[
        str,
        _text("9f0e2d1c8a54e9b77b0f2f3e6c1d4a53", "The switch's own id of it: `RspndrInvstgtnId` of answers"),
    ]
    asker: Annotated[str, _text("asha-bank", "Participant that asked")]
    answerer: Annotated[
        str | None, _text("indus-bank", "Participant that was asked; null: the books answer, and nobody was")
    ]
    type: Annotated[str, _text("RQFI", "ExternalInvestigationType1Code")]
    reason: Annotated[str, _text("CTOR", "The first reason: ExternalInvestigationReason1Code")]
    state: Annotated[
        str,
        _text(
            "asked",
            "`waiting` (for an outcome), `asked` (the other bank), `people` are open; the others have ended",
            enum=[str(state) for state in InvestigationState],
        ),
    ]
    code: Annotated[str | None, _text("FTNA", "Of the last answer: ExternalInvestigationStatusReason1Code")]
    answered_by: Annotated[str | None, _text("books", "`books`, `people`, or a participant")]
    asked_at: Instant
    until: Annotated[Instant | None, Meta(description="When people answer in place of the other bank")]
    ended_at: Instant | None


class RefundDocument(TypedDict):
    """Our order to the rail where a payment began: it pays the payer back, the whole payment or a part."""

    state: Annotated[
        str,
        _text(
            "done",
            "`left`: people end it, as what is refused, given back later, or unknown in the end; "
            "`carried`: too little for the rail, it goes with the next part, or people end it",
            enum=[str(state) for state in RefundState if state],
        ),
    ]
    id: Annotated[str, _text("NPC1b9d6bcdbbfd4b2d9b5dab8dfbbd4bed", "Its id at the rail")] | None
    uetr: Uetr | None
    amount: MoneyDocument | None
    given_back: Annotated[
        MoneyDocument | None, Meta(description="What the rail gave back after it had executed the refund")
    ]
    carried: Annotated[
        MoneyDocument | None,
        Meta(description="What a part leaves to the next one: the rail cannot carry it"),
    ]
    orders: Annotated[int, Meta(ge=0, description="How many orders were made; the rail has at most one")]
    detail: Annotated[str, _text("refused AC04", "What the rail says, or why people end it")] | None
    since: Annotated[Instant | None, Meta(description="When its state changed")]


class PartReturnDocument(TypedDict):
    """A return of a part of a payment, or of all of it at the rate in force."""

    amount: Annotated[MoneyDocument, Meta(description="What the creditor agent gave back")]
    received_amount: Annotated[MoneyDocument, Meta(description="What the debtor agent received")]
    exchange_rate: Annotated[Rate | None, Meta(description="As that of the payment; null without conversion")]
    borne_by_debtor: Annotated[
        MoneyDocument,
        Meta(description="How much less that is than at the rate of the payment; zero at that rate"),
    ]
    reason: ReasonCode | None
    at: Annotated[Instant | None, Meta(description="Null if its history is archived")]
    refund: Annotated[
        RefundDocument | None,
        Meta(
            description="The refund of the payer over the rail where the payment began; null: none was made"
        ),
    ]


class SourceOrderDocument(TypedDict):
    """The order of a rail of which a payment was made: its customer pays, and no participant by API."""

    rail: Country
    rail_name: Annotated[str, _text("Raast")] | None
    id: Annotated[str, _text("NPC4c5a1f0c7b7e4b0f9a52d1a7c3d0e8b1", "The id that the rail has given it")]
    state: Annotated[
        str,
        _text(
            "done",
            "What is reported to the rail: taken (it is pending), done, or refused",
            enum=["taken", "done", "refused"],
        ),
    ]
    acknowledged_at: Annotated[
        Instant | None, Meta(description="When the rail acknowledged the outcome; null until then")
    ]
    owed: Annotated[
        str | None,
        Meta(
            description="Why one side owes the other the amount, until it is settled; null: nothing is",
            examples=["its payment was returned"],
        ),
    ]
    refund: Annotated[
        RefundDocument | None, Meta(description="The refund of the payer over the rail; null: none was made")
    ]


class PaymentDocument(TypedDict):
    """A payment with its history. The terms are absent if its message stated none that could be read."""

    uetr: Uetr
    state: State
    status: Annotated[
        str,
        _text(
            "ACCC", "The same as ISO 20022 status, as in pacs.002", enum=sorted({*map(str, STATUS.values())})
        ),
    ]
    final: Annotated[bool, Meta(description="Whether the status no longer changes")]
    returned: Annotated[bool, Meta(description="Whether the money was returned later")]
    reason: ReasonCode | None
    detail: Annotated[str, _text("the account is closed")] | None
    message: Message
    message_id: Annotated[str, _text("ASHAINBB-20261123-000042")]
    debtor_agent: NotRequired[Id]
    creditor_agent: NotRequired[Id]
    rail: NotRequired[Country | None]
    rail_name: NotRequired[Annotated[str, _text("Raast")] | None]
    rail_reference: NotRequired[Annotated[str, _text("612812000042")] | None]
    interbank_settlement_amount: NotRequired[MoneyDocument]
    credited_amount: NotRequired[MoneyDocument | None]
    fee: NotRequired[MoneyDocument | None]
    exchange_rate: NotRequired[Rate | None]
    fx_provider: NotRequired[Annotated[str, _text("silkroad-fx")] | None]
    part_returns: Annotated[
        list[PartReturnDocument],
        Meta(description="Returns of a part, or at the rate in force; a return in full is none of them"),
    ]
    recalls: Annotated[
        list[RecallDocument],
        Meta(description="Cancellation requests that the creditor agent, or its rail, got"),
    ]
    investigations: Annotated[
        list[InvestigationDocument],
        Meta(description="Questions about it: your own, and those that your bank was asked"),
    ]
    source_order: NotRequired[
        Annotated[
            SourceOrderDocument | None,
            Meta(description="The order of the rail where the payment began; null if a participant sent it"),
        ]
    ]
    charges: Annotated[
        list[ChargeDocument],
        Meta(description="The parts of the fee; none of a refused payment, or if its history is archived"),
    ]
    notes: list[NoteDocument]
    journey: list[JourneyStepDocument]


class CrossRateDocument(TypedDict):
    """A rate through a third currency: the product of two rates."""

    currency: Annotated[str, _text("USD", "The third currency")]
    first_rate: Rate
    second_rate: Rate
    first_provider: Annotated[
        str,
        _text("silkroad-fx", "Id of the provider of the first rate; that of the second one is `fx_provider`"),
    ]


class QuoteDocument(TypedDict):
    """What a payment would credit and cost now."""

    creditor_agent: Bic
    rail: Country
    rail_name: Annotated[str, _text("Raast")]
    interbank_settlement_amount: MoneyDocument
    charge_bearer: Literal["DEBT", "CRED", "SHAR", "SLEV"]
    fee: MoneyDocument
    charges: Annotated[list[ChargeDocument], Meta(description="The parts of the fee")]
    debited_amount: Annotated[
        MoneyDocument, Meta(description="Everything that the caller pays, with the charges that it bears")
    ]
    credited_amount: MoneyDocument
    exchange_rate: Rate | None
    fx_provider: Annotated[str, _text("silkroad-fx", "Id of the provider that exchanges")] | None
    improvement_bps: Annotated[
        int,
        Meta(
            ge=0,
            description="By how many basis points the rate is better for you; it includes them",
        ),
    ]
    cross: Annotated[
        CrossRateDocument | None,
        Meta(description="The rates of which it is made, if no provider offers the pair itself"),
    ]
    refused_now: Annotated[
        ReasonCode | None,
        Meta(
            description="Why a payment of yours would be refused now: AM14 your limits, AM23 your net debit"
            " cap; null: it would not be. A quote promises a price, not liquidity"
        ),
    ]
    within_limits: Annotated[
        bool, Meta(description="Always true: an amount beyond the rail's limits is refused")
    ]
    opens_at: Annotated[
        str, _text("2026-11-23T08:36:00+00:00", "When the rail can take it", format="date-time")
    ]
    quoted_at: Instant


class IndirectBankDocument(TypedDict):
    """A bank that is reached over a rail."""

    name: Annotated[str, _text("Meezan Bank")]
    bic: Bic | None
    member_id: Annotated[
        str | None, _text("MEZN", "Its id at the rail: `ClrSysMmbId/MmbId` where it has no BIC")
    ]


class QrDraftDocument(TypedDict):
    """What a QR code demands, and what a payment of it needs."""

    country: Country
    scheme: Annotated[str, _text("Raast P2M", "Scheme of the code")]
    currency: Currency
    amount: Annotated[MoneyDocument | None, Meta(description="Null: the payer enters it")]
    payee: Annotated[str, _text("PK60SAND0000000000000001", "The payee as the code states it")]
    payee_kind: Annotated[
        Literal["account", "vpa", "merchant"],
        Meta(description="`merchant`: an id that only the scheme can resolve to an account"),
    ]
    name: Annotated[str, _text("Lahore Books", "Name of the merchant")] | None
    city: Annotated[str, _text("Lahore")] | None
    reference: Annotated[str, _text("INVOICE-1187", "Reference of the bill: state it in `RmtInf`")] | None
    category: Annotated[str, _text("5942", "Merchant category code")] | None
    single_use: Annotated[bool, Meta(description="For one payment only")]
    more: Annotated[dict[str, str], Meta(description="Other fields of the scheme, by their names there")]
    warnings: Annotated[list[str], Meta(description="Show them to the payer before the payment")]
    creditor_account: Annotated[
        dict[str, Any] | None,
        Meta(description="`CdtrAcct` for the pacs.008; null: the rail cannot pay this payee"),
    ]
    creditor_agents: Annotated[
        list[Bic],
        Meta(description="Banks that may be the creditor agent; none if it has no BIC or is not known"),
    ]
    indirect_participant: Annotated[
        IndirectBankDocument | None,
        Meta(description="The bank of the account, if it is reached over the rail, through a gateway"),
    ]


class QrCodeDocument(QrDraftDocument):
    """A code that was made: its text, and what a payer's bank reads of it."""

    text: Annotated[
        str,
        _text(
            "00020101021126270010A0000005240109a@okbank",
            "The text of the QR code, exactly as it is to be drawn",
        ),
    ]


_LINE_STATUS: Final = (
    "ISO status: RCVD not sent, PDNG sent, ACCC credited, RJCT rejected, CANC cancelled before it was sent"
)


class RequestToPayDocument(TypedDict):
    """A request to pay, and what became of it."""

    id: Annotated[str, _text("0b9e6c8e-0f51-5a8e-9d0b-2b1d4c9c1f2a", "Id of the request", format="uuid")]
    state: Annotated[
        Literal["open", "accepted", "paid", "refused", "expired"],
        Meta(description="`accepted`: the debtor agent agreed, and its payment has not been credited yet"),
    ]
    creditor_agent: Annotated[str, _text("indus-bank", "Who asks")]
    debtor_agent: Annotated[str, _text("asha-bank", "Who is asked")]
    message_id: Annotated[str, _text("INDUPKKA-20261123-000043", "`GrpHdr/MsgId` of the pain.013")]
    amount: MoneyDocument
    asked_at: Instant
    expires_at: Annotated[
        str, _text("2026-12-24T00:00:00+00:00", "When it ends without a payment", format="date-time")
    ]
    ended_at: Instant | None
    payment: Annotated[
        str | None, Meta(description="UETR of the payment that answered it, as the books know it")
    ]
    reason: Annotated[ReasonCode | None, Meta(description="Why it was refused, or TM01: its time is over")]
    links: dict[str, str]


class PaymentFileDocument(TypedDict):
    """A file of payments, and how far it is."""

    id: Annotated[str, _text("6f1c0a52-0f0e-4d55-9a53-3a2b7e0f8c11", "Id of the file", format="uuid")]
    state: Annotated[
        Literal["received", "refused", "sending", "ended"],
        Meta(description="`refused`: nothing of it is sent; `ended`: every line has ended"),
    ]
    message_id: Annotated[str, _text("SALARIES-2026-11", "`GrpHdr/MsgId`; null until it was read")] | None
    whole: Annotated[bool, Meta(description="Nothing is sent if a line cannot be sent")]
    bytes: Annotated[int, Meta(description="Size of the file")]
    lines: Annotated[int | None, Meta(description="Number of its lines, once it was checked")]
    control_sum: Annotated[str, _text("1250000.00", "Sum of its amounts, as `CtrlSum`")] | None
    group_status: Annotated[
        Literal["RCVD", "PDNG", "PART", "ACCC", "RJCT"],
        Meta(description="`GrpSts` of its pain.002, as it is now"),
    ]
    by_status: Annotated[dict[str, int], Meta(description=f"Numbers of lines by status. {_LINE_STATUS}")]
    reason: Annotated[ReasonCode | None, Meta(description="Why it was refused as a whole")]
    detail: Annotated[str | None, Meta(description="The same in words")]
    received_at: Instant
    ends_at: Annotated[
        str,
        _text("2026-11-24T08:36:00+00:00", "What is not sent by then is rejected (TM01)", format="date-time"),
    ]
    cancelled_at: Instant | None
    ended_at: Instant | None
    links: dict[str, str]


class PaymentFileLineDocument(TypedDict):
    """A line of a file, and what became of it."""

    number: Annotated[int, Meta(description="Its place in the file, from 1")]
    uetr: Annotated[str, _text("eb6305c9-1f7f-49de-aed0-16487c27b42d", "UETR of its payment", format="uuid")]
    status: Annotated[Literal["RCVD", "PDNG", "ACCC", "RJCT", "CANC"], Meta(description=_LINE_STATUS)]
    reason: ReasonCode | None
    detail: Annotated[
        str | None, Meta(description="Why it was rejected or cancelled: place, text and broken rule")
    ]
    remedy: Annotated[str | None, Meta(description="What to do about a rejected line")]


class FirmQuoteDocument(TypedDict):
    """The terms of one payment, promised until an instant."""

    id: Annotated[
        str, _text("3f0f5d3c-7c52-4b0e-9a8e-5b0a6f1f2c11", "Id of the quote, for QtId", format="uuid")
    ]
    creditor_agent: Bic
    rail: Country
    rail_name: Annotated[str, _text("Raast")]
    interbank_settlement_amount: MoneyDocument
    charge_bearer: Literal["DEBT", "CRED", "SHAR", "SLEV"]
    fee: MoneyDocument
    charges: Annotated[list[ChargeDocument], Meta(description="The parts of the fee")]
    debited_amount: Annotated[
        MoneyDocument, Meta(description="Everything that the caller pays, with the charges that it bears")
    ]
    credited_amount: MoneyDocument
    exchange_rate: Rate | None
    fx_provider: Annotated[str, _text("silkroad-fx", "Id of the provider that exchanges")] | None
    improvement_bps: Annotated[
        int,
        Meta(
            ge=0,
            description="By how many basis points the rate is better for you; it includes them",
        ),
    ]
    cross: Annotated[
        CrossRateDocument | None,
        Meta(description="The rates of which it is made, if no provider offers the pair itself"),
    ]
    refused_now: Annotated[
        ReasonCode | None,
        Meta(
            description="Why a payment of yours would be refused now: AM14 your limits, AM23 your net debit"
            " cap; null: it would not be. A quote promises a price, not liquidity"
        ),
    ]
    purpose: Annotated[str, _text("FAMI", "Code that the payment must state as its purpose")] | None
    expires_at: Instant
    used_by: Annotated[Uetr | None, Meta(description="The payment that used it")]


FxTierDocument = TypedDict(
    "FxTierDocument",
    {
        "from": Annotated[Amount, Meta(description="Least amount to convert, in the source currency")],
        "rate": Rate,
    },
)


class FxImprovementDocument(TypedDict):
    """By how many basis points payments of a participant get a better rate."""

    participant: Id
    basis_points: Annotated[int, Meta(ge=1, le=500)]


class FxOfferDocument(TypedDict):
    """What an FX provider offers for a pair, and what is taken of its inventory (target currency)."""

    source: Annotated[str, _text("INR", "ISO 4217 code")]
    target: Annotated[str, _text("PKR", "ISO 4217 code")]
    tiers: list[FxTierDocument]
    improvements: list[FxImprovementDocument]
    until: Instant
    published_at: Instant
    inventory: Annotated[Amount | None, Meta(description="null: not limited")]
    used: Annotated[Amount | None, Meta(description="By payments since it was published")]
    promised: Annotated[Amount, Meta(description="By open quotes")]


class PositionDocument(TypedDict):
    """What an account has reserved and posted, and what is still available."""

    participant: Id
    currency: Currency
    purpose: Annotated[str, _text("position", "`position`, or `gross` for gross settlement")]
    debits_pending: Amount
    debits_posted: Amount
    credits_pending: Amount
    credits_posted: Amount
    net_debit_cap: Amount | None
    headroom: Annotated[str, _text("50000000000.00", "Still available to send; null without a cap")] | None


class WindowDocument(TypedDict):
    """A settlement window."""

    window: Window
    currency: Currency
    state: Literal["open", "closed"]
    opened_at: Instant
    closed_at: Instant | None
    closing_seq: (
        Annotated[int, Meta(description="Last event of the log in the window", examples=[4711])] | None
    )


class NetDocument(TypedDict):
    """A net position of a participant in a window; a positive amount is to be received."""

    participant: Id
    purpose: Annotated[str, _text("position")]
    currency: Currency
    debits: Amount
    credits: Amount
    net: Amount
    count: Annotated[int, Meta(description="Number of payments", examples=[12])]
    returned: Amount
    settled_gross: Amount
    funded: Amount
    settled: Amount


class WindowWithNetsDocument(WindowDocument):
    """A settlement window with the net positions of the caller."""

    nets: list[NetDocument]


class RequiredCodeDocument(TypedDict):
    """A code that messages of a corridor must have."""

    code_list: Annotated[str, _text("IN-RBI", "Whose list it is; ANY: any code")]
    form: Annotated[str, _text("three digits, such as 119", "Its form, if all codes are allowed")] | None
    codes: Annotated[list[str], Meta(description="The allowed codes; empty: all", examples=[["P1301"]])]


class FullDataDocument(TypedDict):
    """What must be known of both parties of a payment above an amount, beside name and account."""

    above: Amount
    currency: Currency
    originator: list[PartyData]
    beneficiary: list[PartyData]


class RequiredDataDocument(TypedDict):
    """What messages of a corridor must have beyond their schema."""

    valid_from: Annotated[Instant, Meta(description="Null: the requirements of the installation")] | None
    addresses: Addresses
    full_data: FullDataDocument | None
    purpose: RequiredCodeDocument | None
    regulatory: RequiredCodeDocument | None


class CorridorDocument(TypedDict):
    """A corridor: from which country payments go to which."""

    source: Country
    target: Country
    enabled: bool
    settlement: Literal["net", "gross"]
    fee: Annotated[str, _text("0.00", "Fixed part of the fee, in the source's currency")] | None
    fee_basis_points: Annotated[int, Meta(description="Variable part of the fee", examples=[10])]
    exchange_rate: Rate | None
    requires: RequiredDataDocument
    will_require: Annotated[list[RequiredDataDocument], Meta(description="What is required from later on")]


class TariffDocument(TypedDict):
    """What payments of a corridor cost that meet its conditions; null: any. The most specific one counts."""

    number: Annotated[int, Meta(examples=[12])]
    source: Country
    target: Country
    of: Literal["switch", "rail"]
    borne_by: Annotated[
        Literal["debtor", "creditor"],
        Meta(description="`debtor`: added to the amount; `creditor`: taken from it before it is converted"),
    ]
    participant: Annotated[Id, Meta(description="Who is charged")] | None
    purpose: Annotated[str, _text("SALA", "Purpose code")] | None
    charge_bearer: Literal["DEBT", "CRED", "SHAR", "SLEV"] | None
    currency: Currency
    from_amount: Annotated[Amount, Meta(description="The smallest amount")]
    below_amount: Annotated[Amount, Meta(description="The first amount that is too large")] | None
    flat: Amount
    basis_points: Annotated[int, Meta(description="Part of the amount, rounded down", examples=[10])]
    least: Annotated[Amount, Meta(description="The smallest charge")]
    most: Annotated[Amount, Meta(description="The largest charge")] | None
    valid_from: Instant
    valid_until: Annotated[Instant, Meta(description="When it is no longer valid")] | None


class RailDocument(TypedDict):
    """A rail: whether it is open and responds, and its limits and hours in force."""

    country: Country
    rail: Country
    rail_name: Annotated[str, _text("Raast")]
    currency: Currency
    confirmation: Confirmation
    open: bool
    simulated: Annotated[bool, Meta(description="Whether it is a simulated rail, which moves no money")]
    reachable: Annotated[bool, Meta(description="Result of the last probe")] | None
    unreachable_since: Instant | None
    minimum: Amount
    maximum: Amount
    hours_from: Annotated[str, _text("00:00", "Opens; equal to `hours_to` if it is always open")]
    hours_to: Annotated[str, _text("00:00", "Closes")]
    time_zone: Zone
    fee_max_basis_points: Annotated[int, Meta(description="Largest fee in force", examples=[100])] | None
    tightened: Annotated[bool, Meta(description="Whether the operator has narrowed limits, hours or fee")]


class RailAmountsDocument(TypedDict):
    """How a rail writes amounts; `minimum` and `maximum` of the rail bound them."""

    step: Annotated[str, _text("0.01", "Amounts are multiples of it")]
    decimals: Annotated[int, Meta(description="Decimals of the currency", examples=[2])]
    basis: Basis


class RailTextsDocument(TypedDict):
    """The texts that a rail carries; longer ones and other characters are transliterated or refused."""

    encoding: Annotated[str, _text("ascii", "Name of the character set")]
    name_max: Annotated[int, Meta(description="Characters of a name", examples=[99])]
    remittance_max: Annotated[int, Meta(description="Characters of remittance information", examples=[50])]
    basis: Basis


class IdentifierDocument(TypedDict):
    """A form of identifier by which a creditor is paid or looked up."""

    kind: IdentifierKind
    description: Annotated[str, _text("an IBAN of PK", "The form, for people")]
    pays: Annotated[bool, Meta(description="False: acmt.023 finds the account that is paid")]
    example: Annotated[str, _text("PK60SAND0000000000000001", "An identifier of nobody")] | None


class RailDetailDocument(RailDocument):
    """What a rail accepts."""

    amounts: RailAmountsDocument
    texts: RailTextsDocument
    identifiers: Annotated[
        list[IdentifierDocument],
        Meta(description="The first that fits is used; empty: the rail reads accounts"),
    ]
    required: Annotated[
        list[str],
        Meta(
            description="Elements that a payment must have", examples=[["FIToFICstmrCdtTrf/CdtTrfTxInf/Purp"]]
        ),
    ]
    carries: Annotated[
        list[str],
        Meta(
            description="Optional elements that reach the creditor's bank: docs/reference/elements.md",
            examples=[["FIToFICstmrCdtTrf/CdtTrfTxInf/RmtInf/Ustrd"]],
        ),
    ]
    business_days_only: Annotated[bool, Meta(description="Whether it is closed on holidays of its calendar")]
    opens_at: Annotated[Instant, Meta(description="When it takes the next payment: now, if it is open")]
    answer_within_s: Annotated[
        float, Meta(description="Until then it answers; later is unknown", examples=[20.0])
    ]
    basis: Basis


class StoredMessageDocument(TypedDict):
    """A message of another participant to the caller."""

    seq: Annotated[int, Meta(description="Number of the message", examples=[812])]
    at: Instant
    sender: Id
    definition: Annotated[str, _text("camt.056.001.08", "ISO 20022 message definition")]
    uetr: Uetr | None
    message: Annotated[dict[str, Any], Meta(description="The ISO 20022 message in its JSON form")]


class MessagePageDocument(TypedDict):
    """A page of messages, oldest first."""

    messages: list[StoredMessageDocument]
    next: Cursor
    more: Annotated[bool, Meta(description="Whether another page follows now")]


class EventDocument(TypedDict):
    """An event in CloudEvents 1.0 form; `data` depends on `type`."""

    specversion: Literal["1.0"]
    id: Annotated[str, _text("4711", "Number of the event in the log; ascending")]
    source: Literal["/v1/events"]
    type: Annotated[str, _text("payment.posted", f"One of {', '.join(TYPES)}; later versions may add more")]
    subject: Annotated[str, _text("7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7", "UETR, message, key or person")]
    time: Instant
    data: Annotated[
        dict[str, Any],
        Meta(
            examples=[{"uetr": "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7", "sequence": 3, "state": "COMMITTED"}]
        ),
    ]


class EventPageDocument(TypedDict):
    """A page of events, oldest first."""

    events: list[EventDocument]
    next: Cursor
    more: Annotated[bool, Meta(description="Whether there may be more events now")]


class SettlementDocument(TypedDict):
    """The settlement of a window. What follows `opened_at` is null while the window is open."""

    window: Window
    currency: Currency
    state: SettlementState
    opened_at: Instant
    closed_at: Instant | None
    value_date: Day | None
    positions_sha256: Sha256 | None
    message_id: Annotated[str, _text("SETTLE-51-INR", "Message id of the instruction")] | None
    file: Annotated[str, _text("settlement-51-INR.xml", "Name of the instruction's file")] | None
    file_sha256: Sha256 | None


class ListedSettlementDocument(SettlementDocument):
    """A settlement in a list."""

    not_settled: Annotated[list[Id], Meta(description="Participants whose lines were not settled")]


class SettlementLineDocument(TypedDict):
    """The line of one participant; a positive amount is to be received."""

    participant: Id
    country: Country
    net: Amount
    carried: Annotated[str, _text("0.00", "Carried into the window from an earlier one")]
    total: Amount
    state: LineState
    reference: Uuid
    reason: Annotated[str, _text("the account has no cover")] | None
    carried_to: Window | None
    changed_at: Instant


class SettlementWithLinesDocument(SettlementDocument):
    """A settlement with the lines that the caller may read."""

    lines: list[SettlementLineDocument]


class BilateralNetDocument(TypedDict):
    """What two participants owe each other in a window."""

    first: Id
    second: Annotated[str, _text("indus-bank")]
    first_pays: Amount
    second_pays: Amount
    returned: Annotated[str, _text("0.00", "What of it are returns of earlier payments")]
    net: Annotated[str, _text("1500.00", "Positive if the first pays more")]
    count: Annotated[int, Meta(description="Number of payments", examples=[12])]


Percent = Annotated[str, _text("99.12", "Per cent, decimal text")]
Micros = Annotated[
    int, Meta(description="Microseconds; at most a tenth above the exact value", examples=[812831])
]
PaymentCount = Annotated[int, Meta(description="Number of payments", examples=[1250])]


class StatisticsDocument(TypedDict):
    """Sums of the payments of a corridor and a rail in a step of time; amounts are of committed payments."""

    at: Instant
    source: Country | None
    target: Country | None
    rail: Country | None
    debit_currency: Currency | None
    credit_currency: Currency | None
    payments: PaymentCount
    committed: PaymentCount
    rejected: PaymentCount
    refused: PaymentCount
    returned: PaymentCount
    success_percent: Percent | None
    debited: Amount | None
    credited: Amount | None
    fees: Amount | None
    debits_returned: Amount | None
    within_10_s_percent: Percent | None
    within_60_s_percent: Percent | None
    within_1_h_percent: Percent | None
    p50_us: Micros | None
    p95_us: Micros | None
    p99_us: Micros | None
    cost_percent: Percent | None
    cost_up_to_3_percent: Percent | None
    cost_up_to_5_percent: Percent | None


class LiquidityStatisticsDocument(TypedDict):
    """The headroom of an account in a step of time; without a cap there is none."""

    at: Instant
    participant: Id
    currency: Currency
    purpose: Annotated[str, _text("position", "Purpose of the account")]
    least_headroom: (
        Annotated[str, _text("250000.00", "What could still be debited at the peak of the use")] | None
    )
    least_at: Instant
    headroom: Annotated[str, _text("400000.00", "At the end of the step")] | None
    net_debit_cap: Amount | None


class ServiceStatisticsDocument(TypedDict):
    """What probes of a service found in a step of time."""

    at: Instant
    service: Annotated[str, _text("rail-IN", "`accept`, `decide`, `settle`, or a rail")]
    probes: Annotated[int, Meta(examples=[120])]
    failed: Annotated[int, Meta(examples=[0])]
    observed_s: Annotated[float, Meta(description="Seconds that the probes cover", examples=[3600.0])]
    down_s: Annotated[float, Meta(description="Seconds in which the service did not respond", examples=[0.0])]
    availability_percent: Percent | None


class PublicKeyDocument(TypedDict):
    """The key that verifies instructions."""

    keyid: Annotated[str, _text("settlement-b2735776f1a100ab")]
    public_key: Pem


class AnswerKeyDocument(TypedDict):
    """A key that verifies signed answers."""

    keyid: Annotated[str, _text("answers-b2735776f1a100ab")]
    public_key: Pem


class ProcessedDocument(TypedDict):
    """What a confirmation did: the participants whose lines it settled, held, repeated or contradicted."""

    settled: list[Id]
    held: list[Id]
    known: list[Id]
    contradictions: Annotated[list[Id], Meta(description="People must examine these")]
    unmatched: Annotated[int, Meta(description="Notifications that match no instruction", examples=[0])]


class CalendarDayDocument(TypedDict):
    """A day of a calendar."""

    day: Day
    business: bool
    holiday: Annotated[str, _text("Guru Nanak's Birthday")] | None


class CutOffDocument(TypedDict):
    """When the windows of a currency close, in its time zone."""

    currency: Currency
    country: Country
    zone: Zone
    closes_at: list[Time]
    enabled: bool


class CalendarDocument(TypedDict):
    """The business days and holidays of a currency."""

    currency: Currency
    country: Country
    zone: Zone
    days: list[CalendarDayDocument]
    schedule: list[CutOffDocument]


class WebhookDocument(TypedDict):
    """An address to which events are delivered."""

    id: Uuid
    url: Annotated[str, _text("https://bank.example/hooks", format="uri")]
    types: Annotated[
        list[str], Meta(description="Types of events; empty: all", examples=[["payment.posted"]])
    ]
    cursor: Annotated[int, Meta(description="Last event that was scheduled", examples=[4711])]
    disabled: Annotated[str, _text("410 Gone", "Why it is disabled")] | None
    public_key: WebhookPublicKey
    public_keys: Annotated[list[WebhookPublicKey], Meta(description="Any of them may sign; newest first")]


class AddedWebhookDocument(WebhookDocument):
    """A new address, with the secret that verifies its deliveries; the secret is shown only now."""

    secret: WebhookSecret


class RenewedSecretDocument(TypedDict):
    """A new secret of a webhook, which is shown only now."""

    secret: WebhookSecret
    previous_until: Annotated[Instant, Meta(description="Until then the former secret signs, too")]


class DeliveryDocument(TypedDict):
    """The delivery of one event to one address."""

    event: Annotated[int, Meta(description="Number of the event", examples=[4711])]
    attempts: Annotated[int, Meta(examples=[1])]
    status: Annotated[int, Meta(description="Status of the last response", examples=[204])] | None
    took_ms: Annotated[int, Meta(examples=[88])] | None
    detail: Annotated[str, _text("no response within 15 s")] | None
    next_at: Instant | None
    delivered_at: Instant | None


class ReplayedDocument(TypedDict):
    """Where deliveries begin again."""

    after: Annotated[int, Meta(description="The last event before the instant", examples=[4711])]


class WebhookKeyDocument(TypedDict):
    """A key that signs or signed deliveries."""

    number: Annotated[int, Meta(examples=[1])]
    public_key: WebhookPublicKey
    added_at: Instant
    retired_at: Instant | None


class ParticipantDocument(TypedDict):
    """A participant, as everybody may know it."""

    id: Id
    name: Annotated[str, _text("Asha Bank")]
    bic: Annotated[str, _text("ASHAINBB")]
    country: Country
    kind: Annotated[str, _text("direct")]
    status: Annotated[str, _text("active")]
    member_ids: Annotated[
        list[str], Meta(description="Its ids in clearing systems", examples=[["OKBK0000001"]])
    ]


class IndirectParticipantDocument(TypedDict):
    """A bank that is reached over a rail; its gateway, a participant, is credited."""

    rail: Annotated[Country, Meta(description="Country of the rail")]
    id: Id
    name: Annotated[str, _text("Mezan Bank")]
    bic: Annotated[str, _text("MEZNPKKA")] | None
    member_ids: Annotated[
        list[str],
        Meta(
            description="Its ids in clearing systems; with `*` at the end, the beginning that they have",
            examples=[["MEZN", "PKMEZN*"]],
        ),
    ]
    gateway: Annotated[Id, Meta(description="The participant that is credited for it")]
    currency: Currency
    per_payment: Annotated[Amount, Meta(description="The most of a payment")] | None
    per_day: Annotated[Amount, Meta(description="The most of a day (UTC)")] | None
    since: Annotated[str, _text("2026-12-01", "First day, by the rail's clock")] | None
    until: Annotated[str, _text("2027-12-01", "First day on which it is no longer reached")] | None


class SigningKeyDocument(TypedDict):
    """A key with which a participant signs its requests."""

    keyid: Annotated[str, _text("asha-bank-1")]
    algorithm: Annotated[str, _text("ed25519")]
    public_key: Pem
    valid_from: Instant
    valid_until: Instant | None
    revoked_at: Instant | None
    state: Literal["in force", "future", "retired", "revoked"]


class LimitsDocument(TypedDict):
    """The limits of an account; null where there is none."""

    currency: Currency
    per_payment: Amount | None
    per_day: Amount | None
    used_today: Amount | None


class VelocityLimitDocument(TypedDict):
    """How many payments, and of which sum, there may be in an hour and in a day (UTC); null is no limit."""

    scope: Annotated[VelocityScope, Meta(description="Whose payments are counted together")]
    everybody: Annotated[bool, Meta(description="Whether it is of all without a limit of their own")]
    currency: Currency
    payments_per_hour: Annotated[int, Meta(examples=[100])] | None
    per_hour: Amount | None
    payments_per_day: Annotated[int, Meta(examples=[1000])] | None
    per_day: Amount | None


class LiquidityUseDocument(TypedDict):
    """How much of its liquidity an account uses."""

    participant: Id
    currency: Currency
    used: Amount
    headroom: Amount
    used_percent: Annotated[int, Meta(examples=[12])]
    alert_percent: Annotated[int, Meta(description="Level of the alert that is on", examples=[80])] | None


class LiquidityDocument(LiquidityUseDocument):
    """How much of its liquidity an account uses, with its limits."""

    limits: LimitsDocument | None


class CertificateDocument(TypedDict):
    """The last certificate of a participant's client: what `payswitch conform` found."""

    kit: Annotated[int, Meta(description="Version of the kit", examples=[1])]
    product: Annotated[str, _text("core-banking 4.2", "What was tested, in the words of the participant")]
    tested_at: Annotated[Instant, Meta(description="End of the run")]
    valid_until: Annotated[str, _text("2027-11-30", "Its last day, UTC", format="date")]
    expired: bool
    report_sha256: Sha256
    change: Annotated[int, Meta(description="Number of the change that recorded it", examples=[17])]


class ParticipantDetailDocument(ParticipantDocument):
    """A participant; what follows `member_ids` is there only if the caller may read it."""

    positions: NotRequired[list[PositionDocument]]
    keys: NotRequired[list[SigningKeyDocument]]
    certificate: NotRequired[CertificateDocument | None]
    in_flight: NotRequired[Annotated[int, Meta(description="Payments that are not final", examples=[3])]]
    liquidity: NotRequired[list[LiquidityUseDocument]]
    limits: NotRequired[list[LimitsDocument]]
    velocity_limits: NotRequired[list[VelocityLimitDocument]]


class PersonDocument(TypedDict):
    """A person who can sign in, or once could."""

    name: PersonName
    display_name: Annotated[str, _text("Nadia N.")]
    role: Role
    scope: Annotated[str, _text("", "A participant's id, a regulator's country, or empty")]
    status: Status


class MeDocument(TypedDict):
    """The person who is signed in."""

    person: PersonDocument
    rights: list[Right]


class CaseSubjectDocument(TypedDict):
    """What a case is about."""

    type: Annotated[str, _text("payment", "payment, break, line, confirmation, instruction, and others")]
    id: Annotated[str, _text("7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7")]


class CaseDocument(TypedDict):
    """A case: something that needs a person. It is open as long as its subject needs one."""

    number: Annotated[int, Meta(examples=[12])]
    kind: CaseKind
    state: Literal["open", "overdue", "closed"]
    subject: CaseSubjectDocument
    uetr: Uetr | None
    rail: Country | None
    participant: Id | None
    owner: PersonName | None
    since: Instant
    opened_at: Instant
    due_at: Annotated[str, _text("2026-11-23T10:36:00+00:00", "The deadline", format="date-time")]
    closed_at: Instant | None


class AttachmentDocument(TypedDict):
    """A file that a person attached to a case."""

    name: Annotated[str, _text("advice.pdf")]
    media_type: Annotated[str, _text("application/pdf")]
    octets: Annotated[int, Meta(examples=[48213])]


class CaseActDocument(TypedDict):
    """One entry of the history of a case. `person` is null for the switch itself."""

    number: Annotated[int, Meta(examples=[31])]
    at: Instant
    act: Annotated[
        str, _text("noted", "opened, reopened, closed, escalated, assigned, noted, attached, asked ...")
    ]
    person: PersonName | None
    about: Annotated[str | None, _text("chen", "The new owner, the role that was told, or the rail's answer")]
    text: Annotated[str | None, _text("The bank has confirmed by telephone.")]
    sha256: Sha256 | None
    attachment: AttachmentDocument | None


class CaseChangeDocument(TypedDict):
    """A change that was requested about the subject of a case."""

    number: Annotated[int, Meta(examples=[7])]
    kind: Annotated[str, _text("payment.resolve")]
    state: ChangeState
    maker: PersonName
    requested_at: Instant


class CaseWithHistoryDocument(CaseDocument):
    """A case with its history and its changes."""

    history: list[CaseActDocument]
    changes: list[CaseChangeDocument]


class ScreeningHitDocument(TypedDict):
    """A party of a payment that may be on a list."""

    party: Annotated[str, _text("creditor", "Its part in the payment, such as `ultimate debtor`")]
    name: Annotated[str, _text("Oleg Testov", "As the message states it")]
    entry: Annotated[str, _text("OFAC:6366", "Publisher and id of the listed party")]
    listed: Annotated[str, _text("Олег Тестов", "The listed name that was matched")]
    score: Annotated[int, Meta(ge=0, le=100, description="In percent", examples=[100])]
    kind: Annotated[str, _text("person", "person or entity")]
    born: Annotated[list[str], Meta(examples=[["1971-02-03"]])]
    countries: Annotated[list[str], Meta(examples=[["Ruritania"]])]
    programmes: Annotated[list[str], Meta(examples=[["TEST"]])]


class ScreeningHitsDocument(TypedDict):
    """What screening found in a payment that it holds or held."""

    uetr: Uetr
    sender: Id
    creditor_agent: Id
    interbank_settlement_amount: MoneyDocument
    held_at: Instant
    expires_at: Annotated[Instant, Meta(description="Without a decision it is refused then")]
    lists: Annotated[int, Meta(examples=[12], description="The set of lists: the change that set it")]
    screening: Annotated[
        int, Meta(ge=1, examples=[1], description="Number of the comparison, which a decision states")
    ]
    hits: list[ScreeningHitDocument]
    engine_silent: Annotated[
        bool, Meta(description="Whether the outside engine did not answer in this comparison")
    ]
    decision: Annotated[str | None, _text("release", "release or refuse; null: nobody has decided")]
    change: Annotated[int | None, Meta(examples=[17], description="The change that decided")]
    outcome: Annotated[
        str | None, _text("accepted", "accepted, not accepted, refused or undecided; null: it is held")
    ]
    ended_at: Instant | None


class ScreeningListDocument(TypedDict):
    """A file of a sanctions list, kept as it was published."""

    number: Annotated[int, Meta(examples=[3])]
    publisher: Annotated[str, _text("UN", "UN, OFAC, EU, or own")]
    published: Annotated[str | None, _text("2026-11-30", "As the file states it", format="date")]
    source: Annotated[
        str,
        _text(
            "https://scsanctions.un.org/consolidated, 30 November 2026", "As the person who added it stated"
        ),
    ]
    sha256: Sha256
    octets: Annotated[int, Meta(ge=0, examples=[1_842_117])]
    entries: Annotated[int, Meta(ge=0, examples=[1003])]
    names: Annotated[int, Meta(ge=0, examples=[4121])]
    added_by: PersonName
    added_at: Instant
    in_force: Annotated[bool, Meta(description="Whether payments are compared with it now")]


class ScreeningOfficersDocument(TypedDict):
    """Who decides about the held payments of a participant."""

    participant: Annotated[str, _text("asha-bank", "`*`: every participant without a setting of its own")]
    decided_by: Annotated[str, _text("participant", "operators, officers or participant")]
    change: Annotated[int, Meta(examples=[31], description="The change that set it")]


class SourceRailDocument(TypedDict):
    """A rail that can order payments, and whether the switch takes its orders."""

    country: Country
    state: Annotated[
        Literal["open", "paused", "suspended", "off"],
        Meta(
            description="`open`: orders are taken; `paused` by two people, or `suspended` as its gateway is: "
            "new orders are refused; `off`: nobody has decided to take them"
        ),
    ]
    since: Annotated[Instant | None, Meta(description="Since when they are taken, or paused")]
    gateway: Annotated[str | None, _text("pakistan-gateway", "The debtor agent of its payments")]
    purpose: Annotated[str | None, _text("FAMI", "Purpose of orders that state none")]
    refunds_since: Annotated[
        Instant | None, Meta(description="What is returned from then on is refunded over the rail; null: not")
    ]
    change: Annotated[int | None, Meta(examples=[8], description="The newest `rail.inbound` in force")]
    decided_at: Annotated[Instant | None, Meta(description="When it was executed")]
    requested_by: Annotated[str | None, _text("olga", "Who requested it")]
    approved_by: Annotated[list[str], Meta(examples=[["chen"]], description="Who approved it")]


class WatchRuleDocument(TypedDict):
    """A pattern that holds payments or raises alarms, in its newest version."""

    number: Annotated[int, Meta(examples=[71], description="Number of its event in the log")]
    pattern: Annotated[str, _text("structuring", "structuring, fan_in, first_large or out_of_hours")]
    action: Annotated[str, _text("hold", "hold, alarm, or none if it has ended")]
    participant: Annotated[str | None, _text("asha-bank", "Whose accounts; null: of all participants")]
    source: Annotated[str | None, _text("IN", "Country of the debtor agent; null: every one")]
    target: Annotated[str | None, _text("PK", "Country of the creditor agent; null: every one")]
    amount: MoneyDocument
    near_percent: Annotated[int, Meta(examples=[80])]
    count: Annotated[int, Meta(examples=[3])]
    hours: Annotated[
        list[int], Meta(examples=[[22, 6]], description="The first hour of the night, and the first after it")
    ]
    valid_from: Instant
    valid_until: Instant | None
    change: Annotated[int, Meta(examples=[32], description="The change that set it")]


class SessionDocument(TypedDict):
    """An open session of a person."""

    id: Uuid
    began_at: Instant
    used_at: Instant
    address: Annotated[str, _text("192.0.2.0/24", "Shortened address of the client")]
    browser: Annotated[str, _text("Firefox on Linux")]
    current: Annotated[bool, Meta(description="Whether it is the session of this request")]


class IdentityProviderDocument(TypedDict):
    """A provider whose people may sign in."""

    id: Annotated[str, _text("asha-id")]
    title: Annotated[str, _text("Asha Bank")]
    issuer: Annotated[str, _text("https://id.asha.example", format="uri")]
    client_id: Annotated[str, _text("payswitch")]
    scope: Annotated[str, _text("asha-bank", "A participant's id, a regulator's country, or empty")]
    claim: Annotated[str, _text("groups", "Claim of the ID token with the groups")]
    grants: Annotated[dict[str, str], Meta(description="Group to role", examples=[{"auditors": "auditor"}])]
    just_in_time: Annotated[bool, Meta(description="Whether people are added at their first sign-in")]
    second_factors: Annotated[list[str], Meta(examples=[["mfa"]])]


class EnrolmentDocument(TypedDict):
    """The secret for a new person's authenticator; shown once."""

    name: Annotated[str, _text("nadia")]
    totp_uri: Annotated[str, _text("otpauth://totp/payswitch:nadia?secret=JBSWY3DPEHPK3PXP&issuer=payswitch")]
    totp_secret: Annotated[str, _text("JBSWY3DPEHPK3PXP")]


class ChangeKindDocument(TypedDict):
    """A kind of change."""

    kind: Annotated[str, _text("rail.switch")]
    title: Annotated[str, _text("Open or close a rail")]
    content: Annotated[dict[str, Any], Meta(description="JSON Schema of its content")]


class SeatDocument(TypedDict):
    """A role that must approve."""

    role: Role
    scope: Annotated[str, _text("", "A participant's id, countries with spaces (one of them), or empty: any")]


class VoteDocument(TypedDict):
    """A vote on a change."""

    seat: Annotated[int, Meta(examples=[0])]
    person: PersonName
    decision: Literal["approve", "refuse"]
    reason: Annotated[str, _text("confirmed by phone")]
    at: Instant


class EffectRowDocument(TypedDict):
    """One value that a change affects."""

    what: Annotated[str, _text("rail PK", "A label, a name or an id")]
    now: Annotated[str, _text("closed", "The present value; `none` if there is none")]
    then: Annotated[str, _text("open", "The value after the change")]
    unit: Annotated[str, _text("INR", "A currency, or the unit of the number")] | None
    moving: Annotated[
        bool, Meta(description="The value changes with every payment; it is not part of the digest")
    ]


class EffectDocument(TypedDict):
    """What a change would do if executed now."""

    rows: list[EffectRowDocument]
    warnings: list[str]
    digest: Annotated[
        str,
        _text(
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "Send it as `seen` to bind a vote to this effect",
        ),
    ]


class ResourceDocument(TypedDict):
    """What a change affects."""

    subject: Subject
    id: Annotated[str, _text("IN")]
    href: Annotated[str, _text("/v1/rails", "Its path in the API")] | None


class ComparisonDocument(TypedDict):
    """A value of a change, compared with the one in force."""

    what: Annotated[str, _text("rate")]
    reference: Annotated[str, _text("3.2835000000")]
    stated: Annotated[str, _text("3.3000000000")]
    factor: Annotated[str, _text("1.01")] | None
    beyond: Annotated[bool, Meta(description="Whether it must be confirmed")]


class PlainChangeDocument(TypedDict):
    """A change as it was requested and voted on."""

    number: Annotated[int, Meta(examples=[17])]
    kind: Annotated[str, _text("rail.switch")]
    content: Annotated[
        dict[str, Any],
        Meta(
            description="As in the JSON Schema of the kind in `/v1/changes/kinds`",
            examples=[{"country": "IN", "open": True}],
        ),
    ]
    maker: PersonName
    reason: Annotated[str, _text("the operator of the rail confirmed that the outage is over")]
    seats: Annotated[list[SeatDocument], Meta(description="The roles that must approve")]
    votes: list[VoteDocument]
    state: ChangeState
    requested_at: Instant
    expires_at: Instant
    ended_at: Instant | None
    outcome: Annotated[str, _text("", "The result of the execution")]
    checker_half: NotRequired[
        Annotated[str, _text("9XWA-4MTE", "Shown once, to the last approver: half of the enrolment code")]
    ]


class ChangeDocument(PlainChangeDocument):
    """A change, with what it affects and what it would do."""

    effect: Annotated[EffectDocument | None, Meta(description="Null once the change has ended")]
    links: Annotated[list[ResourceDocument], Meta(description="What the change affects")]
    comparisons: NotRequired[
        Annotated[
            list[ComparisonDocument], Meta(description="Values compared with those in force; not in lists")
        ]
    ]
    maker_half: NotRequired[
        Annotated[
            str,
            _text("3FJ7-K2QD", "Shown once, to the requester of a new person: half of the enrolment code"),
        ]
    ]


class ReportKindDocument(TypedDict):
    """A report that the caller may request."""

    name: Annotated[str, _text("rejects")]
    title: Annotated[str, _text("Rejected payments")]
    takes: Annotated[list[str], Meta(description="Required query parameters", examples=[["since", "until"]])]
    may_take: Annotated[list[str], Meta(description="Optional query parameters", examples=[["as_of"]])]
    formats: Annotated[list[str], Meta(examples=[["json", "csv"]])]


class ArtefactDocument(TypedDict):
    """A report file that was generated."""

    number: Annotated[int, Meta(examples=[12])]
    report: Annotated[str, _text("rejects")]
    format: Annotated[str, _text("json")]
    parameters: Annotated[str, _text('{"currency": "INR"}', "What was asked, as a JSON text")]
    scope: Annotated[str, _text("asha-bank", "Whose data it has: a participant, a country, or `all`")]
    caller: Annotated[str, _text("participant:asha-bank", "Who requested it")]
    revealed: Annotated[bool, Meta(description="Whether it shows personal data")]
    as_of: Annotated[int, Meta(description="Last event of the log that it covers", examples=[4711])]
    event: Annotated[int, Meta(description="Event of the log that records the request", examples=[4712])]
    octets: Annotated[int, Meta(description="Size of the file, in bytes", examples=[2048])]
    sha256: Sha256
    signature: Annotated[str, _text("eyJhbGciOiJFZDI1NTE5In0..Rk9P", "Detached JWS of the file")]
    made_at: Instant


class ReportDestinationDocument(TypedDict):
    """A place to which reports may be delivered."""

    name: Annotated[str, _text("centralbank")]
    address: Annotated[str, _text("sftp://payswitch@sftp.centralbank.example/in")]
    added_at: Instant


class ReportScheduleDocument(TypedDict):
    """A report that is made after each period, and delivered."""

    name: Annotated[str, _text("centralbank-daily")]
    report: Annotated[str, _text("corridors")]
    format: Annotated[str, _text("pdf")]
    language: Annotated[str, _text("en")]
    scope: Annotated[str, _text("IN", "Whose data it has: a participant, a country, or `all`")]
    rhythm: Annotated[str, _text("day", "day, week, month, business day, or window")]
    currency: Annotated[str, _text("", "Of business days and windows; empty otherwise")]
    destination: Annotated[str, _text("centralbank")]
    addressee: Annotated[str, _text("Department of Payments")]
    parameters: Annotated[dict[str, str], Meta(description="Further parameters of the report")]
    since: Annotated[Instant, Meta(description="Periods that end later are reported")]
    fault: Annotated[str, _text("", "Why the report of the last period could not be made")]


class ReportDeliveryDocument(TypedDict):
    """A report that was made by schedule, and the receipt of its delivery."""

    number: Annotated[int, Meta(examples=[12])]
    schedule: Annotated[str, _text("centralbank-daily")]
    period: Annotated[str, _text("2026-11-23")]
    destination: Annotated[str, _text("centralbank")]
    report: Annotated[str, _text("corridors")]
    name: Annotated[str, _text("centralbank-daily-2026-11-23.pdf.zip", "The file at the receiver")]
    sha256: Sha256
    octets: Annotated[int, Meta(description="Size of the file, in bytes", examples=[2048])]
    file_sha256: Annotated[Sha256, Meta(description="SHA-256 of the report in it")]
    made_at: Instant
    attempts: Annotated[int, Meta(examples=[1])]
    due_at: Annotated[Instant, Meta(description="The next attempt, while it waits")]
    answer: Annotated[str, _text("204", "What the receiver answered, or why it did not accept it")]
    delivered_to: Annotated[str, _text("sftp://payswitch@sftp.centralbank.example/in")]
    delivered_at: Instant | None
    given_up_at: Instant | None
    repeats: Annotated[int | None, Meta(description="The delivery that this one repeats", examples=[12])]
    asked_by: Annotated[str, _text("olga", "Who had it delivered again; empty: its schedule")]
    state: Annotated[str, _text("delivered", "waiting, delivered, or given up")]


class CheckpointDocument(TypedDict):
    """A signed checkpoint of the event log."""

    size: Annotated[int, Meta(description="Number of events", examples=[812012])]
    root: Hex
    origin: Annotated[str, _text("payswitch.example/ledger")]
    published_at: Instant
    checkpoint: Annotated[
        str, Meta(description="The signed note (C2SP tlog-checkpoint) with its cosignatures")
    ]
    cosigned_by: Annotated[list[str], Meta(examples=[["witness.centralbank.example/w1"]])]


class ProvedEventDocument(TypedDict):
    """An event of the log with the proof that a checkpoint covers it."""

    seq: Annotated[int, Meta(examples=[4711])]
    number: Annotated[int, Meta(examples=[17])]
    at: Annotated[int, Meta(description="Microseconds since 1970, UTC", examples=[1795423560123456])]
    kind: Annotated[str, _text("RESTORED")]
    change: Hex
    body: Hex
    proof: list[Hex]


class RestoreProofDocument(TypedDict):
    """A restore of the database, with its proofs."""

    event: ProvedEventDocument
    proof: list[Hex]


class OlderCheckpointDocument(TypedDict):
    """An older checkpoint, and the proof that the newest one extends it."""

    checkpoint: str
    proof: list[Hex]


class HeldCheckpointDocument(TypedDict):
    """A checkpoint that others hold and a restore lost, with the same proof."""

    size: int
    proof: list[Hex]


class ProofBundleDocument(TypedDict):
    """Checkpoints with the proofs between them, as `payswitch audit verify` reads it."""

    format: Annotated[str, _text("payswitch-audit-bundle/1")]
    checkpoint: str
    older: list[OlderCheckpointDocument]
    restores: list[RestoreProofDocument]
    events: list[ProvedEventDocument]
    held: NotRequired[HeldCheckpointDocument]


class WitnessDocument(TypedDict):
    """A registered witness."""

    name: Annotated[str, _text("witness.centralbank.example/w1")]
    key: Annotated[str, _text("witness.centralbank.example/w1+8d6cf03e+BFGDLEZMHwSRaJNiIDoe9DYn")]
    size: (
        Annotated[int, Meta(description="The largest checkpoint that it cosigned", examples=[812012])] | None
    )
    cosigned_at: Instant | None
    refuses_since: Instant | None


class ReportColumnDocument(TypedDict):
    """A column of a report."""

    name: Annotated[str, _text("amount")]
    kind: Annotated[str, _text("amount")]
    title: Annotated[str, _text("Amount")]


class SealDocument(TypedDict):
    """Where a report is in the audited log."""

    as_of: Annotated[int, Meta(description="Last event that it was read from", examples=[4711])]
    root: Annotated[Hex, Meta(description="Root of the audit tree over the events up to that one")]
    checkpoint: Annotated[int, Meta(description="Size of an earlier checkpoint; 0 if there is none")]
    checkpoint_root: Annotated[str, _text("", "Its root; empty if there is none")]


class ReportDocument(TypedDict):
    """A report: its columns, and one object with a member for each column in each row."""

    report: Annotated[str, _text("rejects")]
    title: Annotated[str, _text("Rejected payments")]
    parameters: dict[str, str]
    zone: Zone
    seal: SealDocument | None
    columns: list[ReportColumnDocument]
    rows: list[dict[str, Any]]
    totals: list[dict[str, Any]]
    notes: list[str]


class ViolationDocument(TypedDict):
    """One mistake of a request."""

    path: NotRequired[
        Annotated[
            str,
            _text(
                "FIToFICstmrCdtTrf/CdtTrfTxInf/IntrBkSttlmAmt",
                "Where: element names from the root of the message, a member of the body, or a part of the"
                " request: query.limit, header.Accept, path, method, body, caller",
            ),
        ]
    ]
    message: Annotated[str, _text("has more digits than the currency INR allows", "What is wrong")]
    rule: NotRequired[Annotated[str, _text("digits", "Name of the broken rule")]]
    line: NotRequired[
        Annotated[int, Meta(description="Line of the element in the XML, from 1", examples=[12])]
    ]
    column: NotRequired[Annotated[int, Meta(description="Column in characters, from 1", examples=[7])]]
    expected: NotRequired[Annotated[str, _text("an amount with at most 2 decimal places", "What is allowed")]]
    remedy: NotRequired[
        Annotated[str, _text("Write fewer digits; the currency fixes the decimals.", "What to do")]
    ]


class ProblemDocument(TypedDict):
    """A failure (RFC 9457). It never repeats what the caller sent."""

    type: Annotated[
        str, _text("/docs/problems#not-found", "Address of its explanation", format="uri-reference")
    ]
    title: Annotated[str, _text("It does not exist, or the caller may not see it.")]
    status: Annotated[int, Meta(description="The HTTP status", examples=[404])]
    detail: Annotated[str, _text("there is no participant with this BIC", "What is wrong with this request")]
    reason: Annotated[str, _text(Reason.NARRATIVE.value, "ISO 20022 status reason code")]
    retryable: Annotated[bool, Meta(description="Whether the same request may succeed later")]
    errors: NotRequired[Annotated[list[ViolationDocument], Meta(description="Every mistake that was found")]]
    effect: NotRequired[
        Annotated[
            EffectDocument | None, Meta(description="`effect-changed`: the present effect of the change")
        ]
    ]
    resume: NotRequired[
        Annotated[int, Meta(description="`cursor-ahead`: the cursor to continue with", examples=[4711])]
    ]
    retry_after_ms: NotRequired[
        Annotated[
            int,
            Meta(description="`overloaded`: milliseconds to wait, as in `Retry-After-Ms`", examples=[240]),
        ]
    ]


class PaymentFactsDocument(TypedDict):
    """The data of an event of a payment."""

    uetr: Uetr
    state: NotRequired[State]
    reason: NotRequired[ReasonCode]
    rail_code: NotRequired[Annotated[str, _text("U30", "The rail's own code")]]
    rail_reference: NotRequired[Annotated[str, _text("612812000042", "The rail's id of the payment")]]
    detail: NotRequired[Annotated[str, _text("returned AC04")]]


class MessageFactsDocument(TypedDict):
    """The data of an event that announces a message; `GET /v1/messages` has the message."""

    seq: Annotated[int, Meta(description="Number of the message", examples=[812])]
    sender: Id
    definition: Annotated[str, _text("camt.056.001.08", "ISO 20022 message definition")]
    uetr: Uetr | None


class ChangeFactsDocument(TypedDict, total=False):
    """The data of a change of a key or a person, or of a test. Further members depend on the type."""

    change: Annotated[int, Meta(description="Number of the change", examples=[17])]
    keyid: Annotated[str, _text("asha-bank-1")]
    fingerprint: Sha256
    person: PersonName


WebhookHeadersDocument = TypedDict(
    "WebhookHeadersDocument",
    {
        "webhook-id": Annotated[str, _text("4711", "Number of the event; the same in every repetition")],
        "webhook-timestamp": Annotated[str, _text("1795423560", "Seconds since 1970")],
        "webhook-signature": Annotated[str, _text("v1a,c2lnbmF0dXJl", "Signatures, separated by blanks")],
    },
    total=False,
)
"""The headers of a delivery (Standard Webhooks); a stream has none."""


def renamed(node: Any, prefix: str) -> Any:
    """Schemas of these types with the names that clients see: `Position` for `PositionDocument`."""
    match node:
        case dict():
            return {_name(key): renamed(value, prefix) for key, value in node.items()}
        case list():
            return [renamed(each, prefix) for each in node]
        case str() if node.startswith(prefix):
            return prefix + _name(node.removeprefix(prefix))
        case str():
            return _name(node)
    return node


def _name(name: str) -> str:
    return name.removesuffix(SUFFIX) if " " not in name else name
