"""The image: rules of its Dockerfile, and the tree that it makes, run without an engine.

There may be no container engine where these tests run. The Dockerfile is read by rules (hadolint's own where it
is installed), and the installation of the image is made in a folder: by `install.py` of the image into an
environment; the root is mounted read-only, the user is another, there is no shell, and a payment is made.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.processes import health

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
USER = 10001


def instructions(text: str) -> list[tuple[str, str]]:
    """(Instruction, arguments) of each line, with continuations joined and comments left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined)]


def stages(text: str) -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = [[]]
    for instruction in instructions(text):
        if instruction[0] == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found[1:]


def values(stage: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for word, rest in stage if word == name]


BUILD, FINAL = stages(DOCKERFILE)


def test_the_image_is_built_from_the_production_lock_alone() -> None:
    installs = [
        line for line in values(BUILD, "RUN") + values(FINAL, "RUN") if "pip" in line and "install " in line
    ]
    pip = [line for line in installs if "pip uninstall" not in line]

    assert len([line for line in pip if "requirements" in line]) == 1
    assert "--require-hashes --only-binary :all: " in pip[0], (
        "nothing is compiled, every package has its hash"
    )
    assert "requirements-production.lock" in pip[0]
    assert "requirements.lock" not in DOCKERFILE
    assert "apt-get" not in DOCKERFILE


def test_only_what_the_image_needs_is_sent_to_the_builder() -> None:
    copied = {line.split()[0] for line in values(BUILD, "COPY")} | {"README.md", "LICENSE"}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
    assert kept == copied
    assert not {"tests", "loadtests", "docs"} & kept
    assert all(source != "." for line in values(BUILD, "COPY") for source in line.split()[:-1])


def test_the_final_stage_takes_only_the_environment() -> None:
    assert values(FINAL, "COPY") == ["--from=build /opt/payswitch /opt/payswitch"]
    assert not values(FINAL, "ADD") + values(BUILD, "ADD")


def test_the_process_is_no_root_and_needs_no_shell() -> None:
    assert values(FINAL, "USER") == [f"{USER}:{USER}"]
    after = [word for word, _ in FINAL[[word for word, _ in FINAL].index("USER") :]]
    assert "RUN" not in after
    for name in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(values(FINAL, name)[0]), list)
    assert json.loads(values(FINAL, "HEALTHCHECK")[0].partition("CMD ")[2])[1:] == [
        "-m",
        "switch.processes.health",
    ]


def test_the_health_check_waits_for_a_start() -> None:
    options = values(FINAL, "HEALTHCHECK")[0]

    assert int(re.search(r"--start-period=(\d+)s", options)[1]) >= 60
    assert int(re.search(r"--timeout=(\d+)s", options)[1]) > health._WITHIN_S


def test_no_base_is_latest_and_no_secret_is_an_argument() -> None:
    bases = re.findall(r"^ARG PYTHON=(\S+)", DOCKERFILE, re.MULTILINE)

    assert [":" in base and not base.endswith(":latest") for base in bases] == [True]
    assert [*values(BUILD, "FROM"), *values(FINAL, "FROM")] == ["${PYTHON} AS build", "${PYTHON}"]
    assert not re.search(r"^(ARG|ENV) .*(PASSWORD|SECRET|TOKEN)", DOCKERFILE, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("hadolint"), reason="hadolint is not installed")
def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(["hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)

    assert done.stdout == ""


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, "http://127.0.0.1:8320"),
        ({"PAYSWITCH_HOST": "0.0.0.0", "PAYSWITCH_PORT": "80"}, "http://127.0.0.1:80"),
        ({"PAYSWITCH_HEALTH": "0.0.0.0:8321"}, "http://127.0.0.1:8321"),
        ({"PAYSWITCH_HEALTH": "[::]:8321"}, "http://[::1]:8321"),
    ],
)
def test_the_health_check_asks_the_process_of_its_container(environment, address, monkeypatch) -> None:
    for name in ("HOST", "PORT", "HEALTH"):
        monkeypatch.delenv(f"PAYSWITCH_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert health.address() == address


@pytest.fixture(scope="module")
def image(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The environment of the image; with `--image` its packages too, otherwise those of this Python's."""
    with tempfile.TemporaryDirectory(prefix="payswitch-image-") as place:
        Path(place).chmod(0o755)
        yield installed(Path(place), whole=request.config.getoption("--image"))


def installed(place: Path, *, whole: bool) -> Path:
    build, made = place / "build", place / "opt"
    build.mkdir()
    python = Path("/usr/bin/python3") if whole else Path(sys.executable).resolve()
    subprocess.run([python, "-m", "venv", "--without-pip", made], check=True)
    lock = ROOT / "requirements-production.lock"
    if whole:
        pip = [sys.executable, "-m", "pip", "--python", made / "bin" / "python", "install", "--quiet"]
        wheels = ["--require-hashes", "--only-binary", ":all:", "--requirement", lock]
        subprocess.run([*pip, *wheels], check=True)
    else:
        site = next((made / "lib").glob("python*/site-packages"))
        packages = Path(pytest.__file__).parents[1]
        (site / "others.pth").write_text(f"{packages}\n")
    for line in values(BUILD, "COPY"):
        *sources, _ = line.split()
        for source in sources:
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, build / source)
    program = build / "switch" / "deploy" / "image" / "install.py"
    subprocess.run([made / "bin" / "python", program, build, made], check=True)
    return made


def inside(image: Path, code: str) -> str:
    done = subprocess.run(
        [image / "bin" / "python", "-P", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_installation_is_what_an_installer_makes(image: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    code = (
        "import switch; from importlib.metadata import version, entry_points as e;"
        "print(switch.__file__, version('payswitch'), len(e(group='payswitch.adapters')))"
    )
    file, found, adapters = inside(image, code).split()

    assert Path(file).is_relative_to(image)
    assert found == project["version"]
    assert int(adapters) == len(project["entry-points"]["payswitch.adapters"])
    assert not (Path(file).parents[1] / "tests").exists()
    assert list(image.rglob("switch/cli/__pycache__/*.pyc")), "compiled: the root is read-only"
