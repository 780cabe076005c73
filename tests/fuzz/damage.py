"""Damage for requests: each function makes a request a little worse, and says what it did.

Most of it keeps a message a message, because what is refused at the door finds nothing behind it.
"""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from tests.fuzz.judge import CANARY, MARKUP
from tests.fuzz.request import Lines, Request
from tests.schemas.mutations import TEXTS, mutated

# fmt: off
NUMBERS = (
    "0", "-1", "1", "2", "200", "201", "-0", "+1", "1.0", "1e3", "0x10", "1_0", "\u0661", "\uff11", "NaN", "inf", "", " ", "null", "true",
    "32768", "2147483647", "2147483648", "4294967296", "4611686018427387903", "4611686018427387904", "9223372036854775807",
    "9223372036854775808", "18446744073709551616", "-9223372036854775809", "9" * 30, "9" * 400, "0" * 40 + "1", "0.1", "100.001", "1e999",
)
INSTANTS = (
    "0001-01-01", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999Z",
    "1969-12-31T23:59:59Z", "1970-01-01", "2026-02-30", "2026-02-29", "2024-02-29", "2026-11-29", "2026-11-29T24:00:00Z", "2026-11-29T23:59:60Z",
    "2026-11-29T10:00", "2026-11-29T10:00:00", "2026-11-29T10:00:00+23:59", "2026-11-29T10:00:00+24:00", "2026-11-29T10:00:00 00:00", "2038-01-19T03:14:08Z",
    "10000-01-01", "-0001-01-01", "0000-00-00", "20261129", "2026-W48-7", "2026-333", "1764457200", "-1e10", "now", "2262-04-12T00:00:00Z",
    "4714-11-24", "294277-01-01", "2026-Q3", "0000-Q1", "9999-Q4", "2026-Q5", "0001-Q1", "10000-Q1",
)
STRINGS = (
    CANARY, MARKUP, f"{CANARY}'\"--", f"' OR 1=1 -- {CANARY}", "%", "_", "\\", "%00", "\0", "a\0b", "\r\nX-A: b", "\n", "\t", "\x7f", "\x1b[31m", "\x85", "\u2028",
    "\u202e" + CANARY, "\u200b", "\ufeff", "\ufffe", "\uffff", "\U0010ffff", "\ud800", "\udc00\ud800", "a\u0300" * 60, "\u0410\u0448\u0430", "\u5f20\u4f1f", "{{7*7}}", "${7*7}", "=1+1", "../../etc/passwd",
    "..", ".", "//", "/", "C:\\", "A" * 255, "A" * 256, "A" * 1024, "A" * 5000, "\u5f20" * 400, "None", "undefined", "[]", "{}", "__proto__", "constructor",
    "https://user:pass@127.0.0.1/", "https://[::1]/", "https://\u2460\u2461\u2466.0.0.1/", "https://" + "a" * 300 + ".example/", "http://127.0.0.1:99999/", "https://x:y/", "https://[/", "javascript:alert(1)",
    "https://xn--/", "https://a..b/", "https://\u00df.example/", "ftp://x/", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "Europe/Nowhere", "../Asia/Kolkata", "Asia/Kolkata\0", "/etc/localtime",
)
BYTES = (
    b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"&x;", b"&#0;", b"&#xD800;", b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
    b"<![CDATA[", b"]]>", b"<?x?>", b"<!-- -->", b"\\u0000", b"\\ud800", b'"', b"{", b"}", b"[", b"]", b",", b":", b"1e999", b"NaN", b"-", b"\x1a", b"%", b"&", b"=", b"+", b";",
)
HEADERS = (
    ("Accept", "application/xml"), ("Accept", "application/json"), ("Accept", "text/event-stream"), ("Accept", "text/html"), ("Accept", "*/*;q=0"), ("Accept", "a" * 400), ("Accept", ",,;;q="), ("Accept", "application/json;q=1e9"),
    ("Accept-Language", "ru"), ("Accept-Language", "zh-Hans-CN,ru;q=0.5"), ("Accept-Language", "xx-" + "y" * 200), ("Accept-Language", ";q=;,\xff"), ("Accept-Encoding", "gzip, br"),
    ("Prefer", "wait=1"), ("Prefer", "wait=0"), ("Prefer", "wait=-5"), ("Prefer", "wait=" + "1" * 30), ("Prefer", "wait=\xb2"), ("Prefer", "wait=1, wait=0"), ("Prefer", "respond-async, wait=x"),
    ("If-None-Match", "*"), ("If-None-Match", 'W/"x"'), ("If-Match", '"x"'), ("If-Modified-Since", "Sun, 29 Nov 2026 10:00:00 GMT"), ("If-Modified-Since", "x"), ("If-Range", '"x"'),
    ("Range", "bytes=0-0"), ("Range", "bytes=-1"), ("Range", "bytes=9999999999999999999-"), ("Range", "bytes=" + "0-1," * 200), ("Range", "events=1-2"),
    ("Last-Event-ID", "0"), ("Last-Event-ID", "-1"), ("Last-Event-ID", "9" * 40), ("Last-Event-ID", "x"), ("Last-Event-ID", "\xff"),
    ("Request-Id", "x" * 64), ("Request-Id", "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7"), ("Request-Id", "\xff"), ("traceparent", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"), ("traceparent", "x"),
    ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "\xff, ::1%eth0, 999.1.1.1"), ("X-Forwarded-Proto", "javascript"), ("Forwarded", 'for="[::1]:x";proto=;;'), ("X-HTTP-Method-Override", "DELETE"),
    ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "\xff"), ("Origin", "null"), ("Origin", "https://evil.example"), ("Origin", "http://[::1"), ("Referer", "http://[/"),
    ("Cookie", "__Host-payswitch=x"), ("Cookie", "a=b; __Host-payswitch="), ("Cookie", "language=xx"), ("Cookie", "\xff\xfe=;;=="), ("Cookie", "a=" + "b" * 4000), ("Cookie", 'x="\\'),
    ("Expect", "100-continue"), ("Expect", "x"), ("Connection", "close"), ("Upgrade", "h2c"), ("Upgrade", "websocket"), ("Trailer", "Expires"), ("Content-Encoding", "br"), ("Content-Language", "\xff"),
    ("Content-Digest", "sha-256=:AAAA:"), ("Content-MD5", "x"), ("Digest", "x"), ("Idempotency-Key", "x" * 300), ("Authorization", "Basic \xff"), ("Authorization", "Bearer "), ("X-" + "a" * 200, "b"),
)
TYPES = (
    "application/json", "application/xml", "application/json; charset=utf-8", 'application/xml;charset="UTF-8"', "application/json; charset=utf-16", "text/xml", "text/plain", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "multipart/form-data", "application/vnd.iso20022.pacs.008.001.08+xml", "application/vnd.iso20022.pacs.008.001.12+json", "application/vnd.iso20022.camt.056.001.08+xml",
    "application/vnd.iso20022.xxxx.000.000.00+json", "", ";", "a" * 200, "application/json, application/xml", "\xff/\xfe",
)
# fmt: on
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "get", "X" * 16)


