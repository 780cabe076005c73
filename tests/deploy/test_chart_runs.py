"""What the chart's pods run, as processes: their command lines and variables, to ready and one payment.

Each pod is a network namespace with an address of its own; what Kubernetes would do is done here: Secrets are
resolved, names of pods become addresses, and each pod has the claim with a `run` of its own. There is no
container, so no image, no user of it, and no read-only root.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from typer.testing import CliRunner

from ledger.roles import Login
from switch.change_catalogue import KINDS
from switch.cli.database import app
from switch.clients.python import AsyncClient
from switch.sandbox import world
from tests.cluster.machines import Machine, Network, machines, require
from tests.cluster.test_many_machines import API_PORT, RAILS, READY_WITHIN_S, Cluster
from tests.deploy.test_chart import CHART, KUBERNETES, helm, pods

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
pytestmark = pytest.mark.skipif(not shutil.which("helm"), reason="helm is not installed")

PODS: Final = {
    "writer-1": "writer",
    "writer-2": "writer",
    "api-1": "api",
    "pages-1": "pages",
    "back": "caretaker",
    "messenger": "messenger",
}
_IMAGE: Final = {"PAYSWITCH_HOST": "0.0.0.0"}
"""What the image sets, beside the data directory."""
_USERS: Final = (
    "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'postgres' AND usename LIKE 'payswitch%'"
)


class Pods(Cluster):
    """The pods of the chart; the claim is the data directory of the operator."""

    def __init__(self, network: Network, directory: Path) -> None:
        super().__init__(network, directory)
        self.url = f"http://{network['api-1'].address}:{API_PORT}"
        values = directory / "values.json"
        values.write_text(
            json.dumps(
                {
                    "settings": {
                        "rails": json.dumps(RAILS),
                        "sandbox": "true",
                        "time_scale": "0.02",
                        "authority": f"{network['api-1'].address}:{API_PORT}",
                        "log_origin": "switch.example/ledger",
                    },
                    "api": {"workers": 1},
                }
            )
        )
        text = helm(
            "template", "pay", str(CHART), "--kube-version", f"{KUBERNETES}.0", "--values", str(values)
        )
        documents = [document for document in yaml.safe_load_all(text) if document]
        # As the chart's Certificate: one for all pods of a process.
        self.identities = {
            process: self.authority.certify(
                f"pay-{process}", *(network[pod].address for pod, what in PODS.items() if what == process)
            )
            for process in set(PODS.values())
        }
        self.containers = {name: pod["containers"][0] for name, pod in pods(documents).items()}

    def machine(self, name: str) -> Machine:
        return self.network[name]

    def port_of(self, name: str) -> int:
        return self.containers[PODS[name]]["ports"][-1]["containerPort"]

    def words_of(self, name: str) -> list[str]:
        return list(self.containers[PODS[name]]["args"])

    def environment_of(self, name: str) -> dict[str, str]:
        return {
            **self._environment(PODS[name], self.identities[PODS[name]].settings()),
            "PAYSWITCH_DATA": str(self.directory / name),
        }

    def _environment(self, process: str, files: dict[str, str]) -> dict[str, str]:
        """The variables of a container as Kubernetes makes them; `files`: where its certificate is here."""
        found = dict(_IMAGE)
        for variable in self.containers[process]["env"]:
            name = variable["name"]
            found[name] = files.get(name) or variable.get("value") or self._secret(variable["valueFrom"])
            for number in (0, 1):
                pod = f"pay-writer-{number}.pay-writer"
                found[name] = found[name].replace(pod, self.network[f"writer-{number + 1}"].address)
        if process == "writer":  # the sandbox of this test must be heard, too
            peers = json.loads(found["PAYSWITCH_WRITER_PEERS"])
            found["PAYSWITCH_WRITER_PEERS"] = json.dumps(
                peers | {"spiffe://switch.test/sandbox": ["sandbox"]}
            )
        return found

    def _secret(self, reference: dict[str, Any]) -> str:
        secret = reference["secretKeyRef"]
        assert secret["name"] == "payswitch-database"
        return (self.directory / "urls" / secret["key"]).read_text()

    def make_secret(self) -> None:
        """What the page says: a URL for each login, as a file of the Secret."""
        words = ["urls", "--to", str(self.directory / "urls"), "--data", str(self.claim)]
        made = CliRunner().invoke(app, [*words, "--database", self.database.replace("postgres@", "")])
        assert made.exit_code == 0, made.output

    def prepare(self) -> str:
        """What the Job does before the pods can start; its output."""
        done = subprocess.run(
            self.network["db"].command(
                [sys.executable, "-m", "switch.cli", *self.containers["prepare"]["args"]]
            ),
            env={**self._inherited(), **self._environment("prepare", {}), "PAYSWITCH_DATA": str(self.claim)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def claim(self) -> Path:
        return self.settings.data

    @staticmethod
    def _inherited() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("PAYSWITCH_")}

    def mount(self) -> None:
        """Give each pod its directories of the claim, with a `run` and rails of its own, as the chart mounts them."""
        for name, process in PODS.items():
            place = self.directory / name
            place.mkdir()
            mounts = self.containers[process]["volumeMounts"]
            for found in [mount["subPath"] for mount in mounts if mount["name"] == "data"]:
                (self.claim / found).mkdir(exist_ok=True)
                (place / found).symlink_to(self.claim / found)
            if process in {"api", "pages", "caretaker"}:  # those are Secrets
                (place / "rails").symlink_to(self.claim / "rails")

    async def begin(self) -> None:
        self.start_database()
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                with contextlib.suppress(OSError, asyncpg.PostgresError):
                    await (await asyncpg.connect(self.database, timeout=2)).close()
                    break
                await asyncio.sleep(0.1)
        self.claim.mkdir()
        await self.make_logins()
        self.make_secret()
        self.prepare()
        self.start_rails([world.prepare_rail(self.settings, country, self.url) for country in RAILS])
        self.mount()
        for name in ("writer-1", "writer-2"):
            self.start(name)
        await asyncio.gather(self.until_ready("writer-1"), self.until_ready("writer-2"))
        await world.populate(self.settings, self.url, KINDS)
        for name in ("api-1", "pages-1", "back", "messenger"):
            self.start(name)
        await asyncio.gather(*(self.until_ready(name) for name in PODS))

    async def users(self) -> set[str]:
        connection = await asyncpg.connect(self.database)
        rows = await connection.fetch(_USERS)
        await connection.close()
        return {row["usename"] for row in rows}


@pytest.fixture
def chart(data_directory: Path) -> Iterator[Pods]:
    require()
    if shutil.which("haproxy") is None:
        pytest.skip("there is no haproxy (Debian: haproxy)")
    data_directory.chmod(0o755)
    with machines("db", *PODS, "rails", "front") as network:
        yield Pods(network, data_directory)


@pytest.mark.timeout(300)
async def test_the_pods_of_the_chart_make_a_payment(chart: Pods) -> None:
    """And each process is at the database as its own user."""
    await chart.begin()
    credentials = json.loads(chart.settings.credentials_file.read_text())
    banks = {bank["id"]: bank for bank in credentials["participants"]}
    async with AsyncClient(chart.url, bearer=banks["asha-bank"]["bearer"]) as client:
        document = world.document(banks["asha-bank"], banks["noor-wallet"], amount="10.00")
        paid = await client.pay(document, wait=20)

    assert paid.status == "ACCC"
    assert await chart.users() == {
        Login.WRITER, Login.API, Login.PAGES, Login.READER, Login.CARETAKER, Login.MESSENGER
    }  # fmt: skip
