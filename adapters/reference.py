"""The generated parts of `docs/rails`: `python -m adapters.reference DIR` writes them into the pages.

A page has a generated part between two comment lines, so that the code is the only source of these facts.
"""

import base64
import json
import re
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Final

from lxml import etree

from adapters import amounts, called, registry, signed_json
from adapters.originating import OrderVerdict, OriginatingAdapter
from adapters.port import Outcome, RailConnection
from adapters.profile import RailProfile
from adapters.qr import payload
from adapters.simulation import magic, payers
from adapters.simulation.harness import order_messages, sample_order, sample_wish
from adapters.simulation.payers import PaymentAbroad
from adapters.simulation.sandbox import FRAMES, prepare
from schemas.money import EXPONENTS, Money

_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_KEYED = re.compile(r"(?<=>)\s*[A-Za-z0-9+/=\s]{43,}(?=<)", re.ASCII)
"""Digests, signatures and public keys, in Base64."""
_TOKEN = re.compile(rb"[\w-]+\.([\w-]+)\.[\w-]+", re.ASCII)
"""A compact JWS, with its content."""
_SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_UETR: Final = "2d0c9a0b-6f3a-4a2f-9a1b-2c3d4e5f6072"
_LINE: Final = 110
_MADE_AT: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
_ANSWERED_AT: Final = _MADE_AT + timedelta(seconds=2)
_MAC_KEYS: Final = {"participant": b"0" * 32, "rail": b"1" * 32}
_EXAMPLES: Final = ("", "AC04", "SLOW8", "SILENT")


def write(directory: Path) -> None:
    """Update every page that exists."""
    for page in sorted(directory.glob("*.md")):
        page.write_text(refreshed(page.stem, page.read_text()))


def refreshed(name: str, text: str) -> str:
    """A page with its generated parts made again; `name` is that of a country or of a common page."""

    def part(found: re.Match[str]) -> str:
        return f"{found[1]}{_parts(name)[found[2]]()}\n{found[3]}"

    return _PART.sub(part, text)


def facts(profile: RailProfile) -> str:
    """A profile as a table, with the certainty of each group."""
    timing, limits, characters, ids = profile.timing, profile.limits, profile.characters, profile.ids
    low, high = (Money(minor, profile.currency) for minor in (limits.minimum_minor, limits.maximum_minor))
    enquiries = f"first after {timing.enquiry_first_s:g} s, every {timing.enquiry_every_s:g} s, "
    enquiries += f"at most {timing.enquiries_max}" + (" (the rail's rule)" if timing.enquiries_ruled else "")
    text = f"{characters.encoding}, names to {characters.name_max}, "
    text += f"remittance to {characters.remittance_max}"
    rows = [
        ("outcome", f"{profile.confirmation}", profile.basis),
        ("reservation before credit", f"{profile.reservation}", profile.basis),
        ("undo", f"{profile.undo}", profile.basis),
        ("gives back credits by signed messages", "yes" if profile.gives_back else "no", profile.basis),
        (
            "passes recalls on to the payee's bank",
            "yes" if profile.recalls else "no",
            profile.recalls or profile.basis,
        ),
        ("aliases", ", ".join(profile.aliases), profile.basis),
        ("amount of a payment", f"{low} to {high}", limits.basis),
        ("format of amounts", _amounts(profile), profile.basis),
        ("answer within", f"{timing.answer_s:g} s", timing.basis),
        (
            "enquiries",
            enquiries,
            timing.basis,
        ),
        ("*not found* is accepted", _absence(profile), profile.absence.basis),
        ("manual resolution after", f"{timing.give_up_s:g} s without an answer", timing.basis),
        (
            "text",
            text,
            characters.basis,
        ),
        (
            "order numbers",
            f"{ids.capacity:,} per period `{ids.period}` at UTC{ids.utc_offset_minutes / 60:+g} h",
            ids.basis,
        ),
        ("purpose", "mandatory" if profile.purpose_required else "optional", profile.basis),
        ("an id is executed only once", "yes" if profile.dedupes else "no", profile.basis),
    ]
    lines = [f"| {name} | {value} | {basis} |" for name, value, basis in rows]
    return "\n".join(["| fact | value | basis |", "|---|---|---|", *lines])


def _absence(profile: RailProfile) -> str:
    """How many answers end a payment as refused, and when they count."""
    answers, grace = profile.absence.answers, f"{profile.timing.not_found_grace_s:g} s"
    if answers == 0:
        return "never: the rail's refusal, its file or two people end the payment"
    return f"after {answers} in a row, {grace} apart, the first {grace} after expiry and after reconnection"


def _amounts(profile: RailProfile) -> str:
    thousand = Money(1000 * 10 ** EXPONENTS[profile.currency], profile.currency)
    sample = amounts.write(thousand, profile.amounts, profile.limits.step_minor)
    return f"{profile.amounts}: `{sample}` is {thousand}"


