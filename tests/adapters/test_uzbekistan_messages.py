"""The Uzbek rail's JSON-RPC: orders in its words, its codes, batches, holds and signatures."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import json_text, keys
from adapters.identifiers import is_luhn
from adapters.port import Acceptance, Outcome, reserve_and_submit
from adapters.reasons import DUPLICATES, ISO_REASONS
from adapters.signed_json import sign, verify
from adapters.simulation.harness import sample_order
from adapters.simulation.magic import magic_account
from adapters.uzbekistan import messages, sandbox
from adapters.uzbekistan.codes import SvGateCode, native_of, outcome_of, reason_of
from adapters.uzbekistan.messages import by_ext, order_request, request
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money
from schemas.payment import Party, PartyAccount

on_the_rail = pytest.mark.asyncio(loop_scope="session")
US = dict(sandbox.IDENTITY)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CARD = "8600123412341239"
EXT = "2d0c9a0b6f3a4a2f9a1b2c3d4e5f6072"


def to_card(**changes):
    return sample_order("UZ", creditor_account=PartyAccount(other=CARD), **changes)


def test_every_field_of_the_observed_credit_is_in_ours(shared):
    sample = json.loads((shared / "rails" / "samples" / "UZ" / "p2p_universal_credit.json").read_text())
    ours = order_request(to_card(debtor=Party(name="Ivan Ivanovich Ivanov", country="RU")), US)

    assert set(ours) == set(sample)
    assert ours["method"] == sample["method"]
    theirs, credit = sample["params"]["credit"], ours["params"]["credit"]
    # The sample names a card by the token that `p2p.info` gave; clients that have none say `recipient`.
    assert set(theirs) - {"cardId"} <= set(credit)
    assert set(theirs["sender"]) <= set(credit["sender"])
    for name in ("lastName", "firstName", "middleName"):
        assert credit["sender"][name] == theirs["sender"][name]


NAMES = [
    ("Ivan", ("IVAN", "IVAN", None)),
    ("Ivan Ivanov", ("IVAN", "IVANOV", None)),
    ("Juan  de la Cruz", ("JUAN", "CRUZ", "DE LA")),
    ("王小明", ("WANG", "XIAOMING", None)),
]


@pytest.mark.parametrize(("name", "parts"), NAMES)
def test_a_name_is_parted_at_its_blanks(name, parts):
    sender = order_request(to_card(debtor=Party(name=name)), US)["params"]["credit"]["sender"]

    assert (sender["firstName"], sender["lastName"], sender.get("middleName")) == parts


TEXT = st.text(max_size=100)


@settings(max_examples=100, deadline=None)
@given(
    minor=st.integers(100, 100_000_000_00),
    debtor=TEXT,
    creditor=TEXT,
    remittance=TEXT,
    recipient=st.sampled_from([CARD, "20208000900000000001", "998901234567"]),
    expires_in=st.floats(0.001, 86400),
)
def test_what_is_checked_can_be_written(*, minor, debtor, creditor, remittance, recipient, expires_in):
    account = PartyAccount(proxy=recipient) if recipient.startswith("998") else PartyAccount(other=recipient)
    order = sample_order(
        "UZ",
        minor=minor,
        debtor=Party(name=debtor),
        creditor=Party(name=creditor),
        remittance=remittance,
        creditor_account=account,
        expires_in=expires_in,
    )
    if messages.check(order):
        return
    said = json_text.parse(json_text.write(order_request(order, US)))
    ((kind, body),) = said["params"].items()

    assert kind == ("credit" if recipient == CARD else "hold")
    assert body["amount"] == minor
    assert body["recipient"] == recipient
    assert body["ext"] == order.payment.uetr.replace("-", "")
    assert messages.read_timestamp(body["expiresAt"]) == order.expires_at.replace(
        microsecond=order.expires_at.microsecond // 1000 * 1000
    )
    assert 60 * body.get("time", 1440) >= int(expires_in)
    assert json.dumps(said).isascii()


RECIPIENTS = [
    (PartyAccount(other="20208000900000000001"), "20208000900000000001"),
    (PartyAccount(other="20208840900000000001"), None),
    (PartyAccount(other="2020800090000000001"), None),
    (PartyAccount(other=CARD), CARD),
    (PartyAccount(other="8600123412341230"), None),
    (PartyAccount(other="4111111111111111"), None),
    (PartyAccount(proxy="+998901234567"), "998901234567"),
    (PartyAccount(proxy="+998-90-123-45-67"), "998901234567"),
    (PartyAccount(proxy="+79990000001"), None),
    (PartyAccount(proxy="٩٩٨٩٠١٢٣٤٥٦٧"), "998901234567"),
    (PartyAccount(iban="KZ86125KZT5004100100"), None),
    (None, None),
]


@pytest.mark.parametrize(("account", "recipient"), RECIPIENTS)
def test_recipients(account, recipient):
    assert messages.recipient_of(sample_order("UZ", creditor_account=account).payment) == recipient


def test_the_sandbox_names_real_shapes():
    assert is_luhn(CARD)
    assert all(messages.is_card(alias) or messages.is_phone(alias) for alias in sandbox.ALIASES)
    assert set(sandbox.ALIASES.values()) == {magic_account("UZ", "")}
    assert sandbox.word_of(magic_account("UZ", "SLOW8")) == "SLOW8"


@pytest.mark.parametrize("reason", sorted(ISO_REASONS))
def test_every_reason_can_be_written_and_read(reason):
    native = native_of(reason)

    assert reason_of(native) == reason
    assert outcome_of(native, enquired=True) == (Outcome.REFUSED, reason)
    expected = Outcome.UNKNOWN if reason in DUPLICATES else Outcome.REFUSED
    assert outcome_of(native, enquired=False)[0] is expected


CODES = [
    ("-200", "AC03"), ("-261", "AC06"), ("-269", "MS02"), ("-270", "MS02"), ("-314", "MS02"), ("-317", "MS02"),
    ("-32600", "FF01"), ("-32602", "FF01"), ("-32601", "AG03"), ("-1003", "AB03"), ("-1005", "CUST"),
    ("-320", None), ("-32603", None), ("-32700", None), ("-1001", None), ("-1002", None), ("-1000", None),
    ("-1000/XXXX", None), ("-320/AC04", None), ("", None), ("x", None), ("-", None), ("-٢٠٠", None),
]  # fmt: skip


@pytest.mark.parametrize(("native", "reason"), CODES)
def test_a_code_refuses_only_if_it_proves_that_nothing_happened(native, reason):
    outcome = Outcome.REFUSED if reason else Outcome.UNKNOWN
    assert outcome_of(native, enquired=False) == (outcome, reason)


def result(**changes):
    said = {"ext": EXT, "status": "OK", "amount": 150000, "currency": "860", "refNum": "1", **changes}
    said = {name: value for name, value in said.items() if value is not None}
    return {"jsonrpc": "2.0", "id": EXT, "result": said}


STATES = [
    ("OK", Outcome.DONE), ("REVERSED", Outcome.DONE), ("PENDING", Outcome.PENDING), ("HELD", Outcome.NOT_FOUND),
    ("DISMISSED", Outcome.NOT_FOUND), ("ok", Outcome.UNKNOWN), ("DONE", Outcome.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("status", "outcome"), STATES)
def test_states(status, outcome):
    answer = messages.read_answer(result(status=status))

    assert answer.outcome is outcome
    assert answer.uetr == "2d0c9a0b-6f3a-4a2f-9a1b-2c3d4e5f6072"
    assert answer.amount == (Money(150000, "UZS") if outcome is Outcome.DONE else None)


BROKEN = [
    {}, {"jsonrpc": "1.0", "id": EXT, "result": {}}, {**result(), "error": {}}, {**result(), "id": 1},
    {**result(), "id": None}, result(amount="150000"), result(amount=0), result(amount=-1), result(amount=True),
    result(amount=None), result(currency="643"), result(currency=860), result(ext=None), result(status=None),
    result(status=1), {**result(), "result": []}, {"jsonrpc": "2.0", "id": EXT, "error": {"code": "-200"}},
    {"jsonrpc": "2.0", "id": EXT, "error": {"code": -200}}, result(status="REFUSED"),
]  # fmt: skip


@pytest.mark.parametrize("content", BROKEN)
def test_a_malformed_answer_is_no_answer(content):
    with pytest.raises(InvalidMessage):
        messages.read_answer(content)


def test_an_object_proves_itself_whatever_the_order_of_its_members():
    signed = sign(result(), KEY)

    assert verify(dict(reversed(signed.items())), KEY.public_key()) == result()
    for strange in (result(), {**signed, "sign": ""}, {**signed, "sign": 1}, {**signed, "more": 1}):
        with pytest.raises(NotAuthentic):
            verify(strange, KEY.public_key())
    with pytest.raises(NotAuthentic):
        verify(signed, OTHER.public_key())


def test_text_that_is_no_unicode_is_no_answer():
    """JSON may escape half a surrogate pair; it cannot be written, so nobody can have signed it."""
    with pytest.raises(InvalidMessage):
        verify(json_text.parse(b'{"a":"\\ud800","sign":"AAAA"}'), KEY.public_key())


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"[{},[]]", b"[{}", b'[{"a":1,"a":2}]', b"[1.0]"])
def test_a_list_of_objects_and_nothing_else(raw):
    with pytest.raises(InvalidMessage):
        json_text.parse_list(raw)


NOT_FOUND = {
    "jsonrpc": "2.0",
    "id": "x",
    "error": {"code": int(SvGateCode.NO_ORDER), "message": "", "data": {}},
}
FAILED = {**NOT_FOUND, "error": {"code": int(SvGateCode.INTERNAL), "message": "", "data": {}}}
HELD = {"jsonrpc": "2.0", "id": "x", "result": {"ext": EXT, "status": "HELD"}}


def test_an_enquiry_reads_both_replies():
    assert messages.read_enquiry(EXT, result(), NOT_FOUND).outcome is Outcome.DONE
    assert messages.read_enquiry(EXT, NOT_FOUND, NOT_FOUND).outcome is Outcome.NOT_FOUND
    held = messages.read_enquiry(EXT, NOT_FOUND, HELD)
    assert (held.outcome, held.rail_code) == (Outcome.NOT_FOUND, "HELD")


@pytest.mark.parametrize(
    "replies", [(FAILED, NOT_FOUND), (NOT_FOUND, FAILED), ({}, NOT_FOUND), (NOT_FOUND, {})]
)
def test_a_failed_enquiry_decides_nothing(replies):
    with pytest.raises(InvalidMessage):
        messages.read_enquiry(EXT, *replies)


async def post(rail, content, *, authorization=None):
    """The rail's answer to bytes of ours: HTTP status, and the object or list in it."""
    import base64

    known = base64.b64encode(f"{US['username']}:{US['password']}".encode()).decode()
    status, body = await rail.control(
        "POST",
        messages.PATH,
        content if isinstance(content, bytes) else json_text.write(content),
        **{"Content-Type": "application/json", "Authorization": authorization or f"Basic {known}"},
    )
    return status, json.loads(body) if body else None


