"""Files of payments that the switch takes: each line an ordinary payment, once, with its own end."""

import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.simulation.magic import magic_account
from schemas import codec
from switch import cli
from switch.clients.python import Client, SigningKey
from switch.clients.python.bulk import lines
from switch.clients.python.problems import NotFound, RequestRefused
from tests.clients.test_payment_files import XML, content_of_pain_002, line, lines_of, written
from tests.switch.payments.test_payments import credited
from tests.switch.stack import Stack

WITHIN_S = 60


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client.of_sandbox(stack.settings.credentials_file, "asha-bank") as client:
        yield client


def until(client: Client, file: dict[str, Any], *states: str) -> dict[str, Any]:
    """The file, once it has one of these states."""
    ends = time.monotonic() + WITHIN_S
    while file["state"] not in states:
        assert time.monotonic() < ends, file
        time.sleep(0.2)
        file = client.read(f"payment-files/{file['id']}")
    return file


def report_of(client: Client, file: dict[str, Any]) -> dict[str, Any]:
    return content_of_pain_002(client.file_report(file["id"]))


def test_each_line_is_an_ordinary_payment_and_the_same_file_doubles_nothing(
    stack: Stack, client: Client, tmp_path: Path
) -> None:
    stated = str(uuid.uuid4())
    path = written(
        tmp_path / "salaries.xml",
        [
            *(line() for _ in range(70)),
            line(uetr=stated),
            line(bic="NOPEPKKA"),
            line(magic_account("PK", "AC04")),
            line(amount="0"),
            line(name="N" * 200),
        ],
    )
    content = path.read_bytes()

    first = client.hand_in(content)
    again = client.hand_in(content)
    ended = until(client, first, "ended", "refused")
    late = client.hand_in(content)

    assert (first["id"], first["state"]) == (again["id"], "received")
    assert late == ended
    assert ended["by_status"] == {"ACCC": 71, "RJCT": 4}, ended
    assert (ended["group_status"], ended["lines"]) == ("PART", 75)
    uetrs = [each.uetr for each in lines_of(path)]
    book = credited(stack, "PK")
    assert [book[uuid.UUID(each)] for each in uetrs] == [1] * 71 + [0] * 4
    listed = list(client.entries(f"payment-files/{first['id']}/lines", limit="30"))
    assert [each["uetr"] for each in listed] == uetrs
    assert [each["reason"] for each in listed[71:]] == ["RC04", "AC04", "AM12", "FF01"]
    (batch,) = report_of(client, ended)["OrgnlPmtInfAndSts"]
    assert [each["TxSts"] for each in batch["TxInfAndSts"]] == [each["status"] for each in listed]
    assert client.payment(stated).status == "ACCC"
    for status in ("ACCC", "RJCT", "RCVD"):
        some = list(client.entries(f"payment-files/{first['id']}/lines", limit="3", status=status))
        assert some == [each for each in listed if each["status"] == status]


