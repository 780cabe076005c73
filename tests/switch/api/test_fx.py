"""FX providers that compete, from their own signed rates to the payments that are converted at them."""

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.change_catalogue import KINDS
from switch.sandbox.setup import SandboxSetup
from tests.switch.payments.test_quotes import executed, made, of
from tests.switch.payments.test_stated import changed, day, money, send, tx
from tests.switch.stack import Stack

LARGE = "70000.00"
"""An amount that no other test converts: from here on the new provider is the better one."""


class Provider:
    """A new FX provider between two currencies."""

    def __init__(self, stack: Stack, name: str, bearer: str, key: SigningKey | None = None) -> None:
        self.stack, self.name, self.key = stack, name, key
        self.headers = {"Authorization": f"Bearer {bearer}"}

    async def put(self, *pairs: dict[str, Any]) -> tuple[int, Any]:
        async with aiohttp.ClientSession(headers=self.headers) as session:
            async with session.put(f"{self.stack.url}/v1/fx/rates", json={"pairs": pairs}) as answer:
                return answer.status, await answer.json() if answer.status != 204 else None

    async def own(self) -> Any:
        async with aiohttp.ClientSession(headers=self.headers) as session:
            async with session.get(f"{self.stack.url}/v1/fx/rates") as answer:
                return await answer.json()


@asynccontextmanager
async def onboarded(stack: Stack) -> AsyncIterator[Provider]:
    """A new FX provider, whose offers are withdrawn at the end."""
    name, bearer = f"fx-{uuid.uuid4().hex[:8]}", f"sk_test_{uuid.uuid4().hex}"
    letters = "".join(chr(ord("A") + int(c, 16)) for c in uuid.uuid4().hex[:4])
    connection, link = await stack.connect(), stack.link()
    await link.start()
    try:
        setup = SandboxSetup(connection, link, KINDS)
        accounts = [{"currency": currency, "net_debit_cap": "9000000.00"} for currency in ("INR", "PKR")]
        content = {"id": name, "name": name, "bic": f"{letters}KZKA", "country": "KZ", "kind": "fx_provider"}
        key = SigningKey.generate(f"{name}-1")
        keys = [{"keyid": key.keyid, "request": key_request.make(key, name)}]
        await setup.make("participant.onboard", {**content, "accounts": accounts, "keys": keys})
        await connection.execute(
            "INSERT INTO switch.bearer_key VALUES ($1, $2)", sha256(bearer.encode()).digest(), name
        )
    finally:
        await link.stop()
        await connection.close()
    await stack.until_everywhere(lambda status: status == 200, "/v1/positions", bearer)
    made_ = Provider(stack, name, bearer, key)
    yield made_
    await made_.put(pair("1", tiers=[]))


@pytest.fixture
async def provider(stack: Stack) -> AsyncIterator[Provider]:
    async with onboarded(stack) as made_:
        yield made_


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refused_provider(stack: Stack) -> AsyncIterator[Provider]:
    """One for tests in which nothing is offered."""
    async with onboarded(stack) as made_:
        yield made_


async def reference(stack: Stack) -> Decimal:
    async with stack.client("asha-bank") as client:
        quote = await client.read("quotes", creditor_agent="INDUPKKA", amount="100.00", currency="INR")
    return Decimal(quote["exchange_rate"])


def pair(rate: Decimal | str, large: Decimal | str = "", **more: Any) -> dict[str, Any]:
    tiers = [{"from": "0", "rate": str(rate)}]
    if large:
        tiers.append({"from": LARGE, "rate": str(large)})
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return {"source": "INR", "target": "PKR", "tiers": tiers, "until": until, **more}


def terms(rate: Decimal) -> tuple[Decimal, Decimal]:
    """A rate that is worse than the one in force for small amounts, and a better one for large ones."""
    return round(rate * Decimal("0.97"), 6), round(rate * Decimal("1.02"), 6)


