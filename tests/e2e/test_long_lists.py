"""No list is too long to be read: each page fits a line, and every list can be read to its end."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import Daemon, running
from e2e.processes import PLAIN
from e2e.wire import Message, Wire, put_component, put_config
from lockside import Client

LINE_BYTES = 100_000
LARGE = "x" * 30_000
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with a short line limit, and in each list more than one line holds."""
    with running(LOCKSIDE_LIMITS__LINE_BYTES=str(LINE_BYTES)) as one:
        with Wire(one.socket) as wire:
            fill(wire)
        yield one


def fill(wire: Wire) -> None:
    for n in range(10):
        put_component(wire, f"long.c{n}", command=["true"], environment={"A": LARGE})
        put_config(wire, "long.c0", f"f{n}", configuration={"parameters": {"text": LARGE}})
        put_config(wire, "long.c0", "often", name=str(n), changeDescription="y" * 16_000)
        wire.call(
            "variables.put", variables={"id": f"v{n}", "values": [{"name": "a", "value": "v" * 16_000}]}
        )
        wire.call("pool.put", pool={"id": f"p{n}", "slots": 1, "description": "z" * 16_000})
        wire.call("branch.create", branch={"id": f"b{n}", "name": "branch"})
        wire.shell("true", environment={"LARGE": LARGE}, hold=True)


def pages(wire: Wire, method: str, member: str, **params: Any) -> list[list[Message]]:
    """Return all pages of a list as sent on the wire, each checked against the line limit."""
    found: list[list[Message]] = []
    cursor: dict[str, str] = {}
    while True:
        number = wire.ask(method, **params, **cursor)
        line = wire.read_bytes()
        answer = json.loads(line)
        assert answer["id"] == number
        assert len(line) <= LINE_BYTES
        found.append(answer["result"][member])
        if answer["result"]["nextCursor"] is None:
            return found
        cursor = {"cursor": answer["result"]["nextCursor"]}


def names(found: list[list[Message]], name: str) -> list[Any]:
    return [entry[name] for page in found for entry in page]


@pytest.mark.parametrize(
    ("method", "member", "name", "expected"),
    [
        ("component.list", "components", "id", [f"long.c{n}" for n in range(10)]),
        ("config.list", "configs", "config", [*(f"f{n}" for n in range(10)), "often"]),
        ("variables.list", "variables", "id", [f"v{n}" for n in range(10)]),
        ("pool.list", "pools", "id", ["default", *(f"p{n}" for n in range(10))]),
    ],
)
def test_a_list_of_stored_objects_is_read_page_by_page(
    wire: Wire, method: str, member: str, name: str, expected: list[str]
) -> None:
    found = pages(wire, method, member)
    assert len(found) > 1
    assert [one for one in names(found, name) if not one.startswith("lockside.")] == expected
    assert names(pages(wire, method, member, limit=3), name) == names(found, name)


def test_lists_can_be_restricted_to_some_members_and_always_name_the_object(wire: Wire) -> None:
    configs = pages(wire, "config.list", "configs", fields=["version"])
    assert configs[0][0] == {"component": "long.c0", "config": "f0", "version": 1}
    assert pages(wire, "component.list", "components", fields=["type"])[-1][-1] == {
        "id": "long.c9",
        "type": "other",
    }
    assert pages(wire, "variables.list", "variables", fields=[])[0][0] == {"id": "v0"}
    assert wire.refused("config.list", fields=["size"]).data["path"] == "$.fields[0]"


def test_branches_and_versions_have_pages_too(wire: Wire) -> None:
    found = pages(wire, "branch.list", "branches", limit=4)
    assert [len(page) for page in found] == [5, 4, 2], "the default branch precedes the first page"
    assert names(found, "id") == ["default", *(f"b{n}" for n in range(10))]
    often = {"component": "long.c0", "config": "often"}
    found = pages(wire, "config.versions", "versions", **often)
    assert len(found) > 1
    assert names(found, "version") == list(range(10, 0, -1))


def test_jobs_are_listed_without_large_members_unless_requested(wire: Wire) -> None:
    [plain] = pages(wire, "job.list", "jobs", text="lockside.command")
    assert len(plain) == 11
    assert all("configData" not in job for job in plain)
    [some] = pages(wire, "job.list", "jobs", fields=["configData"])
    assert some[0]["configData"] == {"parameters": {"shell": "true"}}
    found = pages(wire, "job.list", "jobs", expand=["configData", "environment"])
    assert len(found) > 2
    assert names(found, "id") == [job["id"] for job in plain]
    assert found[0][0]["configData"]["parameters"]["environment"]["LARGE"] == LARGE


