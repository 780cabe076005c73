"""Reports of the running switch: over HTTP and by command, signed, kept, and each read in the audited log."""

import asyncio
import csv
import hashlib
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ledger import audit, offline_verifier
from schemas import codec
from schemas.signing import jws
from schemas.signing.keys import PublicKey
from switch.operations import housekeeping
from switch.reports import access
from switch.reports.artefacts import KEYID, jws_beside
from switch.reports.package import SignedFile, unpack
from switch.writer.commands import Freeze
from tests.switch.cli.test_cli import payswitch
from tests.switch.stack import Stack

READ_WITHIN_S = 60
"""A bound for a busy machine."""


def period() -> dict[str, str]:
    now = datetime.now(UTC)
    return {"since": (now - timedelta(hours=1)).isoformat(), "until": (now + timedelta(hours=1)).isoformat()}


def key_of(stack: Stack, name: str) -> str:
    """Of a participant, or of a person; people of a participant have its name, and it comes first."""
    participants = {p["id"]: p["bearer"] for p in stack.credentials["participants"]}
    return str(participants.get(name) or stack.credentials["people"][name]["bearer"])


async def get(stack: Stack, who: str, path: str, **asked: str) -> tuple[aiohttp.ClientResponse, bytes]:
    headers = {"Authorization": f"Bearer {key_of(stack, who)}"} if who else {}
    async with aiohttp.ClientSession() as session:
        async with session.get(stack.url + path, params=asked, headers=headers) as answer:
            return answer, await answer.read()


async def pay(stack: Stack, word: str = "") -> str:
    async with stack.client("asha-bank") as client:
        state = await client.pay(stack.document("asha-bank", "noor-wallet", word=word), wait=20)
    return str(state.uetr)


async def events_of(stack: Stack, sha256: str) -> list[dict[str, Any]]:
    connection = await stack.connect()
    rows = await connection.fetch("SELECT body FROM ledger.event WHERE kind = 'REPORT' ORDER BY seq")
    await connection.close()
    bodies = [json.loads(row["body"]) for row in rows]
    return [body for body in bodies if body["sha256"] == sha256]


async def test_a_report_is_signed_kept_and_in_the_log(stack: Stack) -> None:
    await pay(stack)
    answer, octets = await get(stack, "asha-bank", "/v1/reports/corridors", format="csv", **period())
    sha256 = hashlib.sha256(octets).hexdigest()
    _, pem = await get(stack, "", "/v1/report-key")
    kept = stack.settings.data / "reports" / f"corridors-{sha256}.csv"

    assert answer.status == 200, octets
    assert answer.headers["ETag"] == f'"{sha256}"'
    jws.verify(answer.headers["Payswitch-Signature"], octets, key=PublicKey.from_pem(KEYID, pem))
    assert kept.read_bytes() == octets
    assert kept.stat().st_mode & 0o222 == 0
    (event,) = await events_of(stack, sha256)
    assert (event["caller"], event["scope"], event["revealed"]) == (
        "participant:asha-bank",
        "asha-bank",
        False,
    )
    _, made = await get(stack, "asha-bank", "/v1/report-artefacts")
    assert sha256 in {row["sha256"] for row in json.loads(made)}
    _, others = await get(stack, "noor-wallet", "/v1/report-artefacts")
    assert sha256 not in {row["sha256"] for row in json.loads(others)}


async def test_a_package_is_verified_in_every_way_and_a_changed_byte_is_found(
    stack: Stack, tmp_path: Path
) -> None:
    asked = {**period(), "format": "csv", "package": "true", "lang": "ru"}
    answer, octets = await get(stack, "asha-bank", "/v1/reports/availability", **asked)
    file = tmp_path / answer.headers["Content-Disposition"].split('"')[1]
    file.write_bytes(octets)
    (tmp_path / "changed.zip").write_bytes(octets[:60] + bytes([octets[60] ^ 1]) + octets[61:])
    signed = unpack(octets)
    _, pem = await get(stack, "", "/v1/report-key")
    (tmp_path / "key.pem").write_bytes(pem)
    done = payswitch_verify(file, tmp_path / "changed.zip", "--key", tmp_path / "key.pem")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    unsuitable = payswitch_verify(file, "--key", file)
    (file.with_name(signed.name)).write_bytes(signed.octets)
    jws_beside(file.with_name(signed.name)).write_text(signed.signature)
    here = payswitch_verify(file.with_name(signed.name), "--data", stack.settings.data)

    assert (answer.headers["Content-Type"], file.suffixes) == ("application/zip", [".csv", ".zip"])
    assert signed.name == f"availability-{signed.sha256}.csv"
    assert answer.headers["Payswitch-Signature"] == signed.signature
    assert (done.returncode, [line["valid"] for line in lines]) == (1, [True, False])
    assert lines[0]["sha256"] == signed.sha256
    assert unsuitable.returncode == 1
    assert json.loads(here.stdout)["valid"]
    address = f"/verify?content={hashlib.sha256(await as_json(stack, signed)).hexdigest()}"
    answer, shown = await get(stack, "", address)
    assert answer.status == 200
    assert signed.sha256 in shown.decode()
    answer, shown = await get(stack, "", "/verify?content=" + "0" * 64)
    assert signed.sha256 not in shown.decode()
    assert 'role="alert"' in shown.decode()


