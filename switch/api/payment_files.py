"""`/v1/payment-files`: a participant hands in a pain.001 of many lines; the switch makes a payment of each.

The file is signed as any request is: over the digest of its bytes. It is read in pieces, which are sealed as
they come, so that memory does not depend on its size; nothing is stored before its digest is verified. What
happens then is the caretaker's work (`switch.processes.payment_files`).
"""

import asyncio
import hashlib
import tempfile
import uuid
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from typing import IO, Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from schemas.errors import (
    InvalidMessage,
    MessageTooLarge,
    NotAuthentic,
    NotFound,
    Restoring,
    TooManyRequests,
    UnsupportedRepresentation,
)
from switch.api import body as bodies
from switch.api import paging, suspension
from switch.api.authentication import SIGNED, authenticate_head
from switch.api.paging import Before, Limit
from switch.api.proof import Signed
from switch.api.reads import Context, Reader
from switch.api.runtime import Runtime
from switch.base.failpoints import failpoint
from switch.base.personal_data import Erased, Sealer
from switch.clients.python.bulk import PaymentLine, pain_002
from switch.clients.python.bulk.lines import CheckedFile, FileHeader, FileReader
from switch.payments import payment_files
from switch.payments.directory import Participant
from switch.payments.payment_files import FileState, NewPaymentFile, PaymentFile

router = APIRouter(prefix="/v1")
ARRIVES_WITHIN_S: Final = 300.0
OPEN_MAX: Final = 20
"""Files of a participant that have not ended."""
_UPLOADS_MAX: Final = 4
"""Files that one worker receives at the same time."""
_LINES_AT_ONCE: Final = 500
_LENGTH_BYTES: Final = 4
_uploads = asyncio.Semaphore(_UPLOADS_MAX)
FileId = Annotated[uuid.UUID, Path(description="the id of a file, from the answer to it")]


@router.post("/payment-files", operation_id="handInPaymentFile", tags=["payments"], status_code=202)
async def hand_in_payment_file(
    request: Request,
    context: Context,
    whole: Annotated[
        Literal["true", "false"], Query(description="`true`: send nothing if a line cannot be sent")
    ] = "false",
) -> JSONResponse:
    """Hand in a pain.001 in XML: each of its lines becomes a payment of its own.

    The answer says that it is kept, not that it is right: `GET /v1/payment-files/{id}` says what becomes of
    it, and a pain.002 is among your messages at its end. The same file again is the same file.
    """
    if bodies.form(bodies.media_type(request)) != bodies.XML:
        raise UnsupportedRepresentation(
            "a file is XML", rule="representation", expected="Content-Type: application/xml"
        )
    caller = await authenticate_head(request)
    suspension.require_active(caller)
    if context.directory.now.closed:
        raise Restoring
    if _uploads.locked():
        raise TooManyRequests("too many files are arriving now")
    async with _uploads:
        new, sealer, spool = await _received(request, context, caller, whole=whole == "true")
        with spool:
            return await _kept(context, new, sealer, spool)


async def _kept(context: Runtime, new: NewPaymentFile, sealer: Sealer, spool: IO[bytes]) -> JSONResponse:
    """Store the file, unless it is known."""
    if await payment_files.count_open(context.pool, new.sender) >= OPEN_MAX:
        raise TooManyRequests(f"you have {OPEN_MAX} files that have not ended")
    is_new = await payment_files.keep(
        context.pool,
        context.keys,
        new,
        sealer,
        _parts(spool),
        lasts_s=context.settings.payment_file_s,
    )
    failpoint("after_file_kept")
    file = await payment_files.find_same(context.pool, context.keys, new.sender, new.sha256)
    headers = {"Location": f"/v1/payment-files/{file.id}"}
    if not is_new:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(_document(file), 202, headers)


