"""Data that a corridor requires of a payment: of its parties above an amount, of its purpose, of reporting.

FATF recommendation 16, as revised in June 2025, wants above a threshold of at most 1,000 US dollars or euros:
name and account of both parties, the address and, of a person, the date of birth of the originator, town and
country of the beneficiary, and of an organisation its BIC, LEI or another official identifier, if it has one.
Which of these a corridor requires, and above which amount, is data: `FullData`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Final

from pydantic import ConfigDict

from schemas import placeholders
from schemas.code_lists import ANY, LISTS
from schemas.findings import Finding
from schemas.reasons import Reason

Content = Mapping[str, Any]
OLDEST_YEARS: Final = 130
"""Nobody is known to have lived for longer."""
ALLOWED_MAX: Final = 20
"""Codes that a refusal lists; `GET /v1/corridors` has all."""


class PartyData(StrEnum):
    """What may be required of a party, beside name and account."""

    ADDRESS = "address"
    """Town and country in their own elements."""
    COUNTRY = "country"
    """The country of the address, or of residence."""
    BIRTH = "birth"
    """Of a person: the date and place of birth. An organisation has none."""
    ADDRESS_OR_BIRTH = "address_or_birth"
    IDENTIFIER = "identifier"
    """Of an organisation: LEI, BIC or another identifier. A person needs none."""


@dataclass(frozen=True, slots=True)
class FullData:
    """What is required of both parties of a payment of more than an amount, beside name and account."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")
    currency: str
    above: str = "0"
    """An amount of the settlement currency, as text."""
    originator: frozenset[PartyData] = frozenset({PartyData.ADDRESS, PartyData.BIRTH, PartyData.IDENTIFIER})
    beneficiary: frozenset[PartyData] = frozenset({PartyData.ADDRESS, PartyData.IDENTIFIER})

    def concerns(self, transaction: Content) -> bool:
        """Whether the amount of a payment is above the threshold."""
        amount = transaction["IntrBkSttlmAmt"]
        return amount["Ccy"] == self.currency and Decimal(amount["Amt"]) > Decimal(self.above)


