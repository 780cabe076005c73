"""Watch rules on a running switch: two people set them, they hold payments or raise alarms, and people decide."""

from typing import Any
from uuid import UUID

import aiohttp
import pytest

from schemas.errors import SwitchError
from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.operations import caused, watching
from switch.sandbox import world
from switch.writer.commands import SetWatch
from switch.writer.context import ServiceContext
from tests.switch.operations.test_caused import check
from tests.switch.participants.test_velocity_changes import services  # noqa: F401 - a fixture
from tests.switch.screening.holds import bearer, decide, paying, uetr_of, until
from tests.switch.screening.test_holds import TELLING, case_of, final, status
from tests.switch.services import agree, done, killed
from tests.switch.stack import Stack

RULE = {"pattern": "structuring", "action": "hold", "currency": "INR", "amount": "50000.00", "count": 3}


async def test_two_people_set_a_rule_and_its_event_has_its_cause(services: ServiceContext) -> None:  # noqa: F811
    assert (await agree(services, "watch.set", RULE, checkers=())).state == "requested"
    await done(services, "watch.set", RULE)
    await done(services, "watch.set", {**RULE, "count": 5, "participant": "asha-bank"})
    await done(services, "watch.set", {**RULE, "action": "none"})

    found = [(one["participant"], one["action"], one["count"]) for one in await watching.read(services.pool)]

    assert found == [(None, "none", 3), ("asha-bank", "hold", 5)]
    result = await check(services)
    assert result.ok, (caused.NAME, result.detail)


async def test_a_crash_after_the_command_sets_the_rule_once(services: ServiceContext) -> None:  # noqa: F811
    await killed(services, "watch.set", RULE, SetWatch)
    await approvals.run_due(services, KINDS, after_s=0)

    assert await services.pool.fetchval("SELECT state FROM switch.change ORDER BY number DESC") == "executed"
    assert await services.pool.fetchval("SELECT count(*) FROM switch.watch_rule") == 1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({**RULE, "participant": "nobody"}, "no such participant"),
        ({**RULE, "currency": "ABC"}, "unknown currency"),
        ({**RULE, "amount": "1.005"}, "decimal"),
        ({**RULE, "valid_until": "2020-01-01T00:00:00Z"}, "the end must be later"),
        ({**RULE, "pattern": "other"}, ""),
        ({**RULE, "count": 1}, ""),
        ({**RULE, "source": "India"}, ""),
    ],
)
async def test_rules_that_cannot_be_are_refused(
    services: ServiceContext,  # noqa: F811
    content: dict[str, Any],
    text: str,
) -> None:
    with pytest.raises(SwitchError) as error:
        await agree(services, "watch.set", content)
    assert text in error.value.detail


async def read(stack: Stack, who: str, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession(stack.url) as http, http.get(path, headers=bearer(stack, who)) as answer:
        return answer.status, await answer.json()


async def test_a_payment_that_a_rule_holds_waits_for_two_people_and_is_paid_once_released(
    stack: Stack,
) -> None:
    rule = {"pattern": "first_large", "currency": "INR", "amount": "90.00", "participant": "asha-bank"}
    await decide(stack, "watch.set", {**rule, "action": "hold"})
    document = paying(stack, creditor="Bilal Khan")
    uetr = uetr_of(document)
    try:
        async with stack.client("asha-bank") as client:
            first = await client.pay(document, wait=0)
            again = await client.pay(document, wait=0)
            assert (first.status, again.status) == ("PDNG", "PDNG")
            shown = (await status(stack, uetr))[1]
            assert (shown["state"], shown["final"]) == ("RECEIVED", False)
            assert not [word for word in (*TELLING, "rule", "watch") if word in str(shown).lower()]
            case = await case_of(stack, uetr)
            code, hits = await read(stack, "operator", f"/v1/cases/{case}/hits")
            assert (code, [(hit["kind"], hit["listed"]) for hit in hits["hits"]]) == (
                200,
                [("watch", "first_large")],
            )
            done_ = await decide(stack, "screening.release", {"uetr": uetr})
            assert done_["state"] == "executed", done_
            assert (await final(stack, uetr))["state"] == "COMMITTED"
            later = await client.pay(paying(stack, creditor="Bilal Khan"), wait=10)
            assert later.status != "PDNG" or (await client.payment(later.uetr)).state != "RECEIVED"
    finally:
        await decide(stack, "watch.set", {**rule, "action": "none"})


async def test_a_payment_over_a_limit_is_refused_whether_a_rule_would_hold_it_or_not(stack: Stack) -> None:
    """It was held (PDNG) where one that no rule matches is refused: so a rule could be felt out."""
    bank = await stack.add_bank(funds_minor=500_00)
    rule = {"pattern": "first_large", "currency": "INR", "amount": "90.00", "participant": bank["id"]}
    limit = {"participant": bank["id"], "currency": "INR", "per_payment": "95.00", "per_day": None}
    await stack.agreed("limit.set", limit)
    await decide(stack, "watch.set", {**rule, "action": "hold"})
    payer = {**stack.participant("asha-bank"), "bic": bank["bic"]}
    try:
        async with stack.client_of(bank) as client:
            answers = [
                await client.pay(
                    world.document(payer, stack.participant("indus-bank"), amount=amount), wait=0
                )
                for amount in ("96.00", "91.00")
            ]
    finally:
        await decide(stack, "watch.set", {**rule, "action": "none"})
    await decide(stack, "screening.refuse", {"uetr": answers[1].uetr})

    assert [(each.status, each.reason) for each in answers] == [("RJCT", "AM14"), ("PDNG", None)]


async def test_an_alarm_is_a_case_until_two_people_have_examined_it(stack: Stack) -> None:
    rule = {"pattern": "fan_in", "currency": "PKR", "amount": "0.01", "participant": "indus-bank", "count": 2}
    await decide(stack, "watch.set", {**rule, "action": "alarm"})
    uetrs = []
    try:
        for account in ("901", "902"):
            document = paying(stack, creditor="Bilal Khan")
            transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
            transaction["DbtrAcct"] = {"Id": {"Othr": {"Id": account}}}
            async with stack.client("asha-bank") as client:
                await client.pay(document, wait=10)
            uetrs.append(uetr_of(document))
            assert (await final(stack, uetrs[-1]))["state"] == "COMMITTED"
    finally:
        await decide(stack, "watch.set", {**rule, "action": "none"})

    async def opened() -> int | None:
        _, found = await read(stack, "operator", "/v1/cases?kind=watch&state=open")
        return next((one["number"] for one in found if one["uetr"] == uetrs[1]), None)

    number = int(await until(opened))
    _, case = await read(stack, "operator", f"/v1/cases/{number}")
    assert case["participant"] == "indus-bank"
    headers = bearer(stack, "operator")
    async with (
        aiohttp.ClientSession(stack.url) as http,
        http.get(f"/console/cases/{number}", headers=headers) as page,
    ):
        assert "Fan-in to one account" in await page.text()
    content = {"uetr": uetrs[1], "participant": "indus-bank", "outcome": "no_concern"}
    done_ = await decide(stack, "watch.examine", content)
    assert done_["state"] == "executed", done_

    async def closed() -> bool:
        return (await read(stack, "operator", f"/v1/cases/{number}"))[1]["state"] == "closed"

    await until(closed)
    connection = await stack.connect()
    try:
        rows = await connection.fetch("SELECT uetr, kind, outcome FROM switch.watch_alarm")
    finally:
        await connection.close()
    assert [tuple(row) for row in rows] == [(UUID(uetrs[1]), "fan_in", "no_concern")]
