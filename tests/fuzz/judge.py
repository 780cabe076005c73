"""What every answer must be, whatever was asked."""

import json
import re

from lxml import etree

from tests.fuzz.request import Request
from tests.fuzz.wire import Answer

CANARY = "CANARY7391"
"""A name, an account or a text of the sender's: no error repeats it, and no log has it."""
MARKUP = f"{CANARY}<i>"
"""The same as markup: no page has it unescaped."""
PROBLEM = "application/problem+json"
_MEMBERS = {"type", "title", "status", "detail", "reason", "retryable"}
_TRACES = re.compile(rb'Traceback \(most recent|File "/|asyncpg\.|psycopg|\.py", line')
_PARSER_S = b"Invalid HTTP request received."
"""What the server itself says to bytes that are no HTTP."""
_LOGOUT = "/console/openid/backchannel-logout"
"""Its errors have the form that OpenID Connect Back-Channel Logout 1.0 prescribes."""


def faults(request: Request, answer: Answer) -> list[str]:
    """What is wrong with an answer; nothing is the rule."""
    if answer.status == 0:
        return [] if request.is_cut and answer.broken == "closed" else [f"no answer: {answer.broken}"]
    found = [f"broken answer: {answer.broken}"] if answer.broken else []
    if answer.status >= 500 and not _is_documented(answer):
        found.append(f"status {answer.status}")
    if _TRACES.search(answer.body):
        found.append("the answer tells of the program")
    if MARKUP.encode() in answer.body and answer.kind == "text/html":
        found.append("markup of the sender is not escaped")
    if request.method != "HEAD" and not answer.broken:
        found += _form(request, answer)
    return found


def _is_documented(answer: Answer) -> bool:
    """Whether it is a 503 that says when to try again, and is not about the database."""
    retry = answer.headers.get("retry-after", "")
    return answer.status == 503 and retry.isdigit() and b"database" not in answer.body


def _form(request: Request, answer: Answer) -> list[str]:  # noqa: PLR0911 - one line a form
    if answer.status == 400 and answer.body == _PARSER_S:
        return []
    if answer.status == 431 and not answer.body:
        return []
    # Where XML is accepted, a failure of a message is an admi.002; a refused payment is a pacs.002.
    of_a_message = "/v1/iso20022/" in request.target and answer.kind in {
        "application/xml",
        "application/json",
    }
    by_openid = request.target.startswith(_LOGOUT) and answer.kind == "application/json"
    if answer.status >= 400 and answer.kind not in {PROBLEM, "text/html"} and not of_a_message | by_openid:
        return [f"{answer.status} is {answer.kind or 'nothing'}, and no problem"]
    if answer.status >= 400 and answer.kind != "text/html" and CANARY.encode() in answer.body:
        return ["the error repeats what was sent"]
    match answer.kind:
        case kind if kind == PROBLEM:
            return _problem(answer)
        case "application/json":
            return [] if _is_json(answer.body) else ["the answer is no JSON"]
        case "application/xml" | "image/svg+xml":
            return [] if _is_xml(answer.body) else ["the answer is no XML"]
        case "text/html":
            whole = answer.body.lstrip().lower().startswith(b"<!doctype html>") and b"</html>" in answer.body
            return [] if whole else ["the page is not whole"]
    return []


def _problem(answer: Answer) -> list[str]:
    try:
        problem = json.loads(answer.body)
    except ValueError:
        return ["the problem is no JSON"]
    if not problem.keys() >= _MEMBERS:
        return ["the problem lacks members"]
    if problem["status"] != answer.status or not problem["detail"]:
        return ["the problem contradicts its answer"]
    return []


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _is_xml(body: bytes) -> bool:
    try:
        etree.fromstring(body)
    except etree.XMLSyntaxError:
        return False
    return True
