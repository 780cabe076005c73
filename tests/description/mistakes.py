"""Typical mistakes of a bank's engineer, one request each, and what the answer must lead to."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas import codec

Json = dict[str, Any]
TX = "FIToFICstmrCdtTrf/CdtTrfTxInf"
GROUP = "FIToFICstmrCdtTrf/GrpHdr"
PACS = "/v1/iso20022/pacs.008"
GONE = object()
"""In a change: the element is left out."""


@dataclass(frozen=True)
class Request:
    """One request of asha-bank, unless it says otherwise."""

    method: str = "GET"
    target: str = "/v1/positions"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    caller: str = "asha-bank"


@dataclass(frozen=True)
class Mistake:
    """A mistake, and what its answer must say."""

    name: str
    request: Callable[[Json], Request]
    """Makes the request from an ordinary pacs.008 document."""
    status: int
    path: str
    """Where: element names, or the place of a parameter or header."""
    remedy: str
    """A part of what to do."""


def sent(document: Json, **headers: str) -> Request:
    """A pacs.008 in JSON."""
    kind = {"Content-Type": codec.JSON, "Accept": codec.JSON} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return Request("POST", PACS, json.dumps(document).encode(), kind)


def at(document: Json, path: str) -> tuple[Json, str]:
    """The object that holds the element of a path, and the element's name."""
    *steps, last = path.split("/")
    node: Any = document["Document"]
    for step in steps:
        node = node.setdefault(step, {}) if isinstance(node, dict) else node
        node = node[0] if isinstance(node, list) else node
    return node, last


def changed(document: Json, *changes: tuple[str, object]) -> Json:
    """A copy in which elements have other values, or are gone."""
    found = copy.deepcopy(document)
    for path, value in changes:
        node, name = at(found, path)
        if value is GONE:
            del node[name]
        else:
            node[name] = value
    return found


def with_(path: str, value: object, *more: tuple[str, object]) -> Callable[[Json], Request]:
    """The ordinary payment with another value at a path."""
    return lambda document: sent(changed(document, (path, value), *more))


