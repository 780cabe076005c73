"""The Python client as a bank installs it: its own wheel, without the switch."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import switch.clients.python as beside
from tests.switch.stack import Stack

HOME = Path(beside.__file__).parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that has the content of the wheel."""
    folder = tmp_path_factory.mktemp("client")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=HOME, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_has_the_package_and_its_types(installed: Path):
    modules = {path.name for path in HOME.glob("*.py")}

    assert {path.name for path in (installed / "payswitch_client").iterdir() if path.suffix} == modules | {
        "py.typed"
    }


def test_the_example_of_its_page_pays_where_nothing_of_the_switch_is(installed: Path, stack: Stack, tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", (HOME / "README.md").read_text(), re.DOTALL)
    (tmp_path / "key.pem").write_text(stack.participant("asha-bank")["private_key"])
    program = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        f"{example.replace('https://switch.example', stack.url)}\n"
        "print(sorted({'switch', 'schemas', 'ledger', 'adapters'} & sys.modules.keys()))\n"
    )
    # -I: neither PYTHONPATH nor this directory; the packages of the environment, of which it may use two.
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )

    assert done.stdout.splitlines() == ["ACCC None", "[]"]


def test_it_is_small():
    """Less than 1,100 lines of code; documentation is not counted."""
    lines = [line.strip() for path in HOME.glob("*.py") for line in _code(path.read_text())]

    assert len([line for line in lines if line and not line.startswith("#")]) < 1100


def _code(text: str) -> list[str]:
    return re.sub(r'"""(.*?)"""', "", text, flags=re.DOTALL).splitlines()
