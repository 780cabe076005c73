"""QR payloads: published vectors, round trips, and everything that a payer must not be shown as right."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from adapters import qr, registry
from adapters.identifiers import is_emv_crc, is_sha4
from adapters.qr import emvco, merchant, payload
from adapters.qr.emvco import ChecksumKind
from adapters.qr.model import PayeeKind, PaymentCode
from adapters.qr.schemes import QrScheme, by_currency
from schemas.errors import InvalidMessage, NotFound
from schemas.money import EXPONENTS, Money
from switch.cli import run
from switch.cli.qr import app

COUNTRIES = set(registry.countries())
IBAN = {code: registry.country(code).iban for code in COUNTRIES}
SCHEMES = [scheme for scheme in payload.schemes() if isinstance(scheme, QrScheme)]
EMVCO = (
    "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914"
    "BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***07"
    "08A60086670902ME91320016A0112233449988770708123456786304A13A"
)
"""The example of EMVCo's specification."""
ERIP = "00020132370010by.raschet010310110124444444444445303933540571.005802BY5913UNP_1234567896007Belarus63040A6C"


def vectors(shared, name):
    return json.loads((shared / "rails" / "vectors.json").read_text())[name]


def test_the_example_of_the_specification_is_read():
    code = qr.read(EMVCO)

    assert (code.country, code.scheme, code.payee, code.kind) == (
        "CN",
        "UnionPay",
        "A93FO3230Q",
        PayeeKind.MERCHANT,
    )
    assert (code.name, code.city, code.category) == ("BEST TRANSPORT", "BEIJING", "4111")
    assert code.amount == Money(2372, "CNY")
    assert code.dynamic
    assert code.more["local_name"] == "最佳运输"
    assert code.more["store"] == "1234"


def test_a_belarusian_code_is_read_behind_its_link_and_without():
    code = qr.read(ERIP)

    assert qr.read(f"https://pay.raschet.by/#{ERIP}") == code
    assert (code.country, code.payee, code.more) == ("BY", "444444444444", {"service": "101"})
    assert (code.name, code.city, code.amount) == ("UNP_123456789", "Belarus", Money(7100, "BYN"))


def test_a_belarusian_code_may_end_in_a_crc():
    """An early producer wrote it so: both checks are believed, a wrong one of either kind is not."""
    text = emvco.seal(ERIP[:-8], ChecksumKind.CRC)

    assert qr.read(text) == qr.read(ERIP)
    with pytest.raises(InvalidMessage):
        qr.read(text[:-1] + ("0" if text[-1] != "0" else "1"))


def test_published_checks_fit(shared):
    for text, _, fits, _ in vectors(shared, "emv_crc"):
        assert is_emv_crc(text) is fits
        assert (text[-4:].upper() == emvco.crc(text[:-4])) is fits
    for text, fits, _ in vectors(shared, "sha4"):
        assert is_sha4(text) is fits
        assert (ChecksumKind.SHA4 in emvco.checks(text)) is fits


def test_published_links_are_read_and_a_misfit_warns(shared):
    """The check's rule rests on three links: a payer is warned, and a right link not refused by it."""
    for link, fits, _ in vectors(shared, "nspk_link"):
        code = qr.read(link)
        assert (code.country, code.currency, code.more["bank"]) == ("RU", "RUB", "100000000999")
        assert bool(code.warnings) is not fits
        if fits:
            assert qr.make(code) == link


def test_a_right_crc_does_not_make_a_right_iban():
    """Seen in public: the code's check fits and its IBAN does not."""
    head = "0002020102110202000424PK77UNIL01090002378542101004"
    with pytest.raises(InvalidMessage, match="IBAN"):
        qr.read(head + emvco.crc(head))


UPI = "upi://pay?pa=shop@okbank&pn=Asha%20Stores&mc=5411&tr=ORDER-7&tn=tea&am=12.50&cu=INR"


def test_a_upi_link_is_read():
    code = qr.read(UPI)

    assert (code.payee, code.name, code.reference, code.category) == (
        "shop@okbank",
        "Asha Stores",
        "ORDER-7",
        "5411",
    )
    assert code.amount == Money(1250, "INR")
    assert code.more == {"note": "tea"}
    assert qr.read(qr.make(code)) == code
    assert qr.read("UPI://pay?" + UPI[10:]) == code


