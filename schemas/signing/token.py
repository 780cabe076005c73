"""Private keys in a PKCS#11 token: a hardware security module, a smart card, or SoftHSM.

A key of a token has the interface of a private key of `cryptography`, so it can take its place wherever only
`sign` and `public_key` are called: at the rails (RSA), in `SigningKey` (Ed25519, ECDSA on P-256), in the
checkpoints of the event log (Ed25519). The key never leaves the token; what would need it is refused.

Needs the extra `hsm`. A process opens a session with each token once. If the token loses it, a signature
opens another session, once; a token that stays away makes the signature `Unavailable`.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from schemas.errors import Unavailable

if TYPE_CHECKING:
    from pkcs11 import PrivateKey, Session

T = TypeVar("T")
_SHA256: Final = "sha256"
_POINT_BYTES: Final = 32


class TokenError(ValueError):
    """A key of a token cannot be used; the text states why, without the PIN."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Where a private key is. The PIN is not part of its text form."""

    module: Path
    """The library of the token's manufacturer."""
    token: str
    """Label of the token."""
    label: str
    """Label of the key in the token."""
    pin: str = field(repr=False)


def open_key(place: TokenKey) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    """Open a key of a token.

    Raises:
        TokenError: the module, the token or the key is not there, the PIN is wrong, or the key is of a type
            that cannot be used.

    """
    handle = _Handle(place)
    kind = handle.kind
    opened = _KINDS.get(kind)
    if opened is None:
        raise TokenError(
            f"the key {place.label} in the token {place.token} is of the type {kind}:"
            " RSA, ECDSA on P-256 (EC) and Ed25519 (EC_EDWARDS) can be used"
        )
    key = opened(handle)
    key.public_key()
    handle.check_mechanism(_MECHANISMS[kind])
    return key


class _Handle:
    """One key, and the session of this process with its token."""

    def __init__(self, place: TokenKey) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._key: PrivateKey = _find(place)

    @property
    def kind(self) -> str:
        """Its type as PKCS#11 names it: `RSA`, `EC`, `EC_EDWARDS`."""
        kind = self._key.key_type
        return str(getattr(kind, "name", kind))

    def sign(self, content: bytes, mechanism: str) -> bytes:
        """Sign; with another session if the token has lost the one of this process.

        Raises:
            Unavailable: the token does not sign now.

        """
        import pkcs11  # noqa: PLC0415 - an extra

        named = pkcs11.Mechanism[mechanism]
        with self._lock:
            try:
                return bytes(self._key.sign(content, mechanism=named))
            except pkcs11.exceptions.PKCS11Error:
                _forget(self.place)
            try:
                self._key = _find(self.place)
                return bytes(self._key.sign(content, mechanism=named))
            except (pkcs11.exceptions.PKCS11Error, TokenError):
                raise Unavailable(f"the token {self.place.token} does not sign now") from None

    def attribute(self, name: str, *, public: bool = False) -> bytes:
        """Read an attribute of the key, or of the public key with the same label.

        Raises:
            TokenError: the token does not show it.

        """
        import pkcs11  # noqa: PLC0415

        try:
            key = self._key
            if public:
                key = self._key.session.get_key(
                    object_class=pkcs11.ObjectClass.PUBLIC_KEY, label=self.place.label
                )
            return bytes(key[pkcs11.Attribute[name]])
        except (pkcs11.exceptions.PKCS11Error, KeyError):
            what = "no public key with the label" if public else f"no {name} of the key"
            raise TokenError(f"the token {self.place.token} shows {what} {self.place.label}") from None

    def check_mechanism(self, mechanism: str) -> None:
        """Check that the token signs as is needed.

        Raises:
            TokenError: it does not.

        """
        import pkcs11  # noqa: PLC0415

        if pkcs11.Mechanism[mechanism] not in self._key.session.token.slot.get_mechanisms():
            raise TokenError(f"the token {self.place.token} does not offer the mechanism {mechanism}")


