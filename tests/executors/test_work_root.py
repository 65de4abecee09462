"""The runner: the file that other machines execute."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from locksided.executors.orders import _make_passable
from locksided.executors.work_root import WorkRoot

ASKS = "import sys; sys.path.insert(0, sys.argv[1]); import locksided.keeper.runner as r; print(r.__file__)"


def test_the_runner_is_one_file_that_is_already_compiled(tmp_path: Path) -> None:
    root = WorkRoot(str(tmp_path))
    root.prepare()
    output = subprocess.check_output([sys.executable, "-I", "-c", ASKS, root.runner], text=True)
    assert output.strip() == f"{root.runner}/locksided/keeper/runner.pyc"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_nothing_that_another_user_has_put_into_the_work_root_is_used(tmp_path: Path) -> None:
    place, victim = tmp_path / "work", tmp_path / "victim"
    place.mkdir()
    place.chmod(0o1777)
    victim.mkdir(0o700)
    (place / ".lockside").mkdir()
    (place / "runs").symlink_to(victim)
    for name in (".lockside", "runs"):
        os.chown(place / name, 65534, 65534, follow_symlinks=False)
    with pytest.raises(PermissionError, match="another user"):
        WorkRoot(str(place)).prepare()
    with pytest.raises(PermissionError, match="another user"):
        _make_passable(str(place), f"{place}/runs/0")
    assert (victim.stat().st_mode & 0o777, os.listdir(victim)) == (0o700, [])
