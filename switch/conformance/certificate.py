"""The certificate of a run: what a bank states of its own client, signed by its own key, in a few lines.

The operator of the production switch records it as a change (`participant.certify`). The report with every
scenario is named by its hash.
"""

import json
import re
from datetime import datetime
from typing import Annotated, Final

import msgspec

from switch.conformance import KIT
from switch.conformance.record import BY_ID, Result, RunRecord, ScenarioVerdict

TYPE: Final = "payswitch-conformance"
CERTIFICATE_MAX: Final = 4000
WORD: Final = re.compile(r"[!-~]([ -~]{0,98}[!-~])?", re.ASCII)
"""The name of a product: up to 100 printable characters of ASCII."""
_Word = Annotated[str, msgspec.Meta(pattern=f"^{WORD.pattern}$")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
_Ids = Annotated[list[_Word], msgspec.Meta(max_length=200)]


class NoCertificate(ValueError):
    """A text that is no certificate; its text says why."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the holder of a key states of a client."""

    type: str
    participant: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]{1,34}$")]
    product: _Word
    """Name and version of what was tested, in the words of the bank."""
    switch: Annotated[str, msgspec.Meta(pattern="^https?://[!-~]{1,290}$")]
    kit: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    started_at: datetime
    ended_at: datetime
    passed: _Count
    not_supported: _Ids
    """Scenarios of functions that the client lacks."""
    not_applicable: _Ids
    """Scenarios that could not be played at that switch, such as those of rails that it did not have."""
    report_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    """Of the report in JSON."""


def make(record: RunRecord, report_sha256: str) -> bytes:
    """Make the certificate of a run.

    Raises:
        NoCertificate: the client is not conforming.

    """
    if not record.conforming:
        raise NoCertificate(f"scenarios that did not pass: {', '.join(record.missing)}")
    verdicts = {name: record.verdict(name) for name in BY_ID}
    certificate = {
        "type": TYPE,
        "participant": record.participant,
        "product": record.client,
        "switch": record.switch,
        "kit": record.kit,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "passed": sum(verdict is ScenarioVerdict.PASSED for verdict in verdicts.values()),
        "not_supported": [name for name, each in verdicts.items() if each is ScenarioVerdict.NOT_SUPPORTED],
        "not_applicable": [name for name, each in verdicts.items() if each is ScenarioVerdict.NOT_APPLICABLE],
        "report_sha256": report_sha256,
    }
    return (json.dumps(certificate, separators=(",", ":")) + "\n").encode()


def read(text: str) -> Certificate:
    """Read a certificate.

    Raises:
        NoCertificate: it is none.

    """
    try:
        found = msgspec.json.decode(text, type=Certificate)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise NoCertificate("not the certificate that `payswitch conform --report` writes") from None
    if found.type != TYPE or found.started_at.tzinfo is None or found.ended_at.tzinfo is None:
        raise NoCertificate("not the certificate that `payswitch conform --report` writes")
    return found


def check(found: Certificate) -> None:
    """Check that a run of the kit can have ended as a certificate states.

    Raises:
        NoCertificate: it cannot, or the kit is later than ours; the text says why.

    """
    if found.kit > KIT:
        raise NoCertificate(f"of kit {found.kit}, and this version of the switch knows kits up to {KIT}")
    if found.started_at > found.ended_at:
        raise NoCertificate("of a run that ended before it began")
    if found.kit == KIT:
        _check_scenarios(found)


def _check_scenarios(found: Certificate) -> None:
    """Check the scenarios of a certificate of our kit: each is stated once, and may have ended so."""
    left_out = [*found.not_supported, *found.not_applicable]
    unknown = sorted({name for name in left_out if name not in BY_ID})
    if unknown:
        raise NoCertificate(f"of scenarios that this kit does not have: {', '.join(unknown)}")
    if len(set(left_out)) + found.passed != len(BY_ID) or len(set(left_out)) != len(left_out):
        raise NoCertificate(f"of a run in which not each of the {len(BY_ID)} scenarios ended once")
    record = RunRecord(found.participant, found.switch)
    verdicts = dict.fromkeys(BY_ID, ScenarioVerdict.PASSED)
    verdicts |= dict.fromkeys(found.not_supported, ScenarioVerdict.NOT_SUPPORTED)
    verdicts |= dict.fromkeys(found.not_applicable, ScenarioVerdict.NOT_APPLICABLE)
    record.results = {name: Result(name, verdict) for name, verdict in verdicts.items()}
    if record.missing:
        raise NoCertificate(f"without scenarios that every client must pass: {', '.join(record.missing)}")
