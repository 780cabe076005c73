"""`/.well-known/security.txt`: the operator's contact, or nothing."""

import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.errors import NotFound
from switch.api import disclosure
from switch.base.settings import Settings
from tests.switch.stack import Stack

UNTIL = datetime(2027, 6, 30, tzinfo=UTC)


def settings(**given: Any) -> Settings:
    return Settings(sandbox=True, **given)


def test_the_contact_is_published_with_its_expiry_as_rfc_9116_says() -> None:
    text = disclosure.text_of(
        settings(
            security_contact="mailto:security@switch.example",
            security_expires=UNTIL,
            security_policy="https://switch.example/disclosure",
            authority="api.switch.example",
        )
    )

    assert text.splitlines() == [
        "Contact: mailto:security@switch.example",
        "Expires: 2027-06-30T00:00:00+00:00",
        "Preferred-Languages: en",
        "Policy: https://switch.example/disclosure",
        "Canonical: https://api.switch.example/.well-known/security.txt",
    ]


@pytest.mark.parametrize(
    "given", [{}, {"security_contact": "mailto:a@b.example"}, {"security_expires": UNTIL}]
)
def test_nothing_is_published_without_a_contact_and_its_expiry(given: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        disclosure.text_of(settings(**given))


@pytest.mark.parametrize(
    "given",
    [
        {"security_contact": "security@switch.example"},
        {"security_contact": "mailto:a@b.example\nContact: mailto:evil@c.example"},
        {"security_contact": "http://switch.example"},
        {"security_policy": "javascript:alert(1)"},
        {"security_expires": "2027-06-30"},
        {"security_expires": "2027-06-30T00:00:00"},
    ],
)
def test_a_contact_is_one_address_and_an_expiry_an_instant(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**given)


def test_a_switch_without_a_contact_answers_404(stack: Stack) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{stack.url}/.well-known/security.txt", timeout=10)

    assert refused.value.code == 404
    refused.value.close()
