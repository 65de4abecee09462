"""What the scheduler actor is sent: inputs for the core, writes of the catalog, looks at the core."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from locksided.core.inputs import Input
from locksided.core.scheduler import Scheduler
from locksided.store.transaction import Transaction

Write: TypeAlias = Callable[[Transaction], Any]
"""A change of what the core does not know, made inside the step's transaction. May raise Refused."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be done in one transaction: with an input of the core both happen, or neither.

    `also` makes of the core's answer what else is to be written.
    """

    write: Write
    work: Input | None = None
    also: Callable[[Any], Write] | None = None


@dataclass(frozen=True, slots=True)
class Exclusive:
    """Work that is decided by what is stored: nothing else is written between its look and its commit.

    `decide` is given the core and may read the store; it raises Refused when nothing is to be done.
    """

    decide: Callable[[Scheduler], Awaitable[Decided]]


@dataclass(frozen=True, slots=True)
class DedupMark:
    """A caller's deduplication id: the same call under it is done once.

    `reference` makes from the answer what is remembered, so that a repeat can find the object again. The hash
    of parameters with secrets (`is_secret`) is never stored as it is.
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
        """What must be unique."""
        return (self.project, self.uid, self.method, self.id)


@dataclass(frozen=True, slots=True)
class Repeated:
    """The answer to a call that was done before: where its object is."""

    reference: dict[str, Any]


@dataclass(slots=True, eq=False)
class Ask:
    """One message. `also` makes from the core's answer a write for the same transaction, or None.

    `done` looks at the core with the answer when both are on disk, before anything else is decided. `saved`
    is told once whether it is on disk: before anybody is answered, and what it sends goes with the actions.
    `answer` is what an asker waits for, None of a report. `value` or `error` is what was answered, whether or
    not anybody still waited for it.
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
        """Whether a write that fails must undo the core's decision, too: it is a part of the same."""
        return isinstance(self.work, Decided) or self.also is not None

    def tell_saved(self, is_saved: bool) -> None:
        """Tell `saved`, if it was not told before."""
        saved, self.saved = self.saved, None
        if saved is not None:
            saved(is_saved)

    def refuse(self, error: Exception) -> None:
        """Answer with an error, if anybody still waits."""
        self.tell_saved(False)
        self.error = error
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # whoever does not wait is not told twice

    def reply(self, value: Any) -> None:
        """Answer, if anybody still waits."""
        self.value = value
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(value)


@dataclass(slots=True, eq=False)
class Look:
    """A function of the core, called when nothing is between it and the disk."""

    at: Callable[[Scheduler], Any]
    answer: "asyncio.Future[Any]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def look(self, core: Scheduler) -> None:
        """Call it, and answer what it says or refuses, if anybody still waits."""
        if self.answer.done():
            return
        try:
            self.answer.set_result(self.at(core))
        except Exception as error:  # noqa: BLE001 - a fault of who asks is its own: the core is as it was
            self.refuse(error)

    def refuse(self, error: Exception) -> None:
        """Answer with an error, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(slots=True, eq=False)
class ReadAgain:
    """Have the core read again from the store."""

    answer: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def refuse(self, error: Exception) -> None:
        """Answer with an error, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # whoever does not wait is not told twice

    def reply(self) -> None:
        """Answer that it is done, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_result(None)


Message: TypeAlias = Ask | Look | ReadAgain
