"""A rail's callbacks come from its own networks, where they are stated: others are refused before a byte is read."""

from ipaddress import ip_network

import pytest

from schemas.errors import NotAllowed
from switch.payments.rails import Breaker, Bulkhead, Rail

NETWORKS = (ip_network("192.0.2.0/28"), ip_network("2001:db8::/64"))


def rail(*networks: object) -> Rail:
    return Rail(None, None, Bulkhead(1), Breaker("IN", 1.0), callback_networks=networks)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["192.0.2.15", "2001:db8::7"])
def test_a_callback_from_the_rails_networks_is_read(address: str) -> None:
    rail(*NETWORKS).check_source(address)


@pytest.mark.parametrize("address", ["192.0.2.16", "2001:db8:1::7", "127.0.0.1", "", "testclient"])
def test_a_callback_from_another_network_is_refused(address: str) -> None:
    with pytest.raises(NotAllowed):
        rail(*NETWORKS).check_source(address)


def test_without_networks_a_callback_may_come_from_anywhere() -> None:
    rail().check_source("203.0.113.9")