def test_a_rejected_line_states_its_place_rule_and_remedy_as_a_refused_payment_does(
    client: Client, tmp_path: Path
) -> None:
    path = written(
        tmp_path / "salaries.xml",
        [
            line(),
            line("PK60SAND0000000000000002"),  # of the rules
            line(bic="NOPEPKKA"),  # of the route
            line(magic_account("PK", "AC04")),  # of the rail
            line(amount="0"),  # of the check of the file
            line(name="N" * 200),  # of the schema
        ],
    )

    ended = until(client, client.hand_in(path.read_bytes()), "ended")

    listed = list(client.entries(f"payment-files/{ended['id']}/lines"))
    (batch,) = report_of(client, ended)["OrgnlPmtInfAndSts"]
    reported = [each.get("StsRsnInf", [{}])[0].get("AddtlInf", []) for each in batch["TxInfAndSts"]]
    assert [listed[0][name] for name in ("reason", "detail", "remedy")] == [None, None, None]
    for rejected, texts in zip(listed[1:], reported[1:], strict=True):
        assert rejected["status"] == "RJCT"
        stated = (
            client.payment(rejected["uetr"]).detail if rejected["reason"] not in {"AM12", "FF01"} else None
        )
        assert rejected["detail"] == stated or stated is None, rejected
        whole = f"{rejected['detail'] or ''} To do: {rejected['remedy']}".strip()
        assert "".join(texts) == whole
        assert not any(personal in whole for personal in ("SAND", "NNN", "Bilal", "NOPE"))
    assert [each["reason"] for each in listed[1:]] == ["AC03", "RC04", "AC04", "AM12", "FF01"]
    assert listed[1]["detail"].endswith("[iban]")
    assert listed[1]["remedy"].startswith("Correct the IBAN")
    assert listed[2]["detail"].startswith("FIToFICstmrCdtTrf/CdtTrfTxInf/CdtrAgt")
    assert listed[5]["detail"].endswith("Cdtr/Nm: must have 1 to 140 characters [length]"), listed[5]
    assert listed[5]["remedy"].startswith("Shorten")


def test_the_end_of_a_file_is_among_the_messages_of_its_sender(client: Client, tmp_path: Path) -> None:
    path = written(tmp_path / "salaries.xml", [line(), line(magic_account("PK", "AC04"))])

    ended = until(client, client.hand_in(path.read_bytes()), "ended")

    found = [each for each in client.entries("messages") if each["definition"].startswith("pain.002")]
    (message,) = [
        each["message"]["Document"]["CstmrPmtStsRpt"]
        for each in found
        if each["message"]["Document"]["CstmrPmtStsRpt"]["GrpHdr"]["MsgId"] == uuid.UUID(ended["id"]).hex
    ]
    group = message["OrgnlGrpInfAndSts"]
    assert (group["OrgnlMsgId"], group["GrpSts"]) == (ended["message_id"], "PART")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [(line(amount="0"), "AM12"), (line(bic="NOPEPKKA"), "RC04"), (line(amount="1.001"), "AM12")],
)
def test_a_whole_file_is_sent_only_if_every_line_can_be(
    stack: Stack, client: Client, tmp_path: Path, bad: str, reason: str
) -> None:
    path = written(tmp_path / "salaries.xml", [line(), bad, line()])

    refused = until(client, client.hand_in(path.read_bytes(), whole=True), "refused", "ended")

    assert (refused["state"], refused["reason"], refused["group_status"]) == ("refused", reason, "RJCT"), (
        refused
    )
    assert refused["detail"].startswith("line 2: ")
    assert {credited(stack, "PK")[uuid.UUID(each.uetr)] for each in lines_of(path)} == {0}


def test_a_whole_file_without_a_fault_is_paid(client: Client, tmp_path: Path) -> None:
    path = written(tmp_path / "salaries.xml", [line(), line()])

    ended = until(client, client.hand_in(path.read_bytes(), whole=True), "refused", "ended")

    assert ended["by_status"] == {"ACCC": 2}
    assert ended["group_status"] == "ACCC"


def two_with_one_uetr(path: Path) -> Path:
    uetr = str(uuid.uuid4())
    return written(path, [line(uetr=uetr), line(uetr=uetr)])


