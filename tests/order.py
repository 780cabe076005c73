"""In which order files run, and until when the switches that they share live."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.switch.stack import Stack, started

HERE = Path(__file__).parent
OPERATIONS = HERE / "switch" / "operations"
"""Its tests freeze the books, so they share a switch of their own."""
WAITING = ("chaos", "cluster", "adapters/test_tutorial.py", "adapters/test_conformance_kit.py")
"""Files and directories that wait more than they work come first of all."""
LONG = (
    *("docs", "browser", "switch/operations", "switch/payments/test_magic.py", "fuzz", "deploy", "switch"),
    "adapters",
)
"""Of the others, those that take long come first: at the end the workers share out short ones."""
FETCHING = (
    "browser/test_openid.py",
    "clients/test_typescript_client.py",
    "description/test_linters.py",
    "switch/webhooks/test_secrets.py",
)
"""Files that need packages of npm come after the others of their kind: on a fresh machine they are being fetched."""

_RUNNING = pytest.StashKey[dict[Path, ExitStack]]()
"""Of a session: the switches that run, by the directory of their tests."""
_OVER = pytest.StashKey[frozenset[Path]]()
"""Of an item: the directories whose switch neither it nor an item after it needs."""


def sort(items: list[pytest.Item]) -> None:
    """Put files that need a shared switch before those that need none, and long ones first.

    Within a file any order is kept. A switch that nobody needs any more would take 6 % of a core from the others.
    """
    tests = Counter(item.path for item in items)
    users = {item.path for item in items if _switch_of(item)}

    def rank(item: pytest.Item) -> tuple[int, int, int, int, Path]:
        path = item.path.relative_to(HERE).as_posix()
        waiting = _place(path, WAITING)
        if waiting < len(WAITING):
            return 0, 0, waiting, 0, item.path
        kind = 1 if item.path in users else 2
        return kind, path in FETCHING, _place(path, LONG), -tests[item.path], item.path

    items.sort(key=rank)
    over = {HERE, OPERATIONS}
    for item in reversed(items):
        over -= {_switch_of(item)}
        item.stash[_OVER] = frozenset(over)


def end_what_is_over(item: pytest.Item) -> None:
    """End the switches that neither this test nor one after it needs.

    Without `--no-loadscope-reorder` pytest-xdist has an order of its own: they live until the session ends.
    """
    if item.config.getoption("loadscopereorder", False) and "PYTEST_XDIST_WORKER" in os.environ:
        return
    running = item.session.stash.get(_RUNNING, {})
    for directory in item.stash[_OVER] & running.keys():
        running.pop(directory).close()


@contextmanager
def switch_until_last_use(session: pytest.Session, directory: Path) -> Iterator[Stack]:
    """A switch for the tests of a directory, until the last of them or the end of the session."""
    with ExitStack() as running:
        found = running.enter_context(started())
        session.stash.setdefault(_RUNNING, {})[directory] = running
        yield found


def _switch_of(item: pytest.Item) -> Path | None:
    """The directory whose switch a test uses; None if it uses none."""
    if "stack" not in getattr(item, "fixturenames", ()):
        return None
    return OPERATIONS if OPERATIONS in item.path.parents else HERE


def _place(path: str, names: Sequence[str]) -> int:
    return next((at for at, name in enumerate(names) if path.startswith(name)), len(names))
