"""What people do with a case: who may, what is recorded, and what is refused."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.errors import InvalidMessage, NotAllowed, NotFound, Refused, SwitchError
from switch.base import personal_data
from switch.base.personal_data import KeyRing
from switch.base.settings import Settings
from switch.cases import acts, attachments, notices, opening, reading
from switch.cases.model import Case, CaseKind
from switch.cases.notices import NoticeProfile
from switch.writer import audit_notes
from switch.writer.context import ServiceContext
from tests.switch.cases.subjects import World
from tests.switch.services import done, open_services, person

SETTINGS = Settings(data=Path("nowhere"), sandbox=True)
PDF = b"%PDF-1.7\n" + bytes(range(256))


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


@pytest.fixture
async def world(services: ServiceContext) -> World:
    world = World(services.pool)
    await world.participants()
    return world


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return personal_data.load(tmp_path / "keys.json")


async def unknown(world: World) -> Case:
    uetr = await world.payment()
    await opening.look(world.pool, SETTINGS)
    (case,) = await reading.of_payment(world.pool, uetr)
    return case


async def history(world: World, case: Case) -> list[tuple[str, str | None, str]]:
    return [(act.kind, act.person, act.about) for act in await reading.history(world.pool, case.number)][1:]


async def logged(services: ServiceContext) -> list[tuple[str, dict[str, object]]]:
    """Acts on cases in the ledger's log, after the relay copied them there."""
    await audit_notes.relay(services)
    rows = await services.pool.fetch(
        "SELECT kind, body FROM ledger.event WHERE kind LIKE 'CASE%' ORDER BY seq"
    )
    return [(row["kind"], json.loads(row["body"])) for row in rows]


async def test_a_person_takes_a_case_and_hands_it_on(services: ServiceContext, world: World) -> None:
    case = await unknown(world)
    await acts.assign(services.pool, SETTINGS, person("olga"), case.number, "olga")
    await acts.assign(services.pool, SETTINGS, person("olga"), case.number, "olga")  # again: nothing happens
    await acts.assign(services.pool, SETTINGS, person("olga"), case.number, "chen")
    await acts.assign(services.pool, SETTINGS, person("chen"), case.number, None)

    assert await history(world, case) == [
        ("assigned", "olga", "olga"),
        ("assigned", "olga", "chen"),
        ("released", "chen", "chen"),
    ]
    assert [(kind, body["owner"], body["case"]) for kind, body in await logged(services)] == [
        ("CASE_ASSIGNED", "olga", case.number),
        ("CASE_ASSIGNED", "chen", case.number),
        ("CASE_ASSIGNED", "", case.number),
    ]


@pytest.mark.parametrize("name", ["amina", "ravi", "pia"])
async def test_who_oversees_or_takes_part_does_not_work_on_cases(
    services: ServiceContext, world: World, keys: KeyRing, name: str
) -> None:
    case, reader = await unknown(world), person(name)
    file = ("a.pdf", "application/pdf", PDF)
    for act in (
        lambda: acts.assign(services.pool, SETTINGS, reader, case.number, name),
        lambda: acts.write(services.pool, reader, case.number, "seen"),
        lambda: acts.attach(services.pool, keys, reader, case.number, *file),
        lambda: acts.ask(services.pool, SETTINGS, reader, case.number),
        lambda: notices.choose(services.pool, SETTINGS, reader, NoticeProfile()),
    ):
        with pytest.raises(NotAllowed):
            await act()

    assert await history(world, case) == []


async def test_a_suspended_person_does_nothing_more(services: ServiceContext, world: World) -> None:
    case = await unknown(world)
    await world.pool.execute("UPDATE switch.person SET status = 'suspended' WHERE name = 'olga'")

    with pytest.raises(NotAllowed):
        await acts.write(services.pool, person("olga"), case.number, "seen")
    with pytest.raises(Refused):
        await acts.assign(services.pool, SETTINGS, person("chen"), case.number, "olga")
    with pytest.raises(Refused):
        await acts.assign(services.pool, SETTINGS, person("chen"), case.number, "amina")
    assert await history(world, case) == []


