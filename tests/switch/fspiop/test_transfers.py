"""What a bridge must never get wrong about a transfer, without a switch: its id, its journal, its packet."""

import json
import sqlite3
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec as iso
from switch.fspiop import ilp, payment
from switch.fspiop.errors import REASONS, ErrorCode, code_of
from switch.fspiop.journal import AcceptedTransfer, Callback, Journal, JournalUnusable
from switch.fspiop.messages import MESSAGES
from tests.switch.fspiop.dfsp import ulid

SECRET = b"0123456789abcdef0123456789abcdef"
CALLBACK = Callback("transfers/1", "PUT", "/transfers/1", b"{}")


def transfer(number="1", quote="q1"):
    return AcceptedTransfer(number, number, f"u{number}", quote, b"digest", b"message", "fulfilment", 0.0)


@pytest.fixture
def journal(tmp_path):
    journal = Journal.open(tmp_path / "journal.db")
    yield journal
    journal.close()


@given(st.uuids())
def test_a_uetr_is_made_of_the_participant_and_the_transfer(identifier):
    made = payment.uetr_of("asha-bank", str(identifier))

    assert (uuid.UUID(made).version, uuid.UUID(made).variant) == (4, uuid.RFC_4122)
    assert made == payment.uetr_of("asha-bank", str(identifier).upper())
    assert made != payment.uetr_of("ganga-bank", str(identifier))


def test_a_ulid_is_the_same_in_both_cases():
    identifier = ulid()
    assert payment.uetr_of("a", identifier) == payment.uetr_of("a", identifier.lower())


def test_a_transfer_is_kept_once_and_a_quote_is_paid_once(journal):
    journal.add(transfer())
    for other in (transfer(quote="q2"), transfer("2")):
        with pytest.raises(sqlite3.IntegrityError):
            journal.add(other)
    assert journal.open_transfers() == [transfer()]


def test_the_first_outcome_stays_and_its_callback_is_kept(journal, tmp_path):
    journal.add(transfer())
    done = AcceptedTransfer(*_row(transfer(), outcome="COMMITTED", ended_at="now"))
    assert journal.end(done, CALLBACK)
    assert not journal.end(AcceptedTransfer(*_row(transfer(), outcome="ABORTED", ended_at="now")), CALLBACK)
    journal.close()

    again = Journal.open(tmp_path / "journal.db")
    kept = again.transfer("1")
    assert (kept.outcome, kept.message, again.open_transfers()) == ("COMMITTED", None, [])
    assert [each.path for each in again.due(time.time(), set(), 8)] == ["/transfers/1"]
    again.close()


def test_a_state_does_not_replace_an_outcome(journal):
    journal.add(transfer())
    journal.end(AcceptedTransfer(*_row(transfer(), outcome="COMMITTED", ended_at="now")), CALLBACK)
    journal.tell(Callback("transfers/1", "PUT", "/transfers/1", b"reserved"), while_open="1")

    assert [each.body for each in journal.due(time.time(), set(), 8)] == [b"{}"]


def test_a_callback_is_repeated_until_it_is_delivered_or_nobody_waits(journal):
    journal.tell(CALLBACK)
    journal.tell(Callback("quotes/1", "PUT", "/quotes/1", b"{}", until=50.0))
    (first, second) = journal.due(100.0, set(), 8)
    journal.failed(first, 60.0)
    journal.failed(second, 60.0)

    assert journal.due(59.0, set(), 8) == []
    (left,) = journal.due(60.0, set(), 8)
    assert (left.key, left.attempts) == ("transfers/1", 1)
    assert journal.due(60.0, {"transfers/1"}, 8) == []
    journal.tell(Callback("transfers/1", "PUT", "/transfers/1", b"later"))
    journal.delivered(left)
    assert [each.body for each in journal.due(60.0, set(), 8)] == [b"later"]


def test_ended_transfers_are_forgotten_in_time_and_only_when_they_were_told(journal):
    journal.add(transfer())
    journal.add(transfer("2", "q2"))
    journal.end(AcceptedTransfer(*_row(transfer(), outcome="COMMITTED", ended_at="now")), CALLBACK)
    assert journal.forget(1.0) == 0
    journal.delivered(journal.due(time.time(), set(), 1)[0])

    assert journal.forget(1.0) == 1
    assert journal.open_transfers() == [transfer("2", "q2")]


def test_two_bridges_do_not_share_a_journal(journal, tmp_path):
    journal.add(transfer())
    with pytest.raises(JournalUnusable, match="another bridge"):
        Journal.open(tmp_path / "journal.db")


def test_a_packet_with_another_term_is_not_the_bridges():
    expires = datetime.now(UTC) + timedelta(seconds=60)
    text = ilp.make(SECRET, {"amount": "1"}, 100, expires)
    packet, fulfilment = ilp.own(SECRET, text)
    assert ilp.condition_of(fulfilment) == ilp._encode(packet.condition)

    octets = ilp._decode(text)
    for place in range(len(octets)):
        changed = ilp._encode(octets[:place] + bytes([octets[place] ^ 1]) + octets[place + 1 :])
        with pytest.raises(ilp.BadPacket):
            ilp.own(SECRET, changed)
        with pytest.raises(ilp.BadPacket):
            ilp.own(SECRET, ilp._encode(octets[:place]))


def test_the_pacs_008_of_a_transfer_is_valid():
    side = {"party": {"Nm": "Asha Rao"}, "account": {"Id": {"Othr": {"Id": "1"}}}, "partyIdInfo": {}}
    terms = {
        "amount": {"currency": "INR", "amount": "100.00"},
        "payeeReceiveAmount": {"currency": "PKR", "amount": "328.35"},
        "payer": side,
        "payee": side | {"account": payment.account("MSISDN", "923001234567", "")},
        "transactionId": str(uuid.uuid4()),
        "purpose": "FAMI",
        "quotedAt": "2026-11-23T10:14:00.000Z",
    }
    uetr = payment.uetr_of("asha-bank", ulid())
    message = payment.message(
        terms,
        payment.Agents("ASHAINBB", "INDUPKKA"),
        uetr=uetr,
        transfer_id=str(uuid.uuid4()),
        expires="2026-11-23T10:15:00.000Z",
    )

    read = iso.decode(json.dumps(message).encode(), media_type="application/json", expect="pacs.008")
    assert read.document["FIToFICstmrCdtTrf"]["GrpHdr"]["XpryDtTm"] == "2026-11-23T10:15:00.000Z"


def test_every_reason_has_a_code_that_errors_can_carry():
    form = MESSAGES["transfers.putError"].field("errorInformation.errorCode").form
    for reason in (*REASONS, "ZZZZ", None):
        assert form.read(code_of(reason)) in set(ErrorCode)


def _row(kept, **changed):
    return ({name: getattr(kept, name) for name in kept.__slots__} | changed).values()
