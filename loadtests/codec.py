"""The codec against the libraries people use: one pacs.008 in and out, with translation for each rail.

The peers get the same schema: their classes are made from the same catalogue, with the same names, order,
cardinality and (for pydantic-xml) facets. Every contender reads the same bytes in the same process, in
turns, so that noise meets all of them; figures are medians in microseconds. `decode` here includes gates,
full validation, SHA-256 and the scheme's rules; `write` includes validation of what is written.
"""

import argparse
import functools
import gc
import hashlib
import json
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import Any

import pydantic
import pydantic_xml
from lxml import etree
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.serializers import XmlSerializer

from adapters import registry
from adapters.simulation import sandbox
from adapters.simulation.harness import sample_order
from schemas import codec, credit_transfer, foreign, rules
from schemas.catalogue import catalogue
from schemas.catalogue.model import Amount, Choice, Code, Foreign, Member, Sequence, Text, Type
from schemas.plan import NAMESPACE

MESSAGE = "pacs.008.001.08"
SAMPLE = Path(__file__).parent.parent / "tests" / "schemas" / "samples" / f"{MESSAGE}.xml"

RESULTS = Path(__file__).parent / "results"

BATCH = 50
"""Calls that are timed together."""

Contender = Callable[[], object]


def main(arguments: list[str]) -> int:
    """Measure and print; with `--json`, one JSON object on the last line."""
    parser = argparse.ArgumentParser(prog="python -m loadtests codec")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--results", type=Path, default=RESULTS, help="directory for the figures")
    options = parser.parse_args(arguments)
    raw = SAMPLE.read_bytes()
    contenders = _contenders(raw)
    medians = measure(contenders, options.rounds)
    report = _report(medians, raw, options.rounds)
    given = sorted(medians.items(), key=lambda item: item[1])
    for name, microseconds in given:
        print(f"{name:32} {microseconds:9.1f} us")
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "codec.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (options.results / "codec.md").write_text(table(report, given), encoding="utf-8")
    print(json.dumps(report) if options.json else json.dumps(report, indent=2))
    return 0


def measure(contenders: dict[str, Contender], rounds: int) -> dict[str, float]:
    """Median microseconds of each, taken in turns of random order."""
    samples: dict[str, list[int]] = {name: [] for name in contenders}
    order = random.Random(20022)
    names = list(contenders)
    for contender in contenders.values():
        contender()
    gc.collect()
    gc.disable()  # as `timeit` does: nobody pays for another's garbage
    for _ in range(rounds):
        order.shuffle(names)
        for name in names:
            samples[name].append(_batch(contenders[name]))
        gc.collect()
    gc.enable()
    return {name: statistics.median(found) / 1000 / BATCH for name, found in samples.items()}


def _batch(contender: Contender) -> int:
    """Nanoseconds of a batch of calls, short enough that a neighbour's noise spoils few of them."""
    contender()
    start = time.perf_counter_ns()
    for _ in range(BATCH):
        contender()
    return time.perf_counter_ns() - start


def table(report: dict[str, Any], medians: list[tuple[str, float]]) -> str:
    """The figures as a page."""
    made = report["settings"]
    bare = dict(medians)["bare lxml parse"]
    rows = [f"| {name} | {value:.1f} | {value / bare:.1f} |" for name, value in medians]
    return _PAGE.format(rows="\n".join(rows), batch=BATCH, **made, **report)


_PAGE = """# The codec

One {message} of {bytes} bytes and {elements} elements; medians of {rounds} rounds of {batch} calls,
contenders in turns and in one process, Python {python}, on a machine with a load of {load}. *in* is bytes to
checked content: gates, complete schema, SHA-256, scheme rules. *out* is content to bytes, checked by the
schema. The peers check less: xsdata no facets at all, neither of them any rule. *translate* makes a rail's
own bytes of a payment, signature included.

| | us | times a bare lxml parse |
|---|---|---|
{rows}

Against xsdata: {ratio_vs_xsdata_in} times as fast in, {ratio_vs_xsdata_out} times as fast out; against
pydantic-xml {ratio_vs_pydantic_xml_in} and {ratio_vs_pydantic_xml_out} times.

`python -m loadtests codec --json`; figures in `codec.json`.
"""


