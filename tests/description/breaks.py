"""Does the description of the API still keep what that of the last release promised? `make check` asks.

    python -m tests.description.breaks              one line for each break; exit code 1 if there is any
    python -m tests.description.breaks --release    at a release: the present description becomes the promised one

A request that the last release took must be taken, and an answer must be one that its description allows. Texts, examples, headers and
patterns are not compared: nobody's program stops at a better text, and the patterns of messages are those of ISO.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from switch.base.settings import Settings
from switch.processes.app import make_app

Json = dict[str, Any]
PROMISED: Final = Path(__file__).parents[2] / "docs" / "reference" / "openapi-promised.json"
ACCEPTED: Final[Mapping[str, str]] = {
    'Right: may have the value "deliver_reports" now': "people may have a scheduled report delivered again",
    'Right: may have the value "control_pairs" now': "people of a central bank have a right of their own",
    'Role: may have the value "officer" now': "screening officers are people of a role of their own",
    'Right: may have the value "decide_screening" now': "officers have a right that others do not have",
    'Right: may have the value "manage_lists" now': "the same",
    'CaseKind: may have the value "watch" now': "an alarm of a watch rule is a case of its own kind",
    'Subject: may have the value "alarm of a watch rule" now': "a change may end an alarm",
    'CaseKind: may have the value "investigation" now': "a question of a bank is a case of its own kind",
    'Subject: may have the value "investigation" now': "a change may answer an investigation",
    'Right: may have the value "set_offers" now': "people of an FX provider set its rates",
    'Right: may have the value "stop_files" now': "people may stop the rest of a file of payments",
}
"""A break that the next release makes -> why; the changelog has it under Changed. Empty again after the release."""
_LEFT_OUT: Final = frozenset(
    {
        *("description", "summary", "title", "example", "examples", "tags", "headers", "discriminator"),
        *("pattern", "info", "servers", "securitySchemes", "externalDocs", "contentEncoding"),
    }
)
_NARROWER: Final = {
    "minimum": max, "exclusiveMinimum": max, "minLength": max, "minItems": max,
    "maximum": min, "exclusiveMaximum": min, "maxLength": min, "maxItems": min,
}  # fmt: skip
"""A bound -> which of two is narrower."""
_NULL: Final = {"type": "null"}


def present() -> Json:
    """What the description of this revision promises."""
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(Settings(data=Path(folder), sandbox=True))
        document: Json = contract(app._app.openapi())
    return document


def contract(node: Any, *, named: bool = False) -> Any:
    """A document without what is not compared. `named`: the names of this object are those of members."""
    if isinstance(node, list):
        return [contract(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        name: contract(value, named=name in {"properties", "schemas", "paths"})
        for name, value in sorted(node.items())
        if named or name not in _LEFT_OUT
    }


@dataclass
class Comparison:
    """Two contracts, and the breaks that were found between them."""

    old: Json
    new: Json
    found: list[str] = field(default_factory=list)
    _seen: set[tuple[str, str, bool]] = field(default_factory=set)

    def breaks(self) -> list[str]:
        """Every break, in the order of the document."""
        for path, operations in self.old["paths"].items():
            for method, operation in operations.items():
                name = f"{method.upper()} {path}"
                there = self.new["paths"].get(path, {}).get(method)
                if there is None:
                    self._note(name, "is gone")
                else:
                    self._operation(name, operation, there)
        return [*dict.fromkeys(self.found)]

    def _note(self, place: str, text: str) -> None:
        self.found.append(f"{place}: {text}")

    def _operation(self, name: str, old: Json, new: Json) -> None:
        for scheme in sorted(_schemes(old) - _schemes(new)):
            self._note(name, f"no longer accepts {scheme}")
        if not _schemes(old) and _schemes(new):
            self._note(name, "was public, and is not")
        self._parameters(name, old, new)
        self._body(name, old.get("requestBody"), new.get("requestBody"))
        for status, answer in old["responses"].items():
            if status not in new["responses"]:
                self._note(name, f"lost status {status}")
            else:
                there = self._resolved(self.new, new["responses"][status])
                self._content(f"{name}, {status}", self._resolved(self.old, answer), there, asks=False)
        for status in sorted(new["responses"].keys() - old["responses"].keys()):
            if status.startswith(("2", "3")):
                self._note(name, f"succeeds with status {status} too")

    def _parameters(self, name: str, old: Json, new: Json) -> None:
        before, after = ({(p["in"], p["name"]): p for p in one.get("parameters", ())} for one in (old, new))
        for key, parameter in before.items():
            if key not in after:
                self._note(name, f"lost the parameter {key[1]}")
            else:
                self._schema(f"{name}, {key[1]}", parameter["schema"], after[key]["schema"], asks=True)
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                self._note(name, f"the parameter {key[1]} became required")

    def _body(self, name: str, old: Json | None, new: Json | None) -> None:
        if old is None:
            if new is not None and new.get("required"):
                self._note(name, "a body became required")
        elif new is None:
            self._note(name, "takes no body any more")
        else:
            self._content(f"{name}, body", old, new, asks=True)

    def _content(self, place: str, old: Json, new: Json, *, asks: bool) -> None:
        there = new.get("content", {})
        for media_type, content in old.get("content", {}).items():
            if media_type not in there:
                self._note(place, f"lost {media_type}")
            else:
                self._schema(place, content["schema"], there[media_type]["schema"], asks=asks)

    def _schema(self, place: str, old: Json, new: Json, *, asks: bool) -> None:
        """Compare two schemas: of what clients send if it `asks`, or of what they get."""
        names = old.get("$ref", ""), new.get("$ref", "")
        if all(names):
            if (*names, asks) in self._seen:
                return
            self._seen.add((*names, asks))
            place = names[0].rpartition("/")[2]
        before, after = _alternatives(old), _alternatives(new)
        old, new = self._resolved(self.old, old), self._resolved(self.new, new)
        before, after = _alternatives(old) or before, _alternatives(new) or after
        if len(before) > 1 or len(after) > 1:
            self._alternatives(place, before, after, asks=asks)
            return
        self._types(place, old, new, asks=asks)
        self._values(place, old, new, asks=asks)
        if asks:
            self._bounds(place, old, new)
        self._members(place, old, new, asks=asks)
        if "items" in old and "items" in new:
            self._schema(f"{place}[]", old["items"], new["items"], asks=asks)

    def _alternatives(self, place: str, before: Json, after: Json, *, asks: bool) -> None:
        less, more = (before, after) if asks else (after, before)
        for name in sorted(less.keys() - more.keys()):
            self._note(place, f"no longer takes {name}" if asks else f"may be {name} now")
        for name in before.keys() & after.keys():
            self._schema(place, before[name], after[name], asks=asks)

    def _types(self, place: str, old: Json, new: Json, *, asks: bool) -> None:
        before, after = _types(old), _types(new)
        if not before or not after:
            return
        for name in sorted(before - after if asks else after - before):
            self._note(place, f"no longer takes {name}" if asks else f"may be {name} now")

    def _values(self, place: str, old: Json, new: Json, *, asks: bool) -> None:
        before, after = _enumerated(old), _enumerated(new)
        if asks:
            lost = [] if after is None else sorted((before or set()) - after)
            if before is None and after is not None:
                self._note(place, "takes only listed values now")
            for value in lost:
                self._note(place, f"no longer takes the value {value}")
        elif before is not None:
            for value in sorted((after or {"any other"}) - before):
                self._note(place, f"may have the value {value} now")

    def _bounds(self, place: str, old: Json, new: Json) -> None:
        for name, narrower in _NARROWER.items():
            if name in new and (
                name not in old or (old[name] != new[name] == narrower(old[name], new[name]))
            ):
                self._note(place, f"{name} became {new[name]} (before: {old.get(name, 'none')})")

    def _members(self, place: str, old: Json, new: Json, *, asks: bool) -> None:
        before, after = old.get("properties", {}), new.get("properties", {})
        required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
        for name, schema in before.items():
            if name not in after:
                if not asks or new.get("additionalProperties") is False:
                    self._note(place, f"the field {name} is gone")
                continue
            self._schema(f"{place}.{name}", schema, after[name], asks=asks)
        if "properties" not in old:
            return
        if asks:
            for name in sorted(required_after - required_before):
                self._note(place, f"the field {name} became required")
        else:
            for name in sorted((required_before - required_after) & after.keys()):
                self._note(place, f"the field {name} is no longer always present")

    @staticmethod
    def _resolved(document: Json, node: Json) -> Json:
        while "$ref" in node:
            found: Any = document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node


def _schemes(operation: Json) -> set[str]:
    return {name for one in operation.get("security", ()) for name in one}


def _types(schema: Json) -> set[str]:
    """The JSON types of a schema; empty if it does not state them."""
    stated = schema.get("type", [])
    return {stated} if isinstance(stated, str) else set(stated)


def _enumerated(schema: Json) -> set[str] | None:
    """The values of a closed set; None if it is none."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else {json.dumps(value) for value in values}


