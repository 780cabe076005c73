"""A DFSP pays through the bridge: a switch, the bridge as a process, and the DFSP's own server for callbacks."""

import asyncio
import ssl
import uuid

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from adapters.simulation.magic import magic_account
from switch.fspiop import ilp
from switch.fspiop.payment import uetr_of
from tests.switch.certificates import Authority
from tests.switch.fspiop.dfsp import BridgeProcess, Dfsp, path_of, ulid
from tests.switch.fspiop.offers import offer_of
from tests.switch.stack import started

PAYEE = magic_account("PK", "")


@pytest.fixture(scope="module")
def stack():
    with started(rails=("IN", "PK")) as stack:
        yield stack


@pytest.fixture
async def dfsp():
    dfsp = Dfsp()
    runner = await dfsp.start()
    yield dfsp
    await runner.cleanup()


@pytest.fixture
async def bridge(stack, dfsp, tmp_path):
    bridge = BridgeProcess.configured(tmp_path / "bridge", dfsp, stack.url, stack.participant("asha-bank"))
    await asyncio.to_thread(bridge.start)
    yield bridge
    if bridge.process is not None:
        await asyncio.to_thread(bridge.stop)


async def test_a_payee_is_found_quoted_and_paid(stack, dfsp, bridge):
    answer = await dfsp.get("/parties/MSISDN/923001234567")
    assert (answer.status_code, answer.text) == (202, "")
    party = (await dfsp.until_told("/parties/MSISDN/923001234567")).body["Rpt"]
    assert party["Vrfctn"] is True
    assert party["UpdtdPtyAndAcctId"]["Agt"]["FinInstnId"]["Othr"]["Id"] == "indus-bank"
    assert party["UpdtdPtyAndAcctId"]["Acct"]["Ccy"] == "INR"

    offer = (await dfsp.offer(dfsp.quote("indus-bank", "MSISDN", "923001234567")))["CdtTrfTxInf"]
    assert offer["IntrBkSttlmAmt"] == {"Ccy": "INR", "ActiveCurrencyAndAmount": "100"}
    assert offer["InstdAmt"] == {"Ccy": "PKR", "ActiveOrHistoricCurrencyAndAmount": "328.35"}
    assert offer["ChrgsInf"]["Agt"]["FinInstnId"]["Othr"]["Id"] == "payswitch"

    transfer = dfsp.transfer({"CdtTrfTxInf": offer})
    assert (await dfsp.post("transfers", transfer)).status_code == 202
    told = await dfsp.outcome(transfer)

    uetr = uetr_of("asha-bank", transfer["CdtTrfTxInf"]["PmtId"]["TxId"])
    status = told.body["TxInfAndSts"]
    assert (told.method, status["TxSts"], status["OrgnlUETR"]) == ("PUT", "COMM", uetr)
    packet = ilp.read(offer["VrfctnOfTerms"]["IlpV4PrepPacket"])
    assert ilp.condition_of(status["ExctnConf"]) == ilp._encode(packet.condition)
    async with stack.client("asha-bank") as client:
        payment = await client.payment(uetr)
    assert (payment.status, payment.interbank_settlement_amount.amount) == ("ACCC", "100.00")
    assert payment.credited_amount.amount == "328.35"

    # Sent again, in another message: it is told again, and not paid again.
    again = transfer | {"GrpHdr": transfer["GrpHdr"] | {"MsgId": ulid()}}
    assert (await dfsp.post("transfers", again)).status_code == 202
    repeated = await dfsp.outcome(transfer, 2)
    assert repeated.body["TxInfAndSts"] == status
    assert (await dfsp.get(path_of(transfer))).status_code == 202
    assert (await dfsp.outcome(transfer, 3)).body["TxInfAndSts"] == status
    assert await _paid(stack, uetr) == 1

    # The same id with other content, and another transfer of the same quote.
    other = again | {"GrpHdr": again["GrpHdr"] | {"PmtInstrXpryDtTm": "2099-01-01T00:00:00Z"}}
    assert _code(await dfsp.post("transfers", other)) == (400, "3106")
    second = dfsp.transfer({"CdtTrfTxInf": offer})
    assert _code(await dfsp.post("transfers", second)) == (400, "3100")


