"""OpenID Connect: discovery, keys, the exchange of the code, and the checks of tokens.

Only the authorization code flow with PKCE, state, nonce and an exact redirect URI. The provider is reached
over TLS; a sandbox may reach one on a loopback address without it. Whatever a provider sends is bounded, and
the addresses that it names lead to public networks, or to those of `PAYSWITCH_OPENID_NETWORKS`.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import structlog
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from schemas.errors import NotAuthentic, Unavailable
from switch.base import networks, outward, urls
from switch.base.outward import OutwardReach, PrivateAddress
from switch.identity.providers import IdentityProvider

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Algorithms of ID tokens. `EdDSA` is the older name of `Ed25519`."""
LEEWAY_S: Final = 60
ISSUED_WITHIN_S: Final = 600
"""Greatest age of a token when it arrives."""
KNOWN_S: Final = 3600.0
"""How long the metadata and the keys of a provider are used."""
REFRESH_EVERY_S: Final = 30.0
"""An unknown key id causes a new look at the provider's keys at most this often."""
LOGOUT: Final = "http://schemas.openid.net/event/backchannel-logout"
_BYTES_MAX: Final = 256 * 1024
_TOKEN_MAX: Final = 32 * 1024
_KEYS_MAX: Final = 50
_TEXT_MAX: Final = 255
_WITHIN: Final = aiohttp.ClientTimeout(total=8)
_SECRET_MAX: Final = 1024
_WRONG: Final = "the identity provider's answer is not valid: sign in again"
_AWAY: Final = "the identity provider does not answer: try again in a moment"
NOT_PERMITTED: Final = (
    "the issuer must be an https address of a public network, or of one in PAYSWITCH_OPENID_NETWORKS"
)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What a provider publishes about itself, as far as it is used."""

    authorization: str
    token: str
    keys: str
    end_session: str
    names_issuer: bool
    """It names itself in each response (RFC 9207)."""


@dataclass(slots=True)
class _Known:
    """A provider's metadata and keys, and when they were read."""

    metadata: ProviderMetadata
    keys: KeySet
    read_at: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


