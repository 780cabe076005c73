"""Valid requests to begin with: every operation of the API, every page and every form, on a switch with a history."""

import asyncio
import json
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin

import aiohttp

from schemas import codec, fresh
from schemas import examples as generated
from schemas.catalogue import catalogue
from schemas.catalogue.model import Choice, Sequence
from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.api import examples
from switch.change_catalogue import KINDS, describe
from switch.identity import secrets
from switch.pages import site
from switch.reports.catalogue import CATALOGUE
from tests.fuzz.judge import CANARY
from tests.fuzz.request import Door, Lines, Request, Senders
from tests.switch.stack import Stack

SACRIFICE = ("ganga-bank", "noor-wallet")
"""Participants that changes may end: the others must stay able to send."""
PEOPLE = ("operator", "checker", "auditor", "participant", "regulator-in", "indus-bank")
"""One of each role signs in, and a second participant's person."""
SPARE = "regulator-kz"
"""Whose sessions may be ended: the others must stay signed in."""
FORM = "application/x-www-form-urlencoded"
_LINK = re.compile(r'href="(/[^"#]+)"')
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,}|\b\d+\b|=[^&]*")
_SUCH_AS = re.compile(r"such as (\S+)")
_OF_A_KIND_MAX = 2
_API = 0.65
"""Share of requests to the API."""


@dataclass(frozen=True, slots=True)
class Known:
    """Ids that the switch has by now, by what they are called."""

    words: dict[str, list[str]] = field(default_factory=dict)

    def one(self, name: str, chance: random.Random, default: str = "x") -> str:
        """Any of a name."""
        return chance.choice(self.words.get(name) or [default])


Maker = Callable[[random.Random], Request]


@dataclass(frozen=True, slots=True)
class Seeds:
    """What makes a valid request, by operation."""

    makers: Mapping[str, list[Maker]]
    senders: Senders

    def request(self, chance: random.Random) -> Request:
        """A valid request: of the API more often than of pages, and of each of its operations as often."""
        of_the_api = [name for name in self.makers if " /v1/" in name]
        others = [name for name in self.makers if " /v1/" not in name]
        return chance.choice(self.makers[chance.choice(of_the_api if chance.random() < _API else others)])(
            chance
        )


async def gather(stack: Stack, seed: str) -> Seeds:
    """Live a little on a new switch, and learn from it what requests there are."""
    chance = random.Random(seed)
    async with aiohttp.ClientSession(stack.url) as http:
        senders = await _senders(stack, http)
        known = Known()
        await _live(stack, http, known, chance)
        makers: dict[str, list[Maker]] = {}
        async with http.get("/openapi.json") as answer:
            description = await answer.json()
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                name = f"{method.upper()} {path}"
                makers[name] = [_operation(method.upper(), path, operation, known, senders, stack)]
        for name, maker in _pages(known, senders):
            makers.setdefault(name, []).append(maker)
        async for name, request in _crawled(http, stack, known, chance):
            makers.setdefault(name, []).append(_always(request, senders))
    makers["POST /rails/{country}"] = [_callback]
    for path in (
        "/openapi.json",
        "/livez",
        "/readyz",
        "/metrics",
        "/docs/problems",
        "/.well-known/security.txt",
    ):
        makers[f"GET {path}"] = [_plain(path)]
    return Seeds(makers, senders)


# ------------------------------------------------------------------ who sends
async def _senders(stack: Stack, http: aiohttp.ClientSession) -> Senders:
    credentials = stack.credentials
    banks = [*credentials["participants"], *credentials["settlement_agents"].values()]
    people = credentials["people"]
    keys = {
        bank["id"]: SigningKey.from_pem(bank["keyid"], bank["private_key"].encode())
        for bank in banks
        if bank["id"] not in SACRIFICE
    }
    signed_in = {}
    for name in PEOPLE:
        token = await _signed_in(stack, http, name)
        assert token is not None, name
        signed_in[name] = token
    bearers = {bank["id"]: bank["bearer"] for bank in banks} | {
        name: people[name]["bearer"] for name in (*signed_in, SPARE) if name not in keys
    }
    return Senders(keys, bearers, signed_in)


