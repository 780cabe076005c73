"""No element of a pacs.008 is silently lost: the table, the rails' places, and what is really sent agree."""

import copy
import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapters import accounting, elements_page, registry
from adapters.port import Order, OriginalMessage
from adapters.simulation import sandbox
from adapters.simulation.harness import sample_order
from schemas import codec, credit_transfer, elements, examples
from schemas.catalogue import catalogue
from schemas.catalogue.model import Choice, Foreign, Member, Sequence, Text
from schemas.elements import Treatment
from schemas.errors import InvalidMessage
from schemas.plan import plan
from schemas.versions import versions

ROOT = "FIToFICstmrCdtTrf"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "elements.md"
ISO = ("BY", "KZ", "PK")
OTHERS = tuple(country for country in registry.countries() if country not in ISO)
MARK = "MARK7731"

Content = dict[str, Any]


def members(type_name: str) -> tuple[Member, ...]:
    kind = catalogue().types[type_name]
    return kind.members if isinstance(kind, Sequence | Choice) else ()


def leaves(type_name: str, path: tuple[Member, ...] = ()) -> Iterator[tuple[Member, ...]]:
    """Every way from a message's own element to a value."""
    below = members(type_name)
    if not below and path:
        yield path
    for member in below:
        if sum(one.type == member.type for one in path) == 0:
            yield from leaves(member.type, (*path, member))


def name_of(path: tuple[Member, ...]) -> str:
    return "/".join(member.tag for member in path)


def leaves_of(version: str) -> list[tuple[Member, ...]]:
    return list(leaves(catalogue().messages[version].type))


def put(content: Content, path: tuple[Member, ...], value: Any) -> None:
    """Put a value into a content, with whatever must stand around it, in place of other alternatives."""
    (member, *rest) = path
    if rest:
        below = examples.value(member.type) if member.tag not in content else content[member.tag]
        below = copy.deepcopy(below[0] if isinstance(below, list) else below)
        if isinstance(catalogue().types[member.type], Choice):
            below = {tag: one for tag, one in below.items() if tag == rest[0].tag}
        put(below, tuple(rest), value)
    else:
        below = value
    content[member.tag] = [below] if member.many else below


def value_of(type_name: str) -> Any:
    """A value that is known again: the mark where the type takes it, else the type's example."""
    kind = catalogue().types[type_name]
    if isinstance(kind, Text) and kind.pattern is None and (kind.maximum or 99) >= len(MARK):
        return MARK
    return examples.value(type_name)


def found(content: Any, tags: list[str]) -> list[Any]:
    """Every value at a path."""
    if isinstance(content, list):
        return list(itertools.chain.from_iterable(found(item, tags) for item in content))
    if not tags:
        return [content]
    return found(content[tags[0]], tags[1:]) if isinstance(content, dict) and tags[0] in content else []


def order_with(base: Order, version: str, path: tuple[Member, ...], value: Any) -> Order | None:
    """The order of a message in which a value stands at a path; None where no valid message has it alone."""
    document = credit_transfer.build(base.payment, version=version, clearing_system="PAYSWITCH")
    put(document[ROOT], path, value)
    try:
        checked = plan(version).accept(document)
    except InvalidMessage:
        return None
    message = codec.Message(version, checked)
    return replace(
        base, payment=credit_transfer.read(message), original=OriginalMessage(version, checked[ROOT])
    )


@cache
def each_alone(version: str) -> list[tuple[str, Order]]:
    """A message for every leaf that can stand in a valid one."""
    base = sample_order("PK")
    orders = (
        (name_of(path), order_with(base, version, path, value_of(path[-1].type)))
        for path in leaves_of(version)
    )
    return [(name, order) for name, order in orders if order is not None]


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    def adapter(country: str) -> Any:
        place = tmp_path_factory.mktemp(country)
        return registry.load(
            country, sandbox.prepare(place, country, port=1, callback_url="http://127.0.0.1:1/")[0]
        )

    return {country: adapter(country) for country in registry.countries()}


@pytest.mark.parametrize("version", [*versions("pacs.008"), *versions("head.001")])
def test_every_element_has_its_line(version: str) -> None:
    prefix = "AppHdr/" if version.startswith("head") else ""
    without = []
    for path in leaves_of(version):
        try:
            elements.element_of(prefix + name_of(path))
        except KeyError:
            without.append(name_of(path))

    assert without == []


def test_every_line_is_of_an_element_that_exists() -> None:
    known: set[str] = set()
    for version in (*versions("pacs.008"), *versions("head.001")):
        prefix = "AppHdr/" if version.startswith("head") else ""
        for path in leaves_of(version):
            parts = (prefix + name_of(path)).split("/")
            known.update("/".join(parts[:length]) for length in range(1, len(parts) + 1))

    assert [line.path for line in elements.table() if line.path not in known] == []
    assert len({line.path for line in elements.table()}) == len(elements.table())
    for country in registry.countries():
        carried = {f"CdtTrfTxInf/{path}" for path in registry.profile(country).carries} - {
            "CdtTrfTxInf/SplmtryData"
        }
        assert carried <= known, country


def test_every_refusal_has_a_reason_and_nothing_else_has_one_without_need() -> None:
    for line in elements.table():
        may_refuse = line.treatment in {Treatment.DECIDES, Treatment.REFUSED, Treatment.CARRIED_OR_REFUSED}
        assert bool(line.reason) == may_refuse, line.path
        assert line.text, line.path


def test_the_page_agrees_with_the_table() -> None:
    """If not: `python -m adapters.elements_page > docs/reference/elements.md`."""
    assert PAGE.read_text("utf-8") == elements_page.page()


