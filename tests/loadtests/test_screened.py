"""Payments with screening and without: the list is whole, names are replaced, and the page states the cost."""

from dataclasses import asdict

import msgspec

from loadtests import measure, screened
from loadtests.generator import Messages
from loadtests.mix import NAMES
from loadtests.names import people, script
from loadtests.screening import made_up
from switch.screening import list_files
from switch.screening.index import NameIndex
from tests.loadtests.test_compare import a_run
from tests.loadtests.test_generator import SENDER, TEMPLATE


def test_the_list_that_is_put_in_force_is_the_made_up_one() -> None:
    parties = list(made_up(60))

    read = list_files.read(screened.as_csv(parties).encode()).parties

    assert [[name.text for name in one.names] for one in read] == [
        [name.text for name in one.names] for one in parties
    ]


def test_names_are_those_of_their_country_in_its_script_and_no_more_than_wanted() -> None:
    scripts = {country: script(known[0]) for country, known in NAMES.items()}

    found = people(scripts, ["Zelkova"], dict.fromkeys(NAMES, 20))

    assert found.keys() == NAMES.keys()
    for country, known in found.items():
        assert 10 <= len(known) <= 20
        assert {script(name) for name in known} == {scripts[country]}


def test_a_payment_gets_other_names_and_keeps_the_rest() -> None:
    text = f"{TEMPLATE.text}<Nm>Asha Rao</Nm><Nm>Bilal Khan</Nm>"
    named = msgspec.structs.replace(TEMPLATE, text=text, names=[("IN", "Asha Rao"), ("PK", "Bilal Khan")])
    sender = msgspec.structs.replace(SENDER, messages=[named])

    kept = Messages(sender, "127.0.0.1:8320").next().body
    replaced = Messages(sender, "127.0.0.1:8320", 0, {"IN": ["Ravi Iyer"], "PK": ["Sana Mir"]}).next().body

    assert kept.endswith(b"<Nm>Asha Rao</Nm><Nm>Bilal Khan</Nm>")
    assert replaced.endswith(b"<Nm>Ravi Iyer</Nm><Nm>Sana Mir</Nm>")


def test_people_of_payments_have_no_hit(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(screened, "_NAMES_MAX", 10)
    monkeypatch.setattr(screened, "_OF_HOT", 10)
    parties = list(made_up(300))
    index = NameIndex(parties)

    found = screened.unlisted(parties)

    assert not [name for known in found.values() for name in known if index.search(name)]
    assert all(0 < len(known) <= 12 for known in screened.unlisted(parties, "known").values())


def test_the_page_states_what_screening_costs() -> None:
    options = measure.Options(6.0, 8, 2, "xml", 0.05, against_naive=False)
    runs = {"A": [a_run(100, 1000)] * 2, "B": [a_run(100, 1050)] * 2}
    about = {"list": {"entries": 10, "names": 20}, "names_of_payments": 30, "kind": "known"}

    found = screened.report(options, runs, {"A": {"verify": True}, "B": {"verify": True}}, about)
    page = screened.page(found)

    assert found["settings"] == asdict(options) | {"pairs": 2}
    assert "Screening costs 5.0%" in page
    assert "`python -m loadtests payments --screening known`" in page
