"""The `Scope` of each reader: machines by the kind of their participant, people by their role and rights.

Anything that is not listed here is denied.
"""

from schemas.errors import NotAllowed
from switch.identity.model import Person, Role
from switch.identity.permissions import Right, may
from switch.payments.directory import Participant
from switch.reports.query import Scope


def scope_of_participant(participant: Participant) -> Scope:
    """Scope of a machine: its own participant, or its whole country if it is a central bank.

    Raises:
        NotAllowed: participants of this kind have no reports.

    """
    caller = f"participant:{participant.id}"
    match participant.kind:
        case "direct" | "fx_provider" | "gateway":
            return Scope(caller, participant=participant.id)
        case "central_bank":
            return Scope(caller, country=participant.country)
        case "settlement_agent":
            return Scope(caller, participant=participant.id)
        case _:
            raise NotAllowed("participants of this kind have no reports")


def scope_of_person(person: Person, *, reveal: bool = False) -> Scope:
    """Scope of a person. To `reveal` personal data is a separate right.

    Raises:
        NotAllowed: the person may not read reports, or may not see personal data.

    """
    if not may(person, Right.READ_REPORTS) or (reveal and not may(person, Right.READ_PERSONAL_DATA)):
        raise NotAllowed("your role may not read this")
    caller = f"person:{person.name}"
    match person.role:
        case Role.PARTICIPANT:
            return Scope(caller, participant=person.scope, reveal=reveal)
        case Role.REGULATOR:
            return Scope(caller, country=person.scope, reveal=reveal)
        case Role.OPERATOR | Role.CHECKER | Role.AUDITOR:
            return Scope(caller, everything=True, reveal=reveal)
        case Role.OFFICER:
            raise NotAllowed("your role may not read this")
