"""Rules beyond the schema: requirements of a scheme for messages that are valid by their schema.

`check` is pure. A rule is a small function from the content of a message and a scheme to findings; a scheme
is data. Each finding has a code (the name of the rule), the path of the element, the ISO reason of the
response (ExternalStatusReason1Code), and a text for people that never contains data of the sender.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Final

from pydantic import ConfigDict

from schemas import investigation, required_data, totals, value_rules
from schemas.codec import Message
from schemas.findings import Content, Finding
from schemas.reasons import Reason
from schemas.required_data import FullData, RequiredCode


class Addresses(StrEnum):
    """The postal addresses that a corridor accepts."""

    ANY = "any"
    HYBRID = "hybrid"
    """Town and country, and at most two unstructured lines: cross-border practice since November 2026."""
    STRUCTURED = "structured"
    """Town and country, no unstructured lines."""


class UnknownCodes(StrEnum):
    """The treatment of a code that is not in the dated lists."""

    REFUSE = "refuse"
    WARN = "warn"
    IGNORE = "ignore"


class Characters(StrEnum):
    """The characters that a scheme accepts."""

    UNICODE = "unicode"
    LATIN = "latin"
    """The basic Latin character set of older networks."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """The requirements of one scheme or corridor, as data."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")
    """Schemes are also read from settings, where an unknown name is an error."""

    addresses: Addresses = Addresses.HYBRID
    unknown_codes: UnknownCodes = UnknownCodes.WARN
    characters: Characters = Characters.UNICODE
    settlement_methods: frozenset[str] = frozenset({"CLRG", "INDA", "INGA"})
    clearing_systems: frozenset[str] | None = None
    """The allowed clearing systems, one of which is required; None if none is required."""
    charge_bearers: frozenset[str] = frozenset({"DEBT", "CRED", "SHAR", "SLEV"})
    names_required: bool = True
    accounts_required: bool = True
    supplementary_data: bool = True
    """Whether foreign content is carried (without interpretation) or refused."""
    unstructured_max: int = 140
    """Largest number of characters of unstructured remittance information, over all lines."""
    full_data: FullData | None = None
    """What must be known of both parties above an amount; None: what the fields above require."""
    purpose: RequiredCode | None = None
    """The purpose that a payment must have; None: it may have any, or none."""
    regulatory: RequiredCode | None = None
    """The code of regulatory reporting that a payment must have; None: it may have any, or none."""


SWITCH: Final = Scheme()
"""The requirements of the switch, unless a corridor has its own."""

Rule = Callable[[Content, Scheme], Iterator[Finding]]

_STRUCTURED_MAX: Final = 9000
_TEXTS_MAX: Final = 2000
"""Characters of all texts in each of these: all are compared with lists of names."""
_WITH_TEXTS: Final = ("RltdRmtInf", "InstrForCdtrAgt", "RgltryRptg", "Tax", "MndtRltdInf")
_LATIN: Final = re.compile(r"[0-9A-Za-z/\-?:().,'+ !#&%*=^_`{|}~\";@\[\]\\$<>]*")


def check(message: Message, *, scheme: Scheme = SWITCH) -> list[Finding]:
    """Find every rule of the scheme that the message breaks; empty if it is accepted."""
    root, content = next(iter(message.document.items()))
    ordinary = message.ordinary is message.document
    faults = message.unlisted if ordinary else value_rules.faults(message.id, content)
    found = list(_value_findings(message.id, faults, scheme))
    for rule in _RULES.get(message.name, ()):
        found.extend(rule(content, scheme))
    found.extend(totals.batches(message.name, content))
    if scheme.characters is Characters.LATIN:
        found.extend(_latin(content, ""))
    return [
        Finding(finding.code, f"{root}/{finding.path}", finding.reason, finding.text, finding.warning)
        for finding in found
    ] + _header_findings(message)


def refusals(findings: list[Finding]) -> list[Finding]:
    """The findings that are reasons for refusal."""
    return [finding for finding in findings if not finding.warning]


