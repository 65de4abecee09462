"""Standard tools work on the output of every command: grep, jq, head and anything else that reads a pipe."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import Daemon, short_folder
from e2e.processes import PLAIN
from e2e.wire import Wire, put_component, put_config
from lockside.cli.commands import COMMANDS

CLIENT = [sys.executable, "-m", "lockside.cli.main"]
BROKEN_PIPE = 141
LONG = bool(os.environ.get("LOCKSIDE_TEST_LONG"))
UNSUITABLE = {
    "demo": "it starts a daemon of its own",
    "start": "it starts a daemon of its own",
    "stop": "it stops the daemon",
    "top": "it is for a terminal alone",
    "mcp": "it speaks with an agent",
    "web": "it serves until it is stopped",
}
WORDS = {
    "run": "run -- true",
    "retry": "retry FAILED",
    "resubmit": "resubmit DONE",
    "amend": "amend HELD --priority high",
    "ls": "ls --all",
    "show": "show FAILED",
    "why": "why HELD",
    "wait": "wait DONE",
    "logs": "logs DONE",
    "timeline": "timeline DONE",
    "records": "records DONE",
    "kill": "kill --dry-run HELD",
    "hold": "hold HELD",
    "release": "release OTHER",
    "unblock": "unblock HELD",
    "pause": "pause DONE",
    "resume": "resume DONE",
    "undo": "undo DONE --dry-run",
    "vacuum": "vacuum --dry-run",
    "file put": "file put FOLDER/c.toml",
    "file get": "file get 1 FOLDER/got",
    "file tag": "file tag 1 checked",
    "prio": "prio HELD 3",
    "pool ls": "pool ls",
    "pool show": "pool show p",
    "pool put": "pool put p --slots 2",
    "pool pause": "pool pause p",
    "pool resume": "pool resume p",
    "pool rm": "pool rm p",
    "executor ls": "executor ls",
    "ack": "ack FAILED",
    "annotate": "annotate DONE --label a=b",
    "hide": "hide DONE",
    "unhide": "unhide DONE",
    "purge": "purge NONE",
    "report": "report 0.5 half",
    "resource put": "resource put FOLDER/c.toml",
    "template put": "template put FOLDER/c.toml",
    "schedule put": "schedule put FOLDER/c.toml",
    "schedule next": "schedule next none",
    "schedule run": "schedule run none",
    "schedule pause": "schedule pause none",
    "schedule resume": "schedule resume none",
    "schedule backfill": "schedule backfill none 2026-01-01 2026-01-02",
    "schedule stop-backfill": "schedule stop-backfill none-1",
    "schedule ledger": "schedule ledger none",
    "recovery check": "recovery check 00",
    "trigger put": "trigger put FOLDER/c.toml",
    "trigger run": "trigger run none",
    "trigger pause": "trigger pause none",
    "trigger resume": "trigger resume none",
    "trigger ledger": "trigger ledger none",
    "bucket put": "bucket put FOLDER/c.toml",
    "system put": "system put FOLDER/c.toml",
    "system check": "system check none",
    "table preview": "table preview in.c-none.a",
    "table history": "table history in.c-none.a",
    "table delete-rows": "table delete-rows in.c-none.a --all",
    "table key": "table key in.c-none.a id",
    "table alter": "table alter in.c-none.a --add note",
    "table restore": "table restore in.c-none.a 1",
    "table put": "table put in.c-none.a",
    "table drop": "table drop in.c-none.a",
    "table import": "table import in.c-none.a FOLDER/c.toml",
    "table export": "table export in.c-none.a FOLDER/a.csv",
    "table clone": "table clone in.c-none.a in.c-none.b",
    "table diff": "table diff in.c-none.a 0",
    "table lineage": "table lineage in.c-none.a",
    "sql": "sql 'select 1'",
    "notify put": "notify put FOLDER/c.toml",
    "notify cancel": "notify cancel 1",
    "notify test": "notify test none",
    "notify rotate": "notify rotate none",
    "secret drop-key": "secret drop-key none",
    "token create": "token create t",
    "token revoke": "token revoke 99",
    "state show": "state show s.c/one",
    "state reset": "state reset s.c/one",
    "orchestration plan": "orchestration plan o",
    "action": "action s.c/one ask",
    "init": "init FOLDER/init",
    "call": "call daemon.status",
    "man": "man FOLDER/man",
    "schema": "schema component",
    "apply": "apply FOLDER --plan",
    "export": "export FOLDER/out",
    "validate": "validate FOLDER",
    "new component": "new component n.c FOLDER/new",
    "new config": "new config s.c/n FOLDER/new",
    "new orchestration": "new orchestration n FOLDER/new",
    "branch put": "branch put b2",
    "component put": "component put FOLDER/c.toml",
    "variables put": "variables put FOLDER/v.toml",
    "config put": "config put s.c/two FOLDER/config.toml",
    "events": "events --limit 50",
    "restore": "restore FOLDER/none.db",
    "backup": "backup FOLDER/b.db",
    "completion": "completion bash",
    "help": "help waiting",
    "__complete": "__complete pool ''",
}
OF_A_KIND = {
    "ls": "",
    "show": "ID",
    "rm": "ID",
    "versions": "ID",
    "diff": "ID 1 2",
    "rollback": "ID 1",
    "copy": "ID COPY",
}
IDS = {"component": "s.c", "config": "s.c/one", "variables": "v", "branch": "b"}
NAMES = [command.name for command in COMMANDS if command.name not in UNSUITABLE]
WITHOUT_JSON = {"help", "completion", "__complete"}
"""Commands whose output is plain text even with --json; the output of all others is JSON."""


def typed(name: str) -> str:
    """Return the command line of a command, with placeholders for ids and paths."""
    kind, _, verb = name.partition(" ")
    if name not in WORDS and verb in OF_A_KIND:
        return f"{name} {OF_A_KIND[verb].replace('ID', IDS.get(kind, 'none'))}"
    return WORDS.get(name, name)


class Place:
    """A daemon that has at least one object of each kind, and a folder of files."""

    def __init__(self, daemon: Daemon, folder: Path, names: dict[str, str]) -> None:
        self._daemon = daemon
        self.folder = folder
        self._names = names | {"FOLDER": str(folder)}

    def words(self, name: str, *more: str) -> list[str]:
        text = typed(name)
        for word, meaning in self._names.items():
            text = text.replace(word, meaning)
        head, tail = [*text.replace("''", "").split(" ")], list(more)
        place = head.index("--") if "--" in head else len(head)
        return [*CLIENT, *head[:place], *tail, *head[place:]]

    @property
    def environment(self) -> dict[str, str]:
        return {**PLAIN, "LOCKSIDE_SOCKET": str(self._daemon.socket), "TERM": "xterm-256color"}


@pytest.fixture(scope="module")
def place(daemon: Daemon) -> Iterator[Place]:
    with Wire(daemon.socket) as wire, short_folder() as folder:
        for command in (["true"], ["false"]):
            put_component(wire, "s.c", command=command)
            wire.call("variables.put", variables={"id": "v", "values": [{"name": "a", "value": command[0]}]})
        for number in (1, 2):
            put_config(wire, "s.c", "one", configuration={"parameters": {"n": number}})
        wire.call("branch.create", branch={"id": "b"})
        wire.call("pool.put", pool={"id": "p", "slots": 1})
        jobs = {
            "DONE": wire.done(wire.shell("echo done; echo line >&2")),
            "FAILED": wire.done(wire.shell("exit 3")),
        }
        jobs |= {name: wire.shell("true", hold=True) for name in ("HELD", "OTHER")}
        (folder / "configs/s.c").mkdir(parents=True)
        (folder / "configs/s.c/one.toml").write_text("[parameters]\nn = 3\n")
        for name, text in {"c": 'id = "s.d"\ncommand = ["true"]\n', "v": "a = 1\n", "config": ""}.items():
            (folder / f"{name}.toml").write_text(text)
        yield Place(daemon, folder, {name: str(job["id"]) for name, job in jobs.items()})


def test_every_command_gets_the_arguments_that_it_requires() -> None:
    takes = {command.name for command in COMMANDS for one in command.arguments if one.count in {"1", "+"}}
    assert [name for name in NAMES if name in takes and typed(name) == name] == []


@pytest.mark.parametrize("name", NAMES)
def test_off_a_terminal_a_command_writes_text_without_escapes(place: Place, name: str) -> None:
    ran = subprocess.run(
        place.words(name), env=place.environment, cwd=place.folder, capture_output=True, check=False
    )
    for said in (ran.stdout.decode(), ran.stderr.decode()):
        assert "\x1b" not in said
        assert "Traceback" not in said
        assert "fault of lockside" not in said
    assert ran.stdout or ran.stderr or name == "__complete"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_JSON])
def test_with_json_every_line_or_the_whole_output_is_json(place: Place, name: str) -> None:
    words = place.words(name, "--json")
    ran = subprocess.run(
        words, env=place.environment, cwd=place.folder, capture_output=True, text=True, check=False
    )
    for line in ran.stdout.splitlines():
        json.loads(line)
    assert ran.stdout or ran.returncode != 0, "the command printed nothing"


@pytest.mark.parametrize("name", NAMES if LONG else NAMES[::4])
def test_a_closed_pipe_ends_a_command_silently(place: Place, name: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        place.words(name),
        env=place.environment,
        cwd=place.folder,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert "Traceback" not in ran.stderr
    assert "fault of lockside" not in ran.stderr
    assert "Broken pipe" not in ran.stderr
    assert ran.returncode in {0, 1, 2, BROKEN_PIPE}
