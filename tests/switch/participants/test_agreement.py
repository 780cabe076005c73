"""Nobody acts in a participant's name without it: not even an operator and a checker together."""

import asyncio
import base64
import contextlib
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from schemas.errors import InvalidMessage, NotAllowed, NotFound, Refused
from schemas.signing import http_signatures, jws, key_request
from schemas.signing.keys import SigningKey
from switch.approvals import approvals
from switch.approvals.kinds import CHECKER
from switch.change_catalogue import KINDS
from switch.identity import enrolment
from switch.identity.model import Change, ChangeState, Person, Role, Seat
from switch.identity.sessions import person_of
from switch.participants import agreement, keys, reads
from switch.payments import events
from switch.writer.audit_notes import relay
from switch.writer.context import ServiceContext
from tests.switch.services import agree, done, onboarding, open_services, person
from tests.switch.stack import Stack

BANK = "asha-bank"
FIRST = SigningKey.generate("asha-bank-1")
CORRIDOR = {"source": "IN", "target": "PK"}


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    """Two banks; only Asha Bank has a person, pia."""
    async with open_services(database_url) as opened:
        first = [{"keyid": FIRST.keyid, "request": key_request.make(FIRST, BANK)}]
        await done(opened, "participant.onboard", {**onboarding(BANK), "keys": first})
        await done(opened, "participant.onboard", onboarding("indus-bank", "PKR"))
        yield opened


def addition(key: SigningKey, participant: str = BANK) -> dict[str, Any]:
    return {"participant": participant, "keyid": key.keyid, "request": key_request.make(key, participant)}


def newcomer(name: str, scope: str = BANK, role: str = "participant") -> dict[str, Any]:
    half = enrolment.new_half()[1]
    return {"name": name, "display_name": name, "role": role, "scope": scope, "maker_half": half}


