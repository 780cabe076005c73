"""Names, accounts and keys of a payment are nowhere but in the message itself (I12)."""

import asyncio
from pathlib import Path

import pytest

from switch.clients.python import RequestRefused
from tests.switch.stack import Stack

NAME = "CANARYNAME5823"
REMITTANCE = "CANARYTEXT5823"


async def test_no_log_metric_or_event_holds_a_name_an_account_or_a_key(stack: Stack) -> None:
    secrets = [NAME, REMITTANCE, *(p["bearer"] for p in stack.credentials["participants"])]
    document = stack.document("asha-bank", "noor-wallet", word="SLOW2")
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["Dbtr"]["Nm"] = NAME
    transaction["RmtInf"] = {"Ustrd": [REMITTANCE]}
    secrets += [transaction["CdtrAcct"]["Id"]["IBAN"], "asha@okbank"]
    async with stack.client("asha-bank") as client:
        state = await client.pay(document, wait=20)
        transaction["Dbtr"]["Nm"] = NAME + " OTHER"
        with pytest.raises(RequestRefused) as duplicate:
            await client.pay(document)
    assert NAME not in str(duplicate.value)
    assert state.status == "ACCC"
    connection = await stack.connect()
    events = await connection.fetch("SELECT body FROM ledger.event")
    await connection.close()
    places = {
        "metrics": await asyncio.to_thread(stack.metrics),
        "events": "\n".join(row["body"].decode() for row in events),
        **{file.name: file.read_text() for file in Path(stack.settings.data / "logs").glob("*.log")},
    }

    assert [(name, secret) for name, text in places.items() for secret in secrets if secret in text] == []