def signed_by_us(rail, content):
    return sign(content, keys.private(rail.connection.signing_key))


@on_the_rail
async def test_replies_of_a_batch_come_in_any_order(rails):
    rail = await rails.get("UZ")
    native = rail.adapter.translate(sample_order("UZ"))
    await reserve_and_submit(rail.adapter, native)
    questions = [by_ext(messages.FIND, native.ref), by_ext(messages.HELD, native.ref)]
    status, replies = await post(rail, json_text.write_list([signed_by_us(rail, q) for q in questions]))

    assert status == 200
    assert [reply["id"] for reply in replies] == [questions[1]["id"], questions[0]["id"]]
    assert (await rail.adapter.enquire(native)).outcome is Outcome.DONE


@on_the_rail
async def test_a_batch_reads_and_never_moves(rails):
    rail = await rails.get("UZ")
    order = order_request(to_card(), US)
    _, replies = await post(rail, json_text.write_list([signed_by_us(rail, order)]))

    assert replies[0]["error"]["code"] == SvGateCode.NO_REQUEST
    assert rail.credits(order["id"]) == 0


@on_the_rail
async def test_a_card_is_credited_in_one_step(rails):
    rail = await rails.get("UZ")
    native = rail.adapter.translate(to_card())
    receipt = await reserve_and_submit(rail.adapter, native)

    assert receipt.acceptance is Acceptance.ACCEPTED
    assert receipt.answer.outcome is Outcome.DONE
    assert rail.credits(native.ref) == 1


