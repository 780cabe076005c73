"""The Bruno collection in `docs/integrate/bruno`, from the description: what participants send, one file each.

`python -m tests.docs.bruno` writes it; tests/docs/test_bruno.py sends all of it to a sandbox by Bruno's own command.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from switch.api import examples
from switch.base.settings import Settings
from switch.processes.app import make_app

FOLDER: Final = Path(__file__).parents[2] / "docs" / "integrate" / "bruno"
LEFT_OUT: Final = {
    "confirmSettlement": "only settlement agents send it",
    "listFxRates": "only FX providers have rates",
    "setFxRates": "only FX providers have rates",
    "getBilateralPositions": "it needs a settlement",
    "getSettlement": "it needs a settlement",
    "getInstruction": "it needs a settlement that was instructed",
    **dict.fromkeys(
        (
            "handInPaymentFile",
            "getPaymentFile",
            "listPaymentFileLines",
            "getPaymentFileReport",
            "cancelPaymentFile",
        ),
        "a file needs a message id and a date of its own",
    ),
    "getRequestToPay": "its id is in the header Location of the answer to the pain.013",
    "getReport": "each report has parameters of its own",
    "getReportSignature": "it needs a report that was made",
    "replayDelivery": "it needs a delivery that was made",
    "revokeKey": "it would revoke a key of the sandbox",
}
"""Operations that would fail or do harm in a fresh sandbox."""
_FIRST: Final = (
    "sendCreditTransfer", "askPaymentStatus", "askAboutPayment", "answerInvestigation", "askPaymentBack",
    "answerCancellation", "returnPayment", "verifyAccount", "requestToPay", "answerRequestToPay", "askAccounts",
    "addWebhook", "listWindows", "makeQuote",
)  # fmt: skip
"""Later messages and requests refer to the earlier ones."""
_LAST: Final = ("removeWebhook",)
_KEEPS: Final = {
    "sendCreditTransfer": 'bru.setVar("original", bru.getVar("uetr"));',
    "askAboutPayment": 'bru.setVar("question", bru.getVar("id"));',
    "requestToPay": 'bru.setVar("request", bru.getVar("id"));',
    "listWindows": 'bru.setVar("window", res.getBody()[0].window);',
    "addWebhook": 'bru.setVar("webhook", res.getBody().id);',
    "makeQuote": 'bru.setVar("quote", res.getBody().id);',
}
"""Operation -> what its answer leaves to the later ones."""
_BEFORE: Final = """\
const { v4 } = require("uuid");
const now = new Date().toISOString();
bru.setVar("now", now.replace("Z", "+00:00"));
bru.setVar("today", now.slice(0, 10));
bru.setVar("id", v4().replaceAll("-", ""));
bru.setVar("uetr", v4());"""
_HEAD: Final = {"meta": "name: payswitch", "script:pre-request": _BEFORE}
_PLACES: Final = {
    "window": "{{window}}",
    "uetr": "{{original}}",
    "id": "{{webhook}}",
    "currency": "INR",
    "keyid": "asha-bank-1",
}


def files() -> dict[str, str]:
    """Path in the collection -> content."""
    manifest = {"version": "1", "name": "payswitch", "type": "collection", "ignore": ["node_modules"]}
    found = {
        "bruno.json": json.dumps(manifest, indent=2) + "\n",
        "collection.bru": "\n".join(map(_block, _HEAD, _HEAD.values())),
        "environments/sandbox.bru": _block("vars", "base: http://127.0.0.1:8320")
        + "\nvars:secret [\n  asha_bank,\n  indus_bank\n]\n",
    }
    for name, method, path, operation in _operations():
        found[f"{operation['tags'][0]}/{name}.bru"] = _request(name, method, path, operation)
    return found


def _operations() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Name, method, path and description of what participants may call."""
    with tempfile.TemporaryDirectory() as data:
        description = make_app(Settings(data=Path(data), sandbox=True))._app.openapi()
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            name = operation["operationId"]
            if {"sandboxKey": []} in operation.get("security", ()) and name not in LEFT_OUT:
                yield name, method, path, operation


