"""Writes `docs/reference/iso20022.md`: messages, rules, code sets, tags in words.

Run `python -m schemas.reference > docs/reference/iso20022.md`. The page is made from the catalogue, the
tables here and the code lists; a test holds the page to what this makes, and the tables to the rules that
the code can break.
"""

from collections.abc import Iterable
from typing import Final

from schemas.catalogue import catalogue
from schemas.codes import code_sets, dated
from schemas.names import long_name, message_name
from schemas.versions import MOVES, PROFILES

SCHEMA_RULES: Final = {
    "agreement": "route, media type, header and namespace name the same message",
    "attribute": "only attributes that the schema knows, `Ccy` where it must be; 64 in foreign content",
    "base64": "binary content is base64",
    "blank": "a number, date or code in JSON has no blanks around it",
    "boolean": "an indicator is `true` or `false`, or `1` or `0`, and stays what it was",
    "character": "every character is one that XML can carry",
    "choice": "exactly one alternative of a choice",
    "code": "a word of the schema's own list",
    "comment": "no comment inside a value (between elements they are ignored)",
    "date": "a date or time as ISO 8601 and XML Schema write it, and one that exists",
    "decimal": "a plain decimal number",
    "depth": "foreign content nests no deeper than 200",
    "digits": "no more digits and decimals than the type allows",
    "doctype": "no document type declaration",
    "duplicate-key": "no name twice in one JSON object",
    "elements": "no more elements than one in 16 bytes of what is accepted (16384 where that is 256 KiB)",
    "element": "only elements that the schema has at this place",
    "encoding": "strict UTF-8 and XML 1.0; no NUL; no byte order mark in JSON",
    "envelope": "one document, at most one header, at most three levels deep",
    "foreign": "foreign content is one element, of the namespace that the schema wants",
    "length": "as many characters (octets of binary) as the type allows",
    "maximum": "no more than the type's maximum",
    "media-type": "`application/xml`, `application/json`, or `application/vnd.iso20022.<message>+xml`",
    "minimum": "no less than the type's minimum",
    "missing": "every mandatory element is there",
    "official-schema": "the official schema file takes it too (only where a directory of them is set)",
    "order": "elements in the schema's order (XML)",
    "pattern": "the type's pattern",
    "processing-instruction": "no processing instruction",
    "repetition": "no element more often than the schema allows",
    "size": "no larger than the door accepts",
    "text": "no text between elements",
    "type": "the JSON type that the schema asks for; no number but an indicator's 1 or 0, never null",
    "version": "a message and version of the catalogue",
    "well-formed": "well-formed XML or JSON",
}
"""What a message must be before its content matters; breaking one is answered with admi.002."""

SCHEME_RULES: Final = {
    "account": "debtor's and creditor's account are there (a scheme may waive it)",
    "address": "town and country; as few free lines as the corridor takes",
    "agent": "an agent has a BIC, a clearing system member id, an LEI, or name and address",
    "amount": "a plain amount, more than zero, no finer than its currency (in reports in any form)",
    "balance": "the opening balance and the booked entries are the closing balance",
    "beside": "warning: the envelope holds more than header and document",
    "bic": "a BIC of a country that exists",
    "blank": "no text of blanks; no blank at either end of an id",
    "business-message-id": "warning: the header's id is the document's `MsgId`",
    "characters": "visible characters in normal form C (joiners are visible here), of the scheme's set",
    "charge-bearer": "a charge bearer of the scheme",
    "charges": "charges explain a difference of amounts of one currency; once at most with DEBT",
    "clearing-system": "the scheme's clearing system",
    "control-sum": "`CtrlSum` and the totals are the sum of the amounts, at every level",
    "country": "a country of ISO 3166",
    "currency": "a currency of ISO 4217 that is money and in use; in statements one of the past as well",
    "element-refused": "warning: an element that no rail takes, so the switch refuses the payment",
    "exchange": "a rate stands between amounts of two currencies, and only there",
    "iban": "country, length and check digits of an IBAN",
    "instant": "a date and time that a calendar can hold: years 1 to 9999, hours 0 to 23",
    "lei": "check digits of an LEI",
    "name": "debtor and creditor have a name (of letters or digits), or a BIC as their identification",
    "number-of-entries": "a summary's `NbOfNtries` is their number",
    "number-of-transactions": "`NbOfTxs` is their number (in pacs messages without leading zeros)",
    "offset": "a date and time says its offset from UTC (a warning in reports, with `blank`, `characters`)",
    "remittance": "structured or unstructured, and no longer than the scheme carries",
    "settlement-account": "a settlement account goes with INDA or INGA only",
    "settlement-date": "no settlement date beside RJCT",
    "settlement-method": "a settlement method of the scheme",
    "single-transaction": "exactly one transaction",
    "status-reason": "RJCT has a reason",
    "sum-of-entries": "a summary's sums are those of the entries",
    "supplementary-data": "foreign content, where a scheme refuses it",
    "uetr": "the UETR, or the original's",
    "unknown-code": "a code of the dated external list (refused, warned of or ignored, as the scheme says)",
    "unreadable": "a payment or a status can be made of it",
}
"""What a valid message must keep to be executed; breaking one is answered with pacs.002 RJCT and a reason."""


