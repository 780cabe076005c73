"""Payments for an outside monitor: in the form of Tazama, in order, at least once, whatever the monitor does."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from ledger.roles import Login
from switch.base.database import connect_pool
from switch.operations import monitoring, tazama
from switch.operations.monitoring import MonitorFeed
from tests.switch.screening.holds import paying, uetr_of
from tests.switch.stack import Stack

AMOUNT = {"Amt": {"Amt": "number", "Ccy": "string"}}
AGENT = {"FinInstnId": {"ClrSysMmbId": {"MmbId": "string"}}}
ID = {"Id": "string", "SchmeNm": {"Prtry": "string"}}
PARTY = {
    "Nm": "string",
    "Id": {
        "PrvtId": {
            "DtAndPlcOfBirth": {"BirthDt": "string", "CityOfBirth": "string", "CtryOfBirth": "string"},
            "Othr": [ID],
        }
    },
    "CtctDtls": {"MobNb": "string"},
}
ACCOUNT = {"Id": {"Othr": [ID]}, "Nm": "string"}
DEMANDED = {
    tazama.PAYMENT: {
        "FIToFICstmrCdtTrf": {
            "GrpHdr": {
                "MsgId": "string", "CreDtTm": "string", "NbOfTxs": "number", "SttlmInf": {"SttlmMtd": "string"},
            },
            "CdtTrfTxInf": {
                "PmtId": {"InstrId": "string", "EndToEndId": "string"},
                "IntrBkSttlmAmt": AMOUNT, "InstdAmt": AMOUNT, "ChrgBr": "string",
                "ChrgsInf": AMOUNT | {"Agt": AGENT}, "InitgPty": PARTY, "Dbtr": PARTY, "DbtrAcct": ACCOUNT,
                "DbtrAgt": AGENT, "CdtrAgt": AGENT, "Cdtr": PARTY, "CdtrAcct": ACCOUNT, "Purp": {"Cd": "string"},
            },
            "RgltryRptg": {"Dtls": {"Tp": "string", "Cd": "string"}},
            "RmtInf": {"Ustrd": "string"},
            "SplmtryData": {
                "Envlp": {"Doc": {"InitgPty": {"Glctn": {"Lat": "string", "Long": "string"}}, "Xprtn": "string"}}
            },
        }
    },
    tazama.STATUS: {
        "FIToFIPmtSts": {
            "GrpHdr": {"MsgId": "string", "CreDtTm": "string"},
            "TxInfAndSts": {
                "OrgnlInstrId": "string", "OrgnlEndToEndId": "string", "TxSts": "string", "ChrgsInf": [],
                "AccptncDtTm": "string", "InstgAgt": AGENT, "InstdAgt": AGENT,
            },
        }
    },
}  # fmt: skip
"""What the schemas of Tazama's service demand: elements and their JSON types."""
TYPES = {"string": str, "number": int | float}


def missing(demanded: Any, found: Any, path: str = "") -> list[str]:
    """Paths at which something that is demanded is not there, or has another type."""
    if isinstance(demanded, dict):
        if not isinstance(found, dict):
            return [path]
        return [
            fault
            for name, one in demanded.items()
            for fault in missing(one, found.get(name), f"{path}/{name}")
        ]
    if isinstance(demanded, list):
        if not isinstance(found, list) or (demanded and not found):
            return [path]
        return [fault for one in demanded for each in found for fault in missing(one, each, path)]
    return [] if isinstance(found, TYPES[demanded]) else [path]


class Monitor:
    """A service on a loopback address that takes what Tazama's takes."""

    def __init__(self) -> None:
        self.status = 200
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.asked = 0

    async def start(self) -> str:
        app = web.Application()
        app.router.add_post(f"{tazama.PATH}{{definition}}", self._take)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def _take(self, request: web.Request) -> web.Response:
        self.asked += 1
        assert request.headers["Authorization"] == "Bearer a-token"
        if self.status == 200:
            self.taken.append((request.match_info["definition"], await request.json()))
        return web.json_response({"message": "Transaction is valid"}, status=self.status)

    def of(self, uetr: str) -> list[tuple[str, dict[str, Any]]]:
        """What it took about a payment, in order."""
        return [each for each in self.taken if uetr in json.dumps(each)]


@pytest.fixture
async def monitor() -> AsyncIterator[tuple[Monitor, str]]:
    found = Monitor()
    url = await found.start()
    yield found, url
    await found.runner.cleanup()


