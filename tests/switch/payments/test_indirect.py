"""Banks that are reached over a rail: two people import the directory, a gateway is credited, limits hold."""

import asyncio
import json
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from adapters import registry
from adapters.pakistan.country import IBAN
from adapters.simulation.harness import sample_order
from adapters.simulation.sandbox import prepare
from schemas.errors import InvalidMessage
from schemas.payment import Agent
from switch.clients.python import PaymentState, RequestRefused, credit_transfer
from switch.participants import indirect_file
from switch.writer.commands import Accept
from tests.switch.api.test_qr import code, draft, sent
from tests.switch.payments.test_signatures import BICS, World, world
from tests.switch.stack import Stack

__all__ = ["world"]
HEADER = ",".join(indirect_file.COLUMNS)
GATEWAY = {"PK": ("gate-pk", "GATEPKKA", "PKR"), "IN": ("gate-in", "GATEINBB", "INR")}
PK = [
    "mezan,Mezan Bank,MEZNPKKA,PKMEZN*,gate-pk,4000.00,5000.00,,",
    "apna,Apna Bank,APNAPKKA,APNA PKAPNA*,gate-pk,,,,",
    "gone,Gone Bank,GONEPKKA,PKGONE*,gate-pk,,,2020-01-01,2021-01-01",
]
IN = ["hdfc,HDFC Bank,,HDFC* @HDFCBANK,gate-in,,,,", "hdfb,HDFC Branch,,HDFC0000009,gate-in,,,,"]
Content = dict[str, Any]


def file(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines]).encode()


async def upload(stack: Stack, rail: str, raw: bytes) -> tuple[int, str]:
    """The status of the page, and the number of the file or the text of the page."""
    form = aiohttp.FormData()
    form.add_field("file", raw, filename="directory.csv", content_type="text/csv")
    headers = {**stack._bearer("operator"), "Sec-Fetch-Site": "same-origin"}
    async with aiohttp.ClientSession(stack.url, headers=headers) as session:
        path = f"/console/indirect/{rail}/files"
        async with session.post(path, data=form, allow_redirects=False) as answer:
            location = answer.headers.get("Location", "")
            return answer.status, location.rpartition("file=")[2] or await answer.text()


async def imported(stack: Stack, rail: str, lines: Sequence[str]) -> None:
    status, number = await upload(stack, rail, file(*lines))
    assert status == 303, number
    await stack.agreed("directory.import", {"file": int(number)})


@pytest.fixture(scope="module")
def reached(stack: Stack) -> Stack:
    """Gateways of both rails, and the directories; a test that changes them leaves them as they are here."""
    asyncio.run(set_up(stack))
    return stack


async def set_up(stack: Stack) -> None:
    async with stack.client("asha-bank") as client:
        known = {each["id"] for each in await client.read("participants")}
    for country, (name, bic, currency) in GATEWAY.items():
        if name not in known:
            account = {"currency": currency, "net_debit_cap": "0"}
            onboard = {"id": name, "name": name, "bic": bic, "country": country, "kind": "gateway"}
            await stack.agreed("participant.onboard", {**onboard, "accounts": [account]})
    await imported(stack, "PK", PK)
    await imported(stack, "IN", IN)