def raw(body: bytes, **headers: str) -> Callable[[Json], Request]:
    """Bytes that are no message."""
    kind = {"Content-Type": codec.JSON} | {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda _: Request("POST", PACS, body, kind)


def edited(old: str, new: str) -> Callable[[Json], Request]:
    """The ordinary payment as JSON text in which one text is another."""

    def make(document: Json) -> Request:
        text = json.dumps(document)
        assert old in text, old
        return Request("POST", PACS, text.replace(old, new, 1).encode(), {"Content-Type": codec.JSON})

    return make


def as_xml(old: str, new: str) -> Callable[[Json], Request]:
    """The ordinary payment as XML in which one text is another."""

    def make(document: Json) -> Request:
        text = codec.encode(document["$type"], document["Document"], media_type=codec.XML).decode()
        assert old in text, (old, text)
        headers = {"Content-Type": codec.XML, "Accept": "application/json"}
        return Request("POST", PACS, text.replace(old, new, 1).encode(), headers)

    return make


def get(target: str, **headers: str) -> Callable[[Json], Request]:
    return lambda _: Request("GET", target, b"", headers)


def post(target: str, body: object) -> Callable[[Json], Request]:
    return lambda _: Request("POST", target, json.dumps(body).encode(), {"Content-Type": codec.JSON})


def _instant(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")


def _day(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


AMOUNT = f"{TX}/IntrBkSttlmAmt"
M = Mistake
MISTAKES = (
    # the request itself
    M("no credentials", lambda _: Request(caller=""), 401, "header.Signature", "sign"),
    M("a wrong key", get("/v1/positions", Authorization="Bearer sk_test_wrong"), 401, "header.Signature", "key"),
    M("a signature without its input", get("/v1/positions", Authorization="", Signature="sig1=:AA==:"), 401, "header.Signature", "Signature-Input"),
    M("a person's route", get("/v1/people"), 401, "header.Signature", "sign in"),
    M("an unknown path", get("/v1/payment"), 404, "path", "openapi.json"),
    M("a trailing slash", get("/v1/positions/"), 404, "path", "slash"),
    M("a wrong method", lambda _: Request("PUT", "/v1/webhooks"), 405, "method", "Allow"),
    M("no media type", raw(b"{}", Content_Type="text/plain"), 415, "header.Content-Type", "application/json"),
    M("another character set", raw(b"{}", Content_Type="application/json; charset=utf-16"), 415, "header.Content-Type", "UTF-8"),
    M("a compressed body", raw(b"x", Content_Encoding="gzip"), 415, "header.Content-Encoding", "without compression"),
    M("no acceptable answer", lambda d: sent(d, Accept="text/html"), 406, "header.Accept", "application/json"),
    M("a body that is too large", post("/v1/webhooks", {"url": "x" * 9000}), 413, "body", "smaller"),
    M("an unknown parameter", get("/v1/positions?page=2"), 400, "query", "after"),
    M("a repeated parameter", get("/v1/windows?limit=1&limit=2"), 400, "query.limit", "openapi.json"),
    M("a limit out of bounds", get("/v1/windows?limit=5000"), 400, "query.limit", "1 to 500"),
    M("a missing parameter", get("/v1/quotes?creditor_agent=INDUPKKA&currency=INR"), 400, "query.amount", "decimal"),
    M("a quote to no bank", get("/v1/quotes?amount=1.00&currency=INR"), 422, "query.creditor_agent", "BIC"),
    M("two wrong parameters", get("/v1/quotes?amount=1.00&currency=inr&creditor_agent=x"), 400, "query.currency", "three capital letters"),
    M("a UETR in capitals", get("/v1/payments/7B0F2F3E-6C1D-4A53-9F0E-2D1C8A54E9B7"), 400, "path.uetr", "lower case"),
    M("a payment that is not there", get("/v1/payments/7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b8"), 404, "path", "UETR"),
    M("a cursor ahead", get("/v1/events?after=999999999"), 409, "query.after", "continue"),
    M("an unknown report", get("/v1/reports/nonsense"), 404, "path", "list"),
    # the form of the message
    M("no JSON", raw(b"{'a': 1}"), 400, "body", "JSON"),
    M("truncated XML", raw(b"<Document", Content_Type="application/xml", Accept="application/json"), 400, "body", "well-formed"),
    M("a document type", raw(b"<!DOCTYPE x []><Document/>", Content_Type="application/xml", Accept="application/json"), 400, "body", "DOCTYPE"),
    M("a byte order mark", raw(b"\xef\xbb\xbf{}"), 400, "body", "UTF-8"),
    M("a repeated member", edited('"$type":', '"$type": "pacs.008.001.08", "$type":'), 400, "body", "once"),
    M("no message name", lambda d: sent({"Document": d["Document"]}), 400, "$type", "$type"),
    M("an unknown version", lambda d: sent({**d, "$type": "pacs.008.001.99"}), 400, "Document", "pacs.008.001.08"),
    M("another message", lambda d: Request("POST", "/v1/iso20022/pacs.004", sent(d).body, sent(d).headers), 400, "Document", "endpoint"),
    M("an unknown element", with_(f"{TX}/Amount", "1"), 400, f"{TX}/Amount", "name"),
    M("a missing element", with_(f"{GROUP}/CreDtTm", GONE), 400, f"{GROUP}/CreDtTm", "Add"),
    M("elements out of order", as_xml("<MsgId>", "<NbOfTxs>1</NbOfTxs><MsgId>"), 400, GROUP, "order"),
    M("an amount as number", edited('"Amt": "100.00"', '"Amt": 100.00'), 400, "body", "quotes"),
    M("an amount with a comma", with_(f"{AMOUNT}/Amt", "100,00"), 400, AMOUNT, "point"),
    M("a date with slashes", with_(f"{TX}/IntrBkSttlmDt", "23/11/2026"), 400, f"{TX}/IntrBkSttlmDt", "2026-11-23"),
    M("a text that is too long", with_(f"{TX}/PmtId/EndToEndId", "x" * 36), 400, f"{TX}/PmtId/EndToEndId", "35"),
    M("an unknown code", with_(f"{TX}/ChrgBr", "OUR"), 400, f"{TX}/ChrgBr", "SLEV"),
    M("a UETR that is no UUID", with_(f"{TX}/PmtId/UETR", "4711"), 400, f"{TX}/PmtId/UETR", "UUID"),
    M("a BIC in small letters", with_(f"{TX}/CdtrAgt/FinInstnId/BICFI", "indupkka"), 400, f"{TX}/CdtrAgt/FinInstnId/BICFI", "BIC"),
    M("a currency in small letters", with_(f"{AMOUNT}/Ccy", "inr"), 400, f"{AMOUNT}/@Ccy", "capital"),
    # the rules of the scheme
    M("too many decimals", with_(f"{AMOUNT}/Amt", "100.001"), 422, AMOUNT, "decimals"),
    M("an amount of nothing", with_(f"{AMOUNT}/Amt", "0.00"), 422, AMOUNT, "larger"),
    M("a currency that is none", with_(f"{AMOUNT}/Ccy", "XQQ"), 422, AMOUNT, "ISO 4217"),
    M("an IBAN with wrong digits", with_(f"{TX}/CdtrAcct", {"Id": {"IBAN": "PK61SAND0000000000000001"}}), 422, f"{TX}/CdtrAcct/Id/IBAN", "check digits"),
    M("a wrong number of transactions", with_(f"{GROUP}/NbOfTxs", "2"), 422, f"{GROUP}/NbOfTxs", "number"),
    M("a wrong control sum", with_(f"{GROUP}/CtrlSum", "99.00"), 422, f"{GROUP}/CtrlSum", "sum"),
    M("no UETR", with_(f"{TX}/PmtId/UETR", GONE), 422, f"{TX}/PmtId/UETR", "UETR"),
    M("no debtor's name", with_(f"{TX}/Dbtr", {}), 422, f"{TX}/Dbtr/Nm", "name"),
    M("no creditor's name", with_(f"{TX}/Cdtr", {}), 422, f"{TX}/Cdtr/Nm", "name"),
    M("no creditor's account", with_(f"{TX}/CdtrAcct", GONE), 422, f"{TX}/CdtrAcct", "account"),
    M("a creation time without offset", with_(f"{GROUP}/CreDtTm", "2026-11-23T14:05:07"), 422, f"{GROUP}/CreDtTm", "offset"),
    M("a creation time long ago", with_(f"{GROUP}/CreDtTm", _instant(-40)), 422, f"{GROUP}/CreDtTm", "now"),
    M("a creation time in the future", with_(f"{GROUP}/CreDtTm", _instant(2)), 422, f"{GROUP}/CreDtTm", "clock"),
    M("a settlement date in the past", with_(f"{TX}/IntrBkSttlmDt", _day(-9)), 422, f"{TX}/IntrBkSttlmDt", "date"),
    M("a settlement date far ahead", with_(f"{TX}/IntrBkSttlmDt", _day(30)), 422, f"{TX}/IntrBkSttlmDt", "date"),
    M("another bank's payment", with_(f"{TX}/DbtrAgt/FinInstnId/BICFI", "STEPKZKA"), 403, f"{TX}/DbtrAgt", "your own"),
    M("an unknown creditor agent", with_(f"{TX}/CdtrAgt/FinInstnId", {"BICFI": "NOSUPKKA"}), 422, f"{TX}/CdtrAgt", "/v1/participants"),
    M("another currency", with_(f"{AMOUNT}/Ccy", "KZT"), 422, AMOUNT, "currency"),
    M("an amount above the limit", with_(f"{AMOUNT}/Amt", "40000000000.00"), 422, AMOUNT, "/v1/rails/"),
    M("charges for the creditor", with_(f"{TX}/ChrgBr", "CRED"), 422, f"{TX}/ChrgBr", "SLEV"),
    M("a wrong rate", with_(f"{TX}/XchgRate", "1.5", (f"{TX}/InstdAmt", {"Ccy": "PKR", "Amt": "1.00"})), 422, f"{TX}/InstdAmt", "/v1/quotes"),
    M("another clearing system", with_(f"{GROUP}/SttlmInf", {"SttlmMtd": "CLRG", "ClrSys": {"Cd": "TGT"}}), 422, f"{GROUP}/SttlmInf/ClrSys", "PAYSWITCH"),
    M("an element that no rail carries", with_(f"{TX}/PoolgAdjstmntDt", "2026-11-23"), 422, f"{TX}/PoolgAdjstmntDt", "Leave out"),
    M("an account of another form", with_(f"{TX}/CdtrAcct", {"Id": {"Othr": {"Id": "12"}}}), 422, f"{TX}/CdtrAcct", "/v1/rails/"),
    # other requests
    M("a quote to nobody", get("/v1/quotes?creditor_agent=NOSUPKKA&amount=1.00&currency=INR"), 404, "query.creditor_agent", "list"),
    M("a quote with too many decimals", get("/v1/quotes?creditor_agent=INDUPKKA&amount=1.001&currency=INR"), 422, "query.amount", "decimals"),
    M("a firm quote of nothing", post("/v1/quotes", {"creditor_agent": "INDUPKKA", "amount": "0", "currency": "INR"}), 422, "amount", "larger than zero"),
    M("a firm quote in no currency", post("/v1/quotes", {"creditor_agent": "INDUPKKA", "amount": "1.00", "currency": "QQQ"}), 422, "currency", "ISO 4217"),
    M("a payment at a quote that is none", with_(f"{TX}/InstrForNxtAgt", [{"InstrInf": "/QTID/7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b8"}]), 422, f"{TX}/InstrForNxtAgt/InstrInf", "POST /v1/quotes"),
    M("an instruction to the switch", with_(f"{TX}/InstrForNxtAgt", [{"InstrInf": "call first"}]), 422, f"{TX}/InstrForNxtAgt", "Leave out"),
    M("a damaged QR code", post("/v1/qr", {"text": "00020"}), 422, "text", "Scan it again"),
    M("a QR code without what its scheme requires", post("/v1/qr-codes", {"payee": "stores@okbank"}), 422, "body", "that the scheme has"),
    M("a QR code of another country's scheme", post("/v1/qr-codes", {"payee": "stores@okbank", "scheme": "ELQR"}), 422, "scheme", "docs/rails/qr.md"),
    M("rates of a bank that is no FX provider", lambda _: Request("PUT", "/v1/fx/rates", b"{}", {"Content-Type": codec.JSON}), 403, "caller", "as a caller who may"),
    M("a webhook without a type of ours", post("/v1/webhooks", {"url": "https://bank.example/", "types": ["paid"]}), 400, "types[0]", "asyncapi.json"),
    M("a webhook to a wrong address", post("/v1/webhooks", {"url": "ftp://bank.example/"}), 400, "url", "openapi.json"),
    M("an unknown member", post("/v1/webhooks", {"url": "https://bank.example/", "kinds": []}), 400, "body", "url, types"),
)  # fmt: skip