@on_the_rail
async def test_a_phone_is_credited_and_an_unknown_one_is_not(rails):
    rail = await rails.get("UZ")
    orders = [
        sample_order("UZ", creditor_account=PartyAccount(proxy=p if messages.is_card(p) else f"+{p}"))
        for p in (*sandbox.ALIASES, sandbox.NOBODY)
    ]
    known, _, nobody = [
        await reserve_and_submit(rail.adapter, rail.adapter.translate(order)) for order in orders
    ]

    assert known.answer.outcome is Outcome.DONE
    assert (nobody.acceptance, nobody.answer.reason) == (Acceptance.REFUSED, "AC03")


@on_the_rail
@pytest.mark.parametrize("alias", sorted(sandbox.ALIASES))
async def test_an_alias_is_resolved_to_its_account(rails, alias):
    payee = await (await rails.get("UZ")).adapter.resolve(alias)

    assert (payee.account, payee.agent) == (sandbox.ALIASES[alias], sandbox.BANK)
    assert "*" in payee.name


@on_the_rail
async def test_a_hold_that_expires_before_it_is_confirmed_credits_nothing(rails):
    rail = await rails.get("UZ")
    order = order_request(sample_order("UZ", expires_in=0.4), US)
    ext = order["params"]["hold"]["ext"]
    _, held = await post(rail, signed_by_us(rail, order))
    await asyncio.sleep(0.5)
    _, late = await post(rail, signed_by_us(rail, by_ext(messages.CONFIRM, ext)))

    assert held["result"]["status"] == "HELD"
    assert late["error"]["code"] == SvGateCode.EXPIRED
    assert rail.credits(ext) == 0


