"""Every example of OpenAPI is sent to a sandbox and accepted: each message, version and representation."""

import asyncio
import json
import re
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas import codec, files, fresh
from schemas.catalogue import catalogue
from switch.api import examples
from switch.identity import secrets
from switch.operations import housekeeping
from tests.description.described import Described
from tests.docs.blocks import PAGES
from tests.switch.stack import Stack

ABOUT_A_PAYMENT = {"pacs.028", "pacs.004", "camt.056", "camt.029", "camt.110", "camt.111"}


@pytest.fixture(scope="module")
def description(stack: Stack) -> dict[str, Any]:
    with urllib.request.urlopen(f"{stack.url}/openapi.json") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def examples_of(operation: dict[str, Any]) -> list[tuple[str, str, bytes]]:
    """Media type, message and bytes of each example of an operation's request."""
    content = operation.get("requestBody", {}).get("content", {})
    return [
        (media_type, message, as_bytes(example["value"]))
        for media_type, form in content.items()
        for message, example in form.get("examples", {}).items()
    ]


def as_bytes(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


MESSAGES = sorted({name[:8] for name in catalogue().messages if name[:8] in examples.SENDERS})


def send(stack: Stack, message: str, raw: bytes, media_type: str = codec.JSON) -> tuple[int, dict[str, Any]]:
    """Send a message that is ready, as the example's sender; status and answer."""
    headers = {
        "Authorization": f"Bearer {stack.participant(examples.sender(message))['bearer']}",
        "Content-Type": media_type, "Accept": codec.JSON, "Prefer": "wait=20",
    }  # fmt: skip
    request = urllib.request.Request(f"{stack.url}/v1/iso20022/{message[:8]}", raw, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def sent(stack: Stack, message: str, original: str = "") -> str:
    """Send a message's own example; the UETR that it got, or else its id."""
    raw = fresh.refreshed(as_bytes(examples.json_of(message)), original=original)
    status, answer = send(stack, message, raw)
    assert status in {200, 202}, answer
    found = re.search(rb'"UETR":\s*"([^"]+)"', raw) or re.search(rb'"MsgId":\s*"([^"]+)"', raw)
    return found[1].decode() if found else ""


def original_of(stack: Stack, name: str) -> str:
    """What comes before a message of this name: the payment, the cancellation request, the request to pay."""
    if name == "pain.014":
        return sent(stack, "pain.013.001.07")
    uetr = sent(stack, "pacs.008.001.08") if name in ABOUT_A_PAYMENT else ""
    if name == "camt.029":
        sent(stack, "camt.056.001.08", uetr)
    if name == "camt.111":
        sent(stack, "camt.110.001.01", uetr)
    return uetr


@pytest.mark.parametrize("name", MESSAGES)
def test_every_example_of_a_message_is_accepted(stack: Stack, description: dict[str, Any], name: str) -> None:
    found = examples_of(description["paths"][f"/v1/iso20022/{name}"]["post"])
    described = Described(description)
    versions = {message for message in catalogue().messages if message.startswith(f"{name}.")}

    assert {(media_type, message) for media_type, message, _ in found} == {
        (media_type, version) for media_type in (codec.JSON, codec.XML) for version in versions
    }
    for media_type, message, example in found:
        assert files.check_bytes(example, message).problems == (), message
        raw = fresh.refreshed(example, original=original_of(stack, name))
        status, answer = send(stack, message, raw, media_type)
        assert status in {200, 202}, (message, media_type, answer)
        assert "RJCT" not in json.dumps(answer), (message, media_type, answer)
        sent_back = json.dumps(answer).encode()
        assert described.check("POST", f"/v1/iso20022/{name}", status, codec.JSON, sent_back) == []


def test_every_operation_that_takes_a_message_has_examples(description: dict[str, Any]) -> None:
    for path, operations in description["paths"].items():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {})
            assert all(form.get("examples") or form.get("example") for form in content.values()), path


def test_every_schema_shows_an_example_that_is_accepted_or_none(description: dict[str, Any]) -> None:
    shown = {
        name: schema["examples"]
        for name, schema in description["components"]["schemas"].items()
        if "examples" in schema
    }

    assert {name[:8] for name in shown} == set(MESSAGES)
    for name, (example,) in shown.items():
        assert example == examples.json_of(name)


def test_a_fresh_message_has_new_ids_and_the_rest_as_it_was() -> None:
    raw = as_bytes(examples.json_of("pacs.008.001.08"))
    one, other = (codec.inspect(fresh.refreshed(raw), media_type=codec.JSON).document for _ in range(2))
    old = codec.inspect(raw, media_type=codec.JSON).document["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    (first,), (second,) = (made["FIToFICstmrCdtTrf"]["CdtTrfTxInf"] for made in (one, other))

    assert len({first["PmtId"]["UETR"], second["PmtId"]["UETR"], old["PmtId"]["UETR"]}) == 3
    assert first["PmtId"]["TxId"] != second["PmtId"]["TxId"]
    assert first["IntrBkSttlmDt"] >= old["IntrBkSttlmDt"]
    kept = ("IntrBkSttlmAmt", "Dbtr", "DbtrAcct", "Cdtr", "CdtrAcct", "Purp", "RmtInf")
    assert {name: first[name] for name in kept} == {name: old[name] for name in kept}


# ── all other operations ─────────────────────────────────────────────────────────────────────────────────

TRIED_ELSEWHERE = {
    **dict.fromkeys(
        ("getCase", "assignCase", "addCaseNote", "addCaseAttachment", "getCaseAttachment", "askRailAgain"),
        "tests/switch/cases/test_walk.py",
    ),
    "getScreeningHits": "tests/switch/screening/test_holds.py",
    "getGoamlDraft": "tests/switch/screening/test_holds.py",
    "addCosignature": "tests/switch/witness/test_witnessing.py",
    "beginEnrolment": "tests/switch/identity/test_people_api.py",
    "finishEnrolment": "tests/switch/identity/test_people_api.py",
    "confirmSettlement": "tests/switch/settlement/test_settlement_day.py",
    "getInstruction": "tests/switch/settlement/test_settlement_day.py",
    "getReport": "tests/switch/reports/test_live.py",
    "getReportSignature": "tests/switch/pages/test_crawl.py",
    "getFirmQuote": "tests/switch/payments/test_quotes.py",
    **dict.fromkeys(
        (
            "handInPaymentFile",
            "getPaymentFile",
            "listPaymentFileLines",
            "getPaymentFileReport",
            "cancelPaymentFile",
        ),
        "tests/switch/payments/test_payment_files.py",
    ),
    "getRequestToPay": "tests/switch/payments/test_payment_requests.py",
    "setFxRates": "tests/switch/api/test_fx.py",
    "listFxRates": "tests/switch/api/test_fx.py",
    "revokeKey": "tests/switch/participants/test_agreement.py",
    "replayReportDelivery": "tests/switch/reports/test_delivery.py",
    "replayDelivery": "tests/switch/webhooks/test_events_and_webhooks.py",
    "signOut": "tests/switch/identity/test_people_api.py",
    "endMySession": "tests/switch/identity/test_sessions.py",
    "endMySessions": "tests/switch/identity/test_sessions.py",
    "endSessionsOfPerson": "tests/switch/identity/test_sessions.py",
}
"""Operations that need what a single request cannot make, and the test that makes it."""


def called(stack: Stack, method: str, path: str, bearer: str, body: object = None) -> tuple[int, str, bytes]:
    """One request; status, media type and body of the answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    request = urllib.request.Request(stack.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read()


def call(stack: Stack, method: str, path: str, bearer: str, body: object = None) -> tuple[int, Any]:
    """One request; status and answer."""
    status, media_type, raw = called(stack, method, path, bearer, body)
    return status, json.loads(raw) if raw and media_type.endswith("json") else raw


def callers(stack: Stack) -> list[str]:
    people = stack.credentials["people"]
    names = ("operator", "checker", "auditor", "regulator-in", "asha-bank")
    return [stack.participant("asha-bank")["bearer"], *(people[name]["bearer"] for name in names)]


@pytest.fixture(scope="module")
def present(stack: Stack) -> dict[tuple[str, str], Any]:
    """Path's beginning and parameter -> what there is in this sandbox, where the example is of another's."""
    bank, operator = callers(stack)[:2]
    (_, one), (_, other) = (
        call(stack, "POST", "/v1/changes", operator, examples.BODIES["requestChange"]) for _ in range(2)
    )
    _, hook = call(stack, "POST", "/v1/webhooks", bank, examples.BODIES["addWebhook"])
    _, windows = call(stack, "GET", "/v1/windows", bank)
    size = asyncio.run(published(stack))
    return {
        **{("/v1/audit", name): size for name in ("size", "from", "to")},
        ("/v1/changes/{number}/withdraw", "number"): other["number"],
        ("/v1/changes", "number"): one["number"],
        ("/v1/webhooks", "id"): hook["id"],
        ("/v1/payments", "uetr"): sent(stack, "pacs.008.001.08"),
        ("/v1/", "window"): windows[-1]["window"],
    }


async def published(stack: Stack) -> int:
    """The events of a checkpoint that is there."""
    connection = await stack.connect()
    await housekeeping.publish(connection, stack.settings)
    size: int = await connection.fetchval("SELECT max(size) FROM ledger.checkpoint")
    await connection.close()
    return size


def test_every_other_operation_answers_its_example(
    stack: Stack, description: dict[str, Any], present: dict[tuple[str, str], Any]
) -> None:
    wrong = []
    described = Described(description)
    operations = [
        (method, path, operation)
        for path, found in description["paths"].items()
        if not path.startswith("/v1/iso20022/")
        for method, operation in found.items()
        if operation["operationId"] not in TRIED_ELSEWHERE
    ]
    # What is removed is removed last, votes come before a request is withdrawn, and files are listed once made.
    last = ("withdraw", "report-artefacts")
    for method, path, operation in sorted(
        operations, key=lambda o: (o[0] == "delete", any(word in o[1] for word in last))
    ):
        address, body = path, body_of(operation, stack)
        query = []
        for parameter in operation.get("parameters", ()):
            if not parameter.get("required") and "example" not in parameter:
                continue
            assert parameter.get("example") is not None, (path, parameter["name"])
            value = next(
                (
                    v
                    for (start, name), v in present.items()
                    if path.startswith(start) and name == parameter["name"]
                ),
                parameter["example"],
            )
            if parameter["in"] == "path":
                address = address.replace(f"{{{parameter['name']}}}", str(value))
            else:
                query.append(f"{parameter['name']}={value}")
        address += f"?{'&'.join(query)}" if query else ""
        tried = []
        for bearer in callers(stack):
            status, media_type, raw = called(stack, method.upper(), address, bearer, body)
            wrong += described.check(method, address, status, media_type, raw)
            tried.append((status, raw))
        if not any(status < 300 for status, _ in tried):
            wrong.append((method, address, tried[:2]))
    assert wrong == []


def body_of(operation: dict[str, Any], stack: Stack) -> Any:
    """The example of an operation's body, with the secrets and the dates of this sandbox."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    body = dict(content["example"])
    if operation["operationId"] == "signIn":
        person = stack.credentials["people"][body["name"]]
        code = secrets.totp_code(person["totp_secret"], int(time.time()))
        body |= {"password": person["password"], "code": code}
    if "since" in body:
        body["since"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    return body


# ── what the text names ──────────────────────────────────────────────────────────────────────────────────

NAMED = re.compile(r"`(GET|POST|DELETE|PUT) (/v1/[^`\s]+)`")
"""An operation in the text of a page: `GET /v1/payments/{uetr}?wait=10`."""


def test_every_operation_that_a_page_names_is_there(description: dict[str, Any]) -> None:
    known = [
        (method.upper(), re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), operation)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]
    missing, unknown = [], []
    for page in PAGES:
        for method, target in NAMED.findall(page.read_text(encoding="utf-8")):
            path, _, query = target.partition("?")
            found = [op for verb, pattern, op in known if verb == method and pattern.match(path)]
            if not found:
                missing.append((page.name, method, target))
                continue
            takes = {p["name"] for p in found[0].get("parameters", ()) if p["in"] == "query"}
            names = {part.partition("=")[0] for part in query.split("&") if part}
            if names - takes and found[0]["operationId"] != "getReport":
                unknown.append((page.name, target, names - takes))
    assert missing == []
    assert unknown == []