async def test_nobody_closes_a_case_and_a_closed_one_can_only_be_annotated(
    services: ServiceContext, world: World
) -> None:
    case = await unknown(world)
    assert case.uetr is not None
    await world.becomes(case.uetr, None)
    await opening.look(world.pool, SETTINGS)
    await acts.write(services.pool, person("olga"), case.number, "The bank has confirmed by telephone.")

    with pytest.raises(Refused, match="closed"):
        await acts.assign(services.pool, SETTINGS, person("olga"), case.number, "olga")
    with pytest.raises(Refused, match="closed"):
        await acts.ask(services.pool, SETTINGS, person("olga"), case.number)
    assert not hasattr(acts, "close")
    with pytest.raises(NotFound):
        await acts.write(services.pool, person("olga"), 4711, "seen")


async def test_the_log_has_the_hash_of_a_note_and_not_its_text(
    services: ServiceContext, world: World
) -> None:
    case = await unknown(world)
    await acts.write(services.pool, person("olga"), case.number, " Called Ms Zainab Q. at the bank. ")
    ((kind, body),) = await logged(services)

    assert kind == "CASE_NOTE"
    assert body["sha256"] == hashlib.sha256(b"Called Ms Zainab Q. at the bank.").hexdigest()
    assert "Zainab" not in json.dumps(body)


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001])
async def test_a_note_has_a_text_of_a_bounded_length(
    services: ServiceContext, world: World, text: str
) -> None:
    case = await unknown(world)
    with pytest.raises(InvalidMessage):
        await acts.write(services.pool, person("olga"), case.number, text)


async def test_an_attachment_is_sealed_hashed_and_read_by_who_may(
    services: ServiceContext, world: World, keys: KeyRing
) -> None:
    case = await unknown(world)
    pool = services.pool
    act = await acts.attach(pool, keys, person("olga"), case.number, "advice.pdf", "application/pdf", PDF)
    kept = await pool.fetchval("SELECT body FROM switch.case_attachment")
    found = await acts.open_attachment(pool, keys, person("amina"), case.number, act)
    with pytest.raises(NotAllowed):
        await acts.open_attachment(pool, keys, person("pia"), case.number, act)
    with pytest.raises(NotFound):
        await acts.open_attachment(pool, keys, person("amina"), case.number + 1, act)

    assert found == ("advice.pdf", "application/pdf", PDF)
    assert PDF not in kept
    digest = hashlib.sha256(PDF).hexdigest()
    (added, read) = await logged(services)
    assert (added[0], added[1]["sha256"], added[1]["person"]) == ("CASE_ATTACHMENT", digest, "olga")
    assert (read[0], read[1]["sha256"], read[1]["person"]) == ("CASE_ATTACHMENT_READ", digest, "amina")


@pytest.mark.parametrize(
    ("name", "media_type", "content"),
    [
        ("", "text/plain", b"x"),
        ("../a.txt", "text/plain", b"x"),
        ("a\nb.txt", "text/plain", b"x"),
        ("x" * 121, "text/plain", b"x"),
        ("a.html", "text/html", b"<script>"),
        ("a.svg", "image/svg+xml", b"<svg/>"),
        ("a.pdf", "application/pdf", b"MZ"),
        ("a.png", "image/png", b"GIF89a"),
        ("a.txt", "text/plain", b"\xff\xfe"),
        ("a.txt", "text/plain", b"a\0b"),
        ("a.txt", "text/plain", b""),
        ("a.txt", "text/plain", b"x" * (attachments.OCTETS_MAX + 1)),
    ],
    ids=[
        "no name",
        "path",
        "control",
        "long",
        "html",
        "svg",
        "exe",
        "gif",
        "utf-16",
        "nul",
        "empty",
        "large",
    ],
)
async def test_files_of_other_types_and_sizes_are_refused(  # noqa: PLR0917 - a file has three parts
    services: ServiceContext, world: World, keys: KeyRing, name: str, media_type: str, content: bytes
) -> None:
    case = await unknown(world)
    with pytest.raises(SwitchError) as error:
        await acts.attach(services.pool, keys, person("olga"), case.number, name, media_type, content)

    assert error.value.status in {400, 413, 415}
    assert await history(world, case) == []


