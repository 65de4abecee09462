"""Whether what a job needs to start is there: asked when it is accepted and, if it was not, before it
starts.

A job whose program or user does not exist never starts. That costs a start whose program is there
nothing: who was there a moment ago is not looked for again.
"""

from collections.abc import Iterable, Mapping

from lockside.documents.enums import FailureKind
from locksided import clock, to_thread
from locksided.actors.accounts import NoAccount, account_of
from locksided.actors.conclusions import class_of, values_of
from locksided.actors.keepers import Keepers
from locksided.actors.whereabouts import lacking
from locksided.actors.works import Works
from locksided.core import inputs as i
from locksided.runner.drafts import Owner
from locksided.runner.programs import Wanted, wanted_at_start, wanted_by
from locksided.runner.result import failed_before_start
from locksided.runner.specification import Specification
from locksided.runner.words import StepKind

TRUSTED_US = 1_000_000
MOST_TRUSTED = 1000


class Programs:
    """Looks for programs through the eyes of the current keeper."""

    def __init__(self, works: Works, keepers: Keepers) -> None:
        self._works = works
        self._keepers = keepers
        self._trusted: dict[Wanted, int] = {}

    async def are_missing(
        self, spec: Specification, environment: Mapping[str, str] | None, owner: Owner
    ) -> bool:
        """Whether anything that a new job needs is not there, or cannot be looked for beforehand."""
        try:
            account_of(owner.uid, owner.gid, None if spec.manifest is None else spec.manifest.user)
        except NoAccount:
            return True
        wanted = wanted_by(spec, environment)
        if wanted is None or self._keepers.current is None:
            return True
        return await self._lacking(wanted) is not None

    async def sought(self, job_id: int) -> i.ProgramFound | i.CannotStart:
        """What there is to say of a job that would start now."""
        row, meaning = await self._works.read(job_id)
        step = meaning.steps[0] if meaning.steps else None
        if step is None:
            return i.ProgramFound(job_id)
        component = step.component if step.kind is StepKind.COMMAND else ""
        try:
            self._works.account(row, meaning.spec)
        except NoAccount as refusal:
            message: str | None = refusal.message
        else:
            missing = await self._lacking([wanted_at_start(step.execution, component)])
            message = None if missing is None else f"It could not be started: {missing}"
        if message is None:
            return i.ProgramFound(job_id)
        result = failed_before_start(meaning.spec, FailureKind.SPAWN, message)
        return i.CannotStart(job_id, values_of(result, {}), class_of(result))

    async def _lacking(self, wanted: Iterable[Wanted]) -> str | None:
        """What is not there, as far as can be told; without a keeper nothing can."""
        now_us = clock.boot_us()
        new = [one for one in wanted if self._trusted.get(one, 0) < now_us]
        if not new:
            return None
        current = self._keepers.current
        if current is None or current.hello is None:
            return None
        root = f"/proc/{current.hello.pid}/root"
        found = await to_thread.run_sync(_first_missing, new, root)
        if found is None:
            if len(self._trusted) >= MOST_TRUSTED:
                self._trusted.clear()
            self._trusted.update(dict.fromkeys(new, now_us + TRUSTED_US))
        return found


def _first_missing(wanted: Iterable[Wanted], root: str) -> str | None:
    for one in wanted:
        missing = lacking(one, root)
        if missing is not None:
            return missing
    return None
