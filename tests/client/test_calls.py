"""The library's calls are generated from the declarations: their arguments, errors and documentation."""

import re
from inspect import signature
from typing import Any

import msgspec
import pytest

from lockside import AsyncClient, Client, errors
from lockside.blocking import BlockingLink
from lockside.calls import groups_of
from lockside.documents.base import snake
from lockside.documents.component import Manifest
from lockside.methods import Methods
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods import METHODS
from lockside.protocol.types.jobs import Job, TerminationPlan, WaitedJobs
from lockside.requests import Request
from lockside.session import Engine

OFFERED = [name for name, method in METHODS.items() if not method.of_connection]
NAMES = [f"{group}.{word}" for group, uses in groups_of(METHODS).items() for word in uses]
CLASSES = {name for name, one in vars(errors).items() if isinstance(one, type)}


def _sent(request: Request[Any]) -> Request[Any]:
    return request


CALLS: Any = Methods(_sent)


def call(name: str) -> Any:
    group, _, word = name.partition(".")
    return getattr(getattr(CALLS, group), word.replace(".", "_"))


def params(request: Any) -> dict[str, Any]:
    """Return the parameters that are sent, except the deduplication id that the library chose."""
    given: dict[str, Any] = request.params
    return {name: value for name, value in given.items() if name != "deduplicationId"}


CALLED = {"with": "changes", "from": "since"}
"""Names of the wire that are Python keywords."""


@pytest.mark.parametrize("name", OFFERED)
def test_every_method_makes_a_valid_request(name: str) -> None:
    method = METHODS[name]
    keywords = {CALLED.get(key, snake(key)): value for key, value in method.example.items()}
    request = call(snake(method.called))(**keywords)
    assert request.method == name
    assert request.result == method.answers
    assert request.is_repeatable == method.is_repeatable
    msgspec.convert(request.params, method.params)
    assert ("deduplicationId" in request.params) == method.mutates


def test_methods_bound_to_one_connection_are_not_offered() -> None:
    of_connections = {"event.subscribe", "event.unsubscribe", "catalog.stage", "session.actAs"}
    assert of_connections == METHODS.keys() - set(OFFERED)
    with pytest.raises(AttributeError, match="no method 'subscribe'"):
        call("event.subscribe")


@pytest.mark.parametrize(
    ("name", "args", "sent"),
    [
        ("job.create", ("a", "daily"), {"component": "a", "config": "daily"}),
        ("job.wait", ("1", 60), {"id": "1", "timeoutSeconds": 60}),
        ("job.reprioritise", ("1", "high"), {"id": "1", "priority": "high"}),
        ("job.resubmit", ("1", {"mode": "debug"}), {"id": "1", "with": {"mode": "debug"}}),
        ("job.amend", ("1", {"priority": 5}), {"id": "1", "with": {"priority": 5}}),
        ("job.stats", (["pool"],), {"groupBy": ["pool"]}),
        ("job.report", ("17-1-0",), {"token": "17-1-0"}),
        ("component.get", ("a", 3), {"id": "a", "version": 3}),
        ("component.list", ("other",), {"type": "other"}),
        ("config.put", ("a", "b", {"x": 1}), {"component": "a", "config": "b", "configuration": {"x": 1}}),
        ("config.get", ("a", "b", 2), {"component": "a", "config": "b", "version": 2}),
        ("config.list", ("a",), {"component": "a"}),
        ("config.rollback", ("a", "b", 2), {"component": "a", "config": "b", "version": 2}),
        ("config.copy", ("a", "b", "c"), {"component": "a", "config": "b", "toConfig": "c"}),
        ("branch.create", ("b", "B"), {"branch": {"id": "b", "name": "B"}}),
        ("state.reset", ("a", "b", "r"), {"component": "a", "config": "b", "row": "r"}),
        ("pool.put", ("heavy", 2), {"pool": {"id": "heavy", "slots": 2}}),
        ("pool.pause", ("heavy", "disk"), {"id": "heavy", "comment": "disk"}),
        ("orchestration.plan", ("nightly",), {"config": "nightly"}),
        ("action.run", ("a", "test", {"x": 1}), {"component": "a", "action": "test", "configData": {"x": 1}}),
        ("daemon.backup", ("/b.db",), {"path": "/b.db"}),
    ],
)
def test_these_parameters_can_be_positional(name: str, args: tuple[Any, ...], sent: dict[str, Any]) -> None:
    assert params(call(name)(*args)) == sent


def test_a_document_is_passed_as_a_whole_or_by_its_members() -> None:
    whole = {"id": "a", "command": ["true"]}
    put = CALLS.component.put
    for request in (put(whole), put(component=whole), put("a", command=["true"]), put(**whole)):
        assert params(request) == {"component": whole}
    typed = params(put(Manifest(id="a", command=["true"])))["component"]
    assert (typed["id"], typed["command"]) == ("a", ["true"])
    assert params(CALLS.pool.put({"id": "p"}, project="x")) == {"pool": {"id": "p"}, "project": "x"}


def test_names_and_values_can_be_a_mapping() -> None:
    values = [{"name": "a", "value": 1}, {"name": "b", "value": "x"}]
    for given in ({"a": 1, "b": "x"}, values):
        assert params(CALLS.variables.put("eu", given)) == {"variables": {"id": "eu", "values": values}}