def _value_findings(
    message_id: str, faults: Iterable[value_rules.ValueFault], scheme: Scheme
) -> Iterator[Finding]:
    mild = value_rules.MILD if value_rules.only_reports(message_id) else frozenset[str]()
    for fault in faults:
        unknown = fault.rule == "unknown-code"
        if unknown and scheme.unknown_codes is UnknownCodes.IGNORE:
            continue
        warns = scheme.unknown_codes is UnknownCodes.WARN and message_id[:8] not in _OF_CODES
        warning = fault.rule in mild or (unknown and warns)
        yield Finding(fault.rule, fault.path, _reason_at(fault), fault.text, warning)


_OF_CODES: Final = frozenset({"camt.110", "camt.111"})
"""Messages that consist of codes: what another bank cannot read in them is refused, not passed on."""


def _reason_at(fault: value_rules.ValueFault) -> str:
    """The reason that tells whose identification is wrong, if ISO has one."""
    for tag, reasons in _PLACES.items():
        if f"/{tag}/" in f"/{fault.path}":
            return reasons.get(fault.rule, fault.reason)
    return fault.reason


_PLACES: Final[Mapping[str, Mapping[str, str]]] = {
    "DbtrAcct": {"iban": Reason.INVALID_DEBTOR_ACCOUNT_NUMBER},
    "CdtrAcct": {"iban": Reason.INVALID_CREDITOR_ACCOUNT_NUMBER},
    "DbtrAgt": {"bic": Reason.INVALID_DEBTOR_BANK_IDENTIFIER},
    "CdtrAgt": {"bic": Reason.INVALID_CREDITOR_BANK_IDENTIFIER},
    "Dbtr": {"country": Reason.INVALID_DEBTOR_COUNTRY, "lei": Reason.INVALID_DEBTOR_IDENTIFICATION_CODE},
    "Cdtr": {"country": Reason.INVALID_CREDITOR_COUNTRY, "lei": Reason.INVALID_CREDITOR_IDENTIFICATION_CODE},
}


def _header_findings(message: Message) -> list[Finding]:
    header = message.header
    if header is None:
        return []
    own_ids = _own_ids(message.content)
    if not own_ids or header.get("BizMsgIdr") in own_ids:
        return []
    text = "differs from the message identification of the document"
    return [Finding("business-message-id", "AppHdr/BizMsgIdr", Reason.CONTENT_INCORRECT, text, warning=True)]


def _own_ids(content: Content) -> list[str]:
    """The ids of a message; each kind of message has its own element for it."""
    tags = ("GrpHdr", "MsgHdr", "Assgnmt", "MsgId", "Hdr", investigation.REQUEST, investigation.RESPONSE)
    holders = [content[tag] for tag in tags if tag in content]
    return [holder[tag] for holder in holders for tag in ("MsgId", "Id") if type(holder.get(tag)) is str]


# Groups of transactions


def _one_of(tag: str) -> Rule:
    def rule(content: Content, _scheme: Scheme) -> Iterator[Finding]:
        if len(content.get(tag, ())) != 1:
            yield Finding(
                "single-transaction", tag, Reason.INVALID_NUMBER_OF_TRANSACTIONS, "must occur exactly once"
            )

    return rule


def _group_totals(transactions_tag: str, amount_tag: str) -> Rule:
    """`NbOfTxs`, `CtrlSum` and the total must match the transactions."""

    def rule(content: Content, _scheme: Scheme) -> Iterator[Finding]:
        group, transactions = content.get("GrpHdr", {}), content.get(transactions_tag, [])
        number = group.get("NbOfTxs", "1")
        if number.lstrip("0") != str(len(transactions)) or number.startswith("0"):
            yield Finding(
                "number-of-transactions",
                "GrpHdr/NbOfTxs",
                Reason.INVALID_NUMBER_OF_TRANSACTIONS,
                "is not the actual number",
            )
        if "CtrlSum" not in group and f"Ttl{amount_tag}" not in group:
            return
        amounts = [transaction[amount_tag] for transaction in transactions if amount_tag in transaction]
        total = sum((Decimal(amount["Amt"]) for amount in amounts), Decimal(0))
        if "CtrlSum" in group and Decimal(group["CtrlSum"]) != total:
            yield Finding("control-sum", "GrpHdr/CtrlSum", Reason.WRONG_SUM, "is not the sum of the amounts")
        stated = group.get(f"Ttl{amount_tag}")
        if stated is not None and _differs(stated, total, amounts):
            path = f"GrpHdr/Ttl{amount_tag}"
            yield Finding(
                "control-sum", path, Reason.WRONG_SUM, "is not the sum of the amounts in their currency"
            )

    return rule


