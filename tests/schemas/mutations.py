"""Damage for messages: small changes of a tree, of which some leave it valid and most do not."""

import copy
import random

from lxml import etree

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"

# fmt: off
TEXTS = (
    "", "x", " ", "A" * 35, "A" * 36, "A" * 140, "A" * 141, "A" * 3000, "\u0410\u043b\u043c\u0430", "\u00a0",
    "\U0001f600" * 35, "\U0001f600" * 36, "tab\there", "line\nbreak", "\u2003 5", "\u202eabc",
    "0", "00", "-1", "+1.50", "1.", "  5.00 ", ".5", "-0", "-0.00", "+", "-", ".", "1e5", "NaN", "INF", "1_000",
    "123456789012345678", "1234567890123456789", "0.000001", "1.00000", "0" * 30 + "1", "1." + "0" * 30, "1,5",
    "2026-02-28", "2026-02-29", "2024-02-29", "2026-02-30", "2026-04-31", "2026-13-01", "2026-00-10",
    "1900-02-29", "2000-02-29", "0000-01-01", "0001-01-01", "-0001-11-23", "12026-11-23", "00012026-01-01",
    "2026-1-1", "2026-11-23Z", "2026-11-23+05:30", "20261123", "2026-W01-1",
    "2026-11-23T10:00:00", "2026-11-23T10:00:00Z", "2026-11-23T10:00:00z", "2026-11-23t10:00:00Z",
    "2026-11-23T10:00:00+14:00", "2026-11-23T10:00:00+14:01", "2026-11-23T10:00:00-13:59",
    "2026-11-23T24:00:00", "2026-11-23T24:00:01", "2026-11-23T24:00:00.0", "2026-11-23T10:60:00",
    "2026-11-23T10:00:60", "2026-11-23T1:00:00", "2026-11-23T10:00:00.", "2026-11-23T10:00:00.123456789012",
    "2026-11-23T10:00", "2026-11-23T10:00:00,5Z", "2026-11-23 10:00:00", "12026-11-23T10:00:00",
    "24:00:00", "10:00:00", "10:00:00.123Z", "2026", "2026-11", "02026", "-2026", "2026Z", "2026-11+01:00",
    "true", "false", "1", " true\n", "TRUE", "yes", "EUR", "eur", "EURO", "EU", "DEUTDEFF", "DEUTDEFFXXX",
    "deutdeff", "DEUTDEFFXX", "QUJD", "QUJD=", "Q U J D", "QQ==", "Q===", "IN", "USD ", "KZ86125KZT5004100100",
    "0" * 20_000 + "1", "0" * 20_000 + "x", "1." + "0" * 20_000 + "x", "2" * 5000 + "-02-29", "2" * 18 + "-02-28",
    "2" * 5000 + "-02-29T10:00:00Z", "2026-11-23T10:00:00." + "1" * 5000 + "Z", "2" * 5000, "2" * 5000 + "-11",
    "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7", "7B0F2F3E-6C1D-4A53-9F0E-2D1C8A54E9B7", "+91-9820012345", "CLRG",
)
# fmt: on


def mutated(document: bytes, chance: random.Random) -> bytes:
    """The document with one to three things changed; its root keeps its name."""
    root = etree.fromstring(document)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        chance.choice(_MUTATIONS)(root, chance)
    return etree.tostring(root, encoding="utf-8")


def _elements(root: etree._Element) -> list[etree._Element]:
    return [element for element in root.iter() if element is not root and isinstance(element.tag, str)]


def _any(root: etree._Element, chance: random.Random) -> etree._Element:
    return chance.choice(_elements(root) or [root])


def _text(root, chance):
    leaves = [element for element in _elements(root) if len(element) == 0]
    if leaves:
        chance.choice(leaves).text = chance.choice(TEXTS)


def _remove(root, chance):
    element = _any(root, chance)
    if element is not root:
        element.getparent().remove(element)


def _double(root, chance):
    element = _any(root, chance)
    if element is not root:
        parent = element.getparent()
        parent.insert(parent.index(element), copy.deepcopy(element))


def _move(root, chance):
    element = _any(root, chance)
    if element is not root:
        parent = element.getparent()
        parent.remove(element)
        parent.insert(chance.randrange(len(parent) + 1), element)


def _rename(root, chance):
    _any(root, chance).tag = _any(root, chance).tag if len(root) else root.tag


def _insert(root, chance):
    child = etree.SubElement(_any(root, chance), _any(root, chance).tag)
    child.text = chance.choice(("x", "1.00", None))


def _attribute(root, chance):
    name = chance.choice(("Ccy", "x", f"{XSI}nil", f"{XSI}schemaLocation", "{urn:other}Ccy"))
    _any(root, chance).set(name, chance.choice(("EUR", "true", "eur", "a b", "")))


def _no_attributes(root, chance):
    element = _any(root, chance)
    for name in list(element.attrib):
        del element.attrib[name]


def _foreign_namespace(root, chance):
    element = _any(root, chance)
    element.tag = chance.choice(("", "{urn:other}")) + etree.QName(element).localname


def _mixed(root, chance):
    element = _any(root, chance)
    if element is not root:
        place = chance.choice(("tail", "text")) if len(element) else "tail"
        setattr(element, place, chance.choice("x \n\u00a0"))


_MUTATIONS = (
    *(_text,) * 5,
    _remove,
    _double,
    _move,
    _rename,
    _insert,
    _attribute,
    _no_attributes,
    _foreign_namespace,
    _mixed,
)
