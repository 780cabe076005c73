"""Enquiries: pacs.028 (status of a payment), acmt.023 (holder of an account), camt.003 (own accounts).

They change nothing. The synchronous responses are pacs.002, acmt.024 and camt.004.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from adapters.creditor import IdentifierForm, find_alias
from ledger import positions
from schemas import account_report, parties, remedies, status_report, status_request, verification
from schemas.errors import Refused
from schemas.money import Money
from schemas.parties import Content
from schemas.payment import NOT_PROVIDED, PartyAccount
from schemas.reasons import Reason
from schemas.verification import Asked, Verified
from switch.api import lookups, originals
from switch.api.lookups import LookUp
from switch.api.receiving import STATUS_REPORT, IsoResponse, Received
from switch.names.payee import Match, compare, mask
from switch.payments import indirect
from switch.payments.intake import charging_agent
from switch.payments.journey import read_payment
from switch.payments.rails import Rail
from switch.writer.lifecycle import STATUS, State

_UNKNOWN_ACCOUNT: Final = Reason.INCORRECT_ACCOUNT_NUMBER


async def payment_status(received: Received) -> IsoResponse:
    """pacs.028: report the status of a payment of the caller, as a pacs.002.

    Raises:
        NotFound: there is none, or the caller is not a party to it. This states nothing about any payment.
        Refused: a detail does not belong to the payment of the UETR.

    """
    request = status_request.read(received.message)
    payment = await read_payment(received.runtime.pool, UUID(request.uetr), [received.sender.id])
    await originals.check(received, payment)
    document = status_report.build(
        message_id=uuid.uuid4().hex,
        created_at=datetime.now(UTC),
        original=status_report.OriginalPayment(
            uetr=request.uetr,
            end_to_end_id=request.end_to_end_id or NOT_PROVIDED,
            instruction_id=request.instruction_id,
            transaction_id=request.transaction_id,
        ),
        original_message_id=payment["message_id"],
        original_message_name=payment["message"],
        status=STATUS[State(payment["state"])],
        reason=payment["reason"],
        additional=payment["detail"],
        remedy=remedies.of_status(STATUS[State(payment["state"])], payment["reason"], payment["detail"]),
        charges=[] if payment["state"] == State.ABORTED else _charges(payment),
        charging_agent=charging_agent(received.runtime.settings.bic),
    )
    headers = {"Location": f"/v1/payments/{request.uetr}"}
    return IsoResponse(STATUS_REPORT, document, 200 if payment["final"] else 202, headers)


def _charges(payment: dict[str, Any]) -> list[Money]:
    amounts = [each["amount"] for each in payment["charges"]]
    return [Money.parse(each["amount"], each["currency"]) for each in amounts if each["amount"].strip("0.")]


async def verify_accounts(received: Received) -> IsoResponse:
    """acmt.023: verify the holders of accounts or aliases with the rail of each country, as an acmt.024.

    Raises:
        NotAllowed: the caller sends no payments.
        Refused: an account is in a country that the switch does not reach.
        TooManyRequests: the caller has too many enquiries open at once, or used up its quota of look-ups.
        Unavailable: the rail does not answer, or the look-up could not be recorded.

    """
    request = verification.read(received.message)
    countries = [await _country(received, asked) for asked in request.asked]
    banks = [_bank(*each) for each in zip(request.asked, countries, strict=True)]
    received.runtime.lookups.take(received.sender, banks)
    verified = [
        await _verify(received, *each) for each in zip(request.asked, countries, strict=True)
    ]  # in turn: one message uses one place of a rail's quota
    done = [_lookup(received, *each) for each in zip(request.asked, countries, banks, verified, strict=True)]
    await lookups.record(received.runtime.link, received.sender.id, done)
    document = verification.build(
        request, verified, message_id=uuid.uuid4().hex, created_at=datetime.now(UTC)
    )
    return IsoResponse(verification.DEFAULT_REPORT, document)


async def _verify(received: Received, asked: Asked, country: str) -> Verified:
    rail = received.runtime.rails.get(country)
    if rail is None:
        raise Refused("no rail reaches this account", reason=Reason.TRANSACTION_NOT_SUPPORTED)
    alias = _alias(asked, rail.adapter.profile.creditor)
    if alias is None:
        return Verified(asked.id, reason=_UNKNOWN_ACCOUNT)
    with rail.enquiry(received.sender.id):
        payee = await rail.adapter.resolve(alias)
    if payee is None:
        return Verified(asked.id, reason=_UNKNOWN_ACCOUNT)
    rules = received.runtime.settings.payee_matching_of(received.sender.country, country)
    match = compare(asked.name, payee.name, rules) if asked.name else Match.MATCH
    is_iban = payee.account[:2].isalpha() and payee.account[2:4].isdigit()
    account = PartyAccount(iban=payee.account) if is_iban else PartyAccount(other=payee.account)
    known = {
        "Pty": {"Nm": name} if (name := _told(payee.name, match, tell_close=rules.tell_close)) else None,
        "Acct": parties.build_account(account),
        "Agt": await _agent(received, rail, payee.agent) if payee.agent else None,
    }
    return Verified(
        asked.id,
        known={tag: part for tag, part in known.items() if part},
        reason=None if match is Match.MATCH else match,
        confirmed=match in {Match.MATCH, Match.NOT_POSSIBLE},
    )


async def _agent(received: Received, rail: Rail, member_id: str) -> Content:
    """The bank of an account as the rail names it, with the BIC of one that is reached over the rail."""
    content: dict[str, Any] = {"ClrSysMmbId": {"MmbId": member_id}}
    bank = await indirect.owns(received.runtime.pool, rail, member_id, datetime.now(UTC))
    if bank is not None and bank.bic:
        content = {"BICFI": bank.bic, **content}
    return {"FinInstnId": content}


def _told(name: str | None, match: Match, *, tell_close: bool) -> str | None:
    """What the caller learns of the right name: nothing if the stated one is wrong, initials if close."""
    if not name or match is Match.NONE:
        return None
    if match is Match.CLOSE:
        return mask(name) if tell_close else None
    return name


def _bank(asked: Asked, country: str) -> str:
    """The bank whose account is asked about: its BIC, or the country of the account where none is stated."""
    agent = asked.agent
    return agent.bic[:8] if agent is not None and agent.bic else country


def _lookup(received: Received, asked: Asked, country: str, bank: str, verified: Verified) -> LookUp:
    """What is recorded: neither the account nor a name, but the same fingerprint for the same account."""
    text = asked.account.id or asked.account.proxy or ""
    alias = received.runtime.keys.claim(received.sender.id, "lookup", text).hex()
    result = str(verified.reason or Match.MATCH)
    return LookUp(country, bank, alias, result)


def _alias(asked: Asked, forms: Sequence[IdentifierForm]) -> str | None:
    """The account or alias in the format of the rail; None where the rail does not know its format."""
    if not forms:  # an adapter that parses accounts itself
        return asked.account.proxy or asked.account.id
    found = find_alias(asked.account, forms)
    return None if found is None else found.value


async def _country(received: Received, asked: Asked) -> str:
    """The country of an account: that of its agent, or of its IBAN.

    Raises:
        Refused: the agent's member id is one of several banks', or of a bank that is not reached now.

    """
    agent = asked.agent
    if agent is not None and agent.bic:
        known = received.runtime.directory.now.by_bic.get(agent.bic[:8])
        return known.country if known else agent.bic[4:6]
    if agent is not None and agent.member_id and not asked.account.iban:
        runtime = received.runtime
        bank = await indirect.find(runtime.pool, agent, runtime.rails, datetime.now(UTC))
        if bank is not None:
            return bank.rail
    return (asked.account.iban or "")[:2]


async def own_accounts(received: Received) -> IsoResponse:
    """camt.003: report the balances of the caller's accounts, as a camt.004."""
    query = account_report.read(received.message)
    mine = [p for p in await positions.read(received.runtime.pool) if p.owner == received.sender.id]
    found = [_account_status(p) for p in mine]
    wanted = [
        s
        for s in found
        if (not query.accounts or s.id in query.accounts)
        and (not query.currencies or s.booked.currency in query.currencies)
    ]
    document = account_report.build(query, wanted, message_id=uuid.uuid4().hex, created_at=datetime.now(UTC))
    return IsoResponse(account_report.DEFAULT_REPORT, document)


def _account_status(p: positions.Position) -> account_report.AccountStatus:
    return account_report.AccountStatus(
        id=f"{p.owner}/{p.currency}/{p.purpose}"[:34],
        booked=Money(p.credits_posted - p.debits_posted, p.currency),
        held=Money(-p.debits_pending, p.currency),
        available=None if p.headroom is None else Money(p.headroom, p.currency),
    )
