"""SIGKILL at the k-th system call of the daemon and of the writing step, while a job loads three tables.

Afterwards the heads agree with the job's status, and all tables and the file have the same generation: a
job publishes everything or nothing.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from campaign.faults import Fault, points, ranges, traced, untraceable
from campaign.figures import LONG, Figures, in_long_form
from e2e.harness import LAKE, Daemon
from e2e.lake import log_of, published, rows, writes
from e2e.processes import PATIENCE_SECONDS
from e2e.wire import Message, Wire

OF_DAEMON = "pwrite64,fdatasync,fsync,write,sendto,sendmsg,linkat,unlink,mkdir,rename"
OF_STEP = "openat,write,pwrite64,fsync,mkdir,rename,unlink"
NAMES = "abc"
TIMEOUT = 36_000 if LONG else 300


@dataclass
class Loads:
    """Loads of three tables under faults. `generation` is what all tables must hold."""

    daemon: Daemon
    place: Path
    generation: int = -1
    version: int = -1
    rounds: int = 0
    fates: list[str] = field(default_factory=list)

    def load(self, fault: Fault) -> bool:
        """Run one load; returns whether the fault occurred."""
        self.rounds += 1
        daemon = self.daemon
        assert daemon.process is not None
        with traced(daemon.process.pid, [*fault.tracer, "-f"]):
            job_id, is_done = self._under(fault)
            if is_done:
                daemon.kill()
            assert daemon.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, daemon.stderr()
        daemon.start()
        with Wire(daemon.socket) as wire:
            self.judge(wire, self._begin(wire) if job_id is None else {"id": job_id})
        return not is_done

    def _begin(self, wire: Wire) -> Message:
        tables = {f"{name}.csv": f"g\n{self.rounds}\n" for name in NAMES}
        request = {"deduplicationId": str(self.rounds)}
        output = {"default_bucket": "out.c-three", "files": [{"source": "g", "tags": ["g"]}]}
        return writes(wire, tables, output=output, files={"g": str(self.rounds)}, request=request)

    def _under(self, fault: Fault) -> tuple[str | None, bool]:
        job_id = None
        try:
            with Wire(self.daemon.socket) as wire:
                job_id = self._begin(wire)["id"]
                wire.done(job_id)
                self.published(wire, self.version + 1)
        except (OSError, ValueError, AssertionError):
            return job_id, False
        return job_id, True

    def published(self, wire: Wire, version: int) -> list[Path]:
        return [published(wire, self.daemon, f"out.c-three.{name}", version) for name in NAMES]

    def judge(self, wire: Wire, job: Message) -> None:
        """Check that all tables have the generation of the last successful job, and their version numbers."""
        ended = wire.done(job["id"])
        self.fates.append(ended["status"])
        if ended["status"] == "success":
            self.generation, self.version = self.rounds, self.version + 1
        for path in self.published(wire, self.version):
            assert rows(path) == [(str(self.generation),)], ended
            assert len(log_of(path)) == self.version + 1
            assert not list((path / "_lockside/staged").iterdir()) or ended["status"] != "success"
        files = wire.call("storage.file.list", tags=["g"])["files"]
        assert len(files) == self.version + 1
        assert Path(files[0]["path"]).read_text() == str(self.generation)
        on_disk = (self.daemon.state_dir / "lake/default/default/.files").glob("*/*/*")
        assert {str(path) for path in on_disk} == {one["path"] for one in files}


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_any_call_leaves_all_tables_of_a_job_or_none(
    fresh: Callable[..., Daemon], place: Path, figures: Callable[[str], Figures]
) -> None:
    if (reason := untraceable()) is not None:
        pytest.skip(reason)
    loads, found = Loads(fresh(**LAKE), place), figures("kill sweep, daemon, tables")
    loads.load(Fault(OF_DAEMON, None, place / "trace-1"))
    hits = 0
    for call, k in points(ranges(place / "trace-1"), 4):
        hits += loads.load(Fault(call, k, place / f"trace-{call}-{k}"))
        found.add("points")
    found.add("kills", hits)
    found.add("loads", loads.rounds)
    assert hits
    assert set(loads.fates) == {"success"}


ORIGIN = {"project": "default", "branch": "default", "component": "acme.writer", "config": None}


# -- the step ---------------------------------------------------------------------------------------------


def order_of(base: Path, number: int) -> dict[str, Any]:
    """Return an order to load three tables whose heads are their first versions."""
    known = {name: json.loads((base / f"{name}.json").read_text()) for name in NAMES if number}
    tables = [
        {
            "id": f"out.c-three.{name}",
            "key": f"default/default/out.c-three.{name}",
            "folder": f"default/default/out.c-three/{name}",
            "serial": 3 * number + place + 1,
            **({} if not number else {"version": 0, "rowsCount": 1, **known[name]}),
        }
        for place, name in enumerate(NAMES)
    ]
    row = {"row": None, "folder": str(base / "data"), "place": "data", "output": {}, "mayStay": False}
    return {
        "operation": "output",
        "folders": {"data": str(base / "data"), "tmp": str(base / "tmp")},
        "root": str(base / "lake"),
        "lakeId": "1",
        "timeUs": 1_800_000_000_000_000 + number,
        "origin": {**ORIGIN, "job": str(number), "runId": str(number)},
        "storesFiles": True,
        "numbers": [1],
        "filesFolder": "files",
        "keepsSources": True,
        "dataTypeSupport": "authoritative",
        "rows": [{**row, "bucket": "out.c-three"}],
        "tables": tables,
    }


def step(base: Path, number: int, before: list[str]) -> int:
    """Run the step, possibly under a tracer; returns its exit code."""
    folder = base / "order"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "order.json").write_text(json.dumps(order_of(base, number)))
    program = [sys.executable, "-I", "-m", "locksided.steps.lake", "output", str(folder)]
    return subprocess.run([*before, *program], check=False, capture_output=True).returncode


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize(
    "fault", ["signal=SIGKILL", "error=EIO", pytest.param("error=ENOSPC", marks=in_long_form)]
)
def test_a_step_killed_or_failing_at_any_call_changes_nothing_visible(
    fault: str, place: Path, figures: Callable[[str], Figures]
) -> None:
    if (reason := untraceable()) is not None:
        pytest.skip(reason)
    for name in (
        "data/out/tables",
        "data/out/files",
        "lake/default/default/out.c-three",
        "lake/files",
        "tmp",
    ):
        (place / name).mkdir(parents=True)
    (place / "data/out/files/g").write_text("g")
    for name in NAMES:
        (place / "data/out/tables" / f"{name}.csv").write_text("g\n0\n")
    assert step(place, 0, []) == 0
    paths = [place / "lake/default/default/out.c-three" / name for name in NAMES]
    for commit in json.loads((place / "order/result.json").read_bytes())["commits"]:
        name = commit["key"][-1]
        known = {"definition": commit["definition"], "importedUs": commit["timeUs"]}
        (place / f"{name}.json").write_text(json.dumps(known))
        path = place / "lake/default/default/out.c-three" / name
        os.link(path / "_lockside/staged" / commit["staged"], path / "_delta_log" / f"{0:020d}.json")
    before = [log_of(path) for path in paths]
    trace, found = place / "trace", figures(f"sweep, output step, {fault}")
    assert step(place, 1, ["strace", "-f", "-o", str(trace), "-e", f"trace={OF_STEP}"]) == 0
    hits = 0
    for call, k in points(ranges(trace), 5):
        inject = ["strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:{fault}:when={k}"]
        hits += step(place, 1, inject) != 0
        found.add("points")
        assert [log_of(path) for path in paths] == before
        assert [rows(path) for path in paths] == [[("0",)]] * 3
        assert step(place, 1, []) == 0
        assert (place / "lake/files/0/1_g").read_text() == "g"
    found.add("kills", hits)
    assert hits
