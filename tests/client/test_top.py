"""`top`: what the live view shows, what its keys do, and what it requests from the daemon."""

import asyncio
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, RichLog, Static

from client.conftest import Run
from client.fakedaemon import FakeDaemon, Refusal, in_turn, job
from client.screens import CLIENT, Terminal
from lockside.cli import times
from lockside.cli.top.app import Top
from lockside.cli.top.screens import LogScreen, Question, TextScreen
from lockside.cli.top.usage import Sampler

pytestmark = pytest.mark.real_processes

Json = dict[str, Any]
SECONDS = 20.0


def running() -> Json:
    since = {"startTime": times.wire_ago(65), "progress": 0.25, "message": "1 of 4"}
    return job("41", "processing", type="standard", runId="41", **since)


def waiting() -> Json:
    reason = {"kind": "held", "message": "ann holds it back."}
    since = {"reasons": [reason], "createdTime": times.wire_ago(300)}
    return job("42", "waiting", type="standard", runId="42", config="weekly", **since)


def failed() -> Json:
    error = {"error": {"kind": "exit", "exitCode": 1, "message": "No data."}}
    return job("40", "error", type="standard", endTime=times.wire_ago(120), result=error, config="hourly")


def listed(asked: Json) -> Json:
    statuses = asked.get("status", [])
    found = [running()] if "processing" in statuses else [failed()] if "error" in statuses else [waiting()]
    return {"jobs": found}


@pytest.fixture
def live(daemon: FakeDaemon) -> FakeDaemon:
    """A daemon with a running, a waiting and a failed job."""
    pool = {"id": "default", "slots": 2, "running": 1, "queued": 1, "isPaused": False}
    paused = {"id": "loads", "slots": 1, "running": 0, "queued": 0, "isPaused": True, "comment": "disk swap"}
    daemon.answers |= {
        "event.subscribe": {"subscription": "1", "cursor": 0},
        "daemon.status": {
            "version": "1.0",
            "uptimeSeconds": 60,
            "isDraining": False,
            "counts": {"processing": 1, "waiting": 1, "error": 1},
            "pools": [pool, paused],
            "store": {"isWritable": True},
            "keeper": {"isConnected": True},
        },
        "job.list": listed,
    }
    return daemon


def table(app: Top) -> list[list[str]]:
    """Return the rows shown, as texts."""
    shown = app.screen_stack[0].query_one("#jobs", DataTable)
    return [[str(cell).strip() for cell in shown.get_row(key)] for key in shown.rows]


def text(app: Top, name: str) -> str:
    return str(app.screen.query_one(name, Static).render())


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the view run until this holds; its own messages wake it."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await pilot.pause(0.02)


async def test_the_view_shows_running_and_waiting_jobs_with_reasons_pools_and_failures(
    live: FakeDaemon,
) -> None:
    app = Top(live.path, None)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: len(table(app)) == 2)
        first, second = table(app)
        assert first[:2] == ["● airports.extract/daily", "41"]
        assert first[2].startswith("1:")
        assert first[5].endswith("25% 1 of 4")
        assert second[:2] == ["○ airports.extract/weekly", "42"]
        assert second[2].startswith("5:")
        assert second[3:] == ["", "", "ann holds it back."]
        assert "1 run   1 wait   1 failed within a day" in text(app, "#head")
        assert "default" in text(app, "#pools")
        assert "‖ paused: disk swap" in text(app, "#pools")
        assert "✗ airports.extract/ho" in text(app, "#failures")
        assert "No data." in text(app, "#failures")


async def test_children_are_shown_below_their_parent_and_running_jobs_come_first(
    live: FakeDaemon,
) -> None:
    whole = running() | {"id": "50", "runId": "50", "type": "orchestrationContainer", "name": "nightly"}
    task = running() | {"id": "51", "runId": "50.51", "parentRunId": "50"}
    later = waiting() | {"id": "52", "runId": "50.52", "parentRunId": "50"}
    live.answers["job.list"] = lambda asked: {
        "jobs": [whole, task] if "processing" in asked["status"] else [waiting(), later]
    }
    app = Top(live.path, None)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: len(table(app)) >= 4)
        assert [row[0] for row in table(app)][:4] == [
            "● nightly",
            "├─ ● airports.extract/daily",
            "└─ ○ airports.extract/weekly",
            "○ airports.extract/weekly",
        ]


async def test_on_a_small_terminal_failures_are_in_the_table_and_pools_on_one_line(
    live: FakeDaemon,
) -> None:
    app = Top(live.path, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(table(app)) == 3)
        assert table(app)[2][0] == "✗ airports.extract/hourly"
        assert text(app, "#pools-line") == "pools default 1/2, loads 0/1‖"
        assert not app.screen.query_one("#side").display
        widths = sum(column.width + 2 for column in app.screen.query_one("#jobs", DataTable).ordered_columns)
        assert widths <= 80


