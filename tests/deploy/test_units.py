"""The units of systemd: systemd reads them, and their exposure is low."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from switch.base import private

UNITS = Path(__file__).parents[2] / "switch" / "deploy" / "systemd"
SERVICES = sorted(file.name for file in UNITS.glob("*.service"))
EXPOSURE_MAX = 1.5
SYSTEM = Path("/usr/lib/systemd/system")

needs_systemd = pytest.mark.skipif(
    not (shutil.which("systemd-analyze") and SYSTEM.is_dir()), reason="systemd-analyze is not installed"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the units installed as docs/operate/services.md says, and a program that they start."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(UNITS, root / "etc" / "systemd" / "system")
    (root / "usr" / "lib" / "systemd" / "system").mkdir(parents=True)
    for target in SYSTEM.glob("*.target"):
        shutil.copy(target, root / "usr" / "lib" / "systemd" / "system")
    program = root / "opt" / "payswitch" / "bin" / "payswitch"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return root


def analyze(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", f"--root={root}", "--no-pager", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@needs_systemd
def test_systemd_reads_every_unit(root: Path) -> None:
    units = [root / "etc" / "systemd" / "system" / file.name for file in UNITS.glob("*.[st]*[re]")]
    done = analyze(root, "verify", "--man=no", *map(str, units))

    assert len(units) > len(SERVICES)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_hardly_exposed(service: str, root: Path) -> None:
    done = analyze(root, "security", "--offline=true", service)
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", done.stdout)

    assert level is not None, done.stderr
    assert float(level[1]) <= EXPOSURE_MAX


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_runs_a_command_that_there_is(service: str) -> None:

    from switch import cli

    text = (UNITS / service).read_text()
    (line,) = re.findall(r"^ExecStart=/opt/payswitch/bin/payswitch (.+)$", text, re.MULTILINE)
    words = line.replace("%i", "1").replace("/var/lib/payswitch-bridge/bridge.toml", __file__).split()
    command = cli.command(words)
    names = []
    while hasattr(command, "commands"):
        names.append(words[len(names)])
        command = command.commands[names[-1]]

    command.make_context(" ".join(names), words[len(names) :]).close()


def test_every_service_is_hardened_by_its_name() -> None:
    assert (UNITS / "payswitch-.service.d" / "10-hardening.conf").exists()
    assert all(service.startswith("payswitch-") for service in SERVICES)


OWN = ("api", "pages", "caretaker", "messenger", "writer")
"""Processes with a unit each."""


def values(service: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.+)$", (UNITS / service).read_text(), re.MULTILINE)


def environment(process: str) -> dict[str, str]:
    """The variables that a unit sets."""
    lines = values(f"payswitch-{process}.service", "Environment")
    return dict(word.split("=", 1) for line in lines for word in shlex.split(line))


def test_each_process_is_a_user_of_its_own_with_its_own_files() -> None:
    """All units were one user: whoever took API workers had the keys and the memory of the writer."""
    common = (UNITS / "payswitch-.service.d" / "10-hardening.conf").read_text()
    users = {process: values(f"payswitch-{process}.service", "User") for process in OWN}
    directories = {process: values(f"payswitch-{process}.service", "StateDirectory") for process in OWN}
    whole = [values(f"payswitch-{unit}.service", "User") for unit in ("up", "verify", "backup")]
    (heard,) = [json.loads(environment("writer")["PAYSWITCH_WRITER_USERS"])]

    assert users == directories == {process: [f"payswitch-{process}"] for process in OWN}
    assert {process: environment(process)["PAYSWITCH_DATA"] for process in OWN} == {
        process: f"/var/lib/payswitch-{process}" for process in OWN
    }
    assert whole == [["payswitch"]] * 3
    assert not re.search(r"^(User|StateDirectory)=", common, re.MULTILINE)
    assert "UMask=0077" in common
    assert {name: set(kinds) for name, kinds in heard.items()} == {
        "payswitch-api": {"api"},
        "payswitch-pages": {"pages"},
        "payswitch-caretaker": {"caretaker"},
        "payswitch-messenger": {"messenger"},
        "payswitch": {"operator"},
    }


def test_the_bridge_has_nothing_of_the_switch() -> None:
    """It is a client, perhaps on the same machine: no group, no settings and no database of the switch."""
    name, hardening = "payswitch-bridge.service", "payswitch-.service.d/10-hardening.conf"
    drop_ins = sorted((hardening, f"{name}.d/20-client.conf"), key=lambda file: file.partition("/")[2])

    assert values(name, "User") == values(name, "StateDirectory") == ["payswitch-bridge"]
    assert drop_ins[0] == hardening, "of drop-ins, the last one counts"
    assert [values(file, "Group") for file in drop_ins] == [["payswitch"], ["payswitch-bridge"]]
    last = (UNITS / drop_ins[1]).read_text()
    for given in ("EnvironmentFile", "LoadCredential"):
        assert re.search(rf"^{given}=$", last, re.MULTILINE), f"{given} of the others is not taken back"
    assert "payswitch.env" not in last
    assert values(drop_ins[1], "UnsetEnvironment") == ["PGPASSFILE"]


@needs_systemd
@pytest.mark.skipif(os.geteuid() != 0, reason="other users need root")
def test_every_user_of_the_units_reaches_the_socket_of_the_writer_and_no_stranger(tmp_path: Path) -> None:
    """With the users that systemd makes of our file, and the rights of the unit's directories."""
    (tmp_path / "etc").mkdir()
    users = UNITS / "payswitch.sysusers"
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", str(users)], check=True, capture_output=True)
    rows = [line.split(":") for line in (tmp_path / "etc" / "passwd").read_text().splitlines()]
    known = {row[0]: (int(row[2]), int(row[3])) for row in rows}
    (mode,) = values("payswitch-writer.service", "RuntimeDirectoryMode")
    (bound,) = values("payswitch-writer.service", "BindPaths")
    with tempfile.TemporaryDirectory(dir="/run", prefix="payswitch-") as place:
        Path(place).chmod(0o755)
        directory = Path(place) / "payswitch"
        directory.mkdir()
        directory.chmod(int(mode, 8))
        os.chown(directory, *known["payswitch-writer"])
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(directory / "writer.sock"))
        (directory / "writer.sock").chmod(0o666)  # as the writer does when it knows users
        listener.listen()
        with listener:
            reached = {
                name: connects(directory, *ids) for name, ids in {**known, "stranger": (64999, 64999)}.items()
            }

    assert bound == "/run/payswitch:/var/lib/payswitch-writer/run"
    for process in ("api", "pages", "caretaker", "messenger"):
        assert environment(process)["PAYSWITCH_WRITER"] == '["unix:///run/payswitch/writer.sock"]'
    assert reached == {**dict.fromkeys(known, True), "payswitch-bridge": False, "stranger": False}
    assert known.keys() == {"payswitch", "payswitch-bridge", *(f"payswitch-{process}" for process in OWN)}
    assert len({user for user, _ in known.values()}) == len(known)


def connects(directory: Path, user: int, group: int) -> bool:
    """Whether a user of a group may connect, after the check of the directory that every client makes."""
    child = os.fork()
    if child == 0:  # our interpreter may be where no other user may read: it is loaded already
        found = 2
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
            private.check(directory)
            socket.socket(socket.AF_UNIX).connect(str(directory / "writer.sock"))
            found = 0
        except PermissionError:
            found = 1
        finally:
            os._exit(found)
    _, ended = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(ended)
    assert code in {0, 1}
    return code == 0
