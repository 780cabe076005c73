"""A simulated MSMP: `POST /msmp/v1/messages`."""

from adapters.iso20022.simulator import IsoSimulator, make
from adapters.kazakhstan import sandbox
from adapters.kazakhstan.messages import DIALECT
from adapters.simulation.server import Callbacks, SimulatorSettings


def simulator(settings: SimulatorSettings, callbacks: Callbacks) -> IsoSimulator:
    """The simulated rail for these settings."""
    return make(DIALECT, sandbox, settings, callbacks)
