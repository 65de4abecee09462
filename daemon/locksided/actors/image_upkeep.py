"""Removes what podman keeps without use: images not used by a run for long, containers without a run.

Only images in the daemon's own folder are removed: a storage configured elsewhere has other users, too.
"""

from collections.abc import Collection
from functools import partial

import structlog

from locksided import clock
from locksided.actors.images import Images
from locksided.checks.problem import Problem
from locksided.core.errors import Refused
from locksided.settings import ContainerSettings

log = structlog.get_logger("images")

REMOVE_UNUSED = """
folder=$1 now=$2 before=$3; shift 3
mkdir -p "$folder/used" || exit
for id in $("$@" images --quiet --no-trunc); do
  id=${id#sha256:} used=$folder/used/${id#sha256:}
  if [ ! -e "$used" ]; then touch -d "@$now" "$used"
  elif [ -z "$(find "$used" -newermt "@$before")" ]; then
    "$@" untag "$id" && "$@" rmi "$id" && rm -f "$used"
  fi
done
exit 0
"""
"""An image seen for the first time counts as used now; an image with a container stays."""


class ImageUpkeep:
    """Removes unused images and finds orphaned containers."""

    def __init__(self, images: Images, settings: ContainerSettings) -> None:
        self._images = images
        self._settings = settings

    async def remove_unused(self) -> None:
        """Remove the images that no run has used for `keep_days`."""
        now = clock.now_us() // clock.SECOND_US
        before = now - int(self._settings.keep_days * clock.DAY_US) // clock.SECOND_US
        for uid in self._images.accounts() if self._images.is_own_storage else ():
            folder = str(self._images.folder(uid))
            script = ["/bin/sh", "-c", REMOVE_UNUSED, "sh", folder, str(now), str(before)]
            try:
                removed = await self._images.output_of(uid, script)
            except (Refused, OSError) as problem:
                log.warning("unused images cannot be removed", uid=uid, cause=str(problem))
            else:
                if removed:
                    log.info("removed unused images", uid=uid, said=removed)

    async def containers(self) -> dict[str, int]:
        """Return the containers of this daemon's runs: the uid of the account, by name."""
        found: dict[str, int] = {}
        asked = ("ps", "--all", "--format={{.Names}}", f"--filter=name=^{self._images.container('')}")
        for uid in self._images.accounts():
            try:
                output = await self._images.output_of(uid, [], *asked)
            except (Refused, OSError) as problem:
                log.warning("containers cannot be listed", uid=uid, cause=str(problem))
            else:
                found |= dict.fromkeys(output.split(), uid)
        return found

    def orphans(
        self, before: dict[str, int], now: dict[str, int], in_flight: Collection[str]
    ) -> list[Problem]:
        """Return the containers that existed before and after the runs in flight were listed, and that belong
        to none of these; a pipeline has several.
        """
        known = [self._images.container(token) for token in in_flight]
        return [
            self._problem(name, uid)
            for name, uid in now.items()
            if name in before and not any(name == one or name.startswith(f"{one}-") for one in known)
        ]

    def _problem(self, name: str, uid: int) -> Problem:
        text = f"The container {name} of the account {uid} belongs to no run."
        mend = partial(self._images.output_of, uid, [], "rm", "--force", "--ignore", name)
        details = {"container": name, "uid": uid}
        return Problem("orphan_container", text, f"podman rm --force {name}", None, mend, details)
