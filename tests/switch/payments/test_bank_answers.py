"""What the books know is held against an answer, whoever answers it; what they do not know is carried."""

from typing import Any

import pytest

from schemas.errors import Refused
from schemas.investigation import RESPONSE, InvestigationResponse
from switch.payments import bank_answers
from switch.writer.lifecycle import FINAL, State

UETR = "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7"
DEBTOR, CREDITOR = "asha-bank", "indus-bank"
DEBIT = {"Ccy": "INR", "Amt": "100.00"}
CREDIT = {"Ccy": "PKR", "Amt": "328.35"}
PLACE = f"{RESPONSE}/{RESPONSE}/InvstgtnData"
Json = dict[str, Any]


def payment(state: State = State.COMMITTED, *, returned: bool = False, parts: int = 0) -> Json:
    return {
        "uetr": UETR,
        "state": state,
        "final": state in FINAL,
        "returned": returned,
        "part_returns": [{}] * parts,
        "debtor_agent": DEBTOR,
        "creditor_agent": CREDITOR,
        "rail_reference": "612812000042",
        "interbank_settlement_amount": {"currency": DEBIT["Ccy"], "amount": DEBIT["Amt"]},
        "credited_amount": {"currency": CREDIT["Ccy"], "amount": CREDIT["Amt"]},
        "journey": [{"event": "received", "at": "2026-11-23T10:00:00+00:00"}],
    }


def status(code: str) -> Json:
    return {"TxSts": {"Sts": {"Cd": code}}}


def booking(amount: Json, sign: str, **more: Any) -> Json:
    return {
        "Conf": {"Amt": amount, "CdtDbtInd": sign, "ValDt": {"Dt": "2026-11-23"}, "Refs": {}, **more},
    }


def said(reason: str, data: Json | None) -> InvestigationResponse:
    records = ((PLACE, {"RspnData": data}),) if data else ()
    return InvestigationResponse(
        "1", "2", None, "OTHR", UETR, "CLSD", reason, records, {}, next_responder=False
    )


POSTED = payment()
RETURNED = payment(returned=True)
REFUSED = payment(State.ABORTED)
IN_FLIGHT = payment(State.SENT)
IN_DOUBT = payment(State.UNKNOWN)
CREDITED, DEBITED = booking(CREDIT, "CRDT"), booking(DEBIT, "DBIT")
CONTRADICTIONS: list[tuple[str, Json, str, str, Json | None, str]] = [
    ("it was refused, and was not", POSTED, CREDITOR, "ARJT", None, "StsRsn"),
    ("it was returned, and was not", POSTED, CREDITOR, "ARDT", None, "StsRsn"),
    ("it was returned, and was refused", REFUSED, CREDITOR, "ARDT", None, "StsRsn"),
    ("it never came, and was posted", POSTED, CREDITOR, "NOOR", None, "StsRsn"),
    ("rejected, and was posted", POSTED, CREDITOR, "", status("RJCT"), "Sts"),
    ("credited, and was refused", REFUSED, CREDITOR, "", status("ACCC"), "Sts"),
    ("in progress, and was refused", REFUSED, CREDITOR, "", status("ACSP"), "Sts"),
    ("credited, and was returned", RETURNED, CREDITOR, "", status("ACCC"), "Sts"),
    ("booked, and was refused", REFUSED, CREDITOR, "", CREDITED, "Conf"),
    ("booked, and was returned", RETURNED, CREDITOR, "", CREDITED, "Conf"),
    ("the debtor agent's booking in the credited currency", POSTED, DEBTOR, "", booking(CREDIT, "DBIT"), "Amt"),
    ("a credit of the debtor agent without a return", POSTED, DEBTOR, "", booking(DEBIT, "CRDT"), "CdtDbtInd"),
    ("a debit of the creditor agent without a return", POSTED, CREDITOR, "", booking(CREDIT, "DBIT"), "CdtDbtInd"),
    ("an amount of no currency", POSTED, CREDITOR, "", booking({"Ccy": "XXX", "Amt": "1"}, "CRDT"), "Amt"),
    ("a day before", POSTED, CREDITOR, "", booking(CREDIT, "CRDT", BookgDt={"Dt": "2026-11-21"}), "BookgDt"),
    ("in flight: another UETR", IN_FLIGHT, CREDITOR, "", booking(CREDIT, "CRDT", Refs={"UETR": UETR[::-1]}), "UETR"),
]  # fmt: skip
CARRIED: list[tuple[str, Json, str, str, Json | None]] = [
    ("credited", POSTED, CREDITOR, "", CREDITED),
    ("debited", POSTED, DEBTOR, "", DEBITED),
    ("not credited to the account yet", POSTED, CREDITOR, "", status("ACSP")),
    ("blocked at the bank", POSTED, CREDITOR, "", status("BLCK")),
    ("less charges", POSTED, CREDITOR, "", booking({"Ccy": "PKR", "Amt": "320.00"}, "CRDT", Chrgs={})),
    ("converted", POSTED, CREDITOR, "", booking({"Ccy": "USD", "Amt": "1.17"}, "CRDT", XchgRate="280.6")),
    ("on the day before by another clock", POSTED, CREDITOR, "", booking(CREDIT, "CRDT", BookgDt={"Dt": "2026-11-22"})),
    ("credited, and returned", RETURNED, CREDITOR, "ARDT", CREDITED),
    ("the return, at the debtor agent", RETURNED, DEBTOR, "ARDT", booking(DEBIT, "CRDT")),
    ("returned in part", payment(parts=1), CREDITOR, "ARDT", None),
    ("refused", REFUSED, CREDITOR, "ARJT", status("RJCT")),
    ("never received, and refused", REFUSED, CREDITOR, "NOOR", None),
    ("in flight, refused there", IN_FLIGHT, CREDITOR, "ARJT", status("RJCT")),
    ("unknown here, never received there", IN_DOUBT, CREDITOR, "NOOR", None),
    ("unknown here, credited there", IN_DOUBT, CREDITOR, "", CREDITED),
    ("an archived history", {**POSTED, "journey": []}, CREDITOR, "", booking(CREDIT, "CRDT", BookgDt={"Dt": "2026-11-01"})),
]  # fmt: skip


@pytest.mark.parametrize(("found", "answerer", "reason", "data", "place"), [pytest.param(*row[1:], id=row[0]) for row in CONTRADICTIONS])  # fmt: skip
def test_what_contradicts_the_books_is_refused(
    found: Json, answerer: str, reason: str, data: Json | None, place: str
) -> None:
    with pytest.raises(Refused) as refusal:
        bank_answers.check(said(reason, data), found, {UETR}, answerer=answerer)

    assert refusal.value.path is not None
    assert refusal.value.path.rpartition("/")[2] == place
    assert refusal.value.remedy


@pytest.mark.parametrize(("found", "answerer", "reason", "data"), [pytest.param(*row[1:], id=row[0]) for row in CARRIED])  # fmt: skip
def test_what_the_books_do_not_know_better_is_carried(
    found: Json, answerer: str, reason: str, data: Json | None
) -> None:
    bank_answers.check(said(reason, data), found, {UETR}, answerer=answerer)
