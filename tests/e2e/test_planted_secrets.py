"""Secrets are planted wherever one can be given, and searched for in all that lockside stores or answers."""

import subprocess
import sysconfig
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import Daemon, python, running
from e2e.wire import Message, Refusal, Wire

PRINTS_ALL = """
import json, os, pathlib, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
config = (data / "config.json").read_text()
state = (data / "in/state.json").read_text() if (data / "in/state.json").exists() else ""
print(config)
print(state, file=sys.stderr)
(data / "out/state.json").write_text(json.dumps({"#kept": "-".join(["pl4nted", "state"]), "n": 1}))
sys.exit(json.loads(config)["parameters"].get("code", 0))
"""
LOGS_ALL = """
import base64, json, os, pathlib, socket, sys
config = (pathlib.Path(os.environ["KBC_DATADIR"]) / "config.json").read_text()
link = socket.create_connection((os.environ["KBC_LOGGER_ADDR"], int(os.environ["KBC_LOGGER_PORT"])))
for name, value in json.loads(config)["parameters"].items():
    coded = base64.b64encode(value.encode()).decode()
    said = {"level": 3, "short_message": value, "_config": config, "_list": [value, {value: coded}]}
    said[f"_{value}"] = len(value)
    link.sendall(json.dumps(said).encode() + b"\\0" + value.encode() + b"\\0")
sys.exit(1)
"""
MARK = "pl4nted"


class Planted:
    """Values that must not be found anywhere."""

    def __init__(self) -> None:
        self.values = [f"{MARK}-state"]  # a job makes it

    def __call__(self, name: str) -> str:
        self.values.append(f"{MARK}-{len(self.values)}-{name}-Ωß")
        return self.values[-1]

    def key_of_signatures(self) -> str:
        """Return a value in the form that the secret of a webhook must have."""
        self.values.append("whsec_" + b64encode(self("webhook" * 3).encode()).decode())
        return self.values[-1]

    def found_in(self, content: bytes) -> list[str]:
        return [value for value in self.values if any(form in content for form in _forms(value))]


@cache
def _forms(value: str) -> tuple[bytes, ...]:
    return value.encode(), value.encode("unicode_escape"), b64encode(value.encode()).rstrip(b"=")


