"""A model of runs: it creates no folders, but reports the same of an outcome.

The id of a job determines its number of steps. Each hop to a thread is a pending event and may fail.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from core.trees import PLAIN
from core.world import recovery_terms
from lockside.documents.enums import FailureClass, Status
from locksided import clock
from locksided.core import inputs as i
from locksided.core.actions import StartStep
from locksided.core.errors import Invalid, Refused
from locksided.core.model import Draft
from locksided.core.recoveries import RecoveryTerms
from locksided.keeper.messages import Outcome, Progress, ReapOrder, Started, StartOrder
from locksided.runs.conclusions import Conclusion
from locksided.runs.folder import StartToken
from locksided.store import reads
from locksided.store.catalog.keys import Change, ConfigId
from locksided.store.catalog.states import save_state
from locksided.store.reads import Documents
from locksided.store.transaction import Transaction

if TYPE_CHECKING:
    from simulation.daemon import Daemon

WARNS = 9
"""The exit code that is a warning."""
RESCUED = 1
"""The exit code after which a job of several steps goes on with the one that is meant for failures."""
BLOCKED = 75
"""The exit code that a recovery policy matches."""
STATE_OF = ConfigId("tap", "daily")


def steps_of(job_id: int) -> int:
    """Return the number of steps of a job's run; a further step is meant for failures."""
    return 3 if job_id % 5 == 3 else 1


def never_starts(job_id: int) -> bool:
    """Return whether the job's program does not exist."""
    return job_id % 37 == 11


def is_simple(job_id: int) -> bool:
    """Return whether the job's only step is a command that needs no preparation."""
    return steps_of(job_id) == 1 and job_id % 4 != 0 and not never_starts(job_id)


def is_operation(token: str) -> bool:
    """Return whether the step is repeated alone when it is lost."""
    return StartToken.parse(token).step == 1


class Loader:
    """A control folder has the name of its token."""

    def control(self, token: str) -> str:
        return token

    def forget(self, token: str) -> None:
        """Nothing is remembered."""

    def documents_of(self, ids: Sequence[int]) -> Any:
        """As the real one does it."""
        return partial(reads.documents_of, ids=ids, is_known=lambda row: False)


class Runs:
    """The interface of runs for an executor."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon
        self.loader = Loader()

    async def check_program(
        self, job_id: int, awaits: Callable[[str], None]
    ) -> i.ProgramFound | i.CannotStart:
        await self._daemon.hop("the search for a program")
        if job_id % 3 == 0:
            awaits("it is being fetched")
            await self._daemon.hop("the fetch of a program")
        self._daemon.may_fail_to_read()
        if not never_starts(job_id):
            return i.ProgramFound(job_id)
        values = {"result": {"message": "Its program does not exist."}}
        return i.CannotStart(job_id, values, FailureClass.USER)

    async def never_started(self, action: StartStep, refusal: Refused) -> Conclusion:
        values = {"result": {"message": refusal.message}, "message": refusal.message}
        return Conclusion(
            i.Finished(
                action.job_id,
                action.token,
                Status.ERROR,
                values,
                {},
                started=False,
                failure=FailureClass.USER,
            )
        )

    async def discard(self, token: str) -> None:
        await self._daemon.hop("the removal of a folder")

    def conclude_at_once(self, token: str, outcome: Outcome, *, is_new: bool) -> i.Finished | None:
        """Conclude a run that left nothing to be read or removed."""
        if outcome.kept_folders or outcome.refused is not None or outcome.is_lost:
            return None
        return _finished(token, outcome)

    async def failed(self, token: str, outcome: Outcome, fault: Exception) -> Conclusion:
        raise fault

    async def conclude(self, token: str, outcome: Outcome, *, is_same_boot: bool) -> Conclusion:
        job_id = StartToken.parse(token).job_id
        refused = outcome.refused
        if refused is not None and refused.kind in ("burnt", "system"):
            await self.discard(token)
            return Conclusion(
                i.NotStarted(job_id, token, refused.message if refused.kind == "system" else None)
            )
        self._daemon.may_fail_to_read()
        await self._daemon.hop("the reading of an outcome")
        if outcome.is_lost and is_same_boot and is_operation(token) and not self._repeats(token):
            return Conclusion(i.StepLost(job_id, token))
        if outcome.is_lost:
            return Conclusion(i.Lost(job_id, token, _error("lost", outcome)))
        if refused is not None:
            values = _error("spawn", outcome)
            return Conclusion(
                i.Finished(job_id, token, Status.ERROR, values, {}, started=False, failure=FailureClass.USER)
            )
        return _after_step(token, outcome)

    def _repeats(self, token: str) -> int:
        """Return how often the step was lost before; it may be lost once."""
        job_id, launch, step = StartToken.parse(token)
        earlier = (str(StartToken(job_id, one, step)) for one in range(1, launch))
        return sum(self._daemon.disk.claims.get(one) == "started" for one in earlier)

    def start_at_once(self, action: StartStep, documents: Documents) -> StartOrder | None:
        """Return the order of a simple command, built from the data that was committed with its start."""
        row = documents.rows.get(action.job_id)
        if row is None:
            return None
        if row.start_token != action.token or row.status not in ("processing", "terminating"):
            error = AssertionError(
                f"{action.token} is to start, and job {row.id} was read as {row.start_token}"
            )
            self._daemon.world.broken(error)
        if not is_simple(action.job_id) or action.launch != 1:
            return None
        return order(action.token)._replace(empty_folders=("work",), noted_late=True)

    async def prepare(self, action: StartStep) -> StartOrder:
        await self._daemon.hop("the making of a folder")
        if never_starts(action.job_id):
            raise Invalid("Its program does not exist.")
        if self._daemon.disk.is_full:
            raise OSError(28, "No space left on device")
        return order(action.token)._replace(noted_late=steps_of(action.job_id) == 1)

    def placed(self, action: StartStep, order: StartOrder) -> tuple[StartOrder, None]:
        """Everything runs on this machine."""
        assert action.site is None, f"{action.token} is to run elsewhere"
        return order, None

    def reap_order(self, token: str) -> ReapOrder:
        return ReapOrder(token, token, 10.0)

    def spawned(self, message: Started) -> i.Spawned:
        return i.Spawned(StartToken.parse(message.token).job_id, message.token, {"pid": message.pid})

    def progressed(self, message: Progress) -> i.Progressed | None:
        said = message.progress
        return i.Progressed(
            StartToken.parse(message.token).job_id, message.token, said["progress"], said["message"]
        )


def terms_of(job_id: int) -> RecoveryTerms:
    """Return the terms of a job's policy; every third condition has no test."""
    number = job_id % 3
    return recovery_terms(
        f"condition {number}",
        interval=2 + number,
        expiry=40,
        most=2,
        release=1 + job_id % 2,
        asks=number != 2,
        hold_lock=job_id % 2 == 0,
    )