def _differs(stated: Content, total: Decimal, amounts: list[Content]) -> bool:
    return Decimal(stated["Amt"]) != total or any(amount["Ccy"] != stated["Ccy"] for amount in amounts)


def _settlement(content: Content, scheme: Scheme) -> Iterator[Finding]:
    settlement, path = content.get("GrpHdr", {}).get("SttlmInf"), "GrpHdr/SttlmInf"
    if settlement is None:
        return  # a version without this element
    method = settlement["SttlmMtd"]
    if method not in scheme.settlement_methods:
        yield Finding(
            "settlement-method",
            f"{path}/SttlmMtd",
            Reason.CONTENT_INCORRECT,
            "is not a settlement method of this scheme",
        )
    if "SttlmAcct" in settlement and method not in {"INDA", "INGA"}:
        yield Finding(
            "settlement-account",
            f"{path}/SttlmAcct",
            Reason.ELEMENT_NOT_ALLOWED,
            "is allowed only with INDA or INGA",
        )
    system = next(iter(settlement.get("ClrSys", {}).values()), None)
    if scheme.clearing_systems is not None and system not in scheme.clearing_systems:
        yield Finding(
            "clearing-system",
            f"{path}/ClrSys",
            Reason.CONTENT_INCORRECT,
            "must be the clearing system of the scheme",
        )


# Each transaction


def _every(rule: Callable[[Content], Iterator[Finding]]) -> Rule:
    """A rule that is the same in every scheme."""
    return lambda content, _scheme: rule(content)


def _each(tag: str, *rules: Callable[[Content, Scheme], Iterator[Finding]]) -> Rule:
    def rule(content: Content, scheme: Scheme) -> Iterator[Finding]:
        for number, transaction in enumerate(content.get(tag, ()), 1):
            place = tag if number == 1 else f"{tag}[{number}]"
            for inner in rules:
                for finding in inner(transaction, scheme):
                    yield Finding(
                        finding.code, f"{place}/{finding.path}", finding.reason, finding.text, finding.warning
                    )

    return rule


def _uetr(transaction: Content, _scheme: Scheme) -> Iterator[Finding]:
    if "UETR" not in transaction.get("PmtId", {}):
        yield Finding("uetr", "PmtId/UETR", Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING, "is missing")


def _original_uetr(transaction: Content, _scheme: Scheme) -> Iterator[Finding]:
    if "OrgnlUETR" not in transaction:
        yield Finding("uetr", "OrgnlUETR", Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING, "is missing")


def _positive(*tags: str) -> Rule:
    def rule(transaction: Content, _scheme: Scheme) -> Iterator[Finding]:
        for tag in tags:
            amount = transaction.get(tag)
            if amount is not None and not amount["Amt"].strip("0.+-"):
                yield Finding("amount", tag, Reason.ZERO_AMOUNT, "must be more than zero")

    return rule


