"""Orders of Tajikistan and Iran said in ISO 8583: what is carried, in which element, and what is refused."""

import dataclasses
import logging
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from adapters import registry
from adapters.iran.messages import ShetabChannel, channel
from adapters.iran.profile import PAYA_MAXIMUM, SATNA_HOURS, SATNA_MINIMUM
from adapters.iso8583 import messages, private
from adapters.iso8583.codec import own
from adapters.iso8583.private import PrivateTag
from adapters.port import ListeningAdapter, Outcome, RailConnection
from adapters.simulation.harness import sample_order
from adapters.tajikistan.messages import key_fits
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.payment import Agent, Party, PartyAccount

PAGES = Path(__file__).parents[2] / "docs" / "rails"
COUNTRIES = ["TJ", "IR"]
every_rail = pytest.mark.parametrize("country", COUNTRIES)


def adapter_of(country, **identity):
    known = registry.module(country, "sandbox").IDENTITY
    connection = RailConnection(
        "tls://127.0.0.1:1", signing_key=b"0" * 32, rail_key=b"1" * 32, identity={**known, **identity}
    )
    return registry.load(country, connection)


ADAPTERS = {country: adapter_of(country) for country in COUNTRIES}


def fields_of(order, country):
    adapter = ADAPTERS[country]
    return own(adapter.translate(order).body, adapter.dialect)


TEXT = st.text(max_size=160)


@every_rail
@settings(max_examples=80, deadline=None)
@given(
    minor=st.integers(1, 10**8),
    serial=st.integers(1, 999_999),
    at=st.integers(0, 3 * 10**8),
    debtor=TEXT,
    creditor=TEXT,
    remittance=TEXT,
    end_to_end=st.text(min_size=1, max_size=35),
)
def test_what_is_checked_can_be_written(country, minor, serial, at, debtor, creditor, remittance, end_to_end):  # noqa: PLR0917 - drawn
    adapter = ADAPTERS[country]
    step = adapter.profile.limits.step_minor
    order = sample_order(
        country,
        minor=minor * step,
        serial=serial,
        made_at=datetime.fromtimestamp(1_760_000_000 + at, UTC),
        debtor=Party(name=debtor, country="RU"),
        creditor=Party(name=creditor, country=country),
        remittance=remittance,
        end_to_end_id=end_to_end,
    )
    if adapter.check(order):
        return
    fields = fields_of(order, country)
    said = private.read(fields["48"])

    assert int(fields["4"]) * step == order.amount.minor
    assert int(fields["11"]) == serial
    assert fields["37"].endswith(fields["11"])
    assert fields["37"][4:6] == fields["7"][4:6]
    assert said[PrivateTag.UETR] == order.payment.uetr.replace("-", "")
    assert private.read_instant(said[PrivateTag.EXPIRES]) == order.expires_at
    assert said[PrivateTag.DEBTOR_NAME]
    assert said[PrivateTag.CREDITOR_NAME]
    assert fields[adapter.dialect.creditor_field] == messages.account_of(order.payment, adapter.dialect)
    assert fields["49"] == {"TJ": "972", "IR": "364"}[country]


@every_rail
def test_times_are_utc_and_the_rails_own(country):
    order = sample_order(country, made_at=datetime(2026, 11, 23, 20, 45, tzinfo=UTC), serial=7)
    fields = fields_of(order, country)

    assert (fields["7"], fields["37"], fields["11"]) == ("1123204500", "632720000007", "000007")
    expected = {"TJ": ("1124", "014500"), "IR": ("1124", "001500")}[country]
    assert (fields["13"], fields["12"]) == expected


@every_rail
def test_names_of_other_scripts_are_romanised(country):
    order = sample_order(country, debtor=Party(name="محمد علی", country="PK"), creditor=Party(name="王小明"))
    said = private.read(fields_of(order, country)["48"])

    assert said[PrivateTag.DEBTOR_NAME].isascii()
    assert said[PrivateTag.CREDITOR_NAME] == "Wang Xiaoming"


BAD = {
    "another currency": ({"amount": Money(150000, "USD")}, "AM03"),
    "too much": ({"amount": Money(10**14, "")}, "AM02"),
    "nothing": ({"amount": Money(0, "")}, "AM06"),
    "no account": ({"creditor_account": None}, "AC03"),
    "an alias for an account": ({"creditor_account": PartyAccount(proxy="+992900000001")}, "AC03"),
    "a foreign IBAN": ({"creditor_account": PartyAccount(iban="DE89370400440532013000")}, "AC03"),
    "no bank": ({"creditor_agent": Agent(name="Bank")}, "RC04"),
    "a debtor without a name": ({"debtor": Party(name=" ")}, "BE08"),
    "a creditor without a name": ({"creditor": Party()}, "BE22"),
}


