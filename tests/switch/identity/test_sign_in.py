"""Signing in and sessions: what a guesser, a thief and an honest person meet."""

import asyncio
import hashlib
import threading
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from schemas.errors import NotAllowed, NotAuthentic, Refused, Unavailable
from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.identity import enrolment, guesses, secrets, sessions, sign_in
from switch.identity.devices import HERE
from switch.identity.model import Role
from switch.writer import audit_notes
from switch.writer.context import ServiceContext
from tests.switch.services import open_services, person

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hash, made cheaply: what it costs is the library's affair."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(secrets, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    secrets._hash_of_unknown.cache_clear()


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


@pytest_asyncio.fixture
async def totp(services: ServiceContext) -> str:
    """Amina's authenticator."""
    secret = secrets.new_totp()
    await services.pool.execute(
        "UPDATE switch.person SET password_hash = $1, totp_secret = $2 WHERE name = 'amina'",
        await secrets.hash_password("amina", PASSWORD),
        secrets.Seal(services.data).seal(secret),
    )
    return secret


def code(totp: str, *, ahead_s: int = 0) -> str:
    return secrets.totp_code(totp, int(time.time()) + ahead_s)


async def test_the_right_passphrase_makes_a_session(services: ServiceContext, totp: str) -> None:
    token = await sign_in.sign_in(services, "amina", PASSWORD, code(totp))
    async with services.pool.acquire() as connection:
        session = await sessions.resume(connection, token)

    assert session.person == person("amina")
    assert not session.stale


async def test_the_database_does_not_hold_the_token_the_password_or_the_secret(
    services: ServiceContext, totp: str
) -> None:
    token = await sign_in.sign_in(services, "amina", PASSWORD, code(totp))
    row = await services.pool.fetchrow("SELECT * FROM switch.session")
    who = await services.pool.fetchrow("SELECT * FROM switch.person WHERE name = 'amina'")

    assert row["sha256"] == hashlib.sha256(token.encode()).digest()
    assert who["password_hash"].startswith("$argon2id$")
    for secret in (PASSWORD, totp, token):
        assert secret not in str(tuple(row)) + str(tuple(who))


@pytest.mark.parametrize(
    ("name", "password", "right_code"),
    [
        ("amina", "wrong horse battery", True),
        ("amina", PASSWORD, False),
        ("nobody", PASSWORD, True),
        ("olga", PASSWORD, True),
        ("x" * 1000, PASSWORD, True),
        ("amina", "x" * 100_000, True),
        ("", "", False),
    ],
)
async def test_every_mistake_has_the_same_answer(
    services: ServiceContext, totp: str, name: str, password: str, right_code: bool
) -> None:
    with pytest.raises(NotAuthentic) as error:
        await sign_in.sign_in(services, name, password, code(totp) if right_code else "000000")

    assert error.value.detail == "name, password or code is wrong"


async def test_a_code_works_once(services: ServiceContext, totp: str) -> None:
    now = code(totp)
    await sign_in.sign_in(services, "amina", PASSWORD, now)

    with pytest.raises(NotAuthentic):
        await sign_in.sign_in(services, "amina", PASSWORD, now)


STRANGER = guesses.SignInSource("network 192.0.2.0/24")
OTHER = guesses.SignInSource("network 198.51.100.0/24")
OWN = guesses.SignInSource("device 1", is_known=True)


async def fails(
    services: ServiceContext,
    times: int = 1,
    *,
    source: guesses.SignInSource = STRANGER,
    name: str = "amina",
    password: str = "wrong horse battery",
    code: str = "000000",
) -> None:
    for _ in range(times):
        with pytest.raises(NotAuthentic, match=r"^name, password or code is wrong$"):
            await sign_in.sign_in(services, name, password, code, source=source)


def pair(totp: str, *, ahead_s: int = 0) -> str:
    return code(totp, ahead_s=ahead_s - 30) + code(totp, ahead_s=ahead_s)


async def test_five_wrong_passwords_of_a_stranger_locked_a_person_out(
    services: ServiceContext, totp: str
) -> None:
    await fails(services, 5)

    assert await sign_in.sign_in(services, "amina", PASSWORD, code(totp), source=STRANGER)