@on_the_rail
async def test_what_is_held_is_not_found_until_it_is_confirmed(rails):
    rail = await rails.get("UZ")
    native = rail.adapter.translate(sample_order("UZ"))
    await post(rail, signed_by_us(rail, json_text.parse(native.body)))
    before = await rail.adapter.enquire(native)
    await reserve_and_submit(rail.adapter, native)

    assert (before.outcome, before.rail_code) == (Outcome.NOT_FOUND, "HELD")
    assert (await rail.adapter.enquire(native)).outcome is Outcome.DONE
    assert rail.credits(native.ref) == 1


@on_the_rail
async def test_a_dismissed_hold_is_never_confirmed(rails):
    """Undo before the confirmation: whatever of the order is still on its way comes to nothing."""
    rail = await rails.get("UZ")
    native = rail.adapter.translate(sample_order("UZ"))
    await post(rail, signed_by_us(rail, json_text.parse(native.body)))
    undone = [await rail.adapter.undo(native, "CUST") for _ in range(2)]
    receipt = await reserve_and_submit(rail.adapter, native)

    assert {receipt.acceptance for receipt in undone} == {Acceptance.ACCEPTED}
    assert (receipt.acceptance, receipt.answer.reason) == (Acceptance.REFUSED, "CUST")
    assert rail.credits(native.ref) == 0


