"""Simulated Iranian rails: Pol pays at once, PAYA in its next cycle, SATNA while its window is open."""

from adapters.iran import sandbox
from adapters.iran.messages import DIALECT
from adapters.iso8583.simulator import Iso8583Simulator, make
from adapters.simulation.server import Callbacks, SimulatorSettings


def simulator(settings: SimulatorSettings, callbacks: Callbacks) -> Iso8583Simulator:  # noqa: ARG001 - the registry's
    """The simulated rail for these settings; it sends everything on its participants' connections."""
    return make(DIALECT, sandbox, settings)
