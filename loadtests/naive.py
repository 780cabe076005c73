"""The naive switch: what a careful team writes first, as the peer that our figures are held against.

One FastAPI handler with pydantic models; one transaction a phase of a payment, each with the usual inserts,
balance updates and indexes; accounts locked in order, so that nothing deadlocks. It checks the same
signatures, speaks to the same simulated rails through the same adapters, keeps the same facts (both
messages, both sides of every leg, an event a step) at the same durability, and runs on the same server.

What it leaves out (enquiries, recovery, rules, audit, windows) only makes it faster.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response
from lxml import etree

from adapters import registry
from adapters.port import Answer, Order, Outcome, RailAdapter, RailConnection, reserve_and_submit
from loadtests.rail_books import RailTotal, compared
from schemas.errors import NotAuthentic
from schemas.money import Money
from schemas.payment import Agent, CreditTransfer, Party, PartyAccount
from schemas.signing import http_signatures
from schemas.signing.keys import PublicKey
from switch.payments import pricing
from switch.payments.directory import Corridor
from switch.sandbox import world

SETTINGS: Final = "NAIVE_SETTINGS"
"""Environment variable: `NaiveSettings` as JSON."""
_CORRIDOR: Final = Corridor("", "", True, world.FEE_MINOR, world.FEES_BPS)
_FX: Final = "silkroad-fx"

SCHEMA: Final = """
CREATE TABLE account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text NOT NULL,
    currency text NOT NULL,
    cap bigint,
    debits_pending bigint NOT NULL DEFAULT 0,
    debits_posted bigint NOT NULL DEFAULT 0,
    credits_pending bigint NOT NULL DEFAULT 0,
    credits_posted bigint NOT NULL DEFAULT 0,
    UNIQUE (owner, currency),
    CHECK (debits_pending + debits_posted <= credits_posted + cap)
) WITH (fillfactor = 50);
CREATE TABLE payment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uetr uuid NOT NULL UNIQUE,
    state text NOT NULL,
    sender text NOT NULL,
    rail text NOT NULL,
    reference text NOT NULL,
    debit_minor bigint NOT NULL,
    credit_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    request bytea NOT NULL,
    native bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payment_open ON payment (created_at) WHERE state = 'SENT';
CREATE TABLE entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment bigint NOT NULL REFERENCES payment,
    account bigint NOT NULL REFERENCES account,
    side text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    status text NOT NULL
);
CREATE INDEX entry_payment ON entry (payment);
CREATE INDEX entry_account ON entry (account, id);
CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment bigint NOT NULL REFERENCES payment,
    kind text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    body jsonb NOT NULL
);
CREATE INDEX event_payment ON event (payment);
CREATE SEQUENCE serial;
"""

RESERVE: Final = """
UPDATE account SET debits_pending = debits_pending + $2, credits_pending = credits_pending + $3 WHERE id = $1
"""
POST: Final = """
UPDATE account
SET debits_pending = debits_pending - $2, debits_posted = debits_posted + $2,
    credits_pending = credits_pending - $3, credits_posted = credits_posted + $3
WHERE id = $1
"""
VOID: Final = """
UPDATE account SET debits_pending = debits_pending - $2, credits_pending = credits_pending - $3 WHERE id = $1
"""
INSERT_PAYMENT: Final = """
INSERT INTO payment
    (uetr, state, sender, rail, reference, debit_minor, credit_minor, fee_minor, request, native)
