"""The search in the header: leads to the one payment or participant that is meant, or to a list of payments.

People type a UETR, a message id, an end-to-end id, a reference of a rail, an amount with or without its
currency, or the id or BIC of a participant. The search itself shows nothing: the page that it leads to
decides what its reader may see.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from schemas.errors import InvalidAmount
from schemas.money import Money
from switch.identity.model import Person, Role
from switch.pages import language, shell
from switch.pages.shell import PREFIX, Switch, redirect
from switch.payments import search
from switch.payments.directory import Participant
from switch.reports.readers import scope_of_person

router = APIRouter(prefix=PREFIX, include_in_schema=False)
_AMOUNT: Final = re.compile(
    r"(?:([A-Za-z]{3})\s*)?([0-9](?:[0-9 .,'\u2019\u00a0\u202f]*[0-9])?)(?:\s*([A-Za-z]{3}))?"
)


@router.get("/search")
async def get_search(
    request: Request,
    switch: Switch,
    person: Annotated[Person, Depends(shell.PAYMENTS.viewer)],
    q: Annotated[str, Query(max_length=64, pattern=r"^[^\x00-\x1f]*$")] = "",
) -> Response:
    """Redirect to what the text means."""
    text = q.strip()
    participant = _participant(switch, text)
    if participant is not None and shell.PARTICIPANTS.admits(person):
        return redirect(request, f"/participants/{participant.id}")
    async with switch.pool.acquire() as connection:
        owners = await scope_of_person(person).owners(connection)
        wanted = search.Wanted(
            uetr=search.typed_uetr(text), reference=text, end_to_end=switch.keys.reference(text)
        )
        found = (await search.find(connection, wanted, owners, limit=2)).payments if text else ()
    # A sender knows its payment by the UETR that it stated: the list shows that one.
    if len(found) == 1 and (wanted.uetr or person.role is not Role.PARTICIPANT):
        return redirect(request, f"/payments/{wanted.uetr or found[0].uetr}")
    if not found and (asked := _amount(text, language.of(request))):
        return redirect(request, f"/payments?{urlencode(asked)}")
    return redirect(request, f"/payments?{urlencode({'q': text})}" if text else "/payments")


def amounts(plain: str, currency: str, currencies: Iterable[str]) -> tuple[Money, ...]:
    """An amount in its currency, or in each of these that it may be of; none if it is no amount."""
    found = []
    for code in (currency,) if currency else currencies:
        try:
            found.append(Money.parse(plain, code))
        except InvalidAmount:  # more decimals than the currency has, or no number
            continue
    return tuple(found)


def _participant(switch: Switch, text: str) -> Participant | None:
    """The participant of this id or BIC."""
    now = switch.directory.now
    return now.by_id.get(text.lower()) or now.by_bic.get(text.upper()[:8] if len(text) in {8, 11} else "")


def _amount(text: str, lang: language.Language) -> dict[str, str] | None:
    found = _AMOUNT.fullmatch(text)
    if found is None or (found[1] and found[3]):
        return None
    currency = (found[1] or found[3] or "").upper()
    return {"amount": lang.plain(found[2]), **({"currency": currency} if currency else {})}
