"""Writes `docs/reference/iso20022.md`: messages, rules, code sets, names of tags.

Run `python -m schemas.reference > docs/reference/iso20022.md`. The page is made from the catalogue, the
tables here and the code lists; a test compares the page with this output, and the tables with the rules
of the code.
"""

from collections.abc import Iterable
from typing import Final

from schemas.catalogue import catalogue
from schemas.codes import code_sets, dated
from schemas.names import long_name, message_name
from schemas.versions import MOVES, PROFILES

SCHEMA_RULES: Final = {
    "agreement": "route, media type, header and namespace name the same message",
    "attribute": "only attributes of the schema, `Ccy` where it is mandatory; at most 64 in foreign content",
    "base64": "binary content is base64",
    "blank": "a number, date or code in JSON has no spaces around it",
    "boolean": "an indicator is `true` or `false`, or `1` or `0`, and keeps its form",
    "character": "every character is allowed in XML",
    "choice": "exactly one alternative of a choice",
    "code": "a code of the schema's own list",
    "comment": "no comment inside a value (comments between elements are ignored)",
    "date": "a date or time in the format of ISO 8601 and XML Schema, and one that exists",
    "decimal": "a plain decimal number",
    "depth": "foreign content has at most 200 levels",
    "digits": "no more digits and decimals than the type allows",
    "doctype": "no document type declaration",
    "duplicate-key": "no duplicate name in a JSON object",
    "elements": "at most one element per 16 bytes of the maximum size (16384 for 256 KiB)",
    "element": "only elements that the schema allows at this place",
    "encoding": "strict UTF-8 and XML 1.0; no NUL; no byte order mark in JSON",
    "envelope": "one document, at most one header, at most three levels deep",
    "foreign": "foreign content is one element, in the namespace that the schema requires",
    "length": "no more and no fewer characters (octets of binary) than the type allows",
    "maximum": "no more than the type's maximum",
    "media-type": "`application/xml`, `application/json`, or `application/vnd.iso20022.<message>+xml`",
    "minimum": "no less than the type's minimum",
    "missing": "every mandatory element is present",
    "official-schema": "the official schema file accepts it too (only if a directory of such files is set)",
    "order": "elements in the order of the schema (XML)",
    "pattern": "the type's pattern",
    "processing-instruction": "no processing instruction",
    "repetition": "no more occurrences of an element than the schema allows",
    "size": "no larger than the endpoint accepts",
    "text": "no text between elements",
    "type": "the JSON type that the schema requires; no number except an indicator's 1 or 0, never null",
    "version": "a message and version of the catalogue",
    "well-formed": "well-formed XML or JSON",
}
"""Rules of the schema level; a violation is answered with admi.002."""

SCHEME_RULES: Final = {
    "account": "debtor's and creditor's account are present (a scheme may waive this)",
    "address": "town and country; no more unstructured lines than the corridor accepts",
    "agent": "an agent has a BIC, a clearing system member id, an LEI, or name and address",
    "agent-chain": "no intermediary agent without the one before it, no account without its agent",
    "amount": "a plain amount above zero, with no more decimals than its currency (in reports in any form)",
    "balance": "the opening balance plus the booked entries is the closing balance",
    "beside": "warning: the envelope contains more than header and document",
    "bic": "a BIC of an existing country",
    "blank": "no text of spaces only; no space at either end of an id",
    "business-message-id": "warning: the id in the header is the `MsgId` of the document",
    "characters": "visible characters (joiners included) in normal form C, in the set of the scheme",
    "charge-bearer": "a charge bearer that the scheme allows",
    "charges": "charges explain a difference between amounts of one currency; at most once with DEBT",
    "clearing-system": "the scheme's clearing system",
    "control-sum": "`CtrlSum` and the totals are the sum of the amounts, at every level",
    "country": "a country of ISO 3166",
    "currency": "a currency of ISO 4217 that is in use as money; in statements also a former one",
    "element-refused": "warning: an element that no rail accepts, so the switch refuses the payment",
    "exchange": "a rate is present between amounts of two currencies, and only there",
    "iban": "country, length and check digits of an IBAN",
    "instant": "a date and time in the supported range: years 1 to 9999, hours 0 to 23",
    "investigation-action": "an action about an investigation is a code, and names the investigation",
    "investigation-data": "the data of a question, or of its answer, that belong to its type",
    "investigation-party": "an agent asks, and an agent is asked",
    "investigation-payment": "an investigation is about one payment between banks",
    "investigation-reason": "the reason of a question is a code; NARR has its text",
    "investigation-status": "an answer states data, or a reason as a code",
    "investigation-type": "a type of investigation that the switch takes",
    "lei": "check digits of an LEI",
    "name": "debtor and creditor have a name (of letters or digits), or a BIC as their identification",
    "number-of-entries": "`NbOfNtries` of a summary is the number of entries",
    "number-of-transactions": "`NbOfTxs` is the number of transactions (in pacs without leading zeros)",
    "offset": "a date-time has an offset from UTC (a warning in reports, with `blank`, `characters`)",
    "party-data": "the data of both parties that the corridor requires above an amount",
    "purpose": "a purpose that the corridor allows, if it requires one",
    "regulatory-reporting": "a code for authorities that the corridor allows, if it requires one",
    "remittance": "structured or unstructured, and no longer than the scheme allows",
    "settlement-account": "a settlement account only with INDA or INGA",
    "settlement-date": "no settlement date with RJCT",
    "settlement-method": "a settlement method of the scheme",
    "single-transaction": "exactly one transaction",
    "status-reason": "RJCT has a reason",
    "sum-of-entries": "the sums of a summary are those of the entries",
    "supplementary-data": "no foreign content if the scheme refuses it",
    "texts": "at most 2,000 characters each of instructions, related remittance, tax, and the like",
    "uetr": "the UETR, or the original UETR, is present",
    "unknown-code": "a code of the dated external list (else refused, a warning or ignored, as set; "
    "in investigations refused)",
    "unreadable": "a payment or a status can be read from it",
}
"""Rules for the execution of a valid message; a violation is answered with pacs.002 RJCT and a reason."""


