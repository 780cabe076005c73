"""Proofs that an event is in the log unchanged, verified in the page, step by step, and offline.

The page contains the bundle that `ledger/offline_verifier.py` verifies. A script verifies every hash and
signature in the reader's browser; without scripts, the page shows the steps calculated by the switch. To
trust neither, download the bundle and the verifier, a single file, and use a key received through another
channel.
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.resources import files
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from ledger import audit, offline_verifier, windows
from ledger.archive import ArchivedEvent
from ledger.merkle import node_hash
from schemas.errors import InvalidMessage, NotFound, Unavailable
from switch.api.reports import Reporting
from switch.base.sql import statements
from switch.identity.model import Person
from switch.operations import housekeeping, witnesses
from switch.pages import audited, language, shell
from switch.pages.audited import read_only
from switch.pages.language import Language
from switch.pages.shell import PREFIX, Switch, finish, render
from switch.reports import evidence, service
from switch.reports.query import Scope
from switch.reports.readers import scope_of_person

router = APIRouter(prefix=PREFIX, include_in_schema=False)
ProofReader = Annotated[Person, Depends(shell.PROOFS.viewer)]
Reader = Annotated[Person, Depends(audited.reader(shell.PROOFS))]
"""For pages whose access is not yet recorded otherwise."""

VERIFIER: Final = "offline_verifier.py"
_CHECKPOINTS_SHOWN: Final = 50
_NOT_YET: Final = "no checkpoint covers"
"""What is said of a fresh event begins with this; the next checkpoint covers it."""
_statement: Final = statements("switch.pages")
_MINE: Final = _statement("is_event_of_owners")
Size = Annotated[int | None, Query(ge=1, lt=2**63)]
Number = Annotated[int | None, Query(ge=1, lt=2**63)]
Uetr = Annotated[UUID | None, Query()]


@dataclass(frozen=True, slots=True)
class ProofStep:
    """One step from a leaf to the root: side and hash of the sibling, and the hash of both."""

    side: str
    sibling: str
    found: str


@router.get("/proofs")
async def get_proofs(request: Request, switch: Switch, person: Reader, before: Size = None) -> Response:
    """Show the forms of proofs, the checkpoints, and the offline verifier."""
    async with read_only(switch.reading) as connection:
        found = await audit.page(connection, before=before, limit=_CHECKPOINTS_SHOWN)
        registered = await witnesses.read(connection)
    return render(
        request,
        "proofs.html",
        person,
        checkpoints=found,
        more=found[-1].size if len(found) == _CHECKPOINTS_SHOWN else None,
        witnesses=registered,
        keys=housekeeping.verifier_lines(switch.settings),
    )


@router.get("/proofs/show")
async def get_proof(  # noqa: PLR0917 - one per query parameter
    request: Request,
    switch: Switch,
    reporting: Reporting,
    person: ProofReader,
    uetr: Uetr = None,
    window: Number = None,
    event: Number = None,
) -> Response:
    """Show the proof of a payment, a window or an event."""
    try:
        bundle, name = await _bundle(request, reporting, person, uetr, window, event)
    except Unavailable as error:
        if not error.detail.startswith(_NOT_YET):
            raise
        again = f"{request.url.path}?{request.url.query}"
        page = render(request, "proof_not_yet.html", person, status=HTTPStatus.ACCEPTED, again=again)
        page.headers["Retry-After"] = str(math.ceil(switch.settings.checkpoint_every_s))
        return page
    return await _shown(request, switch, person, bundle, name)


@router.get("/proofs/consistency")
async def get_consistency(
    request: Request, switch: Switch, person: Reader, first: Size = None, second: Size = None
) -> Response:
    """Show that a later checkpoint extends an earlier one."""
    bundle, name = await _between(switch.reading, first, second)
    return await _shown(request, switch, person, bundle, name)


@router.get("/proofs/bundle.json")
async def get_bundle(  # noqa: PLR0917 - one per query parameter
    request: Request,
    reporting: Reporting,
    person: ProofReader,
    uetr: Uetr = None,
    window: Number = None,
    event: Number = None,
    first: Size = None,
    second: Size = None,
) -> Response:
    """Return a proof as a file for the offline verifier."""
    if first is not None or second is not None:
        await audited.note(request, reporting, person)
        bundle, name = await _between(reporting.reading, first, second)
    else:
        bundle, name = await _bundle(request, reporting, person, uetr, window, event)
    octets = json.dumps(bundle, indent=1, sort_keys=True).encode() + b"\n"
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return finish(request, Response(octets, media_type="application/json", headers=headers))


@router.get("/proofs/offline_verifier.py")
async def get_verifier(request: Request, person: ProofReader) -> Response:  # noqa: ARG001 - must be signed in
    """Return the verifier: a single file that is independent of the switch."""
    headers = {"Content-Disposition": f'attachment; filename="{VERIFIER}"'}
    octets = files("ledger").joinpath(VERIFIER).read_bytes()
    return finish(request, Response(octets, media_type="text/x-python", headers=headers))


async def _bundle(  # noqa: PLR0917 - one per query parameter
    request: Request,
    reporting: service.ReportService,
    person: Person,
    uetr: UUID | None,
    window: int | None,
    event: int | None,
) -> tuple[dict[str, Any], str]:
    """The requested proof and a name for its file; the request is recorded as an event first.

    Raises:
        InvalidMessage: not exactly one of the three is given.
        NotFound: it does not exist, or the reader may not see it.
        Unavailable: no checkpoint covers it yet.

    """
    if [uetr, window, event].count(None) != 2:  # noqa: PLR2004 - all but one
        raise InvalidMessage("state exactly one of: payment, window, event", rule="parameter")
    scope = scope_of_person(person)
    if uetr is not None:
        made = await service.make(reporting, evidence.NAME, {"uetr": str(uetr)}, scope, evidence.BUNDLE)
        return json.loads(made.octets), f"payment-{uetr}"
    await audited.note(request, reporting, person)
    async with read_only(reporting.reading) as connection:
        try:
            if window is not None:
                if await windows.find(connection, window) is None:
                    raise NotFound
                return await audit.bundle(connection, [window]), f"window-{window}"
            assert event is not None
            return await audit.bundle_of(
                connection, [await _event(connection, scope, event)]
            ), f"event-{event}"
        except ValueError:
            raise Unavailable("no checkpoint covers this yet") from None


async def _event(connection: asyncpg.Connection, scope: Scope, seq: int) -> ArchivedEvent:
    found = await audit.find_event(connection, seq)
    owners = await scope.owners(connection)
    if found is None or (owners is not None and not await connection.fetchval(_MINE, found.number, owners)):
        raise NotFound("no such event")
    return found


async def _between(pool: asyncpg.Pool, first: int | None, second: int | None) -> tuple[dict[str, Any], str]:
    """The proof that the larger checkpoint extends the smaller one, given in either order."""
    if first is None or second is None or first == second:
        raise InvalidMessage("state two different checkpoints", rule="parameter")
    smaller, larger = sorted((first, second))
    async with read_only(pool) as connection:
        older, newer = await audit.find(connection, smaller), await audit.find(connection, larger)
        if older is None or newer is None:
            raise NotFound("no such checkpoint")
        return await audit.consistency(connection, newer, older), f"checkpoints-{smaller}-{larger}"


async def _shown(
    request: Request, switch: Switch, person: Person, bundle: dict[str, Any], name: str
) -> Response:
    registered = await witnesses.read(switch.reading)
    keys = housekeeping.verifier_lines(switch.settings)
    size, root = offline_verifier.open_checkpoint(bundle["checkpoint"], keys)
    return render(
        request,
        "proof.html",
        person,
        name=name,
        title=_title(name, language.of(request)),
        bundle=bundle,
        wrong=offline_verifier.verify(bundle, keys),
        keys=keys,
        witness_keys=[witness.key for witness in registered],
        size=size,
        root=root.hex(),
        older=[offline_verifier.open_checkpoint(each["checkpoint"], keys)[0] for each in bundle["older"]],
        steps={each["seq"]: steps(each, size) for each in bundle["events"]},
        text=_text,
        instant=_instant,
        download=f"{PREFIX}/proofs/bundle.json?{request.url.query}",
        verifier=VERIFIER,
    )


def _title(name: str, lang: Language) -> str:
    """What a file of a proof proves, in words: `payment-…`, `window-7`, `event-7`, `checkpoints-3-7`."""
    what, _, which = name.partition("-")
    match what:
        case "payment":
            return lang.text("Proof of payment {id}", id=which[:8])
        case "window":
            return lang.text("Proof of window {n}", n=which)
        case "event":
            return lang.text("Proof of event {n}", n=which)
        case _:
            first, _, second = which.partition("-")
            return lang.text("Proof that checkpoint {second} extends {first}", first=first, second=second)


def _instant(event: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(event["at"] // 1_000_000, UTC)


def _text(event: dict[str, Any]) -> str:
    return bytes.fromhex(event["body"]).decode(errors="replace")


def steps(event: dict[str, Any], size: int) -> tuple[str, list[ProofStep]]:
    """Leaf hash of an event, and the steps from it to the root of `size` events (RFC 9162, 2.1.3.2)."""
    leaf = offline_verifier.leaf_hash(event)
    found, node, last = leaf, event["seq"] - 1, size - 1
    taken = []
    for part in event["proof"]:
        sibling = bytes.fromhex(part)
        left = bool(node & 1) or node == last
        found = node_hash(sibling, found) if left else node_hash(found, sibling)
        taken.append(ProofStep("left" if left else "right", part, found.hex()))
        while left and node and not node & 1:
            node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    return leaf.hex(), taken
