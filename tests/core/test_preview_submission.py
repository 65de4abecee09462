"""A preview of a submission gives the reasons that the job then has, and leaves no trace."""

from typing import Any

import pytest

from core.world import World
from locksided.core.preview import preview_submission

WISHES: list[dict[str, Any]] = [
    {},
    {"key": "taken"},
    {"key": "taken", "priority": 50},
    {"key": "free"},
    {"held": True},
    {"delay": 5.0},
    {"pool": "full"},
    {"pool": "full", "priority": 90},
    {"after": [1]},
    {"key": "shared", "shared": 2},
    {"key": "shared", "shared": 1},
]


@pytest.mark.parametrize("wishes", WISHES)
def test_the_previewed_reasons_are_those_of_the_job_once_it_is_accepted(wishes: dict[str, Any]) -> None:
    world = World(full=1)
    world.submit("taken")
    world.submit("taken")
    world.submit("shared", shared=2)
    world.submit(pool="full")
    world.submit(pool="full")
    draft = world.draft(wishes.get("key"), **{name: value for name, value in wishes.items() if name != "key"})
    before = world.picture()
    forecast = preview_submission(world.state, draft, world.now_us)
    world.check()
    assert world.picture() == before
    (job,) = world.submit_all(draft)
    starts = world.status(job) == "processing"
    assert (forecast.reasons == ()) == starts
    if not starts:
        assert {reason.kind.value for reason in forecast.reasons} == world.reasons(job)
        assert forecast.status.value == world.status(job)
