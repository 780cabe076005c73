"""A simulated Raast: `POST /raast/ips`."""

from adapters.identifiers import is_iban
from adapters.iso20022.simulator import IsoSimulator, make
from adapters.pakistan import sandbox
from adapters.pakistan.messages import DIALECT
from adapters.simulation.server import Callbacks, Settings


def simulator(settings: Settings, callbacks: Callbacks) -> IsoSimulator:
    """The simulated rail for these settings."""
    return make(
        DIALECT,
        settings,
        callbacks,
        knows=_knows,
        account_behind=_account_behind,
        word_of=sandbox.word_of,
    )


def _knows(account: str) -> bool:
    return is_iban(account, "PK")


def _account_behind(alias: str) -> str:
    if alias.startswith("+92-3"):
        return sandbox.account("").iban or ""
    return alias if _knows(alias) else ""
