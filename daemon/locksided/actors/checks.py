"""Tests conditions: each test is an aside, run as the user of a job that the condition blocks.

The core decides when a condition is tested. A running test is found again after a restart, and is not
repeated.
"""

import os
from collections import Counter
from dataclasses import replace

import structlog
from anyio.abc import TaskGroup

from lockside.documents.enums import CheckOutcome
from locksided import threads
from locksided.actors.asides import Aside, Asides
from locksided.actors.scheduler import SchedulerActor
from locksided.backends.base import Backend
from locksided.core.actions import CheckCondition
from locksided.core.errors import NotFound, Refused
from locksided.core.recovery_inputs import Checked, CheckLost
from locksided.joblog.reader import stream_bytes
from locksided.keeper.log.format import STDOUT
from locksided.keeper.messages import Outcome
from locksided.paths import StateDir
from locksided.runs import data_folder
from locksided.runs.action import MAX_OUTPUT_BYTES, action_order
from locksided.runs.runs import PASSABLE, Runs
from locksided.runs.tester import found_of, plan_test
from locksided.secrets.guards import missing_in, refuse_missing
from locksided.store.errors import StoreUnavailable

log = structlog.get_logger("recovery")


class Checks:
    """Starts tests, and reports their results to the core."""

    purpose = "recovery"

    def __init__(
        self,
        asides: Asides,
        runs: Runs,
        scheduler: SchedulerActor,
        backend: Backend,
        state_dir: StateDir,
        tasks: TaskGroup,
    ) -> None:
        self._asides = asides
        self._runs = runs
        self._scheduler = scheduler
        self._backend = backend
        self._state_dir = state_dir
        self._tasks = tasks
        self._beginning: set[tuple[str, int]] = set()
        self.outcomes: Counter[CheckOutcome] = Counter()
        """The number of tests by outcome, since the start."""

    def begin(self, action: CheckCondition) -> None:
        """Start the test of a condition, unless that test is already running; never waits."""
        key = (action.condition, action.number)
        if key not in self.under_way():
            self._beginning.add(key)
            self._tasks.start_soon(self._begin, action, key)

    def under_way(self) -> set[tuple[str, int]]:
        """Return the conditions being tested, each with the number of the test."""
        begun = {(one["condition"], one["number"]) for one in self._asides.references(self.purpose)}
        return begun | self._beginning

    async def _begin(self, action: CheckCondition, key: tuple[str, int]) -> None:
        """Start a test; a test that cannot be started counts as not yet good."""
        try:
            await self._backend.until_up()
            await self._start(action)
        except (Refused, OSError, StoreUnavailable) as problem:
            log.warning("a test cannot be made", condition=action.condition, cause=str(problem))
            message = f"It could not be started: {problem}"
            self._scheduler.tell(Checked(action.condition, action.number, CheckOutcome.NOT_YET, message))
        finally:
            self._beginning.discard(key)

    async def _start(self, action: CheckCondition) -> None:
        """Prepare the folder of a test and start it. Raises Refused, OSError, StoreUnavailable."""
        row, plan = await self._runs.loader.read(action.job_id)
        tester = next((one.tester for one in plan.spec.recovery or () if one.id == action.policy), None)
        if tester is None:
            raise NotFound(f"Job {action.job_id} has no recovery policy {action.policy!r}.")
        test = plan_test(tester, plan.spec, plan.steps)
        refuse_missing([*plan.missing, *missing_in(test.step.config_file)])
        token = self._asides.new_token()
        run = self._runs.loader.planned(row, plan, 1)
        context = replace(run.context, job_id=0, run_id="0", folder=self._asides.folder(token))
        if context.run_as is not None:
            os.chmod(self._state_dir.root, PASSABLE)
        if test.step.execution.image is not None:
            podman = await self._runs.images.find([test.step.execution], context)
            context = replace(context, podman=podman)
        await threads.run_for(context.account, data_folder.prepare, test.step, context, None)
        reference = {
            "condition": action.condition,
            "number": action.number,
            "isAction": tester.action is not None,
            "timeoutSeconds": tester.timeout_seconds,
        }
        await self._asides.begin(self.purpose, reference, action_order(test, context, token, plan.steps))

    async def deliver(self, aside: Aside, outcome: Outcome) -> Checked | CheckLost:
        """Return the result of a test that has ended."""
        asked = aside.reference
        was_never_started = outcome.refused is not None and outcome.refused.kind == "burnt"
        if outcome.is_lost or was_never_started:
            return CheckLost(asked["condition"], asked["number"])
        stdout = await threads.run_sync(stream_bytes, aside.folder.log, STDOUT, MAX_OUTPUT_BYTES)
        found, message = found_of(
            outcome, stdout, is_action=asked["isAction"], timeout_seconds=asked["timeoutSeconds"]
        )
        self.outcomes[found] += 1
        return Checked(asked["condition"], asked["number"], found, message or None)
