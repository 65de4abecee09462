"""`run --follow`, `logs` of several jobs and `ls --watch`, with and without a terminal."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon, HangUp, Refusal, in_turn, job
from client.screens import Terminal

Json = dict[str, Any]
BEGAN = "2026-01-31T08:00:00.000000Z"


def frame(seq: int, text: str, stream: str = "stdout", second: int = 0) -> Json:
    return {"seq": seq, "time": f"2026-01-31T08:00:{second:02}.000000Z", "stream": stream, "text": text}


def page(*frames: Json, after: int = 0, complete: bool = False) -> Json:
    return {"frames": list(frames), "nextOffset": after + len(frames), "isComplete": complete}


def logs_of(**whole: list[Json]) -> Callable[[Json], Json]:
    """Answer `job.log`: each job's frames, given as jN=[...], in one page."""

    def answer(asked: Json) -> Json:
        frames = whole.get(f"j{asked['id']}", [])
        return page(*frames[asked["offset"] :], after=asked["offset"], complete=True)

    return answer


def family() -> list[Json]:
    """A container with a child that ran and a child that waits."""
    whole = job("1", "processing", type="orchestrationContainer", runId="1", name="nightly", startTime=BEGAN)
    first = job("2", "processing", runId="1.2", parentRunId="1", startTime=BEGAN, type="standard")
    second = job("3", "waiting", runId="1.3", parentRunId="1", type="standard", config="weekly")
    return [whole, first | {"starts": 1}, second]


def event(number: str, kind: str, **data: Any) -> Json:
    run_id = "1" if number == "1" else f"1.{number}"
    return {"seq": 9, "time": BEGAN, "kind": kind, "job": number, "runId": run_id, "data": data}


def test_following_shows_progress_and_ends_with_result_stages_and_exit_code(daemon: FakeDaemon) -> None:
    ended = threading.Event()
    stages = {"preparing": BEGAN, "running": "2026-01-31T08:00:01Z", "done": "2026-01-31T08:00:04Z"}
    running = job("42", "processing", runId="42", startTime=BEGAN, progress=0.5, message="500 of 1000")
    final = job("42", "success", durationSeconds=4.0, stageTimestamps=stages, process={"exitCode": 0})
    daemon.answers |= {
        "job.create": running,
        "event.subscribe": {"subscription": "1", "cursor": 0},
        "job.log": in_turn(
            page(frame(0, "out\n"), frame(1, "bad\n", "stderr")), page(after=2, complete=True)
        ),
        "job.wait": lambda _: {"jobs": [final if ended.wait(20) else running]},
    }
    daemon.serve_at_once = True
    with Terminal(daemon.path, "run", "--follow", "airports.extract/daily") as seen:
        text = seen.until("50%")
        assert "████████████░░░░░░░░░░░░" in text
        assert "500 of 1000" in text
        ended.set()
        assert seen.end() == 0
        assert "50%" not in seen.text
        assert "airports.extract/daily (job 42): success after 4.0 s" in seen.text
        assert "preparing 1.0 s · running 3.0 s · exit code 0" in seen.text
        assert seen.text.index("out") < seen.text.index("bad")


def test_following_a_container_shows_its_tree_and_whose_line_each_is(daemon: FakeDaemon) -> None:
    release = threading.Event()
    whole, first, second = family()
    end = {"status": "success", "isFinished": True, "starts": 1, "durationSeconds": 2.0}
    over = [each | end for each in (whole, first, second)]
    daemon.answers |= {
        "job.create": whole,
        "job.list": lambda _: {"jobs": over if release.is_set() else [whole, first, second]},
        "event.subscribe": {"subscription": "1", "cursor": 0},
        "job.log": logs_of(j2=[frame(0, "from the first\n")], j3=[frame(0, "from the second\n", second=1)]),
        "job.wait": lambda _: {"jobs": [over[0] if release.wait(20) else whole]},
        "job.get": lambda asked: next(each for each in over if each["id"] == asked["id"]),
    }
    daemon.serve_at_once = True
    with Terminal(daemon.path, "run", "-f", "lockside.orchestrator/nightly") as seen:
        seen.until("airports.extract/daily 2  │ from the first")
        text = seen.until("└─ ○ airports.extract/weekly (3)  waiting")
        assert "● nightly (1)  processing" in text
        assert "├─ ● airports.extract/daily (2)  processing" in text
        release.set()
        assert seen.end() == 0
        assert "from the second" in seen.text
        assert "└─ ✓ airports.extract/weekly (3)  success" in seen.text


