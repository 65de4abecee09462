"""The OpenRPC document is valid by its own standard, and real calls and answers match it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from e2e.harness import LAKE, Daemon, python, running
from e2e.lake import WRITER
from e2e.wire import Message, Wire, put_component, put_config, until_running, wait_until
from fuzz.schemas import Schemas


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with tables."""
    with running(**LAKE) as one:
        yield one


@pytest.fixture(scope="module")
def document(daemon: Daemon) -> Message:
    with Wire(daemon.socket) as wire:
        found: Message = wire.call("rpc.discover")
        return found


def test_the_document_is_valid_by_the_schema_of_the_standard(document: Message, node_modules: Path) -> None:
    program = 'console.log(JSON.stringify(require("@open-rpc/meta-schema").default))'
    ran = subprocess.run(
        ["node", "-e", program], cwd=node_modules, capture_output=True, text=True, check=True
    )
    schema = _local(json.loads(ran.stdout))
    faults = [
        f"{list(one.instance_path)}: {one.message[:300]}"
        for one in jsonschema_rs.Draft7Validator(schema).iter_errors(document)
    ]
    assert faults == []


def _local(part: Any) -> Any:
    """Return the schema without external references: the next test checks the document's JSON Schemas."""
    if isinstance(part, dict):
        if str(part.get("$ref", "")).startswith("https:"):
            return {}
        return {name: _local(value) for name, value in part.items() if name not in ("$schema", "$id")}
    return [_local(value) for value in part] if isinstance(part, list) else part


def test_every_schema_in_the_document_is_a_json_schema(document: Message) -> None:
    schemas = list(document["components"]["schemas"].values())
    for method in document["methods"]:
        schemas += [method["result"]["schema"], *(one["schema"] for one in method["params"])]
    for schema in schemas:
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})


class Checked(Wire):
    """A connection whose every call and answer is checked against the document."""

    def __init__(self, path: Any, document: Message) -> None:
        super().__init__(path)
        self._methods = {one["name"]: one for one in document["methods"]}
        self._pushed = {one["name"]: place for place, one in enumerate(document["x-notifications"])}
        self.document = document
        self._schemas = Schemas(document)
        self.used: set[str] = set()

    def call(self, method: str, **params: Any) -> Any:
        self._check(f"the parameters of {method}", self._schemas.params(self._methods[method]), params)
        result = super().call(method, **params)
        schema = self._schemas.at(f"{self._schemas.places[method]}/result/schema")
        self._check(f"the result of {method}", schema, result)
        self.used.add(method)
        return result

    def notice(self) -> Message:
        heard = super().notice()
        kind = self._pushed[heard["method"]]
        self._check(heard["method"], self._schemas.at(f"x-notifications/{kind}/params"), heard["params"])
        return heard

    def _check(self, what: str, validator: Any, value: Any) -> None:
        assert [
            f"{what}: {list(one.instance_path)} {one.message[:300]}" for one in validator.iter_errors(value)
        ] == []


def test_every_method_accepts_and_returns_what_the_document_says(daemon: Daemon, document: Message) -> None:
    with Checked(daemon.socket, document) as wire:
        _catalog(wire)
        _schedules(wire)
        _templates(wire)
        _secrets(wire)
        _notifications(wire)
        _tables(wire, daemon.folder)
        _jobs(wire)
        _other_jobs(wire)
        _blocked_job(wire)
        _platform(wire)
        _tokens(wire, daemon)
        refusal = wire.refused("job.get", id="999999")
        [error] = [one for one in document["components"]["errors"].values() if one["code"] == refusal.code]
        assert error["data"]["kind"] == refusal.kind
        assert wire.used == {one["name"] for one in document["methods"]}


