"""GET /parties: who holds an account or an alias, asked of the rail of its country by acmt.023."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from switch.clients.python import NoAnswer, RequestRefused
from switch.fspiop import messages, payment
from switch.fspiop.errors import ErrorCode, FspiopProblem
from switch.fspiop.office import ANSWER_WITHIN_S, Office, OtherFsp, problem_of


@dataclass(frozen=True, slots=True)
class PartyAsked:
    """A question about a party. `path` is that of the request."""

    kind: str
    identifier: str
    sub: str | None
    destination: str | None
    path: str


@dataclass(frozen=True, slots=True)
class PartyFound:
    """What the rail knows of an account."""

    account: dict[str, Any]
    """`Acct` of the answer: the account behind an alias."""
    name: str | None
    """The holder's name, as the rail tells it: it may be masked."""


def place(office: Office, asked: PartyAsked) -> str:
    """Who holds the account.

    Raises:
        FspiopProblem: neither the request nor the settings name a participant.

    """
    stated = asked.destination if asked.destination != office.settings.hub else None
    fsp = stated or office.route(asked.kind, asked.identifier)
    if fsp is None:
        text = "FSPIOP-Destination: name the participant that holds the account, or add a route to the bridge"
        raise FspiopProblem(ErrorCode.PAYEE_FSP, text)
    return fsp


async def look_up(office: Office, asked: PartyAsked, fsp: str) -> None:
    """Ask, and tell the DFSP."""
    ends = time.time() + ANSWER_WITHIN_S
    parties = {
        "headers.fspiop-source": office.settings.hub,
        "headers.fspiop-destination": office.settings.dfsp.id,
        "Rpt.OrgnlId": f"{asked.kind}/{asked.identifier}",
    }
    try:
        member = await office.directory.find(fsp)
        acct = payment.account(asked.kind, asked.identifier, "{Type}")
        found = await verify(office, acct, member)
        own = await office.directory.find(office.settings.switch.participant)
        values = {
            "party.partyIdInfo.partyIdType": asked.kind,
            "party.partyIdInfo.partyIdentifier": asked.identifier,
            "party.partyIdInfo.fspId": member.id,
            # The switch converts. A connector that saw another currency would look for an FX provider.
            "party.supportedCurrencies": await office.directory.currency(own.country),
        }
        if asked.sub is not None:
            values["party.partyIdInfo.partySubIdOrType"] = asked.sub
        if found.name is not None:
            values["party.name"] = found.name
        told = office.callback(messages.PARTIES_PUT, asked.path, parties | values, until=ends)
    except (RequestRefused, NoAnswer, FspiopProblem) as error:
        problem = error if isinstance(error, FspiopProblem) else problem_of(error, ErrorCode.PARTY)
        values = {"errorInformation.errorCode": str(problem.code)}
        path = f"{asked.path}/error"
        told = office.callback(messages.PARTIES_ERROR, path, parties | values, until=ends)
    await office.tell(told)


async def verify(office: Office, acct: dict[str, Any], member: OtherFsp) -> PartyFound:
    """Ask the rail who holds an account.

    Raises:
        FspiopProblem: it does not know the account.
        RequestRefused: the switch refuses the question.
        NoAnswer: it does not answer.

    """
    own = await office.directory.find(office.settings.switch.participant)
    asked = payment.verification(acct, own.bic, member.bic, datetime.now(UTC))
    answer = await office.client.send(asked)
    (report,) = answer["Document"]["IdVrfctnRpt"]["Rpt"]
    if not report["Vrfctn"]:
        reason = report.get("Rsn", {})
        raise FspiopProblem(
            ErrorCode.PARTY, f"{reason.get('Cd') or reason.get('Prtry')}: the rail does not know it"
        )
    known = report.get("UpdtdPtyAndAcctId", {})
    return PartyFound(known.get("Acct") or acct, known.get("Pty", {}).get("Nm"))