@every_rail
@pytest.mark.parametrize("name", BAD)
def test_what_the_rail_cannot_carry_is_refused_before_it_is_sent(country, name):
    changes, reason = BAD[name]
    order = sample_order(country)
    amount = changes.get("amount")
    if amount is not None:
        order = dataclasses.replace(
            order, amount=Money(amount.minor, amount.currency or order.amount.currency)
        )
    else:
        order = dataclasses.replace(order, payment=structs.replace(order.payment, **changes))

    assert [violation.reason for violation in ADAPTERS[country].check(order)] == [reason]


def test_a_fraction_of_a_rial_is_refused():
    assert [v.reason for v in ADAPTERS["IR"].check(sample_order("IR", minor=150_050))] == ["AM12"]
    assert ADAPTERS["IR"].check(sample_order("IR", minor=150_000)) == []
    assert ADAPTERS["IR"].check(sample_order("IR", minor=100)) == []


def test_limits_are_multiples_of_what_the_wire_counts_in():
    for country in registry.countries():
        limits = registry.profile(country).limits
        assert limits.minimum_minor % limits.step_minor == limits.maximum_minor % limits.step_minor == 0


@pytest.mark.parametrize(
    ("account", "known"),
    [
        ("IR580540105180021273113007", True),
        ("IR580540105180021273113008", False),
        ("IR58054010518002127311300", False),
    ],
)
def test_a_sheba_proves_itself(account, known):
    order = sample_order("IR", creditor_account=PartyAccount(iban=account))
    assert (ADAPTERS["IR"].check(order) == []) == known


@pytest.mark.parametrize(
    ("rial", "way"),
    [
        (1, "POL"),
        (999_999_999, "POL"),
        (1_000_000_000, "PAYA"),
        (2_000_000_000, "PAYA"),
        (2_000_000_001, "SATNA"),
    ],
)
def test_the_amount_decides_the_way(rial, way):
    order = sample_order("IR", minor=rial * 100)

    assert channel(order) == way
    assert private.read(fields_of(order, "IR")["48"])[PrivateTag.CHANNEL] == way


def test_the_ways_meet_at_the_published_limits():
    assert (SATNA_MINIMUM, PAYA_MAXIMUM) == (10**11, 2 * 10**11)
    assert {channel(sample_order("IR", minor=minor)) for minor in (SATNA_MINIMUM, PAYA_MAXIMUM)} == {
        ShetabChannel.PAYA
    }


def test_satna_opens_on_saturday_morning_after_a_thursday():
    thursday = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert SATNA_HOURS.open_from(thursday) == datetime(2026, 11, 28, 4, 30, tzinfo=UTC)


TAJIK = [
    ("10301972600000000101", "350101900", True),
    ("10301972500000000101", "350101900", False),
    ("20402972016551", "350101101", True),
    ("10301972600000000101", "SANDTJ22", None),
]


@pytest.mark.parametrize(("account", "bik", "fits"), TAJIK)
def test_a_key_that_does_not_fit_is_logged_and_not_refused(caplog, account, bik, fits):
    """The rule is observed on five accounts: refusing by it could refuse a good payment."""
    order = sample_order(
        "TJ", creditor_account=PartyAccount(other=account), creditor_agent=Agent(member_id=bik)
    )
    with caplog.at_level(logging.WARNING):
        violations = ADAPTERS["TJ"].check(order)

    assert key_fits(order) is fits
    assert violations == []
    assert len(caplog.records) == (fits is False)
    assert account not in caplog.text


def test_published_tajik_accounts_keep_their_key(shared):
    import json

    vectors = json.loads((shared / "rails" / "vectors.json").read_text())["tj_account"]
    for account, bik, fits, _ in vectors:
        order = sample_order(
            "TJ", creditor_account=PartyAccount(other=account), creditor_agent=Agent(member_id=bik)
        )
        assert key_fits(order) is fits