def test_an_unchecked_signature_is_reported():
    assert qr.read(f"{UPI}&sign=MEUCIQ").warnings == ("the payee's signature was not verified",)


LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))
TEXT = st.text(LETTERS, min_size=1, max_size=15)
PAYEES = {
    "KG": st.from_regex(r"[0-9]{16}", fullmatch=True),
    "BY": st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    "PK": st.from_regex(r"[0-9A-Z]{16}", fullmatch=True).map(lambda text: IBAN["PK"].of("UNIL" + text)),
    "IN": st.from_regex(r"[a-z]{2,10}@[a-z]{2,8}", fullmatch=True),
    "CN": st.from_regex(r"[0-9]{31}", fullmatch=True),
    "UZ": st.from_regex(r"20208000[0-9]{12}", fullmatch=True),
    "KZ": st.from_regex(r"125[0-9A-Z]{13}", fullmatch=True).map(IBAN["KZ"].of),
    "TJ": st.from_regex(r"[0-9]{20}", fullmatch=True),
    "IR": st.from_regex(r"[0-9]{22}", fullmatch=True).map(IBAN["IR"].of),
    "RU": st.from_regex(r"A[SD][0-9A-Z]{30}", fullmatch=True),
}
NEEDS = {"KG": {"provider": "qr.example"}, "BY": {"service": "101"}, "RU": {"bank": "100000000999"}}


@st.composite
def codes(draw):
    known = draw(st.sampled_from(payload.schemes()))
    complete = known.name in {scheme.name for scheme in SCHEMES if scheme.complete}
    bare = known.name in {"Raast P2P", "SBP link"}
    text, maybe = (TEXT, st.none() | TEXT) if complete else (st.none() | TEXT, st.none() | TEXT)
    upi = known.name == "UPI link"
    minor = draw(st.none() | st.integers(1, 10**9))
    reference = None if bare else draw(maybe)
    facts = {name: draw(TEXT) for name in draw(st.sets(st.sampled_from(["bill", "terminal", "local_name"])))}
    return PaymentCode(
        country=known.country,
        scheme=known.name,
        payee=draw(PAYEES[known.country]),
        kind=known.kind,
        currency=known.currency,
        name=None if bare else draw(text),
        city=None if bare or upi else draw(text),
        amount=minor and Money(minor * (100 if known.name == "Raast P2P" else 1), known.currency),
        reference=reference,
        dynamic=bool(reference) if upi else draw(st.booleans()),
        category=None if bare else "5411",
        more={**NEEDS.get(known.country, {}), **(facts if complete else {})},
    )


@settings(max_examples=400, deadline=None)
@given(code=codes())
def test_what_is_made_is_read_again(code):
    text = qr.make(code)

    assert qr.read(text) == code
    assert len(text) <= payload.TEXT_MAX


@settings(max_examples=150, deadline=None)
@given(code=codes(), data=st.data())
def test_no_changed_character_is_taken_for_another_payment(code, data):
    """A CRC finds every burst of two bytes. (Four digits of a hash miss one in 65,536; links have no check.)"""
    assume(code.scheme not in {"UPI link", "SBP link", "ELQR", "ERIP"})
    text = qr.make(code)
    place = data.draw(st.sampled_from([place for place, letter in enumerate(text) if letter.isascii()]))
    other = data.draw(st.characters(codec="ascii", exclude_categories=("Cc",)))
    try:
        read = qr.read(text[:place] + other + text[place + 1 :])
    except InvalidMessage:
        return

    assert read == code


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=600) | st.from_regex(r"(\d{4}[A-Za-z]{0,9}){0,20}", fullmatch=True))
def test_any_text_is_read_or_refused(text):
    try:
        code = qr.read(text)
    except InvalidMessage:
        return
    assert code.country in COUNTRIES


def sealed(*pairs, check=ChecksumKind.CRC):
    return emvco.seal("".join(f"{tag}{len(value):02}{value}" for tag, value in pairs), check)


UZ = [
    ("00", "01"), ("01", "11"), ("26", "0012payswitch.UZ012020208000900000000001"), ("52", "5411"), ("53", "860"),
    ("58", "UZ"), ("59", "Choyxona"), ("60", "Toshkent"),
]  # fmt: skip


