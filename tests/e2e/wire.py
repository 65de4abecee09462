"""A connection to a daemon, and the requests that tests make most often."""

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from e2e.processes import PATIENCE_SECONDS, PLAIN
from lockside.protocol.methods import TEST_METHODS

Message = dict[str, Any]


class Refusal(Exception):
    """An error answer."""

    def __init__(self, error: Message) -> None:
        super().__init__(f"{error['code']} {error['message']} {error.get('data')}")
        self.error = error
        self.code: int = error["code"]
        self.data: Message = error.get("data") or {}
        self.kind: str = self.data.get("kind", "")


def check_declared(method: str, refusal: Refusal) -> None:
    """Check that a method refuses only with kinds of errors that its declaration names."""
    if method in TEST_METHODS:
        assert refusal.kind in TEST_METHODS[method].errors, f"{method} does not declare {refusal}"


class Wire:
    """One connection. `ask` sends, `answer` waits for one answer; messages in between are kept."""

    def __init__(self, path: Path | str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(str(path))
        self._lines = self.socket.makefile("rb")
        self._last_id = 0
        self._answers: dict[Any, Message] = {}
        self._notices: list[Message] = []

    def close(self) -> None:
        self._lines.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- single frames

    def send(self, *messages: Any) -> None:
        self.socket.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in messages))

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> Any:
        """Return the next frame; None at the end of the stream."""
        line = self._lines.readline()
        return json.loads(line) if line else None

    def read_bytes(self) -> bytes:
        return self._lines.readline()

    # -- calls

    def ask(self, method: str, **params: Any) -> int:
        self._last_id += 1
        self.send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        return self._last_id

    def answer(self, request_id: int) -> Any:
        while request_id not in self._answers:
            message = self.read()
            if message is None:
                raise ConnectionError(f"the daemon hung up before it answered {request_id}")
            if "method" in message:
                self._notices.append(message)
            else:
                self._answers[message["id"]] = message
        message = self._answers.pop(request_id)
        if "error" in message:
            raise Refusal(message["error"])
        return message["result"]

    def call(self, method: str, **params: Any) -> Any:
        return self.answer(self.ask(method, **params))

    def refused(self, method: str, **params: Any) -> Refusal:
        """Return the error of a call that must fail."""
        try:
            result = self.call(method, **params)
        except Refusal as refusal:
            check_declared(method, refusal)
            return refusal
        raise AssertionError(f"{method} was not refused: {result}")

    def notice(self) -> Message:
        """Return the next notification."""
        while not self._notices:
            message = self.read()
            if message is None:
                raise ConnectionError("the daemon hung up")
            if "method" in message:
                self._notices.append(message)
            else:
                self._answers[message["id"]] = message
        return self._notices.pop(0)

    # -- jobs

    def create(self, component: str = "lockside.command", **request: Any) -> Message:
        made: Message = self.call("job.create", component=component, **request)
        return made

    def shell(self, text: str, **request: Any) -> Message:
        """Create a job of `lockside.command` that runs this shell text."""
        environment = request.pop("environment", {})
        parameters = {"shell": text, "environment": {"PATH": PLAIN["PATH"], **environment}}
        return self.create(configData={"parameters": parameters}, **request)

    def get(self, job_id: str, *fields: str) -> Message:
        found: Message = self.call("job.get", id=job_id, **({"fields": list(fields)} if fields else {}))
        return found

    def done(self, job: Message | str) -> Message:
        """Wait until the job is final and return it."""
        job_id = job if isinstance(job, str) else job["id"]
        ended: Message = self.call("job.wait", id=job_id, timeoutSeconds=PATIENCE_SECONDS)
        assert ended["isFinished"], ended
        return ended

    def explain(self, job: Message) -> list[Message]:
        reasons: list[Message] = self.call("job.explain", id=job["id"])["reasons"]
        return reasons

    def kinds(self, job: Message) -> list[str]:
        return sorted(reason["kind"] for reason in self.explain(job))

    def events(self, job: Message | None = None, **filters: Any) -> list[Message]:
        if job is not None:
            filters["job"] = job["id"]
        events: list[Message] = self.call("event.list", limit=10_000, **filters)["events"]
        return events

    def history(self, job: Message) -> list[str]:
        """Return every status that the job had, the first included."""
        steps = [event["data"] for event in self.events(job, kinds=["job.status"])]
        return [*([steps[0]["from"]] if steps else []), *(step["to"] for step in steps)]

    def text(self, job: Message, **more: Any) -> str:
        """Return everything that a job wrote."""
        frames = self.call("job.log", id=job["id"], limit=10_000, **more)["frames"]
        return "".join(frame.get("text", "") for frame in frames)


def connected(wire: Wire) -> Message:
    """Return the keeper's part of `daemon.status` once a job has run, which proves it connected."""
    status: Message = wire.call("daemon.status")["keeper"]
    if not status["isConnected"]:
        wire.done(wire.shell("true"))
        status = wire.call("daemon.status")["keeper"]
    return status


def wait_until(wire: Wire, job: Message, holds: Callable[[Message], bool]) -> Message:
    """Return the job once this holds; it is checked again whenever an event reports a change of the job."""
    number = wire.call("event.subscribe", job=job["id"])["subscription"]
    try:
        while not holds(view := wire.get(job["id"])):
            assert not view["isFinished"], f"it ended before: {view['status']} {view['result']['error']}"
            wire.notice()
        return view
    finally:
        wire.call("event.unsubscribe", subscription=number)


def until_running(wire: Wire, job: Message) -> Message:
    """Return the job once its process exists."""
    return wait_until(wire, job, lambda view: view["process"]["pid"] is not None)


def put_component(wire: Wire, component_id: str, **manifest: Any) -> Message:
    stored: Message = wire.call("component.put", component={"id": component_id, **manifest})
    return stored


def put_config(wire: Wire, component: str, config: str, **more: Any) -> Message:
    stored: Message = wire.call("config.put", component=component, config=config, **more)
    return stored


def of(view: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    """Return some members of an object."""
    return tuple(view[name] for name in names)
