"""The same payment under a new UETR is not paid twice."""

import asyncio
import copy
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from ledger.books import Books
from ledger.encoding import microseconds
from schemas import codec, credit_transfer
from switch.api import examples
from switch.base.personal_data import KeyRing
from switch.base.settings import Settings
from switch.writer.commands import Accept, Advance, Claim, CommandLeg, Fund, Identity, OpenAccount, Terms
from switch.writer.duplicates import ClaimKind, claims
from switch.writer.payment_book import PaymentBook
from tests.switch.stack import Stack

Content = dict[str, Any]


def again(document: Content, **ids: str | None) -> Content:
    """The same under a new UETR, with some of its ids made anew; None leaves one out."""
    made = copy.deepcopy(document)
    content = made["Document"]["FIToFICstmrCdtTrf"]
    (transaction,) = content["CdtTrfTxInf"]
    transaction["PmtId"]["UETR"] = str(uuid.uuid4())
    for tag, text in ids.items():
        holder = content["GrpHdr"] if tag == "MsgId" else transaction["PmtId"]
        if text is None:
            del holder[tag]
        else:
            holder[tag] = text
    return made


def fresh() -> str:
    return uuid.uuid4().hex


async def send(stack: Stack, document: Content, sender: str = "asha-bank") -> tuple[str, str]:
    """Status and reason."""
    transaction = await ask(stack, document, sender)
    (cause, *_) = transaction.get("StsRsnInf", [{}])
    return transaction["TxSts"], cause.get("Rsn", {}).get("Cd", "")


async def ask(stack: Stack, document: Content, sender: str = "asha-bank") -> Content:
    """What the status report says of the payment."""
    headers = {"Authorization": f"Bearer {stack.participant(sender)['bearer']}", "Prefer": "wait=20"}
    async with ClientSession(headers=headers) as session:
        async with session.post(f"{stack.url}/v1/iso20022/pacs.008", json=document) as answer:
            body = await answer.json()
            (transaction,) = body["Document"]["FIToFIPmtStsRpt"]["TxInfAndSts"]
            return transaction


async def refusal_of(stack: Stack, document: Content) -> str:
    """The text of the answer."""
    headers = {"Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}"}
    async with ClientSession(headers=headers) as session:
        async with session.post(f"{stack.url}/v1/iso20022/pacs.008", json=document) as answer:
            assert answer.status == 422
            (transaction,) = (await answer.json())["Document"]["FIToFIPmtStsRpt"]["TxInfAndSts"]
            return "".join(transaction["StsRsnInf"][0]["AddtlInf"])


async def test_ids_that_were_used_are_refused_under_a_new_uetr(stack: Stack) -> None:
    document = stack.document("asha-bank", "indus-bank")

    assert await send(stack, document) == ("ACCC", "")
    assert await send(stack, again(document)) == ("RJCT", "DU01")
    assert await send(stack, again(document, MsgId=fresh())) == ("RJCT", "DU03")
    assert await send(stack, again(document, MsgId=fresh(), TxId=fresh())) == ("RJCT", "AM05")
    assert await send(stack, again(document, MsgId=fresh(), TxId=None)) == ("RJCT", "AM05")
    meant = again(document, MsgId=fresh(), TxId=fresh(), EndToEndId=fresh())
    assert await send(stack, meant) == ("ACCC", "")


async def test_a_refusal_states_its_reason_at_once_and_the_same_again(stack: Stack) -> None:
    """Why the writer refused a payment stood in the second answer alone."""
    document = stack.document("asha-bank", "indus-bank")
    await send(stack, document)
    twin = again(document)
    first, second = await ask(stack, twin), await ask(stack, twin)

    assert first == second
    assert first["StsRsnInf"][0]["AddtlInf"] == [
        "FIToFICstmrCdtTrf/GrpHdr/MsgId: was used under another UETR",
        "To do: Use a new message id (GrpHdr/MsgId) for each message; keep the UETR of a resend.",
    ]


async def test_the_same_message_again_is_its_own_state_and_no_duplicate(stack: Stack) -> None:
    document = stack.document("asha-bank", "indus-bank")
    twin = again(document)

    assert [await send(stack, document) for _ in range(3)] == [("ACCC", "")] * 3
    assert [await send(stack, twin) for _ in range(3)] == [("RJCT", "DU01")] * 3
    assert await send(stack, document) == ("ACCC", "")