def _find(place: TokenKey) -> "PrivateKey":
    """Find the key; in another session if the token has lost the one of this process."""
    try:
        import pkcs11  # noqa: PLC0415
    except ImportError:
        raise TokenError("PKCS#11 needs a package: pip install 'payswitch[hsm]'") from None
    try:
        return _found(place)
    except pkcs11.exceptions.PKCS11Error:
        _forget(place)
    try:
        return _found(place)
    except pkcs11.exceptions.PKCS11Error as error:
        raise TokenError(f"the token {place.token} fails: {type(error).__name__}") from None


def _found(place: TokenKey) -> "PrivateKey":
    import pkcs11  # noqa: PLC0415

    session = _session(place)
    try:
        return session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=place.label)
    except pkcs11.exceptions.NoSuchKey:
        text = f"there is no private key {place.label} in the token {place.token}"
    except pkcs11.exceptions.MultipleObjectsReturned:
        text = f"several private keys have the label {place.label} in the token {place.token}"
    raise TokenError(text)


_sessions: dict[tuple[int, Path, str], "Session"] = {}
"""By process, because a forked process may not use the sessions of its parent."""
_sessions_lock: Final = threading.Lock()


def _session(place: TokenKey) -> "Session":
    name = (os.getpid(), place.module, place.token)
    with _sessions_lock:
        if name not in _sessions:
            _sessions[name] = _open_session(place)
        return _sessions[name]


def _forget(place: TokenKey) -> None:
    with _sessions_lock:
        _sessions.pop((os.getpid(), place.module, place.token), None)


def _open_session(place: TokenKey) -> "Session":
    import pkcs11  # noqa: PLC0415

    try:
        library = pkcs11.lib(str(place.module))
    except pkcs11.exceptions.PKCS11Error:
        raise TokenError(f"the PKCS#11 module {place.module} cannot be loaded") from None
    try:
        token = library.get_token(token_label=place.token)
    except pkcs11.exceptions.NoSuchToken:
        raise TokenError(f"the module {place.module} has no token {place.token}") from None
    except pkcs11.exceptions.PKCS11Error as error:
        raise TokenError(f"the module {place.module} fails: {type(error).__name__}") from None
    try:
        return token.open(user_pin=place.pin)
    except pkcs11.exceptions.UserAlreadyLoggedIn:  # the process has another session with this token
        return token.open()
    except (pkcs11.exceptions.PinIncorrect, pkcs11.exceptions.PinLenRange, pkcs11.exceptions.PinInvalid):
        raise TokenError(f"the PIN of the token {place.token} is wrong") from None
    except pkcs11.exceptions.PinLocked:
        raise TokenError(f"the PIN of the token {place.token} is locked") from None
    except pkcs11.exceptions.PKCS11Error as error:
        raise TokenError(f"the token {place.token} opens no session: {type(error).__name__}") from None


def _refuse() -> NoReturn:
    raise UnsupportedAlgorithm("a key in a token only signs; it never leaves the token")


class TokenRsaKey(rsa.RSAPrivateKey):
    """An RSA key that signs with PKCS #1 v1.5 and SHA-256."""

    def __init__(self, handle: _Handle) -> None:
        self._handle = handle

    @cached_property
    def _public(self) -> rsa.RSAPublicKey:
        numbers = (int.from_bytes(self._handle.attribute(name)) for name in ("PUBLIC_EXPONENT", "MODULUS"))
        return rsa.RSAPublicNumbers(*numbers).public_key()

    @property
    def key_size(self) -> int:
        """Bits of the modulus."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Its public key."""
        return self._public

    def sign(self, data: Any, padding_: Any, algorithm: Any) -> bytes:
        """Sign with PKCS #1 v1.5 and SHA-256; anything else is refused."""
        if not isinstance(padding_, padding.PKCS1v15) or getattr(algorithm, "name", "") != _SHA256:
            raise UnsupportedAlgorithm("a key in a token signs with PKCS #1 v1.5 and SHA-256 only")
        return self._handle.sign(bytes(data), "SHA256_RSA_PKCS")

    def decrypt(self, *_: Any) -> bytes:
        """Refuse: it only signs."""
        _refuse()

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        """Refuse: they stay in the token."""
        _refuse()

    def private_bytes(self, *_: Any) -> bytes:
        """Refuse: they stay in the token."""
        _refuse()

    def __copy__(self) -> "TokenRsaKey":
        """Itself: it has no state of its own."""
        return self

    def __deepcopy__(self, _memo: Any) -> "TokenRsaKey":
        """Itself: it has no state of its own."""
        return self


