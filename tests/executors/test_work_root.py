"""The runner: the file that other machines execute."""

import subprocess
import sys
from pathlib import Path

from locksided.executors.work_root import WorkRoot

ASKS = "import sys; sys.path.insert(0, sys.argv[1]); import locksided.keeper.runner as r; print(r.__file__)"


def test_the_runner_is_one_file_that_is_already_compiled(tmp_path: Path) -> None:
    root = WorkRoot(str(tmp_path))
    root.prepare()
    output = subprocess.check_output([sys.executable, "-I", "-c", ASKS, root.runner], text=True)
    assert output.strip() == f"{root.runner}/locksided/keeper/runner.pyc"
