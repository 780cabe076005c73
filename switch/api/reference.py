"""`GET /docs/api`: the reference of the API for people, made of the descriptions that programs read.

The pages have no script and load nothing but their own style sheet, so they work without the internet and
under the strictest policy; nobody else's code runs at the address where people approve payments.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html import escape
from typing import Any, Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from switch.api import asyncapi

PATH: Final = "/docs/api"
EVENTS: Final = "/docs/events"
_SCHEMAS: Final = f"{PATH}/schemas"
_STYLE_PATH: Final = "/docs/reference.css"
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STYLE: Final = """\
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; }
code, pre { font: 0.9em/1.4 ui-monospace, monospace; }
pre { border: 1px solid color-mix(in srgb, currentColor 30%, transparent); max-height: 30rem; overflow: auto; padding: 0.75rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 30%, transparent); padding: 0.3rem 0.75rem 0.3rem 0; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; }
summary { cursor: pointer; }
"""  # noqa: E501 - one rule a line
Json = dict[str, Any]


def add_to(app: FastAPI) -> None:
    """Add the pages to an application."""
    for path, page in (
        (PATH, _index),
        (f"{_SCHEMAS}/{{name}}", _schema),
        (f"{PATH}/{{operation}}", _operation),
        (EVENTS, _events),
        (_STYLE_PATH, _style),
    ):
        app.add_route(path, page, methods=["GET"])


async def _style(_: Request) -> Response:
    return Response(_STYLE, media_type="text/css")


async def _index(request: Request) -> Response:
    """All operations, by tag."""
    document = request.app.openapi()
    parts = [f"<p>{_text(document['info']['description'])}</p>", _sources()]
    for tag in document["tags"]:
        rows = [
            (
                f'<a href="{PATH}/{one["operationId"]}">{_code(f"{method.upper()} {path}")}</a>',
                _text(one["summary"]),
            )
            for path, method, one in _all(document)
            if tag["name"] in one["tags"]
        ]
        parts.append(f"<h2>{escape(tag['description'])}</h2>{_table(('Operation', 'What it does'), rows)}")
    return _page("API reference", parts)


def _sources() -> str:
    return (
        '<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1) and'
        f' <a href="{asyncapi.PATH}">{asyncapi.PATH}</a> (AsyncAPI 3). See also'
        f' <a href="{EVENTS}">events</a> and <a href="/docs/problems">problems</a>.</p>'
    )


async def _operation(request: Request) -> Response:
    """One operation: who may call it, what it takes, and every answer."""
    document = request.app.openapi()
    wanted = request.path_params["operation"]
    place = next((one for one in _all(document) if one[2]["operationId"] == wanted), None)
    if place is None:
        raise HTTPException(404, "Not Found")
    path, method, found = place
    parts = [f"<p>{_text(found['description'])}</p>", f"<p>{_callers(found)}</p>"]
    if parameters := found.get("parameters"):
        parts.append(f"<h2>Parameters</h2>{_parameters(document, parameters)}")
    if body := found.get("requestBody"):
        parts.append(f"<h2>Body</h2>{_content(document, body)}")
    parts.append("<h2>Answers</h2>")
    for status, answer in found["responses"].items():
        resolved = _resolved(document, answer)
        headers = ", ".join(_code(name) for name in resolved.get("headers", ()))
        parts.append(f"<h3>{status}</h3><p>{_text(resolved['description'])}</p>")
        parts += [f"<p>Headers: {headers}</p>"] if headers else []
        parts.append(_content(document, resolved))
    return _page(f"{method.upper()} {path}", parts)


async def _schema(request: Request) -> Response:
    """One schema: its members, with their types, and what else it states."""
    schemas = request.app.openapi()["components"]["schemas"]
    name = request.path_params["name"]
    if name not in schemas:
        raise HTTPException(404, "Not Found")
    return _page(name, [_described(schemas[name])])


async def _events(_: Request) -> Response:
    """Every type of event, with an example: what streams and webhooks send."""
    return HTMLResponse(_events_page(), headers={"Content-Security-Policy": _POLICY})


@cache
def _events_page() -> str:
    document = asyncapi.document()
    parts = [f"<p>{_text(document['info']['description'])}</p>", _sources(), "<h2>Ways</h2>"]
    ways = [(_code(one["address"]), _text(one["description"])) for one in document["channels"].values()]
    parts.append(_table(("Address", "How"), ways))
    for message in document["components"]["messages"].values():
        (example,) = message["examples"]
        parts.append(f"<h2>{escape(message['name'])}</h2>{_example(example['payload'])}")
    for name, schema in document["components"]["schemas"].items():
        parts.append(f'<h2 id="{escape(name)}">{escape(name)}</h2>{_described(schema, within="#")}')
    return _whole("Events", parts)


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────


def _all(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def _callers(operation: Json) -> str:
    names = [_code(name) for one in operation["security"] for name in one]
    return f"Who may call it: {' or '.join(names)}." if names else "Everybody may call it."


def _parameters(document: Json, parameters: Iterable[Json]) -> str:
    rows = [
        (
            _code(one["name"]),
            one["in"] + (", required" if one.get("required") else ""),
            _type(_resolved(document, one["schema"])),
            _text(one.get("description") or one["schema"].get("description", "")),
        )
        for one in parameters
    ]
    return _table(("Name", "Where", "Type", "Meaning"), rows)


def _content(document: Json, holder: Json) -> str:
    """The forms of a body, with its examples folded."""
    parts = []
    for media_type, content in holder.get("content", {}).items():
        parts.append(f"<p>{_code(media_type)}: {_type(content['schema'])}</p>")
        shown: Mapping[str, Any] = content.get("examples") or {"Example": {"value": content.get("example")}}
        for name, example in shown.items():
            value = _resolved(document, example)["value"]
            parts.append(f"<details><summary>{escape(name)}</summary>{_example(value)}</details>")
    return "".join(parts)


def _described(schema: Json, *, within: str = f"{_SCHEMAS}/") -> str:
    required = schema.get("required", ())
    rows = [
        (
            _code(name) + (" (required)" if name in required else ""),
            _type(member, within),
            _text(member.get("description") or member.get("title", "")),
        )
        for name, member in schema.get("properties", {}).items()
    ]
    text = f"<p>{_text(schema.get('description', ''))}</p>"
    if rows:
        return text + _table(("Member", "Type", "Meaning"), rows)
    return f"{text}<p>{_type(schema, within)}</p>"


def _type(schema: Json, within: str = f"{_SCHEMAS}/") -> str:
    """The type of a schema in one line, with a link to each that has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="{within}{name}">{name}</a>'
    if alternatives := [*schema.get("oneOf", ()), *schema.get("anyOf", ())]:
        return " or ".join(_type(one, within) for one in alternatives if "required" not in one)
    if "items" in schema:
        return f"list of {_type(schema['items'], within)}"
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values is not None:
        return ", ".join(_code(str(value)) for value in values)
    stated = schema.get("type", "any")
    bounds = [
        f"{name} {escape(str(schema[name]))}"
        for name in ("format", "minimum", "maximum", "minLength", "maxLength", "pattern")
        if name in schema
    ]
    return ", ".join([stated if isinstance(stated, str) else " or ".join(stated), *bounds])


def _resolved(document: Json, node: Json) -> Json:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _example(value: object) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return f'<pre tabindex="0">{escape(shown)}</pre>'


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _text(text: str) -> str:
    """A text of the description: what is between backticks is code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))


def _page(title: str, parts: Iterable[str]) -> Response:
    return HTMLResponse(_whole(title, parts), headers={"Content-Security-Policy": _POLICY})


def _whole(title: str, parts: Iterable[str]) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)} - payswitch</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{_STYLE_PATH}">'
        f'<nav><a href="/">payswitch</a> / <a href="{PATH}">API</a></nav>'
        f"<main><h1>{escape(title)}</h1>{''.join(parts)}</main></html>"
    )
