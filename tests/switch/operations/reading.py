"""Reading what a switch exports."""

import time
import urllib.request
from collections.abc import Callable

WITHIN_S = 60


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def until_page(url: str, holds: Callable[[str], bool]) -> str:
    """`/metrics` of the switch at `url`, once it is as it should be."""
    end = time.monotonic() + WITHIN_S
    while not holds(page := fetch(f"{url}/metrics")):
        assert time.monotonic() < end, "the page never was as it should be"
        time.sleep(0.2)
    return page
