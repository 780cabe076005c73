"""Payments for pages to show; each is made through the API, as a bank makes it."""

from adapters.simulation.magic import Magic
from tests.switch.stack import Stack


async def paid(stack: Stack, amount: str = "1500.00", *, word: str = "") -> str:
    """The UETR of a payment that has ended: well, or with `word`, an ISO reason, refused by the rail."""
    document = stack.document("asha-bank", "noor-wallet", amount=amount, word=word)
    async with stack.client("asha-bank") as client:
        state = await client.pay(document, wait=25)
        while state.status not in {"ACCC", "RJCT"}:
            state = await client.pay(document, wait=25)  # the same message again: where it stands
        payment = await client.payment(state.uetr)
    assert (payment.reason or "") == word, payment
    return state.uetr


async def doubtful(stack: Stack, amount: str = "33.00", *, end_to_end: str = "") -> str:
    """The UETR of a payment whose rail said something that confirms nothing: people must end it."""
    document = stack.document("asha-bank", "noor-wallet", amount=amount, word=Magic.WRONGAMT)
    if end_to_end:
        (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
        transaction["PmtId"]["EndToEndId"] = end_to_end
    async with stack.client("asha-bank") as client:
        first = await client.pay(document)
        payment = await client.payment(first.uetr)
        while payment.state != "UNKNOWN":
            payment = await client.payment(first.uetr, wait=1)
        return first.uetr