def order(token: str) -> StartOrder:
    """Return the order of a step."""
    return StartOrder(token, token, [["program"]], "/", {}, token, 1, 10.0)


def _after_step(token: str, outcome: Outcome) -> Conclusion:
    """Return the next step, or the end of the run with everything that is saved for it."""
    job_id, _, step = StartToken.parse(token)
    status, _ = meaning(outcome)
    if status is not Status.ERROR and step + 1 < steps_of(job_id):
        return Conclusion(i.StepEnded(job_id, token))
    if 1 < steps_of(job_id) != step and outcome.exit_code == RESCUED and outcome.stopped is None:
        return Conclusion(i.StepEnded(job_id, token, step=steps_of(job_id)))
    return Conclusion(_finished(token, outcome), partial(_state_to_save, job_id))


def _finished(token: str, outcome: Outcome) -> i.Finished:
    status, failure = meaning(outcome)
    if StartToken.parse(token).step == steps_of(StartToken.parse(token).job_id):
        status, failure = Status.ERROR, FailureClass.USER
    process = {"pid": outcome.pid, "exitCode": outcome.exit_code, "signal": outcome.signal}
    told = {"result": {"message": "It ended."}} if failure is None else _error("exit", outcome)
    values = {"process": process, **told}
    stages = {"output_mapping": outcome.exit_time or 0, "cleaning_up": clock.now_us()}
    job_id = StartToken.parse(token).job_id
    terms = terms_of(job_id) if outcome.exit_code == BLOCKED else None
    chunks = chunks_of(job_id) if failure is None else ()
    return i.Finished(job_id, token, status, values, stages, failure=failure, recovery=terms, children=chunks)


def chunks_of(job_id: int) -> tuple[Draft, ...]:
    """Return the reported chunks of a job; the core ignores them unless the job is a splitter."""
    return tuple(replace(PLAIN, values={"name": f"chunk {number}"}) for number in range(job_id % 4))


def meaning(outcome: Outcome) -> tuple[Status, FailureClass | None]:
    """Interpret an outcome."""
    if outcome.stopped == "timeout":
        return Status.ERROR, FailureClass.TIMEOUT
    match outcome.exit_code:
        case 0 if outcome.stopped is None:
            return Status.SUCCESS, None
        case code if code == WARNS and outcome.stopped is None:
            return Status.WARNING, None
        case 1:
            return Status.ERROR, FailureClass.USER
        case _:
            return Status.ERROR, FailureClass.APPLICATION


def _error(kind: str, outcome: Outcome) -> dict[str, Any]:
    """Return the result of a failure, whose message is also the job's."""
    error = {"kind": kind, "exitCode": outcome.exit_code}
    return {"result": {"message": kind, "error": error}, "message": kind}


def _state_to_save(job_id: int, ended: Any) -> Any:
    """Return the state of a successful run, for the transaction that records the success."""
    if ended not in (Status.SUCCESS, Status.WARNING):
        return None

    def write(tx: Transaction) -> None:
        change = Change(clock.now_us(), {"uid": 1000, "user": "anna", "gid": 1000})
        save_state(tx, STATE_OF, str(job_id % 3), {"last": job_id}, change, job_id=job_id)

    return write