VALUES ($1, 'SENT', $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id
"""
INSERT_ENTRY: Final = (
    "INSERT INTO entry (payment, account, side, amount, status) VALUES ($1, $2, $3, $4, 'pending')"
)
INSERT_EVENT: Final = "INSERT INTO event (payment, kind, body) VALUES ($1, $2, $3)"
CLOSE_PAYMENT: Final = "UPDATE payment SET state = $2 WHERE uetr = $1 AND state = 'SENT' RETURNING id"
CLOSE_ENTRIES: Final = "UPDATE entry SET status = $2 WHERE payment = $1 RETURNING account, side, amount"

CHECKS: Final = {
    "entries of a currency sum to zero": """
        SELECT count(*) FROM (
            SELECT 1 FROM entry JOIN account ON account.id = entry.account
            GROUP BY account.currency, entry.status
            HAVING sum(CASE side WHEN 'debit' THEN amount ELSE -amount END) <> 0) AS unequal
    """,
    "balances are the sum of their entries": """
        SELECT count(*) FROM account LEFT JOIN (
            SELECT account,
                   coalesce(sum(amount) FILTER (WHERE side = 'debit'), 0) AS debits,
                   coalesce(sum(amount) FILTER (WHERE side = 'credit'), 0) AS credits
            FROM entry WHERE status = 'posted' GROUP BY account) AS e ON e.account = account.id
        WHERE debits_posted <> coalesce(e.debits, 0) OR credits_posted <> coalesce(e.credits, 0)
           OR debits_pending <> 0 OR credits_pending <> 0
    """,
    "every payment is final": "SELECT count(*) FROM payment WHERE state = 'SENT'",
}
"""What must hold after a run, as queries that count exceptions."""
COMMITTED: Final = """
SELECT rail, count(*), sum(credit_minor)::bigint FROM payment WHERE state = 'COMMITTED' GROUP BY rail
"""


class NaiveSettings(msgspec.Struct, frozen=True):
    """How to run one naive switch."""

    database: str
    port: int
    workers: int
    pool: int
    rails: dict[str, dict[str, Any]]
    """Country -> its `RailConnection`, as `describe` writes it."""
    keys: dict[str, tuple[str, str]]
    """Key id -> participant, public key in PEM."""


def describe(connection: RailConnection) -> dict[str, Any]:
    """A rail's connection, to travel in `NaiveSettings`."""
    return {
        "base_url": connection.base_url,
        "ca_file": str(connection.ca_file),
        "signing_key": connection.signing_key.decode(),
        "rail_key": connection.rail_key.decode(),
        "identity": dict(connection.identity),
    }


@dataclass(slots=True)
class Switch:
    """What one worker holds."""

    pool: asyncpg.Pool
    rails: Mapping[str, RailAdapter]
    keys: Mapping[str, tuple[str, PublicKey]]
    accounts: Mapping[tuple[str, str], int]
    waiting: dict[UUID, asyncio.Future[str]]
    workers: int

    def authenticate(self, request: Request, body: bytes) -> str:
        """The participant that signed `request`."""
        headers = request.scope["headers"]
        stated = http_signatures.parse(headers)
        if stated.keyid not in self.keys:
            raise NotAuthentic
        participant, key = self.keys[stated.keyid]
        http_signatures.verify(
            stated,
            method=request.method,
            authority=request.headers["host"],
            path=request.url.path,
            headers=headers,
            body=body,
            key=key,
            now=int(time.time()),
        )
        return participant

    async def pay(self, sender: str, payment: CreditTransfer, raw: bytes) -> str:
        """The first phase, the rail, and, where the rail answers at once, the second phase."""
        creditor = _PARTICIPANT[str(payment.creditor_agent.bic)]
        rail = self.rails[creditor.country]
        amount = payment.interbank_settlement_amount
        rate = world.rate(amount.currency, rail.profile.currency)
        credit = pricing.convert(amount, rail.profile.currency, rate, rail.profile.limits.step_minor)
        made_at = datetime.now(UTC)
        made_at = made_at.replace(microsecond=made_at.microsecond // 1000 * 1000)
        serial = await self.pool.fetchval("SELECT nextval('serial')") % rail.profile.ids.capacity
        order = Order(payment, credit, serial, made_at, made_at + timedelta(seconds=60))
        if rail.check(order):
            return "RJCT"
        native = rail.translate(order)
        uetr = UUID(payment.uetr)
        final = self.waiting[uetr] = asyncio.get_running_loop().create_future()
        try:
            fee = pricing.fee(amount, _CORRIDOR)
            legs = self._legs(sender, creditor.id, amount, credit, fee)
            async with self.pool.acquire() as connection, connection.transaction():
                number = await connection.fetchval(
                    INSERT_PAYMENT,
                    uetr,
                    sender,
                    creditor.country,
                    native.ref,
                    amount.minor,
                    credit.minor,
                    fee.minor,
                    raw,
                    native.body,
                )
                await connection.executemany(RESERVE, _by_account(legs))
                await connection.executemany(INSERT_ENTRY, [(number, *leg) for leg in legs])
                await connection.execute(INSERT_EVENT, number, "SENT", "{}")
            receipt = await reserve_and_submit(rail, native)
            if receipt.answer is not None:
                await self.close(receipt.answer)
            return await asyncio.wait_for(final, 20)
        except TimeoutError:
            return "ACSP"
        finally:
            del self.waiting[uetr]

    async def close(self, answer: Answer) -> None:
        """The second phase: post or void, once."""
        if answer.outcome not in {Outcome.DONE, Outcome.REFUSED}:
            return
        done = answer.outcome is Outcome.DONE
        uetr = UUID(answer.uetr)
        status = "ACCC" if done else "RJCT"
        async with self.pool.acquire() as connection, connection.transaction():
            number = await connection.fetchval(CLOSE_PAYMENT, uetr, "COMMITTED" if done else "ABORTED")
            if number is None:
                return
            entries = await connection.fetch(CLOSE_ENTRIES, number, "posted" if done else "voided")
            legs = [(row["account"], row["side"], row["amount"]) for row in entries]
            await connection.executemany(POST if done else VOID, _by_account(legs))
            await connection.execute(INSERT_EVENT, number, status, "{}")
            if self.workers > 1:
                await connection.execute("SELECT pg_notify('final', $1)", f"{uetr} {status}")
        self.tell(uetr, status)

    def tell(self, uetr: UUID, status: str) -> None:
        """Wake the handler that waits for this payment, if it is here."""
        waiting = self.waiting.get(uetr)
        if waiting is not None and not waiting.done():
            waiting.set_result(status)

    def _legs(
        self, debtor: str, creditor: str, amount: Money, credit: Money, fee: Money
    ) -> list[tuple[int, str, int]]:
        """Both sides of every leg: (account, side, minor units)."""
        payer, buys = self.accounts[debtor, amount.currency], self.accounts[_FX, amount.currency]
        sells, payee = self.accounts[_FX, credit.currency], self.accounts[creditor, credit.currency]
        fees = self.accounts["fees", amount.currency]
        moves = [(payer, buys, amount.minor), (sells, payee, credit.minor), (payer, fees, fee.minor)]
        return [
            (account, side, minor)
            for debit, credited, minor in moves
            for account, side in ((debit, "debit"), (credited, "credit"))
        ]


def _by_account(legs: list[tuple[int, str, int]]) -> list[tuple[int, int, int]]:
    """(account, debits, credits) in the order of accounts, so that two payments never wait for each other."""
    sums: dict[int, list[int]] = {}
    for account, side, amount in legs:
        sums.setdefault(account, [0, 0])[side == "credit"] += amount
    return [(account, *sums[account]) for account in sorted(sums)]  # type: ignore[misc]


_PARTICIPANT: Final = {made.bic: made for made in world.participants()}


def read_xml(raw: bytes) -> CreditTransfer:
    """The payment in a pacs.008 in XML."""
    root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True))
    namespace = f"{{{etree.QName(root).namespace}}}"
    transfer = root[0]

    def text(path: str) -> str | None:
        found: str | None = transfer.findtext("/".join(namespace + tag for tag in path.split("/")))
        return found

    amount = transfer.find(f"{namespace}CdtTrfTxInf/{namespace}IntrBkSttlmAmt")
    assert amount is not None
    return _payment(text, amount.text or "", amount.get("Ccy", ""))


