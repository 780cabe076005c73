"""`payswitch up` as a process group of its own, to be killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from adapters.simulation.sandbox import free_port
from switch.clients.python import AsyncClient
from switch.sandbox import world

SETTINGS = {
    "PAYSWITCH_SANDBOX_LATENCY_S": "0.01",
    "PAYSWITCH_PAYMENT_EXPIRY_S": "600",
    "PAYSWITCH_TIME_SCALE": "0.02",
    "PAYSWITCH_RAILS": '["IN", "PK"]',
}


@dataclass
class SwitchProcess:
    """One switch in `data`; started, killed and started again."""

    data: Path
    workers: int = 2
    port: int = field(default_factory=free_port)
    environment: Mapping[str, str] = field(default_factory=dict)
    """Settings over the ordinary ones."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, failpoints: str = "") -> None:
        command = [
            sys.executable,
            "-m",
            "switch.cli",
            "up",
            "--sandbox",
            "--port",
            str(self.port),
            "--data",
            str(self.data),
        ]
        with (self.data.parent / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env={
                    **os.environ,
                    **SETTINGS,
                    **self.environment,
                    "PAYSWITCH_WORKERS": str(self.workers),
                    "PAYSWITCH_FAILPOINTS": failpoints,
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self, *, within_s: float = 120) -> bool:
        """Whether it became ready before it died."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            assert self.process is not None
            if self.process.poll() is not None:
                return False
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return True
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise AssertionError(f"not ready: {(self.data.parent / 'up.log').read_text()[-2000:]}")

    def wait_until_dead(self, *, within_s: float = 30) -> None:
        assert self.process is not None
        self.process.wait(within_s)

    def kill(self) -> None:
        """SIGKILL for the whole process group."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def end(self, *, within_s: float = 30) -> None:
        """Stop it as an operator does; what hangs is killed."""
        if self.process is None or self.process.poll() is not None:
            return
        family = [*psutil.Process(self.process.pid).children(recursive=True)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def children(self, part: str) -> list[psutil.Process]:
        """Processes of the switch whose command line or name has `part` in it; a rail's name is `rail-IN`."""
        assert self.process is not None
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if part in " ".join([*child.cmdline(), child.name()]):
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
        return found

    @property
    def credentials_file(self) -> Path:
        return self.data / "sandbox" / "credentials.json"

    def client(self, participant: str, *, tries: int = 1) -> AsyncClient:
        credentials = json.loads(self.credentials_file.read_text())
        bearer = next(p["bearer"] for p in credentials["participants"] if p["id"] == participant)
        return AsyncClient(self.url, bearer=bearer, tries=tries)

    def document(self, debtor: str, creditor: str, word: str = "") -> dict[str, Any]:
        participants = {p["id"]: p for p in json.loads(self.credentials_file.read_text())["participants"]}
        payer, payee = participants[debtor], participants[creditor]
        return world.document(payer, payee, amount="100.00", word=word)

    def verify(self) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "switch.cli", "verify", "--data", str(self.data)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **self.environment},
        )
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result


def uetr_of(document: dict[str, Any]) -> str:
    uetr: str = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"]
    return uetr
