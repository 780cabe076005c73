"""A participant's overview: its payments in flight, and its readiness, check by check."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from ledger import positions
from schemas.money import Money
from switch.api import key_use
from switch.api.runtime import Runtime
from switch.base.sql import statements
from switch.identity.model import Person
from switch.pages import debts, language, last_day, own_money, tour
from switch.pages.language import Language
from switch.pages.own import BASE, participant_of
from switch.pages.shell import PREFIX, render
from switch.participants import certification, reads
from switch.participants.certification import CertificateRow, Policy
from switch.participants.reads import KeyRow
from switch.payments import correspondence, investigations
from switch.payments.directory import Participant
from switch.reports.readers import scope_of_person
from switch.webhooks import registry

ENDS_SOON: Final = timedelta(days=30)
AHEAD_S_MAX: Final = 10
"""A larger deviation of the clock is a warning; from a minute on, signatures are refused."""
_statement: Final = statements("switch.pages")
_NOW: Final = _statement("own_open")


@dataclass(frozen=True, slots=True)
class Check:
    """One requirement of an integration and its state. `level` is `good`, `warn` or `bad`."""

    what: str
    level: str
    fact: str
    path: str = ""
    """Page on which it can be corrected, below `/console`."""


async def show(request: Request, switch: Runtime, person: Person) -> Response:
    """Show the overview to a person of a participant."""
    own = participant_of(switch, person)
    lang = language.of(request)
    return render(
        request,
        "own_home.html",
        person,
        own=own,
        first_steps=tour.steps(request, person),
        now=await switch.pool.fetchrow(_NOW, own.id),
        positions=[
            (p.purpose, None if p.headroom is None else Money(p.headroom, p.currency))
            for p in sorted(await positions.read(switch.pool, own.id), key=own_money.order)
            if not p.closed
        ],
        waiting=await correspondence.count_recalls(switch.pool, own.id),
        questions=await investigations.count_waiting(switch.pool, own.id),
        dues=await debts.of_participant(switch.pool, own.id, lang),
        checks=await checks(switch, own, lang),
        day=await last_day.read(switch, scope_of_person(person), lang),
        base=PREFIX + BASE,
    )


async def checks(switch: Runtime, own: Participant, lang: Language) -> Sequence[Check]:
    """Every check, in the reader's language."""
    keys = await reads.keys(switch.pool, own.id)
    uses = await key_use.read(switch.pool, own.id)
    return [
        _status(own, lang),
        *_keys([key for key in keys if key.state == "in force"], lang),
        _clock(uses[0] if uses else None, lang),
        *_certificate(
            await certification.last(switch.pool, own.id), await certification.policy(switch.pool), own, lang
        ),
        *await _webhooks(switch, own, lang),
    ]


def _status(own: Participant, lang: Language) -> Check:
    what = lang.text("Participation")
    if own.status == "active":
        return Check(what, "good", lang.text("active"))
    return Check(
        what, "bad", lang.text("suspended: no new payments are accepted; payments in flight are completed")
    )


def _keys(keys: Sequence[KeyRow], lang: Language) -> list[Check]:
    what = lang.text("Signing key")
    if not keys:
        return [Check(what, "bad", lang.text("no key in force"), f"{BASE}/keys")]
    return [_key(key, lang) for key in keys]


def _key(key: KeyRow, lang: Language) -> Check:
    what = f"{lang.text('Signing key')} {key.keyid}"
    if key.valid_until is None:
        return Check(what, "good", lang.text("valid, no expiry"))
    soon = key.valid_until - datetime.now(UTC) < ENDS_SOON
    fact = lang.text("valid until {instant}", instant=lang.instant(key.valid_until))
    return Check(what, "warn" if soon else "good", fact, f"{BASE}/keys" if soon else "")


def _certificate(
    found: CertificateRow | None, policy: Policy, own: Participant, lang: Language
) -> list[Check]:
    """The certificate of the client; nothing where nobody requires one and there is none."""
    what = lang.text("Certificate of the client")
    if own.kind != "direct" or (found is None and not policy.required):
        return []
    if found is None:
        text = lang.text(
            "none: run payswitch conform at a test switch, and send the certificate to the operator"
        )
        return [Check(what, "bad", text)]
    values = {
        "product": found.product,
        "day": lang.day(found.valid_until),
        "kit": found.kit,
        "required": policy.kit,
    }
    return [Check(what, *_of_certificate(found, policy, lang, values))]


def _of_certificate(
    found: CertificateRow, policy: Policy, lang: Language, values: dict[str, Any]
) -> tuple[str, str]:
    """Level and fact of a certificate: expired, of a kit that counts no more, ending soon, or valid."""
    if found.expired:
        return "warn", lang.text(
            "{product}: expired on {day} (version {kit} of the conformance kit). Run the kit again.", **values
        )
    if policy.required and found.kit < policy.kit:
        return "warn", lang.text(
            "{product}: tested with version {kit} of the conformance kit; new certificates need version "
            "{required} or later. Run the kit again.",
            **values,
        )
    if found.valid_until - datetime.now(UTC).date() < ENDS_SOON:
        return "warn", lang.text(
            "{product}: valid until {day} (version {kit} of the conformance kit). Run the kit again before "
            "that.",
            **values,
        )
    return "good", lang.text("{product}: valid until {day} (version {kit} of the conformance kit)", **values)


def _clock(use: key_use.KeyUse | None, lang: Language) -> Check:
    what = lang.text("Clock")
    if use is None:
        return Check(what, "warn", lang.text("no signed request received yet"))
    values: dict[str, Any] = {
        "n": lang.number(abs(use.ahead_s)),
        "instant": lang.instant(use.used_at),
        "key": use.keyid,
    }
    level = "good" if abs(use.ahead_s) <= AHEAD_S_MAX else "warn"
    if use.ahead_s == 0:
        return Check(
            what,
            level,
            lang.text("equal to the switch clock at the last signed request, {instant} ({key})", **values),
        )
    if use.ahead_s > 0:
        return Check(
            what,
            level,
            lang.text(
                "{n} s ahead of the switch clock at the last signed request, {instant} ({key})", **values
            ),
        )
    return Check(
        what,
        level,
        lang.text("{n} s behind the switch clock at the last signed request, {instant} ({key})", **values),
    )


async def _webhooks(switch: Runtime, own: Participant, lang: Language) -> list[Check]:
    found = await registry.of(switch.pool, own.id)
    if not found:
        text = lang.text("none: events are read through the API, by page or stream")
        return [Check(lang.text("Webhook"), "warn", text, f"{BASE}/webhooks")]
    return [await _webhook(switch, webhook, lang) for webhook in found]


async def _webhook(switch: Runtime, webhook: registry.Webhook, lang: Language) -> Check:
    what, path = f"{lang.text('Webhook')} {webhook.url}", f"{BASE}/webhooks/{webhook.id}"
    if webhook.disabled:
        return Check(what, "bad", lang.text("disabled"), path)
    last = await registry.last_attempt(switch.pool, webhook.id)
    if last is None:
        return Check(what, "warn", lang.text("no delivery yet: send a test"), path)
    if not last.status:
        return Check(what, "bad", lang.text("no response"), path)
    fact = lang.text("response {status} in {n} ms", status=last.status, n=lang.number(last.micros // 1000))
    return Check(what, "good" if last.done_at else "bad", fact, path)