def _exchange(transaction: Content, _scheme: Scheme) -> Iterator[Finding]:
    """Amounts in the same currency have no exchange rate, and a difference must be a charge."""
    settled, instructed = transaction["IntrBkSttlmAmt"], transaction.get("InstdAmt")
    if instructed is None:
        if "XchgRate" in transaction:
            yield Finding(
                "exchange",
                "InstdAmt",
                Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING,
                "is missing although there is an exchange rate",
            )
        return
    if instructed["Ccy"] != settled["Ccy"]:
        return
    if "XchgRate" in transaction:
        yield Finding(
            "exchange",
            "XchgRate",
            Reason.ELEMENT_NOT_ALLOWED,
            "is not allowed with amounts in the same currency",
        )
    if Decimal(instructed["Amt"]) != Decimal(settled["Amt"]) and not transaction.get("ChrgsInf"):
        yield Finding(
            "charges",
            "ChrgsInf",
            Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING,
            "must account for the difference of the amounts",
        )


def _charges(transaction: Content, scheme: Scheme) -> Iterator[Finding]:
    bearer = transaction["ChrgBr"]
    if bearer not in scheme.charge_bearers:
        yield Finding(
            "charge-bearer", "ChrgBr", Reason.INVALID_CHARGE_BEARER, "is not a charge bearer of this scheme"
        )
    if bearer == "DEBT" and len(transaction.get("ChrgsInf", ())) > 1:
        yield Finding(
            "charges",
            "ChrgsInf",
            Reason.INVALID_CHARGE_BEARER,
            "may occur only once if the debtor bears the charges",
        )


def _agents(transaction: Content, _scheme: Scheme) -> Iterator[Finding]:
    for tag, reason in (
        ("DbtrAgt", Reason.INVALID_DEBTOR_BANK_IDENTIFIER),
        ("CdtrAgt", Reason.INVALID_CREDITOR_BANK_IDENTIFIER),
    ):
        institution = transaction[tag]["FinInstnId"]
        named = "Nm" in institution and "PstlAdr" in institution
        if not named and not institution.keys() & {"BICFI", "ClrSysMmbId", "LEI"}:
            text = "must have a BIC, a clearing system member id, an LEI, or name and address"
            yield Finding("agent", f"{tag}/FinInstnId", reason, text)


_BEFORE: Final = {
    "IntrmyAgt2": "IntrmyAgt1",
    "IntrmyAgt3": "IntrmyAgt2",
    **{
        f"{agent}Acct": agent
        for kind in ("PrvsInstgAgt", "IntrmyAgt")
        for agent in (f"{kind}1", f"{kind}2", f"{kind}3")
    },
}
"""Element -> the agent that must be present with it, by the rules of ISO for the message."""


def _chain(transaction: Content, _scheme: Scheme) -> Iterator[Finding]:
    """Every intermediary agent follows another, and every account belongs to an agent."""
    for tag, agent in _BEFORE.items():
        if tag in transaction and agent not in transaction:
            text = f"is missing: {tag} is present"
            yield Finding("agent-chain", agent, Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING, text)


def _names(transaction: Content, scheme: Scheme) -> Iterator[Finding]:
    if not (scheme.names_required or _is_full(transaction, scheme)):
        return
    for tag, reason in (("Dbtr", Reason.MISSING_DEBTOR_NAME), ("Cdtr", Reason.MISSING_CREDITOR_NAME)):
        party = transaction[tag]
        if "Nm" not in party and "AnyBIC" not in party.get("Id", {}).get("OrgId", {}):
            yield Finding("name", f"{tag}/Nm", reason, "is missing")
        elif not any(map(str.isalnum, party.get("Nm", "A"))):
            yield Finding("name", f"{tag}/Nm", reason, "must have a letter or a digit")


def _accounts(transaction: Content, scheme: Scheme) -> Iterator[Finding]:
    if not (scheme.accounts_required or _is_full(transaction, scheme)):
        return
    for tag, reason in (
        ("DbtrAcct", Reason.INVALID_DEBTOR_ACCOUNT_NUMBER),
        ("CdtrAcct", Reason.INVALID_CREDITOR_ACCOUNT_NUMBER),
    ):
        if tag not in transaction:
            yield Finding("account", tag, reason, "is missing")


