"""Reads the RSA keys of a connection from PEM."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

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