@pytest.mark.long
async def test_a_refused_payment_is_an_error_and_names_no_other_outcome(stack, dfsp, bridge):
    offer = await dfsp.offer(dfsp.quote("indus-bank", "IBAN", magic_account("PK", "AC04")))
    transfer = dfsp.transfer(offer)
    await dfsp.post("transfers", transfer)

    told = await dfsp.outcome(transfer)

    assert told.path.endswith("/error")
    reason = told.body["TxInfAndSts"]["StsRsnInf"]
    assert reason["Rsn"] == {"Prtry": "5107"}
    assert reason["AddtlInf"].startswith("AC04")


async def test_an_unknown_outcome_is_reserved_until_it_is_known(stack, dfsp, bridge):
    offer = await dfsp.offer(dfsp.quote("indus-bank", "IBAN", magic_account("PK", "LOST")))
    transfer = dfsp.transfer(offer)
    await dfsp.post("transfers", transfer)
    uetr = uetr_of("asha-bank", transfer["CdtTrfTxInf"]["PmtId"]["TxId"])
    async with stack.client("asha-bank") as client, asyncio.timeout(60):
        async for event in client.events():
            if (event.subject, event.type) == (uetr, "payment.in_doubt"):
                break

    await dfsp.get(path_of(transfer))
    told = await dfsp.outcome(transfer)

    assert told.body["TxInfAndSts"]["TxSts"] == "RESV"
    assert [each.path for each in dfsp.told if each.path.endswith("/error")] == []


@pytest.mark.long
async def test_a_bridge_that_is_killed_tells_the_outcome_after_its_restart(stack, dfsp, bridge):
    offer = await dfsp.offer(dfsp.quote("indus-bank", "IBAN", magic_account("PK", "SLOW8")))
    dfsp.answers = [503]
    transfer = dfsp.transfer(offer)
    assert (await dfsp.post("transfers", transfer)).status_code == 202
    await asyncio.to_thread(bridge.kill)
    assert not [each for each in dfsp.told if each.path.startswith("/transfers")]

    await asyncio.to_thread(bridge.start)
    refused = await dfsp.outcome(transfer)
    await asyncio.to_thread(bridge.kill)
    await asyncio.to_thread(bridge.start)
    told = await dfsp.outcome(transfer, 2)

    assert told.body == refused.body
    assert told.body["TxInfAndSts"]["TxSts"] == "COMM"
    assert await _paid(stack, told.body["TxInfAndSts"]["OrgnlUETR"]) == 1


@pytest.mark.long
async def test_a_bridge_that_lost_its_journal_never_pays_twice(stack, dfsp, bridge):
    offer = await dfsp.offer(dfsp.quote("indus-bank", "IBAN", PAYEE))
    transfer = dfsp.transfer(offer)
    await dfsp.post("transfers", transfer)
    first = await dfsp.outcome(transfer)
    await asyncio.to_thread(bridge.stop)
    for file in bridge.folder.glob("journal.db*"):
        file.unlink()
    await asyncio.to_thread(bridge.start)

    await dfsp.get(path_of(transfer))
    known = (await dfsp.outcome(transfer, 2)).body["TxInfAndSts"]
    assert (known["TxSts"], "ExctnConf" in known) == ("COMM", False)
    assert (await dfsp.post("transfers", transfer)).status_code == 202
    again = await dfsp.outcome(transfer, 3)

    assert again.body["TxInfAndSts"] == first.body["TxInfAndSts"]

    # Forgotten again, and sent with another quote under the same id: neither paid nor told as an end.
    await asyncio.to_thread(bridge.stop)
    for file in bridge.folder.glob("journal.db*"):
        file.unlink()
    await asyncio.to_thread(bridge.start)
    other = dfsp.transfer(await dfsp.offer(dfsp.quote("indus-bank", "IBAN", PAYEE, "200")))
    other["CdtTrfTxInf"]["PmtId"] = transfer["CdtTrfTxInf"]["PmtId"]
    told = len(dfsp.told)
    assert (await dfsp.post("transfers", other)).status_code == 202
    await dfsp.get(path_of(transfer))
    assert (await dfsp.outcome(transfer, 4)).body["TxInfAndSts"]["TxSts"] == "RESV"
    await asyncio.to_thread(bridge.until_logged, "ALARM_OTHER_PAYMENT")
    await asyncio.to_thread(bridge.stop)
    assert len(dfsp.told) == told + 1
    assert await _paid(stack, again.body["TxInfAndSts"]["OrgnlUETR"]) == 1


