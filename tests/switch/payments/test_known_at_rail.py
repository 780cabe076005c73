"""Payments that a rail executed before a restore, and that are refused now: the refusal is never what is recorded."""

from pathlib import Path
from uuid import UUID

import pytest
from msgspec import structs

from schemas import codec, credit_transfer
from schemas.errors import Refused, Unavailable
from schemas.reasons import Reason
from switch.base import personal_data
from switch.base.settings import Settings
from switch.payments.directory import Directory
from switch.payments.dispatch import Dispatcher
from switch.payments.intake import Intake
from switch.payments.screening import Screening
from tests.switch.payments.test_signatures import World, world

__all__ = ["world"]
EXECUTED = "executed before the restore"
LATE = Refused("the time of its file was over", reason=Reason.CUT_OFF_TIME)


@pytest.fixture
async def intake(world: World, tmp_path: Path) -> Intake:
    """An intake of no rails: what a rail executed cannot be booked by it, so that it must wait."""
    settings = Settings(data=tmp_path, sandbox=True)
    settings.personal_data_keys.parent.mkdir(parents=True, exist_ok=True)
    keys = personal_data.load(settings.personal_data_keys)
    directory = Directory(world.services.pool)
    await directory.refresh()
    screening = Screening(settings, world.services.pool, directory, keys)
    return Intake(settings, directory, {}, world.link, Dispatcher(world.link, 1.0, 4.0), screening)


async def test_what_its_rail_executed_before_a_restore_is_not_refused_for_what_forbids_it_now(
    world: World, intake: Intake
) -> None:
    """The refusal met the line of the rail, and raised what nobody handled: no outcome was ever recorded."""
    honest = world.payment("indus-bank")
    assert honest.evidence is not None
    await world.executed_before_a_restore(honest, None)
    message = codec.decode(honest.evidence.message, media_type=codec.XML, expect="pacs.008")
    payment = credit_transfer.read(message)
    sender = structs.replace(intake.participant("asha-bank"), status="suspended")

    with pytest.raises(Unavailable, match=EXECUTED):
        await intake.take_order(message, payment, sender, "IN")
    with pytest.raises(Unavailable, match=EXECUTED):
        await intake.take_line(message, payment, sender, honest.evidence)
    with pytest.raises(Unavailable, match=EXECUTED):
        await intake.refuse_line(message, payment, sender, honest.evidence, LATE)

    uetr = UUID(bytes=honest.identity.uetr)
    assert await world.services.pool.fetchval("SELECT count(*) FROM ledger.transfer WHERE id = $1", uetr) == 0


async def test_what_no_rail_executed_is_refused_as_ever(world: World, intake: Intake) -> None:
    honest = world.payment("indus-bank")
    assert honest.evidence is not None
    await world.executed_before_a_restore(world.payment("indus-bank"), None)
    message = codec.decode(honest.evidence.message, media_type=codec.XML, expect="pacs.008")
    payment = credit_transfer.read(message)
    sender = structs.replace(intake.participant("asha-bank"), status="suspended")

    refused = await intake.take_order(message, payment, sender, "IN")

    assert (refused.state, refused.reason, refused.refused_here) == ("ABORTED", "AG01", True)