def payment(stack: Stack, agent: Content, account: str, *, amount: str = "100.00", to: str = "PK") -> Content:
    """A payment to a bank at a rail, from the other country's."""
    payer = stack.participant("asha-bank" if to == "PK" else "indus-bank")
    document = credit_transfer(
        debtor_agent=payer["bic"],
        debtor="Asha Rao",
        debtor_account="asha@okbank" if to == "PK" else "PK60SAND0000000000000001",
        creditor_agent="MEZNPKKA",
        creditor="Bilal Khan",
        creditor_account=account,
        amount=amount,
        currency=payer["currency"],
        purpose="FAMI",
    )
    (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["CdtrAgt"] = {"FinInstnId": agent}
    return document


def iban(bank: str) -> str:
    return IBAN.of(bank + uuid.uuid4().hex[:16].upper())


MEZAN = {"BICFI": "MEZNPKKA"}


async def pay(stack: Stack, document: Content, payer: str = "asha-bank") -> PaymentState:
    """What becomes of a payment; the request is signed, so that the writer compares it with the message."""
    signed = type(stack.client(payer)).of_sandbox(stack.settings.credentials_file, payer)
    async with signed as client:
        state = await client.pay(document, wait=20)
        return await client.payment(state.uetr, wait=20)


async def received(stack: Stack, gateway: str) -> int:
    connection = await stack.connect()
    try:
        minor: int = await connection.fetchval(
            "SELECT credits_posted FROM ledger.account WHERE owner = $1 AND purpose = 'position'", gateway
        )
        return minor
    finally:
        await connection.close()


async def test_a_payment_to_an_indirect_bank_is_sent_over_the_rail_and_credits_its_gateway(
    reached: Stack,
) -> None:
    before, account = await received(reached, "gate-pk"), iban("MEZN")

    state = await pay(reached, payment(reached, MEZAN, account))

    assert (state.status, state.rail) == ("ACCC", "PK"), state
    assert await received(reached, "gate-pk") - before == 328_35
    async with reached.client("asha-bank") as client:
        found = await client.read(f"payments/{state.uetr}")
        quote = await client.read("quotes?creditor_agent=MEZNPKKA&amount=100.00&currency=INR")
        listed = await client.read("indirect-participants?rail=PK&limit=1")
    assert found["creditor_agent"] == "gate-pk"
    assert "through the gateway gate-pk" in json.dumps(found["notes"])
    assert (quote["creditor_agent"], quote["credited_amount"]["amount"]) == ("MEZNPKKA", "328.35")
    assert [each["id"] for each in listed] == ["apna"]  # ended ones are left out, and one is a page
    rows = (reached.settings.data / "rails" / "PK").rglob("*")
    assert any(account.encode() in path.read_bytes() for path in rows if path.is_file())


@pytest.mark.parametrize(
    ("member", "fits"),
    [("HDFC0000123", True), ("HDFC0000009", True), ("ICIC0000001", False)],
)
async def test_a_bank_without_a_bic_is_found_by_its_member_id(
    reached: Stack, member: str, fits: bool
) -> None:
    agent = {"ClrSysMmbId": {"ClrSysId": {"Cd": "INFSC"}, "MmbId": member}}
    document = payment(reached, agent, "123456789012", to="IN")

    state = await pay(reached, document, "indus-bank")

    assert (state.status, state.reason) == (("ACCC", None) if fits else ("RJCT", "RC04")), state


async def test_a_firm_quote_for_a_bank_without_a_bic_is_paid_at_its_terms(reached: Stack) -> None:
    """By its id in the clearing system; the request is signed, so that the writer compares it with the terms."""
    agent = {"ClrSysMmbId": {"ClrSysId": {"Cd": "INFSC"}, "MmbId": "HDFC0000123"}}
    asked = {"creditor_member_id": "HDFC0000123", "amount": "77.00", "currency": "PKR", "purpose": "FAMI"}
    signed = type(reached.client("indus-bank"))
    async with signed.of_sandbox(reached.settings.credentials_file, "indus-bank") as client:
        quote = await client.change("POST", "quotes", asked)
        document = payment(reached, agent, "123456789012", to="IN", amount="77.00")
        (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
        transaction["InstrForNxtAgt"] = [{"InstrInf": f"/QTID/{quote['id']}"}]

        state = await pay(reached, document, "indus-bank")
        used = await client.read(f"quotes/{quote['id']}")
        paid = await client.read(f"payments/{state.uetr}")

    assert (state.status, used["used_by"]) == ("ACCC", state.uetr), state
    assert paid["credited_amount"] == quote["credited_amount"]
    assert quote["creditor_agent"] == GATEWAY["IN"][1]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"creditor_member_id": "ICIC0000001"}, 404),
        ({"creditor_member_id": "HDFC0000123", "creditor_agent": "ASHAINBB"}, 422),
        ({"creditor_member_id": "HDFC0000123", "creditor_clearing_system": "PKRST"}, 404),
        ({}, 422),
    ],
)
async def test_a_quote_for_a_bank_that_is_not_named_rightly_is_refused(
    reached: Stack, asked: dict[str, str], status: int
) -> None:
    async with reached.client("indus-bank") as client:
        with pytest.raises(RequestRefused) as refused:
            await client.change("POST", "quotes", {**asked, "amount": "77.00", "currency": "PKR"})
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("agent", "account", "reason", "why"),
    [
        pytest.param({"BICFI": "GONEPKKA"}, "GONE", "RC04", "is not reached now", id="ended"),
        pytest.param({"BICFI": "GATEPKKA"}, "MEZN", "RC04", "not a participant", id="the-gateway"),
        pytest.param(MEZAN, "APNA", "RC04", "account of a bank", id="account-elsewhere"),
        pytest.param({"BICFI": "INDUPKKA"}, "MEZN", "RC04", "account of a bank", id="direct-agent"),
        pytest.param({**MEZAN, "ClrSysMmbId": {"MmbId": "APNA"}}, "MEZN", "RC04", "not an id", id="id"),
    ],
)
async def test_what_does_not_reach_the_bank_is_refused(
    reached: Stack, agent: Content, account: str, reason: str, why: str
) -> None:
    state = await pay(reached, payment(reached, agent, iban(account)))

    assert (state.status, state.reason) == ("RJCT", reason), state
    assert why in (state.detail or "")