class TokenEcKey(ec.EllipticCurvePrivateKey):
    """A key on P-256 that signs with ECDSA and SHA-256."""

    def __init__(self, handle: _Handle) -> None:
        self._handle = handle

    @cached_property
    def _public(self) -> ec.EllipticCurvePublicKey:
        point = _octets(self._handle.attribute("EC_POINT", public=True))
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except ValueError:
            raise TokenError(f"the key {self._handle.place.label} is not on the curve P-256") from None

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """256."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Its public key."""
        return self._public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Sign with SHA-256 and encode as DER; another hash is refused."""
        algorithm = signature_algorithm.algorithm
        if not isinstance(algorithm, hashes.SHA256):
            raise UnsupportedAlgorithm("a key in a token signs with SHA-256 only")
        raw = self._handle.sign(hashlib.sha256(data).digest(), "ECDSA")
        half = len(raw) // 2
        return utils.encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))

    def exchange(self, *_: Any) -> bytes:
        """Refuse: it only signs."""
        _refuse()

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """Refuse: they stay in the token."""
        _refuse()

    def private_bytes(self, *_: Any) -> bytes:
        """Refuse: they stay in the token."""
        _refuse()

    def __copy__(self) -> "TokenEcKey":
        """Itself: it has no state of its own."""
        return self

    def __deepcopy__(self, _memo: Any) -> "TokenEcKey":
        """Itself: it has no state of its own."""
        return self


class TokenEd25519Key(ed25519.Ed25519PrivateKey):
    """An Ed25519 key."""

    def __init__(self, handle: _Handle) -> None:
        self._handle = handle

    @cached_property
    def _public(self) -> ed25519.Ed25519PublicKey:
        point = _octets(self._handle.attribute("EC_POINT", public=True))
        if len(point) != _POINT_BYTES:
            raise TokenError(f"the key {self._handle.place.label} is not an Ed25519 key")
        return ed25519.Ed25519PublicKey.from_public_bytes(point)

    def public_key(self) -> ed25519.Ed25519PublicKey:
        """Its public key."""
        return self._public

    def sign(self, data: Any) -> bytes:
        """Sign."""
        return self._handle.sign(bytes(data), "EDDSA")

    def private_bytes_raw(self) -> bytes:
        """Refuse: they stay in the token."""
        _refuse()

    def private_bytes(self, *_: Any) -> bytes:
        """Refuse: they stay in the token."""
        _refuse()

    def __copy__(self) -> "TokenEd25519Key":
        """Itself: it has no state of its own."""
        return self

    def __deepcopy__(self, _memo: Any) -> "TokenEd25519Key":
        """Itself: it has no state of its own."""
        return self


def _octets(point: bytes) -> bytes:
    """The octets of a point; PKCS#11 wraps them in an OCTET STRING of DER, some tokens do not."""
    wrapped = len(point) > 2 and point[0] == 0x04 and point[1] == len(point) - 2  # noqa: PLR2004 - DER
    return point[2:] if wrapped else point


_KINDS: Final[dict[str, Callable[[_Handle], TokenRsaKey | TokenEcKey | TokenEd25519Key]]] = {
    "RSA": TokenRsaKey,
    "EC": TokenEcKey,
    "EC_EDWARDS": TokenEd25519Key,
}
_MECHANISMS: Final = {"RSA": "SHA256_RSA_PKCS", "EC": "ECDSA", "EC_EDWARDS": "EDDSA"}