def _place(name: str) -> int:
    """Where an operation comes in its folder; the same for all whose order does not matter."""
    return _FIRST.index(name) + 1 if name in _FIRST else 99 if name in _LAST else 50


def _request(name: str, method: str, path: str, operation: Mapping[str, Any]) -> str:
    message = path.removeprefix("/v1/iso20022/") if path.startswith("/v1/iso20022/") else ""
    body = _message(operation) if message else examples.BODIES.get(name)
    sender = examples.sender(message) if message else "asha-bank"
    blocks = {
        "meta": f"name: {operation['summary']}\ntype: http\nseq: {_place(name)}",
        method: f"url: {{{{base}}}}{_address(path, operation)}\n"
        f"body: {'json' if body else 'none'}\nauth: bearer",
        "headers": "Accept: application/json" + ("\nPrefer: wait=20" if message == "pacs.008" else ""),
        "auth:bearer": f"token: {{{{{sender.replace('-', '_')}}}}}",
        "body:json": _with_variables(json.dumps(body, indent=2, ensure_ascii=False)) if body else "",
        "script:post-response": _KEEPS.get(name, ""),
        "assert": "res.status: lt 300",
    }
    return "\n".join(_block(kind, text) for kind, text in blocks.items() if text)


def _message(operation: Mapping[str, Any]) -> Any:
    """The example of the lowest version."""
    shown = operation["requestBody"]["content"]["application/json"]["examples"]
    return shown[min(shown)]["value"]


def _address(path: str, operation: Mapping[str, Any]) -> str:
    query = []
    for parameter in operation.get("parameters", ()):
        if "example" not in parameter:
            continue
        value = str(_PLACES.get(parameter["name"], parameter["example"]))
        if parameter["in"] == "query":
            query.append(f"{parameter['name']}={value}")
        elif parameter["name"] == "id" and path.startswith("/v1/quotes"):
            path = path.replace("{id}", "{{quote}}")
        elif parameter["name"] == "id" and not path.startswith("/v1/webhooks"):
            path = path.replace("{id}", "asha-bank")
        else:
            path = path.replace(f"{{{parameter['name']}}}", value)
    return path + (f"?{'&'.join(query)}" if query else "")


def _with_variables(text: str) -> str:
    """An example with new ids and present dates, as Bruno makes them before each request."""
    text = re.sub(rf'("UETR": )"{examples.ORIGINAL}"', r'\1"{{uetr}}"', text)
    text = text.replace(examples.ORIGINAL, "{{original}}")
    text = re.sub(r'("OrgnlMsgId": )"[^"]+"', r'\1"{{request}}"', text)
    text = re.sub(r'("(?:MsgId|RtrId|TxId|InstrId|EndToEndId)": )"[^"]+"', r'\1"{{id}}"', text)
    text = re.sub(r'("OrgnlInvstgtnReq": \{\s*"MsgId": )"[^"]+"', r'\1"{{question}}"', text)
    text = re.sub(r'("Assgnmt": \{\s*"Id": )"[^"]+"', r'\1"{{id}}"', text)
    text = re.sub(r'"\d{4}-\d\d-\d\dT[^"]+\+05:30"', '"{{now}}"', text)
    text = re.sub(r'("since": )"[^"]+"', r'\1"{{now}}"', text)
    text = text.replace("https://bank.example/hooks", "http://127.0.0.1:9/hooks")
    return re.sub(r'("(?:IntrBkSttlmDt|Dt)": )"\d{4}-\d\d-\d\d"', r'\1"{{today}}"', text)


def _block(kind: str, text: str) -> str:
    indented = "\n".join(f"  {line}".rstrip() for line in text.splitlines())
    return f"{kind} {{\n{indented}\n}}\n"


def write() -> None:
    """Write the collection anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, content in files().items():
        place = FOLDER / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)


if __name__ == "__main__":
    write()
