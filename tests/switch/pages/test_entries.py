"""What pages say of an entry: what a change, a proof or a message is about, and when something was."""

import json
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from switch.clients.python import payment_return, request_to_pay
from switch.identity.model import Change, ChangeState, Role
from switch.pages import approvals, own_messages, proofs, reports, shell
from switch.pages.language import Language
from switch.reports.catalogue import CATALOGUE
from switch.reports.wording import Wording

ENGLISH = Language("en", ZoneInfo("UTC"))


def change_of(content: dict[str, Any]) -> Change:
    now = datetime.now(UTC)
    return Change(
        number=7,
        kind="cap.set",
        content=json.dumps(content),
        maker="olga",
        reason="letter of 12 May",
        seats=(),
        state=ChangeState.REQUESTED,
        requested_at=now,
        expires_at=now,
        ended_at=None,
        outcome="",
    )


@pytest.mark.parametrize(
    ("content", "about"),
    [
        ({"participant": "asha-bank", "currency": "INR", "net_debit_cap": "5.00"}, "asha-bank, INR"),
        ({"source": "IN", "target": "PK", "fee_minor": 5}, "IN → PK"),
        ({"window": 107, "positions_sha256": "0" * 64}, "Window 107"),
        ({"uetr": "eb8cb7b1-e85d-49da-b9a5-f11a3601d714", "evidence": "letter"}, "eb8cb7b1…"),
        ({"found": "nothing"}, ""),
    ],
)
def test_a_change_is_listed_with_what_it_is_about(content: dict[str, Any], about: str) -> None:
    assert approvals._about(change_of(content), ENGLISH) == about


def test_every_report_stands_under_one_heading() -> None:
    listed = Counter(name for names in reports.GROUPS.values() for name in names)

    assert listed == Counter(list(CATALOGUE))


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("payment-da69ed56-83f0-41f5-8cbc-622074b77992", "Proof of payment da69ed56"),
        ("window-107", "Proof of window 107"),
        ("event-44", "Proof of event 44"),
        ("checkpoints-194-197", "Proof that checkpoint 197 extends 194"),
    ],
)
def test_a_proof_is_titled_in_words(name: str, title: str) -> None:
    assert proofs._title(name, ENGLISH) == title


@pytest.mark.parametrize(
    ("zone", "shown"), [("UTC", "2026-12-01 04:31:09 UTC"), ("Asia/Kolkata", "2026-12-01 10:01:09 UTC+05:30")]
)
def test_an_instant_names_its_zone_by_its_distance_from_utc(zone: str, shown: str) -> None:
    at = datetime(2026, 12, 1, 4, 31, 9, tzinfo=UTC)

    assert [Language(code, ZoneInfo(zone)).instant(at) for code in ("en", "ru", "zh")] == [shown] * 3


@pytest.mark.parametrize("text", ["2026-12-01T04:31:09Z", "2026-12-01T04:31:09+00:00"])
def test_an_instant_of_a_change_is_shown_as_people_read_it(text: str) -> None:
    assert ENGLISH.stated(text) == ENGLISH.quantity(text, "") == "2026-12-01 04:31:09 UTC"


def test_a_message_is_shown_with_what_a_person_asks_first() -> None:
    asked = request_to_pay(
        creditor_agent="INDUPKKA",
        creditor="Bilal Khan",
        creditor_account="PK60SAND0000000000000001",
        debtor_agent="ASHAINBB",
        debtor="Asha Rao",
        amount="1250.50",
        currency="INR",
        end_to_end_id="INVOICE-7",
    )
    returned = payment_return(str(uuid.uuid4()), amount="3283.50", currency="PKR", reason="AC04")
    facts = dict(own_messages._facts("pain.013.001.07", asked, ENGLISH))

    assert (facts["Amount"], facts["End-to-end id"]) == ("1,250.50 INR", "INVOICE-7")
    assert facts.keys() == {"Amount", "End-to-end id", "Requested execution date"}
    assert own_messages._facts("pacs.004.001.09", returned, ENGLISH)[0] == ("Amount", "3,283.50 PKR")
    assert dict(own_messages._facts("pacs.004.001.09", returned, ENGLISH))["Reason"].startswith("AC04 ")
    assert own_messages._facts("pacs.004.001.09", None, ENGLISH) == []


def test_the_detail_of_a_break_is_in_the_readers_language_and_keeps_the_rails_code() -> None:
    russian = Language("ru", ZoneInfo("UTC"))
    shown = russian.detail("the rail reports it as executed; aborted by the switch ACSP")

    assert shown.startswith("платёжная система сообщает")
    assert shown.endswith(" ACSP")
    assert russian.detail("returned AC04").startswith("возвращ")
    assert russian.detail("what nobody translates 42") == "what nobody translates 42"


def test_the_first_page_of_officers_is_explained_as_what_it_is() -> None:
    """It is that of screening, and was called what needs attention in the whole switch."""
    assert shell._about(shell.PREFIX, Role.OFFICER) == shell.SCREENING.about
    assert shell._about(shell.PREFIX, Role.OPERATOR) == shell.OVERVIEW.about


def test_durations_end_at_the_millisecond_and_times_to_the_millisecond_have_their_zone() -> None:
    """An age had six decimals on pages and three on paper; on a phone no head of a column said the zone."""
    at = datetime(2026, 12, 1, 13, 12, 42, 391000, tzinfo=UTC)

    assert ENGLISH.cell("seconds", "1217.069949") == Wording("en").cell(timedelta(seconds=1217.069949))
    assert ENGLISH.cell("seconds", "1217.069949") == "1,217.070"
    assert Language("en", ZoneInfo("Asia/Kolkata")).instant_exact(at) == "2026-12-01 18:42:42.391 UTC+05:30"
