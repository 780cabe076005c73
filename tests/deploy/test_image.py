"""The image: rules of its Dockerfile, and the tree that it makes, run without an engine.

There may be no container engine where these tests run. The Dockerfile is read by rules (hadolint's own where it
is installed), and the installation of the image is made in a folder: by `install.py` of the image into an
environment; the root is mounted read-only, the user is another, there is no shell, and a payment is made.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.simulation.sandbox import free_port
from switch.deploy.image import sbom
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
def test_the_health_check_calls_the_process_of_its_container(environment, address, monkeypatch) -> None:
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
    for command in made_by_the_build():
        placed = [word.replace("/opt/payswitch", str(made)).replace("/build", str(build)) for word in command]
        subprocess.run(placed, check=True)
    return made


def made_by_the_build() -> list[list[str]]:
    """The commands of the build stage that need no shell: they install the switch, and write its bill."""
    return [json.loads(line) for line in values(BUILD, "RUN") if line.startswith("[")]


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


@pytest.mark.long
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


@pytest.mark.long
def test_the_image_has_the_bill_of_its_own_packages_and_none_of_development(image: Path) -> None:
    bill = json.loads((image / "sbom.cdx.json").read_text())
    lock = (ROOT / "requirements-production.lock").read_text()
    names = {component["name"] for component in bill["components"]}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    development = {re.match(r"[a-z0-9-]+", one)[0] for one in extras["dev"]} - {"payswitch"}

    assert bill["metadata"]["component"]["name"] == "payswitch"
    assert names == {one.name for one in sbom.read_lock(lock) if one.name in names}
    assert {"aiohttp", "cryptography", "lxml", "noto-cjk-sans-otc"} <= names
    assert development & {one.name for one in sbom.read_lock(lock)} == set()


IN_A_CONTAINER = """
set -e
mount --make-rprivate /
mkdir -p {place}/python
mount --bind {python} {place}/python
case {python} in /root/*)
    mount -t tmpfs -o mode=0755 tmpfs /root; mkdir -p {python}; mount --bind {place}/python {python};; esac
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=0700,uid={user},gid={user} tmpfs {data}
for tree in {image} {packages}; do mount --bind $tree $tree; mount -o remount,bind,ro $tree; done
mount --bind /dev/null /bin/bash; mount --bind /dev/null "$(readlink -f /bin/sh)"
cd {data}
exec setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    {image}/bin/payswitch up --sandbox
"""


@contextlib.contextmanager
def over_tcp(url: str) -> Iterator[str]:
    """The same database over TCP: the socket of the tests' server is in a directory of its own user."""
    socket = parse_qs(urlsplit(url).query)["host"][0] + "/.s.PGSQL.5432"
    loop = asyncio.new_event_loop()
    streams: set[asyncio.Task[None]] = set()

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while octets := await source.read(1 << 16):
            target.write(octets)
        target.close()

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_unix_connection(socket)
        for one in (pump(reader, ours), pump(theirs, writer)):
            streams.add(asyncio.ensure_future(one))

    server = loop.run_until_complete(asyncio.start_server(joined, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://postgres@127.0.0.1:{port}{urlsplit(url).path}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for stream in streams:
            stream.cancel()
        loop.run_until_complete(asyncio.gather(*streams, return_exceptions=True))
        server.close()
        loop.close()


@pytest.fixture
def database_over_tcp(empty_database_url: str) -> Iterator[str]:
    with over_tcp(empty_database_url) as url:
        yield url


@pytest.mark.long
def test_another_user_pays_with_a_read_only_root_and_without_a_shell(
    image: Path, database_over_tcp: str, tmp_path: Path
) -> None:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
        pytest.skip("only root may mount a root read-only, with unshare and setpriv")
    place = image.parent
    data = place / "data"
    data.mkdir(exist_ok=True)
    packages = Path(pytest.__file__).parents[1]
    script = IN_A_CONTAINER.format(
        python=Path(sys.base_prefix), place=place, image=image, packages=packages, data=data, user=USER
    )
    port = free_port()
    environment = {
        "PATH": f"{image}/bin:{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSAFEPATH": "1",
        "PAYSWITCH_DATA": str(data),
        "PAYSWITCH_PORT": str(port),
        "PAYSWITCH_DATABASE": database_over_tcp,
        "PAYSWITCH_RAILS": '["IN", "PK"]',
        "PAYSWITCH_TIME_SCALE": "0.02",
        "PAYSWITCH_WORKERS": "1",
    }
    with (tmp_path / "log").open("wb") as log:
        switch = subprocess.Popen(
            ["unshare", "--mount", "bash", "-c", script], env=environment, stdout=log, stderr=log, cwd="/"
        )
    try:
        ready = [image / "bin" / "python", "-P", "-m", "switch.processes.health"]
        end = time.monotonic() + 120
        while subprocess.run(ready, env=environment, capture_output=True, check=False, cwd="/").returncode:
            assert switch.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.5)
        pay = f"/proc/{switch.pid}/root{data}"
        credentials = json.loads(Path(pay, "sandbox", "credentials.json").read_text())
        code = (
            "import asyncio, json, sys; from switch.clients.python import AsyncClient; from switch.sandbox import world\n"
            "async def pay(url, payer, payee):\n"
            "    async with AsyncClient(url, bearer=payer['bearer']) as client:\n"
            "        done = await client.pay(world.document(payer, payee, amount='10.00'), wait=20)\n"
            "        print(done.status)\n"
            "asyncio.run(pay(*json.load(sys.stdin)))"
        )
        banks = {bank["id"]: bank for bank in credentials["participants"]}
        given = json.dumps([f"http://127.0.0.1:{port}", banks["asha-bank"], banks["noor-wallet"]])
        paid = subprocess.run(
            [image / "bin" / "python", "-P", "-c", code],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        children = subprocess.run(
            ["ps", "-o", "uid=", "-p", str(switch.pid)], capture_output=True, text=True, check=True
        )
    finally:
        switch.terminate()
        switch.wait(40)

    assert (paid.stdout.strip(), paid.stderr) == ("ACCC", "")
    assert children.stdout.strip() == str(USER)
    assert switch.returncode == 0
