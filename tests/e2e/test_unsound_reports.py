"""An invalid report of a job is named in its log or its error; no other job is affected."""

import os
import signal
from collections.abc import Callable

import pytest

from e2e.harness import Daemon
from e2e.processes import wait_for_end
from e2e.signs import Ear
from e2e.wire import Wire, of, put_component, put_config

DEEP = "[" * 980 + "]" * 980


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"outputs": [{"rows": 1e400}]}', "has a number that is too large"),
        (f'{{"outputs": {DEEP}}}', "is nested deeper than 32 levels"),
    ],
)
def test_an_invalid_progress_line_is_reported_in_the_log(
    daemon: Daemon, wire: Wire, line: str, problem: str
) -> None:
    beside = wire.shell("sleep 600")
    script = f"echo '{line}' >&$LOCKSIDE_PROGRESS_FD; echo '{line}' >&$LOCKSIDE_PROGRESS_FD"
    job = wire.done(wire.shell(script, lockKey="shared"))
    assert job["status"] == "success"
    assert wire.text(job).count(problem) == 1
    daemon.kill()
    daemon.start()
    with Wire(daemon.socket) as again:
        assert again.done(again.shell("true", lockKey="shared"))["status"] == "success"
        again.call("job.terminate", id=beside["id"])
        assert again.done(beside)["status"] == "terminated"


def test_a_state_nested_too_deeply_fails_its_run_and_no_later_run(daemon: Daemon) -> None:
    with Wire(daemon.socket) as wire:
        deep = f'{{"a": {DEEP}}}'
        body = f"[ $(cat $KBC_DATADIR/in/state.json) = {{}} ] && echo '{deep}' > $KBC_DATADIR/out/state.json"
        put_component(wire, "acme.deep", shell=body)
        put_config(wire, "acme.deep", "one")
        for _ in range(2):
            error = wire.done(wire.create("acme.deep", config="one"))["result"]["error"]
            assert of(error, "type", "kind", "message") == (
                "user",
                "output",
                "out/state.json is nested deeper than 100 levels.",
            )


def test_a_job_with_an_unreadable_record_ends_as_lost_and_is_not_run_again(
    fresh: Callable[..., Daemon], ear: Ear
) -> None:
    """A keeper of an earlier release accepted what this one refuses, and may have left such a record."""
    daemon = fresh()
    wire = daemon.wire()
    job = wire.shell(f"echo $$ > {ear.path}; exec sleep 600")
    process = int(ear.hear())
    keeper = daemon.keeper_pid()
    daemon.kill()
    for pid in (keeper, process):
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
    control = daemon.state_dir / "runs" / "0" / job["id"] / "steps" / "1-0"
    (control / "outcome.json").write_text('{"exitCode": 0, "progress": {"outputs": [Infinity]}}')
    daemon.start()
    wire = daemon.wire()
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert of(ended["result"]["error"], "type", "kind") == ("application", "lost")
    assert "cannot be read (JSON is malformed" in ended["message"]
    assert wire.done(wire.shell("true"))["status"] == "success"
