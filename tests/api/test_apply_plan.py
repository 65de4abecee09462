"""A plan names every field that differs, and stays short when the differences are long."""

from typing import Any

import msgspec

from locksided.api.apply_plan import ApplyPlan, Known, LazyDocuments, make_plan

Bodies = dict[str, dict[str, Any]]


def plan(wanted: Bodies, stored: Bodies, *, prune: bool = False, max_bytes: int = 2**20) -> ApplyPlan:
    known = {("c", name): Known(msgspec.json.encode(body), 1) for name, body in stored.items()}
    asked = {("c", name): msgspec.json.encode(body) for name, body in wanted.items()}
    nothing: dict[str, dict[Any, Known]] = {"pool": {}, "component": {}, "variables": {}}
    return make_plan(
        {"config": LazyDocuments(asked)},
        {**nothing, "config": known},
        prune=prune,
        max_bytes=max_bytes,
        mark=lambda _, key: asked[key].decode(),
    )


def steps_of(made: ApplyPlan) -> list[tuple[str, str, list[Any]]]:
    return [(step.action, step.key[-1], step.fields) for step in made.steps]


def test_an_object_with_another_key_order_is_unchanged() -> None:
    made = plan({"x": {"a": 1, "b": 2}}, {"x": {"b": 2, "a": 1}})
    assert (made.steps, made.unchanged) == ([], 1)


def test_new_changed_and_obsolete_objects_are_steps() -> None:
    made = plan({"new": {"a": 1}, "other": {"a": 2}}, {"other": {"a": 1}, "old": {}}, prune=True)
    assert steps_of(made) == [
        ("create", "new", []),
        ("change", "other", [{"path": "a", "old": 1, "new": 2}]),
        ("delete", "old", []),
    ]
    assert made.steps[0].body == {"a": 1}


def test_long_values_are_left_out_of_a_plan_that_would_pass_its_length() -> None:
    wanted = {name: {"text": "x" * 1000, "n": 1} for name in "abc"}
    stored = {name: {"text": "y" * 1000, "n": 2} for name in "abc"}
    whole = {"path": "text", "old": "y" * 1000, "new": "x" * 1000}
    short = {"path": "n", "old": 2, "new": 1}
    made = plan(wanted, stored, max_bytes=3000)
    assert [step.fields[0] for step in made.steps] == [whole, *[{"path": "text", "isLong": True}] * 2]
    assert [step.fields[1] for step in made.steps] == [short] * 3
    assert made.name == plan(wanted, stored).name, (
        "what a plan is called does not depend on what is shown of it"
    )


def test_different_plans_have_different_names() -> None:
    one, other = ({"x": {"text": text * 1000}} for text in "ab")
    assert plan(one, {}).name != plan(other, {}).name
    assert plan(one, {"x": {}}, max_bytes=1).name != plan(other, {"x": {}}, max_bytes=1).name
