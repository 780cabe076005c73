"""The Kyrgyz operator's JSON, its QR payload, and its two kinds of signature."""

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import json_text, registry
from adapters.identifiers import is_sha4
from adapters.kyrgyzstan import elqr, messages, sandbox
from adapters.kyrgyzstan.codes import outcome_of
from adapters.kyrgyzstan.signing import open_signed, sign, sign_request, verify_request
from adapters.port import Outcome
from adapters.simulation.harness import sample_order
from adapters.simulation.magic import magic_account
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money
from schemas.payment import Party, PartyAccount

pytestmark = pytest.mark.skipif("KG" not in registry.countries(), reason="the adapter of KG is not installed")
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PROVIDER = sandbox.IDENTITY["provider"]
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_every_field_of_the_published_check_is_in_ours(shared):
    sample = json.loads((shared / "rails" / "samples" / "KG" / "check.json").read_text())
    ours = messages.check_request("996550000001", sample["merchantProvider"])

    assert list(ours) == list(sample)
    for name in ("qrType", "merchantProvider", "serviceId", "beneficiaryAccountNumber", "merchantCode",
                 "currencyCode", "customerType", "extra"):  # fmt: skip
        assert ours[name] == sample[name], name
    assert set(sample) <= set(messages.create(sample_order("KG"), PROVIDER))


def test_the_published_update_is_done():
    assert outcome_of(50, "", enquired=False) == (Outcome.DONE, None)


PART = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=25)


@settings(max_examples=100, deadline=None)
@given(recipient=PART, name=PART, amount=st.none() | st.integers(1, 10**9))
def test_a_written_payload_is_read_again(recipient, name, amount):
    payload = elqr.Payload("p2p.example", "1", recipient, "6538", name, amount)
    text = elqr.write(payload)

    assert is_sha4(text)
    assert elqr.read(text) == payload


@pytest.mark.parametrize("text", ["", "0002", "000201", "63045d74", "9999", "0099x63045d74"])
def test_a_torn_payload_is_refused(text):
    with pytest.raises(InvalidMessage):
        elqr.read(text)


TEXT = st.text(max_size=100)


@settings(max_examples=100, deadline=None)
@given(minor=st.integers(100, 100_000_000), debtor=TEXT, creditor=TEXT, remittance=TEXT)
def test_what_is_checked_can_be_written(minor, debtor, creditor, remittance):
    order = sample_order(
        "KG",
        minor=minor,
        debtor=Party(name=debtor, country="RU"),
        creditor=Party(name=creditor, country="KG"),
        remittance=remittance,
    )
    if messages.check(order):
        return
    body = json_text.parse(json_text.write(messages.create(order, PROVIDER)))

    assert body["amount"] == minor
    assert body["pspTransactionId"] == order.payment.uetr.replace("-", "")
    assert len(body["receiptId"]) == 20
    extra = {part["key"]: part["value"] for part in body["extra"]}
    assert messages.read_timestamp(extra["expiresAt"]) == order.expires_at
    assert extra["endToEndId"] == order.payment.end_to_end_id


@pytest.mark.parametrize(
    ("account", "recipient"),
    [
        (PartyAccount(other="1290000011223367"), "1290000011223367"),
        (PartyAccount(other="1290000011223368"), None),
        (PartyAccount(proxy="+996550000001"), "996550000001"),
        (PartyAccount(proxy="+996-550000001"), "996550000001"),
        (PartyAccount(proxy="+79990000001"), None),
        (PartyAccount(iban="KZ86125KZT5004100100"), None),
        (None, None),
    ],
)
def test_recipients(account, recipient):
    assert messages.recipient_of(sample_order("KG", creditor_account=account).payment) == recipient


ANSWER = {"pspTransactionId": "2d0c9a0b6f3a4a2f9a1b2c3d4e5f6072", "status": 50, "amount": 150000}


def test_an_answer_is_read():
    answer = messages.read_answer(ANSWER)

    assert answer.outcome is Outcome.DONE
    assert answer.amount == Money(150000, "KGS")
    assert answer.uetr == "2d0c9a0b-6f3a-4a2f-9a1b-2c3d4e5f6072"


BROKEN = [
    {"status": "50"}, {"status": 50.0}, {"status": True}, {"status": None}, {"amount": "150000"},
    {"amount": 0}, {"amount": -1}, {"amount": None}, {"pspTransactionId": ""}, {"pspTransactionId": 1},
]  # fmt: skip


@pytest.mark.parametrize("change", BROKEN)
def test_a_malformed_answer_is_no_answer(change):
    with pytest.raises(InvalidMessage):
        messages.read_answer({**ANSWER, **change})


@pytest.mark.parametrize(
    ("status", "expected"),
    [(10, Outcome.NOT_FOUND), (20, Outcome.PENDING), (30, Outcome.REFUSED), (40, Outcome.REFUSED),
     (50, Outcome.DONE), (0, Outcome.UNKNOWN), (60, Outcome.UNKNOWN), (-50, Outcome.UNKNOWN)],
)  # fmt: skip
def test_statuses(status, expected):
    assert messages.read_answer({**ANSWER, "status": status}).outcome is expected


def test_a_token_proves_itself():
    token = sign(ANSWER, KEY)

    assert open_signed(token, KEY.public_key()) == ANSWER
    with pytest.raises(NotAuthentic):
        open_signed(token, OTHER.public_key())


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_a_token_is_noticed(data):
    token = sign(ANSWER, KEY)
    place = data.draw(st.integers(0, len(token) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != token[place]))
    with pytest.raises((NotAuthentic, InvalidMessage)):
        open_signed(token[:place] + bytes([byte]) + token[place + 1 :], KEY.public_key())


@pytest.mark.parametrize("header", [b'{"alg":"none"}', b'{"alg":"HS256"}', b'{"alg":"RS256","x":1}', b""])
def test_no_other_algorithm_is_read(header):
    import base64

    _, payload, signature = sign(ANSWER, KEY).split(b".")
    other = base64.urlsafe_b64encode(header).rstrip(b"=")
    with pytest.raises((NotAuthentic, InvalidMessage)):
        open_signed(b".".join([other, payload, signature]), KEY.public_key())


def test_a_requests_signature_covers_path_and_body():
    value = sign_request("/a", b"{}", KEY)

    verify_request("/a", b"{}", value, KEY.public_key())
    for path, body, said in (
        ("/b", b"{}", value),
        ("/a", b"{ }", value),
        ("/a", b"{}", ""),
        ("/a", b"{}", "é"),
    ):
        with pytest.raises(NotAuthentic):
            verify_request(path, body, said, KEY.public_key())


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"1", b'{"a":1,"a":2}', b'{"a":1.0}', b'{"a":NaN}', b"\xff", b"[" * 100_000, b'{"a":1e3}'],
)
def test_json_has_one_meaning_or_none(raw):
    with pytest.raises(InvalidMessage):
        json_text.parse(raw)


def test_accounts_of_digits_carry_magic_words():
    assert sandbox.word_of(magic_account("KG", "SLOW8")) == "SLOW8"
