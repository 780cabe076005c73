"""A real `payswitch witness serve`, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.signing import name_of_log

COMMAND = (sys.executable, "-m", "switch.cli", "witness")


class ServedWitness:
    """A running witness: its address, its key, and what it has told so far."""

    def __init__(self, directory: Path, options: Sequence[str] = ()) -> None:
        self.directory = directory
        self._told = (directory.parent / f"{directory.name}.told").open("w+")
        self.process = subprocess.Popen(
            [*COMMAND, "serve", str(directory), "--listen", "127.0.0.1:0", *options], stderr=self._told
        )
        while not self.told:
            assert self.process.poll() is None, "the witness ended"
        begun = self.told[0]
        self.key = str(begun["key"])
        self.port = int(begun["port"])
        self.url = f"{'https' if options else 'http'}://127.0.0.1:{self.port}"

    @property
    def told(self) -> list[dict[str, Any]]:
        text = Path(self._told.name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def end(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self._told.close()


def witness_command(*words: str, code: int = 0) -> str:
    """Run `payswitch witness ...` and get what it prints."""
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@contextmanager
def served(
    directory: Path, keys: Sequence[str], *options: str, name: str = "witness.test/w1"
) -> Iterator[ServedWitness]:
    """Make a witness of a log and serve it."""
    assert name_of_log(keys[0])
    if not directory.exists():
        witness_command("init", str(directory), *keys, "--name", name)
    witness = ServedWitness(directory, options)
    try:
        yield witness
    finally:
        witness.end()
