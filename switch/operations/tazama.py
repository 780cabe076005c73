"""A payment in the messages that Tazama takes: its pacs.008.001.10 and its pacs.002.001.12, as JSON.

Tazama demands elements that a pacs.008 here need not have. What a payment does not state is `NOTPROVIDED`, as
the ISO messages themselves say it; nothing is made up. Two things are said in our own way, because Tazama
correlates by them: `InstrId` and `EndToEndId` are the UETR, which is unique, and a party without an id of its
own is known by its account (`SchmeNm/Prtry` is `ACCOUNT`), so that all of them are not one person.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from schemas.money import Money
from schemas.payment import NOT_PROVIDED
from switch.writer.lifecycle import Event

PAYMENT: Final = "pacs.008.001.10"
STATUS: Final = "pacs.002.001.12"
PATH: Final = "/v1/evaluate/iso20022/"
"""Before the name of the message."""
OF_ACCOUNT: Final = "ACCOUNT"
ENDS: Final[Mapping[str, str]] = {
    Event.CONFIRM: "ACCC",
    Event.REJECT: "RJCT",
    Event.EXPIRE: "RJCT",
    Event.CANCEL: "RJCT",
}
"""The status of each end of a payment that was accepted."""

_Element = Mapping[str, Any]
_NOTHING: Final[_Element] = {}
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def payment(content: _Element, uetr: str, fee: Money, agents: tuple[str, str]) -> bytes:
    """The pacs.008 of an accepted payment: what its own message states, and the BICs of both agents."""
    debtor_bic, creditor_bic = agents
    (stated,) = content["CdtTrfTxInf"]
    debtor, creditor = (_side(stated, side) for side in ("Dbtr", "Cdtr"))
    settled = _amount(stated["IntrBkSttlmAmt"])
    transaction = {
        "PmtId": {"InstrId": uetr, "EndToEndId": uetr},
        "IntrBkSttlmAmt": settled,
        "InstdAmt": _amount(stated["InstdAmt"]) if "InstdAmt" in stated else settled,
        "ChrgBr": stated.get("ChrgBr", NOT_PROVIDED),
        "ChrgsInf": _charge(fee, debtor_bic),
        "InitgPty": _party(stated["InitgPty"], debtor["Acct"]) if "InitgPty" in stated else debtor["Pty"],
        "Dbtr": debtor["Pty"],
        "DbtrAcct": debtor["Acct"],
        "DbtrAgt": agent(debtor_bic),
        "CdtrAgt": agent(creditor_bic),
        "Cdtr": creditor["Pty"],
        "CdtrAcct": creditor["Acct"],
        "Purp": {"Cd": _first(stated.get("Purp", _NOTHING), "Cd", "Prtry")},
    }
    if "XchgRate" in stated:
        transaction["XchgRate"] = str(stated["XchgRate"])
    header = content["GrpHdr"]
    return _encode(
        PAYMENT,
        "FIToFICstmrCdtTrf",
        {
            "GrpHdr": {
                "MsgId": header["MsgId"],
                "CreDtTm": header["CreDtTm"],
                "NbOfTxs": 1,
                "SttlmInf": {"SttlmMtd": header["SttlmInf"]["SttlmMtd"]},
            },
            "CdtTrfTxInf": transaction,
            "RgltryRptg": {"Dtls": {"Tp": NOT_PROVIDED, "Cd": NOT_PROVIDED}},
            "RmtInf": {"Ustrd": " ".join(stated.get("RmtInf", _NOTHING).get("Ustrd", ())) or NOT_PROVIDED},
            "SplmtryData": {
                "Envlp": {
                    "Doc": {
                        "InitgPty": {"Glctn": {"Lat": NOT_PROVIDED, "Long": NOT_PROVIDED}},
                        "Xprtn": NOT_PROVIDED,
                    }
                }
            },
        },
    )


def status(uetr: str, kind: str, at: datetime, fee: Money, agents: tuple[str, str]) -> bytes:
    """The pacs.002 of the end of a payment."""
    debtor_bic, creditor_bic = agents
    instant = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _encode(
        STATUS,
        "FIToFIPmtSts",
        {
            "GrpHdr": {"MsgId": uetr.replace("-", ""), "CreDtTm": instant},
            "TxInfAndSts": {
                "OrgnlInstrId": uetr,
                "OrgnlEndToEndId": uetr,
                "TxSts": ENDS[kind],
                "ChrgsInf": [_charge(fee, debtor_bic)] if fee.minor else [],
                "AccptncDtTm": instant,
                "InstgAgt": agent(debtor_bic),
                "InstdAgt": agent(creditor_bic),
            },
        },
    )


def agent(bic: str) -> dict[str, Any]:
    """An agent by its BIC, in the place of a member id."""
    return {"FinInstnId": {"ClrSysMmbId": {"MmbId": bic or NOT_PROVIDED}}}


def _encode(definition: str, root: str, body: dict[str, Any]) -> bytes:
    return _ENCODER.encode({"TxTp": definition, root: body})


def _side(stated: _Element, side: str) -> dict[str, dict[str, Any]]:
    """The party and the account of one side."""
    party = stated.get(side, _NOTHING)
    account = _account(stated.get(f"{side}Acct", _NOTHING), party.get("Nm", NOT_PROVIDED))
    return {"Pty": _party(party, account), "Acct": account}


def _account(stated: _Element, holder: str) -> dict[str, Any]:
    ids = stated.get("Id", _NOTHING)
    other = ids.get("Othr", _NOTHING)
    proxy = stated.get("Prxy", _NOTHING)
    if "IBAN" in ids:
        known = (ids["IBAN"], "IBAN")
    elif other:
        known = (other["Id"], _first(other.get("SchmeNm", _NOTHING), "Prtry", "Cd"))
    else:
        known = (proxy.get("Id", NOT_PROVIDED), _first(proxy.get("Tp", _NOTHING), "Prtry", "Cd"))
    return {"Id": {"Othr": [_id(*known)]}, "Nm": stated.get("Nm", holder)}


def _party(stated: _Element, account: _Element) -> dict[str, Any]:
    ids = stated.get("Id", _NOTHING)
    kind = ids.get("PrvtId") or ids.get("OrgId") or _NOTHING
    others = [
        _id(one["Id"], _first(one.get("SchmeNm", _NOTHING), "Prtry", "Cd")) for one in kind.get("Othr", ())
    ]
    if not others:
        (of_account,) = account["Id"]["Othr"]
        others = [_id(of_account["Id"], OF_ACCOUNT)]
    born = kind.get("DtAndPlcOfBirth", _NOTHING)
    birth = {name: born.get(name, NOT_PROVIDED) for name in ("BirthDt", "CityOfBirth", "CtryOfBirth")}
    mobile = stated.get("CtctDtls", _NOTHING).get("MobNb", NOT_PROVIDED)
    return {
        "Nm": stated.get("Nm", NOT_PROVIDED),
        "Id": {"PrvtId": {"DtAndPlcOfBirth": birth, "Othr": others}},
        "CtctDtls": {"MobNb": mobile},
    }


def _id(text: str, scheme: str) -> dict[str, Any]:
    return {"Id": text, "SchmeNm": {"Prtry": scheme}}


def _first(stated: _Element, *names: str) -> str:
    return next((str(stated[name]) for name in names if name in stated), NOT_PROVIDED)


def _amount(stated: _Element) -> dict[str, Any]:
    """An amount as the message states it, as a number of the same digits."""
    return {"Amt": {"Amt": Decimal(stated["Amt"]), "Ccy": stated["Ccy"]}}


def _charge(fee: Money, bic: str) -> dict[str, Any]:
    return {"Amt": {"Amt": Decimal(fee.text), "Ccy": fee.currency}, "Agt": agent(bic)}