async def _received(
    request: Request, context: Runtime, caller: Participant, *, whole: bool
) -> tuple[NewPaymentFile, Sealer, IO[bytes]]:
    """The file as it arrives: in sealed parts, in a file without a name.

    Raises:
        NotAuthentic: its digest is not the one that its sender signed.
        MessageTooLarge: more than the limit.
        InvalidMessage: it did not arrive whole, or in time.

    """
    id_ = uuid.uuid4()
    sealer = context.keys.sealer(id_)
    digest, size, part = hashlib.sha256(), 0, 0
    spool = tempfile.TemporaryFile(dir=context.settings.data)  # noqa: SIM115 - the caller closes it
    try:
        async with asyncio.timeout(ARRIVES_WITHIN_S):
            async for piece in _pieces(request, context.settings.payment_file_limit):
                digest.update(piece)
                size += len(piece)
                sealed = sealer.seal(part, piece)
                spool.write(len(sealed).to_bytes(_LENGTH_BYTES) + sealed)
                part += 1
    except TimeoutError:
        spool.close()
        raise InvalidMessage("the file did not arrive in time") from None
    except BaseException:
        spool.close()
        raise
    signed: Signed | None = request.scope[SIGNED]
    sha256 = digest.digest()
    if signed is not None and _digest_of(request) != f"sha-256=:{b64encode(sha256).decode()}:":
        spool.close()
        raise NotAuthentic("`Content-Digest` is not the SHA-256 of the body")
    spool.seek(0)
    new = NewPaymentFile(
        id=id_,
        sender=caller.id,
        whole=whole,
        sha256=sha256,
        size=size,
        keyid=signed.keyid if signed else "",
        signature=signed.signature if signed else b"",
        base=signed.base if signed else b"",
    )
    return new, sealer, spool


def _digest_of(request: Request) -> str:
    return request.headers.get("content-digest", "").strip(" \t")


