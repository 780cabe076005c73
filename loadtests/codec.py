"""The codec against the libraries people use: one pacs.008 in and out, with translation for each rail.

The peers get the same schema: their classes are made from the same catalogue, with the same names, order,
cardinality and (for pydantic-xml) facets. Every contender reads the same bytes in the same process, in
turns, so that noise meets all of them; figures are medians of microseconds of CPU. `decode` here includes
gates, full validation, SHA-256 and the scheme's rules; `write` includes validation of what is written.

Nobody gets the same message twice in a row: a hundred payments with the same elements and other ids, times,
amounts and names go round. `slow path` are payments with a reference (`&amp;`) in them, which no remembered
layout takes: what elements cost that were not seen before.
"""

import argparse
import dataclasses
import functools
import gc
import hashlib
import itertools
import json
import os
import platform
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import field, make_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pydantic
import pydantic_xml
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.serializers import XmlSerializer

from adapters import registry
from adapters.india import client as india
from adapters.iso20022 import envelope
from adapters.port import Order, RailAdapter
from adapters.simulation import sandbox
from adapters.simulation.harness import sample_order
from loadtests import keeping
from schemas import codec, credit_transfer, foreign, rules
from schemas.catalogue import catalogue
from schemas.catalogue.model import Choice, Code, CurrencyAndAmount, Foreign, Member, Sequence, Text, Type
from schemas.plan import NAMESPACE, plan

MESSAGE = "pacs.008.001.08"
SAMPLE = Path(__file__).parent.parent / "tests" / "schemas" / "samples" / f"{MESSAGE}.xml"

BATCH = 50
"""Calls that are timed together."""

PAYMENTS = 100
"""Different ones that go round."""

Contender = Callable[[], object]


def main(arguments: list[str]) -> int:
    """Measure and print; with `--json`, one JSON object on the last line."""
    parser = argparse.ArgumentParser(prog="python -m loadtests codec")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--rounds", type=int, default=40)
    keeping.add_options(parser)
    options = parser.parse_args(arguments)
    start_ms = _start()
    raw = SAMPLE.read_bytes()
    contenders = _contenders(payments(raw, PAYMENTS))
    medians = measure(contenders, options.rounds)
    report = {**_report(medians, raw, options.rounds), **start_ms}
    given = sorted(medians.items(), key=lambda item: item[1])
    for name, microseconds in given:
        print(f"{name:32} {microseconds:9.1f} us")
    keeping.keep(options.results, "codec", report, table(report, given))
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
    """Nanoseconds of CPU that a batch of calls takes: a neighbour's turns are not counted."""
    contender()
    start = time.process_time_ns()
    for _ in range(BATCH):
        contender()
    return time.process_time_ns() - start


def table(report: dict[str, Any], medians: list[tuple[str, float]]) -> str:
    """The figures as a page."""
    made = report["settings"]
    bare = dict(medians)["bare lxml parse"]
    rows = [f"| {name} | {value:.1f} | {value / bare:.1f} |" for name, value in medians]
    return _PAGE.format(rows="\n".join(rows), batch=BATCH, **made, **report)


