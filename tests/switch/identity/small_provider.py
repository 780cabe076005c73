"""A small OpenID provider on a loopback address that sends what a test wants, right or forged."""

import base64
import hashlib
import hmac
import json
import secrets
import time
import warnings
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

CLIENT, SECRET = "payswitch", "a secret of the client"
KEYS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "RS256", "use": "sig"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "PS256", "use": "sig"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ES256", "use": "sig"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "EdDSA", "use": "sig"}),
}
FOREIGN = RSAKey.generate_key(2048, {"kid": "RS256", "use": "sig"})


def signed(claims: dict[str, Any], algorithm: str = "RS256", key: Any = None, **header: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        head = {"alg": algorithm, "kid": algorithm, **header}
        return jwt.encode(head, claims, key or KEYS[algorithm], algorithms=[algorithm])


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class SmallProvider:
    """Its answers are right unless a test changes them."""

    algorithm: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    """Changes of the next ID token; None removes a claim."""
    make: Any = None
    """Makes the ID token of the claims, in place of signing them rightly."""
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: list[str] = field(default_factory=lambda: list(KEYS))
    seen: list[str] = field(default_factory=list)
    """Paths that were requested."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    issuer: str = ""

    async def start(self, host: str = "127.0.0.1") -> None:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._metadata)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        app.router.add_get("/moved", self._moved)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, host, 0)
        await site.start()
        self.issuer = f"http://{host}:{self.runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self.runner.cleanup()

    def answer(self, address: str, **changed: str) -> dict[str, str]:
        """A person signed in: what the browser brings back from this address."""
        query = dict(parse_qsl(urlsplit(address).query))
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        return {"code": code, "state": query["state"], "iss": self.issuer, **changed}

    async def _metadata(self, request: web.Request) -> web.Response:
        self.seen.append(request.path)
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            }
        )

    async def _keys(self, request: web.Request) -> web.Response:
        self.seen.append(request.path)
        found = KeySet([KEYS[name] for name in self.keys]).as_dict()
        return web.json_response(found)

    async def _moved(self, request: web.Request) -> web.Response:
        """Redirect to where the query says."""
        raise web.HTTPFound(request.query["to"])

    async def _token(self, request: web.Request) -> web.Response:
        self.seen.append(request.path)
        form = await request.post()
        basic = base64.b64decode(request.headers["Authorization"].partition(" ")[2]).decode()
        query = self.codes.pop(str(form["code"]), None)
        challenge = encoded(hashlib.sha256(str(form["code_verifier"]).encode()).digest())
        right = (
            query is not None
            and basic == f"{CLIENT}:{SECRET.replace(' ', '%20')}"
            and query["code_challenge"] == challenge
            and query["redirect_uri"] == form["redirect_uri"]
        )
        if not right:
            return web.json_response({"error": "invalid_grant"}, status=400)
        access = secrets.token_urlsafe(16)
        digest = hashlib.sha512 if self.algorithm == "EdDSA" else hashlib.sha256
        whole = digest(access.encode()).digest()
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "nonce": query["nonce"],
            "at_hash": encoded(whole[: len(whole) // 2]),
            "groups": ["payswitch-auditors"],
            "sid": "session-1",
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.make(claims) if self.make else signed(claims, self.algorithm)
        return web.json_response({"access_token": access, "id_token": token, "token_type": "Bearer"})


def unsigned(claims: dict[str, Any]) -> str:
    return f"{encoded({'alg': 'none'})}.{encoded(claims)}."


def with_public_key_as_secret(claims: dict[str, Any]) -> str:
    """HS256 with the public key of RS256: a verifier that trusts the header takes it."""
    text = f"{encoded({'alg': 'HS256', 'kid': 'RS256'})}.{encoded(claims)}"
    secret = KEYS["RS256"].as_pem(private=False)
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


def with_critical_header(claims: dict[str, Any]) -> str:
    """Rightly signed, with an extension that must be understood and is not."""
    text = f"{encoded({'alg': 'RS256', 'kid': 'RS256', 'crit': ['x'], 'x': 1})}.{encoded(claims)}"
    key = KEYS["RS256"].private_key
    return f"{text}.{encoded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def with_own_key_in_header(claims: dict[str, Any]) -> str:
    return signed(claims, "RS256", FOREIGN, jwk=FOREIGN.as_dict(private=False))


def with_foreign_key(claims: dict[str, Any]) -> str:
    return signed(claims, "RS256", FOREIGN)


def with_changed_claims(claims: dict[str, Any]) -> str:
    head, _, signature = signed(claims).split(".")
    return f"{head}.{encoded({**claims, 'sub': 'subject-2'})}.{signature}"


def with_key_of_another_algorithm(claims: dict[str, Any]) -> str:
    return signed(claims, "RS256", KEYS["RS256"], kid="ES256")
