"""Whose bank an alias is: the rail knows, as it does when a payment names the alias.

An alias tells who somebody's bank is, so it is looked up as an account is: within the same quotas, and with
the same record in the audited log, which has a keyed fingerprint of the alias and not the alias.
"""

from datetime import datetime
from typing import Final

from adapters import creditor
from adapters.port import Payee
from schemas.errors import Refused
from schemas.payment import PartyAccount
from schemas.reasons import Reason
from switch.api import lookups
from switch.api.lookups import LookUp
from switch.api.runtime import Runtime
from switch.names.payee import Match
from switch.payments import indirect
from switch.payments.directory import Participant
from switch.payments.quotes import AskedAlias
from switch.payments.rails import Rail

_PLACE: Final = "creditor_alias"
_PAYS_CUSTOMERS: Final = "direct"
_INSTITUTION: Final = 8


async def bank_of(
    context: Runtime, caller: Participant, asked: AskedAlias, stated: str | None, now: datetime
) -> str:
    """The BIC of the creditor agent of a payment to an alias; `stated` is the one that the caller expects.

    Raises:
        NotAllowed: the caller sends no payments.
        Refused: AG03 no rail of this country, AC01 no alias of it, RC04 the alias is of a bank that is not
            reached, or not of the stated one.
        TooManyRequests: its quota of look-ups is used up, or it has too many enquiries open at once.
        Unavailable: the rail does not answer, or the look-up could not be recorded.

    """
    rail = context.rails.get(asked.country)
    if rail is None:
        text = "no rail reaches this country"
        raise Refused(text, reason=Reason.TRANSACTION_NOT_SUPPORTED, path=f"{_PLACE}.country")
    found = creditor.find_alias(PartyAccount(proxy=asked.alias), rail.adapter.profile.creditor)
    if found is None and rail.adapter.profile.creditor:
        raise _unknown("is no alias that this rail has")
    context.lookups.take(caller, [asked.country])
    with rail.enquiry(caller.id):
        payee = await rail.adapter.resolve(asked.alias if found is None else found.value)
    banks = [] if payee is None else await _banks(context, rail, payee, now)
    fingerprint = context.keys.claim(caller.id, "lookup", asked.alias).hex()
    result = str(Match.MATCH if payee is not None else Reason.INCORRECT_ACCOUNT_NUMBER)
    await lookups.record(context.link, caller.id, [LookUp(asked.country, asked.country, fingerprint, result)])
    if payee is None:
        raise _unknown("is an alias that the rail does not know")
    return _one_of(banks, stated)


async def _banks(context: Runtime, rail: Rail, payee: Payee, now: datetime) -> list[str]:
    """The bank of an account: participants that have its id, or one that is reached over the rail."""
    profile = rail.adapter.profile
    account = creditor.read(payee.account, profile.creditor)
    of_account = None if account is None else creditor.bank_of(account)
    ids = [each for each in (payee.agent, of_account.id if of_account else "") if each]
    found = [
        each.bic
        for each in context.directory.now.participants
        if (each.country, each.kind, each.status) == (profile.country, _PAYS_CUSTOMERS, "active")
        and any(each.has_member_id(id_) for id_ in ids)
    ]
    for id_ in () if found else ids:
        bank = await indirect.owns(context.pool, rail, id_, now)
        if bank is not None and bank.bic:
            return [bank.bic]
    return found


def _one_of(banks: list[str], stated: str | None) -> str:
    if not banks:
        raise _other_bank("is an alias at a bank that this switch does not reach")
    if stated is not None:
        if all(bank[:_INSTITUTION] != stated[:_INSTITUTION] for bank in banks):
            raise _other_bank("is not an alias at the stated creditor agent")
        return stated
    if len(banks) > 1:
        raise _other_bank(
            f"is an alias at several participants: state one as creditor_agent: {', '.join(banks)}"
        )
    return banks[0]


def _other_bank(text: str) -> Refused:
    return Refused(text, reason=Reason.INVALID_CREDITOR_BANK_IDENTIFIER, path=f"{_PLACE}.alias")


def _unknown(text: str) -> Refused:
    return Refused(text, reason=Reason.INCORRECT_ACCOUNT_NUMBER, path=f"{_PLACE}.alias")
