"""Forms of changes, and what changes would do: every kind has both, or a page of its own."""

import uuid
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from lxml import html

from switch.approvals.kinds import one_checker
from switch.change_catalogue import KINDS
from switch.pages import approvals, forms
from switch.pages.language import Language
from tests.switch.identity.test_people_api import bearer
from tests.switch.stack import Stack
from tests.switch.webhooks.test_webhook_keys import change

ENGLISH, RUSSIAN, CHINESE = (Language(code, ZoneInfo("UTC")) for code in ("en", "ru", "zh"))


def test_every_kind_can_be_requested_by_a_form_or_has_a_page_of_its_own() -> None:
    without = {name for name, kind in KINDS.items() if forms.fields_of(kind) is None}

    assert all(field.label for kind in KINDS.values() for field in forms.fields_of(kind) or ())
    assert without - set(approvals.OWN_PAGES) <= {"participant.onboard"}


def test_a_form_names_a_checker_alone_only_where_a_checker_alone_approves() -> None:
    """The forms of central banks and FX providers did, though a person of their own must approve."""
    alone = {name for name, kind in KINDS.items() if approvals._hint(kind) == approvals.CHECKER_HINT}

    assert alone <= {name for name, kind in KINDS.items() if kind.seats is one_checker}
    assert {"cap.set", "corridor.fees", "corridor.rules"} <= alone


def test_every_kind_has_its_place_in_the_list() -> None:
    assert {name.partition(".")[0] for name in KINDS} == set(approvals.GROUPS)


@pytest.mark.parametrize(
    ("kind", "said", "content"),
    [
        ("rail.switch", {"country": "PK", "open": "true"}, {"country": "PK", "open": True}),
        (
            "rail.switch",
            {"country": "PK", "open": "false", "opens_at": "2026-11-26T09:00"},
            {"country": "PK", "open": False, "opens_at": "2026-11-26T09:00:00Z"},
        ),
        (
            "limit.set",
            {"participant": "asha-bank", "currency": "INR", "per_payment": "", "per_day": "5"},
            {"participant": "asha-bank", "currency": "INR", "per_payment": None, "per_day": "5"},
        ),
        (
            "schedule.set",
            {"currency": "INR", "country": "IN", "zone": "Asia/Kolkata", "closes_at": "12:00  18:00"},
            {"currency": "INR", "country": "IN", "zone": "Asia/Kolkata", "closes_at": ["12:00", "18:00"]},
        ),
        ("window.close", {"currency": "INR", "window": "7"}, {"currency": "INR", "window": 7}),
        (
            "screening.lists",
            {"lists": "3 4", "threshold": "90"},
            {"lists": [3, 4], "threshold": 90},
        ),
    ],
)
def test_a_form_is_read_as_its_kind_reads_a_request(
    kind: str, said: dict[str, str], content: dict[str, object]
) -> None:
    read = forms.read(forms.fields_of(KINDS[kind]) or (), said, ENGLISH)

    assert read == content
    KINDS[kind].read(read)


@pytest.mark.parametrize(
    ("typed", "lang", "plain"),
    [
        ("5000000.00", ENGLISH, "5000000.00"),
        ("5,000,000.00", ENGLISH, "5000000.00"),
        ("5 000 000", ENGLISH, "5000000"),
        ("5\u202f000\u202f000.5", ENGLISH, "5000000.5"),
        ("5\u2019000", ENGLISH, "5000"),
        ("5 000 000,50", RUSSIAN, "5000000.50"),
        ("5\u00a0000\u00a0000.50", RUSSIAN, "5000000.50"),
        ("0,5", RUSSIAN, "0.5"),
        ("\uff15\uff0c\uff10\uff10\uff10\uff0e\uff10\uff10", CHINESE, "5000.00"),
        ("5,00", ENGLISH, "5,00"),
        ("5,000 000", ENGLISH, "5,000 000"),
        ("1.000.000,00", RUSSIAN, "1.000.000,00"),
        ("1e6", ENGLISH, "1e6"),
        ("-1", ENGLISH, "-1"),
        ("five", ENGLISH, "five"),
    ],
)
def test_an_amount_is_typed_with_the_separators_of_the_language_or_left_to_be_refused(
    typed: str, lang: Language, plain: str
) -> None:
    fields = forms.fields_of(KINDS["cap.set"]) or ()
    said = {"participant": "asha-bank", "currency": "INR", "net_debit_cap": typed}

    assert forms.read(fields, said, lang)["net_debit_cap"] == plain


@pytest.mark.parametrize(
    ("detail", "amount", "field"),
    [
        ("currency: a currency code of three capital letters, such as INR", False, "currency"),
        ("more than 2 decimals", True, "net_debit_cap"),
        ("no account in this currency", False, ""),
    ],
)
def test_an_error_is_shown_at_its_field(detail: str, amount: bool, field: str) -> None:
    fields = forms.fields_of(KINDS["cap.set"]) or ()

    assert forms.field_of(detail, fields, amount=amount) == field


async def test_a_name_is_typed_and_what_exists_is_chosen_in_the_forms_of_report_deliveries(
    stack: Stack,
) -> None:
    """The name of a new schedule was a list of participants: nobody could use the forms."""
    name = f"to-{uuid.uuid4().hex[:8]}"
    content = {"name": name, "address": "https://reports.centralbank.example/in", "why": "agreement 12"}
    own = {"Sec-Fetch-Site": "same-origin", **bearer(stack, "operator")}
    async with aiohttp.ClientSession(stack.url, headers=own) as http:
        path = "/console/changes/new/report_destination.add"
        async with http.post(path, data=content, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            number = answer.headers["Location"].rpartition("/")[2]
        vote = {"decision": "approve", "reason": "seen"}
        path = f"/v1/changes/{number}/votes"
        async with http.post(path, json=vote, headers=bearer(stack, "checker")) as answer:
            assert (await answer.json())["state"] == "executed"
        async with http.get("/console/changes/new/report_schedule.add") as answer:
            form = html.fromstring(await answer.text())
        await change(stack, "report_destination.remove", {"name": name})

    def chosen(field: str) -> dict[str, str]:
        return {each.get("value"): each.text for each in form.iterfind(f".//select[@id='{field}']/option")}

    assert form.find(".//input[@id='name']") is not None
    assert name in chosen("destination")
    assert chosen("report")["corridors"] == "corridors · Volumes, values and speed by corridor"
    assert {"pdf", "xlsx", "csv", "json"} <= chosen("format").keys()
    assert chosen("language")["ru"] == "ru · Русский"
    assert "INR" in chosen("currency")
