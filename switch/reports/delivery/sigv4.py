"""Signature version 4 of object stores, for one request with its body: only what an upload needs."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SAFE: Final = "/-_.~"


@dataclass(frozen=True, slots=True)
class S3Key:
    """An access key of an object store."""

    id: str
    secret: str
    region: str


def headers(key: S3Key, *, host: str, path: str, body: bytes, at: datetime, **more: str) -> dict[str, str]:
    """The headers of a signed PUT of `body` to `path`; `more` are further headers that are signed."""
    day, instant = f"{at:%Y%m%d}", f"{at:%Y%m%dT%H%M%SZ}"
    stated = {name.replace("_", "-"): value for name, value in more.items()}
    digest = hashlib.sha256(body).hexdigest()
    signed = {"host": host, **stated, "x-amz-content-sha256": digest, "x-amz-date": instant}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = "\n".join(("PUT", quote(path, safe=_SAFE), "", lines, names, digest))
    scope = f"{day}/{key.region}/s3/aws4_request"
    text = "\n".join((_ALGORITHM, instant, scope, hashlib.sha256(request.encode()).hexdigest()))
    step = f"AWS4{key.secret}".encode()
    for part in (day, key.region, "s3", "aws4_request"):
        step = hmac.digest(step, part.encode(), hashlib.sha256)
    signature = hmac.new(step, text.encode(), hashlib.sha256).hexdigest()
    credential = f"{key.id}/{scope}"
    del signed["host"]
    return {
        **signed,
        "authorization": f"{_ALGORITHM} Credential={credential},SignedHeaders={names},Signature={signature}",
    }
