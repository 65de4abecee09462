"""The blocking client: typed results, safe resending, and streams that survive restarts."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from client.fakedaemon import HANG_UP, FakeDaemon, HangUp, Refusal, in_turn, job
from lockside import Client, errors
from lockside.documents.enums import Status
from lockside.protocol.types.jobs import Job
from lockside.transport import Connection


def test_results_are_typed_objects(daemon: FakeDaemon) -> None:
    daemon.answers["job.create"] = job(status="created")
    with Client(daemon.path, project="p") as client:
        made = client.job.create("shop.orders", "daily", priority="high", config_row_ids=["r1"])
    assert isinstance(made, Job)
    assert made.status is Status.CREATED
    params = daemon.params_of("job.create")[0]
    assert params.pop("deduplicationId")
    expected = {"component": "shop.orders", "config": "daily", "priority": "high", "configRowIds": ["r1"]}
    assert params == expected | {"project": "p"}


def test_a_call_lost_with_its_connection_is_resent_and_executed_once(daemon: FakeDaemon) -> None:
    daemon.answers["daemon.status"] = in_turn(Refusal(-32001, "only to connect first"))
    daemon.answers["job.create"] = in_turn(HangUp(), job("7", "created", deduplicated=True))
    with Client(daemon.path) as client:
        with pytest.raises(errors.NotFound):
            client.daemon.status()
        assert client.job.create("a").id == "7"
    first, second = daemon.params_of("job.create")
    assert first == second


def test_a_sync_action_is_never_sent_twice(daemon: FakeDaemon) -> None:
    daemon.answers["action.run"] = in_turn(HangUp())
    with Client(daemon.path) as client, pytest.raises(errors.ConnectionLost):
        client.action.run("a", "ping")
    assert len(daemon.calls) == 1


def test_a_daemon_that_stays_away_is_given_up(daemon: FakeDaemon) -> None:
    daemon.answers["job.get"] = in_turn(HangUp())
    with Client(daemon.path, reconnect_seconds=0.1) as client, pytest.raises(errors.ConnectionLost):
        client.job.get("1")
    assert len(daemon.calls) > 1


def test_without_a_daemon_the_first_call_fails_at_once(daemon: FakeDaemon) -> None:
    daemon.stop()
    with Client(daemon.path) as client, pytest.raises(errors.NotReachable):
        client.job.get("1")


def test_waiting_ends_at_the_given_time_out(daemon: FakeDaemon) -> None:
    daemon.answers["job.wait"] = {"jobs": [job(status="processing")]}
    with Client(daemon.path) as client:
        assert not client.wait("42", timeout_seconds=0).is_finished
    assert daemon.params_of("job.wait")[0]["timeoutSeconds"] == 0


def test_a_log_is_read_to_its_end(daemon: FakeDaemon) -> None:
    frame = {"seq": 0, "time": "2026-01-31T08:00:00Z", "stream": "stdout", "text": "one\n"}
    end = {"frames": [], "nextOffset": 1, "isComplete": True}
    daemon.answers["job.log"] = in_turn({"frames": [frame], "nextOffset": 1, "isComplete": False}, end)
    with Client(daemon.path) as client:
        assert [each.text for each in client.log("42", follow=True)] == ["one\n"]


def test_all_jobs_are_read_page_after_page(daemon: FakeDaemon) -> None:
    pages = ({"jobs": [job("2")], "nextCursor": "c"}, {"jobs": [job("1")], "nextCursor": None})
    daemon.answers["job.list"] = in_turn(*pages)
    with Client(daemon.path) as client:
        assert [each.id for each in client.jobs(status=["success"])] == ["2", "1"]


def _events(*numbers: int) -> tuple[str, dict[str, object]]:
    events = [{"seq": number, "time": "2026-01-31T08:00:00Z", "kind": "job.status"} for number in numbers]
    return "event", {"subscription": "s", "events": events}


def test_events_arrive_once_and_in_order_over_a_restart_and_a_gap(daemon: FakeDaemon) -> None:
    def subscribe(params: dict[str, object]) -> dict[str, object]:
        lost = ("event.lost", {"subscription": "s", "from": 3, "to": 4})
        again = [_events(2), lost, _events(5)]
        daemon.pushes["event.subscribe"] = again if "after" in params else [_events(1, 2), HANG_UP]
        return {"subscription": "s", "cursor": 0}

    daemon.answers["event.subscribe"] = subscribe
    daemon.answers["event.list"] = {"events": _events(3, 4)[1]["events"], "cursor": 4}
    with Client(daemon.path) as client:
        events = client.events()
        assert [next(events).seq for _ in range(5)] == [1, 2, 3, 4, 5]
        events.close()
    assert [asked.get("after") for asked in daemon.params_of("event.subscribe")] == [None, 2]
    assert daemon.params_of("event.list") == [{"after": 2, "limit": 2}]


def test_inside_a_job_the_parent_and_the_waiter_are_named(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKSIDE_RUN_ID", "12.15")
    daemon.answers |= {"job.create": job(), "job.wait": {"jobs": [job()]}}
    with Client(daemon.path) as client:
        client.wait(client.job.create("a").id)
    assert daemon.params_of("job.create")[0]["parentRunId"] == "12.15"
    assert daemon.params_of("job.wait")[0]["waiterRunId"] == "12.15"


@pytest.mark.parametrize("spelling", ["{}", "{}/../{name}"])
def test_the_context_of_a_job_is_sent_only_to_its_own_daemon(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spelling: str
) -> None:
    monkeypatch.setenv("LOCKSIDE_RUN_ID", "12.15")
    monkeypatch.setenv("LOCKSIDE_START_TOKEN", "15-1-0")
    monkeypatch.setenv("LOCKSIDE_JOB_SOCKET", spelling.format(daemon.path, name=Path(daemon.path).name))
    monkeypatch.setenv("LOCKSIDE_PROJECT", "team")
    (tmp_path / "linked.sock").symlink_to(daemon.path)
    answers = {
        "job.create": job(),
        "job.createMany": {"jobs": []},
        "job.wait": {"jobs": [job()]},
        "job.report": {"job": "15"},
    }
    daemon.answers |= answers
    with Client(str(tmp_path / "linked.sock")) as client:
        client.wait(client.job.create("a").id)
        client.job.create_many([{"component": "a"}, {"component": "a", "parentRunId": "3"}])
        client.job.report(progress=0.5)
    (many,) = daemon.params_of("job.createMany")
    assert [each["parentRunId"] for each in many["jobs"]] == ["12.15", "3"]
    with FakeDaemon(str(tmp_path / "other.sock")) as other, Client(other.path) as client:
        other.answers |= answers
        client.wait(client.job.create("a").id)
        client.job.create_many([{"component": "a"}])
        with pytest.raises(errors.InvalidParams, match="token"):
            client.job.report(progress=0.5)
        asked = [*other.params_of("job.create"), *other.params_of("job.wait")]
        asked += other.params_of("job.createMany")[0]["jobs"]
    assert len(asked) == 3
    assert not [each for each in asked if {"parentRunId", "waiterRunId", "project"} & each.keys()]
    assert daemon.params_of("job.create")[0]["project"] == "team"


def test_the_project_of_the_environment_applies_to_the_library_too(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKSIDE_PROJECT", "team")
    daemon.answers["job.get"] = job()
    for project in None, "own":
        with Client(daemon.path, project=project) as client:
            client.job.get("42")
    assert [asked["project"] for asked in daemon.params_of("job.get")] == ["team", "own"]


def test_bytes_are_refused_and_not_converted_to_base64(daemon: FakeDaemon) -> None:
    with Client(daemon.path) as client, pytest.raises(errors.InvalidParams, match="bytes"):
        client.job.create("a", config_data={"parameters": {"key": b"secret"}})
    assert daemon.calls == []


def test_every_error_can_be_imported_from_the_package() -> None:
    import lockside

    kinds = {name for name, each in vars(errors).items() if isinstance(each, type)}
    assert {name for name in kinds if getattr(lockside, name) is getattr(errors, name)} == kinds


def test_importing_the_package_loads_nothing_else() -> None:
    listed = "[name for name in sys.modules if name.startswith(('lockside.', 'msgspec'))]"
    code = f"import sys, lockside; print({listed})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_the_command_line_starts_without_loading_the_library() -> None:
    code = (
        "import sys; from lockside.cli.main import main; main(['status', '--socket', '/nowhere']); "
        "print([name for name in ('msgspec', 'click', 'rich', 'argparse', 'dataclasses', 'asyncio', 'typing')"
        " if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=_paths()
    )
    assert ran.stdout == "[]\n"


def _paths() -> dict[str, str]:
    import lockside

    return {"PYTHONPATH": str(Path(lockside.__file__).parents[1])}


def test_a_gap_in_the_events_is_read_with_the_same_filters_page_after_page(daemon: FakeDaemon) -> None:
    daemon.answers["event.subscribe"] = {"subscription": "s", "cursor": 0}
    daemon.pushes["event.subscribe"] = [
        _events(1),
        ("event.lost", {"subscription": "s", "from": 2, "to": 5000}),
        _events(5001),
    ]
    first = {"events": _events(2, 900)[1]["events"], "cursor": 900, "nextCursor": "a"}
    second = {"events": _events(1950, 4000)[1]["events"], "cursor": 4000, "nextCursor": None}
    daemon.answers["event.list"] = in_turn(first, second)
    with Client(daemon.path) as client:
        events = client.events(kinds=["job.status"], job="7")
        assert [next(events).seq for _ in range(6)] == [1, 2, 900, 1950, 4000, 5001]
        events.close()
    asked = daemon.params_of("event.list")
    assert [one.get("cursor") for one in asked] == [None, "a"]
    assert {one["after"] for one in asked} == {1}
    assert all(one["kinds"] == ["job.status"] and one["job"] == "7" for one in asked)


def test_events_no_longer_stored_are_reported(daemon: FakeDaemon) -> None:
    daemon.answers["event.subscribe"] = {"subscription": "s", "cursor": 0}
    daemon.pushes["event.subscribe"] = [("event.lost", {"subscription": "s", "from": 1, "to": 8}), _events(9)]
    daemon.answers["event.list"] = {"events": [], "cursor": 0, "lost": {"from": 1, "to": 8}}
    with Client(daemon.path) as client:
        events = client.events(after=0)
        told = next(events)
        assert (told.kind, told.data) == ("event.lost", {"from": 1, "to": 8})
        assert next(events).seq == 9
        events.close()


def test_progress_is_delivered_although_it_does_not_move_the_cursor(daemon: FakeDaemon) -> None:
    progress = {"seq": 4, "time": "2026-01-31T08:00:00Z", "kind": "job.progress"}
    daemon.answers["event.subscribe"] = {"subscription": "s", "cursor": 4}
    twice: tuple[str, dict[str, object]] = ("event", {"subscription": "s", "events": [progress] * 2})
    daemon.pushes["event.subscribe"] = [twice, _events(5)]
    with Client(daemon.path) as client:
        events = client.events()
        assert [next(events).kind for _ in range(3)] == ["job.progress", "job.progress", "job.status"]
        events.close()


def test_an_abandoned_creation_names_the_id_for_resending_it(daemon: FakeDaemon) -> None:
    daemon.answers["job.create"] = in_turn(HangUp())
    with Client(daemon.path, reconnect_seconds=0.1) as client:
        with pytest.raises(errors.ConnectionLost) as lost:
            client.job.create("a")
        with pytest.raises(errors.ConnectionLost) as named:
            client.job.create("a", deduplication_id="mine")
    sent = {params["deduplicationId"] for params in daemon.params_of("job.create")}
    assert sent == {lost.value.data["deduplicationId"], "mine"}
    assert named.value.data["deduplicationId"] == "mine"
    assert "'mine'" in named.value.remedy


def test_an_interrupted_call_leaves_no_partly_read_answer(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answers["job.get"] = lambda params: job(params["id"])
    with Client(daemon.path) as client:
        assert client.job.get("1").id == "1"
        with monkeypatch.context() as patch:
            patch.setattr(Connection, "receive", _interrupted)
            with pytest.raises(KeyboardInterrupt):
                client.job.get("2")
        assert client.job.get("3").id == "3"


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_answer_of_another_version_is_reported_as_such(daemon: FakeDaemon) -> None:
    daemon.answers["job.get"] = {"id": 7}
    with Client(daemon.path) as client, pytest.raises(errors.NotUnderstood, match=r"job\.get.*\$\.id"):
        client.job.get("7")


def test_a_server_of_another_protocol_is_reported_as_such(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "other"))
        listening.listen()
        thread = threading.Thread(target=_greet_as_a_mail_server, args=(listening,))
        thread.start()
        with (
            Client(str(tmp_path / "other"), reconnect_seconds=0) as client,
            pytest.raises(errors.ConnectionLost, match="does not speak lockside's protocol"),
        ):
            client.job.get("7")
        thread.join()


def _greet_as_a_mail_server(listening: socket.socket) -> None:
    peer, _ = listening.accept()
    with peer:
        peer.sendall(b"220 mail.example.org ESMTP\n")
        peer.recv(65536)


def test_reporting_outside_a_job_needs_a_token(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon.answers["job.report"] = {"job": "12"}
    monkeypatch.delenv("LOCKSIDE_START_TOKEN", raising=False)
    with Client(daemon.path) as client:
        with pytest.raises(errors.InvalidParams, match="token"):
            client.job.report(progress=0.5)
        monkeypatch.setenv("LOCKSIDE_START_TOKEN", "12-1-0")
        assert client.job.report(progress=0.5).job == "12"
    assert daemon.params_of("job.report") == [{"token": "12-1-0", "progress": 0.5}]