async def as_json(stack: Stack, signed: SignedFile) -> bytes:
    """The report of a file as JSON."""
    _, made = await get(stack, "asha-bank", "/v1/report-artefacts")
    asked = next(row["parameters"] for row in json.loads(made) if row["sha256"] == signed.sha256)
    given = {name: value for name, value in json.loads(asked).items() if name in {"since", "until"}}
    _, octets = await get(stack, "asha-bank", "/v1/reports/availability", **given)
    return octets


def payswitch_verify(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "switch.cli", "verify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("who", "name", "status"),
    [
        ("asha-bank", "access-log", 403),
        ("asha-bank", "patterns", 403),
        ("regulator-in", "access-log", 403),
        ("asha-bank", "no-such-report", 404),
        ("operator", "access-log", 200),
        ("auditor", "corridors", 200),
        ("regulator-in", "corridors", 200),
        ("participant", "corridors", 200),
        ("", "corridors", 401),
    ],
)
async def test_what_is_not_allowed_is_denied(stack: Stack, who: str, name: str, status: int) -> None:
    answer, octets = await get(stack, who, f"/v1/reports/{name}", **period())

    assert answer.status == status, octets


async def test_each_sees_its_own(stack: Stack) -> None:
    await pay(stack)
    _, own = await get(stack, "asha-bank", "/v1/reports/liquidity", **period())
    _, country = await get(stack, "regulator-pk", "/v1/reports/liquidity", **period())
    _, everything = await get(stack, "operator", "/v1/reports/liquidity", **period())

    assert {row["participant"] for row in json.loads(own)["rows"]} == {"asha-bank"}
    connection = await stack.connect()  # other tests add participants, too
    rows = await connection.fetch("SELECT id FROM switch.participant WHERE country = 'PK'")
    await connection.close()
    of_pk = {row["id"] for row in rows}
    assert {row["participant"] for row in json.loads(country)["rows"]} <= of_pk
    assert len(json.loads(everything)["rows"]) > len(of_pk)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"since": "yesterday", "until": "2026-11-24T00:00:00Z"}, 400),
        ({"since": "2026-11-24T00:00:00", "until": "2026-11-25T00:00:00"}, 400),
        ({"since": "2026-11-24T00:00:00Z", "until": "2026-11-23T00:00:00Z"}, 400),
        ({"since": "2026-11-23T00:00:00Z", "until": "2026-11-24T00:00:00Z", "as_of": "99999999999"}, 400),
        ({"since": "2026-11-23T00:00:00Z", "until": "2026-11-24T00:00:00Z", "window": "1"}, 400),
        ({"since": "2026-11-23T00:00:00Z", "until": "2026-11-24T00:00:00Z", "x": "1"}, 400),
        ({"since": "2026-11-23T00:00:00Z", "until": "2026-11-24T00:00:00Z", "format": "bundle"}, 406),
        ({"since": "0001-01-01T00:00:00Z", "until": "2026-11-24T00:00:00Z"}, 400),
        ({"since": "0001-01-01T00:00:00+14:00", "until": "2026-11-24T00:00:00Z"}, 400),
        ({"since": "2026-11-23T00:00:00Z", "until": "9999-12-31T23:59:59-14:00"}, 400),
        ({"since": "2026-11-23T00:00:00Z", "until": "9999-12-31T23:59:59Z"}, 200),
        ({"since": "9999-12-31T23:59:58Z", "until": "9999-12-31T23:59:59Z"}, 200),
    ],
)
async def test_a_wrong_question_is_a_clear_problem(stack: Stack, asked: dict[str, str], status: int) -> None:
    answer, octets = await get(stack, "operator", "/v1/reports/corridors", **asked)

    assert answer.status == status
    assert status == 200 or json.loads(octets)["type"].startswith("/docs/problems#")


