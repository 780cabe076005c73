"""What a corridor demands of messages is set from outside, as data."""

import json

import pytest
from pydantic import ValidationError

from schemas import codec, rules
from switch.base.settings import Settings
from tests.schemas.corpus import PACS_008


def findings(scheme: rules.Scheme) -> set[str]:
    raw = PACS_008.read_bytes().replace(b"<TwnNm>Mumbai</TwnNm>", b"").replace(b"GDDS", b"ZZZZ")
    message = codec.decode(raw, media_type=codec.XML)
    return {finding.code for finding in rules.refusals(rules.check(message, scheme=scheme))}


def test_a_corridor_has_its_own_scheme_or_the_general_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYSWITCH_SCHEME", json.dumps({"unknown_codes": "refuse"}))
    monkeypatch.setenv("PAYSWITCH_CORRIDOR_SCHEMES", json.dumps({"IN-KZ": {"addresses": "any"}}))

    settings = Settings()

    assert findings(settings.scheme_of("IN", "KZ")) == set()
    assert findings(settings.scheme_of("KZ", "IN")) == {"address", "unknown-code"}
    assert findings(Settings.model_fields["scheme"].default) == {"address"}


@pytest.mark.parametrize("scheme", ['{"adresses": "any"}', '{"addresses": "none"}', "[]"])
def test_an_impossible_scheme_is_reported_at_the_start(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("PAYSWITCH_SCHEME", scheme)

    with pytest.raises(ValidationError):
        Settings()


def test_settings_with_schemes_reach_the_processes_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(corridor_schemes={"IN-PK": rules.Scheme(clearing_systems=frozenset({"PSW"}))})
    for name, value in settings.model_dump(mode="json", include={"scheme", "corridor_schemes"}).items():
        monkeypatch.setenv(f"PAYSWITCH_{name.upper()}", json.dumps(value))

    assert Settings() == settings
