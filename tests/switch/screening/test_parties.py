"""Which names of a payment are compared."""

import json

from schemas import codec
from switch.payments.screening import parties_of
from switch.sandbox import world

PAYER = {"bic": "ASHAINBB", "country": "IN", "currency": "INR", "member_id": ""}
PAYEE = {"bic": "INDUPKKA", "country": "PK", "currency": "PKR", "member_id": ""}


def test_every_name_of_a_party_is_compared_and_each_once() -> None:
    document = world.document(PAYER, PAYEE, amount="100.00", debtor="Asha Rao", creditor="Bilal Khan")
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["Dbtr"]["CtctDtls"] = {"Nm": "Asha Rao"}
    transaction["Cdtr"]["CtctDtls"] = {"Nm": "Oleg Testov"}
    transaction["DbtrAcct"]["Nm"] = "Asha Rao"
    transaction["CdtrAcct"]["Nm"] = "B. Khan"

    found = list(parties_of(codec.decode(json.dumps(document).encode(), media_type="application/json")))

    assert found == [
        ("debtor", "Asha Rao", None),
        ("creditor", "Bilal Khan", None),
        ("creditor", "Oleg Testov", None),
        ("creditor account", "B. Khan", None),
    ]
