"""Messages as a live Mojaloop sends them, with their peculiarities, and what is refused by its name."""

import json

import pytest

from switch.fspiop import codec
from switch.fspiop.errors import FspiopProblem
from switch.fspiop.messages import MESSAGES
from tests.switch.fspiop.dfsp import Dfsp, ulid

HEADER = {"MsgId": ulid(), "CreDtTm": "2026-11-23T10:15:00.000Z"}


def read(name, body):
    return codec.read(MESSAGES[name], codec.parse(json.dumps(body).encode()))


def test_a_name_under_the_tag_of_captured_messages_and_a_name_in_parts():
    values = read("quotes.post", Dfsp().quote("indus-bank", "IBAN", "PK60SAND0000000000000001"))

    assert codec.display_name(values, "payer") == "Asha Rao"
    assert codec.display_name(values, "payee") == "Bilal Khan"
    assert values["payee.personalInfo.complexName.lastName"] == "Khan"


def test_an_error_code_that_is_a_number_and_proprietary():
    agents = {"Agt": {"FinInstnId": {"Othr": {"Id": "payee-dfsp"}}}}
    report = {
        "Vrfctn": False,
        "OrgnlId": "MSISDN/1",
        "CreDtTm": "2026-11-23T10:15:00Z",
        "Rsn": {"Prtry": 3204},
    }

    values = read(
        "parties.putError", {"Assgnmt": HEADER | {"Assgnr": agents, "Assgne": agents}, "Rpt": report}
    )

    assert values["errorInformation.errorCode"] == "3204"


def test_an_element_in_an_array_of_one_is_read_and_of_two_is_refused():
    status = {"TxSts": "COMM", "ExctnConf": "A" * 43}
    assert read("transfers.put", {"GrpHdr": HEADER, "TxInfAndSts": [status]})["transferState"] == "COMMITTED"
    with pytest.raises(FspiopProblem, match="TxInfAndSts: must occur once") as caught:
        read("transfers.put", {"GrpHdr": HEADER, "TxInfAndSts": [status, status]})
    assert caught.value.code == "3103"


def test_all_mistakes_are_named_and_no_value_is_repeated():
    quote = Dfsp().quote(
        "indus-bank", "IBAN", "secret-account", RmtInf={"Ustrd": "secret"}, Tax={"x<y": "secret"}
    )
    quote["GrpHdr"]["NbOfTxs"] = "2"
    quote["CdtTrfTxInf"]["IntrBkSttlmAmt"] = {"Ccy": "secret", "ActiveCurrencyAndAmount": 100}
    del quote["CdtTrfTxInf"]["ChrgBr"]

    with pytest.raises(FspiopProblem) as caught:
        read("quotes.post", quote)

    information = caught.value.document["errorInformation"]
    told = [
        information["errorDescription"],
        *(pair["value"] for pair in information["extensionList"]["extension"]),
    ]
    assert told == [
        "GrpHdr.NbOfTxs: must be 1",
        "CdtTrfTxInf.IntrBkSttlmAmt.Ccy: must be a currency code",
        "CdtTrfTxInf.IntrBkSttlmAmt.ActiveCurrencyAndAmount: must be text",
        "CdtTrfTxInf.ChrgBr: is missing",
        "CdtTrfTxInf.RmtInf.Ustrd: is an element that cannot be carried",
        "CdtTrfTxInf.Tax.(unknown): is an element that cannot be carried",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"a": 1.5}',
        b'{"a": NaN}',
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
)
def test_what_is_no_message_is_malformed(content):
    with pytest.raises(FspiopProblem) as caught:
        codec.read(MESSAGES["quotes.post"], codec.parse(content))
    assert caught.value.code == "3101"


def test_a_party_is_of_a_person_or_of_an_organisation():
    quote = Dfsp().quote("indus-bank", "ALIAS", "shop")
    identifier = quote["CdtTrfTxInf"]["Cdtr"]["Id"]["PrvtId"]
    quote["CdtTrfTxInf"]["Cdtr"]["Id"] = {"OrgId": identifier}
    values = read("quotes.post", quote)
    assert values["payee.partyIdInfo.partyIdentifier"] == "shop"
    assert codec.write(MESSAGES["quotes.post"], values)["CdtTrfTxInf"]["Cdtr"]["Id"] == {"OrgId": identifier}

    quote["CdtTrfTxInf"]["Cdtr"]["Id"] = {"OrgId": identifier, "PrvtId": identifier}
    with pytest.raises(FspiopProblem, match="is stated beside"):
        read("quotes.post", quote)
