"""Key requests (PKCS #10): the holder of a private key proves it, and states whose key it is.

The subject has two attributes: `O` is the id of the participant, `CN` the key id. A request therefore serves
for one key id of one participant only, and nobody can register a key that its holder did not ask for.
"""

from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from schemas.signing.keys import PublicKey, SigningKey

_SUBJECT: Final = (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
_NO_REQUEST: Final = "not a key request (PKCS #10) in PEM"


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A request whose signature is valid: the holder of the private key made it for this participant."""

    participant: str
    key: PublicKey


def read(pem: str) -> KeyRequest:
    """Read a request, and verify that the private key of its public key signed it.

    Raises:
        ValueError: it is none, its subject is not `O` and `CN`, its key is of another kind, or its signature
            is not valid.

    """
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        names = list(request.subject)
        public = _pem(request)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise ValueError(_NO_REQUEST) from None
    participant, keyid = _stated(names)
    key = PublicKey.from_pem(keyid, public)
    if not _is_signed(request):
        raise ValueError("the key request is not signed by its own key")
    return KeyRequest(participant, key)


def make(key: SigningKey, participant: str) -> str:
    """Make the request for a key of a participant, in PEM."""
    values = (participant, key.keyid)
    subject = x509.Name([x509.NameAttribute(*stated) for stated in zip(_SUBJECT, values, strict=True)])
    digest = None if isinstance(key.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key.key, digest)
    return request.public_bytes(serialization.Encoding.PEM).decode()


def _stated(names: list[x509.NameAttribute[str | bytes]]) -> tuple[str, str]:
    """The participant and the key id of a subject."""
    stated = {name.oid: str(name.value) for name in names}
    if len(names) != len(_SUBJECT) or stated.keys() != set(_SUBJECT):
        raise ValueError("the subject of a key request is O, the participant, and CN, the key id")
    participant, keyid = (stated[oid] for oid in _SUBJECT)
    return participant, keyid


def _is_signed(request: x509.CertificateSigningRequest) -> bool:
    try:
        return request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        return False


def _pem(request: x509.CertificateSigningRequest) -> bytes:
    return request.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