def changed(**objects):
    """The pairs with objects replaced, added before the check, or (None) left out."""
    said = {**dict(UZ), **{name[1:]: value for name, value in objects.items()}}
    return [(tag, value) for tag, value in said.items() if value is not None]


def test_the_payload_that_is_broken_below_is_right():
    assert qr.read(sealed(*UZ)).payee == "20208000900000000001"


BROKEN = [
    ("no check", lambda: "".join(f"{tag}{len(value):02}{value}" for tag, value in UZ)),
    ("another kind of check", lambda: sealed(*UZ, check=ChecksumKind.SHA4)),
    ("check not last", lambda: sealed(*UZ) + "6102AB"),
    ("torn", lambda: sealed(*UZ)[:-1]),
    ("length beyond the end", lambda: emvco.seal(sealed(*UZ)[:-8] + "6199A", ChecksumKind.CRC)),
    ("length of other digits", lambda: emvco.seal(sealed(*UZ)[:-8] + "61\u06601A", ChecksumKind.CRC)),
    ("an object twice", lambda: sealed(*UZ, ("59", "Other"))),
    ("version", lambda: sealed(*changed(_00="02"))),
    ("version not first", lambda: sealed(*UZ[1:], UZ[0])),
    ("point of initiation", lambda: sealed(*changed(_01="13"))),
    ("currency of nobody here", lambda: sealed(*changed(_53="840"))),
    ("currency as letters", lambda: sealed(*changed(_53="UZS"))),
    ("country of another currency", lambda: sealed(*changed(_58="KZ"))),
    ("no name", lambda: sealed(*changed(_59=None))),
    ("no city", lambda: sealed(*changed(_60=None))),
    ("no category", lambda: sealed(*changed(_52=None))),
    ("category", lambda: sealed(*changed(_52="54x1"))),
    ("empty name", lambda: sealed(*changed(_59=""))),
    ("amount with comma", lambda: sealed(*changed(_54="1,50"))),
    ("negative amount", lambda: sealed(*changed(_54="-1"))),
    ("amount with exponent", lambda: sealed(*changed(_54="1e3"))),
    ("amount of other digits", lambda: sealed(*changed(_54="١٢"))),
    ("amount with a third decimal", lambda: sealed(*changed(_54="1.005"))),
    ("amount too long", lambda: sealed(*changed(_54="1" * 14))),
    ("no account template", lambda: sealed(*changed(_26=None))),
    ("another scheme's template", lambda: sealed(*changed(_26="0004othr0104abcd"))),
    ("torn template", lambda: sealed(*changed(_26="0012payswitch.UZ0199"))),
    ("no payee", lambda: sealed(*changed(_26="0012payswitch.UZ"))),
    ("account of dollars", lambda: sealed(*changed(_26="0012payswitch.UZ012020208840900000000001"))),
    ("too long", lambda: "000201" + "0" * 3000),
    ("nothing", lambda: ""),
    ("a link to nowhere", lambda: "https://example.org/"),
    ("a link with broken encoding", lambda: "https://example.org/#%ff%fe"),
    ("another scheme of address", lambda: "bitcoin:1A1z?amount=1"),
    ("upi without payee", lambda: "upi://pay?pn=x&am=1"),
    ("upi twice", lambda: "upi://pay?pa=a1@bank&pa=b1@bank"),
    ("upi in dollars", lambda: "upi://pay?pa=a1@bank&cu=USD"),
    ("upi amount", lambda: "upi://pay?pa=a1@bank&am=1e3"),
    ("upi amount with three decimals", lambda: "upi://pay?pa=a1@bank&am=1.005"),
    ("upi amounts that differ", lambda: "upi://pay?pa=a1@bank&am=1&am=2"),
    ("upi negative", lambda: "upi://pay?pa=a1@bank&am=-1"),
    ("upi without parameters", lambda: "upi://pay?"),
    ("upi broken encoding", lambda: "upi://pay?pa=a1@bank&pn=%ff"),
    ("upi flood", lambda: "upi://pay?" + "&".join(f"x{n}=1" for n in range(90))),
    ("sbp host", lambda: "https://qr.nspk.ru.evil.example/AD" + "0" * 30 + "?type=02&bank=1&cur=RUB&crc=0000"),
    ("sbp in dollars", lambda: "https://qr.nspk.ru/AD" + "0" * 30 + "?type=02&bank=100000000999&cur=USD&crc=0000"),
    ("sbp more", lambda: "https://qr.nspk.ru/AD" + "0" * 30 + "?type=02&bank=100000000999&cur=RUB&crc=0000&sum=1"),
    ("raast unknown object", lambda: raast("0803abc")),
    ("raast paisa", lambda: raast("0504 1.5")),
    ("raast expiry", lambda: raast("0712310220262500")),
]  # fmt: skip


