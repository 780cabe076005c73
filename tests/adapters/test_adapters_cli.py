"""`payswitch adapters`: list, check, translate."""

import json

import pytest
from msgspec import structs
from typer.testing import CliRunner

from adapters import registry
from adapters.simulation.harness import sample_order
from adapters.xml import parse
from schemas import codec, credit_transfer
from schemas.money import Money
from switch.cli import run
from switch.cli.adapters import app

runner = CliRunner()


@pytest.fixture
def file(tmp_path):
    """A pacs.008 to the ordinary account of India's sandbox, in its currency."""
    payment = sample_order("IN").payment
    account = structs.replace(payment.creditor_account, proxy=None, other="asha@okbank")
    amount = Money(150000, "INR")
    payment = structs.replace(payment, interbank_settlement_amount=amount, creditor_account=account)
    path = tmp_path / "payment.xml"
    document = credit_transfer.build(payment)
    path.write_bytes(codec.encode(credit_transfer.DEFAULT_VERSION, document, media_type=codec.XML))
    return path


def test_list_prints_every_profile():
    done = runner.invoke(app, ["list"])

    assert done.exit_code == 0
    profiles = {profile["country"]: profile for profile in json.loads(done.stdout)}
    assert sorted(profiles) == registry.countries()
    assert profiles["IN"]["creditor"][0] == {
        "kind": "payment address",
        "text": "a payment address user@handle",
        "pays": True,
        "bank": None,
    }
    assert profiles["IN"]["limits"] == {
        "minimum_minor": 1,
        "maximum_minor": 100_000_00,
        "basis": "observed",
        "step_minor": 1,
    }
    assert profiles["UZ"]["hours"]["opens"] == "00:00"


def test_translate_writes_native_bytes(file):
    done = runner.invoke(app, ["translate", "IN", str(file)])

    assert done.exit_code == 0, done.output
    root = parse(done.stdout_bytes.rstrip(b"\n"))
    assert root.find("Payees/Payee").get("addr") == "asha@okbank"
    assert root.find("Payees/Payee/Amount").get("value") == "1500.00"


def test_translate_takes_the_credit_in_the_rails_currency(file):
    done = runner.invoke(app, ["translate", "IN", str(file), "--amount", "12.5", "--serial", "7"])

    root = parse(done.stdout_bytes.rstrip(b"\n"))
    assert root.find("Payees/Payee/Amount").get("value") == "12.50"
    assert root.find("Txn").get("custRef").endswith("000007")


REFUSED = [
    (["translate", "PK", "{file}"], 1, "AM03"),
    (["translate", "XX", "{file}"], 1, "no adapter"),
    (["translate", "IN", "{file}", "--amount", "1e3"], 2, "AM12"),
    (["check", "XX"], 1, "no adapter"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), REFUSED)
def test_what_cannot_be_done_states_why(file, arguments, code, said, capfd):
    done = run(["adapters", *(argument.format(file=file) for argument in arguments)])
    printed = capfd.readouterr()

    assert done == code
    assert said in printed.out + printed.err


def test_a_file_that_is_no_payment_is_refused(tmp_path, capfd):
    path = tmp_path / "payment.xml"
    path.write_text("<a/>")

    assert run(["adapters", "translate", "IN", str(path)]) == 1
    assert "FF01" in capfd.readouterr().err
