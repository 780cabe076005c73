"""Rate limits of one API worker: for each participant, and for client addresses that fail to authenticate.

There is a token bucket for each participant and class of request, and two for each client address: failed
authentications, and attempts to sign in. Buckets are in a worker's memory. A worker grants its share, the
limit divided by the number of workers, so together they never grant more; a client whose connections all
reach one worker is granted less. Buckets are not evidence, and a restart begins with full buckets.

    pay        messages that move money or request a movement
    enquire    reads, and enquiries about payments, holders of accounts, and own accounts
    report     reports: reading and generating them
    change     every other POST, PUT and DELETE

A token is taken from a participant's bucket only after authentication, so nobody can use up another's
tokens. Before the body is read, the bucket of the claimed key is only checked. From an address that failed
too often, only requests are admitted whose headers prove the sender before the body is read: a caller that
names a key and cannot sign with it is refused, while the owner of the key is not, from any address.

Authentic callbacks of rails are never limited: they decide what happens to money. Only those that no rail
signed count, by address, in a bucket of their own; an address that sent too many is refused until it refills.

What is public, the checkpoints of the log, is limited by address too.

Responses carry `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, MutableMapping
from ipaddress import IPv6Network
from math import ceil
from typing import Any, Final, Literal

from schemas.errors import TooManyRequests
from switch.base.settings import Settings
from switch.payments.directory import DirectorySnapshot

Class = Literal["pay", "enquire", "report", "change", "failure", "sign_in", "callback", "public"]
Scope = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]

WINDOW_S: Final = 10
"""Seconds: a bucket holds what is granted in this time, so this is also the largest burst."""
KEPT_MAX: Final = 20_000
"""Buckets that one worker keeps; the least recently used are dropped."""
SIGN_IN: Final = frozenset(
    {
        *("/v1/sign-in", "/v1/enrolment", "/v1/enrolment/finish"),
        *("/console/sign-in", "/console/enrol"),
    }
)
OPENID: Final = "/console/openid/"
"""Each of its steps costs a request to an identity provider."""
LOGOUT: Final = f"{OPENID}backchannel-logout"
_RATE: Final = "payswitch.rate"
PROVED: Final = "payswitch.proved"
"""In the scope of a request: the function by which its connection learns who sent it."""
_ENQUIRIES: Final = ("/v1/iso20022/pacs.028", "/v1/iso20022/acmt.023", "/v1/iso20022/camt.003")
PUBLIC: Final = "/v1/audit/"
_KEYID: Final = b'keyid="'


class Bucket:
    """Tokens of one caller in one class: `rate` per second, at most `size`. Times are monotonic seconds."""

    __slots__ = ("at", "name", "rate", "size", "tokens")

    def __init__(self, name: Class, rate: float, size: float, now: float) -> None:
        self.name = name
        self.rate = rate
        self.size = size
        self.tokens = size
        self.at = now

    def fill(self, now: float) -> float:
        """Refill the bucket and get the number of tokens."""
        self.tokens = min(self.size, self.tokens + (now - self.at) * self.rate)
        self.at = now
        return self.tokens

    def take(self, now: float) -> bool:
        """Take one token; False if there is none."""
        if self.fill(now) < 1:
            return False
        self.tokens -= 1
        return True

    @property
    def wait_s(self) -> int:
        """Whole seconds until the next token, at least one."""
        return max(1, ceil((1 - self.tokens) / self.rate))

    def headers(self) -> Headers:
        """The response headers about the limit."""
        full_s = ceil((self.size - self.tokens) / self.rate)
        return [
            (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (self.name.encode(), self.size, WINDOW_S)),
            (b"ratelimit", b'"%b";r=%d;t=%d' % (self.name.encode(), self.tokens, full_s)),
        ]


class Buckets(OrderedDict[tuple[str, Class], Bucket]):
    """Buckets by caller and class, the least recently used first; `KEPT_MAX` at most."""

    def bucket(self, caller: str, name: Class, *, rate: float, size: float, now: float) -> Bucket:
        """Get the bucket of a caller; a new one is full."""
        key = caller, name
        bucket = self.get(key)
        if bucket is None:
            bucket = self[key] = Bucket(name, rate, size, now)
            if len(self) > KEPT_MAX:
                self.popitem(last=False)
        else:
            self.move_to_end(key)
        return bucket


class Limiter:
    """The buckets of one worker. A rate of 0 in the settings means no limit."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._of_participants = Buckets()
        self._of_addresses = Buckets()
        """Kept separately, so that many addresses do not displace a participant's bucket."""
        self._rates: dict[Class, float] = {
            "pay": settings.rate_pay / settings.workers,
            "enquire": settings.rate_enquire / settings.workers,
            "report": settings.rate_report / settings.workers,
            "change": settings.rate_change / settings.workers,
            "failure": settings.rate_failure / settings.workers,
            "sign_in": settings.rate_sign_in / settings.workers,
            "callback": settings.rate_callback_failure / settings.workers,
            "public": settings.rate_public / settings.workers,
        }

    def arrive(
        self,
        scope: Scope,
        directory: DirectorySnapshot | None,
        callbacks: str,
        proves: Callable[[Scope], bool],
    ) -> None:
        """Check a request before its body is read.

        `callbacks`: what the paths of rails' callbacks begin with. `proves` tells whether the headers of a
        request authenticate its sender; it is called only if needed.

        Raises:
            TooManyRequests: the claimed participant has no token; the address tried to sign in, or read what
                is public, too often; or it failed too often and this request is not authenticated.

        """
        address = address_of(scope)
        if scope["path"].startswith((callbacks, LOGOUT)):
            scope[_RATE] = [self, None, "callback"]
            self._check(scope, self._bucket(self._of_addresses, address, "callback"))
            return
        scope[_RATE] = [self, None, "failure"]
        if _signs_in(scope):
            self._take(scope, self._bucket(self._of_addresses, address, "sign_in"))
        if scope["path"].startswith(PUBLIC):
            self._take(scope, self._bucket(self._of_addresses, address, "public"))
        participant = directory and claimed(scope["headers"], directory)
        if participant:
            name = class_of(scope["method"], scope["path"])
            self._check(scope, self._bucket(self._of_participants, participant, name))
        failures = self._bucket(self._of_addresses, address, "failure")
        if failures is not None and failures.fill(self._now()) < 1 and not proves(scope):
            scope[_RATE][1] = failures
            raise TooManyRequests

    def admit(self, scope: Scope, participant: str) -> None:
        """Take a token of an authenticated participant.

        Raises:
            TooManyRequests: there is none.

        """
        name = class_of(scope["method"], scope["path"])
        self._take(scope, self._bucket(self._of_participants, participant, name))

    def failed(self, scope: Scope, name: Class) -> None:
        """Count a response to a request, or to a callback of a rail, that was not authenticated."""
        bucket = self._bucket(self._of_addresses, address_of(scope), name)
        if bucket is not None:
            bucket.take(self._now())

    def _bucket(self, buckets: "Buckets", caller: str, name: Class) -> Bucket | None:
        rate = self._rates[name]
        if not rate:
            return None
        size = max(1, int(rate * WINDOW_S))
        return buckets.bucket(caller, name, rate=rate, size=size, now=self._now())

    def _check(self, scope: Scope, bucket: Bucket | None) -> None:
        if bucket is not None and bucket.fill(self._now()) < 1:
            scope[_RATE][1] = bucket
            raise TooManyRequests

    def _take(self, scope: Scope, bucket: Bucket | None) -> None:
        if bucket is None:
            return
        scope[_RATE][1] = bucket
        if not bucket.take(self._now()):
            raise TooManyRequests