class Pairs(list[tuple[str, Any]]):
    """A JSON object that may say a name twice."""


def written(content: Any) -> str:
    """JSON of a tree of `Pairs`, lists and values; `Raw` texts are written as they are."""
    match content:
        case Raw():
            return str(content)
        case Pairs():
            return "{" + ",".join(f"{json.dumps(name)}:{written(value)}" for name, value in content) + "}"
        case list():
            return "[" + ",".join(map(written, content)) + "]"
    return json.dumps(content, ensure_ascii=False)


class Raw(str):
    """JSON that is written as it is."""

    __slots__ = ()


def damaged(request: Request, chance: random.Random) -> Request:
    """The request with nothing to three things done to it."""
    for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 2, 3))):
        change = chance.choice(_CHANGES)
        found = change(request, chance)
        if found is not request:
            name = change.__name__.strip("_").replace("_", " ")
            request = replace(found, damage=(*request.damage, name))
    return request


def hostile(chance: random.Random) -> str:
    """A text that programs stumble over."""
    text = chance.choice(chance.choice((NUMBERS, INSTANTS, STRINGS, STRINGS, TEXTS)))
    return text if len(text) < 6000 else text[:6000]


# ------------------------------------------------------------------ the body
def _tree(request: Request, chance: random.Random) -> Request:
    """One node of a JSON body, or one element of an XML body, is changed."""
    if request.body[:1] == b"<":
        try:
            return replace(request, body=mutated(request.body, chance))
        except (ValueError, SyntaxError):  # it was damaged before
            return request
    try:
        content = json.loads(request.body, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):
        return request
    holder: list[Any] = [content]
    nodes = list(_nodes(holder))
    for _ in range(chance.choice((1, 1, 1, 2))):
        where, place = chance.choice(nodes[1:] or nodes)
        _change_node(where, place, chance)
    try:
        return replace(request, body="".join(map(written, holder)).encode("utf-8", "surrogatepass"))
    except RecursionError:
        return request


