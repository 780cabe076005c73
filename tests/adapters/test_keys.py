"""The private keys of a connection: they sign, or they are refused with the reason."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters import keys


def pem(**changed: object) -> bytes:
    """An RSA key in PEM, some numbers of which may be those of another key."""
    ours, other = (rsa.generate_private_key(65537, 2048).private_numbers() for _ in range(2))
    numbers = {
        name: getattr(ours, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp", "public_numbers")
    }
    numbers |= {name: getattr(other, name) for name in changed}
    key = rsa.RSAPrivateNumbers(**numbers).private_key(unsafe_skip_rsa_key_validation=True)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_key_that_signs_is_read() -> None:
    assert keys.private(pem()).key_size == 2048


@pytest.mark.parametrize("mixed", [("d", "dmp1"), ("p",), ("public_numbers",), ("d", "iqmp", "dmq1")])
def test_a_key_mixed_from_two_is_refused(mixed: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"belong together|modulus"):
        keys.private(pem(**dict.fromkeys(mixed)))
