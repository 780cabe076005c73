"""One whole switch for the session: real PostgreSQL, writer, API workers, caretaker and rails."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.settings import Settings
from switch.supervisor import running
from tests.switch.stack import Stack

TIME_SCALE = 0.02


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    # Not below pytest's temporary directory: see `data_directory`.
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        yield from run(Path(directory))


def settings_of(data: Path, rails: tuple[str, ...] = ("IN", "PK")) -> Settings:
    return Settings(
        data=data,
        sandbox=True,
        rails=rails,
        port=0,
        time_scale=TIME_SCALE,
        sandbox_latency_s=0.01,
        payment_expiry_s=10,
        invariants_every_s=1,
    )


def run(data: Path) -> Iterator[Stack]:
    with running(settings_of(data), lambda _: None) as supervisor:
        yield Stack(supervisor)
