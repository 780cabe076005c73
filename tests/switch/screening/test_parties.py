"""Which names of a payment are compared."""

import json
from datetime import date
from typing import Any

from schemas import codec
from switch.payments.screened import account_beside, parties_of, texts_of
from switch.sandbox import world

PAYER = {"bic": "ASHAINBB", "country": "IN", "currency": "INR", "member_id": ""}
PAYEE = {"bic": "INDUPKKA", "country": "PK", "currency": "PKR", "member_id": ""}


def _message(document: dict[str, Any]) -> codec.Message:
    return codec.decode(json.dumps(document).encode(), media_type="application/json")


def test_every_name_of_a_party_is_compared_and_each_once() -> None:
    document = world.document(PAYER, PAYEE, amount="100.00", debtor="Asha Rao", creditor="Bilal Khan")
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["Dbtr"]["CtctDtls"] = {"Nm": "Asha Rao"}
    transaction["Cdtr"]["CtctDtls"] = {"Nm": "Oleg Testov"}
    transaction["DbtrAcct"]["Nm"] = "Asha Rao"
    transaction["CdtrAcct"]["Nm"] = "B. Khan"

    assert list(parties_of(_message(document))) == [
        ("debtor", "Asha Rao", None),
        ("creditor", "Bilal Khan", None),
        ("creditor", "Oleg Testov", None),
        ("creditor account", "B. Khan", None),
    ]


def test_an_alias_is_compared_that_stands_in_the_place_of_an_account() -> None:
    """Rails pay to an address in `Id/Othr/Id`, with a proxy or without one."""
    document = world.document(PAYER, PAYEE, amount="100.00")
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["DbtrAcct"] = {"Id": {"Othr": {"Id": "oleg@bank"}}, "Prxy": {"Id": "oleg@bank"}}
    transaction["CdtrAcct"] = {"Id": {"Othr": {"Id": "oleg.testov@bank"}}}

    assert list(texts_of(_message(document))) == [
        ("debtor account", "oleg@bank"),
        ("creditor account", "oleg.testov@bank"),
    ]


def test_a_clearance_of_one_alias_counted_for_every_other_one() -> None:
    """The schema wants an identification beside a proxy; it is the same `NOTPROVIDED` for everybody."""

    def account(**stated: Any) -> str:
        document = world.document(PAYER, PAYEE, amount="100.00")
        document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["CdtrAcct"] = stated
        return account_beside(_message(document), "ultimate creditor")

    nobody = {"Othr": {"Id": "NOTPROVIDED"}}
    one, other = ({"Tp": {"Cd": "MBNO"}, "Id": f"+92300123456{last}"} for last in (7, 8))

    assert account(Id=nobody, Prxy=one) == account(Id=nobody, Prxy=one)
    assert len({account(Id=nobody, Prxy=one), account(Id=nobody, Prxy=other), account(Id=nobody)}) == 3
    assert account(Id=nobody) == '{"Othr":{"Id":"NOTPROVIDED"}}'  # as clearances before have it


def test_names_and_texts_that_are_not_of_the_parties_themselves_are_compared() -> None:
    """Each field of the list in docs/operate/screening.md."""
    document = world.document(PAYER, PAYEE, amount="100.00", debtor="Asha Rao", creditor="Bilal Khan")
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["CdtrAcct"]["Prxy"] = {"Id": "bilal.khan@bank"}
    transaction["InstrForCdtrAgt"] = [{"InstrInf": "tell Oleg"}]
    transaction["RgltryRptg"] = [{"Authrty": {"Nm": "Central Bank"}, "Dtls": [{"Inf": ["for", "Oleg"]}]}]
    transaction["RltdRmtInf"] = [
        {"RmtLctnDtls": [{"Mtd": "POST", "PstlAdr": {"Nm": "Letter Box", "Adr": {"Ctry": "IN"}}}]}
    ]
    transaction["RmtInf"] = {
        "Strd": [
            {
                "RfrdDocInf": [{"LineDtls": [{"Id": [{"Nb": "1"}], "Desc": "cotton of Oleg"}]}],
                "Invcr": {"Nm": "Oleg Testov", "CtctDtls": {"Nm": "Ravi Kumar"}},
                "Invcee": {
                    "Nm": "Asha Iyer",
                    "Id": {
                        "PrvtId": {
                            "DtAndPlcOfBirth": {
                                "BirthDt": "1990-01-02",
                                "CityOfBirth": "Pune",
                                "CtryOfBirth": "IN",
                            }
                        }
                    },
                },
                "GrnshmtRmt": {"Tp": {"CdOrPrtry": {"Cd": "GNCS"}}, "Grnshee": {"Nm": "Sunil Rao"}},
                "AddtlRmtInf": ["on behalf of", "Oleg Testov"],
            }
        ]
    }
    message = _message(document)

    assert list(parties_of(message))[2:] == [
        ("invoicer", "Oleg Testov", None),
        ("invoicer", "Ravi Kumar", None),
        ("invoicee", "Asha Iyer", date(1990, 1, 2)),
        ("other party", "Sunil Rao", None),
        ("other party", "Letter Box", None),
    ]
    assert list(texts_of(message))[1:] == [
        ("creditor account", "bilal.khan@bank"),
        ("remittance information", "cotton of Oleg"),
        ("remittance information", "on behalf of Oleg Testov"),
        ("instruction", "tell Oleg"),
        ("regulatory reporting", "for Oleg"),
    ]


def test_lines_of_unstructured_information_are_one_text() -> None:
    document = world.document(PAYER, PAYEE, amount="100.00", debtor="Asha Rao", creditor="Bilal Khan")
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["RmtInf"] = {"Ustrd": ["rent for Oleg", "Testov"]}

    assert list(texts_of(_message(document)))[1:] == [("remittance information", "rent for Oleg Testov")]
