"""The proof of a settlement agent's confirmation: its signature of the stored bytes.

The API verifies it when it stores the confirmation. The caretaker verifies it once more, with the keys in the
database, because whoever has the login of an API worker can store rows of its own.
"""

from base64 import b64decode
from datetime import datetime
from typing import Final, NamedTuple

from schemas.errors import NotAuthentic
from schemas.signing import http_signatures, jws
from schemas.signing.keys import PublicKey
from switch.base.sql import statements
from switch.writer.context import ServiceContext

_KEYS: Final = statements("switch.settlement")("keys_at")
_PATH: Final = "/v1/settlements/confirmations"
_SLACK_S: Final = 5
"""How far the clocks of the database and of the API's machine may differ."""


class ConfirmationProof(NamedTuple):
    """What proves a confirmation; both are stored with it."""

    signature: str
    """A detached JWS of the bytes or, with a `base`, 64 bytes in base64."""
    base: bytes | None = None
    """The base of an HTTP message signature (RFC 9421)."""


UNSIGNED: Final = ConfirmationProof("sandbox key")
"""Of what came with a bearer key, which only a sandbox has."""


async def verify(
    context: ServiceContext, agent: str, body: bytes, proof: ConfirmationProof, received_at: datetime
) -> None:
    """Verify that a key of `agent` signed `body`, and was in force when it was stored.

    Raises:
        NotAuthentic: none did.

    """
    if context.sandbox and proof.base is None:
        return
    refusal = NotAuthentic("no key of this agent")
    for keyid, pem in await context.pool.fetch(_KEYS, agent, received_at, _SLACK_S):
        try:
            _verify(PublicKey.from_pem(keyid, pem.encode()), body, proof, received_at, context.authority)
        except NotAuthentic as error:
            refusal = error
        else:
            return
    raise refusal


def _verify(
    key: PublicKey, body: bytes, proof: ConfirmationProof, received_at: datetime, authority: str
) -> None:
    if proof.base is None:
        jws.verify(proof.signature, body, key=key)
        return
    try:
        signature = b64decode(proof.signature, validate=True)
    except ValueError:
        raise NotAuthentic("the signature is not base64") from None
    http_signatures.verify_base(
        proof.base,
        signature,
        key=key,
        path=_PATH,
        body=body,
        now=int(received_at.timestamp()),
        slack_s=_SLACK_S,
        authority=authority,
    )
