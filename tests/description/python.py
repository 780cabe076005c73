"""Python programs that tests use in an environment of their own, in a cache outside the tree.

They need versions of packages that the product does not use. Without the package index their tests skip.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GENERATOR = "openapi-python-client==0.29.1"
SCHEMATHESIS = "schemathesis==4.32.5"
MYPY = "mypy==2.4.1"
RUFF = "ruff==0.17.6"
OF_CLIENT = ("cryptography>=48", "httpx>=0.28")
"""What the Python client of the tree needs."""
INSTALL_S = 240


def programs(*packages: str) -> Path:
    """The folder with the programs of these packages, installed if they are not there.

    A test that calls it is skipped where they cannot be had.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = "+".join(package.replace(">=", "-").replace("==", "-") for package in packages)
    folder = Path(cache) / "payswitch" / "python" / name
    if not (folder / "installed").is_file():
        install = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
            done = subprocess.run([*install, *packages], check=False, capture_output=True, timeout=INSTALL_S)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
            pytest.skip(f"the packages {', '.join(packages)} cannot be installed")
        if done.returncode:
            pytest.skip(f"the packages {', '.join(packages)} cannot be fetched")
        (folder / "installed").touch()
    return folder / "bin"
