"""A model of the workshop: it makes no folders, but what it reports of an outcome is the same.

A job has as many steps as its id says. Each hop to a thread is something under way in the world and may fail.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lockside.documents.enums import FailureClass, Status
from locksided import clock
from locksided.actors.flights import Flight
from locksided.actors.scheduler import SchedulerActor
from locksided.core import inputs as i
from locksided.core.actions import StartStep
from locksided.core.errors import Invalid, Refused
from locksided.store import reads
from locksided.store.catalog.keys import Change, ConfigId
from locksided.store.catalog.states import save_state
from locksided.store.reads import Documents
from locksided.store.transaction import Transaction

if TYPE_CHECKING:
    from simulation.daemon import Daemon

WARNS = 9
"""The exit code that is a warning."""
STATE_OF = ConfigId("tap", "daily")


def steps_of(job_id: int) -> int:
    """How many steps a job's run has."""
    return 3 if job_id % 5 == 3 else 1


def never_starts(job_id: int) -> bool:
    """Whether its program does not exist."""
    return job_id % 37 == 11


def is_simple(job_id: int) -> bool:
    """Whether its only step is one command of which nothing is to be prepared."""
    return steps_of(job_id) == 1 and job_id % 4 != 0 and not never_starts(job_id)


class Works:
    """A control folder is named like its token."""

    def control(self, token: str) -> str:
        return token

    def forget(self, flight: Flight) -> None:
        """Nothing is remembered."""

    def reading(self, ids: Sequence[int]) -> Any:
        """As the real one does it."""
        return partial(reads.documents_of, ids=ids, is_known=lambda row: False)


class Programs:
    """Looks for what a job needs to start."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon

    async def sought(self, job_id: int) -> i.ProgramFound | i.CannotStart:
        await self._daemon.hop("the search for a program")
        self._daemon.may_fail_to_read()
        if not never_starts(job_id):
            return i.ProgramFound(job_id)
        values = {"result": {"message": "Its program does not exist."}}
        return i.CannotStart(job_id, values, FailureClass.USER)


class Conclusions:
    """What the scheduler is told of outcomes, and waited for until it is saved."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon

    def never_started(self, action: StartStep, refusal: Refused) -> Any:
        values = {"result": {"message": refusal.message}, "message": refusal.message}
        report = i.Finished(
            action.job_id, action.token, Status.ERROR, values, {}, started=False, failure=FailureClass.USER
        )
        return partial(_ask, report)

    async def discard(self, flight: Flight) -> None:
        await self._daemon.hop("the removal of a folder")

    def at_once(self, flight: Flight, outcome: Mapping[str, Any]) -> i.Finished | None:
        """What ended and left nothing to be read or removed."""
        if not flight.is_simple or outcome.get("keptFolders"):
            return None
        if outcome.get("refused") or outcome.get("lost") or outcome.get("stopped") == "machine":
            return None
        return _finished(flight, outcome)

    def failed(self, flight: Flight, outcome: Mapping[str, Any], fault: Exception) -> Any:
        raise fault

    async def conclude(self, flight: Flight, outcome: Mapping[str, Any]) -> Any:
        job_id, token = flight.job_id, flight.token
        refused = outcome.get("refused")
        if refused is not None and refused["kind"] in ("burnt", "system"):
            await self.discard(flight)
            cause = refused["message"] if refused["kind"] == "system" else None
            return partial(_ask, i.NotStarted(job_id, token, cause))
        self._daemon.may_fail_to_read()
        await self._daemon.hop("the reading of an outcome")
        if outcome.get("lost") or outcome.get("stopped") == "machine":
            return partial(_ask, i.Lost(job_id, token, {"result": _error("lost", outcome)}))
        if refused is not None:
            failure = FailureClass.USER
            values: dict[str, Any] = {"result": _error("spawn", outcome)}
            return partial(_ask, i.Finished(job_id, token, Status.ERROR, values, {}, False, failure))
        return partial(_after_step, flight, outcome)


async def _ask(report: i.Report, scheduler: SchedulerActor) -> None:
    await scheduler.ask(report)


async def _after_step(flight: Flight, outcome: Mapping[str, Any], scheduler: SchedulerActor) -> None:
    """The next step, or the end of the run with all that is saved of it."""
    step = int(flight.token.split("-")[2])
    status, _ = meaning(outcome)
    if status is not Status.ERROR and step + 1 < steps_of(flight.job_id):
        await scheduler.ask(i.StepEnded(flight.job_id, flight.token))
        return
    await scheduler.ask(_finished(flight, outcome), also=partial(_state_to_save, flight.job_id))


def _finished(flight: Flight, outcome: Mapping[str, Any]) -> i.Finished:
    status, failure = meaning(outcome)
    process = {"pid": outcome["pid"], "exitCode": outcome["exitCode"], "signal": outcome["signal"]}
    values = {
        "process": process,
        "result": {"message": "It ended."} if failure is None else _error("exit", outcome),
    }
    stages = {"output_mapping": outcome["exitTime"], "cleaning_up": clock.now_us()}
    return i.Finished(flight.job_id, flight.token, status, values, stages, failure=failure)


def meaning(outcome: Mapping[str, Any]) -> tuple[Status, FailureClass | None]:
    """What an outcome comes to."""
    if outcome["stopped"] == "timeout":
        return Status.ERROR, FailureClass.TIMEOUT
    match outcome["exitCode"]:
        case 0 if outcome["stopped"] is None:
            return Status.SUCCESS, None
        case code if code == WARNS and outcome["stopped"] is None:
            return Status.WARNING, None
        case 1:
            return Status.ERROR, FailureClass.USER
        case _:
            return Status.ERROR, FailureClass.APPLICATION


def _error(kind: str, outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {"message": kind, "error": {"kind": kind, "exitCode": outcome.get("exitCode")}}


def _state_to_save(job_id: int, ended: Any) -> Any:
    """The state of a run that ended well, for the transaction that says so."""
    if ended not in (Status.SUCCESS, Status.WARNING):
        return None

    def write(tx: Transaction) -> None:
        change = Change(clock.now_us(), {"uid": 1000, "user": "anna", "gid": 1000})
        save_state(tx, STATE_OF, str(job_id % 3), {"last": job_id}, change, job_id=job_id)

    return write


class Workshop:
    """What an executor asks of a workshop."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon
        self.works = Works()
        self.conclusions = Conclusions(daemon)
        self.programs = Programs(daemon)

    def start_at_once(self, action: StartStep, documents: Documents) -> dict[str, Any] | None:
        """The message for a simple command; what was read for it is what was committed with its start."""
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
        return {"op": "start", "token": action.token, "emptyFolders": ["work"], "notedLate": True}

    async def prepare(self, action: StartStep) -> dict[str, Any]:
        await self._daemon.hop("the making of a folder")
        if never_starts(action.job_id):
            raise Invalid("Its program does not exist.")
        if self._daemon.disk.is_full:
            raise OSError(28, "No space left on device")
        return {"op": "start", "token": action.token}

    def spawned(self, flight: Flight, message: Mapping[str, Any]) -> i.Spawned:
        return i.Spawned(flight.job_id, flight.token, {"pid": message["pid"]})

    def progressed(self, flight: Flight, progress: Mapping[str, Any]) -> i.Progressed | None:
        return i.Progressed(flight.job_id, flight.token, progress["progress"], progress["message"])

    def reap(self, flight: Flight) -> dict[str, Any]:
        return {"op": "reap", "token": flight.token}
