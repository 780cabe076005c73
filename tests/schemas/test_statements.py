"""Statements as large as files may be: every element of the most compact one is taken, in bounded memory."""

import json
import subprocess
import sys

import pytest

from schemas import codec, files, gates
from schemas.errors import MessageTooLarge
from tests.schemas.corpus import REPOSITORY

HEAD = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId>'
    "<CreDtTm>2026-11-23T10:00:00Z</CreDtTm></GrpHdr><Stmt><Id>S</Id><Acct><Id><Othr><Id>1</Id></Othr></Id>"
    "</Acct><Bal><Tp><CdOrPrtry><Cd>CLAV</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>1</Amt><CdtDbtInd>CRDT</CdtDbtInd>"
    "<Dt><Dt>2026-11-23</Dt></Dt></Bal>"
)
ENTRY = (
    "<Ntry><Amt Ccy='EUR'>1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BkTxCd><Domn><Cd>PMNT</Cd>"
    "<Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><RltdPties><Dbtr>"
    "<Pty><Nm>Asha</Nm></Pty></Dbtr></RltdPties></TxDtls></NtryDtls></Ntry>"
)
TAIL = "</Stmt></BkToCstmrStmt></Document>"
SIZE = 6 << 20


def statement(size: int) -> bytes:
    number = (size - len(HEAD) - len(TAIL)) // len(ENTRY)
    return f"{HEAD}{ENTRY * number}{TAIL}".encode()


MEASURED = """
import json, resource, sys
from schemas import files
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = files.check_bytes(open(sys.argv[1], "rb").read(), "statement.xml")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"valid": report.valid, "mib": (after - before) / 1024}))
"""


def test_a_compact_statement_is_read_whole_in_memory_that_is_bounded(tmp_path):
    raw = statement(SIZE)
    (tmp_path / "statement.xml").write_bytes(raw)
    elements = raw.count(b"<") - raw.count(b"</")
    assert elements / len(raw) > 1 / 19, "as compact as they come"
    assert len(raw) / elements > gates._BYTES_PER_ELEMENT

    found = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path / "statement.xml")],
        capture_output=True,
        check=True,
        cwd=REPOSITORY,
    )

    measured = json.loads(found.stdout)
    assert measured["valid"]
    assert measured["mib"] < 30 * SIZE / (1 << 20)


def test_the_same_statement_in_json_is_taken_too(tmp_path):
    message = codec.inspect(statement(1 << 20), media_type=codec.XML, max_bytes=files.MAX_BYTES)
    as_json = codec.encode(message.id, message.document, media_type=codec.JSON)

    assert (
        codec.inspect(as_json, media_type=codec.JSON, max_bytes=files.MAX_BYTES).document == message.document
    )


@pytest.mark.parametrize("media_type", [codec.XML, codec.JSON])
def test_what_is_all_elements_is_refused_at_once(media_type):
    raw = f"{HEAD}{'<A/>' * 100_000}{TAIL}".encode()
    if media_type == codec.JSON:
        raw = ("{" + '"a":"b",' * 100_000 + '"a":"b"}').encode()

    with pytest.raises(MessageTooLarge) as refusal:
        codec.inspect(raw, media_type=media_type, max_bytes=1 << 20)

    assert refusal.value.rule == "elements"