DIFFERENCES: Final = {
    "document types, processing instructions": "refused by the basic checks: they have no use in a message",
    "encodings other than UTF-8, XML 1.1": "refused by the basic checks: a text must have one interpretation",
    "comments inside values": "refused: parsers disagree on the value; elsewhere they are ignored",
    "`xsi:type`, `xsi:nil`": "refused everywhere; `xsi:schemaLocation` is accepted and never followed",
    "size, number, nesting": "limited: 256 KiB and 16384 elements, unless the caller allows more; 200 levels",
    "years of more than 18 digits": "refused; the limit of libxml2 is 9223372036854775807",
    "relative namespaces in foreign content": "refused: they have no canonical form",
    "`xs:IDREF` (a few trade messages)": "any name is accepted; a reference to an `xs:ID` is not checked",
    "base64 with foreign characters": "refused; libxml2 ignores them, XML Schema does not allow them",
    "`xsi:type` in foreign content": "carried, not interpreted; libxml2 would validate by it",
}
"""Differences from validation by libxml2 with the official schema, and why."""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, _messages(), _moves(), _rules(), _differences(), _codes(), _tags()]
    return "\n".join(parts)


_HEAD: Final = """# ISO 20022: messages, rules, codes

Made by `python -m schemas.reference`; do not edit. How to use them: [messages](../integrate/messages.md).
The site of the standard, <https://www.iso20022.org>, is its sole up-to-date source.

All messages but camt.110 and camt.111 are the official schemas, which a test compares element by
element. The official schemas of these two were not at hand. Their elements, order, cardinality and
facets are facts that two public models of them, made independently from the schemas, state alike: the
PyPI package `pyiso20022` 1.6.2 and the Maven package `com.prowidesoftware:pw-iso20022` SRU2025-10.3.10
(camt.111.001.02: the second one alone; it differs from .01 in one element). Models do not say whether an
alternative of a choice may be empty: here none may. Their codes are those of the npm package
`@taprsvp/iso20022_external_codes` 1.0.1, whose other lists are the official ones of May 2025. `payswitch
iso import` replaces them by the official schema.
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
        "## Differences between message versions\n\nAll other changes only extended the messages. A "
        "conversion is reversible, or is refused with the path\nand the rule.\n\n"
    )
    return text + _table(("message", "since", "before", "after"), rows)


def _rules() -> str:
    return (
        "## Schema rules\n\nA violation is answered with admi.002, reason FF01, and the element's path.\n\n"
        + _table(("rule", "requirement"), [(f"`{rule}`", text) for rule, text in SCHEMA_RULES.items()])
        + "\n## Scheme rules\n\nA violation is answered with pacs.002 RJCT and an ISO reason.\n\n"
        + _table(("rule", "requirement"), [(f"`{rule}`", text) for rule, text in SCHEME_RULES.items()])
    )


def _differences() -> str:
    text = (
        "## Differences from the official schemas\n\nThe catalogue accepts exactly what libxml2 accepts by "
        "the official schemas, with these exceptions.\n\n"
    )
    return text + _table(("subject", "treatment here"), DIFFERENCES.items())


def _codes() -> str:
    rows = [(f"`{name}`", str(len(codes))) for name, codes in sorted(code_sets().items())]
    head = f"## External code sets\n\nAs of {dated()}; `schemas/catalogue/codes.txt` has the codes.\n\n"
    return head + _table(("code set", "codes"), rows)


def _tags() -> str:
    tags = {member.tag for kind in catalogue().types.values() for member in getattr(kind, "members", ())}
    rows = [(f"`{tag}`", long_name(tag)) for tag in sorted(tags)]
    return "## Names of the XML tags\n\n" + _table(("tag", "long name"), rows)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is the output
