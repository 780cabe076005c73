"""Examples of answers: of ISO messages, of files, and of every JSON form by its schema."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from schemas import codec, rejection
from schemas.errors import InvalidMessage
from schemas.reasons import Reason
from switch.api.examples import ORIGINAL, REQUEST_TO_PAY

Json = dict[str, Any]

_AT: Final = "2026-11-23T14:05:07.123+05:30"
_ASHA: Final[Json] = {"FinInstnId": {"BICFI": "ASHAINBB"}}
_INDUS: Final[Json] = {"FinInstnId": {"BICFI": "INDUPKKA"}}
_GIVEN: Final = "2026-11-23T08:35:08.041+00:00"
_REPORT_ID: Final = "aef44aa536744276a2f45c444564b7d3"
_STATUS: Final[Json] = {
    "OrgnlGrpInf": {"OrgnlMsgId": "ASHAINBB-20261123-000042", "OrgnlMsgNmId": "pacs.008.001.08"},
    "OrgnlEndToEndId": "INV-2026-118",
    "OrgnlUETR": ORIGINAL,
}
_INSTITUTIONS: Final = {"Assgnr": {"Agt": _INDUS}, "Assgne": {"Agt": _ASHA}}
_ANSWERED: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "pacs.002": {
            "FIToFIPmtStsRpt": {
                "GrpHdr": {"MsgId": _REPORT_ID, "CreDtTm": _GIVEN},
                "TxInfAndSts": [{**_STATUS, "TxSts": "ACCC"}],
            }
        },
        "camt.054": {
            "BkToCstmrDbtCdtNtfctn": {
                "GrpHdr": {"MsgId": "RBISINBB-20261123-000007", "CreDtTm": _GIVEN},
                "Ntfctn": [
                    {
                        "Id": "RBISINBB-20261123-000007",
                        "Acct": {"Id": {"Othr": {"Id": "payswitch-INR"}}, "Ccy": "INR"},
                        "Ntry": [
                            {
                                "Amt": {"Ccy": "INR", "Amt": "1500.00"},
                                "CdtDbtInd": "CRDT",
                                "Sts": {"Cd": "BOOK"},
                                "BkTxCd": {"Prtry": {"Cd": "SETTLEMENT"}},
                                "NtryDtls": [{"TxDtls": [{"Refs": {"UETR": ORIGINAL}}]}],
                            }
                        ],
                    }
                ],
            }
        },
        "camt.029": {
            "RsltnOfInvstgtn": {
                "Assgnmt": {"Id": _REPORT_ID, **_INSTITUTIONS, "CreDtTm": _GIVEN},
                "Sts": {"Conf": "PDCR"},
                "CxlDtls": [{"TxInfAndSts": [{"CxlStsId": _REPORT_ID, "OrgnlUETR": ORIGINAL}]}],
            }
        },
        "camt.111": {
            "InvstgtnRspn": {
                "InvstgtnRspn": {
                    "MsgId": _REPORT_ID,
                    "RspndrInvstgtnId": "9f0e2d1c8a54e9b77b0f2f3e6c1d4a53",
                    "InvstgtnSts": {"Sts": "PDNG", "StsRsn": {"Cd": "FTNA"}},
                    "NxtRspndr": {"Agt": {"FinInstnId": {"BICFI": "INDUPKKA"}}},
                    "InvstgtnData": [{"RspnData": {"TxSts": {"Sts": {"Cd": "ACCC"}}}}],
                },
                "OrgnlInvstgtnReq": {
                    "MsgId": "ASHAINBB-20261123-000051",
                    "InvstgtnTp": {"Cd": "RQFI"},
                    "Undrlyg": {"IntrBk": {"OrgnlUETR": ORIGINAL}},
                    "Rqstr": {"Agt": {"FinInstnId": {"BICFI": "ASHAINBB"}}},
                    "Rspndr": {"Agt": {"FinInstnId": {"BICFI": "INDUPKKA"}}},
                },
            }
        },
        "admi.007": {
            "RctAck": {
                "MsgId": {"MsgId": _REPORT_ID, "CreDtTm": _GIVEN},
                "Rpt": [{"RltdRef": {"Ref": "INDUPKKA-20261123-000045"}, "ReqHdlg": {"StsCd": "ACPT"}}],
            }
        },
        "acmt.024": {
            "IdVrfctnRpt": {
                "Assgnmt": {"MsgId": _REPORT_ID, "CreDtTm": _GIVEN, **_INSTITUTIONS},
                "OrgnlAssgnmt": {"MsgId": "ASHAINBB-20261123-000046", "CreDtTm": _AT},
                "Rpt": [
                    {
                        "OrgnlId": "1",
                        "Vrfctn": True,
                        "UpdtdPtyAndAcctId": {
                            "Pty": {"Nm": "B**** K***"},
                            "Acct": {"Id": {"IBAN": "PK60SAND0000000000000001"}},
                            "Agt": _INDUS,
                        },
                    }
                ],
            }
        },
        "pain.014": {
            "CdtrPmtActvtnReqStsRpt": {
                "GrpHdr": {"MsgId": _REPORT_ID, "CreDtTm": _GIVEN, "InitgPty": {}},
                "OrgnlGrpInfAndSts": {
                    "OrgnlMsgId": REQUEST_TO_PAY,
                    "OrgnlMsgNmId": "pain.013.001.07",
                    "GrpSts": "RCVD",
                },
            }
        },
        "camt.004": {
            "RtrAcct": {
                "MsgHdr": {
                    "MsgId": _REPORT_ID,
                    "CreDtTm": _GIVEN,
                    "OrgnlBizQry": {"MsgId": "ASHAINBB-20261123-000050"},
                },
                "RptOrErr": {
                    "AcctRpt": [
                        {
                            "AcctId": {"Othr": {"Id": "asha-bank/INR/position"}},
                            "AcctOrErr": {
                                "Acct": {
                                    "Ccy": "INR",
                                    "MulBal": [
                                        {
                                            "Amt": "49999996997.00",
                                            "CdtDbtInd": "CRDT",
                                            "Tp": {"Cd": "BOOK"},
                                            "Sts": "STLD",
                                            "ValDt": {"DtTm": _GIVEN},
                                        }
                                    ],
                                }
                            },
                        }
                    ]
                },
            }
        },
    }
)
"""Message -> the document of an answer."""
_REFUSED: Final[Json] = {
    "FIToFIPmtStsRpt": {
        "GrpHdr": {"MsgId": _REPORT_ID, "CreDtTm": _GIVEN},
        "TxInfAndSts": [
            {
                **_STATUS,
                "TxSts": "RJCT",
                "StsRsnInf": [
                    {
                        "Rsn": {"Cd": Reason.INSUFFICIENT_FUNDS},
                        "AddtlInf": ["the amount is larger than what is available to the debtor agent"],
                    }
                ],
            }
        ],
    }
}


def answer(message: str, *, refused: bool = False) -> Json:
    """The example of an ISO answer, as JSON."""
    return {"$type": message, "Document": _REFUSED if refused else _ANSWERED[message[:8]]}


def as_xml(message: str, document: Json) -> str:
    """A document as ISO 20022 XML."""
    return codec.encode(message, document, media_type=codec.XML).decode()


REJECTION: Final = as_xml(
    rejection.ID,
    rejection.build(
        error=InvalidMessage(
            "is missing", path="FIToFICstmrCdtTrf/CdtTrfTxInf/IntrBkSttlmAmt", rule="missing"
        ),
        rejected_at=datetime(2026, 11, 23, 8, 35, 8, tzinfo=UTC),
    ),
)
"""An admi.002 in XML."""

FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application/json": "{}",
        "application/jose": "eyJhbGciOiJFZDI1NTE5In0..c2lnbmF0dXJl",
        "application/pdf": "%PDF-1.7 ...",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "PK...",
        "application/vnd.sdmx.data+csv": "STRUCTURE,STRUCTURE_ID,ACTION\r\n",
        "application/x-pem-file": "-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----\n",
        "application/xml": '<?xml version="1.0" encoding="UTF-8"?>\n<Document>...</Document>\n',
        "application/zip": "PK...",
        "image/jpeg": "...",
        "image/png": "...",
        "message/rfc822": "From: desk@bank.example\r\n",
        "text/plain": "Confirmed\n",
        "text/csv": "participant,currency,net\r\nasha-bank,INR,1500.00\r\n",
        "text/event-stream": "id: 4711\nevent: payment.posted\ndata: {...}\n\n",
    }
)
"""Media type -> how such a body begins."""


def of_schema(schema: Json, document: Json) -> Any:
    """An example that follows a schema: each value is the example of its own schema.

    `document` resolves references (`#/components/schemas/...`).
    """
    found: Any = ""
    match schema:
        case {"examples": [first, *_]} | {"enum": [first, *_]} | {"const": first}:
            found = first
        case {"$ref": str(place)}:
            found = of_schema(document["components"]["schemas"][place.rpartition("/")[2]], document)
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]}:
            found = of_schema(first, document)
        case {"allOf": parts}:
            found = {}
            for part in parts:
                found |= of_schema(part, document)
        case {"type": "array", "items": items}:
            found = [of_schema(items, document)]
        case {"type": "object"}:
            parts = schema.get("properties", {})
            found = {name: of_schema(part, document) for name, part in parts.items()}
        case {"type": "boolean"}:
            found = True
        case {"type": "integer"}:
            found = 1
    return found
