"""The agent that a message names as its sender must be the participant that signed it.

A bank may act only for itself: the agent that a message names as its sender, requester or responder must be
the authenticated participant, or the message is refused. Names of parties are not checked: customers do not
sign messages.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from schemas.errors import NotAllowed
from schemas.parties import Content, read_agent
from schemas.payment import Agent
from switch.api.receiving import Received
from switch.payments import stated

_SENDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "pacs.004": ("PmtRtr/GrpHdr/InstgAgt", "PmtRtr/TxInf/InstgAgt"),
    "pacs.028": ("FIToFIPmtStsReq/GrpHdr/InstgAgt", "FIToFIPmtStsReq/TxInf/InstgAgt"),
    "camt.056": ("FIToFIPmtCxlReq/Assgnmt/Assgnr/Agt", "FIToFIPmtCxlReq/Undrlyg/TxInf/Assgnr"),
    "camt.029": ("RsltnOfInvstgtn/Assgnmt/Assgnr/Agt", "RsltnOfInvstgtn/CxlDtls/TxInfAndSts/Assgnr/Agt"),
    "camt.110": ("InvstgtnReq/InvstgtnReq/Rqstr/Agt",),
    "acmt.023": ("IdVrfctnReq/Assgnmt/Assgnr/Agt",),
    "pain.013": ("CdtrPmtActvtnReq/PmtInf/CdtTrfTx/CdtrAgt",),
    "pain.014": ("CdtrPmtActvtnReqStsRpt/GrpHdr/DbtrAgt",),
}
"""Message -> where it names the agent that sends it. A payment (pacs.008) is checked where it is accepted."""
_INITIATORS: Final[Mapping[str, str]] = {
    "pain.013": "CdtrPmtActvtnReq/GrpHdr/InitgPty",
    "pain.014": "CdtrPmtActvtnReqStsRpt/GrpHdr/InitgPty",
}
"""Message -> the initiating party: a customer, or the agent itself, but no other participant."""


def check_senders(received: Received) -> None:
    """Refuse a message in the name of another bank.

    Raises:
        NotAllowed: it names another agent as its sender, or an agent without a BIC.

    """
    name, header = received.message.id[:8], received.message.header
    if header is not None:
        _check_sender(received, stated.agent_of_header(header["Fr"]), "AppHdr/Fr")
    for path in _SENDERS.get(name, ()):
        for content in at(received.message.document, path):
            _check_sender(received, read_agent(content), path)
    if name in _INITIATORS:
        for party in at(received.message.document, _INITIATORS[name]):
            _check_initiator(received, party, _INITIATORS[name])


def _check_sender(received: Received, agent: Agent | None, path: str) -> None:
    if (((agent and agent.bic) or "")[:8]) != received.sender.bic[:8]:
        raise NotAllowed("this agent is not the participant that sent the message", path=path)


def _check_initiator(received: Received, party: Content, path: str) -> None:
    bic = party.get("Id", {}).get("OrgId", {}).get("AnyBIC", "")[:8]
    known = received.runtime.directory.now.by_bic.get(bic)
    if known is not None and known.id != received.sender.id:
        raise NotAllowed("this party is a participant other than the sender", path=f"{path}/Id/OrgId/AnyBIC")


def at(content: Any, path: str) -> Iterator[Content]:
    """Yield every element at a path; elements that may repeat are lists."""
    if isinstance(content, list):
        for one in content:
            yield from at(one, path)
        return
    tag, _, rest = path.partition("/")
    if tag not in content:
        return
    if rest:
        yield from at(content[tag], rest)
    else:
        yield from content[tag] if isinstance(content[tag], list) else [content[tag]]