@every_rail
def test_a_repeat_is_the_order_and_is_answered_under_another_type(country):
    order = fields_of(sample_order(country), country)
    repeat = messages.repeat_of(order)

    assert {**repeat, "t": "0200"} == order
    assert messages.awaited(repeat)[0] == "0211"
    assert messages.awaited(order)[0] == "0210"
    assert messages.awaited(order)[1:] == messages.awaited(repeat)[1:]


@every_rail
def test_a_reversal_names_the_original(country):
    order = fields_of(sample_order(country), country)
    reversal = messages.reversal_of(order, datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC), "CUST")

    assert reversal["90"] == f"0200{order['11']}{order['7']}00000{order['32']}00000000000"
    assert (reversal["11"], reversal["37"], reversal["4"]) == (order["11"], order["37"], order["4"])
    assert reversal["7"] == "1123120030"
    assert private.read(reversal["48"]) == {
        PrivateTag.UETR: private.read(order["48"])[PrivateTag.UETR],
        PrivateTag.REASON: "CUST",
    }


def test_the_sample_reversal_has_the_original_where_ours_has_it(shared):
    from adapters.iso8583.codec import read
    from adapters.iso8583.dialect import Bitmap

    order, reversal = (
        read(bytes.fromhex((shared / "rails" / "samples" / "IR" / name).read_text())[2:], Bitmap.HEX)
        for name in ("0200_be2.hex", "0420_be2.hex")
    )
    order["48"] = private.write({PrivateTag.UETR: "0" * 32})
    ours = messages.reversal_of(order, datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC), "CUST")

    assert {name: ours[name] for name in reversal if name in ours} == reversal
    assert set(ours) - set(reversal) == {"48"}


def answer(**changes):
    fields = {"t": "0210", "4": "000000001500", "39": "00", "48": f"01032{'a' * 32}", "49": "972", **changes}
    return {name: value for name, value in fields.items() if value}


def test_an_answer_is_read():
    found = messages.read_answer(answer(**{"38": "ABC123"}), ADAPTERS["TJ"].dialect)

    assert (found.outcome, found.amount, found.rail_reference) == (Outcome.DONE, Money(1500, "TJS"), "ABC123")
    assert found.ref == "a" * 32
    assert found.uetr == "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"


BROKEN = [
    {"39": None}, {"48": None}, {"48": "RU"}, {"48": "01003abc"}, {"48": f"01032{'g' * 32}"}, {"4": None},
    {"4": "000000000000"}, {"49": "364"}, {"49": None}, {"t": "0200"}, {"t": "0420"}, {"t": "0800"},
]  # fmt: skip


@pytest.mark.parametrize("change", BROKEN)
def test_a_malformed_answer_is_no_answer(change):
    with pytest.raises(InvalidMessage):
        messages.read_answer(answer(**change), ADAPTERS["TJ"].dialect)


@pytest.mark.parametrize("kind", ["0430", "0110", "0310", "0810"])
def test_an_answer_about_no_order_decides_none(kind):
    assert messages.read_answer(answer(t=kind), ADAPTERS["TJ"].dialect) is None


@every_rail
def test_the_adapter_listens_to_its_rail_by_itself(country):
    assert isinstance(ADAPTERS[country], ListeningAdapter)


@every_rail
@pytest.mark.parametrize("missing", ["acquirer", "terminal", "acceptor"])
def test_a_connection_without_our_ids_is_refused(country, missing):
    with pytest.raises(ValueError, match=missing):
        adapter_of(country, **{missing: ""})


def test_a_participants_link_may_write_bitmaps_otherwise():
    order = sample_order("IR")
    assert adapter_of("IR").translate(order).body[6] == 0xF2
    assert adapter_of("IR", bitmap="hex").translate(order).body[6:22] == b"F238000108E18000"
    with pytest.raises(ValueError):
        adapter_of("IR", bitmap="ebcdic")


def documented(country):
    """The bytes in the page's example: hexadecimal lines, or text as it is."""
    block = re.search(r"```text\n(.*?)```", (PAGES / f"{country}.md").read_text(), re.DOTALL)[1]
    return bytes.fromhex(block) if country == "IR" else block.replace("\n", "").encode()


@every_rail
def test_the_example_of_the_page_is_what_we_send(country):
    """Keys of zeros; the order of `sample_order` with these ids and times."""
    order = sample_order(
        country,
        uetr="2d0c9a0b-6f3a-4a2f-9a1b-2c3d4e5f6072",
        made_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
        expires_in=60,
        serial=1,
    )
    assert documented(country) == ADAPTERS[country].translate(order).body