async def test_a_source_that_fails_often_waits_and_others_do_not(services: ServiceContext, totp: str) -> None:
    await fails(services, guesses.FREE)
    await fails(services, password=PASSWORD, code=code(totp))
    await later(services, guesses.DELAYS_S[0])
    await fails(services)  # once; now it waits twice as long
    await later(services, guesses.DELAYS_S[0])
    await fails(services, password=PASSWORD, code=code(totp))

    assert await sign_in.sign_in(services, "amina", PASSWORD, code(totp), source=OTHER)


async def later(services: ServiceContext, seconds: float) -> None:
    await services.pool.execute(
        "UPDATE switch.sign_in_failure SET at = at - make_interval(secs => $1),"
        " wait_until = wait_until - make_interval(secs => $1)",
        float(seconds),
    )


async def swarm(services: ServiceContext, times: int = guesses.STRANGERS_MAX) -> None:
    """Strangers of many networks."""
    for number in range(times):
        await fails(services, source=guesses.SignInSource(f"network 203.0.{number}.0/24"))


async def test_strangers_of_many_networks_never_keep_a_person_out(
    services: ServiceContext, totp: str
) -> None:
    """Those from whom the person never signed in wait together; a device of its own does not."""
    await swarm(services)
    await fails(services, source=OTHER, password=PASSWORD, code=code(totp))
    rows = await services.pool.fetchval("SELECT count(*) FROM switch.sign_in_failure")
    own = await sign_in.sign_in(services, "amina", PASSWORD, code(totp), source=OWN)
    foreign = await sign_in.sign_in(services, "amina", PASSWORD, pair(totp, ahead_s=30), source=OTHER)

    assert own
    assert foreign
    assert rows == guesses.STRANGERS_MAX, "an attack beyond the budget fills no table"


async def test_strangers_are_let_in_again_when_the_wave_is_over(services: ServiceContext, totp: str) -> None:
    await swarm(services)
    await later(services, guesses.WINDOW_S)

    assert await sign_in.sign_in(services, "amina", PASSWORD, code(totp), source=OTHER)


@pytest.mark.parametrize(
    "wrong", ["same code twice", "not consecutive", "reversed", "one code", "used", "too old"]
)
async def test_two_codes_that_are_not_consecutive_open_nothing(
    services: ServiceContext, totp: str, wrong: str
) -> None:
    await swarm(services)
    now = code(totp)
    said = {
        "same code twice": now * 2,
        "not consecutive": code(totp, ahead_s=-60) + now,
        "reversed": now + code(totp, ahead_s=-30),
        "one code": now,
        "used": pair(totp),
        "too old": pair(totp, ahead_s=-90),
    }[wrong]
    if wrong == "used":
        await sign_in.sign_in(services, "amina", PASSWORD, said, source=OTHER)

    await fails(services, source=OTHER, password=PASSWORD, code=said)


async def test_two_codes_need_the_password_too(services: ServiceContext, totp: str) -> None:
    await swarm(services)

    await fails(services, source=OTHER, code=pair(totp))