@pytest.fixture
async def feed(stack: Stack, monitor: tuple[Monitor, str], tmp_path: Any) -> AsyncIterator[MonitorFeed]:
    """What the caretaker runs, with its rights, and ticks when the test says so."""
    token = tmp_path / "monitor.token"
    token.write_text("a-token\n")
    settings = stack.settings.model_copy(update={"monitor_url": monitor[1], "monitor_token_file": token})
    pool = await connect_pool(settings, Login.CARETAKER, "caretaker")
    found = MonitorFeed(pool, settings)
    await found.tick()  # what came before is not this test's
    monitor[0].taken.clear()
    yield found
    await found.close()
    await pool.close()


async def paid(stack: Stack) -> str:
    document = paying(stack, creditor="Bilal Khan")
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=20)).status == "ACCC"
    return uetr_of(document)


async def test_a_payment_and_its_end_are_sent_in_order_in_the_form_of_tazama(
    stack: Stack, monitor: tuple[Monitor, str], feed: MonitorFeed
) -> None:
    uetrs = [await paid(stack) for _ in range(3)]
    await feed.tick()
    await feed.tick()
    sent = [monitor[0].of(uetr) for uetr in uetrs]

    assert [[definition for definition, _ in one] for one in sent] == [[tazama.PAYMENT, tazama.STATUS]] * 3
    assert [fault for one in sent for name, body in one for fault in missing(DEMANDED[name], body)] == []
    (_, first), (_, end) = sent[0]
    transaction = first["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    assert (transaction["IntrBkSttlmAmt"], transaction["PmtId"]["EndToEndId"]) == (
        {"Amt": {"Amt": 100.0, "Ccy": "INR"}}, uetrs[0],
    )  # fmt: skip
    assert (transaction["Cdtr"]["Nm"], first["TxTp"]) == ("Bilal Khan", tazama.PAYMENT)
    assert end["FIToFIPmtSts"]["TxInfAndSts"]["TxSts"] == "ACCC"


async def test_an_outage_delays_nothing_and_loses_nothing(
    stack: Stack, monitor: tuple[Monitor, str], feed: MonitorFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitoring, "PAUSE_MAX_S", 0.05)
    service = monitor[0]
    service.status = 500
    uetrs = [await paid(stack) for _ in range(2)]
    await feed.tick()
    asked = service.asked
    await asyncio.sleep(0.1)
    await feed.tick()
    service.status = 200
    await asyncio.sleep(0.1)
    await feed.tick()

    assert (asked, service.asked) == (1, 2 + 2 * 2)
    assert [definition for definition, _ in service.taken] == [tazama.PAYMENT, tazama.STATUS] * 2
    assert [len(service.of(uetr)) for uetr in uetrs] == [2, 2]


async def test_what_the_monitor_refuses_is_left_out_with_its_end_and_stops_no_other(
    stack: Stack, monitor: tuple[Monitor, str], feed: MonitorFeed
) -> None:
    service = monitor[0]
    service.status = 400
    refused = await paid(stack)
    await feed.tick()
    service.status = 200
    other = await paid(stack)
    await feed.tick()

    assert (service.of(refused), len(service.of(other))) == ([], 2)


@pytest.mark.parametrize("party", [{}, {"Nm": "Asha Rao", "Id": {"OrgId": {"Othr": [{"Id": "7"}]}}}])
@pytest.mark.parametrize(
    "account", [{}, {"Id": {"IBAN": "X1"}}, {"Prxy": {"Tp": {"Cd": "TELE"}, "Id": "+9"}}]
)
def test_whatever_a_payment_lacks_is_said_to_be_missing(
    party: dict[str, Any], account: dict[str, Any]
) -> None:
    content = {
        "GrpHdr": {"MsgId": "m", "CreDtTm": "2026-11-30T10:00:00Z", "SttlmInf": {"SttlmMtd": "CLRG"}},
        "CdtTrfTxInf": [
            {"IntrBkSttlmAmt": {"Amt": "0.10", "Ccy": "INR"}, "Dbtr": party, "DbtrAcct": account, "Cdtr": {}}
        ],
    }
    raw = tazama.payment(content, "u", tazama.Money(5, "INR"), ("", "HDFCINBBXXX"))

    assert missing(DEMANDED[tazama.PAYMENT], json.loads(raw)) == []
    assert b'"Amt":0.10' in raw