def fate(order: Order, path: str, country: str) -> str:
    """What the table does to an element of this order: refused, noted, or nothing."""
    for loss in accounting.losses(order, registry.profile(country)):
        if path == loss.path or path.startswith(f"{loss.path}/"):
            return "refused" if loss.reason else "noted"
    return ""


@pytest.mark.parametrize("country", registry.countries())
@pytest.mark.parametrize("version", ["pacs.008.001.08", "pacs.008.001.13"])
def test_an_element_is_treated_as_the_table_defines(country: str, version: str) -> None:
    """Each leaf alone: where the rail has no place it is refused or noted, by its path."""
    table = accounting.accounting(registry.profile(country).carries)
    messages = each_alone(version)
    for name, order in messages:
        line = elements.element_of(name)
        carried = line.treatment in elements.CARRIED and table.carries(name)
        expected = {
            Treatment.REFUSED: "refused",
            Treatment.CARRIED_OR_REFUSED: "" if carried else "refused",
            Treatment.CARRIED_OR_NOTED: "" if carried else "noted",
        }.get(line.treatment, "")
        assert fate(order, name, country) == expected, name

    assert len(messages) > 1200


@pytest.mark.parametrize("country", ISO)
def test_what_an_iso_rail_carries_is_in_its_message(country: str, adapters: dict[str, Any]) -> None:
    """Every leaf of the rail's own version that the table calls carried stands at its place, unchanged."""
    adapter, base = adapters[country], sample_order(country)
    version = "pacs.008.001.10" if country == "KZ" else "pacs.008.001.08"
    table = accounting.accounting(adapter.profile.carries)
    checked = 0
    for path in leaves_of(version):
        name = name_of(path)
        if elements.element_of(name).treatment not in elements.CARRIED or not table.carries(name):
            continue
        if name.startswith(("CdtTrfTxInf/Purp", "CdtTrfTxInf/PmtId")):  # the rail's own words; see below
            continue
        value = value_of(path[-1].type)
        order = order_with(base, version, path, value)
        if order is None or adapter.check(order):
            continue
        native = codec.decode(inner(adapter.translate(order).body), media_type=codec.XML)
        tags = name.split("/")
        tags[0] = "CdtTrfTxInf" if tags[0] == "GrpHdr" else tags[0]
        if isinstance(catalogue().types[path[-1].type], Foreign):
            assert found(native.content, tags), name
        else:
            assert value in found(native.content, tags), name
        checked += 1

    assert checked > 800


def inner(body: bytes) -> bytes:
    """The document in a rail's envelope."""
    (document,) = etree.fromstring(body).iter("{*}Document")
    return etree.tostring(document)


@pytest.mark.parametrize("country", registry.countries())
def test_what_a_rail_carries_is_in_its_bytes(country: str, adapters: dict[str, Any]) -> None:
    """Text that the table calls carried is really in the native message, whatever its form."""
    adapter, base = adapters[country], sample_order(country)
    table = accounting.accounting(adapter.profile.carries)
    lost, checked = [], 0
    for path in leaves_of("pacs.008.001.10"):
        name = name_of(path)
        value = value_of(path[-1].type)
        if (
            value != MARK
            or elements.element_of(name).treatment not in elements.CARRIED
            or not table.carries(name)
        ):
            continue
        order = order_with(base, "pacs.008.001.10", path, value)
        if order is None or adapter.check(order):
            continue
        checked += 1
        if MARK.encode() not in adapter.translate(order).body.upper():
            lost.append(name)

    assert lost == []
    assert checked >= 5


def test_an_element_of_a_later_version_is_refused_by_a_rail_of_an_earlier_one(
    adapters: dict[str, Any],
) -> None:
    path = next(p for p in leaves_of("pacs.008.001.13") if name_of(p) == "CdtTrfTxInf/Cdtr/PstlAdr/UnitNb")
    order = order_with(sample_order("PK"), "pacs.008.001.13", path, "12")
    assert order is not None

    (violation,) = adapters["PK"].check(order)
    assert (violation.reason, violation.path) == ("AG03", "CdtTrfTxInf/Cdtr/PstlAdr/UnitNb")


def test_a_name_that_a_rail_shortens_is_noted() -> None:
    base = sample_order("KG")
    document = credit_transfer.build(base.payment, version="pacs.008.001.08")
    (transaction,) = document[ROOT]["CdtTrfTxInf"]
    transaction["Cdtr"]["Nm"] = "Asylbek Toktogulov Bakytbekovich and Sons"
    message = codec.Message("pacs.008.001.08", document)
    order = replace(
        base, payment=credit_transfer.read(message), original=OriginalMessage(message.id, message.content)
    )

    losses = accounting.losses(order, registry.profile("KG"))
    assert ("CdtTrfTxInf/Cdtr/Nm", "", accounting.SHORTENED) in [(x.path, x.reason, x.text) for x in losses]


MEMBER_ID = "CdtTrfTxInf/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"


@pytest.mark.parametrize("country", registry.countries())
def test_the_creditor_s_bank_was_replaced_or_dropped_silently(country: str, adapters: dict[str, Any]) -> None:
    """Its id at the rail is sent as it is, refused, or noted."""
    adapter, base = adapters[country], sample_order(country)
    path = next(path for path in leaves_of("pacs.008.001.10") if name_of(path) == MEMBER_ID)
    own = base.payment.creditor_agent.member_id
    for member in (MARK, *([own] if own else [])):
        order = order_with(base, "pacs.008.001.10", path, member)
        assert order is not None
        refused = [one for one in adapter.check(order) if MEMBER_ID.startswith(one.path)]
        noted = fate(order, MEMBER_ID, country) == "noted"
        sent = not adapter.check(order) and member.encode() in adapter.translate(order).body
        assert refused or noted or sent, member
        assert member != own or not refused