_PARTIES: Final = {
    "InitgPty": Reason.MISSING_DEBTOR_ADDRESS,
    "UltmtDbtr": Reason.MISSING_DEBTOR_ADDRESS,
    "Dbtr": Reason.MISSING_DEBTOR_ADDRESS,
    "Cdtr": Reason.MISSING_CREDITOR_NAME_OR_ADDRESS,
    "UltmtCdtr": Reason.MISSING_CREDITOR_NAME_OR_ADDRESS,
}


def _addresses(transaction: Content, scheme: Scheme) -> Iterator[Finding]:
    """For parties and agents alike, as in the practice of November 2026."""
    if scheme.addresses is Addresses.ANY:
        return
    for tag, content in transaction.items():
        if tag in _PARTIES:
            yield from _address(content, tag, _PARTIES[tag], scheme)
        elif type(content) is dict and "FinInstnId" in content:
            yield from _address(content["FinInstnId"], f"{tag}/FinInstnId", Reason.INCORRECT_AGENT, scheme)


def _address(holder: Content, place: str, reason: str, scheme: Scheme) -> Iterator[Finding]:
    address = holder.get("PstlAdr")
    if address is None:
        return
    for missing in ("TwnNm", "Ctry"):
        if missing not in address:
            yield Finding("address", f"{place}/PstlAdr/{missing}", reason, "is missing")
    if len(address.get("AdrLine", ())) > (0 if scheme.addresses is Addresses.STRUCTURED else 2):
        text = "has more unstructured lines than this corridor accepts"
        yield Finding("address", f"{place}/PstlAdr/AdrLine", reason, text)


def _is_full(transaction: Content, scheme: Scheme) -> bool:
    """Whether both parties must be known in full: the amount is above that of the scheme."""
    return scheme.full_data is not None and scheme.full_data.concerns(transaction)


def _party_data(content: Content, scheme: Scheme) -> Iterator[Finding]:
    full = scheme.full_data
    if full is None:
        return
    group = content["GrpHdr"]
    made_on = group.get("IntrBkSttlmDt", group["CreDtTm"])
    complete = scheme.addresses is not Addresses.ANY  # `_addresses` refuses those that are not

    def of_one(transaction: Content, _scheme: Scheme) -> Iterator[Finding]:
        if full.concerns(transaction):
            yield from required_data.party_data(transaction, full, made_on=made_on, complete=complete)

    yield from _each("CdtTrfTxInf", of_one)(content, scheme)


def _required_data(transaction: Content, scheme: Scheme) -> Iterator[Finding]:
    if scheme.purpose is not None:
        yield from required_data.purpose(transaction, scheme.purpose)
    if scheme.regulatory is not None:
        yield from required_data.regulatory(transaction, scheme.regulatory)


def _remittance(transaction: Content, scheme: Scheme) -> Iterator[Finding]:
    remittance = transaction.get("RmtInf")
    if remittance is None:
        return
    if remittance.keys() == {"Ustrd", "Strd"}:
        yield Finding(
            "remittance",
            "RmtInf",
            Reason.REMITTANCE_INFORMATION_INVALID,
            "must be structured or unstructured, not both",
        )
    if sum(map(len, remittance.get("Ustrd", ()))) > scheme.unstructured_max:
        text = f"has more than {scheme.unstructured_max} characters"
        yield Finding("remittance", "RmtInf/Ustrd", Reason.REMITTANCE_INFORMATION_INVALID, text)
    if _text_length(remittance.get("Strd", [])) > _STRUCTURED_MAX:
        yield Finding(
            "remittance",
            "RmtInf/Strd",
            Reason.REMITTANCE_INFORMATION_INVALID,
            f"has more than {_STRUCTURED_MAX} characters",
        )


def _texts(transaction: Content, _scheme: Scheme) -> Iterator[Finding]:
    """What people write beside the remittance information is bounded: to compare it costs time."""
    for tag in _WITH_TEXTS:
        if tag in transaction and _text_length(transaction[tag]) > _TEXTS_MAX:
            text = f"has more than {_TEXTS_MAX} characters"
            yield Finding("texts", tag, Reason.CONTENT_INCORRECT, text)


