"""The messages of FSPIOP as ISO 20022 JSON: one table, by which each is read, written and described.

Mojaloop's JSON has the tags of ISO 20022 and rules of its own: no root element, no array where an element may
repeat, an amount named after its type, identifiers that are ULIDs, and elements of a draft that the published
messages name otherwise or lack. An element has a name in FSPIOP (`amount.currency`); one that FSPIOP does not
have keeps its path (`GrpHdr.MsgId`).
"""

from dataclasses import dataclass
from typing import Final

from switch.fspiop.forms import (
    AMOUNT,
    AMOUNT_TYPE,
    CHARGE_BEARER,
    CORRELATION,
    COUNTRY,
    CURRENCY,
    ERROR_CODE,
    FSP,
    FULFILMENT,
    INSTANT,
    NAME,
    PACKET,
    PARTY_TYPE,
    PURPOSE,
    REASON_TEXT,
    STATE,
    Form,
    text,
)


@dataclass(frozen=True, slots=True)
class FspiopElement:
    """One element: its name in FSPIOP, its path in the JSON, its form, and what the bridge does with it."""

    name: str
    path: str
    form: Form
    use: str
    required: bool = False
    aliases: tuple[str, ...] = ()
    """Other paths at which captured messages have it."""
    fixed: str | bool | None = None
    """The only value that it may have."""
    kind: str = ""
    """`party`: below `PrvtId` or `OrgId`. `name`: four names in one text. `list`: an array in FSPIOP."""


@dataclass(frozen=True, slots=True)
class FspiopMessage:
    """One message: its ISO name, how FSPIOP calls it, and its elements."""

    name: str
    iso: str
    title: str
    fields: tuple[FspiopElement, ...]

    def field(self, name: str) -> FspiopElement:
        """The element of this name."""
        return next(field for field in self.fields if field.name == name)


def _header(*, transactions: bool) -> tuple[FspiopElement, ...]:
    made = (
        FspiopElement("GrpHdr.MsgId", "GrpHdr.MsgId", text(35), "new in every message", required=True),
        FspiopElement("GrpHdr.CreDtTm", "GrpHdr.CreDtTm", INSTANT, "when it was made", required=True),
    )
    if not transactions:
        return made
    return (
        *made,
        FspiopElement("GrpHdr.NbOfTxs", "GrpHdr.NbOfTxs", text(15), "one", required=True, fixed="1"),
        FspiopElement(
            "GrpHdr.SttlmInf.SttlmMtd",
            "GrpHdr.SttlmInf.SttlmMtd",
            text(4),
            "settlement by the switch",
            required=True,
            fixed="CLRG",
        ),
    )


_CURRENCIES: Final = {
    "Cdtr": "must be that of the debit or of the credit",
    "Dbtr": "must be that of the debit",
}


def _party(tag: str, name: str, use: str, *, agent: str, required: bool) -> tuple[FspiopElement, ...]:
    at = f"CdtTrfTxInf.{tag}"
    ident = f"{name}.partyIdInfo"
    institution = f"CdtTrfTxInf.{agent}.FinInstnId"
    address = tuple(
        FspiopElement(f"{at}.PstlAdr.{part}", f"{at}.PstlAdr.{part}", form, f"`{tag}/PstlAdr/{part}`")
        for part, form in (
            ("StrtNm", text(140)),
            ("BldgNb", text(16)),
            ("PstCd", text(16)),
            ("TwnNm", text(140)),
            ("CtrySubDvsn", text(35)),
            ("Ctry", COUNTRY),
        )
    )
    return (
        FspiopElement(
            f"{ident}.partyIdType",
            f"{at}.Id.*.Othr.SchmeNm.Prtry",
            PARTY_TYPE,
            f"the form of `{tag}Acct`",
            required,
            kind="party",
        ),
        FspiopElement(
            f"{ident}.partyIdentifier",
            f"{at}.Id.*.Othr.Id",
            text(128),
            f"`{tag}Acct`",
            required,
            kind="party",
        ),
        FspiopElement(
            f"{ident}.partySubIdOrType",
            f"{institution}.ClrSysMmbId.MmbId",
            text(35),
            f"`{agent}/FinInstnId/ClrSysMmbId/MmbId`",
        ),
        FspiopElement(f"{ident}.fspId", f"{institution}.Othr.Id", FSP, use, required),
        FspiopElement(name, f"{at}.Nm", NAME, f"`{tag}/Nm`", aliases=(f"{at}.Name",), kind="name"),
        *address,
        FspiopElement(
            f"{name}.supportedCurrencies",
            f"CdtTrfTxInf.{tag}Acct.Ccy",
            CURRENCY,
            _CURRENCIES[tag],
            kind="list",
        ),
    )


