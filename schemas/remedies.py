"""What a sender does about a refusal: by the broken rule or, without one, by the ISO reason.

The texts name what helps, never what was sent. Problems, pacs.002, admi.002 and the documentation have them.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schemas.reasons import Reason

_NAMED: Final = re.compile(r"\[([a-z-]+)\](?=;|$)")
"""A rule that a text of several refusals names after each: `Dbtr/Nm: is missing [name]; ...`."""

_AGAIN: Final = "Send a new payment with a new UETR"
_OF_CORRIDOR: Final = "GET /v1/corridors has what the corridor requires"
_OF_RAIL: Final = "GET /v1/rails/{country} has the rail's limits, hours and forms of accounts"

BY_RULE: Final[Mapping[str, str]] = MappingProxyType(
    {
        # the bytes
        "encoding": "Send UTF-8 without a byte order mark.",
        "well-formed": "Send well-formed XML or JSON; check that the body is complete.",
        "size": "Send a smaller body: `docs/integrate/limits.md` has the largest sizes.",
        "depth": "Nest fewer levels: the text has the most that are read.",
        "doctype": "Remove the DOCTYPE; entities are never read.",
        "processing-instruction": "Remove the processing instruction.",
        "comment": "Remove the comment.",
        "attribute": "Give amounts the attribute Ccy; remove every other attribute.",
        "duplicate-key": "Name each member of an object once.",
        "media-type": "Make the media type name the message that the body holds.",
        "envelope": "Send the message alone, or AppHdr and Document in one envelope.",
        "header": "Make the AppHdr agree with the Document (BizMsgIdr, MsgDefIdr, agents), or leave it out.",
        "foreign": "Leave the foreign content out, or make it one element of another namespace.",
        # the message and its elements
        "version": "Name a supported message in `$type`, or in the namespace of the XML.",
        "agreement": "Send each message to its own endpoint, POST /v1/iso20022/{message}.",
        "element": "Correct the name of the element, or leave it out.",
        "elements": "Send fewer elements: the text has the most that are read. Split a long message.",
        "missing": "Add the element.",
        "order": "Put the elements into the order of the schema.",
        "choice": "Give exactly one of the alternatives.",
        "repetition": "Give the element as often as the schema allows.",
        "minimum": "Give a value that is at least what is stated.",
        "maximum": "Give a value that is at most what is stated.",
        "type": (
            'Write every value as a text in quotes: `"100.00"`, never `100.00`; what may be repeated, '
            "as an array, also if it is one."
        ),
        "text": "Put text into the elements that have values; between elements there are only blanks.",
        "content": "Correct the content of the body: `/openapi.json` has its form.",
        "length": "Shorten or lengthen the text to the allowed number of characters.",
        "pattern": "Write the value in the stated form.",
        "code": "Use one of the listed codes.",
        "decimal": "Write digits with a decimal point, without separators: `1500.00`.",
        "digits": "Write fewer digits; the currency fixes the decimals.",
        "boolean": "Write true or false.",
        "date": "Write the date as YYYY-MM-DD, such as 2026-11-23.",
        "character": "Replace the characters that are not allowed.",
        "characters": "Replace the characters that are not allowed, or give a Latin form of the name.",
        "blank": "Remove blanks at the beginning and the end, or leave the element out.",
        "official-schema": "Correct the message by the official XSD of its version.",
        "base64": "Write the octets in base64 (RFC 4648), without line breaks.",
        "tlv": "Copy the whole text of the code: each field has its id, its length in two digits, its value.",
        "event-type": "Use types of events that are listed; GET /v1/asyncapi.json describes each.",
        # values
        "bic": "Correct the BIC; GET /v1/participants lists those that can be paid.",
        "iban": "Correct the IBAN: its check digits or its length are wrong for its country.",
        "lei": "Correct the LEI: its check digits are wrong.",
        "country": "Use a country code of ISO 3166-1, two capital letters.",
        "currency": "Use an active currency code of ISO 4217, three capital letters.",
        "unknown-code": "Use a code of the list; ISO 20022 publishes it as an external code set.",
        "offset": "Add the offset from UTC: 2026-11-23T14:05:07+05:30, or Z.",
        "instant": "Write an instant between the years 1 and 9999, hours 00 to 23.",
        "amount": "Give an amount larger than zero with no more decimals than its currency has.",
        "uetr": "Add a UETR: a UUID of version 4 in lower case, made once per payment.",
        "name": "Add the name of the party.",
        "address": "Add town and country, and at most two unstructured lines.",
        "account": "Add the account of the party.",
        "agent": "Name the agent by its BIC or by its id in a clearing system.",
        "agent-chain": "Name the agents without gaps.",
        "control-sum": "Make the number of transactions and the sums agree with the transactions.",
        "remittance": "Shorten the remittance information.",
        "texts": "Send this in a message of its own, or shorten it.",
        "party-data": "Add everything that is listed: GET /v1/corridors has what the corridor requires.",
        "purpose": "Use a purpose that the corridor allows: GET /v1/corridors lists them.",
        "regulatory-reporting": "Add a code that the corridor allows: GET /v1/corridors lists them.",
        # investigations
        "investigation-type": (
            "Ask by a type of docs/integrate/investigations.md. Ask for the status of a payment by pacs.028, "
            "and for its money, also of a duplicate, by camt.056."
        ),
        "investigation-payment": "Name the payment under Undrlyg/IntrBk, by its OrgnlUETR.",
        "investigation-party": "Name your own bank (Rqstr/Agt) and the one on the other side (Rspndr/Agt).",
        "investigation-action": "State RQST, RQCL or RQOB, and the RqstrInvstgtnId of your question.",
        "investigation-reason": "Give a code of ExternalInvestigationReason1Code; with NARR also ReqNrrtv.",
        "investigation-data": "Leave it out, or use the data of docs/integrate/investigations.md.",
        "investigation-status": "State data or a reason (ExternalInvestigationStatusReason1Code).",
        # parameters and bodies that are no messages
        "parameter": "Correct the parameter; `/openapi.json` lists those of each operation.",
        "since": "State an instant within the time for which deliveries are kept.",
        "rules": (
            "Correct the value that the text names; a changed set of rules gets a version name of its own."
        ),
        "check": "Correct the value: its check digits are wrong.",
        "qr-code": "Scan it again, or ask for another code: docs/rails/qr.md lists the schemes.",
        "qr-field": "Give the fields that the scheme has, in its form: docs/rails/qr.md lists the schemes.",
        "payee": "Verify the payee again, and use the details of the answer.",
    }
)
"""Rule -> what to do."""

BY_REASON: Final[Mapping[str, str]] = MappingProxyType(
    {
        Reason.SETTLEMENT_TIMEOUT: f"{_AGAIN}: this one was accepted too long ago.",
        Reason.ABORTED_SETTLEMENT: (
            "Ask for a new quote (POST /v1/quotes), and send a new payment with a new UETR that names it and "
            "states its terms."
        ),
        Reason.TIMEOUT_CREDITOR_AGENT: f"Ask for the status by pacs.028; after RJCT: {_AGAIN.lower()}.",
        Reason.TIMEOUT_INSTRUCTED_AGENT: f"Ask for the status by pacs.028; after RJCT: {_AGAIN.lower()}.",
        Reason.OFFLINE_CREDITOR_AGENT: f"{_AGAIN} when GET /v1/rails says that the rail responds.",
        Reason.ERROR_CREDITOR_AGENT: f"{_AGAIN} later; the creditor agent had an error.",
        Reason.ERROR_INSTRUCTED_AGENT: "Send the same message again after Retry-After.",
        Reason.INCORRECT_ACCOUNT_NUMBER: f"Correct the account. {_OF_RAIL}.",
        Reason.INVALID_DEBTOR_ACCOUNT_NUMBER: f"Correct the debtor's account. {_OF_RAIL}.",
        Reason.INVALID_CREDITOR_ACCOUNT_NUMBER: f"Correct the creditor's account. {_OF_RAIL}.",
        Reason.CLOSED_ACCOUNT_NUMBER: "Ask for another account of the creditor: this one is closed.",
        Reason.BLOCKED_ACCOUNT: "Ask the creditor to contact its bank: the account is blocked.",
        Reason.TRANSACTION_FORBIDDEN: "Choose a corridor that GET /v1/corridors shows as enabled.",
        Reason.TRANSACTION_NOT_SUPPORTED: (
            "Leave out the element that the path names, or choose another corridor (GET /v1/corridors)."
        ),
        Reason.INCORRECT_AGENT: "Name the right agent, or this switch where the message is addressed to it.",
        Reason.ZERO_AMOUNT: "Give an amount larger than zero.",
        Reason.NOT_ALLOWED_AMOUNT: f"Give an amount within the limits. {_OF_RAIL}.",
        Reason.NOT_ALLOWED_CURRENCY: "Use the currency of the debtor agent's country (GET /v1/corridors).",
        Reason.INSUFFICIENT_FUNDS: "Fund the account or send less: GET /v1/positions has the headroom.",
        Reason.DUPLICATION: "Nothing, if it is the same payment: read the status of the first one.",
        Reason.TOO_LOW_AMOUNT: (
            "Give a larger amount: GET /v1/quotes shows the charges, GET /v1/rails/{country} the least."
        ),
        Reason.WRONG_AMOUNT: (
            "Use the amounts and the rate of GET /v1/quotes, or leave the stated rate out. "
            "Of a return, GET /v1/payments/{uetr} has the credited amount, and the parts that came back."
        ),
        Reason.WRONG_SUM: "Make the control sum the sum of the amounts, or leave it out.",
        Reason.INVALID_TRANSACTION_CURRENCY: "Use an active currency code of ISO 4217.",
        Reason.INVALID_AMOUNT: "Give an amount larger than zero with no more decimals than its currency has.",
        Reason.AMOUNT_EXCEEDS_AGREED_LIMIT: "Send less, or ask the operator for another limit.",
        Reason.INVALID_NUMBER_OF_TRANSACTIONS: "Send one transaction in each message.",
        Reason.LIMIT_EXCEEDED: f"{_AGAIN} when the period has ended: the text states the instant.",
        Reason.AMOUNT_EXCEEDS_SETTLEMENT_LIMIT: "Send less, wait for incoming payments, or add funds.",
        Reason.INVALID_CREDITOR_ACCOUNT_CURRENCY: (
            "Leave the account's currency out, or use the credited one."
        ),
        Reason.MISSING_CREDITOR_NAME_OR_ADDRESS: f"Add the creditor's name and address. {_OF_CORRIDOR}.",
        Reason.MISSING_DEBTOR_ADDRESS: f"Add the debtor's address. {_OF_CORRIDOR}.",
        Reason.MISSING_DEBTOR_NAME: "Add the debtor's name.",
        Reason.INVALID_COUNTRY: "Use a country code of ISO 3166-1.",
        Reason.INVALID_DEBTOR_COUNTRY: "Use a country code of ISO 3166-1 for the debtor.",
        Reason.INVALID_CREDITOR_COUNTRY: "Use a country code of ISO 3166-1 for the creditor.",
        Reason.INVALID_IDENTIFICATION_CODE: f"Correct the identification of the party. {_OF_CORRIDOR}.",
        Reason.INVALID_DEBTOR_IDENTIFICATION_CODE: (
            f"Correct the debtor's identification, or add it. {_OF_CORRIDOR}."
        ),
        Reason.INVALID_CREDITOR_IDENTIFICATION_CODE: (
            f"Correct the creditor's identification, or add it. {_OF_CORRIDOR}."
        ),
        Reason.INVALID_CHARGE_BEARER: (
            "Use SLEV, DEBT or SHAR, or CRED where GET /v1/tariffs has tariffs for it; SLEV or DEBT where "
            "the credited amount is fixed."
        ),
        Reason.MISSING_CREDITOR_NAME: "Add the creditor's name.",
        Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING: f"Add the element that the path names. {_OF_CORRIDOR}.",
        Reason.CONTENT_INCORRECT: (
            "Correct the element that the path names; `payswitch iso check FILE` checks it before you send."
        ),
        Reason.ELEMENT_NOT_ALLOWED: (
            "Leave the element out: docs/reference/elements.md lists what each rail carries."
        ),
        Reason.SIGNER_NOT_ALLOWED: (
            "Sign the request with a key in force (RFC 9421); docs/reference/signatures.md."
        ),
        Reason.INVALID_DATE: "Leave the date out, or state the day on which it would settle now.",
        Reason.INVALID_CREATION_TIME: "Set the creation time to now, and check your clock.",
        Reason.FUTURE_DATE: f"{_AGAIN} when the time has come: the switch stores no payments for later.",
        Reason.DUPLICATE_MESSAGE_ID: (
            "Use a new message id (GrpHdr/MsgId) for each message; keep the UETR of a resend."
        ),
        Reason.DUPLICATE_PAYMENT_INFORMATION_ID: "Use a new payment information id (PmtInf/PmtInfId).",
        Reason.DUPLICATE_TRANSACTION: "Use new ids, or resend the first message unchanged.",
        Reason.DUPLICATE_END_TO_END_ID: "Use a new end-to-end id (PmtId/EndToEndId) for each payment.",
        Reason.DUPLICATE_INSTRUCTION_ID: "Use a new instruction id (PmtId/InstrId) for each payment.",
        Reason.DUPLICATE_PAYMENT: (
            "Resend the first message unchanged, or make a new payment with a new UETR."
        ),
        Reason.INVALID_FILE_FORMAT: (
            "Correct the message; `payswitch iso check FILE` finds every mistake before you send."
        ),
        Reason.INVALID_SERVICE_LEVEL: "Leave the service level out: every payment here is an instant one.",
        Reason.INVALID_PURPOSE: f"Use a purpose that corridor and rail accept. {_OF_CORRIDOR}.",
        Reason.FRAUD: "Contact the operator; do not send it again.",
        Reason.REASON_NOT_SPECIFIED: "Contact the operator with the Request-Id.",
        Reason.NARRATIVE: (
            "No code says why: correct what the text names, or ask the bank at the other end. Pay with a "
            "new UETR."
        ),
        Reason.BANK_IDENTIFIER_INCORRECT: (
            "Correct the BIC; GET /v1/participants lists those that can be paid."
        ),
        Reason.INVALID_DEBTOR_BANK_IDENTIFIER: "Name your own BIC as the debtor agent.",
        Reason.INVALID_CREDITOR_BANK_IDENTIFIER: "Use a BIC of GET /v1/participants as the creditor agent.",
        Reason.INVALID_CREDITOR_BIC_IDENTIFIER: "Use a BIC of GET /v1/participants as the creditor agent.",
        Reason.REGULATORY_INFORMATION_INVALID: f"Add the code that the country requires. {_OF_CORRIDOR}.",
        Reason.REGULATORY: (
            "Add the data that the country requires (GET /v1/corridors). A control of a currency pair, if "
            "the text states one, lasts until the central bank ends it."
        ),
        Reason.REMITTANCE_INFORMATION_INVALID: (
            f"Shorten the remittance information, or use fewer lines. {_OF_RAIL}."
        ),
        Reason.INVALID_CHARACTER_SET: f"Use only the characters of the rail. {_OF_RAIL}.",
        Reason.CUT_OFF_TIME: f"{_AGAIN} with a later limit, or when the rail is open. {_OF_RAIL}.",
    }
)
"""ISO reason -> what to do."""


def of_status(status: str, reason: str | None, text: str | None = None) -> str | None:
    """What to do about the status of a payment: something where it was refused with a known reason."""
    return of_text(reason, text or "") if status == "RJCT" and reason else None


def of_text(reason: str, text: str) -> str | None:
    """What to do about every rule that the text of a refusal names; by the reason, if it names none."""
    found = dict.fromkeys(BY_RULE[rule] for rule in _NAMED.findall(text) if rule in BY_RULE)
    return " ".join(found) or remedy(reason)


def remedy(reason: str, rule: str | None = None) -> str | None:
    """What to do about a refusal; None for a reason of a rail that is not in the table."""
    return BY_RULE.get(rule or "") or BY_REASON.get(reason)
