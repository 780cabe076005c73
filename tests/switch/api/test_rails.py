"""`GET /v1/rails/{country}` states what the checks of a payment apply."""

import pytest

from adapters import registry
from switch.api import rails


@pytest.mark.parametrize("country", sorted(registry.countries()))
def test_every_form_of_account_has_an_example_that_it_accepts(country: str) -> None:
    profile = registry.profile(country)
    shown = [rails._identifier(form) for form in profile.creditor]

    assert any(one["pays"] for one in shown)
    for form, one in zip(profile.creditor, shown, strict=True):
        assert one["example"] is not None, one
        assert form.read(one["example"]) is not None


@pytest.mark.parametrize("country", sorted(registry.countries()))
def test_amounts_and_required_data_are_those_of_the_profile(country: str) -> None:
    profile = registry.profile(country)
    accepted = rails._accepted(profile, profile.hours)

    assert ("FIToFICstmrCdtTrf/CdtTrfTxInf/Purp" in accepted["required"]) == profile.purpose_required
    assert accepted["texts"]["name_max"] == profile.characters.name_max
    assert accepted["opens_at"]