def _amount(
    name: str, tag: str, type_: str, use: str, *, required: bool = False
) -> tuple[FspiopElement, ...]:
    at = f"CdtTrfTxInf.{tag}"
    return (
        FspiopElement(f"{name}.currency", f"{at}.Ccy", CURRENCY, use, required),
        FspiopElement(f"{name}.amount", f"{at}.{type_}", AMOUNT, use, required),
    )


_ACTIVE: Final = "ActiveCurrencyAndAmount"
_HISTORIC: Final = "ActiveOrHistoricCurrencyAndAmount"
_EXPIRY: Final = "GrpHdr.PmtInstrXpryDtTm"
_PACKET: Final = "CdtTrfTxInf.VrfctnOfTerms.IlpV4PrepPacket"
_STATUS: Final = "TxInfAndSts"


def _error(title: str, name: str) -> FspiopMessage:
    return FspiopMessage(
        name,
        "pacs.002.001.15",
        title,
        (
            *_header(transactions=False),
            FspiopElement(
                "errorInformation.errorCode",
                f"{_STATUS}.StsRsnInf.Rsn.Prtry",
                ERROR_CODE,
                "from the ISO reason",
                required=True,
                aliases=(f"{_STATUS}.StsRsnInf.Rsn.Cd",),
            ),
            FspiopElement(
                "errorInformation.errorDescription",
                f"{_STATUS}.StsRsnInf.AddtlInf",
                REASON_TEXT,
                "what the switch says",
            ),
        ),
    )


def _status(title: str, name: str, *, fulfilment: bool) -> FspiopMessage:
    released = (
        FspiopElement(
            "fulfilment", f"{_STATUS}.ExctnConf", FULFILMENT, "released with `COMM`, and never before"
        ),
    )
    return FspiopMessage(
        name,
        "pacs.002.001.15",
        title,
        (
            *_header(transactions=False),
            *(released if fulfilment else ()),
            FspiopElement(
                "completedTimestamp", f"{_STATUS}.PrcgDt.DtTm", INSTANT, "when the payment became final"
            ),
            FspiopElement(
                "transferState", f"{_STATUS}.TxSts", STATE, "from the state of the payment", required=True
            ),
            FspiopElement(f"{_STATUS}.OrgnlUETR", f"{_STATUS}.OrgnlUETR", CORRELATION, "UETR of the payment"),
        ),
    )


def _assignment(*, verified: bool) -> tuple[FspiopElement, ...]:
    return (
        FspiopElement("Assgnmt.MsgId", "Assgnmt.MsgId", text(35), "new in every message", required=True),
        FspiopElement("Assgnmt.CreDtTm", "Assgnmt.CreDtTm", INSTANT, "when it was made", required=True),
        FspiopElement(
            "headers.fspiop-source",
            "Assgnmt.Assgnr.Agt.FinInstnId.Othr.Id",
            FSP,
            "as `FSPIOP-Source`",
            required=True,
        ),
        FspiopElement(
            "headers.fspiop-destination",
            "Assgnmt.Assgne.Agt.FinInstnId.Othr.Id",
            FSP,
            "as `FSPIOP-Destination`",
            required=True,
        ),
        FspiopElement("Rpt.OrgnlId", "Rpt.OrgnlId", text(140), "type and identifier", required=True),
        FspiopElement(
            "Rpt.Vrfctn",
            "Rpt.Vrfctn",
            text(5),
            "`Vrfctn` of the acmt.024",
            required=True,
            fixed=verified,
        ),
    )


