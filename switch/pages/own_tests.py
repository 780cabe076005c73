"""The test console: compose and check a message and, in a sandbox, send it to the real API endpoint.

A message is sent over HTTP to this switch, with the participant's sandbox key, like the curl command beside
it, so the reader sees what an integrator's program will see. Outside a sandbox a message is only checked
against schema and rules.
"""

import asyncio
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import aiohttp
from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.reasons import ISO_REASONS
from adapters.simulation.magic import Magic, script
from schemas import codec, files
from schemas.errors import InvalidMessage
from schemas.money import Money
from switch.base.settings import Settings
from switch.identity.permissions import Right, require
from switch.pages.own import BASE, Own
from switch.pages.payments import Uetr
from switch.pages.shell import PREFIX, Switch, Viewer, form, render
from switch.payments import events
from switch.payments.journey import read_payment
from switch.sandbox import world

router = APIRouter(prefix=PREFIX + BASE, include_in_schema=False)

ENDPOINT: Final = "/v1/iso20022/pacs.008"
WAIT_S: Final = 5
"""Time that the console asks the API to wait for the outcome."""
NOT_HERE: Final = "messages can be sent from here only in a sandbox, with a sandbox key"
_ANSWER_WITHIN_S: Final = 20.0
_HEADERS: Final = ("content-type", "location", "retry-after", "idempotent-replayed", "ratelimit")
"""Headers of a response that are shown."""
_WORDS: Final = {Magic.SLOW: "SLOW8"}
"""Magic words that need a number, with an example."""
_DEBTOR: Final = "Asha Rao"
_CREDITOR: Final = "Bilal Khan"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response. `uetr` is that of the payment, if the message has one."""

    status: int
    headers: list[tuple[str, str]]
    body: str
    milliseconds: int
    uetr: UUID | None


@router.get("/tests")
async def get_console(request: Request, switch: Switch, person: Viewer, own: Own) -> Response:
    """Show the console, empty."""
    require(person, Right.TRY_MESSAGES, participant=own.id)
    return await _show(request, switch, person, own, {})


@router.post("/tests")
async def post_console(request: Request, switch: Switch, person: Viewer, own: Own) -> Response:
    """Compose, check or send, by the button."""
    require(person, Right.TRY_MESSAGES, participant=own.id)
    values = await form(request)
    message = values.get("message", "").replace("\r\n", "\n")
    values = {**values, "message": message}
    try:
        match values.get("action", ""):
            case "compose":
                message = await _compose(switch, own.id, values)
                return await _show(request, switch, person, own, {**values, "message": message})
            case "check":
                report = files.check_bytes(message.encode(), "")
                return await _show(request, switch, person, own, values, report=report)
            case "send":
                exchange = await _send(switch.settings, own.id, message)
                return await _show(request, switch, person, own, values, exchange=exchange)
            case _:
                return await _show(request, switch, person, own, values)
    except (InvalidMessage, aiohttp.ClientError, TimeoutError) as error:
        detail = error.detail if isinstance(error, InvalidMessage) else "the API did not respond"
        return await _show(request, switch, person, own, {**values, "message": message}, problem=detail)


@router.get("/tests/{uetr}")
async def get_journey(request: Request, switch: Switch, person: Viewer, own: Own, uetr: Uetr) -> Response:
    """Show the status history of one's own payment and its events; the console refreshes it."""
    require(person, Right.READ_POSITIONS, participant=own.id)
    key = UUID(uetr)
    payment = await read_payment(switch.pool, key, [own.id])
    return render(
        request,
        "own_journey.html",
        person,
        payment={**payment, "uetr": uetr},
        steps=payment["journey"],
        events=[
            files.indented(event.document())
            for event in await events.of_payment(switch.pool, own.id, UUID(payment["uetr"]))
        ],
    )


async def _show(
    request: Request,
    switch: Switch,
    person: Viewer,
    own: Own,
    values: Mapping[str, str],
    *,
    problem: str = "",
    report: files.FileReport | None = None,
    exchange: Exchange | None = None,
) -> Response:
    bearer = (await _credentials(switch.settings, own.id) or {}).get("bearer", "")
    message = values.get("message", "")
    payer = await _credentials(switch.settings, own.id)
    return render(
        request,
        "own_tests.html",
        person,
        422 if problem else 200,
        sandbox=switch.settings.sandbox,
        bearer=bearer,
        own=own,
        currency=payer["currency"] if payer else "",
        payees=await _payees(switch, own),
        words=[(_WORDS.get(word, word.value), word.meaning.replace("`", "")) for word in Magic],
        reasons=sorted(ISO_REASONS),
        values={"word": "", "reason": "", "creditor": "", "amount": "100.00", **values},
        problem=problem,
        report=report,
        exchange=exchange,
        curl=_curl(request, bearer, message) if bearer and message else "",
        base=PREFIX + BASE,
    )


