"""The database's primary dies under payments: nothing acknowledged is lost, and the old primary is fenced.

`make test` runs one fault; `--cluster all` all of them, `--cluster NAME[,NAME]` some. With `--cluster-to FILE`
the figures of each run are added to a file, one JSON line each.
"""

import asyncio
from pathlib import Path

import pytest

from tests.cluster import databases, failover

pytestmark = [pytest.mark.chaos, pytest.mark.long]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", failover.SCENARIOS)
def test_no_acknowledged_payment_is_lost_when_a_database_machine_fails(
    data_directory: Path, name: str, wanted_faults: frozenset[str], cluster_to: Path | None
) -> None:
    if name not in wanted_faults:
        pytest.skip("not asked for: --cluster all")
    with databases.running() as cluster:
        switch = failover.ClusterSwitch(data_directory / "data")
        switch.machine, switch.cluster = cluster.switch, cluster
        switch.prepare()
        switch.start()
        assert switch.wait_until_ready(), (data_directory / "up.log").read_text()[-3000:]
        found = asyncio.run(failover.run(cluster, switch, name, data_directory / "acknowledged"))
        switch.end()
    print(failover.line(found))  # noqa: T201 - shown when the test fails
    if cluster_to is not None:
        with cluster_to.open("a") as file:
            file.write(failover.line(found) + "\n")

    assert found.of_the_file > 0
    assert found.wrong() == {}
    assert bool(found.promoted) == failover.SCENARIOS[name].fails_over
