"""Completion: candidates from the table of commands and the running daemon, and in three real shells."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon, job

pytestmark = pytest.mark.real_processes

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def _something_stored(daemon: FakeDaemon) -> None:
    config = {"component": "shop.load", "config": "daily", "name": "Every day", "rows": [{"id": "eu"}]}
    daemon.answers |= {
        "job.list": {"jobs": [job("42", "processing", name="night run"), job("43", "waiting")]},
        "config.list": {"configs": [config]},
        "config.get": config | {"configuration": {"variables": {"country": "CZ"}}},
        "component.get": {"id": "shop.load", "actions": ["testConnection"]},
        "component.list": {"components": [{"id": "shop.load", "name": "Loads"}]},
        "pool.list": {"pools": [{"id": "heavy", "description": "two at once"}]},
    }


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["pr"], ["prio\tchange the priority of a job that has not started"]),
        (["pool", "pa"], ["pause\tstart no more jobs in a pool; running jobs go on"]),
        (["logs", "--fo"], ["--follow\tfollow until the jobs end; Ctrl-C does not stop them"]),
        (["kill", ""], ["42\tnight run  processing", "43\tairports.extract/daily  waiting"]),
        (["kill", "42", "43"], ["43\tairports.extract/daily  waiting"]),
        (["logs", "-n", "5", "air"], ["airports.extract/daily\tits latest job"]),
        (["run", ""], ["shop.load/daily\tEvery day"]),
        (["run", "shop.load/daily", "--row", ""], ["eu"]),
        (["run", "shop.load/daily", "--set", ""], ["country=\tCZ if not given"]),
        (["run", "a/b", "--mode", "d"], ["debug"]),
        (["run", "a/b", "--pool", ""], ["heavy\ttwo at once"]),
        (["ls", "--status", "te"], ["terminating"]),
        (["component", "show", ""], ["shop.load\tLoads"]),
        (["prio", "42", "hi"], ["high", "highest"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["help", "exit"], ["exit-codes"]),
        (["action", "shop.load/daily", ""], ["testConnection"]),
        (["orchestration", "plan", ""], ["daily\tEvery day"]),
        (["call", "daemon.dr"], ["daemon.drain\tStart no more jobs."]),
        (["show", "42", ""], []),
        (["run", "--", "ma"], []),
    ],
)
def test_possible_next_words_are_offered(run: Run, words: list[str], lines: list[str]) -> None:
    assert run("__complete", "--", *words).out.splitlines() == lines


def test_only_jobs_to_which_the_command_applies_are_requested(daemon: FakeDaemon, run: Run) -> None:
    run("__complete", "--", "hold", "")
    run("__complete", "--", "show", "")
    assert [asked.get("status") for asked in daemon.params_of("job.list")] == [["created", "waiting"], None]


def test_a_socket_and_a_project_typed_before_are_used(daemon: FakeDaemon, run: Run) -> None:
    assert run("__complete", "--", "--project", "p", "pool", "rm", "h").out == "heavy\ttwo at once\n"
    assert daemon.params_of("pool.list") == [{"project": "p"}]
    assert run("__complete", "--", "--socket", "/nowhere", "pool", "rm", "").out == ""


def test_without_a_daemon_nothing_is_offered_and_nothing_is_printed(daemon: FakeDaemon, run: Run) -> None:
    daemon.stop()
    ran = run("__complete", "--", "kill", "")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.fixture
def shell_environment(daemon: FakeDaemon, tmp_path: Path) -> dict[str, str]:
    """An environment in which `lockside` runs this code and finds the daemon."""
    program = tmp_path / "bin" / "lockside"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m lockside.cli.main "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    path = f"{program.parent}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "LOCKSIDE_SOCKET": daemon.path, "HOME": str(tmp_path), "TERM": "dumb"}


def _in(shell: str, script: str, environment: dict[str, str]) -> list[str]:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    options = {"bash": ["--norc", "-c"], "zsh": ["-f", "-c"], "fish": ["--no-config", "-c"]}[shell]
    ran = subprocess.run(
        [program, *options, script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return ran.stdout.splitlines()


def test_bash_completes_ids_from_the_daemon(shell_environment: dict[str, str]) -> None:
    script = """
        eval "$(lockside completion bash)"
        COMP_WORDS=(lockside kill 4); COMP_CWORD=2; _lockside; printf '%s\\n' "${COMPREPLY[@]}"
    """
    assert _in("bash", script, shell_environment) == ["42", "43"]


def test_fish_completes_ids_with_their_names(shell_environment: dict[str, str]) -> None:
    script = "lockside completion fish | source; complete -C 'lockside kill 4'"
    found = _in("fish", script, shell_environment)
    assert sorted(found) == ["42\tnight run  processing", "43\tairports.extract/daily  waiting"]


def test_zsh_completes_ids_with_their_names(shell_environment: dict[str, str]) -> None:
    script = """
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell 'PS1=; autoload -Uz compinit; compinit -D -u; LISTMAX=0; setopt nobeep'
        zpty -w shell 'eval "$(lockside completion zsh)"; zstyle ":completion:*" list-separator =='
        zpty -w shell 'echo re''ady'
        zpty -r -m shell seen '*ready*'
        zpty -w -n shell $'lockside kill 4\\t\\t'
        zpty -r -m shell seen '*43*waiting*'
        print -r -- "$seen"
        zpty -d shell
    """
    text = "\n".join(_in("zsh", script, shell_environment))
    assert "night run  processing" in text
    assert "airports.extract/daily  waiting" in text