def accounts() -> str:
    """How magic words appear in each country's accounts."""
    head = "| country | " + " | ".join(f"`{word}`" if word else "ordinary" for word in _EXAMPLES) + " |"
    rows = [
        f"| {country} | " + " | ".join(f"`{magic.magic_account(country, word)}`" for word in _EXAMPLES) + " |"
        for country in registry.countries()
    ]
    return "\n".join([head, "|---" * (len(_EXAMPLES) + 1) + "|", *rows])


def rails() -> str:
    """A table of all rails."""
    rows = [
        f"| [{profile.country}]({profile.country}.md) | {profile.rail} | {profile.currency} "
        f"| {profile.confirmation} | {profile.undo} | {profile.basis} |"
        for profile in map(registry.profile, registry.countries())
    ]
    return "\n".join(
        ["| country | rail | currency | outcome | undo | basis |", "|---|---|---|---|---|---|", *rows]
    )


def schemes() -> str:
    """A table of all QR schemes, with the certainty of each group of facts."""
    groups = ("layout", "payee", "amount", "check")
    rows = [
        f"| {known.country} | {known.name} | {known.kind} | "
        + " | ".join(known.bases.get(group, "none") for group in groups)
        + " |"
        for known in sorted(payload.schemes(), key=lambda known: (known.country, known.name))
    ]
    head = "| country | scheme | type of payee | " + " | ".join(groups) + " |"
    return "\n".join([head, "|---" * 7 + "|", *rows])


def example(country: str) -> str:
    """The native bytes of an order, broken into lines; parts that depend on newly made keys are left out."""
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        connection = _connection(Path(directory), country)
        order = sample_order(country, uetr=_UETR, made_at=_MADE_AT, serial=1, expires_in=60.0)
        return _shown(registry.load(country, connection).translate(order).body)


def ordered(country: str) -> str:
    """The same of an order of the rail, and of our answer that the payee has the money."""
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        connection = _connection(Path(directory), country)
        _, raw = order_messages(country, Path(directory)).order(_wish(country))
        adapter = registry.load(country, connection)
        assert isinstance(adapter, OriginatingAdapter), "only such pages have this part"
        answer = adapter.answer(raw, OrderVerdict(Outcome.DONE, _ANSWERED_AT))
    return f"{_shown(raw)}\n\n{_shown(answer)}"


def _connection(directory: Path, country: str) -> RailConnection:
    """A connection whose MAC keys, if it has any, are always the same."""
    if getattr(registry.module(country, "sandbox"), "SCHEME", "") == FRAMES:
        for name, kind in product(_MAC_KEYS, ("key", "pub")):
            (directory / f"{name}.{kind}").write_bytes(_MAC_KEYS[name])
    connection, _ = prepare(directory, country, port=1, callback_url="http://127.0.0.1:1/")
    return connection


def _wish(country: str) -> PaymentAbroad:
    """A person pays an account in India, or in Pakistan."""
    return sample_wish(
        country,
        amount=Money(1250_00, registry.profile(country).currency),
        member="",
        made_at=_MADE_AT,
        expires_at=_MADE_AT + timedelta(seconds=60),
        id=_UETR.replace("-", ""),
    )


def _shown(body: bytes) -> str:
    """A message as a block of Markdown."""
    request, token = called.read(body), _TOKEN.fullmatch(body)
    if request is not None:
        lines = [f"{request.method} {request.path}", *(f"{name}: ..." for name in request.headers), ""]
        text = json.dumps(json.loads(request.body), indent=1, ensure_ascii=False)
        return "\n".join(["```http", *lines, text, "```"])
    if token is not None:
        body = base64.urlsafe_b64decode(token[1] + b"=" * (-len(token[1]) % 4))
    if body.startswith(b'{"'):
        content = json.loads(body)
        if signed_json.MEMBER in content:
            content[signed_json.MEMBER] = "..."
        return f"```json\n{json.dumps(content, indent=1, ensure_ascii=False)}\n```"
    if b"<" not in body:
        line = body.decode() if body.isascii() and body[:4].isdigit() else body.hex()
        return "\n".join(["```text", *(line[at : at + _LINE] for at in range(0, len(line), _LINE)), "```"])
    head, _, document = body.rpartition(b"\r\n") if body.startswith(b"{") else (b"", b"", body)
    root = etree.fromstring(document)
    for signature in list(root.iter(_SIGNATURE)):
        signature[:] = []
        signature.text = "..."
    etree.indent(root, " ")
    text = etree.tostring(root, encoding="unicode")
    language = f"text\n{head.decode()}" if head else "xml"
    return f"```{language}\n{_KEYED.sub('...', text)}\n```"


def _parts(name: str) -> dict[str, Callable[[], str]]:
    return {
        "facts": lambda: facts(registry.profile(name)),
        "words": magic.table,
        "behaviours": payers.table,
        "accounts": accounts,
        "rails": rails,
        "schemes": schemes,
        "example": lambda: example(name),
        "ordered": lambda: ordered(name),
    }


if __name__ == "__main__":
    write(Path(sys.argv[1]))
