"""A simulated Tajik national processing."""

from adapters.iso8583.simulator import Iso8583Simulator, make
from adapters.simulation.server import Callbacks, SimulatorSettings
from adapters.tajikistan import sandbox
from adapters.tajikistan.messages import DIALECT


def simulator(settings: SimulatorSettings, callbacks: Callbacks) -> Iso8583Simulator:  # noqa: ARG001 - the registry's
    """The simulated rail for these settings; it sends everything on its participants' connections."""
    return make(DIALECT, sandbox, settings)