async def test_of_many_at_once_under_one_message_id_one_is_paid(stack: Stack) -> None:
    """Over all workers: each takes some of them at the same instant."""
    document = stack.document("asha-bank", "indus-bank")
    results = await asyncio.gather(*(send(stack, again(document)) for _ in range(24)))

    assert sorted(results) == [("ACCC", ""), *[("RJCT", "DU01")] * 23]


async def test_what_the_switch_refused_has_used_no_id(stack: Stack) -> None:
    document = stack.document("asha-bank", "indus-bank")
    wrong = copy.deepcopy(document)
    (transaction,) = wrong["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["ChrgBr"] = "CRED"

    assert await send(stack, wrong) == ("RJCT", "BE19")
    assert await send(stack, again(document)) == ("ACCC", "")


async def test_a_payment_that_its_rail_refused_may_be_tried_again(stack: Stack) -> None:
    """The look of what was given up is no duplicate; a message identification stays used."""
    document = stack.document("asha-bank", "indus-bank", word="AC04")

    assert await send(stack, document) == ("RJCT", "AC04")
    assert await send(stack, again(document)) == ("RJCT", "DU01")
    assert await send(stack, again(document, MsgId=fresh(), TxId=fresh())) == ("RJCT", "AC04")


def to_alias(stack: Stack, alias: str) -> Content:
    """A payment without references to an alias, beside an identification that only the schema wants."""
    document = stack.document("indus-bank", "asha-bank")
    (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["PmtId"]["EndToEndId"] = "NOTPROVIDED"
    transaction["IntrBkSttlmAmt"]["Amt"] = "163.00"
    transaction["CdtrAcct"] = {
        "Id": {"Othr": {"Id": "NOTPROVIDED"}},
        "Prxy": {"Id": alias},
    }
    return document


async def test_two_aliases_are_no_duplicates_and_two_spellings_of_one_are(stack: Stack) -> None:
    assert await send(stack, to_alias(stack, "asha-twin@okbank"), "indus-bank") == ("ACCC", "")
    assert await send(stack, to_alias(stack, "bina-twin@okbank"), "indus-bank") == ("ACCC", "")
    assert await send(stack, to_alias(stack, "asha-twin\uff20okbank"), "indus-bank") == ("RJCT", "AM05")


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ({}, "FIToFICstmrCdtTrf/GrpHdr/MsgId: was used under another UETR"),
        ({"MsgId": "new"}, "FIToFICstmrCdtTrf/CdtTrfTxInf/PmtId/TxId: was used under another UETR"),
        ({"MsgId": "new", "TxId": None}, "looks like a recent payment"),
    ],
)
async def test_the_answer_to_a_duplicate_states_what_was_used(
    stack: Stack, ids: dict[str, str | None], told: str
) -> None:
    """The reason code stood alone in the answer; the text was in the payment's journey only."""
    document = stack.document("asha-bank", "indus-bank")
    twin = again(document, **{tag: text and fresh() for tag, text in ids.items()})

    assert (await send(stack, document))[0] == "ACCC"
    assert told in await refusal_of(stack, twin)


async def test_an_id_is_its_sender_s_own(stack: Stack) -> None:
    document = stack.document("asha-bank", "indus-bank")
    message = document["Document"]["FIToFICstmrCdtTrf"]["GrpHdr"]["MsgId"]
    other = again(stack.document("ganga-bank", "indus-bank"), MsgId=message)

    assert await send(stack, document) == ("ACCC", "")
    assert await send(stack, other, "ganga-bank") == ("ACCC", "")


async def test_only_keyed_hashes_are_kept_and_forgotten_in_time(stack: Stack) -> None:
    document = stack.document("asha-bank", "indus-bank")
    await send(stack, document)
    connection = await stack.connect()
    try:
        rows = await connection.fetch("SELECT * FROM switch.claim ORDER BY number DESC LIMIT 3")
        lasts = sorted(row["until"] - datetime.now(UTC) for row in rows)
        alive = await connection.fetchval("SELECT count(*) FROM switch.claim")
        await connection.execute(
            "UPDATE switch.claim SET until = now() - interval '1 day' WHERE number = $1", rows[0]["number"]
        )
        gone = await connection.fetchval("SELECT switch.forget_claims(now() + interval '99 years', 1000)")
        left = await connection.fetchval("SELECT count(*) FROM switch.claim")
    finally:
        await connection.close()

    assert len({row["number"] for row in rows}) == 1
    assert lasts[0] < timedelta(minutes=10) < timedelta(days=34) < lasts[1]
    assert (gone >= 3, left == alive - gone) == (True, True)


START = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = 1_000_000


class Book:
    """A payment book in memory, one command a batch."""

    def __init__(self) -> None:
        self.books, self.book, self.now = Books(), PaymentBook(lambda _: None), START
        self.books.install(1, START, [], {})
        source = self.ask(OpenAccount("scheme", "INR", "settlement", None)).number
        self.payer = self.ask(OpenAccount("payer", "INR", "position", 0)).number
        self.payee = self.ask(OpenAccount("payee", "INR", "position", 0)).number
        self.ask(Fund(b"f" * 16, b"f", [CommandLeg(source, self.payer, 1000, "funding")], "start"))

    def ask(self, command: Any) -> Any:
        self.now += timedelta(milliseconds=1)
        ids = self.books.missing(self.book.footprint(command).transfers)
        self.books.begin(self.now, ids, [])
        reply = self.book.decide(command, self.books)
        self.events = self.books.seal()
        self.book.extension()
        self.books.settle()
        self.book.committed()
        return reply

    def pay(self, *claims: Claim, uetr: bytes | None = None) -> Any:
        now = microseconds(self.now)
        identity = Identity(
            uetr or uuid.uuid4().bytes, b"f" * 32, "payer", "pacs.008.001.08", "M", b"raw", now
        )
        terms = Terms("payer", "payee", "PK", 10, "INR", 10, "INR", 0, "", "")
        legs = [CommandLeg(self.payer, self.payee, 10, "principal")]
        lifetime = 60 * SECOND
        return self.ask(
            Accept(identity, terms, legs, "R", b"native", now + lifetime, lifetime, now, False, [], [*claims])
        )


def look(*, alert: bool = False, lasts_us: int = 600 * SECOND) -> Claim:
    return Claim(ClaimKind.LOOK_ALIKE, b"look" * 4, lasts_us, alert)


def look_of(text: str) -> bytes:
    """What a payment with this remittance text is recognised by."""
    document = copy.deepcopy(examples.json_of("pacs.008.001.08"))
    document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["RmtInf"] = {"Ustrd": [text]}
    message = codec.decode(json.dumps(document).encode(), media_type=codec.JSON)
    keys = KeyRing(b"f" * 32, [b"m" * 32])
    made = claims(credit_transfer.read(message), "asha-bank", keys, Settings())
    (key,) = (claim.key for claim in made if claim.kind == ClaimKind.LOOK_ALIKE)
    return key


def test_a_remittance_in_other_blanks_or_case_was_no_duplicate() -> None:
    assert look_of("Invoice  7 ") == look_of("INVOICE 7") != look_of("Invoice 8")


def test_a_look_up_is_allowed_again_after_its_window() -> None:
    book = Book()

    assert book.pay(look()).verdict == "created"
    assert book.pay(look()).reason == "AM05"
    book.now += timedelta(seconds=601)
    assert book.pay(look()).verdict == "created"
    assert book.pay(look()).reason == "AM05"


def test_an_installation_may_only_note_a_possible_duplicate() -> None:
    book = Book()

    first = book.pay(look(alert=True))
    second = book.pay(look(alert=True))
    assert (first.verdict, second.verdict) == ("created", "created")


def test_a_known_uetr_is_never_a_duplicate_of_itself() -> None:
    book, uetr = Book(), uuid.uuid4().bytes

    assert book.pay(look(), uetr=uetr).verdict == "created"
    assert book.pay(look(), uetr=uetr).verdict == "exists"


@pytest.mark.parametrize(("event", "expected"), [("REJECT", "created"), ("CONFIRM", "refused")])
def test_a_payment_like_an_abandoned_one_is_no_duplicate(event: Any, expected: str) -> None:
    book, uetr = Book(), uuid.uuid4().bytes
    book.pay(look(), uetr=uetr)
    book.ask(Advance(uetr=uetr, event=event, rail="PK"))

    assert book.pay(look()).verdict == expected


def test_ids_stay_used_whatever_became_of_the_payment() -> None:
    book, uetr = Book(), uuid.uuid4().bytes
    claim = Claim(ClaimKind.MESSAGE_ID, b"message-" * 2, 600 * SECOND)
    book.pay(claim, uetr=uetr)
    book.ask(Advance(uetr=uetr, event="REJECT", rail="PK"))

    assert book.pay(claim).reason == "DU01"
