"""Every method of the document, called with thousands of valid and invalid requests over a real socket."""

from collections.abc import Callable

from e2e.harness import Daemon
from e2e.neighbour import well_behaved
from e2e.wire import Wire
from fuzz.budget import dice, rounds
from fuzz.campaign import Campaign, first_faults, judged_at_the_end
from fuzz.documented import undocumented

# Excluded while nothing else may happen in the daemon: the first lets jobs start, the other starts a process.
LOUD = {"daemon.undrain", "action.run"}
LEAST = 100
"""The number of requests of a campaign on even the slowest machine."""


def test_no_request_of_a_drained_daemon_is_answered_wrongly_or_leaves_anything(
    fresh: Callable[..., Daemon],
) -> None:
    chance = dice("quiet")
    daemon = fresh()
    campaign = Campaign(daemon, chance, is_quiet=True)
    with Wire(daemon.socket) as wire:
        wire.call("daemon.drain")
    campaign.begin()
    methods = [name for name in campaign.grammar.methods if name not in LOUD]
    with well_behaved(daemon):
        for number in rounds(0.3, LEAST):
            campaign.round(number, methods)
        campaign.close()
    faults = campaign.faults + undocumented(campaign.kinds) + judged_at_the_end(daemon)
    assert not faults, first_faults(faults)


def test_no_request_harms_a_daemon_at_work_or_its_other_clients(fresh: Callable[..., Daemon]) -> None:
    chance = dice("busy")
    daemon = fresh()
    campaign = Campaign(daemon, chance, is_quiet=False)
    with well_behaved(daemon):
        for number in rounds(0.3, LEAST):
            campaign.round(number, campaign.grammar.methods)
        campaign.close()
    faults = campaign.faults + undocumented(campaign.kinds) + judged_at_the_end(daemon)
    assert not faults, first_faults(faults)
