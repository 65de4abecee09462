"""Another release of lockside for tests: a copy of this one with a different keeper."""

import shutil
from pathlib import Path

import locksided

VERSION_LINE = "VERSION = 1\n"


def release(folder: Path, *, version: int = 1, remark: str = "") -> list[str]:
    """Copy the daemon into a folder; its keeper gets this protocol version and this text added to its code.

    Returns the prefix of the daemon's command that makes it run the copy.
    """
    shutil.copytree(Path(locksided.__file__).parent, folder / "locksided")  # with what is compiled
    wire = folder / "locksided" / "keeper" / "wire.py"
    text = wire.read_text("utf-8")
    assert text.count(VERSION_LINE) == 1
    wire.write_text(text.replace(VERSION_LINE, f"VERSION = {version}\n") + remark, "utf-8")
    return ["env", f"PYTHONPATH={folder}"]
