"""Outages longer than an order's expiry and its rail's grace: nothing given away, and ready by itself.

`make test` runs one of them, `--outages all` every one (`make chaos` does), and `--outages NAME[,NAME]` some.
With `--outages-to FILE` each run's figures are added to a file, one JSON line each.
"""

import asyncio
import json
import random
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.chaos import outages

pytestmark = [pytest.mark.chaos, pytest.mark.long]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", outages.SCENARIOS)
def test_after_an_outage_no_payment_is_given_away_and_the_switch_is_ready_by_itself(
    data_directory: Path, name: str, wanted_outages: frozenset[str], outages_to: Path | None
) -> None:
    if name not in wanted_outages:
        pytest.skip("not asked for: --outages all")
    seed = random.randrange(10**6)  # follows the seed that the run prints
    with outages.prepared(data_directory, name) as switch:
        findings = asyncio.run(outages.run(switch, name, seed))
    print(json.dumps(asdict(findings)))  # noqa: T201 - shown when the test fails
    if outages_to is not None:
        with outages_to.open("a") as file:
            file.write(json.dumps(asdict(findings)) + "\n")

    assert findings.acknowledged > 0
    assert findings.wrong() == {}
    assert findings.ready_s <= outages.SCENARIOS[name].ready_within_s