@pytest.mark.long
async def test_a_payee_is_told_of_what_was_credited(stack, dfsp, tmp_path):
    bridge = BridgeProcess.configured(
        tmp_path / "bridge", dfsp, stack.url, stack.participant("indus-bank"), notices="true"
    )
    await asyncio.to_thread(bridge.start)
    async with stack.client("asha-bank") as client:
        # The bridge begins with the events of its first moment: pay until it has noticed one.
        async with asyncio.timeout(60):
            while not dfsp.told:
                await client.pay(stack.document("asha-bank", "indus-bank"), wait=10)
    told = dfsp.told[0]

    assert (told.method, told.body["TxInfAndSts"]["TxSts"]) == ("PATCH", "COMM")
    uetr = told.body["TxInfAndSts"]["OrgnlUETR"]
    assert told.path == f"/transfers/{uuid.UUID(uetr)}"
    await dfsp.get(told.path)
    assert (await dfsp.until_told(told.path, 2)).body["TxInfAndSts"]["TxSts"] == "COMM"
    await asyncio.to_thread(bridge.stop)


@pytest.mark.long
async def test_requests_that_are_refused_do_nothing(stack, dfsp, bridge):
    quote = dfsp.quote("indus-bank", "IBAN", PAYEE)
    wrong = {
        (400, "3105"): dict(signed=False),
        (400, "3101"): dict(content_type="application/json"),
        (406, "3001"): dict(content_type="application/vnd.interoperability.iso20022.quotes+json;version=1.1"),
        (403, "3202"): dict(fspiop_source="other"),
        (400, "3203"): dict(fspiop_destination="noor-wallet"),
        (400, "3102"): dict(date=""),
    }
    for expected, changed in wrong.items():
        assert _code(await dfsp.post("quotes", quote, **changed)) == expected, changed
    assert _code(await dfsp.get("/transfers/01JBVM13SQYP507JB1DYBZVCMF", accept="application/json")) == (
        400,
        "3101",
    )
    assert _code(await dfsp.get("/nothing")) == (404, "3002")
    assert _code(await dfsp.post("fxQuotes", {})) == (501, "2002")
    assert _code(await dfsp.send("DELETE", "/quotes", b"")) == (405, "3000")
    assert _code(await dfsp.get("/parties/IBAN/IR00")) == (400, "3203")

    carried = dfsp.quote(
        "indus-bank", "IBAN", PAYEE, RgltryRptg={"Dtls": {"Cd": "1"}}, Purp={"Prtry": "REFUND"}
    )
    answer = await dfsp.post("quotes", carried)
    assert _code(answer) == (400, "3100")
    assert "CdtTrfTxInf.RgltryRptg.Dtls.Cd" in answer.json()["errorInformation"]["errorDescription"]

    offer = await dfsp.offer(quote)
    for tag, changed in (
        ("IntrBkSttlmAmt", {"Ccy": "INR", "ActiveCurrencyAndAmount": "101"}),
        ("CdtrAgt", {"FinInstnId": {"Othr": {"Id": "noor-wallet"}}}),
        ("VrfctnOfTerms", {"IlpV4PrepPacket": "DIICzQAAAA"}),
    ):
        transfer = dfsp.transfer(offer)
        transfer["CdtTrfTxInf"][tag] = changed
        answer = await dfsp.post("transfers", transfer)
        assert _code(answer) == (400, "3100"), tag
        assert f"CdtTrfTxInf.{tag}" in answer.json()["errorInformation"]["errorDescription"]
    assert _code(await dfsp.post("transfers", dfsp.transfer(offer, -1))) == (400, "3303")
    assert not [each for each in dfsp.told if each.path.startswith("/transfers")]

    unknown = ulid()
    await dfsp.get(f"/transfers/{unknown}")
    told = await dfsp.until_told(f"/transfers/{unknown}")
    assert told.body["TxInfAndSts"]["StsRsnInf"]["Rsn"] == {"Prtry": "3208"}


