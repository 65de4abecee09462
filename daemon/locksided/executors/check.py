"""Tests an executor the way a daemon uses it: `python -m locksided.executors.check KIND [WORK_ROOT]`.

It needs no daemon. Each trial is a sentence; the exit code is 0 if all hold. `--option NAME=VALUE` is passed
to the executor like an option of a pool. Trials run concurrently, except the last, which fills the disk of
the work root: it is omitted if more than 64 MiB are free there.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from locksided.executors.orders import PYTHON, hand_over, record_of
from locksided.executors.plugins import describe
from locksided.executors.work_root import WorkRoot
from locksided.keeper import remote, wire

PATIENCE_SECONDS = 300.0
READY_SECONDS = 30.0
FULL_SECONDS = 5.0
RUNNERS = 8
MOST_FREE_BYTES = 64 * 2**20

Message = dict[str, Any]
Trial = Callable[["Owner"], Iterator[None]]
"""Sends its orders, yields, and checks what became of them. Raises Unmet."""


class Unmet(Exception):
    """An executor breaks one of its guarantees."""


class Owner:
    """One executor under test, and the connection to it."""

    def __init__(self, argv: list[str], work_root: str, options: Message, place: str) -> None:
        self.work_root = work_root
        self.options = {"workRoot": work_root, **options}
        self._argv = [*argv, "--socket", f"{place}/e.sock", "--state", f"{place}/state", "--linger", "5"]
        self._path = f"{place}/e.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: Iterator[bytes] = iter(())
        self._socket: socket.socket | None = None
        self._messages: list[Message] = []
        self.hello: Message = {}

    def start(self) -> None:
        """Start the executor, and exchange greetings."""
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
        self.hello = json.loads(next(self._lines))
        words = {"running": "started", "stopping": "started", "ended": "ended"}
        self._messages += [{**run, "op": words.get(run["state"], "")} for run in self.hello["runs"]]

    def kill(self) -> None:
        """Kill the executor with SIGKILL. Its runs continue, and its pending messages are still read."""
        if self._process is not None and self._socket is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            with suppress(ConnectionResetError):
                self._messages += [json.loads(line) for line in self._lines if line.endswith(b"\n")]
            self._socket.close()

    def say(self, message: Message) -> None:
        assert self._socket is not None
        self._socket.sendall(wire.encode(message))

    def hear(self, is_wanted: Callable[[Message], bool]) -> Message:
        """Return the first wanted message of all received and future ones. Raises Unmet if none comes."""
        found = next(filter(is_wanted, self._messages), None)
        try:
            while found is None:
                self._messages.append(json.loads(next(self._lines)))
                found = self._messages[-1] if is_wanted(self._messages[-1]) else None
        except TimeoutError:
            raise Unmet(f"no message arrived within {PATIENCE_SECONDS:g} s") from None
        except StopIteration:
            raise Unmet("the executor hung up") from None
        return found

    def order(self, shell: str) -> Message:
        """Return an order to run a command, with a token of its own."""
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
        """Return once the order runs. Raises Unmet if it was refused."""
        token = order["token"]
        answer = self.hear(lambda one: one.get("token") == token and one["op"] in ("started", "refused"))
        expect(answer["op"] == "started", f"it was refused: {answer.get('message')}")

    def end_of(self, order: Message) -> Message:
        """Return the outcome of the order, and acknowledge it."""
        token = order["token"]
        answer = self.hear(lambda one: one.get("token") == token and one["op"] in ("ended", "refused"))
        self.say({"op": "ack", "token": token})
        return answer["outcome"] if answer["op"] == "ended" else {"refused": answer}


def witnessed(order: Message) -> list[str]:
    """Return the lines written by the command of an order."""
    path = Path(order["env"]["WITNESS"])
    return path.read_text().splitlines() if path.exists() else []


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Unmet(what)


def a_run_ends_as_it_does(owner: Owner) -> Iterator[None]:
    order = owner.order('echo ran >> "$WITNESS"; exit 7')
    owner.say(order)
    yield
    ended = owner.end_of(order)
    expect(ended.get("exitCode") == 7, f"the exit code 7 was reported as {ended.get('exitCode')}")
    expect(witnessed(order) == ["ran"], "it did not run once")


def a_token_that_is_given_three_times_runs_once(owner: Owner) -> Iterator[None]:
    order = owner.order('echo ran >> "$WITNESS"')
    for _ in range(3):
        owner.say(order)
    yield
    owner.end_of(order)
    expect(witnessed(order) == ["ran"], f"it ran {len(witnessed(order))} times")


def a_token_that_was_taken_back_never_runs(owner: Owner) -> Iterator[None]:
    order = owner.order('echo ran >> "$WITNESS"')
    os.makedirs(order["folder"])
    remote.burn(order["folder"])
    owner.say(order)
    owner.say({"op": "stop", "token": order["token"]})
    yield
    expect(owner.end_of(order).get("refused") is not None, "an outcome was reported")
    expect(not witnessed(order), "it ran")


def of_several_runners_one_claims(owner: Owner) -> Iterator[None]:
    order = owner.order('echo ran >> "$WITNESS"')
    root = WorkRoot(owner.work_root)
    root.prepare()
    hand_over(order, record_of(order), "")
    runner = [str(owner.options.get("python") or PYTHON), "-I", root.runner, order["folder"]]
    racing = [subprocess.Popen(runner) for _ in range(RUNNERS)]
    yield
    codes = [one.wait(PATIENCE_SECONDS) for one in racing]
    remote.forget(owner.work_root, order["token"])
    expect(not any(codes), f"runners ended with {codes}")
    expect(witnessed(order) == ["ran"], f"it ran {len(witnessed(order))} times")


def a_stop_ends_the_whole_tree(owner: Owner) -> Iterator[None]:
    order = owner.order('setsid sleep 600 & trap "" TERM; sleep 600')
    owner.say(order)
    yield
    owner.until_begun(order)
    owner.say({"op": "stop", "token": order["token"]})
    ended = owner.end_of(order)
    expect(ended.get("stopped") == "terminate", f"it was reported as {ended.get('stopped')!r}")
    expect(ended.get("killReport") is not None, "there is no proof that nothing is left")


def a_killed_runner_is_lost_and_nothing_of_it_goes_on(owner: Owner) -> Iterator[None]:
    kill = "tr '\\0' ' ' < /proc/$PPID/cmdline | grep -q '[.]pyz ' && kill -KILL $PPID"
    order = owner.order(f'{kill}; while echo on >> "$WITNESS"; do sleep 0.1; done')
    owner.say(order)
    yield
    ended = owner.end_of(order)
    expect(ended.get("lost") is True, f"it was reported as {ended}")
    expect(ended.get("killReport") is not None, "there is no proof that nothing is left")
    before = len(witnessed(order))
    time.sleep(1)  # noqa: TID251 - no event reports that nothing happens
    expect(len(witnessed(order)) == before, "the program continued after it was reported as lost")


def what_ended_while_the_executor_was_dead_is_known(owner: Owner) -> Iterator[None]:
    order = owner.order('echo ran >> "$WITNESS"; until test -e go; do sleep 0.1; done; exit 5')
    owner.say(order)
    yield
    owner.until_begun(order)
    owner.kill()
    Path(order["cwd"], "go").touch()
    owner.start()
    ended = owner.end_of(order)
    expect(ended.get("exitCode") == 5, f"the exit code 5 was reported as {ended.get('exitCode')}")
    expect(witnessed(order) == ["ran"], "it did not run once")


def an_executor_that_dies_with_a_submission_loses_and_doubles_nothing(owner: Owner) -> Iterator[None]:
    order = owner.order('echo ran >> "$WITNESS"')
    owner.say(order)
    owner.hear(lambda one: one["op"] == "remote" and one["token"] == order["token"])
    owner.kill()
    owner.start()
    yield
    ended = owner.end_of(order)
    expect(ended.get("exitCode") == 0, f"it ended with {ended.get('exitCode')}")
    expect(witnessed(order) == ["ran"], f"it ran {len(witnessed(order))} times")


def a_full_disk_loses_nothing(owner: Owner) -> Iterator[None]:
    running, late = owner.order("until test -e go; do sleep 0.1; done; exit 9"), owner.order("exit 6")
    owner.say(running)
    owner.until_begun(running)
    Path(running["cwd"], "go").touch()
    filler = Path(owner.work_root, ".lockside/check/filler")
    try:
        with suppress(OSError), filler.open("wb", 0) as file:
            while file.write(bytes(2**16)):
                pass
        owner.say(late)
        yield
        time.sleep(FULL_SECONDS)  # noqa: TID251 - as above
    finally:
        filler.unlink()
    ended = owner.end_of(running)
    expect(ended.get("exitCode") == 9, f"the exit code 9 was reported as {ended}")
    ended = owner.end_of(late)
    is_refused = (ended.get("refused") or {}).get("kind") == "system"
    expect(is_refused or ended.get("exitCode") == 6, f"an order on a full disk ended with {ended}")


TRIALS: tuple[Trial, ...] = (
    a_run_ends_as_it_does,
    a_token_that_is_given_three_times_runs_once,
    a_token_that_was_taken_back_never_runs,
    of_several_runners_one_claims,
    a_stop_ends_the_whole_tree,
    a_killed_runner_is_lost_and_nothing_of_it_goes_on,
    what_ended_while_the_executor_was_dead_is_known,
    an_executor_that_dies_with_a_submission_loses_and_doubles_nothing,
)


@contextmanager
def under_trial(kind: str, work_root: str, options: Message) -> Iterator[Owner]:
    """Run an executor of a kind, with a state folder of its own."""
    with tempfile.TemporaryDirectory(prefix="ls") as place:
        owner = Owner([str(one) for one in describe(kind)["argv"]], work_root, options, place)
        owner.start()
        try:
            yield owner
        finally:
            owner.kill()


def failures(owner: Owner, trials: Sequence[Trial]) -> int:
    """Return how many trials fail; all are begun before the first is concluded."""
    begun = [(trial.__name__.replace("_", " "), trial(owner)) for trial in trials]
    found = {sentence: trouble for sentence, steps in begun if (trouble := _failure(steps))}
    for sentence, steps in begun:
        trouble = found.get(sentence) or _failure(steps)
        found |= {sentence: trouble} if trouble else {}
        print(f"no  {sentence}: {trouble}" if trouble else f"ok  {sentence}", flush=True)
    return len(found)


def _failure(steps: Iterator[None]) -> str | None:
    """Continue a trial; return why it failed, if it did."""
    try:
        next(steps, None)
    except Unmet as problem:
        return str(problem)
    return None


def main(arguments: list[str] | None = None) -> int:
    """Test one kind; return the exit code."""
    parser = argparse.ArgumentParser(prog="locksided.executors.check")
    parser.add_argument("kind")
    parser.add_argument("work_root", nargs="?", help="a folder that the machines share; default: a new one")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--only", default="", metavar="WORD", help="trials with a word in their sentence")
    parser.add_argument(
        "--without", default=" ", metavar="WORD", help="leave out trials with a word in their sentence"
    )
    asked = parser.parse_args(arguments)
    options = dict(one.split("=", 1) for one in asked.option)
    work_root = os.path.abspath(asked.work_root or tempfile.mkdtemp(prefix="lockside-check-"))
    trials = [one for one in TRIALS if asked.only in one.__name__ and asked.without not in one.__name__]
    space = os.statvfs(work_root)
    with under_trial(asked.kind, work_root, options) as owner:
        failed = failures(owner, trials)
        if space.f_bavail * space.f_frsize > MOST_FREE_BYTES:
            print("--  a full disk: not tried, for the work root has more than 64 MiB of free space")
        else:
            failed += failures(owner, [a_full_disk_loses_nothing])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
