"""Which faults of a cluster to live through."""

from pathlib import Path

import pytest

from tests.cluster.failover import SCENARIOS


@pytest.fixture(scope="session")
def wanted_faults(request: pytest.FixtureRequest) -> frozenset[str]:
    """`--cluster`."""
    wanted: str = request.config.getoption("--cluster")
    return frozenset(SCENARIOS) if wanted == "all" else frozenset(wanted.split(","))


@pytest.fixture(scope="session")
def cluster_to(request: pytest.FixtureRequest) -> Path | None:
    """Where the figures go: `--cluster-to`."""
    file: Path | None = request.config.getoption("--cluster-to")
    return file