@pytest.mark.parametrize(
    ("make", "detail"),
    [
        (lambda path: written(path, [line()], count=2), "NbOfTxs states 2"),
        (lambda path: written(path, [line()], total="1.00"), "CtrlSum states 1.00"),
        (two_with_one_uetr, "the same UETR"),
        (lambda path: written(path, []), "no payments"),
        (lambda path: written(path, [line(amount="0")]), "none of its lines"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    client: Client, tmp_path: Path, make: Any, detail: str
) -> None:
    path = make(tmp_path / "salaries.xml")

    refused = until(client, client.hand_in(path.read_bytes()), "refused", "ended")

    assert refused["state"] == "refused"
    assert detail in refused["detail"]
    with pytest.raises(NotFound):
        client.file_report(refused["id"])


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"<a/>", "no payments"),
        (b"not XML at all", "well-formed"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "no document type"),
        ('<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"), "UTF-8"),
        (b'<?xml version="1.0" encoding="cp037"?><a/>', "UTF-8"),
        (b"<a>" * 100, "nested too deeply"),
        (b"<a>" + b"x" * (2 * 1024 * 1024), "longer than"),
    ],
)
def test_what_is_no_file_of_payments_is_refused(client: Client, content: bytes, detail: str) -> None:
    refused = until(client, client.hand_in(content + f"<!-- {uuid.uuid4()} -->".encode()), "refused")

    assert (refused["reason"], detail in refused["detail"]) == ("FF01", True), refused


def test_another_file_with_the_same_message_id_is_refused(client: Client, tmp_path: Path) -> None:
    path = written(tmp_path / "salaries.xml", [line()])
    content = path.read_bytes()
    until(client, client.hand_in(content), "ended")

    refused = until(client, client.hand_in(content.replace(b"100.00", b"100.01")), "refused", "ended")

    assert (refused["state"], refused["reason"]) == ("refused", "DU01")


def test_a_line_that_the_bank_has_sent_itself_is_not_paid_again(
    stack: Stack, client: Client, tmp_path: Path
) -> None:
    """The file makes the same UETR, whoever sends its lines."""
    path = written(tmp_path / "salaries.xml", [line(), line()])
    first, second = lines_of(path)
    paid = client.pay(lines.message(first, datetime.now(UTC)), media_type=XML, wait=20)
    assert paid.status == "ACCC"

    ended = until(client, client.hand_in(path.read_bytes()), "ended")

    assert ended["by_status"] == {"ACCC": 1, "RJCT": 1}
    (rejected, _) = client.entries(f"payment-files/{ended['id']}/lines")
    assert (rejected["uetr"], rejected["reason"]) == (first.uetr, "AM05")
    assert [credited(stack, "PK")[uuid.UUID(each.uetr)] for each in (first, second)] == [1, 1]


def test_the_rest_of_a_file_is_cancelled(stack: Stack, client: Client, tmp_path: Path) -> None:
    path = written(tmp_path / "salaries.xml", [line() for _ in range(600)])
    file = client.hand_in(path.read_bytes())
    until(client, file, "sending")

    client.change("DELETE", f"payment-files/{file['id']}")
    ended = until(client, file, "ended")

    counts = ended["by_status"]
    assert counts.keys() <= {"ACCC", "CANC"}
    assert counts["CANC"] > 0
    assert ended["cancelled_at"]
    book = credited(stack, "PK")
    assert sum(book[uuid.UUID(each.uetr)] for each in lines_of(path)) == counts.get("ACCC", 0)
    again = client.change("DELETE", f"payment-files/{file['id']}")
    assert again == ended


@pytest.mark.long
@pytest.mark.timeout(600)
def test_each_line_of_a_large_file_that_is_cancelled_while_it_is_sent_is_paid_once_or_never(
    stack: Stack, client: Client, tmp_path: Path
) -> None:
    """10,000 lines; it is cancelled by several requests at once, and handed in again."""
    path = written(tmp_path / "salaries.xml", [line(amount="1.00") for _ in range(10_000)])
    content = path.read_bytes()
    file = client.hand_in(content)
    while not client.read(f"payment-files/{file['id']}")["by_status"].get("ACCC"):
        time.sleep(0.05)

    with ThreadPoolExecutor(4) as pool:
        stopped = list(pool.map(lambda _: client.change("DELETE", f"payment-files/{file['id']}"), range(4)))
    ends = time.monotonic() + 240
    while client.hand_in(content)["state"] != "ended":
        assert time.monotonic() < ends
        time.sleep(0.5)
    ended = client.read(f"payment-files/{file['id']}")
    at_end = credited(stack, "PK")
    time.sleep(2)

    counts, book = ended["by_status"], credited(stack, "PK")
    assert book == at_end
    assert len({each["cancelled_at"] for each in stopped} | {ended["cancelled_at"]}) == 1
    assert sum(counts.values()) == 10_000
    assert counts.keys() <= {"ACCC", "CANC", "RJCT"}
    assert counts["CANC"] > 9_000, counts
    for each in client.entries(f"payment-files/{file['id']}/lines", limit="500"):
        assert book[uuid.UUID(each["uetr"])] == (each["status"] == "ACCC"), each


