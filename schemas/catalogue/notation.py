r"""The catalogue's own notation: three plain text files that people can read and diff.

`messages.txt`, one message a line:

    pacs.008.001.08  FIToFICstmrCdtTrf  FIToFICustomerCreditTransferV08

`parts.txt`, one part a paragraph, one member a line; `?` is 0..1, `*` is 0..n, `+` is 1..n, `{0,7}` is that:

    PostalAddress24
        AdrTp?        AddressType3Choice
        AdrLine{0,7}  Max70Text

    AccountIdentification4Choice = one of
        IBAN  IBAN2007Identifier
        Othr  GenericAccountIdentification1

    ActiveCurrencyAndAmount = amount ActiveCurrencyAndAmount_SimpleType ActiveCurrencyCode
    SupplementaryDataEnvelope1 = foreign lax

`values.txt`, one value a line (a line that begins with a blank continues the one before):

    Max35Text    text 1..35
    CountryCode  text /[A-Z]{2,2}/
    ChargeBearerType1Code  code DEBT CRED SHAR SLEV
    DecimalNumber  decimal 18 17
    ISODateTime  dateTime

`#` begins a comment line.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from schemas.catalogue.model import (
    UNBOUNDED,
    Amount,
    Binary,
    Catalogue,
    Choice,
    Code,
    Decimal,
    Foreign,
    Member,
    Part,
    Root,
    Scalar,
    Sequence,
    Text,
    Type,
    Value,
)

SCALARS = frozenset({"boolean", "date", "dateTime", "time", "gYear", "gYearMonth"})
_SIGNS = {(1, 1): "", (0, 1): "?", (0, UNBOUNDED): "*", (1, UNBOUNDED): "+"}
_RANGES = {sign: bounds for bounds, sign in _SIGNS.items()}
_MEMBER = re.compile(r"(?P<tag>[^\s?*+{]+)(?:(?P<sign>[?*+])|\{(?P<low>\d+),(?P<high>\d+)\})?")
_TEXT = re.compile(r"(?:(?P<low>\d+)\.\.(?P<high>\d+|\*))? ?(?:/(?P<pattern>.*)/)?")


def read(directory: Path) -> Catalogue:
    """The catalogue in a directory. Raises ValueError, naming the line, where it cannot be read."""
    messages = {
        name: Root(tag, kind)
        for name, tag, kind in (line.split() for line in _lines(directory / "messages.txt"))
    }
    types: dict[str, Type] = dict(_read_values(_lines(directory / "values.txt")))
    types.update(_read_parts(_lines(directory / "parts.txt")))
    return Catalogue(messages, types)


def write(catalogue: Catalogue, directory: Path) -> None:
    """Write the three files, sorted by name, so that adding a message shows as a small difference."""
    types = sorted(catalogue.types.items())
    parts = [_part_text(name, kind) for name, kind in types if isinstance(kind, Part)]
    values = [_value_text(name, kind) for name, kind in types if isinstance(kind, Value)]
    messages = [f"{name}  {root.tag}  {root.type}" for name, root in sorted(catalogue.messages.items())]
    directory.mkdir(parents=True, exist_ok=True)
    for name, lines in (("messages", messages), ("parts", parts), ("values", values)):
        (directory / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _read_values(lines: Iterable[str]) -> Iterator[tuple[str, Value]]:
    joined: list[str] = []
    for line in lines:
        if line[0].isspace():
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
    for line in joined:
        name, kind, *rest = line.split(maxsplit=2)
        yield name, _value(kind, rest[0] if rest else "", line)


def _value(kind: str, rest: str, line: str) -> Value:
    if kind in SCALARS and not rest:
        return Scalar(kind)
    match kind:
        case "code":
            return Code(tuple(rest.split()))
        case "decimal":
            digits, fraction, *minimum = (int(word) for word in rest.split())
            return Decimal(digits, fraction, minimum[0] if minimum else None)
        case "base64":
            low, high = rest.split("..")
            return Binary(int(low), int(high))
        case "text" if found := _TEXT.fullmatch(rest):
            low, high = found["low"] or "0", found["high"] or "*"
            return Text(int(low), None if high == "*" else int(high), found["pattern"])
    raise ValueError(f"not a value: {line}")


def _value_text(name: str, value: Value) -> str:
    match value:
        case Scalar(kind):
            words = kind
        case Code(codes):
            words = f"code {' '.join(codes)}"
        case Decimal(digits, fraction, minimum):
            words = f"decimal {digits} {fraction}" + ("" if minimum is None else f" {minimum}")
        case Binary(low, high):
            words = f"base64 {low}..{high}"
        case Text(low, most, pattern):
            bounds = f" {low}..{'*' if most is None else most}" if low or most is not None else ""
            words = f"text{bounds}" + (f" /{pattern}/" if pattern is not None else "")
    if not isinstance(value, Code):
        return f"{name}  {words}"
    return textwrap.fill(f"{name}  {words}", 108, subsequent_indent="    ", break_on_hyphens=False)


def _read_parts(lines: Iterable[str]) -> Iterator[tuple[str, Part]]:
    head, members = "", list[Member]()
    for line in [*lines, ""]:
        if line[:1].isspace():
            members.append(_member(line))
            continue
        if head:
            yield _part(head, tuple(members))
        head, members = line, []


def _part(head: str, members: tuple[Member, ...]) -> tuple[str, Part]:
    name, _, words = head.partition(" = ")
    match words.split():
        case []:
            return name, Sequence(members)
        case ["one", "of"]:
            return name, Choice(members)
        case ["foreign", process]:
            return name, Foreign(process)
        case ["foreign", process, namespace]:
            return name, Foreign(process, namespace)
        case ["amount", number, currency]:
            return name, Amount(number, currency)
    raise ValueError(f"not a part: {head}")


def _member(line: str) -> Member:
    words, kind = line.split()
    found = _MEMBER.fullmatch(words)
    if found is None:
        raise ValueError(f"not a member: {line}")
    if found["low"]:
        return Member(found["tag"], kind, int(found["low"]), int(found["high"]))
    low, high = _RANGES[found["sign"] or ""]
    return Member(found["tag"], kind, low, high)


def _part_text(name: str, part: Part) -> str:
    match part:
        case Sequence(members):
            return "\n".join([name, *map(_member_text, members), ""])
        case Choice(members):
            return "\n".join([f"{name} = one of", *map(_member_text, members), ""])
        case Foreign(process, namespace):
            return f"{name} = foreign {process}{' ' + namespace if namespace else ''}\n"
        case Amount(number, currency):
            return f"{name} = amount {number} {currency}\n"


def _member_text(member: Member) -> str:
    bounds = (member.minimum, member.maximum)
    sign = _SIGNS.get(bounds, f"{{{bounds[0]},{bounds[1]}}}")
    return f"    {member.tag}{sign}  {member.type}"
