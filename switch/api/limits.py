"""Rate limits: how often a participant, or an address that proves nothing, may come to one API worker.

A token bucket for each participant and class of request, and for each client address two more: failures to
prove who it is, and attempts to sign in. Buckets live in a worker's memory: a worker grants its share, the
limit divided by the workers, so together they never grant more; a client whose connections all reach one
worker is granted less. Nothing here is evidence, and a restart begins with full buckets.

    pay        messages that move money or ask that it be moved
    enquire    reading, and asking where a payment stands
    report     reports: reading and having them made
    change     everything else that is posted, put or deleted

A participant's tokens are taken only once it has proved who it is, so nobody can spend another's. Before
the body is read its bucket is merely looked into, by the key that the request claims. From an address that
failed too often only those are let in whose headers prove who they are, body unread: whoever names a key and
cannot sign with it is turned away, and the key's owner is not, wherever it comes from. The answers of rails
are never limited: they are what becomes of money.

Answers carry `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, MutableMapping
from ipaddress import IPv6Network
from math import ceil
from typing import Any, Final, Literal

from schemas.errors import TooManyRequests
from switch.base.settings import Settings
from switch.payments.directory import Snapshot

Class = Literal["pay", "enquire", "report", "change", "failure", "sign_in"]
Scope = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]

WINDOW_S: Final = 10
"""A bucket holds what is granted in this time, so a burst may be that large."""
KEPT_MAX: Final = 20_000
"""Buckets one worker keeps; the one that was used longest ago goes first."""
SIGN_IN: Final = frozenset({"/v1/sign-in", "/console/sign-in"})
_RATE: Final = "payswitch.rate"
_ENQUIRIES: Final = ("/v1/iso20022/pacs.028",)
_KEYID: Final = b'keyid="'


class Bucket:
    """Tokens of one caller in one class: `rate` a second, `size` at most. Instants are monotonic seconds."""

    __slots__ = ("at", "name", "rate", "size", "tokens")

    def __init__(self, name: Class, rate: float, size: float, now: float) -> None:
        self.name = name
        self.rate = rate
        self.size = size
        self.tokens = size
        self.at = now

    def fill(self, now: float) -> float:
        """The tokens there are now."""
        self.tokens = min(self.size, self.tokens + (now - self.at) * self.rate)
        self.at = now
        return self.tokens

    def take(self, now: float) -> bool:
        """Take one token; False where there is none."""
        if self.fill(now) < 1:
            return False
        self.tokens -= 1
        return True

    @property
    def wait_s(self) -> int:
        """Whole seconds until there is a token again, at least one."""
        return max(1, ceil((1 - self.tokens) / self.rate))

    def headers(self) -> Headers:
        """What the answer says of the limit."""
        full_s = ceil((self.size - self.tokens) / self.rate)
        return [
            (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (self.name.encode(), self.size, WINDOW_S)),
            (b"ratelimit", b'"%b";r=%d;t=%d' % (self.name.encode(), self.tokens, full_s)),
        ]


class Buckets(OrderedDict[tuple[str, Class], Bucket]):
    """Buckets by caller and class, the one used longest ago first."""


class Limiter:
    """The buckets of one worker. A rate of 0 in the settings is no limit."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._of_participants = Buckets()
        self._of_addresses = Buckets()
        """Apart, so that many addresses push no participant's bucket out."""
        self._rates: dict[Class, float] = {
            "pay": settings.rate_pay / settings.workers,
            "enquire": settings.rate_enquire / settings.workers,
            "report": settings.rate_report / settings.workers,
            "change": settings.rate_change / settings.workers,
            "failure": settings.rate_failure / settings.workers,
            "sign_in": settings.rate_sign_in / settings.workers,
        }

    def arrive(
        self, scope: Scope, directory: Snapshot | None, exempt: str, proves: Callable[[Scope], bool]
    ) -> None:
        """Look at a request before its body is read.

        `proves` says whether a request's headers show who sent it; it is asked only where that is in doubt.

        Raises:
            TooManyRequests: the claimed participant has no token; the address tried too often to sign in; or
                it failed too often, and this request proves nothing.

        """
        scope[_RATE] = [self, None]
        if scope["path"].startswith(exempt):
            return
        address = address_of(scope)
        if scope["method"] == "POST" and scope["path"] in SIGN_IN:
            self._take(scope, self._bucket(self._of_addresses, address, "sign_in"))
        claimed = directory and _claimed(scope["headers"], directory)
        if claimed:
            name = class_of(scope["method"], scope["path"])
            self._check(scope, self._bucket(self._of_participants, claimed, name))
        failures = self._bucket(self._of_addresses, address, "failure")
        if failures is not None and failures.fill(self._now()) < 1 and not proves(scope):
            scope[_RATE][1] = failures
            raise TooManyRequests

    def admit(self, scope: Scope, participant: str) -> None:
        """Take a token of a participant that has proved who it is.

        Raises:
            TooManyRequests: there is none.

        """
        name = class_of(scope["method"], scope["path"])
        self._take(scope, self._bucket(self._of_participants, participant, name))

    def failed(self, scope: Scope) -> None:
        """Count an answer that says that nobody knows who it was."""
        bucket = self._bucket(self._of_addresses, address_of(scope), "failure")
        if bucket is not None:
            bucket.take(self._now())

    def _bucket(self, shelf: "Buckets", caller: str, name: Class) -> Bucket | None:
        rate = self._rates[name]
        if not rate:
            return None
        key = caller, name
        bucket = shelf.get(key)
        if bucket is None:
            bucket = shelf[key] = Bucket(name, rate, max(1, int(rate * WINDOW_S)), self._now())
            if len(shelf) > KEPT_MAX:
                shelf.popitem(last=False)
        else:
            shelf.move_to_end(key)
        return bucket

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


def admit(scope: Scope, participant: str) -> None:
    """Take a token of a participant, where the request came through a limiter.

    Raises:
        TooManyRequests: there is none.

    """
    rate = scope.get(_RATE)
    if rate is not None:
        rate[0].admit(scope, participant)


def mark(scope: Scope, message: MutableMapping[str, Any]) -> None:
    """Say on an answer what is left, and count it where it says that nothing proved who asked."""
    limiter, bucket = scope[_RATE]
    if message["status"] == 401:  # noqa: PLR2004
        limiter.failed(scope)
    if bucket is None:
        return
    headers: Headers = message["headers"]
    if message["status"] == 429:  # noqa: PLR2004
        headers[:] = [header for header in headers if header[0] != b"retry-after"]
        headers.append((b"retry-after", b"%d" % bucket.wait_s))
    headers += bucket.headers()


def class_of(method: str, path: str) -> Class:
    """What kind of request this is."""
    if path.startswith("/v1/reports"):
        return "report"
    if method in {"GET", "HEAD"} or path.startswith(_ENQUIRIES):
        return "enquire"
    return "pay" if path.startswith("/v1/iso20022/") else "change"


def address_of(scope: Scope) -> str:
    """The client's address, as the server knows it; IPv6 by its /64, which one client has whole."""
    host: str = (scope.get("client") or ("",))[0]
    if ":" not in host:
        return host
    try:
        return str(IPv6Network((host.partition("%")[0], 64), strict=False))
    except ValueError:
        return host


def _claimed(headers: Iterable[tuple[bytes, bytes]], directory: Snapshot) -> str | None:
    """The participant whose key a signed request names; not proved."""
    for name, value in headers:
        if name == b"signature-input":
            keyid = value.partition(_KEYID)[2].partition(b'"')[0].decode("latin-1")
            known = directory.key_by_id.get(keyid)
            return known[0].participant if known else None
    return None
