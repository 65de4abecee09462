"""A night in which an example of everything has happened, for pages to show."""

from typing import Any

from e2e.wire import Message, Wire

HOSTILE_NAME = "names_without_any_space_are_legal_and_may_have_64_characters_ok"
SCRIPT = "printf 'id,name\\n1,ann\\n2,bob\\n' > $KBC_DATADIR/out/tables/orders.csv; echo two orders"
SCHEMA = {
    "type": "object",
    "required": ["since"],
    "properties": {
        "since": {"type": "string", "title": "Since", "description": "The first day that is read"},
        "limit": {"type": "integer", "title": "Rows at most", "default": 1000},
        "mode": {"type": "string", "enum": ["full", "delta"]},
        "dry": {"type": "boolean", "title": "Only try"},
        "target": {"type": "object", "title": "Target", "properties": {"port": {"type": "integer"}}},
        "columns": {"type": "array"},
    },
}
TABLE = {"source": "orders.csv", "destination": "in.c-shop.orders"}


def command(shell: str, **more: Any) -> Message:
    """Return the request of a plain command."""
    return {"component": "lockside.command", "configData": {"parameters": {"shell": shell}}, **more}


def made(wire: Wire, **request: Any) -> str:
    """Create a job."""
    job: str = wire.call("job.create", **request)["id"]
    return job


def ended(wire: Wire, **request: Any) -> str:
    """Create a job and wait for its end."""
    job = made(wire, **request)
    wire.call("job.wait", id=job, timeoutSeconds=60)
    return job


def store(wire: Wire) -> None:
    """Store a component, a configuration in two versions, schedules and pools."""
    wire.call("pool.put", pool={"id": "night", "slots": 8})
    orders = {"id": "acme.orders", "command": ["sh", "-c", SCRIPT], "schema": SCHEMA}
    wire.call("component.put", component=orders)
    for since in ("yesterday", "2 days ago"):
        body = {"parameters": {"since": since}, "storage": {"output": {"tables": [TABLE]}}}
        key = {"component": "acme.orders", "config": "daily", "changeDescription": f"since {since}"}
        wire.call("config.put", **key, configuration=body)
    failing = {
        "componentId": "lockside.command",
        "configData": command("echo boom >&2; exit 2")["configData"],
    }
    tasks = [{"id": "1", "phase": "load", "task": {**failing, "mode": "run"}}]
    phases = {"phases": [{"id": "load"}], "tasks": tasks}
    wire.call("config.put", component="lockside.orchestrator", config="all", configuration=phases)
    job = {"component": "acme.orders", "config": "daily"}
    wire.call("schedule.put", schedule={"id": "nightly", "cronTab": "30 2 * * *", "job": job})
    wire.call("schedule.put", schedule={"id": "hourly", "every": "1h", "job": job})
    wire.call("schedule.pause", id="hourly", comment="the source is being moved")


def happen(wire: Wire, wait: str) -> dict[str, str]:
    """Create jobs in all states; `wait` is the shell text of those that keep running. Returns their ids."""
    store(wire)
    jobs = {
        "orders": ended(wire, component="acme.orders", config="daily"),
        "failed": ended(
            wire, **command("echo read 12,000 rows; echo no route to host >&2; exit 3", name="load")
        ),
        "long": ended(wire, **command("exit 1", name=HOSTILE_NAME)),
        "all": ended(wire, component="lockside.orchestrator", config="all"),
        "running": made(wire, **command(f"echo begun; {wait}", name="export", lockKey="warehouse")),
        "waiting": made(wire, **command("true", name="report", lockKey="warehouse")),
        "held": made(wire, **command("true", name="mail", hold=True)),
    }
    wire.call("pool.pause", id="night", comment="maintenance until 06:00")
    jobs["paused"] = made(wire, **command("true", name="late", pool="night"))
    return jobs
