"""The certification kit: the reference driver passes, and every kind of fault is found by a scenario."""

import asyncio
import hashlib
import json
import shlex
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters import creditor, registry
from schemas.signing import jws, keys
from switch import cli
from switch.clients.python import Client, SigningKey
from switch.conformance import KIT, running
from switch.conformance import certificate as certificates
from switch.conformance import record as records
from switch.conformance.driver import Answer, Data, Driver, Hooks, OrderFile
from switch.conformance.driving import ANSWERS, DATA, INSTRUCTIONS
from switch.conformance.record import Result, RunRecord, ScenarioVerdict
from switch.conformance.scenario import OPTIONAL, Group
from switch.conformance.scenarios import ALL, payments
from switch.conformance.stage import Stage
from switch.reports import artefacts, conformance
from tests.switch.conformance.bad_drivers import FAULTS
from tests.switch.stack import Stack, started

ASHA, INDUS = "asha-bank", "indus-bank"


class InProcess:
    """A driver in this process, in a thread; it can be killed and started again."""

    can_restart = True

    def __init__(self, made: Callable[[], Driver]) -> None:
        self._made = made
        self._driver = made()

    async def ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        assert task["data"].keys() <= set(DATA[task["task"]]), task["scenario"]
        return await asyncio.to_thread(self._driver.do, task)

    async def restart(self) -> None:
        self._driver.close()
        self._driver = self._made()

    async def close(self) -> None:
        self._driver.close()


def key_of(entry: Mapping[str, str]) -> SigningKey:
    return SigningKey.from_pem(entry["keyid"], entry["private_key"])


def parties(stack: Stack, own_id: str = ASHA, other_id: str = INDUS) -> running.Parties:
    own, other = stack.participant(own_id), stack.participant(other_id)
    return running.Parties(stack.url, own["id"], key_of(own), other["id"], key_of(other))


@asynccontextmanager
async def staged(  # noqa: PLR0917 - a stage and whose it is
    stack: Stack,
    kind: type[Driver],
    directory: Path,
    own_id: str = ASHA,
    other_id: str = INDUS,
    amount: str = "100.00",
) -> AsyncIterator[Stage]:
    own = stack.participant(own_id)
    hooks = Hooks(0)
    driver = InProcess(lambda: kind(key_of(own), own["bic"], OrderFile(directory / "orders"), hooks))
    async with running.staged(
        parties(stack, own_id, other_id), driver, host="127.0.0.1", port=0, within_s=30, amount=amount
    ) as stage:
        yield stage
    hooks.close()


async def played(stage: Stage, names: tuple[str, ...]) -> dict[str, Result]:
    return {name: await running.played(stage, records.BY_ID[name]) for name in names}


async def test_the_python_client_passes_some_scenarios_of_each_group(stack: Stack, tmp_path: Path) -> None:
    quick = tuple(each.id for each in records.chosen((), quick=True))
    async with staged(stack, Driver, tmp_path) as stage:
        found = await played(stage, quick)

    assert [each for each in found.values() if each.verdict is not ScenarioVerdict.PASSED] == []


SHORT = {
    "a new UETR after a cut",
    "a lost answer is a refusal",
    "comes back before Retry-After",
    "sends a refused payment again",
    "pays an order given twice",
    "signs nothing",
    "a new return after a cut",
    "accepts false webhooks",
}
"""The faults that cost most."""


@pytest.mark.parametrize(
    "fault", [name if name in SHORT else pytest.param(name, marks=pytest.mark.long) for name in FAULTS]
)
async def test_each_kind_of_fault_is_found(fault: str, stack: Stack, tmp_path: Path) -> None:
    kind, scenarios = FAULTS[fault]
    async with staged(stack, kind, tmp_path) as stage:
        found = await played(stage, scenarios)

    assert {each.scenario: each.verdict for each in found.values()} == dict.fromkeys(
        scenarios, ScenarioVerdict.FAILED
    )
    assert [each for each in found.values() if each.detail.startswith("the driver")] == []


class OfAnotherBank(Driver):
    """The key of another participant than the one whose client is asked for."""

    def do(self, task: Data) -> Answer:
        self._clients.setdefault(
            task["switch"], Client(task["switch"], key=SigningKey.generate("ganga-bank-1"), tries=1)
        )
        return super().do(task)