async def test_a_notification_is_iso_20022_and_has_the_payment(stack: Stack) -> None:
    since = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    uetr = await pay(stack)
    form = "camt.054.001.08"
    asked = {**period(), "since": since, "participant": "asha-bank", "currency": "INR", "format": form}
    answer, octets = await get(stack, "asha-bank", "/v1/reports/notifications", **asked)
    message = codec.decode(octets, media_type=answer.content_type, expect=form)
    (block,) = message.content["Ntfctn"]
    refs = [entry["NtryDtls"][0]["TxDtls"][0]["Refs"].get("UETR") for entry in block["Ntry"]]

    assert refs.count(uetr) == 2, "the conversion and the fee"
    hidden, _ = await get(
        stack, "noor-wallet", "/v1/reports/notifications", **{**asked, "participant": "asha-bank"}
    )
    assert hidden.status == 404


async def test_people_are_masked_and_shown_by_right_and_each_is_written_down(stack: Stack) -> None:
    uetr = await pay(stack)
    connection = await stack.connect()
    await connection.execute(
        "INSERT INTO switch.pattern_rules (version, rules, added_by) VALUES"
        """ ('every', '{"large": {"INR": 1}, "full_data": {"INR": 1}}', 'tester') ON CONFLICT DO NOTHING"""
    )
    await connection.close()
    asked = {**period(), "rules": "every"}
    masked = await until_read(stack, "regulator-in", **asked)
    answer, octets = await get(stack, "regulator-in", "/v1/reports/patterns", reveal="true", **asked)
    refused, _ = await get(stack, "auditor", "/v1/reports/patterns", reveal="true", **asked)
    machine, _ = await get(stack, "asha-bank", "/v1/reports/corridors", reveal="true", **period())

    assert b"Asha Rao" not in masked
    assert uetr.encode() in masked
    assert answer.status == 200
    assert b"Asha Rao" in octets
    assert (refused.status, machine.status) == (403, 403)
    sha256 = hashlib.sha256(octets).hexdigest()
    (event,) = await events_of(stack, sha256)
    assert (event["caller"], event["revealed"]) == ("person:regulator-in", True)
    kept = stack.settings.data / "reports"
    assert not list(kept.glob(f"*{sha256}*")), "what shows people is not kept"
    assert all(b"Asha Rao" not in file.read_bytes() for file in kept.iterdir())


async def until_read(stack: Stack, who: str, **asked: str) -> bytes:
    """The parties of the newest payments are read by the caretaker, a moment later."""
    async with asyncio.timeout(READ_WITHIN_S):
        while True:
            answer, octets = await get(stack, who, "/v1/reports/patterns", **asked)
            if answer.status != 503:
                assert answer.status == 200, octets
                return octets
            assert answer.headers["Retry-After"]
            await asyncio.sleep(0.2)


async def test_evidence_proves_itself_offline(stack: Stack, tmp_path: Path) -> None:
    uetr = await pay(stack)
    exported = payswitch(stack, "audit", "export")  # signs a checkpoint of everything so far
    keys = [line.removeprefix("verifier key: ") for line in exported.stderr.splitlines()]
    _, octets = await get(stack, "asha-bank", "/v1/reports/evidence", uetr=uetr, format="bundle")
    file = tmp_path / "bundle.json"
    file.write_bytes(octets)

    assert offline_verifier.main([str(file), *keys]) == 0
    other, _ = await get(stack, "ganga-bank", "/v1/reports/evidence", uetr=uetr)
    assert other.status == 404


async def test_services_are_probed(stack: Stack) -> None:
    answer, octets = await get(stack, "operator", "/v1/reports/availability", **period())
    services = {row["service"] for row in json.loads(octets)["rows"]}

    assert answer.status == 200
    assert {"accept", "decide", "rail-IN", "rail-PK"} <= services


