"""Reading what a switch exports."""

import time
import urllib.request
from collections.abc import Callable

from tests.switch.stack import Stack

WITHIN_S = 60


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=WITHIN_S) as answer:
        return str(answer.read().decode())


def until_page(stack: Stack, holds: Callable[[str], bool]) -> str:
    """`/metrics` of a switch, once it is as it should be."""
    end = time.monotonic() + WITHIN_S
    while not holds(page := stack.metrics()):
        assert time.monotonic() < end, "the page never was as it should be"
        time.sleep(0.2)
    return page