def test_a_wait_for_many_jobs_is_answered_in_parts(wire: Wire) -> None:
    ids = [job["id"] for job in wire.call("job.list", order="asc", fields=["id"])["jobs"]]
    found = pages(wire, "job.wait", "jobs", ids=ids, timeoutSeconds=0)
    assert len(found) > 2
    assert names(found, "id") == ids


def test_events_are_listed_and_pushed_in_lines(wire: Wire, daemon: Daemon) -> None:
    found = pages(wire, "event.list", "events", limit=10_000)
    last = found[-1][-1]["seq"]
    assert names(found, "seq") == list(range(1, last + 1))
    wire.call("event.subscribe", after=0)
    seen: list[int] = []
    while len(seen) < last:
        line = wire.read_bytes()
        assert len(line) <= LINE_BYTES
        seen += [event["seq"] for event in json.loads(line)["params"]["events"]]
    assert seen[:last] == list(range(1, last + 1))


def test_a_log_is_read_in_lines(wire: Wire) -> None:
    job = wire.done(wire.shell(r"head -c 200000 /dev/zero | tr '\0' '\001'"))
    offset, text = 0, ""
    while True:
        wire.ask("job.log", id=job["id"], offset=offset)
        line = wire.read_bytes()
        page = json.loads(line)["result"]
        assert len(line) <= LINE_BYTES or len(page["frames"]) == 1
        text += "".join(frame["text"] for frame in page["frames"])
        if page["isComplete"]:
            break
        assert page["nextOffset"] > offset
        offset = page["nextOffset"]
    assert text == "\x01" * 200_000


def test_the_library_and_the_command_line_follow_the_pages(daemon: Daemon) -> None:
    with Client(str(daemon.socket)) as client:
        configs = client.config.list().configs
        assert [one.config for one in configs] == [*(f"f{n}" for n in range(10)), "often"]
        assert configs[0].configuration == {"parameters": {"text": LARGE}}
        assert len(client.component.list(type="other").components) == 13
        assert [one.version for one in client.config.versions("long.c0", "often").versions][-1] == 1
        jobs = client.job.list(limit=9).jobs
        assert len(jobs) == 9
        held = list(client.jobs(status=["created", "waiting"]))
        assert len(held) == 10
        assert (held[0].config_data or {})["parameters"]["environment"]["LARGE"] == LARGE
        assert [job.id for job in client.wait_many([job.id for job in held], 0)] == [job.id for job in held]
    assert len(run(daemon, "config", "ls").splitlines()) == 11
    listed = json.loads(run(daemon, "ls", "--all", "--json", "--status", "waiting", "--status", "created"))
    assert [job["configData"]["parameters"]["environment"]["LARGE"] for job in listed["jobs"]] == [LARGE] * 10
    assert len(run(daemon, "ls", "--all").splitlines()) >= 11