_known: Final[dict[str, _Known]] = {}
"""By issuer; only those that two people registered."""


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A sign-in that begins: where the browser goes, and what the answer is compared with."""

    address: str
    state: str
    nonce: str
    verifier: str


class _Unusable(Unavailable):
    """A provider answers, or is, as the standard or the permitted networks do not allow."""

    def __init__(self, fault: str) -> None:
        super().__init__(_AWAY)
        self.fault = fault


async def fault_of(issuer: str, *, reach: OutwardReach) -> str:
    """Why no provider with this issuer could be used, as its metadata and keys are now; empty if it could.

    One that does not answer is not judged: it may be set up later, or reached from other machines only.
    """
    try:
        await _read(issuer, reach=reach)
    except _Unusable as error:
        return error.fault
    except Unavailable:
        return ""
    return ""


async def begin(provider: IdentityProvider, redirect: str, *, reach: OutwardReach) -> ProviderRequest:
    """Begin a sign-in.

    Raises:
        Unavailable: the provider does not answer, or not as the standard requires.

    """
    metadata = (await _metadata(provider, reach=reach)).metadata
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = _base64(hashlib.sha256(verifier.encode()).digest())
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect,
        "scope": "openid profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return ProviderRequest(_with_query(metadata.authorization, query), state, nonce, verifier)


async def finish(
    provider: IdentityProvider,
    request: ProviderRequest,
    answer: Mapping[str, str],
    *,
    redirect: str,
    data: Path,
    reach: OutwardReach,
) -> Mapping[str, Any]:
    """Exchange the code of a provider's answer; return the claims of its ID token, all checked.

    Raises:
        NotAuthentic: anything in the answer or the token is wrong.
        Unavailable: the provider does not answer.

    """
    known = await _metadata(provider, reach=reach)
    if not hmac.compare_digest(answer.get("state", "").encode(), request.state.encode()):
        raise NotAuthentic(_WRONG)
    if answer.get("iss", provider.issuer) != provider.issuer:
        raise NotAuthentic(_WRONG)
    if known.metadata.names_issuer and "iss" not in answer:
        raise NotAuthentic(_WRONG)
    if "error" in answer or not answer.get("code"):
        raise NotAuthentic(_WRONG)
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": redirect,
        "code_verifier": request.verifier,
    }
    # RFC 6749, 2.3.1: both are encoded as in a form before they are joined.
    pair = f"{quote(provider.client_id, safe='')}:{quote(client_secret(data, provider.id), safe='')}"
    authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    document = await _fetch(known.metadata.token, form, authorization, reach=reach)
    token, access = str(document.get("id_token", "")), document.get("access_token")
    claims = await claims_of(provider, token, reach=reach)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), request.nonce.encode()):
        raise NotAuthentic(_WRONG)
    if "at_hash" in claims and not _is_hash_of(access, claims["at_hash"], str(header_of(token)["alg"])):
        raise NotAuthentic(_WRONG)
    return claims


async def claims_of(
    provider: IdentityProvider, token: object, *, reach: OutwardReach, requires_subject: bool = True
) -> Mapping[str, Any]:
    """Check the signature, the issuer, the audience and the times of a token.

    Raises:
        NotAuthentic: one of them is wrong.

    """
    try:
        found = await _verified(provider, token, reach=reach)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        _log.warning("openid_token_refused", provider=provider.id, cause=type(error).__name__)
        raise NotAuthentic(_WRONG) from None
    fault = _fault(provider, found, time.time())
    if not fault and requires_subject and not _is_text(found.get("sub")):
        fault = "sub"
    if not fault and "sid" in found and not _is_text(found["sid"]):
        fault = "sid"
    if fault:
        _log.warning("openid_token_refused", provider=provider.id, cause=fault)
        raise NotAuthentic(_WRONG)
    return found


def _fault(provider: IdentityProvider, claims: Mapping[str, Any], now: float) -> str:
    """The first claim that is wrong; empty if none is."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp", provider.client_id if len(audiences) == 1 else "")
    ends, issued, starts = (_number(claims.get(name)) for name in ("exp", "iat", "nbf"))
    checks = (
        ("iss", claims.get("iss") == provider.issuer),
        ("aud", provider.client_id in audiences),
        ("azp", party == provider.client_id),
        ("exp", ends is not None and ends > now - LEEWAY_S),
        ("iat", issued is not None and now - ISSUED_WITHIN_S <= issued <= now + LEEWAY_S),
        ("nbf", "nbf" not in claims or (starts is not None and starts <= now + LEEWAY_S)),
    )
    return next((name for name, holds in checks if not holds), "")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


async def logout_claims(provider: IdentityProvider, token: str, *, reach: OutwardReach) -> Mapping[str, Any]:
    """Check a token of back-channel logout; it names a session (`sid`), a subject, or both.

    Raises:
        NotAuthentic: it is not one.

    """
    claims = await claims_of(provider, token, reach=reach, requires_subject=False)
    events = claims.get("events")
    named = [name for name in ("sid", "sub") if name in claims]
    header = header_of(token)
    if (
        header.get("typ", "JWT").lower() not in {"logout+jwt", "application/logout+jwt", "jwt"}
        or not isinstance(events, dict)
        or not isinstance(events.get(LOGOUT), dict)
        or "nonce" in claims
        or not named
        or not all(_is_text(claims.get(name)) for name in ("jti", *named))
    ):
        raise NotAuthentic(_WRONG)
    return claims


def issuer_of(token: str) -> str:
    """The issuer that a token states, unverified: only to choose the provider that verifies it."""
    try:
        if len(token) > _TOKEN_MAX:
            return ""
        part = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, IndexError, RecursionError):
        return ""
    issuer = found.get("iss") if isinstance(found, dict) else None
    return issuer if isinstance(issuer, str) else ""


