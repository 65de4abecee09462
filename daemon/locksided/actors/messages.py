"""Messages to the scheduler actor: inputs for the core, writes of the catalog, looks at the core."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from locksided.core.inputs import Input
from locksided.core.scheduler import Scheduler
from locksided.store.transaction import Transaction

Write: TypeAlias = Callable[[Transaction], Any]
"""A change of data the core does not hold, made in the step's transaction. May raise Refused."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Work for one transaction: an input of the core and a write succeed or fail together.

    `also` returns a further write for the core's answer.
    """

    write: Write
    work: Input | None = None
    also: Callable[[Any], Write] | None = None


@dataclass(frozen=True, slots=True)
class Exclusive:
    """Work that is decided from stored data: nothing else is written between its look and its commit.

    `decide` gets the core and may read the store; it raises Refused when nothing is to be done.
    """

    decide: Callable[[Scheduler], Awaitable[Decided]]


@dataclass(frozen=True, slots=True)
class DedupMark:
    """A caller's deduplication id: the same call with it is carried out once.

    `reference` turns the answer into what is stored, so that a repetition can find the object again. The hash
    of parameters with secrets (`is_secret`) is not stored in plain.
    """

    project: str
    uid: int
    method: str
    id: str
    params_hash: str
    reference: Callable[[Any], dict[str, Any]]
    is_secret: bool = False

    @property
    def key(self) -> tuple[str, int, str, str]:
        """The key that must be unique."""
        return (self.project, self.uid, self.method, self.id)


@dataclass(frozen=True, slots=True)
class Repeated:
    """The answer to a call that was carried out before: a reference to its object."""

    reference: dict[str, Any]


@dataclass(slots=True, eq=False)
class Ask:
    """One message. `also` returns a write for the same transaction from the core's answer, or None.

    `done` is called with the core and the answer when both are on disk, before any other decision. `saved` is
    called once with whether the work is on disk: before anyone is answered, and what it sends goes out with
    the actions. `answer` is awaited by the caller, None for a report. `value` or `error` is the answer,
    whether or not anybody still waited for it.
    """

    work: Input | Write | Exclusive | Decided
    once: DedupMark | None = None
    also: Callable[[Any], Write | None] | None = None
    done: Callable[[Scheduler, Any], None] | None = None
    saved: Callable[[bool], None] | None = None
    answer: "asyncio.Future[Any] | None" = None
    value: Any = None
    error: Exception | None = None

    @property
    def is_vital(self) -> bool:
        """Whether a failed write must undo the core's decision as well, because it is part of it."""
        return isinstance(self.work, Decided) or self.also is not None

    def tell_saved(self, is_saved: bool) -> None:
        """Call `saved`, unless it was called before."""
        saved, self.saved = self.saved, None
        if saved is not None:
            saved(is_saved)

    def refuse(self, error: Exception) -> None:
        """Answer with an error, if anybody still waits."""
        self.tell_saved(False)
        self.error = error
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # prevents a warning if nobody waits

    def reply(self, value: Any) -> None:
        """Answer, if anybody still waits."""
        self.value = value
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(value)


@dataclass(slots=True, eq=False)
class Look:
    """A function of the core, called when the core's state equals that on disk."""

    at: Callable[[Scheduler], Any]
    answer: "asyncio.Future[Any]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def look(self, core: Scheduler) -> None:
        """Call the function and answer with its result or exception, if anybody still waits."""
        if self.answer.done():
            return
        try:
            self.answer.set_result(self.at(core))
        except Exception as error:  # noqa: BLE001 - the caller's fault does not affect the core
            self.refuse(error)

    def refuse(self, error: Exception) -> None:
        """Answer with an error, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(slots=True, eq=False)
class ReadAgain:
    """A request to load the core again from the store."""

    answer: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def refuse(self, error: Exception) -> None:
        """Answer with an error, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # prevents a warning if nobody waits

    def reply(self) -> None:
        """Answer that the core was loaded, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_result(None)


Message: TypeAlias = Ask | Look | ReadAgain
