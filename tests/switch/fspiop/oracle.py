"""Mojaloop's own libraries as an oracle: transformer, signatures and ILP packets, in a process of Node.js."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests import npm

TRANSFORMER = "@mojaloop/ml-schema-transformer-lib@2.9.0"
COMPONENTS = "@mojaloop/sdk-standard-components@19.19.1"


class Oracle:
    """A running oracle; a test that makes one is skipped where the packages cannot be had."""

    def __init__(self) -> None:
        modules = npm.modules(TRANSFORMER, COMPONENTS)
        script = Path(__file__).with_name("oracle.cjs")
        self._process = subprocess.Popen(
            ["node", str(script)],
            env={**os.environ, "NODE_PATH": str(modules), "NODE_NO_WARNINGS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def ask(self, call: str, **question: Any) -> Any:
        """Ask, and get the result.

        Raises:
            OracleRefused: the library refuses.

        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": call, **question}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise OracleRefused(answer["error"])
        return answer.get("result")

    def to_fspiop(self, message: str, body: Any) -> Any:
        return self.ask("transform", **{"from": "FSPIOPISO20022"}, message=message, source={"body": body})

    def to_iso(self, message: str, source: Any) -> Any:
        return self.ask("transform", **{"from": "FSPIOP"}, message=message, source=source)["body"]


class OracleRefused(Exception):
    """Mojaloop's library refused."""
