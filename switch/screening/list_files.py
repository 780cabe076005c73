"""Sanctions lists as their publishers write them, read into entries.

| list | file | root or first line |
|---|---|---|
| United Nations Security Council | consolidated list, XML | `CONSOLIDATED_LIST` |
| OFAC, United States | SDN or consolidated non-SDN list, `SDN.XML` | `sdnList` |
| European Union | consolidated financial sanctions, XML 1.1 | `export` |
| another, such as a national one | CSV in UTF-8, with a header | `id,kind,name,...` |

Vessels and aircraft are left out: they are no parties of payments. A file with an entry that cannot be read
is refused as a whole, with the place: half a list must not look like a list.
"""

import calendar
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from lxml import etree

from schemas.errors import InvalidMessage
from switch.screening.listed import BirthDate, ListedKind, ListedName, ListedParty

MAX_BYTES: Final = 128 * 1024 * 1024
COLUMNS: Final = ("id", "kind", "name", "aliases", "weak_aliases", "born", "countries", "programmes")
"""Of a CSV file; the last five may be empty or missing. Several values have semicolons between them."""
OWN: Final = "own"
"""The publisher of a CSV file."""
_MONTHS: Final = {name.casefold(): at for at, name in enumerate(calendar.month_abbr) if name}
_YEARS: Final = re.compile(r"\b(1[89]\d\d|20\d\d)\b")
_DAY: Final = re.compile(r"(\d{1,2}) ([A-Za-z]{3}) (\d{4})")
_ISO_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_WEAK_QUALITIES: Final = frozenset({"low", "weak"})

Element = etree._Element  # noqa: SLF001 - the library's type has no public name


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list that was read."""

    publisher: str
    """`UN`, `OFAC`, `EU`, or `own` for a CSV."""
    published: date | None
    """The publisher's date, if the file has one."""
    parties: tuple[ListedParty, ...]


def read(raw: bytes) -> ListFile:
    """Read the file of a list, whatever its publisher.

    Raises:
        InvalidMessage: too large, no known form, or an entry that cannot be read; with its place.

    """
    if len(raw) > MAX_BYTES:
        raise InvalidMessage(f"a list has at most {MAX_BYTES // 1024 // 1024} MiB")
    found = _xml(raw) if raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else _csv(raw)
    if not found.parties:
        raise InvalidMessage("the list has no entries")
    twice = {one.id for one in found.parties}
    if len(twice) != len(found.parties):
        raise InvalidMessage("two entries of the list have one id")
    return found


def born(text: str) -> BirthDate | None:
    """A date of birth as publishers write it: a day, a year, or a span of years; None if it is neither.

    >>> born("10 Dec 1948").first, born("1960 to 1965").last
    (datetime.date(1948, 12, 10), datetime.date(1965, 12, 31))
    """
    day = None
    if match := _ISO_DAY.fullmatch(text.strip()):
        day = tuple(map(int, match.groups()))
    elif match := _DAY.fullmatch(text.strip()):
        day = int(match[3]), _MONTHS.get(match[2].casefold(), 0), int(match[1])
    if day is not None:
        try:
            exact = date(*day)
        except ValueError:
            return None
        return BirthDate(exact, exact)
    years = [int(year) for year in _YEARS.findall(text)]
    return BirthDate(date(min(years), 1, 1), date(max(years), 12, 31)) if years else None


def _csv(raw: bytes) -> ListFile:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidMessage(f"byte {error.start}: a list in CSV is UTF-8") from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    try:
        if not {"id", "kind", "name"} <= set(rows.fieldnames or ()) <= set(COLUMNS):
            raise InvalidMessage(f"neither a known XML list nor CSV; columns of a CSV: {', '.join(COLUMNS)}")
        parties = [_row(row, rows.line_num) for row in rows]
    except csv.Error:
        raise InvalidMessage(f"line {rows.line_num}: not CSV") from None
    return ListFile(OWN, None, tuple(parties))


def _row(row: Mapping[str, str | None], line: int) -> ListedParty:
    values = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if "" in row or not values["id"] or not values["name"]:
        raise InvalidMessage(f"line {line}: an entry has an id, a kind and a name, and no further columns")
    if values["kind"] not in set(ListedKind):
        raise InvalidMessage(f"line {line}: kind is person or entity")
    births = [born(one) for one in _several(values["born"])]
    if None in births:
        raise InvalidMessage(f"line {line}: born is YYYY-MM-DD, a year, or two years")
    return ListedParty(
        values["id"],
        ListedKind(values["kind"]),
        (
            ListedName(values["name"]),
            *(ListedName(one) for one in _several(values["aliases"])),
            *(ListedName(one, weak=True) for one in _several(values["weak_aliases"])),
        ),
        tuple(one for one in births if one),
        _several(values["countries"]),
        _several(values["programmes"]),
    )


def _several(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(";") if one.strip())