async def test_foreign_text_is_shown_only_as_text(live: FakeDaemon) -> None:
    evil = "\x1b]0;x\x07[bold]n[/bold]"
    live.answers["job.list"] = lambda asked: {
        "jobs": [waiting() | {"name": evil, "reasons": [{"kind": "held", "message": evil}]}]
        if "waiting" in asked["status"]
        else []
    }
    live.answers["daemon.status"]["pools"][1]["comment"] = evil
    live.answers["job.hold"] = in_turn(Refusal(-32003, f"No: {evil}"))
    app = Top(live.path, None)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: len(table(app)) == 1)
        await pilot.press("h")
        await until(pilot, lambda: len(app._notifications) > 0)
        await pilot.pause()
        picture = app.export_screenshot()
    assert "[bold]n[/bold]" in picture.replace("&#160;", " ")
    assert "\x1b" not in picture


async def test_the_view_reloads_only_when_events_arrive(live: FakeDaemon) -> None:
    app = Top(live.path, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(table(app)) == 3)
        asked = len(live.calls)
        app._tick()
        app._tick()
        assert len(live.calls) == asked
        gone = live.answers["job.list"]
        live.answers["job.list"] = lambda wanted: (
            {"jobs": []} if "waiting" in wanted["status"] else gone(wanted)
        )
        live.push(
            "event",
            {"subscription": "1", "events": [{"seq": 1, "kind": "job.status", "job": "42", "data": {}}]},
        )
        await until(pilot, lambda: len(table(app)) == 2)
        assert len(live.calls) == asked + 4


async def test_progress_alone_causes_no_request_and_moves_with_the_clock(live: FakeDaemon) -> None:
    app = Top(live.path, None)
    async with app.run_test(size=(140, 24)) as pilot:
        await until(pilot, lambda: len(table(app)) == 2)
        asked = len(live.calls)
        told = {
            "seq": 1,
            "kind": "job.progress",
            "job": "41",
            "data": {"progress": 0.75, "message": "3 of 4"},
        }
        live.push("event", {"subscription": "1", "events": [told]})
        await until(pilot, lambda: table(app)[0][5].endswith("75% 3 of 4"))
        assert len(live.calls) == asked


async def test_an_empty_view_says_what_to_type(live: FakeDaemon) -> None:
    live.answers["job.list"] = {"jobs": []}
    app = Top(live.path, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.has_class("empty"))
        assert "lockside run -- sleep 60" in text(app, "#nothing")


async def test_the_loss_of_the_daemon_is_shown_and_the_view_reconnects(live: FakeDaemon) -> None:
    app = Top(live.path, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(table(app)) == 3)
        await asyncio.to_thread(live.stop)
        await until(pilot, lambda: "the daemon is away; jobs go on without it" in text(app, "#head"))
        assert len(table(app)) == 3
        live.start()
        await until(pilot, lambda: "1 run" in text(app, "#head"))


async def test_a_kill_asks_for_confirmation_and_says_what_it_would_do(live: FakeDaemon) -> None:
    live.answers["job.terminate"] = lambda asked: (
        {"stopped": ["41"], "cancelled": [], "freed": [], "started": ["42"], "ended": []}
        if asked.get("dryRun")
        else running() | {"status": "terminating"}
    )
    app = Top(live.path, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(table(app)) == 3)
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, Question))
        said = str(app.screen.query_one("#text", Static).render())
        assert "It stops airports.extract/daily (job 41)." in said
        assert "It lets start airports.extract/weekly (job 42)." in said
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, Question))
        assert live.params_of("job.terminate") == [{"id": "41", "dryRun": True}]
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: {"id": "41"} in live.params_of("job.terminate"))


async def test_the_selection_stays_with_its_job_when_that_has_ended(live: FakeDaemon) -> None:
    """A key pressed at the moment of the end must not apply to the job that moved up."""
    terminated: list[Json] = []
    live.answers |= {
        "job.get": running() | {"status": "success", "isFinished": True, "endTime": times.wire_ago(1)},
        "job.terminate": lambda asked: terminated.append(asked) or {"stopped": [], "cancelled": []},
    }
    app = Top(live.path, None)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: len(table(app)) == 2)
        await until(pilot, lambda: "job 41" in text(app, "#selected"))
        live.answers["job.list"] = lambda asked: (
            {"jobs": []} if "processing" in asked["status"] else listed(asked)
        )
        over = {"seq": 1, "kind": "job.status", "job": "41", "data": {}}
        live.push("event", {"subscription": "1", "events": [over]})
        await until(pilot, lambda: "success" in text(app, "#selected"))
        assert [row[0] for row in table(app)] == ["✓ airports.extract/daily", "○ airports.extract/weekly"]
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, Question))
        assert "(job 41)" in str(app.screen.query_one("#title", Static).render())
        await pilot.press("n")
        assert [asked["id"] for asked in terminated] == ["41"]
        await pilot.press("down")
        await until(pilot, lambda: "job 42" in text(app, "#selected"))
        live.push("event", {"subscription": "1", "events": [over]})
        await until(pilot, lambda: [row[1] for row in table(app)] == ["42"])