def read_json(raw: bytes) -> CreditTransfer:
    """The payment in a pacs.008 in JSON."""
    transfer = msgspec.json.decode(raw)["Document"]["FIToFICstmrCdtTrf"]

    def text(path: str) -> Any:
        found: Any = transfer
        for tag in path.split("/"):
            found = found[0] if isinstance(found, list) else found
            found = (found or {}).get(tag)
        return found[0] if isinstance(found, list) else found

    amount = text("CdtTrfTxInf/IntrBkSttlmAmt")
    return _payment(text, amount["Amt"], amount["Ccy"])


def _payment(text: Any, amount: str, currency: str) -> CreditTransfer:
    """The payment, from a function that finds an element's text by its path."""
    transaction = "CdtTrfTxInf"

    def account(party: str) -> PartyAccount:
        identification = f"{transaction}/{party}Acct/Id"
        return PartyAccount(
            iban=text(f"{identification}/IBAN"),
            other=text(f"{identification}/Othr/Id"),
            proxy=text(f"{transaction}/{party}Acct/Prxy/Id"),
        )

    def stated(kind: type[Any], path: str) -> Any:
        """A date or an instant, if there is one."""
        found = text(path)
        return None if found is None else kind.fromisoformat(found)

    return CreditTransfer(
        uetr=text(f"{transaction}/PmtId/UETR"),
        message_id=text("GrpHdr/MsgId"),
        created_at=stated(datetime, "GrpHdr/CreDtTm"),
        end_to_end_id=text(f"{transaction}/PmtId/EndToEndId"),
        transaction_id=text(f"{transaction}/PmtId/TxId"),
        interbank_settlement_amount=Money.parse(amount, currency),
        interbank_settlement_date=stated(date, f"{transaction}/IntrBkSttlmDt"),
        accepted_at=stated(datetime, f"{transaction}/AccptncDtTm"),
        charge_bearer=text(f"{transaction}/ChrgBr"),
        debtor=Party(name=text(f"{transaction}/Dbtr/Nm")),
        debtor_account=account("Dbtr"),
        debtor_agent=Agent(bic=text(f"{transaction}/DbtrAgt/FinInstnId/BICFI")),
        creditor_agent=Agent(
            bic=text(f"{transaction}/CdtrAgt/FinInstnId/BICFI"),
            member_id=text(f"{transaction}/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"),
        ),
        creditor=Party(name=text(f"{transaction}/Cdtr/Nm")),
        creditor_account=account("Cdtr"),
        purpose=text(f"{transaction}/Purp/Cd") or text(f"{transaction}/Purp/Prtry"),
        remittance=text(f"{transaction}/RmtInf/Ustrd"),
    )


