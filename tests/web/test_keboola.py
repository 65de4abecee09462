"""Keboola's Queue API as its clients use it: every answer is checked against Keboola's own description."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import Daemon
from e2e.signs import Gate
from e2e.wire import Message, Wire, put_component, put_config, until_running
from lockside.web.keboola.job import job_view
from lockside.web.keboola.words import Components
from web.queueclient import Client
from web.webserver import Web

RECORDED = (Path(__file__).parent / "data" / "recorded_calls.txt").read_text().split("\n== ")[1:]
KEYS = {
    *("id", "runId", "parentRunId", "project", "token", "status", "desiredStatus", "mode", "component"),
    *("config", "configRow", "configRowIds", "configData", "tag", "createdTime", "startTime", "endTime"),
    *("delayedStartTime", "durationSeconds", "result", "usageData", "isFinished", "url", "branchId"),
    *("variableValuesId", "variableValuesData", "backend", "executor", "metrics", "behavior"),
    *("parallelism", "type", "orchestrationJobId", "orchestrationTaskId", "orchestrationPhaseId"),
    *("onlyOrchestrationTaskIds", "previousJobId"),
}
SECONDS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")


@pytest.fixture(scope="module")
def queue(web: Web, token: str, daemon: Daemon) -> Iterator[Client]:
    with Wire(daemon.socket) as wire:
        put_component(wire, "kds.job", shell="echo out; echo err >&2", type="extractor")
        put_component(wire, "kds.fails", shell="echo broken >&2; exit 1")
        put_config(wire, "kds.job", "daily", rows=[{"id": "r1"}, {"id": "r2"}])
        phases = {
            "phases": [{"id": "p1"}],
            "tasks": [{"id": "t1", "phase": "p1", "task": {"componentId": "kds.job", "configId": "daily"}}],
        }
        put_config(wire, "lockside.orchestrator", "all", configuration=phases)
    with web.queue(token) as http:
        yield Client(http)


def test_a_job_is_created_polled_to_its_end_and_killed_too_late(queue: Client, wire: Wire) -> None:
    job = queue.create(component="kds.job", config="daily", mode="run", configRowIds=["r1"])
    assert job.keys() == KEYS
    assert (job["config"], job["configRow"], job["configRowIds"]) == ("daily", "r1", ["r1"])
    assert (job["branchId"], job["parentRunId"], job["type"]) == (None, "", "standard")
    assert SECONDS.match(job["createdTime"])
    assert job["url"].endswith(f"/jobs/{job['id']}")
    wire.done(job["id"])
    ended = queue.get(f"/jobs/{job['id']}")
    assert (ended["status"], ended["isFinished"], ended["durationSeconds"]) == ("success", True, 0)
    assert ended["result"]["configVersion"] == "1"
    assert ended["token"]["description"] == "queue"
    whole = job_view(wire.get(job["id"]), Components(()), str(queue.http.base_url).rstrip("/"))
    assert ended == whole, "nothing that the daemon knows is left out"
    answer = queue.refused(queue.http.post(f"/jobs/{job['id']}/kill"), 400)
    assert "not in one of killable states" in answer["error"]


def test_a_running_job_is_killed_once(queue: Client, wire: Wire, gate: Gate) -> None:
    put_component(wire, "kds.long", shell=gate.text)
    job = queue.create(component="kds.long", configData={})
    killed = queue.kill(job["id"])
    assert killed["desiredStatus"] == "terminating"
    queue.refused(queue.http.post(f"/jobs/{job['id']}/kill"), 400)
    assert wire.done(job["id"])["status"] in ("terminated", "cancelled")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"X-StorageApi-Token": "nonsense"}, 401), ({"Authorization": "Bearer lsk_1_x"}, 401)],
)
def test_without_a_valid_token_every_request_is_refused(web: Web, headers: Message, status: int) -> None:
    with web.queue() as http:
        refused = Client(http).refused(http.get("/search/jobs", headers=headers), status)
    assert refused["error"] == "Invalid access token"


def test_a_token_in_the_other_header_is_accepted_too(web: Web, token: str) -> None:
    with web.queue() as http:
        assert http.get("/search/jobs", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_revoked_token_is_refused_from_the_next_request_on(web: Web, wire: Wire) -> None:
    made = wire.call("token.create", name="gone")
    with web.queue(made["secret"]) as http:
        assert http.get("/search/jobs").status_code == 200
        wire.call("token.revoke", id=made["id"])
        assert http.get("/search/jobs").status_code == 401


def test_faults_are_reported_with_their_kind_and_field(queue: Client, web: Web, wire: Wire) -> None:
    unknown = queue.refused(queue.http.get("/jobs/999999"), 404)
    assert unknown["error"] == 'Job "999999" not found'
    queue.refused(queue.http.get("/jobs/nonsense"), 404)
    missing = queue.refused(queue.http.post("/jobs", json={"mode": "run"}), 400)
    assert missing["context"]["path"] == "$.component"
    extra = queue.refused(queue.http.post("/jobs", json={"component": "kds.job", "foo": 1}), 400)
    assert '"foo"' in extra["error"]
    queue.refused(queue.http.post("/jobs", content=b"{"), 400)
    queue.refused(queue.http.post("/jobs", json={"component": "no.such"}), 404)
    queue.refused(queue.http.get("/no/such"), 404)
    queue.refused(queue.http.get("/search/jobs", params={"limit": "1001"}), 400)
    queue.refused(queue.http.get("/search/jobs", params={"sortBy": "colour"}), 400)
    queue.refused(queue.http.get("/search/jobs", params={"id": "nonsense"}), 400)
    queue.refused(queue.http.get("/v2/storage/events"), 400)
    for wrong in ({"backend": {"colour": "red"}}, {"config": {"id": "daily"}}, {"configRowIds": [["r1"]]}):
        answer = queue.refused(queue.http.post("/jobs", json={"component": "kds.job", **wrong}), 400)
        assert answer["context"]["path"].startswith(f"$.{next(iter(wrong))}")
    queue.refused(queue.http.post("/jobs", content=b'{"configData":' + b"[" * 100_000), 400)
    queue.refused(queue.http.get("/search/jobs", params={"createdTimeFrom": "whenever"}), 400)
    queue.refused(queue.http.get("/jobs/1/open-api-lineage"), 501)
    viewer = wire.call("token.create", name="v", role="viewer")["secret"]
    with web.queue(viewer) as http:
        Client(http).refused(http.post("/jobs", json={"component": "kds.job", "configData": {}}), 403)
    same = {"component": "kds.job", "configData": {}, "deduplicationId": "d1"}
    queue.create(**same)
    queue.refused(queue.http.post("/jobs", json={**same, "component": "kds.fails"}), 409)


def test_empty_values_of_php_count_as_unset_and_unknown_members_are_kept(queue: Client) -> None:
    job = queue.create(
        component="kds.job",
        config="",
        configData=[],
        tag=None,
        branchId=0,
        variableValuesId="",
        variableValuesData=[],
        backend="large",
        parallelism=None,
        executor="dind",
        type="container",
        orchestrationJobId=12,
        orchestrationTaskId="t1",
        orchestrationPhaseId="p1",
        configRow="",
    )
    assert (job["backend"], job["type"]) == ({"type": "large"}, "container")
    assert (job["executor"], job["orchestrationJobId"], job["orchestrationTaskId"]) == ("dind", "12", "t1")
    other = queue.create(
        component="kds.job", configData={}, backend={"context": "1_ex", "containerType": "c"}
    )
    assert other["backend"] == {"context": "1_ex", "containerType": "c"}


def test_a_run_id_of_a_running_job_makes_a_child_and_a_foreign_one_is_shown(
    queue: Client, wire: Wire, gate: Gate
) -> None:
    put_component(wire, "kds.parent", shell=gate.text)
    parent = queue.create(component="kds.parent", configData={})
    until_running(wire, parent)
    headers = {"X-KBC-RunId": parent["runId"]}
    child = queue.http.post("/jobs", json={"component": "kds.job", "configData": {}}, headers=headers).json()
    assert child["parentRunId"] == parent["runId"]
    assert child["runId"] == f"{parent['runId']}.{child['id']}"
    listed = queue.get("/search/jobs", parentRunId=parent["runId"])
    assert [job["id"] for job in listed] == [child["id"]]
    foreign = queue.http.post(
        "/jobs", json={"component": "kds.parent", "configData": {}}, headers={"X-KBC-RunId": "987654321"}
    ).json()
    assert foreign["runId"] == f"987654321.{foreign['id']}"
    assert foreign["parentRunId"] == "987654321"
    assert [job["id"] for job in queue.get("/search/jobs", runId=foreign["runId"])] == [foreign["id"]]
    until_running(wire, foreign)
    below = queue.create(component="kds.job", configData={}, parentRunId=foreign["runId"])
    assert below["runId"] == f"{foreign['runId']}.{below['id']}"
    for parent, job in (("987654321", foreign), (foreign["runId"], below)):
        assert [one["id"] for one in queue.get("/search/jobs", parentRunId=parent)] == [job["id"]]
    gate.open()


def test_an_orchestration_has_its_keboola_name_both_ways_and_a_rerun_plan(queue: Client, wire: Wire) -> None:
    job = queue.create(component="keboola.flow", config="all")
    assert (job["component"], job["type"]) == ("keboola.orchestrator", "orchestrationContainer")
    wire.done(job["id"])
    found = queue.get("/search/jobs", **{"component[]": "keboola.orchestrator"})
    assert job["id"] in [one["id"] for one in found]
    plan = queue.get(f"/orchestration-rerun-plan/{job['id']}")
    (task,) = plan["matchedTasks"]
    assert (plan["jobId"], plan["configId"], task["taskId"], task["matched"]) == (
        job["id"],
        "all",
        "t1",
        True,
    )
    assert (task["componentId"], task["status"]) == ("kds.job", "success")
    again = queue.create(
        component="keboola.flow", config="all", previousJobId=job["id"], onlyOrchestrationTaskIds=["t1"]
    )
    assert (again["previousJobId"], again["onlyOrchestrationTaskIds"]) == (job["id"], ["t1"])


@pytest.fixture(scope="module")
def some(queue: Client, daemon: Daemon) -> list[Message]:
    """Jobs that have ended, among them a failed one and one in debug mode."""
    with Wire(daemon.socket) as wire:
        made = [
            queue.create(component="kds.job", config="daily"),
            queue.create(component="kds.fails", configData={"parameters": {"a": 1}}, executor="dind"),
            queue.create(component="kds.job", config="daily", mode="debug", configRowIds=["r2"]),
        ]
        for job in made:
            wire.done(job["id"])
    return [queue.get(f"/jobs/{job['id']}") for job in made]


@pytest.mark.parametrize(
    ("params", "places"),
    [
        ({"componentId": "kds.fails"}, [1]),
        ({"component[]": ["kds.fails", "kds.job"], "configId[0]": "daily"}, [0, 2]),
        ({"filters[status]": "error"}, [1]),
        ({"status[]": ["error", "success"], "mode": "debug"}, [2]),
        ({"configRowIds": "r2", "mode": "debug"}, [2]),
        ({"configRowIds[]": ["r1", "r2"]}, [2]),
        ({"tag": "9.9"}, []),
        ({"tag": "", "component": "kds.fails"}, [1]),
        ({"startTimeFrom": "-1 hour", "sortBy": "startTime", "configRowIds": "r2"}, [2]),
        ({"tokenDescription": "queue", "component": "kds.fails"}, [1]),
        ({"branchId": "null"}, [0, 1, 2]),
        ({"branchId": "other"}, []),
        ({"type": "standard", "component": "kds.fails"}, [1]),
        ({"componentProps[type]": "extractors"}, [0, 2]),
        ({"createdTimeFrom": "-1 hour"}, [0, 1, 2]),
        ({"createdTimeTo": "yesterday"}, []),
        ({"startTimeFrom": "-1 hour", "componentId": "kds.fails"}, [1]),
        ({"durationSecondsFrom": "3600"}, []),
        ({"durationSecondsTo": "60", "component": "kds.fails"}, [1]),
        ({"projectId": "default", "component": "kds.fails"}, [1]),
        ({"projectId": "other"}, []),
        ({"desiredStatus": "processing", "component": "kds.fails"}, [1]),
        ({"tokenId": "OURS", "component": "kds.fails"}, [1]),
        ({"tokenId": "OURS", "projectId[]": ["default", "other"], "configRowIds": "r2"}, [2]),
        ({"tokenId[]": ["0", "tk-other"]}, []),
        ({"parentRunId": "", "component": "kds.fails"}, [1]),
        ({"tokenId[]": ["OURS", *map(str, range(70))], "component": "kds.fails"}, [1]),
        ({"parentRunId": "12.34"}, []),
        ({"updatedTimeFrom": "-1 hour", "component": "kds.fails"}, [1]),
        ({"updatedTimeTo": "-1 hour"}, []),
        ({"variableValuesId": ""}, [0, 1, 2]),
        ({"variableValuesId": "none", "sortBy": "tag"}, []),
    ],
)
def test_every_filter_finds_its_jobs(
    queue: Client, some: list[Message], params: Message, places: list[int]
) -> None:
    ids = [job["id"] for job in some]
    token = some[0]["token"]["id"]
    params = json.loads(json.dumps(params).replace("OURS", token))
    found = [job["id"] for job in queue.get("/search/jobs", limit=1000, **params) if job["id"] in ids]
    assert sorted(found, key=int) == [ids[place] for place in places]


def test_pages_and_orders(queue: Client, some: list[Message]) -> None:
    newest = queue.get("/search/jobs", limit=3)
    assert [int(job["id"]) for job in newest] == sorted((int(job["id"]) for job in newest), reverse=True)
    assert queue.get("/search/jobs", limit=1, offset=1)[0]["id"] == newest[1]["id"]
    assert queue.get("/jobs", limit=2)[1]["id"] == newest[1]["id"]
    by_id = queue.get("/search/jobs", **{"id[]": [job["id"] for job in some]}, sortOrder="asc")
    assert [job["id"] for job in by_id] == sorted((job["id"] for job in some), key=int)
    for name in ("startTime", "createdTime", "durationSeconds", "componentId", "status", "runId"):
        jobs = queue.get("/search/jobs", sortBy=name, sortOrder="desc", limit=3)
        assert len(jobs) == 3


def test_groups_contain_the_first_jobs_of_each_group(queue: Client, some: list[Message]) -> None:
    groups = queue.get(
        "/search/grouped-jobs",
        **{"groupBy[]": ["componentId", "configId"], "jobsPerGroup": 1, "sortOrder": "desc"},
    )
    found = {(one["group"]["componentId"], one["group"]["configId"]): one["jobs"] for one in groups}
    assert [job["id"] for job in found["kds.job", "daily"]] == [some[2]["id"]]
    assert all(len(jobs) == 1 for jobs in found.values())
    queue.refused(queue.http.get("/search/grouped-jobs"), 400)
    of_configurations = queue.get("/configurations-jobs", componentId="kds.job", jobsPerConfiguration=2)
    assert len(of_configurations) == 2
    upwards = queue.get("/configurations-jobs", componentId="kds.job", jobsPerConfiguration=2, sortBy="id")
    assert [job["id"] for job in upwards] == [job["id"] for job in reversed(of_configurations)]
    latest = queue.get("/latest-configurations-jobs")
    assert len({(job["component"], job["config"]) for job in latest}) == len(latest)
    assert queue.get("/stats/project")["jobs"]["durationSum"] >= 0


def test_the_log_is_in_storage_with_the_newest_line_first(queue: Client, some: list[Message]) -> None:
    events = queue.get("/v2/storage/events", runId=some[1]["runId"], limit=10)
    assert [(one["type"], one["component"]) for one in events] == [("error", "kds.fails")] * 2
    assert events[1]["message"] == "broken"
    good = queue.get("/v2/storage/events", runId=some[0]["id"])
    assert good[0]["type"] == "success"
    assert {one["type"] for one in good[1:]} == {"info", "error"}
    assert queue.get("/v2/storage/events", runId=some[0]["id"], limit=1, offset=1) == good[1:2]


def test_storage_answers_the_first_requests_of_queue_clients(queue: Client, web: Web, wire: Wire) -> None:
    with web.queue() as http:
        index = http.get("/v2/storage").json()
    assert {service["id"] for service in index["services"]} >= {"queue", "connection"}
    token = queue.get("/v2/storage/tokens/verify")
    assert (token["description"], token["owner"]["name"]) == ("queue", "default")
    assert isinstance(token["owner"]["id"], int), "clients refuse anything else"
    wire.call("branch.create", branch={"id": "77", "name": "Side"})
    branches = queue.get("/v2/storage/dev-branches")
    assert [(one["id"], one["isDefault"]) for one in branches] == [(0, True), (77, False)]
    assert queue.get("/v2/storage/dev-branches/77")["name"] == "Side"
    assert queue.get("/v2/storage/dev-branches/default")["isDefault"]
    found = queue.get("/v2/storage/components", include="configuration")
    assert "keboola.orchestrator" in [one["id"] for one in found]
    configs = queue.get("/v2/storage/branch/0/components/kds.job/configs")
    assert [one["id"] for one in configs] == ["daily"]
    one = queue.get("/v2/storage/branch/default/components/kds.job/configs/daily")
    assert [row["id"] for row in one["rows"]] == ["r1", "r2"]
    assert queue.get("/v2/storage/components/kds.job/configs/daily") == one
    queue.refused(queue.http.get("/v2/storage/buckets"), 501)
    queue.refused(queue.http.post("/v2/storage/branch/default/components/kds.job/configs"), 501)


def test_a_token_sees_only_its_own_project(queue: Client, web: Web, wire: Wire, some: list[Message]) -> None:
    secret = wire.call("token.create", name="etl", project="etl")["secret"]
    with web.queue(secret) as http:
        other = Client(http)
        assert other.get("/search/jobs") == []
        other.refused(http.get(f"/jobs/{some[0]['id']}"), 404)
        assert other.get("/v2/storage/tokens/verify")["owner"]["name"] == "etl"


def test_answers_are_json_and_no_cross_origin_access_is_allowed(queue: Client) -> None:
    answer = queue.http.get("/search/jobs", headers={"Origin": "https://evil.example"})
    assert answer.headers["content-type"] == "application/json"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    json.loads(answer.text)


@pytest.fixture(scope="module")
def stored(daemon: Daemon) -> None:
    """Store the objects that the recorded calls name."""
    with Wire(daemon.socket) as wire:
        for name, shell in (("ex-db-snowflake", "exit 1"), ("ok", "echo out"), ("long", "sleep 60")):
            put_component(wire, f"keboola.{name}", shell=shell)
        put_config(wire, "keboola.ex-db-snowflake", "111")
        put_config(wire, "keboola.ok", "555", rows=[{"id": "r1"}])
        put_config(wire, "keboola.long", "666")
        task = {"id": "t1", "phase": "p1", "task": {"componentId": "keboola.ok", "configId": "555"}}
        phases = {"phases": [{"id": "p1"}], "tasks": [task]}
        put_config(wire, "lockside.orchestrator", "777", configuration=phases)


@pytest.mark.parametrize("calls", RECORDED, ids=lambda calls: calls.split(":")[0].split()[0])
def test_recorded_requests_of_unmodified_clients_are_answered_as_described(
    queue: Client, stored: None, calls: str
) -> None:
    job = ""
    for line in calls.splitlines()[1:]:
        if not line:
            continue
        verb, path, status, rest = (*line.replace("{job}", job).split(" ", 3), "")[:4]
        run, body = rest.split(" ", 1) if rest.startswith("run=") else ("", rest)
        headers = {"Content-Type": "application/json"} | ({"X-KBC-RunId": run[4:]} if run else {})
        answer = queue.http.request(verb, path, content=body, headers=headers)
        if int(status) >= 400:
            queue.refused(answer, int(status))
            continue
        told = queue.checked(verb.lower(), path.split("?")[0], answer, int(status))
        if status == "201":
            assert told["status"] == "created", "clients expect it however soon the job starts"
            assert told["runId"] == f"{run[4:]}.{told['id']}".removeprefix(".")
            job = told["id"]


def test_jobs_without_a_time_come_last_in_either_order(
    queue: Client, wire: Wire, some: list[Message]
) -> None:
    held = wire.call("job.create", component="kds.job", configData={}, hold=True)
    asked = {"componentId": "kds.job", "sortBy": "startTime", "limit": 1000}
    for order in ("asc", "desc"):
        found = queue.get("/search/jobs", **asked, sortOrder=order)
        assert found[-1]["id"] == held["id"]
        times = [job["startTime"] for job in found[:-1]]
        assert times == sorted(times, reverse=order == "desc")
        first = queue.get("/search/jobs", **asked | {"limit": 2}, sortOrder=order)
        assert [job["id"] for job in first] == [job["id"] for job in found[:2]]
    wire.call("job.terminate", id=held["id"])


def test_several_values_are_queried_one_by_one_and_merged(queue: Client, some: list[Message]) -> None:
    both = {"componentId[]": ["kds.job", "kds.fails"], "sortBy": "createdTime"}
    found = queue.get("/search/jobs", **both, limit=1000)
    ids = [int(job["id"]) for job in found]
    assert ids == sorted(ids, reverse=True)
    assert {job["component"] for job in found} == {"kds.job", "kds.fails"}
    page = queue.get("/search/jobs", **both, limit=2, offset=1)
    assert [job["id"] for job in page] == [job["id"] for job in found[1:3]]


def test_times_shown_in_whole_seconds_find_their_jobs(queue: Client, some: list[Message]) -> None:
    job = some[0]
    for name in ("createdTime", "startTime", "endTime"):
        found = queue.get("/search/jobs", **{f"{name}From": job[name], f"{name}To": job[name]}, id=job["id"])
        assert [one["id"] for one in found] == [job["id"]], name
    assert queue.get("/search/jobs", id=job["id"], durationSecondsTo=job["durationSeconds"])
    forced = queue.create(component="kds.job", config="daily", mode="forceRun")
    assert [one["id"] for one in queue.get("/search/jobs", mode="run", id=forced["id"])] == [forced["id"]]