def _catalog(wire: Wire) -> None:
    put_component(wire, "doc.plain", command=["true"], actions=["ask"], limits={"timeoutSeconds": 60})
    put_component(wire, "doc.ask", shell="echo '{\"a\": 1}'", actions=["ask"])
    put_component(wire, "doc.gone", command=["true"])
    wire.call("component.get", id="doc.plain")
    wire.call("component.list", type="other")
    wire.call("component.delete", id="doc.gone")
    wire.call("component.copy", id="doc.plain", toId="doc.copy")
    _old_versions(wire, "component", "doc.copy")
    put_config(wire, "doc.plain", "one", configuration={"parameters": {"a": [1, None]}}, rows=[{"id": "r1"}])
    put_config(wire, "doc.plain", "one", configuration={"parameters": {"a": 2}}, expectedVersion=1)
    phases = {
        "phases": [{"id": "p1"}],
        "tasks": [{"id": "t1", "phase": "p1", "task": {"component": "doc.plain"}}],
    }
    put_config(wire, "lockside.orchestrator", "all", configuration=phases)
    wire.call("config.get", component="doc.plain", config="one", version=1)
    wire.call("config.list", component="doc.plain")
    wire.call("config.versions", component="doc.plain", config="one")
    wire.call("config.rollback", component="doc.plain", config="one", version=1)
    wire.call("config.diff", component="doc.plain", config="one", version=1)
    wire.call("config.copy", component="doc.plain", config="one", toConfig="two")
    wire.call("config.delete", component="doc.plain", config="two")
    wire.call("branch.create", branch={"id": "side", "name": "Side"})
    wire.call("branch.list")
    wire.call("branch.get", id="side")
    _old_versions(wire, "branch", "side")
    wire.call("branch.delete", id="side")
    wire.call("variables.put", variables={"id": "v", "values": [{"name": "x", "value": "1"}]})
    wire.call("variables.get", id="v")
    wire.call("variables.list")
    wire.call("variables.copy", id="v", toId="v2")
    _old_versions(wire, "variables", "v2")
    wire.call("variables.delete", id="v")
    wire.call("resource.put", resource={"id": "gpu", "units": ["0", "1"], "environment": "DEVICES"})
    wire.call("resource.get", id="gpu")
    wire.call("resource.list")
    wire.call("resource.copy", id="gpu", toId="gpu2")
    _old_versions(wire, "resource", "gpu2")
    wire.call("resource.delete", id="gpu2")
    wire.call("state.get", component="doc.plain", config="one")
    wire.call("state.reset", component="doc.plain", config="one")
    wire.call("action.run", component="doc.ask", action="ask")
    wire.call("orchestration.plan", config="all")
    wire.call("catalog.stage", draft="d", variables=[{"id": "part", "values": []}])
    wire.call("catalog.apply", variables=[{"id": "w", "values": [{"name": "x", "value": "1"}]}], dryRun=True)


def _schedules(wire: Wire) -> None:
    job = {"component": "doc.plain", "config": "one"}
    wire.call("schedule.put", schedule={"id": "s", "cronTab": ["30 2 * * *"], "job": job})
    wire.call("schedule.get", id="s")
    wire.call("schedule.list", status=["active"])
    wire.call("schedule.next", id="s", count=2)
    wire.call("schedule.pause", id="s", comment="c")
    wire.call("schedule.resume", id="s")
    wire.call("schedule.ledger", id="s", outcomes=["missed"])
    wire.done(wire.call("schedule.run", id="s"))
    made = wire.call("schedule.backfill", id="s", **{"from": "2026-01-01", "to": "2026-01-02"})
    wire.call("schedule.stopBackfill", backfill=made["backfill"])
    wire.call("schedule.copy", id="s", toId="s2")
    _old_versions(wire, "schedule", "s2")
    wire.call("schedule.delete", id="s2")
    on = [{"job": {"component": "doc.ask"}}, {"table": "in.c-doc.x"}, {"files": {"folder": "/none/such"}}]
    wire.call("trigger.put", trigger={"id": "t", "on": on, "job": job, "coolDownSeconds": 3600})
    wire.call("trigger.get", id="t")
    wire.call("trigger.list", status=["active"])
    wire.done(wire.call("trigger.run", id="t"))
    wire.call("trigger.pause", id="t", comment="c")
    wire.call("trigger.resume", id="t", catchUp="once")
    wire.call("trigger.ledger", id="t")
    wire.call("trigger.copy", id="t", toId="t2")
    _old_versions(wire, "trigger", "t2")
    wire.call("trigger.delete", id="t2")


def _templates(wire: Wire) -> None:
    job = {"component": "doc.plain", "configData": {"parameters": {"a": "{{ n }}"}}}
    wire.call("template.put", template={"id": "load", "values": [{"name": "n"}], "job": job})
    wire.call("template.get", id="load")
    wire.call("template.list")
    wire.call("template.copy", id="load", toId="load2")
    _old_versions(wire, "template", "load2")
    wire.call("template.delete", id="load2")


def _secrets(wire: Wire) -> None:
    wire.call("secret.encrypt", component="doc.plain", config="one", value="a secret")
    wire.call("secret.keys")
    wire.call("secret.rotate")
    wire.call("secret.reencrypt")
    old = wire.call("secret.keys")["keys"][-1]
    wire.call("secret.dropKey", id=old["id"])


def _notifications(wire: "Checked") -> None:
    recipient = {"channel": "webhook", "url": "https://localhost/lockside"}
    wire.call("notification.put", subscription={"id": "n", "event": "job-failed", "recipient": recipient})
    wire.call("notification.get", id="n")
    wire.call("notification.list", event="job-failed")
    wire.call("notification.rotate", id="n")
    wire.call("notification.test", id="n")
    told = _dead(wire)
    assert wire.refused("notification.cancel", id=told["id"]).kind == "invalid_transition"
    wire.used.add("notification.cancel")
    wire.call("notification.redeliver", id=told["id"])
    wire.call("notification.copy", id="n", toId="n2")
    _old_versions(wire, "notification", "n2")
    wire.call("notification.delete", id="n2")
    wire.call("notification.delete", id="n")


