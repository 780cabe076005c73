"""Forms of changes, and what changes would do: every kind has both, or a page of its own."""

import pytest

from switch.change_catalogue import KINDS
from switch.pages import approvals, forms


def test_every_kind_can_be_requested_by_a_form_or_has_a_page_of_its_own() -> None:
    without = {name for name, kind in KINDS.items() if forms.fields_of(kind) is None}

    assert all(field.label for kind in KINDS.values() for field in forms.fields_of(kind) or ())
    assert without - set(approvals.OWN_PAGES) <= {"participant.onboard"}


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
    ],
)
def test_a_form_is_read_as_its_kind_reads_a_request(
    kind: str, said: dict[str, str], content: dict[str, object]
) -> None:
    read = forms.read(forms.fields_of(KINDS[kind]) or (), said)

    assert read == content
    KINDS[kind].read(read)