def _alternatives(schema: Json) -> dict[str, Json]:
    """The alternatives of a schema by name: itself, if it states none.

    Those that only say which members exclude each other are none.
    """
    listed = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    found = {_name(one): one for one in listed if one.keys() & {"$ref", "type", "enum", "const"}}
    return found or ({_name(schema): schema} if schema.keys() & {"$ref", "type", "enum", "const"} else {})


def _name(schema: Json) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    return "null" if schema == _NULL else "/".join(sorted(_types(schema))) or "a listed value"


def written(promised: Json) -> str:
    """The file's text: one line for each operation and each schema, so that a change of one is one line."""

    def lines(node: Json, depth: int) -> Iterator[str]:
        for number, (name, value) in enumerate(node.items()):
            comma = "," if number < len(node) - 1 else ""
            if depth and isinstance(value, dict):
                yield f"{json.dumps(name)}: {{"
                yield from lines(value, depth - 1)
                yield f"}}{comma}"
            else:
                yield f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'), sort_keys=True)}{comma}"

    return "\n".join(["{", *lines(promised, 2), "}", ""])


def main(words: list[str]) -> int:
    """Compare, or make the present description the promised one."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.description.breaks", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--release", action="store_true", help="the present description is that of a release")
    if parser.parse_args(words).release:
        PROMISED.write_text(written(present()))
        return 0
    found = Comparison(json.loads(PROMISED.read_text()), present()).breaks()
    unexpected = [one for one in found if one not in ACCEPTED]
    stale = sorted(ACCEPTED.keys() - {*found})
    for one in unexpected:
        sys.stdout.write(f"a client of the last release breaks: {one}\n")
    for one in stale:
        sys.stdout.write(f"ACCEPTED names what is no break: {one}\n")
    if unexpected:
        sys.stdout.write(
            "Keep what was promised, or state the break in ACCEPTED of tests/description/breaks.py with its reason.\n"
        )
    return 1 if unexpected or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
