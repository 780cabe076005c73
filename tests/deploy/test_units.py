"""The units of systemd: systemd reads them, and their exposure is low."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

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
    from typer.main import get_command

    from switch import cli

    text = (UNITS / service).read_text()
    (line,) = re.findall(r"^ExecStart=/opt/payswitch/bin/payswitch (.+)$", text, re.MULTILINE)
    words = line.replace("%i", "1").split()
    command = get_command(cli.application(words))
    names = []
    while hasattr(command, "commands"):
        names.append(words[len(names)])
        command = command.commands[names[-1]]

    command.make_context(" ".join(names), words[len(names) :]).close()


def test_every_service_is_hardened_by_its_name() -> None:
    assert (UNITS / "payswitch-.service.d" / "10-hardening.conf").exists()
    assert all(service.startswith("payswitch-") for service in SERVICES)