def run(daemon: Daemon, *words: str) -> str:
    command = [sys.executable, "-m", "lockside.cli.main", "--socket", str(daemon.socket), *words]
    done = subprocess.run(command, env=PLAIN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_object_as_large_as_a_request_can_be_read_and_listed(fresh: Callable[..., Daemon]) -> None:
    """Its views are larger than the request was: they are answered whole, alone on their page."""
    daemon = fresh(LOCKSIDE_LIMITS__LINE_BYTES=str(LINE_BYTES))
    whole = "x" * (LINE_BYTES - 300)
    with Wire(daemon.socket) as wire:
        put_component(wire, "a.b", command=["true"])
        data = {"parameters": {"text": whole}}
        assert put_config(wire, "a.b", "one", configuration=data)["configuration"] == data
        put_config(wire, "a.b", "two", configuration=data)
        made = wire.create("a.b", configData=data, hold=True)
        assert (made["configData"], wire.get(made["id"])["configData"]) == (data, data)
        again = wire.call("job.resubmit", id=made["id"], **{"with": {"hold": True}})
        assert wire.call("job.wait", id=again["id"], timeoutSeconds=0)["configData"] == data
        assert wire.create("a.b", configData=data, dryRun=True)["configData"] == data
        many = wire.call("job.createMany", jobs=[{"component": "a.b", "configData": data, "hold": True}])
        assert [set(job) for job in many["jobs"]] == [{"id"}], (
            "many views that are too long are returned as ids"
        )
    with Client(str(daemon.socket)) as client:
        assert [one.configuration for one in client.config.list().configs] == [data, data]
        assert [job.config_data for job in client.jobs(component="a.b")] == [data] * 3


# -- apply in parts


def contents(count: int, size: int = 0, **more: Any) -> Message:
    return {
        "components": [{"id": "part.c", "command": ["true"]}],
        "configs": [
            {
                "component": "part.c",
                "config": f"c{n:03}",
                "configuration": {"parameters": {"text": "x" * size}},
            }
            for n in range(count)
        ],
        **more,
    }


def test_an_apply_longer_than_a_line_is_sent_in_parts_and_done_in_one_transaction(daemon: Daemon) -> None:
    with Client(str(daemon.socket)) as client, Wire(daemon.socket) as wire:
        before = wire.call("event.subscribe")["cursor"]
        parts = contents(0), {"configs": contents(5, 15_000)["configs"]}
        for part in parts:
            staged = wire.call("catalog.stage", draft="d", **part)
        assert (staged["count"], staged["sizeBytes"] > 75_000) == (6, True)
        with Wire(daemon.socket) as other:
            assert other.refused("catalog.apply", draft="d").data["path"] == "$.draft"
        twice = wire.refused("catalog.stage", draft="d", configs=contents(1)["configs"])
        assert "asked for twice" in twice.error["message"]
        more = {"component": "part.c", "config": "last"}
        done = wire.call("catalog.apply", draft="d", configs=[more])
        assert [change["id"] for change in done["changes"]] == [
            "part.c",
            *(f"c{n:03}" for n in range(5)),
            "last",
        ]
        assert wire.refused("catalog.apply", draft="d").kind == "not_found", "the draft is used up"
        kinds = [event.kind for event in client.event.list(after=before).events]
        assert kinds == ["component.created", *["config.created"] * 6]


def test_the_clients_split_a_long_folder_into_parts(fresh: Callable[..., Daemon], place: Path) -> None:
    daemon = fresh()
    folder = place / "folder"
    for kind in ("components", "configs/part.c"):
        (folder / kind).mkdir(parents=True)
    (folder / "components/part.c.json").write_text('{"command": ["true"]}')
    count = 12 * MEGABYTE // 400_000
    for n in range(count):
        body = {"parameters": {"text": "x" * 400_000}}
        (folder / f"configs/part.c/c{n:03}.json").write_text(json.dumps(body))
    assert run(daemon, "apply", str(folder)).endswith(f"Done: {count + 1} created.\n")
    assert "Nothing to change" in run(daemon, "apply", str(folder))
    run(daemon, "export", str(place / "out"))
    assert run(daemon, "apply", str(place / "out")).startswith("Nothing to change")
    with Client(str(daemon.socket)) as client:
        asked = contents(count, 300_000)
        plan = client.catalog.apply(**asked, dry_run=True)
        assert len(plan.changes) == count, "a plan of this size omits long values"
        assert [field.is_long for field in plan.changes[-1].fields] == [True]
        done = client.catalog.apply(**asked, plan=plan.plan)
        assert {change.version for change in done.changes} == {2}


def test_resent_parts_are_applied_once(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    with Wire(daemon.socket) as wire:
        for draft in ("a", "b"):
            wire.call("catalog.stage", draft=draft, **contents(2, 10))
        wire.call("catalog.stage", draft="c", **contents(3, 10))
        first = wire.call("catalog.apply", draft="a", deduplicationId="once")
        again = wire.call("catalog.apply", draft="b", deduplicationId="once")
        assert {**first, "deduplicated": True} == again
        assert wire.refused("catalog.apply", draft="c", deduplicationId="once").kind == "conflict"


def test_staging_beyond_the_limit_is_refused_with_the_name_of_the_setting(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh(LOCKSIDE_LIMITS__STAGED_BYTES="100000")
    with Wire(daemon.socket) as wire:
        wire.call("catalog.stage", draft="a", **contents(1, 60_000))
        with Wire(daemon.socket) as other:
            refusal = other.refused("catalog.stage", draft="b", **contents(1, 60_000))
            assert refusal.kind == "limit"
            assert "`staged_bytes` in the section [limits]" in refusal.error["message"]
        wire.call("catalog.apply", draft="a")
        wire.call("catalog.stage", draft="b", **contents(1, 60_000))


def test_a_draft_ends_with_its_connection(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh(LOCKSIDE_LIMITS__STAGED_BYTES="100000")
    for _ in range(5):
        with Wire(daemon.socket) as wire:
            wire.call("catalog.stage", draft="a", **contents(1, 60_000))
            wire.socket.shutdown(1)
            assert wire.read() is None


def test_a_fault_in_a_part_is_reported_with_its_place_in_the_whole(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    asked = contents(30, 60_000)
    asked["configs"][25]["isDisabled"] = "maybe"
    with Client(str(daemon.socket)) as client, pytest.raises(Exception, match=r"configs\[25\]") as refusal:
        client.catalog.apply(**asked)
    assert refusal.value.path == "$.configs[25].isDisabled"  # type: ignore[attr-defined]