def test_a_second_use_of_a_method_has_its_own_name_and_result() -> None:
    many = CALLS.job.wait_many(["1", "2"], 5, until="any")
    assert params(many) == {"ids": ["1", "2"], "timeoutSeconds": 5, "until": "any"}
    assert many.result is WaitedJobs
    preview = CALLS.job.preview_terminate("1")
    assert params(preview) == {"id": "1", "dryRun": True}
    assert (preview.result, CALLS.job.terminate("1").result) == (TerminationPlan, Job)


def test_none_is_left_to_the_daemon_and_a_callers_id_is_kept() -> None:
    assert params(CALLS.job.create("a", None, priority=None)) == {"component": "a"}
    assert CALLS.job.hold("1", deduplication_id="mine").params == {"id": "1", "deduplicationId": "mine"}
    assert CALLS.job.list().params == {"expand": ("configData", "environment")}
    assert CALLS.job.list(expand=[]).params == {"expand": []}


def test_null_is_sent_where_it_differs_from_an_omitted_value() -> None:
    engine = Engine(BlockingLink(None))
    shown = engine.given("job.list", CALLS.job.list(visible=None).params)
    assert (shown["visible"], "component" in shown) == (None, False)
    assert engine.given("job.annotate", CALLS.job.annotate("1", name=None).params)["name"] is None


def test_jobs_that_are_created_inside_a_job_become_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSIDE_RUN_ID", "12.15")
    monkeypatch.delenv("LOCKSIDE_JOB_SOCKET", raising=False)
    engine = Engine(BlockingLink(None))

    def sent(request: Any) -> dict[str, Any]:
        return engine.given(request.method, request.params)

    assert sent(CALLS.job.create("a"))["parentRunId"] == "12.15"
    assert sent(CALLS.job.create("a", parent_run_id="3"))["parentRunId"] == "3"
    assert "parentRunId" not in sent(CALLS.job.create("a", parent_run_id=None))
    made = sent(CALLS.job.create_many([{"component": "a"}, {"component": "b", "parentRunId": "3"}]))
    assert [one["parentRunId"] for one in made["jobs"]] == ["12.15", "3"]
    assert sent(CALLS.job.wait("1"))["waiterRunId"] == "12.15"
    assert "parentRunId" not in sent(CALLS.job.list())


@pytest.mark.parametrize(
    ("name", "args", "named", "told"),
    [
        ("job.hold", (), {}, "job.hold() needs 'id'"),
        ("job.hold", ("1",), {"feilds": []}, "has no parameter 'feilds': did you mean 'fields'?"),
        ("job.hold", ("1",), {"xyz": 1}, "its parameters are"),
        ("job.hold", ("1", "2"), {}, "takes by position only id"),
        ("job.hold", ("1",), {"id": "2"}, "is given 'id' twice"),
        ("pool.put", (), {"slots": 2}, "pool.put() needs 'id'"),
        ("pool.put", ({"id": "a"},), {"slots": 2}, "takes either 'pool' or its members"),
        ("daemon.status", ("x",), {}, "takes by position only nothing"),
    ],
)
def test_wrong_arguments_are_named(name: str, args: Any, named: dict[str, Any], told: str) -> None:
    with pytest.raises(TypeError) as caught:
        call(name)(*args, **named)
    assert told in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_every_call_documents_what_it_does_what_it_takes_and_what_it_raises(name: str) -> None:
    function = call(name)
    text = function.__doc__
    assert text.partition("\n")[0].endswith(".")
    assert set(signature(function).parameters) == set(re.findall(r"^    (\w+): .*\.$", text, re.MULTILINE))
    named = re.search(r"Raises (.*)\.$", text)
    assert set(named[1].split(", ") if named else []) <= CLASSES


def test_the_errors_common_to_all_methods_are_documented_once() -> None:
    from lockside import methods as module

    assert {"NotReachable", "Unavailable", "InvalidParams", "Forbidden", "LimitExceeded", "Conflict"} <= set(
        re.findall(r"[A-Z]\w+", module.__doc__ or "")
    )


NAMING = [
    name
    for name, method in METHODS.items()
    if {"id", "config", "token"} & set(method.params.__struct_fields__)
    and name.partition(".")[2] not in ("put", "list", "stats", "encrypt")
]


@pytest.mark.parametrize("name", NAMING)
def test_a_method_about_an_object_that_may_be_missing_declares_not_found(name: str) -> None:
    assert ErrorKind.NOT_FOUND in METHODS[name].refuses


@pytest.mark.parametrize(
    "word", ["hold", "release", "pause", "resume", "reprioritise", "purge", "retry", "amend"]
)
def test_a_method_that_a_status_can_forbid_declares_invalid_transition(word: str) -> None:
    assert ErrorKind.INVALID_TRANSITION in METHODS[f"job.{word}"].refuses
    assert "InvalidTransition" in call(f"job.{word}").__doc__


def test_the_iterators_of_both_clients_document_what_ends_them() -> None:
    for kind in (Client, AsyncClient):
        said = (kind.events.__doc__ or "").partition("Raises ")[2]
        assert set(re.findall(r"[A-Z]\w+", said)) == {"NotFound", "NotReachable", "ConnectionLost"}