class RecordingWire(Wire):
    """A connection that keeps every byte of the answers."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.heard = bytearray()
        lines = self._lines

        class Tee:
            def readline(_) -> bytes:  # noqa: N805
                line = lines.readline()
                self.heard.extend(line)
                return line

            def close(_) -> None:  # noqa: N805
                lines.close()

        self._lines = Tee()  # type: ignore[assignment]


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with running(LOCKSIDE_DEBUG__RECORD_INPUTS="true") as one:
        yield one


def tried(wire: Wire, method: str, **params: Any) -> Message | None:
    """Make the call, allowed or not: a refusal must not contain a value either."""
    with suppress(Refusal):
        return wire.call(method, **params)
    return None


def plant(wire: RecordingWire, planted: Planted) -> None:
    component = {
        "id": "acme.leaky",
        "command": python(PRINTS_ALL),
        "imageParameters": {"#image": planted("image")},
        "tags": {"2": {"imageParameters": {"#image": planted("tag")}}},
        "actions": ["ask"],
    }
    wire.call("component.put", component=component)
    wire.call("component.put", component={"id": "acme.before", "command": ["true"]})
    configuration = {
        "parameters": {"#password": planted("parameters"), "deep": [{"#list": [planted("in a list"), 1]}]},
        "storage": {"#storage": planted("storage")},
        "authorization": {"#oauth": {"secret": planted("authorization")}},
        "variables": {"#default": planted("default of a variable")},
        "unknown": {"#unknown": planted("unknown key")},
    }
    row = {"id": "r", "configuration": {"parameters": {"#row": planted("row"), "url": "{{ #default }}"}}}
    processor = {"definition": {"component": "acme.before"}, "parameters": {"#p": planted("processor")}}
    configuration["processors"] = {"before": [processor]}
    place = {"component": "acme.leaky", "config": "c"}
    wire.call("config.put", **place, configuration=configuration, rows=[row])
    configuration["parameters"]["#password"] = planted("second version")
    wire.call("config.put", **place, configuration=configuration, rows=[row], changeDescription="again")
    wire.call(
        "variables.put", variables={"id": "v", "values": [{"name": "#v", "value": planted("variables")}]}
    )
    body = {"parameters": {"#own": planted("request"), "a": "{{ #v }}{{ #given }}", "code": 2}}
    more = {
        "variableValuesId": "v",
        "variableValuesData": {"values": [{"name": "#given", "value": planted("given variable")}]},
        "inputs": [
            {"source": "file:///etc/hostname", "options": {"#key": planted("inputs")}},
            {"source": "system://etc/hostname", "target": "in/files/again"},
        ],
    }
    options = {"#key": planted("system")}
    wire.call("system.put", system={"id": "etc", "type": "file", "root": "/etc", "options": options})
    task = {"component": "acme.leaky", "configData": {"parameters": {"#task": planted("task")}}}
    flow = {"phases": [{"id": "p"}], "tasks": [{"id": "t", "phase": "p", "task": task}]}
    wire.call("config.put", component="lockside.orchestrator", config="o", configuration=flow)
    jobs = [
        wire.create(**place),
        wire.create(**place, mode="debug"),
        wire.create("acme.leaky", configData=body, deduplicationId="d", **more),
        wire.create("acme.leaky", configData=body, mode="debug", **more),
        wire.create("lockside.orchestrator", config="o"),
        wire.create("acme.leaky", configData=body, retry={"maxAttempts": 2, "on": ["application"]}, **more),
    ]
    held = wire.create("acme.leaky", configData=body, hold=True, **more)
    changes = {"configData": {"parameters": {"#amended": planted("amended")}}}
    jobs.append(wire.call("job.amend", id=held["id"], **{"with": changes}))
    wire.call("job.release", id=jobs[-1]["id"])
    for job in jobs:
        wire.done(job)
    jobs.append(wire.done(wire.call("job.resubmit", id=jobs[2]["id"])))
    jobs.append(wire.done(wire.call("job.retry", id=jobs[2]["id"])))
    wire.create("acme.leaky", configData=body, dryRun=True, **more)
    tried(
        wire,
        "action.run",
        component="acme.leaky",
        action="ask",
        configData=body | {"parameters": {"#own": "x"}},
    )
    asked = {
        "component": "acme.leaky",
        "config": "applied",
        "configuration": {"parameters": {"#a": planted("applied")}},
    }
    wire.call("catalog.apply", configs=[asked], dryRun=True)
    wire.call("catalog.stage", draft="d", configs=[asked])
    wire.call("catalog.apply", draft="d", deduplicationId="applied")
    asked["configuration"]["parameters"]["#a"] = planted("applied again")
    wire.call("catalog.apply", configs=[asked], dryRun=True)
    wire.call("catalog.apply", configs=[asked])
    wire.call("secret.encrypt", component="acme.leaky", value=planted("encrypted"))
    jobs += plant_outside(wire, planted)
    wire.call("config.copy", **place, toConfig="copied")
    wire.call("config.rollback", **place, version=1)
    look_at_everything(wire, place, jobs)
    wire.call("secret.rotate")
    look_at_everything(wire, place, jobs)


def plant_outside(wire: Wire, planted: Planted) -> list[Message]:
    """Jobs, notifications about them, and what they log by GELF."""
    kept = dict.fromkeys(("100", "200", "300", "400"), "verbose")
    logging = {"type": "gelf", "verbosity": kept}
    wire.call("component.put", component={"id": "acme.logs", "command": python(LOGS_ALL), "logging": logging})
    recipient = {"channel": "webhook", "url": "https://localhost:1/x", "#secret": planted.key_of_signatures()}
    subscription = {"id": "s", "event": ["job-failed", "job-succeeded"], "recipient": recipient}
    wire.call("notification.put", subscription=subscription)
    template = {
        "id": "t",
        "values": [{"name": "#default", "default": planted("default of a template")}, {"name": "#given"}],
        "job": {
            "component": "acme.logs",
            "configData": {"parameters": {"#a": planted("template"), "#b": "{{ #default }}{{ #given }}"}},
        },
    }
    wire.call("template.put", template=template)
    values = {"values": [{"name": "#given", "value": planted("given to a template")}]}

    def job(name: str) -> Message:
        return {"component": "acme.logs", "configData": {"parameters": {"#x": planted(name)}}}

    trigger = {"id": "g", "on": [{"job": {"component": "acme.before"}}], "job": job("trigger")}
    wire.call("trigger.put", trigger=trigger)
    wire.call("schedule.put", schedule={"id": "n", "every": "1h", "job": job("schedule")})
    made = [
        wire.call("job.create", template="t", variableValuesData=values),
        wire.call("job.create", **job("logged")),
        wire.call("schedule.run", id="n"),
        wire.create("acme.before"),
    ]
    jobs = [wire.done(one.get("id") or one["job"]) for one in made]
    assert [one["status"] for one in jobs] == ["error"] * 3 + ["success"]
    assert "[hidden]" in jobs[0]["result"]["message"], "it was logged"
    return jobs


def look_at_everything(wire: Wire, place: Message, jobs: list[Message]) -> None:
    for method, params in (
        ("component.get", {"id": "acme.leaky"}),
        ("component.versions", {"id": "acme.leaky"}),
        ("component.list", {}),
        ("config.get", place),
        ("config.get", {**place, "version": 1}),
        ("config.list", {}),
        ("config.versions", place),
        ("config.diff", {**place, "version": 1, "to": 2}),
        ("variables.get", {"id": "v"}),
        ("variables.list", {}),
        ("state.get", place | {"row": "r"}),
        ("job.list", {}),
        ("event.list", {"limit": 10_000}),
        ("template.get", {"id": "t"}),
        ("template.list", {}),
        ("schedule.get", {"id": "n"}),
        ("schedule.list", {}),
        ("schedule.ledger", {"id": "n"}),
        ("trigger.ledger", {"id": "g"}),
        ("trigger.get", {"id": "g"}),
        ("trigger.list", {}),
        ("notification.get", {"id": "s"}),
        ("notification.list", {}),
        ("notification.deliveries", {}),
        ("daemon.metrics", {}),
        ("daemon.check", {}),
        ("daemon.backup", {}),
        ("daemon.status", {}),
        ("secret.keys", {}),
    ):
        wire.call(method, **params)
    for job in jobs:
        wire.get(job["id"])
        tried(wire, "job.log", id=job["id"], limit=10_000)
        tried(wire, "job.explain", id=job["id"])


def contents(path: Path) -> Iterator[bytes]:
    """Return a file's bytes, and those of the archives in it."""
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            for name in packed.namelist():
                yield packed.read(name)