async def test_a_question_mark_says_what_the_keys_do(live: FakeDaemon) -> None:
    app = Top(live.path, None)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(table(app)) == 3)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        shown = "\n".join(str(one.render()) for one in app.screen.query(Static))
        documented = {key for binding in Top.BINDINGS for key in binding.key.split(",")}  # type: ignore[union-attr]
        assert all(key in shown for key in documented - {"question_mark", "f1"})
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, TextScreen))


async def test_a_key_holds_releases_or_explains_a_job_or_shows_its_history(live: FakeDaemon) -> None:
    live.answers |= {
        "job.hold": waiting(),
        "job.release": waiting(),
        "job.explain": {"status": "waiting", "reasons": waiting()["reasons"]},
        "job.get": waiting() | {"runId": "42"},
        "event.list": {"events": []},
    }
    app = Top(live.path, None)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(table(app)) == 3)
        await pilot.press("down", "h", "r")
        await until(pilot, lambda: bool(live.params_of("job.release")))
        assert live.params_of("job.hold") == [{"id": "42"}]
        for key, sentence in (("w", "ann holds it back."), ("s", "job 42  ○ waiting")):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, TextScreen))
            assert any(sentence in str(one.render()) for one in app.screen.query(Static))
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(app.screen, TextScreen))


async def test_a_log_is_followed_until_the_job_has_ended(live: FakeDaemon) -> None:
    release = threading.Event()

    def log(asked: Json) -> Json:
        if asked["offset"] == 0:
            frame = {
                "seq": 0,
                "time": "2026-01-31T08:00:00Z",
                "stream": "stdout",
                "text": "\x1b]0;x\x07one\n",
            }
            return {"frames": [frame], "nextOffset": 1, "isComplete": False}
        release.wait(SECONDS)
        return {"frames": [], "nextOffset": asked["offset"], "isComplete": True}

    live.serve_at_once = True
    live.answers |= {"job.log": log, "job.get": running() | {"status": "success", "isFinished": True}}
    app = Top(live.path, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(table(app)) == 3)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LogScreen))
        lines = app.screen.query_one("#log", RichLog).lines
        await until(pilot, lambda: any("one" in line.text for line in lines))
        assert all("\x1b" not in line.text for line in lines)
        release.set()
        await until(pilot, lambda: "success" in text(app, "#foot"))


def test_without_textual_top_says_how_to_install_it(
    daemon: FakeDaemon, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("lockside.cli.top.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual", None)
    monkeypatch.setitem(sys.modules, "textual.app", None)
    ran = run("top")
    assert ran.code == 1
    assert "pip install 'lockside[top]'" in ran.err


def test_the_view_runs_on_a_real_terminal_and_restores_it(live: FakeDaemon) -> None:
    with Terminal(live.path, "top", columns=100, rows=30) as seen:
        seen.until("airports.extract/weekly")
        seen.type("q")
        assert seen.end() == 0


def test_the_view_ends_with_its_terminal_even_without_a_signal(live: FakeDaemon) -> None:
    ours, theirs = pty.openpty()
    command = [*CLIENT, "--socket", live.path, "top"]
    environment = os.environ | {"TERM": "xterm"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = b""
        while b"weekly" not in shown:
            shown += os.read(ours, 65536)
        os.close(ours)
        assert process.wait(SECONDS) == 0


def test_usage_covers_the_whole_tree_but_only_the_jobs_own_processes(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys; c = subprocess.Popen(['cat']); print(c.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        spawned = times.wire(datetime.now(UTC))
        mine = {"id": "1", "status": "processing", "process": {"pid": process.pid, "spawnTime": spawned}}
        other = {
            "id": "2",
            "status": "processing",
            "process": {"pid": process.pid, "spawnTime": times.wire_ago(600)},
        }
        sampler = Sampler()
        first = sampler.sample([mine, other])
        second = sampler.sample([mine, other])
        pages = os.sysconf("SC_PAGE_SIZE")
        of_child = int(Path(f"/proc/{child}/statm").read_text().split()[1]) * pages
        of_process = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * pages
        process.stdin.close()  # type: ignore[union-attr]
    assert set(first) == {"1"}
    assert first["1"].percent is None
    assert second["1"].percent is not None
    assert second["1"].memory_bytes == pytest.approx(of_child + of_process, rel=0.2)
