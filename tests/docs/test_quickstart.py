"""README and the quickstart, followed literally in a copy of the repository: `make run`, and every command."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.simulation.sandbox import free_port
from tests.docs.blocks import ROOT, of_page

pytestmark = pytest.mark.long
START_S = 240
COLUMNS = 100
"""The width of a terminal that is not narrow."""


@dataclass
class Newcomer:
    """Somebody with a clone, and the switch that `make run` started in it."""

    directory: Path
    url: str
    printed: str

    def type(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-euc", script],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """A copy of what is under version control, with the environment that `make setup` has made already."""
    # Not below pytest's temporary directory: the database's own user has to reach it.
    directory = Path(
        subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip()
    )
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(
        b"\0"
    )
    for name in filter(None, map(os.fsdecode, files)):
        if (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, directory / name)
    (directory / ".venv").symlink_to(ROOT / ".venv")
    settings = {
        "PAYSWITCH_PORT": str(free_port()), "PAYSWITCH_RAILS": '["IN", "PK"]', "PAYSWITCH_TIME_SCALE": "0.1",
        "PAYSWITCH_INVARIANTS_EVERY_S": "1",
    }  # fmt: skip
    # `-o`: the environment is older than the copy's lock file, and need not be made again.
    process = subprocess.Popen(
        ["make", "-o", ".venv/.ready", "run"], cwd=directory, env={**os.environ, **settings},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        printed = read_until_ready(process)
        found = re.search(r"payswitch is ready: (\S+)", printed)
        assert found, printed
        yield Newcomer(directory, found[1], printed)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)  # reads the rest, and closes the pipe
        shutil.rmtree(directory, ignore_errors=True)


def read_until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    return "".join(lines)


def shell_blocks(page: str) -> list[str]:
    return [block.text for block in of_page(ROOT / page) if block.language == "sh"]


def test_what_make_run_prints_can_be_pasted(newcomer: Newcomer) -> None:
    """The payment, twice: each paste is a new one."""
    (script,) = re.findall(r"^.*\| curl .*$", newcomer.printed, re.MULTILINE)
    assert len(script) <= COLUMNS
    for _ in range(2):
        done = newcomer.type(script)
        report = json.loads(done.stdout)["Document"]["FIToFIPmtStsRpt"]
        assert report["TxInfAndSts"][0]["TxSts"] == "ACCC", done.stdout


def test_what_make_run_prints_signs_in(newcomer: Newcomer) -> None:
    found = re.search(r"sign in at (\S+) as (\S+)\s.*?the password (\S+) and", newcomer.printed, re.DOTALL)
    command = re.search(r"^\S*payswitch people code .*$", newcomer.printed, re.MULTILINE)
    assert found, newcomer.printed
    assert command, newcomer.printed
    code = newcomer.type(command[0]).stdout.strip()

    assert signed_in(found[1], found[2], found[3], code)


def signed_in(console: str, name: str, password: str, code: str) -> bool:
    """Whether the pages' form lets somebody in, as a browser sends it."""
    address = urllib.parse.urlsplit(console)
    body = urllib.parse.urlencode({"name": name, "password": password, "code": code})
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"{address.scheme}://{address.netloc}",
        "Sec-Fetch-Site": "same-origin",
    }
    with contextlib.closing(connection):
        connection.request("POST", "/console/sign-in", body, headers)
        answer = connection.getresponse()
        return answer.status == 303 and bool(answer.getheader("Set-Cookie"))


def test_every_participant_has_a_person_with_a_second_factor(newcomer: Newcomer) -> None:
    credentials = json.loads((newcomer.directory / "data/sandbox/credentials.json").read_text())
    for participant in credentials["participants"]:
        person = credentials["people"][participant["id"]]
        code = newcomer.type(f".venv/bin/payswitch people code {participant['id']}").stdout.strip()

        assert (person["role"], person["scope"]) == ("participant", participant["id"])
        if participant["id"] != "asha-bank":  # its code has been used above: one is good for one sign-in
            assert signed_in(f"{newcomer.url}/console", participant["id"], person["password"], code)


def test_the_quickstart_works_block_by_block(newcomer: Newcomer) -> None:
    first, *others = shell_blocks("docs/quickstart.md")
    assert first == "make run\n"
    for script in others:
        done = newcomer.type(script)
        assert done.returncode == 0, script + done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    positions = newcomer.type(".venv/bin/payswitch settlement positions INR --csv").stdout
    assert positions.startswith("participant,")


def test_the_commands_of_readme_are_there(newcomer: Newcomer) -> None:
    """`make demo` is run on the switch that runs; `make test` is what runs this."""
    demo, run, pay = shell_blocks("README.md")

    assert run == "make run\n"
    for line in demo.splitlines():
        assert newcomer.type(f"make -n -o .venv/.ready {line.split()[1]}").returncode == 0, line
    paid = newcomer.type(pay)
    assert json.loads(paid.stdout)["credited_amount"] == {"currency": "PKR", "amount": "4925.25"}
    shown = newcomer.type(".venv/bin/payswitch demo --data data")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "every check passed" in shown.stdout
