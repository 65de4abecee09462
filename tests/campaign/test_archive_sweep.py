"""SIGKILL, EIO and ENOSPC at the k-th system call of the step that archives.

An archive counts only if it has its list, and then it is complete; running the step again completes it.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from campaign.faults import points, ranges, untraceable
from campaign.figures import LONG, Figures
from locksided.steps.archiving.archive import archive
from steps.archives import SERVERS, order_of

CALLS = "openat,write,fsync,mkdir,rename,unlink"
FILES = {f"out/files/{name}": name.encode() * 700_000 for name in "abc"}
TIMEOUT = 36_000 if LONG else 300


def step(place: Path, before: list[str], given: Mapping[str, Any]) -> int:
    """Run the step, possibly under a tracer; returns its exit code."""
    folder = place / "order"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "order.json").write_text(json.dumps(order_of(place, **given)))
    program = [sys.executable, "-I", "-B", "-m", "locksided.steps.archiving", "archive", str(folder)]
    return subprocess.run([*before, *program], check=False, capture_output=True).returncode


def step_again(place: Path, given: Mapping[str, Any]) -> None:
    """Run the step without a fault in this process, to save a further start for each fault."""
    archive(order_of(place, **given))


def is_archived(folder: Path) -> bool:
    """Return whether there is an archive, and check that all files of its list exist."""
    if not (folder / "lockside-archive.json").exists():
        return False
    listed = json.loads((folder / "lockside-archive.json").read_text())["files"]
    assert {one["path"]: one["sha256"] for one in listed} == {
        path: sha256(content).hexdigest() for path, content in FILES.items()
    }
    assert all((folder / path).read_bytes() == content for path, content in FILES.items())
    return True


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize(
    ("server", "fault"),
    [
        *(("file", fault) for fault in ("signal=SIGKILL", "error=EIO", "error=ENOSPC")),
        *((server, "signal=SIGKILL") for server in ("ftp", "sftp")),
    ],
)
def test_an_archive_is_complete_or_has_no_list_wherever_its_step_dies(
    server: str, fault: str, place: Path, figures: Callable[[str], Figures]
) -> None:
    if (reason := untraceable()) is not None:
        pytest.skip(reason)
    for path, content in FILES.items():
        (place / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (place / "data" / path).write_bytes(content)
    (place / "there").mkdir()
    calls, count = (CALLS, 5) if server == "file" else ("sendto", 2)
    folder, trace, hits = place / "there/runs/17", place / "trace", 0
    found = figures(f"sweep, archive step, {server}, {fault}")
    with SERVERS[server](place / "there") as given:
        assert step(place, ["strace", "-f", "-o", str(trace), "-e", f"trace={calls}"], given) == 0
        assert is_archived(folder)
        for call, k in points(ranges(trace), count):
            shutil.rmtree(folder)
            inject = ["strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:{fault}:when={k}"]
            code = step(place, inject, given)
            hits += code != 0
            found.add("points")
            assert is_archived(folder) or code != 0
            step_again(place, given)
            assert is_archived(folder)
            names = {one.name for one in folder.rglob("*") if one.is_file()}
            assert names == {*"abc", "lockside-archive.json"}
    found.add("kills", hits)
    assert hits
