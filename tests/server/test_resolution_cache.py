"""Which resolved requests are cached, and for how long."""

import pytest

from lockside.documents.request import JobRequest
from locksided.api.resolution_cache import MOST, MOST_BYTES, ResolutionCache, ResolvedTree
from locksided.core.model import Draft
from locksided.runs.draft_tree import Maker, Owner, TreePosition, work_tree
from locksided.runs.resolve import resolve
from locksided.runs.resolved import Defaults, Found

DEFAULTS = Defaults(pools=frozenset(("default",)))
PLACE = TreePosition(
    Owner("default", 1000, 1000, "ada"), Maker("user", "ada"), 0, is_child=False, max_children=100
)


def request(name: str) -> JobRequest:
    return JobRequest(component="lockside.command", config_data={"parameters": {"command": [name]}})


def work(name: str) -> ResolvedTree:
    resolved = resolve(request(name), Found(), DEFAULTS)
    return ResolvedTree(resolved, work_tree(resolved, PLACE))


def keep(recent: ResolutionCache, name: str) -> Draft:
    kept = work(name)
    recent.keep(recent.key(request(name), PLACE), DEFAULTS, kept)
    return kept.tree


def tree(
    recent: ResolutionCache, name: str, place: TreePosition = PLACE, defaults: Defaults = DEFAULTS
) -> Draft | None:
    found = recent.find(recent.key(request(name), place), defaults)
    return None if found is None else found.tree


def test_an_equal_request_is_found() -> None:
    recent = ResolutionCache()
    assert tree(recent, "a") is None
    assert tree(recent, "b") is None
    kept = keep(recent, "a")
    assert tree(recent, "a") is kept
    assert tree(recent, "b") is None


@pytest.mark.parametrize(
    "owner",
    [
        Owner("other", 1000, 1000, "ada"),
        Owner("default", 1001, 1000, "ada"),
        Owner("default", 1000, 1001, "ada"),
    ],
)
def test_another_caller_does_not_get_the_cached_result(owner: Owner) -> None:
    recent = ResolutionCache()
    keep(recent, "a")
    assert (
        tree(recent, "a", place=TreePosition(owner, PLACE.maker, 0, is_child=False, max_children=100)) is None
    )


def test_a_result_for_other_defaults_is_not_reused() -> None:
    recent = ResolutionCache()
    keep(recent, "a")
    assert tree(recent, "a", defaults=Defaults(pools=frozenset(("default", "new")))) is None


def test_the_least_recently_used_request_is_evicted_first() -> None:
    recent = ResolutionCache()
    keep(recent, "first")
    keep(recent, "second")
    for number in range(MOST - 2):
        keep(recent, str(number))
    assert tree(recent, "first") is not None
    keep(recent, "one more")
    assert tree(recent, "first") is not None
    assert tree(recent, "second") is None


def test_secrets_and_long_requests_are_not_cached() -> None:
    recent = ResolutionCache()
    secret = JobRequest(component="lockside.command", config_data={"parameters": {"#password": "x"}})
    assert recent.key(secret, PLACE) is None
    assert recent.key(request("x" * MOST_BYTES), PLACE) is None
