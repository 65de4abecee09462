"""The other commands: what they request and print, and their exit codes."""

import json
from base64 import b64encode

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon, HangUp, Refusal, in_turn, job
from client.screens import Terminal
from lockside.cli.main import main

LOCKED = {
    "kind": "config_lock",
    "since": "2026-01-31T08:00:00Z",
    "message": "Job 41 of the same configuration runs.",
    "unblock": "the end of job 41",
}


def test_ls_prints_one_job_per_line_for_scripts(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.list"] = {"jobs": [job("2", "waiting"), job("1")], "nextCursor": None}
    assert [line.split("\t")[:2] for line in run("ls").out.splitlines()] == [
        ["2", "waiting"],
        ["1", "success"],
    ]
    assert json.loads(run("ls", "--json").out)["jobs"][0]["id"] == "2"


def test_ls_options_become_the_intended_filters(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.list"] = {"jobs": [], "nextCursor": None}
    run("ls", "--failed", "--config", "a/b", "--since", "2026-01-31", "--label", "team=x", "-n", "5")
    asked = daemon.params_of("job.list")[0]
    assert asked["status"] == ["error", "terminated"]
    assert (asked["component"], asked["config"], asked["limit"]) == ("a", "b", 5)
    assert asked["labels"] == {"team": "x"}
    assert asked["finishedFrom"].endswith("Z")
    run("ls", "--since", "2026-01-31")
    assert daemon.params_of("job.list")[1]["createdFrom"].endswith("Z")


def test_ls_all_reads_page_after_page(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.list"] = in_turn(
        {"jobs": [job("2")], "nextCursor": "next"}, {"jobs": [job("1")], "nextCursor": None}
    )
    assert len(run("ls", "--all").out.splitlines()) == 2
    assert [asked.get("cursor") for asked in daemon.params_of("job.list")] == [None, "next"]


@pytest.mark.parametrize(("cursor", "is_told"), [("next", True), (None, False)])
def test_ls_says_that_there_are_more_jobs_only_if_so(
    daemon: FakeDaemon, cursor: str | None, is_told: bool
) -> None:
    daemon.answers["job.list"] = {"jobs": [job(str(number)) for number in range(20)], "nextCursor": cursor}
    with Terminal(daemon.path, "ls") as seen:
        assert seen.end() == 0
        assert ("Only the newest 20 are listed" in seen.text) is is_told


@pytest.mark.parametrize("form", ["--plain", "--json"])
def test_without_a_terminal_a_truncated_list_says_so_on_stderr(
    daemon: FakeDaemon, run: Run, form: str
) -> None:
    daemon.answers["job.list"] = {"jobs": [job(str(number)) for number in range(20)], "nextCursor": "next"}
    assert "Only the newest 20 are listed" in run("ls", form).err


def test_show_names_some_of_the_stopped_processes_and_counts_the_others(daemon: FakeDaemon, run: Run) -> None:
    killed = [{"pid": pid, "name": "sleep", "signal": sent} for sent in (15, 9) for pid in range(8)]
    report = {"proof": "cgroup", "processes": killed, "omitted": 100}
    output = {"files": [{"name": "a"}], "omitted": 7}
    daemon.answers["job.get"] = job(status="terminated", killReport=report, result={"output": output})
    daemon.answers["event.list"] = {"events": []}
    out = run("show", "42").out
    assert "sleep (4) and 103 more, proved by cgroup" in out
    assert "1 output file: a\n  and 7 more, which are not listed" in out


def test_show_explains_a_failure_with_the_end_of_the_log(daemon: FakeDaemon, run: Run) -> None:
    error = {"type": "user", "kind": "exit", "exitCode": 1, "message": "The source is empty."}
    daemon.answers["job.get"] = job(
        status="error", startTime="2026-01-31T08:00:01Z", durationSeconds=2.5, result={"error": error}
    )
    daemon.answers["event.list"] = {"events": [], "cursor": 0}
    frame = {"seq": 0, "time": "2026-01-31T08:00:00Z", "stream": "stderr", "text": "first\nlast\n"}
    daemon.answers["job.log"] = in_turn(
        {"frames": [frame], "nextOffset": 1, "isComplete": True},
        {"frames": [], "nextOffset": 1, "isComplete": True},
    )
    ran = run("show", "42")
    assert "error after 2.5 s, exit code 1: The source is empty." in ran.out
    assert "│ last" in ran.out


def test_why_names_every_reason_and_what_clears_it(daemon: FakeDaemon, run: Run) -> None:
    held = LOCKED | {"kind": "held", "message": "ann holds it back.", "unblock": "lockside release 42"}
    daemon.answers["job.explain"] = {"status": "waiting", "reasons": [LOCKED, held], "position": 3}
    daemon.answers["job.get"] = job(status="waiting")
    ran = run("why", "42")
    assert ran.out.startswith("airports.extract/daily (job 42) has waited for ")
    assert "for 2 reasons:" in ran.out
    assert "Position 3 in the queue of pool default." in ran.out
    for text in ("config_lock", "Job 41 of the same", "the end of job 41", "ann holds it back."):
        assert text in ran.out


def test_why_of_a_running_job_says_that_it_is_not_waiting(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.explain"] = {"status": "processing", "reasons": [], "position": None}
    daemon.answers["job.get"] = job(
        status="processing", durationSeconds=4.2, startTime="2026-01-31T08:00:01Z"
    )
    said = "airports.extract/daily (job 42) is not waiting: it has run for 4.2 s.\n"
    assert run("why", "42").out == said


def test_a_job_can_be_named_by_its_configuration(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.list"] = in_turn({"jobs": [{"id": "9"}]}, {"jobs": []})
    daemon.answers["job.explain"] = {"status": "processing", "reasons": []}
    daemon.answers["job.get"] = job(status="processing")
    run("why", "shop.orders/daily")
    asked = daemon.params_of("job.list")[0]
    assert (asked["component"], asked["config"]) == ("shop.orders", "daily")
    assert daemon.params_of("job.explain") == [{"id": "9"}]
    ran = run("why", "last")
    assert (ran.code, "There is no job 'last'." in ran.err) == (1, True)


def test_wait_exits_with_124_at_the_time_out(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.wait"] = {"jobs": [job(status="processing")]}
    ran = run("wait", "--timeout", "0.01", "42")
    assert ran.code == 124
    assert "the time is up; job 42 has not ended." in ran.err


def test_wait_exits_with_1_when_one_of_several_failed(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.wait"] = {"jobs": [job("1"), job("2", "error")]}
    assert run("wait", "1", "2").code == 1


def test_wait_for_any_needs_only_one(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.wait"] = {"jobs": [job("1"), job("2", "processing")]}
    assert run("wait", "--any", "1", "2").code == 0
    assert daemon.params_of("job.wait")[0]["until"] == "any"


def test_a_file_gets_the_bytes_of_a_log_as_they_were_written(
    daemon: FakeDaemon, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    written = [b"caf\xe9 \xff\r\n", b"\xe2\x82", b"\xac\n"]
    frames = [
        {
            "seq": seq,
            "time": "2026-01-31T08:00:00Z",
            "stream": "stdout",
            "data": b64encode(part).decode(),
        }
        for seq, part in enumerate(written)
    ]
    daemon.answers |= {
        "job.get": job(),
        "job.create": job(status="created"),
        "job.wait": {"jobs": [job()]},
    }
    end = {"frames": [], "nextOffset": 3, "isComplete": True}
    for words in ["logs", "42"], ["run", "--follow", "a/b"]:
        daemon.answers["job.log"] = lambda asked: (
            {"frames": frames, "nextOffset": 3, "isComplete": True} if not asked["offset"] else end
        )
        assert main(["--socket", daemon.path, *words]) == 0
        assert capfdbinary.readouterr().out == b"".join(written)
    assert all(asked["raw"] for asked in daemon.params_of("job.log"))


def test_logs_can_print_the_last_lines_of_one_stream(daemon: FakeDaemon, run: Run) -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    frame = {"seq": 0, "time": "2026-01-31T08:00:00Z", "stream": "stdout", "text": text + "unfinished"}
    end = {"frames": [], "nextOffset": 1, "isComplete": True}
    daemon.answers["job.log"] = in_turn({"frames": [frame], "nextOffset": 1, "isComplete": True}, end)
    daemon.answers["job.get"] = job()
    assert run("logs", "-n", "3", "--stdout", "42").out == "line 98\nline 99\nunfinished\n"
    assert daemon.params_of("job.log")[0]["stream"] == "stdout"


def test_logs_report_dropped_frames(daemon: FakeDaemon, run: Run) -> None:
    gap = {"seq": 0, "time": "2026-01-31T08:00:00Z", "stream": None, "dropped": {"bytes": 2621440}}
    page = {"frames": [gap], "nextOffset": 1, "isComplete": True}
    daemon.answers["job.log"] = in_turn(page, {"frames": [], "nextOffset": 1, "isComplete": True})
    daemon.answers["job.get"] = job()
    assert run("logs", "42").out == "[... 2.6 MB of the log were dropped here ...]\n"


def test_following_a_log_survives_a_lost_connection_without_a_frame_twice(
    daemon: FakeDaemon, run: Run
) -> None:
    def frame(seq: int) -> dict[str, object]:
        return {"seq": seq, "time": "2026-01-31T08:00:00Z", "stream": "stdout", "text": f"{seq}\n"}

    daemon.answers["job.log"] = in_turn(
        {"frames": [frame(0)], "nextOffset": 1, "isComplete": False},
        HangUp(),
        {"frames": [frame(1)], "nextOffset": 2, "isComplete": True},
        {"frames": [], "nextOffset": 2, "isComplete": True},
    )
    daemon.answers["job.get"] = job(status="processing")
    ran = run("logs", "-f", "42")
    assert (ran.code, ran.out) == (0, "0\n1\n")


def test_kill_continues_with_the_others_when_one_is_refused(daemon: FakeDaemon, run: Run) -> None:
    refusal = Refusal(-32001, "There is no job 1.", kind="not_found")
    daemon.answers["job.terminate"] = in_turn(refusal, job("2", "terminating"))
    ran = run("kill", "1", "2")
    assert (ran.code, ran.out) == (1, "2\tterminating\n")
    assert "1: There is no job 1." in ran.err


def test_kill_dry_run_says_what_would_happen(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.terminate"] = {
        "stopped": ["1"],
        "cancelled": [],
        "freed": ["a lock"],
        "started": ["2"],
    }
    daemon.answers["job.get"] = lambda asked: job(asked["id"])
    out = run("kill", "--dry-run", "1").out
    assert daemon.params_of("job.terminate") == [{"id": "1", "dryRun": True}]
    assert "stop: airports.extract/daily (job 1)" in out
    assert "let start: airports.extract/daily (job 2)" in out


@pytest.mark.parametrize(
    ("word", "method"),
    [
        *(("hold", "job.hold"), ("release", "job.release"), ("unblock", "job.unblock")),
        *(("pause", "job.pause"), ("resume", "job.resume")),
    ],
)
def test_each_action_calls_one_method(daemon: FakeDaemon, run: Run, word: str, method: str) -> None:
    daemon.answers[method] = job(status="created")
    assert run(word, "42").out == "42\tcreated\n"
    assert daemon.params_of(method) == [{"id": "42"}]


def test_a_refused_action_is_reported_plainly(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.hold"] = in_turn(Refusal(-32003, "Job 42 has ended.", kind="invalid_transition"))
    ran = run("hold", "42")
    assert ran.code == 1
    assert ran.err.startswith("lockside: Job 42 has ended.\n  `lockside show JOB` shows the job's status")


def test_the_project_is_sent_with_every_call_except_those_about_the_daemon(
    daemon: FakeDaemon, run: Run
) -> None:
    daemon.answers |= {"job.hold": job(), "daemon.metrics": "up 1\n"}
    run("--project", "p", "hold", "42")
    assert run("--project", "p", "metrics").out == "up 1\n"
    assert daemon.calls == [("job.hold", {"id": "42", "project": "p"}), ("daemon.metrics", {})]


def test_members_of_a_pool_that_are_not_named_stay_unchanged(daemon: FakeDaemon, run: Run) -> None:
    pool = {"id": "loads", "slots": 2, "executor": "local", "description": "one writer"}
    daemon.answers |= {"pool.list": {"pools": [pool]}, "pool.put": pool}
    run("pool", "put", "loads", "--slots", "infinity")
    assert daemon.params_of("pool.put") == [{"pool": pool | {"slots": "infinity"}}]
    assert run("pool", "put", "new").code == 2


def test_a_pool_that_gets_another_executor_drops_the_options_of_the_former_one(
    daemon: FakeDaemon, run: Run
) -> None:
    pool = {"id": "far", "slots": 2, "executor": "slurm", "options": {"workRoot": "/shared"}}
    daemon.answers |= {"pool.list": {"pools": [pool]}, "pool.put": pool}
    run("pool", "put", "far", "--option", "partition=main", "--option", 'extra=["--exclusive"]')
    assert "--option extra" in run("pool", "put", "far", "--option", "extra=[--exclusive]").err
    run("pool", "put", "far", "--executor", "local")
    first, second = (one["pool"] for one in daemon.params_of("pool.put"))
    assert first["options"] == {"workRoot": "/shared", "partition": "main", "extra": ["--exclusive"]}
    assert second == {"id": "far", "slots": 2, "executor": "local"}


def test_a_branch_is_created_by_its_name_alone(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["branch.create"] = {"id": "dev", "version": 1}
    assert run("branch", "put", "dev").out == "branch dev is stored as version 1\n"
    assert daemon.params_of("branch.create") == [{"branch": {"id": "dev"}}]


def test_variables_are_listed_compared_and_rolled_back(daemon: FakeDaemon, run: Run) -> None:
    fields = [{"path": "values", "old": 1, "new": 2}]
    daemon.answers |= {
        "variables.list": {"variables": [{"id": "eu", "version": 3}]},
        "variables.diff": {"version": 1, "to": 3, "fields": fields},
        "variables.rollback": {"id": "eu", "version": 4},
    }
    assert run("variables", "ls").out == "eu\t3\t\n"
    assert run("variables", "diff", "eu", "1").out == "~ values: 1 -> 2\n"
    text = "set of variables eu has the content of version 1; it is version 4\n"
    assert run("variables", "rollback", "eu", "1").out == text
    assert daemon.params_of("variables.diff") == [{"id": "eu", "version": 1}]


@pytest.mark.parametrize(("open_ones", "says"), [(1, "1 is open."), (2, "2 are open.")])
def test_records_say_how_many_are_open(daemon: FakeDaemon, open_ones: int, says: str) -> None:
    record = {"number": 1, "id": None, "message": None, "input": None, "job": "1", "resolvedBy": None}
    daemon.answers["job.records"] = in_turn(
        {"records": [record], "total": 1, "open": open_ones},
        {"records": [], "total": 1, "open": open_ones},
    )
    with Terminal(daemon.path, "records", "1") as seen:
        assert seen.end() == 0
        assert says in seen.text


@pytest.mark.parametrize(
    ("words", "member", "named"),
    [(["abc"], "id", "DELIVERY"), (["--to", "a b"], "subscription", "--to")],
)
def test_a_refused_redelivery_names_what_was_typed(
    daemon: FakeDaemon, run: Run, words: list[str], member: str, named: str
) -> None:
    told = Refusal(-32602, f"`{member}`: It must be other", kind="invalid", path=f"$.{member}")
    daemon.answers["notification.redeliver"] = in_turn(told)
    ran = run("notify", "redeliver", *words)
    assert ran.code == 2
    assert ran.err.startswith(f"lockside: {named}: It must be other")
