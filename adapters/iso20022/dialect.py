"""The differences between rails that use ISO 20022, as data, and our identity at one of them."""

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
    """Our identity at the rail, and the rail's."""

    bic: str
    """Eight characters; our member id."""
    operator: str

    @classmethod
    def of(cls, identity: Mapping[str, str]) -> "IsoParticipant":
        """Build from a connection's identity.

        Raises:
            ValueError: an id is missing.

        """
        require(identity, cls.__dataclass_fields__)
        return cls(**{name: identity[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class MessageVersions:
    """Versions of the messages that the rail uses."""

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
    """Elements around header and document, from the outermost, in one namespace."""

    namespace: str
    tags: tuple[str, ...]
    header: str
    """Version of the business application header: `head.001.001.01`."""
    service: str
    """`BizSvc` of the messages that we send."""


@dataclass(frozen=True, slots=True)
class IsoDialect:
    """The form of ISO 20022 that one rail uses."""

    profile: RailProfile
    iban: Iban
    """The format of the accounts that it credits."""
    envelope: EnvelopeFormat
    versions: MessageVersions
    path: str
    """The path to which messages are posted."""
    zone: tzinfo
    """Time zone of the rail's dates and times."""
    statuses: Mapping[str, Outcome]
    """ExternalPaymentTransactionStatus1Code -> outcome; all other statuses are UNKNOWN."""
    accepted: str
    """The status with which the simulated rail reports "done"."""
    adapt: Callable[[Order, Content], None]
    """Change the transaction of a pacs.008 in place to what this rail requires."""
    headers: Callable[[str], Mapping[str, str]] = lambda _: {}
    """HTTP headers for an end-to-end id."""
    originates: bool = False
    """Whether the rail also orders payments of us (`adapters.originating`)."""
