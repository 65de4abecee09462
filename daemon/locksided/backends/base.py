"""The executors' view of a place where jobs run, whoever owns the processes there.

A backend is connected to a process that speaks the keepers' protocol (`keeper.wire`): it owns runs, outlives
the daemon, and keeps each outcome until it is acknowledged. Another kind of executor is another such process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

from locksided.backends.messages import Message
from locksided.keeper.messages import KeptRun, Outcome, ReapOrder, StartOrder


class Fate(Enum):
    """The fate of a start that no owner reports."""

    ENDED = auto()
    """Its outcome is recorded."""
    NEVER_STARTED = auto()
    """It did not start and never will: its token is revoked."""
    ORPHANED = auto()
    """It was started and its owner is gone. Its processes may be alive until `reap` has proved otherwise."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fate; with the outcome if it is `ENDED`."""

    fate: Fate
    outcome: Outcome | None = None
    is_of_keeper: bool = True
    """Whether a keeper of this machine started it, if it is `ORPHANED`."""


class Place(NamedTuple):
    """The destination of a run on other machines. `name` is unique to the start.

    `image` says how the container image gets there. `follows` says that another step follows there; `after`
    is the control folder of the previous step, whose runner may still be there.
    """

    work_root: str
    log_folder: str
    options: Mapping[str, Any]
    name: str = ""
    comment: str = ""
    nodes: int = 1
    image: Mapping[str, Any] | None = None
    after: str | None = None
    follows: bool = False


@dataclass(frozen=True, slots=True)
class RequiredPrograms:
    """The names of programs, their search path, and the folder in which they start.

    `cwd` None is an empty folder of the step's own.
    """

    names: tuple[str, ...]
    path: str
    cwd: str | None


class Backend(Protocol):
    """A place with runs, each identified by its start token. Only `async` methods wait."""

    @property
    def kind(self) -> str:
        """The word by which pools name it."""

    @property
    def ends_with_boot(self) -> bool:
        """Whether none of its runs can be alive after this machine has booted."""

    @property
    def are_all_heard(self) -> bool:
        """Whether all living owners of runs have listed them."""

    @property
    def is_up(self) -> bool:
        """Whether it accepts starts now."""

    async def until_up(self) -> None:
        """Return once it accepts starts."""

    def start(self, order: StartOrder, place: Place | None = None) -> bool:
        """Start a run. False if the order could not be sent: then the token can never be used."""

    def flush(self) -> None:
        """Send what was requested now."""

    def stop(self, token: str) -> None:
        """Stop the whole process tree; an outcome follows."""

    def pause(self, token: str) -> None:
        """Suspend the processes and the time limit."""

    def resume(self, token: str) -> None:
        """Undo `pause`."""

    def acknowledge(self, token: str) -> None:
        """Acknowledge the outcome: it is saved, so the keeper can delete its copy."""

    def dismiss(self, run: KeptRun) -> None:
        """Discard a run that belongs to nothing: stop it if alive, and acknowledge its outcome unread."""

    def is_attended(self, token: str) -> bool:
        """Whether a connected owner has it, so that its end will be reported."""

    def adopt(self, token: str) -> None:
        """Take charge of a start that no owner reports; `evidence` finds out its fate."""

    async def evidence(self, token: str, control: str) -> Evidence:
        """Return its fate, according to its control folder. Raises OSError."""

    def reap(self, order: ReapOrder, place: Place | None = None) -> None:
        """Stop what is left of an orphan; an outcome follows."""

    async def check_program(self, required: Sequence[RequiredPrograms]) -> str | None:
        """Return what is missing, as a failed start would say. None if nothing is, or it is unknown."""

    async def log_grown(self, token: str, seq: int) -> None:
        """Return once that run's log has a frame `seq` or a later one, or is complete."""

    def reconnect(self) -> None:
        """Have every owner list its runs again."""

    def reconnect_soon(self) -> None:
        """The same after a pause that grows with each call: something could not be settled now."""


class Reports(Protocol):
    """Receives the messages of a backend."""

    async def adopt(self, runs: Sequence[KeptRun]) -> None:
        """Handle the runs that an owner lists. It sends nothing else before this returns."""

    async def settle(self, *, is_complete: bool) -> bool:
        """Handle a change of owners. `is_complete` if all living ones have listed their runs.

        Returns False if starts must wait.
        """

    def heard(self, message: Message) -> None:
        """Handle one message about a run."""

    def up(self) -> None:
        """The backend accepts starts."""

    def down(self, cause: str, pools: Sequence[str] = ()) -> None:
        """The backend accepts no starts; with `pools` only in those."""