UPI_CODE = "upi://pay?pa=shop@okbank&pn=X&cu=INR"
TAXED = UPI_CODE + (
    "&mc=5411&mode=15&purpose=00&orgid=180001&tr=T1&tn=n&am=105.00&mid=1&msid=2&mtid=3&gstBrkUp=CGST:2.5"
    "&gstIn=27AAAAA0000A1Z5&invoiceNo=7&invoiceDate=2026-11-28&QRMedium=02&QRexpire=2026-12-01&QRts=2026-11-28&ver=01"
)
SBP = "https://qr.nspk.ru/AD" + "0" * 30 + "?type=02&bank=100000000999"
ODD = [
    (UPI_CODE + "&am=0.00", None, "the amount is zero: the payer enters it"),
    (UPI_CODE + "&am=0", None, "the amount is zero: the payer enters it"),
    (UPI_CODE + "&am=", None, None),
    (UPI_CODE + "&am=105", 10500, None),
    (UPI_CODE + "&am=105.", 10500, None),
    (UPI_CODE + "&am=0105.5", 10550, None),
    (UPI_CODE + "&am=.50", 50, None),
    (UPI_CODE + "&am=105.500", 10550, None),
    (UPI_CODE + "&", None, "a part without a name or a value was ignored"),
    (UPI_CODE + "&&am=1.00", 100, "a part without a name or a value was ignored"),
    (UPI_CODE + "&amp;am=1.00", 100, "a part without a name or a value was ignored"),
    (UPI_CODE.replace("pn=X", "pn=X & Sons"), None, "a part without a name or a value was ignored"),
    (TAXED, 10500, None),
    (UPI_CODE + "&colour=red", None, "a parameter that the specification does not name was ignored"),
    (UPI_CODE.replace("INR", ""), None, "the currency is not written as INR"),
    (UPI_CODE.replace("INR", "inr"), None, "the currency is not written as INR"),
    (UPI_CODE.replace("&cu=INR", ""), None, None),
    (UPI_CODE + "&pa=shop@okbank", None, "a parameter occurs twice with the same value"),
    (UPI_CODE.replace("pay?pa", "PAY?PA"), None, "a parameter's name is not written as in the specification"),
    (UPI_CODE.replace("pay?", "pay/?"), None, None),
    (UPI_CODE + "\n", None, "blanks or line ends around the code were removed"),
    ("\ufeff " + UPI_CODE + "\r\n", None, "blanks or line ends around the code were removed"),
    (sealed(*UZ) + "\n", None, "blanks or line ends around the code were removed"),
    ("  " + sealed(*UZ) + "\t\r", None, "blanks or line ends around the code were removed"),
    (sealed(*changed(_59="a" * 26)), None, "the name or the city is longer than it may be"),
    (sealed(*changed(_60="a" * 16)), None, "the name or the city is longer than it may be"),
    (sealed(*changed(_54="", _62="")), None, "an optional part is empty"),
    (sealed(*changed(_58="uz")), None, "the country is not written in upper case"),
    (sealed(*changed(_54=" 12.50 ")), 1250, "blanks around the amount were removed"),
    (ERIP + "\n", 7100, "blanks or line ends around the code were removed"),
    (f"HTTPS://pay.raschet.by/#{ERIP}", 7100, None),
    (SBP + "&sum=0&cur=RUB", None, "the amount is zero: the payer enters it"),
    (SBP + "&cur=rub&sum=150", 150, "the currency is not written as RUB"),
    (SBP, None, "the link has no checksum"),
    (SBP + "&utm=x", None, "an unknown parameter was ignored"),
    (SBP.replace("qr.nspk", "QR.NSPK") + "\n", None, "blanks or line ends around the code were removed"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "minor", "warning"), ODD)
