"""Certification of participants' clients: certificates are recorded, and may be required, by two people.

A bank runs `payswitch conform` at a test switch, and signs the certificate by a key that is in force here.
The operator may require one before a participant gets its first funds or a cap. A certificate that has
expired stops nobody: payments go on, and the readiness of the participant shows it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import NotAuthentic, Refused
from schemas.signing import jws
from schemas.signing.keys import PublicKey
from switch.approvals.content import Participant, check_not_removed, participant_of, refuse
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.conformance.certificate import CERTIFICATE_MAX, Certificate, NoCertificate
from switch.conformance.certificate import check as check_certificate
from switch.conformance.certificate import read as read_certificate

_statement: Final = statements("switch.participants")
_ADD: Final = _statement("add_certificate")
_LAST: Final = _statement("certificate")
_KEYS: Final = _statement("keys")
_REQUIRE: Final = _statement("set_certification")
_POLICY: Final = "SELECT required, kit, days FROM switch.certification"
_LACKS: Final = _statement("lacks_certificate")
DAYS_MAX: Final = 1096
_IN_FORCE: Final = "in force"

Kit = Annotated[
    int,
    msgspec.Meta(
        title="Oldest version of the kit", ge=1, le=10_000, description="a version of the kit, such as 1"
    ),
]


class Certify(Content, frozen=True, kw_only=True):
    """The certificate of a participant's client, as its key signed it."""

    participant: Participant
    certificate: Annotated[
        str,
        msgspec.Meta(
            title="Certificate (JSON)",
            max_length=CERTIFICATE_MAX,
            description="the text of certificate.json, as `payswitch conform --report` wrote it",
        ),
    ]
    signature: Annotated[
        str,
        msgspec.Meta(
            title="Signature (detached JWS)", max_length=1000, description="the text of certificate.json.jws"
        ),
    ]
    valid_until: Annotated[date, msgspec.Meta(title="Last day", description="a day, such as 2027-11-30")]


class RequireCertification(Content, frozen=True, kw_only=True):
    """Whether a participant needs a certificate before its first funds or a cap, and which ones count."""

    required: Annotated[bool, msgspec.Meta(title="Required before funds and caps")]
    kit: Kit = 1
    days: Annotated[
        int,
        msgspec.Meta(
            title="Valid for at most (days)", ge=1, le=DAYS_MAX, description=f"1 to {DAYS_MAX} days"
        ),
    ] = 366


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """The last certificate of a participant."""

    kit: int
    product: str
    tested_at: datetime
    valid_until: date
    report_sha256: str
    change: int

    @property
    def expired(self) -> bool:
        """Whether its last day (UTC) is over."""
        return datetime.now(UTC).date() > self.valid_until

    def document(self) -> dict[str, Any]:
        """The certificate as the API shows it."""
        return {
            "kit": self.kit,
            "product": self.product,
            "tested_at": self.tested_at.isoformat(),
            "valid_until": self.valid_until.isoformat(),
            "expired": self.expired,
            "report_sha256": self.report_sha256,
            "change": self.change,
        }


@dataclass(frozen=True, slots=True)
class Policy:
    """What is required of certificates; without a change, nothing."""

    required: bool = False
    kit: int = 1
    days: int = 366


async def last(connection: asyncpg.Connection | asyncpg.Pool, participant: str) -> CertificateRow | None:
    """The last certificate of a participant, expired or not."""
    row = await connection.fetchrow(_LAST, participant)
    return None if row is None else CertificateRow(*row)


async def policy(connection: asyncpg.Connection | asyncpg.Pool) -> Policy:
    """What is required of certificates."""
    row = await connection.fetchrow(_POLICY)
    return Policy() if row is None else Policy(*row)


async def check_certified(connection: asyncpg.Connection, participant: str) -> None:
    """Refuse liquidity for a participant that was never certified, where this is required.

    Raises:
        Refused: it needs a certificate first.

    """
    if await connection.fetchval(_LACKS, participant):
        raise not_certified()


def not_certified() -> Refused:
    """The refusal of liquidity before a certificate."""
    return refuse(
        "this participant has no certificate of its client, which is required before funds and caps: request"
        " participant.certify first",
        remedy=(
            "Have the participant run payswitch conform, and request participant.certify with its"
            " certificate."
        ),
    )


