"""Every scenario that a simulation found is repeated with all checks until every job is final."""

import pytest

from simulation.aside_scenarios import ASIDE_SCENARIOS
from simulation.chunk_scenarios import CHUNK_SCENARIOS
from simulation.disk_scenarios import DISK_SCENARIOS
from simulation.recovery_scenarios import RECOVERY_SCENARIOS
from simulation.scenarios import SCENARIOS, Scenario
from simulation.stage import staged


@pytest.mark.parametrize(
    "scenario",
    [*SCENARIOS, *DISK_SCENARIOS, *ASIDE_SCENARIOS, *RECOVERY_SCENARIOS, *CHUNK_SCENARIOS],
    ids=lambda scenario: scenario.__name__,
)
def test_a_scenario_that_once_failed_succeeds(scenario: Scenario) -> None:
    with staged() as stage:
        scenario(stage)
