"""Participants: how they come, what they may use, how they go, with payments in flight and without."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from schemas.errors import NotAllowed, Refused, SwitchError
from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.cli.settlement import app as settlement_commands
from switch.identity.model import ChangeState
from switch.participants import liquidity, reads
from switch.participants.liquidity import CapUse, level_of
from switch.payments.directory import load
from switch.settlement import day
from switch.writer.commands import CloseAccounts, CloseWindow, CommandLeg, Hold, Release
from switch.writer.context import ServiceContext
from tests.switch.services import account, agree, balance, done, onboarding, open_services, pay


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        for bank in ("asha-bank", "ganga-bank"):
            await done(opened, "participant.onboard", onboarding(bank))
        yield opened


async def fund(services: ServiceContext, bank: str, amount: str = "1000.00") -> None:
    content = {"participant": bank, "currency": "INR", "amount": amount, "reference": uuid.uuid4().hex}
    await done(services, "funds.in", content)


async def test_a_new_participant_has_its_account_its_cap_and_its_key(services: ServiceContext) -> None:
    await done(services, "participant.onboard", onboarding("indus-bank", "PKR", "250.00"))
    detail = await reads.detail(services.pool, "indus-bank")
    directory = await load(services.pool)

    assert [(p.currency, p.net_debit_cap) for p in detail.positions] == [("PKR", 250_00)]
    assert [key.state for key in detail.keys] == ["in force"]
    assert "indus-bank-1" in directory.key_by_id


@pytest.mark.parametrize(
    "change",
    [
        {"bic": "NOTABIC"},
        {"bic": "ASHAINBBXXX", "id": "other"},
        {"country": "XX"},
        {"id": "payswitch"},
        {"accounts": [{"currency": "XXX"}]},
        {"accounts": [{"currency": "INR", "net_debit_cap": "-1"}]},
        {"keys": [{"keyid": "k1", "request": "no key"}]},
        {
            "keys": [
                {
                    "keyid": "asha-bank-1",
                    "request": key_request.make(SigningKey.generate("asha-bank-1"), "indus-bank"),
                }
            ]
        },
    ],
    ids="-".join,
)
async def test_nonsense_is_refused_before_any_enquiry(
    services: ServiceContext, change: dict[str, Any]
) -> None:
    with pytest.raises(SwitchError) as error:
        await agree(services, "participant.onboard", {**onboarding("indus-bank"), **change})

    assert error.value.status < 500
    assert await services.pool.fetchval("SELECT count(*) FROM switch.change WHERE state = 'requested'") == 0


async def test_suspension_is_in_the_directory_and_what_is_in_flight_finishes(
    services: ServiceContext,
) -> None:
    await fund(services, "asha-bank")
    id_ = uuid.uuid4().bytes
    legs = [
        CommandLeg(
            await account(services, "asha-bank"), await account(services, "ganga-bank"), 5_00, "principal"
        )
    ]
    await services.link.ask(Hold(id_, b"f" * 32, legs, "payment"))
    await done(services, "participant.suspend", {"participant": "asha-bank"})
    status = (await load(services.pool)).by_id["asha-bank"].status
    posted = await services.link.ask(Release(id_, "post", "payment"))

    assert status == "suspended"
    assert posted.verdict == "posted"


async def test_who_has_something_in_flight_or_on_account_is_not_removed(services: ServiceContext) -> None:
    await fund(services, "asha-bank")
    id_ = uuid.uuid4().bytes
    legs = [
        CommandLeg(
            await account(services, "asha-bank"), await account(services, "ganga-bank"), 5_00, "principal"
        )
    ]
    await services.link.ask(Hold(id_, b"f" * 32, legs, "payment"))
    content = {"participant": "asha-bank"}
    with pytest.raises(Refused, match="not suspended"):
        await agree(services, "participant.remove", content)
    await done(services, "participant.suspend", content)
    with pytest.raises(Refused, match="in flight"):
        await agree(services, "participant.remove", content)
    await services.link.ask(Release(id_, "void", "payment"))
    with pytest.raises(Refused, match="not empty"):
        await agree(services, "participant.remove", content)


async def test_who_has_a_net_in_a_window_could_leave_and_owe_it(services: ServiceContext) -> None:
    """Its account is empty, because it sent all that it had: the window will want it back."""
    await fund(services, "asha-bank", "100.00")
    await pay(services, "asha-bank", "ganga-bank", 100_00)
    await done(services, "participant.suspend", {"participant": "asha-bank"})
    with pytest.raises(Refused, match="settle"):
        await agree(services, "participant.remove", {"participant": "asha-bank"})
    with pytest.raises(Refused, match="settle"):
        await agree(services, "account.close", {"participant": "asha-bank", "currency": "INR"})
    await services.link.ask(CloseWindow("INR"))
    with pytest.raises(Refused, match="settle"):
        await agree(services, "participant.remove", {"participant": "asha-bank"})
    await day.run_due(services)
    with pytest.raises(Refused, match="settle"):
        await agree(services, "participant.remove", {"participant": "asha-bank"})


async def test_accounts_are_closed_all_or_none(services: ServiceContext) -> None:
    """A payment that comes between the check and the closing leaves every account as it was."""
    content = {"participant": "asha-bank", "currency": "PKR", "net_debit_cap": "0"}
    await done(services, "account.open", content)
    inr, pkr = await account(services, "asha-bank"), await account(services, "asha-bank", "PKR")
    await done(
        services,
        "funds.in",
        {"participant": "asha-bank", "currency": "PKR", "amount": "1.00", "reference": "x"},
    )
    refused = await services.link.ask(CloseAccounts([inr, pkr]))
    still_open = await services.pool.fetchval("SELECT count(*) FROM ledger.account WHERE closed")
    await done(
        services,
        "funds.out",
        {"participant": "asha-bank", "currency": "PKR", "amount": "1.00", "reference": "x"},
    )
    closed = [await services.link.ask(CloseAccounts([inr, pkr])) for _ in range(2)]

    assert (refused.verdict, refused.number) == ("account_not_empty", pkr)
    assert still_open == 0
    assert [reply.verdict for reply in closed] == ["closed", "closed"]
    assert await services.pool.fetchval("SELECT count(*) FROM ledger.account WHERE closed") == 2


async def test_who_settles_a_currency_or_quotes_its_rates_is_not_removed(services: ServiceContext) -> None:
    await done(services, "participant.onboard", onboarding("reserve"))
    agent = {"currency": "INR", "agent": "reserve", "scheme_bic": "PSWTKZKA", "account": "S1"}
    await done(services, "settlement_agent.set", agent, checkers=("chen", "ravi"))
    await done(services, "participant.suspend", {"participant": "reserve"})

    with pytest.raises(Refused, match="appoint another one first"):
        await agree(services, "participant.remove", {"participant": "reserve"})


async def test_a_window_was_closed_by_one_command_outside_a_sandbox(
    services: ServiceContext, database_url: str, tmp_path: Path
) -> None:
    """Without --as the command acts as two people: those of a sandbox that runs, and of nothing else."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "writer.sock").symlink_to(services.data / "w.sock")
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "credentials.json").write_text("{}")
    arguments = ["close", "INR", "--data", str(tmp_path), "--database", database_url]
    result = await asyncio.to_thread(CliRunner().invoke, settlement_commands, arguments)

    assert result.exit_code == 1
    assert isinstance(result.exception, NotAllowed)
    assert "give the requester with --as" in result.exception.detail
    assert await services.pool.fetchval("SELECT count(*) FROM ledger.settlement_window") == 1


