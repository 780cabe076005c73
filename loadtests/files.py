"""`python -m loadtests files [--lines N]`: CPU and memory of a file of payments that the switch takes.

The bank of a sandbox hands in a pain.001 of so many lines to another rail. Counted are CPU of each process
until the file has ended, and the memory that each process has for itself: before, and its most.
"""

import argparse
import contextlib
import json
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil

from loadtests.measure import Options, Target, name_of, of_target
from loadtests.memory import sample
from loadtests.systems import payswitch, verified
from switch.clients.python import Client, SigningKey

SENDER, AGENT, ACCOUNT = "asha-bank", "INDUPKKA", "PK60SAND0000000000000001"
_WITHIN_S: Final = 3600.0
_EVERY_S: Final = 0.5


def main(arguments: Sequence[str]) -> int:
    """Measure, and print the figures as JSON; exit code 1 if a line was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m loadtests files")
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="for the other benchmarks' sake: it always is")
    lines = parser.parse_args(arguments).lines
    options = Options(0, 1, 1, "xml", 0.0, against_naive=False)
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "data"
        with payswitch(directory, options) as target:
            found = measured(target, lines)
            found["checks"] = verified(directory)
    print(json.dumps(found, indent=2))
    paid = found["by_status"] == {"ACCC": lines}
    return 0 if paid and all(found["checks"].values()) else 1


def measured(target: Target, lines: int) -> dict[str, Any]:
    """Hand a file in and follow it to its end."""
    keyid, pem = target.keys[SENDER]
    content = "".join(parts_of(lines)).encode()
    before, most = sample(target.roots), dict[str, float]()
    used, began = _cpu(target), time.monotonic()
    with Client(f"http://127.0.0.1:{target.port}", key=SigningKey.from_pem(keyid, pem)) as client:
        file = client.hand_in(content)
        kept_s = time.monotonic() - began
        while file["state"] not in {"ended", "refused"} and time.monotonic() - began < _WITHIN_S:
            time.sleep(_EVERY_S)
            for name, mib in sample(target.roots).items():
                most[name] = max(most.get(name, 0.0), mib)
            file = client.read(f"payment-files/{file['id']}")
    seconds = time.monotonic() - began
    cpu = {name: spent - used.get(name, 0.0) for name, spent in _cpu(target).items()}
    return {
        "lines": lines,
        "bytes": len(content),
        "kept_s": round(kept_s, 2),
        "seconds": round(seconds, 1),
        "by_status": file["by_status"],
        "cpu_us_per_line": {
            name: round(s * 1e6 / lines) for name, s in sorted(cpu.items()) if s * 1e6 >= lines
        },
        "mib_before_and_most": {
            name: [round(before.get(name, 0.0), 1), round(mib, 1)] for name, mib in sorted(most.items())
        },
    }


def parts_of(lines: int) -> Iterator[str]:
    """A file of one batch."""
    now = datetime.now(UTC)
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn><GrpHdr>'
        f"<MsgId>{uuid.uuid4().hex}</MsgId><CreDtTm>{now.isoformat(timespec='seconds')}</CreDtTm>"
        f"<NbOfTxs>{lines}</NbOfTxs><InitgPty><Nm>Rao Textiles</Nm></InitgPty></GrpHdr><PmtInf>"
        f"<PmtInfId>B1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>{now.date()}</Dt></ReqdExctnDt>"
        "<Dbtr><Nm>Rao Textiles</Nm></Dbtr><DbtrAcct><Id><Othr><Id>asha@okbank</Id></Othr></Id></DbtrAcct>"
        "<DbtrAgt><FinInstnId><BICFI>ASHAINBB</BICFI></FinInstnId></DbtrAgt>"
    )
    for number in range(1, lines + 1):
        yield (
            f"<CdtTrfTxInf><PmtId><EndToEndId>SALARY-{number}</EndToEndId></PmtId>"
            f'<Amt><InstdAmt Ccy="INR">100.00</InstdAmt></Amt>'
            f"<CdtrAgt><FinInstnId><BICFI>{AGENT}</BICFI></FinInstnId></CdtrAgt>"
            f"<Cdtr><Nm>Bilal Khan {number}</Nm></Cdtr><CdtrAcct><Id><IBAN>{ACCOUNT}</IBAN></Id></CdtrAcct>"
            "<Purp><Cd>SALA</Cd></Purp><RmtInf><Ustrd>salary</Ustrd></RmtInf></CdtTrfTxInf>"
        )
    yield "</PmtInf></CstmrCdtTrfInitn></Document>"


def _cpu(target: Target) -> dict[str, float]:
    """Seconds of CPU by process name."""
    found: dict[str, float] = {}
    for process in of_target(target.roots):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            name = name_of(process.name(), process.cmdline())
            found[name] = found.get(name, 0.0) + times.user + times.system
    return found
