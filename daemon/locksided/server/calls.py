"""One call: finds its method, checks the caller and the parameters, runs the handler, and creates the answer.

It is independent of sockets and frames. Only here are all exceptions caught: a handler's fault is reported to
the caller in plain words and in full to the log, and ends nothing else.
"""

import errno
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import anyio
import msgspec
import structlog
from msgspec import UnsetType

from lockside.documents.fault_messages import shortened, with_subject
from lockside.documents.reading import convert, fault_of
from lockside.protocol.errors import ErrorKind, ErrorObject, error
from lockside.protocol.methods import Method
from locksided import clock
from locksided.core.errors import Refused
from locksided.histograms import Timings
from locksided.server.access import Grant, Principal
from locksided.server.messages import OrShorter, Request, RequestId, error_text, refusal, result_text
from locksided.store.errors import StoreUnavailable

if TYPE_CHECKING:
    from locksided.server.connection import ClientConnection

Log = structlog.typing.FilteringBoundLogger


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler gets beside its parameters: the caller, the connection, and the raw parameters."""

    principal: Principal
    connection: "ClientConnection"
    method: Method
    raw: dict[str, Any]


Sink = Callable[[bytes | None], None]


@dataclass(frozen=True, slots=True)
class AtOnce:
    """A handler that never waits: it is run where the request is read, without a task of its own."""

    handle: Callable[[Call, Any], object]


Handler = Callable[[Call, Any], Awaitable[object]] | AtOnce
Guard = Callable[[Principal, Any], Awaitable[None]]
"""Refuses parameters that a principal may not use, before the handler gets them."""


@dataclass(frozen=True, slots=True)
class Route:
    """A method and its handler."""

    method: Method
    handler: Handler


UNKNOWN: Final = "unknown"
"""The label in metrics for methods that do not exist."""

_SCARCE: Final = frozenset(
    (
        errno.EAGAIN,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EROFS,
    )
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A checked call to be executed; its answer goes to the sink, None for a notification."""

    route: Route
    call: Call
    params: Any
    id: RequestId | UnsetType
    sink: Sink

    def give_up(self) -> None:
        """Answer that the call is not executed because the daemon is stopping."""
        message = "The daemon is stopping: ask again when it is back"
        self.answer_error(error(ErrorKind.UNAVAILABLE, message))

    def answer_error(self, fault: ErrorObject) -> None:
        """Answer with an error."""
        self.sink(None if isinstance(self.id, UnsetType) else error_text(self.id, fault))