def _xml(raw: bytes) -> ListFile:
    """Read a publisher's XML entry by entry, so that memory holds one of them at a time."""
    if b"<!DOCTYPE" in raw[:4096]:
        raise InvalidMessage("a list has no document type")
    events = etree.iterparse(
        io.BytesIO(raw),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        _, root = next(iter(events))
        name = _local(root)
        if name not in _PUBLISHERS:
            raise InvalidMessage(f"no known list; known root elements: {', '.join(_PUBLISHERS)}")
        publisher, wanted, entry = _PUBLISHERS[name]
        published = _iso(root.get("dateGenerated") or root.get("generationDate") or "")
        parties = []
        for event, element in events:
            if event != "end":
                continue
            if _local(element) == "Publish_Date":
                published = _american(element.text or "")
            if _local(element) in wanted:
                party = entry(element)
                if party is not None:
                    parties.append(party)
                element.clear(keep_tail=False)
    except (etree.XMLSyntaxError, StopIteration) as error:
        place = f"line {error.lineno}: " if isinstance(error, etree.XMLSyntaxError) else ""
        raise InvalidMessage(f"{place}not well-formed XML") from None
    return ListFile(publisher, published, tuple(parties))


def _un(entry: Element) -> ListedParty | None:
    """An `INDIVIDUAL` or an `ENTITY` of the Security Council's list."""
    kind = ListedKind.PERSON if _local(entry) == "INDIVIDUAL" else ListedKind.ENTITY
    parts = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
    names = [ListedName(" ".join(filter(None, (_text(entry, part) for part in parts))))]
    names += [ListedName(text) for text in [_text(entry, "NAME_ORIGINAL_SCRIPT")] if text]
    births, countries = [], [*_texts(entry, "NATIONALITY", "VALUE")]
    for child in entry:
        name = _local(child)
        if name.endswith("_ALIAS") and (text := _text(child, "ALIAS_NAME")):
            names.append(ListedName(text, weak=_text(child, "QUALITY").casefold() in _WEAK_QUALITIES))
        elif name == "INDIVIDUAL_DATE_OF_BIRTH":
            births.append(born(_text(child, "DATE")) or born(" ".join(map(str, child.itertext()))))
        elif name.endswith(("_ADDRESS", "_PLACE_OF_BIRTH")):
            countries.append(_text(child, "COUNTRY"))
    programmes = (_text(entry, "UN_LIST_TYPE"),)
    return _party(entry, _text(entry, "REFERENCE_NUMBER"), kind, _Facts(names, births, countries, programmes))


def _ofac(entry: Element) -> ListedParty | None:
    """An `sdnEntry` of OFAC."""
    kind = _text(entry, "sdnType").casefold()
    if kind in {"vessel", "aircraft"}:
        return None
    names = [ListedName(_full_name(entry))]
    births, countries = [], []
    for child in entry:
        for one in child:
            match _local(one):
                case "aka":
                    weak = _text(one, "category").casefold() in _WEAK_QUALITIES
                    names.append(ListedName(_full_name(one), weak=weak))
                case "dateOfBirthItem":
                    births.append(born(_text(one, "dateOfBirth")))
                case "nationality" | "citizenship" | "address":
                    countries.append(_text(one, "country"))
    return _party(
        entry,
        _text(entry, "uid"),
        ListedKind.PERSON if kind == "individual" else ListedKind.ENTITY,
        _Facts(names, births, countries, _texts(entry, "programList", "program")),
    )


def _eu(entry: Element) -> ListedParty | None:
    """A `sanctionEntity` of the European Union."""
    names, births, countries, programmes, kind = [], [], [], [], ListedKind.ENTITY
    for child in entry:
        match _local(child):
            case "subjectType" if child.get("code") == "person":
                kind = ListedKind.PERSON
            case "nameAlias" if text := child.get("wholeName", "").strip():
                names.append(ListedName(text, weak=child.get("strong") == "false"))
            case "birthdate":
                births.append(born(child.get("birthdate") or child.get("year") or ""))
            case "citizenship" | "address":
                countries.append(child.get("countryIso2Code", ""))
            case "regulation":
                programmes.append(child.get("programme", ""))
    reference = entry.get("euReferenceNumber") or entry.get("logicalId") or ""
    return _party(entry, reference, kind, _Facts(names, births, countries, programmes))


@dataclass(frozen=True, slots=True)
class _Facts:
    """What an entry says, as it stands there: empty and repeated values too."""

    names: Iterable[ListedName]
    births: Iterable[BirthDate | None]
    countries: Iterable[str]
    programmes: Iterable[str]


def _party(entry: Element, reference: str, kind: ListedKind, facts: _Facts) -> ListedParty:
    kept = tuple(dict.fromkeys(name for name in facts.names if name.text))
    if not reference or not kept:
        raise InvalidMessage(f"line {entry.sourceline}: an entry without an id or without a name")
    return ListedParty(
        reference,
        kind,
        kept,
        tuple(one for one in facts.births if one is not None),
        tuple(dict.fromkeys(filter(None, (country.strip() for country in facts.countries)))),
        tuple(dict.fromkeys(filter(None, facts.programmes))),
    )


_PUBLISHERS: Final[Mapping[str, tuple[str, frozenset[str], Callable[[Element], ListedParty | None]]]] = {
    "CONSOLIDATED_LIST": ("UN", frozenset({"INDIVIDUAL", "ENTITY"}), _un),
    "sdnList": ("OFAC", frozenset({"sdnEntry"}), _ofac),
    "export": ("EU", frozenset({"sanctionEntity"}), _eu),
}


def _local(element: Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _children(entry: Element, name: str) -> Iterator[Element]:
    return (child for child in entry if _local(child) == name)


def _text(entry: Element, name: str) -> str:
    """The text of the first child with that name; empty if there is none."""
    return next(((child.text or "").strip() for child in _children(entry, name)), "")


def _texts(entry: Element, group: str, name: str) -> list[str]:
    return [
        (one.text or "").strip() for of in _children(entry, group) for one in _children(of, name) if one.text
    ]


def _full_name(entry: Element) -> str:
    return " ".join(filter(None, (_text(entry, "firstName"), _text(entry, "lastName"))))


def _iso(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _american(text: str) -> date | None:
    """`MM/DD/YYYY`, as OFAC dates its list."""
    try:
        month, day, year = map(int, text.split("/"))
        return date(year, month, day)
    except ValueError:
        return None
