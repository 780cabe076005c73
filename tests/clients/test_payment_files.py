"""A pain.001 of many lines: each an ordinary payment, once, whatever ends the program that sends it."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.pakistan.country import IBAN
from adapters.simulation.magic import magic_account
from schemas import codec, rules
from switch import cli
from switch.clients import python
from switch.clients.python import Client
from switch.clients.python import bulk as bulk_files
from switch.clients.python.bulk import FileRefused, lines, sending
from tests.docs.blocks import blocks
from tests.switch.payments.test_payments import credited
from tests.switch.stack import Stack

ROOT = Path(__file__).parents[2]
XML = "application/xml"
PAIN = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"


def line(
    account: str = "",
    *,
    bic: str = "INDUPKKA",
    amount: str = "100.00",
    uetr: str = "",
    more: str = "",
    name: str = "Bilal Khan",
    reference: str = "",
) -> str:
    identity = f"<UETR>{uetr}</UETR>" if uetr else ""
    iban = account or magic_account("PK", "")
    return (
        f"<CdtTrfTxInf><PmtId><EndToEndId>{reference or uuid.uuid4().hex}</EndToEndId>{identity}</PmtId>"
        f'<Amt><InstdAmt Ccy="INR">{amount}</InstdAmt></Amt>'
        f"<CdtrAgt><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></CdtrAgt>"
        f"<Cdtr><Nm>{escape(name)}</Nm></Cdtr><CdtrAcct><Id><IBAN>{iban}</IBAN></Id></CdtrAcct>"
        f"<Purp><Cd>SALA</Cd></Purp><RmtInf><Ustrd>salary</Ustrd></RmtInf>{more}</CdtTrfTxInf>"
    )


def written(
    path: Path, lines: Iterable[str], *, count: int | None = None, total: str | None = None, day: str = ""
) -> Path:
    """A file of one batch; by default with the right number of lines, and without a sum."""
    made = list(lines)
    now = datetime.now(UTC)
    control = f"<CtrlSum>{total}</CtrlSum>" if total else ""
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{PAIN}"><CstmrCdtTrfInitn><GrpHdr>'
        f"<MsgId>{uuid.uuid4().hex}</MsgId><CreDtTm>{now.isoformat(timespec='seconds')}</CreDtTm>"
        f"<NbOfTxs>{len(made) if count is None else count}</NbOfTxs>{control}"
        "<InitgPty><Nm>Rao Textiles</Nm></InitgPty></GrpHdr>"
        f"<PmtInf><PmtInfId>B1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>{day or now.date()}</Dt></ReqdExctnDt>"
        "<Dbtr><Nm>Rao Textiles</Nm></Dbtr><DbtrAcct><Id><Othr><Id>asha@okbank</Id></Othr></Id></DbtrAcct>"
        "<DbtrAgt><FinInstnId><BICFI>ASHAINBB</BICFI></FinInstnId></DbtrAgt>"
        f"{''.join(made)}</PmtInf></CstmrCdtTrfInitn></Document>"
    )
    return path


def lines_of(path: Path) -> list[lines.PaymentLine]:
    return [each for each in lines.read(path) if isinstance(each, lines.PaymentLine)]


@pytest.fixture
def client(stack: Stack) -> Any:
    with Client.of_sandbox(stack.settings.credentials_file, "asha-bank") as client:
        yield client


def content_of_pain_002(raw: bytes) -> dict[str, Any]:
    """A report, which is valid by its schema and by the rules for its figures."""
    message = codec.decode(raw, media_type=XML, expect="pain.002")
    assert rules.refusals(rules.check(message)) == []
    content: dict[str, Any] = message.document["CstmrPmtStsRpt"]
    return content


def pain_002(path: Path) -> dict[str, Any]:
    answer = path.with_suffix(".pain.002")
    bulk_files.report(path, answer)
    return content_of_pain_002(answer.read_bytes())


def test_each_line_is_an_ordinary_payment_and_a_file_sent_again_doubles_nothing(
    stack: Stack, client: Client, tmp_path: Path
) -> None:
    stated = str(uuid.uuid4())
    path = written(
        tmp_path / "salaries.xml",
        [
            *(line() for _ in range(20)),
            line(uetr=stated),
            line(bic="NOPEPKKA"),
            line(magic_account("PK", "AC04")),
            line(amount="0"),
            line(more="<Tax><Mtd>x</Mtd></Tax><MndtRltdInf/>"),
        ],
    )

    first = bulk_files.send(client, path)
    again = bulk_files.send(client, path)

    assert first.by_status == {"ACCC": 21, "RJCT": 4}, first
    assert (first.done, again.by_status) == (True, first.by_status)
    uetrs = [each.uetr for each in lines_of(path)]
    assert uetrs[20] == stated
    book = credited(stack, "PK")
    assert [book[uuid.UUID(each)] for each in uetrs] == [1] * 21 + [0] * 4
    report = pain_002(path)
    (batch,) = report["OrgnlPmtInfAndSts"]
    assert report["OrgnlGrpInfAndSts"]["GrpSts"] == "PART"
    reasons = [each["StsRsnInf"][0]["Rsn"]["Cd"] for each in batch["TxInfAndSts"][21:]]
    assert reasons == ["RC04", "AC04", "AM12", "NARR"]


def test_a_whole_file_is_sent_only_if_every_line_can_be(client: Client, tmp_path: Path) -> None:
    for bad in (line(amount="0"), line(bic="NOPEPKKA")):
        path = written(tmp_path / f"{uuid.uuid4()}.xml", [line(), bad])

        with pytest.raises(FileRefused, match="nothing was sent: "):
            bulk_files.send(client, path, whole=True)
        assert bulk_files.reading(path).progress().by_status == {"RCVD": 2}

    good = bulk_files.send(client, written(tmp_path / "good.xml", [line(), line()]), whole=True)
    assert good.by_status == {"ACCC": 2}


def bulk(stack: Stack, path: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "switch.cli", "bulk", "send", str(path), "--participant", "asha-bank"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PAYSWITCH_DATA": str(stack.settings.data)}
    return subprocess.Popen(
        [*command, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def until_learnt(path: Path, number: int) -> None:
    journal = bulk_files.journal_of(path)
    ends = time.monotonic() + 60
    while not journal.exists() or journal.read_text().count('"line"') < number:
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.long
def test_a_kill_in_the_middle_loses_and_doubles_nothing(stack: Stack, client: Client, tmp_path: Path) -> None:
    path = written(tmp_path / "killed.xml", [line() for _ in range(120)])
    for at in (10, 40):
        with bulk(stack, path, "--at-once", "4") as process:
            until_learnt(path, at)
            process.send_signal(signal.SIGKILL)
    journal = bulk_files.journal_of(path)
    with journal.open("ab") as file:  # what a machine that loses its power leaves
        file.write(b'{"line": 77, "sta')

    with bulk(stack, path) as process:
        assert process.wait(120) == 0

    assert bulk_files.reading(path).progress().by_status == {"ACCC": 120}
    book = credited(stack, "PK")
    assert Counter(book[uuid.UUID(each.uetr)] for each in lines_of(path)) == {1: 120}


def test_the_rest_of_a_file_is_cancelled_and_stays_so(stack: Stack, client: Client, tmp_path: Path) -> None:
    path = written(tmp_path / "cancelled.xml", [line() for _ in range(200)])
    with bulk(stack, path, "--at-once", "2") as process:
        until_learnt(path, 5)
        bulk_files.cancel(path)
        assert process.wait(120) == 0

    before = bulk_files.reading(path).progress()
    after = bulk_files.send(client, path)

    assert before.cancelled
    assert before.by_status.keys() == {"ACCC", "CANC"}
    assert (after.by_status, after.done) == (before.by_status, True)
    book = credited(stack, "PK")
    assert sum(book[uuid.UUID(each.uetr)] for each in lines_of(path)) == before.by_status["ACCC"]
    assert pain_002(path)["OrgnlGrpInfAndSts"]["GrpSts"] == "PART"


def test_to_cancel_a_file_of_which_all_was_sent_says_that_nothing_was_left(
    client: Client, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sent, begun = written(tmp_path / "sent.xml", [line()]), written(tmp_path / "begun.xml", [line(), line()])
    bulk_files.send(client, sent)
    with sending._writing(begun, bulk_files.journal_of(begun), whole=False) as journal:
        journal.begin(1)

    codes, printed = [], []
    for path in (sent, begun, begun):
        codes.append(cli.run(["bulk", "cancel", str(path)]))
        printed.append(json.loads(capfd.readouterr().out))
    first, *others = printed
    after = bulk_files.send(client, begun)

    assert codes == [1, 0, 0]
    assert (first["cancelled"], first["done"], first["by_status"]) == (False, True, {"ACCC": 1})
    assert [each["cancelled"] for each in others] == [True, True]
    assert after.by_status == {"CANC": 2}
    assert not bulk_files.cancel(sent)
    assert bulk_files.cancel(begun)


def test_two_programs_do_not_send_one_file(client: Client, tmp_path: Path) -> None:
    path = written(tmp_path / "twice.xml", [line()])
    with sending._writing(path, bulk_files.journal_of(path), whole=False):
        with pytest.raises(FileRefused, match="another program"):
            bulk_files.send(client, path)


def test_a_changed_file_is_not_resumed_by_the_journal_of_another(client: Client, tmp_path: Path) -> None:
    path = written(tmp_path / "changed.xml", [line()])
    bulk_files.send(client, path)
    written(path, [line(), line()])

    with pytest.raises(FileRefused, match="another file"):
        bulk_files.send(client, path)


@pytest.mark.parametrize(
    ("content", "changed", "why"),
    [
        ([line()], {"count": 2}, "NbOfTxs states 2 payments, and there are 1"),
        ([line()], {"total": "100.01"}, "CtrlSum states 100.01, and the sum is 100.00"),
        ([], {}, "no payments"),
        ([line(uetr=str(uuid.UUID(int=0x4000_8000_0000_0000_0000, version=4)))] * 2, {}, "the same UETR"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    tmp_path: Path, content: list[str], changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(FileRefused, match=why):
        lines.check(written(tmp_path / "wrong.xml", content, **changed))


@pytest.mark.parametrize(
    "text",
    ["", "<a/>", f'<!DOCTYPE a><Document xmlns="{PAIN}"/>', "<Document", PAIN],
)
def test_what_is_no_pain_001_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.xml"
    path.write_text(text)
    with pytest.raises(FileRefused):
        lines.check(path)


def test_an_older_version_and_a_later_day_are_refused(tmp_path: Path) -> None:
    old = written(tmp_path / "old.xml", [line()])
    old.write_text(old.read_text().replace("001.001.09", "001.001.03"))
    with pytest.raises(FileRefused, match="or later"):
        lines.check(old)

    later = written(tmp_path / "later.xml", [line()], day="2099-01-01")
    (only,) = lines_of(later)
    assert only.fault is not None
    assert only.fault[0] == "DT04"
    assert lines.check(later, date(2099, 1, 1)).faulty == ()


def test_a_line_becomes_a_valid_pacs_008_with_everything_that_it_states(tmp_path: Path) -> None:
    more = "<RgltryRptg><Dtls><Inf>trade</Inf></Dtls></RgltryRptg>"
    made = line(
        IBAN.of("SAND" + "7" * 16), name="Билал & сын <дом>", amount="1234.50", reference="E2E-1"
    ).replace("<RmtInf>", more + "<RmtInf>")
    path = written(tmp_path / "one.xml", [made])
    (only,) = lines_of(path)

    raw = lines.message(only, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    message = codec.decode(raw, media_type=XML, expect="pacs.008")
    (transaction,) = message.content["CdtTrfTxInf"]

    assert rules.refusals(rules.check(message)) == [], rules.check(message)
    assert raw == lines.message(only, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert only.uetr == lines_of(path)[0].uetr
    assert transaction["Cdtr"]["Nm"] == "Билал & сын <дом>"
    assert Decimal(transaction["IntrBkSttlmAmt"]["Amt"]) == Decimal("1234.50")
    assert (transaction["Purp"]["Cd"], transaction["RgltryRptg"][0]["Dtls"][0]["Inf"]) == ("SALA", ["trade"])
    assert transaction["PmtId"]["EndToEndId"] == "E2E-1"


def test_the_uetr_of_a_line_depends_on_the_debtor_the_message_and_the_place() -> None:
    made = {
        lines.derived(agent, account, message, number)
        for agent in ("ASHAINBB", "GANGINBB")
        for account in ("1", "2")
        for message in ("A", "B")
        for number in (1, 2)
    }

    assert len(made) == 16
    assert {uuid.UUID(each).version for each in made} == {4}
    assert lines.derived("ASHAINBBXXX", "1 ", "A", 1) in made


@pytest.mark.long
@settings(max_examples=50, deadline=None)
@given(size=st.integers(1, 5000))
def test_a_file_is_read_alike_in_whatever_pieces_it_arrives(size: int) -> None:
    content = A_FILE
    reader, found = lines.FileReader(), []
    for at in range(0, len(content), size):
        found += list(reader.feed(content[at : at + size]))
    found += list(reader.end())

    assert [described(each) for each in found] == AS_A_WHOLE


def described(found: lines.FileHeader | lines.PaymentLine) -> tuple[object, ...]:
    if isinstance(found, lines.FileHeader):
        return (found,)
    return found.number, found.uetr, found.fault, lines.message(found, datetime(2026, 11, 23, tzinfo=UTC))


def made(count: int) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        return written(Path(place) / "file.xml", [line() for _ in range(count)]).read_bytes()


A_FILE = made(12)
_WHOLE = lines.FileReader()
AS_A_WHOLE = [described(each) for each in (*_WHOLE.feed(A_FILE), *_WHOLE.end())]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"<a>" * 65, "nested too deeply"),
        (b'<?xml version="1.0" encoding="cp037"?><a/>', "UTF-8"),
        (b"\xff\xfe<\0a\0", "UTF-8"),
        (b"<!-- " + b"x" * 70_000, "no message begins"),
        (b"<a>" + b"<b/>" * 300_000, "longer than"),
        (A_FILE.replace(b"<CdtTrfTxInf>", b"<X/>" * 65 + b"<CdtTrfTxInf>", 1), "beside its lines"),
        (A_FILE[:-20], "well-formed"),
    ],
)
def test_what_would_fill_the_memory_or_is_torn_is_refused(content: bytes, text: str) -> None:
    reader = lines.FileReader()
    with pytest.raises(FileRefused, match=text):
        for _ in (*reader.feed(content), *reader.end()):
            pass


def test_memory_holds_a_few_lines_at_a_time(tmp_path: Path) -> None:
    """Ten times the lines: the peak grows by less than a tenth of the file."""
    small = written(tmp_path / "small.xml", (line() for _ in range(300)))
    large = written(tmp_path / "large.xml", (line() for _ in range(3_000)))
    peaks = []
    for path in (small, large):
        tracemalloc.start()
        assert sum(1 for _ in lines.read(path)) > 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] - peaks[0] < large.stat().st_size / 10


def test_the_page_for_integrators_is_done_as_it_is_printed(
    stack: Stack,
    client: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    _, _, shell, program = (b for b in blocks() if b.page == "docs/integrate/bulk.md")
    path = written(tmp_path / "salaries.xml", [line(), line()])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
    monkeypatch.setitem(sys.modules, "payswitch_client", python)
    monkeypatch.setattr(python, "bulk", bulk_files, raising=False)
    names: dict[str, Any] = {}
    exec(program.text, names)

    names["pay"](client)
    for typed in shell.commands():
        words = shlex.split(typed)[1:]
        if "--url" in words:
            words = [*words[: words.index("--url")], "--participant", "asha-bank"]
        nothing_left = words[:2] == ["bulk", "cancel"]  # every line was sent
        assert cli.run(words) == (1 if nothing_left else 0), capfd.readouterr()

    assert "ACCC': 2" in capfd.readouterr().out
    assert pain_002(path)["OrgnlGrpInfAndSts"]["GrpSts"] == "ACCC"
    assert (tmp_path / "salaries.pain.002.xml").exists()


def test_the_file_of_the_page_is_paid_in_part(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As the page says: one line is credited, and the text of the other's refusal is with its payment."""
    example, shell, *_ = (b for b in blocks() if b.page == "docs/integrate/bulk.md")
    assert example.file == "salaries.xml"
    (tmp_path / example.file).write_text(example.text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
    (typed,) = shell.commands()

    assert cli.run(shlex.split(typed)[1:]) == 0, capfd.readouterr()

    group = content_of_pain_002((tmp_path / "salaries.pain.002.xml").read_bytes())
    lines_of = group["OrgnlPmtInfAndSts"][0]["TxInfAndSts"]
    assert group["OrgnlGrpInfAndSts"]["GrpSts"] == "PART"
    assert [found["TxSts"] for found in lines_of] == ["ACCC", "RJCT"]
    assert lines_of[1]["StsRsnInf"][0]["Rsn"]["Cd"] == "AC03"
    capfd.readouterr()
    assert cli.run(["payment", lines_of[1]["OrgnlUETR"], "--participant", "asha-bank"]) == 0
    assert "check digits are wrong" in capfd.readouterr().out
