"""Figures of schedules: the cost of idle ones, the lateness of a job, a year of missed minutes."""

import time
from collections.abc import Iterator

from bench.delays import idle
from bench.figure import Figure, at_most, percentile
from bench.place import COMMAND, Scale, pids, rss_megabytes, running
from bench.wires import Line
from e2e.harness import Daemon
from e2e.scheduling import at
from e2e.wire import Wire
from lockside.documents.times import time_us


def put_many(daemon: Daemon, count: int) -> None:
    with Line(daemon.socket) as line:
        for number in range(count):
            schedule = {"id": f"s{number}", "cronTab": f"{number % 60} 3 29 2 *", "job": COMMAND}
            line.call("schedule.put", schedule=schedule)


def ready_seconds(daemon: Daemon) -> float:
    daemon.stop()
    begin = time.monotonic()
    daemon.start()
    return time.monotonic() - begin


def latenesses(daemon: Daemon, count: int) -> list[float]:
    """Return the seconds from due time to job creation, for a schedule that fires every second."""
    with Wire(daemon.socket) as wire:
        wire.call("event.subscribe", kinds=["schedule.fired"])
        wire.call(
            "schedule.put",
            schedule={
                "id": "each",
                "every": 1,
                "job": COMMAND,
                "maxFirings": count,
                "overlap": {"policy": "allow"},
            },
        )
        while wire.call("schedule.get", id="each")["firings"] < count:
            wire.notice()
        rows = wire.call("schedule.ledger", id="each", outcomes=["fired"])["rows"]
    return [(time_us(row["decidedTime"]) - time_us(row["dueTime"])) / 1e6 for row in rows]


def year_seconds() -> float:
    """Return the seconds from the start to the decision on a year of minutes, while the daemon answers."""
    with at("2026-01-05T08:00:00Z") as daemon:
        with Line(daemon.socket) as line:
            schedule = {"id": "s", "cronTab": "* * * * *", "timezone": "Europe/Prague", "job": COMMAND}
            line.call("schedule.put", schedule=schedule)
        daemon.kill()
        daemon.start("--test-clock", "2027-01-05T08:00:00Z")
        begin = time.monotonic()
        with Line(daemon.socket) as line:
            while not line.call("schedule.ledger", id="s", limit=2)["rows"]:
                line.call("daemon.status")
            return time.monotonic() - begin


def figures(scale: Scale) -> Iterator[Figure]:
    count = scale.of(9_999, 20)  # a project has one more at most
    with running(scale) as daemon:
        bare_seconds = ready_seconds(daemon)
        pid, _ = pids(daemon)
        bare_megabytes = rss_megabytes(pid)
        put_many(daemon, count)
        seconds = ready_seconds(daemon) - bare_seconds
        pid, _ = pids(daemon)
        more = rss_megabytes(pid) - bare_megabytes
        yield Figure(f"{count} schedules, start", seconds, "s more", target=at_most(1, "value"))
        yield Figure(f"{count} schedules, memory", more, "MB more", target=at_most(10, "value"))
        woken, _ = idle(daemon, 20 * scale.share)
        yield Figure(f"{count} idle schedules", woken, "wake-ups a second")
        late = percentile(latenesses(daemon, scale.of(30, 2)), 1.0)
        yield Figure("a job after its moment, worst", late, "s", target=at_most(1, "value"))
    yield Figure("a year of missed minutes", year_seconds(), "s", target=at_most(10, "value"))
