"""Sign-in with an identity provider: what a right answer gives, and that a forged one gives nothing."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio

from schemas.errors import NotAuthentic, Refused, Unavailable
from switch.approvals import approvals
from switch.base.outward import LOOPBACK, OutwardReach
from switch.base.settings import Settings
from switch.change_catalogue import KINDS
from switch.cli import doctor
from switch.identity import enrolment, factors, federated, openid, providers, secrets, sessions, sign_in
from switch.identity.devices import HERE
from switch.identity.model import ChangeState, Role, Seat
from switch.writer.context import ServiceContext
from tests.switch.identity import small_provider, test_sign_in
from tests.switch.identity.small_provider import CLIENT, SECRET, SmallProvider, signed, unsigned
from tests.switch.identity.test_sign_in import PASSWORD, code
from tests.switch.services import agree, done, onboarding, open_services, person

quick_hashes = test_sign_in.quick_hashes
totp = test_sign_in.totp
REDIRECT = "https://pay.example/console/openid/callback"


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        folder = opened.data / "keys" / "openid"
        folder.mkdir(parents=True)
        (folder / "bank.secret").write_text(f"{SECRET}\n")
        yield opened


@pytest_asyncio.fixture
async def small() -> AsyncIterator[SmallProvider]:
    provider = SmallProvider()
    await provider.start()
    openid._known.clear()  # an earlier provider may have had its port, and so its issuer
    yield provider
    await provider.stop()


def content(small: SmallProvider, **changed: Any) -> dict[str, Any]:
    return {
        "id": "bank",
        "title": "The bank's sign-in",
        "issuer": small.issuer,
        "client_id": CLIENT,
        "grants": ["payswitch-auditors=auditor", "payswitch-operators=operator"],
        **changed,
    }


@pytest_asyncio.fixture
async def provider(services: ServiceContext, small: SmallProvider) -> SmallProvider:
    """The provider, registered by two people; Amina is bound to its first subject."""
    await done(services, "identity_provider.set", content(small, second_factors=["otp"]))
    await services.pool.execute(
        "INSERT INTO switch.person_subject (issuer, subject, person) VALUES ($1, 'subject-1', 'amina')",
        small.issuer,
    )
    return small


async def come_back(
    services: ServiceContext, small: SmallProvider, **changed: str
) -> federated.SignInOutcome:
    begun = await federated.begin(services, "bank", REDIRECT, "/console/log")
    answer = small.answer(begun.address, **changed)
    return await federated.finish(services, begun.ticket, answer, redirect=REDIRECT, device=HERE)


async def person_at(services: ServiceContext, token: str) -> str:
    async with services.pool.acquire() as connection:
        return (await sessions.resume(connection, token)).person.name


async def sessions_of(services: ServiceContext) -> int:
    return await services.pool.fetchval("SELECT count(*) FROM switch.session")


async def test_the_way_there_has_all_that_protects_the_way_back(
    services: ServiceContext, provider: SmallProvider
) -> None:
    begun = await federated.begin(services, "bank", REDIRECT, "")
    query = dict(parse_qsl(urlsplit(begun.address).query))

    assert begun.address.startswith(f"{provider.issuer}/authorize?")
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert query["redirect_uri"] == REDIRECT
    assert len({query["state"], query["nonce"], query["code_challenge"]}) == 3
    assert "openid" in query["scope"].split()
    for secret in (query["state"], query["nonce"]):
        assert secret not in begun.ticket


@pytest.mark.parametrize("algorithm", small_provider.KEYS)
async def test_a_person_signs_in_when_the_provider_did_the_second_factor(
    services: ServiceContext, provider: SmallProvider, algorithm: str
) -> None:
    provider.algorithm, provider.claims = algorithm, {"amr": ["pwd", "otp"]}
    came = await come_back(services, provider)

    assert await person_at(services, came.token) == "amina"
    assert (came.next, came.second) == ("/console/log", "")


async def test_our_second_factor_is_asked_for_when_the_provider_did_none(
    services: ServiceContext, provider: SmallProvider, totp: str
) -> None:
    provider.claims = {"amr": ["pwd"], "acr": "1"}
    came = await come_back(services, provider)
    with pytest.raises(NotAuthentic):
        await federated.prove(services, came.second, factors.FactorProof("000000"), HERE)
    proved = await federated.prove(services, came.second, factors.FactorProof(code(totp)), HERE)
    with pytest.raises(NotAuthentic):  # the ticket is used up
        await federated.prove(services, came.second, factors.FactorProof(code(totp, ahead_s=30)), HERE)

    assert came.token == ""
    assert await person_at(services, proved.token) == "amina"
    kinds = {row["kind"] for row in await services.pool.fetch("SELECT kind FROM switch.audit_note")}
    assert {"SIGN_IN_FAILED", "SIGNED_IN"} <= kinds


NOW = int(time.time())
FORGED: dict[str, Any] = {
    "another audience": {"aud": "another-client"},
    "no audience": {"aud": None},
    "an audience that is no text": {"aud": [{}]},
    "several audiences and no azp": {"aud": [CLIENT, "another"]},
    "another azp": {"azp": "another-client"},
    "another nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://other.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": NOW - 3600},
    "no expiry": {"exp": None},
    "an expiry that is a text": {"exp": str(NOW + 3600)},
    "an endless expiry": {"exp": float("inf")},
    "issued an hour ago": {"iat": NOW - 3600},
    "issued in an hour": {"iat": NOW + 3600},
    "no time of issue": {"iat": None},
    "valid in an hour": {"nbf": NOW + 3600},
    "no subject": {"sub": None},
    "a subject that is a number": {"sub": 1},
    "a subject that no database stores": {"sub": "a\0b"},
    "a session id that is no text": {"sid": ["a"]},
    "a session id that no database stores": {"sid": "a\0b"},
    "a subject without end": {"sub": "x" * 5000},
    "the hash of another access token": {"at_hash": "x" * 22},
    "a hash that is no text": {"at_hash": 7},
    "alg none": unsigned,
    "the public key as the secret of HS256": small_provider.with_public_key_as_secret,
    "its own key in the header": small_provider.with_own_key_in_header,
    "another key of the same name": small_provider.with_foreign_key,
    "claims that were changed": small_provider.with_changed_claims,
    "the key of another algorithm": small_provider.with_key_of_another_algorithm,
    "an unknown key": lambda claims: signed(claims, kid="nobody"),
    "no token": lambda _: "",
    "not a text": lambda _: {"a": 1},
    "not a token": lambda _: "a.b.c",
    "a token without end": lambda claims: signed({**claims, "x": "y" * 50_000}),
    "a critical header": small_provider.with_critical_header,
    "claims that are a list": lambda _: _signed_list(),
}


def _signed_list() -> str:
    from joserfc import jws

    return jws.serialize_compact({"alg": "RS256", "kid": "RS256"}, b"[]", small_provider.KEYS["RS256"])


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
async def test_a_token_that_is_wrong_in_one_thing_gives_nothing(
    services: ServiceContext, provider: SmallProvider, forged: Any
) -> None:
    provider.claims = {"amr": ["otp"], **(forged if isinstance(forged, dict) else {})}
    provider.make = None if isinstance(forged, dict) else forged
    with pytest.raises(NotAuthentic):
        await come_back(services, provider)
    assert await sessions_of(services) == 0

    provider.claims, provider.make = {"amr": ["otp"]}, None
    assert (await come_back(services, provider)).token, "nothing else was wrong"


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "x" * 43},
        {"iss": "https://other.example"},
        {"error": "access_denied"},
        {"code": ""},
        {"code": "x" * 8},
    ],
    ids=str,
)
async def test_an_answer_that_is_wrong_in_one_thing_gives_nothing(
    services: ServiceContext, provider: SmallProvider, changed: dict[str, str]
) -> None:
    provider.claims = {"amr": ["otp"]}
    with pytest.raises(NotAuthentic):
        await come_back(services, provider, **changed)
    assert await sessions_of(services) == 0


async def test_an_answer_without_the_issuer_that_the_provider_promised_gives_nothing(
    services: ServiceContext, provider: SmallProvider
) -> None:
    begun = await federated.begin(services, "bank", REDIRECT, "")
    answer = provider.answer(begun.address)
    del answer["iss"]

    with pytest.raises(NotAuthentic):
        await federated.finish(services, begun.ticket, answer, redirect=REDIRECT, device=HERE)


async def test_an_answer_works_once_and_only_where_it_began(
    services: ServiceContext, provider: SmallProvider
) -> None:
    provider.claims = {"amr": ["otp"]}
    begun, other = [await federated.begin(services, "bank", REDIRECT, "") for _ in range(2)]
    answer = provider.answer(begun.address)
    for ticket in (other.ticket, "", secrets.Seal(services.data).seal("{}")):  # another browser
        with pytest.raises(NotAuthentic):
            await federated.finish(services, ticket, answer, redirect=REDIRECT, device=HERE)
    await federated.finish(services, begun.ticket, answer, redirect=REDIRECT, device=HERE)
    query = dict(parse_qsl(urlsplit(begun.address).query))
    provider.codes[answer["code"]] = query  # even a provider that takes its code again

    with pytest.raises(NotAuthentic):
        await federated.finish(services, begun.ticket, answer, redirect=REDIRECT, device=HERE)
    assert await sessions_of(services) == 1


async def test_a_new_key_is_found_and_unknown_ones_do_not_cause_a_flood(
    services: ServiceContext, provider: SmallProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.claims, provider.keys = {"amr": ["otp"]}, ["RS256"]
    await come_back(services, provider)
    provider.algorithm, provider.keys = "ES256", ["RS256", "ES256"]
    with pytest.raises(NotAuthentic):  # the keys were read a moment ago
        await come_back(services, provider)
    before = provider.seen.count("/keys")
    monkeypatch.setattr(openid, "REFRESH_EVERY_S", 0.0)
    assert (await come_back(services, provider)).token
    monkeypatch.setattr(openid, "REFRESH_EVERY_S", 30.0)
    provider.make = lambda claims: signed(claims, kid=uuid.uuid4().hex)
    for _ in range(20):
        with pytest.raises(NotAuthentic):
            await come_back(services, provider)

    assert provider.seen.count("/keys") == before + 1
    assert provider.seen.count("/.well-known/openid-configuration") == 2, "at the registration, then once"


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://203.0.113.9/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "https://user@x.example/"},
    ],
    ids=str,
)
async def test_metadata_that_lead_elsewhere_are_refused(
    services: ServiceContext, provider: SmallProvider, changed: dict[str, Any]
) -> None:
    provider.metadata = changed

    with pytest.raises(Unavailable):
        await federated.begin(services, "bank", REDIRECT, "")


async def test_a_provider_that_is_away_is_said_to_be(
    services: ServiceContext, provider: SmallProvider
) -> None:
    await provider.runner.cleanup()

    with pytest.raises(Unavailable):
        await federated.begin(services, "bank", REDIRECT, "")


@pytest.mark.parametrize(
    ("address", "sandbox", "reachable"),
    [
        ("https://login.example/realms/x", False, True),
        ("http://login.example", True, False),
        ("http://127.0.0.1:8080", True, True),
        ("http://127.0.0.1:8080", False, False),
        ("http://localhost:8080", True, True),
        ("http://localhost.evil.example", True, False),
        ("ftp://127.0.0.1", True, False),
        ("https://a@b.example", False, False),
        ("https://", False, False),
    ],
)
def test_a_provider_is_reached_over_tls(address: str, sandbox: bool, reachable: bool) -> None:
    assert openid.is_address(address, sandbox=sandbox) is reachable
    assert openid.is_reachable(address, reach=OutwardReach(LOOPBACK, sandbox)) is reachable


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8443",
        "[::1]",
        "169.254.169.254",
        "10.0.0.1:5432",
        "192.168.1.1",
        "[fd00::1]",
        "[fe80::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "0.0.0.0",
    ],
)
@pytest.mark.parametrize("sandbox", [False, True])
def test_a_provider_names_no_address_of_our_own_network(host: str, sandbox: bool) -> None:
    address = f"https://{host}/keys"

    assert not openid.is_reachable(address, reach=OutwardReach((), sandbox))
    assert openid.is_reachable("https://10.30.0.20/", reach=OutwardReach((IPv4Network("10.30.0.0/24"),)))


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[tuple[int, list[int]]]:
    """A port of this machine that no provider has to know: its number, and the connections to it."""
    called: list[int] = []

    def opened(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.append(1)
        writer.close()

    server = await asyncio.start_server(opened, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], called
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("jwks_uri", "https://127.0.0.1:{port}/keys"),
        ("jwks_uri", "https://localhost:{port}/keys"),
        ("jwks_uri", "{issuer}/moved?to=http://127.0.0.1:{port}/keys"),
        ("token_endpoint", "https://127.0.0.1:{port}/token"),
        ("token_endpoint", "https://localhost:{port}/token"),
    ],
)
async def test_metadata_make_the_switch_call_nothing_in_its_own_network(
    services: ServiceContext, listener: tuple[int, list[int]], name: str, address: str
) -> None:
    """A provider that may be called named ports of this machine, and the switch connected to them."""
    small = SmallProvider()
    await small.start("127.0.0.2")
    port, called = listener
    try:
        await done(services, "identity_provider.set", content(small))
        small.metadata = {name: address.format(port=port, issuer=small.issuer)}
        narrow = replace(services, reach=OutwardReach((IPv4Network("127.0.0.2/32"),), sandbox=True))
        with pytest.raises(Unavailable):
            await come_back(narrow, small)
    finally:
        await small.stop()

    assert called == []
    assert "/.well-known/openid-configuration" in small.seen


async def test_a_subject_that_is_bound_to_nobody_gets_nothing(
    services: ServiceContext, provider: SmallProvider
) -> None:
    provider.claims = {"amr": ["otp"], "sub": "subject-9", "email": "amina@bank.example"}

    with pytest.raises(NotAuthentic):
        await come_back(services, provider)


async def test_a_person_whose_groups_grant_the_role_no_longer_is_signed_out_everywhere(
    services: ServiceContext, provider: SmallProvider
) -> None:
    provider.claims = {"amr": ["otp"]}
    token = (await come_back(services, provider)).token
    for groups in ([], ["payswitch-operators"], "nothing", {"payswitch-auditors": 1}):
        provider.claims = {"amr": ["otp"], "groups": groups}
        with pytest.raises(NotAuthentic):
            await come_back(services, provider)

    with pytest.raises(NotAuthentic):
        await person_at(services, token)


async def test_a_suspended_person_gets_nothing(services: ServiceContext, provider: SmallProvider) -> None:
    provider.claims = {"amr": ["otp"]}
    await done(services, "person.suspend", {"name": "amina"})

    with pytest.raises(NotAuthentic):
        await come_back(services, provider)


@pytest.fixture
def just_in_time(small: SmallProvider) -> dict[str, Any]:
    return content(
        small,
        grants=["payswitch-auditors=auditor"],
        just_in_time=True,
        second_factors=["https://example.org/mfa"],
    )


async def test_a_person_is_added_at_the_first_sign_in_where_two_people_allowed_it(
    services: ServiceContext, small: SmallProvider, just_in_time: dict[str, Any]
) -> None:
    await done(services, "identity_provider.set", just_in_time)
    small.claims = {"acr": "https://example.org/mfa", "name": "Nadia N.", "sub": "subject-7"}
    names = {await person_at(services, (await come_back(services, small)).token) for _ in range(2)}
    (name,) = names
    row = await services.pool.fetchrow("SELECT * FROM switch.person WHERE name = $1", name)
    bodies = await services.pool.fetch("SELECT body FROM switch.audit_note")

    assert (row["role"], row["display_name"], row["password_hash"]) == ("auditor", "Nadia N.", None)
    assert name.startswith("bank.")
    assert not any(b"Nadia" in each["body"] or b"subject-7" in each["body"] for each in bodies)
    with pytest.raises(NotAuthentic):
        await sign_in.sign_in(services, name, "", "")


@pytest.mark.parametrize(
    "claims",
    [
        {"groups": []},
        {"groups": ["payswitch-operators"]},
        {"acr": "https://example.org/password"},
        {"acr": ["https://example.org/mfa"]},
    ],
    ids=str,
)
async def test_nobody_is_added_without_a_group_and_a_second_factor(
    services: ServiceContext, small: SmallProvider, just_in_time: dict[str, Any], claims: dict[str, Any]
) -> None:
    await done(services, "identity_provider.set", just_in_time)
    small.claims = {"acr": "https://example.org/mfa", "sub": "subject-7", **claims}
    before = await services.pool.fetchval("SELECT count(*) FROM switch.person")

    with pytest.raises(NotAuthentic):
        await come_back(services, small)
    assert await services.pool.fetchval("SELECT count(*) FROM switch.person") == before


@pytest.mark.parametrize(
    "changed",
    [
        {"grants": ["a=regulator"]},
        {"grants": ["a=participant"]},
        {"scope": "asha-bank", "grants": ["a=checker"]},
        {"scope": "IN", "grants": ["a=auditor"]},
        {"scope": "nobody", "grants": ["a=participant"]},
        {"grants": ["a=operator"], "just_in_time": True, "second_factors": ["otp"]},
        {"grants": ["a=auditor"], "just_in_time": True},
        {"grants": ["a=operator", "b=checker"], "second_factors": ["otp"]},
        {"grants": ["a=operator", "a=auditor"]},
        {"issuer": "http://login.example"},
        {"issuer": "https://x.example/#a"},
    ],
    ids=str,
)
async def test_a_provider_is_never_registered_with_more_than_it_may_grant(
    services: ServiceContext, small: SmallProvider, changed: dict[str, Any]
) -> None:
    with pytest.raises(Exception, match=r".") as error:
        await agree(services, "identity_provider.set", content(small, **changed))

    assert error.type.__name__ in {"Refused", "InvalidMessage"}
    assert await services.pool.fetchval("SELECT count(*) FROM switch.identity_provider") == 0


async def test_a_provider_takes_two_people_and_its_issuer_stays(
    services: ServiceContext, small: SmallProvider
) -> None:
    change = await approvals.request(
        services, KINDS, person("olga"), "identity_provider.set", content=content(small), reason="test"
    )
    assert await providers.everyone(services.pool) == []
    change = await approvals.vote(
        services, KINDS, person("chen"), change.number, decision="approve", reason="seen"
    )
    assert change.state is ChangeState.EXECUTED
    await done(services, "identity_provider.set", content(small, title="Another name"))
    for changed in (
        {"issuer": "https://other.example"},
        {"id": "other"},
        {"scope": "IN", "grants": ["a=regulator"]},
    ):
        with pytest.raises(Exception, match="remove"):
            await agree(services, "identity_provider.set", content(small, **changed))
    (known,) = await providers.everyone(services.pool)

    assert (known.title, known.grants["payswitch-auditors"]) == ("Another name", Role.AUDITOR)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(("http://login.bank.example", {}, "127.0.0.0/8", "must be an https"), id="no-tls"),
        pytest.param(("https://10.0.0.7/realm", {}, "127.0.0.0/8", "public network"), id="own-network"),
        pytest.param(("", {}, "10.0.0.0/8", "public network"), id="own-network-by-name"),
        pytest.param(("", {"issuer": "https://other.example"}, "127.0.0.0/8", "another issuer"), id="issuer"),
        pytest.param(("", {"jwks_uri": "file:///etc"}, "127.0.0.0/8", "no usable addresses"), id="addresses"),
        pytest.param(("/nothing", {}, "127.0.0.0/8", "no metadata"), id="no-metadata"),
    ],
)
async def test_an_issuer_that_cannot_be_used_was_registered_and_failed_at_the_first_sign_in(
    services: ServiceContext,
    small: SmallProvider,
    case: tuple[str, dict[str, str], str, str],
) -> None:
    issuer, metadata, beside, why = case
    small.metadata = metadata
    named = issuer if issuer.startswith("http") else small.issuer + issuer
    narrow = replace(services, reach=OutwardReach((IPv4Network(beside),), sandbox=True))

    with pytest.raises(Refused, match=why) as refused:
        await agree(narrow, "identity_provider.set", content(small, issuer=named))
    assert refused.value.path == "issuer"
    assert await services.pool.fetchval("SELECT count(*) FROM switch.change") == 0


async def test_a_provider_that_does_not_answer_yet_is_registered(
    services: ServiceContext, small: SmallProvider
) -> None:
    await small.runner.cleanup()

    assert (await done(services, "identity_provider.set", content(small))).state is ChangeState.EXECUTED


async def test_doctor_names_a_provider_of_an_earlier_registration_that_cannot_be_used(
    services: ServiceContext, small: SmallProvider
) -> None:
    await done(services, "identity_provider.set", content(small))
    found = {}
    for sandbox in (True, False):
        settings = Settings(data=services.data, sandbox=sandbox, openid_networks=["127.0.0.0/8"])
        async with services.pool.acquire() as connection:
            look = doctor.DATABASE["identity providers"](connection, settings)
            found[sandbox] = [(finding.code, finding.text) async for finding in look]

    assert found[True] == []
    ((code, text),) = found[False]
    assert code == "identity-provider-unusable"
    assert small.issuer in text


async def test_a_participant_agrees_to_the_provider_of_its_people(
    services: ServiceContext, small: SmallProvider
) -> None:
    await done(services, "participant.onboard", onboarding("asha-bank"))
    wanted = content(small, scope="asha-bank", grants=["staff=participant"])
    change = await approvals.request(
        services, KINDS, person("olga"), "identity_provider.set", content=wanted, reason="test"
    )
    change = await approvals.vote(
        services, KINDS, person("chen"), change.number, decision="approve", reason="seen"
    )
    assert change.seats == (Seat(Role.CHECKER), Seat(Role.PARTICIPANT, "asha-bank"))
    assert change.state is ChangeState.REQUESTED
    change = await approvals.vote(
        services, KINDS, person("pia"), change.number, decision="approve", reason="ours"
    )

    assert change.state is ChangeState.EXECUTED


async def test_a_provider_that_is_removed_signs_its_people_out(
    services: ServiceContext, provider: SmallProvider
) -> None:
    provider.claims = {"amr": ["otp"]}
    token = (await come_back(services, provider)).token
    await done(services, "identity_provider.remove", {"id": "bank"})

    with pytest.raises(NotAuthentic):
        await person_at(services, token)
    with pytest.raises(NotAuthentic):
        await federated.begin(services, "bank", REDIRECT, "")


async def test_a_person_is_bound_and_the_password_ends(
    services: ServiceContext, small: SmallProvider, totp: str
) -> None:
    await done(services, "identity_provider.set", content(small))
    begun = await federated.begin(services, "bank", REDIRECT, "/console/me", "amina")
    await federated.finish(
        services, begun.ticket, small.answer(begun.address), redirect=REDIRECT, device=HERE
    )
    with pytest.raises(NotAuthentic):
        await sign_in.sign_in(services, "amina", PASSWORD, code(totp))
    came = await come_back(services, small)
    proved = await federated.prove(services, came.second, factors.FactorProof(code(totp)), HERE)

    assert await person_at(services, proved.token) == "amina"
    for name in ("chen", "olga"):  # a role without the group, and a subject that is another person's
        again = await federated.begin(services, "bank", REDIRECT, "", name)
        with pytest.raises(NotAuthentic):
            await federated.finish(
                services, again.ticket, small.answer(again.address), redirect=REDIRECT, device=HERE
            )


async def test_a_reset_by_two_people_ends_the_binding(
    services: ServiceContext, provider: SmallProvider
) -> None:
    async with services.pool.acquire() as connection:
        await enrolment.invite(connection, "amina", enrolment.new_half()[1])
    provider.claims = {"amr": ["otp"]}

    with pytest.raises(NotAuthentic):
        await come_back(services, provider)


def logout_token(small: SmallProvider, **changed: Any) -> str:
    claims = {
        "iss": small.issuer,
        "aud": CLIENT,
        "iat": int(time.time()),
        "exp": int(time.time()) + 120,
        "jti": uuid.uuid4().hex,
        "events": {openid.LOGOUT: {}},
        "sid": "session-1",
        "sub": "subject-1",
        **changed,
    }
    header = claims.pop("header", {"typ": "logout+jwt"})
    return signed({name: value for name, value in claims.items() if value is not None}, **header)


@pytest.mark.parametrize("changed", [{}, {"sid": None}, {"sub": None}], ids=str)
async def test_the_provider_ends_its_sessions_and_no_others(
    services: ServiceContext, provider: SmallProvider, changed: dict[str, Any]
) -> None:
    provider.claims = {"amr": ["otp"]}
    token = (await come_back(services, provider)).token
    async with services.pool.acquire() as connection:
        own = await sessions.begin(connection, "amina", HERE)
        olgas = await sessions.begin(connection, "olga", HERE)
    text = logout_token(provider, **changed)
    await federated.log_out(services, text)
    body = await services.pool.fetchval("SELECT body FROM switch.audit_note WHERE kind = 'SESSION_ENDED'")

    with pytest.raises(NotAuthentic):
        await person_at(services, token)
    assert await person_at(services, own) == "amina"
    assert await person_at(services, olgas) == "olga"
    facts = json.loads(body)
    assert (facts["person"], facts["provider"], facts["sessions"]) == ("amina", "bank", 1)
    with pytest.raises(NotAuthentic):  # once
        await federated.log_out(services, text)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another"},
        {"iss": "https://other.example"},
        {"events": None},
        {"events": {openid.LOGOUT: None}},
        {"events": [openid.LOGOUT]},
        {"nonce": "n"},
        {"jti": None},
        {"sid": None, "sub": None},
        {"sid": 7},
        {"exp": NOW - 3600},
        {"iat": NOW - 3600},
        {"header": {"typ": "at+jwt"}},
        {"header": {"typ": "logout+jwt", "kid": "ES256"}},
    ],
    ids="-".join,  # names without instants: every process must collect the same
)
async def test_a_forged_logout_ends_nothing(
    services: ServiceContext, provider: SmallProvider, changed: dict[str, Any]
) -> None:
    provider.claims = {"amr": ["otp"]}
    token = (await come_back(services, provider)).token
    texts = [logout_token(provider, **changed), "", "x", "a.b.c", unsigned({"iss": provider.issuer})]
    for text in texts:
        with pytest.raises(NotAuthentic):
            await federated.log_out(services, text)

    assert await person_at(services, token) == "amina"
