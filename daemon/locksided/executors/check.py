"""Tries an executor, as a daemon would use it: `python -m locksided.executors.check KIND WORK_ROOT`.

It needs no daemon. Each trial is a sentence; the exit code is 0 when all hold. `--option NAME=VALUE` is told
to the executor, as an option of a pool is.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

from locksided.executors.describe import describe
from locksided.keeper import remote, wire

PATIENCE_SECONDS = 120.0
READY_SECONDS = 30.0

Message = dict[str, Any]


class Unmet(Exception):
    """Something that an executor promises does not hold."""


class Owner:
    """One executor under trial, and the connection with it."""

    def __init__(self, argv: list[str], work_root: str, options: Message, place: str) -> None:
        self.work_root = work_root
        self.options = {"workRoot": work_root, **options}
        self._argv = [*argv, "--socket", f"{place}/e.sock", "--state", f"{place}/state", "--linger", "5"]
        self._path = f"{place}/e.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: Iterator[bytes] = iter(())
        self._socket: socket.socket | None = None
        self.hello: Message = {}

    def start(self) -> None:
        """Start it, and greet."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            notice = f"{self._path}.ready"
            Path(notice).unlink(missing_ok=True)
            ready.bind(notice)
            ready.settimeout(READY_SECONDS)
            self._process = subprocess.Popen(self._argv, env={**os.environ, "NOTIFY_SOCKET": notice})
            ready.recv(100)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(PATIENCE_SECONDS)
        self._socket.connect(self._path)
        self._lines = iter(self._socket.makefile("rb"))
        self.say({"op": "hello", "version": wire.VERSION})
        self.hello = self.hear(lambda message: message["op"] == "hello")

    def kill(self) -> None:
        """SIGKILL; what it has goes on."""
        if self._process is not None and self._socket is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._socket.close()

    def say(self, message: Message) -> None:
        assert self._socket is not None
        self._socket.sendall(wire.encode(message))

    def hear(self, is_wanted: Callable[[Message], bool]) -> Message:
        """The next message that is wanted. Raises Unmet when none comes."""
        try:
            for line in self._lines:
                message: Message = json.loads(line)
                if is_wanted(message):
                    return message
        except TimeoutError:
            raise Unmet(f"nothing was told within {PATIENCE_SECONDS:g} s") from None
        raise Unmet("the executor hung up")

    def order(self, shell: str) -> Message:
        """An order to run a command, under a token of its own."""
        token = f"1-{int(token_hex(4), 16)}-0"
        folder = f"{self.work_root}/.lockside/check/{token}"
        os.makedirs(folder)
        return {
            "op": "start",
            "token": token,
            "name": f"ls-check-{token}",
            "comment": "lockside:check",
            "folder": f"{folder}/control",
            "logFolder": f"{folder}/log",
            "workRoot": self.work_root,
            "options": self.options,
            "pipeline": [["/bin/sh", "-c", shell]],
            "cwd": folder,
            "env": {"WITNESS": f"{folder}/witness", "PATH": os.defpath},
            "graceSeconds": 1,
            "nodes": 1,
        }

    def until_begun(self, order: Message) -> None:
        """Return once it runs. Raises Unmet when it never will."""
        token = order["token"]
        told = self.hear(lambda one: one.get("token") == token and one["op"] in ("started", "refused"))
        expect(told["op"] == "started", f"it was refused: {told.get('message')}")

    def end_of(self, order: Message) -> Message:
        """How it ended; acknowledged."""
        token = order["token"]
        told = self.hear(lambda one: one.get("token") == token and one["op"] in ("ended", "refused"))
        self.say({"op": "ack", "token": token})
        return told["outcome"] if told["op"] == "ended" else {"refused": told}


def witnessed(order: Message) -> list[str]:
    """What the command of an order wrote down."""
    path = Path(order["env"]["WITNESS"])
    return path.read_text().splitlines() if path.exists() else []


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Unmet(what)


