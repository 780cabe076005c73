"""What the writer spends on the cause of a payment: a signature, and the signed message beside the command.

The writer's own functions, without sockets and without a database, in rounds of all variants in turns; the
figures are microseconds of CPU for one payment. `before` is the same command without evidence.
"""

import argparse
import statistics
import time
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from ledger.books import Books
from schemas import codec
from schemas.signing import http_signatures
from schemas.signing.keys import Algorithm, SigningKey
from switch.clients.python import credit_transfer
from switch.payments.signatures import CorridorFeesKept, Signatures, SigningKeyInForce
from switch.payments.tariffs import TariffTable
from switch.writer.commands import Accept, CommandLeg, Evidence, Identity, Terms, read_command
from switch.writer.kinds import Kind, Permission

ROUNDS: Final = 40
CALLS: Final = 100
FAR: Final = 253_402_300_799_999_999


def payment(algorithm: Algorithm, kind: str, books: Books, part: Signatures) -> Accept:
    """A signed payment whose key the part knows."""
    key = SigningKey.generate(f"{algorithm}-{uuid.uuid4().hex}", algorithm)
    part.keys[key.keyid] = SigningKeyInForce("payer", "", key.public, 0, FAR)
    part.bics |= {"PAYRINBB": "payer", "PAYEINBB": "payee"}
    part._countries |= {"payer": "IN", "payee": "IN"}  # noqa: SLF001 - as it reads them
    part._fees["IN", "IN"] = deque([CorridorFeesKept(10, 0, (), TariffTable(()))])  # noqa: SLF001
    content = credit_transfer(
        debtor_agent="PAYRINBB", debtor="Asha Rao", debtor_account="asha@okbank", creditor_agent="PAYEINBB",
        creditor="Bilal Khan", creditor_account="PK60SAND0000000000000001", amount="100.00", currency="INR",
    )["Document"]  # fmt: skip
    raw = codec.encode("pacs.008.001.08", content, media_type=kind)
    place: dict[str, Any] = {"method": "POST", "authority": "switch.example", "path": "/v1/iso20022/pacs.008"}
    now = int(time.time())
    fields = http_signatures.sign(key, **place, content_type=kind, body=raw, now=now, nonce=uuid.uuid4().hex)
    lines = [(name.encode(), value.encode()) for name, value in fields.items()]
    stated = http_signatures.parse(lines)
    base = http_signatures.verify(stated, **place, headers=lines, body=raw, key=key.public, now=now)
    uetr = uuid.UUID(content["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"])
    legs = [
        CommandLeg(books.find_account("payer", "INR", "position") or 0,
                   books.find_account(owner, "INR", purpose) or 0, minor, sort)
        for owner, purpose, minor, sort in (
            ("payee", "position", 100_00, "principal"), ("payswitch", "fees", 10, "fee"))
    ]  # fmt: skip
    return Accept(
        Identity(uetr.bytes, b"f" * 32, "payer", "pacs.008.001.08", "m", raw, now, b"k" * 60),
        Terms("payer", "payee", "IN", 100_00, "INR", 100_00, "INR", 10, "", ""),
        legs, "ref", b"n" * 600, FAR, 0, 0, hold=False,
        evidence=Evidence(key.keyid, stated.signature, base, raw),
    )  # fmt: skip


def main(arguments: list[str]) -> int:
    """Measure, and print a table."""
    argparse.ArgumentParser(prog="python -m loadtests causes").parse_args(arguments)
    books = Books()
    books.begin(datetime.now(UTC), (), ())
    for owner, purpose in (("payer", "position"), ("payee", "position"), ("payswitch", "fees")):
        books.open_account(owner, "INR", purpose, None)
    codec.warm()
    part, permission = Signatures(sandbox=False, return_within=timedelta(days=30)), Permission([Kind.API])
    cases: dict[str, Callable[[], object]] = {}
    for algorithm in ("ed25519", "ecdsa-p256-sha256"):
        for kind in ("application/xml", "application/json"):
            accept = payment(algorithm, kind, books, part)
            assert part.stop(accept, books) is None, part.stop(accept, books)
            cases[f"cause, {algorithm}, {kind[12:]}"] = lambda accept=accept: part.stop(accept, books)  # type: ignore[misc]
    sent = msgspec.msgpack.encode(accept)
    plain = msgspec.msgpack.encode(msgspec.structs.replace(accept, evidence=None))
    cases["reading the command, with its evidence"] = lambda: read_command(sent)
    cases["reading the command, before"] = lambda: read_command(plain)
    cases["whose command it is"] = lambda: permission.permits(accept)
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, call in cases.items():
            started = time.process_time_ns()
            for _ in range(CALLS):
                call()
            taken[name].append((time.process_time_ns() - started) / CALLS / 1000)
    print("| step | median | quartiles |\n|---|---|---|")
    for name, values in taken.items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"| {name} | {middle:.1f} | {low:.1f} to {high:.1f} |")
    return 0