async def test_the_best_offer_is_quoted_executed_and_limited_by_its_inventory(
    stack: Stack, provider: Provider
) -> None:
    small, large = terms(await reference(stack))
    needed = Decimal(LARGE) * large
    status, problem = await provider.put(pair(small, large, inventory=f"{needed * Decimal('1.5'):.2f}"))
    assert status == 204, problem
    await stack.until_read()

    assert (await made(stack))["fx_provider"] == "silkroad-fx"
    quote = await made(stack, amount=LARGE)
    assert (quote["fx_provider"], Decimal(quote["exchange_rate"])) == (provider.name, large)
    (offer,) = await provider.own()
    assert Decimal(offer["promised"]) == Decimal(quote["credited_amount"]["amount"])
    second = await made(stack, amount=LARGE)  # the rest of the inventory is less than it needs
    assert second["fx_provider"] == "silkroad-fx"

    payment = await executed(stack, of(stack, quote))
    assert payment["fx_provider"] == provider.name
    (offer,) = await provider.own()
    assert Decimal(offer["used"]) == Decimal(payment["credited_amount"]["amount"])
    assert Decimal(offer["promised"]) == 0


async def test_without_a_quote_a_payment_is_executed_only_within_its_terms(
    stack: Stack, provider: Provider
) -> None:
    small, large = terms(await reference(stack))
    assert (await provider.put(pair(small, large)))[0] == 204
    await stack.until_read()
    credit = f"{(Decimal(LARGE) * large):.3f}"[:-1]

    def payment(rate: Decimal) -> dict[str, Any]:
        stated = {"InstdAmt": money(credit, "PKR"), "XchgRate": str(rate)}
        amount = money(LARGE, "INR")
        return changed(stack, tx(IntrBkSttlmAmt=amount, IntrBkSttlmDt=day(0), **stated))

    _, refused, _ = await send(stack, payment(small))
    assert refused["StsRsnInf"][0]["Rsn"]["Cd"] == "AM09"
    done = await executed(stack, payment(large))
    assert (done["fx_provider"], Decimal(done["exchange_rate"])) == (provider.name, large)


async def test_an_improved_rate_wins_and_is_disclosed(stack: Stack, provider: Provider) -> None:
    rate = await reference(stack)
    published = round(rate * Decimal("0.99"), 6)
    better = {"participant": "asha-bank", "basis_points": 300}
    status, problem = await provider.put(pair(published, improvements=[better]))
    assert status == 204, problem
    await stack.until_read()
    improved = (published * Decimal("1.03")).quantize(Decimal("1e-10"), ROUND_DOWN)

    quote = await made(stack)

    assert (quote["fx_provider"], Decimal(quote["exchange_rate"])) == (provider.name, improved)
    assert quote["improvement_bps"] == 300
    async with stack.client("asha-bank") as client:
        assert (await client.read(f"quotes/{quote['id']}"))["improvement_bps"] == 300
        now = await client.read("quotes", creditor_agent="INDUPKKA", amount="100.00", currency="INR")
    assert (now["fx_provider"], now["improvement_bps"]) == (provider.name, 300)
    (offer,) = await provider.own()
    assert offer["improvements"] == [better]
    payment = await executed(stack, of(stack, quote))
    assert Decimal(payment["exchange_rate"]) == improved
    status, problem = await provider.put(pair(round(rate * Decimal("1.09"), 6), improvements=[better]))
    assert (status, problem["errors"][0]["path"]) == (422, "pairs[0].tiers[0].rate")  # beyond the band


async def test_a_rate_outside_the_band_is_refused_with_its_factor(stack: Stack, provider: Provider) -> None:
    rate = await reference(stack)
    for wrong in (rate * 100, rate / 100, 1 / rate):
        status, problem = await provider.put(pair(round(wrong, 8)))
        assert (status, problem["reason"]) == (422, "NARR"), problem
        assert problem["errors"][0]["path"] == "pairs[0].tiers[0].rate"
        assert "factor" in problem["detail"]
    assert await provider.own() == []


