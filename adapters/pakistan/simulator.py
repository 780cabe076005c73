"""A simulated Raast: `POST /raast/ips`."""

from adapters.iso20022.simulator import IsoSimulator, make
from adapters.pakistan import sandbox
from adapters.pakistan.messages import DIALECT
from adapters.simulation.server import Callbacks, SimulatorSettings


def simulator(settings: SimulatorSettings, callbacks: Callbacks) -> IsoSimulator:
    """The simulated rail for these settings."""
    return make(DIALECT, sandbox, settings, callbacks)