DIFFERENCES: Final = {
    "document types, processing instructions": "refused by a gate: they have no use in a message",
    "encodings other than UTF-8, XML 1.1": "refused by a gate: one text, one reading",
    "comments inside values": "refused: parsers disagree on what the value is then; elsewhere they pass",
    "`xsi:type`, `xsi:nil`": "refused everywhere; `xsi:schemaLocation` passes and is never followed",
    "size, number, nesting": "bounded: 256 KiB and 16384 elements, unless the caller allows more; 200 levels",
    "years of more than 18 digits": "refused; libxml2 goes on to 9223372036854775807",
    "namespaces that are relative, in foreign content": "refused: they have no canonical form",
    "`xs:IDREF` (a few trade messages)": "any name passes; that it names an `xs:ID` is not checked",
    "base64 with foreign characters": "refused; libxml2 skips them, XML Schema does not allow them",
    "`xsi:type` in foreign content": "carried, not interpreted; libxml2 would validate by it",
}
"""Where the verdict is another than libxml2's by the official schema, and why."""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, _messages(), _moves(), _rules(), _differences(), _codes(), _tags()]
    return "\n".join(parts)


_HEAD: Final = """# ISO 20022: messages, rules, codes

Made by `python -m schemas.reference`; do not edit. How to use it all: [messages](../integrate/messages.md).
The standard's own site, <https://www.iso20022.org>, is the sole up-to-date source of the standard.
"""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _messages() -> str:
    profiles = {version: name for name, versions in PROFILES.items() for version in versions.values()}
    rows = [
        (f"`{message}`", message_name(root.type), f"`{root.tag}`", profiles.get(message, ""))
        for message, root in sorted(catalogue().messages.items())
    ]
    return "## Messages\n\n" + _table(("message", "name", "element", "profile"), rows)


def _moves() -> str:
    rows = [
        (
            move.message,
            f".{move.since:02}",
            f"`{'/'.join((*move.parent, move.tag))}`",
            f"`{'/'.join(move.new)}`",
        )
        for move in MOVES
    ]
    text = (
        "## What moved between versions\n\nEverything else only grew wider. A conversion gives content from "
        "which the original can be made again,\nor is refused with the place and the rule.\n\n"
    )
    return text + _table(("message", "since", "before", "after"), rows)


def _rules() -> str:
    return (
        "## Rules of form\n\nBreaking one is answered with admi.002, reason FF01, and the element's path.\n\n"
        + _table(("rule", "what must hold"), [(f"`{rule}`", text) for rule, text in SCHEMA_RULES.items()])
        + "\n## Rules of the scheme\n\nBreaking one is answered with pacs.002 RJCT and an ISO reason.\n\n"
        + _table(("rule", "what must hold"), [(f"`{rule}`", text) for rule, text in SCHEME_RULES.items()])
    )


def _differences() -> str:
    text = (
        "## Differences from the official schemas\n\nThe catalogue takes exactly what libxml2 takes by the "
        "official schemas, with these exceptions.\n\n"
    )
    return text + _table(("what", "here"), DIFFERENCES.items())


def _codes() -> str:
    rows = [(f"`{name}`", str(len(codes))) for name, codes in sorted(code_sets().items())]
    head = f"## External code sets\n\nAs of {dated()}; `schemas/catalogue/codes.txt` has the codes.\n\n"
    return head + _table(("code set", "codes"), rows)


def _tags() -> str:
    tags = {member.tag for kind in catalogue().types.values() for member in getattr(kind, "members", ())}
    rows = [(f"`{tag}`", long_name(tag)) for tag in sorted(tags)]
    return "## Tags in words\n\n" + _table(("tag", "long name"), rows)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is the output
