"""Keys of both algorithms."""

import pytest

from schemas.signing.http_signatures import SigningKey


@pytest.fixture(scope="session", params=["ed25519", "ecdsa-p256-sha256"])
def key(request) -> SigningKey:
    """The participant's key, once for each algorithm."""
    return SigningKey.generate("IN-1:2026", request.param)


@pytest.fixture(scope="session")
def ecdsa_key() -> SigningKey:
    """A key of the algorithm whose signatures have two forms."""
    return SigningKey.generate("IN-1:2026", "ecdsa-p256-sha256")
