"""Payments through the whole switch: both ways, both representations, repeated, at the edge of a cap."""

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from adapters.simulation import book as rail_book
from schemas import codec
from switch.base import personal_data
from switch.clients.python import RequestRefused
from switch.operations import verify
from switch.writer.commands import CloseWindow
from tests.switch.stack import Stack

BOTH_WAYS = [("asha-bank", "noor-wallet"), ("noor-wallet", "ganga-bank")]


def credited(stack: Stack, country: str) -> Counter[UUID]:
    book = stack.settings.rails_directory / country / rail_book.FILE_NAME
    return Counter(
        UUID(entry.uetr)
        for entry in rail_book.read(book)
        if entry.outcome is rail_book.EntryStatus.DONE and entry.uetr
    )


@pytest.mark.parametrize(("debtor", "creditor"), BOTH_WAYS)
async def test_a_payment_arrives_and_shows_its_journey(stack: Stack, debtor: str, creditor: str) -> None:
    async with stack.client(debtor) as client:
        state = await client.pay(stack.document(debtor, creditor), wait=20)
        payment = await client.read(f"payments/{state.uetr}")

    assert state.status == "ACCC"
    assert [step["event"] for step in payment["journey"]] == [
        "received",
        "reserved",
        "sent",
        "answered",
        "posted",
    ]
    country = stack.participant(creditor)["country"]
    assert credited(stack, country)[UUID(state.uetr)] == 1


async def test_signed_requests_are_taken_with_either_algorithm(stack: Stack) -> None:
    for debtor, creditor in BOTH_WAYS:
        async with type(stack.client(debtor)).of_sandbox(stack.settings.credentials_file, debtor) as client:
            assert (await client.pay(stack.document(debtor, creditor), wait=20)).status == "ACCC"


async def test_xml_and_json_are_one_resource(stack: Stack) -> None:
    document = stack.document("asha-bank", "noor-wallet")
    decoded = codec.decode(json.dumps(document).encode(), media_type="application/json", expect="pacs.008")
    xml = codec.encode(decoded.id, decoded.document, media_type="application/xml", header=decoded.header)
    async with stack.client("asha-bank") as client:
        first = await client.pay(document, wait=20)
        again = await client.pay(xml, media_type="application/xml")

    assert (first.uetr, first.status) == (again.uetr, again.status)


async def test_an_answer_has_the_requested_representation(stack: Stack) -> None:
    body = json.dumps(stack.document("asha-bank", "noor-wallet"))
    headers = {
        "Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}",
        "Content-Type": "application/json",
        "Prefer": "wait=20",
    }
    async with aiohttp.ClientSession() as session:
        for accept, expected in [("application/xml", "application/xml"), ("*/*", "application/json")]:
            async with session.post(
                f"{stack.url}/v1/iso20022/pacs.008", data=body, headers={**headers, "Accept": accept}
            ) as answer:
                raw = await answer.read()
                assert (answer.status, answer.content_type) == (200, expected)
                report = codec.decode(raw, media_type=expected, expect="pacs.002")
                assert report.id == "pacs.002.001.10"


async def test_without_waiting_a_payment_is_accepted_and_reported_later(stack: Stack) -> None:
    async with stack.client("asha-bank") as client:
        state = await client.pay(stack.document("asha-bank", "noor-wallet", word="SLOW8"))
        later = await client.payment(state.uetr, wait=20)

    assert state.status in {"ACSP", "PDNG"}
    assert later.status == "ACCC"


