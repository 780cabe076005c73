"""The tools that operators have: Debian's `prometheus`, or its binaries below PAYSWITCH_PROMETHEUS."""

import os
import shutil

import pytest


def tool(name: str) -> str:
    """Where a binary is; the test is skipped where it is not."""
    place = os.environ.get("PAYSWITCH_PROMETHEUS")
    found = shutil.which(name, path=place)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package prometheus)")
    return found


@pytest.fixture(scope="session")
def promtool() -> str:
    return tool("promtool")


@pytest.fixture(scope="session")
def prometheus() -> str:
    return tool("prometheus")
