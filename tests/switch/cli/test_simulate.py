"""`payswitch simulate pay`: a person of one simulated rail pays a person of another, as a newcomer types it."""

import json

import pytest

from adapters import registry
from adapters.simulation import debit_book
from switch import cli
from switch.sandbox import gateways
from tests.switch.payments.inbound_world import GATEWAYS, credited, debits
from tests.switch.stack import Stack


@pytest.fixture(autouse=True)
def data(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))


def typed(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capfd.readouterr()
    code = cli.run(["simulate", "pay", *words])
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return code, out, err


@pytest.mark.parametrize(("source", "target"), [("IN", "PK"), ("PK", "IN")])
def test_both_sides_and_the_switch_are_shown(
    source: str, target: str, stack: Stack, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = typed(capfd, source.lower(), target, "250.00")

    assert code == 0, err
    paid = json.loads(out)
    rails = stack.settings.rails_directory
    entry, (credit,) = debits(rails, source)[paid["uetr"]], credited(rails, target)[paid["uetr"]]
    assert (paid["payer"]["state"], paid["switch"]["state"]) == ("done", "done")
    assert (paid["payer"]["account"], paid["payer"]["amount"]["amount"]) == (entry.payer, "250.00")
    assert (paid["payee"]["account"], paid["payee"]["reference"]) == (credit.account, credit.rail_ref)
    assert paid["payee"]["amount"] == paid["switch"]["credited"]
    # On a busy machine the price of the look-up may be a forecast.
    assert paid["payer"]["quote"] == paid["switch"]["quote"]
    assert source == "IN" or paid["payer"]["quote"] is None
    # Another test of this switch may have set a gateway of its own.
    assert paid["switch"]["gateway"] in {gateways.gateway(source)["id"], GATEWAYS[source][0]}
    assert (paid["switch"]["order"], paid["switch"]["dispute"]) == (entry.ref, None)


def test_a_payer_who_has_the_money_back_is_no_success(
    stack: Stack, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = typed(capfd, "PK", "IN", "90.00", "--word", "ac04")

    paid = json.loads(out)
    assert (code, paid["payer"]["state"], paid["payee"]) == (1, "refunded", None)
    assert (paid["switch"]["state"], paid["switch"]["reason"]) == ("refused", "AC04")
    assert {paid["switch"][name] for name in ("debited", "credited", "fee")} == {None}
    assert "the payer got the money back: AC04" in err
    assert paid["uetr"] not in credited(stack.settings.rails_directory, "IN")


def test_a_rail_that_misbehaves_pays_once(stack: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = typed(capfd, "IN", "PK", "80.00", "--behaviour", "twice")

    assert code == 0, err
    assert len(credited(stack.settings.rails_directory, "PK")[json.loads(out)["uetr"]]) == 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("XX", "PK", "1.00"), "no simulated rail of XX orders payments here: choose one of IN, PK"),
        (("IN", "IN", "1.00"), "no simulated rail abroad of IN runs here"),
        (("IN", "RU", "1.00"), "no simulated rail abroad of RU runs here"),
        (("IN", "PK", "much"), "the amount 'much' is not valid"),
        (("IN", "PK", "1.00", "--word", "HELLO"), "'HELLO' is no magic word"),
        (("IN", "PK", "1.00", "--behaviour", "RUDE"), "no behaviour 'RUDE': choose one of TWICE"),
    ],
)
def test_what_makes_no_sense_moves_nothing(
    words: tuple[str, ...], reason: str, stack: Stack, capfd: pytest.CaptureFixture[str]
) -> None:
    book = stack.settings.rails_directory / "IN" / debit_book.FILE_NAME
    before = set(debit_book.last_states(book))
    code, _, err = typed(capfd, *words)

    assert code == 2
    assert reason in err
    assert set(debit_book.last_states(book)) == before


def test_without_a_sandbox_nobody_pays(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAYSWITCH_DATA", str(tmp_path))
    code, _, err = typed(capfd, "IN", "PK", "1.00")

    assert code == 1
    assert "is not the data directory of a sandbox" in err


async def test_a_sandbox_takes_the_orders_of_every_rail_that_orders_payments(stack: Stack) -> None:
    connection = await stack.connect()
    rows = await connection.fetch("SELECT rail::text, gateway, open FROM switch.rail_inbound")
    await connection.close()

    expected = {country for country in stack.settings.rails if registry.originates(country)}
    assert {row["rail"] for row in rows} == expected


def test_each_country_has_a_gateway_of_its_own() -> None:
    made = [gateways.gateway(country) for country in registry.countries()]

    assert len({each["id"] for each in made}) == len({each["bic"] for each in made}) == len(made)
