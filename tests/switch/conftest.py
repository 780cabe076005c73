"""A whole switch with all ten rails."""

from collections.abc import Iterator

import pytest

from adapters import registry
from tests.switch.stack import Stack, started

PATIENCE = {"time_scale": 0.2, "payment_expiry_s": 600.0}
"""A cold start of ten rails on a busy machine must not look like a rail's silence."""


@pytest.fixture(scope="module")
def ten() -> Iterator[Stack]:
    """A switch with all ten rails, none of which is hurried."""
    with started(rails=tuple(registry.countries()), **PATIENCE) as stack:
        yield stack
