"""One whole switch for the session: real PostgreSQL, writer, API workers, caretaker and rails."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import registry
from switch.settings import Settings
from switch.supervisor import running
from tests.switch.stack import Stack

TIME_SCALE = 0.02
PATIENCE = {"time_scale": 0.2, "payment_expiry_s": 600.0}
"""A cold start of ten rails on a busy machine must not look like a rail's silence."""


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    # Not below pytest's temporary directory: see `data_directory`.
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        yield from run(Path(directory))


@pytest.fixture(scope="session")
def ten() -> Iterator[Stack]:
    """A switch with all ten rails, none of which is hurried."""
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        settings = settings_of(Path(directory), rails=tuple(registry.countries()))
        with running(settings.model_copy(update=PATIENCE), lambda _: None) as supervisor:
            yield Stack(supervisor)


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