def _signs_in(scope: Scope) -> bool:
    path: str = scope["path"]
    return (scope["method"] == "POST" and path in SIGN_IN) or path.startswith(OPENID)


def admit(scope: Scope, participant: str) -> None:
    """Take a token of a participant, if the request passed a limiter.

    Raises:
        TooManyRequests: there is none.

    """
    proved(scope, participant)
    rate = scope.get(_RATE)
    if rate is not None:
        rate[0].admit(scope, participant)


def proved(scope: Scope, caller: str) -> None:
    """Tell the connection of a request who is behind it: a participant, a person or a rail."""
    told = scope.get(PROVED)
    if told is not None:
        told(caller)


def mark(scope: Scope, message: MutableMapping[str, Any]) -> None:
    """Add the rate limit headers to a response, and count it if the request was not authenticated."""
    limiter, bucket, kind = scope[_RATE]
    if message["status"] == 401 or (kind == "callback" and message["status"] == 400):  # noqa: PLR2004
        limiter.failed(scope, kind)
    if bucket is None:
        return
    headers: Headers = message["headers"]
    if message["status"] == 429:  # noqa: PLR2004
        headers[:] = [header for header in headers if header[0] != b"retry-after"]
        headers.append((b"retry-after", b"%d" % bucket.wait_s))
    headers += bucket.headers()


def class_of(method: str, path: str) -> Class:
    """The class of a request."""
    if path.startswith("/v1/reports"):
        return "report"
    if method in {"GET", "HEAD"} or path.startswith(_ENQUIRIES):
        return "enquire"
    return "pay" if path.startswith("/v1/iso20022/") else "change"


def address_of(scope: Scope) -> str:
    """The client's address, as the server sees it; of IPv6 the /64 prefix, as one client has all of it."""
    host: str = (scope.get("client") or ("",))[0]
    if ":" not in host:
        return host
    try:
        return str(IPv6Network((host.partition("%")[0], 64), strict=False))
    except ValueError:
        return host


def claimed(headers: Iterable[tuple[bytes, bytes]], directory: DirectorySnapshot) -> str | None:
    """The participant whose key a signed request names; not authenticated."""
    for name, value in headers:
        if name == b"signature-input":
            keyid = value.partition(_KEYID)[2].partition(b'"')[0].decode("latin-1")
            known = directory.key_by_id.get(keyid)
            return known[0].participant if known else None
    return None