def _report_xml(payment: CreditTransfer, status: str) -> str:
    """A pacs.002."""
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"><FIToFIPmtStsRpt><GrpHdr>'
        f"<MsgId>{uuid4().hex}</MsgId><CreDtTm>{datetime.now(UTC).isoformat()}</CreDtTm></GrpHdr><TxInfAndSts>"
        f"<OrgnlEndToEndId>{payment.end_to_end_id}</OrgnlEndToEndId><OrgnlUETR>{payment.uetr}</OrgnlUETR>"
        f"<TxSts>{status}</TxSts></TxInfAndSts></FIToFIPmtStsRpt></Document>"
    )


def _report_json(payment: CreditTransfer, status: str) -> bytes:
    """A pacs.002."""
    group = {"MsgId": uuid4().hex, "CreDtTm": datetime.now(UTC).isoformat()}
    transaction = {
        "OrgnlEndToEndId": payment.end_to_end_id,
        "OrgnlUETR": payment.uetr,
        "TxSts": status,
    }
    return msgspec.json.encode(
        {"Document": {"FIToFIPmtStsRpt": {"GrpHdr": group, "TxInfAndSts": [transaction]}}}
    )


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect to the database and the rails."""
    settings = msgspec.json.decode(os.environ[SETTINGS], type=NaiveSettings)
    async with asyncpg.create_pool(settings.database, min_size=settings.pool, max_size=settings.pool) as pool:
        rows = await pool.fetch("SELECT id, owner, currency FROM account")
        rails = {
            country: registry.load(country, _connection(content))
            for country, content in settings.rails.items()
        }
        app.state.switch = switch = Switch(
            pool=pool,
            rails=rails,
            keys={
                keyid: (participant, PublicKey.from_pem(keyid, pem.encode()))
                for keyid, (participant, pem) in settings.keys.items()
            },
            accounts={(row["owner"], row["currency"]): row["id"] for row in rows},
            waiting={},
            workers=settings.workers,
        )

        def final(_connection: object, _pid: int, _channel: str, payload: str) -> None:
            uetr, status = payload.split(" ")
            switch.tell(UUID(uetr), status)

        listener = await asyncpg.connect(settings.database)
        await listener.add_listener("final", final)
        yield
        await listener.close()
        await asyncio.gather(*(rail.close() for rail in rails.values()))


def _connection(content: dict[str, Any]) -> RailConnection:
    return RailConnection(
        base_url=content["base_url"],
        ca_file=Path(content["ca_file"]),
        signing_key=content["signing_key"].encode(),
        rail_key=content["rail_key"].encode(),
        identity=content["identity"],
    )


app = FastAPI(lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False})


@app.post("/v1/iso20022/pacs.008")
async def post_payment(request: Request) -> Response:
    """Take in one payment and answer when it is final."""
    switch: Switch = request.app.state.switch
    raw = await request.body()
    try:
        sender = switch.authenticate(request, raw)
    except NotAuthentic:
        return Response(status_code=401)
    is_json = request.headers["content-type"] == "application/json"
    payment = read_json(raw) if is_json else read_xml(raw)
    try:
        status = await switch.pay(sender, payment, raw)
    except asyncpg.UniqueViolationError:
        return Response(status_code=409)
    except asyncpg.CheckViolationError:
        status = "RJCT"
    report = _report_json(payment, status) if is_json else _report_xml(payment, status)
    return Response(report, 202 if status == "ACSP" else 200, media_type=request.headers["content-type"])


@app.post("/rails/{country}")
async def post_callback(country: str, request: Request) -> Response:
    """Take in what a rail says later."""
    switch: Switch = request.app.state.switch
    rail = switch.rails[country]
    raw = await request.body()
    for answer in rail.decode(raw):
        await switch.close(answer)
    acknowledgement = rail.acknowledge(raw)
    return Response(acknowledgement.body, media_type=acknowledgement.content_type)


@app.get("/readyz")
async def readyz() -> Response:
    """Whether this worker serves."""
    return Response()


async def create(database: str) -> None:
    """Make the tables and the accounts in an empty database."""
    connection = await asyncpg.connect(database)
    await connection.execute(SCHEMA)
    owners = [(made.id, currency) for made in world.participants() for currency in made.currencies]
    owners += [("fees", currency) for currency in registry.by_currency()]
    await connection.executemany(
        "INSERT INTO account (owner, currency, cap) VALUES ($1, $2, 1000000000000000000)", owners
    )
    await connection.close()


async def check(database: str, credited: Mapping[str, RailTotal]) -> dict[str, bool]:
    """Whether the books balance, and agree with what the rails credited, by check."""
    connection = await asyncpg.connect(database)
    results = {name: await connection.fetchval(query) == 0 for name, query in CHECKS.items()}
    rows = await connection.fetch(COMMITTED)
    await connection.close()
    return results | compared({rail: RailTotal(count, minor) for rail, count, minor in rows}, credited)


def main() -> None:
    """Entry point of the process."""
    settings = msgspec.json.decode(os.environ[SETTINGS], type=NaiveSettings)
    uvicorn.run(
        "loadtests.naive:app",
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