@on_the_rail
async def test_a_closed_rail_states_when_it_opens(rails):
    rail = await rails.get("UZ")
    native = rail.adapter.translate(to_card())
    await rail.control("POST", "/hours", b'{"closed_until": "2099-01-01T00:00:00+00:00"}')
    try:
        receipt = await reserve_and_submit(rail.adapter, native)
    finally:
        await rail.control("DELETE", "/hours")

    assert (receipt.acceptance, receipt.not_before) == (Acceptance.LATER, datetime(2099, 1, 1, tzinfo=UTC))
    assert (await reserve_and_submit(rail.adapter, native)).acceptance is Acceptance.ACCEPTED


def without(name):
    def change(order):
        del order["params"]["credit"][name]

    return change


def setter(name, value):
    return lambda order: order["params"]["credit"].update({name: value})


STRICT = [
    ("no amount", without("amount"), SvGateCode.BAD_PARAMS),
    ("amount as text", setter("amount", "150000"), SvGateCode.BAD_PARAMS),
    ("too much", setter("amount", 10**13), SvGateCode.REFUSED),
    ("too little", setter("amount", 1), SvGateCode.REFUSED),
    ("no sender", without("sender"), SvGateCode.BAD_PARAMS),
    ("unknown member", setter("cvv", "123"), SvGateCode.BAD_PARAMS),
    ("another merchant", setter("merchantId", "1"), SvGateCode.BAD_PARAMS),
    ("another terminal", setter("terminalId", "1"), SvGateCode.BAD_PARAMS),
    ("ext", setter("ext", "1"), SvGateCode.BAD_PARAMS),
    ("card's check digit", setter("recipient", "8600123412341230"), SvGateCode.BAD_PARAMS),
    ("an account", setter("recipient", "20208000900000000001"), SvGateCode.BAD_PARAMS),
    ("expiry", setter("expiresAt", "tomorrow"), SvGateCode.BAD_PARAMS),
    ("reference", lambda o: o["params"]["credit"]["sender"].update(refNum="1"), SvGateCode.BAD_PARAMS),
    ("version", lambda o: o.update(jsonrpc="1.0"), SvGateCode.NO_REQUEST),
    ("no id", lambda o: o.pop("id"), SvGateCode.NO_REQUEST),
    ("method", lambda o: o.update(method="p2p.universal"), SvGateCode.NO_METHOD),
    ("params", lambda o: o.update(params=[]), SvGateCode.BAD_PARAMS),
]


@on_the_rail
@pytest.mark.parametrize(("change", "code"), [row[1:] for row in STRICT], ids=[row[0] for row in STRICT])
async def test_the_rail_is_strict(rails, change, code):
    rail = await rails.get("UZ")
    order = order_request(to_card(), US)
    ext = order["id"]
    change(order)
    status, answer = await post(rail, signed_by_us(rail, order))

    assert (status, answer["error"]["code"]) == (200, code)
    assert rail.credits(ext) == 0


@on_the_rail
async def test_the_endpoint_is_strict(rails):
    rail = await rails.get("UZ")
    order = order_request(to_card(), US)
    signed = signed_by_us(rail, order)

    assert (await post(rail, order))[0] == 401
    assert (await post(rail, {**signed, "id": "other"}))[0] == 401
    assert (await post(rail, signed, authorization="Basic eA=="))[0] == 401
    assert (await post(rail, b"{"))[1]["error"]["code"] == SvGateCode.NOT_JSON
    assert (await post(rail, b"[]"))[1]["error"]["code"] == SvGateCode.NO_REQUEST
    assert (await rail.control("GET", messages.PATH))[0] == 405
    assert rail.credits(order["id"]) == 0


@on_the_rail
async def test_an_answer_to_another_request_is_not_ours(rails):
    rail = await rails.get("UZ")
    _, answer = await post(rail, signed_by_us(rail, request(messages.PING, "other", {})))

    assert answer["id"] == "other"
    assert await rail.adapter.probe()
