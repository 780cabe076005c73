"""What a receiver makes of deliveries that anybody can send to it."""

import base64
import hmac

import pytest

from switch.clients.python import NotVerified, verify_webhook

KEY = "whpk_" + "A" * 43 + "="
SECRET = "whsec_c2VjcmV0"


@pytest.mark.parametrize("keys", [KEY, SECRET], ids=["public key", "secret"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-signature", "v1,\u00e9 v1a,\u00e9"),
        ("webhook-signature", "v1a,AAAA v1,AAAA"),
        ("webhook-signature", "v1a,\udcff v1,\udcff"),
        ("webhook-timestamp", "1" * 400),
        ("webhook-timestamp", "1" * 5000),
        ("webhook-timestamp", "-1"),
        ("webhook-timestamp", "nan"),
        ("webhook-id", "\udcff"),
    ],
    ids=[
        "not ascii",
        "short",
        "surrogate",
        "beyond a float",
        "beyond an int",
        "before 1970",
        "no number",
        "id",
    ],
)
def test_a_header_that_cannot_be_right_is_not_verified(keys: str, name: str, value: str) -> None:
    """Whoever knows the address could make the receiver fail with another exception, so with a 500."""
    headers = {"webhook-id": "1", "webhook-timestamp": "1000", "webhook-signature": "v1,AAAA v1a,AAAA"}

    with pytest.raises(NotVerified):
        verify_webhook({**headers, name: value}, b"{}", keys, now=1000.0)


def test_a_secret_that_is_empty_verifies_nothing() -> None:
    """Where no secret was configured, anybody could sign with it."""
    signature = base64.b64encode(hmac.digest(b"", b"1.1000.{}", "sha256")).decode()
    headers = {"webhook-id": "1", "webhook-timestamp": "1000", "webhook-signature": f"v1,{signature}"}

    for keys in ("whsec_", "", ["whsec_", KEY]):
        with pytest.raises(NotVerified):
            verify_webhook(headers, b"{}", keys, now=1000.0)