@pytest.mark.parametrize(
    ("change", "status", "path"),
    [
        pytest.param({"target": "INR"}, 422, "pairs[0]", id="one-currency"),
        pytest.param({"target": "KZT"}, 422, "pairs[0].target", id="no-account"),
        pytest.param({"until": "2020-01-01T00:00:00Z"}, 422, "pairs[0].until", id="past"),
        pytest.param({"until": "2099-01-01T00:00:00Z"}, 422, "pairs[0].until", id="far"),
        pytest.param({"tiers": [{"from": "1.00", "rate": "3"}]}, 422, "pairs[0].tiers[0].from", id="first"),
        pytest.param({"tiers": [{"from": "0", "rate": "0"}]}, 422, "pairs[0].tiers[0].rate", id="zero"),
        pytest.param({"inventory": "1.001"}, 422, "pairs[0].inventory", id="decimals"),
        pytest.param({"tiers": [{"from": "0", "rate": "3"}] * 9}, 400, "tiers", id="too-many"),
        pytest.param(
            {"improvements": [{"participant": "nobody", "basis_points": 5}]},
            422,
            "improvements[0]",
            id="nobody",
        ),
        pytest.param(
            {"improvements": [{"participant": "asha-bank", "basis_points": 5}] * 2},
            422,
            "improvements[1].participant",
            id="twice",
        ),
        pytest.param(
            {"improvements": [{"participant": "asha-bank", "basis_points": 501}]}, 400, "basis", id="too-good"
        ),
        pytest.param({"more": 1}, 400, "content", id="unknown"),
    ],
)
async def test_what_is_no_offer_is_refused_with_its_place(
    refused_provider: Provider, change: dict[str, Any], status: int, path: str
) -> None:
    got, problem = await refused_provider.put({**pair("3.28"), **change})

    assert got == status, problem
    assert path in json.dumps(problem)


async def test_rates_are_set_from_a_file_with_a_key(stack: Stack, provider: Provider, tmp_path: Path) -> None:
    key = provider.key
    assert key is not None
    (tmp_path / "fx.pem").write_bytes(key.pem)
    small, large = terms(await reference(stack))
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    lines = ["source,target,from,rate,until,inventory"]
    lines += [f"INR,PKR,{least},{rate},{until},5000000.00" for least, rate in (("0", small), (LARGE, large))]
    (tmp_path / "rates.csv").write_text("\n".join(lines))
    options = ["--url", stack.url, "--keyid", key.keyid, "--key", str(tmp_path / "fx.pem")]

    def payswitch(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "switch.cli", *words, *options]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    done = await asyncio.to_thread(payswitch, "fx", "set", str(tmp_path / "rates.csv"))

    assert done.returncode == 0, done.stderr
    (offer,) = json.loads(done.stdout)
    assert [Decimal(tier["rate"]) for tier in offer["tiers"]] == [small, large]
    assert (offer["inventory"], offer["used"], offer["promised"]) == ("5000000.00", "0.00", "0.00")
    improved = [f"{lines[0]},improvements", *(f"{line},asha-bank=5 noor-wallet=3" for line in lines[1:])]
    (tmp_path / "rates.csv").write_text("\n".join(improved))
    done = await asyncio.to_thread(payswitch, "fx", "set", str(tmp_path / "rates.csv"))
    assert done.returncode == 0, done.stderr
    (offer,) = json.loads(done.stdout)
    assert [each["basis_points"] for each in offer["improvements"]] == [5, 3]
    (tmp_path / "rates.csv").write_text("\n".join([*lines[:2], lines[2].replace(LARGE, "much")]))
    wrong = await asyncio.to_thread(payswitch, "fx", "set", str(tmp_path / "rates.csv"))
    assert (wrong.returncode, "line 3, column from: " in wrong.stderr) == (1, True)
    (offer,) = await provider.own()
    assert len(offer["improvements"]) == 2  # nothing of that file is set


async def test_only_fx_providers_have_rates(stack: Stack) -> None:
    bank = Provider(stack, "asha-bank", stack.participant("asha-bank")["bearer"])

    status, problem = await bank.put(pair("3.28"))

    assert (status, problem["reason"]) == (403, "AG01")