def _code(answer):
    return answer.status_code, answer.json()["errorInformation"]["errorCode"]


async def _paid(stack, uetr):
    """How many times the switch has credited the payment."""
    async with stack.client("asha-bank") as client:
        page = await client.read("events", after="0", limit="1000")
        assert not page["more"]
    return sum(each["type"] == "payment.posted" and each["subject"] == uetr for each in page["events"])


@pytest.mark.long
async def test_a_switch_that_is_away_is_no_outcome(dfsp, tmp_path):
    nobody = {"id": "asha-bank", "keyid": "asha-bank-1", "private_key": _participant_key()}
    bridge = BridgeProcess.configured(tmp_path / "bridge", dfsp, "http://127.0.0.1:1", nobody)
    await asyncio.to_thread(bridge.start)
    transfer = dfsp.transfer({"CdtTrfTxInf": offer_of(dfsp, (bridge.folder / "ilp.secret").read_bytes())})

    assert (await dfsp.post("transfers", transfer)).status_code == 202
    await asyncio.to_thread(bridge.kill)
    await asyncio.to_thread(bridge.start)
    await dfsp.get(path_of(transfer))
    told = await dfsp.outcome(transfer)

    assert told.body["TxInfAndSts"]["TxSts"] == "RECV"
    assert "ExctnConf" not in told.body["TxInfAndSts"]
    await dfsp.get(f"/transfers/{ulid()}")
    quote = dfsp.quote("indus-bank", "IBAN", PAYEE)
    await dfsp.post("quotes", quote)
    answer = await dfsp.until_told(f"/quotes/{quote['CdtTrfTxInf']['PmtId']['TxId']}")
    assert answer.body["TxInfAndSts"]["StsRsnInf"]["Rsn"] == {"Prtry": "2003"}
    logged = await asyncio.to_thread(bridge.stop)
    assert {"events_unavailable", "switch_unavailable"} & {line["event"] for line in logged}
    assert [each.path for each in dfsp.told if each.path.startswith("/transfers")] == [path_of(transfer)]


@pytest.mark.long
async def test_both_sides_may_require_certificates_of_each_other(tmp_path):
    authority, others = Authority(tmp_path, "scheme"), Authority(tmp_path, "others")
    ours, theirs = authority.certify("127.0.0.1"), authority.certify("127.0.0.1", "connector")
    dfsp = Dfsp(trust=_client_tls(theirs))
    runner = await dfsp.start(_server_tls(theirs))
    nobody = {"id": "asha-bank", "keyid": "asha-bank-1", "private_key": _participant_key()}
    shown = {"certificate_file": ours.certificate, "certificate_key_file": ours.key}
    files = {**shown, "client_authorities_file": authority.file}
    bridge = BridgeProcess.configured(
        tmp_path / "bridge",
        dfsp,
        "http://127.0.0.1:1",
        nobody,
        **{name: f'"{file}"' for name, file in files.items()},
    )
    settings = (bridge.folder / "bridge.toml").read_text()
    lines = "\n".join(
        f'{name} = "{file}"' for name, file in {**shown, "authorities_file": authority.file}.items()
    )
    (bridge.folder / "bridge.toml").write_text(settings.replace("[[routes]]", f"{lines}\n\n[[routes]]"))
    await asyncio.to_thread(bridge.start)
    quote = dfsp.quote("indus-bank", "IBAN", PAYEE)

    assert (await dfsp.post("quotes", quote)).status_code == 202
    assert (await dfsp.until_told(f"/quotes/{quote['CdtTrfTxInf']['PmtId']['TxId']}")).path.endswith("/error")
    for stranger in (None, others.certify("127.0.0.1", authority=authority.file)):
        dfsp.trust = _client_tls(stranger, authority.file)
        with pytest.raises(httpx.TransportError):
            await dfsp.post("quotes", quote)
    await asyncio.to_thread(bridge.stop)
    await runner.cleanup()


def _client_tls(shown, believed=None):
    context = ssl.create_default_context(cafile=str(believed or shown.authority))
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


def _server_tls(identity):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(identity.authority))
    context.load_cert_chain(identity.certificate, identity.key)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _participant_key():
    form = serialization.PrivateFormat.PKCS8
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
