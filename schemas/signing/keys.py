"""Signing keys of participants and of the switch: Ed25519, or ECDSA on P-256.

Both algorithms have signatures of 64 bytes (ECDSA as the raw `r || s` of RFC 9421 and RFC 7518, never DER),
so the length does not reveal the algorithm and an attacker cannot choose it.

A signature proves who signed a message, but does not identify the message: every ECDSA signature has two
valid forms, so a signature must not be used as an identity.

Each payment is verified twice, by the worker that receives it and by the writer. libsodium verifies Ed25519
in half the time of OpenSSL, which does everything else here.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

Algorithm = Literal["ed25519", "ecdsa-p256-sha256"]
"""Names of the HTTP Signature Algorithms registry (RFC 9421, 6.2)."""

SIGNATURE_BYTES: Final = 64
_HALF: Final = SIGNATURE_BYTES // 2
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_NO_KEY: Final = "neither an Ed25519 nor a P-256 key"
_SIGN_BIT: Final = 0x7F
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
)
"""Ed25519 points of an order that divides 8, without their sign bit, in every encoding."""


def _algorithm(key: object) -> Algorithm:
    """The only algorithm for a key.

    Raises:
        ValueError: a key of another kind or curve.

    """
    match key:
        case ed25519.Ed25519PublicKey() | ed25519.Ed25519PrivateKey():
            return "ed25519"
        case (
            ec.EllipticCurvePublicKey(curve=ec.SECP256R1()) | ec.EllipticCurvePrivateKey(curve=ec.SECP256R1())
        ):
            return "ecdsa-p256-sha256"
        case _:
            raise ValueError(_NO_KEY)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key for verification. The algorithm is determined by the key, never by a message."""

    keyid: str
    algorithm: Algorithm
    key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey
    _point: bytes = field(default=b"", init=False, repr=False, compare=False)
    """Of Ed25519, the key in 32 bytes."""

    def __post_init__(self) -> None:
        if self.algorithm != _algorithm(self.key):
            raise ValueError("the key is of another algorithm")
        if isinstance(self.key, ed25519.Ed25519PublicKey) and _is_weak(self.key):
            raise ValueError("the key is weak: anyone can sign with it")
        if isinstance(self.key, ed25519.Ed25519PublicKey):
            object.__setattr__(self, "_point", self.key.public_bytes_raw())

    @classmethod
    def from_pem(cls, keyid: str, pem: bytes) -> "PublicKey":
        """Read a SubjectPublicKeyInfo in PEM.

        Raises:
            ValueError: it is not such a key.

        """
        try:
            key = serialization.load_pem_public_key(pem)
        except UnsupportedAlgorithm:
            raise ValueError(_NO_KEY) from None
        if not isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey):
            raise ValueError(_NO_KEY)  # noqa: TRY004 - the text was wrong, not its type
        return cls(keyid, _algorithm(key), key)

    @property
    def pem(self) -> bytes:
        """The key as SubjectPublicKeyInfo in PEM."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo in DER, as hexadecimal text: what two people compare."""
        der = self.key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(der).hexdigest()

    def verify(self, signature: bytes, content: bytes) -> bool:
        """Whether `signature` (64 bytes) of `content` is valid for this key."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            if isinstance(self.key, ed25519.Ed25519PublicKey):
                crypto_sign_open(signature + content, self._point)
            else:
                self.key.verify(_der(signature), content, _ECDSA)
        except (InvalidSignature, BadSignatureError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A signing key. Its text form shows only the key id."""

    keyid: str
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

    def __post_init__(self) -> None:
        _algorithm(self.key)

    @classmethod
    def generate(cls, keyid: str, algorithm: Algorithm = "ed25519") -> "SigningKey":
        """Make a new key."""
        if algorithm == "ed25519":
            return cls(keyid, ed25519.Ed25519PrivateKey.generate())
        return cls(keyid, ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, keyid: str, pem: bytes) -> "SigningKey":
        """Read an unencrypted private key in PEM.

        Raises:
            ValueError: it is not such a key.

        """
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
            raise ValueError(_NO_KEY) from None
        if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            raise ValueError(_NO_KEY)  # noqa: TRY004 - the text was wrong, not its type
        return cls(keyid, key)

    @property
    def pem(self) -> bytes:
        """The key as unencrypted PKCS #8 in PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def public(self) -> PublicKey:
        """The public key of this key."""
        return PublicKey(self.keyid, _algorithm(self.key), self.key.public_key())

    def sign(self, content: bytes) -> bytes:
        """The signature over `content`, 64 bytes."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(content)
        r, s = utils.decode_dss_signature(self.key.sign(content, _ECDSA))
        return r.to_bytes(_HALF) + s.to_bytes(_HALF)

    def __repr__(self) -> str:
        return f"SigningKey(keyid={self.keyid!r})"


def _is_weak(key: ed25519.Ed25519PublicKey) -> bool:
    """Whether one signature of this key is valid for many messages, so that its holder could deny all."""
    point = key.public_bytes_raw()
    return point[:-1] + bytes([point[-1] & _SIGN_BIT]) in _SMALL_ORDER


def _der(signature: bytes) -> bytes:
    """The DER form that `cryptography` verifies, of a raw `r || s`."""
    r, s = int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
    return utils.encode_dss_signature(r, s)