def test_without_colours_a_sign_marks_stderr(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    daemon.answers["job.get"] = lambda asked: job(asked["id"])
    daemon.answers["job.log"] = logs_of(j1=[frame(0, "out\n"), frame(1, "bad\n", "stderr", second=1)])
    with Terminal(daemon.path, "logs", "1") as seen:
        assert seen.end() == 0
        assert seen.lines[:2] == ["out", "! bad"]
    with Terminal(daemon.path, "logs", "1", "2") as seen:
        assert seen.end() == 0
        assert seen.lines == ["airports.extract/daily 1 │ out", "airports.extract/daily 1 ! bad"]


def test_waiting_on_a_terminal_shows_the_state_of_the_job_and_reads_no_log(daemon: FakeDaemon) -> None:
    ended = threading.Event()
    running = job("42", "processing", runId="42", startTime=BEGAN, progress=0.25, message="1 of 4")
    daemon.answers |= {
        "job.get": running,
        "event.subscribe": {"subscription": "1", "cursor": 0},
        "job.wait": lambda _: {"jobs": [job("42", "error", durationSeconds=4.0)]} if ended.wait(20) else None,
    }
    daemon.serve_at_once = True
    with Terminal(daemon.path, "wait", "42") as seen:
        assert "1 of 4" in seen.until("25%")
        ended.set()
        assert seen.end() == 1
        assert "airports.extract/daily (job 42): error after 4.0 s" in seen.text
    assert daemon.params_of("job.log") == []


def test_logs_of_many_jobs_are_read_as_they_start_and_only_failures_are_reported(
    daemon: FakeDaemon, tmp_path: Path
) -> None:
    created = [job(str(number), "waiting", config=f"c{number}", runId=str(number)) for number in range(1, 31)]
    ended = [each | {"status": "success", "isFinished": True} for each in created]
    ended[6] |= {"status": "error", "starts": 1, "durationSeconds": 1.0}
    started = threading.Event()
    daemon.answers |= {
        "job.createMany": {"jobs": created},
        "event.subscribe": {"subscription": "1", "cursor": 0},
        "job.get": lambda asked: created[int(asked["id"]) - 1] | {"status": "processing", "starts": 1},
        "job.log": logs_of(j7=[frame(0, "from seven\n")]),
        "job.wait": lambda _: {"jobs": ended} if started.wait(20) else None,
    }
    daemon.pushes["event.subscribe"] = [
        ("event", {"events": [event("7", "job.status", to="processing") | {"runId": "7"}]})
    ]
    daemon.serve_at_once = True
    file = tmp_path / "commands"
    file.write_text("true\n" * 30)
    with Terminal(daemon.path, "run", "-f", "--from-file", str(file), columns=120) as seen:
        seen.until("airports.extract/c7 7   │ from seven")
        started.set()
        assert seen.end() == 1
        assert "airports.extract/c7 (job 7): error after 1.0 s" in seen.text
        assert "29 of 30 jobs ended well." in seen.text
        assert "(job 8)" not in seen.text
    assert {asked["id"] for asked in daemon.params_of("job.log")} == {"7"}


def test_ctrl_c_leaves_the_job_running_and_says_how_to_follow_or_stop_it(daemon: FakeDaemon) -> None:
    never = threading.Event()
    daemon.answers |= {
        "job.create": job("42", "processing", runId="42"),
        "event.subscribe": {"subscription": "1", "cursor": 0},
        "job.log": lambda asked: page(frame(0, "working\n")) if not asked["offset"] else never.wait(60),
        "job.wait": lambda _: never.wait(60),
    }
    daemon.serve_at_once = True
    with Terminal(daemon.path, "run", "-f", "a/b", columns=120) as seen:
        seen.until("working")
        seen.type("\x03")
        assert seen.end() == 130
        assert "lockside: job 42 goes on." in seen.text
        assert "To return: `lockside logs -f 42`; to stop: `lockside kill 42`." in seen.text
        assert daemon.params_of("job.terminate") == []
    never.set()


def test_logs_of_several_jobs_are_merged_by_time_and_name_the_job_of_each_line(
    daemon: FakeDaemon, run: Run
) -> None:
    daemon.answers["job.get"] = lambda asked: job(asked["id"])
    daemon.answers["job.log"] = logs_of(
        j1=[frame(0, "a\n", second=1), frame(1, "c\n", second=3)],
        j2=[frame(0, "b\n", second=2), frame(1, "d\n", second=4)],
    )
    lines = run("logs", "1", "2").out.splitlines()
    assert [line.rpartition(" | ") for line in lines] == [
        ("airports.extract/daily 1", " | ", "a"),
        ("airports.extract/daily 2", " | ", "b"),
        ("airports.extract/daily 1", " | ", "c"),
        ("airports.extract/daily 2", " | ", "d"),
    ]


def test_logs_can_be_searched_and_started_at_a_time(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.get"] = job("1")
    frames = [
        frame(0, "old error\nfine\n", second=1),
        frame(1, "new err", second=30),
        frame(2, "or\n", second=31),
    ]
    daemon.answers["job.log"] = logs_of(j1=frames)
    assert run("logs", "--grep", "err(or)?$", "1").out == "old error\nnew error\n"
    since = "2026-01-31T08:00:20Z"
    assert run("logs", "--since", since, "1").out == "new error\n"
    ran = run("logs", "--grep", "(", "1")
    assert (ran.code, "'(' is not a regular expression" in ran.err) == (2, True)


def test_a_container_without_output_shows_that_of_its_children(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.get"] = family()[0]
    daemon.answers["job.list"] = {"jobs": family()}
    daemon.answers["job.log"] = logs_of(j2=[frame(0, "from the child\n")])
    assert run("logs", "1").out == "airports.extract/daily 2 | from the child\n"
    one = json.loads(run("logs", "1", "--json").out)
    assert (one["job"], one["stream"], one["text"]) == ("2", "stdout", "from the child")


def test_followed_logs_include_later_children_and_survive_a_lost_connection(
    daemon: FakeDaemon, run: Run
) -> None:
    whole, first, _ = family()
    late = job("4", "success", runId="1.4", parentRunId="1", type="standard", config="late", starts=1)
    daemon.answers |= {
        "job.get": lambda asked: {"1": whole, "4": late}[asked["id"]],
        "job.list": in_turn(
            {"jobs": [whole, first]}, {"jobs": [whole, first]}, {"jobs": [whole, first, late]}
        ),
        "event.subscribe": {"subscription": "1", "cursor": 0},
        "job.log": logs_of(j2=[frame(0, "first\n")], j4=[frame(0, "late\n", second=5)]),
        "job.wait": in_turn(HangUp(), {"jobs": [whole | {"status": "success", "isFinished": True}]}),
    }
    daemon.pushes["event.subscribe"] = [("event", {"events": [event("4", "job.created")]})]
    ran = run("logs", "-f", "1")
    assert ran.out.splitlines() == ["airports.extract/daily 2 | first", "airports.extract/late 4 | late"]
    assert "the daemon is away" in ran.err


def test_the_table_is_redrawn_only_after_events(daemon: FakeDaemon) -> None:
    daemon.answers["job.list"] = {"jobs": [job("7", "waiting")]}
    daemon.answers["event.subscribe"] = {"subscription": "1", "cursor": 0}
    with Terminal(daemon.path, "ls", "--watch", "--active") as seen:
        seen.until("○ waiting")
        asked = len(daemon.params_of("job.list"))
        daemon.answers["job.list"] = {"jobs": [job("7", "waiting"), job("8", "error")]}
        daemon.push("event", {"events": [event("8", "job.status", to="error")]})
        seen.until("✗ error")
        assert len(daemon.params_of("job.list")) == asked + 1
        seen.type("\x03")
        assert seen.end() == 0


@pytest.mark.parametrize("form", ["--plain", "--json"])
def test_watching_without_a_terminal_prints_a_line_for_every_change(
    daemon: FakeDaemon, run: Run, form: str
) -> None:
    daemon.answers["job.list"] = in_turn(
        {"jobs": [job("7", "waiting")]},
        {"jobs": [job("8", "processing"), job("7", "success")]},
        Refusal(-32004, "No."),
    )
    daemon.answers["event.subscribe"] = {"subscription": "1", "cursor": 0}
    told = ("event", {"events": [event("7", "job.status")]})
    daemon.pushes["event.subscribe"] = [told, told]
    lines = run("ls", "--watch", form).out.splitlines()
    if form == "--json":
        assert [(one["id"], one["status"]) for one in map(json.loads, lines)] == [
            ("7", "waiting"),
            ("7", "success"),
            ("8", "processing"),
        ]
    else:
        assert [line.split("\t")[:2] for line in lines] == [
            ["7", "waiting"],
            ["7", "success"],
            ["8", "processing"],
        ]