async def _check_certify(connection: asyncpg.Connection, content: Certify) -> None:
    await check_not_removed(connection, content)
    found = _read(content)
    if found.participant != content.participant:
        raise refuse(
            "the certificate is of another participant",
            remedy="Use the certificate that this participant's own run wrote.",
        )
    rules = await policy(connection)
    if found.kit < rules.kit:
        raise refuse(
            f"the certificate is of kit {found.kit}; kit {rules.kit} or later is required",
            remedy=(
                "Have the participant run payswitch conform of the present version, and use its certificate."
            ),
        )
    try:
        check_certificate(found)
    except NoCertificate as error:
        raise refuse(
            f"the certificate is {error}",
            remedy="Have the participant run payswitch conform again until every required scenario passes.",
        ) from None
    today = datetime.now(UTC).date()
    if found.ended_at.date() > today:
        raise refuse(
            "the run of the certificate ended in the future",
            remedy="Set the clock of the machine that ran payswitch conform, and run it again.",
        )
    if content.valid_until <= today:
        raise refuse("the last day must be after today", remedy="State a last day from tomorrow on.")
    if content.valid_until > found.started_at.date() + timedelta(days=rules.days):
        raise refuse(
            f"a certificate is valid for at most {rules.days} days after its run began",
            remedy="State an earlier last day, or use the certificate of a newer run.",
        )
    recorded = await last(connection, content.participant)
    if recorded is not None and found.ended_at < recorded.tested_at:
        raise refuse(
            f"a certificate of a later run is recorded (change {recorded.change})",
            remedy="Use the newest certificate; the recorded one stays in force.",
        )
    await _check_signature(connection, content)


def _read(content: Certify) -> Certificate:
    try:
        return read_certificate(content.certificate)
    except NoCertificate as error:
        raise refuse(
            str(error), remedy="Send certificate.json of the run as it is, without any change."
        ) from None


async def _check_signature(connection: asyncpg.Connection, content: Certify) -> None:
    """Check that a key of the participant that is in force here signed the certificate."""
    for row in await connection.fetch(_KEYS, content.participant):
        if row["state"] != _IN_FORCE:
            continue
        key = PublicKey.from_pem(row["keyid"], row["public_key"].encode())
        try:
            jws.verify(content.signature.strip(), content.certificate.encode(), key=key)
        except NotAuthentic:
            continue
        return
    raise refuse(
        "no key of the participant that is in force here signed these bytes: sign with such a key"
        " (`payswitch conform --report DIR --sign-keyid ID --sign-key FILE`)",
        remedy="Sign with a key in force: payswitch conform --report DIR --sign-keyid ID --sign-key FILE.",
    )


async def _certify(execution: Execution, content: Certify) -> None:
    found = _read(content)
    await execution.connection.execute(
        _ADD,
        content.participant,
        found.kit,
        found.product,
        found.ended_at,
        content.valid_until,
        found.report_sha256,
        execution.number,
    )
    execution.outcome = f"{content.participant} is certified until {content.valid_until}"


async def _effect(connection: asyncpg.Connection, content: Certify) -> Effect:
    now = await last(connection, content.participant)
    until = Row(
        term("Certified until"), NOTHING if now is None else str(now.valid_until), str(content.valid_until)
    )
    try:
        found = read_certificate(content.certificate)
    except NoCertificate:
        return Effect((until,))
    rows = [
        until,
        Row(term("Version of the kit"), NOTHING if now is None else str(now.kit), str(found.kit)),
        Row(term("Product"), NOTHING if now is None else now.product, found.product),
        Row(term("Scenarios passed"), NOTHING, str(found.passed)),
        Row(term("Functions that the client lacks"), NOTHING, " ".join(found.not_supported) or NOTHING),
        Row(term("Not tried at that switch"), NOTHING, " ".join(found.not_applicable) or NOTHING),
        Row(term("Test switch"), NOTHING, found.switch),
    ]
    return Effect(tuple(rows))


async def _require(execution: Execution, content: RequireCertification) -> None:
    await execution.connection.execute(
        _REQUIRE, content.required, content.kit, content.days, execution.number
    )
    execution.outcome = "certification is required" if content.required else "certification is not required"


async def _effect_of_requiring(connection: asyncpg.Connection, content: RequireCertification) -> Effect:
    now = await policy(connection)

    def said(*, required: bool) -> str:
        return term("required") if required else term("not required")

    return Effect(
        (
            Row(term("Certification"), said(required=now.required), said(required=content.required)),
            Row(term("Oldest version of the kit"), str(now.kit), str(content.kit)),
            Row(term("Valid for at most (days)"), str(now.days), str(content.days)),
        )
    )


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "participant.certify",
        "Record the certificate of a participant's client",
        Certify,
        _certify,
        _check_certify,
        effect=_effect,
        links=links_to(Subject.PARTICIPANT, "participant"),
        participant=participant_of,
    ),
    ChangeKind(
        "certification.require",
        "Require certificates of clients",
        RequireCertification,
        _require,
        effect=_effect_of_requiring,
        links=links_to(Subject.CERTIFICATION),
    ),
)
