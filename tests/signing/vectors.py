"""`docs/reference/signature-vectors.json`: requests with the text that is signed and the signature.

`python -m tests.signing.vectors` writes the file anew. The keys are made here and are nobody's; a signature of ECDSA
differs each time, so the file changes with each run.
"""

import json
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from schemas.signing.keys import SigningKey
from switch.clients.python import signing

FILE: Final = Path(__file__).parents[2] / "docs" / "reference" / "signature-vectors.json"
NOW: Final = 1_700_000_000
_KEYS: Final = {
    "ed25519": SigningKey("test-ed25519", ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))),
    "ecdsa-p256-sha256": SigningKey("test-p256", ec.derive_private_key(0x1F2E3D4C5B6A7988, ec.SECP256R1())),
}
_REQUESTS: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "a message in XML, with a wait",
        "method": "POST",
        "target": "/v1/iso20022/pacs.008",
        "headers": {"Content-Type": "application/xml", "Prefer": "wait=10"},
        "body": "<Document/>",
    },
    {
        "name": "a message in JSON, which asks for XML",
        "method": "POST",
        "target": "/v1/iso20022/camt.056",
        "headers": {"Content-Type": "application/json", "Accept": "application/xml"},
        "body": '{"$type": "camt.056.001.08", "Document": {}}',
    },
    {
        "name": "a request without a body, with a query",
        "method": "GET",
        "target": "/v1/quotes?creditor_agent=INDUPKKA&amount=100.00&currency=INR",
        "headers": {"Accept": "application/json"},
        "body": "",
    },
    {
        "name": "a stream that is resumed",
        "method": "GET",
        "target": "/v1/events",
        "headers": {"Accept": "text/event-stream", "Last-Event-ID": "4711"},
        "body": "",
    },
)


class Recorded:
    """A key that keeps what it signs."""

    def __init__(self, key: SigningKey) -> None:
        self.keyid = key.keyid
        self.base = b""
        self._key = key

    def sign(self, content: bytes) -> bytes:
        """Sign, and keep the text."""
        self.base = content
        return self._key.sign(content)


def vectors() -> list[dict[str, Any]]:
    """One for each request and algorithm."""
    found = []
    for algorithm, key in _KEYS.items():
        for number, request in enumerate(_REQUESTS, 1):
            recorded = Recorded(key)
            added = signing.sign(
                recorded,
                method=request["method"],
                authority="switch.example:8320",
                target=request["target"],
                headers=request["headers"],
                body=request["body"].encode(),
                now=NOW,
                nonce=f"{algorithm[:2]}-{number:04}-4f9a1c7be2d04aa1",
            )
            found.append(
                {
                    **request,
                    "authority": "switch.example:8320",
                    "algorithm": algorithm,
                    "keyid": key.keyid,
                    "private_key": key.pem.decode(),
                    "public_key": key.public.pem.decode(),
                    "created": NOW,
                    "base": recorded.base.decode(),
                    "added_headers": added,
                }
            )
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1) + "\n")
