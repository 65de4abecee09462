"""The units in the repository: systemd knows every directive, and they stay sandboxed."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parent.parent.parent / "config/systemd"
pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")

EXPOSURE = {
    "lockside.service": 8,
    "lockside-keeper@.service": 95,
    "lockside-web.service": 25,
    "lockside-executor@.service": 80,
}
"""The highest exposure of each unit, of 100. Jobs inherit the keeper's permissions, so it forbids little."""


@pytest.mark.parametrize(("unit", "most"), EXPOSURE.items())
def test_a_unit_is_no_more_exposed_than_it_was(unit: str, most: int, tmp_path: Path) -> None:
    path = shutil.copy(UNITS / "system" / unit, tmp_path / unit.replace("@", "@a"))
    command = ["systemd-analyze", "security", "--offline=yes", f"--threshold={most}", "--no-pager", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Overall exposure level" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", ["system", "user"])
def test_systemd_understands_every_line(kind: str, tmp_path: Path) -> None:
    program = tmp_path / "locksided"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    units = []
    for unit in sorted((UNITS / kind).iterdir()):
        lines = [
            f"ExecStart={program}" if line.startswith("ExecStart=") else line
            for line in unit.read_text().splitlines()
        ]
        units.append(tmp_path / unit.name.replace("@", "@a"))
        units[-1].write_text("\n".join(lines) + "\n")
    command = ["systemd-analyze", "verify", "--man=no", f"--{kind}", *map(str, units)]
    environment = {"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    about_ours = [line for line in done.stderr.splitlines() if "lockside" in line]
    assert about_ours == []
    assert done.returncode == 0, done.stderr