def test_to_cancel_a_file_that_has_ended_changes_nothing_and_says_so(client: Client, tmp_path: Path) -> None:
    file = client.hand_in(written(tmp_path / "salaries.xml", [line()]).read_bytes())
    ended = until(client, file, "ended")

    answer = client.change("DELETE", f"payment-files/{file['id']}")

    assert answer == ended
    assert (answer["state"], answer["cancelled_at"], answer["by_status"]) == ("ended", None, {"ACCC": 1})


def test_nobody_else_sees_a_file(stack: Stack, client: Client, tmp_path: Path) -> None:
    file = client.hand_in(written(tmp_path / "salaries.xml", [line()]).read_bytes())
    with Client.of_sandbox(stack.settings.credentials_file, "noor-wallet") as other:
        for resource in ("", "/lines", "/report"):
            with pytest.raises(NotFound):
                other.read(f"payment-files/{file['id']}{resource}")
        with pytest.raises(NotFound):
            other.change("DELETE", f"payment-files/{file['id']}")
        assert file["id"] not in [each["id"] for each in other.entries("payment-files")]
    assert file["id"] in [each["id"] for each in client.entries("payment-files", limit="1")]


def test_a_file_that_its_sender_did_not_sign_is_not_kept(
    stack: Stack, client: Client, tmp_path: Path
) -> None:
    """Another key, and a body that is not the signed one."""
    content = written(tmp_path / "salaries.xml", [line()]).read_bytes()
    before = len(list(client.entries("payment-files")))
    stranger = Client(stack.url, key=SigningKey.generate("asha-bank-1"))
    with stranger, pytest.raises(RequestRefused) as refused:
        stranger.hand_in(content)
    assert refused.value.status == 401
    with changing(stack, content) as other, pytest.raises(RequestRefused) as refused:
        other.hand_in(content)
    assert refused.value.status == 401
    assert len(list(client.entries("payment-files"))) == before


def changing(stack: Stack, content: bytes) -> Client:
    """A client whose bytes are changed on their way."""

    class Changed(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            raw = request.read().replace(b"100.00", b"900.00")
            return super().handle_request(
                httpx.Request(request.method, request.url, headers=request.headers, content=raw)
            )

    found = Client.of_sandbox(stack.settings.credentials_file, "asha-bank")
    assert b"100.00" in content
    return Client(
        stack.url, key=found._resources._key, http=httpx.Client(transport=Changed(), trust_env=False)
    )


def test_a_file_is_handed_in_by_the_command_line(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
    monkeypatch.setenv("PAYSWITCH_PORT", str(stack.settings.port))
    path, answer = written(tmp_path / "salaries.xml", [line(), line()]), tmp_path / "answer.xml"
    torn = written(tmp_path / "torn.xml", [line()], count=2)

    code = cli.run(["bulk", "hand-in", str(path), "--participant", "asha-bank", "--report", str(answer)])
    found = json.loads(capfd.readouterr().out)
    refused = cli.run(["bulk", "hand-in", str(torn), "--participant", "asha-bank"])

    assert (code, found["state"], found["by_status"]) == (0, "ended", {"ACCC": 2})
    assert codec.decode(answer.read_bytes(), media_type=XML, expect="pain.002")
    assert (refused, "NbOfTxs states 2" in capfd.readouterr().err) == (1, True)