def _text_length(content: Any) -> int:
    match content:
        case dict():
            return sum(map(_text_length, content.values()))
        case list():
            return sum(map(_text_length, content))
        case str():
            return len(content)
    return 0


def _supplementary(content: Content, scheme: Scheme) -> Iterator[Finding]:
    if not scheme.supplementary_data and "SplmtryData" in content:
        yield Finding(
            "supplementary-data", "SplmtryData", Reason.ELEMENT_NOT_ALLOWED, "is not accepted by this scheme"
        )


def _status(transaction: Content, _scheme: Scheme) -> Iterator[Finding]:
    """A rejection has a reason and no settlement date."""
    if transaction.get("TxSts") != "RJCT":
        return
    if not any("Rsn" in cause for cause in transaction.get("StsRsnInf", ())):
        yield Finding(
            "status-reason",
            "StsRsnInf/Rsn",
            Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING,
            "is missing with status RJCT",
        )
    if "FctvIntrBkSttlmDt" in transaction:
        yield Finding(
            "settlement-date",
            "FctvIntrBkSttlmDt",
            Reason.ELEMENT_NOT_ALLOWED,
            "is not allowed with status RJCT",
        )


def _latin(content: Any, path: str) -> Iterator[Finding]:
    match content:
        case dict():
            for tag, value in content.items():
                yield from _latin(value, f"{path}/{tag}" if path else tag)
        case list():
            for number, item in enumerate(content, 1):
                yield from _latin(item, path if number == 1 else f"{path}[{number}]")
        case str() if _LATIN.fullmatch(content) is None:
            yield Finding(
                "characters",
                path,
                Reason.INVALID_CHARACTER_SET,
                "contains characters that this scheme does not accept",
            )


_TRANSFER: Final = (_uetr, _agents, _supplementary)

_RULES: Final[dict[str, tuple[Rule, ...]]] = {
    "pacs.008": (
        _one_of("CdtTrfTxInf"),
        _group_totals("CdtTrfTxInf", "IntrBkSttlmAmt"),
        _settlement,
        _supplementary,
        _each(
            "CdtTrfTxInf",
            *_TRANSFER,
            _positive("IntrBkSttlmAmt", "InstdAmt"),
            _exchange,
            _charges,
            _chain,
            _names,
            _accounts,
            _addresses,
        ),
        _party_data,
        _each("CdtTrfTxInf", _required_data, _remittance, _texts),
    ),
    "pacs.009": (
        _one_of("CdtTrfTxInf"),
        _group_totals("CdtTrfTxInf", "IntrBkSttlmAmt"),
        _settlement,
        _supplementary,
        _each("CdtTrfTxInf", _uetr, _supplementary, _positive("IntrBkSttlmAmt")),
    ),
    "pacs.004": (
        _one_of("TxInf"),
        _group_totals("TxInf", "RtrdIntrBkSttlmAmt"),
        _settlement,
        _supplementary,
        _each("TxInf", _original_uetr, _supplementary, _positive("RtrdIntrBkSttlmAmt", "RtrdInstdAmt")),
    ),
    "pacs.002": (
        _one_of("TxInfAndSts"),
        _supplementary,
        _each("TxInfAndSts", _original_uetr, _status, _supplementary),
    ),
    "pacs.028": (
        _one_of("TxInf"),
        _supplementary,
        _each("TxInf", _original_uetr, _supplementary),
    ),
    "pain.002": (_every(totals.status_reports),),
    "pain.014": (_every(totals.status_reports),),
    "camt.052": (_every(totals.statements),),
    "camt.053": (_every(totals.statements),),
    "camt.054": (_every(totals.statements),),
    "camt.056": (
        _one_of("Undrlyg"),
        _supplementary,
        _each("Undrlyg", _one_of("TxInf"), _each("TxInf", _original_uetr, _supplementary)),
    ),
    "camt.110": (_supplementary, _every(investigation.request_faults)),
    "camt.111": (_supplementary, _every(investigation.response_faults)),
}