def test_no_planted_secret_is_in_any_stored_or_answered_byte(daemon: Daemon) -> None:
    planted = Planted()
    with RecordingWire(daemon.socket) as wire:
        plant(wire, planted)
        environment = {"TOKEN": planted("environment"), "PATH": "/usr/bin:/bin"}
        parameters = {"shell": "true", "environment": environment}
        heard = bytes(wire.heard)
        wire.done(wire.create(configData={"parameters": parameters}))  # its owner sees it
    exported = [
        f"{sysconfig.get_path('scripts')}/lockside",
        "--socket",
        str(daemon.socket),
        "export",
        "exported",
    ]
    subprocess.run(exported, check=True, capture_output=True, cwd=daemon.folder)
    assert "lockside:v1:" in (daemon.folder / "exported" / "notifications" / "s.toml").read_text()
    assert len(planted.values) >= 30
    assert b"lockside:v1:" in heard
    assert b"[hidden]" in heard
    assert planted.found_in(heard) == []
    while_running = [path for path in daemon.folder.rglob("*") if path.is_file()]
    found = {path: planted.found_in(content) for path in while_running for content in contents(path)}
    assert not {path: values for path, values in found.items() if values}
    assert [path for path in while_running if path.suffix == ".zip"], "the debug zips were searched"
    daemon.stop()
    left = [path for path in daemon.folder.rglob("*") if path.is_file()]
    assert not {path for path in left for content in contents(path) if planted.found_in(content)}
