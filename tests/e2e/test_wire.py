"""Methods beyond single jobs: lists and cursors, events, metrics, the document of the wire, unknown names."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from e2e.harness import Daemon
from e2e.signs import Gate
from e2e.wire import Wire, of, put_component, put_config

# -- names


def test_an_unknown_method_or_field_is_named(wire: Wire) -> None:
    refusal = wire.refused("job.destroy", id="1")
    assert refusal.code == -32601
    assert "job.destroy" in refusal.error["message"]
    for params, path in (
        ({"component": "lockside.command", "colour": "red"}, "$.colour"),
        ({"component": "lockside.command", "limits": {"colour": "red"}}, "$.limits.colour"),
        ({"component": "lockside.command", "retry": {"maxAttempts": "many"}}, "$.retry.maxAttempts"),
        ({"component": 3}, "$.component"),
        ({"component": "a", "configRowIds": ["x", 3]}, "$.configRowIds[1]"),
        ({}, "$.component"),
    ):
        refusal = wire.refused("job.create", **params)
        assert (refusal.code, refusal.data["path"]) == (-32602, path), refusal
        assert path.rpartition(".")[2].split("[")[0] in refusal.error["message"]


def test_names_reserved_for_later_are_unknown_methods(wire: Wire) -> None:
    for method in ("chunk.list", "storage.list"):
        assert wire.refused(method).code == -32601


def test_the_document_describes_every_method(wire: Wire) -> None:
    document = wire.call("rpc.discover")
    assert document["openrpc"].startswith("1.")
    names = {method["name"] for method in document["methods"]}
    assert {
        "job.create",
        "job.wait",
        "event.subscribe",
        "daemon.status",
        "rpc.discover",
        "action.run",
    } <= names
    create = next(one for one in document["methods"] if one["name"] == "job.create")
    assert create["paramStructure"] == "by-name"
    for method in document["methods"]:
        assert method["params"] is not None
        assert method["result"]
    assert all(kind in json.dumps(document) for kind in ("invalid_transition", "not_found", "unavailable"))


def test_metrics_are_in_the_prometheus_text_format(wire: Wire) -> None:
    wire.done(wire.shell("true"))
    text = wire.call("daemon.metrics")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert any("success" in line and float(line.rsplit(" ", 1)[1]) >= 1 for line in lines)
    assert all(line.startswith(("lockside_", "process_", "python_")) for line in lines)
    assert "# TYPE" in text
    assert "# HELP" in text


def test_metrics_show_how_each_configuration_ended_and_its_last_success(body: Wire) -> None:
    parallel = {"runtime": {"parallelism": 2}}
    rows = [{"id": "a"}, {"id": "b"}]
    put_config(body, "acme.body", "scraped", configuration=parallel, rows=rows)
    body.call("daemon.metrics")
    good = body.done(body.create("acme.body", config="scraped"))
    failing = {"parameters": {"code": 1}, **parallel}
    put_config(body, "acme.body", "scraped", configuration=failing, rows=rows)
    body.done(body.create("acme.body", config="scraped"))
    labels = '{branch="default",component="acme.body",config="scraped",project="default"'
    figures = dict(line.rsplit(" ", 1) for line in body.call("daemon.metrics").splitlines() if labels in line)
    ended = f"lockside_configuration_jobs_ended_total{labels}"
    assert figures[ended + ',status="success"}'] == figures[ended + ',status="error"}'] == "1.0"
    last = float(figures[f"lockside_configuration_last_success_timestamp_seconds{labels}}}"])
    assert abs(last - datetime.fromisoformat(good["endTime"]).timestamp()) < 0.001
    assert float(figures[f"lockside_configuration_last_duration_seconds{labels}}}"]) > 0


def test_status_reports_the_condition_of_the_daemon(wire: Wire, daemon: Daemon) -> None:
    told = wire.call("daemon.status")
    assert daemon.process is not None
    assert of(told, "pid", "isDraining", "stateDir") == (daemon.process.pid, False, str(daemon.state_dir))
    assert told["store"]["isWritable"] is True
    assert told["keeper"]["isConnected"] is True
    assert told["uptimeSeconds"] > 0
    assert told["counts"].get("success", 0) >= 1


# -- lists


@pytest.fixture(scope="module")
def many(daemon: Daemon) -> list[dict[str, Any]]:
    """Forty jobs of several kinds, all final."""
    with Wire(daemon.socket) as wire:
        put_component(wire, "acme.list", shell="exit 0")
        for config in ("a", "b"):
            put_config(wire, "acme.list", config)
        sent = [
            wire.ask(
                "job.create",
                component="acme.list",
                config="ab"[n % 2],
                labels={"n": str(n % 4), "all": "yes"},
                name=f"list-{n:02}",
            )
            for n in range(36)
        ]
        jobs = [wire.answer(one) for one in sent]
        jobs += [
            wire.shell("exit 1", name="list-failed"),
            wire.call("job.terminate", id=wire.shell("true", hold=True)["id"]),
        ]
        return [wire.done(job) for job in jobs]


def test_pages_are_stable_and_complete(wire: Wire, many: list[dict[str, Any]]) -> None:
    for order in ("asc", "desc"):
        for by in ("id", "createdTime", "endTime"):
            seen: list[str] = []
            cursor = None
            while True:
                more = {"cursor": cursor} if cursor else {}
                page = wire.call(
                    "job.list", component="acme.list", limit=7, order=order, orderBy=by, count=True, **more
                )
                assert page["total"] == 36
                seen += [job["id"] for job in page["jobs"]]
                wire.done(wire.shell("true"))
                cursor = page["nextCursor"]
                if cursor is None:
                    break
            assert len(seen) == len(set(seen)) == 36
            if by == "id":
                assert seen == sorted(seen, key=int, reverse=order == "desc")


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"config": "a"}, 18),
        ({"labels": {"n": "3"}}, 9),
        ({"labels": {"n": "3", "all": "no"}}, 0),
        ({"status": ["success"]}, 36),
        ({"status": ["finished"]}, 36),
        ({"status": ["error", "canceled"]}, 0),
        ({"text": "list-0"}, 10),
        ({"text": "acme.l"}, 36),
        ({"branchId": "default"}, 36),
        ({"pool": "default"}, 36),
        ({"pool": "other"}, 0),
        ({"branchId": "other"}, 0),
        ({"type": "standard"}, 36),
        ({"type": "container"}, 0),
        ({"creator": "user"}, 36),
        ({"creator": "schedule"}, 0),
        ({"createdTo": "2001-01-01T00:00:00Z"}, 0),
        ({"createdFrom": "2001-01-01T00:00:00Z"}, 36),
        ({"finishedFrom": "2199-01-01T00:00:00Z"}, 0),
        ({"owner": "no-such-user"}, 0),
        ({"visible": False}, 0),
    ],
)
def test_filters_select_jobs(
    wire: Wire, many: list[dict[str, Any]], filters: dict[str, Any], count: int
) -> None:
    found = wire.call("job.list", component="acme.list", limit=1000, **filters)["jobs"]
    assert len(found) == count


def test_both_spellings_and_other_systems_words_of_a_status_are_accepted(
    wire: Wire, many: list[dict[str, Any]]
) -> None:
    for word in ("cancelled", "canceled", "CANCELED"):
        jobs = wire.call("job.list", status=[word])["jobs"]
        assert {job["status"] for job in jobs} == {"cancelled"}
    refusal = wire.refused("job.list", status=["success", "purple"])
    assert (refusal.code, refusal.data["path"]) == (-32602, "$.status[1]")
    assert wire.refused("job.list", cursor="nonsense").code == -32602
    assert wire.refused("job.list", limit=1001).data["path"] == "$.limit"


def test_an_owner_is_found_by_name_and_number(wire: Wire, many: list[dict[str, Any]]) -> None:
    principal = many[0]["principal"]
    for owner in (principal["user"], str(principal["uid"])):
        assert len(wire.call("job.list", component="acme.list", owner=owner)["jobs"]) == 36


def test_stats_are_counted_and_measured_by_group(wire: Wire, many: list[dict[str, Any]]) -> None:
    groups = wire.call("job.stats", groupBy=["config", "status"], component="acme.list")["groups"]
    assert {(one["group"]["config"], one["group"]["status"], one["count"]) for one in groups} == {
        ("a", "success", 18),
        ("b", "success", 18),
    }
    by_day = wire.call("job.stats", groupBy=["day"], component="acme.list")["groups"]
    days = {datetime.now(UTC).date(), datetime.now(UTC).date() - timedelta(days=1)}  # midnight may have come
    assert {one["group"]["day"] for one in by_day} <= {day.isoformat() for day in days}
    assert by_day[0]["durationSeconds"]["sum"] >= 0


# -- events


def test_events_are_listed_in_order_with_the_user_who_caused_them(wire: Wire, gate: Gate) -> None:
    job = wire.shell(gate.text)
    wire.call("job.annotate", id=job["id"], name="told")
    gate.open()
    wire.done(job)
    events = wire.events(job)
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})
    for event in events:
        assert event.keys() == {"seq", "time", "kind", "project", "job", "runId", "principal", "data"}
        assert event["runId"] == job["runId"]
    created = events[0]
    assert (created["kind"], created["principal"]) == ("job.created", job["principal"])
    moves = [of(event["data"], "from", "to") for event in events if event["kind"] == "job.status"]
    assert moves == [("created", "processing"), ("processing", "success")]
    assert all(event["data"]["cause"] for event in events if event["kind"] == "job.status")


def test_events_are_filtered_and_paged(wire: Wire) -> None:
    job = wire.done(wire.shell("true"))
    first = wire.call("event.list", job=job["id"], limit=2)
    rest = wire.call("event.list", job=job["id"], after=first["cursor"])
    whole = wire.call("event.list", job=job["id"])
    assert first["events"] + rest["events"] == whole["events"]
    kinds = wire.call("event.list", kinds=["job.created"], limit=10_000)["events"]
    assert {event["kind"] for event in kinds} == {"job.created"}
    prefix = wire.call("event.list", runIdPrefix=job["runId"])["events"]
    assert {event["job"] for event in prefix} >= {job["id"]}
    assert wire.refused("event.list", after=-1).code == -32602
    ahead = wire.call("event.list", after=10**12)
    assert ahead["events"] == []


def test_a_subscription_pushes_events_and_can_be_resumed(daemon: Daemon, wire: Wire) -> None:
    with Wire(daemon.socket) as watcher:
        begun = watcher.call("event.subscribe", kinds=["job.created", "job.status"])
        jobs = [wire.done(wire.shell("true")) for _ in range(3)]
        seen: list[dict[str, Any]] = []
        while not any(e["job"] == jobs[-1]["id"] and e["data"].get("to") == "success" for e in seen):
            notice = watcher.notice()
            assert notice["method"] == "event"
            assert notice["params"]["subscription"] == begun["subscription"]
            seen += notice["params"]["events"]
        after = seen[2]["seq"]
    later = wire.done(wire.shell("true"))
    with Wire(daemon.socket) as again:
        again.call("event.subscribe", kinds=["job.created", "job.status"], after=after)
        resumed: list[dict[str, Any]] = []
        while not any(e["job"] == later["id"] and e["data"].get("to") == "success" for e in resumed):
            resumed += again.notice()["params"]["events"]
    assert resumed[: len(seen) - 3] == seen[3:], "nothing is lost or duplicated"
    seqs = [event["seq"] for event in resumed]
    assert seqs == sorted(set(seqs))


def test_an_unsubscribed_connection_gets_no_more_events(wire: Wire) -> None:
    number = wire.call("event.subscribe")["subscription"]
    wire.done(wire.shell("true"))
    assert wire.notice()["method"] == "event"
    assert wire.call("event.unsubscribe", subscription=number)["subscription"] == number
    assert wire.refused("event.unsubscribe", subscription=number).kind == "not_found"


def test_a_slow_reader_can_read_every_lost_event_again(daemon: Daemon, wire: Wire) -> None:
    with Wire(daemon.socket) as slow:
        number = slow.call("event.subscribe", kinds=["job.annotated"])["subscription"]
        job = wire.done(wire.shell("true"))
        for n in range(300):
            wire.call("job.annotate", id=job["id"], labels={"n": "x" * 200, "i": str(n)}, fields=["id"])
        told = 0
        while told < 300:
            notice = slow.notice()
            assert notice["params"]["subscription"] == number
            if notice["method"] == "event":
                told += len(notice["params"]["events"])
            else:
                first, last = notice["params"]["from"], notice["params"]["to"]
                told += len(
                    wire.call("event.list", kinds=["job.annotated"], after=first - 1, limit=last - first + 1)[
                        "events"
                    ]
                )
        assert told == 300


def test_events_of_one_project_are_not_sent_to_another(wire: Wire) -> None:
    wire.call("component.put", project="apart", component={"id": "acme.apart", "command": ["true"]})
    job = wire.call("job.create", project="apart", component="acme.apart")
    wire.done(job)
    assert wire.call("event.list", project="apart", job=job["id"])["events"]
    assert wire.call("event.list", job=job["id"])["events"] == []
