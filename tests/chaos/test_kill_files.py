"""kill -9 of everything while files of payments are worked on: every line is paid once, and every file ends."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from switch.base import failpoints
from switch.clients.python import Client
from switch.clients.python.problems import NoAnswer, RequestRefused
from tests.chaos import test_kill
from tests.chaos.switch_process import SwitchProcess
from tests.clients.test_payment_files import line, lines_of, written
from tests.switch.payments.test_payment_requests import request as request_to_pay

pytestmark = pytest.mark.chaos
LINES = 150
ENDED_WITHIN_S = 150
IN_THE_MIDDLE = ("after_lines_taken", "after_reserve_commit", "after_line_decided")
POINTS = (
    *failpoints.OF_FILES,
    "before_reserve_commit",
    "after_reserve_commit",
    "after_rail_send",
    "after_outcome_commit",
)


@pytest.fixture
def switch(data_directory: Path) -> Iterator[SwitchProcess]:
    process = SwitchProcess(data_directory / "data", workers=1)
    yield process
    process.kill()


def client_of(switch: SwitchProcess) -> Client:
    return Client.of_sandbox(switch.credentials_file, "asha-bank")


def hand_in(switch: SwitchProcess, path: Path) -> None:
    """Hand a file in while the switch may die of it."""
    with client_of(switch) as client, contextlib.suppress((NoAnswer, RequestRefused)):
        client.hand_in(path.read_bytes())


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "points",
    [
        pytest.param(IN_THE_MIDDLE, id="in the middle"),
        pytest.param(POINTS, id="all", marks=pytest.mark.long),
    ],
)
def test_a_kill_at_every_point_of_a_file_pays_every_line_once(
    switch: SwitchProcess, tmp_path: Path, points: tuple[str, ...]
) -> None:
    switch.data.mkdir()
    switch.start()
    switch.wait_until_ready()
    files: list[Path] = []
    for name in points:
        files.append(written(tmp_path / f"{name}.xml", [line() for _ in range(LINES)]))
        switch.kill()
        switch.start(failpoints=f"{name}:killgroup")
        # What an earlier point interrupted may pass this one first; then the switch dies of that.
        if switch.wait_until_ready():
            hand_in(switch, files[-1])
        switch.wait_until_dead(within_s=90)
    switch.start()
    switch.wait_until_ready()
    ended = [until_ended(switch, each) for each in files]
    verified = switch.verify()

    assert [each["by_status"] for each in ended] == [{"ACCC": LINES}] * len(files)
    book = test_kill.credits(switch)
    for path in files:
        assert {book[UUID(each.uetr)] for each in lines_of(path)} == {1}
    assert verified["ok"], verified


def until_ended(switch: SwitchProcess, path: Path) -> dict[str, Any]:
    """Hand a file in again, which makes no second one, and wait for its end."""
    ends = time.monotonic() + ENDED_WITHIN_S
    with client_of(switch) as client:
        while (file := client.hand_in(path.read_bytes()))["state"] != "ended":
            assert time.monotonic() < ends, file
            time.sleep(0.5)
        assert len(list(client.entries("payment-files"))) <= len(POINTS)
        found: dict[str, Any] = file
        return found


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_kill_before_a_request_to_pay_ends_notifies_its_asker_once(switch: SwitchProcess) -> None:
    switch.data.mkdir()
    switch.start(failpoints="before_request_ended:killgroup")
    assert switch.wait_until_ready()
    document = request_to_pay(end_to_end := uuid.uuid4().hex)
    paid = switch.document("asha-bank", "indus-bank")
    (transfer,) = paid["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transfer["PmtId"]["EndToEndId"] = end_to_end
    with Client.of_sandbox(switch.credentials_file, "indus-bank") as asker, client_of(switch) as payer:
        asker.send(document)
        payer.pay(paid)
        switch.wait_until_dead(within_s=90)
        switch.start()
        switch.wait_until_ready()
        ends = time.monotonic() + ENDED_WITHIN_S
        while (found := asker.read("requests-to-pay")[0])["state"] != "paid":
            assert time.monotonic() < ends, found
            time.sleep(0.5)
        messages = [each for each in asker.entries("messages") if each["definition"].startswith("pain.014")]

    assert found["payment"] == transfer["PmtId"]["UETR"]
    assert [each["sender"] for each in messages] == ["payswitch"]