async def test_open_data_needs_no_key_and_only_past_quarters(stack: Stack) -> None:
    year = datetime.now(UTC).year
    past, octets = await get(stack, "", "/v1/open-data", quarter=f"{year - 1}-Q1")
    again, same = await get(stack, "", "/v1/open-data", quarter=f"{year - 1}-Q1")
    coming, _ = await get(stack, "", "/v1/open-data", quarter=f"{year + 1}-Q1")
    long_ago, _ = await get(stack, "", "/v1/open-data", quarter="1999-Q1")
    nonsense, _ = await get(stack, "", "/v1/open-data", quarter="x")

    assert (past.status, again.status) == (200, 200)
    one, other = json.loads(octets), json.loads(same)  # perhaps of two workers: as of two numbers of the log
    for report in (one, other):
        del report["parameters"]["as_of"], report["seal"]
    assert one == other
    assert (coming.status, long_ago.status, nonsense.status) == (422, 404, 400)


def test_the_access_log_has_events_whose_texts_have_no_names():
    """At first an event of the freeze was a list of values, and no access log could be made of its day."""
    row = {"seq": 1, "at": datetime.now(UTC), "kind": "FREEZE", "number": 0, "body": '["freeze","people",""]'}

    assert access._row(row)[4:] == ("", '["freeze","people",""]')


async def test_a_freeze_is_in_the_access_log(stack: Stack) -> None:
    link = stack.link()
    await link.start()
    try:
        await link.ask(Freeze("people", "a look"))
    finally:
        await link.stop()
    await stack.unfreeze()
    answer, octets = await get(stack, "operator", "/v1/reports/access-log", format="csv", **period())
    kinds = [line["kind"] for line in csv.DictReader(io.StringIO(octets.decode()))]

    assert answer.status == 200
    assert {"FREEZE", "UNFREEZE"} <= set(kinds)


async def test_the_access_log_records_its_own_use(stack: Stack) -> None:
    _, first = await get(stack, "operator", "/v1/reports/access-log", format="csv", **period())
    sha256 = hashlib.sha256(first).hexdigest()
    _, second = await get(stack, "operator", "/v1/reports/access-log", format="csv", **period())
    lines = [line for line in csv.DictReader(io.StringIO(second.decode())) if sha256 in line["detail"]]

    assert [line["who"] for line in lines] == ["operator"]


async def test_accept_chooses_the_format(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {key_of(stack, 'operator')}", "Accept": "application/pdf, */*"}
    async with aiohttp.ClientSession() as session:
        url = f"{stack.url}/v1/reports/corridors"
        async with session.get(url, params=period(), headers=headers) as answer:
            octets = await answer.read()

    assert answer.content_type == "application/pdf"
    assert octets.startswith(b"%PDF")


def test_a_command_makes_a_report_of_a_window(stack: Stack, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "switch.cli", "report", "list"]
    listed = subprocess.run(command, capture_output=True, check=True, timeout=120)
    names = [json.loads(line)["name"] for line in listed.stdout.splitlines()]
    out = tmp_path / "liquidity.csv"
    asked = [f"{name}={value}" for name, value in period().items()]
    done = payswitch(stack, "report", "make", "liquidity", *asked, "--format", "csv", "-o", str(out))
    wrong = payswitch(stack, "report", "make", "liquidity")
    made = payswitch(stack, "report", "made")

    assert done.returncode == 0, done.stderr
    assert {"window-statement", "corridors", "evidence"} <= set(names)
    assert out.read_bytes().startswith(b"participant,account,currency,")
    assert wrong.returncode == 1
    assert "missing: since, until" in wrong.stderr
    newest = json.loads(made.stdout.splitlines()[0])
    assert (newest["report"], newest["caller"].split(":")[0]) == ("liquidity", "operator")


async def test_a_list_of_payments_is_proved_offline(stack: Stack) -> None:
    await pay(stack)
    connection = await stack.connect()
    await audit.checkpoint(connection, housekeeping.signer(stack.settings))
    await connection.close()
    asked = {**period(), "corridor": "IN-PK"}
    answer, octets = await get(
        stack, "regulator-in", "/v1/reports/payments-of-corridor", format="bundle", **asked
    )
    _, table = await get(stack, "regulator-in", "/v1/reports/payments-of-corridor", **asked)
    bundle = json.loads(octets)
    proved = {event["number"] for event in bundle["events"]}

    assert answer.status == 200, octets
    assert offline_verifier.verify(bundle, housekeeping.verifier_lines(stack.settings)) == []
    assert len(proved) >= len(json.loads(table)["rows"]) >= 1