def a_run_ends_as_it_does(owner: Owner) -> None:
    order = owner.order('echo ran >> "$WITNESS"; exit 7')
    owner.say(order)
    ended = owner.end_of(order)
    expect(ended.get("exitCode") == 7, f"the exit code 7 was told as {ended.get('exitCode')}")
    expect(witnessed(order) == ["ran"], "it did not run once")


def a_token_that_is_given_three_times_runs_once(owner: Owner) -> None:
    order = owner.order('echo ran >> "$WITNESS"')
    for _ in range(3):
        owner.say(order)
    owner.end_of(order)
    expect(witnessed(order) == ["ran"], f"it ran {len(witnessed(order))} times")


def a_token_that_was_taken_back_never_runs(owner: Owner) -> None:
    order = owner.order('echo ran >> "$WITNESS"')
    os.makedirs(order["folder"])
    remote.burn(order["folder"])
    owner.say(order)
    owner.say({"op": "stop", "token": order["token"]})
    expect(owner.end_of(order).get("refused") is not None, "an outcome was told")
    expect(not witnessed(order), "it ran")


def a_stop_ends_the_whole_tree(owner: Owner) -> None:
    order = owner.order('setsid sleep 600 & trap "" TERM; sleep 600')
    owner.say(order)
    owner.until_begun(order)
    owner.say({"op": "stop", "token": order["token"]})
    ended = owner.end_of(order)
    expect(ended.get("stopped") == "terminate", f"it was told as {ended.get('stopped')!r}")
    expect(ended.get("killReport") is not None, "there is no proof that nothing is left")


def what_ended_while_the_executor_was_dead_is_known(owner: Owner) -> None:
    order = owner.order('echo ran >> "$WITNESS"; sleep 3; exit 5')
    owner.say(order)
    owner.until_begun(order)
    owner.kill()
    owner.start()
    told = next((one for one in owner.hello["runs"] if one["token"] == order["token"]), None)
    expect(told is not None, "the next executor does not know of it")
    ended = owner.end_of(order)
    expect(ended.get("exitCode") == 5, f"the exit code 5 was told as {ended.get('exitCode')}")
    expect(witnessed(order) == ["ran"], "it did not run once")


def an_executor_that_dies_with_a_submission_loses_and_doubles_nothing(owner: Owner) -> None:
    order = owner.order('echo ran >> "$WITNESS"')
    owner.say(order)
    owner.hear(lambda one: one["op"] == "remote" and one["token"] == order["token"])
    owner.kill()
    owner.start()
    ended = owner.end_of(order)
    expect(ended.get("exitCode") == 0, f"it ended with {ended.get('exitCode')}")
    expect(witnessed(order) == ["ran"], f"it ran {len(witnessed(order))} times")


TRIALS = (
    a_run_ends_as_it_does,
    a_token_that_is_given_three_times_runs_once,
    a_token_that_was_taken_back_never_runs,
    a_stop_ends_the_whole_tree,
    what_ended_while_the_executor_was_dead_is_known,
    an_executor_that_dies_with_a_submission_loses_and_doubles_nothing,
)


@contextmanager
def under_trial(kind: str, work_root: str, options: Message) -> Iterator[Owner]:
    """An executor of a kind, with a state folder of its own."""
    with tempfile.TemporaryDirectory(prefix="ls") as place:
        owner = Owner([str(one) for one in describe(kind)["argv"]], work_root, options, place)
        owner.start()
        try:
            yield owner
        finally:
            owner.kill()


def main(arguments: list[str] | None = None) -> int:
    """Try one kind; returns the exit code."""
    parser = argparse.ArgumentParser(prog="locksided.executors.check")
    parser.add_argument("kind")
    parser.add_argument("work_root")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    asked = parser.parse_args(arguments)
    options = dict(one.split("=", 1) for one in asked.option)
    failed = 0
    with under_trial(asked.kind, os.path.abspath(asked.work_root), options) as owner:
        for trial in TRIALS:
            sentence = trial.__name__.replace("_", " ")
            try:
                trial(owner)
            except Unmet as problem:
                failed += 1
                print(f"no  {sentence}: {problem}")
            else:
                print(f"ok  {sentence}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