async def _signed_in(stack: Stack, http: aiohttp.ClientSession, name: str) -> str | None:
    """Sign a person in; None if the switch refuses, as it does a second time with one code."""
    person = stack.credentials["people"][name]
    code = secrets.totp_code(person["totp_secret"], int(time.time()))
    form = {"name": name, "password": person["password"], "code": code}
    async with http.post("/v1/sign-in", json=form) as answer:
        return answer.cookies["__Host-payswitch"].value if answer.status == 204 else None


async def keep_signed_in(stack: Stack, senders: Senders) -> None:
    """Sign people in again whose session a request has ended, until cancelled."""
    async with aiohttp.ClientSession(stack.url) as http:
        while True:
            for name in list(senders.out):
                if token := await _signed_in(stack, http, name):
                    senders.sessions[name] = token
                    senders.out.discard(name)
            await asyncio.sleep(2)


def _sender(chance: random.Random, senders: Senders, *, people: float) -> tuple[str, Door]:
    kind = chance.random()
    if kind < 0.03:
        return "", "nobody"
    if chance.random() < people:
        return chance.choice(senders.people), chance.choice(("session", "session", "bearer"))
    return chance.choice(senders.participants), "signature" if chance.random() < 0.75 else "bearer"


# ------------------------------------------------------------------ a history
async def _live(stack: Stack, http: aiohttp.ClientSession, known: Known, chance: random.Random) -> None:
    """Payments that end in several ways, changes of all kinds, webhooks, reports."""
    words = known.words
    words["uetr"] = []
    for debtor, creditor, word in (
        *(("asha-bank", "indus-bank", ""),) * 6,
        *(("indus-bank", "asha-bank", ""),) * 3,
        *(
            ("asha-bank", "noor-wallet", "AC04"),
            ("indus-bank", "ganga-bank", ""),
            ("asha-bank", "nobody", ""),
        ),
    ):
        document = stack.document(debtor, "indus-bank" if creditor == "nobody" else creditor, word=word)
        (tx,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
        tx["PmtId"]["UETR"] = str(uuid.UUID(bytes=chance.randbytes(16), version=4))
        tx["Dbtr"]["Nm"] = f"{CANARY} Rao"
        if creditor == "nobody":
            tx["CdtrAgt"] = {"FinInstnId": {"BICFI": "NOSUXX22"}}
        async with stack.client(debtor) as client:
            paid = str((await client.pay(document, wait=10)).uetr)
            words["uetr"].append(paid)
            credited = (await client.payment(paid)).credited_amount
            words[f"credited {paid}"] = [credited.amount, credited.currency] if credited else ["1.00", "INR"]
    operator = _bearer(stack.credentials["people"]["operator"])
    for bank in ("asha-bank", "indus-bank"):
        body = {"url": "http://127.0.0.1:9/hook"}
        async with http.post("/v1/webhooks", json=body, headers=_bearer(stack.participant(bank))) as answer:
            words.setdefault("webhook", []).append((await answer.json())["id"])
    banks = stack.credentials["participants"]
    words |= {
        "participant": [bank["id"] for bank in banks],
        "id": [*words["webhook"], *(bank["id"] for bank in banks)],
        "sacrifice": list(SACRIFICE),
        "name": ["regulator-kz", "noor-wallet", "new.person"],
        "bic": [*(bank["bic"] for bank in banks), "NEUBINBB"],
        "country": ["IN", "PK"],
        "source": ["IN", "PK", "INR", "PKR"],
        "currency": ["INR", "PKR"],
        "keyid": ["new-key", "other-key"],  # a bank revokes its own key at once, and would sign no more
        "request": [key_request.make(SigningKey.generate("new-key"), bank["id"]) for bank in banks],
        "amount": ["1.00", "100.00", "0.01", "99999999999.99"],
        "net_debit_cap": ["0", "100000.00"],
        "number": [str(number) for number in range(1, 60)],
        "seq": [str(number) for number in range(1, 60)],
        "event": [str(number) for number in range(1, 60)],
        "window": ["1", "2", "3"],
        "first": ["1", "5"],
        "second": ["9", "20"],
        "quarter": ["2026-Q3", "2025-Q1"],
        "zone": ["Asia/Kolkata", "Asia/Karachi"],
        "day": ["2026-12-01"],
        "since": ["2026-11-23", "2026-11-23T10:00:00Z"],
        "until": ["2026-12-23", "2027-01-23T10:00:00Z"],
        "format": ["json", "csv", "xlsx", "pdf", "sdmx"],
        "lang": ["en", "ru", "zh"],
        "limit": ["1", "3", "200"],
        "days": ["1", "31"],
        "wait": ["0", "1"],
        "reveal": ["true", "false"],
        "kind": sorted(KINDS),
        "action": ["add", "retire", "revoke"],
        "static": ["style.css", "page.js", "nothing"],
        "measure": ["payments", "amount", "count", "value"],
        "url": ["https://bank.example/hooks", "http://127.0.0.1:9/x"],
        "door": ["", "https://agent.example/in"],
        "maker_half": ["0" * 64],
        "creditor_agent": [bank["bic"] for bank in banks],
        "reason": [f"{CANARY} said so"],
        "evidence": [f"a letter of {CANARY}"],
        "display_name": [f"{CANARY} Petrova"],
        "q": [*words["uetr"], CANARY, "Rao"],
    }
    async with http.get("/v1/reports", headers=operator) as answer:
        words["report"] = [report["name"] for report in await answer.json()]
    period = {"since": "2026-11-01T00:00:00Z", "until": "2027-11-30T00:00:00Z"}
    for name in ("rejects", "liquidity"):
        async with http.get(f"/v1/reports/{name}", params=period, headers=operator) as answer:
            await answer.read()
    async with http.get("/v1/report-artefacts", headers=operator) as answer:
        words["sha256"] = [one["sha256"] for one in await answer.json()]
    for kind in sorted(KINDS):
        body = {"kind": kind, "content": _content(kind, known, chance), "reason": "history"}
        async with http.post("/v1/changes", json=body, headers=operator) as answer:
            await answer.read()
    await asyncio.sleep(0)


def _ends_own(method: str, path: str) -> bool:
    return method != "GET" and ("sign-out" in path or "/me/sessions" in path)


def _bearer(entry: Mapping[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {entry['bearer']}"}


# ------------------------------------------------------------------ the API
def _operation(  # noqa: PLR0917 - what a maker needs to know
    method: str, path: str, operation: Mapping[str, Any], known: Known, senders: Senders, stack: Stack
) -> Maker:
    """The maker of valid requests of an operation of the OpenAPI description."""
    parameters = operation.get("parameters", [])
    message = path.rpartition("/")[2] if path.startswith("/v1/iso20022/") else ""
    people = 0.0 if message else 0.9 if {"people", "changes"} & set(operation.get("tags", ())) else 0.4
    usual = {"requestChange": "operator", "voteOnChange": "checker"}.get(operation["operationId"])

    def make(chance: random.Random) -> Request:
        sender, door = _sender(chance, senders, people=people)
        headers: Lines = ()
        body = b""
        if message:
            sender = examples.sender(message) if sender and chance.random() < 0.8 else sender
            body, kind = _message(message, known, chance, stack)
            headers = (("Content-Type", kind),)
            if chance.random() < 0.3:
                headers += (("Accept", chance.choice((codec.JSON, codec.XML))),)
            if message == "pacs.008" and chance.random() < 0.2:
                headers += (("Prefer", "wait=1"),)
        elif operation.get("requestBody") or operation["operationId"] == "confirmSettlement":
            body, kind = _body(operation["operationId"], known, chance)
            headers = (("Content-Type", kind),)
        if usual and door != "nobody" and chance.random() < 0.8:
            sender, door = usual, chance.choice(("session", "bearer"))
        if _ends_own(method, path) and door != "nobody":
            sender, door = SPARE, "bearer"
        target = _target(path, parameters, known, chance)
        return Request(f"{method} {path}", sender, door, method, target, headers, body)

    return make


def _target(path: str, parameters: list[Any], known: Known, chance: random.Random) -> str:
    query = []
    report = known.one("report", chance)
    for one in parameters:
        name = one["name"]
        value = report if path.startswith("/v1/reports/") and name == "name" else known.one(name, chance, "1")
        if one["in"] == "path":
            path = path.replace("{" + name + "}", value)
        elif one["in"] == "query" and (one.get("required") or chance.random() < 0.4):
            query.append((name, value))
    if path.startswith("/v1/reports/"):
        query += [(name, known.one(name, chance)) for name in CATALOGUE[report].takes]
    return path + (f"?{urlencode(query)}" if query else "")


def _body(operation: str, known: Known, chance: random.Random) -> tuple[bytes, str]:
    content: Any = dict(examples.BODIES.get(operation, {}))
    match operation:
        case "requestChange":
            kind = known.one("kind", chance)
            content = {"kind": kind, "content": _content(kind, known, chance), "reason": f"{CANARY} asked"}
        case "voteOnChange":
            content["decision"] = chance.choice(("approve", "approve", "approve", "refuse"))
            content["reason"] = f"{CANARY} agreed"
        case "addWebhook":
            content["url"] = known.one("url", chance)
        case "confirmSettlement":
            document = generated.document("pacs.002.001.10", _wants(chance, 0.2))
            return codec.encode("pacs.002.001.10", document, media_type=codec.XML), codec.XML
    return json.dumps(content).encode(), codec.JSON


def _message(name: str, known: Known, chance: random.Random, stack: Stack) -> tuple[bytes, str]:
    """An example of a message, fresh, about a known payment, often with more of what its schema allows."""
    versions = [one for one in sorted(catalogue().messages) if one.startswith(name)]
    message = chance.choice([one for one in versions if examples.json_of(one)] or versions)
    example = json.dumps(examples.json_of(message)).encode()
    original = known.one("uetr", chance) if name != "pain.014" else examples.REQUEST_TO_PAY
    content = json.loads(fresh.refreshed(example, original=original))
    document = json.loads(json.dumps(content["Document"]).replace("Asha Rao", f"{CANARY} Rao"))
    if name == "pacs.004":
        (tx,) = document["PmtRtr"]["TxInf"]
        amount, currency = known.words[f"credited {original}"]
        tx["RtrdIntrBkSttlmAmt"] = {"Ccy": currency, "Amt": amount}
    if name == "pain.013" and chance.random() < 0.5:
        document["CdtrPmtActvtnReq"]["GrpHdr"]["MsgId"] = examples.REQUEST_TO_PAY
    if chance.random() < 0.5:
        root = catalogue().messages[message]
        rich = generated.document(message, _wants(chance, chance.choice((0.05, 0.2, 0.6))))
        document = {root.tag: _grown(root.type, document[root.tag], rich[root.tag], chance)}
    kind = chance.choice((codec.JSON, codec.XML))
    try:
        return codec.encode(message, document, media_type=kind), kind
    except ValueError:  # grown into what the codec itself refuses
        return json.dumps({"$type": message, "Document": document}).encode(), codec.JSON


def _wants(chance: random.Random, share: float) -> generated.Wants:
    def wants(member: Any, depth: int) -> int:
        return max(member.minimum, int(depth < 9 and chance.random() < share))

    return wants


def _grown(name: str, content: Any, rich: Any, chance: random.Random) -> Any:
    """The content with some of the members that only `rich` has, where the type allows them."""
    kind = catalogue().types[name]
    if not isinstance(content, dict) or not isinstance(rich, dict) or not isinstance(kind, Sequence | Choice):
        return content
    taken = {member.choice for member in kind.members if member.tag in content}
    made = {}
    for member in kind.members:
        there, more = content.get(member.tag), rich.get(member.tag)
        if there is None:
            free = isinstance(kind, Sequence) and (member.choice == 0 or member.choice not in taken)
            if more is not None and free:
                made[member.tag] = more
        elif member.many and isinstance(more, list):
            made[member.tag] = [_grown(member.type, one, more[0], chance) for one in there]
        else:
            made[member.tag] = there if member.many else _grown(member.type, there, more, chance)
    return made


def _content(kind: str, known: Known, chance: random.Random) -> dict[str, Any]:
    """Content of a change that its schema allows; what ends a participant or a person ends only the spare ones."""
    schema = describe(KINDS[kind])["content"]
    found: dict[str, Any] = _example("", schema, schema.get("$defs", {}), known, chance)
    if kind.startswith(("participant.", "key.", "account.", "cap.", "limit.", "funds.")):
        spare = {"participant": known.one("sacrifice", chance)}
        found |= {name: value for name, value in spare.items() if name in found}
    return found


def _example(name: str, schema: Any, defs: Any, known: Known, chance: random.Random) -> Any:  # noqa: PLR0911
    if "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]] | {"defs": True}
    if "anyOf" in schema:
        return _example(name, chance.choice(schema["anyOf"]), defs, known, chance)
    if "enum" in schema:
        return chance.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            needed = schema.get("required", [])
            return {
                key: _example(key, one, defs, known, chance)
                for key, one in schema.get("properties", {}).items()
                if key in needed or chance.random() < 0.4
            }
        case "array":
            least = max(1, schema.get("minItems", 0))
            return [_example(name.rstrip("s"), schema["items"], defs, known, chance) for _ in range(least)]
        case "boolean":
            return chance.random() < 0.7
        case "integer":
            return int(known.one(name, chance, "1"))
        case "number":
            return 1.5
        case "null":
            return None
    such = _SUCH_AS.search(schema.get("description", ""))
    return known.one(name, chance, such[1].rstrip(".,") if such else "1")


# ------------------------------------------------------------------ the pages
def _pages(known: Known, senders: Senders) -> Iterator[tuple[str, Maker]]:
    """Every route of the pages; the fields of forms come from the crawled pages."""
    for router in site.ROUTERS:
        for route in router.routes:
            for method in sorted(route.methods):  # type: ignore[attr-defined]
                yield f"{method} {route.path}", _page(method, route, known, senders)  # type: ignore[attr-defined]


def _page(method: str, route: Any, known: Known, senders: Senders) -> Maker:
    def make(chance: random.Random) -> Request:
        path = route.path.replace(
            "{name}", known.one("static" if "static" in route.path else "report", chance)
        )
        for one in route.dependant.path_params:
            path = path.replace("{" + one.name + "}", known.one(one.name, chance, "1"))
        names = [one.field_info.alias or one.name for one in route.dependant.query_params]
        query = [(name, known.one(name, chance, "1")) for name in names if chance.random() < 0.4]
        sender, door = _sender(chance, senders, people=1)
        if _ends_own(method, path) and door != "nobody":
            sender, door = SPARE, "bearer"
        target = path + (f"?{urlencode(query)}" if query else "")
        headers: Lines = ()
        body = b""
        if method == "POST":
            headers = (("Content-Type", FORM), *((("Sec-Fetch-Site", "same-origin"),) if not sender else ()))
            fields = {"reason": CANARY, "decision": "approve", "why": CANARY}
            if route.path.endswith("/changes/new/{kind}"):
                fields |= _typed(_content(path.rpartition("/")[2], known, chance))
                sender, door = ("operator", "session") if sender and chance.random() < 0.8 else (sender, door)
            body = urlencode(fields).encode()
        return Request(f"{method} {route.path}", sender, door, method, target, headers, body)

    return make


def _typed(content: Mapping[str, Any]) -> dict[str, str]:
    """Content of a change as people type it into its form."""
    words = {True: "true", False: "false", None: ""}

    def text(value: Any) -> str:
        if isinstance(value, list):
            return " ".join(map(text, value))
        return words[value] if value is None or isinstance(value, bool) else str(value)

    return {name: text(value) for name, value in content.items()}


class _Forms(HTMLParser):
    """The forms of a page: where each goes, by which method, with which fields."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, list[tuple[str, str]]]] = []
        self._choosing = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((said.get("method", "get").upper(), said.get("action", ""), []))
        if not self.found:
            return
        fields = self.found[-1][2]
        if tag in {"input", "textarea", "button"} and "name" in said:
            fields.append((said["name"], said.get("value", "")))
        elif tag == "select":
            self._choosing = said.get("name", "")
        elif tag == "option" and self._choosing and said.get("value"):
            fields.append((self._choosing, said["value"]))
            self._choosing = ""


async def _crawled(http: aiohttp.ClientSession, stack: Stack, known: Known, chance: random.Random) -> Any:
    """Links and forms of the pages that people of every role see."""
    kinds: dict[str, int] = {}
    for name in ("operator", "checker", "participant", "regulator-in", "auditor"):
        headers = _bearer(stack.credentials["people"][name])
        waiting, seen = ["/console"], {"/console"}
        while waiting:
            path = waiting.pop(0)
            async with http.get(path, headers=headers, allow_redirects=False) as answer:
                text = await answer.text(errors="replace")
            parser = _Forms()
            parser.feed(text if answer.content_type == "text/html" else "")
            for method, action, said in parser.found:
                target = urljoin(path, action or path)
                if _ends_own(method, target) or target.endswith("/sessions/end"):
                    continue
                fields = [(field, value or known.one(field, chance, CANARY)) for field, value in said]
                body = urlencode(fields).encode() if method == "POST" else b""
                if method == "GET" and fields:
                    target = target.partition("?")[0] + "?" + urlencode(fields)
                lines: Lines = (("Content-Type", FORM),) if body else ()
                name_of = f"{method} form of {_ID.sub('*', target)}"
                yield name_of, Request(name_of, name, "session", method, target, lines, body)
            for href in _LINK.findall(text):
                link = urljoin(path, href.replace("&amp;", "&"))
                kind = f"{name} {_ID.sub('*', link)}"
                if link not in seen and kinds.get(kind, 0) < _OF_A_KIND_MAX and link.startswith("/console"):
                    seen.add(link)
                    kinds[kind] = kinds.get(kind, 0) + 1
                    waiting.append(link)


def _always(request: Request, senders: Senders) -> Maker:
    def make(chance: random.Random) -> Request:
        if chance.random() < 0.85:
            return request
        sender, door = _sender(chance, senders, people=1)
        return Request(
            request.operation, sender, door, request.method, request.target, request.headers, request.body
        )

    return make


# ------------------------------------------------------------------ the rest
def _plain(path: str) -> Maker:
    return lambda _: Request(f"GET {path}", "", "nobody", "GET", path)


def _callback(chance: random.Random) -> Request:
    country = chance.choice(("IN", "PK", "KZ", "XX"))
    body = b'<?xml version="1.0" encoding="UTF-8"?><ns2:RespPay xmlns:ns2="http://npci.org/upi/schema/"><Head msgId="1"/><Txn id="2"/></ns2:RespPay>'
    lines: Lines = (("Content-Type", codec.XML),)
    return Request("POST /rails/{country}", "", "nobody", "POST", f"/rails/{country}", lines, body)
