"""ISO 8583 at the level of bytes: frames however the stream is cut, elements in one form, MACs, and files."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.framing import FRAME_BYTES, Framer, FramingError, Length, framed, unframed
from adapters.iran.messages import DIALECT as IRAN
from adapters.iso8583 import cycle, private
from adapters.iso8583.codec import MAC, MacKey, own, pack, read, seal, unpack, unseal, write
from adapters.iso8583.codes import CODES, ResponseCodeClass, native_code, outcome_of
from adapters.iso8583.cycle import Iso8583CycleFileError, Iso8583CycleLine
from adapters.iso8583.dialect import Bitmap
from adapters.iso8583.private import PrivateTag
from adapters.port import Outcome
from adapters.reasons import DUPLICATES, ISO_REASONS
from adapters.tajikistan.messages import DIALECT as TAJIKISTAN
from schemas.errors import InvalidMessage, NotAuthentic

KEY, OTHER = MacKey(b"00" * 16), MacKey(b"11" * 16)
BOTH = pytest.mark.parametrize("dialect", [TAJIKISTAN, IRAN], ids=["TJ", "IR"])
FORMS = pytest.mark.parametrize("length", Length)
ECHO = {"t": "0800", "7": "1123120000", "11": "000003", "70": "301"}


@FORMS
@settings(deadline=None)
@given(data=st.data())
def test_frames_come_out_whole_however_the_stream_is_cut(length, data):
    messages = data.draw(st.lists(st.binary(min_size=1, max_size=300), max_size=8))
    stream = b"".join(framed(message, length) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    framer, found = Framer(length), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += framer.feed(stream[start:end])

    assert found == messages
    assert not framer.half


@FORMS
def test_every_byte_for_itself_makes_the_same_frames(length):
    framer = Framer(length)
    stream = framed(b"first", length) + framed(b"second", length)
    found = [message for place in range(len(stream)) for message in framer.feed(stream[place : place + 1])]

    assert found == [b"first", b"second"]


BROKEN_LENGTHS = [
    (Length.ASCII_4, b"0000"), (Length.ASCII_4, b"4097"), (Length.ASCII_4, b"-001"), (Length.ASCII_4, b" 100"),
    (Length.ASCII_4, b"0x10"), (Length.ASCII_4, b"<htm"), (Length.BINARY_2, b"\x00\x00"),
    (Length.BINARY_2, b"\x10\x01"), (Length.BINARY_2, b"<h"),
]  # fmt: skip


@pytest.mark.parametrize(("length", "head"), BROKEN_LENGTHS)
def test_what_is_no_length_of_a_message_ends_the_stream(length, head):
    with pytest.raises(FramingError):
        Framer(length).feed(head)


@FORMS
def test_the_longest_message_has_a_frame(length):
    message = b"x" * FRAME_BYTES
    assert unframed(framed(message, length), length) == message


@FORMS
@pytest.mark.parametrize("change", [lambda f: f[:-1], lambda f: f + f, lambda f: f + b"0", lambda f: f[:0]])
def test_one_frame_is_neither_less_nor_more(length, change):
    with pytest.raises(FramingError):
        unframed(change(framed(b"message", length)), length)


DIGITS, PRINTABLE = (
    st.characters(codec="ascii", categories=["Nd"]),
    st.characters(min_codepoint=32, max_codepoint=126),
)
ELEMENTS = {
    "2": st.text(DIGITS, min_size=1, max_size=19), "4": st.text(DIGITS, min_size=12, max_size=12),
    "11": st.text(DIGITS, min_size=6, max_size=6), "37": st.text(DIGITS, min_size=12, max_size=12),
    "39": st.text(PRINTABLE, min_size=2, max_size=2), "44": st.text(PRINTABLE, min_size=1, max_size=25),
    "48": st.text(PRINTABLE, min_size=1, max_size=999), "70": st.text(DIGITS, min_size=3, max_size=3),
    "90": st.text(DIGITS, min_size=42, max_size=42), "103": st.text(PRINTABLE, min_size=1, max_size=28),
    "120": st.text(PRINTABLE, min_size=1, max_size=999),
}  # fmt: skip
FIELDS = st.fixed_dictionaries({"t": st.sampled_from(["0200", "0210", "0430"])}, optional=ELEMENTS)


@BOTH
@settings(deadline=None)
@given(fields=FIELDS)
def test_elements_come_back_as_they_were_sent(dialect, fields):
    frame = pack(fields, dialect, KEY)

    assert unpack(frame, dialect, KEY) == fields
    assert own(frame, dialect) == fields


@BOTH
@settings(deadline=None, max_examples=60)
@given(fields=FIELDS, data=st.data())
def test_any_changed_byte_is_noticed(dialect, fields, data):
    message = seal(fields, dialect, KEY)
    place = data.draw(st.integers(0, len(message) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != message[place]))
    with pytest.raises((InvalidMessage, NotAuthentic)):
        unseal(message[:place] + bytes([byte]) + message[place + 1 :], dialect, KEY)


@BOTH
def test_another_key_or_no_mac_proves_nothing(dialect):
    with pytest.raises(NotAuthentic):
        unpack(pack(ECHO, dialect, OTHER), dialect, KEY)
    with pytest.raises(NotAuthentic, match="no MAC"):
        unseal(write(ECHO, dialect.bitmap), dialect, KEY)


def test_the_mac_is_the_published_one():
    """NIST SP 800-38B, AES-128, example of 16 bytes."""
    key = MacKey(b"2b7e151628aed2a6abf7158809cf4f3c")
    assert (
        key.mac(bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")).hex() == "070a16b46b4d4144f79bdd9dd04a287c"
    )


@pytest.mark.parametrize("text", [b"", b"00", b"0" * 31, b"xy" * 16, b"00" * 17, "é".encode() * 16])
def test_a_key_of_another_kind_is_refused(text):
    with pytest.raises(ValueError):
        MacKey(text)


NOT_OURS = [
    b"", b"0200", b"02", b"\x00" * 40, b"<html>", b"0200" + b"F" * 32,
    b"0800822000000000000004000000000000001123120000000003301 ",
    b"0800822000000000000004000000000000001123120000 00003301",
    b"08008220000000000000040000000000000011231200000000033011",
    b"080082200000000000000400000000000000112312000000000330",
    b"0800822000000000000005000000000000001123120000000003301",
    b"08008220000000000000040000000000000A1123120000000003301",
]  # fmt: skip


@pytest.mark.parametrize("message", NOT_OURS)
def test_what_is_not_in_the_one_form_is_no_message(message):
    with pytest.raises(InvalidMessage):
        read(message, Bitmap.HEX)


def test_a_length_with_a_sign_or_a_lower_case_bitmap_is_no_message():
    good = write({"t": "0210", "37": "0" * 12, "39": "14", "44": "AC04"}, Bitmap.HEX)
    assert b"0A1" in good[:20]
    for wrong in (good.replace(b"04AC04", b"+4AC04"), good[:20].lower() + good[20:]):
        with pytest.raises(InvalidMessage):
            read(wrong, Bitmap.HEX)


def test_an_element_that_the_profile_does_not_have_is_no_message():
    with pytest.raises(InvalidMessage):
        read(b"0200" + b"0000000000000200" + b"003abc", Bitmap.HEX)


SAMPLES = [
    ("IR/0200_be2.hex", Length.BINARY_2, {"t": "0200", "4": "000001200000", "49": "364", "103": "IR580540105180021273113007", "37": "632712000001"}),
    ("IR/0420_be2.hex", Length.BINARY_2, {"t": "0420", "90": "020000000111231200000000062198600000000000"}),
    ("IR/0800_be2.hex", Length.BINARY_2, ECHO),
    ("TJ/0200_ascii4.hex", Length.ASCII_4, {"t": "0200", "4": "000000015000", "49": "972", "102": "10301972600000000101", "12": "170000"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "length", "expected"), SAMPLES, ids=[row[0] for row in SAMPLES])
def test_samples_of_both_countries_are_read_and_written_again(shared, name, length, expected):
    frame = bytes.fromhex((shared / "rails" / "samples" / name).read_text().strip())
    message = unframed(frame, length)
    fields = read(message, Bitmap.HEX)

    assert {element: fields[element] for element in expected} == expected
    assert MAC not in fields
    assert framed(write(fields, Bitmap.HEX), length) == frame


@given(st.dictionaries(st.sampled_from(PrivateTag), st.text(PRINTABLE, min_size=1, max_size=60)))
def test_additional_data_come_back(values):
    assert private.read(private.write(values)) == values


@pytest.mark.parametrize(
    "text", ["0", "01", "01002a", "01000", "99001a", "02001a01001b", "01001a01001b", "RU", "01-01a"]
)
def test_additional_data_have_one_form(text):
    with pytest.raises(InvalidMessage):
        private.read(text)


@given(st.integers(0, 2 * 10**15))
def test_instants_come_back(microseconds):
    at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert private.read_instant(private.instant(at)) == at


@pytest.mark.parametrize(
    "text", ["", "2026112319", "2026112319531072800x", "20261323195310728000", "202611231953107280000"]
)
def test_what_is_no_instant_is_refused(text):
    with pytest.raises(InvalidMessage):
        private.read_instant(text)


def test_every_response_code_has_a_meaning_and_every_refusal_an_iso_reason():
    for code, row in CODES.items():
        assert len(code) == 2
        assert (row.code_class is not ResponseCodeClass.REFUSED) or row.reason in ISO_REASONS
        outcome, reason = outcome_of(code, "", enquired=False)
        assert (outcome is Outcome.REFUSED) == (row.code_class is ResponseCodeClass.REFUSED)
        assert outcome is not Outcome.REFUSED or reason == row.reason
    assert {code for code, row in CODES.items() if row.code_class is ResponseCodeClass.DONE} == {
        "00",
        "11",
        "16",
    }


@pytest.mark.parametrize("code", ["A0", "99", "", "0", "000", "ZZ"])
def test_a_code_that_nobody_explained_is_unknown(code):
    assert outcome_of(code, "AC04", enquired=True) == (Outcome.UNKNOWN, None)


def test_every_iso_reason_can_be_carried_and_arrives():
    for reason in ISO_REASONS - DUPLICATES:
        native = native_code(reason)
        assert outcome_of(native[:2], native[2:], enquired=False) == (Outcome.REFUSED, reason)


def test_a_duplicate_without_details_refuses_nothing_even_on_enquiry():
    """A rail that answers our repeat with 94 says that it knows the order, not that it refused it."""
    assert outcome_of("94", "", enquired=True)[0] is Outcome.UNKNOWN
    assert outcome_of("94", "AM05", enquired=False)[0] is Outcome.UNKNOWN
    assert outcome_of("94", "AM05", enquired=True) == (Outcome.REFUSED, "AM05")
    assert outcome_of("05", "DUPL", enquired=False)[0] is Outcome.UNKNOWN


def test_not_found_counts_only_as_the_answer_to_an_enquiry():
    assert outcome_of("25", "", enquired=True)[0] is Outcome.NOT_FOUND
    assert outcome_of("25", "", enquired=False)[0] is Outcome.UNKNOWN


LINES = [
    Iso8583CycleLine("a" * 32, 1500, "00"),
    Iso8583CycleLine("b" * 32, 7, "14", "AC04"),
    Iso8583CycleLine("c" * 32, 20, "30"),
]
DAY = "2026-11-23"
FILE = cycle.write(TAJIKISTAN, DAY, LINES, KEY)


def test_a_cycle_file_returns_with_the_outcome_of_each_order():
    assert cycle.read(FILE, TAJIKISTAN, DAY, KEY) == LINES
    done, refused, other = cycle.answers(LINES, TAJIKISTAN)
    assert (done.outcome, done.amount.minor, done.rail_code) == (Outcome.DONE, 1500, "00")
    assert (refused.outcome, refused.reason, refused.amount) == (Outcome.REFUSED, "AC04", None)
    assert (other.outcome, other.reason) == (Outcome.REFUSED, "FF01")


def test_rials_of_a_cycle_file_are_minor_units_times_a_hundred():
    (answer,) = cycle.answers([Iso8583CycleLine("a" * 32, 1500, "00")], IRAN)
    assert answer.amount.minor == 150_000


@given(st.integers(0, len(FILE) - 1), st.integers(1, 127))
def test_any_changed_character_makes_a_cycle_file_unreadable(place, change):
    changed = FILE[:place] + chr(ord(FILE[place]) ^ change) + FILE[place + 1 :]
    with pytest.raises(Iso8583CycleFileError):
        cycle.read(changed, TAJIKISTAN, DAY, KEY)


@given(st.integers(0, len(FILE) - 1))
def test_a_torn_cycle_file_is_unreadable(length):
    with pytest.raises(Iso8583CycleFileError):
        cycle.read(FILE[:length], TAJIKISTAN, DAY, KEY)


def sealed(content):
    return content + KEY.mac(content.encode()).hex().upper()


CONTENT = FILE[:-32]
WRONG_FILES = {
    "header": CONTENT.replace("HTJ20261123", "HTJ20261124"),
    "currency": CONTENT.replace("972\n", "364\n"),
    "count": CONTENT.replace("T000000003", "T000000002"),
    "sum": CONTENT[:-1] + "1",
    "an order is missing": "\n".join(line for line in CONTENT.split("\n") if "bbb" not in line),
    "no trailer": CONTENT.rpartition("\n")[0],
    "record": CONTENT.replace("14AC04", "14ac04"),
    "not final": CONTENT.replace("14AC04", "09AC04"),
    "nothing": "",
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_sealed_file_that_does_not_add_up_is_unreadable(name):
    with pytest.raises(Iso8583CycleFileError):
        cycle.read(sealed(WRONG_FILES[name]), TAJIKISTAN, DAY, KEY)


@given(st.integers(0, 200))
def test_parts_of_a_file_join_to_it(count):
    text = cycle.write(
        IRAN, DAY, [Iso8583CycleLine(f"{number:032x}", number, "00") for number in range(count)], KEY
    )
    parts = cycle.parts_of(text)

    assert cycle.joined(parts) == text
    assert all(len(part) <= 999 and part.isprintable() for part in parts)
    assert cycle.name_of(date(2026, 11, 23)) == "CYCLE-2026-11-23"