async def test_the_same_payment_posted_100_times_at_once_moves_money_once(stack: Stack) -> None:
    bank = await stack.add_bank(funds_minor=1_000_000)
    document = stack.document("asha-bank", "noor-wallet")
    document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["DbtrAgt"]["FinInstnId"]["BICFI"] = bank[
        "bic"
    ]
    body = json.dumps(document)
    headers = {
        "Authorization": f"Bearer {bank['bearer']}",
        "Content-Type": "application/json",
        "Prefer": "wait=20",
    }

    async def post(session: aiohttp.ClientSession) -> tuple[int, str]:
        async with session.post(f"{stack.url}/v1/iso20022/pacs.008", data=body, headers=headers) as answer:
            report = codec.decode(await answer.read(), media_type="application/json", expect="pacs.002")
            return answer.status, report.document["FIToFIPmtStsRpt"]["TxInfAndSts"][0]["TxSts"]

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:
        answers = await asyncio.gather(*(post(session) for _ in range(100)))
    connection = await stack.connect()
    posted = await connection.fetchval(
        "SELECT debits_posted FROM ledger.account WHERE owner = $1", bank["id"]
    )
    await connection.close()
    uetr = UUID(document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"])

    assert set(answers) == {(200, "ACCC")}
    assert posted == 10_000 + 10
    assert credited(stack, "PK")[uetr] == 1


async def test_other_content_under_a_known_uetr_changes_nothing_also_at_the_same_instant(
    stack: Stack,
) -> None:
    first = stack.document("asha-bank", "noor-wallet")
    other = json.loads(json.dumps(first))
    other["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["IntrBkSttlmAmt"]["Amt"] = "999.00"

    async def pay(document: dict) -> str:
        async with stack.client("asha-bank") as client:
            try:
                return (await client.pay(document, wait=20)).status
            except RequestRefused as problem:
                return problem.reason

    answers = await asyncio.gather(*(pay(first if n % 2 else other) for n in range(20)))

    assert Counter(answers) == {"ACCC": 10, "DUPL": 10}


async def test_64_concurrent_payments_at_the_edge_of_a_cap_grant_exactly_the_cap(stack: Stack) -> None:
    each = 10_000 + 10  # 100.00 and ten basis points
    bank = await stack.add_bank(funds_minor=10 * each + each - 1)

    async def pay() -> str:
        document = stack.document("asha-bank", "noor-wallet")
        transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
        transaction["DbtrAgt"]["FinInstnId"]["BICFI"] = bank["bic"]
        async with stack.client_of(bank) as client:
            state = await client.pay(document, wait=20)
            return state.status if state.status == "ACCC" else f"{state.status} {state.reason}"

    answers = Counter(await asyncio.gather(*(pay() for _ in range(64))))

    assert answers == {"ACCC": 10, "RJCT AM23": 54}


async def test_a_closed_rail_holds_payments_and_time_frees_them(stack: Stack) -> None:
    connection = await stack.connect()
    await connection.execute("UPDATE switch.rail SET open = false, opens_at = NULL WHERE country = 'PK'")
    await stack.until_read()
    try:
        async with stack.client("asha-bank") as client:
            held = await client.pay(stack.document("asha-bank", "noor-wallet"))
            sent_later = await client.payment(held.uetr)
            assert sent_later.state == "RESERVED"
            expiring = await client.pay(stack.document("asha-bank", "noor-wallet"))
            await connection.execute(
                "UPDATE switch.open_payment SET expires_at = clock_timestamp() WHERE uetr = $1",
                UUID(expiring.uetr),
            )
            expired = await client.payment(expiring.uetr, wait=20)
            await connection.execute("UPDATE switch.rail SET open = true WHERE country = 'PK'")
            released = await client.payment(held.uetr, wait=20)
    finally:
        await connection.execute("UPDATE switch.rail SET open = true WHERE country = 'PK'")
        await connection.close()
        await stack.until_read()

    assert (expired.state, expired.reason) == ("ABORTED", "TM01")
    assert released.state == "COMMITTED"
    assert credited(stack, "PK")[UUID(expired.uetr)] == 0


async def test_a_participant_sees_its_own_payments_only(stack: Stack) -> None:
    async with stack.client("asha-bank") as client:
        state = await client.pay(stack.document("asha-bank", "noor-wallet"), wait=20)
    async with stack.client("noor-wallet") as creditor, stack.client("ganga-bank") as stranger:
        assert (await creditor.payment(state.uetr)).status == "ACCC"
        with pytest.raises(RequestRefused) as nothing:
            await stranger.payment(state.uetr)

    assert nothing.value.status == 404


async def test_a_participant_cannot_pay_for_another(stack: Stack) -> None:
    async with stack.client("ganga-bank") as client:
        with pytest.raises(RequestRefused) as refusal:
            await client.pay(stack.document("asha-bank", "noor-wallet"))

    assert refusal.value.status == 403


async def test_a_suspended_participant_is_refused_and_its_payments_in_flight_end(stack: Stack) -> None:
    connection = await stack.connect()
    async with stack.client("indus-bank") as client:
        state = await client.pay(stack.document("indus-bank", "asha-bank", word="SLOW8"))
        await connection.execute("UPDATE switch.participant SET status = 'suspended' WHERE id = 'indus-bank'")
        await stack.until_read()
        try:
            with pytest.raises(RequestRefused) as refusal:
                await client.pay(stack.document("indus-bank", "asha-bank"))
            deadline = time.monotonic() + 20
            while not (final := await client.payment(state.uetr)).final and time.monotonic() < deadline:
                await asyncio.sleep(0.2)  # who is suspended is answered without a wait
        finally:
            await connection.execute(
                "UPDATE switch.participant SET status = 'active' WHERE id = 'indus-bank'"
            )
            await connection.close()
            await stack.until_read()

    assert refusal.value.status == 403
    assert final.state == "COMMITTED"


async def test_a_window_closes_at_once_and_its_nets_sum_to_zero(stack: Stack) -> None:
    link = stack.link()
    await link.start()
    async with stack.client("asha-bank") as client:
        await link.ask(CloseWindow("INR"))
        for _ in range(3):
            await client.pay(stack.document("asha-bank", "noor-wallet"), wait=20)
        number = (await link.ask(CloseWindow("INR"))).number
        await link.stop()
        window = await client.read(f"windows/{number}")
        async with aiohttp.ClientSession() as session:
            headers = {
                "Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}",
                "Accept": "text/csv",
            }
            async with session.get(f"{stack.url}/v1/windows/{number}", headers=headers) as answer:
                table = await answer.text()
    nets = {(n["participant"], n["purpose"]): Decimal(n["net"]) for n in window["nets"]}

    assert nets == {("asha-bank", "position"): Decimal("-300.30")}
    assert table.splitlines()[1] == "asha-bank,position,INR,300.30,0.00,-300.30,6,0.00,0.00,0.00,0.00"


async def test_every_invariant_holds(stack: Stack) -> None:
    connection: asyncpg.Connection = await stack.connect()
    results = [r async for r in verify.verify(connection, stack.settings.rails_directory, None)]
    await connection.close()

    assert not [r for r in results if not r.ok]
    assert {"I1", "I2", "I3", "I4", "I5", "I6", "I7"} <= {r.name.split()[0] for r in results}


@pytest.mark.parametrize(
    "added",
    [
        [{"uetr": "", "outcome": "done"}],
        [{"uetr": "not-a-uetr", "outcome": "done"}],
        [{"amount_minor": 1, "outcome": "done"}, {"amount_minor": 2, "outcome": "reversed"}],
        [{"outcome": "credited"}],
        [{"colour": "red"}],
    ],
    ids=["no-uetr", "wrong-uetr", "other-amount-reversed", "unknown-outcome", "unknown-field"],
)
async def test_what_a_rails_book_has_beyond_its_orders_is_found(
    stack: Stack, tmp_path: Path, added: list[dict[str, object]]
) -> None:
    """Credits without a UETR were passed over, and a line that could not be read ended `verify`."""
    async with stack.client("asha-bank") as client:
        assert (await client.pay(stack.document("asha-bank", "indus-bank"), wait=20)).status == "ACCC"
    entries = (stack.settings.rails_directory / "PK" / rail_book.FILE_NAME).read_bytes()
    line = next(line for line in reversed(entries.splitlines()) if json.loads(line)["outcome"] == "done")
    book = tmp_path / "PK" / rail_book.FILE_NAME
    book.parent.mkdir()
    connection: asyncpg.Connection = await stack.connect()
    found = []
    for more in ([], added):
        lines = [
            json.dumps({**json.loads(line), "rail_ref": "nobodys", **change}).encode() for change in more
        ]
        book.write_bytes(entries + b"".join(text + b"\n" for text in lines))
        found.append(set((await verify._compare(connection, tmp_path))[1].faults))
    await connection.close()

    assert found[1] > found[0]


async def book_of(stack: Stack, place: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> set[str]:
    """The faults that `verify` adds where the newest credit of Pakistan's book says something else."""
    async with stack.client("asha-bank") as client:
        assert (await client.pay(stack.document("asha-bank", "indus-bank"), wait=20)).status == "ACCC"
    lines = (stack.settings.rails_directory / "PK" / rail_book.FILE_NAME).read_bytes().splitlines()
    last = max(number for number, line in enumerate(lines) if json.loads(line)["outcome"] == "done")
    keys = personal_data.load(stack.settings.personal_data_keys)
    book = place / "PK" / rail_book.FILE_NAME
    book.parent.mkdir()
    connection: asyncpg.Connection = await stack.connect()
    found = []
    for said in ({}, change(json.loads(lines[last]))):
        changed = [
            *lines[:last],
            json.dumps({**json.loads(lines[last]), **said}).encode(),
            *lines[last + 1 :],
        ]
        book.write_bytes(b"".join(line + b"\n" for line in changed))
        tallies = await verify._compare(connection, place, keys)
        found.append({fault for tally in tallies for fault in tally.faults})
    await connection.close()
    return found[1] - found[0]


async def test_a_rails_book_that_credits_another_account_is_found(stack: Stack, tmp_path: Path) -> None:
    """`verify` compared amounts alone."""
    (fault,) = await book_of(stack, tmp_path, lambda _: {"account": "PK36SCBL0000001123456702"})

    assert fault.endswith("credited to another account by PK")


async def test_a_credit_in_a_second_currency_is_not_summed_under_the_first(
    stack: Stack, tmp_path: Path
) -> None:
    (fault,) = await book_of(stack, tmp_path, lambda _: {"currency": "KZT"})

    assert fault.endswith("is committed here, and not credited by the rail")


def test_credits_of_one_uetr_are_summed_by_currency(tmp_path: Path) -> None:
    """Ten tenge and ten rupees under one UETR were twenty rupees."""
    uetr = str(uuid.uuid4())
    book = rail_book.Book(tmp_path / rail_book.FILE_NAME)
    for ref, currency in (("1", "PKR"), ("2", "KZT")):
        entry = rail_book.BookEntry(
            ref, uetr, 10, currency, rail_book.EntryStatus.DONE, "", "A", rail_book.now()
        )
        book.append(entry)
    book.close()

    (credit,) = verify.read_credits(tmp_path / rail_book.FILE_NAME).values()

    assert (credit.times, credit.left) == (2, {"PKR": 10, "KZT": 10})


async def test_a_rail_whose_book_is_gone_is_named_and_nothing_agrees(stack: Stack, tmp_path: Path) -> None:
    """A missing book was passed over in silence, and `verify` said that the books agree."""
    async with stack.client("asha-bank") as client:
        assert (await client.pay(stack.document("asha-bank", "indus-bank"), wait=20)).status == "ACCC"
    connection: asyncpg.Connection = await stack.connect()
    elsewhere = await verify._compare(connection, tmp_path)
    (tmp_path / "PK").mkdir()
    (tmp_path / "PK" / "server.crt").touch()
    gone = await verify._compare(connection, tmp_path)
    await connection.close()

    for tally in elsewhere:
        assert tally.result().ok
        assert tally.result().detail.startswith("not compared: ")
        assert "PK" in tally.result().detail
    assert all(tally.faults == ["the book of PK is missing: it was not compared"] for tally in gone)
