"""A simulated SMP: `POST /smp/v1/messages`."""

from adapters.belarus import sandbox
from adapters.belarus.messages import DIALECT
from adapters.iso20022.simulator import IsoSimulator, make
from adapters.simulation.server import Callbacks, SimulatorSettings


def simulator(settings: SimulatorSettings, callbacks: Callbacks) -> IsoSimulator:
    """The simulated rail for these settings."""
    return make(DIALECT, sandbox, settings, callbacks)
