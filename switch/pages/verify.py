"""The public page that verifies a report file: in the reader's browser, without sending the file anywhere.

The QR code of a printed report leads here with the hash of its content, and the page names the files that
were made with that content. Without scripts, the page shows the commands that verify a file offline.
"""

from textwrap import dedent
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from switch.api.reports import Reporting
from switch.pages.shell import PREFIX, render
from switch.reports import package, service

router = APIRouter(prefix=PREFIX, include_in_schema=False)

OPENSSL: Final = dedent(package.COMMANDS.format(name="FILE"))
Hash = Annotated[str, Query(pattern="^([0-9a-f]{64})?$")]


@router.get("/verify")
async def get_page(request: Request, reporting: Reporting, content: Hash = "") -> Response:
    """Show the form, and the files of the content with this hash."""
    found = await service.of_content(reporting, content) if content else []
    return render(
        request,
        "verify.html",
        None,
        content=content,
        files=found,
        keys=reporting.store.public_keys,
        commands=OPENSSL,
        bytes_max=package.FILE_BYTES_MAX,
    )
