"""Costs of stages add up to what API workers use, and a flame graph has the shares of its samples."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from loadtests import flames, keeping, profiles
from switch.processes.profiling import Profile, StageTotal

SVG = "{http://www.w3.org/2000/svg}"
BEFORE = Profile("api", 1_000, {"decode": StageTotal(1, 100)}, {"main;a": 5})
AFTER = Profile(
    "api",
    11_000,
    {"decode": StageTotal(11, 2_100), "intake, the rest": StageTotal(10, 3_000)},
    {"main;a": 5, "main;b": 7},
)


def test_a_difference_has_only_what_came_since():
    found = profiles.difference(AFTER, BEFORE)

    assert found.cpu_ns == 10_000
    assert found.stages == {"decode": StageTotal(10, 2_000), "intake, the rest": StageTotal(10, 3_000)}
    assert found.stacks == {"main;b": 7}
    assert profiles.difference(AFTER, None) == AFTER


def test_a_process_that_ended_before_is_left_out():
    found = profiles.spent_between({"api-1": BEFORE, "api-2": AFTER}, {"api-1": AFTER, "api-2": AFTER})

    assert list(found) == ["api-1"]


def test_stages_and_the_rest_add_up_to_the_workers():
    workers = {"api-1": profiles.difference(AFTER, BEFORE), "api-2": profiles.difference(AFTER, BEFORE)}
    found = profiles.costs(workers | {"writer-3": Profile("writer", 10**9)}, 3_000.0)

    assert found["decode"] == profiles.StageCost(600.0, 0.2, 1.0)
    assert found["intake, the rest"] == profiles.StageCost(900.0, 0.3, 1.0)
    assert found[profiles.REST].cpu_us == 1_500.0
    assert sum(cost.cpu_us for cost in found.values()) == pytest.approx(3_000)


def rectangles(picture: str) -> dict[str, tuple[float, float, float]]:
    """Title -> left, top and width."""
    root = ET.fromstring(picture)
    return {
        group.find(f"{SVG}title").text: tuple(float(group.find(f"{SVG}rect").get(key)) for key in ("x", "y", "width"))
        for group in root.iter(f"{SVG}g")
    }  # fmt: skip


def test_a_flame_graph_has_a_rectangle_for_each_function_above_its_caller():
    found = rectangles(flames.svg("api-1", {"main;a": 30, "main;b;c<d>": 60, "main;b": 10}))

    assert found["main: 100.00 %"][2] == flames.WIDTH
    left, top, width = found["b: 70.00 %"]
    assert width == pytest.approx(0.7 * flames.WIDTH)
    assert left == pytest.approx(found["a: 30.00 %"][2])
    assert top == found["a: 30.00 %"][1] == found["main: 100.00 %"][1] - flames.ROW
    assert found["c<d>: 60.00 %"][1] == top - flames.ROW


def test_a_process_without_samples_has_an_empty_graph():
    assert rectangles(flames.svg("messenger-7", {})) == {}


def test_graphs_of_an_earlier_run_are_replaced(tmp_path: Path):
    keeping.keep_pictures(tmp_path / "flames", {"api-1": "<svg/>"})
    keeping.keep_pictures(tmp_path / "flames", {"api-2": "<svg/>"})

    assert [file.name for file in (tmp_path / "flames").iterdir()] == ["api-2.svg"]