def test_an_ordinary_code_of_the_street_is_read_with_a_warning_where_it_is_odd(text, minor, warning):
    code = qr.read(text)

    assert (code.amount and code.amount.minor) == minor
    assert warning in (code.warnings or (None,))


def test_a_tax_code_keeps_what_it_states():
    more = qr.read(TAXED).more

    assert (more["tax_number"], more["invoice"], more["version"]) == ("27AAAAA0000A1Z5", "7", "01")
    assert qr.read(qr.make(qr.read(TAXED))) == qr.read(TAXED)


def test_a_scanner_that_ends_its_line_ends_a_raast_code_too():
    code = qr.read(raast("05031500712311220262359") + "\r\n")

    assert code.amount == Money(15000, "PKR")
    assert code.warnings


def raast(more):
    head = f"0002020102110202000424PK36SCBL0000001123456702{more}1004"
    return head + emvco.crc(head)


@pytest.mark.parametrize("text", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_broken_is_refused(text):
    with pytest.raises(InvalidMessage):
        qr.read(text())


def test_a_raast_code_states_when_it_expires():
    code = qr.read(raast("05031500712311220262359"))

    assert code.amount == Money(15000, "PKR")
    assert code.more["expires_at"] == "2026-12-31T23:59"
    assert qr.read(qr.make(code)) == code


@pytest.mark.parametrize(
    ("text", "minor"), [("98", 9800), ("98.", 9800), ("98.7", 9870), ("098.73", 9873), ("0.01", 1)]
)
def test_amounts_as_emvco_writes_them(text, minor):
    assert qr.read(sealed(*changed(_54=text))).amount == Money(minor, "UZS")


@pytest.mark.parametrize("text", ["0", "0.00", "00"])
def test_a_zero_amount_is_entered_by_the_payer(text):
    """Producers write it on stickers; it is not a payment of nothing."""
    code = qr.read(sealed(*changed(_54=text)))

    assert code.amount is None
    assert code.warnings


def test_a_kyrgyz_code_is_in_tyiyn_in_any_order_and_percent_encoded():
    account = "0010qr.example0101110161290000011223367"
    pairs = [("53", "417"), ("01", "12"), ("32", account), ("52", "5411"), ("54", "5130"), ("59", "Дүкөн")]
    text = sealed(("00", "01"), *pairs, check=ChecksumKind.SHA4)
    code = qr.read(text)

    assert (code.payee, code.name, code.amount) == ("1290000011223367", "Дүкөн", Money(5130, "KGS"))
    from urllib.parse import quote

    assert qr.read("https://bank.example/qr#" + quote(text)) == code
    assert qr.read(text[:-4] + text[-4:].upper()) == code


CODE = PaymentCode(
    "KZ",
    "EMVCo KZ",
    IBAN["KZ"].of("1255004100100123"),
    PayeeKind.ACCOUNT,
    "KZT",
    "Kafe",
    "Almaty",
    category="5812",
)
UNSAYABLE = [
    {"name": None}, {"name": "a" * 26}, {"city": "a" * 16}, {"city": None}, {"category": None}, {"category": "1"},
    {"payee": "KZ00"}, {"kind": PayeeKind.VPA}, {"currency": "KGS"}, {"amount": Money(1, "KGS")}, {"amount": Money(0, "KZT")},
    {"amount": Money(10**14, "KZT")}, {"more": {"colour": "red"}}, {"reference": "r" * 100}, {"name": "\ud800"},
    {"warnings": ("w",)}, {"more": {"bill": "x" * 90, "terminal": "y" * 90}},
]  # fmt: skip


@pytest.mark.parametrize("change", UNSAYABLE)
def test_what_a_scheme_cannot_carry_is_not_made(change):
    fields = {name: getattr(CODE, name) for name in CODE.__slots__}

    assert qr.read(qr.make(CODE)) == CODE
    with pytest.raises(ValueError):
        qr.make(PaymentCode(**{**fields, **change}))


def test_paisa_have_no_place_in_a_raast_code():
    with pytest.raises(ValueError, match="whole rupees"):
        qr.make(
            PaymentCode(
                "PK",
                "Raast P2P",
                "PK36SCBL0000001123456702",
                PayeeKind.ACCOUNT,
                "PKR",
                amount=Money(150, "PKR"),
            )
        )


def test_every_country_has_a_scheme_with_its_basis():
    assert {known.country for known in payload.schemes()} == COUNTRIES
    assert len(by_currency()) == len(SCHEMES)
    for known in payload.schemes():
        assert {"layout", "payee", "amount"} <= set(known.bases)
    for scheme in SCHEMES:
        assert EXPONENTS[scheme.currency] == 2
    with pytest.raises(NotFound):
        payload.scheme("XX")


def test_kyrgyz_orders_carry_a_payload_as_before():
    """The bytes behind `qrLinkHash` are the operator's: they must not change."""
    from adapters.kyrgyzstan import elqr

    text = elqr.write(elqr.Payload("p2p.example", "1", "1290000011223367", "6538", "Asha Rao", 150000))
    expected = "00020101021132400011p2p.example010111016129000001122336752046538530341754061500005908Asha Rao"

    assert text[:-8] == expected
    assert merchant.read(text).payee == "1290000011223367"


runner = CliRunner()


def test_the_command_reads():
    done = runner.invoke(app, ["read", UPI])

    said = json.loads(done.stdout)
    assert (said["country"], said["payee"], said["amount"]) == ("IN", "shop@okbank", "12.50")
    assert said["basis"]["layout"] == "published"


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_command_makes_a_code_and_its_image(tmp_path, suffix):
    image = tmp_path / f"code.{suffix}"
    done = runner.invoke(
        app,
        ["make", "UZ", "--payee", "20208000900000000001", "--name", "Choyxona", "--city", "Toshkent",
         "--category", "5812", "--amount", "25000", "--more", "bank=09999", "--image", str(image), "--show"],
    )  # fmt: skip

    assert done.exit_code == 0, done.output
    said, _ = json.JSONDecoder().raw_decode(done.stdout)
    assert qr.read(said["text"]).amount == Money(2500000, "UZS")
    assert image.read_bytes()[:5] in {b"\x89PNG\r", b"<?xml"}


WRONG = [
    (["read", "nonsense"], "an object is incomplete"),
    (["make", "XX", "--payee", "1"], "no QR scheme"),
    (["make", "IN", "--payee", "shop@okbank", "--scheme", "Other"], "no QR scheme"),
    (["make", "IN", "--payee", "shop@okbank"], "requires name"),
    (["make", "IN", "--payee", "shop"], "no payee"),
    (
        ["make", "IN", "--payee", "shop@okbank", "--scheme", "UPI link", "--amount", "1e3"],
        "not a plain decimal number",
    ),
    (["make", "IN", "--payee", "shop@okbank", "--scheme", "UPI link", "--more", "x"], "NAME=VALUE"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_the_command_states_what_is_wrong(arguments, said, capsys):
    """In one line, as whoever runs it sees it."""
    assert run(["qr", *arguments]) in {1, 2}
    told = capsys.readouterr().err
    assert told.startswith("payswitch: ")
    assert said in told


def test_the_command_lists_every_scheme():
    said = json.loads(runner.invoke(app, ["schemes"]).stdout)

    assert {row["country"] for row in said} == COUNTRIES


def test_the_page_shows_what_is_ours():
    """Countries without a public layout are named as such where people look."""
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "rails" / "qr.md").read_text()
    for scheme in SCHEMES:
        assert f"| {scheme.country} | {scheme.name} |" in page
        assert scheme.guid.startswith("payswitch.") is (scheme.name == f"EMVCo {scheme.country}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("upi://mandate?pa=shop@okbank", "a link of no known scheme"),
        ("bitcoin:175tWpb8K1S7NmH4Zx6rewF9WQrcZv245W", "a link of no known scheme"),
        ("https://example.com/pay", "a link of no known scheme"),
        ("\n", "the text is empty"),
    ],
)
def test_what_is_no_code_is_called_so(text: str, told: str) -> None:
    """A mandate's link was called a torn object, and no text a foreign currency."""
    with pytest.raises(InvalidMessage, match=told):
        qr.read(text)
