"""Questions: pacs.028 (a payment's status), acmt.023 (whose an account is), camt.003 (one's accounts).

They change nothing. Each is answered at once, by pacs.002, acmt.024 and camt.004.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from adapters.creditor import IdentifierForm, find_alias
from adapters.name_match import Match, compare
from ledger import positions
from schemas import account_report, parties, status_report, status_request, verification
from schemas.errors import Refused
from schemas.money import Money
from schemas.payment import Account
from schemas.reasons import Reason
from schemas.verification import Asked, Verified
from switch.api import originals
from switch.api.door import STATUS_REPORT, Answer, Entered
from switch.payments.journey import read_payment
from switch.writer.lifecycle import STATUS, State

_UNKNOWN_ACCOUNT: Final = Reason.INCORRECT_ACCOUNT_NUMBER


async def payment_status(entered: Entered) -> Answer:
    """pacs.028: where a payment of the caller's stands, as a pacs.002.

    Raises:
        NotFound: there is none, or the caller has no part in it. That is no word about any payment.
        Refused: it says something of another payment than the UETR's.

    """
    request = status_request.read(entered.message)
    payment = await read_payment(entered.runtime.pool, UUID(request.uetr), [entered.sender.id])
    await originals.check(entered, payment)
    document = status_report.build(
        message_id=uuid.uuid4().hex,
        created_at=datetime.now(UTC),
        original=status_report.OriginalPayment(
            uetr=request.uetr,
            end_to_end_id=request.end_to_end_id or "NOTPROVIDED",
            instruction_id=request.instruction_id,
            transaction_id=request.transaction_id,
        ),
        original_message_id=payment["message_id"],
        original_message_name=payment["message"],
        status=STATUS[State(payment["state"])],
        reason=payment["reason"],
        additional=payment["detail"],
    )
    headers = {"Location": f"/v1/payments/{request.uetr}"}
    return Answer(STATUS_REPORT, document, 200 if payment["final"] else 202, headers)


async def verify_accounts(entered: Entered) -> Answer:
    """acmt.023: whose accounts or aliases are, by the word of the rail of each one's country, as an acmt.024.

    Raises:
        Refused: an account is in no country that the switch reaches.
        TooManyRequests: the caller asks too much at once.
        Unavailable: the rail does not answer.

    """
    request = verification.read(entered.message)
    verified = [await _verify(entered, asked) for asked in request.asked]  # one message, one place at a rail
    document = verification.build(
        request, verified, message_id=uuid.uuid4().hex, created_at=datetime.now(UTC)
    )
    return Answer(verification.DEFAULT_REPORT, document)


async def _verify(entered: Entered, asked: Asked) -> Verified:
    country = _country(entered, asked)
    rail = entered.runtime.rails.get(country)
    if rail is None:
        raise Refused("no rail reaches this account", reason=Reason.TRANSACTION_NOT_SUPPORTED)
    alias = _alias(asked, rail.adapter.profile.creditor)
    if alias is None:
        return Verified(asked.id, reason=_UNKNOWN_ACCOUNT)
    with rail.enquiry(entered.sender.id):
        payee = await rail.adapter.resolve(alias)
    if payee is None:
        return Verified(asked.id, reason=_UNKNOWN_ACCOUNT)
    match = compare(asked.name, payee.name) if asked.name else Match.MATCH
    is_iban = payee.account[:2].isalpha() and payee.account[2:4].isdigit()
    account = Account(iban=payee.account) if is_iban else Account(other=payee.account)
    known = {
        # Who asks with a wrong name does not learn the right one.
        "Pty": {"Nm": payee.name} if payee.name and match is not Match.NONE else None,
        "Acct": parties.build_account(account),
        "Agt": {"FinInstnId": {"ClrSysMmbId": {"MmbId": payee.agent}}} if payee.agent else None,
    }
    return Verified(
        asked.id,
        known={tag: part for tag, part in known.items() if part},
        reason=None if match is Match.MATCH else match,
        confirmed=match in {Match.MATCH, Match.NOT_POSSIBLE},
    )


def _alias(asked: Asked, forms: Sequence[IdentifierForm]) -> str | None:
    """The account or alias in the rail's writing; None where it is in no form that the rail knows."""
    if not forms:  # an adapter that reads accounts by itself
        return asked.account.proxy or asked.account.id
    found = find_alias(asked.account, forms)
    return None if found is None else found.value


def _country(entered: Entered, asked: Asked) -> str:
    """Where an account is: its agent's country, or what its IBAN says."""
    agent = asked.agent
    if agent is not None and agent.bic:
        known = entered.runtime.directory.now.by_bic.get(agent.bic[:8])
        return known.country if known else agent.bic[4:6]
    return (asked.account.iban or "")[:2]


async def own_accounts(entered: Entered) -> Answer:
    """camt.003: what stands on the caller's accounts, as a camt.004."""
    query = account_report.read(entered.message)
    mine = [p for p in await positions.read(entered.runtime.pool) if p.owner == entered.sender.id]
    found = [_standing(p) for p in mine]
    wanted = [
        s
        for s in found
        if (not query.accounts or s.id in query.accounts)
        and (not query.currencies or s.booked.currency in query.currencies)
    ]
    document = account_report.build(query, wanted, message_id=uuid.uuid4().hex, created_at=datetime.now(UTC))
    return Answer(account_report.DEFAULT_REPORT, document)


def _standing(p: positions.Position) -> account_report.AccountStatus:
    return account_report.AccountStatus(
        id=f"{p.owner}/{p.currency}/{p.purpose}"[:34],
        booked=Money(p.credits_posted - p.debits_posted, p.currency),
        held=Money(-p.debits_pending, p.currency),
        available=None if p.headroom is None else Money(p.headroom, p.currency),
    )
