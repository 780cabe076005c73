"""What a request to pay states about itself is honoured or refused: times, amount and receiver."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas import codec
from schemas.errors import Refused
from switch.api import examples
from switch.api.requests_to_pay import check_request
from switch.base.settings import Settings
from switch.payments.directory import Participant

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ASHA = Participant(id="asha-bank", name="Asha", bic="ASHAINBB", country="IN", kind="direct", status="active")
INDUS = Participant(
    id="indus-bank", name="Indus", bic="INDUPKKA", country="PK", kind="direct", status="active"
)
OURS = "PAYSKZKA"

Content = dict[str, Any]


def check(payment: Content, group: Content | None = None, to: str | None = None) -> None:
    """Check the example of a request, with some elements changed."""
    found = examples.json_of("pain.013.001.07")
    assert found is not None
    document = copy.deepcopy(found["Document"])
    content = document["CdtrPmtActvtnReq"]
    content["GrpHdr"] |= {"CreDtTm": NOW.isoformat(), **(group or {})}
    amount = payment.pop("Amt", None)
    content["PmtInf"][0] |= {"ReqdExctnDt": {"Dt": "2026-11-23"}, **payment}
    content["PmtInf"][0]["DbtrAgt"] = {"FinInstnId": {"BICFI": ASHA.bic}}
    if amount:
        content["PmtInf"][0]["CdtTrfTx"][0]["Amt"] = amount
    header = to and {
        "Fr": {"FIId": {"FinInstnId": {"BICFI": INDUS.bic}}},
        "To": {"FIId": {"FinInstnId": {"BICFI": to}}},
        "BizMsgIdr": "1",
        "MsgDefIdr": "pain.013.001.07",
        "CreDt": NOW.isoformat(),
    }
    message = codec.Message("pain.013.001.07", document, header=header or None)
    check_request(message, INDUS, ASHA, Settings(bic=OURS), NOW)


@pytest.mark.parametrize(
    ("payment", "group", "to", "reason", "path"),
    [
        ({"XpryDt": {"Dt": "2026-11-22"}}, None, None, "TM01", "PmtInf/XpryDt"),
        ({"XpryDt": {"DtTm": "2026-11-23T12:00:00Z"}}, None, None, "TM01", "PmtInf/XpryDt"),
        ({"ReqdExctnDt": {"Dt": "2026-11-22"}}, None, None, "DT01", "PmtInf/ReqdExctnDt"),
        ({"ReqdExctnDt": {"DtTm": "2026-11-23T11:40:00Z"}}, None, None, "DT01", "PmtInf/ReqdExctnDt"),
        ({"Amt": {"InstdAmt": {"Ccy": "INR", "Amt": "0.00"}}}, None, None, "AM01", "PmtInf/CdtTrfTx/Amt/InstdAmt"),
        ({"Amt": {"EqvtAmt": {"Amt": {"Ccy": "PKR", "Amt": "0"}, "CcyOfTrf": "INR"}}}, None, None, "AM01", "PmtInf/CdtTrfTx/Amt/EqvtAmt"),
        ({}, {"CreDtTm": "2026-11-20T12:00:00Z"}, None, "DT02", "GrpHdr/CreDtTm"),
        ({}, {"CreDtTm": "2026-11-23T13:00:00Z"}, None, "DT02", "GrpHdr/CreDtTm"),
        ({}, None, "GANGINBB", "AGNT", "AppHdr/To"),
    ],
)  # fmt: skip
def test_a_request_that_nobody_could_pay_was_passed_on(
    payment: Content, group: Content | None, to: str | None, reason: str, path: str
) -> None:
    with pytest.raises(Refused) as refusal:
        check(payment, group, to)

    assert refusal.value.reason == reason
    assert (refusal.value.path or "").removeprefix("CdtrPmtActvtnReq/") == path


@pytest.mark.parametrize(
    ("payment", "to"),
    [
        ({}, None),
        ({}, ASHA.bic),
        ({}, OURS),
        ({"XpryDt": {"Dt": "2026-11-23"}}, None),
        ({"XpryDt": {"DtTm": "2026-11-23T12:00:01Z"}}, None),
        ({"ReqdExctnDt": {"DtTm": "2026-11-23T12:00:00Z"}}, None),
    ],
)
def test_a_request_that_can_be_paid_is_accepted(payment: Content, to: str | None) -> None:
    check(payment, to=to)
