"""Two people have a rail take a credit back: an order of its own, after which the payment is returned."""

import uuid

from adapters.simulation import book as rail_book
from tests.switch.payments.test_rail_returns import connected, paid, requested, until
from tests.switch.stack import Stack

_STATE = "SELECT r.state FROM switch.reversal AS r JOIN switch.payment AS p USING (number) WHERE p.uetr = $1"


async def test_two_people_have_a_rail_take_a_credit_back_and_the_sender_has_its_money_and_a_message(
    stack: Stack,
) -> None:
    bank = await stack.add_bank(funds_minor=500_000)
    uetr, _ = await paid(stack, bank)
    content = {"uetr": uetr, "reason": "DUPL", "evidence": "letter 12"}
    await stack.agreed("payment.reverse", content)
    async with connected(stack) as connection, stack.client_of(bank) as client:
        question = "SELECT count(*) = 1 FROM switch.correspondence WHERE receiver = $1"
        await until(connection, question, bank["id"])
        state = await connection.fetchval(_STATE, uuid.UUID(uetr))
        payment = await client.payment(uetr)
        (position,) = [p for p in await client.positions() if p["purpose"] == "position"]
        opened = await connection.fetchval(
            "SELECT count(*) FROM switch.reconciliation_break WHERE uetr = $1 AND resolved_at IS NULL",
            uuid.UUID(uetr),
        )
    book = stack.settings.rails_directory / "PK" / rail_book.FILE_NAME
    entries = [entry.outcome for entry in rail_book.read(book) if entry.uetr == uetr]
    again = await requested(stack, "payment.reverse", content)

    assert (state, payment.returned, payment.detail) == ("done", True, "returned DUPL")
    assert [step["event"] for step in payment.journey][-4:] == [
        "reversal_ordered",
        "reversal_sent",
        "given_back",
        "returned",
    ]
    assert (position["headroom"], opened) == ("5000.00", 0)
    assert entries[-2:] == [rail_book.EntryStatus.DONE, rail_book.EntryStatus.REVERSED]
    assert again == (422, "this payment was returned already")


async def test_no_reversal_is_ordered_where_it_cannot_be(stack: Stack) -> None:
    async with stack.client("indus-bank") as client:
        of_india = await client.pay(stack.document("indus-bank", "asha-bank"), wait=20)
        refused = await client.pay(stack.document("indus-bank", "asha-bank", word="AC04"), wait=20)
    answers = [
        await requested(stack, "payment.reverse", {"uetr": uetr, "reason": "CUST", "evidence": "letter 12"})
        for uetr in (of_india.uetr, refused.uetr, str(uuid.uuid4()))
    ]
    nothing = {"uetr": of_india.uetr, "outcome": "done", "evidence": "letter 12"}

    assert [status for status, _ in answers] == [422] * 3
    assert "answers no reversal in the exchange" in answers[0][1]
    assert answers[1][1] == answers[2][1] == "only a credited payment can be reversed"
    assert await requested(stack, "reversal.resolve", nothing) == (
        422,
        "no reversal of this payment awaits a decision",
    )
