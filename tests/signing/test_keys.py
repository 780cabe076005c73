"""Keys: what is a key here, and what is not."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from schemas.signing import keys
from schemas.signing.keys import PublicKey, SigningKey

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493


def points_of_small_order() -> set[bytes]:
    """Every point of the curve whose eightfold is the identity, from the definition of Ed25519 (RFC 8032)."""
    found = {(0, 1), (0, P - 1)}
    # From a point of the order 8, its multiples; y^2 of one solves the doubling formulas.
    for y in range(2, 60):
        x = root_of((y * y - 1) * pow(D * y * y + 1, -1, P))
        if x is None:
            continue
        point = times(ORDER, (x, y))
        found |= {times(factor, point) for factor in range(8)}
    return {encoded(point) for point in found}


def root_of(square: int) -> int | None:
    root = pow(square, (P + 3) // 8, P)
    for candidate in (root, root * pow(2, (P - 1) // 4, P) % P):
        if candidate * candidate % P == square % P:
            return candidate
    return None


def plus(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    product = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P)
    return x % P, y % P


def times(factor: int, point: tuple[int, int]) -> tuple[int, int]:
    total = (0, 1)
    while factor:
        if factor & 1:
            total = plus(total, point)
        point, factor = plus(point, point), factor >> 1
    return total


def encoded(point: tuple[int, int]) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def test_a_key_of_small_order_is_refused():
    """Under such a key one signature fits many messages, and its holder could deny them all."""
    points = points_of_small_order()
    assert len(points) == 8
    for point in points:
        with pytest.raises(ValueError, match="weak"):
            PublicKey("weak", "ed25519", ed25519.Ed25519PublicKey.from_public_bytes(point))


def test_the_list_of_small_orders_has_every_encoding_and_no_other():
    """A y below 19 has a second encoding, y + p; the sign bit is left out of the list."""
    ys = {int.from_bytes(point, "little") & (2**255 - 1) for point in points_of_small_order()}
    encodings = {y for small in ys for y in (small, small + P) if y < 2**255}

    assert {y.to_bytes(32, "little") for y in encodings} == keys._SMALL_ORDER


def test_a_signature_has_one_form():
    """Ed25519: S and S + order are the same number; only the smaller is a signature."""
    key = SigningKey.generate("x")
    signature = key.sign(b"content")
    s = int.from_bytes(signature[32:], "little")

    assert key.public.verify(signature, b"content")
    assert not key.public.verify(signature[:32] + (s + ORDER).to_bytes(32, "little"), b"content")


def test_two_libraries_agree_on_signatures_and_on_every_altered_byte():
    """libsodium verifies, OpenSSL signs and is the reference."""
    key = SigningKey.generate("x")
    for content in (b"", b"c", b"content" * 100):
        signature = key.sign(content)
        altered = [
            *(
                signature[:at] + bytes([signature[at] ^ 1 << at % 8]) + signature[at + 1 :]
                for at in range(64)
            ),
            *(point + signature[32:] for point in points_of_small_order()),
            bytes(64),
            signature[::-1],
        ]

        assert key.public.verify(signature, content)
        for wrong in altered:
            assert not key.public.verify(wrong, content)
            with pytest.raises(InvalidSignature):
                key.public.key.verify(wrong, content)


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256-sha256"])
@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_a_signature_of_another_length_is_none(algorithm, length):
    key = SigningKey.generate("x", algorithm)
    signature = key.sign(b"content")
    cut = (signature + b"content" + bytes(64))[:length]

    assert not key.public.verify(cut, b"content"[max(0, length - 64) :])


@pytest.mark.parametrize(
    "pem", [b"", b"garbage", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]
)
def test_what_is_no_key_is_a_value_error(pem):
    for read in (PublicKey.from_pem, SigningKey.from_pem):
        with pytest.raises(ValueError):
            read("x", pem)


def test_an_encrypted_or_foreign_key_is_a_value_error():
    encrypted = SigningKey.generate("x").key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    foreign = ec.generate_private_key(ec.SECP521R1())
    private = foreign.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = foreign.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for pem in (encrypted, private):
        with pytest.raises(ValueError, match="neither"):
            SigningKey.from_pem("x", pem)
    with pytest.raises(ValueError, match="neither"):
        PublicKey.from_pem("x", public)