async def _pieces(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body in pieces of the size of a part."""
    if "content-encoding" in request.headers:
        raise UnsupportedRepresentation(
            "compressed bodies are not supported",
            path="header.Content-Encoding",
            rule="representation",
            expected="no Content-Encoding",
        )
    too_large = MessageTooLarge(rule="size", expected=f"at most {limit} bytes")
    rest, size, more = bytearray(), 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise InvalidMessage("the body is incomplete")
        rest += message.get("body", b"")
        size += len(message.get("body", b""))
        if size > limit:
            raise too_large
        more = message.get("more_body", False)
        while len(rest) >= payment_files.PART_BYTES:
            yield bytes(rest[: payment_files.PART_BYTES])
            del rest[: payment_files.PART_BYTES]
    if not size:
        raise InvalidMessage("the body is empty")
    if rest:
        yield bytes(rest)


def _parts(spool: IO[bytes]) -> Iterator[bytes]:
    while length := spool.read(_LENGTH_BYTES):
        yield spool.read(int.from_bytes(length))


@router.get("/payment-files", operation_id="listPaymentFiles", tags=["payments"])
async def list_payment_files(
    request: Request, context: Context, reader: Reader, before: Before = None, limit: Limit = 50
) -> JSONResponse:
    """List the caller's files of payments, newest first."""
    before = before or payment_files.NEWEST
    found = await payment_files.newest(context.pool, reader.id, before=before, limit=limit + 1)
    page = paging.cut(found, limit, lambda file: file.number)
    headers = paging.link(request, "before", page)
    return JSONResponse([_document(file) for file in page.entries], headers=headers)


@router.get("/payment-files/{id}", operation_id="getPaymentFile", tags=["payments"])
async def get_payment_file(context: Context, reader: Reader, id: FileId) -> JSONResponse:  # noqa: A002
    """Get how far a file of the caller is."""
    return JSONResponse(_document(await payment_files.find(context.pool, reader.id, id)))


@router.get("/payment-files/{id}/lines", operation_id="listPaymentFileLines", tags=["payments"])
async def list_payment_file_lines(  # noqa: PLR0917 - one per parameter
    request: Request,
    context: Context,
    reader: Reader,
    id: FileId,  # noqa: A002
    after: Annotated[int, Query(ge=0, lt=2**31, description="number of the line after which they are")] = 0,
    status: Annotated[
        Literal["RCVD", "PDNG", "ACCC", "RJCT", "CANC"] | None,
        Query(description="only these lines"),
    ] = None,
    limit: Limit = 100,
) -> JSONResponse:
    """List the lines of a file of the caller in their order, each with its status."""
    known = await payment_files.find(context.pool, reader.id, id)
    found = await payment_files.lines(
        context.pool, known.id, after=after, limit=limit + 1, status=status or ""
    )
    page = paging.cut(found, limit, lambda line: line.number)
    entries = [
        {
            "number": line.number,
            "uetr": str(line.uetr),
            "status": line.outcome.status,
            "reason": line.outcome.reason,
            "detail": line.outcome.text or None,
            "remedy": line.remedy,
        }
        for line in page.entries
    ]
    return JSONResponse(entries, headers=paging.link(request, "after", page))


@router.delete("/payment-files/{id}", operation_id="cancelPaymentFile", tags=["payments"])
async def cancel_payment_file(context: Context, reader: Reader, id: FileId) -> JSONResponse:  # noqa: A002
    """Cancel the rest of a file of the caller: what was not sent is never sent. Nothing is recalled.

    A file that has ended stays as it is: `cancelled_at` is null if nothing of it was cancelled.
    """
    suspension.require_active(reader)
    await payment_files.find(context.pool, reader.id, id)
    await payment_files.cancel(context.pool, reader.id, id)
    return JSONResponse(_document(await payment_files.find(context.pool, reader.id, id)))


@router.get("/payment-files/{id}/report", operation_id="getPaymentFileReport", tags=["payments"])
async def get_payment_file_report(context: Context, reader: Reader, id: FileId) -> Response:  # noqa: A002
    """Get the pain.002 of a file of the caller: the status and the reason of each line, as it is now."""
    known = await payment_files.find(context.pool, reader.id, id)
    if known.lines is None or known.state not in {FileState.SENDING, FileState.ENDED}:
        raise NotFound("the file has no lines that were sent: its state says why")
    pieces = payment_files.pieces(context.pool, context.keys, known.id, known.sealed_key)
    try:
        first = await anext(pieces, b"")
    except Erased:
        first = b""
    if not first:
        raise NotFound("the content of the file is not kept any more")
    return StreamingResponse(_report(context, known, first, pieces), media_type=bodies.XML)


async def _report(
    context: Runtime, file: PaymentFile, first: bytes, pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The pain.002 in pieces: the lines as the file has them, beside what is known of them."""
    header = FileHeader(file.message_id or "", "", file.lines or 0, None)
    checked = CheckedFile(header, "", payment_files.sum_of(file), ())
    yield pain_002.begin(pain_002.group(checked, file.by_status))
    outcomes = _outcomes(context, file)
    reader, batch = FileReader(), None
    piece = first
    while piece:
        made = []
        for found in reader.feed(piece):
            if isinstance(found, PaymentLine):
                line = await anext(outcomes)
                made.append(pain_002.line_status(found, line.with_remedy, batch))
                batch = found.batch
        yield b"".join(made)
        piece = await anext(pieces, b"")
    yield pain_002.end(batch)


async def _outcomes(context: Runtime, file: PaymentFile) -> AsyncIterator[payment_files.FileLine]:
    after = 0
    while some := await payment_files.lines(context.pool, file.id, after=after, limit=_LINES_AT_ONCE):
        for line in some:
            yield line
        after = some[-1].number


def _document(file: PaymentFile) -> dict[str, Any]:
    return {
        "id": str(file.id),
        "state": file.state.value,
        "message_id": file.message_id,
        "whole": file.whole,
        "bytes": file.size,
        "lines": file.lines,
        "control_sum": file.total,
        "group_status": payment_files.group_status(file),
        "by_status": file.by_status,
        "reason": file.reason or None,
        "detail": file.detail or None,
        "received_at": file.received_at.isoformat(),
        "ends_at": file.ends_at.isoformat(),
        "cancelled_at": file.cancelled_at and file.cancelled_at.isoformat(),
        "ended_at": file.ended_at and file.ended_at.isoformat(),
        "links": {
            "lines": f"/v1/payment-files/{file.id}/lines",
            "report": f"/v1/payment-files/{file.id}/report",
        },
    }