def _report(medians: dict[str, float], raw: bytes, rounds: int) -> dict[str, Any]:
    ours_in, ours_out = medians["payswitch in"], medians["payswitch out"]
    return {
        "parse_us": round(ours_in, 1),
        "write_us": round(ours_out, 1),
        "ratio_vs_xsdata_in": round(medians["xsdata in"] / ours_in, 2),
        "ratio_vs_xsdata_out": round(medians["xsdata out"] / ours_out, 2),
        "ratio_vs_pydantic_xml_in": round(medians["pydantic-xml in"] / ours_in, 2),
        "ratio_vs_pydantic_xml_out": round(medians["pydantic-xml out"] / ours_out, 2),
        "ratio_vs_bare_lxml": round(ours_in / medians["bare lxml parse"], 2),
        "json_parse_us": round(medians["payswitch in, JSON"], 1),
        "json_write_us": round(medians["payswitch out, JSON"], 1),
        "canonical_us": round(medians["payswitch to canonical type"], 1),
        "translate_us": {
            name.removeprefix("translate "): round(value, 1)
            for name, value in medians.items()
            if name.startswith("translate ")
        },
        "settings": {
            "message": MESSAGE,
            "bytes": len(raw),
            "elements": len(list(etree.fromstring(raw).iter())),
            "rounds": rounds,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "load": round(os.getloadavg()[0], 1),
        },
    }


def _contenders(raw: bytes) -> dict[str, Contender]:
    message = codec.decode(raw, media_type=codec.XML)
    as_json = codec.encode(message.id, message.document, media_type=codec.JSON)
    payment = credit_transfer.read(message)
    parser = foreign.new_parser()
    return {
        "bare lxml parse": lambda: etree.fromstring(raw, parser),
        "payswitch in": lambda: rules.check(codec.decode(raw, media_type=codec.XML, expect="pacs.008")),
        "payswitch out": lambda: codec.encode(message.id, message.document, media_type=codec.XML),
        "payswitch in, JSON": lambda: rules.check(codec.decode(as_json, media_type=codec.JSON)),
        "payswitch out, JSON": lambda: codec.encode(message.id, message.document, media_type=codec.JSON),
        "payswitch to canonical type": lambda: credit_transfer.read(message),
        "SHA-256": lambda: hashlib.sha256(raw).digest(),
        **_xsdata(raw),
        **_pydantic_xml(raw),
        **_translations(payment.uetr),
    }


# Peers


def _is_leaf(kind: Type) -> bool:
    return not isinstance(kind, Sequence | Choice | Amount | Foreign)


class _Classes:
    """Builds a peer's classes from the catalogue, each type once, children before parents."""

    def __init__(self) -> None:
        self.types = catalogue().reachable(MESSAGE)
        self.made: dict[str, Any] = {}

    def of(self, name: str) -> Any:
        if name not in self.made:
            kind = self.types[name]
            self.made[name] = str if _is_leaf(kind) else self.make(name, kind)
        return self.made[name]

    def make(self, name: str, kind: Type) -> Any:
        raise NotImplementedError

    def document(self) -> Any:
        root = catalogue().messages[MESSAGE]
        return self.make("Document", Sequence((Member(root.tag, root.type),)))


