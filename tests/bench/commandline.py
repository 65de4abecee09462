"""Figure 8: the time of a call of the command line, beside an interpreter that does nothing."""

import sys
from collections.abc import Iterator
from pathlib import Path

from bench import bare
from bench.figure import Figure, at_most, rounds
from bench.place import Scale, running, short_folder
from bench.wires import Line
from e2e.harness import Daemon
from e2e.processes import PLAIN

BARE = "python -c pass"


def lockside() -> str:
    """Return the command that is installed beside this interpreter."""
    return str(Path(sys.executable).parent / "lockside")


def environment(daemon: Daemon) -> dict[str, str]:
    return {**PLAIN, "LOCKSIDE_SOCKET": str(daemon.socket)}


def figures(scale: Scale) -> Iterator[Figure]:
    count = scale.of(40, 1)
    with running(scale) as daemon, short_folder(scale) as folder:
        with Line(daemon.socket) as line:
            line.call("pool.pause", id="default")
        calls = {"status": ["status"], "run -d -- true": ["run", "-d", "--", "true"]}
        interpreter, *took = rounds(
            scale.rounds,
            lambda: bare.interpreter_seconds(count),
            *(
                lambda words=words: bare.command_seconds([lockside(), *words], count, environment(daemon))  # type: ignore[misc]
                for words in calls.values()
            ),
        )
        for name, seconds in zip(calls, took, strict=True):
            yield Figure(f"8 lockside {name}", seconds * 1e3, "ms", interpreter * 1e3, BARE, at_most(3))
        jobs = scale.of(2000, 20)
        file = folder / "commands.txt"
        file.write_text("true\n" * jobs)
        many = bare.command_seconds(
            [lockside(), "run", "-d", "--from-file", str(file)], 1, environment(daemon)
        )
        yield Figure(f"8 lockside run --from-file, {jobs} lines", many, "s", interpreter, BARE)
