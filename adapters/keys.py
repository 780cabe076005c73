"""The keys of a connection: RSA from PEM or from a PKCS#11 token, and the text of a MAC key."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from adapters.port import RailConnection
from schemas.signing.token import TokenError, open_key

MINIMUM_BITS: Final = 2048
MINIMUM_EXPONENT: Final = 65537
"""Smaller exponents have allowed forgeries against careless verifiers."""


def private(pem: bytes) -> RSAPrivateKey:
    """A private key.

    Raises:
        ValueError: not an unencrypted RSA key of at least 2048 bits.

    """
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, RSAPrivateKey) or key.key_size < MINIMUM_BITS:
        raise ValueError("an RSA key of at least 2048 bits is required")
    return key


def signing(connection: RailConnection) -> RSAPrivateKey:
    """Our private key of a connection, in whichever place it is.

    Raises:
        ValueError: not an RSA key of at least 2048 bits (`TokenError` if it is in a token).

    """
    place = connection.signing_token
    if place is None:
        return private(connection.signing_key)
    key = open_key(place)
    if not isinstance(key, RSAPrivateKey) or key.key_size < MINIMUM_BITS:
        raise TokenError(f"the key {place.label} in the token {place.token} is not RSA of 2048 bits or more")
    return key


def secret(connection: RailConnection) -> bytes:
    """The text of our MAC key.

    Raises:
        TokenError: the connection names a key in a token.

    """
    if connection.signing_token is not None:
        raise TokenError(
            "this rail uses a MAC key, which cannot be in a token: state it in a file or in the environment"
        )
    return connection.signing_key


def public(pem: bytes) -> RSAPublicKey:
    """A public key.

    Raises:
        ValueError: not an RSA key of at least 2048 bits with a common exponent.

    """
    key = load_pem_public_key(pem)
    if not isinstance(key, RSAPublicKey) or key.key_size < MINIMUM_BITS:
        raise ValueError("an RSA key of at least 2048 bits is required")
    if key.public_numbers().e < MINIMUM_EXPONENT:
        raise ValueError("an RSA key with a small exponent is weak")
    return key