_PAGE = """# Benchmark: the ISO 20022 codec

{payments} different {message} of {bytes} bytes and {elements} elements, in turn; medians of CPU time
over {rounds} rounds of {batch} calls, contenders in turns and in one process, Python {python}, on a
machine with a load of {load}. *in* is from bytes to validated content: basic checks, complete schema,
SHA-256, scheme rules. *out* is from content to bytes, validated by the schema. *slow path* is the same
for payments without a cached layout. The peers check less: xsdata checks no facets, and neither checks
rules. *translate* makes a rail's native bytes of a payment, with its signature; *unsigned* is the same
without the signature.

| | us | times a bare lxml parse |
|---|---|---|
{rows}

Compared with xsdata: {ratio_vs_xsdata_in} times as fast in, {ratio_vs_xsdata_out} times as fast out;
compared with pydantic-xml: {ratio_vs_pydantic_xml_in} and {ratio_vs_pydantic_xml_out} times. The slow
path compared with xsdata: {long_way_ratio_vs_xsdata_in} times in, {long_way_ratio_vs_xsdata_out} times
out.

A process loads the catalogue once ({catalogue_ms} ms) and compiles a message at its first use, or all
messages at once ({plans_ms} ms).

`python -m loadtests codec --json`; results in `codec.json`.
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
        "long_way_parse_us": round(medians["payswitch in, slow path"], 1),
        "long_way_write_us": round(medians["payswitch out, slow path"], 1),
        "long_way_ratio_vs_xsdata_in": round(medians["xsdata in"] / medians["payswitch in, slow path"], 2),
        "long_way_ratio_vs_xsdata_out": round(medians["xsdata out"] / medians["payswitch out, slow path"], 2),
        "long_way_ratio_vs_bare_lxml": round(
            medians["payswitch in, slow path"] / medians["bare lxml parse"], 2
        ),
        "json_parse_us": round(medians["payswitch in, JSON"], 1),
        "json_write_us": round(medians["payswitch out, JSON"], 1),
        "canonical_us": round(medians["payswitch to canonical type"], 1),
        "translate_us": _of_countries(medians, "translate "),
        "translate_unsigned_us": _of_countries(medians, "translate unsigned "),
        "settings": {
            "message": MESSAGE,
            "bytes": len(raw),
            "elements": len(list(etree.fromstring(raw).iter())),
            "rounds": rounds,
            "payments": PAYMENTS,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "load": round(os.getloadavg()[0], 1),
        },
    }


def _of_countries(medians: dict[str, float], prefix: str) -> dict[str, float]:
    return {
        country: round(medians[prefix + country], 1)
        for country in registry.countries()
        if prefix + country in medians
    }


def _start() -> dict[str, float]:
    """What a process pays once: milliseconds of CPU to read the catalogue, and to compile every message."""
    catalogue.cache_clear()
    plan.cache_clear()
    before = time.process_time()
    catalogue()
    read = time.process_time()
    codec.warm()
    compiled = time.process_time()
    return {
        "catalogue_ms": round((read - before) * 1000, 1),
        "plans_ms": round((compiled - read) * 1000, 1),
    }


def payments(raw: bytes, number: int) -> list[bytes]:
    """Payments with the elements of this one, and other values."""
    chance = random.Random(8)
    return [_payment(raw, chance) for _ in range(number)]


def _payment(raw: bytes, chance: random.Random) -> bytes:
    serial = f"{chance.randrange(10**6):06}".encode()
    minute = f"T{chance.randrange(24):02}:{chance.randrange(60):02}".encode()
    rupees = f"{chance.randrange(10**6)}.{chance.randrange(100):02}".encode()
    uetr = uuid.UUID(int=chance.getrandbits(128), version=4)
    changes = {
        b"000042": serial,
        b"2026-1187": b"2026-" + serial,
        b"T14:05": minute,
        b"512340.50": rupees,
        b"88250.00": rupees,
        b"7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7": str(uetr).encode(),
        b"Saraswati": chance.choice((b"Lakshmi", b"Ganga", b"Narmada", b"Himalaya")),
        b"9820012345": b"9820" + serial,
        b"50100012345678": b"50100012" + serial,
    }
    for old, new in changes.items():
        raw = raw.replace(old, new)
    return raw


def _in_turn(function: Callable[[Any], object], arguments: Iterable[Any]) -> Contender:
    """Calls with one argument after the other, for ever."""
    turns = itertools.cycle(list(arguments))
    return lambda: function(next(turns))


def _read(media_type: str) -> Callable[[bytes], object]:
    return lambda raw: rules.check(codec.decode(raw, media_type=media_type, expect="pacs.008"))


def _write(media_type: str) -> Callable[[codec.Message], object]:
    return lambda message: codec.encode(message.id, message.document, media_type=media_type)


def _contenders(raws: list[bytes]) -> dict[str, Contender]:
    messages = [codec.decode(raw, media_type=codec.XML) for raw in raws]
    as_json = [codec.encode(message.id, message.document, media_type=codec.JSON) for message in messages]
    careful = [raw.replace(b"cotton yarn", b"yarn &amp; cotton") for raw in raws]
    careful_messages = [codec.decode(raw, media_type=codec.XML) for raw in careful]
    parser = foreign.new_parser()
    return {
        "bare lxml parse": _in_turn(lambda raw: etree.fromstring(raw, parser), raws),
        "payswitch in": _in_turn(_read(codec.XML), raws),
        "payswitch in, slow path": _in_turn(_read(codec.XML), careful),
        "payswitch in, JSON": _in_turn(_read(codec.JSON), as_json),
        "payswitch out": _in_turn(_write(codec.XML), messages),
        "payswitch out, slow path": _in_turn(_write(codec.XML), careful_messages),
        "payswitch out, JSON": _in_turn(_write(codec.JSON), messages),
        "payswitch to canonical type": _in_turn(credit_transfer.read, messages),
        "SHA-256": _in_turn(lambda raw: hashlib.sha256(raw).digest(), raws),
        **_xsdata(raws),
        **_pydantic_xml(raws),
        **_translations(credit_transfer.read(messages[0]).uetr),
    }


# Peers


def _is_leaf(kind: Type) -> bool:
    return not isinstance(kind, Sequence | Choice | CurrencyAndAmount | Foreign)


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
            case CurrencyAndAmount():
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


def _xsdata(raws: list[bytes]) -> dict[str, Contender]:
    document = _Dataclasses().document()
    context = XmlContext()
    parser, serializer = XmlParser(context=context), XmlSerializer(context=context)
    namespaces = {None: NAMESPACE + MESSAGE}
    found = [parser.from_bytes(raw, document) for raw in raws]
    assert serializer.render(found[0], ns_map=namespaces).count("<") > len("content")
    return {
        "xsdata in": _in_turn(lambda raw: parser.from_bytes(raw, document), raws),
        "xsdata out": _in_turn(lambda content: serializer.render(content, ns_map=namespaces), found),
    }


class _Models(_Classes):
    """pydantic-xml's models, with the facets as constraints."""

    def make(self, name: str, kind: Type) -> Any:
        fields: dict[str, Any] = {}
        match kind:
            case Sequence(members) | Choice(members):
                for number, member in enumerate(members):
                    fields[f"f{number}"] = self._field(member, required=isinstance(kind, Sequence))
            case CurrencyAndAmount():
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