def _nodes(holder: list[Any]) -> list[tuple[list[Any], int]]:
    found, waiting = [], [(holder, 0)]
    while waiting:
        where, place = waiting.pop()
        found.append((where, place))
        value = where[place][1] if isinstance(where, Pairs) else where[place]
        if isinstance(value, list):
            waiting += [(value, number) for number in range(len(value))]
    return found


def _change_node(where: list[Any], place: int, chance: random.Random) -> None:
    if place >= len(where):  # an earlier change took it away
        return
    name, value = where[place] if isinstance(where, Pairs) else ("", where[place])
    kind = chance.randrange(10)
    if kind == 0:
        del where[place]
    elif kind == 1:
        where.insert(place, where[place])
    elif kind == 2 and isinstance(where, Pairs):
        where[place] = (chance.choice((hostile(chance), name.upper(), name + "1", f"0{CANARY}")), value)
    elif kind == 3 and isinstance(where, Pairs):
        where.append((chance.choice(("Zzz", "__proto__", "", f"0{CANARY}", "state")), hostile(chance)))
    else:
        new = _other(value, chance)
        where[place] = (name, new) if isinstance(where, Pairs) else new


def _other(value: Any, chance: random.Random) -> Any:  # noqa: PLR0911 - one line a kind of damage
    kind = chance.randrange(12)
    if kind < 6:
        return hostile(chance)
    if kind == 6:
        return Raw(
            chance.choice(
                ("1e999", "-0", "NaN", "9" * 400, "1.0", "null", "true", "1", "0.1", "Infinity", "-1")
            )
        )
    if kind == 7:
        return chance.choice(([], Pairs(), [value], Pairs([("a", value)]), [value] * 300))
    if kind == 8:
        depth = chance.choice((5, 70, 1200))
        return Raw("[" * depth + "1" + "]" * depth)
    if kind == 9 and isinstance(value, str):
        return Raw('"' + chance.choice((r"\ud800", r"\u0000", r"\udc00\ud800", r"\x", r"\u12", "\n")) + '"')
    if kind == 10 and isinstance(value, str):
        return chance.choice(
            (value * 40, value.swapcase(), value[::-1], value + " ", f"{value}\u0000", value[:-1])
        )
    return chance.choice(([hostile(chance)], Pairs([("Cd", hostile(chance))]), MARKUP))


def _octets(request: Request, chance: random.Random) -> Request:
    """Bytes of the body are cut, doubled, or replaced by others."""
    if not request.body:
        return request
    body = bytearray(request.body)
    start = chance.randrange(len(body) + 1)
    end = min(len(body), start + chance.choice((0, 0, 1, 2, 30, 500)))
    body[start:end] = chance.choice((*BYTES, bytes(body[start : start + 60]), b""))
    return replace(request, body=bytes(body))


def _cut(request: Request, chance: random.Random) -> Request:
    """The body ends anywhere."""
    return replace(request, body=request.body[: chance.randrange(len(request.body) + 1)])


def _encoding(request: Request, chance: random.Random) -> Request:
    """The body in another encoding, or as another thing altogether."""
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        return request
    return replace(request, body=chance.choice(_ENCODINGS)(text))


_ENCODINGS: tuple[Callable[[str], bytes], ...] = (
    lambda text: text.encode("utf-16"),
    lambda text: text.encode("utf-32-le"),
    lambda text: b"\xef\xbb\xbf" + text.encode(),
    lambda text: text.encode("latin-1", "replace"),
    lambda text: text.replace("UTF-8", "ISO-8859-1").encode("latin-1", "replace"),
    lambda text: text.replace('encoding="UTF-8"', 'encoding="utf-7"').encode(),
    lambda text: b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + text.encode(),
    lambda text: text.encode() + text.encode(),
    lambda text: b"\n" * 30 + text.encode(),
    lambda _: b"",
    lambda _: b"null",
    lambda _: b"[]",
    lambda _: b'""',
    lambda _: b"<a>" * 3000,
    lambda _: b"[" * 30000,
    lambda _: b'{"a":' * 3000 + b"1" + b"}" * 3000,
    lambda text: text.encode() + b" " * 300_000,
    lambda text: text.replace("001.08", "001.07").encode(),
    lambda text: text.replace("urn:iso:std:iso:20022:tech:xsd:", "urn:other:").encode(),
    lambda text: text.replace("<Document", "<x:Document").encode(),
)


def _form(request: Request, chance: random.Random) -> Request:
    """One field of a form is changed, doubled, dropped or added."""
    if ("Content-Type", "application/x-www-form-urlencoded") not in request.headers:
        return request
    try:
        fields = parse_qsl(request.body.decode(), keep_blank_values=True)
    except ValueError:
        return request
    return replace(request, body=urlencode(_fields(fields, chance), errors="surrogatepass").encode())


