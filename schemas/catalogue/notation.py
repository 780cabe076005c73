r"""The notation of the catalogue: three plain text files that people can read and compare.

`messages.txt`, one message per line:

    pacs.008.001.08  FIToFICstmrCdtTrf  FIToFICustomerCreditTransferV08

An optional fourth word is the prefix of the name in the namespace of an old message.

`parts.txt`, one part per paragraph, one member per line; `?` is 0..1, `*` is 0..n, `+` is 1..n, `{0,7}` is
that range and `{2,*}` two or more. Of members that begin with `either` and `or`, exactly one occurs:

    PostalAddress24
        AdrTp?        AddressType3Choice
        AdrLine{0,7}  Max70Text

    AccountIdentification4Choice = one of
        IBAN  IBAN2007Identifier
        Othr  GenericAccountIdentification1

    Period2
        FrDt  ISODate
        either ToDt  ISODate
        or Days  Number

    ActiveCurrencyAndAmount = amount ActiveCurrencyAndAmount_SimpleType ActiveCurrencyCode
    SupplementaryDataEnvelope1 = foreign lax

`values.txt`, one value per line (a line that begins with a blank continues the one before):

    Max35Text    text 1..35
    CountryCode  text /[A-Z]{2,2}/
    ChargeBearerType1Code  code DEBT CRED SHAR SLEV
    DecimalNumber  decimal 18 17
    PositiveNumber  decimal 18 0 1
    PercentageBoundedRate  decimal 11 10 0..100
    ISODateTime  dateTime
    ISONormalisedDateTime  dateTime /.*Z/
    ISORestrictedYear  gYear 2000..2099

Patterns are in the syntax of XML Schema. A type with an appended message name, as in
`Number-camt.053.001.02`, has a different meaning in that message than in others.

`#` begins a comment line.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path

from schemas.catalogue.model import (
    NAMESPACE,
    UNBOUNDED,
    Binary,
    Catalogue,
    Choice,
    Code,
    CurrencyAndAmount,
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

SCALARS = frozenset({"boolean", "date", "dateTime", "time", "gYear", "gYearMonth", "gMonth", "ID", "IDREF"})
_SIGNS = {(1, 1): "", (0, 1): "?", (0, UNBOUNDED): "*", (1, UNBOUNDED): "+"}
_RANGES = {sign: bounds for bounds, sign in _SIGNS.items()}
_MEMBER = re.compile(r"(?P<tag>[^\s?*+{]+)(?:(?P<sign>[?*+])|\{(?P<low>\d+),(?P<high>\d+|\*)\})?")
_TEXT = re.compile(r"(?:(?P<low>\d+)\.\.(?P<high>\d+|\*))? ?(?:/(?P<pattern>.*)/)?")
_NUMBER = r"-?\d+(?:\.\d+)?"
_BOUNDED = re.compile(
    rf"(?:(?P<digits>\d+) (?P<fraction>\d+)(?: |$))?(?P<low>{_NUMBER})?(?:\.\.(?P<high>{_NUMBER}))? ?"
    r"(?:/(?P<pattern>.*)/)?"
)
_CODES = re.compile(r"(?:(?P<low>\d+)\.\.(?P<high>\d+|\*) )?(?P<codes>.+)")


def read(directory: Path) -> Catalogue:
    """Read the catalogue in a directory. Raises ValueError with the line if it cannot be read."""
    messages = {
        name: Root(*words) for name, *words in (line.split() for line in _lines(directory / "messages.txt"))
    }
    types: dict[str, Type] = dict(_read_values(_lines(directory / "values.txt")))
    types.update(_read_parts(_lines(directory / "parts.txt")))
    return Catalogue(messages, types)


def write(catalogue: Catalogue, directory: Path) -> None:
    """Write the three files, sorted by name, so that adding a message is a small difference."""
    types = sorted(catalogue.types.items())
    parts = [_part_text(name, kind) for name, kind in types if isinstance(kind, Part)]
    values = [_value_text(name, kind) for name, kind in types if isinstance(kind, Value)]
    messages = [_message_text(name, root) for name, root in sorted(catalogue.messages.items())]
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
    if kind in SCALARS and (found := _BOUNDED.fullmatch(rest)) and not found["digits"]:
        low, high = found["low"], found["high"]
        if kind == "gYear" or (low is None and high is None):
            return Scalar(kind, found["pattern"], low, high)
    match kind:
        case "code" if found := _CODES.fullmatch(rest):
            return Code(tuple(found["codes"].split()), *_bounds(found))
        case "decimal" if found := _BOUNDED.fullmatch(rest):
            digits = found["digits"]
            return Decimal(
                None if digits is None else int(digits),
                int(found["fraction"] or 0),
                found["low"],
                found["high"],
                found["pattern"],
            )
        case "base64" if (found := _TEXT.fullmatch(rest)) and not found["pattern"]:
            return Binary(*_bounds(found))
        case "text" if found := _TEXT.fullmatch(rest):
            return Text(*_bounds(found), found["pattern"])
    raise ValueError(f"not a value: {line}")


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    low, high = found["low"] or "0", found["high"] or "*"
    return int(low), None if high == "*" else int(high)


def _message_text(name: str, root: Root) -> str:
    words = (name, root.tag, root.type) if root.space == NAMESPACE else (name, *astuple(root))
    return "  ".join(words)


def _value_text(name: str, value: Value) -> str:
    match value:
        case Scalar(kind, pattern, low, high):
            words = [kind, _range_text(low, high), _pattern_text(pattern)]
        case Code(codes, low, most):
            words = ["code", _lengths_text(low, most), *codes]
        case Decimal(digits, fraction, low, high, pattern):
            size = "" if digits is None else f"{digits} {fraction}"
            words = ["decimal", size, _range_text(low, high), _pattern_text(pattern)]
        case Binary(low, most):
            words = ["base64", _lengths_text(low, most)]
        case Text(low, most, pattern):
            words = ["text", _lengths_text(low, most), _pattern_text(pattern)]
    text = f"{name}  {' '.join(filter(None, words))}"
    if not isinstance(value, Code):
        return text
    return textwrap.fill(text, 108, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)


def _lengths_text(low: int, most: int | None) -> str:
    return f"{low}..{'*' if most is None else most}" if low or most is not None else ""


def _range_text(low: str | None, high: str | None) -> str:
    return (low or "") + ("" if high is None else f"..{high}")


def _pattern_text(pattern: str | None) -> str:
    return "" if pattern is None else f"/{pattern}/"


def _read_parts(lines: Iterable[str]) -> Iterator[tuple[str, Part]]:
    head, members = "", list[Member]()
    for line in [*lines, ""]:
        if line[:1].isspace():
            members.append(_member(line, members))
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
            return name, CurrencyAndAmount(number, currency)
    raise ValueError(f"not a part: {head}")


def _member(line: str, before: list[Member]) -> Member:
    """Parse one member, after those of the lines above."""
    *word, words, kind = line.split()
    found = _MEMBER.fullmatch(words)
    match word:
        case []:
            choice = 0
        case ["either"]:
            choice = 1 + max((member.choice for member in before), default=0)
        case ["or"] if before and before[-1].choice:
            choice = before[-1].choice
        case _:
            found = None
    if found is None:
        raise ValueError(f"not a member: {line}")
    if found["low"]:
        high = UNBOUNDED if found["high"] == "*" else int(found["high"])
        return Member(found["tag"], kind, int(found["low"]), high, choice)
    low, high = _RANGES[found["sign"] or ""]
    return Member(found["tag"], kind, low, high, choice)


def _part_text(name: str, part: Part) -> str:
    match part:
        case Sequence(members):
            return "\n".join([name, *_member_texts(members), ""])
        case Choice(members):
            return "\n".join([f"{name} = one of", *_member_texts(members), ""])
        case Foreign(process, namespace):
            return f"{name} = foreign {process}{' ' + namespace if namespace else ''}\n"
        case CurrencyAndAmount(number, currency):
            return f"{name} = amount {number} {currency}\n"


def _member_texts(members: tuple[Member, ...]) -> Iterator[str]:
    before = 0
    for member in members:
        high = "*" if member.maximum == UNBOUNDED else member.maximum
        sign = _SIGNS.get((member.minimum, member.maximum), f"{{{member.minimum},{high}}}")
        word = "" if not member.choice else "or " if member.choice == before else "either "
        yield f"    {word}{member.tag}{sign}  {member.type}"
        before = member.choice
