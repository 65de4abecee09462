"""The interface of an engine, which finds a machine and starts the runner there.

Only `submit` is required: the inbox reports starts and ends, `asks` requests stops, the claim revokes a
token, the lease detects a loss. Methods are called in threads, one at a time each, and may take 30 s.
"""

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any, ClassVar, NamedTuple

from locksided.keeper.messages import User

COMMAND_SECONDS = 30.0
"""The time limit of an engine's command; then it counts as unanswered."""


_FOLDER: dict[str, Any] = {"type": "string", "pattern": "^/", "maxLength": 4096}
OPTIONS: dict[str, Any] = {
    "workRoot": {"type": "string", "maxLength": 4096},
    "containerRoot": _FOLDER,
    "python": {"type": "string", "minLength": 1, "maxLength": 255},
    "stepSeconds": {
        "type": ["number", "string"],
        "minimum": 0,
        "maximum": 86400,
        "pattern": r"^[0-9]{1,5}(\.[0-9]+)?$",
    },
}
"""The JSON Schemas of the options of pools of all kinds."""


class NotNow(Exception):
    """The engine is busy or did not answer: the submission is looked up, then retried."""


class Refused(Exception):
    """The engine will never accept it; the message is the engine's own."""


class Order(NamedTuple):
    """A run to be started by an engine: `argv` as `user` (None: the user of the executor).

    `name` is the same for every submission of this token and for no other. `seconds` is the time limit of the
    whole run; None without a limit. `cpus` and `memory_bytes` are per node of `nodes`.
    """

    token: str
    name: str
    comment: str
    argv: tuple[str, ...]
    control: str
    user: User | None
    options: Mapping[str, Any]
    nodes: int = 1
    cpus: float | None = None
    memory_bytes: int | None = None
    seconds: float | None = None


class State(Enum):
    """An engine's state of a run, in the terms of the executor."""

    QUEUED = auto()
    RUNNING = auto()
    ENDED = auto()
    """It is over on all its machines; without an outcome the runner was killed."""
    PREEMPTED = auto()
    """As ENDED, but the engine stopped it in favour of another: it is lost."""
    CANCELLED = auto()
    """As ENDED, but somebody requested it from the engine."""
    OUT_OF_MEMORY = auto()
    TIMEOUT = auto()
    NODE_DOWN = auto()
    """Its machine does not answer. Its processes there continue as long as its lease does."""
    UNTOLD = auto()
    """The engine has it, but reports no more: the claim shows its start, the lease that it still runs."""


class Status(NamedTuple):
    """An engine's status of one submission. `word` and `reason` are the engine's own."""

    state: State
    word: str = ""
    reason: str = ""
    node: str | None = None
    start_estimate: str | None = None
    name: str = ""
    """The name of the submission; an id is ours only together with our name."""
    control: str | None = None
    """The control folder of the order, if the name is shared by several orders."""
    is_ours: bool = False
    """Whether the id alone proves that it is ours, because the engine never reuses ids."""
    is_hopeless: bool = False
    """Whether it can never start as requested."""
    queue: str | None = None
    why: str = ""
    """Why it is queued, in words; empty if only the engine's own `reason` is known."""
    by: str | None = None
    """Who requested its end from the engine, if known."""
    is_suspended: bool = False
    uid: int | None = None
    """Whose submission it is, if known: any user can give a submission our name."""
    is_node_up: bool = True
    """Whether its machine answers; otherwise the end of a run is not proved."""
    booted_us: int | None = None
    """When its machine booted, by that machine's clock; set for runs whose end is not proved."""


class Engine(ABC):
    """The base of all engines."""

    kind: ClassVar[str]
    version: str = ""
    capabilities: ClassVar[tuple[str, ...]] = ("queue",)
    most: ClassVar[int] = 500
    """The most orders in one submission."""
    knows_status: ClassVar[bool] = False
    knows_names: ClassVar[bool] = False
    asks_first: ClassVar[bool] = False
    """Whether a cancellation first asks a runner to end; a kill without that is a mistake."""
    variables: ClassVar[str] = ""
    """The prefix of the engine's variables on a machine, which a run also gets."""

    def adopt(self, order: Order) -> None:  # noqa: B027 - optional
        """Take note of an order that was submitted before this process started."""

    @abstractmethod
    def submit(self, orders: Sequence[Order]) -> Sequence[str]:
        """Start the orders, and return the engine's id of each. Raises NotNow, Refused.

        All have the same user, options and limits.
        """

    def find(self, orders: Sequence[Order]) -> Mapping[str, Sequence[str]]:
        """Return, by name, the ids of submissions queued, running or ended. Raises NotNow."""
        return {}

    def status(self, ids: Sequence[str]) -> Mapping[str, Status]:
        """Return the status of submissions; unknown ones are omitted. Raises NotNow."""
        return {}

    def why(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Return why queued submissions wait, in words. Called after each `status`. Raises NotNow."""
        return {}

    def named(self, prefix: str) -> Mapping[str, Status]:
        """Return, by id, the queued and running submissions whose names have that prefix. Raises NotNow."""
        return {}

    def signal(self, ids: Sequence[str], signal: int) -> None:  # noqa: B027 - optional
        """Signal the runners, so that they read their requests. Raises NotNow."""

    def blame(self, node: str) -> None:  # noqa: B027 - optional
        """Note that a runner could not start on that machine."""

    def cancel(self, ids: Sequence[str], prefix: str) -> None:  # noqa: B027 - optional
        """Remove queued submissions from the queue, and kill running ones. Raises NotNow.

        An engine without `knows_names` must check the prefix of the name itself: an id may have been reused.
        """


def run(
    command: Sequence[str],
    user: User | None = None,
    given: str = "",
    environment: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a command as a user (None: the current one). Raises NotNow if it cannot, or gets no answer."""
    account: dict[str, Any] = (
        {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": list(user.groups)}
    )
    try:
        return subprocess.run(
            command, input=given, capture_output=True, text=True, errors="replace", env=environment,
            timeout=COMMAND_SECONDS, check=False, cwd="/", umask=0o022, **account,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotNow(f"{command[0]} did not answer within {COMMAND_SECONDS:g} s") from None
    except OSError as error:
        raise NotNow(f"{command[0]}: {os.strerror(error.errno or 0)}") from error