async def test_who_is_empty_is_removed_and_its_keys_are_worthless(services: ServiceContext) -> None:
    content = {"participant": "asha-bank"}
    await fund(services, "asha-bank")
    funds = {**content, "currency": "INR", "amount": "1000.00", "reference": "R"}
    await done(services, "participant.suspend", content)
    await done(services, "funds.out", funds)
    await done(services, "participant.remove", content)
    detail = await reads.detail(services.pool, "asha-bank")

    assert detail.participant.status == "removed"
    assert [p.closed for p in detail.positions] == [True]
    assert [key.state for key in detail.keys] == ["retired"]


async def test_caps_never_go_below_what_is_used(services: ServiceContext) -> None:
    content = {"participant": "asha-bank", "currency": "INR"}
    await done(services, "cap.set", {**content, "net_debit_cap": "100.00"})
    await pay(services, "asha-bank", "ganga-bank", 60_00)
    below = await agree(services, "cap.set", {**content, "net_debit_cap": "50.00"})
    await done(services, "cap.set", {**content, "net_debit_cap": "60.00"})

    assert below.state is ChangeState.FAILED
    assert "the cap would be below the exposure" in below.outcome


async def test_two_payouts_at_once_cannot_both_have_the_money(services: ServiceContext) -> None:
    await fund(services, "asha-bank", "100.00")
    content = {"participant": "asha-bank", "currency": "INR", "amount": "80.00", "reference": "R"}
    changes = await asyncio.gather(
        agree(services, "funds.out", content, maker="olga", checkers=("chen",)),
        agree(services, "funds.out", content | {"reference": "S"}, maker="omar", checkers=("cyrus",)),
    )

    assert sorted(change.state for change in changes) == [ChangeState.EXECUTED, ChangeState.FAILED]
    assert await balance(services, "asha-bank") == 20_00


def new_key(name: str) -> dict[str, str]:
    key = SigningKey.generate(name, "ecdsa-p256-sha256")
    return {
        "participant": "asha-bank",
        "keyid": key.keyid,
        "request": key_request.make(key, "asha-bank"),
    }


async def states(services: ServiceContext) -> dict[str, str]:
    return {key.keyid: key.state for key in await reads.keys(services.pool, "asha-bank")}