@dataclass(frozen=True, slots=True)
class RequiredCode:
    """A code that a payment must have: of a list, or one of these codes, if there are any."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")
    code_list: str = ANY
    """A name of `code_lists.LISTS`."""
    codes: frozenset[str] = frozenset()

    def allows(self, code: str) -> bool:
        """Whether a payment may have this code."""
        return code in self.codes if self.codes else LISTS[self.code_list].has(code)

    @property
    def allowed(self) -> str:
        """What is allowed, for people."""
        if not self.codes:
            return LISTS[self.code_list].form
        first = sorted(self.codes)[:ALLOWED_MAX]
        more = len(self.codes) - len(first)
        return f"one of {', '.join(first)}" + (f" and {more} more" if more else "")


_ADDRESS: Final = {"Dbtr": Reason.MISSING_DEBTOR_ADDRESS, "Cdtr": Reason.MISSING_CREDITOR_NAME_OR_ADDRESS}
_IDENTIFICATION: Final = {
    "Dbtr": Reason.INVALID_DEBTOR_IDENTIFICATION_CODE,
    "Cdtr": Reason.INVALID_CREDITOR_IDENTIFICATION_CODE,
}
_NAMED: Final = {
    "Dbtr": (Reason.MISSING_DEBTOR_NAME, Reason.INVALID_DEBTOR_ACCOUNT_NUMBER),
    "Cdtr": (Reason.MISSING_CREDITOR_NAME, Reason.INVALID_CREDITOR_ACCOUNT_NUMBER),
}
_OF_PERSON: Final = "DtAndPlcOfBirth of a person (PrvtId)"
_OF_ORGANISATION: Final = "LEI, AnyBIC or Othr of an organisation (OrgId)"


def party_data(transaction: Content, full: FullData, *, made_on: str, complete: bool) -> Iterator[Finding]:
    """Everything that is missing of the two parties; with `complete`, addresses have town and country.

    `made_on`: the day of settlement if the payment does not state one, as YYYY-MM-DD.
    """
    above = f"above {full.above} {full.currency}"
    day = transaction.get("IntrBkSttlmDt", made_on)[:10]
    yield from _names_and_accounts(transaction, above)
    for tag, wanted in (("Dbtr", full.originator), ("Cdtr", full.beneficiary)):
        for place, reasons, text in _missing(transaction[tag], wanted, day, complete=complete):
            yield Finding("party-data", f"{tag}/{place}", reasons[tag], f"{text} required {above}")


_Missing = tuple[str, Mapping[str, Reason], str]


def _missing(party: Content, wanted: frozenset[PartyData], day: str, *, complete: bool) -> Iterator[_Missing]:
    """`day`: the day of settlement. What says nothing, is missing, and so is a birth that cannot be."""
    address = party.get("PstlAdr", {})
    stated = ("TwnNm", "Ctry") if not (address and complete) else address.keys() & {"TwnNm"}
    missing = [tag for tag in stated if not placeholders.states(address.get(tag, ""))]
    identification = party.get("Id", {})
    birth = identification.get("PrvtId", {}).get("DtAndPlcOfBirth")
    born = birth is not None and placeholders.states(birth["CityOfBirth"]) and _can_be(birth["BirthDt"], day)
    if PartyData.ADDRESS in wanted and missing:
        yield "PstlAdr", _ADDRESS, f"lacks {' and '.join(missing)},"
    elif PartyData.COUNTRY in wanted and "Ctry" in missing and "CtryOfRes" not in party:
        yield "PstlAdr/Ctry", _ADDRESS, "is missing,"
    if PartyData.ADDRESS_OR_BIRTH in wanted and missing and not born:
        yield "PstlAdr", _ADDRESS, f"lacks {' and '.join(missing)}, or Id lacks the date of birth,"
    yield from _missing_ids(identification, wanted, born=born)


def _missing_ids(identification: Content, wanted: frozenset[PartyData], *, born: bool) -> Iterator[_Missing]:
    expected = []
    if PartyData.BIRTH in wanted and "OrgId" not in identification and not born:
        expected.append(_OF_PERSON)
    if PartyData.IDENTIFIER in wanted and "PrvtId" not in identification and not _identifies(identification):
        expected.append(_OF_ORGANISATION)
    if expected:
        yield "Id", _IDENTIFICATION, f"lacks {', or '.join(expected)},"


def _identifies(identification: Content) -> bool:
    organisation = identification.get("OrgId", {})
    others = (other.get("Id", "") for other in organisation.get("Othr", ()))
    return "LEI" in organisation or "AnyBIC" in organisation or any(map(placeholders.identifies, others))


def _can_be(birth: str, day: str) -> bool:
    """Whether somebody may have been born then who pays or is paid on a day."""
    oldest = f"{int(day[:4]) - OLDEST_YEARS:04}{day[4:]}"
    return oldest <= birth[:10] <= day


def _names_and_accounts(transaction: Content, above: str) -> Iterator[Finding]:
    """Names and accounts that say nothing; `rules` finds those that are not there."""
    for tag, reasons in _NAMED.items():
        name = transaction[tag].get("Nm")
        if name is not None and any(map(str.isalnum, name)) and not placeholders.states(name):
            yield Finding("name", f"{tag}/Nm", reasons[0], f"is no name: one is required {above}")
        account = transaction.get(f"{tag}Acct", {}).get("Id", {}).get("Othr", {}).get("Id")
        if account is not None and not placeholders.identifies(account):
            place = f"{tag}Acct/Id/Othr/Id"
            yield Finding("account", place, reasons[1], f"is no account: one is required {above}")


def purpose(transaction: Content, required: RequiredCode) -> Iterator[Finding]:
    """The purpose that is missing, or not allowed."""
    code = next(iter(transaction.get("Purp", {}).values()), None)
    if code is None:
        text = f"is missing: {required.allowed}"
    elif not required.allows(code):
        text = f"must be {required.allowed}"
    else:
        return
    yield Finding("purpose", "Purp", Reason.INVALID_PURPOSE, text)


def regulatory(transaction: Content, required: RequiredCode) -> Iterator[Finding]:
    """The code for an authority that is missing, or not allowed; one that is allowed is enough."""
    codes = [
        details["Cd"]
        for reporting in transaction.get("RgltryRptg", ())
        for details in reporting.get("Dtls", ())
        if "Cd" in details
    ]
    if any(map(required.allows, codes)):
        return
    text = f"must be {required.allowed}" if codes else f"is missing: {required.allowed}"
    place = "RgltryRptg/Dtls/Cd"
    yield Finding("regulatory-reporting", place, Reason.REGULATORY_INFORMATION_INVALID, text)
