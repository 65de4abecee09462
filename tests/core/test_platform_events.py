"""The event log alone is a full history: pool events contain the whole pool, start events all pools."""

from typing import Any

import pytest

from core.world import ANNA, NOON, SECOND, World
from locksided.core import inputs as i
from locksided.core.pools import PoolSnapshot, Trouble
from locksided.pool_view import event_data


def event_pools(world: World, kind: str) -> list[PoolSnapshot]:
    return [event["pool"] for event in world.events(kind)]


def test_every_change_of_a_pool_emits_the_whole_pool_as_it_is_after_the_change() -> None:
    world = World()
    world.handle(i.PutPool("heavy", 2, "local", "for the big ones", ANNA))
    assert event_pools(world, "pool.put")[-1] == PoolSnapshot(
        *("heavy", 2, "local", "for the big ones"), False, None, None, None, None, None
    )
    world.pause_pool("heavy", "disk swap")
    (paused,) = event_pools(world, "pool.paused")
    assert (paused.is_paused, paused.paused_by, paused.paused_us) == (True, "anna", NOON)
    assert (paused.comment, paused.description, paused.slots) == ("disk swap", "for the big ones", 2)
    world.resume_pool("heavy")
    (resumed,) = event_pools(world, "pool.resumed")
    assert (resumed.is_paused, resumed.paused_by, resumed.comment) == (False, None, None)
    world.delete_pool("heavy")
    (deleted,) = event_pools(world, "pool.deleted")
    assert deleted == resumed


def test_the_trouble_of_an_executor_and_its_end_are_reported_for_each_of_its_pools() -> None:
    world = World(other=1)
    world.pool("far", 1, "elsewhere")
    world.executor_down("no keeper")
    world.advance(5)
    world.executor_down("no keeper")
    world.executor_down("the keeper is of another release")
    world.executor_up()
    world.executor_up()
    troubles = [
        (pool.id, pool.trouble_cause, pool.trouble_since_us) for pool in event_pools(world, "pool.trouble")
    ]
    assert troubles == [
        ("default", "no keeper", NOON),
        ("other", "no keeper", NOON),
        ("default", "the keeper is of another release", NOON),
        ("other", "the keeper is of another release", NOON),
    ]
    assert [(pool.id, pool.trouble_cause) for pool in event_pools(world, "pool.recovered")] == [
        ("default", None),
        ("other", None),
    ]


def test_refused_starts_are_trouble_until_a_trial_has_a_process() -> None:
    world = World(default=1)
    job = world.submit()
    world.not_started(job, "no memory")
    assert [pool.trouble_cause for pool in event_pools(world, "pool.trouble")] == ["no memory"]
    world.advance(1)
    assert world.started() == [job]
    assert event_pools(world, "pool.recovered") == []
    world.spawned(job)
    (recovered,) = event_pools(world, "pool.recovered")
    assert (recovered.id, recovered.trouble_cause) == ("default", None)


def test_a_new_pool_of_an_executor_that_is_down_reports_the_trouble() -> None:
    world = World()
    world.executor_down("no keeper")
    world.pool("late", 1)
    assert event_pools(world, "pool.put")[-1].trouble_cause == "no keeper"


def test_the_start_of_a_daemon_reports_all_pools_even_those_never_stored() -> None:
    world = World(other=None)
    world.state.pools["default"].trouble = Trouble("the keeper is not connected yet", NOON)
    world.handle(i.DaemonStarted("1.2", 4711, "b007"))
    (event,) = world.events("daemon.started")
    assert (event["version"], event["pid"], event["bootId"]) == ("1.2", 4711, "b007")
    assert [(pool.id, pool.trouble_cause) for pool in event["pools"]] == [
        ("default", "the keeper is not connected yet"),
        ("other", None),
    ]


def test_the_end_of_a_daemon_and_the_recovery_of_its_store_are_reported() -> None:
    world = World()
    world.advance(90)
    world.handle(i.StoreRecovered("disk full", NOON))
    (event,) = world.events("daemon.storeRecovered")
    assert (event["cause"], event["seconds"]) == ("disk full", 90.0)
    world.handle(i.DaemonStopping("SIGTERM", "keep"))
    assert world.events("daemon.stopped") == [{"why": "SIGTERM", "onStop": "keep"}]


SNAPSHOT = PoolSnapshot("a", None, "local", "", True, "ann", NOON, "why", "no keeper", NOON + SECOND)
ON_THE_WIRE = {
    "id": "a",
    "slots": "infinity",
    "executor": "local",
    "options": {},
    "backends": {},
    "description": None,
    "isPaused": True,
    "pausedBy": "ann",
    "pausedTime": "1970-01-12T13:46:40.000000Z",
    "comment": "why",
    "trouble": {"cause": "no keeper", "since": "1970-01-12T13:46:41.000000Z"},
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"pool": SNAPSHOT}, ON_THE_WIRE),
        ({"pid": 1, "pools": [SNAPSHOT]}, {"pid": 1, "pools": [ON_THE_WIRE]}),
        ({"seconds": 5.0}, {"seconds": 5.0}),
    ],
)
def test_pools_in_events_have_the_names_of_the_wire(data: dict[str, Any], expected: dict[str, Any]) -> None:
    assert event_data(data) == expected
