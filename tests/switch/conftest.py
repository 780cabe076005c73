"""One whole switch for the session: real PostgreSQL, writer, API workers, caretaker and rails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.settings import Settings
from switch.supervisor import running
from tests.switch.stack import Stack

TIME_SCALE = 0.02


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    data: Path = tmp_path_factory.mktemp("switch")
    settings = Settings(
        data=data,
        sandbox=True,
        port=0,
        time_scale=TIME_SCALE,
        sandbox_latency_s=0.01,
        payment_expiry_s=10,
    )
    with running(settings, lambda _: None) as supervisor:
        yield Stack(supervisor)