_FOUND: Final = "Rpt.UpdtdPtyAndAcctId"

PARTIES_PUT: Final = FspiopMessage(
    "parties.put",
    "acmt.024.001.04",
    "PUT /parties/{Type}/{ID}",
    (
        *_assignment(verified=True),
        FspiopElement(
            "party.partyIdInfo.partyIdType",
            f"{_FOUND}.Pty.Id.*.Othr.SchmeNm.Prtry",
            PARTY_TYPE,
            "as asked",
            required=True,
            kind="party",
        ),
        FspiopElement(
            "party.partyIdInfo.partyIdentifier",
            f"{_FOUND}.Pty.Id.*.Othr.Id",
            text(128),
            "as asked",
            required=True,
            kind="party",
        ),
        FspiopElement(
            "party.partyIdInfo.partySubIdOrType",
            f"{_FOUND}.Agt.FinInstnId.ClrSysMmbId.MmbId",
            text(35),
            "id of the agent in its clearing system",
        ),
        FspiopElement(
            "party.partyIdInfo.fspId",
            f"{_FOUND}.Agt.FinInstnId.Othr.Id",
            FSP,
            "id of the participant that holds the account",
            required=True,
        ),
        FspiopElement(
            "party", f"{_FOUND}.Pty.Nm", NAME, "name of the holder, as the rail tells it", kind="name"
        ),
        FspiopElement(
            "party.supportedCurrencies",
            f"{_FOUND}.Acct.Ccy",
            CURRENCY,
            "currency of the DFSP: the switch converts",
            kind="list",
        ),
    ),
)
PARTIES_ERROR: Final = FspiopMessage(
    "parties.putError",
    "acmt.024.001.04",
    "PUT /parties/{Type}/{ID}/error",
    (
        *_assignment(verified=False),
        FspiopElement("Rpt.CreDtTm", "Rpt.CreDtTm", INSTANT, "never written"),
        FspiopElement(
            "errorInformation.errorCode",
            "Rpt.Rsn.Cd",
            ERROR_CODE,
            "from the reason of the acmt.024",
            required=True,
            aliases=("Rpt.Rsn.Prtry",),
        ),
    ),
)
QUOTES_POST: Final = FspiopMessage(
    "quotes.post",
    "pacs.081.001.01",
    "POST /quotes",
    (
        *_header(transactions=True),
        FspiopElement("expiration", _EXPIRY, INSTANT, "the quote expires no later"),
        FspiopElement(
            "quoteId", "CdtTrfTxInf.PmtId.TxId", CORRELATION, "in the packet; paid once", required=True
        ),
        FspiopElement("transactionId", "CdtTrfTxInf.PmtId.EndToEndId", CORRELATION, "`PmtId/EndToEndId`"),
        FspiopElement("transactionRequestId", "CdtTrfTxInf.PmtId.InstrId", CORRELATION, "`PmtId/InstrId`"),
        *_party("Cdtr", "payee", "the participant: `CdtrAgt`", agent="CdtrAgt", required=True),
        *_party("Dbtr", "payer", "the DFSP: `DbtrAgt`", agent="DbtrAgt", required=True),
        *_amount("amount", "IntrBkSttlmAmt", _ACTIVE, "the amount to be debited", required=True),
        FspiopElement(
            "amountType",
            "CdtTrfTxInf.ChrgBr",
            AMOUNT_TYPE,
            "`DEBT` only if nothing is converted",
            required=True,
        ),
        FspiopElement(
            "transactionType.scenario",
            "CdtTrfTxInf.Purp.Prtry",
            PARTY_TYPE,
            "TRANSFER and PAYMENT; others are refused",
        ),
        FspiopElement("CdtTrfTxInf.Purp.Cd", "CdtTrfTxInf.Purp.Cd", PURPOSE, "`Purp/Cd`"),
    ),
)
QUOTES_PUT: Final = FspiopMessage(
    "quotes.put",
    "pacs.082.001.01",
    "PUT /quotes/{ID}",
    (
        *_header(transactions=True),
        FspiopElement("expiration", _EXPIRY, INSTANT, "until when a transfer may refer to it", required=True),
        FspiopElement("params.ID", "CdtTrfTxInf.PmtId.TxId", CORRELATION, "the quote", required=True),
        *_party("Cdtr", "payee", "as asked", agent="CdtrAgt", required=False),
        *_party("Dbtr", "payer", "as asked", agent="DbtrAgt", required=False),
        FspiopElement("ChrgBr", "CdtTrfTxInf.ChrgBr", CHARGE_BEARER, "as asked", required=True),
        *_amount("transferAmount", "IntrBkSttlmAmt", _ACTIVE, "`interbank_settlement_amount`", required=True),
        *_amount("payeeReceiveAmount", "InstdAmt", _HISTORIC, "`credited_amount`"),
        *_amount("payeeFspFee", "ChrgsInf.Amt", _HISTORIC, "`fee`: the switch takes it from the DFSP"),
        FspiopElement(
            "CdtTrfTxInf.ChrgsInf.Agt.FinInstnId.Othr.Id",
            "CdtTrfTxInf.ChrgsInf.Agt.FinInstnId.Othr.Id",
            FSP,
            "the switch",
        ),
        FspiopElement(
            "CdtTrfTxInf.ChrgsInf.Agt.FinInstnId.ClrSysMmbId.MmbId",
            "CdtTrfTxInf.ChrgsInf.Agt.FinInstnId.ClrSysMmbId.MmbId",
            text(35),
            "never written",
        ),
        FspiopElement("ilpPacket", _PACKET, PACKET, "the terms; the bridge makes it", required=True),
    ),
)
TRANSFERS_POST: Final = FspiopMessage(
    "transfers.post",
    "pacs.008.001.13",
    "POST /transfers",
    (
        *_header(transactions=True),
        FspiopElement("expiration", _EXPIRY, INSTANT, "`GrpHdr/XpryDtTm`", required=True),
        FspiopElement(
            "transferId", "CdtTrfTxInf.PmtId.TxId", CORRELATION, "the UETR is made of it", required=True
        ),
        FspiopElement("transactionId", "CdtTrfTxInf.PmtId.EndToEndId", CORRELATION, "that of the quote"),
        FspiopElement("transactionRequestId", "CdtTrfTxInf.PmtId.InstrId", CORRELATION, "that of the quote"),
        *(
            field
            for tag, name, agent in (("Cdtr", "payee", "CdtrAgt"), ("Dbtr", "payer", "DbtrAgt"))
            for field in _party(tag, name, "that of the quote", agent=agent, required=False)
            if not field.name.endswith(".fspId")
        ),
        FspiopElement(
            "payeeFsp",
            "CdtTrfTxInf.CdtrAgt.FinInstnId.Othr.Id",
            FSP,
            "that of the quote",
            required=True,
        ),
        FspiopElement("payerFsp", "CdtTrfTxInf.DbtrAgt.FinInstnId.Othr.Id", FSP, "the DFSP", required=True),
        FspiopElement("ChrgBr", "CdtTrfTxInf.ChrgBr", CHARGE_BEARER, "that of the quote"),
        *_amount("amount", "IntrBkSttlmAmt", _ACTIVE, "`IntrBkSttlmAmt`; that of the quote", required=True),
        FspiopElement("ilpPacket", _PACKET, PACKET, "must be one that the bridge made", required=True),
    ),
)
TRANSFERS_PUT: Final = _status("PUT /transfers/{ID}", "transfers.put", fulfilment=True)
TRANSFERS_PATCH: Final = _status("PATCH /transfers/{ID}", "transfers.patch", fulfilment=False)
QUOTES_ERROR: Final = _error("PUT /quotes/{ID}/error", "quotes.putError")
TRANSFERS_ERROR: Final = _error("PUT /transfers/{ID}/error", "transfers.putError")

MESSAGES: Final = {
    message.name: message
    for message in (
        PARTIES_PUT,
        PARTIES_ERROR,
        QUOTES_POST,
        QUOTES_PUT,
        QUOTES_ERROR,
        TRANSFERS_POST,
        TRANSFERS_PUT,
        TRANSFERS_PATCH,
        TRANSFERS_ERROR,
    )
}
"""Name -> message, in the order of a payment."""
