"""What the executors know of a place where jobs run, whoever owns the processes there.

A backend's other end is a process that speaks the keepers' protocol (`keeper.wire`): it owns runs, outlives
the daemon, and keeps each outcome until it is acknowledged. Another kind of executor is another such process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

from locksided.backends.messages import Message
from locksided.keeper.messages import KeptRun, Outcome, ReapOrder, StartOrder


class Fate(Enum):
    """What became of a start that no owner tells of."""

    ENDED = auto()
    """Its outcome is on record."""
    NEVER_STARTED = auto()
    """Nothing came of it, and nothing will: its token is taken back."""
    ORPHANED = auto()
    """It was started and its owner is gone. Something of it may live until `reap` has proved the opposite."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fate; with the outcome when it is `ENDED`."""

    fate: Fate
    outcome: Outcome | None = None
    is_of_keeper: bool = True
    """Whether a keeper of this machine started it, when it is `ORPHANED`."""


class Place(NamedTuple):
    """Where a run goes that does not run on this machine. `name` is unique to the start.

    `image` says how its container image gets there. Another step `follows` there; this one comes `after` the
    step that has that control folder, whose runner may still be there.
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
    """Programs by their names, where they are looked for, and the folder that they start in.

    `cwd` None is an empty folder of the step's own.
    """

    names: tuple[str, ...]
    path: str
    cwd: str | None


class Backend(Protocol):
    """A place where runs are, each named by its start token. Only what is `async` waits."""

    @property
    def kind(self) -> str:
        """The word under which pools name it."""

    @property
    def ends_with_boot(self) -> bool:
        """Whether nothing of its runs lives once this machine has booted."""

    @property
    def are_all_heard(self) -> bool:
        """Whether all owners of runs that live have told what they have."""

    @property
    def is_up(self) -> bool:
        """Whether it takes starts now."""

    async def until_up(self) -> None:
        """Return once it takes starts."""

    def start(self, order: StartOrder, place: Place | None = None) -> bool:
        """Have it started. False when nobody was told: then nothing can come of this token."""

    def flush(self) -> None:
        """Have what was asked for sent now."""

    def stop(self, token: str) -> None:
        """Have the whole process tree stopped; an outcome follows."""

    def pause(self, token: str) -> None:
        """Suspend its processes and its time limit."""

    def resume(self, token: str) -> None:
        """The opposite of `pause`."""

    def acknowledge(self, token: str) -> None:
        """Its outcome is saved: the owner may forget it."""

    def dismiss(self, run: KeptRun) -> None:
        """Nobody wants this run: it is stopped if it lives, and its outcome is acknowledged unread."""

    def is_attended(self, token: str) -> bool:
        """Whether an owner that can be heard has it, so that its end will be told."""

    def adopt(self, token: str) -> None:
        """Take charge of a start that no owner tells of; `evidence` finds out what became of it."""

    async def evidence(self, token: str, control: str) -> Evidence:
        """What became of it, by what lies in its control folder. Raises OSError."""

    def reap(self, order: ReapOrder, place: Place | None = None) -> None:
        """Have what is left of an orphan stopped; an outcome follows."""

    async def check_program(self, required: Sequence[RequiredPrograms]) -> str | None:
        """What is missing, in the words of a failed start. None when nothing is, or nobody can tell."""

    async def log_grown(self, token: str, seq: int) -> None:
        """Return once that run's log has a frame `seq` or a later one, or is complete."""

    def reconnect(self) -> None:
        """Have every owner tell anew what it has."""

    def reconnect_soon(self) -> None:
        """The same after a pause, which grows from call to call: something could not be settled now."""


class Reports(Protocol):
    """Who hears from a backend."""

    async def adopt(self, runs: Sequence[KeptRun]) -> None:
        """An owner tells what it has. It tells nothing else before this returns."""

    async def settle(self, *, is_complete: bool) -> bool:
        """Some owner came or went. `is_complete` when all that live have told what they have.

        False when starts have to wait.
        """

    def heard(self, message: Message) -> None:
        """One message about a run."""

    def up(self) -> None:
        """Starts are taken."""

    def down(self, cause: str, pools: Sequence[str] = ()) -> None:
        """No starts are taken; with `pools` only in those."""
