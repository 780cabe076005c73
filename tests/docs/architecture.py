"""The diagrams of docs/architecture.md: the layers and their imports, and the payment flow through the modules.

`python -m tests.docs.architecture` writes both into the page. Arrows between layers are the code's own imports,
without those that other arrows imply. The steps of the payment flow are declared here;
tests/docs/test_architecture.py checks them against the code.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import grimp

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "architecture.md"
PACKAGES: Final = ("switch", "adapters", "ledger", "schemas")


class Via(StrEnum):
    """How one module reaches another."""

    CALL = "->>"
    """It imports it."""
    GIVEN = "-)"
    """It has an object of it as an argument, and knows only the protocol."""
    WIRE = "--)"
    """By a socket or the network."""


class Step(NamedTuple):
    """One step of the payment flow. A name without a dot is an outside party."""

    source: str
    target: str
    what: str
    via: Via = Via.CALL


FLOW: Final = (
    Step("Bank", "switch.processes.app", "pacs.008, signed", Via.WIRE),
    Step("switch.processes.app", "switch.api.iso_endpoints", "the path gives the message type"),
    Step("switch.api.iso_endpoints", "switch.api.receiving", "read the bytes, within limits"),
    Step("switch.api.receiving", "switch.api.authentication", "verify the signature"),
    Step("switch.api.receiving", "schemas.codec", "decode, against the schema"),
    Step("switch.api.receiving", "switch.payments.intake", "accept the payment"),
    Step("switch.payments.intake", "schemas.rules", "rules of the scheme"),
    Step("switch.payments.intake", "switch.payments.stated", "check the stated terms"),
    Step("switch.payments.intake", "switch.payments.routes", "corridor, rail and price"),
    Step("switch.payments.intake", "switch.payments.rails", "translate into the rail's own format"),
    Step("switch.payments.rails", "adapters.port", "the country's adapter"),
    Step("switch.payments.intake", "switch.writer.client", "Accept"),
    Step("switch.writer.client", "switch.processes.writer", "a frame over the local socket", Via.WIRE),
    Step("switch.processes.writer", "ledger.writer", "waiting commands form one batch"),
    Step("ledger.writer", "switch.writer.payment_book", "decide, in memory", Via.GIVEN),
    Step("ledger.writer", "PostgreSQL", "RESERVED and SENT: one durable batch", Via.WIRE),
    Step("switch.payments.intake", "switch.payments.dispatch", "send the durable order"),
    Step("switch.payments.dispatch", "adapters.port", "submit the order"),
    Step("adapters.port", "Rail", "the rail's own message", Via.WIRE),
    Step("Rail", "adapters.port", "accepted, refused or unknown", Via.WIRE),
    Step("switch.payments.dispatch", "switch.writer.client", "Advance"),
    Step("switch.writer.client", "switch.processes.writer", "a frame over the local socket", Via.WIRE),
    Step("ledger.writer", "PostgreSQL", "COMMITTED or ABORTED: one durable batch", Via.WIRE),
    Step("switch.processes.writer", "switch.writer.client", "notify every worker of the change", Via.WIRE),
    Step("switch.api.receiving", "schemas.status_report", "pacs.002"),
    Step("switch.processes.app", "Bank", "pacs.002", Via.WIRE),
)


@cache
def imports() -> grimp.ImportGraph:
    """Every import of the product."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def layer(module: str) -> str:
    """The layer of a module of the switch, or the package of another."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == "switch" and rest else first


@cache
def arrows() -> Mapping[str, frozenset[str]]:
    """Which layers and packages each of them imports."""
    found: dict[str, set[str]] = {}
    for module in imports().modules:
        into = found.setdefault(layer(module), set())
        into |= {layer(imported) for imported in imports().find_modules_directly_imported_by(module)}
    return {name: frozenset(into - {name}) for name, into in found.items() if name != "switch"}


def reached(name: str) -> frozenset[str]:
    """Everything that a layer imports, directly or not."""
    return arrows()[name].union(*(reached(next_) for next_ in arrows()[name]))


def direct(name: str) -> frozenset[str]:
    """The arrows of a layer that no others imply."""
    return arrows()[name].difference(*(reached(next_) for next_ in arrows()[name]))


def purpose(name: str) -> str:
    """The purpose of a layer: the first line of its docstring."""
    base = ROOT / name if name in PACKAGES else ROOT / "switch" / name
    file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert docstring is not None
    return docstring.splitlines()[0]


def height(name: str) -> int:
    """The length of the longest path down from a layer."""
    return 1 + max((height(next_) for next_ in arrows()[name]), default=0)


def by_height() -> list[str]:
    """Layers and packages, the highest first: importers before imported ones."""
    return sorted(arrows(), key=lambda name: (-height(name), name))


def layers() -> Iterator[str]:
    """The layers, their arrows and their purposes."""
    yield "```mermaid"
    yield "flowchart TD"
    yield '  subgraph switch["switch/"]'
    yield from (f"    {name}" for name in by_height() if name not in PACKAGES)
    yield "  end"
    for name in by_height():
        yield from (f"  {name} --> {into}" for into in sorted(direct(name)))
    yield "```"
    yield ""
    yield "| folder | purpose |"
    yield "|---|---|"
    for name in by_height():
        folder = name if name in PACKAGES else f"switch/{name}"
        ending = "/" if (ROOT / folder).is_dir() else ".py"
        yield f"| [{folder}{ending}](../{folder}{ending}) | {purpose(name)} |"


def flow() -> Iterator[str]:
    """The payment flow as a sequence of modules."""
    order = list(dict.fromkeys(name for step in FLOW for name in (step.source, step.target)))
    folders = dict.fromkeys(_folder(name) for name in order)
    yield "```mermaid"
    yield "sequenceDiagram"
    yield "  autonumber"
    for folder in folders:
        inside = [name for name in order if _folder(name) == folder]
        boxed = "." in inside[0]
        if boxed:
            yield f"  box {folder}"
        for name in inside:
            kind = "participant" if boxed else "actor"
            yield f"  {kind} {name.replace('.', '_')} as {name.rpartition('.')[2]}"
        if boxed:
            yield "  end"
    for step in FLOW:
        yield f"  {_id(step.source)}{step.via}{_id(step.target)}: {step.what}"
    yield "```"


def _id(name: str) -> str:
    return name.replace(".", "_")


def _folder(name: str) -> str:
    """The folder of a module, or the name of an outside party."""
    return name.rpartition(".")[0].replace(".", "/") or name


def page(text: str) -> str:
    """The page with both diagrams as they are now."""
    for name, lines in (("layers", layers()), ("flow", flow())):
        block = "\n".join((f"<!-- {name} -->", *lines, f"<!-- end of {name} -->"))
        text, times = re.subn(
            rf"<!-- {name} -->.*?<!-- end of {name} -->", lambda _, block=block: block, text, flags=re.DOTALL
        )
        assert times == 1, f"the page has {times} places for {name}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
