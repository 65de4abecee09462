"""Components, configurations, branches and variables have versions and are read exactly as they were put."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from lockside.kinds import BRANCH, COMPONENT, CONFIG, VARIABLES, Kind
from locksided.core.errors import Conflict, NotFound
from locksided.store import EventFilter, Store, StoredRow
from locksided.store.catalog import objects
from locksided.store.catalog.keys import ConfigId, Key, Listing, all_of
from store.samples import ANN, BOB, NOW, change, do

BODY = {
    "id": "ex",
    "type": "extractor",
    "command": ["a", "b"],
    "environment": {"Ü": "1"},
    "limits": {"cpus": 1.5},
}
A = ConfigId("ex", "a")


def key(kind: Kind, name: str, project: str = "default") -> Key:
    return Key(project, kind, (name,))


EX = key(COMPONENT, "ex")


async def put(store: Store, body: Any, config: ConfigId = A, **options: Any) -> Any:
    how = options.pop("change", change())
    return await do(store, lambda tx: objects.put(tx, config.key(), body, how, **options))


async def listed(store: Store, wanted: Listing) -> list[StoredRow]:
    found = await store.objects(wanted)
    assert not found.has_more
    return found.entries


async def kinds(store: Store) -> list[str]:
    return [event.kind for event in await store.events_after(EventFilter(), 0, 100)]


async def test_a_component_is_read_as_it_was_put(store: Store) -> None:
    stored = await do(store, lambda tx: objects.put(tx, EX, BODY, change(description="why")))
    assert await store.object(EX) == stored
    assert list(stored.body) == list(BODY)
    assert (stored.body, stored.version, stored.description) == (BODY, 1, "why")
    assert (stored.created_us, stored.changed_us, stored.changed_by) == (NOW, NOW, ANN)


async def test_every_change_makes_a_new_version_and_an_event_and_old_versions_stay(store: Store) -> None:
    await do(store, lambda tx: objects.put(tx, EX, {"a": 1}, change()))
    second = await do(store, lambda tx: objects.put(tx, EX, {"a": 2}, change(NOW + 5, BOB)))
    assert (second.version, second.created_us, second.changed_us, second.changed_by) == (2, NOW, NOW + 5, BOB)
    old = await store.object(EX, 1)
    assert old is not None
    assert (old.body, old.version, old.changed_by) == ({"a": 1}, 1, ANN)
    first, then = await store.events_after(EventFilter(), 0, 100)
    assert (first.kind, then.kind) == ("component.created", "component.updated")
    assert (then.principal, then.data, then.time_us) == (BOB, {"id": "ex", "version": 2}, NOW + 5)


async def test_the_same_content_makes_no_version_and_no_event(store: Store) -> None:
    first = await put(store, {"a": 1, "b": {"c": [], "d": None}})
    again = await put(store, {"b": {"d": None, "c": []}, "a": 1}, change=change(NOW + 9, BOB, "again"))
    assert again == first
    assert await kinds(store) == ["config.created"]


@pytest.mark.parametrize("other", [1.0, True, "1"])
async def test_values_of_another_type_are_different_content(store: Store, other: Any) -> None:
    await put(store, {"a": 1})
    assert (await put(store, {"a": other})).version == 2


async def test_an_expected_version_that_is_not_the_current_one_conflicts(store: Store) -> None:
    await put(store, {"a": 1}, expected_version=0)
    with pytest.raises(Conflict) as refusal:
        await put(store, {"a": 2}, expected_version=0)
    assert (refusal.value.path, refusal.value.data["version"]) == ("$.expectedVersion", 1)
    assert (await put(store, {"a": 2}, expected_version=1)).version == 2
    assert await kinds(store) == ["config.created", "config.updated"]


async def test_a_deleted_object_is_hidden_but_its_versions_stay_readable(store: Store) -> None:
    await put(store, {"a": 1})
    await do(store, lambda tx: objects.delete(tx, A.key(), change(by=BOB)))
    assert await store.object(A.key()) is None
    assert await listed(store, all_of(CONFIG)) == []
    old = await store.object(A.key(), 1)
    assert old is not None
    assert (old.body, old.deleted) == ({"a": 1}, 1)
    assert [version.version for version in (await store.versions(A.key())).entries] == [1]
    assert (await kinds(store))[-1] == "config.deleted"


async def test_an_object_that_is_put_again_continues_its_version_numbers(store: Store) -> None:
    await put(store, {"a": 1})
    await do(store, lambda tx: objects.delete(tx, A.key(), change()))
    again = await put(store, {"a": 1}, expected_version=0)
    assert (again.version, again.deleted) == (2, 0)
    assert (await kinds(store))[-1] == "config.created"


@pytest.mark.parametrize(
    "work",
    [
        lambda tx: objects.delete(tx, key(COMPONENT, "no"), change()),
        lambda tx: objects.delete(tx, ConfigId("ex", "no").key(), change()),
        lambda tx: objects.delete(tx, key(VARIABLES, "no"), change()),
        lambda tx: objects.delete(tx, key(BRANCH, "no"), change()),
        lambda tx: objects.rollback(tx, A.key(), 7, change()),
        lambda tx: objects.copy(tx, ConfigId("ex", "no").key(), A.key(), change()),
        lambda tx: objects.put(tx, ConfigId("ex", "a", "no").key(), {}, change()),
    ],
)
async def test_a_missing_object_is_not_found_and_nothing_changes(
    store: Store, work: Callable[[Any], Any]
) -> None:
    await put(store, {"a": 1})
    with pytest.raises(NotFound):
        await do(store, work)
    assert await kinds(store) == ["config.created"]


async def test_an_object_can_be_deleted_only_once(store: Store) -> None:
    await put(store, {"a": 1})
    await do(store, lambda tx: objects.delete(tx, A.key(), change()))
    with pytest.raises(NotFound):
        await do(store, lambda tx: objects.delete(tx, A.key(), change()))


async def test_configurations_are_separate_by_project_branch_and_component(store: Store) -> None:
    await do(store, lambda tx: objects.create(tx, key(BRANCH, "dev"), {"id": "dev", "name": "Dev"}, change()))
    places = [A, ConfigId("ex2", "a"), ConfigId("ex", "a", "dev"), ConfigId("ex", "a", project="other")]
    for number, place in enumerate(places):
        await put(store, {"n": number}, place)
    for number, place in enumerate(places):
        found = await store.object(place.key())
        assert found is not None
        assert (found.body, found.version) == ({"n": number}, 1)
    everything = await listed(store, all_of(CONFIG))
    assert [(each.scope, each.id) for each in everything] == [("default/ex", "a"), ("default/ex2", "a")]
    assert [each.body["n"] for each in await listed(store, all_of(CONFIG, branch="dev"))] == [2]
    assert [each.body["n"] for each in await listed(store, all_of(CONFIG, names=("ex",)))] == [0]


async def test_a_rollback_makes_the_old_content_the_newest_version(store: Store) -> None:
    for number in (1, 2):
        await put(store, {"n": number}, change=change(description=f"step {number}"))
    back = await do(store, lambda tx: objects.rollback(tx, A.key(), 1, change(by=BOB), expected_version=2))
    assert (back.version, back.body, back.changed_by) == (3, {"n": 1}, BOB)
    history = (await store.versions(A.key())).entries
    assert [(each.version, each.description) for each in history] == [
        (3, "rolled back to version 1"),
        (2, "step 2"),
        (1, "step 1"),
    ]


async def test_a_rollback_to_the_current_content_changes_nothing(store: Store) -> None:
    first = await put(store, {"n": 1})
    assert await do(store, lambda tx: objects.rollback(tx, A.key(), 1, change())) == first


async def test_a_copy_is_a_separate_configuration(store: Store) -> None:
    await put(store, {"n": 1})
    await put(store, {"n": 2})
    target = ConfigId("ex", "b")
    copied = await do(store, lambda tx: objects.copy(tx, A.key(), target.key(), change(by=BOB), version=1))
    assert (copied.body, copied.version, copied.changed_by) == ({"n": 1}, 1, BOB)
    assert copied.description == "copied from default/ex/a, version 1"
    with pytest.raises(Conflict):
        await do(store, lambda tx: objects.copy(tx, A.key(), target.key(), change()))


async def test_the_history_of_a_missing_object_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.versions(A.key())


async def test_components_are_listed_by_id_and_by_type(store: Store) -> None:
    for name, kind in (("b", "writer"), ("a", "extractor"), ("c", "writer")):
        body = {"id": name, "type": kind}
        await do(store, partial(objects.put, key=key(COMPONENT, name), body=body, change=change()))
    assert [each.id for each in await listed(store, all_of(COMPONENT))] == ["a", "b", "c"]
    assert [
        each.id for each in await listed(store, all_of(COMPONENT, keep=lambda body: body["type"] == "writer"))
    ] == ["b", "c"]
    assert await listed(store, all_of(COMPONENT, "other")) == []


async def test_an_object_to_be_created_must_not_exist(store: Store) -> None:
    body = {"id": "dev", "name": "Dev"}
    made = await do(store, lambda tx: objects.create(tx, key(BRANCH, "dev"), body, change()))
    assert await listed(store, all_of(BRANCH)) == [made]
    with pytest.raises(Conflict):
        await do(store, lambda tx: objects.create(tx, key(BRANCH, "dev"), body, change()))


async def test_a_deleted_branch_takes_its_configurations_with_it_and_no_others(store: Store) -> None:
    for name in ("dev", "dev2"):
        await do(
            store,
            partial(objects.create, key=key(BRANCH, name), body={"id": name}, change=change()),
        )
        await put(store, {"in": name}, ConfigId("ex", "a", name))
    await do(store, lambda tx: objects.delete(tx, key(BRANCH, "dev"), change()))
    await do(store, lambda tx: objects.delete_contents(tx, key(BRANCH, "dev"), change()))
    assert await store.object(ConfigId("ex", "a", "dev").key()) is None
    assert await store.object(ConfigId("ex", "a", "dev2").key()) is not None
    again = await do(store, lambda tx: objects.create(tx, key(BRANCH, "dev"), {"id": "dev"}, change()))
    assert again.version == 2
    assert await listed(store, all_of(CONFIG, branch="dev")) == []


async def test_sets_of_variables_are_put_listed_and_deleted(store: Store) -> None:
    body = {"id": "v", "values": [{"name": "x", "value": "1"}]}
    stored = await do(
        store, lambda tx: objects.put(tx, key(VARIABLES, "v"), body, change(), expected_version=0)
    )
    assert await store.object(key(VARIABLES, "v")) == stored
    assert await listed(store, all_of(VARIABLES)) == [stored]
    await do(store, lambda tx: objects.delete(tx, key(VARIABLES, "v"), change()))
    assert await store.object(key(VARIABLES, "v")) is None
    assert await store.object(key(VARIABLES, "v"), 1) is not None
    assert await kinds(store) == ["variables.created", "variables.deleted"]