def header_of(token: str) -> Mapping[str, Any]:
    """The header of a token that was verified."""
    found: dict[str, Any] = jws.extract_compact(token.encode()).headers()
    return found


async def logout_address(provider: IdentityProvider, back: str, *, reach: OutwardReach) -> str:
    """Where a browser ends its session at the provider; empty if the provider has no such page."""
    try:
        address = (await _metadata(provider, reach=reach)).metadata.end_session
    except Unavailable:
        return ""
    query = {"client_id": provider.client_id, "post_logout_redirect_uri": back}
    return _with_query(address, query) if address else ""


def client_secret(data: Path, id_: str) -> str:
    """The client secret of a provider: the file `DATA/keys/openid/ID.secret`.

    Raises:
        Unavailable: there is none.

    """
    try:
        return (data / "keys" / "openid" / f"{id_}.secret").read_text()[:_SECRET_MAX].strip()
    except OSError:
        _log.error("openid_secret_missing", provider=id_)
        raise Unavailable("the secret of this identity provider is not on this machine") from None


async def _verified(provider: IdentityProvider, token: object, *, reach: OutwardReach) -> Mapping[str, Any]:
    if not isinstance(token, str) or len(token) > _TOKEN_MAX:
        raise ValueError("not a token")
    header = header_of(token)
    if header.get("alg") not in ALGORITHMS:
        raise ValueError("alg")
    key_id = header.get("kid")
    keys = (await _metadata(provider, reach=reach)).keys
    if not _has(keys, key_id):
        keys = await _fresh_keys(provider, reach=reach)
    usable = [key for key in keys if key_id is None or key.kid == key_id]
    if len(usable) != 1:
        raise ValueError("kid")
    return _decoded(token, usable[0])


def _decoded(token: str, key: Any) -> Mapping[str, Any]:
    import warnings  # noqa: PLC0415 - for one call

    with warnings.catch_warnings():  # `EdDSA` is deprecated as a name, not as an algorithm
        warnings.simplefilter("ignore")
        claims: Mapping[str, Any] = jwt.decode(token, key, algorithms=list(ALGORITHMS)).claims
    return claims


def _has(keys: KeySet, key_id: object) -> bool:
    return key_id is None or any(key.kid == key_id for key in keys)


async def _metadata(provider: IdentityProvider, *, reach: OutwardReach) -> _Known:
    known = _known.get(provider.issuer)
    if known is None or time.monotonic() - known.read_at > KNOWN_S:
        known = await _read(provider.issuer, reach=reach)
        _known[provider.issuer] = known
    return known


async def _fresh_keys(provider: IdentityProvider, *, reach: OutwardReach) -> KeySet:
    """The keys, read again unless they were read a moment ago."""
    known = await _metadata(provider, reach=reach)
    async with known.lock:
        if time.monotonic() - known.read_at > REFRESH_EVERY_S:
            known.keys = _key_set(await _fetch(known.metadata.keys, reach=reach))
            known.read_at = time.monotonic()
    return known.keys


async def _read(issuer: str, *, reach: OutwardReach) -> _Known:
    if not is_reachable(issuer, reach=reach):
        raise _Unusable(NOT_PERMITTED)
    document = await _fetch(issuer.rstrip("/") + "/.well-known/openid-configuration", reach=reach)
    if document.get("issuer") != issuer:
        _log.error("openid_issuer_differs", url=issuer)
        raise _Unusable("the metadata at this address name another issuer")
    named = {
        name: document.get(name, "")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")
    }
    needed = [name for name in named if name != "end_session_endpoint" or named[name]]
    if not all(isinstance(named[name], str) and is_reachable(named[name], reach=reach) for name in needed):
        _log.error("openid_endpoints_refused", url=issuer)
        raise _Unusable("the metadata name no usable addresses: over https, and in a permitted network")
    metadata = ProviderMetadata(
        named["authorization_endpoint"],
        named["token_endpoint"],
        named["jwks_uri"],
        named["end_session_endpoint"],
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )
    return _Known(metadata, _key_set(await _fetch(metadata.keys, reach=reach)), time.monotonic())