async def test_a_case_has_a_bounded_number_of_files(
    services: ServiceContext, world: World, keys: KeyRing
) -> None:
    case = await unknown(world)
    for number in range(attachments.FILES_MAX):
        await acts.attach(
            services.pool, keys, person("olga"), case.number, f"{number}.txt", "text/plain", b"x"
        )
    with pytest.raises(Refused):
        await acts.attach(
            services.pool, keys, person("olga"), case.number, "one-more.txt", "text/plain", b"x"
        )


async def test_a_rail_is_asked_again_a_bounded_number_of_times(
    services: ServiceContext, world: World
) -> None:
    case = await unknown(world)
    settings = SETTINGS.model_copy(update={"case_questions_per_hour": 2})
    for _ in range(2):
        await acts.ask(services.pool, settings, person("olga"), case.number)
        with pytest.raises(Refused, match="being asked already"):
            await acts.ask(services.pool, settings, person("omar"), case.number)
        await services.pool.execute("UPDATE switch.case_question SET done_at = now()")
    with pytest.raises(Refused, match="as often as an hour permits"):
        await acts.ask(services.pool, settings, person("omar"), case.number)
    await services.pool.execute("UPDATE switch.case_act SET at = at - interval '61 minutes'")
    await acts.ask(services.pool, settings, person("omar"), case.number)

    assert [kind for kind, _ in await logged(services)] == ["CASE_QUESTION"] * 3


async def test_a_rail_is_not_asked_about_anything_else(services: ServiceContext, world: World) -> None:
    number = await world.difference()
    case = await unknown(world)
    (other,) = await reading.of_subjects(world.pool, [f"break/{number}"])
    with pytest.raises(Refused, match="only about a payment"):
        await acts.ask(services.pool, SETTINGS, person("olga"), other.number)
    with pytest.raises(Refused, match="not connected"):
        await acts.ask(services.pool, SETTINGS.model_copy(update={"rails": ()}), person("olga"), case.number)


async def test_a_case_and_the_changes_about_it_know_each_other(
    services: ServiceContext, world: World
) -> None:
    sha256 = await world.confirmation('{"unmatched": 1, "contradictions": []}')
    await opening.look(world.pool, SETTINGS)
    (case,) = await reading.find(world.pool, limit=9)
    content = {"sha256": sha256.hex(), "agent": "reserve", "finding": "A test message of the agent."}
    change = await done(services, "confirmation.resolve", content)
    await opening.look(world.pool, SETTINGS)

    assert case.kind is CaseKind.EXCEPTION
    assert [row["number"] for row in await reading.changes(world.pool, case)] == [change.number]
    assert (await reading.one(world.pool, case.number)).state == "closed"


async def test_a_colleague_is_told_of_a_case_by_the_channels_of_its_choice(
    services: ServiceContext, world: World
) -> None:
    wanted = NoticeProfile(
        "chen@bank.example", "", "ru", frozenset({("unknown", "email"), ("break", "browser")})
    )
    await notices.choose(services.pool, SETTINGS, person("chen"), wanted)
    case = await unknown(world)
    await acts.assign(services.pool, SETTINGS, person("olga"), case.number, "chen")
    rows = await services.pool.fetch("SELECT why, channel, recipient FROM switch.case_notice")

    assert await notices.profile(services.pool, person("chen")) == wanted
    assert [tuple(row) for row in rows] == [("assigned", "email", "chen")]


@pytest.mark.parametrize(
    "wanted",
    [
        NoticeProfile("no address", "", "en"),
        NoticeProfile("a@b\r\nBcc: c@d", "", "en"),
        NoticeProfile("", "", "en", frozenset({("unknown", "email")})),
        NoticeProfile("", "ftp://x", "en"),
        NoticeProfile("", "", "xx"),
        NoticeProfile("", "", "en", frozenset({("unknown", "pigeon")})),
    ],
    ids=["address", "header", "missing", "scheme", "language", "channel"],
)
async def test_only_valid_addresses_and_choices_are_kept(
    services: ServiceContext, world: World, wanted: NoticeProfile
) -> None:
    with pytest.raises(InvalidMessage):
        await notices.choose(services.pool, SETTINGS, person("chen"), wanted)
