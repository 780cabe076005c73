"""The running switch as tests use it."""

import asyncio
import atexit
import contextlib
import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from schemas.money import Money
from switch.base.settings import Settings
from switch.change_catalogue import KINDS
from switch.cli.supervisor import Supervisor, running
from switch.clients.python import AsyncClient
from switch.identity.secrets import totp_code
from switch.processes.fork_server import ForkServer
from switch.sandbox import world
from switch.sandbox.setup import SandboxSetup
from switch.writer.client import Link
from switch.writer.kinds import Kind
from tests import scratch


class SharedForkServer(ForkServer):
    """Of all switches that this process starts: loading the programs costs two seconds of a processor each time."""

    def open(self) -> None:
        if self._process is None or self._process.poll() is not None:
            super().close()
            super().open()

    def close(self) -> None:
        """It goes on for the next switch, and ends with this process."""


_SHARED = SharedForkServer()
atexit.register(ForkServer.close, _SHARED)


def scraped(url: str, token_file: Path) -> str:
    """`/metrics` of a switch, with its token."""
    request = urllib.request.Request(
        f"{url}/metrics", headers={"Authorization": f"Bearer {token_file.read_text()}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


@dataclass
class Stack:
    """The running switch, and short ways to use it."""

    supervisor: Supervisor

    @property
    def settings(self) -> Settings:
        return self.supervisor.settings

    @property
    def url(self) -> str:
        return self.supervisor.url

    @property
    def credentials(self) -> dict[str, Any]:
        return json.loads(self.settings.credentials_file.read_text())

    def participant(self, name: str) -> dict[str, str]:
        return next(p for p in self.credentials["participants"] if p["id"] == name)

    def metrics(self) -> str:
        """`/metrics`, with the token of this installation."""
        return scraped(self.url, self.settings.metrics_token_file)

    def client(self, name: str, **options: Any) -> AsyncClient:
        return AsyncClient(self.url, bearer=self.participant(name)["bearer"], **options)

    def client_of(self, bank: dict[str, str]) -> AsyncClient:
        return AsyncClient(self.url, bearer=bank["bearer"])

    def document(
        self, debtor: str, creditor: str, *, word: str = "", amount: str = "100.00"
    ) -> dict[str, Any]:
        payer, payee = self.participant(debtor), self.participant(creditor)
        return world.document(payer, payee, amount=amount, word=word)

    def link(self) -> Link:
        """A way to the writer, as the sandbox that it is."""
        return Link.of(self.supervisor.as_sandbox(), Kind.SANDBOX)

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self.settings.database)

    async def fresh_code(self, name: str, totp_secret: str) -> str:
        """The present code of a person's authenticator, as if it was not used before.

        Each code works once, and the next one is half a minute away: two tests may sign in as the same person.
        """
        connection = await self.connect()
        await connection.execute("UPDATE switch.person SET totp_step = 0 WHERE name = $1", name)
        await connection.close()
        return totp_code(totp_secret, int(time.time()))

    async def add_bank(self, *, funds_minor: int) -> dict[str, str]:
        """A new Indian bank with its own money, so that a test can count it."""
        name = f"bank-{uuid.uuid4().hex[:8]}"
        letters = "".join(chr(ord("A") + int(c, 16)) for c in uuid.uuid4().hex[:4])
        bic, bearer = f"{letters}INBB", f"sk_test_{uuid.uuid4().hex}"
        connection = await self.connect()
        link = self.link()
        await link.start()
        try:
            setup = SandboxSetup(connection, link, KINDS)
            account = {"currency": "INR", "net_debit_cap": "0"}
            bank = {
                "id": name,
                "name": name,
                "bic": bic,
                "country": "IN",
                "kind": "direct",
                "accounts": [account],
            }
            await setup.make("participant.onboard", {**bank, "keys": []})
            if funds_minor:
                funds = {"participant": name, "currency": "INR", "amount": Money(funds_minor, "INR").text}
                await setup.make("funds.in", {**funds, "reference": "test"})
            await connection.execute(
                "INSERT INTO switch.bearer_key VALUES ($1, $2)", sha256(bearer.encode()).digest(), name
            )
        finally:
            await link.stop()
            await connection.close()
        await self.until_everywhere(lambda status: status == 200, "/v1/positions", bearer)
        return {"id": name, "bic": bic, "bearer": bearer}

    async def until_read(self) -> None:
        """Wait until every worker has read what the directory says now: a key that is new to it is known."""
        bearer = f"sk_test_{uuid.uuid4().hex}"
        connection = await self.connect()
        await connection.execute(
            "INSERT INTO switch.bearer_key VALUES ($1, 'asha-bank')", sha256(bearer.encode()).digest()
        )
        await connection.close()
        await self.until_everywhere(lambda status: status == 200, "/v1/positions", bearer)

    async def until_everywhere(self, holds: Callable[[int], bool], path: str, bearer: str) -> None:
        """Wait until every worker has read the directory again: whole rounds of fresh connections agree."""
        agreed = 0
        while agreed < 3:
            statuses = await asyncio.gather(*(self._status(path, bearer) for _ in range(16)))
            agreed = agreed + 1 if all(map(holds, statuses)) else 0
            await asyncio.sleep(0.4)

    async def _status(self, path: str, bearer: str) -> int:
        async with aiohttp.ClientSession() as session:
            async with session.get(self.url + path, headers={"Authorization": f"Bearer {bearer}"}) as answer:
                return answer.status

    async def until_frozen(self) -> None:
        """Wait until a look at the invariants has frozen the books."""
        await self._until("SELECT count(*) = 1 FROM switch.freeze")

    async def until_looked(self) -> None:
        """Wait until the books were found right, since they were frozen if they are."""
        await self._until(
            "SELECT faults = '[]' AND at > coalesce((SELECT at FROM switch.freeze), '-infinity')"
            " FROM switch.invariant_look"
        )

    async def unfreeze(self) -> None:
        """Wait until the books were found right again, then have two people end the freeze, if there is one."""
        await self.until_looked()
        content = {"found": "a test's doing, undone"}
        body = {"kind": "books.unfreeze", "content": content, "reason": "test"}
        async with aiohttp.ClientSession(self.url) as session:
            async with session.post("/v1/changes", json=body, headers=self._bearer("operator")) as answer:
                if answer.status == 422:  # not frozen
                    return
                number = (await answer.json())["number"]
            vote = {"decision": "approve", "reason": "seen"}
            path = f"/v1/changes/{number}/votes"
            async with session.post(path, json=vote, headers=self._bearer("checker")) as answer:
                assert (await answer.json())["state"] == "executed", await answer.text()

    async def agreed(self, kind: str, content: dict[str, Any]) -> None:
        """Have two people make a change over the API, and wait until every worker has read the directory."""
        async with aiohttp.ClientSession(self.url) as session:
            body = {"kind": kind, "content": content, "reason": "test"}
            async with session.post("/v1/changes", json=body, headers=self._bearer("operator")) as answer:
                change = await answer.json()
                assert answer.status == 201, change
            vote = {"decision": "approve", "reason": "seen"}
            path = f"/v1/changes/{change['number']}/votes"
            async with session.post(path, json=vote, headers=self._bearer("checker")) as answer:
                assert (await answer.json())["state"] == "executed", await answer.text()
        await self.until_read()

    def _bearer(self, person: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.credentials['people'][person]['bearer']}"}

    async def _until(self, question: str) -> None:
        connection = await self.connect()
        try:
            async with asyncio.timeout(60):
                while not await connection.fetchval(question):
                    await asyncio.sleep(0.1)
        finally:
            await connection.close()


@contextlib.contextmanager
def started(rails: tuple[str, ...] = ("IN", "PK"), **changed: Any) -> Iterator[Stack]:
    """A switch of its own, in a hurry: what takes a minute in production takes a second."""
    with scratch.directory() as directory:
        settings = Settings(
            data=directory,
            sandbox=True,
            rails=rails,
            port=0,
            time_scale=0.02,
            sandbox_latency_s=0.01,
            payment_expiry_s=10,
            invariants_every_s=1,
        )
        with running(settings.model_copy(update=changed), lambda _: None, server=_SHARED) as supervisor:
            yield Stack(supervisor)
