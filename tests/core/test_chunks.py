"""Jobs that are cut into chunks: the chunks are created in the step that ends the splitter."""

from dataclasses import replace
from typing import Any

from core.trees import PLAIN, job, of_rows, phase, retried
from core.world import NOON, World
from lockside.documents.enums import OnError, Status
from locksided.core import inputs as i
from locksided.core.model import Draft


def cut(name: str = "all", at_once: int | None = 1, **wishes: Any) -> Draft:
    splitter, _ = phase("splitter", job("split"))
    chunks, _ = phase("chunks")
    assembler, _ = phase("assembler", job("join"))
    phases = (splitter, replace(chunks, after=(0,), parallelism=at_once), replace(assembler, after=(1,)))
    return of_rows(name, phases, None, **wishes)


def drafts(number: int) -> tuple[Draft, ...]:
    return tuple(replace(PLAIN, values={"name": f"chunk {place}"}) for place in range(1, number + 1))


def splits(world: World, splitter: int, number: int, status: str = "success") -> None:
    """End the splitter, which reports this number of chunks."""
    world.spawned(splitter)
    finished = i.Finished(splitter, world.token(splitter), Status(status), {}, children=drafts(number))
    world.handle(finished)


def test_the_chunks_are_made_in_the_step_that_ends_the_splitter() -> None:
    world = World(default=5)
    jobs = world.make(cut(lock="k"))
    assert world.standing(jobs) == {
        "processing": ["all", "splitter", "split"],
        "waiting": ["chunks", "assembler", "join"],
    }
    assert world.reasons(jobs["chunks"]) == {"phase"}
    splits(world, jobs["split"], 3)
    first, second, third = world.children(jobs["chunks"])
    assert world.statuses(first, second, third) == ["processing", "waiting", "waiting"], "one at a time"
    assert world.reasons(second) == {"parallelism"}
    world.crash()
    assert world.row(jobs["all"])["stage"] == "running"
    world.spawned(first)
    world.ends(first)
    assert world.row(jobs["all"])["progress"] == 1 / 3
    for one in (second, third):
        world.spawned(one)
        world.ends(one)
    assert world.row(jobs["all"])["progress"] == 1
    assert world.status(jobs["join"]) == "processing"
    world.spawned(jobs["join"])
    passed = {"output_mapping": NOON + 5, "cleaning_up": NOON + 6}
    world.handle(i.Finished(jobs["join"], world.token(jobs["join"]), Status.SUCCESS, {}, stages=passed))
    assert world.status(jobs["all"]) == "success"
    stages = list(world.row(jobs["all"])["stages"])
    wanted = ["partitioning", "running", "merging", "output_mapping", "cleaning_up", "done"]
    assert [one for one in stages if one in wanted] == wanted


def test_a_split_into_zero_chunks_starts_the_assembler() -> None:
    world = World(default=5)
    jobs = world.make(cut())
    splits(world, jobs["split"], 0)
    assert (world.status(jobs["chunks"]), world.status(jobs["join"])) == ("success", "processing")


def test_a_failed_chunk_cancels_the_assembler_unless_it_is_tolerated() -> None:
    for tolerated in (False, True):
        world = World(default=5)
        jobs = world.make(cut(at_once=None))
        world.spawned(jobs["split"])
        made = [replace(one, on_error=OnError.WARNING if tolerated else None) for one in drafts(2)]
        token = world.token(jobs["split"])
        world.handle(i.Finished(jobs["split"], token, Status.SUCCESS, {}, children=tuple(made)))
        good, bad = world.children(jobs["chunks"])
        world.spawned(good, bad)
        world.fails(bad, failure="user")
        world.ends(good)
        assert world.status(jobs["join"]) == ("processing" if tolerated else "cancelled")
        if not tolerated:
            assert world.status(jobs["all"]) == "error"
            continue
        world.spawned(jobs["join"])
        world.ends(jobs["join"])
        assert world.status(jobs["all"]) == "warning"


def test_a_splitter_that_is_stopped_or_fails_makes_no_chunks() -> None:
    world = World(default=5)
    jobs = world.make(cut())
    world.spawned(jobs["split"])
    world.terminate(jobs["all"])
    world.handle(
        i.Finished(jobs["split"], world.token(jobs["split"]), Status.SUCCESS, {}, children=drafts(2))
    )
    assert world.statuses(jobs["all"], jobs["chunks"], jobs["join"]) == [
        "terminated",
        "cancelled",
        "cancelled",
    ]
    again = world.make(cut())
    splits(world, again["split"], 0, "error")
    assert world.statuses(again["all"], again["chunks"], again["join"]) == ["error", "cancelled", "cancelled"]


def test_attempts_of_a_splitter_make_the_chunks_too() -> None:
    world = World(default=5)
    tree = cut()
    splitter = replace(tree.children[0], children=(retried("split", 2, on=["user"]),))
    jobs = world.make(replace(tree, children=(splitter, *tree.children[1:])))
    (attempts,) = world.children(jobs["splitter"])
    (first,) = world.children(attempts)
    world.spawned(first)
    world.fails(first, failure="user")
    _, second = world.children(attempts)
    splits(world, second, 2)
    assert len(world.children(jobs["chunks"])) == 2
