"""The same no-op work through other installed queues: in one call, and one by one from a shell."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from bench import bare
from bench.commandline import environment, lockside
from bench.figure import Figure, rounds
from bench.place import COMMAND, Scale, jobs_a_second, running, short_folder
from bench.wires import Line
from e2e.harness import Daemon
from e2e.processes import PLAIN

ONE_CALL = "sent in one call"
ONE_BY_ONE = "sent one by one from a shell"
BARE = "posix_spawn of /bin/true, two at a time"


def shell(text: str, place: dict[str, str]) -> float:
    """Return the seconds that a shell script takes."""
    begin = time.monotonic()
    subprocess.run(["sh", "-ec", text], env=place, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begin


def loop(command: str, count: int) -> str:
    return f"i=0; while [ $i -lt {count} ]; do {command}; i=$((i+1)); done >/dev/null"


def _place(folder: Path, **more: str) -> dict[str, str]:
    return {**PLAIN, "PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), **more}


def task_spooler(folder: Path, count: int) -> float:
    place = _place(folder, TS_SOCKET=f"{folder}/tsp.sock", TS_MAXFINISHED="10")
    shell("tsp -S 2", place)
    try:
        return count / shell(f"{loop('tsp true', count)}; tsp -w", place)
    finally:
        shell("tsp -K", place)


def nq(folder: Path, count: int) -> float:
    """Measure nq, which can only run one job at a time."""
    place = _place(folder, NQDIR=f"{folder}/nq")
    return count / shell(f"{loop('nq -q true', count)}; nq -w", place)


def gnu_parallel(folder: Path, count: int) -> float:
    return count / shell(f"seq {count} | parallel --will-cite -j 2 true", _place(folder))


def hyperqueue(folder: Path, count: int) -> float:
    program = Path(__file__).with_name("hyperqueue_peer.py")
    said = subprocess.run(
        [sys.executable, program, folder, str(count)], env=_place(folder), capture_output=True, check=True
    )
    return float(said.stdout.split()[-1])


def pueue(folder: Path, count: int) -> float:
    place = _place(
        folder, XDG_RUNTIME_DIR=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder)
    )
    with subprocess.Popen(
        ["pueued"], env=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as daemon:
        shell("until pueue status; do sleep 0.1; done 2>/dev/null; pueue parallel 2", place)
        try:
            return count / shell(f"{loop('pueue add -- true', count)}; pueue wait", place)
        finally:
            shell("pueue shutdown", place)
            daemon.wait(60)


def _cluster() -> dict[str, str]:
    """Return the access to an existing cluster."""
    found = {name: value for name, value in os.environ.items() if name.startswith("SLURM_")}
    return _place(Path("/tmp"), **found)


def slurm(_: Path, count: int) -> float:
    place = _cluster()
    one = "sbatch --quiet --job-name=lockside-bench --output=/dev/null --wrap=true"
    return count / shell(f"{loop(one, count)}; {one} --dependency=singleton --wait", place)


def slurm_array(_: Path, count: int) -> float:
    place = _cluster()
    return count / shell(f"sbatch --quiet --output=/dev/null --wait --array=1-{count} --wrap=true", place)


Peer = tuple[str, str, Callable[[Path, int], float], int]
PEERS: list[Peer] = [
    (ONE_BY_ONE, "tsp", task_spooler, 300),
    (ONE_BY_ONE, "nq", nq, 300),
    (ONE_BY_ONE, "pueue", pueue, 30),
    (ONE_BY_ONE, "sbatch", slurm, 20),
    (ONE_CALL, "sbatch", slurm_array, 20),
    (ONE_CALL, "parallel", gnu_parallel, 300),
    (ONE_CALL, "hyperqueue", hyperqueue, 1000),
]
NAMES = {
    "tsp": "task-spooler",
    "sbatch": "Slurm",
    "parallel": "GNU parallel",
    "hyperqueue": "HyperQueue without a journal",
}


def by_shell(daemon: Daemon, count: int) -> float:
    """Measure `lockside run` in a shell loop until all jobs are done."""
    ours = environment(daemon)
    begin = time.monotonic()
    shell(loop(f"{lockside()} run -d -- true", count), ours)
    _all_done(daemon)
    return count / (time.monotonic() - begin)


def by_file(daemon: Daemon, folder: Path, count: int) -> float:
    """Measure `lockside run --from-file` until all jobs are done."""
    file = folder / "commands.txt"
    file.write_text("true\n" * count)
    begin = time.monotonic()
    shell(f"{lockside()} run -d --from-file {file}", environment(daemon))
    _all_done(daemon)
    return count / (time.monotonic() - begin)


def _all_done(daemon: Daemon) -> None:
    with Line(daemon.socket) as line:
        open_states = ["created", "waiting", "processing"]
        while open_jobs := line.call("job.list", status=open_states, fields=["id"])["jobs"]:
            line.call("job.wait", ids=[job["id"] for job in open_jobs], timeoutSeconds=300, fields=["id"])


def _is_there(program: str) -> bool:
    if program == "hyperqueue":
        return find_spec(program) is not None
    if shutil.which(program) is None:
        return False
    if program != "sbatch":
        return True
    return not subprocess.run(["sinfo"], env=_cluster(), capture_output=True, check=False).returncode


def figures(scale: Scale) -> Iterator[Figure]:
    many, some = scale.of(1000, 10), scale.of(50, 2)
    with running(scale) as daemon, short_folder(scale) as folder:
        spawns, one_call, from_file, one_by_one = rounds(
            scale.rounds,
            lambda: bare.spawns_a_second(many),
            lambda: jobs_a_second(daemon, [COMMAND] * many),
            lambda: by_file(daemon, folder, many),
            lambda: by_shell(daemon, some),
        )
    yield Figure("lockside, job.createMany", one_call, "jobs/s", spawns, BARE, group=ONE_CALL)
    yield Figure("lockside run --from-file", from_file, "jobs/s", spawns, BARE, group=ONE_CALL)
    yield Figure("lockside run -d", one_by_one, "jobs/s", spawns, BARE, group=ONE_BY_ONE)
    for group, program, measure, full in PEERS:
        if not _is_there(program):
            continue
        with short_folder(scale) as folder:
            (rate,) = rounds(scale.rounds, lambda: measure(folder, scale.of(full, 2)))  # noqa: B023
        yield Figure(NAMES.get(program, program), rate, "jobs/s", spawns, BARE, group=group)