async def test_a_client_of_another_participant_is_told_so_in_each_scenario(
    stack: Stack, tmp_path: Path
) -> None:
    """A newcomer saw only that the switch knew no such payment: the kit was asked for another participant."""
    async with staged(stack, OfAnotherBank, tmp_path) as stage:
        found = await running.played(stage, records.BY_ID["REF-AC04"])

    assert found.verdict is ScenarioVerdict.FAILED
    assert "no key in force of asha-bank has the id that it is signed with" in found.detail


def command(stack: Stack, directory: Path) -> str:
    own = stack.participant("asha-bank")
    key = directory / "asha.pem"
    key.write_text(own["private_key"])
    words = [sys.executable, "-m", "switch.conformance.driver", "--keyid", own["keyid"], "--key", str(key)]
    return shlex.join([*words, "--bic", own["bic"], "--orders", str(directory / "orders"), "--hooks", "0"])


@pytest.mark.long
def test_the_whole_kit_certifies_the_python_client(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "conform.json"
    words = ["conform", "--driver-command", command(stack, tmp_path), "--record", str(record), "--json"]

    words += ["--product", "payswitch-client 0.1.0", "--report", str(tmp_path / "report")]

    code = cli.run([*words, "--data", str(stack.settings.data)])

    found = records.read(record)
    failed = [each for each in found.results.values() if each.verdict is ScenarioVerdict.FAILED]
    assert (code, failed, found.missing) == (0, [], [])
    assert found.counts()["passed"] > 90
    assert json.loads(capfd.readouterr().out)["conforming"] is True
    with_evidence = [each for each in found.results.values() if each.uetrs]
    assert len(with_evidence) > 50


@pytest.fixture(scope="module")
def everywhere() -> Iterator[Stack]:
    """A switch with all ten rails: late answers come within the time that the kit waits for them."""
    with started(rails=tuple(registry.countries()), time_scale=0.05, payment_expiry_s=60.0) as stack:
        yield stack


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("country", registry.countries())
async def test_the_whole_kit_certifies_a_bank_of_every_country(
    everywhere: Stack, country: str, tmp_path: Path
) -> None:
    """It was run for banks of two countries only: others sign, price and pay over other rails."""
    own, other = (registry.country(each).banks[0].id for each in (country, "IN" if country != "IN" else "PK"))
    async with staged(everywhere, Driver, tmp_path, own, other, "") as stage:
        found = await played(stage, tuple(each.id for each in ALL))

    failed = [each for each in found.values() if each.verdict is ScenarioVerdict.FAILED]
    assert not failed, "\n".join(f"{each.scenario}: {each.detail}" for each in failed)
    assert sum(each.verdict is ScenarioVerdict.PASSED for each in found.values()) > 90


def test_a_run_is_continued_and_shows_what_is_left(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [
        "conform",
        "--driver-command",
        command(stack, tmp_path),
        "--record",
        str(tmp_path / "record.json"),
    ]
    words += ["--data", str(stack.settings.data)]
    assert cli.run([*words, "--only", "REF-AC04", "--only", "QUO"]) == 0
    first = capfd.readouterr()
    assert "REF-AC04" in first.err
    assert "not conforming: " in first.out

    assert cli.run([*words, "--quick", "--only", "REF"]) == 0
    record = records.read(tmp_path / "record.json")

    assert {"REF-AC04", "QUO-READ", "QUO-PAY", "QUO-NONE"} == record.results.keys()
    assert record.verdict("UNK-CUT") is ScenarioVerdict.NOT_RUN
    assert cli.run([*words, "--participant", "indus-bank"]) == 1
    assert "has results of asha-bank" in capfd.readouterr().err


def test_results_of_one_version_or_switch_certify_no_other(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    earlier = whole()
    earlier.switch = stack.url
    earlier.keep(tmp_path / "record.json")
    words = ["conform", "--record", str(tmp_path / "record.json"), "--data", str(stack.settings.data)]
    words += ["--report", str(tmp_path / "report")]

    assert cli.run([*words, "--product", "core-banking 4.3"]) == 1
    assert "has results of core-banking 4.2, and this run is of core-banking 4.3" in capfd.readouterr().err
    assert not (tmp_path / "report").exists()

    assert cli.run([*words, "--product", "core-banking 4.2"]) == 0
    assert (tmp_path / "report" / conformance.CERTIFICATE).exists()

    earlier.switch = "https://another.example"
    earlier.keep(tmp_path / "record.json")
    assert cli.run(words) == 1
    assert "has results of https://another.example" in capfd.readouterr().err


def test_a_new_run_begins_anew(stack: Stack, tmp_path: Path) -> None:
    earlier = whole()
    earlier.started_at = "2020-01-01T00:00:00+00:00"
    earlier.keep(tmp_path / "record.json")
    words = ["conform", "--driver-command", "false", "--record", str(tmp_path / "record.json")]

    assert cli.run([*words, "--within", "1", "--again", "--data", str(stack.settings.data)]) == 1

    found = records.read(tmp_path / "record.json")
    assert found.started_at > earlier.started_at
    assert ScenarioVerdict.PASSED not in {each.verdict for each in found.results.values()}


def test_a_person_does_the_tasks_and_types_what_the_client_believes(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter(["-\n", "99.00\n", "0.10\n"])
    monkeypatch.setattr(
        "switch.cli.conform.sys.stdin", type("Typed", (), {"readline": lambda _: next(lines, "")})()
    )
    words = ["conform", "--record", str(tmp_path / "record.json"), "--data", str(stack.settings.data)]

    assert cli.run([*words, "--only", "VFY-FOUND"]) == 0
    assert cli.run([*words, "--only", "QUO-READ"]) == 1
    assert cli.run([*words, "--only", "PAY-ID"]) == 1

    record = records.read(tmp_path / "record.json")
    err = capfd.readouterr().err
    assert record.verdict("VFY-FOUND") is ScenarioVerdict.NOT_SUPPORTED
    assert record.results["QUO-READ"].detail == "the client asked for no quote"
    assert record.verdict("PAY-ID") is ScenarioVerdict.NOT_RUN
    assert "Get a quote for this payment." in err
    assert "the same command continues" in err


class Rails:
    """A switch whose rails are stated by the test."""

    def __init__(self, *rails: dict[str, Any]) -> None:
        self._rails = rails

    async def entries(self, resource: str) -> AsyncIterator[dict[str, Any]]:
        assert resource == "rails"
        for rail in self._rails:
            yield rail


@pytest.mark.parametrize("live", [{"country": "PK", "simulated": False}, {"country": "PK"}])
async def test_it_does_not_run_where_a_rail_is_live(live: dict[str, Any]) -> None:
    client: Any = Rails({"country": "IN", "simulated": True}, live)

    with pytest.raises(running.NotHere, match="the rails of PK are not simulated"):
        await running.check_simulated(client)


async def test_a_sandbox_says_that_its_rails_are_simulated(stack: Stack) -> None:
    async with stack.client("asha-bank") as client:
        await running.check_simulated(client)


class Address:
    """A driver at an address, which does each task that is posted to it."""

    def __init__(self, driver: Driver) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                task = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(driver.do(task)).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._driver = driver
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/task"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._driver.close()


def test_a_driver_may_be_an_address_and_the_switch_any_address_with_keys(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own, other = stack.participant("asha-bank"), stack.participant("indus-bank")
    for entry in (own, other):
        (tmp_path / f"{entry['id']}.pem").write_text(entry["private_key"])
    address = Address(Driver(key_of(own), own["bic"], OrderFile(tmp_path / "orders"), None))
    words = [
        "conform",
        "--driver",
        address.url,
        "--url",
        stack.url,
        "--record",
        str(tmp_path / "record.json"),
    ]
    words += ["--participant", own["id"], "--keyid", own["keyid"], "--key", str(tmp_path / "asha-bank.pem")]
    words += ["--other", other["id"], "--other-keyid", other["keyid"]]
    words += ["--other-key", str(tmp_path / "indus-bank.pem"), "--report", str(tmp_path / "report")]
    try:
        assert cli.run([*words, "--only", "RTN-IN", "--only", "IDM-RESTART", "--only", "WHK-FALSE"]) == 0
    finally:
        address.close()

    record = records.read(tmp_path / "record.json")
    assert record.verdict("RTN-IN") is ScenarioVerdict.PASSED
    assert record.verdict("IDM-RESTART") is ScenarioVerdict.NOT_APPLICABLE
    assert record.verdict("WHK-FALSE") is ScenarioVerdict.NOT_SUPPORTED
    assert str(tmp_path / "report") in capfd.readouterr().out
    assert not (tmp_path / "report" / "certificate.json").exists()
    assert cli.run([*words, "--only", "RTN-IN", "--participant", "indus-bank"]) == 1
    assert "has results of asha-bank" in capfd.readouterr().err


def test_every_scenario_is_explained_and_every_task_has_its_answer() -> None:
    assert len(ALL) > 80
    assert {each.group for each in ALL} == set(Group)
    assert {each.group for each in ALL if each.quick} == set(Group) - {
        Group.LATE, Group.RECALLS, Group.REQUESTS, Group.PAYEES
    }  # fmt: skip
    assert INSTRUCTIONS.keys() == ANSWERS.keys()


@pytest.mark.parametrize("country", registry.countries())
def test_the_account_of_no_form_is_refused_by_every_country(country: str) -> None:
    """India and China have accounts of letters: a bank whose payee was there failed for a right client."""
    assert creditor.read(payments._NO_ACCOUNT, registry.profile(country).creditor) is None


def whole(**others: ScenarioVerdict) -> RunRecord:
    """A record of a run in which everything passed but some."""
    record = RunRecord("asha-bank", "http://127.0.0.1", "core-banking 4.2")
    for each in ALL:
        record.add(Result(each.id, others.get(each.id.replace("-", "_"), ScenarioVerdict.PASSED)))
    return record


def test_who_is_conforming() -> None:
    assert whole().conforming
    lacks = ScenarioVerdict.NOT_SUPPORTED
    assert whole(PAY_BY=ScenarioVerdict.NOT_APPLICABLE, RTP_PAY=lacks, RTP_REFUSE=lacks).conforming
    assert whole(ACC_REPORT=lacks, EVT_STREAM=lacks, QUO_PAY=lacks).conforming
    assert whole(UNK_CUT=ScenarioVerdict.NOT_SUPPORTED).missing == ["UNK-CUT"]
    assert whole(RTP_PAY=ScenarioVerdict.FAILED).missing == ["RTP-PAY"]
    assert not RunRecord("asha-bank", "http://127.0.0.1").conforming
    assert Group.UNKNOWN not in OPTIONAL


def test_who_has_a_function_cannot_leave_out_where_it_fails() -> None:
    """A driver that says `unsupported` to a single scenario gets no certificate, and is asked again."""
    found = whole(WHK_FALSE=ScenarioVerdict.NOT_SUPPORTED, RTP_PAY=ScenarioVerdict.NOT_SUPPORTED)

    assert set(found.missing) == {"RTP-PAY", "WHK-FALSE"}
    assert "no part of this function may be left out" in found.text()


def test_the_report_and_the_certificate_are_signed_and_name_each_other(tmp_path: Path) -> None:
    key = keys.SigningKey.generate("asha-bank-1")
    lacks = ScenarioVerdict.NOT_SUPPORTED
    made = conformance.write(whole(RTP_PAY=lacks, RTP_REFUSE=lacks), tmp_path, key)
    for path in made:
        jws.verify(artefacts.jws_beside(path).read_text(), path.read_bytes(), key=key.public)

    report, page, paper, text = (path.read_bytes() for path in made)
    certificate = certificates.read(text.decode())
    assert [path.suffix for path in made] == [".json", ".html", ".pdf", ".json"]
    assert {row["scenario"] for row in json.loads(report)["rows"]} == records.BY_ID.keys()
    assert b"REF-AC04" in page
    assert paper.startswith(b"%PDF")
    assert certificate.report_sha256 == hashlib.sha256(report).hexdigest()
    assert (certificate.participant, certificate.kit) == ("asha-bank", KIT)
    assert certificate.not_supported == ["RTP-PAY", "RTP-REFUSE"]
    certificates.check(certificate)


def test_a_client_that_does_not_conform_gets_a_report_and_no_certificate(tmp_path: Path) -> None:
    made = conformance.write(
        whole(UNK_CUT=ScenarioVerdict.FAILED), tmp_path, keys.SigningKey.generate("asha-bank-1")
    )

    assert conformance.CERTIFICATE not in {path.name for path in made}
    with pytest.raises(certificates.NoCertificate, match="UNK-CUT"):
        certificates.make(whole(UNK_CUT=ScenarioVerdict.FAILED), "0" * 64)


def test_a_record_survives_its_file_and_another_kit_is_refused(tmp_path: Path) -> None:
    record = whole(QUO_READ=ScenarioVerdict.FAILED)
    record.keep(tmp_path / "record.json")

    assert records.read(tmp_path / "record.json") == record
    document = record.as_dict() | {"kit": 0}
    (tmp_path / "old.json").write_text(json.dumps(document))
    with pytest.raises(records.UnreadableRecord, match="results of kit 0"):
        records.read(tmp_path / "old.json")
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(records.UnreadableRecord, match="not a file of results"):
        records.read(tmp_path / "other.json")