async def test_limits_of_a_bank_hold_exactly_under_concurrency(reached: Stack) -> None:
    """A fresh bank, for the daily use of its own: 1500.00 a day, 700.00 a payment, in PKR."""
    bank = f"b{uuid.uuid4().hex[:10]}"
    letters = "".join(chr(ord("A") + int(c, 16)) for c in uuid.uuid4().hex[:4])
    line = f"{bank},Small Bank,{letters}PKKA,PK{letters}*,gate-pk,700.00,1500.00,,"
    await imported(reached, "PK", [*PK, line])
    agent = {"BICFI": f"{letters}PKKA"}

    try:
        large = await pay(reached, payment(reached, agent, iban(letters), amount="300.00"))
        states = await asyncio.gather(
            *(pay(reached, payment(reached, agent, iban(letters), amount="200.00")) for _ in range(4))
        )
    finally:
        await imported(reached, "PK", PK)

    assert (large.reason, "at most 700.00 PKR" in (large.detail or "")) == ("AM02", True)
    assert sorted(state.status for state in states) == ["ACCC", "ACCC", "RJCT", "RJCT"]  # 656.70 each
    refused = [state for state in states if state.status == "RJCT"]
    assert {state.reason for state in refused} == {"AM21"}
    assert "limit for this day" in (refused[0].detail or "")


async def test_a_suspended_gateway_is_refused_and_the_others_are_not(reached: Stack) -> None:
    await reached.agreed("participant.suspend", {"participant": "gate-pk"})
    try:
        state = await pay(reached, payment(reached, MEZAN, iban("MEZN")))
    finally:
        await reached.agreed("participant.resume", {"participant": "gate-pk"})

    assert (state.status, state.reason) == ("RJCT", "RC04")
    assert "its gateway is not active" in (state.detail or "")


async def test_a_gateway_of_banks_is_not_offboarded(reached: Stack) -> None:
    await reached.agreed("participant.suspend", {"participant": "gate-pk"})
    try:
        async with aiohttp.ClientSession(reached.url, headers=reached._bearer("operator")) as session:
            body = {"kind": "participant.remove", "content": {"participant": "gate-pk"}, "reason": "test"}
            async with session.post("/v1/changes", json=body) as answer:
                status, text = answer.status, await answer.text()
    finally:
        await reached.agreed("participant.resume", {"participant": "gate-pk"})

    assert (status, "it is the gateway of banks" in text) == (422, True), text


