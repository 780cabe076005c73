"""What the log shows of an event: amounts, instants and words, and nothing that is in another column."""

from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup

from switch.pages import event_facts, language
from switch.pages.language import Language
from switch.reports.facts import EventFacts
from switch.reports.wording import Wording

ENGLISH, RUSSIAN = (Language(code, ZoneInfo("UTC")) for code in ("en", "ru"))


def test_a_body_is_shown_as_pairs_for_a_reader() -> None:
    body = {
        "credit": [3283500, "PKR"],
        "fx": ["silkroad-fx", "3.2835000000"],
        "message_sha256": "ab" * 32,
        "offer": 0,
        "reason": "TM01",
        "received_at": 1796099469634191,
        "uetr": "62af17554a7b4946ac68f0270b8e305d",
        "detail": "",
    }

    assert event_facts.pairs(body, ENGLISH)[:2] == [
        ("Credited", "32,835.00 PKR"),
        ("FX provider and rate", "silkroad-fx, 3.2835"),
    ]
    shown = dict(event_facts.pairs(body, ENGLISH))
    assert shown["Hash of the message"].startswith('<span class="uetr">abababab')
    assert shown["Received"] == "2026-12-01 04:31:09 UTC"
    assert shown["Reason"].startswith("TM01 ")
    assert not {"uetr", "detail", "Detail", "offer"} & shown.keys()


def test_a_requested_change_is_shown_with_the_labels_of_its_form() -> None:
    body = {
        "change": 11,
        "change_kind": "cap.set",
        "content": {"participant": "asha-bank", "net_debit_cap": "75000000.00", "confirmed_factor": None},
        "maker": "operator",
        "seats": [["checker", ""]],
    }

    assert dict(event_facts.pairs(body, ENGLISH)) == {
        "Kind": "Set a net debit cap",
        "Participant": "asha-bank",
        "Net debit cap": "75,000,000.00",
        "Required approvals": "checker",
    }
    assert "Участник" in dict(event_facts.pairs(body, RUSSIAN))


def test_a_page_and_a_report_state_the_same_facts() -> None:
    """The page had Python's own text where a fact is a list of parts, and the report whole minor units."""
    body = {
        "bank": "INDUPKKA",
        "credit": [3283500, "PKR"],
        "fx": ["silkroad-fx", "3.2835000000"],
        "lookups": [{"rail": "PK", "alias": "none"}],
        "received_at": 1796099469634191,
    }
    page = event_facts.pairs(body, ENGLISH)
    report = EventFacts(Wording("en")).pairs(body)

    assert page[:-1] == report[:-1]
    assert page[3] == ("Lookups", "Rail: PK; Alias: none")
    assert (page[4][0], report[4][0]) == ("Received", "Received")


@pytest.mark.parametrize("hostile", ["<script>", "x" * 10_000])
def test_a_value_of_others_is_bounded_and_left_to_be_escaped(hostile: str) -> None:
    ((label, value),) = event_facts.pairs({"un_known": hostile}, ENGLISH)

    assert label == "Un known"
    assert not isinstance(value, Markup)
    assert len(value) < 300


def test_a_kind_without_translation_is_in_words() -> None:
    assert ENGLISH.event("PAGE_READ") == "page read"
    assert ENGLISH.event("FUND") == "movement of funds"
    assert RUSSIAN.event("PAGE_READ") == "просмотр страницы"


def test_terms_of_the_switch_are_in_the_readers_language() -> None:
    body = {"decision": "approve", "state": "ABORTED", "detail": "the window was aborted"}

    assert not [value for _, value in event_facts.pairs(body, RUSSIAN) if value.isascii()]


def test_the_report_and_its_scope_are_named_as_on_the_page_of_reports() -> None:
    asked = {"report": "access-log", "scope": "all", "asked": {"scope": "all"}}

    assert event_facts.pairs(asked, RUSSIAN) == [
        ("Отчёт", "Журнал доступа и изменений"),
        ("Область доступа", "все"),
    ]


def test_options_of_a_requested_change_are_said_in_words() -> None:
    content = {"participant": "*", "decided_by": "officers", "account": "position", "rhythm": "day"}
    shown = [*event_facts.pairs(content, RUSSIAN), *event_facts.pairs({"direction": "into"}, RUSSIAN)]

    assert len(shown) == len(content) + 1
    assert not [value for _, value in shown if value.isascii()]


def test_a_short_detail_of_the_log_is_said_in_words() -> None:
    assert ENGLISH.detail("silence") == "no answer in time"
    assert ENGLISH.detail("another amount") == "the rail confirmed a different amount"
    assert ENGLISH.detail("http 409") == "the answer was HTTP status 409"
    assert RUSSIAN.detail("http 409").startswith("ответ")
    assert not [said for said in language.SAID if RUSSIAN.detail(said).isascii()]
    assert ENGLISH.detail("http://bank.example") == "http://bank.example"
