"""Ownership of schedules: no user's jobs run what another user wrote."""

from pathlib import Path

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, short_folder
from e2e.people import ANNA, BERT, Person
from e2e.scheduling import COMPONENT, MORNING, jobs_of, rows, summary
from e2e.wire import Wire, of


@needs_root
def test_no_users_jobs_run_what_another_user_wrote(daemon: Daemon, wire: Wire) -> None:
    """Jobs run as the owner; an owner who no longer exists or has another name runs nothing."""
    daemon.state_dir.chmod(0o711)
    daemon.socket.chmod(0o666)
    anna, bert = Person(daemon, ANNA, ANNA), Person(daemon, BERT, BERT)
    schedule = {"id": "hers", "every": "1h", "job": {"component": "acme.job", "config": "daily"}}
    assert anna.call("schedule.put", schedule=schedule)["owner"]["uid"] == ANNA
    for method, params in (
        ("schedule.put", {"schedule": schedule | {"every": "2h"}}),
        ("schedule.delete", {"id": "hers"}),
        ("schedule.pause", {"id": "hers"}),
        ("schedule.run", {"id": "hers"}),
        ("schedule.put", {"schedule": schedule | {"id": "mine"}, "owner": "root"}),
    ):
        assert bert.kind(method, **params) == "forbidden"
    assert bert.call("schedule.get", id="hers")["id"] == "hers"
    wire.call("schedule.put", schedule=schedule | {"every": "30m"})
    wire.call("clock.advance", seconds=1800)
    [job] = jobs_of(wire, "hers")
    assert job["principal"]["uid"] == ANNA
    wire.call("schedule.put", schedule=schedule, owner="nobody")
    assert wire.call("schedule.get", id="hers")["owner"]["user"] == "nobody"
    assert wire.refused("schedule.put", schedule=schedule, owner="none-such").kind == "not_found"


@needs_root
def test_the_schedule_of_a_deleted_user_is_not_run_until_an_admin_reassigns_it() -> None:
    with short_folder() as folder:
        passwd = folder / "passwd"
        known = Path("/etc/passwd").read_text()
        passwd.write_text(f"{known}carla:x:64003:64003::/:/bin/sh\n")
        daemon = Daemon(folder)
        before = ["unshare", "-m", "sh", "-c", f'mount --bind {passwd} /etc/passwd && exec "$@"', "sh"]
        try:
            daemon.start("--test-clock", MORNING, before=before)
        except AssertionError:
            pytest.skip("nothing can be mounted here")
        try:
            wire = Wire(daemon.socket)
            wire.call("component.put", component=COMPONENT)
            schedule = {"id": "s", "every": "1h", "job": {"component": "acme.job"}}
            wire.call("schedule.put", schedule=schedule, owner="carla")
            on = [{"job": {"component": "lockside.command"}}]
            trigger = {"id": "t", "on": on, "job": {"component": "acme.job"}}
            wire.call("trigger.put", trigger=trigger, owner="carla")
            with open(passwd, "w") as file:
                file.write(known)
            wire.call("clock.advance", seconds=3600)
            [row] = rows(wire)
            assert summary(row)[:2] == ("failed", "forbidden")
            assert jobs_of(wire) == []
            shown = wire.call("schedule.get", id="s")
            assert (shown["status"], shown["paused"]["by"]) == ("paused", "daemon")
            assert "carla" in shown["statusCause"]
            wire.done(wire.shell("true"))
            wire.call("clock.advance", seconds=0)
            [firing] = wire.call("trigger.ledger", id="t")["rows"]
            assert (firing["outcome"], firing["cause"]) == ("failed", "forbidden")
            assert of(wire.call("trigger.get", id="t"), "status", "firings") == ("paused", 0)
            assert wire.call("trigger.put", trigger=trigger, owner="root")["owner"]["user"] == "root"
            wire.call("trigger.resume", id="t")
            assert wire.call("trigger.run", id="t")["principal"]["user"] == "root"
            wire.call("schedule.put", schedule=schedule, owner="root")
            wire.call("schedule.resume", id="s")
            wire.call("clock.advance", seconds=3600)
            assert jobs_of(wire)[0]["principal"]["user"] == "root"
            wire.close()
        finally:
            daemon.end()
