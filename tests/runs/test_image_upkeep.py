"""Images that no run has used for a long time are removed, whichever daemon saw them first."""

import os
import subprocess
from pathlib import Path

from locksided.actors.image_upkeep import REMOVE_UNUSED

NOW, DAY = 1_800_000_000, 86_400
PODMAN = """#!/bin/sh
case $1 in
  images) cat "$BOOKS";;
  untag) ;;
  rmi) [ "$2" != kept ] && sed -i "/$2/d" "$BOOKS";;
esac
"""


def sweep(folder: Path, now: int) -> set[str]:
    """Remove images unused for a day; returns the remaining images."""
    command = ["/bin/sh", "-c", REMOVE_UNUSED, "sh", str(folder), str(now), str(now - DAY)]
    environment = {**os.environ, "BOOKS": str(folder / "books")}
    subprocess.run([*command, str(folder / "podman")], env=environment, check=True)
    return set((folder / "books").read_text().split())


def test_an_image_unused_for_long_is_removed_and_an_image_in_use_is_kept(tmp_path: Path) -> None:
    (tmp_path / "podman").write_text(PODMAN)
    (tmp_path / "podman").chmod(0o755)
    images = {"sha256:old", "sha256:new", "sha256:kept"}
    (tmp_path / "books").write_text("\n".join(images) + "\n")
    assert sweep(tmp_path, NOW) == images, "they are seen for the first time"
    os.utime(tmp_path / "used" / "new", (NOW + 2 * DAY, NOW + 2 * DAY))
    assert sweep(tmp_path, NOW + 2 * DAY) == {"sha256:new", "sha256:kept"}
    assert sorted(os.listdir(tmp_path / "used")) == ["kept", "new"]
