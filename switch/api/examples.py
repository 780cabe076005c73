"""Examples of every message that participants send; the sandbox accepts each of them.

Their ids and dates are of a past day: `payswitch iso fresh` makes new ones. A message about an earlier
payment names it by `ORIGINAL`; `payswitch iso fresh --original UETR` replaces it. `tests/docs` sends every
example.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from schemas import codec
from schemas.catalogue import catalogue
from schemas.reasons import Reason

ORIGINAL: Final = "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7"
"""UETR of the payment to which the other examples refer."""
REQUEST_TO_PAY: Final = "INDUPKKA-20261123-000043"
"""Message id of the request to pay that the example of pain.014 answers."""
_AT: Final = "2026-11-23T14:05:07.123+05:30"
_DAY: Final = "2026-11-23"

Content = dict[str, Any]


def _agent(bic: str) -> Content:
    return {"FinInstnId": {"BICFI": bic}}


_ASHA: Final = _agent("ASHAINBB")
_INDUS: Final = _agent("INDUPKKA")
_PARTIES: Final = {"Assgnr": {"Agt": _ASHA}, "Assgne": {"Agt": _INDUS}}
_CLEARING: Final = {"SttlmMtd": "CLRG", "ClrSys": {"Prtry": "PAYSWITCH"}}

SENDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pacs.008": "asha-bank",
        "pacs.028": "asha-bank",
        "pacs.004": "indus-bank",
        "camt.056": "asha-bank",
        "camt.029": "indus-bank",
        "camt.110": "asha-bank",
        "camt.111": "indus-bank",
        "acmt.023": "asha-bank",
        "pain.013": "indus-bank",
        "pain.014": "asha-bank",
        "camt.003": "asha-bank",
    }
)
"""Message -> the sandbox participant that sends its example."""

_QUESTION: Final = {
    "InvstgtnTp": {"Cd": "RQFI"},
    "Undrlyg": {"IntrBk": {"OrgnlUETR": ORIGINAL}},
    "Rqstr": {"Agt": _ASHA},
    "Rspndr": {"Agt": _INDUS},
}

_DOCUMENTS: Final[Mapping[str, Content]] = MappingProxyType(
    {
        "pacs.008": {
            "FIToFICstmrCdtTrf": {
                "GrpHdr": {
                    "MsgId": "ASHAINBB-20261123-000042",
                    "CreDtTm": _AT,
                    "NbOfTxs": "1",
                    "SttlmInf": _CLEARING,
                },
                "CdtTrfTxInf": [
                    {
                        "PmtId": {
                            "InstrId": "INSTR-000042",
                            "EndToEndId": "INVOICE-2026-1187",
                            "TxId": "TX-000042",
                            "UETR": ORIGINAL,
                        },
                        "IntrBkSttlmAmt": {"Ccy": "INR", "Amt": "1500.00"},
                        "IntrBkSttlmDt": _DAY,
                        "ChrgBr": "SLEV",
                        "Dbtr": {"Nm": "Asha Rao"},
                        "DbtrAcct": {"Id": {"Othr": {"Id": "50100012345678"}}},
                        "DbtrAgt": _ASHA,
                        "CdtrAgt": _INDUS,
                        "Cdtr": {"Nm": "Bilal Khan"},
                        "CdtrAcct": {"Id": {"IBAN": "PK60SAND0000000000000001"}},
                        "Purp": {"Cd": "FAMI"},
                        "RmtInf": {"Ustrd": ["for the family"]},
                    }
                ],
            }
        },
        "pacs.028": {
            "FIToFIPmtStsReq": {
                "GrpHdr": {"MsgId": "ASHAINBB-20261123-000044", "CreDtTm": _AT},
                "TxInf": [{"OrgnlUETR": ORIGINAL}],
            }
        },
        "pacs.004": {
            "PmtRtr": {
                "GrpHdr": {
                    "MsgId": "INDUPKKA-20261123-000045",
                    "CreDtTm": _AT,
                    "NbOfTxs": "1",
                    "SttlmInf": _CLEARING,
                },
                "TxInf": [
                    {
                        "RtrId": "RETURN-000045",
                        "OrgnlUETR": ORIGINAL,
                        "RtrdIntrBkSttlmAmt": {"Ccy": "PKR", "Amt": "4925.25"},
                        "IntrBkSttlmDt": _DAY,
                        "RtrRsnInf": [{"Rsn": {"Cd": Reason.CLOSED_ACCOUNT_NUMBER}}],
                    }
                ],
            }
        },
        "camt.056": {
            "FIToFIPmtCxlReq": {
                "Assgnmt": {"Id": "ASHAINBB-20261123-000046", **_PARTIES, "CreDtTm": _AT},
                "Undrlyg": [{"TxInf": [{"OrgnlUETR": ORIGINAL, "CxlRsnInf": [{"Rsn": {"Cd": "CUST"}}]}]}],
            }
        },
        "camt.029": {
            "RsltnOfInvstgtn": {
                "Assgnmt": {
                    "Id": "INDUPKKA-20261123-000047",
                    "Assgnr": {"Agt": _INDUS},
                    "Assgne": {"Agt": _ASHA},
                    "CreDtTm": _AT,
                },
                "Sts": {"Conf": "RJCR"},
                "CxlDtls": [
                    {
                        "TxInfAndSts": [
                            {
                                "OrgnlUETR": ORIGINAL,
                                "CxlStsRsnInf": [{"Rsn": {"Cd": Reason.CLOSED_ACCOUNT_NUMBER}}],
                            }
                        ]
                    }
                ],
            }
        },
        "camt.110": {
            "InvstgtnReq": {
                "InvstgtnReq": {
                    "MsgId": "ASHAINBB-20261123-000051",
                    "RqstrInvstgtnId": "CASE-000051",
                    **_QUESTION,
                },
                "InvstgtnData": [{"Rsn": {"Cd": "CTOR"}, "RsnSubTp": {"Cd": "RQPA"}}],
            }
        },
        "camt.111": {
            "InvstgtnRspn": {
                "InvstgtnRspn": {
                    "MsgId": "INDUPKKA-20261123-000052",
                    "InvstgtnSts": {"Sts": "CLSD"},
                    "InvstgtnData": [
                        {
                            "OrgnlInvstgtnRsn": {"Cd": "CTOR"},
                            "RspnData": {"RspnNrrtv": "The account has no other address."},
                        }
                    ],
                },
                "OrgnlInvstgtnReq": {
                    "MsgId": "ASHAINBB-20261123-000051",
                    "RqstrInvstgtnId": "CASE-000051",
                    **_QUESTION,
                },
            }
        },
        "acmt.023": {
            "IdVrfctnReq": {
                "Assgnmt": {"MsgId": "ASHAINBB-20261123-000048", "CreDtTm": _AT, **_PARTIES},
                "Vrfctn": [
                    {
                        "Id": "1",
                        "PtyAndAcctId": {
                            "Pty": {"Nm": "Asha Rao"},
                            "Acct": {"Id": {"IBAN": "PK60SAND0000000000000001"}},
                            "Agt": _INDUS,
                        },
                    }
                ],
            }
        },
        "pain.013": {
            "CdtrPmtActvtnReq": {
                "GrpHdr": {
                    "MsgId": REQUEST_TO_PAY,
                    "CreDtTm": _AT,
                    "NbOfTxs": "1",
                    "InitgPty": {"Nm": "Indus Bank"},
                },
                "PmtInf": [
                    {
                        "PmtMtd": "TRF",
                        "ReqdExctnDt": {"Dt": _DAY},
                        "Dbtr": {"Nm": "Asha Rao"},
                        "DbtrAgt": _ASHA,
                        "CdtTrfTx": [
                            {
                                "PmtId": {"EndToEndId": "INVOICE-2026-1188"},
                                "Amt": {"InstdAmt": {"Ccy": "INR", "Amt": "100.00"}},
                                "ChrgBr": "SLEV",
                                "CdtrAgt": _INDUS,
                                "Cdtr": {"Nm": "Bilal Khan"},
                                "CdtrAcct": {"Id": {"IBAN": "PK60SAND0000000000000001"}},
                            }
                        ],
                    }
                ],
            }
        },
        "pain.014": {
            "CdtrPmtActvtnReqStsRpt": {
                "GrpHdr": {
                    "MsgId": "ASHAINBB-20261123-000049",
                    "CreDtTm": _AT,
                    "InitgPty": {"Nm": "Asha Bank"},
                },
                "OrgnlGrpInfAndSts": {
                    "OrgnlMsgId": REQUEST_TO_PAY,
                    "OrgnlMsgNmId": "pain.013.001.07",
                    "GrpSts": "ACCP",
                },
            }
        },
        "camt.003": {"GetAcct": {"MsgHdr": {"MsgId": "ASHAINBB-20261123-000050"}}},
    }
)


BODIES: Final[Mapping[str, Content]] = MappingProxyType(
    {
        "signIn": {"name": "asha-bank", "password": "of credentials.json", "code": "123456"},
        "beginEnrolment": {
            "name": "nadia",
            "maker_half": "3FJ7-K2QD",
            "checker_half": "9XWA-4MTE",
            "password": "four words hard to guess",
        },
        "finishEnrolment": {
            "name": "nadia",
            "maker_half": "3FJ7-K2QD",
            "checker_half": "9XWA-4MTE",
            "code": "123456",
        },
        "requestChange": {
            "kind": "rail.switch",
            "content": {"country": "PK", "open": True},
            "reason": "the operator of the rail confirmed that the outage is over",
        },
        "assignCase": {"owner": "operator"},
        "addCaseNote": {"text": "The bank has confirmed by telephone."},
        "addCaseAttachment": {
            "name": "advice.txt",
            "media_type": "text/plain",
            "content": "Q29uZmlybWVkLgo=",
        },
        "voteOnChange": {"decision": "approve", "reason": "confirmed by phone"},
        "readQrCode": {
            "text": "00020101021126440012PK.RAAST.P2M0124PK60SAND00000000000000015204594253035865407"
            "1500.005802PK5912Lahore Books6006Lahore62160512INVOICE-11876304857B"
        },
        "makeQrCode": {
            "payee": "stores@okbank",
            "name": "Asha Stores",
            "city": "Mumbai",
            "category": "5411",
            "amount": "250.00",
            "reference": "INVOICE-1187",
            "single_use": True,
        },
        "makeQuote": {
            "creditor_agent": "INDUPKKA",
            "amount": "1500.00",
            "currency": "INR",
            "fixed": "source",
            "charge_bearer": "SLEV",
            "purpose": "FAMI",
        },
        "setFxRates": {
            "pairs": [
                {
                    "source": "INR",
                    "target": "PKR",
                    "tiers": [
                        {"from": "0", "rate": "3.2835"},
                        {"from": "100000.00", "rate": "3.2900"},
                    ],
                    "until": "2026-11-23T18:00:00Z",
                    "inventory": "5000000.00",
                    "improvements": [{"participant": "asha-bank", "basis_points": 5}],
                }
            ]
        },
        "addWebhook": {"url": "https://bank.example/hooks", "types": ["payment.posted"]},
        "changeWebhook": {"types": ["payment.posted", "payment.returned"]},
        "replayDeliveries": {"since": "2026-11-23T10:00:00Z", "undelivered": True},
    }
)
"""Operation -> the example of its JSON body. Use your own codes and passwords."""

PARAMETERS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "act": 1,
        "amount": "1500.00",
        "country": "PK",
        "creditor_agent": "INDUPKKA",
        "currency": "INR",
        "keyid": "asha-bank-1",
        "name": "rejects",
        "number": 1,
        "quarter": "2026-Q3",
        "seq": 4711,
        "size": 812012,
        "from": 811904,
        "to": 812012,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "since": _DAY,
        "uetr": ORIGINAL,
        "window": 1,
    }
)
"""Parameter -> its example, where the parameter is required."""
CHECKPOINT: Final = (
    "payswitch.example/ledger\n812012\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 payswitch.example/ledger Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1g==\n"
)
COSIGNATURE: Final = (
    "\u2014 witness.centralbank.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJs\n"
)
CHECKPOINT_DOCUMENT: Final = MappingProxyType(
    {
        "size": 812012,
        "root": "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62",
        "origin": "payswitch.example/ledger",
        "published_at": "2026-11-23T08:36:00.000000+00:00",
        "checkpoint": CHECKPOINT + COSIGNATURE,
        "cosigned_by": ["witness.centralbank.example/w1"],
    }
)
"""A checkpoint of the log with the line of a witness, in the form of both; its signatures are made up."""
IDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "/v1/me/sessions": ORIGINAL,
        "/v1/participants": "asha-bank",
        "/v1/payment-files": "6f1c0a52-0f0e-4d55-9a53-3a2b7e0f8c11",
        "/v1/people": "auditor",
        "/v1/quotes": "3f0f5d3c-7c52-4b0e-9a8e-5b0a6f1f2c11",
        "/v1/requests-to-pay": "0b9e6c8e-0f51-5a8e-9d0b-2b1d4c9c1f2a",
        "/v1/webhooks": ORIGINAL,
    }
)
"""Prefix of a path -> the example of its `id` or `name`."""


PAYMENT_FILE: Final = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">
 <CstmrCdtTrfInitn>
  <GrpHdr>
   <MsgId>SALARIES-2026-11</MsgId>
   <CreDtTm>2026-11-23T14:05:07.123+05:30</CreDtTm>
   <NbOfTxs>1</NbOfTxs>
   <CtrlSum>100.00</CtrlSum>
   <InitgPty><Nm>Rao Textiles</Nm></InitgPty>
  </GrpHdr>
  <PmtInf>
   <PmtInfId>SALARIES</PmtInfId>
   <PmtMtd>TRF</PmtMtd>
   <ReqdExctnDt><Dt>2026-11-23</Dt></ReqdExctnDt>
   <Dbtr><Nm>Rao Textiles</Nm></Dbtr>
   <DbtrAcct><Id><Othr><Id>asha@okbank</Id></Othr></Id></DbtrAcct>
   <DbtrAgt><FinInstnId><BICFI>ASHAINBB</BICFI></FinInstnId></DbtrAgt>
   <CdtTrfTxInf>
    <PmtId><EndToEndId>SALARY-1</EndToEndId></PmtId>
    <Amt><InstdAmt Ccy="INR">100.00</InstdAmt></Amt>
    <CdtrAgt><FinInstnId><BICFI>INDUPKKA</BICFI></FinInstnId></CdtrAgt>
    <Cdtr><Nm>Bilal Khan</Nm></Cdtr>
    <CdtrAcct><Id><IBAN>PK60SAND0000000000000001</IBAN></Id></CdtrAcct>
    <Purp><Cd>SALA</Cd></Purp>
    <RmtInf><Ustrd>salary</Ustrd></RmtInf>
   </CdtTrfTxInf>
  </PmtInf>
 </CstmrCdtTrfInitn>
</Document>
"""


ASKED: Final[Mapping[str, Sequence[str]]] = MappingProxyType({"getQuote": ("creditor_agent",)})
"""Operation -> optional parameters of which it needs one; the example has these."""


def parameter(path: str, name: str) -> Any:
    """The example of a required parameter of a path; None where there is none."""
    known = next((example for start, example in IDS.items() if path.startswith(start)), None)
    return known if known and name in {"id", "name"} else PARAMETERS.get(name)


def sender(message: str) -> str:
    """The participant that sends the example of a message."""
    return SENDERS[message[:8]]


def json_of(message: str) -> Content | None:
    """The example of a message and version, as JSON; None where the switch does not receive it."""
    found = _DOCUMENTS.get(message[:8])
    if found is None or message not in catalogue().messages:
        return None
    return {"$type": message, "Document": found}


def xml_of(message: str) -> str | None:
    """The same as XML."""
    found = _DOCUMENTS.get(message[:8])
    if found is None or message not in catalogue().messages:
        return None
    return codec.encode(message, found, media_type=codec.XML).decode()