def is_reachable(address: str, *, reach: OutwardReach) -> bool:
    """Whether an address of a provider is one that we use: over TLS, and in a network that is permitted.

    The addresses of a host name are judged when the connection is made.
    """
    if not is_address(address, sandbox=reach.sandbox):
        return False
    try:
        return outward.is_permitted(str(urlsplit(address).hostname), reach.beside)
    except ValueError:
        return True


def is_address(address: str, *, sandbox: bool) -> bool:
    """Whether an address has the form of a provider's: over TLS, or of this machine in a sandbox."""
    parts = urls.split(address)
    if parts is None or not parts.hostname or parts.username or parts.fragment:
        return False
    try:
        loopback = parts.hostname == "localhost" or networks.read(parts.hostname).is_loopback
    except ValueError:
        loopback = False
    return parts.scheme == "https" or (sandbox and parts.scheme == "http" and loopback)


def _key_set(document: Mapping[str, Any]) -> KeySet:
    found = document.get("keys")
    keys = [
        key
        for key in (found if isinstance(found, list) else [])[:_KEYS_MAX]
        if isinstance(key, dict) and key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": keys})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        _log.error("openid_keys_unusable", cause=type(error).__name__)
        raise _Unusable("the keys of the provider cannot be read") from None


async def _fetch(
    address: str, form: Mapping[str, str] | None = None, authorization: str = "", *, reach: OutwardReach
) -> Mapping[str, Any]:
    """A JSON object of a provider; a form is posted. No redirect is followed, and nothing decompressed.

    Raises:
        NotAuthentic: it refused the form.
        Unavailable: it does not answer, or with something else.

    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if authorization:
        headers["Authorization"] = authorization
    method = "GET" if form is None else "POST"
    try:
        async with (
            aiohttp.ClientSession(
                connector=outward.connector(1, reach.beside),
                timeout=_WITHIN,
                headers=headers,
                auto_decompress=False,
                trust_env=False,
            ) as session,
            session.request(method, address, data=form, allow_redirects=False) as answer,
        ):
            raw = await answer.content.read(_BYTES_MAX + 1)
            while len(raw) <= _BYTES_MAX and (piece := await answer.content.read(_BYTES_MAX)):
                raw += piece
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        cause = getattr(error, "os_error", error)  # what a refused connection was refused for
        _log.warning("openid_provider_away", cause=type(cause).__name__)
        away = _Unusable(NOT_PERMITTED) if isinstance(cause, PrivateAddress) else Unavailable(_AWAY)
        raise away from None
    if form is not None and 400 <= status < 500:  # noqa: PLR2004
        raise NotAuthentic(_WRONG)
    try:
        found = json.loads(raw) if status == 200 and len(raw) <= _BYTES_MAX else None  # noqa: PLR2004
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        # An error of the server may pass; a page that is no metadata will not.
        raise Unavailable(_AWAY) if status >= 500 else _Unusable("there are no metadata at this address")  # noqa: PLR2004
    return found


def _is_hash_of(token: object, stated: object, algorithm: str) -> bool:
    """Whether `at_hash` is of this access token: the left half of its hash by the signature's algorithm."""
    if not isinstance(token, str) or not isinstance(stated, str):
        return False
    whole = (hashlib.sha512 if algorithm.startswith("Ed") else hashlib.sha256)(token.encode()).digest()
    return hmac.compare_digest(_base64(whole[: len(whole) // 2]).encode(), stated.encode())


def _is_text(value: object) -> bool:
    """Whether a value is a text that the database stores."""
    return isinstance(value, str) and 0 < len(value) <= _TEXT_MAX and value.isprintable()


def _with_query(address: str, query: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
