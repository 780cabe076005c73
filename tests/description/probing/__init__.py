"""schemathesis on a sandbox: what it needs to know, and how it is started."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import switch.clients.python as client
from switch.operations import housekeeping
from tests.description import python
from tests.switch.stack import Stack

HERE = Path(__file__).parent


def probe(stack: Stack, *words: str, quiet: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run schemathesis with every check and these further arguments, on a log with a checkpoint."""
    asyncio.run(publish(stack))
    program = python.programs(python.SCHEMATHESIS, *python.OF_CLIENT) / "st"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(Path(client.__file__).parent, Path(folder) / "payswitch_client")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((folder, str(HERE))),
            "PROBING": json.dumps(stack.credentials),
            "SCHEMATHESIS_HOOKS": "sandbox_hooks",
            "NO_COLOR": "1",
        }
        command = [program, "--config-file", HERE / "schemathesis.toml", "run", f"{stack.url}/openapi.json"]
        return subprocess.run(
            [*command, "--checks", "all", "--continue-on-failure", "--no-shrink", "--suppress-health-check", "all", *words],
            cwd=folder, env=environment, check=False, capture_output=quiet, text=True,
        )  # fmt: skip


async def publish(stack: Stack) -> None:
    """Publish a checkpoint, which a new switch does not have yet."""
    connection = await stack.connect()
    await housekeeping.publish(connection, stack.settings)
    await connection.close()
