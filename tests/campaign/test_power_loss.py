"""The power fails: the disk keeps what was synced, no process survives, the machine boots again.

LOCKSIDE_TEST_LONG=1 makes many rounds, and LOCKSIDE_TEST_SEED repeats a run.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from campaign.faults import alive_for
from campaign.figures import LONG, Figures
from campaign.judge import judge
from campaign.places import Machine, unbootable
from campaign.script import Script, prepare
from campaign.sweep import SLOTS
from e2e.harness import Daemon, short_folder
from e2e.signs import Ear
from e2e.wire import Wire, of, until_running

pytestmark = pytest.mark.skipif(unbootable() is not None, reason=str(unbootable()))

ROUNDS = 20 if LONG else 1


@contextmanager
def machine() -> Iterator[Machine]:
    # No cgroups: those of the real kernel survive the simulated power failure.
    settings = {"LOCKSIDE_POOLS__DEFAULT__SLOTS": str(SLOTS), "LOCKSIDE_KEEPER__CGROUPS": "off"}
    with short_folder() as folder:
        made = Machine(Daemon(folder, **settings))
        try:
            made.boot()
            yield made
        finally:
            made.daemon.end()


@pytest.mark.timeout(3600 if LONG else 300)
def test_everything_answered_survives_a_power_cut_and_no_job_runs_twice_at_once(
    place: Path, figures: Callable[[str], Figures]
) -> None:
    seed = int(os.environ.get("LOCKSIDE_TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"LOCKSIDE_TEST_SEED={seed}")
    dice = random.Random(seed)
    totals = figures("power cuts")
    with machine() as computer:
        for number in range(1, ROUNDS + 1):
            script = Script(str(number), place / f"evidence-{number}")
            with Wire(computer.daemon.socket) as wire:
                prepare(wire, script.file)
                script.submit(wire)
            alive_for(computer.daemon, dice.uniform(0, 0.4))
            computer.cut()
            computer.boot()
            judge(computer.daemon, script, starts=2, slots=SLOTS)
            totals.add("jobs", script.jobs)
            totals.add("power cuts")


def test_a_job_that_ran_when_the_power_failed_is_lost_even_if_the_disk_forgot_its_start(
    ear: Ear,
) -> None:
    with machine() as computer:
        wire = computer.daemon.wire()
        job = wire.shell(f"echo up > {ear.path}; exec sleep 600", onLost="error")
        assert ear.hear() == "up"
        until_running(wire, job)
        computer.cut()
        computer.boot(forgotten=f"runs/0/{job['id']}")
        ended = computer.daemon.wire().done(job)
        assert of(ended, "status", "starts") == ("error", 1)
        assert ended["result"]["error"]["kind"] == "lost"
        assert ear.is_silent(), "it ran again"
