"""What is asked of a client: every scenario, in the order in which they are played."""

from typing import Final

from switch.conformance.scenario import Scenario
from switch.conformance.scenarios import doubt, exchanges, investigations, payments, questions, watching

ALL: Final[tuple[Scenario, ...]] = (
    *payments.SCENARIOS,
    *doubt.SCENARIOS,
    *exchanges.SCENARIOS,
    *investigations.SCENARIOS,
    *questions.SCENARIOS,
    *watching.SCENARIOS,
)
assert len({each.id for each in ALL}) == len(ALL), "two scenarios of one id"
