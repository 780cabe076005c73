"""Agents, parties, accounts and times: conversion between ISO content and the canonical types.

Every payment message has these elements, with the same tags in different versions of types.
"""

import re
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from schemas.codes import is_known
from schemas.errors import Refused
from schemas.payment import Agent, Party, PartyAccount
from schemas.reasons import Reason

Content = dict[str, Any]
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)
"""Only the format: a rule verifies the check digits."""
_HALF_A_DAY: Final = timedelta(hours=12)


def first_of(choice: Content | None) -> str | None:
    """The text of a `Cd` or `Prtry` choice."""
    return None if choice is None else next(iter(choice.values()))


def code_or_proprietary(text: str, code_set: str) -> Content:
    """The choice for a text: a code of the external list, or a proprietary text."""
    return {"Cd" if is_known(code_set, text) else "Prtry": text}


def read_agent(content: Content | None) -> Agent | None:
    """The agent in a `BranchAndFinancialInstitutionIdentification`."""
    if content is None:
        return None
    institution = content["FinInstnId"]
    member = institution.get("ClrSysMmbId")
    return Agent(
        bic=institution.get("BICFI"),
        clearing_system=None if member is None else first_of(member.get("ClrSysId")),
        member_id=None if member is None else member["MmbId"],
        name=institution.get("Nm"),
    )


def build_agent(agent: Agent) -> Content:
    """The content of an agent."""
    institution: Content = {}
    if agent.bic:
        institution["BICFI"] = agent.bic
    if agent.member_id:
        system = agent.clearing_system
        named = (
            {"ClrSysId": code_or_proprietary(system, "ExternalClearingSystemIdentification1Code")}
            if system
            else {}
        )
        institution["ClrSysMmbId"] = {**named, "MmbId": agent.member_id}
    if agent.name:
        institution["Nm"] = agent.name
    return {"FinInstnId": institution}


def read_party(content: Content) -> Party:
    """The party in a `PartyIdentification`."""
    address = content.get("PstlAdr", {})
    contact = content.get("CtctDtls", {})
    return Party(
        name=content.get("Nm"),
        country=address.get("Ctry") or content.get("CtryOfRes"),
        town=address.get("TwnNm"),
        address_lines=tuple(address.get("AdrLine", ())),
        phone=contact.get("MobNb") or contact.get("PhneNb"),
        national_id=_identification(content.get("Id", {})),
    )


def _identification(identification: Content) -> str | None:
    for kind in identification.values():
        for other in kind.get("Othr", ()):
            return str(other["Id"])
    return None


def build_party(party: Party) -> Content:
    """The content of a party."""
    address: Content = {}
    if party.town:
        address["TwnNm"] = party.town
    if party.address_lines:
        address["AdrLine"] = list(party.address_lines)
    if address and party.country:
        address["Ctry"] = party.country
    content: Content = {"Nm": party.name} if party.name else {}
    if address:
        content["PstlAdr"] = address
    elif party.country:
        content["CtryOfRes"] = party.country  # a country alone is not an address
    if party.national_id:
        content["Id"] = {"PrvtId": {"Othr": [{"Id": party.national_id}]}}
    if party.phone:
        content["CtctDtls"] = {"MobNb": party.phone}
    return content


def named_account(text: str) -> PartyAccount:
    """The account named by a text: an IBAN, a proxy such as `asha@okbank`, or another number."""
    if _IBAN.fullmatch(text):
        return PartyAccount(iban=text)
    # Version .08 requires an identification with every proxy.
    return PartyAccount(other=text, proxy=text if "@" in text else None)


def read_account(content: Content | None) -> PartyAccount | None:
    """The account in a `CashAccount`."""
    if content is None:
        return None
    identification = content.get("Id", {})
    proxy = content.get("Prxy", {})
    return PartyAccount(
        iban=identification.get("IBAN"),
        other=identification.get("Othr", {}).get("Id"),
        proxy=proxy.get("Id"),
        proxy_type=first_of(proxy.get("Tp")),
    )


def build_account(account: PartyAccount) -> Content:
    """The content of an account. A proxy alone needs a message version in which `Id` is optional."""
    content: Content = {}
    if account.iban:
        content["Id"] = {"IBAN": account.iban}
    elif account.other:
        content["Id"] = {"Othr": {"Id": account.other}}
    if account.proxy:
        kind = (
            {"Tp": code_or_proprietary(account.proxy_type, "ExternalProxyAccountType1Code")}
            if account.proxy_type
            else {}
        )
        content["Prxy"] = {**kind, "Id": account.proxy}
    return content


def read_instant(text: str, path: str) -> datetime:
    """Parse an ISO 20022 date and time as an aware datetime.

    Raises:
        Refused: valid by the schema, but without an offset or outside the supported range.

    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            "is not a date and time in the supported range", reason=Reason.INVALID_DATE, path=path
        ) from None
    if instant.tzinfo is None:
        raise Refused("must state its offset from UTC", reason=Reason.INVALID_DATE, path=path)
    return instant


def read_clock(text: str, path: str, made_at: datetime, day: date | None = None) -> datetime:
    """The instant of an ISO 20022 time of day in a message that was created at `made_at`.

    It is on the creation day in its own offset, or on `day` if that is another day also in the offset of
    `made_at`: a bank may date a message in its local time and write the time in UTC. A time more than half
    a day before the creation means the following night; one less than half a day before it has passed.

    Raises:
        Refused: valid by the schema, but without an offset, or `24:00:00`, which is not on its day.

    """
    try:
        clock = time.fromisoformat(text)
    except ValueError:
        raise Refused("is not a time of day", reason=Reason.INVALID_DATE, path=path) from None
    if clock.tzinfo is None:
        raise Refused("must state its offset from UTC", reason=Reason.INVALID_DATE, path=path)
    if day is None or day == made_at.date():
        day = made_at.astimezone(clock.tzinfo).date()
    instant = datetime.combine(day, clock)
    return instant + timedelta(days=1) if made_at - instant > _HALF_A_DAY else instant


def read_date(text: str, path: str) -> date:
    """Parse an ISO 20022 date (the schema allows a time zone, which is ignored).

    Raises:
        Refused: valid by the schema, but outside the supported range.

    """
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Refused("is not a date in the supported range", reason=Reason.INVALID_DATE, path=path) from None


def instant_text(instant: datetime) -> str:
    """Format an aware datetime for ISO 20022: with milliseconds and a numeric offset."""
    assert instant.tzinfo is not None, "a time without an offset is not an instant"
    return instant.isoformat(timespec="milliseconds")
