"""Passkeys: what an owner, a thief of one and a phishing site get."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from fido2.utils import websafe_encode

from schemas.errors import NotAllowed, NotAuthentic, NotFound, Refused
from switch.identity import enrolment, factors, notices, passkeys, secrets, sessions, sign_in, tickets
from switch.identity.devices import HERE
from switch.identity.passkeys import Assertion, RelyingParty
from switch.writer.context import ServiceContext
from tests.switch.identity import test_sign_in
from tests.switch.identity.authenticator import UP, UV, Authenticator
from tests.switch.identity.test_sign_in import PASSWORD, code, invited
from tests.switch.services import open_services

quick_hashes = test_sign_in.quick_hashes
totp = test_sign_in.totp
PARTY = RelyingParty("pay.example", "https://pay.example")


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


def options(services: ServiceContext, purpose: str = passkeys.SIGN_IN) -> dict[str, Any]:
    return passkeys.request_options(services.data, PARTY, purpose)


async def add(services: ServiceContext, name: str, authenticator: Authenticator, **changed: Any) -> None:
    wanted = passkeys.creation_options(services.data, PARTY, changed.pop("as_", name), [])
    text = authenticator.create(wanted, **changed)
    async with services.pool.acquire() as connection, connection.transaction():
        await passkeys.add(connection, services.data, PARTY, name, "key ring", text)


async def enter(services: ServiceContext, text: str, name: str = "amina", password: str = PASSWORD) -> str:
    assertion = Assertion(text, PARTY, passkeys.SIGN_IN)
    return await sign_in.sign_in(services, name, password, "", assertion=assertion)


@pytest.mark.parametrize("algorithm", passkeys.ALGORITHMS)
async def test_a_passkey_signs_its_owner_in(services: ServiceContext, totp: str, algorithm: int) -> None:
    authenticator = Authenticator(algorithm=algorithm)
    await add(services, "amina", authenticator)
    token = await enter(services, authenticator.get(options(services)))
    async with services.pool.acquire() as connection:
        session = await sessions.resume(connection, token)
        (known,) = await passkeys.of_person(connection, "amina")

    assert session.person.name == "amina"
    assert (known.label, known.used_at is not None) == ("key ring", True)
    assert await sign_in.sign_in(services, "amina", PASSWORD, code(totp)), "the authenticator works beside it"


async def test_who_has_only_a_passkey_signs_in(services: ServiceContext, totp: str) -> None:
    authenticator = Authenticator()
    await add(services, "amina", authenticator)
    await services.pool.execute("UPDATE switch.person SET totp_secret = NULL WHERE name = 'amina'")

    assert await enter(services, authenticator.get(options(services)))
    with pytest.raises(NotAuthentic):
        await sign_in.sign_in(services, "amina", PASSWORD, code(totp))


WRONG: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://pay.example.evil.example"},
    "the same host without TLS": {"origin": "http://pay.example"},
    "another port": {"origin": "https://pay.example:8443"},
    "a made-up challenge": {"challenge": websafe_encode(b"x" * 64)},
    "a registration in place of a use": {"type": "webauthn.create"},
    "in a frame of another site": {"cross": True},
    "nobody was present": {"flags": UV},
    "the person was not verified": {"flags": UP},
    "another key": {"key": Authenticator().key},
    "an unknown passkey": {"id": b"unknown passkey!"},
    "another relying party": {"party": "evil.example"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_an_assertion_that_is_wrong_in_one_thing_is_refused_and_counted(
    services: ServiceContext, totp: str, wrong: dict[str, Any]
) -> None:
    authenticator = Authenticator()
    await add(services, "amina", authenticator)
    authenticator.party = wrong.get("party", authenticator.party)
    with pytest.raises(NotAuthentic):
        await enter(services, authenticator.get(options(services), **wrong))

    assert await services.pool.fetchval("SELECT sum(failures) FROM switch.sign_in_failure") == 1
    assert await services.pool.fetchval("SELECT count(*) FROM switch.session") == 0
    authenticator.party = "pay.example"
    assert await enter(services, authenticator.get(options(services))), "nothing else was wrong"


async def test_a_challenge_is_for_one_purpose_and_works_once(services: ServiceContext, totp: str) -> None:
    authenticator = Authenticator()
    await add(services, "amina", authenticator)
    wanted = options(services)
    await enter(services, authenticator.get(wanted))
    for again in (authenticator.get(wanted), authenticator.get(options(services, passkeys.CONFIRM))):
        with pytest.raises(NotAuthentic):
            await enter(services, again)

    assert (
        await services.pool.fetchval("SELECT count(*) FROM switch.audit_note WHERE kind = 'PASSKEY_COPIED'")
        == 0
    )


async def test_an_old_challenge_is_refused(
    services: ServiceContext, totp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    authenticator = Authenticator()
    await add(services, "amina", authenticator)
    text = authenticator.get(options(services))
    ahead = tickets.time.time() + tickets.WITHIN_S + 1
    monkeypatch.setattr("time.time", lambda: ahead)

    with pytest.raises(NotAuthentic):
        await enter(services, text)


async def test_the_passkey_of_another_person_opens_nothing(services: ServiceContext, totp: str) -> None:
    others = Authenticator()
    await add(services, "olga", others)

    with pytest.raises(NotAuthentic):
        await enter(services, others.get(options(services)))
    assert await services.pool.fetchval("SELECT sum(failures) FROM switch.sign_in_failure") == 1


@pytest.mark.parametrize("step", [0, -3])
async def test_a_counter_that_does_not_grow_is_refused_and_recorded(
    services: ServiceContext, totp: str, step: int
) -> None:
    authenticator = Authenticator(counter=10)
    await add(services, "amina", authenticator)
    await enter(services, authenticator.get(options(services)))
    with pytest.raises(NotAuthentic):
        await enter(services, authenticator.get(options(services), step=step))
    body = await services.pool.fetchval("SELECT body FROM switch.audit_note WHERE kind = 'PASSKEY_COPIED'")

    assert json.loads(body)["person"] == "amina"


async def test_a_passkey_without_a_counter_works_again_and_again(services: ServiceContext, totp: str) -> None:
    authenticator = Authenticator()
    await add(services, "amina", authenticator)

    for _ in range(3):
        assert await enter(services, authenticator.get(options(services), step=0))


async def test_a_right_passkey_with_a_wrong_password_is_refused(services: ServiceContext, totp: str) -> None:
    authenticator = Authenticator()
    await add(services, "amina", authenticator)

    with pytest.raises(NotAuthentic) as error:
        await enter(services, authenticator.get(options(services)), password="wrong horse battery")
    assert error.value.detail == "name, password or code is wrong"


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "https://evil.example"},
        {"type": "webauthn.get"},
        {"flags": UP | 0x40},
        {"flags": UP | UV},
        {"cross": True},
        {"as_": "olga"},
        {"challenge": websafe_encode(b"x" * 64)},
    ],
    ids=str,
)
async def test_a_registration_that_is_wrong_in_one_thing_is_refused(
    services: ServiceContext, changed: dict[str, Any]
) -> None:
    with pytest.raises(Refused):
        await add(services, "amina", Authenticator(), **changed)
    assert await services.pool.fetchval("SELECT count(*) FROM switch.passkey") == 0


async def test_an_algorithm_that_was_not_offered_is_refused(services: ServiceContext) -> None:
    with pytest.raises(Refused):
        await add(services, "amina", Authenticator(algorithm=-35))


async def test_a_passkey_belongs_to_one_person(services: ServiceContext) -> None:
    authenticator = Authenticator()
    await add(services, "amina", authenticator)

    with pytest.raises(Refused):
        await add(services, "olga", authenticator)


async def test_nobody_has_more_than_ten_passkeys(services: ServiceContext) -> None:
    for _ in range(passkeys.PER_PERSON):
        await add(services, "amina", Authenticator())

    with pytest.raises(Refused, match="at most ten"):
        await add(services, "amina", Authenticator())


async def test_what_is_no_response_proves_nothing_and_breaks_nothing(
    services: ServiceContext, totp: str
) -> None:
    """Pieces of a right response, left out, swapped and damaged."""
    authenticator = Authenticator()
    await add(services, "amina", authenticator)
    draw = random.Random(7)
    good = json.loads(authenticator.get(options(services)))
    texts = ["", "null", "[]", "{}", "1", '"x"', "{" * 5000, '{"id": 1}', "x" * 20_000]
    for _ in range(150):
        damaged = json.loads(json.dumps(good))
        part = draw.choice([damaged, damaged["response"]])
        name = draw.choice(sorted(part))
        part[name] = draw.choice([None, 0, [], {}, "", "!", "AA", "A" * 400, str(part[name])[:-7], True])
        texts.append(json.dumps(damaged))
    async with services.pool.acquire() as connection:
        found = [
            await passkeys.verify(
                connection, services.data, "amina", Assertion(text, PARTY, passkeys.SIGN_IN)
            )
            for text in texts
        ]

    for text, verified in zip(texts, found, strict=True):
        assert verified is None or json.loads(text)["response"] == good["response"]
    assert not all(found)
    for text in texts:
        with pytest.raises(Refused):
            await add_text(services, text)


async def add_text(services: ServiceContext, text: str) -> None:
    async with services.pool.acquire() as connection, connection.transaction():
        await passkeys.add(connection, services.data, PARTY, "amina", "label", text)


async def session_of(services: ServiceContext) -> str:
    async with services.pool.acquire() as connection:
        return await sessions.begin(connection, "amina", HERE)


async def test_a_confirmation_is_for_one_change_and_for_one_session(
    services: ServiceContext, totp: str
) -> None:
    mine, other = await session_of(services), await session_of(services)
    with pytest.raises(NotAuthentic):
        await sign_in.confirm(services, "amina", mine, factors.FactorProof("000000"))
    assert await services.pool.fetchval("SELECT sum(failures) FROM switch.sign_in_failure") == 1
    await sign_in.confirm(services, "amina", mine, factors.FactorProof(code(totp)))
    async with services.pool.acquire() as connection:
        for token, allowed in ((other, False), (mine, True), (mine, False)):
            if allowed:
                await sessions.use_confirmation(connection, token)
            else:
                with pytest.raises(NotAllowed):
                    await sessions.use_confirmation(connection, token)


async def test_a_confirmation_survives_a_new_token_and_ends_after_minutes(
    services: ServiceContext, totp: str
) -> None:
    token = await session_of(services)
    await sign_in.confirm(services, "amina", token, factors.FactorProof(code(totp)))
    async with services.pool.acquire() as connection:
        fresh = await sessions.renew(connection, token)
        assert fresh is not None
        assert await sessions.is_confirmed(connection, fresh)
        await connection.execute(
            "UPDATE switch.session SET confirmed_at = confirmed_at - make_interval(secs => $1)",
            float(sessions.CONFIRMED_S),
        )
        with pytest.raises(NotAllowed):
            await sessions.use_confirmation(connection, fresh)


async def test_wrong_confirmations_lock_out_as_wrong_sign_ins_do(services: ServiceContext, totp: str) -> None:
    token = await session_of(services)
    for _ in range(30):
        with pytest.raises(NotAuthentic):
            await sign_in.confirm(services, "amina", token, factors.FactorProof("000000"))

    with pytest.raises(NotAuthentic):
        await sign_in.confirm(services, "amina", token, factors.FactorProof(code(totp)))


async def test_the_last_second_factor_cannot_be_removed_by_oneself(
    services: ServiceContext, totp: str
) -> None:
    first, second = Authenticator(), Authenticator()
    await add(services, "amina", first)
    await add(services, "amina", second)
    await services.pool.execute("UPDATE switch.person SET totp_secret = NULL WHERE name = 'amina'")
    async with services.pool.acquire() as connection:
        await passkeys.remove(connection, "amina", first.id)
        with pytest.raises(NotAllowed):
            await passkeys.remove(connection, "amina", second.id)
        with pytest.raises(NotFound):
            await passkeys.remove(connection, "olga", second.id)
        told = [one.text for one in await notices.of_person(connection, "amina")]

    assert told == [notices.PASSKEY_REMOVED]
    with pytest.raises(NotAuthentic):
        await enter(services, first.get(options(services)))
    assert await enter(services, second.get(options(services)))


async def test_a_new_person_enrols_with_a_passkey_in_place_of_an_authenticator(
    services: ServiceContext,
) -> None:
    halves = await invited(services)
    begun = await enrolment.begin(services, "nadia", *halves, PASSWORD)
    authenticator = Authenticator()
    wanted = passkeys.creation_options(services.data, PARTY, "nadia", [])
    for text, fault in (
        ("{}", Refused),
        (authenticator.create(wanted, origin="https://evil.example"), Refused),
    ):
        with pytest.raises(fault):
            await enrolment.finish(
                services, "nadia", *halves, "", passkey=enrolment.FirstPasskey(text, "laptop", PARTY)
            )
    first = enrolment.FirstPasskey(authenticator.create(wanted), "laptop", PARTY)
    with pytest.raises(NotAuthentic):
        await enrolment.finish(services, "nadia", halves[0], "0" * 16, "", passkey=first)
    await enrolment.finish(services, "nadia", *halves, "", passkey=first)

    assert await enter(services, authenticator.get(options(services)), "nadia")
    with pytest.raises(NotAuthentic):  # the secret that was shown is not in use
        await sign_in.sign_in(services, "nadia", PASSWORD, code(begun.totp_secret))


async def test_a_reset_by_two_people_removes_every_passkey(services: ServiceContext, totp: str) -> None:
    authenticator = Authenticator()
    await add(services, "amina", authenticator)
    async with services.pool.acquire() as connection:
        await enrolment.invite(connection, "amina", enrolment.new_half()[1])

    with pytest.raises(NotAuthentic):
        await enter(services, authenticator.get(options(services)))
    assert await services.pool.fetchval("SELECT count(*) FROM switch.passkey") == 0


async def test_the_log_names_the_person_and_not_the_label(services: ServiceContext) -> None:
    await add(services, "amina", Authenticator())
    body = await services.pool.fetchval("SELECT body FROM switch.audit_note WHERE kind = 'PASSKEY_ADDED'")

    assert json.loads(body)["person"] == "amina"
    assert b"key ring" not in body


@pytest.mark.parametrize(
    ("authority", "sandbox", "party"),
    [
        ("pay.example", False, RelyingParty("pay.example", "https://pay.example")),
        ("Pay.Example:8443", False, RelyingParty("pay.example", "https://pay.example:8443")),
        ("localhost:8320", True, RelyingParty("localhost", "http://localhost:8320")),
        ("192.0.2.7:8320", False, None),
        ("[2001:db8::1]:8320", False, None),
        ("", True, None),
    ],
)
def test_passkeys_are_bound_to_the_authority(
    authority: str, sandbox: bool, party: RelyingParty | None
) -> None:
    assert passkeys.relying_party(authority, sandbox=sandbox) == party


def test_a_ticket_says_nothing_and_is_refused_when_it_was_changed(tmp_path: Any) -> None:
    ticket = tickets.issue(tmp_path, "a", name="amina")

    assert "amina" not in ticket
    assert tickets.read(tmp_path, "a", ticket).content == {"name": "amina"}
    for wrong in (ticket[:-2], ticket[1:], "", "x" * 5000, "ü", secrets.Seal(tmp_path).seal("{}")):
        with pytest.raises(NotAuthentic):
            tickets.read(tmp_path, "a", wrong)
    with pytest.raises(NotAuthentic):
        tickets.read(tmp_path, "b", ticket)