async def test_keys_overlap_retire_and_are_revoked(services: ServiceContext) -> None:
    one = {"participant": "asha-bank", "keyid": "asha-bank-1"}
    with pytest.raises(Refused, match="no other key"):
        await agree(services, "key.retire", one)
    await done(services, "key.add", new_key("asha-2"), checkers=("chen", "pia"))
    both = await states(services)
    later = datetime.now(UTC) + timedelta(days=7)
    await done(services, "key.retire", {**one, "at": later.isoformat()})
    overlapping = await states(services)
    await done(services, "key.retire", one)
    await done(services, "key.revoke", {"participant": "asha-bank", "keyid": "asha-2"})

    assert both == overlapping == {"asha-bank-1": "in force", "asha-2": "in force"}
    assert await states(services) == {"asha-bank-1": "retired", "asha-2": "revoked"}


async def test_a_key_of_tomorrow_is_not_in_force_today(services: ServiceContext) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await done(services, "key.add", {**new_key("asha-2"), "valid_from": tomorrow}, checkers=("chen", "pia"))
    with pytest.raises(Refused, match="no other key"):
        await agree(services, "key.retire", {"participant": "asha-bank", "keyid": "asha-bank-1"})

    assert (await states(services))["asha-2"] == "future"


async def test_a_participants_person_requests_only_its_own_keys(services: ServiceContext) -> None:
    await done(services, "key.add", new_key("asha-2"), maker="pia")
    with pytest.raises(NotAllowed):
        await agree(
            services, "key.revoke", {"participant": "ganga-bank", "keyid": "ganga-bank-1"}, maker="pia"
        )
    with pytest.raises(NotAllowed):
        await agree(services, "participant.suspend", {"participant": "asha-bank"}, maker="pia")


async def test_rates_fees_and_rails_change_by_two_people(services: ServiceContext) -> None:
    fx = {**onboarding("indus-bank"), "id": "fx", "kind": "fx_provider", "keys": []}
    fx["accounts"] = [{"currency": "INR"}, {"currency": "PKR"}]
    await done(services, "participant.onboard", fx)
    await done(services, "rate.set", {"source": "INR", "target": "PKR", "provider": "fx", "rate": "3.25"})
    await done(services, "corridor.switch", {"source": "IN", "target": "PK", "enabled": False})
    await done(services, "corridor.fees", {"source": "IN", "target": "PK", "fee_minor": 7, "fee_bps": 3})
    await done(services, "rail.register", {"country": "PK"})
    opens = datetime.now(UTC) + timedelta(days=2)
    await done(services, "rail.switch", {"country": "PK", "open": False, "opens_at": opens.isoformat()})
    directory = await load(services.pool)

    assert directory.rate_by_pair["INR", "PKR"].rate == "3.2500000000"
    corridor = directory.corridor_by_pair["IN", "PK"]
    assert (corridor.enabled, corridor.fee_minor, corridor.fee_bps) == (False, 7, 3)
    assert directory.rail_by_country["PK"].open is False


async def test_a_payment_with_a_known_outcome_cannot_be_resolved(services: ServiceContext) -> None:
    content = {"uetr": str(uuid.uuid4()), "outcome": "committed", "evidence": "the rail's letter"}
    with pytest.raises(Refused, match="only a payment with an unknown outcome"):
        await agree(services, "payment.resolve", content)


LEVELS = [
    # used, headroom, standing -> level
    (0, 100, 0, 0),
    (59, 41, 0, 0),
    (60, 40, 0, 60),
    (79, 21, 0, 60),
    (80, 20, 60, 80),
    (94, 6, 80, 80),
    (95, 5, 80, 95),
    (100, 0, 0, 95),
    (91, 9, 95, 95),  # it holds on for five points
    (89, 11, 95, 80),
    (76, 24, 80, 80),
    (74, 26, 80, 60),
    (56, 44, 60, 60),
    (54, 46, 60, 0),
    (0, 0, 60, 0),  # nothing to use: nothing used
]


@pytest.mark.parametrize(("used", "headroom", "standing", "level"), LEVELS)
def test_levels_of_use(used: int, headroom: int, standing: int, level: int) -> None:
    assert level_of(CapUse("a", "INR", headroom, used, standing)) == level


async def test_alerts_rise_with_use_and_ease_with_money(services: ServiceContext) -> None:
    await fund(services, "asha-bank", "100.00")
    await services.link.ask(CloseWindow("INR"))
    for minor in (65_00, 16_00, 15_00):
        await pay(services, "asha-bank", "ganga-bank", minor)
        await liquidity.watch(services.pool)
        await liquidity.watch(services.pool)
    await fund(services, "asha-bank", "200.00")
    await liquidity.watch(services.pool)
    rows = await services.pool.fetch(
        "SELECT kind, convert_from(body, 'UTF8')::jsonb ->> 'level' AS level FROM switch.audit_note"
        " WHERE kind LIKE 'LIQUIDITY%' ORDER BY number"
    )

    assert [(row["kind"], row["level"]) for row in rows] == [
        ("LIQUIDITY_ALERT", "60"),
        ("LIQUIDITY_ALERT", "80"),
        ("LIQUIDITY_ALERT", "95"),
        ("LIQUIDITY_EASED", "0"),
    ]
