"""The tools that operators have: Debian's `prometheus`, or its binaries below TEST_PROMETHEUS."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests import order
from tests.switch.stack import Stack


def tool(name: str) -> str:
    """Where a binary is; the test is skipped where it is not."""
    place = os.environ.get("TEST_PROMETHEUS")
    found = shutil.which(name, path=place)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package prometheus)")
    return found


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A switch of their own: these tests freeze the books and change history by hand."""
    with order.switch_until_last_use(request.session, order.OPERATIONS) as found:
        yield found


@pytest.fixture(scope="session")
def promtool() -> str:
    return tool("promtool")


@pytest.fixture(scope="session")
def prometheus() -> str:
    return tool("prometheus")