class Router:
    """The served methods, each with its handler."""

    def __init__(
        self,
        methods: Mapping[str, Method],
        handlers: Mapping[str, Handler],
        max_answer_bytes: int,
        log: Log,
        guard: Guard | None = None,
        timings: Timings | None = None,
    ) -> None:
        if strangers := handlers.keys() - methods.keys():
            raise ValueError(f"Handlers of methods that do not exist: {', '.join(sorted(strangers))}")
        self._known = methods
        self._routes = {name: Route(methods[name], handler) for name, handler in handlers.items()}
        self._max_answer_bytes = max_answer_bytes
        self._guard = guard
        self._timings = timings or Timings()
        self._log = log

    def resolve(
        self, request: Request, principal: Principal, connection: "ClientConnection", sink: Sink
    ) -> Pending | ErrorObject:
        """Return the call that a request asks for, or the error that refuses it."""
        found = self._resolve(request, principal, connection, sink)
        if isinstance(found, ErrorObject):
            method = request.method if request.method in self._routes else UNKNOWN
            self._timings.refusals[method, found.kind.value] += 1
        return found

    def _resolve(
        self, request: Request, principal: Principal, connection: "ClientConnection", sink: Sink
    ) -> Pending | ErrorObject:
        route = self._routes.get(request.method)
        if route is None:
            return self._unknown(request.method)
        method = route.method
        if principal.role < method.role:
            return _forbidden(principal, method)
        raw = request.params
        if isinstance(raw, UnsetType) or raw == []:
            raw = {}
        if isinstance(raw, dict) and principal.grant is not None:
            raw = {"project": principal.grant.project, **raw}
        if isinstance(raw, list):
            message = f"Parameters of {method.name} go by name: send an object, not a list"
            return error(ErrorKind.INVALID, message, path="$")
        try:
            params: Any = convert(raw, method.params)
        except msgspec.ValidationError as problem:
            fault = fault_of(problem, raw, method.params)
            return error(ErrorKind.INVALID, with_subject(fault.message, fault.path), path=fault.path)
        if principal.grant is not None and params.project != principal.grant.project:
            return _outside(principal.grant)
        return Pending(route, Call(principal, connection, method, raw), params, request.id, sink)

    async def perform(self, pending: Pending) -> None:
        """Execute a call and answer it in any case; a cancellation is answered and raised again."""
        begun_us = clock.real_boot_us()
        try:
            handler = pending.route.handler
            if self._guard is not None:
                await self._guard(pending.call.principal, pending.params)
            if isinstance(handler, AtOnce):
                result = handler.handle(pending.call, pending.params)
            else:
                result = await handler(pending.call, pending.params)
            self._answer(pending, result)
        except Refused as refused:
            self._refuse(pending, refusal(refused))
        except StoreUnavailable as trouble:
            message = f"The store cannot be read ({trouble.cause}). Nothing was changed; try again later."
            self._refuse(pending, error(ErrorKind.UNAVAILABLE, message, cause=str(trouble.cause)))
        except OSError as trouble:
            self._refuse(pending, self._refused_by_machine(pending, trouble))
        except anyio.get_cancelled_exc_class():
            pending.give_up()
            raise
        except Exception as problem:  # noqa: BLE001 - a fault of one call must end no other call
            self._refuse(pending, self._internal(pending, problem))
        finally:
            seconds = (clock.real_boot_us() - begun_us) / clock.SECOND_US
            self._timings.observe_call(pending.call.method.name, seconds)

    def _refuse(self, pending: Pending, fault: ErrorObject) -> None:
        self._timings.refusals[pending.call.method.name, fault.kind.value] += 1
        pending.answer_error(fault)

    def _answer(self, pending: Pending, result: object) -> None:
        """Answer regardless of size: lists are limited to a line where they are made, and a single object was
        created by a request of limited size.
        """
        if isinstance(pending.id, UnsetType):
            pending.sink(None)
            return
        full, shorter = (result.full, result.shorter) if isinstance(result, OrShorter) else (result, None)
        text = result_text(pending.id, full)
        if shorter is not None and len(text) > self._max_answer_bytes:
            text = result_text(pending.id, shorter)
        pending.sink(text)

    def _refused_by_machine(self, pending: Pending, trouble: OSError) -> ErrorObject:
        """Return the error for an OSError: exhausted resources may be retried, anything else is our fault."""
        if trouble.errno not in _SCARCE:
            return self._internal(pending, trouble)
        cause = trouble.strerror or str(trouble)
        self._log.warning("a call was refused by the system", method=pending.call.method.name, cause=cause)
        message = f"The system does not let the daemon do it now ({cause}); try again later."
        return error(ErrorKind.UNAVAILABLE, message, cause=cause)

    def _internal(self, pending: Pending, problem: Exception) -> ErrorObject:
        name = pending.call.method.name
        principal = pending.call.principal
        self._log.error(
            "handler failed",
            method=name,
            uid=principal.uid,
            user=principal.user,
            peer_pid=principal.pid,
            exc_info=problem,
        )
        message = f"The daemon failed at {name}. That is its fault, not yours: its log has the details"
        return error(ErrorKind.INTERNAL, message)

    def _unknown(self, name: str) -> ErrorObject:
        if name in self._known:
            return error(ErrorKind.METHOD_NOT_FOUND, f"This daemon does not offer the method {name}")
        short = shortened(name)
        close = get_close_matches(short, self._routes, n=1)
        hint = f"did you mean {close[0]}?" if close else "rpc.discover lists them all"
        return error(ErrorKind.METHOD_NOT_FOUND, f"There is no method {short!r}: {hint}", method=short)


def _outside(grant: Grant) -> ErrorObject:
    message = f"This token is for the project {grant.project} alone: leave `project` out"
    return error(ErrorKind.FORBIDDEN, message, path="$.project")


def _forbidden(principal: Principal, method: Method) -> ErrorObject:
    message = (
        f"{method.name} is for the role {method.role.word}, and {principal.user} has the role "
        f"{principal.role.word}: an admin can change that in the section [access] of the settings"
    )
    return error(ErrorKind.FORBIDDEN, message)
