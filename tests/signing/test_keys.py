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


EDGES = [
    pytest.param(
        "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
        "0000000000000000000000000000000000000000000000000000000000000000",
        False,
        id="small order of both",
    ),
    pytest.param(
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43"
        "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        False,
        id="small order of the key",
    ),
    pytest.param(
        "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"
        "8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
        False,
        id="small order of R",
    ),
    pytest.param(
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f"
        "87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
        True,
        id="mixed orders",
    ),
    pytest.param(
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed512"
        "5ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
        False,
        id="only with the cofactor",
    ),
    pytest.param(
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7"
        "e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
        False,
        id="only with the cofactor, hashed whole",
    ),
    pytest.param(
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e"
        "547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
        False,
        id="S above the order",
    ),
    pytest.param(
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa1942"
        "7e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
        False,
        id="S far above the order",
    ),
    pytest.param(
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
        False,
        id="R in a second form",
    ),
    pytest.param(
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "ca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
        False,
        id="R in a second form, reduced",
    ),
    pytest.param(
        "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc"
        "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        False,
        id="key in a second form",
    ),
    pytest.param(
        "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dc"
        "a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        False,
        id="key in a second form, reduced",
    ),
]
"""The edge cases of Chalkias, Garillot, Nikolaenko: Taming the many EdDSAs (2020): content, key, signature."""


@pytest.mark.parametrize(("content", "key", "signature", "valid"), EDGES)
def test_edge_cases_of_ed25519_have_one_answer(
    content: str, key: str, signature: str, *, valid: bool
) -> None:
    """API, writer and `payswitch verify` ask the same function: what one accepts, none may refuse later."""
    point = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    try:
        public = PublicKey("x", "ed25519", point)
    except ValueError:
        assert not valid  # a weak key is never registered
        return

    assert public.verify(bytes.fromhex(signature), bytes.fromhex(content)) is valid