async def test_an_import_shows_what_it_adds_changes_and_ends_before_the_vote(reached: Stack) -> None:
    changed = [PK[0].replace("Mezan Bank", "Meezan Bank"), "newb,New Bank,NEWBPKKA,PKNEWB*,gate-pk,,,,"]
    status, number = await upload(reached, "PK", file(*changed))
    assert status == 303
    async with aiohttp.ClientSession(reached.url, headers=reached._bearer("operator")) as session:
        body = {"kind": "directory.import", "content": {"file": int(number)}, "reason": "monthly file"}
        async with session.post("/v1/changes", json=body) as answer:
            change = await answer.json()
        async with session.get("/console/indirect?rail=PK&name=mez") as answer:
            page = await answer.text()
        async with session.post(f"/v1/changes/{change['number']}/withdrawal", json={"reason": "test"}):
            pass

    rows = {row["what"]: row for row in change["effect"]["rows"]}
    assert rows["newb"]["now"] == "none"
    assert "Meezan Bank" in rows["mezan"]["then"]
    assert "Mezan Bank" in rows["mezan"]["now"]
    assert rows["apna"]["then"] == "ended"
    assert [rows[f"Banks {what}"]["then"] for what in ("added", "changed", "ended")] == ["1", "1", "1"]
    assert "MEZNPKKA" in page
    assert "APNAPKKA" not in page


async def test_the_page_shows_the_days_of_a_bank(reached: Stack) -> None:
    coming = "soon,Soon Bank,SOONPKKA,PKSOON*,gate-pk,,,2099-01-02,2099-03-04"
    await imported(reached, "PK", [*PK, coming])
    try:
        async with aiohttp.ClientSession(reached.url, headers=reached._bearer("operator")) as session:
            async with session.get("/console/indirect?rail=PK&name=soon") as answer:
                status, page = answer.status, await answer.text()
    finally:
        await imported(reached, "PK", PK)

    assert status == 200, page
    assert "Jan 2, 2099" in page
    assert "Mar 4, 2099" in page


async def test_a_file_with_errors_is_refused_by_line_and_nothing_is_kept(reached: Stack) -> None:
    connection = await reached.connect()
    before = await connection.fetchval("SELECT count(*) FROM switch.directory_file")
    status, text = await upload(
        reached, "PK", file(PK[0], "Bad,X,NOPE,,gate-pk,,,,", "x1,X,XXXXPKKA,PKXX*,gate-pk,-1,,,")
    )
    conflict, why = await upload(
        reached,
        "PK",
        file(
            "indus,I,INDUPKKA,PKIND*,gate-pk,,,,",
            "own,O,OWNOPKKA,PKSAND*,gate-pk,,,,",
            "y1,Y,YYYYPKKA,PKYY*,asha-bank,,,,",
        ),
    )
    after = await connection.fetchval("SELECT count(*) FROM switch.directory_file")
    await connection.close()

    assert (status, conflict) == (400, 400)
    assert "line 3, id: " in text
    assert "line 4, per_payment: " in text
    assert "line 2, bic: is the BIC of the participant indus-bank" in why
    assert "line 3, codes: has an id of the participant" in why
    assert "line 4, gateway: is not a participant of the kind gateway" in why
    assert after == before


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("A b,X,,PKXX*,g1,,,,", "id"),
        ("x1,,,PKXX*,g1,,,,", "name"),
        ("x1,X,MEZNPKKA,,g1,,,,", "bic"),
        ("x1,X,,,g1,,,,", "codes"),
        ("x1,X,,P!,g1,,,,", "codes"),
        ("x1,X,,PKXX*,,,,,", "gateway"),
        ("x1,X,,PKXX*,g1,0,,,", "per_payment"),
        ("x1,X,,PKXX*,g1,2,1,,", "per_payment"),
        ("x1,X,,PKXX*,g1,,1.001,,", "per_day"),
        ("x1,X,,PKXX*,g1,,,2026-13-01,", "since"),
        ("x1,X,,PKXX*,g1,,,2026-02-01,2026-02-01", "until"),
        ("first,X,,PKYY*,g1,,,,", "id"),
        ("x1,X,,PKAA*,g1,,,,", "codes"),
    ],
)
def test_every_rule_of_the_file_names_line_and_column(line: str, column: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        indirect_file.read(file("first,X,,PKAA*,g1,,,,", line), registry.profile("IN"))

    (problem,) = refused.value.problems
    assert (problem.line, problem.path) == (3, f"line 3, {column}")


@pytest.mark.parametrize("raw", [b"\xff", b"id,name\n", file("x1,X")])
def test_what_is_no_such_file_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidMessage):
        indirect_file.read(raw, registry.profile("IN"))