def _dead(wire: Wire) -> Message:
    """Make a delivery that is given up: the daemon refuses addresses of its own machine."""
    subscription = wire.call("event.subscribe")["subscription"]
    wire.done(wire.shell("exit 3"))
    while not (found := wire.call("notification.deliveries", status=["dead"])["deliveries"]):
        wire.notice()
    wire.call("event.unsubscribe", subscription=subscription)
    delivery: Message = found[0]
    return delivery


def _adopt(wire: Wire, table: str) -> None:
    subscription = wire.call("event.subscribe", kinds=["table.published"])["subscription"]
    while (known := wire.call("storage.table.get", id=table))["publishedVersion"] != known["version"]:
        wire.notice()
    wire.call("event.unsubscribe", subscription=subscription)
    log = Path(known["uri"].removeprefix("file:")) / "_delta_log"
    (log / f"{known['version'] + 1:020d}.json").write_text('{"commitInfo": {}}\n')
    wire.done(wire.call("storage.table.adopt", id=table))


def _files(wire: Wire, folder: Path) -> None:
    put = wire.done(wire.call("storage.file.put", path=f"{folder}/x.csv", tags=["doc"]))
    (one,) = put["result"]["output"]["files"]
    wire.call("storage.file.list", query="tags:doc")
    wire.call("storage.file.get", id=one["id"])
    wire.call("storage.file.tag", id=one["id"], add=["seen"])
    wire.call("storage.file.delete", id=one["id"])


def _tables(wire: Wire, folder: Path) -> None:
    output = {"tables": [{"source": "x.csv", "destination": "in.c-doc.x"}]}
    put_component(wire, "doc.writer", command=python(WRITER))
    configuration = {"parameters": {"tables": {"x.csv": "n\n1\n"}}, "storage": {"output": output}}
    put_config(wire, "doc.writer", "x", configuration=configuration)
    assert wire.done(wire.create("doc.writer", config="x"))["status"] == "success"
    wire.call("storage.status")
    wire.call("storage.table.list")
    wire.call("storage.table.get", id="in.c-doc.x")
    wire.call("storage.table.history", id="in.c-doc.x")
    wire.call("storage.snapshot", tables=["in.c-doc.x"])
    wire.call("storage.preview", table="in.c-doc.x", limit=10)
    restored = wire.done(wire.call("storage.table.restore", id="in.c-doc.x", version=0))
    wire.call("job.undo", id=restored["id"], dryRun=True)
    wire.call("job.undo", id=restored["id"])
    changed = {"id": "in.c-doc.x"}
    rule = {"where_filters": [{"column": "n", "values_from_set": ["9"]}]}
    wire.call("storage.table.deleteRows", **changed, delete_where=[rule])
    wire.call("storage.table.setPrimaryKey", **changed, primaryKey=["n"])
    wire.done(wire.call("storage.table.alter", **changed, addColumns=[{"name": "m"}]))
    _adopt(wire, "in.c-doc.x")
    wire.call("storage.vacuum", tables=["in.c-doc.x"], dryRun=True)
    wire.call("storage.table.put", table={"id": "in.c-doc.y", "columns": [{"name": "n"}]})
    wire.done(wire.call("storage.table.export", id="in.c-doc.x", path=f"{folder}/x.csv"))
    wire.done(wire.call("storage.table.import", id="in.c-doc.y", path=f"{folder}/x.csv"))
    wire.done(wire.call("storage.table.clone", id="in.c-doc.y", toId="in.c-doc.z"))
    wire.call("storage.diff", table="in.c-doc.y", **{"from": 0})
    wire.call("storage.lineage", table="in.c-doc.z")
    _files(wire, folder)
    wire.call("storage.table.delete", id="in.c-doc.z")
    wire.call("storage.bucket.put", bucket={"id": "in.c-new", "metadata": [{"key": "a", "value": "b"}]})
    wire.call("storage.bucket.get", id="in.c-new")
    wire.call("storage.bucket.list", text="doc")
    _old_versions(wire, "storage.bucket", "in.c-new")
    wire.call("storage.bucket.delete", id="in.c-new")
    system = {"type": "file", "root": str(folder), "isWritable": True}
    wire.call("system.put", system={"id": "s", **system})
    wire.call("system.get", id="s")
    wire.call("system.list")
    wire.call("system.check", id="s")
    wire.call("system.copy", id="s", toId="s2")
    _old_versions(wire, "system", "s2")
    wire.call("system.delete", id="s2")


