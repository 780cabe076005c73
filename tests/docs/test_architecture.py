"""The architecture page matches the code, and no two folders import each other."""

from itertools import pairwise

import pytest

from tests.docs import architecture
from tests.docs.architecture import FLOW, PACKAGES, ROOT, Step, Via


def test_the_page_agrees_with_the_code() -> None:
    text = architecture.PAGE.read_text(encoding="utf-8")

    assert text == architecture.page(text), "run `python -m tests.docs.architecture`"


@pytest.mark.parametrize("step", FLOW, ids=lambda step: f"{step.source}-{step.target}-{step.what}")
def test_every_step_of_the_flow_is_one_of_the_code(step: Step) -> None:
    graph = architecture.imports()
    modules = [name for name in (step.source, step.target) if "." in name]

    assert set(modules) <= graph.modules
    if step.via is Via.CALL:
        assert graph.direct_import_exists(importer=step.source, imported=step.target)
    elif len(modules) == 2:
        assert not graph.direct_import_exists(importer=step.source, imported=step.target)


def test_no_two_folders_import_each_other() -> None:
    """Folders of all depths; one that lies in the other is its part, and may."""
    folders = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for name in PACKAGES
        for file in (ROOT / name).rglob("*.py")
    }
    graph = architecture.imports()
    found = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            for source in folders & within(module):
                for target in folders & within(imported):
                    if source not in within(target) and target not in within(source):
                        found.add((source, target))

    assert sorted(pair for pair in found if pair[::-1] in found) == []


def within(module: str) -> set[str]:
    """A module, and every package that it is in."""
    parts = module.split(".")
    return {".".join(parts[: number + 1]) for number in range(len(parts))}


def test_arrows_that_are_left_out_are_implied() -> None:
    for name in architecture.arrows():
        direct = architecture.direct(name)
        assert direct.union(*map(architecture.reached, direct)) == architecture.reached(name)


def test_an_importer_is_above_what_it_imports() -> None:
    order = architecture.by_height()

    assert all(architecture.height(upper) >= architecture.height(lower) for upper, lower in pairwise(order))
    assert order[-1] == "schemas"
