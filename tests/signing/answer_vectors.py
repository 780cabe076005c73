"""`docs/reference/answer-vectors.json`: answers with the text that is signed and the signature.

`python -m tests.signing.answer_vectors` writes the file anew. The key is nobody's.
"""

import json
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ed25519

from schemas.signing import answer_signatures
from schemas.signing.answer_signatures import SignedRequest
from schemas.signing.keys import SigningKey
from tests.signing import vectors

FILE: Final = vectors.FILE.with_name("answer-vectors.json")
KEY: Final = SigningKey("answers-test", ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64))))
_ANSWERS: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "a message that is answered by a message",
        "method": "POST",
        "url": "https://switch.example:8320/v1/iso20022/pacs.008",
        "sent": {"Content-Digest": "", "Signature": ""},
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": '{"$type": "pacs.002.001.10", "Document": {}}',
    },
    {
        "name": "a request without a body, with a query",
        "method": "GET",
        "url": "https://switch.example:8320/v1/windows?limit=1",
        "sent": {"Signature": ""},
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": "[]",
    },
    {
        "name": "an answer without a body",
        "method": "DELETE",
        "url": "https://switch.example:8320/v1/webhooks/0a6f1c9e-58a0-4c0c-9a53-5d6f3a1c7b11",
        "sent": {"Signature": ""},
        "status": 204,
        "headers": {},
        "body": "",
    },
)


class Recorded(SigningKey):
    """A key that keeps what it signs."""

    base = b""

    def sign(self, content: bytes) -> bytes:
        """Sign, and keep the text."""
        Recorded.base = content
        return super().sign(content)


def answers() -> list[dict[str, Any]]:
    """Each answer to a request of the other vectors."""
    of_requests = vectors.vectors()[0]["added_headers"]
    recorded = Recorded(KEY.keyid, KEY.key)
    found = []
    for each in _ANSWERS:
        sent = {name: of_requests[name] for name in each["sent"]}
        authority, _, target = each["url"].removeprefix("https://").partition("/")
        path, _, query = target.partition("?")
        added = answer_signatures.sign(
            recorded,
            SignedRequest(each["method"], authority, f"/{path}", query, lines(sent)),
            status=each["status"],
            headers=lines(each["headers"]),
            body=each["body"].encode(),
            now=vectors.NOW,
        )
        found.append(
            {
                **each,
                "sent": sent,
                "keyid": KEY.keyid,
                "private_key": KEY.pem.decode(),
                "public_key": KEY.public.pem.decode(),
                "base": Recorded.base.decode(),
                "added_headers": added,
            }
        )
    return found


def lines(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI has them."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


if __name__ == "__main__":
    FILE.write_text(json.dumps(answers(), indent=1) + "\n")