def _old_versions(wire: Wire, kind: str, object_id: str) -> None:
    wire.call(f"{kind}.versions", id=object_id)
    wire.call(f"{kind}.diff", id=object_id, version=1)
    wire.call(f"{kind}.rollback", id=object_id, version=1)


def _jobs(wire: Wire) -> None:
    subscription = wire.call("event.subscribe")["subscription"]
    done = wire.done(wire.create("doc.plain", config="one", labels={"a": "b"}, name="n", description="d"))
    assert wire.notice()["params"]["events"]
    wire.call("event.unsubscribe", subscription=subscription)
    wire.get(done["id"])
    wire.get(done["id"], "status", "result")
    wire.done(wire.shell("echo out; echo err >&2; exit 3"))
    wire.done(wire.create("lockside.orchestrator", config="all"))
    wire.done(wire.shell("exit 3", retry={"maxAttempts": 2}))
    wire.call("job.list", count=True)
    wire.call("job.stats", groupBy=["status", "day"])
    wire.call("job.log", id=done["id"])
    wire.call("job.explain", id=done["id"])
    wire.done(wire.call("job.retry", id=done["id"]))
    wire.call("job.retryAllFailed", id=done["id"])
    wire.call("job.records", id=done["id"])
    wire.done(wire.call("job.resubmit", id=done["id"], **{"with": {"name": "again"}}))
    wire.call("job.wait", ids=[done["id"]], until="any")
    wire.call("job.annotate", id=done["id"], name="other")
    wire.call("job.hide", id=done["id"])
    wire.call("job.unhide", id=done["id"])
    failed = wire.done(wire.shell("exit 1"))
    wire.call("job.acknowledge", id=failed["id"], comment="c")
    wire.call("job.unacknowledge", id=failed["id"])
    wire.call("job.purge", id=done["id"])
    told = wire.call("event.list", limit=1000)["events"]
    assert {event["kind"] for event in told} <= {one["kind"] for one in wire.call("rpc.discover")["x-events"]}


def _other_jobs(wire: Wire) -> None:
    held = wire.create("doc.plain", config="one", hold=True, retry={"maxAttempts": 3}, delay=100)
    wire.call(
        "job.createMany", jobs=[{"component": "doc.plain", "hold": True, "dependsOn": [{"job": held["id"]}]}]
    )
    wire.call("job.explain", id=held["id"])
    wire.call("job.reprioritise", id=held["id"], priority="high")
    wire.call("job.terminate", id=held["id"], dryRun=True)
    wire.call("job.release", id=held["id"])
    wire.call("job.hold", id=held["id"])
    after = wire.call("job.amend", id=held["id"], **{"with": {"name": "amended"}})
    wire.call("job.terminate", id=after["id"])
    running = wire.shell("sleep 100")
    token = until_running(wire, running)["process"]["startToken"]
    wire.call("job.report", token=token, progress=0.5, counts={"success": 1})
    wire.call("job.pause", id=running["id"])
    wire.call("job.resume", id=running["id"])
    wire.call("job.terminate", id=running["id"])
    wire.done(running)


def _blocked_job(wire: Wire) -> None:
    tester = {"file": {"path": "/no/such/file"}, "timeoutSeconds": 5}
    job = wire.shell("exit 75", recovery=[{"id": "p", "match": {"exitCodes": [75]}, "tester": tester}])
    wait_until(wire, job, lambda view: view["blockedCount"] == 1 and view["status"] == "created")
    wire.call("job.explain", id=job["id"])
    (condition,) = wire.call("recovery.list")["conditions"]
    wire.call("recovery.check", condition=condition["id"])
    wire.call("job.unblock", id=job["id"])
    wire.call("job.terminate", id=job["id"])
    wire.done(job)


def _tokens(wire: "Checked", daemon: Daemon) -> None:
    made = wire.call("token.create", name="t", role="viewer", expiresTime="2100-01-01T00:00:00Z")
    with Checked(daemon.socket, wire.document) as other:
        assert other.call("session.actAs", token=made["secret"])["role"] == "viewer"
        wire.used |= other.used
    wire.call("token.list")
    wire.call("token.revoke", id=made["id"])


def _platform(wire: Wire) -> None:
    wire.call("pool.put", pool={"id": "heavy", "slots": "infinity", "description": "d"})
    wire.call("pool.get", id="heavy")
    wire.call("pool.list")
    wire.call("executor.list")
    wire.call("pool.pause", id="heavy", comment="c")
    wire.call("pool.resume", id="heavy")
    wire.call("pool.delete", id="heavy")
    for method in ("status", "health", "drain", "undrain", "check", "backup", "metrics", "reload"):
        wire.call(f"daemon.{method}")
    wire.call("rpc.discover")
