"""Packages of npm that tests use, by name and version, in a cache outside the tree; without npm they skip.

`python -m tests.npm` fetches them all. A run in several processes begins with it in the background, so a fresh
machine loses no time with it: tests that need a package come late (`tests/order.py`).
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

REDOCLY = "@redocly/cli@2.77.0"
SPECTRAL = "@stoplight/spectral-cli@6.16.3"
ASYNCAPI = "@asyncapi/specs@6.11.1"
BRUNO = "@usebruno/cli@4.1.0"
OPENAPI_TYPESCRIPT = "openapi-typescript@7.13.0"
TYPESCRIPT = "typescript@5.9.3"
OPENAPI_FETCH = "openapi-fetch@0.17.0"
TYPES_OF_NODE = "@types/node@24.10.1"
OIDC_PROVIDER = "oidc-provider@9.13.3"
STANDARD_WEBHOOKS = "standardwebhooks@1.1.1"
OF_EVERY_RUN = (
    (OIDC_PROVIDER,),
    (STANDARD_WEBHOOKS,),
    (ASYNCAPI,),
    (OPENAPI_TYPESCRIPT, TYPESCRIPT),
)
"""What `make test` needs, in about the order in which it is needed."""
INSTALL_S = 120
FAILED_S = 900
"""How long nobody tries again what could not be fetched: each of some files would wait for it."""


class NotFetched(Exception):
    """Packages are not there and cannot be fetched."""


def programs(*packages: str) -> Path:
    """The folder with the programs of these packages, installed if they are not there.

    A test that calls it is skipped where they cannot be had.
    """
    return modules(*packages) / ".bin"


def modules(*packages: str) -> Path:
    """The folder `node_modules` with these packages, as `programs` does."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm: apt-get install nodejs npm")
    try:
        return _fetched(packages) / "node_modules"
    except NotFetched as error:
        pytest.skip(str(error))


def fetch_in_the_background() -> Callable[[], None]:
    """Begin to fetch what `make test` needs; the result ends that."""
    if shutil.which("npm") is None or all(_is_installed(_folder(each)) for each in OF_EVERY_RUN):
        return lambda: None
    fetching = subprocess.Popen([sys.executable, "-m", "tests.npm"], cwd=Path(__file__).parent.parent)

    def end() -> None:
        fetching.terminate()
        fetching.wait()

    return end


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "payswitch" / "npm"


def _folder(packages: tuple[str, ...]) -> Path:
    return _cache() / "+".join(package.lstrip("@").replace("/", "-") for package in packages)


def _is_installed(folder: Path) -> bool:
    return (folder / "installed").is_file()


def _fetched(packages: tuple[str, ...]) -> Path:
    """The folder of these packages; who comes while another process fetches them waits for it."""
    folder = _folder(packages)
    if _is_installed(folder):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_installed(folder):
            _install(packages, folder)
    return folder


def _failed_lately() -> bool:
    failed = _cache() / "failed"
    return failed.is_file() and time.time() - failed.stat().st_mtime < FAILED_S


def _install(packages: tuple[str, ...], folder: Path) -> None:
    named = f"the npm packages {', '.join(packages)}"
    if _failed_lately():
        raise NotFetched(f"{named} are not here, and npm could fetch none a moment ago")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
    try:
        done = subprocess.run(
            [*command, "--prefix", str(folder), *packages],
            check=False,
            capture_output=True,
            timeout=INSTALL_S,
        )
        fetched = done.returncode == 0
    except subprocess.TimeoutExpired:
        fetched = False
    if not fetched:
        (_cache() / "failed").touch()
        raise NotFetched(f"{named} cannot be fetched, or not within {INSTALL_S} seconds")
    (folder / "installed").touch()


def main() -> None:
    """Fetch them all; what cannot be had is skipped by the tests that need it."""
    for packages in OF_EVERY_RUN:
        try:
            _fetched(packages)
        except NotFetched as error:
            sys.stderr.write(f"{error}\n")


if __name__ == "__main__":
    main()
