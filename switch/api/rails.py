"""`GET /v1/rails/{country}`: what a rail accepts, so that a payment is right before it is sent.

Amounts, characters, required data, hours and forms of accounts, as the switch checks them: they are read from
the profile that the checks use. Each group has its `basis`: published by the rail, observed, or assumed.
"""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path
from starlette.responses import JSONResponse

from adapters.creditor import IdentifierForm
from adapters.profile import Hours, RailProfile
from schemas.credit_transfer import ROOT
from schemas.elements import TRANSACTION
from schemas.errors import NotFound
from schemas.money import EXPONENTS, Money
from switch.api.models import IdentifierDocument
from switch.api.reads import Context, Reader, rail_document
from switch.payments import rail_profile, reach
from switch.payments.directory import Tightening

router = APIRouter(prefix="/v1")
Country = Annotated[
    str, Path(pattern="^[A-Z]{2}$", description="an ISO 3166-1 code: two capital letters, such as PK")
]
_ALWAYS: Final = (
    "PmtId/UETR",
    "PmtId/EndToEndId",
    "IntrBkSttlmAmt",
    "Dbtr/Nm",
    "DbtrAcct",
    "Cdtr/Nm",
    "CdtrAcct",
)
_SAMPLES: Final = (
    *("50100123456789", "asha@okbank", "6299980000000000006"),
    *("BY27SAND30140000000000000001", "IR279990000000000000000000"),
    *("KZ699990000000000001", "PK60SAND0000000000000001"),
    *("9999990000000069", "40817810499900000000", "20202972499900000000", "20208000900000000001"),
    *("+375291234567", "+923001234567", "+79161234567", "+996700123456", "+992901234567", "+998901234567"),
    *("+77011234567", "6037990000000006", "8600000000000007", "5058270000000000"),
)
"""Identifiers of nobody: the first that a form accepts is its example."""


@router.get("/rails/{country}", operation_id="getRail", tags=["directory"])
async def get_rail(
    context: Context,
    reader: Reader,  # noqa: ARG001 - must be known
    country: Country,
) -> JSONResponse:
    """Get what a rail accepts: amounts, characters, required data, hours, forms of accounts with examples.

    Amounts and hours are those in force: the rail's own, or narrower ones that the operator has set.
    """
    rail = context.rails.get(country)
    if rail is None:
        raise NotFound("no rail reaches this country: GET /v1/rails lists them", path="path.country")
    profile = rail.adapter.profile
    known = context.directory.now.rail_by_country.get(country)
    seen = await reach.read(context.pool, context.rails)
    tightening = known.tightening if known else Tightening()
    document = {
        **rail_document(rail, known, seen.get(country, reach.NOT_SEEN)),
        **_accepted(profile, rail_profile.hours(profile, tightening)),
    }
    return JSONResponse(document)


def _accepted(profile: RailProfile, hours: Hours) -> dict[str, object]:
    step = Money(profile.limits.step_minor, profile.currency)
    required = [*_ALWAYS, *(("Purp",) if profile.purpose_required else ())]
    return {
        "amounts": {
            "step": step.text,
            "decimals": EXPONENTS[profile.currency],
            "basis": profile.limits.basis,
        },
        "texts": {
            "encoding": profile.characters.encoding,
            "name_max": profile.characters.name_max,
            "remittance_max": profile.characters.remittance_max,
            "basis": profile.characters.basis,
        },
        "identifiers": [_identifier(form) for form in profile.creditor],
        "required": [f"{ROOT}/{TRANSACTION}/{path}" for path in required],
        "carries": [f"{ROOT}/{TRANSACTION}/{path}" for path in profile.carries],
        "business_days_only": hours.calendar is not None,
        "opens_at": hours.open_from(datetime.now(UTC)).isoformat(),
        "answer_within_s": profile.timing.answer_s,
        "basis": profile.basis,
    }


def _identifier(form: IdentifierForm) -> IdentifierDocument:
    return {
        "kind": form.kind,
        "description": form.text,
        "pays": form.pays,
        "example": next((sample for sample in _SAMPLES if form.read(sample) is not None), None),
    }