# Composing.


async def _compose(switch: Switch, participant: str, values: Mapping[str, str]) -> str:
    """A pacs.008 from the form's fields, as JSON."""
    payer = await _credentials(switch.settings, participant)
    payee = await _credentials(switch.settings, values.get("creditor", ""))
    if payer is None or payee is None:
        raise InvalidMessage("no such participant in the sandbox")
    amount = Money.parse(values.get("amount", ""), payer["currency"])
    word = values.get("reason", "").strip().upper() or values.get("word", "")
    if word and script(word) is None:
        raise InvalidMessage("unknown magic word")
    document = world.document(payer, payee, amount=amount.text, word=word, debtor=_DEBTOR, creditor=_CREDITOR)
    return files.indented(document)


async def _payees(switch: Switch, own: Own) -> list[Mapping[str, str]]:
    """Possible payees: sandbox participants whose country has an open corridor."""
    corridors = switch.directory.now.corridor_by_pair
    return [
        entry
        for entry in await _participants(switch.settings)
        if (corridor := corridors.get((own.country, entry["country"]))) and corridor.enabled
    ]


async def _credentials(settings: Settings, participant: str) -> Mapping[str, str] | None:
    return next((p for p in await _participants(settings) if p["id"] == participant), None)


async def _participants(settings: Settings) -> list[dict[str, str]]:
    """Participants of the sandbox's credentials file; none outside a sandbox."""
    if not settings.sandbox:
        return []
    content: dict[str, Any] = json.loads(await asyncio.to_thread(settings.credentials_file.read_text))
    found: list[dict[str, str]] = content["participants"]
    return found


# Sending.


async def _send(settings: Settings, participant: str, message: str) -> Exchange:
    """Send a message to the API, as the participant.

    Raises:
        InvalidMessage: this is not a sandbox, or the participant has no sandbox key.
        aiohttp.ClientError: the API did not respond.
        TimeoutError: no response in time.

    """
    entry = await _credentials(settings, participant)
    if entry is None:
        raise InvalidMessage(NOT_HERE)
    raw = message.encode()
    headers = _request_headers(entry["bearer"], codec.representation(raw))
    loop = asyncio.get_running_loop()
    timeout = aiohttp.ClientTimeout(total=_ANSWER_WITHIN_S)
    async with aiohttp.ClientSession(f"http://{settings.host}:{settings.port}", timeout=timeout) as session:
        started = loop.time()
        async with session.post(ENDPOINT, data=raw, headers=headers) as answer:
            text = await answer.text()
            took = loop.time() - started
    return Exchange(
        status=answer.status,
        headers=[(name, answer.headers[name]) for name in _HEADERS if name in answer.headers],
        body=_for_people(text),
        milliseconds=int(took * 1000),
        uetr=_uetr_of(raw) if answer.status in {200, 202, 422} else None,
    )


def _request_headers(bearer: str, media_type: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {bearer}",
        "Content-Type": media_type,
        "Accept": media_type,
        "Prefer": f"wait={WAIT_S}",
    }


def _for_people(text: str) -> str:
    """JSON with indentation; any other text unchanged."""
    try:
        return files.indented(json.loads(text))
    except ValueError:
        return text


def _uetr_of(raw: bytes) -> UUID | None:
    """UETR of a credit transfer, if any."""
    try:
        document = codec.decode(raw, media_type=codec.representation(raw), expect="pacs.008").document
        return UUID(document["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"])
    except (InvalidMessage, KeyError, ValueError):
        return None


def _curl(request: Request, bearer: str, message: str) -> str:
    """The curl command that sends the same message."""
    url = f"{request.url.scheme}://{request.headers.get('host', '')}{ENDPOINT}"
    media_type = codec.representation(message.encode())
    lines = [f"curl --request POST {shlex.quote(url)}"]
    lines += [
        f"  --header {shlex.quote(f'{name}: {value}')}"
        for name, value in _request_headers(bearer, media_type).items()
    ]
    lines.append(f"  --data-binary {shlex.quote(message)}")
    return " \\\n".join(lines)