@pytest.mark.parametrize("rail", registry.countries())
def test_a_bank_without_a_bic_is_refused_where_its_rail_could_not_be_asked_to_pay_it(rail: str) -> None:
    """Bug: the example of the docs was accepted, and each payment to it was refused with RC07."""
    profile = registry.profile(rail)
    order = sample_order(rail, creditor_agent=Agent(member_id="CODE"))
    with tempfile.TemporaryDirectory() as directory:
        connection, _ = prepare(Path(directory), rail, port=1, callback_url="http://127.0.0.1:1/")
        reasons = {each.reason for each in registry.load(rail, connection).check(order)}
    raw = file("first,X,,CODE,g1,,,,")

    assert ("RC07" in reasons) is profile.needs_bic
    if profile.needs_bic:
        with pytest.raises(InvalidMessage, match="line 2, bic"):
            indirect_file.read(raw, profile)
    else:
        assert indirect_file.read(raw, profile)[0].bic == ""


async def test_the_writer_credits_only_the_gateway_of_the_bank_that_was_signed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker names the entry; here the gateway is indus-bank, and what is signed goes to Mezan Bank."""
    for bank, bic, gateway, day in (
        ("mezan", "MEZNPKKA", "indus-bank", 600_00),
        ("apna", "APNAPKKA", "indus-bank", None),
        ("other", "MEZNPKKA", "ganga-bank", None),
    ):
        await world.services.pool.execute(
            "INSERT INTO switch.indirect_participant (rail, id, name, bic, codes, gateway, day_minor, change)"
            " VALUES ('PK', $1, $1, $2, '{}', $3, $4, 1)",
            bank,
            bic,
            gateway,
            day,
        )
    monkeypatch.setitem(BICS, "indus-bank", "MEZNPKKA")

    def named(entry: str) -> Accept:
        return msgspec.structs.replace(world.payment("indus-bank"), indirect=entry)

    assert "other agents were signed" in await world.refused(named(""))
    assert "other agents were signed" in await world.refused(named("PK apna"))
    assert "directory of the rail" in await world.refused(named("PK other"))
    assert "directory of the rail" in await world.refused(named("PK nobody"))
    assert (await world.link.ask(named("PK mezan"))).verdict == "created"
    over = await world.link.ask(named("PK mezan"))
    assert (over.verdict, over.reason) == ("refused", "AM21")
    world.server._writer.host.abandoned()  # a writer that starts anew has read the use of the day
    assert (await world.link.ask(named("PK mezan"))).reason == "AM21"


@pytest.mark.parametrize(
    ("reader", "country", "payee", "bank", "agents"),
    [
        ("asha-bank", "PK", iban("MEZN"), {"name": "Mezan Bank", "bic": "MEZNPKKA"}, ["MEZNPKKA"]),
        ("indus-bank", "IN", "shop@hdfcbank", {"name": "HDFC Bank", "bic": None}, []),
    ],
    ids=["bic", "no-bic"],
)
async def test_a_qr_code_names_the_bank_that_is_reached_over_the_rail(  # noqa: PLR0917 - a table
    reached: Stack, reader: str, country: str, payee: str, bank: Content, agents: list[str]
) -> None:
    """Also one that has no BIC: its id names it, in the quote as in the payment."""
    text = code(country, payee, "100.00")
    status, found = await draft(reached, reader, text)
    assert status == 200, found
    named = found["indirect_participant"]
    by = {"creditor_agent": named["bic"]} if named["bic"] else {"creditor_member_id": named["member_id"]}
    amount = {"amount": "100.00", "currency": found["currency"], "fixed": "destination"}
    quoted, quote = await sent(reached, reader, "quotes", {**by, **amount})

    assert ({name: named[name] for name in bank}, found["creditor_agents"]) == (bank, agents)
    assert quoted == 201, quote
