"""Processes are identified by pid and start time, and signalled only if they are still the same."""

import os
import signal
import subprocess

from locksided.keeper.tree import mark, proc


def test_a_name_with_brackets_and_blanks_is_read_correctly() -> None:
    text = b"42 (a) b (c)) S 7 42 40 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 0 0"
    assert proc.parse_stat(text) == proc.Process(42, 7, 40, 12345, "S", "a) b (c)")


def test_a_process_that_does_not_exist_is_none() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert proc.read(child.pid) is None
    assert proc.start_ticks(child.pid) == 0


def test_a_pid_that_was_given_to_another_process_is_not_signalled() -> None:
    child = subprocess.Popen(["sleep", "600"])
    try:
        here = proc.read(child.pid)
        assert here is not None
        assert proc.send(here._replace(start_ticks=here.start_ticks - 1), signal.SIGKILL) is None
        assert child.poll() is None
        assert proc.send(here, signal.SIGKILL) == proc.Hit(child.pid, here.name, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    finally:
        child.kill()
        child.wait()


def test_a_mark_is_found_in_the_environment_only_as_a_whole_entry() -> None:
    env = {"PATH": os.environ["PATH"], "LOCKSIDE_START_FOLDER": "/1-1-01"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = subprocess.Popen(["sh", "-c", "echo up; read line"], env=env, **pipes)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == b"up\n"
        assert mark.has_entry(child.pid, mark.of_folder("/1-1-01"))
        assert not mark.has_entry(child.pid, mark.of_folder("/1-1-0"))
    finally:
        child.kill()
        child.wait()
