"""Every story that a simulation found is lived through again, with all checks on, to the end of every job."""

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
def test_what_went_wrong_once_goes_well(scenario: Scenario) -> None:
    with staged() as stage:
        scenario(stage)
