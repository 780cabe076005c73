"""The keys of a connection: RSA from PEM or from a PKCS#11 token, and the text of a MAC key."""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from adapters.port import RailConnection
from schemas.signing.token import TokenError, open_key

MINIMUM_BITS: Final = 2048
_PROBE: Final = b"does this key sign?"
MINIMUM_EXPONENT: Final = 65537
"""Smaller exponents have allowed forgeries against careless verifiers."""
_PEM: Final = b"-----BEGIN"


def private(pem: bytes) -> RSAPrivateKey:
    """A private key of our own.

    That it signs is tested. That its factors are prime costs 27 ms a key and process at the start: `examine`
    tests it, before a start and whenever the connection is checked.

    Raises:
        ValueError: not an unencrypted RSA key of at least 2048 bits, or its parts do not belong together.

    """
    key = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey) or key.key_size < MINIMUM_BITS:
        raise ValueError("an RSA key of at least 2048 bits is required")
    try:
        key.public_key().verify(key.sign(_PROBE, PKCS1v15(), SHA256()), _PROBE, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise ValueError("the parts of the RSA key do not belong together") from None
    return key


def examine(connection: RailConnection) -> None:
    """Test a private key of a connection completely, with the factors of RSA.

    Raises:
        ValueError: it is damaged or weak.

    """
    if connection.signing_key.lstrip().startswith(_PEM):
        load_pem_private_key(connection.signing_key, password=None)


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
