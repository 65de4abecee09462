"""Figure 1: jobs that do nothing, from the first request to the last final status."""

from collections.abc import Iterator

from bench import bare
from bench.figure import Figure, at_least, rounds
from bench.place import COMMAND, Scale, jobs_a_second, running, short_folder
from bench.wires import Line

BARE = "posix_spawn of /bin/true, two at a time"


def figures(scale: Scale) -> Iterator[Figure]:
    count = scale.of(2000, 20)
    commands = [COMMAND] * count
    components = [{"component": "bench.noop", "configData": {"parameters": {"a": 1}}}] * count
    with running(scale) as daemon, short_folder(scale) as folder:
        with Line(daemon.socket) as line:
            line.call("component.put", component={"id": "bench.noop", "command": ["/bin/true"]})
        jobs_a_second(daemon, commands[:20])
        spawns, saved, plain, whole = rounds(
            scale.rounds,
            lambda: bare.spawns_a_second(count),
            lambda: bare.saved_spawns_a_second(folder, count),
            lambda: jobs_a_second(daemon, commands),
            lambda: jobs_a_second(daemon, components),
        )
    yield Figure("1 a commit before each spawn, no lockside", saved, "/s", spawns, BARE)
    yield Figure("1 no-op commands", plain, "jobs/s", spawns, BARE, at_least(0.35), {"jobs": count})
    yield Figure("1 no-op components", whole, "jobs/s", spawns, BARE, at_least(0.2), {"jobs": count})
