"""What an engine is to an executor: it finds a machine and starts the runner there.

Only `submit` is needed: starts and ends are told by the inbox, stops by `asks`, a token is taken back by its
claim, and a loss is found by the lease. Methods are called in threads, one at a time each, and may take 30 s.
"""

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any, ClassVar, NamedTuple

from locksided.keeper.messages import User

COMMAND_SECONDS = 30.0
"""So long a command of an engine may take before it counts as not answered."""


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
"""The JSON Schemas of the options that pools of all kinds have."""


class NotNow(Exception):
    """The engine cannot take it now, or did not answer: then it is looked for, and tried again."""


class Refused(Exception):
    """The engine will never take it; the message is its own."""


class Order(NamedTuple):
    """A run that an engine is to start somewhere: `argv` as `user` (None: as whoever the executor is).

    `name` is the same for every submission of this token and for no other. `seconds` is how long it may take
    in all; None without a limit. `cpus` and `memory_bytes` are those of each of `nodes`.
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
    """What an engine says of a run, in the terms of the executor."""

    QUEUED = auto()
    RUNNING = auto()
    ENDED = auto()
    """It is over on all its machines; without an outcome the runner was killed."""
    PREEMPTED = auto()
    """The same, and the engine stopped it for another: it is lost."""
    CANCELLED = auto()
    """The same, and somebody asked the engine for it."""
    OUT_OF_MEMORY = auto()
    TIMEOUT = auto()
    NODE_DOWN = auto()
    """Its machine does not answer. What runs there goes on as long as its lease does."""
    UNTOLD = auto()
    """The engine has it, and tells no more: the claim says that it runs, the lease that it still does."""


class Status(NamedTuple):
    """What an engine says of one submission. `word` and `reason` are its own."""

    state: State
    word: str = ""
    reason: str = ""
    node: str | None = None
    start_estimate: str | None = None
    name: str = ""
    """Of the submission; an id counts only with our name beside it."""
    control: str | None = None
    """The control folder that it was given, where its name is that of several orders."""
    is_ours: bool = False
    """Whether the id alone tells that it is ours, because the engine gives it to no other."""
    is_hopeless: bool = False
    """Whether it will never start as it was asked for."""
    queue: str | None = None
    why: str = ""
    """Why it is queued, in words; empty when the engine's own `reason` is all that is known."""
    by: str | None = None
    """Who had the engine end it, if that is told."""
    is_suspended: bool = False
    is_node_up: bool = True
    """Whether its machine answers; without that the end of a run proves nothing."""
    booted_us: int | None = None
    """When its machine booted, by the clock there; told of runs whose end is not proved."""


class Engine(ABC):
    """The base of all engines."""

    kind: ClassVar[str]
    version: str = ""
    capabilities: ClassVar[tuple[str, ...]] = ("queue",)
    most: ClassVar[int] = 500
    """So many orders are handed over at once, at most."""
    knows_status: ClassVar[bool] = False
    knows_names: ClassVar[bool] = False
    asks_first: ClassVar[bool] = False
    """Whether a runner is asked to end before a cancellation kills it: one that was not is a mistake."""
    variables: ClassVar[str] = ""
    """How those variables begin that a machine has of the engine, and a run is to have, too."""

    def adopt(self, order: Order) -> None:  # noqa: B027 - an engine may have no use for it
        """An order that was handed over before this process began."""

    @abstractmethod
    def submit(self, orders: Sequence[Order]) -> Sequence[str]:
        """Have the orders started, and return the engine's id of each. Raises NotNow, Refused.

        All have the same user, options and limits.
        """

    def find(self, orders: Sequence[Order]) -> Mapping[str, Sequence[str]]:
        """By name the ids of what is queued or runs under it, or did. Raises NotNow."""
        return {}

    def status(self, ids: Sequence[str]) -> Mapping[str, Status]:
        """What the engine says of submissions; what it does not know is left out. Raises NotNow."""
        return {}

    def why(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Why submissions that are queued wait, in words. It is asked after each `status`. Raises NotNow."""
        return {}

    def named(self, prefix: str) -> Mapping[str, Status]:
        """By id what is queued or runs under names with that prefix. Raises NotNow."""
        return {}

    def signal(self, ids: Sequence[str], signal: int) -> None:  # noqa: B027 - an engine may lack it
        """Have the runners get a signal, so that they look what is asked. Raises NotNow."""

    def blame(self, node: str) -> None:  # noqa: B027 - an engine may lack it
        """A runner could not begin on that machine."""

    def cancel(self, ids: Sequence[str], prefix: str) -> None:  # noqa: B027 - an engine may lack it
        """Take what is queued out of the queue, and kill what runs. Raises NotNow.

        Of an engine that does not know names only what has a name with that prefix: an id may have become
        another's.
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
