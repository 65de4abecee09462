"""Figure 6: the memory of daemon and keeper when nothing runs."""

from collections.abc import Iterator

from bench.figure import Figure, at_most
from bench.place import COMMAND, Scale, jobs_a_second, pids, pss_megabytes, rss_megabytes, running


def figures(scale: Scale) -> Iterator[Figure]:
    with running(scale) as daemon:
        jobs_a_second(daemon, [COMMAND] * scale.of(200, 4))
        for name, pid, bound in zip(("daemon", "keeper"), pids(daemon), (60, 15), strict=True):
            about = {"pssMb": pss_megabytes(pid)}
            yield Figure(
                f"6 {name} at rest (RSS)",
                rss_megabytes(pid),
                "MB",
                target=at_most(bound, "value"),
                about=about,
            )