class _Dataclasses(_Classes):
    """xsdata's dataclasses, as its generator would write them."""

    def make(self, name: str, kind: Type) -> Any:
        namespace = NAMESPACE + MESSAGE
        match kind:
            case Sequence(members) | Choice(members):
                fields = [self._field(member, namespace) for member in members]
            case Amount():
                fields = [
                    ("value", str | None, field(default=None, metadata={"required": True})),
                    (
                        "ccy",
                        str | None,
                        field(default=None, metadata={"name": "Ccy", "type": "Attribute"}),
                    ),
                ]
            case _:
                fields = [
                    (
                        "any_element",
                        object | None,
                        field(default=None, metadata={"type": "Wildcard", "namespace": "##any"}),
                    )
                ]
        made = make_dataclass(name, fields)
        meta = {"namespace": namespace} if name == "Document" else {"name": name}
        made.Meta = type("Meta", (), meta)  # type: ignore[attr-defined]
        made.__module__ = __name__
        return made

    def _field(self, member: Member, namespace: str) -> tuple[str, Any, Any]:
        metadata = {"name": member.tag, "type": "Element", "namespace": namespace}
        kind: Any = self.of(member.type)
        name = member.tag.lower()
        if member.many:
            return name, list[kind], field(default_factory=list, metadata=metadata)
        return name, kind | None, field(default=None, metadata=metadata)


def _xsdata(raw: bytes) -> dict[str, Contender]:
    document = _Dataclasses().document()
    context = XmlContext()
    parser, serializer = XmlParser(context=context), XmlSerializer(context=context)
    found = parser.from_bytes(raw, document)
    assert serializer.render(found, ns_map={None: NAMESPACE + MESSAGE}).count("<") > len("content")
    return {
        "xsdata in": lambda: parser.from_bytes(raw, document),
        "xsdata out": lambda: serializer.render(found, ns_map={None: NAMESPACE + MESSAGE}),
    }


class _Models(_Classes):
    """pydantic-xml's models, with the facets as constraints."""

    def make(self, name: str, kind: Type) -> Any:
        fields: dict[str, Any] = {}
        match kind:
            case Sequence(members) | Choice(members):
                for number, member in enumerate(members):
                    fields[f"f{number}"] = self._field(member, required=isinstance(kind, Sequence))
            case Amount():
                fields = {"value": (str, ...), "ccy": (str, pydantic_xml.attr(name="Ccy"))}
            case _:
                fields = {"envelope": (str | None, None)}
        return pydantic.create_model(
            name,
            __base__=pydantic_xml.BaseXmlModel,
            __cls_kwargs__={"tag": name, "nsmap": {"": NAMESPACE + MESSAGE}, "ns": ""},
            **fields,
        )

    def _field(self, member: Member, *, required: bool) -> tuple[Any, Any]:
        kind: Any = self._constrained(self.types[member.type], self.of(member.type))
        element: dict[str, Any] = {"tag": member.tag, "ns": "", "nsmap": {"": NAMESPACE + MESSAGE}}
        if member.many:
            return list[kind] | None, pydantic_xml.element(default=None, **element)
        if member.minimum and required:
            return kind, pydantic_xml.element(**element)
        return kind | None, pydantic_xml.element(default=None, **element)

    def _constrained(self, kind: Type, made: Any) -> Any:
        match kind:
            case Text(minimum, maximum, pattern):
                anchored = None if pattern is None else f"^(?:{pattern})$"
                return pydantic.constr(min_length=minimum, max_length=maximum, pattern=anchored)
            case Code(codes):
                return pydantic.constr(pattern=f"^(?:{'|'.join(codes)})$")
        return made


def _pydantic_xml(raw: bytes) -> dict[str, Contender]:
    document = _Models().document()
    found = document.from_xml(raw)
    assert found.to_xml(skip_empty=True).count(b"<") > len("content")
    return {
        "pydantic-xml in": lambda: document.from_xml(raw),
        "pydantic-xml out": lambda: found.to_xml(skip_empty=True),
    }


# Rails


def _translations(uetr: str) -> dict[str, Contender]:
    """Each installed adapter's `translate`, signature and all, with sandbox keys."""
    found: dict[str, Contender] = {}
    for country in registry.countries():
        with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
            connection, _ = sandbox.prepare(
                Path(directory), country, port=1, callback_url="http://127.0.0.1:1/"
            )
            adapter = registry.load(country, connection)
        order = sample_order(country, uetr=uetr, minor=adapter.profile.limits.minimum_minor, serial=42)
        found[f"translate {country}"] = functools.partial(adapter.translate, order)
    return found
