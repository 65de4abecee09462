"""`retry`, `resubmit` and `amend`; a dry run of a file; what a kill would end."""

import json
from pathlib import Path

from client.conftest import Run
from client.fakedaemon import FakeDaemon, job


def test_a_retry_returns_the_new_job(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.retry"] = job("43", "created")
    assert run("retry", "-d", "42").out == "43\n"
    asked = daemon.params_of("job.retry")[0]
    assert asked.pop("deduplicationId")
    assert asked == {"id": "42"}


def test_all_failed_jobs_are_retried_in_one_call(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.retryAllFailed"] = {"jobs": [job("43", "created"), job("44", "created")]}
    assert run("retry", "--all-failed", "-d", "42").out == "43\n44\n"


def test_a_resubmitted_or_amended_job_differs_only_in_the_named_members(daemon: FakeDaemon, run: Run) -> None:
    for command in ("resubmit", "amend"):
        daemon.answers[f"job.{command}"] = job("43", "created")
        assert run(command, "42", "--priority", "high", "--timeout", "2h").code == 0
        asked = daemon.params_of(f"job.{command}")[0]
        assert asked["with"] == {"priority": 50, "limits": {"timeoutSeconds": 7200}}


def test_an_amend_without_a_change_is_refused(daemon: FakeDaemon, run: Run) -> None:
    result = run("amend", "42")
    assert result.code == 2
    assert "say what to change" in result.err
    assert not daemon.params_of("job.amend")


def test_a_dry_run_of_a_file_creates_none_of_its_jobs(daemon: FakeDaemon, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps({"jobs": [{"component": "a"}, {"component": "b"}]}))
    daemon.answers["job.createMany"] = {"jobs": [job("0", "created"), job("0", "created")]}
    assert run("run", "--from-file", str(path), "--dry-run", "--pool", "big").code == 0
    asked = daemon.params_of("job.createMany")[0]
    assert asked["dryRun"] is True
    assert [one["pool"] for one in asked["jobs"]] == ["big", "big"]


def test_a_forecast_names_the_containers_that_end(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.get"] = lambda asked: job(asked["id"])
    lists = {"stopped": [], "cancelled": ["42"], "freed": [], "started": []}
    daemon.answers["job.terminate"] = lists | {"ended": [{"job": "41", "status": "error"}]}
    assert "end: airports.extract/daily (job 41) as error" in run("kill", "--dry-run", "42").out


def test_a_text_file_has_one_command_per_line_and_is_sent_in_one_call(
    daemon: FakeDaemon, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "commands.txt"
    path.write_text("# the night\nmake -j2\n\necho a | cat\n")
    daemon.answers["job.createMany"] = {"jobs": [job("1"), job("2")]}
    assert run("run", "--from-file", str(path), "-d").out == "1\n2\n"
    (asked,) = daemon.params_of("job.createMany")
    assert [one["configData"]["parameters"]["shell"] for one in asked["jobs"]] == ["make -j2", "echo a | cat"]