async def test_beyond_the_budget_no_password_is_hashed_for_known_and_unknown_names(
    services: ServiceContext, totp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("amina", "nobody"):
        await fails(services, guesses.FREE, name=name)

    async def hashes(*_: object) -> bool:
        raise AssertionError("a password was hashed")

    monkeypatch.setattr(secrets, "check_password", hashes)
    for name in ("amina", "nobody"):
        await fails(services, 3, name=name, code=code(totp))
        await fails(services, name=name, code="1" * 12)
        await fails(services, name=name, code="\u0661" * 12)


async def test_a_device_proves_itself_by_its_cookie_for_one_name(services: ServiceContext, totp: str) -> None:
    cookie = guesses.device_cookie(services, "amina")
    sources = {
        (name, given): guesses.source(services, name, address, given)
        for name, address, given in (
            ("amina", "192.0.2.7", cookie),
            ("olga", "192.0.2.7", cookie),
            ("amina", "2001:db8:1:2:3::1", ""),
            ("amina", "unix", "no cookie \u00fc"),
        )
    }
    forged = guesses.source(services, "amina", "192.0.2.7", secrets.Seal(services.data / "x").seal("amina"))

    assert sources["amina", cookie].is_known
    assert sources["olga", cookie] == guesses.SignInSource("network 192.0.2.0/24") == forged
    assert sources["amina", ""] == guesses.SignInSource("network 2001:db8:1:2::/64")
    assert sources["amina", "no cookie \u00fc"] == guesses.SignInSource("network ")


async def test_concurrent_guesses_are_counted_one_by_one(services: ServiceContext, totp: str) -> None:
    await asyncio.gather(*(fails(services) for _ in range(guesses.FREE + 5)))
    failures = await services.pool.fetchval("SELECT failures FROM switch.sign_in_failure")

    assert failures == guesses.FREE


async def test_failures_and_delays_are_in_the_log_without_the_input(
    services: ServiceContext, totp: str
) -> None:
    await fails(services, guesses.FREE + 2, code="123456")
    await fails(services, name="nobody")
    await audit_notes.relay(services)
    rows = await services.pool.fetch("SELECT kind, body FROM ledger.event WHERE number = 0 ORDER BY seq")

    assert [row["kind"] for row in rows] == ["SIGN_IN_FAILED"] * (guesses.FREE - 1) + ["SIGN_IN_LOCKED"]
    assert not any(b"horse" in row["body"] or b"123456" in row["body"] for row in rows)


async def test_failures_are_shown_by_name_and_forgotten(services: ServiceContext, totp: str) -> None:
    await fails(services, 3)
    async with services.pool.acquire() as connection:
        shown = await guesses.recent(connection, ["amina", "olga"])
        await later(services, 2 * guesses.WINDOW_S)
        await guesses.forget_old(connection)
        left = await connection.fetchval("SELECT count(*) FROM switch.sign_in_failure")

    assert shown == {"amina": 3}
    assert left == 0


async def session_of(services: ServiceContext, name: str = "amina") -> str:
    async with services.pool.acquire() as connection:
        return await sessions.begin(connection, name, HERE)


async def resume(services: ServiceContext, token: str, *, used: bool = True) -> sessions.Session:
    async with services.pool.acquire() as connection:
        return await sessions.resume(connection, token, used=used)


async def age(services: ServiceContext, column: str, seconds: int) -> None:
    await services.pool.execute(
        f"UPDATE switch.session SET {column} = {column} - $1::interval", timedelta(seconds=seconds)
    )


@pytest.mark.parametrize(
    ("column", "seconds"), [("seen_at", sessions.IDLE_S), ("began_at", sessions.ABSOLUTE_S)]
)
async def test_a_session_ends_when_it_is_idle_or_old(
    services: ServiceContext, column: str, seconds: int
) -> None:
    token = await session_of(services)
    await age(services, column, seconds - 30)
    await resume(services, token)
    await age(services, column, seconds + 30)

    with pytest.raises(NotAuthentic):
        await resume(services, token)
    assert await services.pool.fetchval("SELECT count(*) FROM switch.session") == 0


async def test_tokens_are_replaced_as_they_age_and_only_once(services: ServiceContext) -> None:
    token = await session_of(services)
    await age(services, "made_at", sessions.RENEW_S + 1)
    stale = (await resume(services, token)).stale
    async with services.pool.acquire() as connection:
        fresh, second = await sessions.renew(connection, token), await sessions.renew(connection, token)

    assert stale
    assert fresh is not None
    assert second is None
    assert (await resume(services, fresh)).person.name == "amina"
    assert (await resume(services, token)).person.name == "amina"  # for a moment, for what is under way


@pytest.mark.parametrize("used", [True, False], ids=["used", "automatic"])
async def test_an_old_token_that_comes_back_ends_the_whole_sign_in(
    services: ServiceContext, used: bool
) -> None:
    """One of the two who hold it is a thief, and nobody can tell which; calling itself a script hides no thief."""
    token = await session_of(services)
    async with services.pool.acquire() as connection:
        fresh = await sessions.renew(connection, token)
    await age(services, "replaced_at", sessions.GRACE_S + 1)

    assert fresh is not None
    for stolen in (token, fresh):
        with pytest.raises(NotAuthentic):
            await resume(services, stolen, used=used)
    assert (
        await services.pool.fetchval("SELECT count(*) FROM switch.audit_note WHERE kind = 'SESSION_REUSED'")
        == 1
    )


async def test_signing_out_and_suspension_end_sessions(services: ServiceContext) -> None:
    first, second = await session_of(services), await session_of(services)
    async with services.pool.acquire() as connection:
        await sessions.end(connection, first)
    with pytest.raises(NotAuthentic):
        await resume(services, first)
    await resume(services, second)
    await services.pool.execute("UPDATE switch.person SET status = 'suspended' WHERE name = 'amina'")

    with pytest.raises(NotAuthentic):
        await resume(services, second)


async def invited(services: ServiceContext) -> tuple[str, str]:
    """A new checker, asked for by Olga and agreed to by Chen: each has half of the code."""
    half, hashed = enrolment.new_half()
    content = {"name": "nadia", "display_name": "Nadia", "role": "checker", "maker_half": hashed}
    change = await approvals.request(
        services, KINDS, person("olga"), "person.add", content=content, reason="a new colleague"
    )
    change = await approvals.vote(
        services, KINDS, person("chen"), change.number, decision="approve", reason="I know her"
    )
    return half, change.secret


async def test_a_new_person_enrols_with_both_halves_of_the_code(services: ServiceContext) -> None:
    halves = await invited(services)
    begun = await enrolment.begin(services, "nadia", *halves, PASSWORD)
    with pytest.raises(NotAuthentic):  # not before the authenticator is proved
        await sign_in.sign_in(services, "nadia", PASSWORD, code(begun.totp_secret))
    await enrolment.finish(services, "nadia", *halves, code(begun.totp_secret))

    assert await sign_in.sign_in(services, "nadia", PASSWORD, code(begun.totp_secret, ahead_s=30))
    with pytest.raises(NotAuthentic):  # the code is used up
        await enrolment.begin(services, "nadia", *halves, PASSWORD)


async def test_neither_maker_nor_checker_can_enrol_as_somebody_they_made_up(services: ServiceContext) -> None:
    maker_half, checker_half = await invited(services)

    for halves in ((maker_half, maker_half), (checker_half, checker_half), (maker_half, "")):
        with pytest.raises(NotAuthentic):
            await enrolment.begin(services, "nadia", *halves, PASSWORD)


async def test_a_stranger_at_the_enrolment_costs_no_hash(
    services: ServiceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty strangers on this endpoint kept everybody from signing in."""
    hashed: list[str] = []

    async def counted(name: str, password: str) -> str:
        hashed.append(name + password)
        return ""

    monkeypatch.setattr(secrets, "hash_password", counted)
    await invited(services)
    for name in ("nadia", "nobody"):
        with pytest.raises(NotAuthentic):
            await enrolment.begin(services, name, "0" * 16, "0" * 16, PASSWORD)

    assert hashed == []


async def test_more_passwords_than_can_wait_are_refused_at_once() -> None:
    turns = secrets._Turns()
    free = threading.Event()
    waiting = [
        asyncio.create_task(turns.run(free.wait, 10)) for _ in range(secrets._AT_ONCE + secrets._WAITING_MAX)
    ]
    await asyncio.sleep(0)

    with pytest.raises(Unavailable):
        await turns.run(free.wait, 10)

    free.set()
    assert all(await asyncio.gather(*waiting))
    assert await turns.run(free.wait, 10), "there is room again"


async def test_the_checkers_half_is_shown_once_and_stored_nowhere(services: ServiceContext) -> None:
    _, secret = await invited(services)
    async with services.pool.acquire() as connection:
        (change,) = await approvals.read(connection)

    assert secret
    assert change.secret == ""
    dump = str([tuple(row) for row in await services.pool.fetch("SELECT * FROM switch.person")])
    assert secret not in dump


async def test_only_the_first_operator_and_the_first_checker_are_founded(database_url: str) -> None:
    async with open_services(database_url) as services:
        await services.pool.execute("UPDATE switch.person SET status = 'removed'")
        await enrolment.create_first(services.pool, services.data, "first", "First", Role.OPERATOR, PASSWORD)
        with pytest.raises(NotAllowed):
            await enrolment.create_first(
                services.pool, services.data, "second", "Second", Role.OPERATOR, PASSWORD
            )
        await enrolment.create_first(services.pool, services.data, "third", "Third", Role.CHECKER, PASSWORD)
        with pytest.raises(NotAllowed):
            await enrolment.create_first(
                services.pool, services.data, "fourth", "Fourth", Role.AUDITOR, PASSWORD
            )


@pytest.mark.parametrize("password", ["short", "x" * 129, "Amina and her horse"])
async def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(Refused):
        await secrets.hash_password("amina", password)