def _pydantic_xml(raws: list[bytes]) -> dict[str, Contender]:
    document = _Models().document()
    found = [document.from_xml(raw) for raw in raws]
    assert found[0].to_xml(skip_empty=True).count(b"<") > len("content")
    return {
        "pydantic-xml in": _in_turn(document.from_xml, raws),
        "pydantic-xml out": _in_turn(lambda content: content.to_xml(skip_empty=True), found),
    }


# Rails


class _BlankKey:
    """Signs nothing, at once."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self.public_key = key.public_key

    def sign(self, *_: object) -> bytes:
        return bytes(256)


_XML_SIGNERS: dict[str, tuple[ModuleType, str, Callable[..., bytes]]] = {
    "IN": (india, "sign_enveloped", lambda root, _: etree.tostring(root)),
    **dict.fromkeys(("BY", "KZ", "PK"), (envelope, "seal", lambda unsigned, *_: unsigned)),
}
"""Where XML signatures are made, and what is written without one."""


def _without_signature(country: str, adapter: RailAdapter, order: Order) -> Contender:
    """Translate, and leave the signature out: canonical XML and digests, or the signing itself."""
    if country in _XML_SIGNERS:
        module, name, write = _XML_SIGNERS[country]
        signer = getattr(module, name)

        def translate() -> object:
            setattr(module, name, write)
            try:
                return adapter.translate(order)
            finally:
                setattr(module, name, signer)

        return translate
    if hasattr(adapter, "signing_key"):
        adapter = dataclasses.replace(adapter, signing_key=_BlankKey(adapter.signing_key))  # type: ignore[type-var]
    return functools.partial(adapter.translate, order)


def _translations(uetr: str) -> dict[str, Contender]:
    """Each installed adapter's `translate` with sandbox keys, and with a key that costs nothing."""
    found: dict[str, Contender] = {}
    for country in registry.countries():
        with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
            connection, _ = sandbox.prepare(
                Path(directory), country, port=1, callback_url="http://127.0.0.1:1/"
            )
            adapter = registry.load(country, connection)
        order = sample_order(country, uetr=uetr, minor=adapter.profile.limits.minimum_minor, serial=42)
        found[f"translate {country}"] = functools.partial(adapter.translate, order)
        found[f"translate unsigned {country}"] = _without_signature(country, adapter, order)
    return found
