"""What monitors read: metrics that Prometheus understands, and whether jobs can be accepted and started."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from campaign.faults import alive_for
from campaign.places import daemon_on, unmountable
from e2e.harness import Daemon
from e2e.people import BERT, Person, used_by_groups
from e2e.processes import PLAIN
from e2e.wire import Message, Wire, connected, put_component, put_config

CONFIG = Path(__file__).parents[2] / "config"
JOB_ID = re.compile(r"^\d+$")


def scraped(wire: Wire) -> dict[str, Metric]:
    found = text_string_to_metric_families(wire.call("daemon.metrics"))
    return {family.name: family for family in found}


def value(family: Metric, name: str, **labels: str) -> float:
    [figure] = [
        one.value for one in family.samples if one.name == name and labels.items() <= one.labels.items()
    ]
    return figure


def test_ended_jobs_are_counted_by_status_pool_and_component_with_durations(
    daemon: Daemon, wire: Wire
) -> None:
    put_component(wire, "m.fails", command=["false"])
    before = scraped(wire)
    assert "lockside_jobs_ended" in before
    wire.done(wire.create("m.fails"))
    held = wire.create("m.fails", hold=True)
    wire.call("job.terminate", id=held["id"])
    after = scraped(wire)
    of = {"pool": "default", "component": "m.fails"}
    for status in ("error", "cancelled"):
        assert value(after["lockside_jobs_ended"], "lockside_jobs_ended_total", status=status, **of) == 1
    assert value(after["lockside_job_seconds"], "lockside_job_seconds_count", **of) == 1
    assert value(after["lockside_job_seconds"], "lockside_job_seconds_bucket", le="+Inf", **of) == 1
    assert value(after["lockside_queue_seconds"], "lockside_queue_seconds_count", pool="default") >= 1
    with closing(sqlite3.connect(daemon.state_dir / "lockside.db")) as database:
        stored = dict(database.execute("SELECT status, count(*) FROM jobs GROUP BY status"))
    assert wire.call("daemon.status")["counts"] == stored, "counts by events equal the stored jobs"


def test_the_longest_wait_is_reported_by_pool_and_reason(wire: Wire) -> None:
    held = wire.create(hold=True, configData={"parameters": {"command": ["true"]}})
    waiting = scraped(wire)["lockside_oldest_waiting_seconds"]
    assert value(waiting, waiting.name, pool="default", reason="held") >= 0
    wire.call("job.terminate", id=held["id"])
    assert scraped(wire)["lockside_oldest_waiting_seconds"].samples == []


def test_calls_decisions_and_commits_are_timed_and_refusals_are_counted(wire: Wire) -> None:
    wire.refused("job.get", id="99999")
    wire.refused("no.such")
    found = scraped(wire)
    assert value(found["lockside_rpc_seconds"], "lockside_rpc_seconds_count", method="job.get") >= 1
    refusals, name = found["lockside_rpc_errors"], "lockside_rpc_errors_total"
    assert value(refusals, name, method="job.get", kind="not_found") >= 1
    assert value(refusals, name, method="unknown", kind="method_not_found") == 1
    for step in ("decision", "commit"):
        family = found[f"lockside_{step}_seconds"]
        assert value(family, f"{family.name}_count") > 0


def test_no_label_is_the_id_of_a_job(wire: Wire) -> None:
    wire.done(wire.shell("true"))
    for family in scraped(wire).values():
        for one in family.samples:
            assert not any(JOB_ID.match(text) for name, text in one.labels.items() if name != "le"), one


def test_the_dashboard_and_the_alerts_use_existing_metrics(wire: Wire) -> None:
    put_config_and_run(wire)
    there = {one.name for family in scraped(wire).values() for one in family.samples}
    there |= {"lockside_oldest_waiting_seconds", "lockside_deliveries"}  # absent at this moment
    board = json.loads((CONFIG / "grafana" / "lockside.json").read_text())
    texts = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    texts.append((CONFIG / "prometheus" / "lockside.rules.yml").read_text())
    asked = set(re.findall(r"\blockside_\w+", " ".join(texts)))
    assert asked - there == set()


def put_config_and_run(wire: Wire) -> None:
    put_component(wire, "m.well", command=["true"])
    put_config(wire, "m.well", "daily")
    wire.done(wire.create("m.well", config="daily"))


# -- health


def check(daemon: Daemon, *more: str) -> tuple[int, str]:
    """Return the exit code and the output of `status --check`."""
    words = [sys.executable, "-m", "lockside.cli.main", "status", "--check", *more]
    environment = {**PLAIN, "LOCKSIDE_SOCKET": str(daemon.socket)}
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout


def test_a_daemon_that_can_work_is_ready(daemon: Daemon, wire: Wire) -> None:
    connected(wire)
    assert wire.call("daemon.health") == {"status": "ready", "causes": []}
    assert check(daemon) == (0, "ready\n")


@pytest.fixture
def strict() -> Iterator[Daemon]:
    with used_by_groups() as one:
        yield one


def test_the_health_check_needs_no_role(strict: Daemon) -> None:
    assert Person(strict, BERT, BERT).call("daemon.health")["status"] == "ready"


def test_the_exit_code_reports_a_daemon_that_is_not_running(daemon: Daemon, wire: Wire) -> None:
    connected(wire)
    daemon.kill()
    try:
        assert check(daemon)[0] == 69
    finally:
        daemon.start()


@pytest.mark.skipif(bool(unmountable()), reason=str(unmountable()))
def test_a_full_disk_is_reported_until_space_is_free_again() -> None:
    with daemon_on("size=3m") as disk:
        wire = disk.daemon.wire()
        assert wire.call("daemon.health")["status"] == "ready"
        disk.fill()
        told = until(disk.daemon, wire, "unavailable")
        assert "full" in told["causes"][0]
        disk.free()
        assert until(disk.daemon, wire, "ready")["causes"] == []


def test_a_keeper_that_dies_is_replaced_by_one_that_starts_jobs(daemon: Daemon, wire: Wire) -> None:
    daemon.kill_keeper()
    until(daemon, wire, "ready")
    assert wire.done(wire.shell("true"))["status"] == "success"


def until(daemon: Daemon, wire: Wire, status: str) -> Message:
    """Return the health once this holds; asking for it is what tries the store."""
    while (told := wire.call("daemon.health"))["status"] != status:
        alive_for(daemon, 0.1)
    found: Message = told
    return found
