"""Packages of npm that tests use, by name and version, in a cache outside the tree; without npm they skip."""

import os
import shutil
import subprocess
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
INSTALL_S = 180


def programs(*packages: str) -> Path:
    """The folder with the programs of these packages, installed if they are not there.

    A test that calls it is skipped where they cannot be had.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = "+".join(package.lstrip("@").replace("/", "-") for package in packages)
    folder = Path(cache) / "payswitch" / "npm" / name
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm: apt-get install nodejs npm")
    if not (folder / "installed").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        try:
            done = subprocess.run([*command, *packages], check=False, capture_output=True, timeout=INSTALL_S)
        except subprocess.TimeoutExpired:
            pytest.skip(f"the npm packages {', '.join(packages)} cannot be fetched in time")
        if done.returncode:
            pytest.skip(f"the npm packages {', '.join(packages)} cannot be fetched")
        (folder / "installed").touch()
    return folder / "node_modules" / ".bin"
