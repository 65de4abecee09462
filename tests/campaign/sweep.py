"""A daemon that gets a fault at each point of its work in turn, and the judgement of its jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from campaign.faults import Fault, points, ranges
from campaign.figures import Figures
from campaign.judge import judge
from campaign.script import Script, prepare
from e2e.harness import Daemon
from e2e.wire import Wire

SLOTS = 2
Doing = Callable[[Daemon, Script, Fault], bool]
"""Runs the script under the fault; answers whether the fault came."""


@dataclass
class Sweep:
    """Runs the script once to measure the range of each call, then once for each point."""

    daemon: Daemon
    place: Path
    doing: Doing
    figures: Figures
    starts: int = 1
    what: str = "signal=SIGKILL"
    times: int = 1
    rounds: int = 0

    def run(self, calls: str, count: int, unit: str = "kills") -> None:
        """`count` is the number of points in the short form."""
        self.point(calls, None)
        came = 0
        for call, k in points(ranges(self.place / "trace-1"), count):
            came += self.point(call, k)
            self.figures.add("points")
        self.figures.add(unit, came)
        assert came, "no fault came: the sweep shows nothing"

    def point(self, calls: str, k: int | None) -> bool:
        self.rounds += 1
        script = Script(str(self.rounds), self.place / f"evidence-{self.rounds}")
        with Wire(self.daemon.socket) as wire:
            script.insist(lambda: prepare(wire, script.file))
        print(f"{self.doing.__name__} {self.what} {calls} k={k}", end=" ", flush=True)
        trace = self.place / f"trace-{self.rounds}"
        came = self.doing(self.daemon, script, Fault(calls, k, trace, self.what, self.times))
        judge(self.daemon, script, starts=self.starts, slots=SLOTS)
        self.figures.add("jobs", script.jobs)
        print("came" if came else "not reached", flush=True)
        return came
