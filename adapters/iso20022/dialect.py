"""What differs between rails that speak ISO 20022, as data, and who we are at one of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from adapters.identifiers import Iban
from adapters.identity import require
from adapters.port import Order, Outcome
from adapters.profile import RailProfile

Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class IsoParticipant:
    """Who we are at the rail, and who the rail is."""

    bic: str
    """Eight characters; our id as a member."""
    operator: str

    @classmethod
    def of(cls, identity: Mapping[str, str]) -> "IsoParticipant":
        """From a connection's identity.

        Raises:
            ValueError: an id is missing.

        """
        require(identity, cls.__dataclass_fields__)
        return cls(**{name: identity[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class MessageVersions:
    """Message definitions that the rail speaks."""

    credit_transfer: str
    status_report: str
    status_request: str
    cancellation: str = "camt.056.001.08"
    resolution: str = "camt.029.001.09"
    payment_return: str = "pacs.004.001.09"
    verification_request: str = "acmt.023.001.03"
    verification_report: str = "acmt.024.001.03"


@dataclass(frozen=True, slots=True)
class EnvelopeFormat:
    """Elements around header and document, outermost first, in one namespace."""

    namespace: str
    tags: tuple[str, ...]
    header: str
    """Definition of the business application header: `head.001.001.01`."""
    service: str
    """`BizSvc` of what we send."""


@dataclass(frozen=True, slots=True)
class IsoDialect:
    """One rail's way of speaking ISO 20022."""

    profile: RailProfile
    iban: Iban
    """The form of the accounts that it credits."""
    envelope: EnvelopeFormat
    versions: MessageVersions
    path: str
    """Where messages are posted."""
    zone: tzinfo
    """Of the rail's clock: its dates and times are said in it."""
    statuses: Mapping[str, Outcome]
    """ExternalPaymentTransactionStatus1Code -> outcome; a status that is not here is UNKNOWN."""
    accepted: str
    """The status by which the simulated rail says "done"."""
    adapt: Callable[[Order, Content], None]
    """Change a pacs.008's transaction in place into what this rail wants."""
    headers: Callable[[str], Mapping[str, str]] = lambda _: {}
    """HTTP headers that go with an end-to-end id."""