def _fields(fields: list[tuple[str, str]], chance: random.Random) -> list[tuple[str, str]]:
    fields = list(fields)
    place = chance.randrange(len(fields)) if fields else 0
    kind = chance.randrange(8)
    if not fields or kind == 0:
        fields.append((chance.choice(("zzz", "limit", "next", "wait", CANARY)), hostile(chance)))
    elif kind == 1:
        fields.append(fields[place])
    elif kind == 2:
        del fields[place]
    elif kind == 3:
        fields.append((fields[place][0], hostile(chance)))
    else:
        fields[place] = (fields[place][0], hostile(chance))
    return fields


# ------------------------------------------------------------------ the target
def _query(request: Request, chance: random.Random) -> Request:
    """One parameter is changed, doubled, dropped or added."""
    path, _, query = request.target.partition("?")
    fields = _fields(parse_qsl(query, keep_blank_values=True), chance)
    text = urlencode(fields, errors="surrogatepass")
    if chance.randrange(12) == 0:
        text = chance.choice(
            ("&&&", "=", "%", "%zz", "a=%ff", "a=%ED%A0%80", "after=%00", text + "#x", text.replace("=", ""))
        )
    return replace(request, target=_line(f"{path}?{text}"))


def _path(request: Request, chance: random.Random) -> Request:
    """One segment of the path is another text, or the path has another form."""
    path, mark, query = request.target.partition("?")
    segments = path.split("/")
    if chance.randrange(5) and len(segments) > 1:
        place = chance.randrange(1, len(segments)) if len(segments) > 2 else 1
        place = len(segments) - 1 if chance.randrange(2) else place
        segments[place] = quote(hostile(chance), safe=chance.choice(("", "/.%")), errors="surrogatepass")
        path = "/".join(segments)
    else:
        path = chance.choice(
            (
                path + "/",
                "/" + path,
                path + "/x",
                path.upper(),
                path + "%00",
                path + "%2f",
                path + ";a=b",
                "/./" + path[1:],
                path + "/..",
                path + "%",
                "/",
                "*",
                "//evil.example" + path,
            )
        )
    return replace(request, target=_line((path or "/") + mark + query))


def _line(target: str) -> str:
    """A target that is one word of the request line, not longer than a head may be."""
    return "".join(char if "!" <= char <= "~" else quote(char, errors="replace") for char in target)[:8000]


# ------------------------------------------------------------------ the head
def _header(request: Request, chance: random.Random) -> Request:
    """A header more."""
    return replace(request, headers=(*request.headers, chance.choice(HEADERS)))


def _content_type(request: Request, chance: random.Random) -> Request:
    """Another type of the body, or none, or two."""
    rest: Lines = tuple(line for line in request.headers if line[0] != "Content-Type")
    if chance.randrange(8) == 0:
        return replace(request, headers=rest)
    kept = request.headers if chance.randrange(8) == 0 else rest
    return replace(request, headers=(*kept, ("Content-Type", chance.choice(TYPES))))


def _gzip(body: bytes) -> bytes:
    """Compress without the time of day, so that the same seed makes the same bytes."""
    return gzip.compress(body, mtime=0)


def _compressed(request: Request, chance: random.Random) -> Request:
    """The body truly compressed, or only said to be."""
    squeezed = chance.choice((_gzip, zlib.compress, bytes))(request.body * chance.choice((1, 1, 200)))
    coding = ("Content-Encoding", chance.choice(("gzip", "deflate", "identity", "gzip, gzip")))
    return replace(request, body=squeezed[:400_000], headers=(*request.headers, coding))


def _method(request: Request, chance: random.Random) -> Request:
    """Another method."""
    return replace(request, method=chance.choice(METHODS))


def _framing(request: Request, chance: random.Random) -> Request:
    """The body in chunks, or with a length that is not its own."""
    if not request.body:
        return request
    return replace(request, framing=chance.choice(("chunked", "chunked", "short", "long")))


def _signature(request: Request, chance: random.Random) -> Request:
    """One character of what proves the sender is another."""
    return replace(request, forged=chance.randrange(1000)) if request.door == "signature" else request


_CHANGES: tuple[Callable[[Request, random.Random], Request], ...] = (
    *(_tree,) * 9, *(_form,) * 5, *(_query,) * 6, *(_path,) * 3, *(_octets,) * 2, _cut, _encoding,
    _header, _header, _content_type, _compressed, _method, _framing, _signature,
)  # fmt: skip