def signed(key: SigningKey, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    read = KINDS[kind].read(content)
    assert isinstance(read, agreement.Agreed)
    return {**content, "signature": jws.sign(key, agreement.payload(kind, read))}


async def open_corridor(services: ServiceContext) -> None:
    """The central banks of India and Pakistan agree to a corridor, and so stand for each other."""
    await done(services, "corridor.switch", {**CORRIDOR, "enabled": True}, checkers=("chen", "ravi", "karim"))


async def enrolled(services: ServiceContext, name: str) -> Person:
    """An invited person who has enrolled."""
    row = await services.pool.fetchrow(
        "UPDATE switch.person SET status = 'active', totp_step = 1, password_hash = 'none', totp_secret = 'none',"
        " maker_half = NULL, checker_half = NULL WHERE name = $1 RETURNING *",
        name,
    )
    return person_of(row)


async def a_central_bank_of_insiders(services: ServiceContext, country: str = "SG") -> Person:
    """A shell participant in a new country, and a person of its central bank."""
    name = f"shell-{country.lower()}"
    shell = {**onboarding("reserve"), "id": name, "bic": f"SHEL{country}AA", "country": country, "keys": []}
    await done(services, "participant.onboard", shell)
    await done(services, "person.add", newcomer(f"fake-{country.lower()}", country, "regulator"))
    return await enrolled(services, f"fake-{country.lower()}")


async def joined(services: ServiceContext, name: str, bic: str) -> SigningKey:
    """A bank of another country joins, with a key."""
    key = SigningKey.generate(f"{name}-1")
    keys = [{"keyid": key.keyid, "request": key_request.make(key, name)}]
    bank = {
        **onboarding("reserve"),
        "id": name,
        "bic": bic,
        "country": bic[4:6],
        "kind": "direct",
        "keys": keys,
    }
    await done(services, "participant.onboard", bank)
    return key


async def seats(
    services: ServiceContext, kind: str, content: dict[str, Any], maker: str = "olga"
) -> list[str]:
    """The seats of a request."""
    change = await approvals.request(services, KINDS, person(maker), kind, content=content, reason="test")
    return [f"{seat.role} {seat.scope}".strip() for seat in change.seats]


async def told(services: ServiceContext, participant: str) -> list[tuple[str, str]]:
    """Types and subjects of the events of a participant that are not of payments."""
    await relay(services)
    page = await events.read(services.pool, participant, after=0, limit=1000)
    return [(event.type, event.subject) for event in page.events if not event.type.startswith("payment")]


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_two_insiders_gave_a_bank_a_key(services: ServiceContext) -> None:
    change = await agree(services, "key.add", addition(SigningKey.generate("asha-evil")))
    with pytest.raises(NotAllowed):
        await approvals.vote(services, KINDS, person("cyrus"), change.number, decision="approve", reason="x")

    assert change.state is ChangeState.REQUESTED
    assert [key.keyid for key in await reads.keys(services.pool, BANK)] == ["asha-bank-1"]


async def test_a_person_of_the_bank_approves_a_key_and_the_bank_is_told(services: ServiceContext) -> None:
    key = SigningKey.generate("asha-bank-2")
    await done(services, "key.add", addition(key), checkers=("chen", "pia"))
    await done(services, "key.retire", {"participant": BANK, "keyid": "asha-bank-1"})
    page = await told(services, BANK)
    other = await told(services, "indus-bank")

    assert page == [
        ("key.added", "asha-bank-1"),
        ("key.added", "asha-bank-2"),
        ("key.retired", "asha-bank-1"),
    ]
    assert other == [("key.added", "indus-bank-1")]


async def test_the_bank_agrees_to_a_key_by_a_signature_of_one_in_force(services: ServiceContext) -> None:
    content = addition(SigningKey.generate("asha-bank-2"))
    change = await done(services, "key.add", signed(FIRST, "key.add", content))

    assert len(change.seats) == 1


@pytest.mark.parametrize("wrong", ["another key", "another content", "another kind", "no token"])
async def test_a_signature_of_something_else_agrees_to_nothing(services: ServiceContext, wrong: str) -> None:
    content = addition(SigningKey.generate("asha-bank-2"))
    good = signed(FIRST, "key.add", content)
    said = {
        "another key": signed(SigningKey.generate("asha-bank-1"), "key.add", content),
        "another content": {**good, "valid_until": "2031-01-01T00:00:00Z"},
        "another kind": {**content, "signature": signed(FIRST, "person.add", newcomer("x1"))["signature"]},
        "no token": {**content, "signature": "yes"},
    }[wrong]

    with pytest.raises(Refused, match="no key of the participant"):
        await agree(services, "key.add", said)


async def test_a_revoked_key_agrees_to_nothing(services: ServiceContext) -> None:
    await done(services, "key.add", addition(SigningKey.generate("asha-bank-2")), checkers=("chen", "pia"))
    await done(services, "key.revoke", {"participant": BANK, "keyid": FIRST.keyid})

    with pytest.raises(Refused, match="no key of the participant"):
        await agree(
            services, "key.add", signed(FIRST, "key.add", addition(SigningKey.generate("asha-bank-3")))
        )


async def test_a_key_comes_with_the_proof_of_its_holder(services: ServiceContext) -> None:
    key, other = SigningKey.generate("asha-bank-2"), SigningKey.generate("asha-bank-2")
    stolen = key_request.make(key, "indus-bank")
    wrong = [
        ({**addition(key), "keyid": "asha-bank-3"}, "another participant"),
        ({**addition(key), "request": stolen}, "another participant"),
        ({**addition(key), "request": key.public.pem.decode()}, "not a key request"),
        ({**addition(key), "request": forged(key, other)}, "not signed by its own key"),
        (addition(FIRST), "used before"),
        (addition(SigningKey("asha-bank-9", FIRST.key)), "used before"),
    ]
    for content, text in wrong:
        with pytest.raises(Refused, match=text):
            await agree(services, "key.add", content)
    with pytest.raises(InvalidMessage):  # what was accepted before
        await agree(
            services, "key.add", {"participant": BANK, "keyid": "x-1", "public_key": key.public.pem.decode()}
        )


def forged(key: SigningKey, signer: SigningKey) -> str:
    """The request for `key` with the signature of another one."""
    mine, others = (
        base64.b64decode("".join(key_request.make(one, BANK).split("\n")[1:-2])) for one in (key, signer)
    )
    body = base64.encodebytes(mine[:-64] + others[-64:]).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


async def test_the_bank_revokes_a_key_alone_and_at_once(services: ServiceContext) -> None:
    change = await approvals.request(
        services,
        KINDS,
        person("pia"),
        "key.revoke",
        content={"participant": BANK, "keyid": FIRST.keyid},
        reason="stolen",
    )

    assert (change.state, change.seats) == (ChangeState.EXECUTED, ())
    assert [key.state for key in await reads.keys(services.pool, BANK)] == ["revoked"]
    assert (await told(services, BANK))[-1] == ("key.revoked", FIRST.keyid)


async def test_a_signed_call_revokes_keys_of_the_caller_only(services: ServiceContext) -> None:
    for _ in range(2):  # a repetition changes nothing
        await keys.revoke_own(services.pool, BANK, FIRST.keyid)
    with pytest.raises(NotFound):
        await keys.revoke_own(services.pool, BANK, "indus-bank-1")

    assert (await told(services, BANK)).count(("key.revoked", FIRST.keyid)) == 1
    assert [key.state for key in await reads.keys(services.pool, "indus-bank")] == ["in force"]


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_two_insiders_enrolled_a_person_of_a_bank(services: ServiceContext) -> None:
    """They had both halves of the code. Now a person of the bank has the second one."""
    change = await agree(services, "person.add", newcomer("mallory"), checkers=())
    with pytest.raises(NotAllowed):
        await approvals.vote(services, KINDS, person("chen"), change.number, decision="approve", reason="x")
    voted = await approvals.vote(
        services, KINDS, person("pia"), change.number, decision="approve", reason="ours"
    )

    assert voted.state is ChangeState.EXECUTED
    assert voted.secret, "half of the code, for pia alone"
    assert ("person.invited", "mallory") in await told(services, BANK)


async def test_a_reset_needs_another_person_of_the_same_bank_or_its_central_bank(
    services: ServiceContext,
) -> None:
    reset = {"name": "pia", "maker_half": "0" * 64}
    with pytest.raises(Refused, match="nobody can agree for this participant but itself"):
        await agree(services, "person.reset", reset)
    signed_by_the_bank = await done(services, "person.reset", signed(FIRST, "person.reset", reset))
    await services.pool.execute("UPDATE switch.person SET status = 'active' WHERE name = 'pia'")
    await done(services, "key.revoke", {"participant": BANK, "keyid": FIRST.keyid})
    with pytest.raises(Refused, match="has opened no corridor"):
        await agree(services, "person.reset", reset)
    await open_corridor(services)
    alone = await seats(services, "person.reset", reset)
    await services.pool.execute(
        "INSERT INTO switch.person (name, display_name, role, scope, status, password_hash, totp_secret)"
        " VALUES ('priya', 'Priya', 'participant', $1, 'active', 'none', 'none')",
        BANK,
    )
    with_another = await seats(services, "person.reset", {"name": "pia", "maker_half": "0" * 64})

    assert [str(seat.role) for seat in signed_by_the_bank.seats] == ["checker"]
    assert (alone, with_another) == (["regulator IN"], [f"participant {BANK}"])


async def test_the_key_of_a_bank_without_people_agrees_to_its_first_person(services: ServiceContext) -> None:
    indus = SigningKey.generate("indus-bank-2")
    await services.pool.execute(  # its own key, as if it had been onboarded with it
        "UPDATE switch.participant_key SET keyid = $1, public_key = $2 WHERE participant = 'indus-bank'",
        indus.keyid,
        indus.public.pem.decode(),
    )
    with pytest.raises(Refused, match="nobody can agree for this participant but itself"):
        await agree(services, "person.add", newcomer("ida", "indus-bank"))
    content = signed(indus, "person.add", newcomer("ida", "indus-bank"))
    swapped = {**content, "maker_half": "0" * 64}
    with pytest.raises(Refused, match="no key of the participant"):  # the bank made this half, and has it
        await agree(services, "person.add", swapped)
    change = await done(services, "person.add", content)

    assert [str(seat.role) for seat in change.seats] == ["checker"]


async def test_a_bank_with_neither_people_nor_central_bank_can_only_sign(services: ServiceContext) -> None:
    await services.pool.execute("UPDATE switch.person SET status = 'removed' WHERE name IN ('pia', 'ravi')")

    with pytest.raises(Refused, match="nobody can agree"):
        await agree(services, "key.add", addition(SigningKey.generate("asha-bank-2")))


async def test_central_banks_agree_to_their_own_people(services: ServiceContext) -> None:
    own = await seats(services, "person.add", newcomer("rina", "IN", "regulator"))
    await open_corridor(services)
    await done(services, "corridor.switch", {**CORRIDOR, "enabled": False})  # it had been opened
    lost = await seats(services, "person.reset", {"name": "ravi", "maker_half": "0" * 64})
    await done(services, "person.suspend", {"name": "ravi"})
    back = await seats(services, "person.resume", {"name": "ravi"})

    assert (own, lost, back) == (["regulator IN"], ["regulator PK"], ["regulator PK"])


async def test_the_first_key_and_the_first_person_need_two_people_of_the_switch(
    services: ServiceContext,
) -> None:
    await done(services, "participant.onboard", {**onboarding("reserve"), "bic": "RSRVINBB", "keys": []})
    key = await seats(services, "key.add", addition(SigningKey.generate("reserve-1"), "reserve"))
    first = await seats(services, "person.add", newcomer("rosa", "reserve"))
    staff = await seats(services, "person.add", newcomer("nina", "", "auditor"))

    assert key == first == staff == ["checker"]


async def test_a_participants_person_sees_and_votes_on_its_own_seats_only(services: ServiceContext) -> None:
    mine = await approvals.request(
        services,
        KINDS,
        person("olga"),
        "key.add",
        content=addition(SigningKey.generate("asha-bank-2")),
        reason="x",
    )
    other: Change = await approvals.request(
        services, KINDS, person("olga"), "participant.suspend", content={"participant": BANK}, reason="x"
    )
    async with services.pool.acquire() as connection:
        listed = await approvals.read(connection, concerning=person("pia"))
    with pytest.raises(NotAllowed):
        await approvals.vote(services, KINDS, person("pia"), other.number, decision="approve", reason="x")

    assert [change.number for change in listed] == [mine.number]


# ── two people of the switch, step by step ───────────────────────────────────────────────────────────────


async def test_a_central_bank_of_two_insiders_stood_for_another(services: ServiceContext) -> None:
    """They founded one in a new country, which agreed to the reset of the only person of a real one."""
    await open_corridor(services)
    fake = await a_central_bank_of_insiders(services)
    change = await approvals.request(
        services,
        KINDS,
        person("olga"),
        "person.reset",
        content={"name": "ravi", "maker_half": "0" * 64},
        reason="x",
    )
    with pytest.raises(NotAllowed):
        await approvals.vote(services, KINDS, fake, change.number, decision="approve", reason="x")

    assert change.seats == (Seat(Role.REGULATOR, "PK"),)


async def test_two_central_banks_of_insiders_stood_for_a_bank_without_people(
    services: ServiceContext,
) -> None:
    """The real central bank had enrolled nobody: they founded it, another one, and a corridor between them."""
    key = await joined(services, "steppe-bank", "STEPKZKA")
    for country in ("KZ", "KG"):
        await a_central_bank_of_insiders(services, country)
    await services.pool.execute(
        "INSERT INTO switch.corridor (source, target, enabled, fee_minor, fee_bps) VALUES ('KZ', 'KG', true, 0, 0)"
    )
    await done(services, "key.revoke", {"participant": "steppe-bank", "keyid": key.keyid})
    content = addition(SigningKey.generate("steppe-evil"), "steppe-bank")
    with pytest.raises(Refused, match="has opened no corridor or came after it"):
        await agree(services, "key.add", content)
    with pytest.raises(Refused, match="nobody can agree for this participant"):
        await agree(services, "person.add", newcomer("mallory", "steppe-bank"))

    other = await joined(services, "altai-bank", "ALTAKZKA")
    await done(services, "key.revoke", {"participant": "altai-bank", "keyid": other.keyid})
    known = addition(SigningKey.generate("altai-bank-2"), "altai-bank")

    assert await seats(services, "key.add", known) == ["checker", "regulator KZ"]  # it joined knowing of it


async def test_two_insiders_took_over_the_central_bank_then_its_bank(services: ServiceContext) -> None:
    """Without a corridor nobody stands for a central bank, and a bank with a key signs itself."""
    await a_central_bank_of_insiders(services)
    for name, text in (("ravi", "this central bank"), ("pia", "this participant but itself")):
        with pytest.raises(Refused, match=f"nobody can agree for {text}"):
            await agree(services, "person.reset", {"name": name, "maker_half": "0" * 64})


async def test_two_insiders_removed_everybody_and_founded_them_anew(services: ServiceContext) -> None:
    for name in ("pia", "ravi"):
        change = await agree(services, "person.remove", {"name": name})
        assert change.state is ChangeState.REQUESTED, "the last one agrees, too"
        await done(services, "person.suspend", {"name": name})
        with pytest.raises(Refused, match="nobody can agree"):
            await agree(services, "person.remove", {"name": name})
    await services.pool.execute("UPDATE switch.person SET status = 'removed' WHERE name IN ('pia', 'ravi')")
    for wanted in (newcomer("mallory"), newcomer("mallory", "IN", "regulator")):
        with pytest.raises(Refused, match="nobody can agree"):
            await agree(services, "person.add", wanted)


async def test_the_last_person_leaves_with_their_own_vote_or_a_signature(services: ServiceContext) -> None:
    left = await done(services, "person.remove", {"name": "ravi"}, checkers=("chen", "ravi"))
    signed_off = await done(services, "person.remove", signed(FIRST, "person.remove", {"name": "pia"}))

    assert left.seats == (CHECKER, Seat(Role.REGULATOR, "IN"))
    assert signed_off.seats == (CHECKER,)


async def test_two_removals_asked_for_together_left_nobody(services: ServiceContext) -> None:
    """Each was the end of one of two people when it was requested; the second is the end of the last."""
    await done(services, "person.add", newcomer("priya"), checkers=("pia",))
    await enrolled(services, "priya")
    asked = [
        await approvals.request(
            services, KINDS, person("olga"), "person.remove", content={"name": name}, reason="x"
        )
        for name in ("pia", "priya")
    ]
    for change in asked:
        with contextlib.suppress(Refused):
            await approvals.vote(
                services, KINDS, person("chen"), change.number, decision="approve", reason="x"
            )
    active = await services.pool.fetch(
        "SELECT name FROM switch.person WHERE scope = $1 AND status = 'active'", BANK
    )

    assert [row["name"] for row in active] == ["priya"]


async def test_a_founding_asked_for_before_the_first_person_enrolled_ends(services: ServiceContext) -> None:
    await a_central_bank_of_insiders(services)  # stands for any country that is founded
    await services.pool.execute(
        "UPDATE switch.person SET status = 'invited', totp_step = 0 WHERE scope = 'SG'"
    )
    late = await approvals.request(
        services,
        KINDS,
        person("olga"),
        "person.add",
        content=newcomer("mallory", "SG", "regulator"),
        reason="x",
    )
    await enrolled(services, "fake-sg")

    assert late.seats == (CHECKER,)
    with pytest.raises(Refused, match="request it again"):
        await approvals.vote(services, KINDS, person("chen"), late.number, decision="approve", reason="x")


async def test_an_unused_first_invitation_is_removed_after_another_one_enrolled(
    services: ServiceContext,
) -> None:
    await done(services, "participant.onboard", {**onboarding("ganga-bank"), "keys": []})
    for name in ("typo", "gita"):
        await done(services, "person.add", newcomer(name, "ganga-bank"))
    with pytest.raises(Refused, match="nobody of theirs has enrolled yet"):
        await agree(services, "person.remove", {"name": "typo"})
    await enrolled(services, "gita")

    await done(services, "person.remove", {"name": "typo"})


async def test_a_person_without_an_authenticator_counts_after_a_reset(services: ServiceContext) -> None:
    """Who came by an identity provider has no step of a code; an invitation anew is no founding."""
    await services.pool.execute("UPDATE switch.person SET totp_step = 0 WHERE name = 'ravi'")
    await open_corridor(services)
    await done(services, "person.reset", {"name": "ravi", "maker_half": "0" * 64}, checkers=("karim",))

    assert await seats(services, "person.add", newcomer("mallory", "IN", "regulator")) == ["regulator PK"]


async def test_two_insiders_gave_a_bank_a_provider_before_it_joined(services: ServiceContext) -> None:
    await done(services, "participant.onboard", {**onboarding("ganga-bank"), "keys": []})
    provider = {
        "id": "evil", "title": "Sign-in", "issuer": "https://login.evil.example", "client_id": "x",
        "scope": "ganga-bank", "grants": ["a=participant"], "just_in_time": True, "second_factors": ["otp"],
    }  # fmt: skip
    of_country = {**provider, "scope": "SG", "grants": ["a=regulator"]}
    await done(services, "participant.onboard", {**onboarding("reserve"), "id": "shell", "country": "SG",
                                                 "bic": "SHELSGSG", "keys": []})  # fmt: skip
    for content in (provider, of_country):
        with pytest.raises(Refused, match="comes after the first key in force and the first enrolled person"):
            await agree(services, "identity_provider.set", content)


async def test_two_insiders_appointed_a_settlement_agent_of_theirs(services: ServiceContext) -> None:
    await done(services, "participant.onboard", onboarding("reserve"))
    agent = {"currency": "INR", "agent": "reserve", "scheme_bic": "PSWTKZKA", "account": "S1"}
    change = await agree(services, "settlement_agent.set", agent)
    await done(services, "person.suspend", {"name": "ravi"})
    without = await seats(services, "settlement_agent.set", agent)

    assert change.state is ChangeState.REQUESTED
    assert without == ["checker", "regulator IN"]


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_signed_request_revokes_the_key_that_signs_it(stack: Stack) -> None:
    bank = f"keyed-{uuid.uuid4().hex[:6]}"
    key = SigningKey.generate(f"{bank}-1")
    letters = "".join(chr(ord("A") + int(digit, 16)) for digit in bank[6:10])
    content = {
        "id": bank, "name": "Keyed Bank", "bic": f"{letters}INBB", "country": "IN", "kind": "direct",
        "keys": [{"keyid": key.keyid, "request": key_request.make(key, bank)}],
    }  # fmt: skip
    people = stack.credentials["people"]
    change = _call(stack, "POST", "/v1/changes", people["operator"]["bearer"],
                   {"kind": "participant.onboard", "content": content, "reason": "test"})[1]  # fmt: skip
    done_ = _call(stack, "POST", f"/v1/changes/{change['number']}/votes", people["checker"]["bearer"],
                  {"decision": "approve", "reason": "seen"})[1]  # fmt: skip
    statuses = []
    for method, path, awaited in (
        ("GET", "/v1/positions", 200),
        ("DELETE", f"/v1/keys/{key.keyid}", 204),
        ("GET", "/v1/positions", 401),
    ):
        status = 0
        for _ in range(50):  # every process reads the directory anew each second
            status = _signed(stack, key, method, path)
            if status == awaited:
                break
            await asyncio.sleep(0.2)
        statuses.append(status)

    assert done_["state"] == "executed", done_
    assert statuses == [200, 204, 401]


def _signed(stack: Stack, key: SigningKey, method: str, path: str) -> int:
    headers = http_signatures.sign(
        key,
        method=method,
        authority=stack.settings.authority or stack.url.removeprefix("http://"),
        path=path,
        content_type=None,
        body=b"",
        now=int(time.time()),
        nonce=uuid.uuid4().hex,
    )
    request = urllib.request.Request(stack.url + path, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _call(stack: Stack, method: str, path: str, bearer: str, body: object) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    request = urllib.request.Request(stack.url + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status, json.load(answer)
