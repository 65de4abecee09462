"""Fixtures: a keeper with cgroups, one without, and one in both ways."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keeper.kit import Keeper, Peer, running_keeper
from locksided.keeper.tree import hierarchy


def can_use_cgroups() -> bool:
    """Return whether a keeper of this user on this machine would find a place for cgroups."""
    found = hierarchy.find({})
    if found is None:
        return False
    hierarchy.remove(found)
    return True


@pytest.fixture(params=["cgroups", "scan"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Keeper]:
    """A keeper in each of its two ways to track a process tree."""
    if request.param == "cgroups" and not can_use_cgroups():
        pytest.skip("no cgroups can be made here")
    with running_keeper(tmp_path, cgroups=request.param == "cgroups") as running:
        yield running


@pytest.fixture
def daemon(keeper: Keeper) -> Peer:
    """A connection to the keeper after the hello."""
    return keeper.connect()


@pytest.fixture
def scanning(tmp_path: Path) -> Iterator[Keeper]:
    """A keeper without cgroups, for tests that do not depend on them."""
    with running_keeper(tmp_path, cgroups=False) as running:
        yield running
